/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_priority.c - which alert makes an incident of which priority (controls.md section 4 and
 * AI-35): one table, the first row that fits rules.
 */
#include <string.h>

#include "user/base/cleanup.h"
#include "user/respond/incident_private.h"

enum { ANY = 0, INFO = 0, LOW, MEDIUM, HIGH, CRITICAL };

static const struct row {
	const char *kind; /* NULL: any */
	const char *pattern; /* NULL: any */
	const char *control; /* what it begins with; NULL: any */
	unsigned severity; /* at least */
	uint64_t count; /* at least */
	enum incident_nature nature;
	unsigned priority; /* 0: joins an incident, makes none */
} rows[] = {
	/* AI-35: P1 injection with exfiltration or unauthorized action; P2 poisoning, jailbreak,
	   out of scope; P3 drift; P4 excessive spend */
	{"finding", NULL, "AI-03", ANY, 0, NATURE_EXPOSURE, 4},
	{"finding", NULL, "AI-24", ANY, 0, NATURE_EXPOSURE, 4},
	{"finding", NULL, "AI-29", ANY, 0, NATURE_EXPOSURE, 4},
	{"finding", NULL, "AI-13", ANY, 0, NATURE_ATTACK, 3},
	{"finding", NULL, "AI-18", ANY, 0, NATURE_FAILURE, 3},
	{"finding", NULL, "AI-", CRITICAL, 0, NATURE_ATTACK, 1},
	{"finding", NULL, "AI-", HIGH, 0, NATURE_ATTACK, 2},
	{"finding", NULL, "AI-", ANY, 0, NATURE_ATTACK, 3},

	/* attacks */
	{"credential-stuffing", NULL, NULL, CRITICAL, 0, NATURE_ATTACK, 1},
	{"credential-stuffing", NULL, NULL, ANY, 0, NATURE_ATTACK, 2},
	{"password-spraying", NULL, NULL, CRITICAL, 0, NATURE_ATTACK, 1},
	{"password-spraying", NULL, NULL, ANY, 0, NATURE_ATTACK, 2},
	{"enumeration", NULL, NULL, CRITICAL, 0, NATURE_ATTACK, 1},
	{"enumeration", NULL, NULL, ANY, 0, NATURE_ATTACK, 2},
	{"auth-failures", NULL, NULL, ANY, 100, NATURE_ATTACK, 2},
	{"auth-failures", NULL, NULL, ANY, 0, NATURE_ATTACK, 3},
	{"forbidden", NULL, NULL, ANY, 1000, NATURE_ATTACK, 2},
	{"forbidden", NULL, NULL, ANY, 0, NATURE_ATTACK, 3},
	{"limit-exceeded", "distributed", NULL, ANY, 0, NATURE_ATTACK, 2},
	{"limit-exceeded", "burst", NULL, ANY, 0, NATURE_ATTACK, 4},
	{"limit-exceeded", "none", NULL, ANY, 0, NATURE_ATTACK, 4},
	{"limit-exceeded", NULL, NULL, ANY, 0, NATURE_ATTACK, 3},
	{"tls-downgrade", NULL, NULL, ANY, 0, NATURE_ATTACK, 2},

	/* something leaves that must not */
	{"secret-in-response", NULL, NULL, CRITICAL, 0, NATURE_EXPOSURE, 1},
	{"secret-in-response", NULL, NULL, ANY, 0, NATURE_EXPOSURE, 2},

	/* something does not work */
	{"server-errors", NULL, NULL, ANY, 100, NATURE_FAILURE, 2},
	{"server-errors", NULL, NULL, ANY, 0, NATURE_FAILURE, 3},

	/* the agent's own state, and what is a task rather than an incident */
	{"certificate-expiring", NULL, NULL, ANY, 0, NATURE_HEALTH, 0},
	{"blind-listener", NULL, NULL, ANY, 0, NATURE_HEALTH, 0},
	{"loss", NULL, NULL, ANY, 0, NATURE_HEALTH, 0},
	{"store-trouble", NULL, NULL, ANY, 0, NATURE_HEALTH, 0},
	{"deadline", NULL, NULL, ANY, 0, NATURE_HEALTH, 0},
	{"attestation", NULL, NULL, ANY, 0, NATURE_HEALTH, 0},

	/* any other statement of a detector */
	{NULL, NULL, NULL, CRITICAL, 0, NATURE_EXPOSURE, 1},
	{NULL, NULL, NULL, HIGH, 0, NATURE_EXPOSURE, 2},
	{NULL, NULL, NULL, MEDIUM, 0, NATURE_EXPOSURE, 3},
	{NULL, NULL, NULL, ANY, 0, NATURE_EXPOSURE, 4},
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

unsigned incident_priority_of(const struct incident_signal *signal)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];

		if ((!row->kind || strcmp(row->kind, signal->kind) == 0) &&
		    (!row->pattern || strcmp(row->pattern, signal->pattern) == 0) &&
		    (!row->control || begins(signal->control, row->control)) &&
		    signal->severity >= row->severity && signal->count >= row->count)
			return row->priority;
	}
	return 0;
}

enum incident_nature incident_nature_of(const char *kind, const char *control)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if ((!rows[i].kind || strcmp(rows[i].kind, kind) == 0) &&
		    (!rows[i].control || begins(control, rows[i].control)))
			return rows[i].nature;
	return NATURE_EXPOSURE;
}
