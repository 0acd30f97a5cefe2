/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/names.h"

#include "user/base/name_table.h"

static const char *const verdicts[] = {GL_VERDICT_LIST(NAME_TABLE_ENTRY)};
static const char *const reasons[] = {GL_REASON_LIST(NAME_TABLE_ENTRY)};
static const char *const deliveries[] = {GL_DELIVERY_LIST(NAME_TABLE_ENTRY)};
static const char *const doors[] = {GL_DOOR_LIST(NAME_TABLE_ENTRY)};
static const char *const outcomes[] = {GL_OUTCOME_LIST(NAME_TABLE_ENTRY)};
static const char *const modes[] = {GL_MODE_LIST(NAME_TABLE_ENTRY)};
static const char *const counters[] = {GL_COUNTER_LIST(NAME_TABLE_ENTRY)};
static const char *const hows[] = {GL_HOW_LIST(NAME_TABLE_ENTRY)};

const char *name_verdict(unsigned verdict)
{
	return NAME_OF(verdicts, verdict);
}

const char *name_reason(unsigned reason)
{
	return NAME_OF(reasons, reason);
}

const char *name_delivery(unsigned delivery)
{
	return NAME_OF(deliveries, delivery);
}

const char *name_door(unsigned door)
{
	return NAME_OF(doors, door);
}

const char *name_outcome(unsigned outcome)
{
	return NAME_OF(outcomes, outcome);
}

const char *name_how(unsigned how)
{
	return NAME_OF(hows, how);
}

const char *name_mode(unsigned mode)
{
	return NAME_OF(modes, mode);
}

const char *name_counter(unsigned counter)
{
	return NAME_OF(counters, counter);
}

int name_find_verdict(const char *text)
{
	return NAME_FIND(verdicts, text);
}

int name_find_reason(const char *text)
{
	return NAME_FIND(reasons, text);
}

int name_find_mode(const char *text)
{
	return NAME_FIND(modes, text);
}
