/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_subjects.c - decisions about subjects on the kernel's table in memory: what the reader's
 * side (subjects.h, nets.h) says must agree with what is listed, across changes, expiry, a killed
 * keeper and a reboot; and texts that are none.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "include/glacis/nets.h"
#include "include/glacis/siphash.h"
#include "include/glacis/subjects.h"
#include "user/base/cleanup.h"
#include "user/keeper/credential.h"
#include "user/respond/subjects.h"

#define SLOTS  1024
#define SECOND CLOCK_NS_PER_S
#define WALL   1767225600000000000ll
#define BOOT   "11111111-2222-3333-4444-555555555555"
#define REBOOT "99999999-2222-3333-4444-555555555555"
#define HASH   "0123456789abcdef"
#define PAY    "shop POST /pay"

static char dir[] = "/tmp/glacis-test-subjects-XXXXXX";
static const struct clock_now start = {.boot_ns = 1000 * SECOND, .wall_ns = WALL};

/* The kernel's part and the names: they outlive the keeper. */
static struct {
	struct gl_subject slots[GL_SUBJECT_SLOTS];
	struct gl_prefix_slot bans[SLOTS];
	struct gl_control control;
} kernel;
static struct intern *names;

static struct store *store;
static struct decisions *decisions;
static struct subjects *subjects;

static struct clock_now later(uint64_t seconds)
{
	return (struct clock_now){.boot_ns = start.boot_ns + seconds * SECOND,
				  .wall_ns = start.wall_ns + (int64_t)(seconds * SECOND)};
}

static struct intern *names_now(void *userdata)
{
	(void)userdata;
	return names;
}

static void end_keeper(void)
{
	subjects_free(subjects);
	decisions_free(decisions);
	store_close(store);
	subjects = NULL;
	decisions = NULL;
	store = NULL;
}

/* A keeper on what is there. Returns subjects_restore()'s word. */
static int begin_keeper(bool adopted, const char *boot_id, struct clock_now now)
{
	static const struct gl_key key = {5, 6};
	struct prefix_table *table;
	char legacy[128];
	struct subjects_parts parts = {
		.slots = kernel.slots, .control = &kernel.control, .names = names_now};

	end_keeper();
	snprintf(legacy, sizeof(legacy), "%s/decisions.json", dir);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(prefix_table_new(kernel.bans, SLOTS, kernel.control.decision_lens,
					  GL_DECISION_SETS, &key, &table),
			 0);
	assert_int_equal(decisions_new(table, store, legacy, &decisions), 0);
	assert_true(decisions_restore(decisions, adopted, boot_id, now) >= 0);
	parts.decisions = decisions;
	parts.store = store;
	assert_int_equal(subjects_new(&parts, &subjects), 0);
	return subjects_restore(subjects, adopted, boot_id, now);
}

static void reboot(void)
{
	memset(&kernel, 0, sizeof(kernel));
}

static int setup(void **state)
{
	(void)state;
	memset(dir + sizeof(dir) - 7, 'X', 6);
	if (!mkdtemp(dir) || intern_new(&names) < 0)
		return -1;
	reboot();
	intern_id(names, INTERN_SERVICE, "shop");
	intern_id(names, INTERN_CLASS, "auth");
	intern_id(names, INTERN_OPERATION, "shop *");
	intern_id(names, INTERN_OPERATION, PAY);
	assert_int_equal(begin_keeper(false, BOOT, start), 0);
	return 0;
}

static int teardown(void **state)
{
	static const char *const files[] = {"glacis.db", "glacis.db-wal", "glacis.db-shm"};
	char path[128];

	(void)state;
	end_keeper();
	intern_free(names);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	return rmdir(dir);
}

static int put(enum subject_kind kind, const char *text, const char *detail, uint32_t ttl_s)
{
	const struct subject_ask ask = {.kind = kind,
					.text = text,
					.detail = detail,
					.ttl_s = ttl_s,
					.origin = "manual",
					.reason = "because"};

	return subjects_put(subjects, &ask, start, NULL);
}

/* What a door finds: slot + 1. */
static uint32_t found(uint32_t kind, uint32_t qualifier, uint64_t subject, struct clock_now now)
{
	return subject_lookup(kernel.slots, GL_SUBJECT_TAG(kind, qualifier), subject, now.boot_ns);
}

static bool is_suspended(const char *operation, struct clock_now now)
{
	return found(GL_SUBJECT_OPERATION, 0,
		     (uint64_t)intern_find(names, INTERN_OPERATION, operation), now);
}

