/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/metrics_out.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/courier/format.h"
#include "user/courier/sink_http.h"

struct metrics_out {
	const struct sinks_base *shared;
	struct sink_http http;
};

int metrics_out_new(const struct sinks_base *shared, const json_t *config,
		    struct metrics_out **ret_out)
{
	struct metrics_out *out = calloc(1, sizeof(*out));
	char *url;
	int r;

	if (!out)
		return -ENOMEM;
	out->shared = shared;
	r = sink_http_open(&out->http, NULL, config);
	if (r == 0 && asprintf(&url, "%s/v1/metrics", out->http.target.url) < 0)
		r = -ENOMEM;
	if (r < 0) {
		metrics_out_free(out);
		return r;
	}
	free(out->http.target.url);
	out->http.target.url = url;
	*ret_out = out;
	return 0;
}

void metrics_out_free(struct metrics_out *out)
{
	if (!out)
		return;
	sink_http_clear(&out->http);
	free(out);
}

static void answered(const struct http_answer *answer, void *userdata)
{
	struct metrics_out *out = userdata;

	(void)answer; /* records to the same receiver tell whether it is well */
	out->http.transfer = NULL;
}

void metrics_out_post(struct metrics_out *out, const json_t *metrics)
{
	const char *headers[] = {out->http.token, NULL};
	json_t *request;
	char *body;

	if (out->http.transfer)
		return;
	request = format_otlp_metrics(metrics, out->shared->host, out->shared->version);
	body = request ? json_dumps(request, JSON_COMPACT) : NULL;
	json_decref(request);
	if (body)
		(void)http_out_post(out->shared->http, out->shared->names, &out->http.target, body,
				    strlen(body), headers, answered, out, &out->http.transfer);
}
