/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * status.c - status, doctor and detach: the agent about itself.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/api/api.h"
#include "user/base/names.h"
#include "user/base/version.h"
#include "user/keeper/inspectors.h"

#define LISTENERS_MAX_AGE 5

static json_t *doors_json(const struct keeper *keeper)
{
	const struct kern_door *doors;
	size_t n = kern_doors(keeper->kern, &doors);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:s}", "door",
						name_door(doors[i].door), "netns", doors[i].netns,
						"device", doors[i].device, "how", doors[i].how));
	return list;
}

static json_t *listener_json(const struct listener *listener)
{
	char address[ADDR_TEXT];

	return json_pack("{s:i, s:s, s:s}", "port", listener->port, "address",
			 listener_address(listener, address), "executable", listener->executable);
}

static json_t *service_json(struct keeper *keeper, const struct policy_service *service)
{
	int id = intern_id(apply_intern(keeper->apply), INTERN_SERVICE, service->name);
	enum gl_mode mode = mode_in_force(kern_control(keeper->kern), service,
					  id > 0 ? (unsigned)id : GL_SERVICE_IDS);
	json_t *ports = json_array(), *listening = json_array();

	for (size_t i = 0; i < service->n_ports; i++) {
		json_array_append_new(ports, json_integer(service->ports[i]));
		for (size_t j = 0; j < keeper->n_listeners; j++)
			if (keeper->listeners[j].port == service->ports[i])
				json_array_append_new(listening,
						      listener_json(&keeper->listeners[j]));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "name", service->name, "mode", name_mode(mode),
			 "ports", ports, "listening", listening);
}

static json_t *services_json(struct keeper *keeper, const struct policy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; policy && i < policy->n_services; i++)
		json_array_append_new(list, service_json(keeper, &policy->services[i]));
	return list;
}

static json_t *unwatched_json(const struct keeper *keeper, const struct policy *policy)
{
	json_t *list = json_array();

	for (size_t i = 0; i < keeper->n_listeners; i++)
		if (!health_watched(policy, keeper->listeners[i].port))
			json_array_append_new(list, listener_json(&keeper->listeners[i]));
	return list;
}

static json_t *policy_json(const struct ruling *ruling)
{
	char loaded[CLOCK_TEXT];

	if (!ruling->policy)
		return json_null();
	return json_pack("{s:s, s:I, s:s}", "name", ruling->name, "generation",
			 (json_int_t)ruling->generation, "loadedAt",
			 clock_format(ruling->loaded_wall_ns, loaded));
}

void api_status(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};
	struct keeper *keeper = rq->keeper;
	const struct ruling *ruling = apply_ruling(keeper->apply);
	uint32_t used, capacity;
	char since[CLOCK_TEXT];
	enum gl_mode mode;
	json_t *o;

	if (!api_query_has_only(rq, parameters))
		return;
	health_read_listeners(keeper, LISTENERS_MAX_AGE);
	used = health_windows_used(keeper, &capacity);
	mode = mode_of_host(kern_control(keeper->kern), ruling->policy,
			    apply_intern(keeper->apply));
	o = json_pack("{s:s, s:i, s:s, s:s, s:b, s:s, s:o}", "version", glacis_version, "pid",
		      (int)getpid(), "state", keeper_state_name(keeper->state), "since",
		      clock_format(keeper->since_wall_ns, since), "adopted",
		      kern_adopted(keeper->kern), "mode", name_mode(mode), "policy",
		      policy_json(ruling));
	if (keeper->trouble[0])
		json_object_set_new(o, "trouble", json_string(keeper->trouble));
	json_object_set_new(o, "doors", doors_json(keeper));
	json_object_set_new(o, "services", services_json(keeper, ruling->policy));
	json_object_set_new(o, "inspectors", inspectors_json(keeper->inspectors));
	json_object_set_new(o, "unwatched", unwatched_json(keeper, ruling->policy));
	json_object_set_new(o, "decisions",
			    json_integer((json_int_t)(decisions_count(keeper->decisions) +
						      subjects_count(keeper->subjects))));
	json_object_set_new(o, "windows",
			    json_pack("{s:I, s:I}", "used", (json_int_t)used, "capacity",
				      (json_int_t)capacity));
	json_object_set_new(o, "store",
			    json_pack("{s:s, s:s*}", "check",
				      store_check_name(store_checked(keeper->store)), "trouble",
				      store_trouble(keeper->store)));
	api_reply(rq, 200, o);
}

