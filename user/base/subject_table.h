/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject_table.h - the one writer of the table of decided subjects (include/glacis/subjects.h):
 * put, remove, expire, list. Readers, in the kernel too, look up in the same memory meanwhile.
 *
 * The counts in gl_control that spare readers the lookup go up before an entry is there and down
 * after it has gone. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"

struct subject_key {
	uint64_t subject;
	uint32_t tag; /* GL_SUBJECT_TAG */
	uint32_t value;
};

/* Both are the caller's and outlive it. `slots` has GL_SUBJECT_SLOTS entries. */
struct subject_table {
	struct gl_subject *slots;
	struct gl_control *control;
};

/* Adopts what is there: the counts are made right again. */
void subject_table_open(struct subject_table *table, struct gl_subject *slots,
			struct gl_control *control);

/*
 * Puts a subject in force, or gives the one that is there another expiry, value and decision (hits
 * stay). expires_ns is never 0. -ENOSPC: no room where it hashes to, nothing changed.
 */
int subject_table_put(struct subject_table *table, const struct subject_key *key,
		      uint64_t expires_ns, uint32_t decision);
/* -ENOENT. */
int subject_table_remove(struct subject_table *table, const struct subject_key *key);
/* The entry, expired or not (borrowed); NULL. */
const struct gl_subject *subject_table_find(const struct subject_table *table,
					    const struct subject_key *key);
/* Removes what expired by now_ns. Returns how many. */
size_t subject_table_expire(struct subject_table *table, uint64_t now_ns);
