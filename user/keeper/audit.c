/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/audit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"

struct entry {
	int64_t time_ns;
	uint32_t uid;
	int32_t pid;
	char *origin, *what, *before, *after;
};

struct audit {
	struct store *store;
	struct entry *waiting[AUDIT_WAITING_MAX]; /* a ring: the oldest is lost first */
	size_t first, n;
	uint64_t dropped;
};

int audit_open(struct store *store, struct audit **ret_audit)
{
	struct audit *audit = calloc(1, sizeof(*audit));

	if (!audit)
		return -ENOMEM;
	audit->store = store;
	*ret_audit = audit;
	return 0;
}

static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	free(entry->origin);
	free(entry->what);
	free(entry->before);
	free(entry->after);
	free(entry);
}

static void forget_first(struct audit *audit)
{
	entry_free(audit->waiting[audit->first]);
	audit->first = (audit->first + 1) % AUDIT_WAITING_MAX;
	audit->n--;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	while (audit->n)
		forget_first(audit);
	free(audit);
}

static void wait(struct audit *audit, struct entry *entry)
{
	if (audit->n == AUDIT_WAITING_MAX) {
		forget_first(audit);
		audit->dropped++;
	}
	audit->waiting[(audit->first + audit->n++) % AUDIT_WAITING_MAX] = entry;
}

int audit_flush(struct audit *audit)
{
	int r;

	if (audit->n == 0)
		return 0;
	r = store_begin(audit->store);
	if (r < 0)
		return r;
	for (size_t i = 0; i < audit->n && r == 0; i++) {
		const struct entry *e = audit->waiting[(audit->first + i) % AUDIT_WAITING_MAX];
		const struct store_audit row = {
			.time_ns = e->time_ns,
			.origin = e->origin,
			.what = e->what,
			.before = e->before,
			.after = e->after,
			.uid = e->uid,
			.pid = e->pid,
		};

		r = store_add_audit(audit->store, &row);
	}
	r = store_commit(audit->store);
	while (r == 0 && audit->n)
		forget_first(audit);
	return r;
}

static char *dump(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

int audit_write(struct audit *audit, const struct audit_actor *actor, const char *what,
		json_t *before, json_t *after)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry) {
		json_decref(before);
		json_decref(after);
		audit->dropped++;
		return -ENOMEM;
	}
	*entry = (struct entry){
		.time_ns = clock_wall_ns(),
		.uid = actor->uid,
		.pid = actor->pid,
		.origin = strdup(actor->origin),
		.what = strdup(what),
		.before = dump(before),
		.after = dump(after),
	};
	if (!entry->origin || !entry->what) {
		entry_free(entry);
		audit->dropped++;
		return -ENOMEM;
	}
	wait(audit, entry);
	return audit_flush(audit) < 0;
}

size_t audit_waiting(const struct audit *audit)
{
	return audit->n;
}

uint64_t audit_dropped(const struct audit *audit)
{
	return audit->dropped;
}
