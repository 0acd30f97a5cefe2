/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_tls.h - the part of abi.h that is about TLS handshakes: what the doors read of them
 * (tls_hello.h, tls_server.h), and the records that tell. Included by abi.h; its rules hold.
 */
#pragma once

#include "include/glacis/abi_events.h"
#include "include/glacis/abi_names.h"

#define GL_TLS_1_0 0x0301
#define GL_TLS_1_1 0x0302
#define GL_TLS_1_2 0x0303
#define GL_TLS_1_3 0x0304

#define GL_HELLO_MAX        16384 /* bytes of a ClientHello message; longer ones are malformed */
#define GL_HELLO_CIPHERS    256
#define GL_HELLO_EXTENSIONS 128
#define GL_HELLO_SIGNATURES 128
#define GL_HELLO_GROUPS     32
#define GL_HELLO_VERSIONS   8
#define GL_HELLO_SNI        256
#define GL_HELLO_ALPN       64

enum gl_hello_flags {
	GL_HELLO_FALLBACK_SCSV = 1, /* TLS_FALLBACK_SCSV 0x5600 (RFC 7507) */
	GL_HELLO_GREASE = 2, /* RFC 8701 values were there; they are in no list and in no count */
	GL_HELLO_SNI_SEEN = 4, /* the extension server_name was there */
	GL_HELLO_ALPN_SEEN = 8,
	GL_HELLO_VERSIONS_SEEN = 16, /* supported_versions was there */
	GL_HELLO_EARLY_DATA = 32, /* extension 42 */
	GL_HELLO_PSK = 64, /* pre_shared_key (41), or a session_ticket with content */
	GL_HELLO_TRUNCATED = 128, /* a list was longer than its room: no JA4 can be told */
	GL_HELLO_SSL2 = 256, /* an SSL 2.0 compatible hello (RFC 6101 appendix E): nothing else is
				known */
};

/*
 * What a client offered, in the order sent, without GREASE. Counts are of what was sent; the lists
 * hold the first ones.
 */
struct gl_hello {
	__u64 key; /* match key: equal if and only if JA4 is, but for a keyed hash's collisions */
	__u32 sni_key; /* keyed hash of the name in lower case; 0 = no name */
	__u32 bytes; /* of the message */
	__u16 record_version; /* of its first record */
	__u16 legacy_version;
	__u16 max_version; /* highest known version offered; 0 = none */
	__u16 min_version; /* lowest */
	__u16 flags; /* enum gl_hello_flags */
	__u16 n_ciphers, n_extensions, n_signatures, n_groups, n_versions;
	__u16 sni_len, alpn_len; /* as sent; the arrays hold the first bytes */
	__u8 alpn_ends[2]; /* first and last byte of the first protocol, for JA4 */
	__u8 reserved[6];
	__u16 ciphers[GL_HELLO_CIPHERS];
	__u16 extensions[GL_HELLO_EXTENSIONS]; /* types */
	__u16 signatures[GL_HELLO_SIGNATURES]; /* extension 13 */
	__u16 groups[GL_HELLO_GROUPS]; /* extension 10 */
	__u16 versions[GL_HELLO_VERSIONS]; /* extension 43 */
	char sni[GL_HELLO_SNI]; /* not terminated */
	char alpn[GL_HELLO_ALPN]; /* length-prefixed names, as sent (RFC 7301 section 3.1) */
};
_Static_assert(sizeof(struct gl_hello) == 1472, "no padding");

enum gl_server_hello_flags {
	GL_SERVER_RETRY = 1, /* a HelloRetryRequest went before (RFC 8446 section 4.1.4) */
	GL_SERVER_SENTINEL_12 = 2, /* random ends in DOWNGRD 01: could have done 1.3 */
	GL_SERVER_SENTINEL_11 = 4, /* ... 00: could have done 1.2 */
	GL_SERVER_RESUMED = 8, /* pre_shared_key in 1.3; no Certificate message up to 1.2 */
	GL_SERVER_CERTIFICATE = 16, /* a Certificate message was seen (up to 1.2) */
};

/* What the server chose. */
struct gl_server_hello {
	__u16 version; /* negotiated: supported_versions, else legacy_version; 0 = none seen */
	__u16 legacy_version;
	__u16 cipher;
	__u16 group; /* key_share's, or ServerKeyExchange's named curve; 0 = not known */
	__u16 flags; /* enum gl_server_hello_flags */
	__u8 alpn_len; /* up to 1.2; in 1.3 it is encrypted */
	__u8 alert; /* description, if the server ended it in the clear */
	__u8 alert_level; /* 0 = none */
	__u8 reserved[3];
	char alpn[16];
};
_Static_assert(sizeof(struct gl_server_hello) == 32, "no padding");

/* The best a service has given, by name: what a downgrade is measured against (TLS-03). */
struct gl_tls_name {
	__u16 service; /* interned id */
	__u16 port;
	__u32 sni_key;
};
struct gl_tls_best {
	__u64 seen_ns; /* CLOCK_BOOTTIME of the last handshake that was given it */
	__u16 version;
	__u16 reserved[3];
};
#define GL_TLS_NAMES_MAX 16384 /* the least recently used is forgotten */

