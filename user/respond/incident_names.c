/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incident_names.c - the texts of the enums of incident.h, from the same lists. */
#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/respond/incident.h"

#define TEXT_AT(name, text) [name] = text,

static const char *const statuses[] = {INCIDENT_STATUS_LIST(TEXT_AT)};
static const char *const resolutions[] = {INCIDENT_RESOLUTION_LIST(TEXT_AT)};
static const char *const deadlines[] = {INCIDENT_DEADLINE_LIST(TEXT_AT)};
static const char *const dues[] = {INCIDENT_DUE_LIST(TEXT_AT)};
static const char *const tasks[] = {INCIDENT_TASK_LIST(TEXT_AT)};
static const char *const priorities[] = {"none", "P1", "P2", "P3", "P4"};

static const char *text_of(const char *const *table, size_t n, unsigned value)
{
	return value < n ? table[value] : "unknown";
}

static int value_of(const char *const *table, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(table[i], text) == 0)
			return (int)i;
	return -ENOENT;
}

const char *incident_status_name(unsigned status)
{
	return text_of(statuses, ARRAY_SIZE(statuses), status);
}

const char *incident_resolution_name(unsigned resolution)
{
	return text_of(resolutions, ARRAY_SIZE(resolutions), resolution);
}

const char *incident_deadline_name(unsigned deadline)
{
	return text_of(deadlines, ARRAY_SIZE(deadlines), deadline);
}

const char *incident_due_name(unsigned state)
{
	return text_of(dues, ARRAY_SIZE(dues), state);
}

const char *incident_task_name(unsigned state)
{
	return text_of(tasks, ARRAY_SIZE(tasks), state);
}

int incident_status_find(const char *text)
{
	return value_of(statuses, ARRAY_SIZE(statuses), text);
}

int incident_resolution_find(const char *text)
{
	return value_of(resolutions, ARRAY_SIZE(resolutions), text);
}

int incident_task_find(const char *text)
{
	return value_of(tasks, ARRAY_SIZE(tasks), text);
}

const char *incident_priority_name(unsigned priority)
{
	return text_of(priorities, ARRAY_SIZE(priorities), priority);
}

int incident_priority_find(const char *text)
{
	int found = value_of(priorities, ARRAY_SIZE(priorities), text);

	return found > 0 ? found : -EINVAL;
}
