/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format.h - records and metrics in the forms others read. Functions of plain data: no I/O, no
 * clock.
 *
 * A record is what exports.h says. What is missing in one is left out, never invented; every string
 * is UTF-8 (it came through JSON).
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define FORMAT_SYSLOG_MAX 8192

/*
 * One message of RFC 5424 without framing: PRI of `facility` (0..23) and the severity, structured
 * data "origin" and "glacis@32473" (the enterprise number RFC 5612 keeps for examples: we have none
 * of our own), the text, with a BOM if it is not plain ASCII (section 6.4). Returns its size, at
 * most `max` (cut between parameters, or between characters of the text); 0: not a record.
 */
size_t format_syslog(const json_t *record, unsigned facility, const char *version, char *out,
		     size_t max);

/* OCSF 1.4: HTTP Activity, Detection Finding, Data Security Finding, Incident Finding, else the
 * base event. NULL without memory. */
json_t *format_ocsf(const json_t *record, const char *version);

/* OTLP/HTTP in JSON: ExportLogsServiceRequest of an array of records ... */
json_t *format_otlp_logs(const json_t *records, const char *host, const char *version);
/* ... and ExportMetricsServiceRequest of what the keeper tells (metrics.h of the keeper). */
json_t *format_otlp_metrics(const json_t *metrics, const char *host, const char *version);

/* Prometheus text exposition 0.0.4 of the same metrics. The caller frees it. */
char *format_prometheus(const json_t *metrics, size_t *ret_size);

/*
 * Each scalar of a record's data: first "attributes" (OpenTelemetry names, own = false), then the
 * rest (own = true). Deeper objects and lists are not visited.
 */
typedef void (*format_each_fn)(const char *name, const json_t *value, int own, void *userdata);
void format_each(const json_t *record, format_each_fn fn, void *userdata);
