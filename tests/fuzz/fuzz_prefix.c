/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_prefix.c - adoption of a prefix table in any state: the input adds entries, then damages the
 * table's memory as no writer would, then adds more. Beyond not crashing: whatever the adopted
 * table lists is found, by its writer and by a reader; it counts right; a second adoption changes
 * nothing; and when all is removed, nothing is left.
 */
#include "tests/fuzz/fuzz.h"
#include "include/glacis/prefix.h"
#include "user/base/cleanup.h"
#include "user/base/prefix_table.h"

#define SLOTS 64
#define SETS  2

static const struct gl_key key = {7, 8};

/* What a table is made of: all that outlives its writer. */
struct memory {
	struct gl_prefix_slot slots[SLOTS];
	struct gl_prefix_lens lens[SETS];
};

struct input {
	const uint8_t *data;
	size_t left;
};

static uint8_t take(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

/* Few addresses and lengths, so that inputs soon nest and meet. */
static struct gl_addr take_addr(struct input *in, uint8_t *ret_len)
{
	static const uint8_t lens4[] = {96, 104, 112, 116, 120, 124, 127, 128};
	static const uint8_t lens6[] = {0, 16, 32, 48, 64, 96, 127, 128};
	uint8_t what = take(in), host = take(in);
	struct gl_addr addr = {0};

	if (what & 8) {
		addr.w[2] = __builtin_bswap32(0xffff);
		addr.b[12] = 10;
		addr.b[13] = what >> 6;
		*ret_len = lens4[what & 7];
	} else {
		addr.b[0] = 0x20;
		addr.b[5] = what >> 6;
		*ret_len = lens6[what & 7];
	}
	addr.b[15] = host;
	return addr;
}

static void change(struct prefix_table *table, struct input *in)
{
	uint8_t n = take(in) % 64;

	while (n-- && in->left) {
		uint8_t what = take(in), len;
		struct gl_addr addr = take_addr(in, &len);
		uint32_t set = what & 1;

		if (what & 0xc0)
			(void)prefix_table_insert(table, set, &addr, len, what & 0x30, what);
		else if (what & 0x30)
			(void)prefix_table_remove(table, set, &addr, len);
		else
			(void)prefix_table_expire(table, what);
	}
}

static void damage(struct memory *memory, struct input *in)
{
	uint8_t *bytes = (uint8_t *)memory, n = take(in) % 32;

	while (n-- && in->left) {
		size_t at = (size_t)take(in) << 8 | take(in);

		bytes[at % sizeof(*memory)] ^= take(in);
	}
}

struct survey {
	const struct prefix_table *table;
	struct memory *memory;
	uint32_t n, set;
	struct prefix_table_entry last;
};

static int survey_one(const struct prefix_table_entry *entry, void *userdata)
{
	struct survey *survey = userdata;
	struct prefix_table_entry same;
	uint32_t found;

	CHECK(entry->set == survey->set);
	CHECK(prefix_table_find(survey->table, entry->set, &entry->addr, entry->len, &same) == 0);
	CHECK(same.slot == entry->slot);
	CHECK(prefix_table_at(survey->table, entry->slot, &same) == 0);
	/* Some entry covers its first address while all are unexpired. */
	found = prefix_match(survey->memory->slots, SLOTS, &survey->memory->lens[entry->set],
			     entry->set, &entry->addr, 0);
	CHECK(found);
	CHECK(survey->memory->slots[found - 1].len >= entry->len);
	survey->last = *entry;
	survey->n++;
	return 0;
}

static uint32_t survey_all(const struct prefix_table *table, struct memory *memory,
			   struct prefix_table_entry *ret_last)
{
	struct survey survey = {.table = table, .memory = memory};
	struct prefix_table_counts counts;
	uint32_t n = 0;

	for (survey.set = 0; survey.set < SETS; survey.set++) {
		survey.n = 0;
		CHECK(prefix_table_foreach(table, survey.set, survey_one, &survey) == 0);
		CHECK(memory->lens[survey.set].entries == survey.n);
		n += survey.n;
	}
	prefix_table_count(table, &counts);
	CHECK(counts.entries == n);
	*ret_last = survey.last;
	return n;
}

static struct prefix_table *adopt(struct memory *memory)
{
	struct prefix_table *table;
	int r = prefix_table_new(memory->slots, SLOTS, memory->lens, SETS, &key, &table);

	return r < 0 ? NULL : table;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct memory memory, before;
	struct input in = {.data = data, .left = size};
	_cleanup_(prefix_table_freep) struct prefix_table *table = NULL;
	struct prefix_table_entry last;

	memset(&memory, 0, sizeof(memory));
	table = adopt(&memory);
	CHECK(table);
	change(table, &in);
	survey_all(table, &memory, &last);
	prefix_table_free(table);
	damage(&memory, &in);
	table = adopt(&memory);
	if (!table) /* no room for the markers it would need: said so, and not adopted */
		return 0;
	survey_all(table, &memory, &last);
	prefix_table_free(table);
	before = memory;
	table = adopt(&memory);
	CHECK(table);
	CHECK(!memcmp(&before, &memory, sizeof(memory)));
	change(table, &in);
	while (survey_all(table, &memory, &last))
		CHECK(prefix_table_remove(table, last.set, &last.addr, last.len) == 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		CHECK(memory.slots[i].state == GL_PREFIX_FREE);
	return 0;
}
