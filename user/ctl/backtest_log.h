/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * backtest_log.h - the agent's access log (user/keeper/access_log.c) as requests to be replayed, in
 * the order they began.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/policy/replay.h"

struct backtest_span {
	size_t n; /* requests, of services known or not */
	uint64_t unreadable; /* lines */
	int64_t first_ns, last_ns; /* wall clock; 0 without any */
};

/* Those from since_ns on (0: all) of `path` and, before it, of path.1 if there is one. */
int backtest_log_read(const char *path, int64_t since_ns,
		      void (*fn)(const struct replay_request *request, void *userdata),
		      void *userdata, struct backtest_span *ret_span);

#define BACKTEST_LOG "/var/lib/glacis/access.jsonl"

/* backtest.c */
struct ctl;
int backtest_run(struct ctl *ctl);
