/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_scope.c - IR-04: what an incident touched, counted from stored requests: those of its
 * sources and principals in its time; where it has neither, those of its operations.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/inspect/transaction.h"
#include "user/keeper/incidents.h"
#include "user/keeper/traffic.h"

#define ROWS_MAX    20000 /* looked at: people wait for the answer, and so does the agent */
#define KEYS_MAX    256 /* of a list; the rest is counted */
#define AROUND_NS   (60ll * 1000000000) /* before the first and after the last evidence */
#define SELECTS_MAX 256

enum list { LIST_SOURCES, LIST_PRINCIPALS, LIST_OPERATIONS, LIST_STATUSES, LIST_DATA, LISTS };

struct item {
	uint64_t key;
	struct gl_addr source;
	uint32_t service, name;
	uint64_t requests, answered, bytes;
	int64_t first_ns, last_ns;
};

struct scope {
	struct traffic_store *store;
	struct incident_link links[SELECTS_MAX];
	size_t n_links;
	bool by_who; /* rows of operations are not asked for */
	struct item items[LISTS][KEYS_MAX];
	size_t n[LISTS];
	uint64_t beyond[LISTS];
	uint64_t looked; /* at so many rows */
	uint32_t only_service; /* its name; 0: any */
	uint64_t rows, answered, by_agent, bytes;
	int64_t first_ns, last_ns;
	bool cut;
};

static uint64_t mix(const void *bytes, size_t n, uint64_t h)
{
	const uint8_t *b = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ b[i]) * 1099511628211ull;
	return h ? h : 1;
}

static bool is_answered(const struct traffic_row *row)
{
	return row->status >= 200 && row->status < 300 && !(row->flags & TX_AGENT);
}

/* The item of that key; NULL: the list is full. The last one found is looked at first. */
static struct item *item_of(struct scope *scope, enum list list, uint64_t key)
{
	struct item *items = scope->items[list];

	for (size_t i = 0; i < scope->n[list]; i++)
		if (items[i].key == key)
			return &items[i];
	if (scope->n[list] == KEYS_MAX) {
		scope->beyond[list]++;
		return NULL;
	}
	items[scope->n[list]] = (struct item){.key = key};
	return &items[scope->n[list]++];
}

static void count(struct item *item, const struct traffic_row *row)
{
	if (!item)
		return;
	item->requests++;
	item->answered += is_answered(row);
	item->bytes += is_answered(row) ? row->response_bytes : 0;
	if (!item->first_ns || row->time_ns < item->first_ns)
		item->first_ns = row->time_ns;
	if (row->time_ns > item->last_ns)
		item->last_ns = row->time_ns;
}

static bool add_row(const struct traffic_row *row, void *userdata)
{
	struct addr_prefix prefix = prefix_of_source(&row->source);
	uint64_t operation[2] = {row->service, row->operation};
	struct scope *scope = userdata;
	struct item *item;

	if (scope->looked++ == ROWS_MAX) {
		scope->cut = true;
		return false;
	}
	if (scope->only_service && row->service != scope->only_service)
		return true;
	scope->rows++;
	scope->answered += is_answered(row);
	scope->by_agent += (row->flags & TX_AGENT) != 0;
	scope->bytes += is_answered(row) ? row->response_bytes : 0;
	if (!scope->first_ns || row->time_ns < scope->first_ns)
		scope->first_ns = row->time_ns;
	if (row->time_ns > scope->last_ns)
		scope->last_ns = row->time_ns;
	item = item_of(scope, LIST_SOURCES, mix(&prefix.addr, sizeof(prefix.addr), 1));
	if (item)
		item->source = prefix.addr;
	count(item, row);
	if (row->principal)
		count(item_of(scope, LIST_PRINCIPALS, row->principal), row);
	item = item_of(scope, LIST_OPERATIONS, mix(operation, sizeof(operation), 1));
	if (item) {
		item->service = row->service;
		item->name = row->operation;
	}
	count(item, row);
	count(item_of(scope, LIST_STATUSES, row->status + 1u), row);
	for (int i = 0; i < TRAFFIC_MARKS && row->marks[i]; i++)
		count(item_of(scope, LIST_DATA, row->marks[i]), row);
	return true;
}

static bool knows_source(const struct scope *scope, size_t before, const struct gl_addr *source)
{
	const struct addr_prefix prefix = prefix_of_source(source);

	for (size_t i = 0; i < before; i++) {
		struct addr_prefix other = prefix_of_source(&scope->links[i].source);

		if (scope->links[i].have_source && !scope->links[i].shared &&
		    prefix_equal(&other, &prefix))
			return true;
	}
	return false;
}

static bool add_principal_row(const struct traffic_row *row, void *userdata)
{
	struct scope *scope = userdata;

	/* counted with its source already */
	return knows_source(scope, scope->n_links, &row->source) ? true : add_row(row, scope);
}

static bool knows_principal(const struct scope *scope, size_t before, uint64_t principal)
{
	for (size_t i = 0; i < before; i++)
		if (scope->links[i].principal == principal)
			return true;
	return false;
}

static bool knows_operation(const struct scope *scope, size_t before, const struct incident_link *l)
{
	for (size_t i = 0; i < before; i++)
		if (strcmp(scope->links[i].operation, l->operation) == 0 &&
		    strcmp(scope->links[i].service, l->service) == 0)
			return true;
	return false;
}

