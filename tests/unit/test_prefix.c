/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_prefix.c - prefix.h and prefix_table.h together, against a list searched from end to end:
 * the longest unexpired match of every address, whatever was added and removed before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/abi.h"

/* Lets a test change the table between two of a reader's looks at it. */
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

static void fixture_open(struct fixture *f, uint32_t n)
{
	memset(f, 0, sizeof(*f));
	f->n = n;
	f->slots = aligned_alloc(64, n * sizeof(*f->slots));
	assert_non_null(f->slots);
	memset(f->slots, 0, n * sizeof(*f->slots));
	assert_int_equal(prefix_table_new(f->slots, n, f->lens, SETS, &key, &f->table), 0);
}

static void fixture_close(struct fixture *f)
{
	prefix_table_free(f->table);
	free(f->slots);
}

static void fixture_adopt(struct fixture *f)
{
	const struct gl_key other = {1, 2};

	prefix_table_free(f->table);
	assert_int_equal(prefix_table_new(f->slots, f->n, f->lens, SETS, &other, &f->table), 0);
}

static int insert(struct fixture *f, uint32_t set, const char *text, uint64_t expires_ns,
		  uint32_t value)
{
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix_table_insert(f->table, set, &prefix.addr, prefix.len, expires_ns, value);
}

static int drop(struct fixture *f, uint32_t set, const char *text)
{
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	return prefix_table_remove(f->table, set, &prefix.addr, prefix.len);
}

/* The value of what matches, 0 for nothing. */
static uint32_t match(struct fixture *f, uint32_t set, const char *text, uint64_t now_ns)
{
	struct gl_addr addr;
	uint32_t found;

	assert_int_equal(addr_parse(text, &addr), 0);
	found = prefix_match(f->slots, f->n, &f->lens[set], set, &addr, now_ns);
	return found ? f->slots[found - 1].value : 0;
}

static void assert_counts(struct fixture *f, uint32_t entries, uint32_t markers)
{
	struct prefix_table_counts counts;

	prefix_table_count(f->table, &counts);
	assert_int_equal(counts.entries, entries);
	assert_int_equal(counts.markers, markers);
}

static void longest_wins(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 64);
	assert_int_equal(match(&f, 0, "10.1.2.3", 0), 0);
	assert_int_equal(insert(&f, 0, "10.0.0.0/8", 0, 8), 0);
	assert_int_equal(insert(&f, 0, "10.1.2.3", 0, 32), 0);
	assert_int_equal(insert(&f, 0, "10.1.0.0/16", 0, 16), 0);
	assert_int_equal(match(&f, 0, "10.1.2.3", 0), 32);
	assert_int_equal(match(&f, 0, "10.1.2.4", 0), 16);
	assert_int_equal(match(&f, 0, "10.2.2.4", 0), 8);
	assert_int_equal(match(&f, 0, "11.1.2.3", 0), 0);
	assert_int_equal(match(&f, 0, "9.255.255.255", 0), 0);
	/* Another set of the same table knows nothing of it. */
	assert_int_equal(match(&f, 1, "10.1.2.3", 0), 0);
	assert_int_equal(drop(&f, 0, "10.1.0.0/16"), 0);
	assert_int_equal(match(&f, 0, "10.1.2.4", 0), 8);
	assert_int_equal(match(&f, 0, "10.1.2.3", 0), 32);
	assert_int_equal(drop(&f, 0, "10.1.0.0/16"), -ENOENT);
	assert_int_equal(drop(&f, 1, "10.0.0.0/8"), -ENOENT);
	fixture_close(&f);
}

