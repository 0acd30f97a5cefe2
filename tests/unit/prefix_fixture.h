/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * prefix_fixture.h - what the prefix tests share: a table with its writer, texts to addresses, and
 * a place where the table can be changed between two of a reader's looks at it.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/abi.h"

static struct gl_prefix_slot *slot_at(void *slots, uint32_t index);
#define PREFIX_SLOT(ctx, index) slot_at(ctx, index)
#include "include/glacis/prefix.h"
#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/prefix_table.h"

static const struct gl_key key = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};

#define SETS 2

struct fixture {
	struct gl_prefix_slot *slots;
	struct gl_prefix_lens lens[SETS];
	uint32_t n;
	struct prefix_table *table;
};

static __thread void (*between)(struct fixture *f);
static __thread struct fixture *between_fixture;
static __thread unsigned looks_left;

static struct gl_prefix_slot *slot_at(void *slots, uint32_t index)
{
	if (looks_left && --looks_left == 0)
		between(between_fixture);
	return &((struct gl_prefix_slot *)slots)[index];
}

static inline void fixture_open(struct fixture *f, uint32_t n)
{
	memset(f, 0, sizeof(*f));
	f->n = n;
	f->slots = aligned_alloc(64, n * sizeof(*f->slots));
	assert_non_null(f->slots);
	memset(f->slots, 0, n * sizeof(*f->slots));
	assert_int_equal(prefix_table_new(f->slots, n, f->lens, SETS, &key, &f->table), 0);
}

static inline void fixture_close(struct fixture *f)
{
	prefix_table_free(f->table);
	free(f->slots);
}

static inline void fixture_adopt(struct fixture *f)
{
	const struct gl_key other = {1, 2};

	prefix_table_free(f->table);
	assert_int_equal(prefix_table_new(f->slots, f->n, f->lens, SETS, &other, &f->table), 0);
}

static inline int insert(struct fixture *f, uint32_t set, const char *text, uint64_t expires_ns,
			 uint32_t value)
{
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix_table_insert(f->table, set, &prefix.addr, prefix.len, expires_ns, value);
}

static inline int drop(struct fixture *f, uint32_t set, const char *text)
{
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix_table_remove(f->table, set, &prefix.addr, prefix.len);
}

/* The value of what matches, 0 for nothing. */
static inline uint32_t match(struct fixture *f, uint32_t set, const char *text, uint64_t now_ns)
{
	struct gl_addr addr;
	uint32_t found;

	assert_int_equal(addr_parse(text, &addr), 0);
	found = prefix_match(f->slots, f->n, &f->lens[set], set, &addr, now_ns);
	return found ? f->slots[found - 1].value : 0;
}

static inline void assert_counts(struct fixture *f, uint32_t entries, uint32_t markers)
{
	struct prefix_table_counts counts;

	prefix_table_count(f->table, &counts);
	assert_int_equal(counts.entries, entries);
	assert_int_equal(counts.markers, markers);
}

struct random {
	uint64_t s;
};

static inline uint32_t rnd(struct random *random, uint32_t below)
{
	random->s ^= random->s << 13;
	random->s ^= random->s >> 7;
	random->s ^= random->s << 17;
	return (uint32_t)(random->s * 0x2545f4914f6cdd1dULL >> 33) % below;
}
