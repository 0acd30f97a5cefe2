/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspectors.h - the inspector processes in the keeper's loop: started, restarted when they end or
 * say nothing for long, stopped; told the ruling policy; and every record of theirs checked as from
 * a stranger and handed to what takes its kind. One that writes what no inspector writes is ended.
 *
 * Nothing of enforcement depends on them.
 */
#pragma once

#include <jansson.h>

#include "user/inspect/report.h"

struct keeper;
struct inspectors;

/* Makes their rings and starts as many as the options say. Logs. */
int inspectors_new(struct keeper *keeper, struct inspectors **ret_inspectors);
void inspectors_free(struct inspectors *inspectors); /* NULL-safe */

/* Once a second: who is silent for too long is ended. NULL-safe. */
void inspectors_tick(struct inspectors *inspectors);
/* Tells every one which policy rules, if it was not told. NULL-safe. */
void inspectors_policy(struct inspectors *inspectors);
/* Hands a record of the kernel's to the inspector of that connection, unread. NULL-safe. */
void inspectors_record(struct inspectors *inspectors, uint64_t conn, const struct gl_rec *record,
		       size_t size);

/* Of all that ever ran. NULL-safe. */
uint64_t inspectors_count(const struct inspectors *inspectors, enum report_count count);
struct inspectors_losses {
	uint64_t restarts; /* each: what it knew of its streams is lost */
	uint64_t records; /* of the kernel's that no inspector could take */
	uint64_t refused; /* messages that no inspector of ours writes */
};
struct inspectors_losses inspectors_losses(const struct inspectors *inspectors);
json_t *inspectors_json(const struct inspectors *inspectors);
const char *inspectors_count_name(enum report_count count); /* "inspector-chunks" */
/* How many, and how many of them work. */
size_t inspectors_ready(const struct inspectors *inspectors, size_t *ret_n);
