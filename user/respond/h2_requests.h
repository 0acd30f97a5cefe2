/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * h2_requests.h - HTTP/2 requests in flight, by connection: the doors do not decode them, so who a
 * new decision falls on is looked up here. Fed with heads that were allowed and with transactions
 * that ended; bounded: one of them makes room, which is counted.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"

#define H2_REQUEST_CREDENTIALS 4

struct h2_request {
	uint64_t conn;
	uint32_t number;
	uint16_t service, op; /* interned ids */
	struct gl_addr source;
	uint64_t principal;
	uint64_t credentials[H2_REQUEST_CREDENTIALS]; /* keyed hashes; 0 = none */
};

struct h2_requests;

int h2_requests_new(size_t max, struct h2_requests **ret_requests); /* max: a power of two */
void h2_requests_free(struct h2_requests *requests); /* NULL-safe */

void h2_requests_begin(struct h2_requests *requests, const struct h2_request *request);
void h2_requests_end(struct h2_requests *requests, uint64_t conn, uint32_t number);

/* The next one of a connection after `request` (NULL: the first); NULL: no more. Borrowed. */
const struct h2_request *h2_requests_next(const struct h2_requests *requests, uint64_t conn,
					  const struct h2_request *request);

uint64_t h2_requests_displaced(const struct h2_requests *requests);
