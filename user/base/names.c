/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/names.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "user/base/cleanup.h"

#define TEXT_AT(name, text) [name] = text,

static const char *const verdicts[] = {GL_VERDICT_LIST(TEXT_AT)};
static const char *const reasons[] = {GL_REASON_LIST(TEXT_AT)};
static const char *const deliveries[] = {GL_DELIVERY_LIST(TEXT_AT)};
static const char *const doors[] = {GL_DOOR_LIST(TEXT_AT)};
static const char *const outcomes[] = {GL_OUTCOME_LIST(TEXT_AT)};
static const char *const modes[] = {GL_MODE_LIST(TEXT_AT)};
static const char *const counters[] = {GL_COUNTER_LIST(TEXT_AT)};
static const char *const hows[] = {GL_HOW_LIST(TEXT_AT)};

static const char *text_of(const char *const *table, size_t n, unsigned value)
{
	return value < n && table[value] ? table[value] : "unknown";
}

static int value_of(const char *const *table, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (table[i] && strcmp(table[i], text) == 0)
			return (int)i;
	return -ENOENT;
}

const char *name_verdict(unsigned verdict)
{
	return text_of(verdicts, ARRAY_SIZE(verdicts), verdict);
}

const char *name_reason(unsigned reason)
{
	return text_of(reasons, ARRAY_SIZE(reasons), reason);
}

const char *name_delivery(unsigned delivery)
{
	return text_of(deliveries, ARRAY_SIZE(deliveries), delivery);
}

const char *name_door(unsigned door)
{
	return text_of(doors, ARRAY_SIZE(doors), door);
}

const char *name_outcome(unsigned outcome)
{
	return text_of(outcomes, ARRAY_SIZE(outcomes), outcome);
}

const char *name_how(unsigned how)
{
	return text_of(hows, ARRAY_SIZE(hows), how);
}

const char *name_mode(unsigned mode)
{
	return text_of(modes, ARRAY_SIZE(modes), mode);
}

const char *name_counter(unsigned counter)
{
	return text_of(counters, ARRAY_SIZE(counters), counter);
}

int name_find_verdict(const char *text)
{
	return value_of(verdicts, ARRAY_SIZE(verdicts), text);
}

int name_find_reason(const char *text)
{
	return value_of(reasons, ARRAY_SIZE(reasons), text);
}

int name_find_mode(const char *text)
{
	return value_of(modes, ARRAY_SIZE(modes), text);
}
