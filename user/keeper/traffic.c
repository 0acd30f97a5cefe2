/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/traffic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/inspect/transaction.h"
#include "user/keeper/event_text.h"

#define EARLY_MAX 256 /* findings that came before their request */
#define LATE_MAX  1024 /* findings that came after it was stored */
#define KNOWN_MAX (2 * TRAFFIC_WAITING_MAX) /* all that wait and as many that are stored */

_Static_assert((KNOWN_MAX & (KNOWN_MAX - 1)) == 0, "buckets by the last bits of a hash");

struct waiting {
	struct traffic_row row;
	uint32_t number; /* among the requests with an id; 0: it has none */
};

/* A request that findings may name, by its number; of a bucket the newest leads to older ones. */
struct known {
	uint64_t request; /* hash of its id */
	int64_t row; /* 0: it waits, or was not stored */
	uint32_t older;
	uint32_t waiting; /* its place while it waits */
};

struct traffic {
	struct traffic_store *store;
	struct waiting waiting[TRAFFIC_WAITING_MAX];
	size_t n;
	struct {
		uint64_t request;
		uint32_t mark;
	} early[EARLY_MAX];
	size_t next_early, n_early; /* that wait: mostly none */
	struct known known[KNOWN_MAX]; /* by the last bits of its number */
	uint32_t newest[KNOWN_MAX]; /* of a bucket: a number, 0 = none */
	uint32_t last; /* number given */
	struct traffic_mark late[LATE_MAX];
	size_t n_late;
	uint64_t lost;
	bool threads; /* what was given may still be lost */
};

int traffic_new(const char *state_dir, struct traffic **ret_traffic)
{
	struct traffic *traffic = calloc(1, sizeof(*traffic));
	int r = traffic ? traffic_open(state_dir, &traffic->store) : -ENOMEM;

	if (r < 0) {
		free(traffic);
		return r;
	}
	*ret_traffic = traffic;
	return 0;
}

static struct known *known_at(struct traffic *traffic, uint32_t number)
{
	return &traffic->known[number & (KNOWN_MAX - 1)];
}

static uint32_t *bucket_of(struct traffic *traffic, uint64_t request)
{
	return &traffic->newest[request & (KNOWN_MAX - 1)];
}

/* The request waits at this place. Its number. */
static uint32_t know(struct traffic *traffic, uint64_t request, size_t waiting)
{
	uint32_t *newest = bucket_of(traffic, request);
	uint32_t number = ++traffic->last ?: ++traffic->last;

	*known_at(traffic, number) = (struct known){
		.request = request,
		.older = *newest,
		.waiting = (uint32_t)waiting,
	};
	*newest = number;
	return number;
}

/* The number of the last request of that id, if it is known still; else 0. */
static uint32_t known_find(struct traffic *traffic, uint64_t request)
{
	uint32_t number = *bucket_of(traffic, request);

	/* the place of one that is older is another one's by now */
	while (number && traffic->last - number < KNOWN_MAX) {
		const struct known *known = known_at(traffic, number);

		if (known->request == request)
			return number;
		number = known->older;
	}
	return 0;
}

/* Its row, while it waits; else NULL. */
static struct traffic_row *waiting_row(struct traffic *traffic, uint32_t number)
{
	uint32_t at = known_at(traffic, number)->waiting;

	return at < traffic->n && traffic->waiting[at].number == number ? &traffic->waiting[at].row
									: NULL;
}

static void flush(struct traffic *traffic)
{
	struct traffic_row *rows;

	if (traffic->n_late)
		traffic_mark(traffic->store, traffic->late, traffic->n_late);
	traffic->n_late = 0;
	if (!traffic->n)
		return;
	rows = calloc(traffic->n, sizeof(*rows));
	for (size_t i = 0; rows && i < traffic->n; i++)
		rows[i] = traffic->waiting[i].row;
	if (!rows || traffic_put(traffic->store, rows, traffic->n) < 0)
		traffic->lost += traffic->n;
	else
		for (size_t i = 0; i < traffic->n; i++)
			if (traffic->waiting[i].number)
				known_at(traffic, traffic->waiting[i].number)->row = rows[i].id;
	free(rows);
	traffic->n = 0;
}

void traffic_free(struct traffic *traffic)
{
	if (!traffic)
		return;
	flush(traffic);
	traffic_close(traffic->store);
	free(traffic);
}

/* Ids are made by us or bounded and printable; a collision costs a mark in the wrong row. */
static uint64_t hash(const char *id)
{
	uint64_t h = 14695981039346656037ull;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211ull;
	return h;
}

static void mark(struct traffic_row *row, uint32_t name)
{
	for (int i = 0; i < TRAFFIC_MARKS; i++) {
		if (row->marks[i] == name)
			return;
		if (!row->marks[i]) {
			row->marks[i] = name;
			return;
		}
	}
}

