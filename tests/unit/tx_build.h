/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tx_build.h - a struct transaction from text, for tests of detectors: the two messages as they
 * would stand on a line, with \n for CRLF. What the text does not say is as on a plain connection
 * between two hosts; tests change what they are about. Not a parser: text here is well-formed.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "user/base/addr.h"
#include "user/inspect/transaction.h"

#define TX_BUILD_WALL_S 1764000000ll /* 2025-11-24T16:00:00Z */

/* A line of the text, and the text behind it. */
static inline struct raw tx_build_line(const char **text)
{
	const char *begin = *text, *end = strchr(begin, '\n');

	if (!end) {
		*text = begin + strlen(begin);
		return (struct raw){begin, strlen(begin)};
	}
	*text = end + 1;
	return (struct raw){begin, (size_t)(end - begin)};
}

static inline struct raw tx_build_word(struct raw *line)
{
	const char *space = line->n ? memchr(line->p, ' ', line->n) : NULL;
	struct raw word = {line->p, space ? (size_t)(space - line->p) : line->n};

	line->p += word.n + (space != NULL);
	line->n -= word.n + (space != NULL);
	return word;
}

static inline void tx_build_body(struct body *body, const char *text)
{
	body->bytes = (const uint8_t *)text;
	body->n = strlen(text);
	body->wire_bytes = body->decoded_bytes = body->n;
	body->flags = body->n ? BODY_PRESENT : 0;
}

/* Fields up to the empty line; what follows is the body. */
static inline void tx_build_rest(const char *text, struct fields *fields, struct body *body)
{
	while (*text) {
		struct raw line = tx_build_line(&text);
		const char *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		struct field *field;

		if (!colon)
			break;
		if (fields->n == FIELDS_MAX) {
			fields->dropped++;
			continue;
		}
		field = &fields->field[fields->n];
		field->name = (struct raw){line.p, (size_t)(colon - line.p)};
		for (colon++; colon < line.p + line.n && *colon == ' '; colon++)
			;
		field->value = (struct raw){colon, (size_t)(line.p + line.n - colon)};
		fields->n++;
	}
	tx_build_body(body, text);
}

/* "" for a message that was not seen. Both texts are borrowed. */
static inline struct transaction *tx_build(const char *request, const char *response)
{
	struct transaction *tx = calloc(1, sizeof(*tx));
	struct raw line;

	if (!tx)
		abort();
	tx->number = 1;
	tx->protocol = HTTP_PROTOCOL_1_1;
	tx->service = tx->op = tx->cls = 0;
	tx->begin_wall_ns = TX_BUILD_WALL_S * 1000000000ll;
	addr_parse("192.0.2.10", &tx->client);
	addr_parse("198.51.100.1", &tx->server);
	tx->source = tx->client;
	tx->server_port = 8080;
	if (*request) {
		line = tx_build_line(&request);
		tx->method = tx_build_word(&line);
		tx->target = tx_build_word(&line);
		tx_build_rest(request, &tx->request, &tx->request_body);
		for (size_t i = 0; i < tx->request.n; i++) {
			if (tx->request.field[i].name.n == 4 &&
			    strncasecmp(tx->request.field[i].name.p, "host", 4) == 0)
				tx->authority = tx->request.field[i].value;
		}
	} else {
		tx->flags |= TX_NO_REQUEST;
	}
	if (*response) {
		line = tx_build_line(&response);
		tx_build_word(&line);
		tx->status = (uint16_t)strtoul(tx_build_word(&line).p, NULL, 10);
		tx->reason = line;
		tx_build_rest(response, &tx->response, &tx->response_body);
	} else {
		tx->flags |= TX_NO_RESPONSE;
	}
	return tx;
}
