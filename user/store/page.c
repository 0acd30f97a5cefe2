/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page.c - pages of alerts and findings: ids, from one id on, by what people ask for. The index is
 * named: what has millions of rows is never read as a whole, whatever SQLite would guess.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/store/store_private.h"

#define SEVERITIES 5

/* What differs between the two tables. */
struct table {
	const char *name, *kind; /* the column */
	bool has_state;
};
static const struct table alerts = {"alerts", "kind", true};
static const struct table findings = {"findings", "control", false};

/* "Severity at least" has no order by id: each one is asked for itself, and the ids merged. */
static bool by_severity(const struct store_page *p)
{
	return p->severity > 0 && !p->kind && !p->service && p->state == -1;
}

static const char *index_of(const struct table *t, const struct store_page *p)
{
	if (p->kind)
		return t->has_state ? "INDEXED BY alerts_kind " : "INDEXED BY findings_control ";
	if (p->service)
		return t->has_state ? "INDEXED BY alerts_service " : "INDEXED BY findings_service ";
	if (t->has_state && p->state == STORE_NOT_CLOSED)
		return "INDEXED BY alerts_open ";
	if (t->has_state && p->state >= 0)
		return "INDEXED BY alerts_state ";
	if (by_severity(p))
		return t->has_state ? "INDEXED BY alerts_severity "
				    : "INDEXED BY findings_severity ";
	return "";
}

char *store_page_sql(bool of_alerts, const struct store_page *p, char sql[STORE_PAGE_SQL])
{
	const struct table *t = of_alerts ? &alerts : &findings;

	snprintf(sql, STORE_PAGE_SQL,
		 "SELECT id FROM %s %sWHERE id %s ?%s%s%s%s%s%s%s%s ORDER BY id %s LIMIT ?",
		 t->name, index_of(t, p), p->newest ? "<" : ">", p->kind ? " AND " : "",
		 p->kind ? t->kind : "", p->kind ? " = ?" : "",
		 p->service ? " AND service = ?" : "",
		 t->has_state && p->state >= 0 ? " AND state = ?" : "",
		 t->has_state && p->state == STORE_NOT_CLOSED ? " AND state < 2" : "",
		 by_severity(p) ? " AND severity = ?" : "",
		 p->severity > 0 && !by_severity(p) ? " AND severity >= ?" : "",
		 p->newest ? "DESC" : "ASC");
	return sql;
}

struct ids {
	uint64_t *id;
	size_t n, size;
};

static int ask(struct store *store, const struct table *t, const struct store_page *p, int severity,
	       struct ids *ids)
{
	char sql[STORE_PAGE_SQL];
	struct store_list l;
	int r = store_list_begin(store, store_page_sql(t->has_state, p, sql), &l);

	if (r < 0)
		return r;
	store_list_bind(&l, p->from ? (int64_t)p->from : p->newest ? INT64_MAX : 0);
	if (p->kind)
		store_list_bind_text(&l, p->kind);
	if (p->service)
		store_list_bind_text(&l, p->service);
	if (t->has_state && p->state >= 0)
		store_list_bind(&l, p->state);
	if (p->severity > 0)
		store_list_bind(&l, severity);
	store_list_bind(&l, (int64_t)p->max);
	while (store_list_next(&l))
		if (ids->n < ids->size)
			ids->id[ids->n++] = (uint64_t)store_list_number(&l, 0);
	return store_list_end(store, &l);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static int page(struct store *store, const struct table *t, const struct store_page *p,
		store_id_fn fn, void *userdata)
{
	int first = p->severity, last = by_severity(p) ? SEVERITIES - 1 : first;
	struct ids ids = {.size = p->max * SEVERITIES};
	int r = 0;

	ids.id = calloc(ids.size, sizeof(*ids.id));
	if (!ids.id)
		return -ENOMEM;
	for (int severity = first; severity <= last && r == 0; severity++)
		r = ask(store, t, p, severity, &ids);
	qsort(ids.id, ids.n, sizeof(*ids.id), ascending);
	for (size_t i = 0; r == 0 && i < ids.n && i < p->max; i++)
		fn(ids.id[p->newest ? ids.n - 1 - i : i], userdata);
	free(ids.id);
	return r;
}

int store_page_alerts(struct store *store, const struct store_page *p, store_id_fn fn,
		      void *userdata)
{
	return page(store, &alerts, p, fn, userdata);
}

int store_page_findings(struct store *store, const struct store_page *p, store_id_fn fn,
			void *userdata)
{
	return page(store, &findings, p, fn, userdata);
}

char *store_ids_sql(const char *select, const uint64_t *ids, size_t n, char sql[STORE_IDS_SQL])
{
	size_t used = (size_t)snprintf(sql, STORE_IDS_SQL, "%s WHERE id IN (", select);

	for (size_t i = 0; i < n && i < STORE_IDS_MAX; i++)
		used += (size_t)snprintf(sql + used, STORE_IDS_SQL - used, "%s%" PRIu64,
					 i ? "," : "", ids[i]);
	snprintf(sql + used, STORE_IDS_SQL - used, ") ORDER BY id");
	return sql;
}
