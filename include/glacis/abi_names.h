/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_names.h - the part of abi.h that is about words: the enums of a verdict, with the text of
 * each value beside it (user/base/names.h). Included by abi.h; its rules hold.
 */
#pragma once

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