static void families_are_apart(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 64);
	assert_int_equal(insert(&f, 0, "::/0", 0, 6), 0);
	assert_int_equal(match(&f, 0, "192.0.2.1", 0), 0);
	assert_int_equal(match(&f, 0, "2001:db8::1", 0), 6);
	assert_int_equal(match(&f, 0, "::", 0), 6);
	assert_int_equal(insert(&f, 0, "0.0.0.0/0", 0, 4), 0);
	assert_int_equal(match(&f, 0, "192.0.2.1", 0), 4);
	assert_int_equal(match(&f, 0, "255.255.255.255", 0), 4);
	assert_int_equal(match(&f, 0, "2001:db8::1", 0), 6);
	assert_int_equal(insert(&f, 0, "2001:db8:1:2::/64", 0, 64), 0);
	assert_int_equal(insert(&f, 0, "2001:db8::/32", 0, 32), 0);
	assert_int_equal(match(&f, 0, "2001:db8:1:2:ffff::1", 0), 64);
	assert_int_equal(match(&f, 0, "2001:db8:1:3::", 0), 32);
	assert_int_equal(match(&f, 0, "2001:db9::", 0), 6);
	assert_int_equal(drop(&f, 0, "::/0"), 0);
	assert_int_equal(match(&f, 0, "2001:db9::", 0), 0);
	assert_int_equal(match(&f, 0, "192.0.2.1", 0), 4);
	fixture_close(&f);
}

static void expiry_falls_back_to_the_shorter(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 64);
	assert_int_equal(insert(&f, 0, "10.0.0.0/8", 0, 8), 0);
	assert_int_equal(insert(&f, 0, "10.1.0.0/16", 1000, 16), 0);
	assert_int_equal(insert(&f, 0, "10.1.2.0/24", 500, 24), 0);
	assert_int_equal(insert(&f, 0, "10.1.2.3", 2000, 32), 0);
	assert_int_equal(match(&f, 0, "10.1.2.4", 499), 24);
	assert_int_equal(match(&f, 0, "10.1.2.4", 500),
			 16); /* expires_ns is the first instant after */
	assert_int_equal(match(&f, 0, "10.1.2.4", 1000), 8);
	assert_int_equal(match(&f, 0, "10.1.2.3", 1999), 32);
	assert_int_equal(match(&f, 0, "10.1.2.3", 2000), 8);
	assert_int_equal(prefix_table_expire(f.table, 499), 0);
	assert_int_equal(prefix_table_expire(f.table, 1000), 2);
	/* Of /8 and /32 neither needs a marker; the lengths before had 10.1.2.0/24 for 10.1.2.3. */
	assert_counts(&f, 2, 1);
	assert_int_equal(match(&f, 0, "10.1.2.3", 1000), 32);
	/* Replacing gives a new time. */
	assert_int_equal(insert(&f, 0, "10.1.2.3", 5000, 33), 0);
	assert_int_equal(prefix_table_expire(f.table, 2000), 0);
	assert_int_equal(match(&f, 0, "10.1.2.3", 4999), 33);
	assert_int_equal(prefix_table_expire(f.table, 5000), 1);
	assert_int_equal(match(&f, 0, "10.1.2.3", 0), 8);
	/* Idle lengths leave the bisection. */
	assert_int_equal(f.lens[0].in_use[f.lens[0].version & 1].n4, 1);
	assert_int_equal(f.lens[0].entries, 1);
	fixture_close(&f);
}

static void chains_are_bounded(void **state)
{
	struct fixture f;
	struct gl_addr addr;

	(void)state;
	fixture_open(&f, 64);
	assert_int_equal(addr_parse("10.1.2.3", &addr), 0);
	/* 8 nested, the outermost last but one, so that both ends of the rule are met. */
	for (uint8_t len = 100; len < 108; len++)
		assert_int_equal(prefix_table_insert(f.table, 0, &addr, len, 10, len), 0);
	assert_int_equal(prefix_table_insert(f.table, 0, &addr, 128, 0, 128), -E2BIG);
	assert_int_equal(prefix_table_insert(f.table, 0, &addr, 97, 0, 97), -E2BIG);
	assert_int_equal(prefix_table_insert(f.table, 0, &addr, 104, 0, 104), 0); /* replaces */
	assert_int_equal(match(&f, 0, "10.1.2.3", 10), 104);
	assert_int_equal(prefix_table_insert(f.table, 0, &addr, 104, 10, 104), 0);
	assert_int_equal(prefix_table_insert(f.table, 0, &addr, 100, 0, 100), 0);
	assert_int_equal(match(&f, 0, "10.1.2.3", 10), 100); /* the eighth */
	assert_int_equal(prefix_table_remove(f.table, 0, &addr, 103), 0);
	assert_int_equal(prefix_table_insert(f.table, 0, &addr, 97, 0, 97), 0);
	fixture_close(&f);
}

