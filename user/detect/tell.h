/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tell.h - a transaction and what was stated about it, as the records an inspector sends the keeper
 * (report.h). Here raw becomes masked: nothing else of a transaction leaves the inspector.
 */
#pragma once

#include "user/detect/detector.h"
#include "user/inspect/report.h"

/* The record is complete, its header included. */
void tell_transaction(const struct transaction *tx, struct report_transaction *ret_report);
void tell_finding(const struct transaction *tx, const struct detection *detection,
		  struct report_finding *ret_report);