/* A blocked client fingerprint. */
struct gl_hello_block {
	__u64 expires_ns; /* CLOCK_BOOTTIME; 0 = never */
	__u64 hits;
	__u32 decision;
	__u32 reserved;
};
#define GL_HELLO_BLOCKS_MAX 65536

/* How a handshake went, as far as it goes in the clear. */
#define GL_HANDSHAKE_LIST(X)                                                                       \
	X(GL_HANDSHAKE_NEGOTIATED, "negotiated")                                                   \
	X(GL_HANDSHAKE_REFUSED, "refused")                                                         \
	X(GL_HANDSHAKE_SERVER_ALERT, "server-alert")                                               \
	X(GL_HANDSHAKE_SERVER_CLOSED, "server-closed")                                             \
	X(GL_HANDSHAKE_UNREADABLE, "unreadable")
enum gl_handshake { GL_HANDSHAKE_LIST(GL_ENUM_VALUE) GL_HANDSHAKE_MAX };

/* What speaks of a downgrade (TLS-03); bits. */
#define GL_DOWNGRADE_LIST(X)                                                                       \
	X(GL_DOWNGRADE_SENTINEL, "sentinel")                                                       \
	X(GL_DOWNGRADE_FALLBACK, "fallback-scsv")                                                  \
	X(GL_DOWNGRADE_LESS, "less-than-offered-and-given-before")
enum gl_downgrade {
	GL_DOWNGRADE_SENTINEL = 1, /* more was offered, and the server says that it can do more */
	GL_DOWNGRADE_FALLBACK = 2, /* the client fell back from more, which the service has given */
	GL_DOWNGRADE_LESS = 4, /* less than both the client offered and the service has given */
};

/* One handshake: sent when the ServerHello is read, or when the handshake ended before. */
struct gl_rec_handshake {
	struct gl_rec rec;
	__u64 conn; /* names the connection in later records */
	__u64 generation;
	__u64 hello_ns; /* CLOCK_BOOTTIME: hello complete */
	struct gl_addr source, server;
	__u16 port, peer_port;
	__u16 service; /* interned id */
	__u16 best; /* version the service had given before this one; 0 = none known */
	__u8 result; /* enum gl_handshake */
	__u8 downgrade; /* enum gl_downgrade bits */
	__u8 verdict, reason, delivery, mode; /* as in gl_rec_verdict */
	__u8 alert; /* the agent's, if delivery is alert */
	__u8 known; /* 1: a block was looked up for this key; 0: there were none */
	struct gl_server_hello server_hello;
	struct gl_hello hello;
};
_Static_assert(sizeof(struct gl_rec_handshake) == 1592, "no padding");

/*
 * Bytes of the leaf certificate of a handshake, for the inspector; never parsed here. From the wire
 * up to TLS 1.2 (conn as in the handshake's record), from the library's own calls in any version
 * (conn is the socket's cookie).
 */
#define GL_CERTIFICATE_PIECE 1024
enum gl_certificate_flags {
	GL_CERTIFICATE_LIBRARY = 1, /* the tls door saw it pass the library */
	GL_CERTIFICATE_CLIENT = 2, /* the client's, not the server's */
};
struct gl_rec_certificate {
	struct gl_rec rec;
	__u64 conn;
	__u32 total; /* bytes of the certificate (DER) */
	__u32 off; /* of these bytes in it */
	__u16 n; /* bytes here */
	__u16 service, port;
	__u16 flags; /* enum gl_certificate_flags */
	__u8 bytes[GL_CERTIFICATE_PIECE];
};
_Static_assert(sizeof(struct gl_rec_certificate) == 1064, "no padding");

/*
 * A certificate whose bytes user space has read already, from the library's calls: told by its mark
 * (tls_mark.h, under the policy's subject_key) where the map `certificate_marks` holds it
 * at mark % GL_CERTIFICATE_MARKS, which user space alone writes. A mark of 0 is none.
 */
#define GL_CERTIFICATE_MARKS 256
struct gl_rec_certificate_known {
	struct gl_rec rec;
	__u64 conn;
	__u64 mark;
	__u16 service, port;
	__u16 flags; /* enum gl_certificate_flags */
	__u16 reserved;
};
_Static_assert(sizeof(struct gl_rec_certificate_known) == 40, "no padding");

/* The client ended a handshake in the clear after the ServerHello. */
struct gl_rec_tls_alert {
	struct gl_rec rec;
	__u64 conn;
	struct gl_addr source;
	__u32 sni_key;
	__u16 port, peer_port;
	__u16 service;
	__u16 version; /* negotiated */
	__u16 max_version; /* offered */
	__u8 level, description; /* RFC 8446 section 6 */
	__u16 server_flags; /* enum gl_server_hello_flags */
	__u16 reserved[3];
};
