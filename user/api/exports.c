/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exports.c - where records go, and the agent in numbers. */
#include "user/api/api.h"
#include "user/keeper/exports.h"
#include "user/keeper/metrics.h"

void api_exports(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};

	if (api_query_has_only(rq, parameters))
		api_reply(rq, 200, exports_json(rq->keeper->exports));
}

/* JSON here; the courier makes Prometheus' text of it. */
void api_metrics(struct api_request *rq)
{
	static const char *const parameters[] = {NULL};

	if (api_query_has_only(rq, parameters))
		api_reply(rq, 200, metrics_json(rq->keeper));
}
