/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_addr.c - addresses, durations, clocks and names as text: what is taken, what is not, and
 * that what is written is read again.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/duration.h"
#include "user/base/names.h"

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static void prefixes_read_and_write(void **state)
{
	static const struct {
		const char *in, *out;
		uint8_t len;
	} good[] = {
		{"192.0.2.7", "192.0.2.7", 128},
		{"192.0.2.7/32", "192.0.2.7", 128},
		{"192.0.2.7/24", "192.0.2.0/24", 120},
		{"10.255.255.255/9", "10.128.0.0/9", 105},
		{"0.0.0.0/0", "0.0.0.0/0", 96},
		{"2001:DB8::1", "2001:db8::1", 128},
		{"2001:db8:1:2:3::/48", "2001:db8:1::/48", 48},
		{"::/0", "::/0", 0},
		{"::ffff:192.0.2.7", "192.0.2.7", 128},
	};
	char text[PREFIX_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct addr_prefix p = prefix(good[i].in);

		assert_int_equal(p.len, good[i].len);
		assert_string_equal(prefix_format(&p, text), good[i].out);
	}
}

static void wrong_prefixes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",         "x",          "1.2.3",       "1.2.3.4.5",  "1.2.3.256", "1.2.3.4/33",
		"1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/08",  "1.2.3.4/ 8", "::1/129",   "::1%eth0",
		"[::1]",    "1.2.3.4:80", "1.2.3.4/0x8", "/8",         "::/1000",   "01.2.3.4",
		"1.2.3.4 ", " 1.2.3.4",   "1.2.3.4/8/8",
	};
	struct addr_prefix p = {.len = 77};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (prefix_parse(bad[i], &p) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_int_equal(p.len, 77); /* untouched */
	}
}

static void prefixes_contain_and_overlap(void **state)
{
	struct addr_prefix net = prefix("10.1.0.0/16"), host = prefix("10.1.2.3");
	struct addr_prefix other = prefix("10.2.0.0"), all4 = prefix("0.0.0.0/0");
	struct addr_prefix all6 = prefix("::/0"), six = prefix("2001:db8::1");

	(void)state;
	assert_true(prefix_contains(&net, &host.addr));
	assert_false(prefix_contains(&net, &other.addr));
	assert_true(prefix_overlaps(&net, &host));
	assert_true(prefix_overlaps(&host, &net));
	assert_false(prefix_overlaps(&other, &net));
	assert_true(prefix_contains(&all4, &host.addr));
	assert_true(prefix_contains(&all6, &six.addr));
	/* as in the prefix sets: neither family covers the other */
	assert_false(prefix_contains(&all6, &host.addr));
	assert_false(prefix_overlaps(&all4, &six));
	assert_false(prefix_overlaps(&all6, &all4));
}

static void a_source_is_a_host_or_a_64(void **state)
{
	struct addr_prefix four = prefix("192.0.2.7"), six = prefix("2001:db8:1:2:3:4:5:6");
	char text[PREFIX_TEXT];
	struct addr_prefix p;

	(void)state;
	p = prefix_of_source(&four.addr);
	assert_string_equal(prefix_format(&p, text), "192.0.2.7");
	p = prefix_of_source(&six.addr);
	assert_string_equal(prefix_format(&p, text), "2001:db8:1:2::/64");
}

static void durations_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} good[] = {{"1s", 1}, {"90s", 90}, {"15m", 900}, {"4h", 14400}, {"7d", 604800}};
	static const char *const bad[] = {"", "s", "90", "-1s", "1.5h", "1w", "4hh", "4 h", " 4h"};
	uint32_t seconds = 77;
	char text[DURATION_TEXT];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(duration_parse(good[i].text, &seconds), 0);
		assert_int_equal(seconds, good[i].seconds);
		assert_string_equal(duration_format(seconds, text), good[i].text);
	}
	seconds = 77;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(duration_parse(bad[i], &seconds), -EINVAL);
	assert_int_equal(duration_parse("0s", &seconds), -ERANGE);
	assert_int_equal(duration_parse("4294967296s", &seconds), -ERANGE);
	assert_int_equal(duration_parse("49711d", &seconds), -ERANGE);
	assert_int_equal(seconds, 77);
	assert_int_equal(duration_parse("4294967295s", &seconds), 0);
	assert_string_equal(duration_format(0, text), "0s");
	assert_string_equal(duration_format(3600, text), "1h");
	assert_string_equal(duration_format(3601, text), "3601s");
}

static void instants_read_and_write(void **state)
{
	char text[CLOCK_TEXT];
	int64_t wall_ns = 77;

	(void)state;
	assert_string_equal(clock_format(1767225600123000000ll, text), "2026-01-01T00:00:00.123Z");
	assert_int_equal(clock_parse(text, &wall_ns), 0);
	assert_true(wall_ns == 1767225600123000000ll);
	assert_int_equal(clock_parse("2026-01-01T00:00:00Z", &wall_ns), 0);
	assert_true(wall_ns == 1767225600000000000ll);
	assert_int_equal(clock_parse("2026-01-01 00:00:00", &wall_ns), -EINVAL);
	assert_int_equal(clock_parse("2026-01-01T00:00:00.123", &wall_ns), -EINVAL);
	assert_int_equal(clock_parse("", &wall_ns), -EINVAL);
	assert_true(wall_ns == 1767225600000000000ll);
}

/* Every value has a name of its own, no value outside has one. */
#define CHECK_NAMES(name_of, max)                                                                  \
	do {                                                                                       \
		for (unsigned i = 0; i < (max); i++) {                                             \
			assert_string_not_equal(name_of(i), "unknown");                            \
			for (unsigned j = 0; j < i; j++)                                           \
				assert_string_not_equal(name_of(i), name_of(j));                   \
		}                                                                                  \
		assert_string_equal(name_of(max), "unknown");                                      \
	} while (0)

static void every_value_has_a_name(void **state)
{
	(void)state;
	CHECK_NAMES(name_verdict, GL_VERDICT_MAX);
	CHECK_NAMES(name_reason, GL_REASON_MAX);
	CHECK_NAMES(name_delivery, GL_DELIVERY_MAX);
	CHECK_NAMES(name_door, GL_DOOR_MAX);
	CHECK_NAMES(name_outcome, GL_OUTCOME_MAX);
	CHECK_NAMES(name_mode, GL_MODE_MAX);
	CHECK_NAMES(name_counter, GL_CTR_MAX);
	for (int i = 0; i < GL_REASON_MAX; i++)
		assert_int_equal(name_find_reason(name_reason((unsigned)i)), i);
	assert_int_equal(name_find_verdict("ban"), GL_VERDICT_BAN);
	assert_int_equal(name_find_verdict("Ban"), -ENOENT);
	assert_int_equal(name_find_mode("enforce"), GL_MODE_ENFORCE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prefixes_read_and_write),
		cmocka_unit_test(wrong_prefixes_are_refused),
		cmocka_unit_test(prefixes_contain_and_overlap),
		cmocka_unit_test(a_source_is_a_host_or_a_64),
		cmocka_unit_test(durations_have_a_unit),
		cmocka_unit_test(instants_read_and_write),
		cmocka_unit_test(every_value_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
