/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_values.c - scalars that are no free text: words, bools, numbers, durations, limits, rates,
 * networks.
 */
#include "user/policy/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/duration.h"
#include "user/policy/scalar.h"

/* "a, b or c" */
static void list_words(const struct words *words, char *buffer, size_t size)
{
	size_t len = 0;

	for (size_t i = 0; i < words->n && len < size; i++) {
		const char *before = i == 0 ? "" : i + 1 == words->n ? " or " : ", ";

		len += snprintf(buffer + len, size - len, "%s%s", before, words->items[i].text);
	}
}

bool reader_word(struct reader *r, const struct words *words, const struct node *node,
		 unsigned *ret_value)
{
	bool is_text = node->kind == NODE_SCALAR && node->type == SCALAR_STRING;
	const char *hint = words->hint;
	struct suggestion suggestion;
	char near[96], all[128];

	list_words(words, all, sizeof(all));
	suggest_begin(&suggestion, node->kind == NODE_SCALAR ? node->text : "");
	for (size_t i = 0; i < words->n; i++) {
		if (strcmp(words->items[i].text, suggestion.word)) {
			suggest_offer(&suggestion, words->items[i].text);
			continue;
		}
		if (is_text) {
			*ret_value = words->items[i].value;
			return true;
		}
		hint = "write it in quotes";
	}
	if (!is_text)
		reader_mismatch(r, node, hint, all);
	else
		reader_error(r, node, suggest_hint(&suggestion, near, sizeof(near)) ?: hint,
			     "expected %s, got %s", all, problem_quote(node->text).text);
	return false;
}

void read_word(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	reader_word(r, field->arg, node, target);
}

void check_word(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	unsigned ignored;

	(void)target;
	reader_word(r, field->arg, node, &ignored);
}

void read_word_bool(struct reader *r, const struct field *field, const struct node *node,
		    void *target)
{
	unsigned value;

	if (reader_word(r, field->arg, node, &value))
		*(bool *)target = value;
}

void read_bool(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	static const char *const almost[] = {"yes", "no", "on", "off", "y", "n"};
	const char *hint = NULL;

	(void)field;
	if (node->kind == NODE_SCALAR && node->type == SCALAR_BOOL) {
		*(bool *)target = node->text[0] == 't' || node->text[0] == 'T';
		return;
	}
	if (node->kind == NODE_SCALAR && scalar_resolve(node->text) == SCALAR_BOOL)
		hint = "remove the quotes";
	for (size_t i = 0; node->kind == NODE_SCALAR && i < ARRAY_SIZE(almost); i++)
		if (!strcasecmp(node->text, almost[i]))
			hint = i % 2 ? "write false" : "write true";
	reader_mismatch(r, node, hint, "true or false");
}

/* Digits without sign and leading zero, as in JSON; saturates. False: it is something else. */
static bool parse_decimal(const char **cursor, uint64_t *ret_value)
{
	const char *c = *cursor;
	uint64_t value = 0;

	if (*c < '0' || *c > '9' || (c[0] == '0' && c[1] >= '0' && c[1] <= '9'))
		return false;
	for (; *c >= '0' && *c <= '9'; c++)
		if (value <= UINT32_MAX)
			value = value * 10 + (uint64_t)(*c - '0');
	*cursor = c;
	*ret_value = value;
	return true;
}

static bool in_range(struct reader *r, const struct node *node, const char *noun, uint64_t value,
		     uint32_t min, uint32_t max)
{
	char hint[64];

	if (value >= min && value <= max)
		return true;
	snprintf(hint, sizeof(hint), "use %u to %u", min, max);
	if (node->type == SCALAR_INT)
		reader_error(r, node, hint, "%s %.40s is out of range", noun, node->text);
	else
		reader_error(r, node, hint, "%s %s is out of range", noun,
			     problem_quote(node->text).text);
	return false;
}

bool reader_number(struct reader *r, const struct node *node, const char *noun, uint32_t min,
		   uint32_t max, uint32_t *ret_value)
{
	const char *text = node->text, *hint = NULL;
	char range[64];
	uint64_t value;

	snprintf(range, sizeof(range), "a whole number from %u to %u", min, max);
	if (node->kind != NODE_SCALAR || node->type != SCALAR_INT) {
		if (node->kind == NODE_SCALAR && node->type == SCALAR_STRING &&
		    scalar_resolve(text) == SCALAR_INT)
			hint = "remove the quotes";
		reader_mismatch(r, node, hint, range);
		return false;
	}
	if (text[0] == '-' && text[strspn(text, "-0")])
		return in_range(r, node, noun, UINT64_MAX, min, max);
	if (!parse_decimal(&text, &value) || *text) {
		reader_mismatch(r, node, "write it in decimal, without sign and leading zeros",
				range);
		return false;
	}
	if (!in_range(r, node, noun, value, min, max))
		return false;
	*ret_value = (uint32_t)value;
	return true;
}

void read_number(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	reader_number(r, node, field->key, field->min, field->max, target);
}

/* The range of durations as a person would say it. */
static void duration_range(struct reader *r, const struct node *node, const char *text,
			   uint32_t min, uint32_t max)
{
	char low[DURATION_TEXT], high[DURATION_TEXT], hint[64];

	snprintf(hint, sizeof(hint), "use %s to %s", duration_format(min, low),
		 duration_format(max, high));
	reader_error(r, node, hint, "duration %s is out of range", problem_quote(text).text);
}

