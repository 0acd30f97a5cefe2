/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_open.h - the part of abi.h that is about connections as they are now. Included by abi.h; its
 * rules hold.
 */
#pragma once

#include <linux/types.h>

#include "include/glacis/abi_tables.h"

/*
 * A connection of a service as it is now, or one request in flight on it: what bpf/open.bpf.c tells
 * user space, which looks for those a decision falls on.
 */
#define GL_OPEN_BORNE 8
enum gl_open_flags {
	GL_OPEN_REQUEST = 1, /* service, op, principal and source are a request's in flight */
	GL_OPEN_TLS = 2, /* told by the tls door: netns and local are not known */
	GL_OPEN_HTTP2 = 4, /* its requests are in user space */
};
struct gl_open {
	__u64 conn; /* as in `cuts` */
	__u64 cookie; /* the socket's */
	struct gl_addr local, peer;
	struct gl_addr source; /* the request's */
	__u64 principal;
	__u64 hello_key; /* of a TLS handshake (gl_hello.key); 0 = none */
	__u64 borne[GL_OPEN_BORNE]; /* keyed hashes of credentials of what is in flight */
	__u32 netns; /* inode; 0 = not known */
	__u32 flags; /* enum gl_open_flags */
	__u16 port, peer_port;
	__u16 service, op; /* interned ids */
};
_Static_assert(sizeof(struct gl_open) == 160, "no padding");
