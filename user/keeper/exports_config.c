/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/exports_config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/base/log.h"
#include "user/courier/exports.h"
#include "user/keeper/exports_values.h"

#define CONFIG_MAX (64 << 10)

#define JSONL   (1u << EXPORT_TYPE_JSONL)
#define SYSLOG  (1u << EXPORT_TYPE_SYSLOG)
#define WEBHOOK (1u << EXPORT_TYPE_WEBHOOK)
#define OTLP    (1u << EXPORT_TYPE_OTLP)
#define HTTP    (WEBHOOK | OTLP)
#define EVERY   (JSONL | SYSLOG | HTTP)

/* One key of a sink. */
struct key {
	const char *name;
	unsigned types; /* that have it */
	unsigned needed; /* that must have it */
	void (*read)(struct exports_reading *r, const struct key *key, const struct node *node,
		     json_t *sink);
	const char *member; /* of the JSON */
	uint64_t min, max;
	int64_t otherwise; /* < 0: none */
};

static void read_nothing(struct exports_reading *r, const struct key *key, const struct node *node,
			 json_t *sink)
{
	/* name and type are read before the rest */
	(void)r;
	(void)key;
	(void)node;
	(void)sink;
}

static void read_ms(struct exports_reading *r, const struct key *key, const struct node *node,
		    json_t *sink)
{
	uint64_t value;

	if (exports_duration(r, node, key->min, key->max, &value))
		json_object_set_new(sink, key->member, json_integer((json_int_t)value));
}

static void read_bytes(struct exports_reading *r, const struct key *key, const struct node *node,
		       json_t *sink)
{
	uint64_t value;

	if (exports_size(r, node, key->min, key->max, &value))
		json_object_set_new(sink, key->member, json_integer((json_int_t)value));
}

static void read_count(struct exports_reading *r, const struct key *key, const struct node *node,
		       json_t *sink)
{
	uint64_t value;

	if (exports_number(r, node, key->min, key->max, &value))
		json_object_set_new(sink, key->member, json_integer((json_int_t)value));
}

static void read_kinds(struct exports_reading *r, const struct key *key, const struct node *node,
		       json_t *sink)
{
	unsigned kinds = 1u << EXPORT_LOST; /* that something is missing is told to everyone */

	if (node->kind != NODE_LIST || !node->first) {
		exports_wrong(r, node, "kinds: [alert, incident]", "expected a list of kinds");
		return;
	}
	for (const struct node *item = node->first; item; item = item->next) {
		int kind = item->kind == NODE_SCALAR ? export_kind_find(item->text) : -ENOENT;

		if (kind < 0)
			exports_wrong(r, item,
				      "verdict, finding, alert, incident, decision, policy, mode, "
				      "agent or audit",
				      "there is no such kind of record");
		else
			kinds |= 1u << kind;
	}
	json_object_set_new(sink, key->member, json_integer(kinds));
}

static void read_severity(struct exports_reading *r, const struct key *key, const struct node *node,
			  json_t *sink)
{
	int severity = node->kind == NODE_SCALAR ? export_severity_find(node->text) : -ENOENT;

	if (severity < 0)
		exports_wrong(r, node, "info, low, medium, high or critical", "not a severity");
	else
		json_object_set_new(sink, key->member, json_integer(severity));
}

static void read_format(struct exports_reading *r, const struct key *key, const struct node *node,
			json_t *sink)
{
	if (node->kind == NODE_SCALAR &&
	    (strcmp(node->text, "glacis") == 0 || strcmp(node->text, "ocsf") == 0))
		json_object_set_new(sink, key->member, json_string(node->text));
	else
		exports_wrong(r, node, "glacis or ocsf", "not a format");
}

static void read_url(struct exports_reading *r, const struct key *key, const struct node *node,
		     json_t *sink)
{
	(void)key;
	exports_url(r, node, sink);
}

static void read_to(struct exports_reading *r, const struct key *key, const struct node *node,
		    json_t *sink)
{
	(void)key;
	exports_syslog_target(r, node, sink);
}

