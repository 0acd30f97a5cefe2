/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_prefix.c - prefix sets in the kernel (prefix.bpf.c, BPF_PROG_TEST_RUN): the table the host
 * writes is read there with the same answers. Prints what a lookup costs.
 *
 *   test_prefix FOLDER    the folder of prefix.bpf.o
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "include/glacis/prefix.h"
#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/prefix_table.h"

#define SLOTS (1u << 20)
#define PAGE  4096

static const struct gl_key key = {5, 6};

/* As in prefix.bpf.c. */
struct question {
	struct gl_addr addr;
	__u64 now_ns;
	__u64 n;
	__u64 found;
	__u32 slots;
	__u32 last;
	__u32 random_bits;
	__u32 different;
	struct gl_prefix_lens lens;
};
_Static_assert(sizeof(struct question) <= PAGE, "mapped as one page");

static const char *folder;

struct kernel {
	struct bpf_object *object;
	struct gl_prefix_slot *slots;
	struct question *q;
	struct prefix_table *table;
};

static int program(const struct kernel *k, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(k->object, name));
}

static void *map_memory(const struct kernel *k, const char *name, size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_object__find_map_fd_by_name(k->object, name), 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static int setup(void **state)
{
	static struct kernel k;
	char path[512];

	snprintf(path, sizeof(path), "%s/prefix.bpf.o", folder);
	k.object = bpf_object__open_file(path, NULL);
	assert_non_null(k.object);
	assert_int_equal(
		bpf_map__set_max_entries(bpf_object__find_map_by_name(k.object, "prefixes"), SLOTS),
		0);
	/* Loading is a test of its own: tc, XDP and uprobe.s. */
	assert_int_equal(bpf_object__load(k.object), 0);
	k.slots = map_memory(&k, "prefixes", SLOTS * sizeof(*k.slots));
	k.q = map_memory(&k, "questions", PAGE);
	*state = &k;
	return 0;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	prefix_table_free(k->table);
	munmap(k->slots, SLOTS * sizeof(*k->slots));
	munmap(k->q, PAGE);
	bpf_object__close(k->object);
	return 0;
}

/* An empty table of so many slots in the map. */
static void begin(struct kernel *k, uint32_t slots)
{
	prefix_table_free(k->table);
	k->table = NULL;
	memset(k->slots, 0, SLOTS * sizeof(*k->slots));
	memset(k->q, 0, sizeof(*k->q));
	k->q->slots = slots;
	assert_int_equal(prefix_table_new(k->slots, slots, &k->q->lens, 1, &key, &k->table), 0);
}

static void insert(struct kernel *k, const char *text, uint64_t expires_ns, uint32_t value)
{
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(text, &prefix), 0);
	assert_int_equal(
		prefix_table_insert(k->table, 0, &prefix.addr, prefix.len, expires_ns, value), 0);
}

static uint32_t run(const struct kernel *k, const char *name, int repeat)
{
	uint8_t packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(program(k, name), &options), 0);
	assert_int_equal(options.retval, 0);
	return options.duration; /* ns, of one run */
}

/* The value of what the kernel finds, which is what the host finds. */
static uint32_t find(struct kernel *k, const char *name, const char *text, uint64_t now_ns)
{
	uint32_t host;

	assert_int_equal(addr_parse(text, &k->q->addr), 0);
	k->q->random_bits = 0;
	k->q->now_ns = now_ns;
	run(k, name, 1);
	host = prefix_match(k->slots, k->q->slots, &k->q->lens, 0, &k->q->addr, now_ns);
	assert_int_equal(k->q->last, host);
	return host ? k->slots[host - 1].value : 0;
}

static void by_example(void **state)
{
	static const char *const programs[] = {"prefix_tc", "prefix_xdp"};
	struct kernel *k = *state;

	begin(k, 1024);
	insert(k, "10.0.0.0/8", 0, 8);
	insert(k, "10.1.0.0/16", 1000, 16);
	insert(k, "10.1.2.0/24", 500, 24);
	insert(k, "10.1.2.3", 0, 32);
	insert(k, "2001:db8::/32", 0, 132);
	insert(k, "2001:db8:1:2::/64", 100, 164);
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		assert_int_equal(find(k, programs[i], "10.1.2.3", 0), 32);
		assert_int_equal(find(k, programs[i], "10.1.2.4", 499), 24);
		assert_int_equal(find(k, programs[i], "10.1.2.4", 500), 16);
		assert_int_equal(find(k, programs[i], "10.1.2.4", 1000), 8);
		assert_int_equal(find(k, programs[i], "11.1.2.4", 0), 0);
		assert_int_equal(find(k, programs[i], "2001:db8:1:2::9", 99), 164);
		assert_int_equal(find(k, programs[i], "2001:db8:1:2::9", 100), 132);
		assert_int_equal(find(k, programs[i], "2001:db9::9", 0), 0);
	}
}

