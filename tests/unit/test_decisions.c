/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_decisions.c - decisions on a real prefix table in memory: what the reader's side (prefix.h)
 * says must agree with what is listed, across changes, expiry, a killed keeper and a reboot.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/glacis/prefix.h"
#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/respond/decisions.h"

#define SLOTS  4096
#define SECOND CLOCK_NS_PER_S
#define WALL   1767225600000000000ll
#define BOOT   "11111111-2222-3333-4444-555555555555"
#define REBOOT "99999999-2222-3333-4444-555555555555"

static char dir[] = "/tmp/glacis-test-decisions-XXXXXX";
static char path[sizeof(dir) + 32]; /* of what an earlier version left */
static struct store *store;

/* The kernel's part: it outlives the keeper. */
struct kernel {
	struct gl_prefix_slot *slots;
	struct gl_prefix_lens lens[GL_DECISION_SETS];
};

static const struct clock_now start = {.boot_ns = 1000 * SECOND, .wall_ns = WALL};

static struct clock_now later(uint64_t seconds)
{
	return (struct clock_now){.boot_ns = start.boot_ns + seconds * SECOND,
				  .wall_ns = start.wall_ns + (int64_t)(seconds * SECOND)};
}

static struct kernel kernel_new(void)
{
	struct kernel k = {.slots = calloc(SLOTS, sizeof(*k.slots))};

	assert_non_null(k.slots);
	return k;
}

/* A keeper on it; its decisions are not restored yet. */
static struct decisions *keeper_on(struct kernel *k)
{
	static const struct gl_key key = {5, 6};
	struct prefix_table *table;
	struct decisions *d;

	assert_int_equal(prefix_table_new(k->slots, SLOTS, k->lens, GL_DECISION_SETS, &key, &table),
			 0);
	store_close(store); /* of the keeper before */
	assert_int_equal(store_open(dir, &store), 0);
	assert_null(store_trouble(store));
	assert_int_equal(decisions_new(table, store, path, &d), 0);
	return d;
}

static struct addr_prefix prefix(const char *text)
{
	struct addr_prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

static struct decision_ask ask(const char *source, uint8_t set, uint32_t ttl_s, const char *origin)
{
	struct decision_ask a = {
		.prefix = prefix(source), .set = set, .ttl_s = ttl_s, .origin = origin};

	snprintf(a.reason, sizeof(a.reason), "because of %s", source);
	return a;
}

static uint32_t ban(struct decisions *d, const char *source, uint32_t ttl_s, struct clock_now now)
{
	struct decision_ask a = ask(source, GL_SET_BAN, ttl_s, "manual");
	const struct decision *made;

	assert_int_equal(decisions_put(d, &a, now, &made), 0);
	return made->id;
}

/* What a door would find. */
static bool is_banned(const struct kernel *k, const char *address, struct clock_now now)
{
	struct addr_prefix p = prefix(address);

	return prefix_match(k->slots, SLOTS, &k->lens[GL_SET_BAN], GL_SET_BAN, &p.addr,
			    now.boot_ns) != 0;
}

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/decisions.json", dir);
	return 0;
}

/* Nothing is remembered. */
static void forget(void)
{
	static const char *const names[] = {
		"glacis.db",      "glacis.db-wal",          "glacis.db-shm",
		"decisions.json", "decisions.json.damaged", "decisions.json.imported"};
	char file[sizeof(dir) + 64];

	store_close(store);
	store = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(file, sizeof(file), "%s/%s", dir, names[i]);
		unlink(file);
	}
}

static int remove_dir(void **state)
{
	(void)state;
	forget();
	return rmdir(dir);
}

static void put_list_remove(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d;
	struct addr_prefix net = prefix("203.0.113.0/24"), none = prefix("198.51.100.1");
	const struct decision *found;

	(void)state;
	forget();
	d = keeper_on(&k);
	assert_int_equal(decisions_restore(d, false, BOOT, start), 0);
	assert_int_equal(ban(d, "203.0.113.0/24", 60, start), 1);
	assert_int_equal(ban(d, "2001:db8::/48", 60, start), 2);
	assert_true(is_banned(&k, "203.0.113.9", start));
	assert_true(is_banned(&k, "2001:db8::1", start));
	assert_false(is_banned(&k, "203.0.112.9", start));
	assert_int_equal(decisions_count(d), 2);
	found = decisions_find(d, GL_SET_BAN, &net);
	assert_int_equal(found->id, 1);
	assert_string_equal(found->reason, "because of 203.0.113.0/24");
	assert_true(found->expires_boot_ns == start.boot_ns + 60 * SECOND);
	assert_null(decisions_find(d, GL_SET_ALLOW, &net));
	assert_int_equal(decisions_hits(d, found), 0);
	assert_int_equal(decisions_remove(d, GL_SET_ALLOW, &net), 0);
	assert_int_equal(decisions_remove(d, GL_SET_BAN, &none), 0);
	assert_int_equal(decisions_remove(d, GL_SET_BAN, &net), 1);
	assert_false(is_banned(&k, "203.0.113.9", start));
	assert_true(is_banned(&k, "2001:db8::1", start));
	assert_int_equal(decisions_count(d), 1);
	assert_int_equal(decisions_at(d, 0)->id, 2);
	assert_null(decisions_at(d, 1));
	decisions_free(d);
	free(k.slots);
}

