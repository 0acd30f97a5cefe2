/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decisions.c - bans and allowances over the API. Whoever bans what glacis would never ban by
 * itself is told what it is and has to say force.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/api/api.h"
#include "user/base/duration.h"
#include "user/detect/ja4.h"
#include "user/keeper/open_cut.h"
#include "user/keeper/persist.h"

#define TTL_DEFAULT "4h"

static const char *set_name(uint8_t set)
{
	return set == GL_SET_ALLOW ? "allow" : "ban";
}

static json_t *decision_json(const struct keeper *keeper, const struct decision *d)
{
	char source[PREFIX_TEXT], created[CLOCK_TEXT], expires[CLOCK_TEXT], id[16];

	snprintf(id, sizeof(id), "%u", d->id);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I}", "id", id, "kind",
			 d->ja4[0] ? "ja4" : "source", d->ja4[0] ? "ja4" : "source",
			 d->ja4[0] ? d->ja4 : prefix_format(&d->prefix, source), "verdict",
			 set_name(d->set), "reason", d->reason, "origin", d->origin, "createdAt",
			 clock_format(d->created_wall_ns, created), "expiresAt",
			 clock_format(clock_wall_of_boot(d->expires_boot_ns), expires), "hits",
			 (json_int_t)(d->ja4[0] ? contain_ja4_hits(keeper, d->ja4)
						: decisions_hits(keeper->decisions, d)));
}

/* Two lists with one row of ids: the newer of both, below `before`. */
struct walk {
	const struct keeper *keeper;
	size_t decisions, subjects; /* how many are left of each */
};

/* The id of what comes next, 0 at the end; *ret_item (may be NULL): it in JSON. */
static uint32_t walk_next(struct walk *w, uint64_t before, json_t **ret_item)
{
	const struct decision *d;
	const struct subject *s;

	do
		d = w->decisions ? decisions_at(w->keeper->decisions, --w->decisions) : NULL;
	while (d && before && d->id >= before);
	do
		s = w->subjects ? subjects_at(w->keeper->subjects, --w->subjects) : NULL;
	while (s && before && s->id >= before);
	if (d && s && d->id > s->id)
		w->subjects++;
	else if (d && s)
		w->decisions++;
	if (d && (!s || d->id > s->id)) {
		*ret_item = decision_json(w->keeper, d);
		return d->id;
	}
	*ret_item = s ? api_subject_json(w->keeper, s) : NULL;
	return s ? s->id : 0;
}

/* Newest first; `after` is the id of the last one of the page before. */
void api_decisions_list(struct api_request *rq)
{
	static const char *const parameters[] = {"limit", "after", NULL};
	struct walk walk = {
		.keeper = rq->keeper,
		.decisions = decisions_count(rq->keeper->decisions),
		.subjects = subjects_count(rq->keeper->subjects),
	};
	json_t *items, *item;
	bool more = false;
	uint64_t after;
	size_t limit;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &limit) ||
	    !api_page_after(rq, &after))
		return;
	items = json_array();
	while (!more && walk_next(&walk, after, &item)) {
		more = json_array_size(items) == limit;
		if (more)
			json_decref(item);
		else
			json_array_append_new(items, item);
	}
	api_page(rq, items, more);
}

/* ---------------------------------------------------------------------------------------------
 * Adding
 */
static bool parse_set(struct api_request *rq, const char *verdict, uint8_t *ret_set)
{
	if (strcmp(verdict, "ban") == 0)
		*ret_set = GL_SET_BAN;
	else if (strcmp(verdict, "allow") == 0)
		*ret_set = GL_SET_ALLOW;
	else {
		api_problem(rq, 422, "bad-verdict", NULL,
			    "'%s' is none of ban, allow, suspend, revoke, lockdown, kill, grant",
			    verdict);
		return false;
	}
	return true;
}

/* Either an address or a client's fingerprint. */
static bool parse_subject(struct api_request *rq, const char *source, const char *ja4,
			  struct decision_ask *ask)
{
	if (!ja4)
		return api_parse_source(rq, source, &ask->prefix);
	if (source) {
		api_problem(rq, 422, "bad-member", NULL, "either 'source' or 'ja4', not both");
		return false;
	}
	if (!ja4_is(ja4)) {
		api_problem(rq, 422, "bad-ja4", NULL,
			    "'%.64s' is not a JA4 such as t13d1516h2_8daaf6152771_b186095e22b6",
			    ja4);
		return false;
	}
	snprintf(ask->ja4, sizeof(ask->ja4), "%s", ja4);
	return true;
}

