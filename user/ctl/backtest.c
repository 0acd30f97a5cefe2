/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backtest.c - glacisctl policy backtest: the requests of an access log under a policy that does
 * not rule, and under the one that does. Here, on tables of its own: no agent is asked to change
 * anything, and traffic is not touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/duration.h"
#include "user/base/name_table.h"
#include "user/base/names.h"
#include "user/ctl/api.h"
#include "user/ctl/backtest_log.h"
#include "user/ctl/ctl.h"
#include "user/ctl/out.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"
#include "user/policy/replay.h"

#define TOP      10
#define ROWS_MAX 20000 /* further sources are not told apart */

/* A policy, compiled, with what it made of the requests. */
struct side {
	struct gl_policy *image;
	struct intern *names;
	struct replay *replay;
	uint64_t alerts[GL_WATCH_MAX];
};

/* What came of the requests, by operation or by source. */
struct row {
	char name[160];
	uint64_t requests, limited, refused, new_limited, new_refused;
};

struct rows {
	struct row *items;
	size_t n, room;
};

struct tally {
	struct side then, now; /* now: what rules; its image is NULL when that is not known */
	uint64_t requests, unknown, limited, refused, new_limited, new_refused, new_admitted;
	struct rows operations, sources;
	uint64_t reasons[GL_REASON_MAX];
};

/* ---------------------------------------------------------------------------------------------
 * Policies
 */
static void side_clear(struct side *side)
{
	replay_free(side->replay);
	intern_free(side->names);
	free(side->image);
}

static int side_open(struct side *side, const struct policy *policy, struct problems *problems)
{
	static const struct compile_keys keys = {.route = {1, 2}, .subject = {3, 4}};
	int r;

	side->image = malloc(sizeof(*side->image));
	if (!side->image)
		return -ENOMEM;
	r = intern_new(&side->names);
	if (r == 0)
		r = policy_compile(policy, &keys, 1, side->names, problems, side->image);
	return r < 0 ? r : replay_new(side->image, &side->replay);
}

/* The candidate: -1, or the exit code after its problems are told. */
static int open_candidate(const struct ctl *ctl, const char *file, struct side *side)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(problems_clear) struct problems problems = {0};
	int r = problems_init(&problems, file);

	if (r == 0)
		r = policy_read_file(file, &problems, &policy);
	if (r == 0)
		r = side_open(side, policy, &problems);
	if (r < 0)
		problems_print(&problems, ctl->err);
	if (r < 0 && problems.errors == 0)
		ctl_fail(ctl, CTL_REFUSED, "%s: %s", file, strerror(-r));
	return r == 0 ? -1 : r == -EINVAL ? CTL_REFUSED : CTL_USAGE;
}

/* The ruling one, if an agent says so; without, what the log says was refused is what is known. */
static void open_ruling(const struct ctl *ctl, struct side *side)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_(problems_clear) struct problems problems = {0};
	json_t *answer = NULL;
	const char *text;

	if (api_try(ctl, "/v1/policy", &answer) < 0)
		return;
	text = json_string_value(json_object_get(answer, "text"));
	if (!text || problems_init(&problems, "ruling") < 0 ||
	    policy_read(text, strlen(text), "ruling", &problems, &policy) < 0 ||
	    side_open(side, policy, &problems) < 0) {
		side_clear(side);
		*side = (struct side){};
	}
	json_decref(answer);
}

/* ---------------------------------------------------------------------------------------------
 * Counting
 */
static struct row *row_of(struct rows *rows, const char *name)
{
	for (size_t i = 0; i < rows->n; i++)
		if (strcmp(rows->items[i].name, name) == 0)
			return &rows->items[i];
	if (rows->n == ROWS_MAX)
		return NULL;
	if (rows->n == rows->room) {
		size_t room = rows->room ? rows->room * 2 : 64;
		struct row *grown = reallocarray(rows->items, room, sizeof(*grown));

		if (!grown)
			return NULL;
		rows->items = grown;
		rows->room = room;
	}
	rows->items[rows->n] = (struct row){};
	snprintf(rows->items[rows->n].name, sizeof(rows->items[0].name), "%s", name);
	return &rows->items[rows->n++];
}

static void count_row(struct row *row, bool limited, bool refused, bool new)
{
	if (!row)
		return;
	row->requests++;
	row->limited += limited;
	row->refused += refused;
	row->new_limited += limited && new;
	row->new_refused += refused && new;
}