static void a_ttl_has_bounds(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d = keeper_on(&k);
	struct decision_ask none = ask("203.0.113.9", GL_SET_BAN, 0, "manual");
	struct decision_ask much = ask("203.0.113.9", GL_SET_BAN, DECISION_TTL_MAX_S + 1, "manual");

	(void)state;
	assert_int_equal(decisions_put(d, &none, start, NULL), -ERANGE);
	assert_int_equal(decisions_put(d, &much, start, NULL), -ERANGE);
	assert_int_equal(decisions_count(d), 0);
	assert_false(is_banned(&k, "203.0.113.9", start));
	decisions_free(d);
	free(k.slots);
}

static void a_person_outranks_the_machine(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d = keeper_on(&k);
	struct decision_ask automatic = ask("203.0.113.9", GL_SET_BAN, 60, "escalation");
	struct addr_prefix source = prefix("203.0.113.9");

	(void)state;
	assert_int_equal(ban(d, "203.0.113.9", 600, start), 1);
	/* an automatic ban never shortens, and keeps the reason of what is there */
	assert_int_equal(decisions_put(d, &automatic, start, NULL), 0);
	assert_string_equal(decisions_find(d, GL_SET_BAN, &source)->origin, "manual");
	assert_true(is_banned(&k, "203.0.113.9", later(599)));
	/* it may lengthen */
	assert_int_equal(decisions_put(d, &automatic, later(590), NULL), 0);
	assert_string_equal(decisions_find(d, GL_SET_BAN, &source)->origin, "escalation");
	assert_true(is_banned(&k, "203.0.113.9", later(649)));
	/* a person may shorten */
	assert_int_equal(ban(d, "203.0.113.9", 5, later(600)), 1);
	assert_false(is_banned(&k, "203.0.113.9", later(605)));
	assert_int_equal(decisions_count(d), 1);
	decisions_free(d);
	free(k.slots);
}

static void remember_id(const struct decision *decision, void *userdata)
{
	*(uint32_t *)userdata = decision->id;
}

static void expiry_on_time_with_nobody_alive(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d = keeper_on(&k);
	uint32_t id = 0;

	(void)state;
	ban(d, "203.0.113.9", 31, start);
	ban(d, "203.0.113.10", 62, start);
	assert_int_equal(decisions_sweep(d, later(30), NULL, NULL), 0);
	assert_true(is_banned(&k, "203.0.113.9", later(30)));
	/* the door does not wait for the sweep */
	assert_false(is_banned(&k, "203.0.113.9", later(31)));
	assert_true(is_banned(&k, "203.0.113.10", later(31)));
	assert_int_equal(decisions_sweep(d, later(31), remember_id, &id), 1);
	assert_int_equal(id, 1);
	assert_int_equal(decisions_sweep(d, later(31), NULL, NULL), 0);
	assert_int_equal(decisions_count(d), 1);
	assert_int_equal(decisions_sweep(d, later(62), NULL, NULL), 1);
	assert_int_equal(decisions_count(d), 0);
	decisions_free(d);
	free(k.slots);
}

static void the_next_keeper_adopts(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d;
	const struct decision *found;
	struct addr_prefix source;

	(void)state;
	forget();
	d = keeper_on(&k);
	ban(d, "203.0.113.1", 100, start);
	ban(d, "203.0.113.2", 100, start);
	ban(d, "203.0.113.3", 100, start);
	assert_int_equal(decisions_save(d, BOOT, start), 0);
	/* killed before these changes were written */
	source = prefix("203.0.113.2");
	assert_int_equal(decisions_remove(d, GL_SET_BAN, &source), 1);
	assert_int_equal(ban(d, "203.0.113.4", 100, start), 4);
	decisions_free(d);

	d = keeper_on(&k);
	/* one has no reason in the file: said, and in force nevertheless */
	assert_int_equal(decisions_restore(d, true, BOOT, later(10)), -EBADMSG);
	assert_int_equal(decisions_count(d), 3);
	found = decisions_at(d, 0);
	assert_int_equal(found->id, 1);
	assert_string_equal(found->reason, "because of 203.0.113.1");
	assert_string_equal(found->origin, "manual");
	assert_true(found->expires_boot_ns == start.boot_ns + 100 * SECOND);
	assert_string_equal(decisions_at(d, 2)->origin, "adopted");
	assert_int_equal(decisions_at(d, 2)->id, 4);
	assert_false(is_banned(&k, "203.0.113.2", later(10))); /* removed stays removed */
	assert_int_equal(ban(d, "203.0.113.5", 100, later(10)), 5);
	decisions_free(d);
	free(k.slots);
}