static void bad_arguments(void **state)
{
	struct gl_prefix_slot slots[4] = {0};
	struct gl_prefix_lens lens = {0};
	struct prefix_table *table = NULL;
	struct prefix_table_entry entry = {.value = 77};
	struct gl_addr addr = {0};

	(void)state;
	assert_int_equal(prefix_table_new(slots, 3, &lens, 1, &key, &table), -EINVAL);
	assert_int_equal(prefix_table_new(slots, 0, &lens, 1, &key, &table), -EINVAL);
	assert_int_equal(prefix_table_new(slots, 4, &lens, 0, &key, &table), -EINVAL);
	assert_null(table);
	assert_int_equal(prefix_table_new(slots, 4, &lens, 1, &key, &table), 0);
	assert_int_equal(prefix_table_insert(table, 1, &addr, 1, 0, 0), -EINVAL);
	assert_int_equal(prefix_table_insert(table, 0, &addr, 129, 0, 0), -EINVAL);
	assert_int_equal(prefix_table_remove(table, 0, &addr, 129), -ENOENT);
	assert_int_equal(prefix_table_find(table, 0, &addr, 0, &entry), -ENOENT);
	assert_int_equal(entry.value, 77);
	assert_int_equal(prefix_table_at(table, 4, &entry), -ENOENT);
	prefix_table_free(table);
	prefix_table_free(NULL);
}

/* A full table says so, changes nothing, and takes again what was given back. */
static void full_table(void **state)
{
	struct fixture f;
	uint32_t n = 0;
	struct gl_addr addr;

	(void)state;
	fixture_open(&f, 256);
	assert_int_equal(addr_parse("10.0.0.0", &addr), 0);
	for (;; n++) {
		_cleanup_free_ struct gl_prefix_slot *before = malloc(f.n * sizeof(*before));
		int r;

		assert_non_null(before);
		memcpy(before, f.slots, f.n * sizeof(*before));
		addr.b[14] = (uint8_t)(n >> 8);
		addr.b[15] = (uint8_t)n;
		r = prefix_table_insert(f.table, 0, &addr, 128, 0, n + 1);
		if (r == 0)
			continue;
		assert_int_equal(r, -ENOSPC);
		assert_memory_equal(before, f.slots, f.n * sizeof(*before));
		break;
	}
	assert_in_range(n, 192, 256); /* reaches three quarters at least */
	assert_counts(&f, n, 0);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t found;

		addr.b[14] = (uint8_t)(i >> 8);
		addr.b[15] = (uint8_t)i;
		found = prefix_match(f.slots, f.n, &f.lens[0], 0, &addr, 0);
		assert_int_not_equal(found, 0);
		assert_int_equal(f.slots[found - 1].value, i + 1);
		assert_int_equal(prefix_table_remove(f.table, 0, &addr, 128), 0);
	}
	assert_counts(&f, 0, 0);
	for (uint32_t i = 0; i < f.n; i++) {
		assert_int_equal(f.slots[i].state, GL_PREFIX_FREE);
		assert_true(f.slots[i].hops == 0);
	}
	fixture_close(&f);
}

/* --------------------------------------------------------------------------------------------
 * Against a list
 */
#define LIST_MAX 4096

struct list {
	struct prefix_table_entry items[LIST_MAX];
	size_t n;
};

struct random {
	uint64_t s;
};

