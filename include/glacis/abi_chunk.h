/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_chunk.h - the part of abi.h that is about content: chunks of application data the doors copy
 * for the inspectors, one ring per inspector, connection-affine (map `chunks`). Included by abi.h;
 * its rules hold.
 *
 * A chunk is a piece of one direction of one connection at a stated offset. Inspectors put streams
 * together by offset and do not care how the bytes were obtained. Chunks are raw: root-only rings,
 * read by the sandboxed inspectors, never stored.
 */
#pragma once

#include "include/glacis/abi_events.h"
#include "include/glacis/abi_names.h"
#include "include/glacis/abi_policy.h"

/* how: by what means the bytes became readable. */
#define GL_HOW_LIST(X)                                                                             \
	X(GL_HOW_PROBE, "probe")                                                                   \
	X(GL_HOW_WIRE, "wire")                                                                     \
	X(GL_HOW_KEYS, "keys")
enum gl_how { GL_HOW_LIST(GL_ENUM_VALUE) GL_HOW_MAX };

/* role: which end of the connection the process on this host is. */
enum gl_role { GL_ROLE_SERVER, GL_ROLE_CLIENT };

/* direction: of the bytes, whoever they were seen at. */
enum gl_direction { GL_TO_SERVER, GL_TO_CLIENT };

enum gl_chunk_flags {
	GL_CHUNK_BEGIN = 1, /* off 0 of this connection is its first byte of application data */
	/* nothing more comes in this direction; n is 0, and off, if it is 0, does not say where */
	GL_CHUNK_END = 2,
	/* n < total: the capture plan leaves the rest out, and what follows up to the next chunk */
	GL_CHUNK_PLAN = 4,
	GL_CHUNK_FAULT = 8, /* n < total: the rest could not be read */
	GL_CHUNK_CUT = 16, /* the connection was cut at this point, by verdict or guard */
	GL_CHUNK_SECURE = 32, /* inside TLS */
};

#define GL_CHUNK_BYTES 16384 /* of content in one chunk; a longer call becomes several */

struct gl_chunk {
	struct gl_rec rec; /* kind GL_REC_CHUNK; len: header and content */
	__u64 conn; /* names the connection: the socket's cookie (probe), the flow's own (wire) */
	__u64 off; /* of bytes[0] in its direction, from the first byte the door knew */
	struct gl_addr client, server;
	__u16 client_port, server_port;
	__u16 service; /* interned id; 0xffff = none */
	__u8 how, role;
	__u32 n; /* bytes that follow */
	__u32 total; /* bytes of the call or segment */
	__u32 pid; /* process (tgid); 0 = not known */
	__u8 direction; /* enum gl_direction */
	__u8 flags; /* enum gl_chunk_flags */
	__u16 reserved;
	__u8 bytes[];
};
_Static_assert(sizeof(struct gl_chunk) == 88, "no padding");
#define GL_SERVICE_NONE 0xffff

/*
 * What an inspector tells the doors (map `inspectors`, mmapable): one line each. The door wakes it
 * by force only while it sleeps; otherwise it looks by itself within two milliseconds.
 */
#define GL_INSPECTORS_MAX   16
#define GL_CHUNK_RING_BYTES (8u << 20) /* default of one ring */
struct gl_inspector {
	__u32 asleep; /* 1: waits for a wakeup */
	__u32 alive; /* 0: nobody reads this ring; its chunks are lost, counted */
	__u64 received; /* chunks taken from the ring, ever */
	__u64 reserved[6];
};
_Static_assert(sizeof(struct gl_inspector) == 64, "one cache line");
/* the doors' side of the same account, per-CPU (map `chunk_account`) */
struct gl_chunk_account {
	__u64 sent; /* chunks committed to this inspector's ring */
	__u64 lost; /* chunks, or ends of one, that found no room */
	__u64 lost_bytes;
	__u64 lost_bodies; /* of lost: nothing but body, and the first to go */
};

/* A connection to be cut (map `cuts`, by socket cookie): nothing of it leaves after this. */
struct gl_cut {
	__u64 since_ns; /* CLOCK_BOOTTIME */
	__u32 reason; /* enum gl_reason */
	__u32 delivered; /* both sides were told */
};
#define GL_CUTS_MAX 16384

/* A TLS library's handle: an address in a process. */
struct gl_tls_key {
	__u64 ssl;
	__u32 tgid;
	__u32 reserved;
};

/* The handle a socket is bound to (map `tls_claims`, at the low bits of the socket's cookie). */
struct gl_tls_claim {
	__u64 cookie; /* 0: free */
	struct gl_tls_key key;
};
#define GL_TLS_CLAIMS 16384

/*
 * HTTP/2 judged in user space (bpf/lib/h2.h). A source, per service (map `h2_sources`): until
 * until_ns nothing the server sends it over HTTP/2 leaves before what it asked is judged.
 */
struct gl_h2_source_key {
	struct gl_addr source; /* as in windows: IPv6 by its /64 */
	__u16 service; /* interned id */
	__u16 reserved[3];
};
_Static_assert(sizeof(struct gl_h2_source_key) == 24, "no padding");
struct gl_h2_source {
	__u64 until_ns; /* CLOCK_BOOTTIME */
	__u32 second, streams; /* opened in that second */
};
/* in `h2_judged`: nobody can read it, for it is older than its inspector; no judge is waited for */
#define GL_H2_UNREAD       (~0ull)
#define GL_H2_CONNS_MAX    16384
#define GL_H2_SOURCES_MAX  32768
#define GL_H2_FREE_STREAMS 128 /* a source may open in a second without being waited for */

/*
 * The programs of the tls door are told by their attach cookie what kind of call they sit on: the
 * shape in the low byte, above it the number of the library it was attached to (map
 * `tls_account`, the attaching side's own).
 */
enum gl_probe_shape {
	GL_PROBE_PLAIN, /* (ssl, buf, num): returns what was read or written, <= 0 for nothing */
	GL_PROBE_EX, /* (ssl, buf, num, *done): returns 1; OpenSSL's internals and SSL_*_ex */
	GL_PROBE_EX_FLAGS, /* (ssl, buf, num, flags, *done): ssl_write_internal of newer OpenSSL */
	GL_PROBE_GNUTLS, /* (session, buf, num): as PLAIN, but the number is 64 bits wide */
	GL_PROBE_FILE, /* (ssl, fd, offset, num): SSL_sendfile: the bytes pass no memory */
	GL_PROBE_SHAPES
};
#define GL_PROBE_COOKIE(shape, library) ((__u64)(library) << 8 | (shape))
/*
 * In its upper half: where on the stack a variable of the probed code is, from the frame pointer
 * (frame = 1) or the stack pointer on, in bytes.
 */
#define GL_PROBE_OPERAND(frame, bytes) ((__u32)(frame) << 16 | (__u16)(bytes))
#define GL_PROBE_OPERAND_SHIFT         32
#define GL_PROBE_LIBRARIES_MAX         256

/* What the probes of one library saw, per-CPU (map `tls_account`): coverage (I5). */
struct gl_probe_account {
	__u64 reads, writes; /* calls that moved data */
	__u64 bytes_read, bytes_written;
	__u64 foreign; /* calls of connections that are no service's */
	__u64 unbound; /* calls whose connection is not known */
	__u64 faults; /* calls whose bytes could not be read */
	__u64 handshakes;
};
_Static_assert(sizeof(struct gl_probe_account) == 64, "no padding");