static void an_id_is_never_given_twice(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d;
	struct addr_prefix newest = prefix("203.0.113.2");

	(void)state;
	forget();
	d = keeper_on(&k);
	ban(d, "203.0.113.1", 100, start);
	ban(d, "203.0.113.2", 100, start);
	assert_int_equal(decisions_remove(d, GL_SET_BAN, &newest), 1);
	assert_int_equal(decisions_save(d, BOOT, start), 0);
	decisions_free(d);
	d = keeper_on(&k);
	assert_int_equal(decisions_restore(d, true, BOOT, start), 1);
	assert_int_equal(ban(d, "203.0.113.3", 100, start), 3);
	decisions_free(d);
	free(k.slots);
}

static void a_reboot_brings_back_what_has_not_expired(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d;
	/* 50 s of wall time later, a new boottime */
	struct clock_now rebooted = {.boot_ns = 7 * SECOND,
				     .wall_ns = WALL + 50ll * (int64_t)SECOND};
	struct clock_now then = {.boot_ns = 57 * SECOND - 1, .wall_ns = 0};

	(void)state;
	forget();
	d = keeper_on(&k);
	ban(d, "203.0.113.1", 40, start);
	ban(d, "203.0.113.2", 100, start);
	assert_int_equal(decisions_save(d, BOOT, start), 0);
	decisions_free(d);
	free(k.slots);

	k = kernel_new();
	d = keeper_on(&k);
	assert_int_equal(decisions_restore(d, false, REBOOT, rebooted), 1);
	assert_int_equal(decisions_at(d, 0)->id, 2);
	assert_false(is_banned(&k, "203.0.113.1", rebooted));
	assert_true(is_banned(&k, "203.0.113.2", rebooted));
	/* 50 s were left, whatever the new clock shows */
	assert_true(is_banned(&k, "203.0.113.2", then));
	then.boot_ns += 1;
	assert_false(is_banned(&k, "203.0.113.2", then));
	assert_int_equal(ban(d, "203.0.113.3", 60, rebooted), 3); /* ids go on */
	decisions_free(d);
	free(k.slots);
}

/* Without a reboot the wall clock has no say: it may have been set. */
static void a_changed_wall_clock_changes_nothing(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d;
	struct clock_now jumped = {.boot_ns = start.boot_ns + SECOND,
				   .wall_ns = WALL + 1000000ll * (int64_t)SECOND};

	(void)state;
	forget();
	d = keeper_on(&k);
	ban(d, "203.0.113.1", 40, start);
	assert_int_equal(decisions_save(d, BOOT, start), 0);
	decisions_free(d);
	memset(k.slots, 0, SLOTS * sizeof(*k.slots)); /* detached, then started again */
	memset(k.lens, 0, sizeof(k.lens));
	d = keeper_on(&k);
	assert_int_equal(decisions_restore(d, false, BOOT, jumped), 1);
	assert_true(is_banned(&k, "203.0.113.1", later(39)));
	assert_false(is_banned(&k, "203.0.113.1", later(40)));
	decisions_free(d);
	free(k.slots);
}