static void read_facility(struct exports_reading *r, const struct key *key, const struct node *node,
			  json_t *sink)
{
	int facility = node->kind == NODE_SCALAR ? exports_facility(node->text) : -ENOENT;

	if (facility < 0)
		exports_wrong(r, node, "daemon, auth, authpriv, audit, user, or local0 to local7",
			      "not a facility of syslog");
	else
		json_object_set_new(sink, key->member, json_integer(facility));
}

static void read_path(struct exports_reading *r, const struct key *key, const struct node *node,
		      json_t *sink)
{
	if (node->kind == NODE_SCALAR && node->text[0] == '/' && strlen(node->text) < 4000)
		json_object_set_new(sink, key->member, json_string(node->text));
	else
		exports_wrong(r, node, "/var/log/glacis/events.jsonl", "not an absolute path");
}

static void set_secret(json_t *sink, const char *name, const char *value)
{
	json_t *secrets = json_object_get(sink, "secrets");

	if (!secrets) {
		secrets = json_object();
		json_object_set_new(sink, "secrets", secrets);
	}
	json_object_set_new(secrets, name, json_string(value));
}

static void read_key(struct exports_reading *r, const struct key *key, const struct node *node,
		     json_t *sink)
{
	char *secret = exports_secret(r, node, 16);

	if (secret) {
		set_secret(sink, key->member, secret);
		explicit_bzero(secret, strlen(secret));
	}
	free(secret);
}

static void read_token(struct exports_reading *r, const struct key *key, const struct node *node,
		       json_t *sink)
{
	char *secret = exports_secret(r, node, 1), *line = NULL;

	if (secret && asprintf(&line, "Authorization: Bearer %s", secret) > 0) {
		set_secret(sink, key->member, line);
		explicit_bzero(line, strlen(line));
	}
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(line);
	free(secret);
}

static void read_ca(struct exports_reading *r, const struct key *key, const struct node *node,
		    json_t *sink)
{
	char *pem = exports_pem(r, node);

	if (pem)
		json_object_set_new(sink, key->member, json_string(pem));
	free(pem);
}

static void read_pair(struct exports_reading *r, const struct key *key, const struct node *node,
		      json_t *sink);

#define MINUTE 60000ull
#define HOUR   (60 * MINUTE)
static const struct key keys[] = {
	{"name", EVERY, EVERY, read_nothing, NULL, 0, 0, -1},
	{"type", EVERY, EVERY, read_nothing, NULL, 0, 0, -1},
	{"kinds", EVERY, 0, read_kinds, "kinds", 0, 0, (1 << EXPORT_KINDS) - 1},
	{"minSeverity", EVERY, 0, read_severity, "minSeverity", 0, 0, 0},
	{"format", JSONL | WEBHOOK, 0, read_format, "format", 0, 0, -1},
	{"spool", EVERY, 0, read_bytes, "spoolBytes", 64 << 10, 16ull << 30, 64 << 20},
	{"backoff", EVERY, 0, read_pair, NULL, 0, 0, -1},
	{"breaker", EVERY, 0, read_pair, NULL, 0, 0, -1},
	{"url", HTTP, HTTP, read_url, NULL, 0, 0, -1},
	{"keyFile", WEBHOOK, 0, read_key, "key", 0, 0, -1},
	{"tokenFile", HTTP, 0, read_token, "token", 0, 0, -1},
	{"caFile", HTTP, 0, read_ca, "ca", 0, 0, -1},
	{"timeout", HTTP, 0, read_ms, "timeoutMs", 100, 5 * MINUTE, 10000},
	{"batch", WEBHOOK, 0, read_count, "batch", 1, 100, 100},
	{"metrics", OTLP, 0, read_ms, "metricsMs", 1000, HOUR, 0},
	{"to", SYSLOG, SYSLOG, read_to, NULL, 0, 0, -1},
	{"facility", SYSLOG, 0, read_facility, "facility", 0, 0, 3},
	{"confirm", SYSLOG, 0, read_ms, "confirmMs", 100, 5 * MINUTE, 10000},
	{"path", JSONL, JSONL, read_path, "path", 0, 0, -1},
	{"maxSize", JSONL, 0, read_bytes, "maxBytes", 64 << 10, 64ull << 30, 64 << 20},
	{"keep", JSONL, 0, read_count, "keep", 1, 100, 4},
};

