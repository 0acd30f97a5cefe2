/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi.h - the one layout the kernel programs and user space share.
 *
 * Records of the rings, values of the maps, the enums both sides name. Not here: code. Rules:
 * fixed-width types only, no padding (-Wpadded is an error), enums append-only, names beside their
 * values (X-macros, so that no table can fall behind). A change of meaning or layout bumps
 * GL_ABI_MAJOR: the keeper never adopts pins of another MAJOR in place.
 */
#pragma once

#include <linux/types.h>

#define GL_ABI_MAJOR 4
#define GL_ABI_MINOR 0

#define GL_ENUM_VALUE(name, text) name,

/* verdict: what the judge decided (architecture.md section 1). */
#define GL_VERDICT_LIST(X)                                                                         \
	X(GL_VERDICT_ALLOW, "allow")                                                               \
	X(GL_VERDICT_LIMIT, "limit")                                                               \
	X(GL_VERDICT_REFUSE, "refuse")                                                             \
	X(GL_VERDICT_SUSPEND, "suspend")                                                           \
	X(GL_VERDICT_BAN, "ban")
enum gl_verdict { GL_VERDICT_LIST(GL_ENUM_VALUE) GL_VERDICT_MAX };

/* reason: why, always; what `glacisctl explain` prints. */
#define GL_REASON_LIST(X)                                                                          \
	X(GL_REASON_NONE, "none")                                                                  \
	X(GL_REASON_LIMIT_SOURCE, "source-limit")                                                  \
	X(GL_REASON_LIMIT_PRINCIPAL, "principal-limit")                                            \
	X(GL_REASON_CEILING_SOURCE, "source-ceiling")                                              \
	X(GL_REASON_CEILING_PREFIX, "prefix-ceiling")                                              \
	X(GL_REASON_LIMIT_SHARED, "shared-limit-table-full")                                       \
	X(GL_REASON_CLOCK, "clock-behind-window")                                                  \
	X(GL_REASON_BANNED, "banned")                                                              \
	X(GL_REASON_NO_CREDENTIAL, "authentication-missing")                                       \
	X(GL_REASON_SOURCE_NETWORK, "source-network-not-allowed")                                  \
	X(GL_REASON_AMBIGUOUS_PATH, "ambiguous-path")                                              \
	X(GL_REASON_MALFORMED, "malformed-head")                                                   \
	X(GL_REASON_TOO_LONG, "head-too-long")                                                     \
	X(GL_REASON_UNKNOWN_OPERATION, "unknown-operation")                                        \
	X(GL_REASON_SUSPENDED, "operation-suspended")                                              \
	X(GL_REASON_HTTP2, "http2-refused")                                                        \
	X(GL_REASON_UNSUPPORTED, "protocol-unsupported")                                           \
	X(GL_REASON_REORDERED, "reordered-head")                                                   \
	X(GL_REASON_DESYNCHRONIZED, "desynchronized")                                              \
	X(GL_REASON_HOLD_TIMEOUT, "answer-held-too-long")                                          \
	X(GL_REASON_HEAD_TIMEOUT, "head-timeout")                                                  \
	X(GL_REASON_STALE_POLICY, "policy-generation-gone")                                        \
	X(GL_REASON_FRAGMENT, "ip-fragment")                                                       \
	X(GL_REASON_PLAINTEXT, "plaintext-refused")                                                \
	X(GL_REASON_TLS_VERSION, "tls-version-below-floor")                                        \
	X(GL_REASON_TLS_CIPHER, "tls-cipher-denied")                                               \
	X(GL_REASON_TLS_DOWNGRADE, "tls-downgrade")                                                \
	X(GL_REASON_TLS_FALLBACK, "tls-inappropriate-fallback")                                    \
	X(GL_REASON_TLS_MALFORMED, "tls-malformed-hello")                                          \
	X(GL_REASON_JA4, "ja4-blocked")                                                            \
	X(GL_REASON_SECRET, "secret-in-response")                                                  \
	X(GL_REASON_UNSCANNED, "response-unscanned")                                               \
	X(GL_REASON_LOCKDOWN, "service-lockdown")                                                  \
	X(GL_REASON_REVOKED, "credential-revoked")                                                 \
	X(GL_REASON_KILLED, "workload-killed")
