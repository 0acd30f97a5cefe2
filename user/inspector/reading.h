/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reading.h - what becomes of chunks: streams and transactions (user/inspect), who asks for what by
 * the ruling policy, detectors (user/detect), and what of it the keeper is told. Called by work.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/inspector/link.h"

struct reading;

/*
 * Loads the rules: files are read here and never again. Without rules texts are not looked into,
 * which is logged. link is borrowed.
 */
int reading_new(struct link *link, struct reading **ret_reading);
void reading_free(struct reading *reading); /* NULL-safe */

/*
 * From now on this policy rules; borrowed, until the next one is set. `expected` are the bytes of
 * expect.h, `size` 0: nothing is; they are copied. -EINVAL, -ENOMEM: nothing is expected, the
 * policy rules all the same.
 */
int reading_set_policy(struct reading *reading, const struct gl_policy *policy,
		       const uint8_t *expected, size_t size);
/* A record of kind GL_REC_CHUNK, `size` bytes of it readable. */
void reading_chunk(struct reading *reading, const struct gl_chunk *chunk, size_t size);
/*
 * Time passes: it is now_ns (CLOCK_BOOTTIME), and all chunks of before are read. 0: not all are; it
 * is as late as the last one.
 */
void reading_tick(struct reading *reading, uint64_t now_ns);
/* Something waits for time to pass. */
bool reading_waits(const struct reading *reading);
/* Requests are judged by what it reads: it is waited for (within the last second). */
bool reading_judges(const struct reading *reading);
/* Since reading_new(): added to counts[REPORT_COUNT_MAX]. */
void reading_add_counts(const struct reading *reading, uint64_t *counts);