/* The members of `backoff` and `breaker`, flat in the JSON. */
static const struct key pairs[] = {
	{"backoff.first", EVERY, 0, read_ms, "backoffFirstMs", 10, HOUR, 1000},
	{"backoff.max", EVERY, 0, read_ms, "backoffMaxMs", 10, HOUR, 5 * MINUTE},
	{"breaker.failures", EVERY, 0, read_count, "breakerFailures", 1, 1000, 5},
	{"breaker.pause", EVERY, 0, read_ms, "breakerPauseMs", 10, HOUR, 30000},
};

static void read_pair(struct exports_reading *r, const struct key *key, const struct node *node,
		      json_t *sink)
{
	char name[64];

	if (node->kind != NODE_MAP) {
		exports_wrong(r, node,
			      strcmp(key->name, "backoff") == 0
				      ? "backoff: {first: 1s, max: 5m}"
				      : "breaker: {failures: 5, pause: 30s}",
			      "expected a map");
		return;
	}
	for (const struct node *member = node->first; member; member = member->next) {
		bool known = false;

		snprintf(name, sizeof(name), "%s.%.32s", key->name, member->key->text);
		for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
			if (strcmp(pairs[i].name, name) == 0) {
				pairs[i].read(r, &pairs[i], member, sink);
				known = true;
			}
		if (!known)
			exports_wrong(r, member->key, NULL, "there is no such setting");
	}
}

static void set_defaults(json_t *sink, unsigned type)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].otherwise >= 0 && keys[i].types & type)
			json_object_set_new(sink, keys[i].member, json_integer(keys[i].otherwise));
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		json_object_set_new(sink, pairs[i].member, json_integer(pairs[i].otherwise));
}

static const struct key *find_key(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static void read_members(struct exports_reading *r, const struct node *node, int type, json_t *sink)
{
	const unsigned bit = 1u << type;
	char text[96];

	for (const struct node *member = node->first; member; member = member->next) {
		const struct key *key = find_key(member->key->text);

		if (!key || !(key->types & bit)) {
			snprintf(text, sizeof(text), "a sink of type %s has no such setting",
				 export_type_name((unsigned)type));
			exports_wrong(r, member->key, NULL, text);
			continue;
		}
		key->read(r, key, member, sink);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].needed & bit && !node_member(node, keys[i].name)) {
			snprintf(text, sizeof(text), "a sink of type %s needs '%s'",
				 export_type_name((unsigned)type), keys[i].name);
			exports_wrong(r, node, NULL, text);
		}
}

/* Values that are right alone and wrong together. */
static void check_together(struct exports_reading *r, const struct node *node, const json_t *sink)
{
	const json_t *secrets = json_object_get(sink, "secrets");

	if (json_object_get(secrets, "token") && json_is_false(json_object_get(sink, "private")))
		exports_wrong(r, node_member(node, "tokenFile"), "use https, or a loopback address",
			      "the token would cross the network in the clear");
	if (json_integer_value(json_object_get(sink, "backoffFirstMs")) >
	    json_integer_value(json_object_get(sink, "backoffMaxMs")))
		exports_wrong(r, node_member(node, "backoff"), NULL,
			      "the first pause is longer than the longest");
}

static bool is_name(const char *text)
{
	size_t n = strlen(text);

	return n >= 1 && n < EXPORT_NAME &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == n && *text != '-';
}

