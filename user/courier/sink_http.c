/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/sink_http.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const json_t *config, const char *name)
{
	const char *text = json_string_value(json_object_get(config, name));

	return text ? strdup(text) : NULL;
}

int sink_http_open(struct sink_http *http, struct sink *sink, const json_t *config)
{
	const json_t *secrets = json_object_get(config, "secrets");

	(void)sink;
	http->target.url = copy(config, "url");
	http->target.host = copy(config, "host");
	http->target.port = (uint16_t)json_integer_value(json_object_get(config, "port"));
	http->target.ca = copy(config, "ca");
	http->target.timeout_ms =
		(unsigned)json_integer_value(json_object_get(config, "timeoutMs"));
	http->key = copy(secrets, "key");
	http->token = copy(secrets, "token");
	return http->target.url && http->target.host && http->target.port ? 0 : -EINVAL;
}

static void wipe(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void sink_http_clear(struct sink_http *http)
{
	http_out_cancel(http->transfer);
	free(http->target.url);
	free(http->target.host);
	free(http->target.ca);
	wipe(http->key);
	wipe(http->token);
}

/*
 * 2xx: taken. 400, 413, 422: this content is refused, others may pass. Everything else is about the
 * receiver or the configuration, which somebody will mend: kept and tried again. A redirect is not
 * followed: it would send the records to whoever answers.
 */
static void answered(const struct http_answer *answer, void *userdata)
{
	struct sink *sink = userdata;
	struct sink_http *http = sink->own;

	http->transfer = NULL;
	if (answer->error)
		sink_failed(sink, 0, "%.120s", answer->error);
	else if (answer->status >= 200 && answer->status < 300)
		sink_sent_except(sink, http->read_answer ? http->read_answer(answer) : 0);
	else if (answer->status == 400 || answer->status == 413 || answer->status == 422)
		sink_refused(sink, "HTTP %ld: refused for good", answer->status);
	else if (answer->status >= 300 && answer->status < 400)
		sink_failed(sink, answer->retry_after_ms,
			    "HTTP %ld: redirects are not followed; name the new address in the "
			    "configuration",
			    answer->status);
	else
		sink_failed(sink, answer->retry_after_ms, "HTTP %ld", answer->status);
}

void sink_http_post(struct sink_http *http, struct sink *sink, char *body, size_t size,
		    const char *const *headers)
{
	int r = http_out_post(sink->shared->http, sink->shared->names, &http->target, body, size,
			      headers, answered, sink, &http->transfer);

	if (r < 0)
		sink_failed(sink, 0, "%s", strerror(-r));
}

json_t *sink_records(const struct spool_batch *batch)
{
	const char *at = batch->text, *end = batch->text + batch->size;
	json_t *list = json_array();

	while (list && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size = stop ? (size_t)(stop - at) : (size_t)(end - at);
		json_t *record = json_loadb(at, size, 0, NULL);

		/* a damaged line is no reason to hold up the rest */
		if (record)
			json_array_append_new(list, record);
		at += size + 1;
	}
	return list;
}
