/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic.h - requests on their way to user/store/traffic.h: kept until the next second, with what
 * detectors found in them, and written in one transaction. Too many a second, or a store that
 * cannot be written, cost rows, which are counted, and nothing else.
 */
#pragma once

#include "user/inspect/report.h"
#include "user/keeper/keeper.h"
#include "user/store/traffic.h"

#define TRAFFIC_WAITING_MAX 8192 /* rows a second */

struct traffic;

int traffic_new(const char *state_dir, struct traffic **ret_traffic);
void traffic_free(struct traffic *traffic); /* NULL-safe; writes what waits */

/* From now on threads write and read. */
int traffic_begin(struct traffic *traffic);

/* NULL-safe, all of them. */
void traffic_add(struct traffic *traffic, const struct report_transaction *tx,
		 const struct intern *intern);
/* One that a door answered or cut: no inspector sees it. */
void traffic_add_verdict(struct traffic *traffic, const struct gl_rec_verdict *v, int64_t wall_ns,
			 const struct intern *intern);
/* A rule found something in the request of that id; before or after it came itself. */
void traffic_found(struct traffic *traffic, const char *request_id, const char *rule);
void traffic_tick(struct traffic *traffic, const struct policy_incidents *rules, int64_t now_ns);

struct traffic_store *traffic_store(struct traffic *traffic); /* after writing what waits */
uint64_t traffic_lost(const struct traffic *traffic); /* rows */
