/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http1_head.c - a complete HTTP/1 head as text: its line, its fields, how its body is framed (RFC
 * 9112 sections 3 to 6). Takes what the doors' reader (http.h) takes, and reads on where that one
 * gives up: what is wrong is an anomaly, and the reading is the one RFC 9112 recommends.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS 18

struct reading {
	struct http1_head *head;
	struct fields *fields;
	struct field last; /* to be unfolded */
	bool response;
	unsigned lengths, hosts;
	bool other_coding; /* than chunked, or chunked not at the end */
};

static bool is_token_byte(uint8_t b)
{
	/* RFC 9110 section 5.6.2 */
	static const uint8_t token[256] = {
		['!'] = 1,         ['#' ... '\''] = 1, ['*'] = 1,         ['+'] = 1, ['-'] = 1,
		['.'] = 1,         ['0' ... '9'] = 1,  ['A' ... 'Z'] = 1, ['^'] = 1, ['_'] = 1,
		['`' ... 'z'] = 1, ['|'] = 1,          ['~'] = 1,
	};

	return token[b];
}

static bool is_token(struct raw text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!is_token_byte((uint8_t)text.p[i]))
			return false;
	return text.n > 0;
}

static bool is_blank(char b)
{
	return b == ' ' || b == '\t';
}

static struct raw trim(struct raw text)
{
	while (text.n && is_blank(*text.p)) {
		text.p++;
		text.n--;
	}
	while (text.n && is_blank(text.p[text.n - 1]))
		text.n--;
	return text;
}

static bool is_name(struct raw name, const char *of, size_t n)
{
	return name.n == n && strncasecmp(name.p, of, n) == 0;
}
#define IS(name, literal) is_name(name, literal, sizeof(literal) - 1)

/* "HTTP/1.x"; the minor version, or -1. */
static int version_of(struct raw text)
{
	if (text.n != 8 || memcmp(text.p, "HTTP/1.", 7) != 0 || text.p[7] < '0' || text.p[7] > '9')
		return -1;
	return text.p[7] - '0';
}

static void read_request_line(struct http1_head *head, struct raw line)
{
	const char *first = memchr(line.p, ' ', line.n), *last = NULL;
	struct raw version;
	int minor;

	if (first)
		last = memrchr(line.p, ' ', line.n);
	if (!first || last == first) {
		/* a target without a version is HTTP/0.9: nobody means it */
		head->anomalies |= ANOMALY_BAD_LINE;
		head->method = (struct raw){line.p, first ? (size_t)(first - line.p) : 0};
		return;
	}
	head->method = (struct raw){line.p, (size_t)(first - line.p)};
	head->target = (struct raw){first + 1, (size_t)(last - first - 1)};
	version = (struct raw){last + 1, (size_t)(line.p + line.n - last - 1)};
	minor = version_of(version);
	if (minor < 0 || !head->target.n || !is_token(head->method) ||
	    memchr(head->target.p, ' ', head->target.n))
		head->anomalies |= ANOMALY_BAD_LINE;
	head->minor = minor > 0 ? (uint8_t)minor : 0;
}

static void read_status_line(struct http1_head *head, struct raw line)
{
	struct raw version = {line.p, line.n < 8 ? line.n : 8};
	int minor = version_of(version);

	if (minor < 0 || line.n < 12 || line.p[8] != ' ' || (line.n > 12 && line.p[12] != ' ')) {
		head->anomalies |= ANOMALY_BAD_LINE;
		return;
	}
	for (int i = 9; i < 12; i++) {
		if (line.p[i] < '0' || line.p[i] > '9') {
			head->anomalies |= ANOMALY_BAD_LINE;
			head->status = 0;
			return;
		}
		head->status = (uint16_t)(head->status * 10 + (line.p[i] - '0'));
	}
	if (head->status < 100)
		head->anomalies |= ANOMALY_BAD_LINE;
	head->minor = (uint8_t)minor;
	if (line.n > 13)
		head->reason = (struct raw){line.p + 13, line.n - 13};
}

/* One member of Content-Length (RFC 9110 section 8.6: digits). */
static void take_length(struct reading *r, struct raw value)
{
	uint64_t length = 0;

	if (!value.n || value.n > LENGTH_DIGITS) {
		r->head->anomalies |= ANOMALY_BAD_LENGTH;
		return;
	}
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9') {
			r->head->anomalies |= ANOMALY_BAD_LENGTH;
			return;
		}
		length = length * 10 + (uint64_t)(value.p[i] - '0');
	}
	if (r->lengths++)
		r->head->anomalies |= ANOMALY_TWO_LENGTHS;
	else
		r->head->length = length;
	r->head->has_length = true;
}

/* The next member of a list and what is after it. */
static struct raw next_member(struct raw *list)
{
	const char *comma = memchr(list->p, ',', list->n);
	size_t n = comma ? (size_t)(comma - list->p) : list->n;
	struct raw member = {list->p, n};

	list->p += n + (comma ? 1 : 0);
	list->n -= n + (comma ? 1 : 0);
	return trim(member);
}

static void take_lengths(struct reading *r, struct raw value)
{
	do
		take_length(r, next_member(&value));
	while (value.n);
}

