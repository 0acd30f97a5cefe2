/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route_reference.h - which rule a request matches, the slow way: the path is cut and normalized as
 * a whole string, rules are tried one after the other. It shares nothing with what test_route.c
 * compares it to.
 */
#pragma once

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REF_DEPTH 16 /* segments; more are ambiguous */

struct ref_text {
	char bytes[1024];
	size_t len;
};

struct ref_path {
	struct ref_text segments[REF_DEPTH + 1];
	size_t n;
	bool ambiguous;
};

static bool ref_is(const struct ref_text *text, const char *what)
{
	return text->len == strlen(what) && !memcmp(text->bytes, what, text->len);
}

static bool ref_hex2(const char *text, size_t len, unsigned *ret_value)
{
	char digits[3] = {};

	if (len < 2 || !strchr("0123456789abcdefABCDEF", text[0]) || !text[0] ||
	    !strchr("0123456789abcdefABCDEF", text[1]) || !text[1])
		return false;
	memcpy(digits, text, 2);
	*ret_value = (unsigned)strtoul(digits, NULL, 16);
	return true;
}

/* One raw segment decoded; returns false if it is ambiguous. */
static bool ref_decode(const char *raw, size_t len, bool fold, struct ref_text *out)
{
	bool escaped_dot = false, good = true;

	out->len = 0;
	for (size_t i = 0; i < len; i++) {
		unsigned c = (unsigned char)raw[i];

		if (c == '%') {
			if (!ref_hex2(raw + i + 1, len - i - 1, &c))
				return false;
			i += 2;
			if (c == '/' || c == '\\' || c == ';' || c == 0)
				good = false;
			if (c == '%' && i + 1 < len && raw[i + 1] &&
			    strchr("0123456789abcdefABCDEF", raw[i + 1]))
				good = false;
			escaped_dot |= c == '.';
		} else if (c <= ' ' || c >= 0x7f || strchr(";\\#", (int)c)) {
			good = false;
		}
		if (fold && c >= 'A' && c <= 'Z')
			c += 'a' - 'A';
		out->bytes[out->len++] = (char)c;
	}
	if ((ref_is(out, ".") || ref_is(out, "..")) && escaped_dot)
		good = false;
	return good;
}

static void ref_normalize(const char *path, size_t len, bool fold, struct ref_path *out)
{
	const char *query = memchr(path, '?', len);
	const char *end = query ? query : path + len, *at = path;
	bool empty = false;

	out->n = 0;
	out->ambiguous = false;
	while (at < end) {
		struct ref_text *segment = &out->segments[out->n];
		const char *slash = memchr(at, '/', (size_t)(end - at));
		size_t n = (size_t)((slash ? slash : end) - at);

		if (n == 0 && at != path)
			empty = true;
		if (n && !ref_decode(at, n, fold, segment))
			out->ambiguous = true;
		at += n + 1;
		if (n == 0 || ref_is(segment, "."))
			continue;
		if (ref_is(segment, "..")) {
			out->ambiguous |= empty || out->n == 0;
			out->n -= out->n > 0;
			continue;
		}
		if (out->n == REF_DEPTH) {
			out->ambiguous = true;
			return;
		}
		out->n++;
	}
}

static bool ref_digits(const struct ref_text *text)
{
	for (size_t i = 0; i < text->len; i++)
		if (text->bytes[i] < '0' || text->bytes[i] > '9')
			return false;
	return text->len > 0;
}

static bool ref_uuid(const struct ref_text *text)
{
	const char *form = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (text->len != strlen(form))
		return false;
	for (size_t i = 0; i < text->len; i++)
		if (form[i] == '-' ? text->bytes[i] != '-'
				   : !isxdigit((unsigned char)text->bytes[i]))
			return false;
	return true;
}

/* Rule text from `rule` on (at a slash or its end) against the segments from i on. */
static bool ref_match(const char *rule, const struct ref_path *path, size_t i, bool fold)
{
	size_t len;

	if (*rule == '\0' || strcmp(rule, "/") == 0)
		return i == path->n;
	rule++;
	len = strcspn(rule, "/");
	if (len == 2 && !memcmp(rule, "**", 2)) {
		for (size_t skip = i; skip <= path->n; skip++)
			if (ref_match(rule + len, path, skip, fold))
				return true;
		return false;
	}
	if (i == path->n)
		return false;
	if (*rule == '{' && memchr(rule, ':', len)) {
		if (strstr(rule, ":int}") == rule + len - 5) {
			if (!ref_digits(&path->segments[i]))
				return false;
		} else if (!ref_uuid(&path->segments[i])) {
			return false;
		}
	} else if (*rule != '{' && !(len == 1 && *rule == '*')) {
		const struct ref_text *s = &path->segments[i];

		if (s->len != len ||
		    (fold ? strncasecmp(s->bytes, rule, len) : memcmp(s->bytes, rule, len)))
			return false;
	}
	return ref_match(rule + len, path, i + 1, fold);
}

static uint32_t ref_op(const char *const *rules, size_t n, const char *method,
		       const struct ref_path *path, bool fold)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(rules[i], " ");

		if (!(len == 1 && rules[i][0] == '*') &&
		    !(len == strlen(method) && !memcmp(rules[i], method, len)))
			continue;
		if (ref_match(rules[i] + len + 1, path, 0, fold))
			return (uint32_t)i + 1;
	}
	return 0;
}