static bool is_suspended_in(const char *service, struct clock_now now)
{
	return found(GL_SUBJECT_SUSPENDED_IN, 0,
		     (uint64_t)intern_find(names, INTERN_SERVICE, service), now);
}

/* Does the lockdown of shop let the address in? 1, 0; -1: there is none. */
static int lets_in(const char *address, struct clock_now now)
{
	const struct nets_table table = {.slots = kernel.bans, .n = SLOTS};
	uint32_t slot = found(GL_SUBJECT_SERVICE, 0,
			      (uint64_t)intern_find(names, INTERN_SERVICE, "shop"), now);
	struct addr_prefix prefix;

	assert_int_equal(prefix_parse(address, &prefix), 0);
	return slot ? nets_decided(&table, &kernel.control, kernel.slots[slot - 1].value,
				   &prefix.addr)
		    : -1;
}

static void test_each_kind(void **state)
{
	(void)state;
	assert_int_equal(kernel.control.subjects, 0);
	assert_int_equal(put(SUBJECT_OPERATION, PAY, NULL, 60), 0);
	assert_true(is_suspended(PAY, start));
	assert_false(is_suspended("shop *", start));
	assert_true(is_suspended_in("shop", start));
	assert_int_equal(kernel.control.subjects, 2);
	assert_int_equal(put(SUBJECT_PRINCIPAL, HASH, "fedcba9876543210 0000000000000001", 60), 0);
	assert_int_equal(kernel.control.revocations, 3);
	assert_true(found(GL_SUBJECT_PRINCIPAL, 0, 0xfedcba9876543210, start));
	assert_false(found(GL_SUBJECT_PRINCIPAL, 0, 2, start));
	assert_int_equal(put(SUBJECT_SERVICE, "shop", "10.0.0.0/8 2001:db8::/32", 60), 0);
	assert_int_equal(kernel.control.lockdowns, 1);
	assert_int_equal(lets_in("10.1.2.3", start), 1);
	assert_int_equal(lets_in("2001:db8::1", start), 1);
	assert_int_equal(lets_in("11.1.2.3", start), 0);
	assert_int_equal(put(SUBJECT_GRANT, "source 192.0.2.7 class auth", NULL, 60), 0);
	assert_int_equal(put(SUBJECT_GRANT, "principal " HASH, NULL, 60), 0);
	assert_int_equal(kernel.control.grants, 2);
	assert_true(found(GL_SUBJECT_GRANT_PRINCIPAL, 0, 0x0123456789abcdef, start));
	assert_int_equal(put(SUBJECT_WORKLOAD, "cgroup /x", NULL, 60), 0);
	assert_int_equal(subjects_count(subjects), 6);
	while (subjects_count(subjects))
		assert_int_equal(subjects_remove(subjects, subjects_at(subjects, 0)->id), 0);
	assert_int_equal(kernel.control.subjects, 0);
	assert_int_equal(
		kernel.control.grants + kernel.control.revocations + kernel.control.lockdowns, 0);
	assert_int_equal(kernel.control.decision_lens[GL_SET_LOCKDOWN].entries, 0);
	assert_int_equal(subjects_remove(subjects, 1), -ENOENT);
}

static void test_expiry_is_the_readers(void **state)
{
	(void)state;
	put(SUBJECT_OPERATION, PAY, NULL, 60);
	put(SUBJECT_SERVICE, "shop", "10.0.0.0/8", 30);
	assert_true(is_suspended(PAY, later(59)));
	assert_false(is_suspended(PAY, later(60)));
	assert_false(is_suspended_in("shop", later(60)));
	assert_int_equal(lets_in("11.0.0.1", later(29)), 0);
	assert_int_equal(lets_in("11.0.0.1", later(30)), -1);
	assert_int_equal(subjects_sweep(subjects, later(59), NULL, NULL), 1);
	assert_int_equal(subjects_sweep(subjects, later(60), NULL, NULL), 1);
	assert_int_equal(kernel.control.subjects, 0);
}

