/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text_detector.c - what text.c finds in a transaction, said as the controls it speaks for; and
 * members of JSON answers that the policy forbids (REV-11).
 */
#include <string.h>

#include "user/detect/families.h"
#include "user/detect/json_walk.h"
#include "user/detect/text.h"

#define PER_RULE   4 /* detections of one rule in one scan */
#define VALUE_MIN  16 /* of a field: shorter ones hold no secret */
#define FIELD_TEXT 64

static struct text *scanner;

void text_detector_use(struct text *text)
{
	scanner = text;
}

struct speaking {
	size_t seen;
	enum detect_part part;
	const struct detect_out *out;
};

static enum rule_where where_of(enum detect_part part)
{
	if (part == PART_PATH)
		return WHERE_URL;
	return part == PART_REQUEST_HEAD || part == PART_REQUEST_BODY ? WHERE_REQUEST
								      : WHERE_RESPONSE;
}

/*
 * The rule's control is that of a response. What stands in a URL is in every log on its way
 * (LOG-08 to LOG-10), and what a client sends is only told (PRE-07: data classes by direction).
 */
static void as_detection(const struct text_match *match, void *userdata)
{
	const struct speaking *speaking = userdata;
	const struct rule *rule = match->rule;
	struct detection detection = {
		.control = rule->control,
		.rule = rule->id,
		.severity = rule->severity,
		.part = speaking->part,
		.evidence = match->evidence,
	};

	if (match->end <= speaking->seen)
		return;
	if (speaking->part == PART_PATH)
		detection.control = rule->family != FAMILY_PERSONAL ? "LOG-08"
				    : rule->form == FORM_CARD       ? "LOG-09"
								    : "LOG-10";
	else if (rule->family == FAMILY_PERSONAL && where_of(speaking->part) == WHERE_REQUEST) {
		detection.control = "PRE-07";
		detection.severity = FINDING_INFO;
	}
	speaking->out->emit(&detection, speaking->out->userdata);
	if (rule->check == CHECK_BCRYPT && match->detail < 12) {
		detection.control = "AUTH-08";
		detection.rule = "bcrypt-cost";
		detection.severity = FINDING_MEDIUM;
		detection.evidence = masked_format("bcrypt cost %u", match->detail);
		speaking->out->emit(&detection, speaking->out->userdata);
	}
}

void text_scan(struct text *text, const uint8_t *bytes, size_t n, size_t seen,
	       enum detect_part part, const struct detect_out *out)
{
	struct speaking speaking = {seen, part, out};

	text_each(text, (struct raw){(const char *)bytes, n}, where_of(part), ~0u, PER_RULE,
		  as_detection, &speaking);
}

/* --- forbidden members ------------------------------------------------------------------------ */

static void forbidden(struct raw name, const struct detect_out *out)
{
	struct detection detection = {
		.control = "REV-11",
		.rule = "forbidden-field",
		.severity = FINDING_HIGH,
		.part = PART_RESPONSE_BODY,
		.evidence = masked_token(name, FIELD_TEXT),
	};

	out->emit(&detection, out->userdata);
}

/* "password_hash" is forbidden: so are passwordHash and PASSWORD-HASH. */
static bool same_name(struct raw name, const char *field)
{
	size_t i = 0;

	for (;;) {
		while (i < name.n && (name.p[i] == '_' || name.p[i] == '-'))
			i++;
		while (*field == '_' || *field == '-')
			field++;
		if (i == name.n || !*field)
			return i == name.n && !*field;
		if ((name.p[i] | 0x20) != (*field | 0x20))
			return false;
		i++;
		field++;
	}
}

static bool is_forbidden(struct raw name, const struct detect_policy *policy)
{
	for (size_t i = 0; i < policy->n_forbidden_fields; i++)
		if (same_name(name, policy->forbidden_fields[i]))
			return true;
	return false;
}

