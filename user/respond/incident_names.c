/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incident_names.c - the texts of the enums of incident.h, from the same lists. */
#include <errno.h>

#include "user/base/name_table.h"
#include "user/respond/incident.h"

static const char *const statuses[] = {INCIDENT_STATUS_LIST(NAME_TABLE_ENTRY)};
static const char *const resolutions[] = {INCIDENT_RESOLUTION_LIST(NAME_TABLE_ENTRY)};
static const char *const deadlines[] = {INCIDENT_DEADLINE_LIST(NAME_TABLE_ENTRY)};
static const char *const dues[] = {INCIDENT_DUE_LIST(NAME_TABLE_ENTRY)};
static const char *const tasks[] = {INCIDENT_TASK_LIST(NAME_TABLE_ENTRY)};
static const char *const priorities[] = {"none", "P1", "P2", "P3", "P4"};

const char *incident_status_name(unsigned status)
{
	return NAME_OF(statuses, status);
}

const char *incident_resolution_name(unsigned resolution)
{
	return NAME_OF(resolutions, resolution);
}

const char *incident_deadline_name(unsigned deadline)
{
	return NAME_OF(deadlines, deadline);
}

const char *incident_due_name(unsigned state)
{
	return NAME_OF(dues, state);
}

const char *incident_task_name(unsigned state)
{
	return NAME_OF(tasks, state);
}

int incident_status_find(const char *text)
{
	return NAME_FIND(statuses, text);
}

int incident_resolution_find(const char *text)
{
	return NAME_FIND(resolutions, text);
}

int incident_task_find(const char *text)
{
	return NAME_FIND(tasks, text);
}

const char *incident_priority_name(unsigned priority)
{
	return NAME_OF(priorities, priority);
}

int incident_priority_find(const char *text)
{
	int found = NAME_FIND(priorities, text);

	return found > 0 ? found : -EINVAL;
}
