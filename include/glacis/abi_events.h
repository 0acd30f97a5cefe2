/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_events.h - the part of abi.h that is about the ring `events`: what every record begins with,
 * verdicts, responses. Included by abi.h; its rules hold. Handshakes are in abi_tls.h, crossed
 * thresholds in abi_watch.h, content in abi_chunk.h.
 */
#pragma once

#include "include/glacis/abi_tables.h"

enum gl_rec_kind {
	GL_REC_NONE,
	GL_REC_VERDICT,
	GL_REC_RESPONSE,
	GL_REC_HANDSHAKE,
	GL_REC_CERTIFICATE,
	GL_REC_TLS_ALERT,
	GL_REC_CHUNK, /* in an inspector's ring: abi_chunk.h */
	GL_REC_CROSSED, /* a threshold was reached */
	GL_REC_CERTIFICATE_KNOWN,
};

struct gl_rec {
	__u16 kind; /* enum gl_rec_kind; unknown kinds are skipped and counted */
	__u16 len;
	__u32 cpu;
	__u64 ts_ns; /* CLOCK_BOOTTIME */
};

enum gl_rec_flags {
	GL_RECF_WOULD = 1, /* monitor: this is what enforce would have done */
	GL_RECF_APP_SAW = 2, /* the application may have seen the request */
	GL_RECF_SOURCE_FORWARDED = 4, /* source learnt from a header of a trusted proxy */
	GL_RECF_PROVEN = 8, /* the principal is proven */
	GL_RECF_HEAD = 16, /* method HEAD */
};

/* One request judged otherwise than a silent allow, or a flow given up on. */
struct gl_rec_verdict {
	struct gl_rec rec;
	__u64 instance; /* the answer's instance id */
	struct gl_addr source, peer;
	__u64 principal; /* keyed hash; 0 = none */
	__u64 generation;
	__u32 limit, window_s;
	__u32 remaining, retry_s;
	__u16 port, peer_port;
	__u16 service, op; /* interned ids */
	__u16 cls; /* interned id; 0xffff = none */
	__u16 status; /* of the agent's answer; 0 = none */
	__u8 verdict, reason, delivery, door;
	__u8 outcome, mode, flags, credential;
	__u32 pattern; /* index in guard.patterns[] of that generation + 1; 0 = none */
};
_Static_assert(sizeof(struct gl_rec_verdict) == 112, "no padding");

/* One request the application answered. */
struct gl_rec_response {
	struct gl_rec rec;
	struct gl_addr source;
	__u64 principal;
	__u64 time_ns; /* head judged -> first byte of the final response */
	__u16 port, peer_port;
	__u16 service, op;
	__u16 cls, status;
	__u8 flags, credential;
	__u16 reserved;
};
_Static_assert(sizeof(struct gl_rec_response) == 64, "no padding");
