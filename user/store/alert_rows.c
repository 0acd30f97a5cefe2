/* SPDX-License-Identifier: GPL-2.0-or-later */
/* alert_rows.c - alerts in and out. */
#include "user/store/store_private.h"

int store_put_alert(struct store *store, const struct store_alert *a)
{
	return store_change(
		store, "alert",
		"INSERT OR REPLACE INTO alerts (id, kind, severity, state, control, service,"
		" operation, subject, source, incident, first, last, count, data)"
		" VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		"itiitttttiiiit", (int64_t)a->id, a->kind, (int64_t)a->severity, (int64_t)a->state,
		a->control, a->service, a->operation, a->subject, a->source, (int64_t)a->incident,
		a->first_ns, a->last_ns, (int64_t)a->count, a->data);
}

#define COLUMNS                                                                                    \
	"SELECT id, kind, severity, state, control, service, operation, subject, source, "         \
	"incident,"                                                                                \
	" first, last, count, data FROM "

static int each(struct store *store, struct store_list *l,
		void (*fn)(const struct store_alert *alert, void *userdata), void *userdata)
{
	while (store_list_next(l)) {
		const struct store_alert a = {
			.id = (uint64_t)store_list_number(l, 0),
			.kind = store_list_text(l, 1),
			.severity = (int)store_list_number(l, 2),
			.state = (int)store_list_number(l, 3),
			.control = store_list_text(l, 4),
			.service = store_list_text(l, 5),
			.operation = store_list_text(l, 6),
			.subject = store_list_text(l, 7),
			.source = store_list_text(l, 8),
			.incident = (uint64_t)store_list_number(l, 9),
			.first_ns = store_list_number(l, 10),
			.last_ns = store_list_number(l, 11),
			.count = (uint64_t)store_list_number(l, 12),
			.data = store_list_text(l, 13),
		};

		fn(&a, userdata);
	}
	return store_list_end(store, l);
}

int store_each_alert(struct store *store, size_t max,
		     void (*fn)(const struct store_alert *alert, void *userdata), void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store,
				 COLUMNS "(SELECT * FROM alerts ORDER BY id DESC LIMIT ?)"
					 " ORDER BY id",
				 &l);

	if (r < 0)
		return r;
	store_list_bind(&l, (int64_t)max);
	return each(store, &l, fn, userdata);
}

int store_get_alerts(struct store *store, const uint64_t *ids, size_t n,
		     void (*fn)(const struct store_alert *alert, void *userdata), void *userdata)
{
	char sql[STORE_IDS_SQL];
	struct store_list l;
	int r = n ? store_list_begin(store, store_ids_sql(COLUMNS "alerts", ids, n, sql), &l) : 0;

	return r < 0 || !n ? r : each(store, &l, fn, userdata);
}
