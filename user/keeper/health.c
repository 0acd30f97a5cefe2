/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * health.c - the agent's state, and what others ask of it that costs something to find out: kept
 * with an age.
 */
#include <stdio.h>
#include <string.h>

#include "include/glacis/window_line.h"
#include "user/base/clock.h"
#include "user/keeper/keeper.h"
#include "user/keeper/notify.h"

#define RATE_MIN_NS CLOCK_NS_PER_S

const char *keeper_state_name(enum keeper_state state)
{
	static const char *const names[] = {
		[KEEPER_STARTING] = "starting",
		[KEEPER_READY] = "ready",
		[KEEPER_DEGRADED] = "degraded",
	};

	return names[state];
}

/* Says a change once, not every two seconds. */
void health_set(struct keeper *keeper, enum keeper_state state, const char *trouble)
{
	if (!trouble)
		trouble = "";
	if (keeper->state == state && strcmp(keeper->trouble, trouble) == 0)
		return;
	if (state == KEEPER_DEGRADED)
		records_note(keeper, EVENT_AGENT, "keeper", "degraded: %s", trouble);
	else if (keeper->state == KEEPER_DEGRADED)
		records_note(keeper, EVENT_AGENT, "keeper", "%s again", keeper_state_name(state));
	keeper->state = state;
	snprintf(keeper->trouble, sizeof(keeper->trouble), "%s", trouble);
	notify_manager("STATUS=%s%s%s", keeper_state_name(state), *trouble ? ": " : "", trouble);
}

/* Rates are over the time since the reading before, if that is long enough to mean anything. */
int health_read_counters(struct keeper *keeper)
{
	struct keeper_counters *c = &keeper->counters;
	uint64_t now_ns = clock_boot_ns(), passed_ns = now_ns - c->at_ns;
	uint64_t values[GL_CTR_MAX];
	int r = kern_counters(keeper->kern, values);

	if (r < 0)
		return r;
	if (c->at_ns && passed_ns < RATE_MIN_NS) {
		/* fresh totals, the rates of before */
		memcpy(c->values, values, sizeof(values));
		return 0;
	}
	for (unsigned i = 0; i < GL_CTR_MAX; i++)
		c->per_second[i] = c->at_ns ? (double)(values[i] - c->base[i]) *
						      (double)CLOCK_NS_PER_S / (double)passed_ns
					    : 0;
	memcpy(c->values, values, sizeof(values));
	memcpy(c->base, values, sizeof(values));
	c->at_ns = now_ns;
	return 0;
}

int health_read_listeners(struct keeper *keeper, unsigned max_age_s)
{
	uint64_t now_ns = clock_boot_ns();
	struct listener *listeners;
	size_t n;
	int r;

	if (keeper->listeners_ns && now_ns - keeper->listeners_ns < max_age_s * CLOCK_NS_PER_S)
		return 0;
	r = listeners_read(&listeners, &n);
	if (r < 0)
		return r;
	free(keeper->listeners);
	keeper->listeners = listeners;
	keeper->n_listeners = n;
	keeper->listeners_ns = now_ns;
	return 0;
}

bool health_watched(const struct policy *policy, uint16_t port)
{
	for (size_t i = 0; policy && i < policy->n_services; i++)
		for (size_t j = 0; j < policy->services[i].n_ports; j++)
			if (policy->services[i].ports[j] == port)
				return true;
	return false;
}

uint32_t health_windows_used(const struct keeper *keeper, uint32_t *ret_capacity)
{
	uint64_t now_ns = clock_boot_ns();
	uint32_t used = 0, lines;
	struct gl_window_line *table = kern_windows(keeper->kern, &lines);

	for (uint32_t i = 0; i < lines; i++)
		used += (WINDOW_READ(table[i].tag) & WINDOW_TAG_MASK) != 0 &&
			window_is_live(window_head_read(&table[i]), now_ns);
	*ret_capacity = lines;
	return used;
}