enum gl_reason { GL_REASON_LIST(GL_ENUM_VALUE) GL_REASON_MAX };

/* delivery: how the verdict reached the client. */
#define GL_DELIVERY_LIST(X)                                                                        \
	X(GL_DELIVERY_NONE, "none")                                                                \
	X(GL_DELIVERY_ANSWER, "answer")                                                            \
	X(GL_DELIVERY_ALERT, "alert")                                                              \
	X(GL_DELIVERY_RESET, "reset")                                                              \
	X(GL_DELIVERY_DROP, "drop")
enum gl_delivery { GL_DELIVERY_LIST(GL_ENUM_VALUE) GL_DELIVERY_MAX };

/* door: where in the kernel the request was judged. */
#define GL_DOOR_LIST(X)                                                                            \
	X(GL_DOOR_NIC, "nic")                                                                      \
	X(GL_DOOR_WIRE, "wire")                                                                    \
	X(GL_DOOR_TLS, "tls")                                                                      \
	X(GL_DOOR_EGRESS, "egress")
enum gl_door { GL_DOOR_LIST(GL_ENUM_VALUE) GL_DOOR_MAX };

/* outcome: what a parser found (I8). */
#define GL_OUTCOME_LIST(X)                                                                         \
	X(GL_OUTCOME_OK, "ok")                                                                     \
	X(GL_OUTCOME_SHORT, "short")                                                               \
	X(GL_OUTCOME_UNSUPPORTED, "unsupported")                                                   \
	X(GL_OUTCOME_MALFORMED, "malformed")                                                       \
	X(GL_OUTCOME_FRAGMENT, "fragment")                                                         \
	X(GL_OUTCOME_MIDSTREAM, "midstream")                                                       \
	X(GL_OUTCOME_AMBIGUOUS, "ambiguous")                                                       \
	X(GL_OUTCOME_TOO_LONG, "too-long")                                                         \
	X(GL_OUTCOME_REORDERED, "reordered")
enum gl_outcome { GL_OUTCOME_LIST(GL_ENUM_VALUE) GL_OUTCOME_MAX };

#define GL_MODE_LIST(X)                                                                            \
	X(GL_MODE_MONITOR, "monitor")                                                              \
	X(GL_MODE_ENFORCE, "enforce")
enum gl_mode { GL_MODE_LIST(GL_ENUM_VALUE) GL_MODE_MAX };

/* counter: per-CPU array `counters` (I5), named as in `glacisctl counters`; with '_' for '-' also
 * Prometheus' glacis_<text>_total. Losses begin with "lost-", what nobody judged "unjudged-". */
