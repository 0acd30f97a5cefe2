/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics_out.h - inside the courier: the agent's metrics to an OTLP receiver, when the keeper
 * hands new ones. One transfer at a time; a lost one is not sent again.
 */
#pragma once

#include "user/courier/sink.h"

struct metrics_out;
int metrics_out_new(const struct sinks_base *shared, const json_t *config,
		    struct metrics_out **ret_out);
void metrics_out_free(struct metrics_out *out); /* NULL-safe */
void metrics_out_post(struct metrics_out *out, const json_t *metrics);

/* For sinks.c: the sink's metrics, if it sends any. */
void sink_otlp_metrics(struct sink *sink, const json_t *metrics);
