/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_answers.c - every prepared answer, with its holes filled, through a parser that accepts
 * nothing RFC 9112 does not, and its body through a JSON parser.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/answers.h"

#define UNUSED     __attribute__((unused))
#define FIELDS_MAX 16
#define INSTANCE   "00f1e2d3c4b5a697"

struct field {
	char name[64], value[256];
};

struct response {
	unsigned status;
	char phrase[64];
	struct field fields[FIELDS_MAX];
	size_t n_fields;
	const char *body;
	size_t body_len;
};

static struct gl_policy image;

/* ---------------------------------------------------------------------------------------------
 * A strict parser
 */
static const char *parse_until(const char *at, const char *end, const char *stop, char *out,
			       size_t size)
{
	const char *found = memmem(at, (size_t)(end - at), stop, strlen(stop));

	assert_non_null(found);
	assert_in_range(found - at, 0, size - 1);
	memcpy(out, at, (size_t)(found - at));
	out[found - at] = '\0';
	return found + strlen(stop);
}

static void copy_text(char *out, size_t size, const char *text)
{
	assert_in_range(strlen(text), 0, size - 1);
	memcpy(out, text, strlen(text) + 1);
}

static bool is_token(const char *text)
{
	return *text && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					  "0123456789!#$%&'*+-.^_`|~")] == '\0';
}

static void parse_field(char *line, struct field *field)
{
	char *colon = strchr(line, ':'), *end;

	assert_non_null(colon);
	*colon = '\0';
	assert_true(is_token(line));
	copy_text(field->name, sizeof(field->name), line);
	for (colon++; *colon == ' '; colon++)
		;
	end = colon + strlen(colon);
	while (end > colon && end[-1] == ' ')
		*--end = '\0'; /* OWS after a value is no part of it: RFC 9110 section 5.5 */
	for (const char *c = colon; *c; c++)
		assert_in_range((unsigned char)*c, 0x20, 0x7e);
	copy_text(field->value, sizeof(field->value), colon);
}

static void parse(const char *text, size_t len, struct response *out)
{
	const char *at = text, *end = text + len;
	char line[400];

	memset(out, 0, sizeof(*out));
	at = parse_until(at, end, "\r\n", line, sizeof(line));
	assert_memory_equal(line, "HTTP/1.1 ", 9);
	assert_int_equal(strspn(line + 9, "0123456789"), 3);
	assert_int_equal(line[12], ' ');
	out->status = (unsigned)strtoul(line + 9, NULL, 10);
	copy_text(out->phrase, sizeof(out->phrase), line + 13);
	for (;;) {
		at = parse_until(at, end, "\r\n", line, sizeof(line));
		if (!*line)
			break;
		assert_in_range(out->n_fields, 0, FIELDS_MAX - 1);
		parse_field(line, &out->fields[out->n_fields++]);
	}
	out->body = at;
	out->body_len = (size_t)(end - at);
}

/* The one field of the name; fails on none or two. */
static const char *value_of(const struct response *r, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < r->n_fields; i++) {
		if (strcasecmp(r->fields[i].name, name))
			continue;
		assert_null(value);
		value = r->fields[i].value;
	}
	if (!value)
		fail_msg("no field %s", name);
	return value;
}

static bool has_field(const struct response *r, const char *name)
{
	for (size_t i = 0; i < r->n_fields; i++)
		if (!strcasecmp(r->fields[i].name, name))
			return true;
	return false;
}

/* ---------------------------------------------------------------------------------------------
 * What every answer has
 */
static size_t fill(const struct gl_answer *answer, const char *seconds, char out[GL_ANSWER_TEXT])
{
	memcpy(out, answer->text, GL_ANSWER_TEXT);
	for (int i = 0; i < GL_ANSWER_HOLES && answer->hole_kind[i] != GL_HOLE_END; i++) {
		char *hole = out + answer->hole_off[i];

		if (answer->hole_kind[i] == GL_HOLE_INSTANCE) {
			memcpy(hole, INSTANCE, GL_INSTANCE_WIDTH);
			continue;
		}
		memset(hole, ' ', GL_HOLE_WIDTH);
		memcpy(hole, seconds, strlen(seconds));
	}
	return answer->len;
}

static json_t *check_common(const struct gl_answer *answer, const struct response *r)
{
	json_t *body = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = json_string_value(json_object_get(body, "type"));
	const char *title = json_string_value(json_object_get(body, "title"));

	assert_non_null(body);
	assert_int_equal(r->body_len, strtoul(value_of(r, "Content-Length"), NULL, 10));
	assert_int_equal(answer->body_off + r->body_len, answer->len);
	assert_int_equal(answer->status, r->status);
	assert_int_equal(json_integer_value(json_object_get(body, "status")), r->status);
	assert_string_equal(value_of(r, "Content-Type"), "application/problem+json");
	assert_string_equal(value_of(r, "Cache-Control"), "no-store");
	assert_string_equal(value_of(r, "Connection"), "close");
	assert_false(has_field(r, "Date"));
	assert_string_equal(json_string_value(json_object_get(body, "instance")),
			    "urn:glacis:verdict:" INSTANCE);
	assert_non_null(json_string_value(json_object_get(body, "detail")));
	assert_non_null(type);
	assert_non_null(title);
	if (!strcmp(type, "about:blank"))
		assert_string_equal(title, r->phrase); /* RFC 9457 section 4.2.1 */
	return body;
}

static const char *const all_seconds[] = {"0", "9", "42", "900", "3600", "86400", "12345678"};

