/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * transactions.h - what inspectors told of requests: the last ones in memory, each one in the
 * access log, told to followers; and their findings. A report is bounded and masked by whoever made
 * it, and checked here as from a stranger: an inspector reads hostile bytes for a living.
 */
#pragma once

#include <jansson.h>

#include "user/inspect/report.h"
#include "user/policy/compile.h"

#define TRANSACTIONS_MAX 8192 /* kept; the oldest is overwritten and counted */

struct keeper;

struct transaction_kept {
	uint64_t id; /* 1, 2, ... */
	struct report_transaction tx;
};

struct transactions;

int transactions_new(struct transactions **ret_transactions);
void transactions_free(struct transactions *transactions); /* NULL-safe */

/*
 * False: the report is not what an inspector of ours writes (a text that does not end or is not
 * printable, a number out of range); nothing of it is used.
 */
bool transactions_valid(const struct report_transaction *tx);
bool transactions_finding_valid(const struct report_finding *finding);

/* Keeps a copy, without what only watches are told; borrowed, until overwritten. */
const struct transaction_kept *transactions_add(struct transactions *transactions,
						const struct report_transaction *tx);
size_t transactions_count(const struct transactions *transactions);
uint64_t transactions_total(const struct transactions *transactions);
/* Position i, 0 = the oldest kept; NULL past the newest. */
const struct transaction_kept *transactions_at(const struct transactions *transactions, size_t i);
/* Position of the first one with an id above `after`. */
size_t transactions_after(const struct transactions *transactions, uint64_t after);

/* As an object of the API and the stream (kind "transaction"): OpenTelemetry's attribute names. */
json_t *transaction_json(const struct transaction_kept *kept, const struct intern *intern);

/* The handlers of REPORT_TRANSACTION and REPORT_FINDING. False: refused as above, counted. */
bool transactions_take(struct keeper *keeper, const struct report_transaction *tx);
bool transactions_take_finding(struct keeper *keeper, const struct report_finding *finding);
