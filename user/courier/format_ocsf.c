/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * format_ocsf.c - Open Cybersecurity Schema Framework 1.4.0. type_uid = class_uid * 100 +
 * activity_id; severity_id 1 informational .. 5 critical.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/courier/exports.h"
#include "user/courier/format.h"

#define OCSF_VERSION "1.4.0"

enum {
	CLASS_BASE = 0,
	CLASS_DETECTION = 2004,
	CLASS_INCIDENT = 2005,
	CLASS_DATA = 2006,
	CLASS_HTTP = 4002,
	ACTIVITY_CREATE = 1,
	ACTIVITY_UPDATE = 2,
	ACTIVITY_CLOSE = 3,
	ACTIVITY_OTHER = 99,
};

static const struct {
	int uid, category;
	const char *name, *category_name;
} classes[] = {
	{CLASS_BASE, 0, "Base Event", "Uncategorized"},
	{CLASS_DETECTION, 2, "Detection Finding", "Findings"},
	{CLASS_INCIDENT, 2, "Incident Finding", "Findings"},
	{CLASS_DATA, 2, "Data Security Finding", "Findings"},
	{CLASS_HTTP, 4, "HTTP Activity", "Network Activity"},
};

static const char *text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void set_text(json_t *object, const char *name, const char *value)
{
	if (value && *value)
		json_object_set_new(object, name, json_string(value));
}

static json_int_t time_ms(const char *time)
{
	int64_t wall_ns;

	return time && clock_parse(time, &wall_ns) == 0 ? wall_ns / 1000000 : 0;
}

static void set_time(json_t *object, const char *name, const char *time)
{
	if (time_ms(time))
		json_object_set_new(object, name, json_integer(time_ms(time)));
}

/* ---------------------------------------------------------------------------------------------
 * HTTP Activity
 */
static int http_activity(const char *method)
{
	static const struct {
		const char *method;
		int id;
	} ids[] = {{"CONNECT", 1}, {"DELETE", 2}, {"GET", 3},   {"HEAD", 4}, {"OPTIONS", 5},
		   {"POST", 6},    {"PUT", 7},    {"TRACE", 8}, {"PATCH", 9}};

	for (size_t i = 0; method && i < ARRAY_SIZE(ids); i++)
		if (strcmp(ids[i].method, method) == 0)
			return ids[i].id;
	return method ? ACTIVITY_OTHER : 0;
}

static json_t *endpoint(const char *address, json_int_t port)
{
	json_t *o = json_object();

	set_text(o, "ip", address);
	if (port)
		json_object_set_new(o, "port", json_integer(port));
	return o;
}

/* security_control profile: what was done about it. */
static void set_disposition(json_t *o, const json_t *data)
{
	const char *verdict = text(data, "verdict");
	bool denied = verdict && strcmp(verdict, "allow") != 0 &&
		      !json_is_true(json_object_get(data, "would"));

	json_object_set_new(o, "action_id", json_integer(denied ? 2 : 1));
	json_object_set_new(o, "action", json_string(denied ? "Denied" : "Allowed"));
	json_object_set_new(o, "disposition_id", json_integer(denied ? 2 : 15));
	json_object_set_new(o, "disposition", json_string(denied ? "Blocked" : "Detected"));
}

static int fill_http(json_t *o, const json_t *data)
{
	const json_t *attributes = json_object_get(data, "attributes");
	const char *method = text(attributes, "http.request.method");
	json_t *request = json_object(), *url = json_object();
	json_int_t status = number(attributes, "http.response.status_code");
	json_int_t count = number(data, "count");

	set_text(request, "http_method", method);
	set_text(url, "path", text(attributes, "http.route"));
	if (json_object_size(url))
		json_object_set(request, "url", url);
	json_decref(url);
	json_object_set_new(o, "http_request", request);
	if (status)
		json_object_set_new(o, "http_response", json_pack("{s:I}", "code", status));
	json_object_set_new(o, "src_endpoint",
			    endpoint(text(attributes, "client.address"),
				     number(attributes, "network.peer.port")));
	json_object_set_new(
		o, "dst_endpoint",
		endpoint(text(attributes, "server.address"), number(attributes, "server.port")));
	if (count > 1)
		json_object_set_new(o, "count", json_integer(count));
	set_disposition(o, data);
	return http_activity(method);
}

/* ---------------------------------------------------------------------------------------------
 * Findings
 */
static json_t *finding_info(const json_t *record, const json_t *data)
{
	json_t *info = json_object(), *types = json_array();
	const char *control = text(data, "control"), *rule = text(data, "rule");
	char title[128];

	snprintf(title, sizeof(title), "%s%s%s", control ? control : "", control && rule ? " " : "",
		 rule ? rule : "");
	set_text(info, "title", *title ? title : text(record, "message"));
	set_text(info, "uid", text(data, "id") ?: text(record, "id"));
	set_text(info, "desc", text(record, "message"));
	set_time(info, "created_time", text(data, "firstSeen") ?: text(record, "time"));
	set_time(info, "first_seen_time", text(data, "firstSeen"));
	set_time(info, "last_seen_time", text(data, "lastSeen"));
	if (control)
		json_array_append_new(types, json_string(control));
	if (json_array_size(types))
		json_object_set(info, "types", types);
	json_decref(types);
	if (rule)
		json_object_set_new(
			info, "analytic",
			json_pack("{s:s, s:i, s:s}", "name", rule, "type_id", 1, "type", "Rule"));
	return info;
}

static bool is_ended(const json_t *data)
{
	const char *state = text(data, "state") ?: text(data, "status");

	return state && (strcmp(state, "closed") == 0 || strcmp(state, "resolved") == 0);
}