/* Each name once a scan would need memory: the first few of all are enough. */
static void walk_fields(struct raw bytes, const struct detect_policy *policy,
			const struct detect_out *out)
{
	char buffer[FIELD_TEXT];
	struct json_walk walk;
	enum json_token token;
	unsigned said = 0;

	json_begin(&walk, bytes);
	while ((token = json_next(&walk)) > WALK_MORE && said < PER_RULE) {
		struct raw name = walk.text;

		if (token != WALK_KEY)
			continue;
		if (walk.escaped)
			name = (struct raw){buffer, json_text(name, buffer, sizeof(buffer))};
		if (!is_forbidden(name, policy) || json_next(&walk) == WALK_NULL)
			continue;
		forbidden(name, out);
		said++;
	}
}

/* From the second window on nobody knows where a value began: names are what stands in quotes
 * before a colon. */
static void search_fields(struct raw bytes, size_t seen, const struct detect_policy *policy,
			  const struct detect_out *out)
{
	unsigned said = 0;

	for (size_t at = 0; at < bytes.n && said < PER_RULE;) {
		const char *quote = memchr(bytes.p + at, '"', bytes.n - at), *end;
		struct raw name;

		if (!quote)
			return;
		at = (size_t)(quote - bytes.p) + 1;
		end = memchr(bytes.p + at, '"', bytes.n - at);
		if (!end)
			return;
		name = (struct raw){bytes.p + at, (size_t)(end - bytes.p) - at};
		at += name.n + 1;
		while (at < bytes.n && (bytes.p[at] == ' ' || bytes.p[at] == '\t'))
			at++;
		if (at >= bytes.n || bytes.p[at] != ':') {
			at -= at > 0;
			continue;
		}
		if (name.n >= FIELD_TEXT || at < seen || !is_forbidden(name, policy))
			continue;
		forbidden(name, out);
		said++;
	}
}

static void scan_body(struct text *text, struct raw bytes, size_t seen, bool first, bool response,
		      const struct detect_policy *policy, const struct detect_out *out)
{
	if (bytes.n == 0)
		return;
	text_scan(text, (const uint8_t *)bytes.p, bytes.n, seen,
		  response ? PART_RESPONSE_BODY : PART_REQUEST_BODY, out);
	if (!response || policy->n_forbidden_fields == 0)
		return;
	if (first)
		walk_fields(bytes, policy, out);
	else
		search_fields(bytes, seen, policy, out);
}

void text_body(struct text *text, const struct transaction *tx, const struct detect_policy *policy,
	       const struct inspect_window *window, const struct detect_out *out)
{
	static const struct detect_policy none;

	/* the first is the transaction's, whose end a stream does not wait for; what this host
	 * asks others is another control's (AI-04) */
	if ((window->off == 0 && !window->early) || tx->role == GL_ROLE_CLIENT ||
	    tx->flags & TX_AGENT)
		return;
	scan_body(text, (struct raw){(const char *)window->bytes, window->n}, window->overlap,
		  window->early, window->direction == GL_TO_CLIENT, policy ?: &none, out);
}

/* --- the transaction -------------------------------------------------------------------------- */

/* What was shown when it came was scanned then. */
static struct raw unseen(const struct body *body)
{
	if (body->flags & BODY_SHOWN)
		return (struct raw){NULL, 0};
	return (struct raw){(const char *)body->bytes, body->n};
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	if (!scanner)
		return;
	text_scan(scanner, (const uint8_t *)tx->target.p, tx->target.n, 0, PART_PATH, out);
	for (size_t i = 0; i < tx->response.n; i++) {
		struct raw value = tx->response.field[i].value;

		if (value.n >= VALUE_MIN)
			text_scan(scanner, (const uint8_t *)value.p, value.n, 0, PART_RESPONSE_HEAD,
				  out);
	}
	scan_body(scanner, unseen(&tx->request_body), 0, true, false, policy, out);
	scan_body(scanner, unseen(&tx->response_body), 0, true, true, policy, out);
}

static const char *const controls[] = {"REV-17", "REV-11",  "REV-12", "PRE-07", "PRE-15", "PRE-17",
				       "API-10", "AUTH-08", "LOG-08", "LOG-09", "LOG-10", NULL};

const struct detector detector_text = {
	.name = "text",
	.controls = controls,
	.transaction = judge,
};
