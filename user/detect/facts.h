/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.h - what several families ask of a transaction, found out once before they run: fields by
 * name, path and query, media types, the shape of a JSON answer, and whether what is missing in a
 * head is really missing. Lives on the stack of detect_transaction().
 */
#pragma once

#include "user/detect/detector.h"
#include "user/detect/heads.h"
#include "user/detect/json_shape.h"
#include "user/detect/raws.h"

enum method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_PATCH,
	METHOD_DELETE,
	METHOD_OPTIONS,
};

/* What the bytes of a body begin like. */
enum look {
	LOOK_NOTHING, /* no bytes, or nothing known */
	LOOK_JSON, /* {, [ */
	LOOK_HTML,
	LOOK_XML,
	LOOK_TEXT, /* printable, nothing of the above */
	LOOK_SCRIPT, /* <?php, #!, <script, <%@ */
	LOOK_PROGRAM, /* ELF, MZ, Mach-O, class file */
	LOOK_IMAGE, /* PNG, JPEG, GIF, WebP */
	LOOK_PDF,
	LOOK_ARCHIVE, /* gzip, zip */
};

struct facts {
	struct heads request, response;
	struct raw path, query; /* of the target; query without '?' */
	struct raw request_type, response_type; /* media type without parameters, as sent */
	struct json_shape shape; /* of the response, where has_shape */
	uint8_t method; /* enum method */
	uint8_t look; /* enum look, of the response body */
	bool answered; /* request and final answer are known, and the answer is the application's */
	bool success; /* answered, 200 to 299 */
	bool head_whole; /* answered, and a field that is not in the answer was not sent */
	bool request_whole; /* the same of the request */
	bool json; /* the response says it is JSON */
	bool has_shape; /* it says so, or looks so, and its bytes are readable from the first */
	bool shape_whole; /* ... to the last: what the shape says is of the whole answer */
	bool credential; /* the request bore one */
};

void facts_read(struct facts *facts, const struct transaction *tx);

/* The bytes that are there, if they are the body's from its beginning; else nothing. */
struct raw facts_body(const struct body *body);
/* The same, or the few that are kept of a body nobody reads (BODY_SKIPPED): to tell what it is. */
struct raw facts_beginning(const struct body *body);
/* Nothing of it is missing. */
bool facts_body_whole(const struct body *body);
enum look facts_look(struct raw bytes);
/* application/json, anything +json; for NDJSON and JSON sequences see content_type.c. */
bool facts_media_json(struct raw media);
/*
 * The bytes went readable from one host to another: not inside TLS, and no proxy that ended TLS
 * for them is known of. What stays on this host, or came through a proxy, is not meant.
 */
bool facts_plaintext(const struct transaction *tx, const struct facts *facts);
/* The host of "https://host:port/..." or "host:port", without the port. */
struct raw facts_host(struct raw url);
/* Both are the same site, as far as names tell: equal, or equal in their last two labels. */
bool facts_same_site(struct raw host, struct raw other);

/* States it; the rest is masked_format()'s. */
#define DETECT(out, control, rule, severity, part, ...)                                            \
	detect_state(out, control, rule, severity, part, masked_format(__VA_ARGS__))
void detect_state(const struct detect_out *out, const char *control, const char *rule,
		  enum finding_severity severity, enum detect_part part, struct masked evidence);