static void read_sink(struct exports_reading *r, const struct node *node, json_t *sinks)
{
	const struct node *name, *type_node;
	json_t *sink, *other;
	size_t i;
	int type;

	if (node->kind != NODE_MAP) {
		exports_wrong(r, node, "{name: siem, type: syslog, to: \"tcp://127.0.0.1:601\"}",
			      "expected a sink");
		return;
	}
	name = node_member(node, "name");
	type_node = node_member(node, "type");
	if (name && (name->kind != NODE_SCALAR || !is_name(name->text))) {
		exports_wrong(r, name, "lower-case letters, digits and '-', at most 31",
			      "not a name of a sink");
		return;
	}
	json_array_foreach(
		sinks, i,
		other) if (name && strcmp(name->text,
					  json_string_value(json_object_get(other, "name"))) == 0)
		exports_wrong(r, name, NULL, "another sink has this name");
	type = type_node && type_node->kind == NODE_SCALAR ? export_type_find(type_node->text)
							   : -ENOENT;
	if (type < 0) {
		exports_wrong(r, type_node ? type_node : node, "jsonl, syslog, webhook or otlp",
			      type_node ? "there is no such type of sink"
					: "a sink needs a 'type'");
		return;
	}
	sink = json_pack("{s:s, s:s}", "name", name ? name->text : "", "type",
			 export_type_name((unsigned)type));
	set_defaults(sink, 1u << type);
	read_members(r, node, type, sink);
	check_together(r, node, sink);
	json_array_append_new(sinks, sink);
}

static void read_sinks(struct exports_reading *r, const struct node *node, json_t *sinks)
{
	if (node->kind != NODE_LIST) {
		exports_wrong(r, node, NULL, "expected a list of sinks");
		return;
	}
	if (node->n > EXPORT_SINKS_MAX)
		exports_wrong(r, node, "at most 8", "too many sinks");
	for (const struct node *item = node->first; item; item = item->next)
		read_sink(r, item, sinks);
}

static json_t *read_listen(struct exports_reading *r, const struct node *node)
{
	const struct node *listen = node_member(node, "listen");

	if (node->kind != NODE_MAP) {
		exports_wrong(r, node, "metrics: {listen: \"127.0.0.1:9464\"}", "expected a map");
		return NULL;
	}
	for (const struct node *member = node->first; member; member = member->next)
		if (member != listen)
			exports_wrong(r, member->key, "listen", "there is no such setting");
	return listen ? exports_loopback(r, listen) : NULL;
}

int exports_config_read(const struct node *node, struct problems *problems, json_t **ret_config)
{
	struct exports_reading r = {.problems = problems};
	json_t *sinks = json_array(), *listen = NULL;

	if (node->kind != NODE_MAP)
		exports_wrong(&r, node, "exports: {sinks: [...]}", "expected a map");
	for (const struct node *member = node->kind == NODE_MAP ? node->first : NULL; member;
	     member = member->next) {
		if (strcmp(member->key->text, "sinks") == 0)
			read_sinks(&r, member, sinks);
		else if (strcmp(member->key->text, "metrics") == 0)
			listen = read_listen(&r, member);
		else
			exports_wrong(&r, member->key, "sinks or metrics",
				      "there is no such setting");
	}
	/* of the document as well: a key that is there twice leaves open which is meant */
	if (problems->errors) {
		json_decref(sinks);
		json_decref(listen);
		return -EINVAL;
	}
	*ret_config =
		json_pack("{s:o, s:o}", "sinks", sinks, "listen", listen ? listen : json_null());
	return *ret_config ? 0 : -ENOMEM;
}

int exports_config_read_file(const char *path, json_t **ret_config)
{
	_cleanup_(document_freep) struct document *document = NULL;
	_cleanup_free_ char *text = NULL;
	const struct node *section = NULL;
	struct problems problems;
	size_t size;
	int r = file_read(path, CONFIG_MAX, &text, &size);

	if (r < 0)
		return log_err(r, "configuration %s", path);
	r = problems_init(&problems, path);
	if (r < 0)
		return r;
	/* a file of comments is one without sinks */
	if (text[strspn(text, " \t\r\n")])
		r = document_parse(text, size, &problems, &document);
	if (r == 0 && problems.errors)
		r = -EINVAL;
	if (r == 0 && document && document_root(document)->kind == NODE_MAP)
		section = node_member(document_root(document), "exports");
	if (r == 0 && section)
		r = exports_config_read(section, &problems, ret_config);
	else if (r == 0)
		*ret_config = json_pack("{s:[], s:n}", "sinks", "listen");
	problems_sort(&problems);
	problems_print(&problems, stderr);
	problems_clear(&problems);
	return r;
}
