/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transaction.h - one request with its response, as the inspector put it together: what detectors
 * look at. Everything here is raw and borrowed; it lives until the callback returns and never
 * leaves the inspector. What does is made from it by detectors and report.c, masked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/base/masked.h"

enum http_protocol { HTTP_PROTOCOL_1_0, HTTP_PROTOCOL_1_1, HTTP_PROTOCOL_2, HTTP_PROTOCOL_MAX };
/* "1.1", as OpenTelemetry's network.protocol.version. */
static inline const char *transaction_protocol(unsigned protocol)
{
	static const char *const names[] = {"1.0", "1.1", "2"};

	return protocol < HTTP_PROTOCOL_MAX ? names[protocol] : "unknown";
}

struct field {
	struct raw name; /* as sent; HTTP/2: lower case, pseudo fields are not here */
	struct raw value; /* without surrounding blanks */
};

#define FIELDS_MAX 128 /* of one head; what is beyond is counted in `dropped` */
struct fields {
	struct field field[FIELDS_MAX];
	size_t n;
	size_t dropped;
};

/* First field of that name (ASCII case ignored); NULL: none. `name` is a C string. */
const struct field *fields_find(const struct fields *fields, const char *name);
/* The next one of that name after `field`. */
const struct field *fields_next(const struct fields *fields, const struct field *field,
				const char *name);
/* How many of that name. */
size_t fields_count(const struct fields *fields, const char *name);

enum body_flags {
	BODY_PRESENT = 1, /* there was one, captured or not */
	BODY_CUT = 2, /* longer than what was captured or kept */
	BODY_GAP = 4, /* bytes inside were lost */
	BODY_UNDECODABLE =
		8, /* unknown or broken coding: bytes[] is what came before, if anything */
	BODY_BOMB = 16, /* decoding was stopped by its limits */
	BODY_STREAM = 32, /* text/event-stream or of no announced end */
	BODY_SKIPPED = 64, /* by the capture plan: content type, size, sampling */
	BODY_SHOWN = 128, /* a stream: bytes[] were shown when they came (inspect_window.early) */
};

/*
 * A body, decoded (transfer and content coding). Bodies larger than the window go by in windows
 * (inspect.h: on_body) that overlap; this is the first one.
 */
struct body {
	const uint8_t *bytes;
	size_t n;
	uint64_t wire_bytes; /* as sent, coding included */
	uint64_t decoded_bytes; /* of the whole */
	uint32_t flags; /* enum body_flags */
	uint8_t coding; /* enum body_coding */
};
enum body_coding { CODING_IDENTITY, CODING_GZIP, CODING_DEFLATE, CODING_BROTLI, CODING_UNKNOWN };

enum transaction_flags {
	TX_SECURE = 1, /* inside TLS */
	TX_MIDSTREAM = 2, /* the connection is older than the agent: the request may not be known */
	TX_NO_REQUEST = 4, /* only the response was seen */
	TX_NO_RESPONSE = 8, /* closed or cut before one came */
	TX_UPGRADED = 16, /* 101: what follows is only counted */
	TX_WEBSOCKET = 32,
	TX_GRPC = 64,
	TX_GAP = 128, /* bytes of a head or a body were lost */
	TX_CUT = 256, /* the agent cut the connection in it */
	TX_ID_MADE = 512, /* request_id is the agent's: none was sent */
	TX_AGENT = 1024, /* the answer is the agent's own, not the application's */
	TX_SENT_BACK = 2048, /* its Location is where the policy says a failed login is sent */
};

/* Shapes that readers of HTTP/1 differ on (RFC 9112 section 11.2); bits. */
enum transaction_anomalies {
	ANOMALY_LENGTH_AND_CODING = 1,
	ANOMALY_TWO_LENGTHS = 2,
	ANOMALY_BAD_LENGTH = 4,
	ANOMALY_CODING_UNKNOWN = 8, /* a transfer coding other than chunked */
	ANOMALY_BAD_CHUNK = 16,
	ANOMALY_OBS_FOLD = 32,
	ANOMALY_BARE_CR = 64,
	ANOMALY_NUL = 128,
	ANOMALY_SPACE_BEFORE_COLON = 256,
	ANOMALY_TWO_HOSTS = 512,
	ANOMALY_NO_HOST = 1024,
	ANOMALY_BAD_LINE = 2048, /* a request or status line that is none */
	ANOMALY_UNSOLICITED = 4096, /* a response nobody asked for */
	ANOMALY_EARLY = 8192, /* bytes after a message that should have ended the connection */
	/* HTTP/2: what turns into another request once it is HTTP/1 (RFC 9113 section 10.3) */
	ANOMALY_LINE_BREAK = 1 << 14, /* CR, LF or NUL in a field */
	ANOMALY_H2_CODING = 1 << 15, /* transfer-encoding */
	ANOMALY_HOP_FIELD = 1 << 16, /* another field about one connection */
	ANOMALY_PSEUDO = 1 << 17, /* a pseudo-field twice, missing, unknown, or behind others */
	ANOMALY_BAD_NAME = 1 << 18, /* of a field: no token, or upper case */
	ANOMALY_LENGTH_DIFFERS = 1 << 19, /* content-length is not what DATA held */
};

#define REQUEST_ID_TEXT 64
struct transaction {
	uint64_t conn; /* as in struct gl_chunk */
	uint32_t number; /* of this connection, from 1 */
	uint32_t stream; /* HTTP/2; 0 otherwise */
	uint8_t how, role; /* enum gl_how, enum gl_role */
	uint8_t protocol; /* enum http_protocol */
	uint8_t credential; /* enum gl_credential bits the request bore */
	uint32_t flags; /* enum transaction_flags */
	uint32_t anomalies; /* enum transaction_anomalies */
	uint32_t pid;

	struct gl_addr client, server; /* of the connection */
	struct gl_addr source; /* after trusted proxies; = client otherwise */
	uint16_t client_port, server_port;
	uint16_t service; /* interned ids; 0xffff = none */
	uint16_t op, cls; /* interned ids; 0xffff = none */
	uint16_t status; /* 0: no response */
	uint64_t principal; /* keyed hash; 0 = none */

	int64_t begin_wall_ns; /* first byte of the request (of the response: TX_NO_REQUEST) */
	uint64_t wait_ns; /* end of the request's head to first byte of the final response */
	uint64_t total_ns; /* first byte of the request to last of the response */

	struct raw method, target, authority; /* target: as sent, query included */
	struct raw reason; /* HTTP/1 status line's text */
	struct fields request, response;
	struct body request_body, response_body;
	char request_id[REQUEST_ID_TEXT]; /* X-Request-Id, traceparent's trace id, or made:
					     printable */
};
