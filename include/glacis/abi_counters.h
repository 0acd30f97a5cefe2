/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_counters.h - the part of abi.h that is about what the doors count. Included by abi.h; its
 * rules hold.
 */
#pragma once

#include "include/glacis/abi_names.h"

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
	X(GL_CTR_H2_LOST, "http2-cut-unread")                                                      \
	X(GL_CTR_RESETS_AGAIN, "resets-repeated")                                                  \
	X(GL_CTR_WINDOW_HELD, "windows-busy-held")
enum gl_counter { GL_COUNTER_LIST(GL_ENUM_VALUE) GL_CTR_MAX };