/* Secrets and personal data in answers are findings about data. */
static bool is_about_data(const json_t *data)
{
	static const char *const controls[] = {"PRE-07", "PRE-15", "PRE-16", "REV-11",
					       "REV-17", "LOG-08", "LOG-09", "LOG-10"};
	const char *control = text(data, "control");

	for (size_t i = 0; control && i < ARRAY_SIZE(controls); i++)
		if (strcmp(controls[i], control) == 0)
			return true;
	return false;
}

static int activity_of(const json_t *data)
{
	const json_t *update = json_object_get(data, "update");

	if (is_ended(data))
		return ACTIVITY_CLOSE;
	/* an alert begins with the count of its threshold */
	if (update)
		return json_is_true(update) ? ACTIVITY_UPDATE : ACTIVITY_CREATE;
	return number(data, "count") > 1 ? ACTIVITY_UPDATE : ACTIVITY_CREATE;
}

static void fill_finding(json_t *o, const json_t *record, const json_t *data, int class_uid)
{
	json_int_t count = number(data, "count");

	json_object_set_new(o, "finding_info", finding_info(record, data));
	if (count > 1)
		json_object_set_new(o, "count", json_integer(count));
	json_object_set_new(o, "status_id", json_integer(is_ended(data) ? 4 : 1));
	if (class_uid == CLASS_DATA)
		json_object_set_new(o, "data_security",
				    json_pack("{s:s?, s:s?}", "pattern_match",
					      text(data, "evidence"), "policy",
					      text(data, "control")));
}

static void fill_incident(json_t *o, const json_t *record, const json_t *data)
{
	static const char *const priorities[] = {"P4", "P3", "P2", "P1"};
	const char *severity = text(data, "severity") ?: text(data, "priority");

	json_object_set_new(o, "finding_info_list", json_pack("[o]", finding_info(record, data)));
	json_object_set_new(o, "status_id", json_integer(is_ended(data) ? 5 : 1));
	set_text(o, "desc", text(record, "message"));
	set_text(o, "assignee_group", text(data, "assignee"));
	for (size_t i = 0; severity && i < ARRAY_SIZE(priorities); i++)
		if (strcmp(priorities[i], severity) == 0) {
			json_object_set_new(o, "priority_id", json_integer((json_int_t)i + 1));
			set_text(o, "priority", severity);
		}
}

/* ---------------------------------------------------------------------------------------------
 * Every class
 */
static int class_of(int kind, const json_t *data)
{
	switch (kind) {
	case EXPORT_VERDICT:
		return CLASS_HTTP;
	case EXPORT_FINDING:
		return is_about_data(data) ? CLASS_DATA : CLASS_DETECTION;
	case EXPORT_ALERT:
		return CLASS_DETECTION;
	case EXPORT_INCIDENT:
		return CLASS_INCIDENT;
	default:
		return CLASS_BASE;
	}
}

static void set_class(json_t *o, int class_uid, int activity)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (classes[i].uid == class_uid) {
			json_object_set_new(o, "class_uid", json_integer(class_uid));
			set_text(o, "class_name", classes[i].name);
			json_object_set_new(o, "category_uid", json_integer(classes[i].category));
			set_text(o, "category_name", classes[i].category_name);
		}
	json_object_set_new(o, "activity_id", json_integer(activity));
	json_object_set_new(o, "type_uid", json_integer(class_uid * 100 + activity));
}

static void set_severity(json_t *o, const json_t *record)
{
	static const char *const names[] = {"Informational", "Low", "Medium", "High", "Critical"};
	int severity = export_severity_find(text(record, "severity"));

	json_object_set_new(o, "severity_id", json_integer(severity < 0 ? 0 : severity + 1));
	json_object_set_new(o, "severity", json_string(severity < 0 ? "Unknown" : names[severity]));
}

static void set_metadata(json_t *o, const json_t *record, const char *version, int class_uid)
{
	json_t *metadata = json_pack("{s:s, s:{s:s, s:s, s:s}}", "version", OCSF_VERSION, "product",
				     "name", "glacis", "vendor_name", "glacis", "version", version);

	set_text(metadata, "uid", text(record, "id"));
	set_text(metadata, "log_name", text(record, "kind"));
	if (class_uid == CLASS_HTTP)
		json_object_set_new(metadata, "profiles", json_pack("[s]", "security_control"));
	json_object_set_new(o, "metadata", metadata);
}

json_t *format_ocsf(const json_t *record, const char *version)
{
	const json_t *data = json_object_get(record, "data");
	int kind = export_kind_find(text(record, "kind"));
	int class_uid = class_of(kind, data), activity = ACTIVITY_OTHER;
	json_t *o = json_object(), *host;

	if (!o)
		return NULL;
	if (class_uid == CLASS_HTTP) {
		activity = fill_http(o, data);
	} else if (class_uid == CLASS_INCIDENT) {
		fill_incident(o, record, data);
		activity = activity_of(data);
	} else if (class_uid != CLASS_BASE) {
		fill_finding(o, record, data, class_uid);
		activity = activity_of(data);
	}
	set_class(o, class_uid, activity);
	set_severity(o, record);
	set_time(o, "time", text(record, "time"));
	set_text(o, "message", text(record, "message"));
	set_metadata(o, record, version, class_uid);
	host = json_object();
	set_text(host, "hostname", text(record, "host"));
	json_object_set_new(host, "type_id", json_integer(1));
	json_object_set_new(o, "device", host);
	if (json_object_size(data))
		json_object_set(o, "unmapped", (json_t *)data);
	return o;
}