#define GL_COUNTER_LIST(X)                                                                         \
	X(GL_CTR_PACKETS, "packets")                                                               \
	X(GL_CTR_SEGMENTS, "segments-inspected")                                                   \
	X(GL_CTR_REQUESTS, "requests-judged")                                                      \
	X(GL_CTR_RESPONSES, "responses-seen")                                                      \
	X(GL_CTR_ALLOW, "verdict-allow")                                                           \
	X(GL_CTR_LIMIT, "verdict-limit")                                                           \
	X(GL_CTR_REFUSE, "verdict-refuse")                                                         \
	X(GL_CTR_SUSPEND, "verdict-suspend")                                                       \
	X(GL_CTR_BAN, "verdict-ban")                                                               \
	X(GL_CTR_WOULD_LIMIT, "would-limit")                                                       \
	X(GL_CTR_WOULD_REFUSE, "would-refuse")                                                     \
	X(GL_CTR_WOULD_SUSPEND, "would-suspend")                                                   \
	X(GL_CTR_WOULD_BAN, "would-ban")                                                           \
	X(GL_CTR_ANSWERS, "delivery-answer")                                                       \
	X(GL_CTR_RESETS, "delivery-reset")                                                         \
	X(GL_CTR_DROPS, "delivery-drop")                                                           \
	X(GL_CTR_NIC_BAN, "nic-ban")                                                               \
	X(GL_CTR_HELD, "segments-held-back")                                                       \
	X(GL_CTR_TRIMMED, "segments-trimmed")                                                      \
	X(GL_CTR_HANDSHAKE_DATA, "handshake-data-cut")                                             \
	X(GL_CTR_REWINDS, "heads-rewound")                                                         \
	X(GL_CTR_TOMBSTONE, "closed-flow-packets")                                                 \
	X(GL_CTR_CSUM_PARTIAL, "answers-checksum-offloaded")                                       \
	X(GL_CTR_CSUM_FULL, "answers-checksum-computed")                                           \
	X(GL_CTR_PROVEN, "principals-proven")                                                      \
	X(GL_CTR_DESYNC, "flows-desynchronized")                                                   \
	X(GL_CTR_UNJUDGED_TLS, "unjudged-tls")                                                     \
	X(GL_CTR_UNJUDGED_HTTP2, "unjudged-http2")                                                 \
	X(GL_CTR_UNJUDGED_TUNNEL, "unjudged-tunnel")                                               \
	X(GL_CTR_UNJUDGED_OTHER, "unjudged-not-http")                                              \
	X(GL_CTR_UNJUDGED_MIDSTREAM, "unjudged-midstream")                                         \
	X(GL_CTR_UNJUDGED_REORDERED, "unjudged-reordered")                                         \
	X(GL_CTR_UNJUDGED_FRAGMENT, "unjudged-fragment")                                           \
	X(GL_CTR_UNJUDGED_MALFORMED, "unjudged-malformed")                                         \
	X(GL_CTR_UNJUDGED_NO_POLICY, "unjudged-no-policy")                                         \
	X(GL_CTR_WINDOW_SHARED, "windows-shared-table-full")                                       \
	X(GL_CTR_WINDOW_EVICTED, "windows-evicted")                                                \
	X(GL_CTR_WINDOW_CLOCK, "windows-clock-retries")                                            \
	X(GL_CTR_PROVEN_EVICTED, "principals-evicted")                                             \
	X(GL_CTR_LOST_RECORD, "lost-records")                                                      \
	X(GL_CTR_LOST_STORAGE, "lost-socket-state")                                                \
	X(GL_CTR_LOST_UPDATE, "lost-map-updates")                                                  \
	X(GL_CTR_LOST_ANSWER, "lost-answers")                                                      \
	X(GL_CTR_LOST_PENDING, "lost-response-matches")                                            \
	X(GL_CTR_HELLOS, "tls-hellos-judged")                                                      \
	X(GL_CTR_HANDSHAKES, "tls-handshakes")                                                     \
	X(GL_CTR_DOWNGRADES, "tls-downgrades-seen")                                                \
	X(GL_CTR_ALERTS, "delivery-alert")                                                         \
	X(GL_CTR_UNJUDGED_HELLO, "unjudged-tls-hello")                                             \
	X(GL_CTR_UNJUDGED_SERVER_HELLO, "unjudged-tls-server-hello")                               \
	X(GL_CTR_UNJUDGED_QUIC, "unjudged-quic")                                                   \
	X(GL_CTR_QUIC, "quic-refused")                                                             \
	X(GL_CTR_WOULD_QUIC, "would-refuse-quic")                                                  \
	X(GL_CTR_LOST_CERTIFICATE, "lost-certificates")                                            \
	X(GL_CTR_TLS_REQUESTS, "tls-requests-judged")                                              \
	X(GL_CTR_TLS_CONNECTIONS, "tls-connections-seen")                                          \
	X(GL_CTR_CUTS, "connections-cut")                                                          \
	X(GL_CTR_CUT_PACKETS, "cut-packets")                                                       \
	X(GL_CTR_LOST_CUT, "lost-cuts")                                                            \
	X(GL_CTR_LOST_CHUNK, "lost-chunks")                                                        \
	X(GL_CTR_LOST_CONNECTION, "lost-tls-connections")                                          \
	X(GL_CTR_LOST_CALL, "lost-tls-calls")                                                      \
	X(GL_CTR_UNJUDGED_FAULT, "unjudged-tls-unreadable")                                        \
	X(GL_CTR_UNJUDGED_UNBOUND, "unjudged-tls-unbound")                                         \
	X(GL_CTR_GUARD_BYTES, "guard-scanned-bytes")                                               \
	X(GL_CTR_GUARD_HITS, "guard-hits")                                                         \
	X(GL_CTR_WOULD_GUARD, "would-guard-hits")                                                  \
	X(GL_CTR_GUARD_UNSCANNED, "guard-unscanned")                                               \
	X(GL_CTR_WOULD_UNSCANNED, "would-guard-unscanned")                                         \
	X(GL_CTR_CROSSED, "alert-thresholds-crossed")                                              \
	X(GL_CTR_WATCH_EVICTED, "alert-windows-evicted")                                           \
	X(GL_CTR_LOST_WATCH, "lost-alert-counts")                                                  \
	X(GL_CTR_GRANTED, "grants-used")                                                           \
	X(GL_CTR_KILLED, "egress-killed")                                                          \
	X(GL_CTR_H2_LOCKSTEP, "http2-sources-in-lockstep")                                         \
	X(GL_CTR_H2_HELD, "http2-packets-held")                                                    \
	X(GL_CTR_H2_LOST, "http2-cut-unread")
