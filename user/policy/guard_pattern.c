/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_pattern.c - a pattern's text to the sets of bytes it is a sequence of.
 */
#include "user/policy/guard.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct parser {
	const char *at;
	const char *fault;
};

static void set_add(struct guard_set *set, unsigned char byte)
{
	set->bits[byte / 64] |= 1ull << (byte % 64);
}

/* A byte, perhaps behind a backslash. False at the text's end. */
static bool take_byte(struct parser *p, unsigned char *ret_byte)
{
	static const char names[] = "nrt", values[] = "\n\r\t";
	const char *name;

	if (!*p->at || (*p->at == '\\' && !p->at[1])) {
		p->fault = "the text ends too early";
		return false;
	}
	if (*p->at != '\\') {
		*ret_byte = (unsigned char)*p->at++;
		return true;
	}
	name = strchr(names, p->at[1]);
	*ret_byte = (unsigned char)(name ? values[name - names] : p->at[1]);
	p->at += 2;
	return true;
}

/* After '['. */
static bool take_class(struct parser *p, struct guard_set *set)
{
	unsigned char first, last;

	while (*p->at != ']') {
		if (!take_byte(p, &first))
			return false;
		last = first;
		if (p->at[0] == '-' && p->at[1] && p->at[1] != ']') {
			p->at++;
			if (!take_byte(p, &last))
				return false;
		}
		if (last < first) {
			p->fault = "a range runs backwards";
			return false;
		}
		for (unsigned byte = first; byte <= last; byte++)
			set_add(set, (unsigned char)byte);
	}
	p->at++;
	return true;
}

static bool take_number(struct parser *p, unsigned *ret_number)
{
	unsigned number = 0;

	if (*p->at < '0' || *p->at > '9')
		p->fault = "a number is missing in {}";
	for (; *p->at >= '0' && *p->at <= '9'; p->at++)
		number = number > 999 ? number : number * 10 + (unsigned)(*p->at - '0');
	*ret_number = number;
	return !p->fault;
}

/* "{m}" or "{m,n}", if there is one. */
static bool take_repeat(struct parser *p, unsigned *ret_min, unsigned *ret_max)
{
	*ret_min = *ret_max = 1;
	if (*p->at != '{')
		return true;
	p->at++;
	if (!take_number(p, ret_min))
		return false;
	*ret_max = *ret_min;
	if (*p->at == ',') {
		p->at++;
		if (!take_number(p, ret_max))
			return false;
	}
	if (*p->at != '}' || *ret_max < *ret_min || !*ret_max) {
		p->fault = "{m} or {m,n}, m at most n, n at least 1";
		return false;
	}
	p->at++;
	return true;
}

static int append(struct guard_pattern *pattern, const struct guard_set *set, unsigned min,
		  unsigned max)
{
	unsigned end = pattern->n + max;

	if (end > GUARD_SYMBOLS_MAX)
		return -E2BIG;
	for (unsigned i = 0; i < max; i++, pattern->n++) {
		pattern->symbols[pattern->n] = *set;
		pattern->skip[pattern->n] = (uint8_t)(i < min ? 0 : end + 1);
	}
	pattern->shortest = (uint8_t)(pattern->shortest + min);
	return 0;
}

int guard_pattern_parse(const char *text, struct guard_pattern *ret_pattern, const char **ret_fault)
{
	struct parser p = {.at = text};
	struct guard_pattern pattern = {};
	int err = 0;

	while (*p.at && !p.fault && !err) {
		struct guard_set set = {};
		unsigned char byte;
		unsigned min, max;

		if (*p.at == '[') {
			p.at++;
			take_class(&p, &set);
		} else if (take_byte(&p, &byte)) {
			set_add(&set, byte);
		}
		if (!p.fault && take_repeat(&p, &min, &max))
			err = append(&pattern, &set, min, max);
	}
	if (!p.fault && !err && pattern.shortest < 4)
		p.fault = "four bytes at least";
	if (p.fault) {
		*ret_fault = p.fault;
		return -EINVAL;
	}
	if (!err)
		*ret_pattern = pattern;
	return err;
}

int guard_pattern_member(const char *name, struct guard_pattern *ret_pattern)
{
	struct guard_set quote = {}, blank = {}, colon = {};
	struct guard_pattern pattern = {};
	int err;

	set_add(&quote, '"');
	set_add(&colon, ':');
	set_add(&blank, ' ');
	set_add(&blank, '\t');
	set_add(&blank, '\r');
	set_add(&blank, '\n');
	err = append(&pattern, &quote, 1, 1);
	for (; *name && !err; name++) {
		struct guard_set byte = {}, escape = {};

		set_add(&byte, (unsigned char)*name);
		set_add(&escape, '\\');
		if (*name == '"' || *name == '\\')
			err = append(&pattern, &escape, 1, 1);
		if (!err)
			err = append(&pattern, &byte, 1, 1);
	}
	if (!err)
		err = append(&pattern, &quote, 1, 1);
	if (!err)
		err = append(&pattern, &blank, 0, 2);
	if (!err)
		err = append(&pattern, &colon, 1, 1);
	if (!err)
		*ret_pattern = pattern;
	return err;
}
