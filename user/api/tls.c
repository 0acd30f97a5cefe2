/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.c - TLS as it was seen: per-service history, the names' best versions.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/api/api.h"

static json_t *value_json(const struct tls_value *value)
{
	char first[CLOCK_TEXT], last[CLOCK_TEXT];

	return json_pack("{s:s, s:I, s:s, s:s}", "value", value->text, "count",
			 (json_int_t)value->count, "firstSeen",
			 clock_format(value->first_wall_ns, first), "lastSeen",
			 clock_format(value->last_wall_ns, last));
}

static json_t *name_json(const struct tls_name *name)
{
	char best[HANDSHAKE_TEXT], last[HANDSHAKE_TEXT], seen[CLOCK_TEXT], fell[CLOCK_TEXT];
	json_t *o = json_pack("{s:s, s:i, s:s, s:s, s:s, s:b}", "serverName", name->sni, "port",
			      name->port, "best", handshake_version(name->best, best), "bestSeen",
			      clock_format(name->best_wall_ns, seen), "last",
			      handshake_version(name->last, last), "fell", name->fell_wall_ns != 0);

	if (name->fell_wall_ns)
		json_object_set_new(o, "fellAt",
				    json_string(clock_format(name->fell_wall_ns, fell)));
	return o;
}

static json_t *service_json(const struct keeper *keeper, const struct policy_service *service,
			    uint16_t id)
{
	char floor[HANDSHAKE_TEXT];
	const struct tls_name *names;
	json_t *o = json_pack("{s:s, s:s}", "service", service->name, "minVersion",
			      handshake_version(service->tls.min_version, floor));
	json_t *list = json_array();
	size_t n;

	for (int kind = 0; kind < TLS_KINDS; kind++) {
		const struct tls_value *values;
		json_t *items = json_array();

		n = tls_history_values(keeper->tls_history, id, (enum tls_kind)kind, &values);
		for (size_t i = 0; i < n; i++)
			json_array_append_new(items, value_json(&values[i]));
		json_object_set_new(o, tls_kind_name((enum tls_kind)kind), items);
	}
	n = tls_history_names(keeper->tls_history, id, &names);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, name_json(&names[i]));
	json_object_set_new(o, "names", list);
	return o;
}

/* The id of a service of the ruling policy, or -1 after 404. */
static int service_id(struct api_request *rq, const char *name)
{
	const struct policy *policy = apply_ruling(rq->keeper->apply)->policy;

	for (size_t i = 0; policy && i < policy->n_services; i++)
		if (strcmp(policy->services[i].name, name) == 0)
			return intern_id(apply_intern(rq->keeper->apply), INTERN_SERVICE, name);
	api_problem(rq, 404, "no-such-service", NULL, "the policy has no service '%.64s'", name);
	return -1;
}

/* A certificate may name any year; clocks end in 1970 and 2262. */
static int64_t wall_ns_of(int64_t s)
{
	const int64_t last_s = INT64_MAX / (int64_t)CLOCK_NS_PER_S;

	return (s < 0 ? 0 : s > last_s ? last_s : s) * (int64_t)CLOCK_NS_PER_S;
}

static json_t *certificate_json(const struct keeper *keeper, const struct certificate *c)
{
	const char *service = intern_name(apply_intern(keeper->apply), INTERN_SERVICE, c->service);
	char from[CLOCK_TEXT], until[CLOCK_TEXT], first[CLOCK_TEXT], last[CLOCK_TEXT];

	return json_pack(
		"{s:s?, s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:b, s:s, s:s, s:I, "
		"s:s, s:s}",
		"service", service, "port", c->port, "of", c->client ? "client" : "server",
		"fingerprint", c->fingerprint, "subject", c->subject, "issuer", c->issuer, "names",
		c->names, "serverName", c->server_name, "key", c->key, "keyBits", c->key_bits,
		"signature", c->signature, "selfSigned", c->self_signed, "notBefore",
		clock_format(wall_ns_of(c->not_before_s), from), "notAfter",
		clock_format(wall_ns_of(c->not_after_s), until), "count", (json_int_t)c->count,
		"firstSeen", clock_format(c->first_wall_ns, first), "lastSeen",
		clock_format(c->last_wall_ns, last));
}

void api_certificates(struct api_request *rq)
{
	static const char *const parameters[] = {"service", NULL};
	const char *only = json_string_value(json_object_get(rq->query, "service"));
	const struct certificates *all = rq->keeper->certificates;
	const struct certificate *c;
	json_t *items;
	int id = 0;

	if (!api_query_has_only(rq, parameters) || (only && (id = service_id(rq, only)) < 0))
		return;
	items = json_array();
	for (size_t i = 0; (c = certificates_at(all, i)); i++)
		if (!only || c->service == id)
			json_array_append_new(items, certificate_json(rq->keeper, c));
	api_reply(rq, 200, json_pack("{s:o}", "items", items));
}

void api_tls(struct api_request *rq)
{
	static const char *const parameters[] = {"service", NULL};
	const struct policy *policy = apply_ruling(rq->keeper->apply)->policy;
	const char *only = json_string_value(json_object_get(rq->query, "service"));
	json_t *items;

	if (!api_query_has_only(rq, parameters) || (only && service_id(rq, only) < 0))
		return;
	items = json_array();
	for (size_t i = 0; policy && i < policy->n_services; i++) {
		const struct policy_service *service = &policy->services[i];
		int id = intern_id(apply_intern(rq->keeper->apply), INTERN_SERVICE, service->name);

		if (id > 0 && (!only || strcmp(only, service->name) == 0))
			json_array_append_new(items,
					      service_json(rq->keeper, service, (uint16_t)id));
	}
	api_reply(rq, 200, json_pack("{s:o}", "items", items));
}

/* A change that was meant is no downgrade: what the names give from now on is their best. */
void api_tls_forget(struct api_request *rq)
{
	static const char *const parameters[] = {"service", NULL};
	const char *service = json_string_value(json_object_get(rq->query, "service"));
	struct keeper *keeper = rq->keeper;
	size_t n;
	int id;

	if (!api_query_has_only(rq, parameters))
		return;
	if (!service) {
		api_problem(rq, 400, "missing-parameter", NULL, "service says whose names");
		return;
	}
	id = service_id(rq, service);
	if (id < 0)
		return;
	n = tls_history_forget(keeper->tls_history, (uint16_t)id);
	kern_tls_best_forget(keeper->kern, (uint16_t)id);
	if (store_begin(keeper->store) == 0) {
		store_forget_tls_names(keeper->store, service);
		store_commit(keeper->store);
	}
	api_changed(rq, EVENT_DECISION, "tls forget",
		    json_pack("{s:s, s:I}", "service", service, "names", (json_int_t)n), NULL,
		    "best TLS versions of %.40s forgotten: %zu names", service, n);
	api_reply(rq, 200, json_pack("{s:I}", "forgotten", (json_int_t)n));
}