enum gl_counter { GL_COUNTER_LIST(GL_ENUM_VALUE) GL_CTR_MAX };

/* An address is always 16 bytes; IPv4 is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct gl_addr {
	union {
		__u8 b[16];
		__be32 w[4];
		__u64 q[2];
	};
};

/* ------------------------------------------------------------------------------------------------------------------
 * The window table (I3): see window.h for the algorithm. One line is one cache line.
 */
#define GL_WINDOW_SLOTS 12
#define GL_WINDOW_WAYS  4
struct gl_window_line {
	__u64 tag; /* keyed hash of (kind, service, class, subject), low byte a lock; 0 = free */
	__u32 last; /* newest sub-window number anybody reserved in */
	__u32 expires_s; /* CLOCK_BOOTTIME seconds after which no slot matters */
	__u32 slots[GL_WINDOW_SLOTS]; /* 12 bits sub-window number, 20 bits count */
};
_Static_assert(sizeof(struct gl_window_line) == 64, "one cache line");
#define GL_WINDOW_LINES_DEFAULT (1u << 17)
#define GL_WINDOW_SHARED                                                                           \
	(1u << 10) /* the last lines of the table: parents shared by hash, never claimed by tag */
#define GL_WINDOW_COUNT_MAX ((1u << 20) - 1)

/* Proven principals: 8 bytes of keyed hash, boottime seconds of the last proof; four to a cache
 * line. */
struct gl_proven {
	__u64 principal;
	__u32 seen_s;
	__u32 reserved;
};
#define GL_PROVEN_SLOTS (1u << 16)
#define GL_PROVEN_TTL_S 86400

struct gl_key {
	__u64 k0, k1;
};

/* ------------------------------------------------------------------------------------------------------------------
 * Prefix sets (bans, allow list, networks of a policy): see prefix.h. A flat hash table; every
 * entry names its set. `best` and `parent` are slot numbers + 1 (0 = none).
 */
struct gl_prefix_slot {
	struct gl_addr addr; /* masked to len */
	__u64 expires_ns; /* CLOCK_BOOTTIME; 0 = never */
	__u32 best; /* markers: longest real prefix of the set that covers this one */
	__u32 parent; /* real entries: next shorter real prefix of the same set */
	__u32 value; /* the caller's: decision number, or 0 */
	__u16 set;
	__u8 len; /* 0..128; IPv4 prefixes are 96 + n */
	__u8 state; /* enum gl_prefix_state */
	__u64 hits; /* packets or requests this entry decided (atomic add) */
	__u64 hops; /* the slot's, not the entry's: where what is hashed here lies, distance + 1 */
	__u32 version; /* odd while the entry is being written */
	__u32 tags; /* the slot's: four bits of hash for each of the eight hops */
};
_Static_assert(sizeof(struct gl_prefix_slot) == 64, "one cache line");
enum gl_prefix_state { GL_PREFIX_FREE, GL_PREFIX_REAL, GL_PREFIX_MARKER };

