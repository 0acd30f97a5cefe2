/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/attest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/policy/document.h"

#define AHEAD_MAX_S (2 * 366 * 86400ll)

struct reading {
	struct problems *problems;
	attest_known_fn known;
	void *userdata;
	int64_t now_s;
	struct attestations *to;
};

static void wrong(struct reading *r, const struct node *at, const char *hint, const char *what)
{
	const char *text = at->kind == NODE_SCALAR && at->text ? at->text : NULL;

	problems_add(r->problems, PROBLEM_ERROR, at->pos.line, at->pos.column, "attestations", hint,
		     "%s%s%s", text ? problem_quote(text).text : "", text ? ": " : "", what);
}

/* "2027-03-31": the end of that day. */
static int parse_day(const char *text, int64_t *ret_s)
{
	struct tm tm = {}, back;
	time_t seconds;
	char *end = strptime(text, "%Y-%m-%d", &tm);
	int day = tm.tm_mday;

	if (!end || *end || strlen(text) != 10)
		return -EINVAL;
	seconds = timegm(&tm);
	/* the 31st of a month without one would be another day */
	if (seconds == (time_t)-1 || !gmtime_r(&seconds, &back) || back.tm_mday != day)
		return -EINVAL;
	*ret_s = (int64_t)seconds + 86400;
	return 0;
}

static void read_text(struct reading *r, const struct node *node, const char *hint, char *to,
		      size_t size)
{
	if (node->kind != NODE_SCALAR || !*node->text || strlen(node->text) >= size)
		wrong(r, node, hint, "expected a text");
	else
		snprintf(to, size, "%s", node->text);
}

static void read_control(struct reading *r, const struct node *node, char to[12])
{
	int error = node->kind == NODE_SCALAR ? r->known(node->text, r->userdata) : -ENOENT;

	if (error == -EPERM)
		wrong(r, node, "those with mode A can: glacisctl controls -o json",
		      "this control is judged by what is seen, nobody can sign it off");
	else if (error < 0)
		wrong(r, node, "an id of glacisctl controls, such as PRE-14",
		      "there is no such control");
	else
		snprintf(to, 12, "%.11s", node->text);
}

static void read_expires(struct reading *r, const struct node *node, struct attestation *a)
{
	if (node->kind != NODE_SCALAR || parse_day(node->text, &a->expires_s) < 0)
		wrong(r, node, "a day: 2027-03-31", "not a date");
	else if (a->expires_s > r->now_s + AHEAD_MAX_S)
		wrong(r, node, "at most two years ahead", "nobody can vouch for that long");
	else
		snprintf(a->expires, sizeof(a->expires), "%.11s", node->text);
}

static void read_member(struct reading *r, const struct node *member, struct attestation *a)
{
	const char *key = member->key->text;

	if (strcmp(key, "control") == 0)
		read_control(r, member, a->control);
	else if (strcmp(key, "owner") == 0)
		read_text(r, member, "who answers for it", a->owner, sizeof(a->owner));
	else if (strcmp(key, "evidence") == 0)
		read_text(r, member, "where it can be looked up, at most 199 characters",
			  a->evidence, sizeof(a->evidence));
	else if (strcmp(key, "expires") == 0)
		read_expires(r, member, a);
	else
		wrong(r, member->key, "control, owner, evidence, expires", "there is no such key");
}

static void read_one(struct reading *r, const struct node *node)
{
	static const char *const needed[] = {"control", "owner", "evidence", "expires"};
	struct attestation a = {};
	size_t before = r->problems->errors;

	if (node->kind != NODE_MAP) {
		wrong(r, node, NULL, "expected control, owner, evidence and expires");
		return;
	}
	for (const struct node *member = node->first; member; member = member->next)
		read_member(r, member, &a);
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!node_member(node, needed[i]))
			problems_add(r->problems, PROBLEM_ERROR, node->pos.line, node->pos.column,
				     "attestations", NULL, "'%s' is missing", needed[i]);
	if (r->problems->errors > before)
		return;
	if (attest_find(r->to, a.control)) {
		wrong(r, node_member(node, "control"), NULL, "it is attested twice");
		return;
	}
	if (r->to->n == ATTEST_MAX) {
		wrong(r, node, NULL, "too many attestations");
		return;
	}
	r->to->items[r->to->n++] = a;
}

static void read_root(struct reading *r, const struct node *root)
{
	const struct node *list = root->kind == NODE_MAP ? node_member(root, "attestations") : NULL;

	if (!list || root->n != 1 || list->kind != NODE_LIST) {
		wrong(r, list ? list : root, NULL, "expected one key, 'attestations', with a list");
		return;
	}
	for (const struct node *item = list->first; item; item = item->next)
		read_one(r, item);
}

int attest_read(const char *text, size_t size, int64_t now_s, attest_known_fn known, void *userdata,
		struct problems *problems, struct attestations *ret)
{
	_cleanup_(document_freep) struct document *document = NULL;
	_cleanup_free_ struct attestations *to = calloc(1, sizeof(*to));
	struct reading r = {problems, known, userdata, now_s, to};
	int error = to ? document_parse(text, size, problems, &document) : -ENOMEM;

	if (error < 0)
		return error;
	read_root(&r, document_root(document));
	if (problems->errors)
		return -EINVAL;
	*ret = *to;
	return 0;
}

const struct attestation *attest_find(const struct attestations *attestations, const char *control)
{
	for (size_t i = 0; i < attestations->n; i++)
		if (strcmp(attestations->items[i].control, control) == 0)
			return &attestations->items[i];
	return NULL;
}
