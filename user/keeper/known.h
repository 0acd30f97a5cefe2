/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * known.h - certificates an inspector has read, by the digest of their bytes: a server shows the
 * same one at every handshake, and asking for it again costs two processes a wakeup each. Nothing
 * is parsed here: pieces are put together and hashed.
 *
 * An entry ends after KNOWN_TTL_NS, so what a broken inspector said of one is not said for long;
 * only what was asked is learnt. Direct-mapped: whoever fills it makes us ask again, no more.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/base/clock.h"
#include "user/inspect/report.h"

#define KNOWN_TTL_NS (600 * CLOCK_NS_PER_S)

struct known;

int known_new(struct known **ret_known);
void known_free(struct known *known); /* NULL-safe */

enum known_answer {
	KNOWN_MORE, /* pieces are to come */
	KNOWN_READ, /* *ret_report says it, with this record's connection, service, port and flags
		     */
	KNOWN_ASK, /* *ret_der is to be read by an inspector */
};

/*
 * Takes a record of `size` bytes. enum known_answer; *ret_der lives until the next call. -EBADMSG
 * or -ENODATA as pieces_take(): an inspector would say the same of it, and count it.
 */
int known_take(struct known *known, const struct gl_rec_certificate *record, size_t size,
	       uint64_t now_ns, struct report_certificate *ret_report, const uint8_t **ret_der,
	       size_t *ret_n);

/* What an inspector read, if it was asked for it. */
void known_learn(struct known *known, const struct report_certificate *report, uint64_t now_ns);
