/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_services.c - spec.services: what listens where, and how its requests are read. Operations
 * are in read_operations.c.
 */
#include "user/policy/reader.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define SERVICE_PORTS_MAX 64

static const struct word mode_words[] = {
	{"monitor", GL_MODE_MONITOR},
	{"enforce", GL_MODE_ENFORCE},
};
static const struct word judge_words[] = {{"judge", false}, {"refuse", true}};
static const struct word allow_words[] = {{"allow", false}, {"refuse", true}};
static const struct word http2_words[] = {
	{"refuse", POLICY_HTTP2_REFUSE},
	{"judge", POLICY_HTTP2_JUDGE},
	{"allow", POLICY_HTTP2_ALLOW},
};
static const struct word auth_words[] = {{"none", GL_CRED_NONE}, {"required", GL_CRED_ANY}};

/* A service may lower itself below spec.mode, never raise itself above it. */
static void read_service_mode(struct reader *r, const struct field *field, const struct node *node,
			      void *target)
{
	unsigned mode;

	if (!reader_word(r, field->arg, node, &mode))
		return;
	if (mode == GL_MODE_ENFORCE && r->policy->mode == GL_MODE_MONITOR)
		reader_error(r, node, "set spec.mode: enforce and lower the other services",
			     "a service cannot enforce where spec.mode is monitor");
	*(enum gl_mode *)target = mode;
}

static void read_service_auth(struct reader *r, const struct field *field, const struct node *node,
			      void *target)
{
	unsigned auth;

	if (reader_word(r, field->arg, node, &auth))
		*(uint8_t *)target = (uint8_t)auth;
}

/* A port belongs to one service: a listener has one policy. */
static bool claim_port(struct reader *r, const struct node *node, uint32_t port)
{
	size_t self = (size_t)(r->service - r->policy->services);
	char hint[128];
	size_t owner;

	if (!r->ports[port].service) {
		r->ports[port].service = (uint16_t)(self + 1);
		r->ports[port].line = node->pos.line;
		return true;
	}
	owner = r->ports[port].service - 1u;
	snprintf(hint, sizeof(hint), "it is first used in line %u by %s", r->ports[port].line,
		 owner == self ? "this service"
			       : problem_quote(r->policy->services[owner].name ?: "").text);
	reader_error(r, node, hint, "port %u is used twice", port);
	return false;
}

static void read_ports(struct reader *r, const struct field *field, const struct node *node,
		       void *target)
{
	struct policy_service *service = target;
	size_t index = 0;
	uint16_t *ports;

	if (!reader_list(r, node, field->min, field->max, "a list of ports", sizeof(*ports),
			 &ports))
		return;
	service->ports = ports;
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);
		uint32_t port;

		if (reader_number(r, item, "port", 1, 65535, &port) && claim_port(r, item, port))
			ports[service->n_ports++] = (uint16_t)port;
		reader_up(r, mark);
	}
}

/* A name, unique among the services. */
static void read_service_name(struct reader *r, const struct field *field, const struct node *node,
			      void *target)
{
	const struct policy *policy = r->policy;
	char hint[64];

	read_text(r, field, node, target);
	if (!r->service->name)
		return;
	for (const struct policy_service *other = policy->services; other < r->service; other++) {
		if (!other->name || strcmp(other->name, r->service->name))
			continue;
		snprintf(hint, sizeof(hint), "the first one is in line %u", other->pos.line);
		reader_error(r, node, hint, "two services are named %s",
			     problem_quote(other->name).text);
		return;
	}
}

#define SERVICE(member) offsetof(struct policy_service, member)
static const struct field service_fields[] = {
	{"name", read_service_name, SERVICE(name), &text_name, 0, 0, FIELD_REQUIRED},
	{"ports", read_ports, 0, NULL, 1, SERVICE_PORTS_MAX, FIELD_REQUIRED},
	{"mode", read_service_mode, SERVICE(mode), WORDS(mode_words, NULL), 0, 0, 0},
	{"trustedProxies", read_cidrs, SERVICE(trusted_proxies), NULL, 0, POLICY_NETS_MAX, 0},
	{"ambiguousPath", read_word_bool, SERVICE(ambiguous_refuse), WORDS(judge_words, NULL), 0, 0,
	 0},
	{"caseInsensitive", read_bool, SERVICE(fold_case), NULL, 0, 0, 0},
	{"http2", read_word, SERVICE(http2),
	 WORDS(http2_words, "judge: streams are judged as requests are"), 0, 0, 0},
	{"unknownOperation", read_word_bool, SERVICE(unknown_refuse), WORDS(judge_words, NULL), 0,
	 0, 0},
	{"defaultClass", read_class_name, SERVICE(default_class), NULL, 0, 0, 0},
	{"auth", read_service_auth, SERVICE(default_auth),
	 WORDS(auth_words, "credentials are listed in operations"), 0, 0, 0},
	{"openapi", check_text, 0, &text_any, 0, 0, FIELD_UNENFORCED},
	{"tls", read_shape, SERVICE(tls), &shape_tls, 0, 0, 0},
	{"quic", read_word_bool, SERVICE(quic_refuse),
	 WORDS(allow_words, "QUIC is not judged: refuse makes clients fall back to TCP"), 0, 0, 0},
	{"responses", read_responses, SERVICE(responses), &shape_responses, 0, 0, 0},
	{"inspect", read_inspect, SERVICE(inspect), &shape_inspect, 0, 0, 0},
	{"expect", read_expect, SERVICE(expect), &shape_expect, 0, 0, 0},
	{"operations", read_operations, 0, NULL, 0, GL_POLICY_OPS_MAX, 0},
};
const struct shape shape_service = {"a service", "service", service_fields,
				    ARRAY_SIZE(service_fields)};

static void set_defaults(struct reader *r, struct policy_service *service)
{
	service->mode = r->policy->mode;
	service->ambiguous_refuse = true;
	service->inspect = r->policy->inspect;
	reader_inherit_expect(r, &r->policy->expect, &service->expect, true);
	reader_inherit_responses(r, &r->policy->responses, &service->responses, true);
	service->tls.min_version = GL_TLS_1_2;
	for (size_t i = 0; i < r->policy->n_classes; i++)
		if (r->policy->classes[i].name && !strcmp(r->policy->classes[i].name, "general"))
			service->default_class = reader_strdup(r, "general");
}

void read_services(struct reader *r, const struct field *field, const struct node *node,
		   void *target)
{
	struct policy *policy = target;
	struct policy_service *services;
	size_t index = 0;

	if (!reader_list(r, node, field->min, field->max, "a list of services", sizeof(*services),
			 &services))
		return;
	policy->services = services;
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);

		r->service = &services[policy->n_services++];
		r->service->pos = item->pos;
		set_defaults(r, r->service);
		reader_map(r, &shape_service, item, r->service);
		reader_up(r, mark);
	}
	r->service = NULL;
}