static uint32_t rnd(struct random *random, uint32_t below)
{
	random->s ^= random->s << 13;
	random->s ^= random->s >> 7;
	random->s ^= random->s << 17;
	return (uint32_t)(random->s * 0x2545f4914f6cdd1dULL >> 33) % below;
}

/* Few bits vary, at the places where lengths cut, so that prefixes nest and addresses hit. */
static struct gl_addr random_addr(struct random *random)
{
	struct gl_addr addr = {0};

	if (rnd(random, 2)) {
		addr.w[2] = __builtin_bswap32(0xffff);
		addr.b[12] = (uint8_t)(10 + rnd(random, 2));
		addr.b[13] = (uint8_t)rnd(random, 3);
		addr.b[14] = (uint8_t)(rnd(random, 4) << 6);
		addr.b[15] = (uint8_t)rnd(random, 8);
	} else {
		addr.b[0] = 0x20;
		addr.b[5] = (uint8_t)rnd(random, 3);
		addr.b[7] = (uint8_t)(rnd(random, 4) << 5);
		addr.b[15] = (uint8_t)rnd(random, 4);
	}
	return addr;
}

static uint8_t random_len(struct random *random, const struct gl_addr *addr)
{
	static const uint8_t v4[] = {96, 104, 112, 119, 120, 121, 127, 128};
	static const uint8_t v6[] = {0, 32, 44, 48, 59, 60, 64, 128};

	return addr_is_v4(addr) ? v4[rnd(random, ARRAY_SIZE(v4))] : v6[rnd(random, ARRAY_SIZE(v6))];
}

static struct prefix_table_entry *list_find(struct list *list, uint32_t set,
					    const struct addr_prefix *prefix)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].set == set && list->items[i].len == prefix->len &&
		    addr_equal(&list->items[i].addr, &prefix->addr))
			return &list->items[i];
	return NULL;
}

static bool covers(const struct prefix_table_entry *entry, const struct gl_addr *addr)
{
	struct addr_prefix prefix = {.addr = entry->addr, .len = entry->len};
	bool v4 = entry->len >= 96 && addr_is_v4(&entry->addr);

	return v4 == addr_is_v4(addr) && prefix_contains(&prefix, addr);
}

static const struct prefix_table_entry *list_match(const struct list *list, uint32_t set,
						   const struct gl_addr *addr, uint64_t now_ns)
{
	const struct prefix_table_entry *best = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct prefix_table_entry *entry = &list->items[i];

		if (entry->set == set && covers(entry, addr) &&
		    (!entry->expires_ns || now_ns < entry->expires_ns) &&
		    (!best || entry->len > best->len))
			best = entry;
	}
	return best;
}

/* Real prefixes, this one included, on the deepest chain through it. */
static unsigned list_chain(const struct list *list, uint32_t set, const struct addr_prefix *prefix)
{
	struct prefix_table_entry self = {.addr = prefix->addr, .len = prefix->len};
	unsigned above = 1, most = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct prefix_table_entry *a = &list->items[i];
		unsigned inside = 0;

		if (a->set != set)
			continue;
		above += a->len < prefix->len && covers(a, &prefix->addr);
		if (a->len <= prefix->len || !covers(&self, &a->addr))
			continue;
		for (size_t j = 0; j < list->n; j++) {
			const struct prefix_table_entry *b = &list->items[j];

			inside += b->set == set && b->len > prefix->len && b->len <= a->len &&
				  covers(b, &a->addr);
		}
		if (inside > most)
			most = inside;
	}
	return above + most;
}

