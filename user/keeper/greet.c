/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * greet.c - what the agent holds, for the person who started it in the foreground.
 */
#include <stdio.h>
#include <string.h>

#include "user/base/names.h"
#include "user/base/version.h"
#include "user/keeper/keeper.h"

static void print_doors(const struct keeper *keeper)
{
	const struct kern_door *doors;
	size_t n = kern_doors(keeper->kern, &doors);

	printf("doors held\n");
	for (size_t i = 0; i < n; i++)
		printf("  %-5s %-16s %s%s%s\n", name_door(doors[i].door), doors[i].device,
		       doors[i].how, strcmp(doors[i].netns, "self") == 0 ? "" : "  in netns ",
		       strcmp(doors[i].netns, "self") == 0 ? "" : doors[i].netns);
	if (!n)
		printf("  none: there is no device to attach to\n");
}

static void print_listener(const struct listener *listener, const char *indent)
{
	char address[ADDR_TEXT];

	printf("%s%s:%u  %s\n", indent, listener_address(listener, address), listener->port,
	       listener->executable[0] ? listener->executable : "(owner not visible)");
}

static void print_services(struct keeper *keeper, const struct policy *policy)
{
	for (size_t i = 0; i < policy->n_services; i++) {
		const struct policy_service *service = &policy->services[i];
		int id = intern_id(apply_intern(keeper->apply), INTERN_SERVICE, service->name);
		size_t listening = 0;

		printf("service %s: %s\n", service->name,
		       name_mode(mode_in_force(kern_control(keeper->kern), service,
					       id > 0 ? (unsigned)id : GL_SERVICE_IDS)));
		for (size_t j = 0; j < service->n_ports; j++)
			for (size_t k = 0; k < keeper->n_listeners; k++)
				if (keeper->listeners[k].port == service->ports[j]) {
					print_listener(&keeper->listeners[k], "  ");
					listening++;
				}
		if (!listening)
			printf("  nothing listens on its %zu ports now\n", service->n_ports);
	}
}

static void print_unwatched(const struct keeper *keeper, const struct policy *policy)
{
	bool any = false;

	for (size_t i = 0; i < keeper->n_listeners; i++) {
		if (health_watched(policy, keeper->listeners[i].port))
			continue;
		if (!any)
			printf("listening, but in no service of the policy\n");
		any = true;
		print_listener(&keeper->listeners[i], "  ");
	}
}

void greet_print(struct keeper *keeper)
{
	const struct ruling *ruling = apply_ruling(keeper->apply);
	const struct gl_control *control = kern_control(keeper->kern);
	enum gl_mode mode = mode_of_host(control, ruling->policy, apply_intern(keeper->apply));

	if (keeper->options->log_format == LOG_FORMAT_JSON)
		return;
	health_read_listeners(keeper, 0);
	printf("glacisd %s, %s%s\n", glacis_version, name_mode(mode),
	       mode == GL_MODE_MONITOR ? ": nothing is changed, verdicts say what enforce would do"
				       : "");
	if (ruling->policy)
		printf("policy %s from %s, generation %llu\n", ruling->name, ruling->file,
		       (unsigned long long)ruling->generation);
	print_doors(keeper);
	if (ruling->policy)
		print_services(keeper, ruling->policy);
	print_unwatched(keeper, ruling->policy);
	printf("control socket %s\n", courier_path(keeper->courier));
	printf("Ctrl-C detaches everything\n\n");
}
