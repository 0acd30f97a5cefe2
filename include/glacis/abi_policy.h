/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_policy.h - the part of abi.h that is about the compiled policy: one generation, one value of
 * an inner array map. Included by abi.h; its rules hold. Written by user/policy, read by every
 * door.
 */
#pragma once

#include "include/glacis/abi_guard.h"
#include "include/glacis/abi_names.h"
#include "include/glacis/abi_tables.h"
#include "include/glacis/abi_watch_rule.h"

#define GL_SERVICES_MAX   256
#define GL_CLASSES_MAX    64
#define GL_POLICY_OPS_MAX 4096 /* operations a policy may list */
/* those, the classes' own in every service and a catch-all a service; [0] is never used */
#define GL_OPS_MAX        8192
#define GL_STATES_MAX     16384
#define GL_EDGES_MAX      32768 /* slots, in buckets of four: route.h */
#define GL_NETS_MAX       8192 /* slots of the policy's own prefix table, load <= 1/2 */
#define GL_NET_SETS_MAX   64
#define GL_GENERATIONS    4
#define GL_PATH_DEPTH     16 /* deeper paths are ambiguous */
#define GL_HEAD_MAX       16384 /* bytes of a head; longer ones are 431 */
#define GL_HEADER_STATES  256
#define GL_HEADER_CLASSES 64

/* auth: credentials an operation asks for (bits); 0 = public. Also the kind of a request's
 * credential. */
enum gl_credential {
	GL_CRED_NONE = 0,
	GL_CRED_AUTHORIZATION = 1, /* Authorization: any scheme, the whole value hashed */
	GL_CRED_API_KEY = 2, /* one of the policy's API-key headers */
	GL_CRED_COOKIE = 4, /* one of the policy's session cookies */
	GL_CRED_CERTIFICATE = 8, /* client certificate: tls door */
	GL_CRED_ANY = 15,
};

enum gl_class_flags {
	GL_CLASS_EXEMPT = 1, /* counted, never limited */
	GL_CLASS_BY_SOURCE = 2, /* per: source - ignore principals */
	GL_CLASS_BY_PRINCIPAL = 4, /* per: principal - unproven ones are still the source's */
	GL_CLASS_MONITOR = 8, /* this class lowers itself to monitor */
};

struct gl_class {
	__u64 sub_ns; /* one sub-window: ceil(window / 9) */
	__u32 limit; /* N admissions in any window */
	__u32 window_s; /* W */
	__u32 source_ceiling; /* over all principals of a source; default 20 N */
	__u32 prefix_ceiling; /* IPv6 /48; 16 N */
	__u16 id; /* interned by name: the window key, stable over reloads */
	__u16 answer; /* index of its 429 in answers[] */
	__u32 flags; /* enum gl_class_flags */
};
_Static_assert(sizeof(struct gl_class) == 32, "no padding");

enum gl_op_flags {
	GL_OP_MONITOR = 1,
	GL_OP_DEFAULT = 2, /* the service's catch-all: no operation of the policy matched */
};

struct gl_op {
	__u16 id; /* interned by name, stable over reloads; what events carry */
	__u8 cls; /* index in classes[]; 0xff = unlimited */
	__u8 auth; /* enum gl_credential bits that satisfy it; 0 = public */
	__u8 net_set; /* set of nets[] the source must be in; 0xff = any */
	__u8 flags; /* enum gl_op_flags */
	__u16 service; /* index in services[] */
	/* capture plan: what of its bodies is copied for inspectors; heads always are */
	__u16 request_kib; /* of each request's body; 0 = heads only, GL_CAPTURE_ALL */
	__u16 response_kib; /* of each response's */
	__u16 sample; /* bodies of 1 in n; 0 and 1: of every one */
	__u8 guard; /* GL_OP_GUARD: what may not leave in its responses */
	__u8 reserved;
};
_Static_assert(sizeof(struct gl_op) == 16, "no padding");
#define GL_CAPTURE_ALL 0xffff
/* enum gl_guard_group: those looked for, and of them those that end the connection */
#define GL_OP_GUARD(look, cut)  ((__u8)((look) | (cut) << 4))
#define GL_OP_GUARD_LOOK(guard) ((guard)&15)
#define GL_OP_GUARD_CUT(guard)  ((guard) >> 4)
#define GL_CLASS_UNLIMITED      0xff
#define GL_NET_SET_ANY          0xff