static void random_insert(struct fixture *f, struct list *list, struct random *random,
			  uint64_t now_ns)
{
	struct gl_addr addr = random_addr(random);
	struct addr_prefix prefix = prefix_of(&addr, random_len(random, &addr));
	uint32_t set = rnd(random, SETS), value = rnd(random, 1u << 30) + 1;
	struct prefix_table_entry *old = list_find(list, set, &prefix);
	uint64_t expires_ns = rnd(random, 3) ? now_ns + 1 + rnd(random, 4000) : 0;
	int r = prefix_table_insert(f->table, set, &addr, prefix.len, expires_ns, value);

	if (r == -E2BIG) {
		assert_null(old);
		assert_true(list_chain(list, set, &prefix) > PREFIX_CHAIN);
		return;
	}
	assert_int_equal(r, 0);
	if (!old) {
		assert_true(list_chain(list, set, &prefix) <= PREFIX_CHAIN);
		assert_true(list->n < LIST_MAX);
		old = &list->items[list->n++];
	}
	*old = (struct prefix_table_entry){.addr = prefix.addr,
					   .expires_ns = expires_ns,
					   .value = value,
					   .set = (uint16_t)set,
					   .len = prefix.len};
}

static void random_remove(struct fixture *f, struct list *list, struct random *random)
{
	struct gl_addr addr = random_addr(random);
	struct addr_prefix prefix = prefix_of(&addr, random_len(random, &addr));
	uint32_t set = rnd(random, SETS);
	struct prefix_table_entry *old;

	if (list->n && rnd(random, 4)) { /* mostly one that is there */
		old = &list->items[rnd(random, (uint32_t)list->n)];
		prefix = (struct addr_prefix){.addr = old->addr, .len = old->len};
		set = old->set;
	}
	old = list_find(list, set, &prefix);
	assert_int_equal(prefix_table_remove(f->table, set, &prefix.addr, prefix.len),
			 old ? 0 : -ENOENT);
	if (old)
		*old = list->items[--list->n];
}

static void expire_both(struct fixture *f, struct list *list, uint64_t now_ns)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n;) {
		if (!list->items[i].expires_ns || list->items[i].expires_ns > now_ns) {
			i++;
			continue;
		}
		list->items[i] = list->items[--list->n];
		n++;
	}
	assert_int_equal(prefix_table_expire(f->table, now_ns), n);
}

static void compare(struct fixture *f, const struct list *list, struct random *random,
		    uint64_t now_ns)
{
	for (int i = 0; i < 4; i++) {
		struct gl_addr addr = random_addr(random);
		uint32_t set = rnd(random, SETS);
		const struct prefix_table_entry *expected = list_match(list, set, &addr, now_ns);
		uint32_t found = prefix_match(f->slots, f->n, &f->lens[set], set, &addr, now_ns);

		assert_int_equal(found != 0, expected != NULL);
		if (expected)
			assert_int_equal(f->slots[found - 1].value, expected->value);
	}
}

static int count_one(const struct prefix_table_entry *entry, void *userdata)
{
	(void)entry;
	++*(size_t *)userdata;
	return 0;
}

static void compare_counts(struct fixture *f, struct list *list)
{
	size_t n = 0;

	for (uint32_t set = 0; set < SETS; set++) {
		size_t of_set = 0;

		assert_int_equal(prefix_table_foreach(f->table, set, count_one, &of_set), 0);
		assert_int_equal(f->lens[set].entries, of_set);
		n += of_set;
	}
	assert_int_equal(n, list->n);
	for (size_t i = 0; i < list->n; i++) {
		struct prefix_table_entry entry;

		assert_int_equal(prefix_table_find(f->table, list->items[i].set,
						   &list->items[i].addr, list->items[i].len,
						   &entry),
				 0);
		assert_int_equal(entry.value, list->items[i].value);
		assert_true(entry.expires_ns == list->items[i].expires_ns);
	}
}

static void random_operations(void **state)
{
	static struct list list;

	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct random random = {seed * 0x9e3779b97f4a7c15ULL};
		uint64_t now_ns = 1;
		struct fixture f;

		fixture_open(&f, 1024);
		list.n = 0;
		for (int i = 0; i < 25000; i++) {
			uint32_t what = rnd(&random, 100);

			now_ns += rnd(&random, 20);
			if (what < 55)
				random_insert(&f, &list, &random, now_ns);
			else if (what < 97)
				random_remove(&f, &list, &random);
			else
				expire_both(&f, &list, now_ns);
			compare(&f, &list, &random, now_ns);
			if (i % 2500 == 0) {
				compare_counts(&f, &list);
				fixture_adopt(&f);
				compare_counts(&f, &list);
			}
		}
		/* Everything goes, and nothing is left behind. */
		while (list.n) {
			const struct prefix_table_entry *entry = &list.items[--list.n];

			assert_int_equal(
				prefix_table_remove(f.table, entry->set, &entry->addr, entry->len),
				0);
		}
		assert_counts(&f, 0, 0);
		fixture_close(&f);
	}
}

