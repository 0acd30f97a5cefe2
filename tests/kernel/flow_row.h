/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flow_row.h - what test_flow.c and flow.bpf.c tell each other: one segment met by one flow. */
#pragma once

#include <linux/types.h>

struct flow_row {
	/* the flow */
	__u32 pos, commit, structure;
	__u32 judged, next, saved_next, answered;
	__u32 sent;
	__u32 remaining; /* of the body being read; 0: none */
	__u32 behind;
	__u32 hello; /* it is one that is read: HTTP's members are not its own */
	__u32 head_seq, out_start, out_pos, spoken; /* of a hello */
	/* the socket, as far as it was read */
	__u32 rcv_nxt, snd_nxt;
	/* the segment */
	__u32 seq, end, ack, flags;
	/* what was made of it; `got_judged` and `got_owed` before anything is read in its place */
	__u32 accept, sent_end, place;
	__u32 busy, entered, again, left; /* whose turn it is: before, then, and after that */
	__u32 got_pos, got_judged, got_next, got_owed, settled;
	/* after a rewind */
	__u32 got_hello, got_open, got_known, got_guard, got_begun, got_guard_pos, got_tls;
};