enum gl_service_flags {
	GL_SERVICE_AMBIGUOUS_REFUSE = 1, /* ambiguousPath: refuse */
	GL_SERVICE_FOLD_CASE = 2, /* caseInsensitive: true */
	GL_SERVICE_HTTP2_REFUSE = 4, /* h2c preface and Upgrade: h2c are refused */
	GL_SERVICE_UNKNOWN_REFUSE = 8, /* unknownOperation: refuse -> 404 */
	GL_SERVICE_PLAINTEXT_REFUSE = 16, /* tls.plaintext: refuse -> 403, or reset */
	GL_SERVICE_QUIC_REFUSE = 32, /* quic: refuse: UDP to its ports is dropped */
	GL_SERVICE_HTTP2_JUDGE = 64, /* http2: judge: heads of streams are judged in user space */
	GL_SERVICE_GUARD_BLOCK = 128, /* responses: block, in one of its operations at least */
	GL_SERVICE_INSPECT = 256, /* its content goes to the inspectors, by capture plan */
	GL_SERVICE_TLS_BLIND = 512, /* inspect.tls: false: the tls door leaves it alone */
	GL_SERVICE_GUARD = 1024, /* one of its operations at least has something in `guard` */
	GL_SERVICE_UNSCANNED_PASS = 2048, /* responses.unscanned: pass */
};
/* above the flags: GL_OP_GUARD of all its operations together, for bytes of an unknown one */
#define GL_SERVICE_GUARD_STRICTEST(flags) ((__u8)((flags) >> 24))

struct gl_service {
	__u32 root; /* route automaton: state before the method */
	__u32 flags; /* enum gl_service_flags */
	__u16 id; /* interned by name */
	__u16 default_op; /* index in ops[] where no operation matched */
	__u16 strict_op; /* index in ops[] of the strictest operation: ambiguous paths,
			    ambiguousPath: judge */
	__u8 proxy_set; /* set of nets[] whose Forwarded/X-Forwarded-For is believed; 0xff = none */
	__u8 mode; /* enum gl_mode the policy asks for */
};
_Static_assert(sizeof(struct gl_service) == 16, "no padding");

/* What a service's TLS must be; services[i] has tls[i]. Versions as on the wire: 0x0303 is 1.2. */
enum gl_tls_flags {
	GL_TLS_DOWNGRADE_REFUSE = 1, /* tls.downgrade: refuse (TLS-03) */
};
#define GL_TLS_DENIED_MAX 252
struct gl_tls {
	__u16 min_version; /* 0 = no floor */
	__u16 flags; /* enum gl_tls_flags */
	__u16 n_denied;
	__u16 reserved;
	__u16 denied[GL_TLS_DENIED_MAX]; /* cipher suites, ascending (TLS-02) */
};
_Static_assert(sizeof(struct gl_tls) == 512, "no padding");

/*
 * The route automaton, by segments. From `state`, a segment goes to the literal edge (state, key
 * of the segment) if there is one, else by its type: all digits, a UUID, anything. State 0 is dead,
 * so is a missing edge. The method is the first "segment" after the service's root and has no type.
 * `op` is what a path ending here is (0 = none): first match wins was settled when it was compiled.
 */
struct gl_state {
	__u32 on_int;
	__u32 on_uuid;
	__u32 on_any;
	__u16 op;
	__u16 flags; /* enum gl_state_flags */
};
_Static_assert(sizeof(struct gl_state) == 16, "no padding");
enum gl_state_flags {
	GL_STATE_LITERALS = 1, /* has literal edges: worth hashing */
	GL_STATE_FOLD = 2, /* on a service's root: fold the case of its paths */
};

struct gl_edge {
	__u64 hash; /* key of the segment: route_segment_key() in route.h */
	__u32 state; /* from; 0 = free slot */
	__u32 next;
};
_Static_assert(sizeof(struct gl_edge) == 16, "no padding");

/* Header and cookie names another automaton, by bytes, case folded. */
#define GL_HEADER_LIST(X)                                                                          \
	X(GL_HEADER_OTHER, "")                                                                     \
	X(GL_HEADER_CONTENT_LENGTH, "content-length")                                              \
	X(GL_HEADER_TRANSFER_ENCODING, "transfer-encoding")                                        \
	X(GL_HEADER_CONNECTION, "connection")                                                      \
	X(GL_HEADER_UPGRADE, "upgrade")                                                            \
	X(GL_HEADER_EXPECT, "expect")                                                              \
	X(GL_HEADER_AUTHORIZATION, "authorization")                                                \
	X(GL_HEADER_COOKIE, "cookie")                                                              \
	X(GL_HEADER_FORWARDED, "forwarded")                                                        \
	X(GL_HEADER_X_FORWARDED_FOR, "x-forwarded-for")