static int read_who(struct scope *scope, struct traffic_query query)
{
	int r = 0;

	for (size_t i = 0; i < scope->n_links && r == 0; i++) {
		const struct incident_link *link = &scope->links[i];
		const struct addr_prefix prefix = prefix_of_source(&link->source);

		if (!link->have_source || link->shared || knows_source(scope, i, &link->source))
			continue;
		scope->by_who = true;
		query.by = TRAFFIC_SOURCE;
		query.source = prefix.addr;
		query.prefix_len = prefix.len;
		r = traffic_each(scope->store, &query, add_row, scope);
	}
	for (size_t i = 0; i < scope->n_links && r == 0; i++) {
		const struct incident_link *link = &scope->links[i];

		if (!link->principal || knows_principal(scope, i, link->principal))
			continue;
		scope->by_who = true;
		query.by = TRAFFIC_PRINCIPAL;
		query.principal = link->principal;
		r = traffic_each(scope->store, &query, add_principal_row, scope);
	}
	return r;
}

static int read_operations(struct scope *scope, struct traffic_query query)
{
	int r = 0;

	for (size_t i = 0; i < scope->n_links && r == 0; i++) {
		const struct incident_link *link = &scope->links[i];

		if (!*link->operation || knows_operation(scope, i, link))
			continue;
		query.by = TRAFFIC_OPERATION;
		query.operation = traffic_name(scope->store, link->operation);
		/* not asked for: rows of others would be read unseen, and not counted as looked at
		 */
		scope->only_service = traffic_name(scope->store, link->service);
		if (query.operation)
			r = traffic_each(scope->store, &query, add_row, scope);
	}
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * As JSON
 */
static json_t *item_json(const struct scope *scope, enum list list, const struct item *item)
{
	char text[PREFIX_TEXT], first[CLOCK_TEXT], last[CLOCK_TEXT];
	json_t *o = json_pack(
		"{s:I, s:I, s:I, s:s, s:s}", "requests", (json_int_t)item->requests, "answered",
		(json_int_t)item->answered, "bytes", (json_int_t)item->bytes, "firstSeen",
		clock_format(item->first_ns, first), "lastSeen", clock_format(item->last_ns, last));

	switch (list) {
	case LIST_SOURCES: {
		struct addr_prefix prefix = prefix_of_source(&item->source);

		json_object_set_new(o, "source", json_string(prefix_format(&prefix, text)));
		break;
	}
	case LIST_PRINCIPALS:
		snprintf(text, sizeof(text), "key:%016" PRIx64, item->key);
		json_object_set_new(o, "principal", json_string(text));
		break;
	case LIST_OPERATIONS:
		json_object_set_new(o, "service",
				    json_string(traffic_text(scope->store, item->service)));
		json_object_set_new(o, "operation",
				    json_string(traffic_text(scope->store, item->name)));
		break;
	case LIST_STATUSES:
		json_object_set_new(o, "status", json_integer((json_int_t)item->key - 1));
		break;
	default:
		json_object_set_new(o, "class",
				    json_string(traffic_text(scope->store, (uint32_t)item->key)));
	}
	return o;
}

static json_t *list_json(const struct scope *scope, enum list list)
{
	json_t *items = json_array();

	for (size_t i = 0; i < scope->n[list]; i++)
		json_array_append_new(items, item_json(scope, list, &scope->items[list][i]));
	return items;
}

static json_t *scope_json(const struct scope *scope, const struct traffic_query *query)
{
	static const char *const names[LISTS] = {"sources", "principals", "operations", "statuses",
						 "dataClasses"};
	char from[CLOCK_TEXT], to[CLOCK_TEXT], first[CLOCK_TEXT], last[CLOCK_TEXT], host[256] = "";
	json_t *o, *beyond = json_object();

	gethostname(host, sizeof(host) - 1);
	o = json_pack("{s:s, s:s, s:b, s:s, s:I, s:I, s:I, s:I, s:[s]}", "from",
		      clock_format(query->from_ns, from), "to", clock_format(query->to_ns, to),
		      "complete", !scope->cut, "by", scope->by_who ? "who" : "operations",
		      "requests", (json_int_t)scope->rows, "records", (json_int_t)scope->answered,
		      "byAgent", (json_int_t)scope->by_agent, "bytes", (json_int_t)scope->bytes,
		      "hosts", host);
	json_object_set_new(o, "firstSeen",
			    scope->rows ? json_string(clock_format(scope->first_ns, first))
					: json_null());
	json_object_set_new(o, "lastSeen",
			    scope->rows ? json_string(clock_format(scope->last_ns, last))
					: json_null());
	for (int i = 0; i < LISTS; i++) {
		json_object_set_new(o, names[i], list_json(scope, (enum list)i));
		if (scope->beyond[i])
			json_object_set_new(beyond, names[i],
					    json_integer((json_int_t)scope->beyond[i]));
	}
	json_object_set_new(o, "beyond", beyond); /* requests whose item found no place */
	return o;
}

int incident_scope_json(struct keeper *keeper, const struct incident *incident, json_t **ret_scope)
{
	const struct traffic_query query = {
		.from_ns =
			(incident->first_ns ? incident->first_ns : incident->clock_ns) - AROUND_NS,
		.to_ns = incident->last_ns + AROUND_NS,
		.max = ROWS_MAX + 1,
	};
	struct scope *scope;
	const struct incident_link *link;
	int r;

	if (!keeper->traffic)
		return -EIO;
	scope = calloc(1, sizeof(*scope));
	if (!scope)
		return -ENOMEM;
	scope->store = traffic_store(keeper->traffic);
	for (size_t i = 0;
	     i < SELECTS_MAX && (link = incidents_link(keeper->incidents, incident->id, i)); i++)
		scope->links[scope->n_links++] = *link;
	r = read_who(scope, query);
	if (r == 0 && !scope->by_who)
		r = read_operations(scope, query);
	if (r == 0)
		*ret_scope = scope_json(scope, &query);
	free(scope);
	return r;
}