static uint32_t name_of(struct traffic *traffic, const char *text)
{
	return text ? traffic_name(traffic->store, text) : 0;
}

void traffic_add(struct traffic *traffic, const struct report_transaction *tx,
		 const struct intern *intern)
{
	const char *operation = intern_name(intern, INTERN_OPERATION, tx->op);
	uint64_t total_us = tx->total_ns / 1000;
	uint64_t request;
	struct waiting *w;

	if (!traffic)
		return;
	if (traffic->n == TRAFFIC_WAITING_MAX) {
		traffic->lost++;
		return;
	}
	request = hash(tx->request_id);
	w = &traffic->waiting[traffic->n];
	*w = (struct waiting){
		.number = *tx->request_id ? know(traffic, request, traffic->n) : 0,
		.row =
			{
				.time_ns = tx->begin_wall_ns,
				.source = tx->source,
				.principal = tx->principal,
				.request_bytes = tx->request_bytes,
				.response_bytes = tx->response_bytes,
				.total_us = total_us > UINT32_MAX ? UINT32_MAX : (uint32_t)total_us,
				.flags = tx->flags,
				.service = name_of(
					traffic, intern_name(intern, INTERN_SERVICE, tx->service)),
				.operation = name_of(traffic,
						     operation ? operation_label(operation) : NULL),
				.cls = name_of(traffic, intern_name(intern, INTERN_CLASS, tx->cls)),
				.method = name_of(traffic, tx->method),
				.path = name_of(traffic, tx->path.text),
				.status = tx->status,
			},
	};
	traffic->n++;
	for (size_t i = 0; traffic->n_early && i < EARLY_MAX; i++)
		if (traffic->early[i].mark && traffic->early[i].request == request) {
			mark(&w->row, traffic->early[i].mark);
			traffic->early[i].mark = 0;
			traffic->n_early--;
		}
}

void traffic_add_verdict(struct traffic *traffic, const struct gl_rec_verdict *v, int64_t wall_ns,
			 const struct intern *intern)
{
	const char *operation = intern_name(intern, INTERN_OPERATION, v->op);

	if (!traffic || v->verdict == GL_VERDICT_ALLOW || v->door != GL_DOOR_WIRE ||
	    (v->delivery != GL_DELIVERY_ANSWER && v->delivery != GL_DELIVERY_RESET))
		return;
	if (traffic->n == TRAFFIC_WAITING_MAX) {
		traffic->lost++;
		return;
	}
	traffic->waiting[traffic->n++] = (struct waiting){
		.row =
			{
				.time_ns = wall_ns,
				.source = v->source,
				.principal = v->principal,
				.flags = TX_AGENT,
				.service = name_of(traffic,
						   intern_name(intern, INTERN_SERVICE, v->service)),
				.operation = name_of(traffic,
						     operation ? operation_label(operation) : NULL),
				.cls = name_of(traffic, intern_name(intern, INTERN_CLASS, v->cls)),
				.status = v->status,
			},
	};
}

void traffic_found(struct traffic *traffic, const char *request_id, const char *rule)
{
	uint64_t request = hash(request_id);
	uint32_t name, number;
	struct traffic_row *row;
	int64_t stored;

	if (!traffic || !*request_id)
		return;
	name = traffic_name(traffic->store, rule);
	number = known_find(traffic, request);
	row = number ? waiting_row(traffic, number) : NULL;
	stored = number ? known_at(traffic, number)->row : 0;
	if (row) {
		mark(row, name);
		return;
	}
	if (stored) {
		if (traffic->n_late < LATE_MAX)
			traffic->late[traffic->n_late++] =
				(struct traffic_mark){.row = stored, .name = name};
		return;
	}
	if (!name)
		return;
	traffic->n_early += !traffic->early[traffic->next_early].mark;
	traffic->early[traffic->next_early].request = request;
	traffic->early[traffic->next_early].mark = name;
	traffic->next_early = (traffic->next_early + 1) % EARLY_MAX;
}

void traffic_tick(struct traffic *traffic, const struct policy_incidents *rules, int64_t now_ns)
{
	const struct traffic_limits limits = {.age_s = rules->traffic_age_s,
					      .bytes = (uint64_t)rules->traffic_mib << 20};

	if (!traffic)
		return;
	if (!limits.bytes)
		traffic->n = 0; /* none are wanted */
	flush(traffic);
	traffic_prune(traffic->store, &limits, now_ns);
}

int traffic_begin(struct traffic *traffic)
{
	traffic->threads = true;
	return traffic_start(traffic->store);
}

struct traffic_store *traffic_store(struct traffic *traffic)
{
	flush(traffic);
	traffic_settle(traffic->store);
	return traffic->store;
}

uint64_t traffic_lost(const struct traffic *traffic)
{
	if (!traffic)
		return 0;
	return traffic->lost + (traffic->threads ? traffic_counts(traffic->store).failed : 0);
}