enum gl_header {
	GL_HEADER_LIST(GL_ENUM_VALUE) GL_HEADER_API_KEY,
	GL_HEADER_SESSION_COOKIE,
	GL_HEADER_MAX
};

struct gl_header_automaton {
	__u8 byte_class[256]; /* 0 = not a token character (RFC 9110 section 5.6.2) */
	__u8 next[GL_HEADER_STATES][GL_HEADER_CLASSES]; /* 0 = dead */
	__u8 accept[GL_HEADER_STATES]; /* enum gl_header */
	__u8 start; /* state before a header name */
	__u8 cookie_start; /* state before a cookie name */
	__u8 reserved[6];
};

/*
 * A prepared HTTP answer. Numbers are written into holes of GL_HOLE_WIDTH bytes, left-aligned,
 * padded with spaces (legal after a field value, RFC 9110 section 5.5, and between JSON tokens).
 * HEAD gets text[0..body_off).
 */
#define GL_ANSWER_TEXT    1000
#define GL_ANSWER_HOLES   6
#define GL_HOLE_WIDTH     8
#define GL_INSTANCE_WIDTH 16
enum gl_hole { GL_HOLE_END, GL_HOLE_RETRY_S, GL_HOLE_INSTANCE };
struct gl_answer {
	__u16 len;
	__u16 body_off;
	__u16 hole_off[GL_ANSWER_HOLES];
	__u8 hole_kind[GL_ANSWER_HOLES]; /* enum gl_hole; INSTANCE is GL_INSTANCE_WIDTH lower-case
					    hex digits */
	__u16 status;
	char text[GL_ANSWER_TEXT];
};
_Static_assert(sizeof(struct gl_answer) == 1024, "no padding");
/* answers[] below GL_ANSWER_CLASS are these; a class's own 429 is GL_ANSWER_CLASS + its index */
enum gl_answer_index {
	GL_ANSWER_400,
	GL_ANSWER_401,
	GL_ANSWER_403,
	GL_ANSWER_404,
	GL_ANSWER_408,
	GL_ANSWER_431,
	GL_ANSWER_501,
	GL_ANSWER_503,
	GL_ANSWER_PLAINTEXT, /* 403: HTTP where only HTTPS is served */
	GL_ANSWER_SUSPENDED, /* 503 */
	GL_ANSWER_LOCKDOWN, /* 403 */
	GL_ANSWER_REVOKED, /* 401 */
	GL_ANSWER_CLASS,
	GL_ANSWERS_MAX = GL_ANSWER_CLASS + GL_CLASSES_MAX,
};

struct gl_policy {
	__u64 generation; /* 1, 2, ...: a flow that began on a slot since reused sees another number
			   */
	struct gl_key route_key;
	struct gl_key
		subject_key; /* principals and window tags: per installation, survives reloads */
	__u32 n_services, n_classes;
	__u32 n_ops, n_states;
	__u32 n_edges, n_nets;
	__u8 exempt_set; /* set of nets[] never limited; 0xff = none */
	__u8 mode; /* enum gl_mode of spec.mode */
	__u8 outgoing; /* 1: calls that processes of this host make are recorded */
	__u8 reserved;
	__u32 expect_sum; /* of what only detectors are told: another one is another policy */
	struct gl_watch_rule watch[GL_WATCH_MAX]; /* thresholds of spec.alerts */
	__u16 port_service[65536]; /* index in services[] + 1; 0 = not ours */
	struct gl_service services[GL_SERVICES_MAX];
	struct gl_tls tls[GL_SERVICES_MAX];
	struct gl_class classes[GL_CLASSES_MAX];
	struct gl_op ops[GL_OPS_MAX];
	struct gl_header_automaton headers;
	struct gl_answer answers[GL_ANSWERS_MAX];
	struct gl_state states[GL_STATES_MAX];
	struct gl_edge edges[GL_EDGES_MAX];
	struct gl_prefix_lens net_lens[GL_NET_SETS_MAX];
	struct gl_prefix_slot nets[GL_NETS_MAX];
	struct gl_guard guard; /* the last: the only table that is not small */
};
