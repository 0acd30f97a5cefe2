/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exports.h - what leaves the host: the words that the keeper (who makes records and reads the
 * configuration) and the courier (who sends them) share.
 *
 * A record is one JSON object: {"id","time","kind","severity","host","message","data"}. It is made
 * by the keeper of masked text only; the courier formats and sends it and adds nothing of its own.
 */
#pragma once

#define EXPORT_SINKS_MAX   8
#define EXPORT_NAME        32 /* of a sink, with its NUL */
#define EXPORT_RECORD_MAX  65536 /* bytes of one record as JSON */
#define EXPORT_RECORDS_MAX 256 /* in one frame to the courier */

#define EXPORT_KIND_LIST(X)                                                                        \
	X(VERDICT, "verdict")                                                                      \
	X(FINDING, "finding")                                                                      \
	X(ALERT, "alert")                                                                          \
	X(INCIDENT, "incident")                                                                    \
	X(DECISION, "decision")                                                                    \
	X(POLICY, "policy")                                                                        \
	X(MODE, "mode")                                                                            \
	X(AGENT, "agent")                                                                          \
	X(AUDIT, "audit")                                                                          \
	X(LOST, "lost")
#define EXPORT_KIND_VALUE(name, text) EXPORT_##name,
enum export_kind { EXPORT_KIND_LIST(EXPORT_KIND_VALUE) EXPORT_KINDS };

#define EXPORT_SEVERITY_LIST(X)                                                                    \
	X(INFO, "info")                                                                            \
	X(LOW, "low")                                                                              \
	X(MEDIUM, "medium")                                                                        \
	X(HIGH, "high")                                                                            \
	X(CRITICAL, "critical")
#define EXPORT_SEVERITY_VALUE(name, text) EXPORT_##name##_SEVERITY,
enum export_severity { EXPORT_SEVERITY_LIST(EXPORT_SEVERITY_VALUE) EXPORT_SEVERITIES };

#define EXPORT_TYPE_LIST(X)                                                                        \
	X(JSONL, "jsonl")                                                                          \
	X(SYSLOG, "syslog")                                                                        \
	X(WEBHOOK, "webhook")                                                                      \
	X(OTLP, "otlp")
#define EXPORT_TYPE_VALUE(name, text) EXPORT_TYPE_##name,
enum export_type { EXPORT_TYPE_LIST(EXPORT_TYPE_VALUE) EXPORT_TYPES };

/* Texts of the enums, never NULL; the numbers of texts, -ENOENT. */
const char *export_kind_name(unsigned kind);
const char *export_severity_name(unsigned severity);
const char *export_type_name(unsigned type);
int export_kind_find(const char *text);
int export_severity_find(const char *text);
int export_type_find(const char *text);
