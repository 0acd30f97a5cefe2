/* SPDX-License-Identifier: GPL-2.0-or-later */
/* finding_rows.c - findings out, and what they come to by control. */
#include "user/store/store_private.h"

#define COLUMNS                                                                                    \
	"SELECT id, control, rule, service, subject, severity, evidence, first, last, count,"      \
	" request FROM "

static int each(struct store *store, struct store_list *l,
		void (*fn)(const struct store_finding *finding, void *userdata), void *userdata)
{
	while (store_list_next(l)) {
		const struct store_finding f = {
			.id = (uint64_t)store_list_number(l, 0),
			.control = store_list_text(l, 1),
			.rule = store_list_text(l, 2),
			.service = store_list_text(l, 3),
			.subject = store_list_text(l, 4),
			.severity = (int)store_list_number(l, 5),
			.evidence = store_list_text(l, 6),
			.first_ns = store_list_number(l, 7),
			.last_ns = store_list_number(l, 8),
			.count = (uint64_t)store_list_number(l, 9),
			.request = store_list_text(l, 10),
		};

		fn(&f, userdata);
	}
	return store_list_end(store, l);
}

int store_each_finding(struct store *store, size_t max,
		       void (*fn)(const struct store_finding *finding, void *userdata),
		       void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store,
				 COLUMNS "(SELECT * FROM findings ORDER BY id DESC LIMIT ?)"
					 " ORDER BY id",
				 &l);

	if (r < 0)
		return r;
	store_list_bind(&l, (int64_t)max);
	return each(store, &l, fn, userdata);
}

int store_get_findings(struct store *store, const uint64_t *ids, size_t n,
		       void (*fn)(const struct store_finding *finding, void *userdata),
		       void *userdata)
{
	char sql[STORE_IDS_SQL];
	struct store_list l;
	int r = n ? store_list_begin(store, store_ids_sql(COLUMNS "findings", ids, n, sql), &l) : 0;

	return r < 0 || !n ? r : each(store, &l, fn, userdata);
}

int store_put_tally(struct store *store, const struct store_tally *t)
{
	return store_change(store, "tally", "INSERT OR REPLACE INTO tallies VALUES (?,?,?,?,?)",
			    "ttiii", t->control, t->service, (int64_t)t->count, (int64_t)t->last_id,
			    t->last_ns);
}

int store_each_tally(struct store *store,
		     void (*fn)(const struct store_tally *tally, void *userdata), void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store,
				 "SELECT control, service, count, last_id, last FROM tallies", &l);

	if (r < 0)
		return r;
	while (store_list_next(&l)) {
		const struct store_tally t = {
			.control = store_list_text(&l, 0),
			.service = store_list_text(&l, 1),
			.count = (uint64_t)store_list_number(&l, 2),
			.last_id = (uint64_t)store_list_number(&l, 3),
			.last_ns = store_list_number(&l, 4),
		};

		fn(&t, userdata);
	}
	return store_list_end(store, &l);
}
