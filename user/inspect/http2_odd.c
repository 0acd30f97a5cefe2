/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http2_odd.c - requests of HTTP/2 that mean something else once they are HTTP/1 (RFC 9113 section
 * 8.2 and 8.3 forbid them for that reason; a proxy that lets them through makes two requests of
 * one).
 */
#include "user/inspect/http2_private.h"

#include <string.h>

struct odd {
	uint32_t anomalies;
	struct raw authority, host;
	bool regular; /* a field that is no pseudo-field was there */
	unsigned method, scheme, path, authorities, protocol;
	bool connect, has_length;
	uint64_t length;
};

static bool is(struct raw text, const char *of)
{
	return text.n == strlen(of) && memcmp(text.p, of, text.n) == 0;
}

static bool is_token(struct raw text)
{
	for (size_t i = 0; i < text.n; i++) {
		char b = text.p[i];

		if (!b || (!strchr("!#$%&'*+-.^_`|~", b) && !(b >= '0' && b <= '9') &&
			   !(b >= 'a' && b <= 'z') && !(b >= 'A' && b <= 'Z')))
			return false;
	}
	return text.n > 0;
}

static bool breaks_line(struct raw text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == '\r' || text.p[i] == '\n' || !text.p[i])
			return true;
	return false;
}

static bool has_upper(struct raw text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] >= 'A' && text.p[i] <= 'Z')
			return true;
	return false;
}

/* A target's bytes: nothing that would end it in a request line. */
static bool is_target(struct raw text)
{
	for (size_t i = 0; i < text.n; i++)
		if ((uint8_t)text.p[i] <= ' ' || text.p[i] == 0x7f)
			return false;
	return text.n > 0;
}

static void take_pseudo(struct odd *odd, const struct field *field)
{
	unsigned *seen = is(field->name, ":method")      ? &odd->method
			 : is(field->name, ":scheme")    ? &odd->scheme
			 : is(field->name, ":path")      ? &odd->path
			 : is(field->name, ":authority") ? &odd->authorities
			 : is(field->name, ":protocol")  ? &odd->protocol
							 : NULL;

	if (!seen || (*seen)++ || odd->regular)
		odd->anomalies |= ANOMALY_PSEUDO;
	if (seen == &odd->method) {
		odd->connect = is(field->value, "CONNECT");
		if (!is_token(field->value))
			odd->anomalies |= ANOMALY_BAD_LINE;
	} else if (seen == &odd->path && !is_target(field->value)) {
		odd->anomalies |= ANOMALY_BAD_LINE;
	} else if (seen == &odd->authorities) {
		odd->authority = field->value;
	}
}

static void take_length(struct odd *odd, struct raw value)
{
	uint64_t length = 0;

	if (!value.n || value.n > 18)
		odd->anomalies |= ANOMALY_BAD_LENGTH;
	for (size_t i = 0; i < value.n && value.n <= 18; i++) {
		if (value.p[i] < '0' || value.p[i] > '9') {
			odd->anomalies |= ANOMALY_BAD_LENGTH;
			return;
		}
		length = length * 10 + (uint64_t)(value.p[i] - '0');
	}
	if (odd->has_length && length != odd->length)
		odd->anomalies |= ANOMALY_TWO_LENGTHS;
	odd->has_length = true;
	odd->length = length;
}

/* Fields that are about one connection of HTTP/1 (RFC 9113 section 8.2.2). */
static void take_regular(struct odd *odd, const struct field *field)
{
	static const char *const hop[] = {"connection", "proxy-connection", "keep-alive",
					  "upgrade"};

	odd->regular = true;
	if (!is_token(field->name) || has_upper(field->name))
		odd->anomalies |= ANOMALY_BAD_NAME;
	if (is(field->name, "transfer-encoding"))
		odd->anomalies |= ANOMALY_H2_CODING;
	for (size_t i = 0; i < sizeof(hop) / sizeof(hop[0]); i++)
		if (is(field->name, hop[i]))
			odd->anomalies |= ANOMALY_HOP_FIELD;
	if (is(field->name, "te") && !is(field->value, "trailers"))
		odd->anomalies |= ANOMALY_HOP_FIELD;
	if (is(field->name, "content-length"))
		take_length(odd, field->value);
	if (is(field->name, "host"))
		odd->host = field->value;
}

static void read_pairs(struct odd *odd, const struct buf *buf)
{
	uint32_t at = 0;

	while (buf->n - at >= sizeof(struct pair)) {
		const char *text = (const char *)buf->p + at + sizeof(struct pair);
		struct field field;
		struct pair pair;

		memcpy(&pair, buf->p + at, sizeof(pair));
		if (pair.name > buf->n || pair.value > buf->n - pair.name ||
		    pair.name + pair.value > buf->n - at - sizeof(pair))
			return;
		field = (struct field){{text, pair.name}, {text + pair.name, pair.value}};
		at += (uint32_t)sizeof(pair) + pair.name + pair.value;
		if (breaks_line(field.name) || breaks_line(field.value))
			odd->anomalies |= ANOMALY_LINE_BREAK;
		if (field.name.n && field.name.p[0] == ':')
			take_pseudo(odd, &field);
		else
			take_regular(odd, &field);
	}
}

uint32_t http2_odd(const struct buf *buf)
{
	struct odd odd = {0};
	bool plain_connect;

	read_pairs(&odd, buf);
	plain_connect = odd.connect && !odd.protocol;
	if (!odd.method || (plain_connect ? odd.path || odd.scheme : !odd.path || !odd.scheme))
		odd.anomalies |= ANOMALY_PSEUDO;
	if (odd.authority.n && odd.host.n &&
	    (odd.authority.n != odd.host.n || memcmp(odd.authority.p, odd.host.p, odd.host.n) != 0))
		odd.anomalies |= ANOMALY_TWO_HOSTS;
	return odd.anomalies;
}

bool http2_length(const struct buf *buf, uint64_t *ret_length)
{
	struct odd odd = {0};

	read_pairs(&odd, buf);
	if (!odd.has_length || odd.anomalies & (ANOMALY_BAD_LENGTH | ANOMALY_TWO_LENGTHS))
		return false;
	*ret_length = odd.length;
	return true;
}