static void count_alerts(struct side *side, const struct replay_outcome *outcome)
{
	for (int rule = 0; rule < GL_WATCH_MAX; rule++)
		side->alerts[rule] += outcome->crossed >> rule & 1;
}

/* Was it refused? By what rules now, where that is known, else as the log has it. */
static bool refused_now(struct tally *t, const struct replay_request *request)
{
	struct replay_outcome outcome;

	if (!t->now.replay)
		return request->refused;
	if (replay_request(t->now.replay, request, &outcome) < 0)
		return false;
	count_alerts(&t->now, &outcome);
	return outcome.verdict != GL_VERDICT_ALLOW;
}

static void take(const struct replay_request *request, void *userdata)
{
	struct tally *t = userdata;
	struct replay_outcome o;
	const char *operation;
	char source[ADDR_TEXT];
	bool before = refused_now(t, request), limited, refused;

	if (replay_request(t->then.replay, request, &o) < 0) {
		t->unknown++;
		return;
	}
	count_alerts(&t->then, &o);
	limited = o.verdict == GL_VERDICT_LIMIT;
	refused = !limited && o.verdict != GL_VERDICT_ALLOW;
	t->requests++;
	t->limited += limited;
	t->refused += refused;
	t->new_limited += limited && !before;
	t->new_refused += refused && !before;
	t->new_admitted += before && !limited && !refused;
	if (limited || refused)
		t->reasons[o.reason]++;
	operation = intern_name(t->then.names, INTERN_OPERATION, t->then.image->ops[o.op].id);
	count_row(row_of(&t->operations, operation ? operation : "?"), limited, refused, !before);
	/* only those it is about, so that very many sources cost nothing */
	if (limited || refused)
		count_row(row_of(&t->sources, addr_format(&request->source, source)), limited,
			  refused, !before);
}

/* ---------------------------------------------------------------------------------------------
 * Telling
 */
static int by_stopped(const void *va, const void *vb)
{
	const struct row *a = va, *b = vb;
	uint64_t na = a->limited + a->refused, nb = b->limited + b->refused;

	return na > nb ? -1 : na < nb ? 1 : strcmp(a->name, b->name);
}

static json_t *rows_json(const struct rows *rows, const char *name, size_t max)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->n && i < max; i++) {
		const struct row *row = &rows->items[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:I, s:I, s:I, s:I}", name, row->name,
						"requests", (json_int_t)row->requests, "limited",
						(json_int_t)row->limited, "refused",
						(json_int_t)row->refused, "newlyLimited",
						(json_int_t)row->new_limited, "newlyRefused",
						(json_int_t)row->new_refused));
	}
	return list;
}

static const char *watch_name_of(int rule)
{
	static const char *const names[] = {GL_WATCH_LIST(NAME_TABLE_ENTRY)};

	return NAME_OF(names, rule);
}

static json_t *alerts_json(const struct tally *t)
{
	json_t *list = json_array();

	for (int rule = 0; rule < GL_WATCH_MAX; rule++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:I, s:o}", "rule", watch_name_of(rule), "alerts",
				  (json_int_t)t->then.alerts[rule], "now",
				  t->now.replay ? json_integer((json_int_t)t->now.alerts[rule])
						: json_null()));
	return list;
}

static json_t *tally_json(const struct tally *t, const struct backtest_span *span)
{
	char first[CLOCK_TEXT], last[CLOCK_TEXT];
	json_t *reasons = json_object();
	json_t *o = json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "requests",
			      (json_int_t)t->requests, "unreadable", (json_int_t)span->unreadable,
			      "notOfPolicy", (json_int_t)t->unknown, "limited",
			      (json_int_t)t->limited, "refused", (json_int_t)t->refused,
			      "newlyLimited", (json_int_t)t->new_limited, "newlyRefused",
			      (json_int_t)t->new_refused, "newlyAdmitted",
			      (json_int_t)t->new_admitted, "known", (json_int_t)span->n);

	json_object_set_new(o, "comparedWith",
			    json_string(t->now.replay ? "the ruling policy" : "the log"));
	if (span->n) {
		json_object_set_new(o, "from", json_string(clock_format(span->first_ns, first)));
		json_object_set_new(o, "to", json_string(clock_format(span->last_ns, last)));
	}
	for (int reason = 1; reason < GL_REASON_MAX; reason++)
		if (t->reasons[reason])
			json_object_set_new(reasons, name_reason((uint8_t)reason),
					    json_integer((json_int_t)t->reasons[reason]));
	json_object_set_new(o, "reasons", reasons);
	json_object_set_new(o, "alerts", alerts_json(t));
	json_object_set_new(o, "operations", rows_json(&t->operations, "operation", SIZE_MAX));
	json_object_set_new(o, "sources", rows_json(&t->sources, "source", TOP));
	return o;
}

