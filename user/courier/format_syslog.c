/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format_syslog.c - RFC 5424; the section numbers below are its. */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/courier/exports.h"
#include "user/courier/format.h"

#define SD_ID     "glacis@32473"
#define VALUE_MAX 512
#define NAME_MAX_ 32 /* SD-NAME, section 6.3.2 */
#define BOM       "\xef\xbb\xbf"

/* A bounded text that is whole at any time: what does not fit is not begun. */
struct cursor {
	char *p;
	size_t n, max;
};

static bool put(struct cursor *c, const char *text, size_t size)
{
	if (c->n + size > c->max)
		return false;
	memcpy(c->p + c->n, text, size);
	c->n += size;
	return true;
}

static bool puts_to(struct cursor *c, const char *text)
{
	return put(c, text, strlen(text));
}

/* Section 6.2.1: 0 emergency .. 7 debug. */
static unsigned severity_of(const json_t *record)
{
	static const unsigned numbers[EXPORT_SEVERITIES] = {6, 5, 4, 3, 2};
	int severity = export_severity_find(json_string_value(json_object_get(record, "severity")));

	return severity < 0 ? 6 : numbers[severity];
}

/* A header field: printable ASCII without blanks, or "-". */
static void put_field(struct cursor *c, const char *text, size_t max)
{
	char clean[256];
	size_t n = 0;

	for (; text && *text && n < max && n < sizeof(clean); text++)
		if (*text > 32 && *text < 127)
			clean[n++] = *text;
	if (n == 0)
		clean[n++] = '-';
	put(c, clean, n);
}

/* Bytes of `text` up to `max`, not ending inside a character. */
static size_t cut(const char *text, size_t max)
{
	size_t size = strlen(text);

	if (size <= max)
		return size;
	while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
		max--;
	return max;
}

/* Section 6.3.3: only these three are escaped. */
static size_t escape(const char *value, char out[2 * VALUE_MAX])
{
	size_t size = cut(value, VALUE_MAX), n = 0;

	for (size_t i = 0; i < size; i++) {
		if (strchr("\"\\]", value[i]))
			out[n++] = '\\';
		out[n++] = (unsigned char)value[i] < 32 ? '?' : value[i];
	}
	return n;
}

static const char *text_of(const json_t *value, char spare[32])
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	if (json_is_integer(value))
		snprintf(spare, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else
		snprintf(spare, 32, "%.6g", json_real_value(value));
	return spare;
}

static void put_parameter(struct cursor *c, const char *name, const char *value)
{
	char text[NAME_MAX_ + 2 * VALUE_MAX + 8], escaped[2 * VALUE_MAX];
	size_t n = 0, size = escape(value, escaped);

	text[n++] = ' ';
	for (; *name && n <= NAME_MAX_; name++)
		text[n++] = *name > 32 && *name < 127 && !strchr("=]\"", *name) ? *name : '_';
	memcpy(text + n, "=\"", 2);
	memcpy(text + n + 2, escaped, size);
	n += 2 + size;
	text[n++] = '"';
	put(c, text, n);
}

static void put_member(const char *name, const json_t *value, int own, void *userdata)
{
	char spare[32];

	/* said in the header, or with the id; attributes have the rest under public names */
	if (own && (!strcmp(name, "time") || !strcmp(name, "kind") || !strcmp(name, "message") ||
		    !strcmp(name, "id")))
		return;
	put_parameter(userdata, name, text_of(value, spare));
}

static void put_structured(struct cursor *c, const json_t *record, const char *version)
{
	const char *id = json_string_value(json_object_get(record, "id"));
	size_t max = c->max;

	puts_to(c, "[origin software=\"glacis\"");
	put_parameter(c, "swVersion", version);
	puts_to(c, "][" SD_ID);
	c->max = max - 1; /* its bracket always fits */
	put_parameter(c, "id", id ? id : "");
	put_parameter(c, "severity",
		      json_string_value(json_object_get(record, "severity")) ?: "info");
	format_each(record, put_member, c);
	c->max = max;
	puts_to(c, "]");
}

static void put_message(struct cursor *c, const char *text)
{
	bool ascii = true;
	size_t from, room;

	for (const char *p = text; *p; p++)
		ascii = ascii && !((unsigned char)*p & 0x80);
	if (c->n + 8 > c->max || !*text)
		return;
	puts_to(c, " ");
	/* section 6.4: a text in UTF-8 that is more than ASCII says so */
	if (!ascii)
		puts_to(c, BOM);
	from = c->n;
	room = c->max - c->n;
	put(c, text, cut(text, room));
	for (size_t i = from; i < c->n; i++)
		if ((unsigned char)c->p[i] < 32 || c->p[i] == 127)
			c->p[i] = ' ';
}

size_t format_syslog(const json_t *record, unsigned facility, const char *version, char *out,
		     size_t max)
{
	const char *message = json_string_value(json_object_get(record, "message"));
	const char *host = json_string_value(json_object_get(record, "host"));
	const char *kind = json_string_value(json_object_get(record, "kind"));
	const char *time = json_string_value(json_object_get(record, "time"));
	struct cursor c = {out, 0, max};
	char head[16];

	if (!time || !kind || max < 480)
		return 0;
	/* half for the structured data at most where the text is long */
	if (message && strlen(message) + 64 < max / 2)
		c.max = max - strlen(message) - 64;
	snprintf(head, sizeof(head), "<%u>1 ", facility % 24 * 8 + severity_of(record));
	puts_to(&c, head);
	put_field(&c, time, 32);
	puts_to(&c, " ");
	put_field(&c, host, 255);
	puts_to(&c, " glacis - ");
	put_field(&c, kind, 32);
	puts_to(&c, " ");
	put_structured(&c, record, version);
	c.max = max;
	put_message(&c, message ? message : "");
	return c.n;
}
