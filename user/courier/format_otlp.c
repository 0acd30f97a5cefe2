/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format_otlp.c - OTLP in its JSON encoding: lowerCamelCase names, 64-bit integers as strings,
 * enums as numbers (opentelemetry-proto, docs/specification.md "JSON Protobuf Encoding").
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/courier/exports.h"
#include "user/courier/format.h"

#define CUMULATIVE 2 /* AGGREGATION_TEMPORALITY_CUMULATIVE */

static json_t *decimal(int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, value);
	return json_string(text);
}

static json_t *any_value(const json_t *value)
{
	if (json_is_boolean(value))
		return json_pack("{s:O}", "boolValue", (json_t *)value);
	if (json_is_integer(value))
		return json_pack("{s:o}", "intValue", decimal(json_integer_value(value)));
	if (json_is_real(value))
		return json_pack("{s:O}", "doubleValue", (json_t *)value);
	return json_pack("{s:O}", "stringValue", (json_t *)value);
}

static void add_attribute(json_t *list, const char *name, json_t *value)
{
	json_array_append_new(list,
			      json_pack("{s:s, s:o}", "key", name, "value", any_value(value)));
	json_decref(value);
}

static json_t *resource(const char *host, const char *version)
{
	json_t *attributes = json_array();

	add_attribute(attributes, "service.name", json_string("glacis"));
	add_attribute(attributes, "service.version", json_string(version));
	add_attribute(attributes, "host.name", json_string(host));
	return json_pack("{s:o}", "attributes", attributes);
}

static json_t *scope(const char *version)
{
	return json_pack("{s:s, s:s}", "name", "glacis", "version", version);
}

/* ---------------------------------------------------------------------------------------------
 * Logs
 */
/* SeverityNumber: INFO 9, INFO2 10, WARN 13, ERROR 17, FATAL 21. */
static int severity_number(const char *name)
{
	static const int numbers[EXPORT_SEVERITIES] = {9, 10, 13, 17, 21};
	int severity = export_severity_find(name);

	return severity < 0 ? 9 : numbers[severity];
}

static void add_member(const char *name, const json_t *value, int own, void *userdata)
{
	char full[96];

	if (own && (!strcmp(name, "time") || !strcmp(name, "message")))
		return;
	snprintf(full, sizeof(full), "%s%s", own ? "glacis." : "", name);
	add_attribute(userdata, full, json_incref((json_t *)value));
}

static json_t *log_record(const json_t *record)
{
	const char *time = json_string_value(json_object_get(record, "time"));
	const char *severity = json_string_value(json_object_get(record, "severity"));
	json_t *attributes = json_array();
	int64_t wall_ns = 0;

	if (time)
		clock_parse(time, &wall_ns);
	add_attribute(attributes, "log.record.uid",
		      json_incref(json_object_get(record, "id") ?: json_null()));
	add_attribute(attributes, "event.name",
		      json_sprintf("glacis.%s",
				   json_string_value(json_object_get(record, "kind")) ?: ""));
	format_each(record, add_member, attributes);
	return json_pack("{s:o, s:o, s:i, s:s, s:{s:s}, s:o}", "timeUnixNano", decimal(wall_ns),
			 "observedTimeUnixNano", decimal(wall_ns), "severityNumber",
			 severity_number(severity), "severityText", severity ? severity : "info",
			 "body", "stringValue",
			 json_string_value(json_object_get(record, "message")) ?: "", "attributes",
			 attributes);
}

json_t *format_otlp_logs(const json_t *records, const char *host, const char *version)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(records); i++)
		json_array_append_new(list, log_record(json_array_get(records, i)));
	return json_pack("{s:[{s:o, s:[{s:o, s:o}]}]}", "resourceLogs", "resource",
			 resource(host, version), "scopeLogs", "scope", scope(version),
			 "logRecords", list);
}

/* ---------------------------------------------------------------------------------------------
 * Metrics
 */
static json_t *data_point(const json_t *sample, json_t *start, json_t *now)
{
	json_t *attributes = json_array(), *value = json_object_get(sample, "value"), *point, *one;
	const char *name;

	json_object_foreach(json_object_get(sample, "labels"), name, one)
		add_attribute(attributes, name, json_incref(one));
	point = json_pack("{s:o, s:O, s:O}", "attributes", attributes, "startTimeUnixNano", start,
			  "timeUnixNano", now);
	if (json_is_integer(value))
		json_object_set_new(point, "asInt", decimal(json_integer_value(value)));
	else
		json_object_set(point, "asDouble", value);
	return point;
}

static json_t *metric(const json_t *one, json_t *start, json_t *now)
{
	const json_t *samples = json_object_get(one, "samples");
	const char *type = json_string_value(json_object_get(one, "type"));
	json_t *points = json_array(), *o;

	for (size_t i = 0; i < json_array_size(samples); i++)
		json_array_append_new(points, data_point(json_array_get(samples, i), start, now));
	o = json_pack("{s:O, s:O, s:O*}", "name", json_object_get(one, "name"), "description",
		      json_object_get(one, "help"), "unit", json_object_get(one, "unit"));
	if (type && strcmp(type, "counter") == 0)
		json_object_set_new(o, "sum",
				    json_pack("{s:o, s:i, s:b}", "dataPoints", points,
					      "aggregationTemporality", CUMULATIVE, "isMonotonic",
					      1));
	else
		json_object_set_new(o, "gauge", json_pack("{s:o}", "dataPoints", points));
	return o;
}

json_t *format_otlp_metrics(const json_t *metrics, const char *host, const char *version)
{
	const json_t *families = json_object_get(metrics, "families");
	json_t *list = json_array();
	json_t *start = decimal(json_integer_value(json_object_get(metrics, "startNs")));
	json_t *now = decimal(json_integer_value(json_object_get(metrics, "timeNs")));

	for (size_t i = 0; i < json_array_size(families); i++)
		json_array_append_new(list, metric(json_array_get(families, i), start, now));
	json_decref(start);
	json_decref(now);
	return json_pack("{s:[{s:o, s:[{s:o, s:o}]}]}", "resourceMetrics", "resource",
			 resource(host, version), "scopeMetrics", "scope", scope(version),
			 "metrics", list);
}