static void print_rows(const struct ctl *ctl, const json_t *list, const char *title,
		       const char *name)
{
	const char *const titles[] = {title,    ">REQUESTS", ">LIMITED",
				      ">NEWLY", ">REFUSED",  ">NEWLY"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *row;
	size_t i;

	for (i = 0; (row = json_array_get(list, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(row, name), out_member(row, "requests"),
			out_member(row, "limited"), out_member(row, "newlyLimited"),
			out_member(row, "refused"), out_member(row, "newlyRefused"));
	out_table_print(ctl, table, "");
}

static void print_alerts(const struct ctl *ctl, const json_t *list)
{
	static const char *const titles[] = {"ALERT", ">WOULD BE", ">ARE NOW"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *row;
	size_t i;

	for (i = 0; (row = json_array_get(list, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(row, "rule"), out_member(row, "alerts"),
			json_is_null(json_object_get(row, "now")) ? "unknown"
								  : out_member(row, "now"));
	out_table_print(ctl, table, "");
}

static void print_tally(const struct ctl *ctl, const json_t *o)
{
	fprintf(ctl->out, "%s requests", out_member(o, "requests"));
	if (*out_member(o, "from"))
		fprintf(ctl->out, " from %s", out_time(out_member(o, "from")));
	if (*out_member(o, "to"))
		fprintf(ctl->out, " to %s", out_time(out_member(o, "to")));
	fprintf(ctl->out, ", compared with %s\n", out_member(o, "comparedWith"));
	fprintf(ctl->out, "newly limited %s, newly refused %s, newly admitted %s\n",
		out_member(o, "newlyLimited"), out_member(o, "newlyRefused"),
		out_member(o, "newlyAdmitted"));
	if (strcmp(out_member(o, "unreadable"), "0") != 0 ||
	    strcmp(out_member(o, "notOfPolicy"), "0") != 0)
		fprintf(ctl->out, "left out: %s unreadable lines, %s of no service of the policy\n",
			out_member(o, "unreadable"), out_member(o, "notOfPolicy"));
	print_rows(ctl, json_object_get(o, "operations"), "OPERATION", "operation");
	print_rows(ctl, json_object_get(o, "sources"), "SOURCE", "source");
	print_alerts(ctl, json_object_get(o, "alerts"));
}

/* ---------------------------------------------------------------------------------------------
 * The command
 */
static int replay_log(struct ctl *ctl, struct tally *t, int64_t since_ns)
{
	const char *from = ctl_option(ctl, "from") ? ctl_option(ctl, "from") : BACKTEST_LOG;
	struct backtest_span span;
	json_t *o;
	int r = backtest_log_read(from, since_ns, take, t, &span);

	if (r < 0)
		return ctl_fail(ctl, CTL_USAGE, "cannot read %s: %s", from, strerror(-r));
	if (!span.n && span.unreadable)
		return ctl_fail(ctl, CTL_REFUSED,
				"%s is not an access log of glacis: none of its %lu lines can be "
				"read",
				from, (unsigned long)span.unreadable);
	if (t->operations.n)
		qsort(t->operations.items, t->operations.n, sizeof(struct row), by_stopped);
	if (t->sources.n)
		qsort(t->sources.items, t->sources.n, sizeof(struct row), by_stopped);
	o = tally_json(t, &span);
	if (!api_print_json(ctl, o))
		print_tally(ctl, o);
	json_decref(o);
	return CTL_OK;
}

int backtest_run(struct ctl *ctl)
{
	const char *last = ctl_option(ctl, "last");
	struct tally *t;
	uint32_t seconds = 0;
	int r;

	if (last && duration_parse(last, &seconds) < 0)
		return ctl_usage(ctl, "--last %s: a number and a unit, such as 30m, 1h or 7d",
				 last);
	t = calloc(1, sizeof(*t));
	if (!t)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = open_candidate(ctl, ctl->arguments[0], &t->then);
	if (r < 0) {
		open_ruling(ctl, &t->now);
		r = replay_log(ctl, t,
			       last ? clock_wall_ns() - (int64_t)(seconds * CLOCK_NS_PER_S) : 0);
	}
	side_clear(&t->then);
	side_clear(&t->now);
	free(t->operations.items);
	free(t->sources.items);
	free(t);
	return r;
}