/* Many lengths, many addresses: 4,000 lookups, each as the host answers it. */
static void by_chance(void **state)
{
	struct kernel *k = *state;
	uint64_t chance = 1;
	uint32_t hits = 0;

	begin(k, 8192);
	for (uint32_t i = 0; i < 1500; i++) {
		struct gl_addr addr;

		chance = prefix_mix(chance + 1);
		assert_int_equal(addr_parse("10.0.0.0", &addr), 0);
		addr.w[3] |= __builtin_bswap32((uint32_t)chance & 0xffff);
		(void)prefix_table_insert(k->table, 0, &addr, (uint8_t)(112 + (chance >> 40) % 17),
					  0, i + 1);
	}
	assert_int_equal(addr_parse("10.0.0.0", &k->q->addr), 0);
	k->q->random_bits = 17;
	k->q->different = 1u << 30;
	for (uint64_t i = 0; i < 4000; i++) {
		struct gl_addr addr = k->q->addr;

		k->q->n = i;
		run(k, "prefix_tc", 1);
		addr.w[3] ^= __builtin_bswap32((uint32_t)prefix_mix(i + 1) & 0x1ffff);
		assert_int_equal(k->q->last,
				 prefix_match(k->slots, k->q->slots, &k->q->lens, 0, &addr, 0));
		hits += k->q->last != 0;
	}
	assert_in_range(hits, 500, 3000);
}

/* --------------------------------------------------------------------------------------------
 * Cost
 */
static uint32_t cost(const struct kernel *k, const char *name)
{
	uint32_t best = UINT32_MAX;

	for (int i = 0; i < 5; i++) {
		uint32_t ns = run(k, name, 50000);

		best = ns < best ? ns : best;
	}
	return best;
}

static void report(struct kernel *k, uint32_t entries, const char *lengths)
{
	struct prefix_table_counts counts;
	uint32_t hit, miss, nothing;

	prefix_table_count(k->table, &counts);
	k->q->different = entries; /* those that were inserted */
	k->q->random_bits = 32;
	k->q->n = k->q->found = 0;
	hit = cost(k, "prefix_tc");
	assert_true(k->q->found == k->q->n);
	k->q->different = 1u << 30;
	k->q->n = 1ull << 29;
	k->q->found = 0;
	miss = cost(k, "prefix_tc");
	assert_true(k->q->found < k->q->n / 10);
	nothing = cost(k, "prefix_nothing");
	print_message("# %u entries, %u markers, %u slots, %s: hit %d ns, miss %d ns\n",
		      counts.entries, counts.markers, counts.slots, lengths, (int)(hit - nothing),
		      (int)(miss - nothing));
}

/* The n-th address of address() in prefix.bpf.c, as /32. */
static void fill(struct kernel *k, uint32_t entries)
{
	assert_int_equal(addr_parse("0.0.0.0", &k->q->addr), 0);
	for (uint32_t n = 0; n < entries; n++) {
		struct gl_addr addr = k->q->addr;

		addr.w[3] ^= __builtin_bswap32((uint32_t)prefix_mix(n + 1));
		assert_int_equal(prefix_table_insert(k->table, 0, &addr, 128, 0, n), 0);
	}
}

static void costs(void **state)
{
	static const struct {
		uint32_t slots, entries;
	} sizes[] = {{1u << 13, 1000}, {1u << 17, 30000}, {1u << 18, 100000}, {SLOTS, 500000}};
	struct kernel *k = *state;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin(k, sizes[i].slots);
		fill(k, sizes[i].entries);
		report(k, sizes[i].entries, "1 length");
		if (sizes[i].entries > 100000)
			continue;
		insert(k, "198.51.0.0/16", 0, 1);
		insert(k, "198.51.100.0/24", 0, 1);
		insert(k, "198.51.100.0/28", 0, 1);
		report(k, sizes[i].entries, "4 lengths");
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_example),
		cmocka_unit_test(by_chance),
		cmocka_unit_test(costs),
	};

	folder = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, setup, teardown);
}