/* ---------------------------------------------------------------------------------------------
 * Doctor
 */
static json_t *features_json(const struct keeper *keeper)
{
	const struct kern_feature *features;
	size_t n = kern_features(keeper->kern, &features);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:b, s:s}", "name", features[i].name,
						      "available", features[i].available, "detail",
						      features[i].detail));
	return list;
}

static json_t *memory_json(const struct keeper *keeper)
{
	const struct kern_map_use *uses;
	size_t n = kern_map_uses(keeper->kern, &uses);
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "map", uses[i].name,
						      "bytes", (json_int_t)uses[i].bytes, "entries",
						      (json_int_t)uses[i].max_entries));
	return list;
}

__attribute__((format(printf, 4, 5))) static void check(json_t *list, const char *name, bool ok,
							const char *fmt, ...)
{
	char detail[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	json_array_append_new(
		list, json_pack("{s:s, s:b, s:s}", "name", name, "ok", ok, "detail", detail));
}

static void check_losses(json_t *list, const struct keeper_counters *c)
{
	static const unsigned kinds[] = {GL_CTR_LOST_RECORD, GL_CTR_LOST_STORAGE,
					 GL_CTR_LOST_UPDATE, GL_CTR_LOST_ANSWER,
					 GL_CTR_LOST_PENDING};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		check(list, name_counter(kinds[i]), c->values[kinds[i]] == 0, "%llu since loading",
		      (unsigned long long)c->values[kinds[i]]);
}

static json_t *checks_json(struct keeper *keeper)
{
	const struct ruling *ruling = apply_ruling(keeper->apply);
	const struct kern_door *doors;
	size_t n_doors = kern_doors(keeper->kern, &doors), unwatched = 0;
	json_t *list = json_array();
	uint32_t used, capacity;

	check(list, "state", keeper->state == KEEPER_READY, "%s%s%s",
	      keeper_state_name(keeper->state), keeper->trouble[0] ? ": " : "", keeper->trouble);
	check(list, "doors", n_doors > 0, "%zu held", n_doors);
	check(list, "policy", ruling->policy != NULL, "%s",
	      ruling->policy ? ruling->name : "none rules");
	used = health_windows_used(keeper, &capacity);
	check(list, "window-table", used < capacity / 10 * 9, "%u of %u lines in use", used,
	      capacity);
	if (health_read_counters(keeper) == 0)
		check_losses(list, &keeper->counters);
	if (health_read_listeners(keeper, LISTENERS_MAX_AGE) == 0) {
		for (size_t i = 0; i < keeper->n_listeners; i++)
			unwatched += !health_watched(ruling->policy, keeper->listeners[i].port);
		check(list, "listeners", true, "%zu listen here, %zu on ports of no service",
		      keeper->n_listeners, unwatched);
	}
	check(list, "state-dir", access(keeper->options->state_dir, W_OK) == 0, "%s",
	      keeper->options->state_dir);
	return list;
}

void api_doctor(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};

	if (!api_query_has_only(rq, parameters))
		return;
	api_reply(rq, 200,
		  json_pack("{s:o, s:o, s:o}", "features", features_json(rq->keeper), "memory",
			    memory_json(rq->keeper), "checks", checks_json(rq->keeper)));
}

void api_detach(struct api_request *rq)
{
	static const char *const members[] = {NULL};

	if (!api_body_has_only(rq, members))
		return;
	api_changed(rq, EVENT_AGENT, "detach", NULL, NULL, "detaching every door");
	api_reply(rq, 202, json_pack("{s:b}", "done", true));
	loop_end(rq->keeper, KEEPER_DETACH);
}