static void damaged_files(void **state)
{
	static const struct {
		const char *text;
		int result;
		size_t in_force;
	} files[] = {
		{"", -EBADMSG, 0},
		{"{\"format\":1}", -EBADMSG, 0},
		{"[]", -EBADMSG, 0},
		{"{\"format\":2,\"bootId\":\"\",\"nextId\":1,\"decisions\":[]}", -EBADMSG, 0},
		{"{\"format\":1,\"bootId\":\"\",\"nextId\":1,\"decisions\":[]}", 0, 0},
		/* one good, one with a source that is none, one with a verdict that is none */
		{"{\"format\":1,\"bootId\":\"" BOOT "\",\"nextId\":9,\"decisions\":["
		 "{\"id\":1,\"source\":\"203.0.113.1\",\"verdict\":\"ban\",\"reason\":\"\","
		 "\"origin\":\"manual\",\"createdAt\":\"2026-01-01T00:00:00.000Z\","
		 "\"expiresAt\":\"2026-01-01T01:00:00.000Z\",\"expiresBoot\":2000000000000},"
		 "{\"id\":2,\"source\":\"x\",\"verdict\":\"ban\",\"reason\":\"\","
		 "\"origin\":\"manual\",\"createdAt\":\"2026-01-01T00:00:00.000Z\","
		 "\"expiresAt\":\"2026-01-01T01:00:00.000Z\",\"expiresBoot\":2000000000000},"
		 "{\"id\":3,\"source\":\"203.0.113.3\",\"verdict\":\"banned\",\"reason\":\"\","
		 "\"origin\":\"manual\",\"createdAt\":\"2026-01-01T00:00:00.000Z\","
		 "\"expiresAt\":\"2026-01-01T01:00:00.000Z\",\"expiresBoot\":2000000000000}]}",
		 -EBADMSG, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct kernel k = kernel_new();
		struct decisions *d;

		forget();
		d = keeper_on(&k);
		assert_int_equal(
			file_write_atomic(path, files[i].text, strlen(files[i].text), 0600), 0);
		assert_int_equal(decisions_restore(d, false, BOOT, start), files[i].result);
		assert_int_equal(decisions_count(d), files[i].in_force);
		assert_int_equal(is_banned(&k, "203.0.113.1", start), files[i].in_force);
		decisions_free(d);
		free(k.slots);
	}
}

static void a_full_table_says_so(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d = keeper_on(&k);
	char text[32];
	size_t n = 0;
	int r = 0;

	(void)state;
	for (; r == 0 && n < 2 * SLOTS; n++) {
		struct decision_ask a;

		snprintf(text, sizeof(text), "10.%zu.%zu.%zu", n / 65536, n / 256 % 256, n % 256);
		a = ask(text, GL_SET_BAN, 60, "manual");
		r = decisions_put(d, &a, start, NULL);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(decisions_count(d), n - 1);
	assert_true(n > SLOTS / 4);
	assert_false(is_banned(&k, text, start));
	assert_true(is_banned(&k, "10.0.0.0", start));
	decisions_free(d);
	free(k.slots);
}

#define A_JA4 "t13d1516h2_8daaf6152771_b186095e22b6"

static void block(struct decisions *d, const char *ja4, uint32_t ttl_s)
{
	struct decision_ask a = {.set = GL_SET_BAN, .ttl_s = ttl_s, .origin = "manual"};

	snprintf(a.ja4, sizeof(a.ja4), "%s", ja4);
	assert_int_equal(decisions_put(d, &a, start, NULL), 0);
}

/* Among bans, after one more of the same, an expiry, a removal and a new keeper. */
static void a_fingerprint_is_found_while_it_is_there(void **state)
{
	struct kernel k = kernel_new();
	struct decisions *d = keeper_on(&k);

	(void)state;
	ban(d, "192.0.2.7", 60, start);
	assert_null(decisions_find_ja4(d, A_JA4));
	block(d, A_JA4, 60);
	block(d, A_JA4, 90); /* the same one, for longer */
	block(d, "t12i0000h2_000000000000_000000000000", 600);
	ban(d, "192.0.2.8", 60, start);
	assert_int_equal(decisions_count(d), 4);
	assert_non_null(decisions_find_ja4(d, A_JA4));
	assert_int_equal(decisions_sweep(d, later(61), NULL, NULL), 2);
	assert_non_null(decisions_find_ja4(d, A_JA4));
	assert_int_equal(decisions_sweep(d, later(91), NULL, NULL), 1);
	assert_null(decisions_find_ja4(d, A_JA4));
	assert_non_null(decisions_find_ja4(d, "t12i0000h2_000000000000_000000000000"));
	assert_int_equal(decisions_remove_ja4(d, "t12i0000h2_000000000000_000000000000"), 1);
	assert_null(decisions_find_ja4(d, "t12i0000h2_000000000000_000000000000"));
	block(d, A_JA4, 60);
	block(d, "t13i0000h2_000000000000_000000000000", 600);
	assert_int_equal(decisions_remove_ja4(d, A_JA4), 1);
	assert_null(decisions_find_ja4(d, A_JA4));
	assert_non_null(decisions_find_ja4(d, "t13i0000h2_000000000000_000000000000"));
	decisions_free(d);
	free(k.slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(put_list_remove),
		cmocka_unit_test(a_ttl_has_bounds),
		cmocka_unit_test(a_person_outranks_the_machine),
		cmocka_unit_test(expiry_on_time_with_nobody_alive),
		cmocka_unit_test(the_next_keeper_adopts),
		cmocka_unit_test(an_id_is_never_given_twice),
		cmocka_unit_test(a_reboot_brings_back_what_has_not_expired),
		cmocka_unit_test(a_changed_wall_clock_changes_nothing),
		cmocka_unit_test(damaged_files),
		cmocka_unit_test(a_full_table_says_so),
		cmocka_unit_test(a_fingerprint_is_found_while_it_is_there),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