/* One for the same subject is replaced; the last suspension of a service ends its mark. */
static void test_replacing(void **state)
{
	uint32_t id;

	(void)state;
	put(SUBJECT_OPERATION, PAY, NULL, 60);
	put(SUBJECT_OPERATION, "shop *", NULL, 90);
	id = subjects_at(subjects, 0)->id;
	put(SUBJECT_OPERATION, PAY, NULL, 10);
	assert_int_equal(subjects_count(subjects), 2);
	assert_int_equal(subjects_by_text(subjects, SUBJECT_OPERATION, PAY)->id, id);
	assert_false(is_suspended(PAY, later(10)));
	assert_true(is_suspended_in("shop", later(89)));
	subjects_remove(subjects, subjects_by_text(subjects, SUBJECT_OPERATION, "shop *")->id);
	assert_false(is_suspended_in("shop", later(10)));
	put(SUBJECT_SERVICE, "shop", "10.0.0.0/8", 60);
	put(SUBJECT_SERVICE, "shop", "11.0.0.0/8", 60);
	assert_int_equal(lets_in("10.1.1.1", start), 0);
	assert_int_equal(lets_in("11.1.1.1", start), 1);
	/* the shapes of one credential stay together, by whichever they are named again */
	put(SUBJECT_PRINCIPAL, HASH, "00000000000000aa", 60);
	put(SUBJECT_PRINCIPAL, "00000000000000aa", "00000000000000bb", 90);
	assert_true(found(GL_SUBJECT_PRINCIPAL, 0, 0x0123456789abcdef, later(89)));
	assert_true(found(GL_SUBJECT_PRINCIPAL, 0, 0xbb, later(89)));
	assert_int_equal(kernel.control.revocations, 3);
	assert_ptr_equal(subjects_by_text(subjects, SUBJECT_PRINCIPAL, HASH),
			 subjects_at(subjects, subjects_count(subjects) - 1));
}

