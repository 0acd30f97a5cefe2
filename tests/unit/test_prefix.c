/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_prefix.c - prefix sets by example: longest match, families, expiry, nesting, a full table,
 * what adoption mends, and changes while a reader looks. At random: test_prefix_list.c.
 */
#include "tests/unit/prefix_fixture.h"

#include <pthread.h>

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
	assert_counts(&f, 2, 0);
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
	assert_int_equal(insert(&f, 0, "10.1.3.0/28", 100, 28), 0);
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
		cmocka_unit_test(adoption_mends),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(changes_between_looks),
		cmocka_unit_test(readers_beside_the_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
