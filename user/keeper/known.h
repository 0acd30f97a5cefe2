/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * known.h - certificates an inspector has read, by the mark of their bytes (a keyed hash, struct
 * gl_rec_certificate_known): a server shows the same one at every handshake, and asking for it
 * again costs two processes a wakeup each. The tls door is told which are known, and tells of them
 * without their bytes from then on. Nothing is parsed here: pieces are put together and hashed.
 *
 * An entry is asked for again after KNOWN_TTL_NS, so what a broken inspector said of one is not
 * said for long; only what was asked is learnt. KNOWN_SLOTS entries; the one not seen for longest
 * goes, but none that was seen within KNOWN_BUSY_NS: whoever fills it makes us ask for his own
 * again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/base/clock.h"
#include "user/inspect/report.h"

#define KNOWN_TTL_NS  (600 * CLOCK_NS_PER_S)
#define KNOWN_BUSY_NS (10 * CLOCK_NS_PER_S)
#define KNOWN_SLOTS   64

struct known;

int known_new(struct known **ret_known);
void known_free(struct known *known); /* NULL-safe */

enum known_answer {
	KNOWN_MORE, /* pieces are to come */
	KNOWN_READ, /* *ret_report says it, with this record's connection, service, port and flags
		     */
	KNOWN_ASK, /* *ret_der is to be read by an inspector */
};

/* What the tls door is to be told; 0: nothing. `clear` first. */
struct known_marks {
	uint64_t clear, set;
};

/*
 * Takes a record of `size` bytes; `key` is the doors'. enum known_answer; *ret_report and *ret_der
 * live until the next call. -EBADMSG or -ENODATA as pieces_take(): an inspector would say the same
 * of it, and count it.
 */
int known_take(struct known *known, const struct gl_rec_certificate *record, size_t size,
	       const struct gl_key *key, uint64_t now_ns,
	       const struct report_certificate **ret_report, const uint8_t **ret_der, size_t *ret_n,
	       struct known_marks *ret_marks);

/* Takes one by its mark. KNOWN_READ, or -ENOENT: it is not known (any more). */
int known_take_mark(struct known *known, const struct gl_rec_certificate_known *record,
		    uint64_t now_ns, const struct report_certificate **ret_report,
		    struct known_marks *ret_marks);

/* What an inspector read, if it was asked for it. */
void known_learn(struct known *known, const struct report_certificate *report, uint64_t now_ns,
		 struct known_marks *ret_marks);