static void test_common_answers(void **state UNUSED)
{
	static const struct {
		enum gl_answer_index index;
		unsigned status;
		const char *field; /* it has besides; NULL: none */
	} rows[] = {
		{GL_ANSWER_400, 400, NULL},       {GL_ANSWER_401, 401, "WWW-Authenticate"},
		{GL_ANSWER_403, 403, NULL},       {GL_ANSWER_404, 404, NULL},
		{GL_ANSWER_408, 408, NULL},       {GL_ANSWER_431, 431, NULL},
		{GL_ANSWER_501, 501, NULL},       {GL_ANSWER_503, 503, "Retry-After"},
		{GL_ANSWER_PLAINTEXT, 403, NULL}, {GL_ANSWER_SUSPENDED, 503, "Retry-After"},
		{GL_ANSWER_LOCKDOWN, 403, NULL},  {GL_ANSWER_REVOKED, 401, "WWW-Authenticate"},
	};

	assert_int_equal(ARRAY_SIZE(rows), GL_ANSWER_CLASS);
	assert_int_equal(answers_common(&image), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct gl_answer *answer = &image.answers[rows[i].index];
		struct response r;
		char text[GL_ANSWER_TEXT];

		parse(text, fill(answer, "31", text), &r);
		json_decref(check_common(answer, &r));
		assert_int_equal(r.status, rows[i].status);
		assert_int_equal(r.n_fields, rows[i].field ? 5 : 4);
		if (rows[i].field)
			assert_true(has_field(&r, rows[i].field));
		if (rows[i].status == 503)
			assert_string_equal(value_of(&r, "Retry-After"), "31");
		if (rows[i].index == GL_ANSWER_401)
			assert_string_equal(value_of(&r, "WWW-Authenticate"),
					    "Bearer realm=\"api\"");
		if (rows[i].index == GL_ANSWER_REVOKED)
			assert_string_equal(value_of(&r, "WWW-Authenticate"),
					    "Bearer realm=\"api\", error=\"invalid_token\"");
	}
}

static void check_429(const struct gl_answer *answer, const struct policy_class *cls,
		      const char *seconds)
{
	char text[GL_ANSWER_TEXT], want[256];
	struct response r;
	json_t *body;

	parse(text, fill(answer, seconds, text), &r);
	body = check_common(answer, &r);
	assert_int_equal(r.status, 429);
	assert_string_equal(r.phrase, "Too Many Requests");
	assert_int_equal(r.n_fields, 10);
	snprintf(want, sizeof(want), "\"%s\";q=%u;w=%u", cls->name, cls->limit, cls->window_s);
	assert_string_equal(value_of(&r, "RateLimit-Policy"), want);
	snprintf(want, sizeof(want), "\"%s\";r=0;t=%s", cls->name, seconds);
	assert_string_equal(value_of(&r, "RateLimit"), want);
	snprintf(want, sizeof(want), "%u", cls->limit);
	assert_string_equal(value_of(&r, "RateLimit-Limit"), want);
	assert_string_equal(value_of(&r, "RateLimit-Remaining"), "0");
	assert_string_equal(value_of(&r, "RateLimit-Reset"), seconds);
	assert_string_equal(value_of(&r, "Retry-After"), seconds);
	assert_string_equal(json_string_value(json_object_get(body, "type")),
			    "https://iana.org/assignments/http-problem-types#quota-exceeded");
	assert_int_equal(json_array_size(json_object_get(body, "violated-policies")), 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(body, "violated-policies"), 0)),
		cls->name);
	json_decref(body);
}

static void test_429(void **state UNUSED)
{
	struct policy_class classes[] = {
		{.name = (char *)"auth", .limit = 5, .window_s = 900},
		{.name = (char *)"a", .limit = 1, .window_s = 1},
		{.name = (char *)"health", .exempt = true, .limit = 0, .window_s = 60},
		/* the longest the reader lets through */
		{.name = (char *)"abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz-012345678",
		 .limit = UINT32_MAX,
		 .window_s = 604800},
	};
	struct gl_answer answer;

	assert_int_equal(strlen(classes[3].name), POLICY_NAME_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		assert_int_equal(answers_class(&classes[i], &answer), 0);
		for (size_t k = 0; k < ARRAY_SIZE(all_seconds); k++)
			check_429(&answer, &classes[i], all_seconds[k]);
	}
}

/* Nobody may ever send a hole; if it happens, the answer is still well formed. */
static void test_unfilled(void **state UNUSED)
{
	struct policy_class cls = {.name = (char *)"auth", .limit = 5, .window_s = 900};
	struct gl_answer answer;
	struct response r;

	assert_int_equal(answers_class(&cls, &answer), 0);
	parse(answer.text, answer.len, &r);
	assert_string_equal(value_of(&r, "Retry-After"), "0");
	for (int i = 0; i < answer.len; i++)
		assert_true(answer.text[i] == '\r' || answer.text[i] == '\n' ||
			    (answer.text[i] >= ' ' && answer.text[i] <= '~'));
}

static void test_too_long(void **state UNUSED)
{
	char name[400];
	struct policy_class cls = {.name = name, .limit = 5, .window_s = 900};
	struct gl_answer answer = {.len = 7};

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(answers_class(&cls, &answer), -ENAMETOOLONG);
	name[200] = '\0';
	assert_int_equal(answers_class(&cls, &answer), -ENAMETOOLONG);
	assert_int_equal(answer.len, 7); /* untouched */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_common_answers),
		cmocka_unit_test(test_429),
		cmocka_unit_test(test_unfilled),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