static bool parse_seconds(struct reader *r, const struct node *node, const char *text, uint32_t min,
			  uint32_t max, uint32_t *ret_seconds)
{
	uint32_t seconds;
	int e = duration_parse(text, &seconds);

	if (e == -EINVAL) {
		reader_error(r, node, "a number and one of s, m, h, d: 90s, 15m, 1h, 7d",
			     "%s is not a duration", problem_quote(text).text);
		return false;
	}
	if (e < 0 || seconds < min || seconds > max) {
		duration_range(r, node, text, min, max);
		return false;
	}
	*ret_seconds = seconds;
	return true;
}

void read_seconds(struct reader *r, const struct field *field, const struct node *node,
		  void *target)
{
	char hint[64];

	if (node->kind == NODE_SCALAR && node->type == SCALAR_INT) {
		snprintf(hint, sizeof(hint), "add a unit: %.16ss or %.16sm", node->text,
			 node->text);
		reader_mismatch(r, node, hint, "a duration like 15m");
		return;
	}
	if (node->kind != NODE_SCALAR || node->type != SCALAR_STRING) {
		reader_mismatch(r, node, NULL, "a duration like 15m");
		return;
	}
	parse_seconds(r, node, node->text, field->min, field->max, target);
}

/* "N/..." : the number, and where the rest begins; NULL after an error. */
static const char *count_of(struct reader *r, const struct field *field, const struct node *node,
			    const char *what, const char *form, uint32_t *ret_count)
{
	const char *text = node->text;
	uint64_t count;

	if (node->kind != NODE_SCALAR ||
	    (node->type != SCALAR_STRING && node->type != SCALAR_INT)) {
		reader_mismatch(r, node, form, what);
		return NULL;
	}
	if (!parse_decimal(&text, &count) || *text != '/') {
		reader_error(r, node, form, "%s is not %s", problem_quote(node->text).text, what);
		return NULL;
	}
	if (!in_range(r, node, field->key, count, field->min, field->max))
		return NULL;
	*ret_count = (uint32_t)count;
	return text + 1;
}

void read_limit(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	struct policy_class *cls = target;
	const char *window;
	char hint[64];
	uint32_t limit, seconds;

	window = count_of(r, field, node, "a limit", "admissions per window: 100/15m, 5/30s",
			  &limit);
	if (!window)
		return;
	if (strlen(window) == 1 && strchr("smhd", window[0])) {
		snprintf(hint, sizeof(hint), "write %u/1%s", limit, window);
		reader_error(r, node, hint, "%s is not a limit", problem_quote(node->text).text);
		return;
	}
	if (!parse_seconds(r, node, window, 1, 7 * 86400, &seconds))
		return;
	cls->limit = limit;
	cls->window_s = seconds;
}

void read_rate(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	static const char form[] = "a number per second: 200/s";
	const char *unit;
	uint32_t rate;

	unit = count_of(r, field, node, "a rate", form, &rate);
	if (!unit)
		return;
	if (strcmp(unit, "s"))
		reader_error(r, node, form, "%s is not a rate", problem_quote(node->text).text);
	else
		*(uint32_t *)target = rate;
}

/* An address, or the first address of a network and its length. */
static bool read_cidr(struct reader *r, const struct node *node, struct policy_cidr *ret_cidr)
{
	static const char form[] = "an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32";
	char host[ADDR_TEXT], text[PREFIX_TEXT], hint[96];
	struct addr_prefix prefix;
	struct gl_addr addr;

	if (node->kind != NODE_SCALAR || node->type != SCALAR_STRING) {
		reader_mismatch(r, node, form, "a network");
		return false;
	}
	snprintf(host, sizeof(host), "%.*s", (int)strcspn(node->text, "/"), node->text);
	if (prefix_parse(node->text, &prefix) < 0 || addr_parse(host, &addr) < 0) {
		reader_error(r, node, form, "%s is not a network", problem_quote(node->text).text);
		return false;
	}
	prefix_format(&prefix, text);
	snprintf(hint, sizeof(hint), "did you mean %s?", text);
	/* One spelling: a prefix shorter than /96 written in IPv4's form is not what it looks. */
	if (addr_is_v4(&addr) && strchr(host, ':')) {
		reader_error(r, node, prefix.len >= 96 ? hint : form,
			     "%s is IPv4 in the form of IPv6", problem_quote(node->text).text);
		return false;
	}
	if (!addr_equal(&prefix.addr, &addr)) {
		reader_error(r, node, hint, "%s has host bits set", problem_quote(node->text).text);
		return false;
	}
	*ret_cidr = (struct policy_cidr){.addr = prefix.addr, .len = prefix.len};
	return true;
}

static bool listed(const struct policy_cidrs *cidrs, const struct policy_cidr *cidr)
{
	for (size_t i = 0; i < cidrs->n; i++)
		if (cidrs->items[i].len == cidr->len &&
		    !memcmp(&cidrs->items[i].addr, &cidr->addr, sizeof(cidr->addr)))
			return true;
	return false;
}

void read_cidrs(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	struct policy_cidrs *cidrs = target;
	struct policy_cidr *items;
	size_t index = 0;

	if (!reader_list(r, node, field->min, field->max, "a list of networks", sizeof(*items),
			 &items))
		return;
	free(cidrs->items);
	*cidrs = (struct policy_cidrs){.items = items};
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);
		struct policy_cidr cidr;

		if (++r->n_cidrs == POLICY_NETS_MAX + 1)
			reader_error(r, item, NULL, "more than %d networks in all lists",
				     POLICY_NETS_MAX);
		if (read_cidr(r, item, &cidr)) {
			if (listed(cidrs, &cidr))
				reader_error(r, item, "remove one of them", "%s is listed twice",
					     problem_quote(item->text).text);
			else
				items[cidrs->n++] = cidr;
		}
		reader_up(r, mark);
	}
}
