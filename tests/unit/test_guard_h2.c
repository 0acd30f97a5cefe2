/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_guard_h2.c - HTTP/2 frames for the response guard: the same content however the frames are
 * cut, each stream's beginning remembered while others take turns with it, never another's.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/guard_h2_reference.h"

#define UNUSED __attribute__((unused))

struct frames {
	uint8_t bytes[1 << 16];
	size_t n;
};

static void add(struct frames *f, uint8_t type, uint32_t id, const char *text, size_t n)
{
	const uint8_t head[] = {
		(uint8_t)(n >> 16),  (uint8_t)(n >> 8),   (uint8_t)n,         type,       0,
		(uint8_t)(id >> 24), (uint8_t)(id >> 16), (uint8_t)(id >> 8), (uint8_t)id};

	assert_true(f->n + sizeof(head) + n <= sizeof(f->bytes));
	memcpy(f->bytes + f->n, head, sizeof(head));
	memcpy(f->bytes + f->n + sizeof(head), text, n);
	f->n += sizeof(head) + n;
}

static void data(struct frames *f, uint32_t id, const char *text)
{
	add(f, GUARD_H2_DATA, id, text, strlen(text));
}

/* How many pieces of content had a known beginning, in pieces of any size. */
static size_t drive(const struct frames *f, size_t most)
{
	struct h2_reference r = {0};
	size_t remembered;

	assert_true(h2_reference_read(&r, f->bytes, f->n));
	assert_int_equal(h2_reference_drive(&r, f->bytes, f->n, most, &remembered), r.content);
	h2_reference_free(&r);
	return remembered;
}

static void a_server_begins_with_settings(void **state UNUSED)
{
	static const uint8_t settings[] = {0, 0, 18, 4, 0, 0, 0, 0, 0};
	static const uint8_t empty[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
	static const uint8_t acknowledged[] = {0, 0, 0, 4, 1, 0, 0, 0, 0};
	static const uint8_t odd[] = {0, 0, 7, 4, 0, 0, 0, 0, 0};

	assert_true(guard_h2_begins(settings));
	assert_true(guard_h2_begins(empty));
	assert_false(guard_h2_begins(acknowledged));
	assert_false(guard_h2_begins(odd));
	assert_false(guard_h2_begins((const uint8_t *)"HTTP/1.1 "));
}

static void however_it_is_cut(void **state UNUSED)
{
	struct frames f = {0};

	add(&f, GUARD_H2_SETTINGS, 0, "\0\3\0\0\0\144", 6);
	add(&f, 1, 1, "\210", 1);
	data(&f, 1, "AKIAQYLP");
	data(&f, 1, "");
	add(&f, 6, 0, "12345678", 8);
	data(&f, 1, "MN5HHHFPZAM2");
	for (size_t most = 1; most < 40; most++)
		drive(&f, most);
	/* whole: the second DATA frame goes on where the first ended */
	assert_int_equal(drive(&f, 1 << 16) > 0, 1);
}

static void streams_take_turns(void **state UNUSED)
{
	struct frames f = {0};
	char text[32];

	/* five: the one at hand and four beside it */
	for (int turn = 0; turn < 20; turn++)
		for (uint32_t id = 1; id <= 9; id += 2) {
			snprintf(text, sizeof(text), "%u of %u,", turn, id);
			data(&f, id, text);
		}
	/* all but the first frame of each: pieces are larger than a frame here only in the end */
	assert_int_equal(drive(&f, 4) >= 5 * 19, 1);
}

/* More than there is room for: a beginning may be forgotten, never another's taken for it. */
static void too_many_streams(void **state UNUSED)
{
	struct frames f = {0};
	char text[32];

	for (int turn = 0; turn < 20; turn++)
		for (uint32_t id = 1; id <= 99; id += 2) {
			snprintf(text, sizeof(text), "%u:%u;", turn, id);
			data(&f, id, text);
		}
	for (size_t most = 1; most < 40; most++)
		drive(&f, most);
}

/* Nobody sends frames of a megabyte, or content of no stream: nothing is skipped by their length.
 */
static void no_frames(void **state UNUSED)
{
	static const uint8_t heads[][GUARD_H2_HEAD] = {{0x47, 0x45, 0x54, 0, 0, 0, 0, 0, 1},
						       {0, 0, 9, 0, 0, 0, 0, 0, 0}};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		struct guard_h2 h = {.on = 1};
		struct guard_carry carry = {0};

		assert_int_equal(guard_h2_head(&h, &carry, heads[i], GUARD_H2_HEAD), GUARD_H2_HEAD);
		assert_int_equal(h.on, 0);
		assert_int_equal(guard_h2_left(&h), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_begins_with_settings),
		cmocka_unit_test(however_it_is_cut),
		cmocka_unit_test(streams_take_turns),
		cmocka_unit_test(too_many_streams),
		cmocka_unit_test(no_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
