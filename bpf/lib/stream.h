/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stream.h - layer 1: feeds a segment's bytes to the HTTP parser: bodies by arithmetic, structure
 * in pieces of 2 KiB copied to the door's buffer.
 */
#pragma once

#include "bpf/lib/bpf.h"
#include "bpf/lib/http_run.h"
#include "bpf/lib/packet.h"

struct stream {
	struct __sk_buff *skb;
	const struct packet *packet;
	struct http_piece *piece;
	const struct gl_policy *policy;
	__u32 off, end; /* from the network header: next byte, past the last */
};

/*
 * Moves on by one piece or one body's worth. Sets piece->event; HTTP_NOTHING with off == end is the
 * segment's end. request: NULL for a response. -1: the packet could not be read.
 */
static __always_inline int stream_turn(struct stream *s, struct http_msg *msg,
				       struct http_request *request)
{
	struct http_piece *piece = s->piece;
	__u32 n = s->end - s->off, last;
	__u32 skip = http_skippable(msg, n);

	piece->event = HTTP_NOTHING;
	if (skip) {
		if (http_skipped(msg, skip))
			piece->event = HTTP_MESSAGE;
		s->off += skip;
		return 0;
	}
	if (n > HTTP_PIECE)
		n = HTTP_PIECE;
	last = last_of(n);
	if (last >= HTTP_PIECE ||
	    bpf_skb_load_bytes(s->skb, s->packet->l2 + s->off, piece->bytes, last + 1)) {
		piece->len = 0;
		return -1;
	}
	piece->from = s->off;
	http_run(piece, n, s->policy, msg, request);
	s->off += piece->off;
	return 0;
}