/* Everything but the body's force and dryRun. */
static bool parse_ask(struct api_request *rq, struct decision_ask *ask)
{
	static const char *const members[] = {"source", "ja4",    "verdict",  "ttl", "reason",
					      "force",  "dryRun", "keepOpen", NULL};
	const char *source, *ja4, *verdict, *ttl, *reason;

	if (!api_body_has_only(rq, members) || !api_body_string(rq, "ja4", false, &ja4) ||
	    !api_body_string(rq, "source", !ja4, &source) ||
	    !api_body_string(rq, "verdict", true, &verdict) ||
	    !api_body_string(rq, "ttl", false, &ttl) ||
	    !api_body_string(rq, "reason", false, &reason) ||
	    !parse_subject(rq, source, ja4, ask) || !parse_set(rq, verdict, &ask->set) ||
	    !api_parse_ttl(rq, ttl ? ttl : TTL_DEFAULT, &ask->ttl_s))
		return false;
	if (reason && strlen(reason) >= sizeof(ask->reason)) {
		api_problem(rq, 422, "bad-member", NULL, "'reason' is longer than %zu bytes",
			    sizeof(ask->reason) - 1);
		return false;
	}
	if (ja4 && ask->set != GL_SET_BAN) {
		api_problem(rq, 422, "bad-verdict", NULL, "a fingerprint can only be banned");
		return false;
	}
	snprintf(ask->reason, sizeof(ask->reason), "%s", reason ? reason : "");
	ask->origin = "manual";
	return true;
}

/* 409 when the ban would hit the protected or whoever asks for it. */
static bool may_ban(struct api_request *rq, const struct addr_prefix *prefix)
{
	struct keeper *keeper = rq->keeper;
	char why[PROTECT_WHY], source[PREFIX_TEXT], text[ADDR_TEXT];
	struct gl_addr session;

	prefix_format(prefix, source);
	if (contain_refresh_protected(keeper, 0) < 0) {
		api_problem(rq, 500, "no-memory", NULL, "whom to protect is unknown");
		return false;
	}
	if (protect_hit(keeper->protect, prefix, why)) {
		api_problem(rq, 409, "protected", NULL,
			    "%s is protected: %s; force bans it nevertheless", source, why);
		return false;
	}
	if (protect_session_of(rq->pid, &session) == 0 && prefix_contains(prefix, &session)) {
		api_problem(rq, 409, "protected", NULL,
			    "%s is protected: your own session comes from %s; force bans it "
			    "nevertheless",
			    source, addr_format(&session, text));
		return false;
	}
	return true;
}

static json_t *tried_json(const struct decision_ask *ask)
{
	char source[PREFIX_TEXT], created[CLOCK_TEXT], expires[CLOCK_TEXT];
	struct clock_now now = clock_now();

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "id", "0",
			 ask->ja4[0] ? "ja4" : "source",
			 ask->ja4[0] ? ask->ja4 : prefix_format(&ask->prefix, source), "verdict",
			 set_name(ask->set), "reason", ask->reason, "origin", ask->origin,
			 "createdAt", clock_format(now.wall_ns, created), "expiresAt",
			 clock_format(now.wall_ns + ask->ttl_s * (int64_t)CLOCK_NS_PER_S, expires),
			 "hits", 0);
}

static void put(struct api_request *rq, const struct decision_ask *ask, bool keep_open)
{
	struct keeper *keeper = rq->keeper;
	const struct decision *was =
		ask->ja4[0] ? decisions_find_ja4(keeper->decisions, ask->ja4)
			    : decisions_find(keeper->decisions, ask->set, &ask->prefix);
	const struct decision *d;
	json_t *before = was ? decision_json(keeper, was) : NULL, *answer;
	char source[PREFIX_TEXT], ttl[DURATION_TEXT];
	int r = decisions_put(keeper->decisions, ask, clock_now(), &d);

	if (r == 0 && d->ja4[0])
		r = contain_ja4(keeper, d);
	if (r < 0) {
		json_decref(before);
		if (r == -ENOSPC)
			api_problem(rq, 507, "table-full", NULL,
				    "the decision table is full (%zu in force): nothing changed",
				    decisions_count(keeper->decisions));
		else
			api_problem(rq, 500, "not-in-force", NULL,
				    "the decision could not be put in force: %s", strerror(-r));
		return;
	}
	answer = decision_json(keeper, d);
	json_object_set_new(answer, "connectionsCut",
			    json_integer(keep_open ? 0 : open_cut_decision(keeper, d)));
	persist_decisions(keeper);
	api_changed(rq, EVENT_DECISION, "decision add", before, decision_json(keeper, d),
		    "%s %s for %s%s%.40s", set_name(ask->set),
		    ask->ja4[0] ? ask->ja4 : prefix_format(&ask->prefix, source),
		    duration_format(ask->ttl_s, ttl), *ask->reason ? ": " : "", ask->reason);
	api_reply(rq, 201, answer);
}

