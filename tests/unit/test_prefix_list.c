/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_prefix_list.c - prefix.h and prefix_table.h together, against a list searched from end to
 * end: the longest unexpired match of every address, whatever was added and removed before.
 */
#include "tests/unit/prefix_fixture.h"

#define LIST_MAX 4096

struct list {
	struct prefix_table_entry items[LIST_MAX];
	size_t n;
};

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations),
		cmocka_unit_test(adoption_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