/* Adopting a table left in order changes not one byte of it, and the next change is as good. */
static void adoption_changes_nothing(void **state)
{
	static struct list list;
	struct random random = {42};
	struct gl_prefix_slot *before;
	struct gl_prefix_lens lens[SETS];
	struct fixture f;

	(void)state;
	fixture_open(&f, 1024);
	list.n = 0;
	for (int i = 0; i < 300; i++)
		random_insert(&f, &list, &random, 1);
	for (int i = 0; i < 50; i++)
		random_remove(&f, &list, &random);
	before = malloc(f.n * sizeof(*before));
	assert_non_null(before);
	memcpy(before, f.slots, f.n * sizeof(*before));
	memcpy(lens, f.lens, sizeof(lens));
	fixture_adopt(&f);
	assert_memory_equal(before, f.slots, f.n * sizeof(*before));
	assert_memory_equal(lens, f.lens, sizeof(lens));
	compare_counts(&f, &list);
	free(before);
	fixture_close(&f);
}

/* A writer killed at any moment: a table with slots and hops torn is mended, the rest untouched. */
static void adoption_mends(void **state)
{
	struct fixture f;
	uint32_t slot = 0;

	(void)state;
	fixture_open(&f, 64);
	assert_int_equal(insert(&f, 0, "10.0.0.0/8", 0, 8), 0);
	assert_int_equal(insert(&f, 0, "10.1.2.3", 100, 32), 0);
	assert_int_equal(insert(&f, 0, "10.1.2.0/24", 0, 24), 0);
	while (f.slots[slot].state != GL_PREFIX_FREE)
		slot++;
	/* Half written: never listed. */
	f.slots[slot] = (struct gl_prefix_slot){.state = GL_PREFIX_REAL,
						.len = 128,
						.version = f.slots[slot].version | 1,
						.hops = f.slots[slot].hops};
	/* Listed nowhere, a name to nobody, a count not yet made. */
	for (uint32_t i = 0; i < f.n; i++)
		if (f.slots[i].state == GL_PREFIX_REAL && f.slots[i].value == 32)
			f.slots[i].parent = slot + 1;
	f.lens[0].entries = 9;
	fixture_adopt(&f);
	assert_int_equal(f.slots[slot].state, GL_PREFIX_FREE);
	assert_int_equal(f.slots[slot].version & 1, 0);
	assert_int_equal(f.lens[0].entries, 3);
	assert_int_equal(match(&f, 0, "10.1.2.3", 99), 32);
	assert_int_equal(match(&f, 0, "10.1.2.3", 100), 24);
	assert_int_equal(drop(&f, 0, "10.1.2.3"), 0);
	assert_int_equal(match(&f, 0, "10.1.2.3", 0), 24);
	/* A hop to a slot that was freed, and lengths that never came into force. */
	f.slots[5].hops |= 9;
	memset(&f.lens[0].in_use, 0, sizeof(f.lens[0].in_use));
	fixture_adopt(&f);
	assert_int_equal(match(&f, 0, "10.1.2.3", 0), 24);
	assert_int_equal(match(&f, 0, "10.9.2.3", 0), 8);
	fixture_close(&f);
}

