/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.c - gives a struct policy back. Making one is the reader's work (read.c).
 */
#include "user/policy/model.h"

#include <stdlib.h>

static void free_strings(struct policy_strings *strings)
{
	for (size_t i = 0; i < strings->n; i++)
		free(strings->items[i]);
	free(strings->items);
}

static void free_expect(struct policy_expect *expect)
{
	free_strings(&expect->required_headers);
	free_strings(&expect->forbidden_headers);
	free_strings(&expect->jwt_algorithms);
	free_strings(&expect->cors_origins);
	free_strings(&expect->upload_types);
}

static void free_service(struct policy_service *service)
{
	for (size_t i = 0; i < service->n_operations; i++) {
		struct policy_operation *operation = &service->operations[i];

		free(operation->match);
		free(operation->cls);
		free_strings(&operation->tags);
		free_strings(&operation->responses.forbidden_fields);
		free_expect(&operation->expect);
		free(operation->sources.items);
	}
	free(service->operations);
	free(service->name);
	free(service->ports);
	free(service->trusted_proxies.items);
	free(service->default_class);
	free(service->tls.denied);
	free_strings(&service->responses.forbidden_fields);
	free_expect(&service->expect);
}

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->n_services; i++)
		free_service(&policy->services[i]);
	free(policy->services);
	for (size_t i = 0; i < policy->n_classes; i++) {
		free(policy->classes[i].name);
		free_strings(&policy->classes[i].match);
		free(policy->classes[i].match_pos);
	}
	free(policy->classes);
	free(policy->exempt.items);
	free(policy->protect_never.items);
	free_strings(&policy->api_key_headers);
	free_strings(&policy->session_cookies);
	free_strings(&policy->responses.forbidden_fields);
	free_expect(&policy->expect);
	free_strings(&policy->containment_auto);
	for (size_t i = 0; i < policy->n_playbooks; i++) {
		struct policy_playbook *playbook = &policy->playbooks[i];

		free(playbook->name);
		for (size_t k = 0; playbook->actions && k < playbook->n_actions; k++) {
			free(playbook->actions[k].allow);
			free(playbook->actions[k].workload);
		}
		free(playbook->actions);
	}
	free(policy->playbooks);
	free(policy->incidents.calendar.zone);
	free(policy->incidents.calendar.holidays);
	free(policy->name);
	free(policy->file);
	free(policy);
}
