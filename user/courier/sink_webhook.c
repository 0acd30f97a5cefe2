/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_webhook.c - batches of records as a JSON document, signed.
 *
 *	Glacis-Timestamp: 1767225600
 *	Glacis-Signature: v1=<hex of HMAC-SHA256(key, timestamp "." body)>
 *	Idempotency-Key: <id of the first record>/<records>
 *
 * A receiver checks the signature over the bytes it got, that the timestamp is of the last minutes,
 * and drops records whose id it has: what was sent and not heard of is sent again.
 */
#include <errno.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/courier/format.h"
#include "user/courier/sink_http.h"

#define HEADER     256
#define SHA256_HEX 65

static int webhook_open(struct sink *sink, const json_t *config)
{
	struct sink_http *http = sink->own = calloc(1, sizeof(*http));
	unsigned batch = (unsigned)json_integer_value(json_object_get(config, "batch"));

	if (!http)
		return -ENOMEM;
	if (batch)
		sink->limit = sink->max_lines = batch;
	return sink_http_open(http, sink, config);
}

static void webhook_close(struct sink *sink)
{
	if (!sink->own)
		return;
	sink_http_clear(sink->own);
	free(sink->own);
	sink->own = NULL;
}

/* HMAC over timestamp, a dot and the body, in hex. */
static int sign(const char *key, const char *timestamp, const char *body, size_t size,
		char out[SHA256_HEX])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t before = strlen(timestamp) + 1;
	char *text = malloc(before + size + 1);
	unsigned n = 0;

	if (!text)
		return -ENOMEM;
	snprintf(text, before + 1, "%s.", timestamp);
	memcpy(text + before, body, size);
	if (!HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)text, before + size, digest,
		  &n))
		n = 0;
	free(text);
	for (unsigned i = 0; i < n && i < 32; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
	return n == 32 ? 0 : -EIO;
}

static json_t *document(const struct sink *sink, json_t *records)
{
	json_t *events = records;

	if (sink->ocsf) {
		events = json_array();
		for (size_t i = 0; i < json_array_size(records); i++)
			json_array_append_new(events, format_ocsf(json_array_get(records, i),
								  sink->shared->version));
		json_decref(records);
	}
	return json_pack("{s:s, s:s, s:s, s:o}", "sender", "glacis", "host", sink->shared->host,
			 "format", sink->ocsf ? "ocsf" : "glacis", "events", events);
}

static void webhook_send(struct sink *sink, const struct spool_batch *batch)
{
	struct sink_http *http = sink->own;
	char timestamp[24], hex[SHA256_HEX] = "", lines[4][HEADER];
	const char *headers[6] = {NULL};
	json_t *records = sink_records(batch), *whole;
	const char *id = json_string_value(json_object_get(json_array_get(records, 0), "id"));
	char *body;
	size_t n = 0;

	snprintf(lines[n++], HEADER, "Idempotency-Key: %.200s/%zu", id ? id : "",
		 json_array_size(records));
	whole = document(sink, records);
	body = whole ? json_dumps(whole, JSON_COMPACT) : NULL;
	json_decref(whole);
	snprintf(timestamp, sizeof(timestamp), "%lld",
		 (long long)(clock_wall_ns() / (int64_t)CLOCK_NS_PER_S));
	if (!body || (http->key && sign(http->key, timestamp, body, strlen(body), hex) < 0)) {
		free(body);
		sink_failed(sink, 0, "out of memory");
		return;
	}
	snprintf(lines[n++], HEADER, "Glacis-Timestamp: %s", timestamp);
	if (http->key)
		snprintf(lines[n++], HEADER, "Glacis-Signature: v1=%s", hex);
	snprintf(lines[n++], HEADER, "User-Agent: glacis/%.64s", sink->shared->version);
	for (size_t i = 0; i < n; i++)
		headers[i] = lines[i];
	if (http->token)
		headers[n] = http->token; /* a whole header line, made when the file was read */
	sink_http_post(http, sink, body, strlen(body), headers);
}

const struct sink_ops sink_webhook = {
	.max_lines = 100,
	.max_bytes = 256 << 10,
	.open = webhook_open,
	.close = webhook_close,
	.send = webhook_send,
};