/* A name that leads elsewhere is no match: not a stranger's entry, not a marker. */
static void names_are_checked(void **state)
{
	struct prefix_table_entry inner, stranger;
	struct addr_prefix prefix;
	struct fixture f;
	uint32_t marker = 0;

	(void)state;
	fixture_open(&f, 64);
	assert_int_equal(insert(&f, 0, "10.0.0.0/8", 0, 8), 0);
	assert_int_equal(insert(&f, 0, "10.1.0.0/16", 100, 16), 0);
	assert_int_equal(insert(&f, 0, "10.1.2.0/24", 100, 24), 0);
	assert_int_equal(insert(&f, 0, "10.1.3.3", 100, 32), 0);
	assert_int_equal(insert(&f, 0, "11.0.0.0/8", 0, 11), 0);
	while (f.slots[marker].state != GL_PREFIX_MARKER || f.slots[marker].addr.b[14] != 3)
		marker++;
	f.slots[marker].value = 666;
	assert_int_equal(prefix_parse("10.1.3.3", &prefix), 0);
	assert_int_equal(prefix_table_find(f.table, 0, &prefix.addr, prefix.len, &inner), 0);
	assert_int_equal(prefix_parse("11.0.0.0/8", &prefix), 0);
	assert_int_equal(prefix_table_find(f.table, 0, &prefix.addr, prefix.len, &stranger), 0);
	assert_int_equal(match(&f, 0, "10.1.3.3", 100), 8);
	f.slots[inner.slot].parent = stranger.slot + 1;
	assert_int_equal(match(&f, 0, "10.1.3.3", 100), 0);
	f.slots[inner.slot].parent = marker + 1;
	assert_int_equal(match(&f, 0, "10.1.3.3", 100), 0);
	f.slots[inner.slot].parent = inner.slot + 1; /* a ring ends */
	assert_int_equal(match(&f, 0, "10.1.3.3", 100), 0);
	fixture_close(&f);
}

/* --------------------------------------------------------------------------------------------
 * Changes between any two looks of a reader. What stays is found, whatever comes and goes.
 */
static void change_remove_parent(struct fixture *f)
{
	assert_int_equal(drop(f, 0, "10.1.0.0/16"), 0);
}

static void change_reuse_parent(struct fixture *f)
{
	assert_int_equal(drop(f, 0, "10.1.0.0/16"), 0);
	for (uint32_t i = 0; i < 40; i++) {
		struct gl_addr addr = {
			.w = {0, 0, __builtin_bswap32(0xffff), __builtin_bswap32(0x0b000000 + i)}};

		assert_int_equal(prefix_table_insert(f->table, 0, &addr, 128, 0, 900), 0);
	}
}

static void change_lengths(struct fixture *f)
{
	assert_int_equal(insert(f, 0, "12.0.0.0/12", 0, 12), 0);
}

static void change_lengths_twice(struct fixture *f)
{
	assert_int_equal(insert(f, 0, "12.0.0.0/12", 0, 12), 0);
	assert_int_equal(insert(f, 0, "13.0.0.0/29", 0, 29), 0);
}

static void change_lengths_less(struct fixture *f)
{
	assert_int_equal(drop(f, 0, "10.1.2.0/24"), 0);
	assert_int_equal(prefix_table_expire(f->table, 1), 0);
}

static void changes_between_looks(void **state)
{
	static void (*const changes[])(struct fixture * f) = {
		change_remove_parent, change_reuse_parent, change_lengths,
		change_lengths_twice, change_lengths_less,
	};
	unsigned changed = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		for (unsigned look = 1; look <= 40; look++) {
			struct fixture f;
			uint32_t host, net;

			fixture_open(&f, 64);
			assert_int_equal(insert(&f, 0, "10.0.0.0/8", 0, 8), 0);
			assert_int_equal(insert(&f, 0, "10.1.0.0/16", 100, 16), 0);
			assert_int_equal(insert(&f, 0, "10.1.2.0/24", 100, 24), 0);
			assert_int_equal(insert(&f, 0, "10.1.2.3", 100, 32), 0);
			assert_int_equal(insert(&f, 0, "10.1.3.3", 0, 33), 0);
			between = changes[i];
			between_fixture = &f;
			looks_left = look;
			host = match(&f, 0, "10.1.2.3", 100); /* all but /8 have expired */
			changed += looks_left == 0;
			net = match(&f, 0, "10.1.3.3", 0);
			looks_left = 0;
			assert_int_equal(host, 8);
			assert_int_equal(net, 33);
			fixture_close(&f);
		}
	}
	assert_in_range(changed, 25, 200); /* it did come between */
}

