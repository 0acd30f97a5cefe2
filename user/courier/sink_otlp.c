/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_otlp.c - records as OTLP/HTTP log records. (Metrics are sent by metrics_out.c to the same
 * targets: they are not spooled, the next ones say more.)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/courier/format.h"
#include "user/courier/metrics_out.h"
#include "user/courier/sink_http.h"

struct otlp {
	struct sink_http http; /* first: sink_http.c takes sink->own for it */
	struct metrics_out *metrics;
};

/* {"partialSuccess":{"rejectedLogRecords":"3"}}: those are not to be sent again. */
uint64_t otlp_rejected(const struct http_answer *answer)
{
	json_t *o = json_loadb(answer->body, answer->size, 0, NULL);
	const json_t *n =
		json_object_get(json_object_get(o, "partialSuccess"), "rejectedLogRecords");
	uint64_t count = 0;

	if (json_is_integer(n) && json_integer_value(n) > 0)
		count = (uint64_t)json_integer_value(n);
	else if (json_is_string(n))
		count = strtoull(json_string_value(n), NULL, 10);
	json_decref(o);
	return count;
}

static int otlp_open(struct sink *sink, const json_t *config)
{
	struct otlp *otlp = sink->own = calloc(1, sizeof(*otlp));
	const char *url;
	char *logs;
	int r;

	if (!otlp)
		return -ENOMEM;
	r = sink_http_open(&otlp->http, sink, config);
	if (r < 0)
		return r;
	otlp->http.read_answer = otlp_rejected;
	url = json_string_value(json_object_get(config, "url"));
	if (asprintf(&logs, "%s/v1/logs", url) < 0)
		return -ENOMEM;
	free(otlp->http.target.url);
	otlp->http.target.url = logs;
	if (!json_integer_value(json_object_get(config, "metricsMs")))
		return 0;
	return metrics_out_new(sink->shared, config, &otlp->metrics);
}

static void otlp_close(struct sink *sink)
{
	struct otlp *otlp = sink->own;

	if (!otlp)
		return;
	metrics_out_free(otlp->metrics);
	sink_http_clear(&otlp->http);
	free(otlp);
	sink->own = NULL;
}

static void otlp_send(struct sink *sink, const struct spool_batch *batch)
{
	struct otlp *otlp = sink->own;
	json_t *records = sink_records(batch);
	json_t *request = format_otlp_logs(records, sink->shared->host, sink->shared->version);
	char *body = request ? json_dumps(request, JSON_COMPACT) : NULL;
	const char *headers[] = {otlp->http.token, NULL};

	json_decref(request);
	json_decref(records);
	if (!body)
		sink_failed(sink, 0, "out of memory");
	else
		sink_http_post(&otlp->http, sink, body, strlen(body), headers);
}

void sink_otlp_metrics(struct sink *sink, const json_t *metrics)
{
	struct otlp *otlp = sink->type == EXPORT_TYPE_OTLP ? sink->own : NULL;

	if (otlp && otlp->metrics)
		metrics_out_post(otlp->metrics, metrics);
}

const struct sink_ops sink_otlp = {
	.max_lines = 200,
	.max_bytes = 256 << 10,
	.open = otlp_open,
	.close = otlp_close,
	.send = otlp_send,
};