static void test_refused(void **state)
{
	static const struct {
		enum subject_kind kind;
		const char *text, *detail;
		int error;
	} rows[] = {
		{SUBJECT_OPERATION, "shop GET /none", NULL, -ENOENT},
		{SUBJECT_PRINCIPAL, "0123", NULL, -EINVAL},
		{SUBJECT_PRINCIPAL, "0123456789abcdeF", NULL, -EINVAL},
		{SUBJECT_PRINCIPAL, "0000000000000000", NULL, -EINVAL},
		{SUBJECT_PRINCIPAL, HASH " " HASH "0", NULL, -EINVAL},
		{SUBJECT_SERVICE, "none", "10.0.0.0/8", -ENOENT},
		{SUBJECT_SERVICE, "shop", "10.0.0.0/8  11.0.0.0/8", -EINVAL},
		{SUBJECT_SERVICE, "shop", "x", -EINVAL},
		{SUBJECT_SERVICE, "shop", "", -EINVAL},
		{SUBJECT_GRANT, "source 10.0.0.0/8", NULL, -EINVAL},
		{SUBJECT_GRANT, "source 2001:db8::/48", NULL, -EINVAL},
		{SUBJECT_GRANT, "source 192.0.2.7 class none", NULL, -ENOENT},
		{SUBJECT_GRANT, "source 192.0.2.7 kind auth", NULL, -EINVAL},
		{SUBJECT_GRANT, "who 192.0.2.7", NULL, -EINVAL},
		{SUBJECT_GRANT, "", NULL, -EINVAL},
		{SUBJECT_WORKLOAD, "x", NULL, -EINVAL},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (put(rows[i].kind, rows[i].text, rows[i].detail, 60) != rows[i].error)
			fail_msg("'%s' '%s'", rows[i].text, rows[i].detail);
	assert_int_equal(put(SUBJECT_OPERATION, PAY, NULL, 0), -ERANGE);
	assert_int_equal(put(SUBJECT_OPERATION, PAY, NULL, DECISION_TTL_MAX_S + 1), -ERANGE);
	assert_int_equal(subjects_count(subjects), 0);
	assert_int_equal(kernel.control.subjects, 0);
}

/* As many services as there are sets; a full set of the table; nothing is half done. */
static void test_no_room(void **state)
{
	char name[32];
	int r = 0;
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < GL_LOCKDOWNS_MAX + 1; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		intern_id(names, INTERN_SERVICE, name);
		r = put(SUBJECT_SERVICE, name, "10.0.0.0/8", 60);
		assert_int_equal(r, i < GL_LOCKDOWNS_MAX ? 0 : -EMFILE);
	}
	for (uint64_t hash = 1; n <= GL_SUBJECT_WAYS; hash++) {
		if (subjects_set(GL_SUBJECT_PRINCIPAL, hash) != 0)
			continue;
		n++;
		snprintf(name, sizeof(name), "%016llx", (unsigned long long)hash);
		r = put(SUBJECT_PRINCIPAL, name, NULL, 60);
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(kernel.control.revocations, GL_SUBJECT_WAYS);
}

/* A killed keeper: the table is the truth; the store explains. */
static void test_adoption(void **state)
{
	(void)state;
	put(SUBJECT_OPERATION, PAY, NULL, 600);
	put(SUBJECT_PRINCIPAL, HASH, "00000000000000aa", 600);
	put(SUBJECT_SERVICE, "shop", "10.0.0.0/8", 600);
	put(SUBJECT_WORKLOAD, "exe /usr/bin/x", NULL, 600);
	put(SUBJECT_GRANT, "source 192.0.2.7", NULL, 600);
	assert_int_equal(subjects_save(subjects, BOOT, start), 0);
	/* these did not get into the store any more */
	put(SUBJECT_PRINCIPAL, "00000000000000bb", NULL, 600);
	put(SUBJECT_GRANT, "source 192.0.2.8", NULL, 600);
	subjects_remove(subjects, subjects_by_text(subjects, SUBJECT_PRINCIPAL, HASH)->id);
	assert_int_equal(begin_keeper(true, BOOT, later(10)), -EBADMSG);
	assert_int_equal(subjects_count(subjects), 5);
	assert_true(is_suspended(PAY, later(10)));
	assert_int_equal(lets_in("11.0.0.1", later(10)), 0);
	assert_null(subjects_by_text(subjects, SUBJECT_PRINCIPAL, HASH));
	assert_string_equal(
		subjects_by_text(subjects, SUBJECT_PRINCIPAL, "00000000000000bb")->origin,
		"adopted");
	/* an exemption that nobody explains is none */
	assert_int_equal(kernel.control.grants, 1);
	assert_string_equal(subjects_by_text(subjects, SUBJECT_OPERATION, PAY)->reason, "because");
	assert_string_equal(subjects_by_text(subjects, SUBJECT_SERVICE, "shop")->detail,
			    "10.0.0.0/8");
	/* ids go on */
	put(SUBJECT_PRINCIPAL, HASH, NULL, 600);
	for (size_t i = 1; i < subjects_count(subjects); i++)
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(subjects_at(subjects, i)->id,
					     subjects_at(subjects, j)->id);
}

/* Another boot: by the wall clock, under names given anew. */
static void test_reboot(void **state)
{
	(void)state;
	put(SUBJECT_OPERATION, PAY, NULL, 600);
	put(SUBJECT_SERVICE, "shop", "10.0.0.0/8", 20);
	put(SUBJECT_GRANT, "source 192.0.2.7 class auth", NULL, 600);
	assert_int_equal(subjects_save(subjects, BOOT, start), 0);
	reboot();
	intern_free(names);
	assert_int_equal(intern_new(&names), 0);
	assert_int_equal(begin_keeper(false, REBOOT,
				      (struct clock_now){.boot_ns = 5 * SECOND,
							 .wall_ns = later(30).wall_ns}),
			 2);
	assert_true(is_suspended(PAY, (struct clock_now){.boot_ns = 574 * SECOND}));
	assert_false(is_suspended(PAY, (struct clock_now){.boot_ns = 576 * SECOND}));
	assert_int_equal(kernel.control.lockdowns, 0);
	assert_int_equal(kernel.control.grants, 1);
}

/* The shapes of a credential, against the same bytes hashed as the doors do. */
static void test_credentials(void **state)
{
	static const struct gl_key key = {7, 8};
	char first[SUBJECT_TEXT], others[SUBJECT_TEXT], want[20];

	(void)state;
	assert_int_equal(credential_hashes("Secret-1\r\n", &key, first, others), 0);
	snprintf(want, sizeof(want), "%016llx",
		 (unsigned long long)siphash_buf((const __u8 *)"Secret-1", 8, &key));
	assert_string_equal(first, want);
	snprintf(want, sizeof(want), "%016llx",
		 (unsigned long long)siphash_buf((const __u8 *)"bearerSecret-1", 14, &key));
	assert_non_null(strstr(others, want));
	snprintf(want, sizeof(want), "%016llx",
		 (unsigned long long)siphash_buf((const __u8 *)"secret-1", 8, &key));
	assert_non_null(strstr(others, want));
	assert_int_equal(strlen(others), 5 * 17 - 1);
	assert_int_equal(credential_hashes("  BEARER  Secret-1", &key, first, others), 0);
	snprintf(want, sizeof(want), "%016llx",
		 (unsigned long long)siphash_buf((const __u8 *)"bearerSecret-1", 14, &key));
	assert_string_equal(first, want);
	assert_string_equal(others, "");
	assert_int_equal(credential_hashes("abc", &key, first, others), -EINVAL);
	assert_int_equal(credential_hashes("", &key, first, others), -EINVAL);
	assert_int_equal(credential_hashes("two\nlines", &key, first, others), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expiry_is_the_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replacing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_room, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adoption, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reboot, setup, teardown),
		cmocka_unit_test(test_credentials),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