void api_decisions_add(struct api_request *rq)
{
	const char *verdict = json_string_value(json_object_get(rq->body, "verdict"));
	struct decision_ask ask = {};
	bool force, dry_run, keep_open;

	if (verdict && api_subject_verdict(verdict)) {
		api_subjects_add(rq, verdict);
		return;
	}
	if (!parse_ask(rq, &ask) || !api_body_bool(rq, "force", &force) ||
	    !api_body_bool(rq, "dryRun", &dry_run) || !api_body_bool(rq, "keepOpen", &keep_open))
		return;
	if (ask.set == GL_SET_BAN && !ask.ja4[0] && !force && !may_ban(rq, &ask.prefix))
		return;
	if (dry_run)
		api_reply(rq, 200, tried_json(&ask));
	else
		put(rq, &ask, keep_open);
}

/* ---------------------------------------------------------------------------------------------
 * Removing
 */
static void remove_ja4(struct api_request *rq, const char *ja4)
{
	struct keeper *keeper = rq->keeper;
	const struct decision *d = decisions_find_ja4(keeper->decisions, ja4);
	json_t *before;

	if (!d) {
		api_problem(rq, 404, "no-such-decision", NULL, "there is no ban of %.64s", ja4);
		return;
	}
	before = decision_json(keeper, d);
	contain_ja4_end(keeper, ja4);
	decisions_remove_ja4(keeper->decisions, ja4);
	persist_decisions(keeper);
	api_changed(rq, EVENT_DECISION, "decision remove", before, NULL, "end of ban %s", ja4);
	api_reply(rq, 200, json_pack("{s:i}", "removed", 1));
}

static void remove_source(struct api_request *rq, uint8_t set, const struct addr_prefix *prefix)
{
	struct keeper *keeper = rq->keeper;
	const struct decision *d = decisions_find(keeper->decisions, set, prefix);
	const struct addr_prefix was = *prefix; /* it may be the decision's own */
	char source[PREFIX_TEXT];
	json_t *before;
	int r;

	prefix_format(&was, source);
	if (!d) {
		api_problem(rq, 404, "no-such-decision", NULL, "there is no %s of %s",
			    set_name(set), source);
		return;
	}
	before = decision_json(keeper, d);
	r = decisions_remove(keeper->decisions, set, &was);
	if (r < 0) {
		json_decref(before);
		api_problem(rq, 500, "not-removed", NULL, "it is still in force: %s", strerror(-r));
		return;
	}
	persist_decisions(keeper);
	api_changed(rq, EVENT_DECISION, "decision remove", before, NULL, "end of %s %s",
		    set_name(set), source);
	api_reply(rq, 200, json_pack("{s:i}", "removed", r));
}

/* Whatever kind it is of. */
static void remove_by_id(struct api_request *rq, const char *text)
{
	struct keeper *keeper = rq->keeper;
	unsigned long id = strtoul(text, NULL, 10);

	for (size_t i = 0; i < decisions_count(keeper->decisions); i++) {
		const struct decision *d = decisions_at(keeper->decisions, i);

		if (d->id != id)
			continue;
		if (d->ja4[0])
			remove_ja4(rq, d->ja4);
		else
			remove_source(rq, d->set, &d->prefix);
		return;
	}
	if (id && id <= UINT32_MAX && subjects_by_id(keeper->subjects, (uint32_t)id))
		api_subjects_remove(rq, (uint32_t)id);
	else
		api_problem(rq, 404, "no-such-decision", NULL, "there is no decision %.20s", text);
}

void api_decisions_remove(struct api_request *rq)
{
	static const char *const parameters[] = {"id", "source", "ja4", "verdict", NULL};
	const char *id = json_string_value(json_object_get(rq->query, "id"));
	const char *source = json_string_value(json_object_get(rq->query, "source"));
	const char *ja4 = json_string_value(json_object_get(rq->query, "ja4"));
	const char *verdict = json_string_value(json_object_get(rq->query, "verdict"));
	struct addr_prefix prefix;
	uint8_t set;

	if (verdict && api_subject_verdict(verdict)) {
		api_subjects_end(rq, verdict);
		return;
	}
	if (!api_query_has_only(rq, parameters))
		return;
	if (id && json_object_size(rq->query) == 1) {
		remove_by_id(rq, id);
		return;
	}
	if (ja4 && !source) {
		remove_ja4(rq, ja4);
		return;
	}
	if (!source || !verdict) {
		api_problem(rq, 400, "missing-parameter", NULL,
			    "source and verdict say which decision");
		return;
	}
	if (!api_parse_source(rq, source, &prefix) || !parse_set(rq, verdict, &set))
		return;
	remove_source(rq, set, &prefix);
}