static void take_codings(struct reading *r, struct raw value)
{
	r->head->has_coding = true;
	if (!value.n)
		r->other_coding = true;
	while (value.n) {
		struct raw member = next_member(&value);

		if (!member.n)
			continue;
		/* again after chunked: that one was not the last (RFC 9112 section 6.1) */
		if (r->head->chunked)
			r->other_coding = true;
		r->head->chunked = IS(member, "chunked");
		if (!r->head->chunked)
			r->other_coding = true;
	}
}

static void take_connection(struct http1_head *head, struct raw value)
{
	while (value.n) {
		struct raw member = next_member(&value);

		if (IS(member, "close"))
			head->close = true;
		else if (IS(member, "keep-alive"))
			head->keep_alive = true;
	}
}

static void take_field(struct reading *r, struct field field)
{
	struct http1_head *head = r->head;
	struct raw name = field.name;

	switch (name.n) {
	case 4:
		if (IS(name, "host")) {
			head->host = r->hosts++ ? head->host : field.value;
		}
		break;
	case 6:
		if (IS(name, "expect"))
			head->expects = IS(field.value, "100-continue");
		break;
	case 7:
		if (IS(name, "upgrade"))
			head->upgrade = field.value;
		break;
	case 10:
		if (IS(name, "connection"))
			take_connection(head, field.value);
		break;
	case 12:
		if (IS(name, "content-type") && !head->content_type.n)
			head->content_type = field.value;
		break;
	case 14:
		if (IS(name, "content-length"))
			take_lengths(r, field.value);
		break;
	case 16:
		if (IS(name, "content-encoding"))
			head->content_encoding = field.value;
		break;
	case 17:
		if (IS(name, "transfer-encoding"))
			take_codings(r, field.value);
		break;
	}
}

static void finish_field(struct reading *r)
{
	struct fields *fields = r->fields;

	if (!r->last.name.p)
		return;
	r->last.value = trim(r->last.value);
	take_field(r, r->last);
	if (fields->n < FIELDS_MAX)
		fields->field[fields->n++] = r->last;
	else
		fields->dropped++;
	r->last.name.p = NULL;
}

static void read_field(struct reading *r, struct raw line)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct raw name;

	finish_field(r);
	if (!colon) {
		r->head->anomalies |= ANOMALY_BAD_LINE;
		return;
	}
	name = (struct raw){line.p, (size_t)(colon - line.p)};
	if (name.n && is_blank(name.p[name.n - 1])) {
		r->head->anomalies |= ANOMALY_SPACE_BEFORE_COLON;
		name = trim(name);
	}
	if (!is_token(name))
		r->head->anomalies |= ANOMALY_BAD_LINE;
	r->last.name = name;
	r->last.value = (struct raw){colon + 1, (size_t)(line.p + line.n - colon - 1)};
}

/* obs-fold (RFC 9112 section 5.2): the line goes on with the value, blanks between them. */
static void unfold(struct reading *r, char *text, struct raw line)
{
	r->head->anomalies |= ANOMALY_OBS_FOLD;
	if (!r->last.name.p)
		return;
	for (char *p = text + (r->last.value.p - text) + r->last.value.n; p < line.p; p++)
		*p = ' ';
	r->last.value.n = (size_t)(line.p + line.n - r->last.value.p);
}

static void read_line(struct reading *r, char *text, struct raw line, bool first)
{
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	if (memchr(line.p, '\r', line.n))
		r->head->anomalies |= ANOMALY_BARE_CR;
	if (first && r->response)
		read_status_line(r->head, line);
	else if (first)
		read_request_line(r->head, line);
	else if (line.n && is_blank(*line.p))
		unfold(r, text, line);
	else if (line.n)
		read_field(r, line);
}

static void judge(struct reading *r)
{
	struct http1_head *head = r->head;

	if (r->other_coding)
		head->anomalies |= ANOMALY_CODING_UNKNOWN;
	if (head->has_coding && (r->lengths || head->anomalies & ANOMALY_BAD_LENGTH))
		head->anomalies |= ANOMALY_LENGTH_AND_CODING;
	if (r->hosts > 1)
		head->anomalies |= ANOMALY_TWO_HOSTS;
	if (!r->response && !r->hosts && head->minor && !(head->anomalies & ANOMALY_BAD_LINE))
		head->anomalies |= ANOMALY_NO_HOST;
}

void http1_head_read(char *text, size_t n, bool response, struct fields *fields,
		     struct http1_head *ret_head)
{
	static const struct raw none = {"", 0};
	struct reading r = {.head = ret_head, .fields = fields, .response = response};
	char *at = text, *end = text + n;

	*ret_head = (struct http1_head){
		.method = none,
		.target = none,
		.reason = none,
		.host = none,
		.upgrade = none,
		.content_type = none,
		.content_encoding = none,
	};
	fields->n = 0;
	if (memchr(text, 0, n))
		ret_head->anomalies |= ANOMALY_NUL;
	for (bool first = true; at < end; first = false) {
		char *lf = memchr(at, '\n', (size_t)(end - at));
		char *stop = lf ? lf : end;

		read_line(&r, text, (struct raw){at, (size_t)(stop - at)}, first);
		at = lf ? lf + 1 : end;
	}
	finish_field(&r);
	judge(&r);
}