/* --------------------------------------------------------------------------------------------
 * Readers beside the writer
 */
struct reader {
	struct fixture *f;
	int stop; /* atomic */
	uint64_t lookups, foreign, lost;
};

/*
 * Value = last byte of the address: whatever is found must be for the address asked. 10.0.0.0/8 and
 * the odd hosts stay all the time, so they are always found.
 */
static void *reader_main(void *userdata)
{
	struct reader *reader = userdata;
	struct fixture *f = reader->f;
	struct gl_addr addr;

	(void)addr_parse("10.1.0.0", &addr);
	for (uint32_t i = 0; !__atomic_load_n(&reader->stop, __ATOMIC_RELAXED); i++) {
		uint32_t found, value;

		addr.b[15] = (uint8_t)(i * 7);
		found = prefix_match(f->slots, f->n, &f->lens[0], 0, &addr, 1);
		value = found ? __atomic_load_n(&f->slots[found - 1].value, __ATOMIC_RELAXED) : 0;
		reader->lookups++;
		reader->lost += !found || (addr.b[15] & 1 && value == 1000);
		/* The slot may be another's by the time its value is read: ask for the prefix. */
		reader->foreign += found && value != 1000 && value != 2000 && value != addr.b[15] &&
				   prefix_match(f->slots, f->n, &f->lens[0], 0, &addr, 1) == found;
	}
	return NULL;
}

static void readers_beside_the_writer(void **state)
{
	struct fixture f;
	struct reader reader = {.f = &f};
	struct random random = {7};
	struct gl_addr addr;
	pthread_t thread;

	(void)state;
	fixture_open(&f, 512);
	assert_int_equal(insert(&f, 0, "10.0.0.0/8", 0, 1000), 0);
	assert_int_equal(addr_parse("10.1.0.0", &addr), 0);
	for (uint32_t i = 1; i < 256; i += 2) {
		addr.b[15] = (uint8_t)i;
		assert_int_equal(prefix_table_insert(f.table, 0, &addr, 128, 0, i), 0);
	}
	assert_int_equal(pthread_create(&thread, NULL, reader_main, &reader), 0);
	for (int i = 0; i < 100000; i++) {
		addr.b[15] = (uint8_t)(rnd(&random, 128) * 2);
		/* Even hosts come and go, and networks between, which move lengths and markers. */
		if (rnd(&random, 2))
			(void)prefix_table_insert(f.table, 0, &addr, 128, 0, addr.b[15]);
		else
			(void)prefix_table_remove(f.table, 0, &addr, 128);
		if (i % 64 == 0)
			(void)prefix_table_insert(f.table, 0, &addr,
						  (uint8_t)(108 + rnd(&random, 12)), 2, 2000);
		if (i % 512 == 0)
			(void)prefix_table_expire(f.table, 2);
	}
	__atomic_store_n(&reader.stop, 1, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(thread, NULL), 0);
	print_message("%llu lookups beside the writer\n", (unsigned long long)reader.lookups);
	assert_true(reader.lookups > 1000);
	assert_int_equal(reader.foreign, 0);
	assert_int_equal(reader.lost, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_wins),
		cmocka_unit_test(families_are_apart),
		cmocka_unit_test(expiry_falls_back_to_the_shorter),
		cmocka_unit_test(chains_are_bounded),
		cmocka_unit_test(bad_arguments),
		cmocka_unit_test(full_table),
		cmocka_unit_test(random_operations),
		cmocka_unit_test(adoption_changes_nothing),
		cmocka_unit_test(adoption_mends),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(changes_between_looks),
		cmocka_unit_test(readers_beside_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
