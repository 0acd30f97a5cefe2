/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alerting.h - feeds the rules of alerts with what the keeper hears, and tells what they raise.
 *
 * The rules are user/respond/alert_*.h. Here: which record, report or finding goes to which, the
 * look at everything once a second, and log, events and followers.
 */
#pragma once

#include <jansson.h>

#include "user/inspect/report.h"
#include "user/keeper/keeper.h"

struct alerting;

/* After the kernel side, the policy and the stored alerts are there. */
int alerting_new(struct keeper *keeper, struct alerting **ret_alerting);
void alerting_free(struct alerting *alerting); /* NULL-safe */

/* Each takes keeper->alerting == NULL for "not yet". */
void alerting_crossed(struct keeper *keeper, const struct gl_rec_crossed *record);
void alerting_response(struct keeper *keeper, const struct gl_rec_response *record);
/* by_door: a door judged and counted it, not the keeper. */
void alerting_verdict(struct keeper *keeper, const struct gl_rec_verdict *record, bool by_door);
void alerting_transaction(struct keeper *keeper, const struct report_transaction *tx);
/* source: NULL where it is not about one. */
void alerting_finding(struct keeper *keeper, const struct finding *finding, bool in_response,
		      const struct gl_addr *source);
/* Once a second. */
void alerting_tick(struct keeper *keeper);

/* An alert as an object of the API; `whole`: with samples and tops. */
json_t *alert_json(const struct alert *alert, bool whole);
/* "auth-failures shop source 192.0.2.1: 5 answers of 401 ..." Returns `out`. */
#define ALERT_LINE 512
const char *alert_line(const struct alert *alert, char out[ALERT_LINE]);
/* What is stored beside the columns, as text; and back. NULL, -EINVAL. */
char *alert_pack(const struct alert *alert);
int alert_unpack(const char *text, struct alert *alert);
