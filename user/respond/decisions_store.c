/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/decisions_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

int decisions_store_put(struct store *store, const struct decision *decision, const char *boot_id,
			struct clock_now now)
{
	char source[PREFIX_TEXT];
	const struct store_decision row = {
		.id = decision->id,
		.kind = decision->ja4[0] ? "ja4" : "source",
		.subject =
			decision->ja4[0] ? decision->ja4 : prefix_format(&decision->prefix, source),
		.verdict = decision->set == GL_SET_ALLOW ? "allow" : "ban",
		.origin = decision->origin,
		.reason = decision->reason,
		.boot_id = boot_id,
		.created_ns = decision->created_wall_ns,
		.expires_ns = now.wall_ns + (int64_t)(decision->expires_boot_ns - now.boot_ns),
		.expires_boot_ns = decision->expires_boot_ns,
	};

	return store_put_decision(store, &row);
}

struct reading {
	const char *boot_id;
	struct clock_now now;
	struct decision **items;
	size_t n, room;
	int result;
};

/* -EBADMSG: not one of ours. */
static int read_row(const struct reading *reading, const struct store_decision *row,
		    struct decision *d)
{
	struct clock_now now = reading->now;

	*d = (struct decision){.id = row->id, .created_wall_ns = row->created_ns};
	if (strcmp(row->kind, "ja4") == 0 && strlen(row->subject) < sizeof(d->ja4))
		snprintf(d->ja4, sizeof(d->ja4), "%s", row->subject);
	else if (prefix_parse(row->subject, &d->prefix) < 0)
		return -EBADMSG;
	d->set = strcmp(row->verdict, "allow") == 0 ? GL_SET_ALLOW : GL_SET_BAN;
	if (!row->id || (d->set == GL_SET_BAN && strcmp(row->verdict, "ban") != 0))
		return -EBADMSG;
	snprintf(d->origin, sizeof(d->origin), "%s", row->origin);
	snprintf(d->reason, sizeof(d->reason), "%s", row->reason);
	if (*reading->boot_id && strcmp(row->boot_id, reading->boot_id) == 0)
		d->expires_boot_ns = row->expires_boot_ns;
	else if (row->expires_ns > now.wall_ns)
		d->expires_boot_ns = now.boot_ns + (uint64_t)(row->expires_ns - now.wall_ns);
	return 0;
}

static int keep(struct reading *reading, const struct decision *d)
{
	if (reading->n == reading->room) {
		size_t room = reading->room ? reading->room * 2 : 64;
		struct decision **grown =
			reallocarray(reading->items, room, sizeof(struct decision *));

		if (!grown)
			return -ENOMEM;
		reading->items = grown;
		reading->room = room;
	}
	reading->items[reading->n] = malloc(sizeof(*d));
	if (!reading->items[reading->n])
		return -ENOMEM;
	*reading->items[reading->n++] = *d;
	return 0;
}

static void take_row(const struct store_decision *row, void *userdata)
{
	struct reading *reading = userdata;
	struct decision d;
	int r;

	if (strcmp(row->kind, "source") != 0 && strcmp(row->kind, "ja4") != 0)
		return; /* about another subject: subjects_store.c's */
	r = read_row(reading, row, &d);
	if (r == 0 && d.expires_boot_ns > reading->now.boot_ns)
		r = keep(reading, &d);
	if (r < 0)
		reading->result = r;
}

int decisions_store_read(struct store *store, const char *boot_id, struct clock_now now,
			 struct decision ***ret_items, size_t *ret_n)
{
	struct reading reading = {.boot_id = boot_id, .now = now};
	int r = store_each_decision(store, take_row, &reading);

	*ret_items = reading.items;
	*ret_n = reading.n;
	return r < 0 ? -EIO : reading.result;
}
