/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open_cut.h - a decision falls on what is open already, too: connections and requests in flight
 * that it is about are cut when it is put in force. Services in monitor are left alone (I6).
 */
#pragma once

#include <stdint.h>

#include "user/keeper/keeper.h"

#define OPEN_H2_MAX 16384 /* HTTP/2 requests in flight that are remembered */

/* For what was just put in force; how many connections were cut. */
unsigned open_cut_decision(struct keeper *keeper, const struct decision *decision);
unsigned open_cut_subject(struct keeper *keeper, const struct subject *subject);

/* HTTP/2: a request was allowed; it is over. */
struct report_head;
struct report_transaction;
void open_cut_begin(struct keeper *keeper, const struct report_head *head, uint16_t service,
		    uint16_t op);
void open_cut_end(struct keeper *keeper, const struct report_transaction *tx);