/* The lengths of one set, sorted ascending, IPv4 (96..128, stored as 0..32) and IPv6 apart. */
struct gl_prefix_lengths {
	__u8 n4, n6;
	__u8 len4[33];
	__u8 len6[129];
};

/* A set: its hash key and the lengths in use. The writer fills the other copy, then counts up. */
struct gl_prefix_lens {
	struct gl_key key;
	__u32 version; /* in_use[version & 1] is the one in force */
	__u32 entries;
	struct gl_prefix_lengths in_use[2];
};
_Static_assert(sizeof(struct gl_prefix_lens) == 352, "no padding");
#define GL_BAN_SLOTS_DEFAULT (1u << 17)
#define GL_SET_BAN           0 /* in the decisions table */
#define GL_SET_ALLOW         1
#define GL_SET_LOCKDOWN      2 /* and on: the networks that pass, a set for each service locked down */
#define GL_DECISION_SETS     (GL_SET_LOCKDOWN + GL_LOCKDOWNS_MAX)

#include "include/glacis/abi_contain.h"

/* ------------------------------------------------------------------------------------------------------------------
 * The compiled policy: one generation, one value of an inner array map.
 */
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

#include "include/glacis/abi_guard.h"
#include "include/glacis/abi_watch_rule.h"

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
	__u8 mode, reserved[2]; /* enum gl_mode of spec.mode */
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

#define GL_EMBRYOS_MAX 4096 /* connections whose data came before their socket */

/* ------------------------------------------------------------------------------------------------------------------
 * What the keeper may change between generations: one value, `control`.
 */
struct gl_control {
	__u32 abi_major, abi_minor;
	__u32 active; /* slot of the outer map new heads begin on */
	__u32 window_lines; /* size of the window table, a power of two */
	__u32 ban_slots; /* size of the decisions table, a power of two */
	__u8 mode; /* enum gl_mode: the ceiling; monitor overrides every service (panic) */
	__u8 policy_loaded;
	__u8 ban_mode; /* enum gl_mode of bans: they come before any service is known */
	__u8 reserved;
	__u32 hello_blocks; /* entries of the map of that name; 0 spares the lookup */
	__u32 h2; /* HTTP/2 was ever judged in user space; 0 spares looking for its connections */
	__u8 service_mode[GL_SERVICES_MAX *
			  2]; /* by interned id: 0 = as the policy says, else enum gl_mode + 1 */
	struct gl_prefix_lens decision_lens[GL_DECISION_SETS];
	__u32 n_inspectors; /* rings in `chunks`; 0 = nothing is captured */
	__u32 cuts; /* entries of the map of that name; 0 spares the lookup */
	__u32 subjects; /* entries of the map of that name; 0 spares the lookups */
	__u32 lockdowns, revocations, grants; /* of these */
	__u32 kill_levels; /* depths of killed cgroups, a bit for each */
	__u32 kills; /* entries of the map of that name */
};
#define GL_SERVICE_IDS (GL_SERVICES_MAX * 2)

/* ------------------------------------------------------------------------------------------------------------------
 * Records of the event ring.
 */
enum gl_rec_kind {
	GL_REC_NONE,
	GL_REC_VERDICT,
	GL_REC_RESPONSE,
	GL_REC_HANDSHAKE,
	GL_REC_CERTIFICATE,
	GL_REC_TLS_ALERT,
	GL_REC_CHUNK, /* in an inspector's ring: abi_chunk.h */
	GL_REC_CROSSED, /* a threshold was reached */
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

#include "include/glacis/abi_watch.h"
#include "include/glacis/abi_tls.h"
#include "include/glacis/abi_chunk.h"
