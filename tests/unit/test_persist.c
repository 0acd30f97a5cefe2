/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_persist.c - when what was seen of TLS is stored: what is new within a second, what only
 * counts on every ten seconds and at the end; and how many transactions that are.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/unit/fake_keeper.h"
#include "user/keeper/persist.h"

static struct handshake one_of(const char *ja4)
{
	struct handshake h = {
		.wall_ns = 1000,
		.key = 7,
		.sni_key = 11,
		.port = 8080,
		.service = (uint16_t)intern_id(apply_intern(keeper.apply), INTERN_SERVICE, "shop"),
		.version = GL_TLS_1_3,
		.cipher = 0x1301,
		.offered = GL_TLS_1_3,
		.result = GL_HANDSHAKE_NEGOTIATED,
		.sni = "shop.test",
	};

	snprintf(h.ja4, sizeof(h.ja4), "%s", ja4);
	return h;
}

static void see(const char *ja4)
{
	struct handshake h = one_of(ja4);

	assert_int_equal(tls_history_add(keeper.tls_history, &h, NULL), 0);
}

static void show_certificate(char first)
{
	struct report_certificate r = {
		.service = one_of("").service,
		.port = 8080,
		.flags = GL_CERTIFICATE_LIBRARY,
	};
	const char *name;
	bool counted;

	memset(r.fingerprint, 'a', 64);
	r.fingerprint[0] = first;
	certificates_add(keeper.certificates, &r, 1000, &name, &counted);
}

struct counted {
	uint64_t ja4, certificates;
	unsigned values;
};

static void count_value(const struct store_tls_value *row, void *userdata)
{
	struct counted *c = userdata;

	c->values++;
	if (strcmp(row->kind, "ja4") == 0)
		c->ja4 += row->count;
}

static void count_certificate(const struct store_certificate *row, void *userdata)
{
	struct counted *c = userdata;

	c->certificates += row->count;
}

static struct counted stored(void)
{
	struct counted c = {};

	store_each_tls_value(keeper.store, count_value, &c);
	store_each_certificate(keeper.store, count_certificate, &c);
	return c;
}

static uint64_t transactions(void)
{
	return store_counts(keeper.store).transactions;
}

/* A second in which nothing is due; returns the transactions it took. */
static uint64_t second(void)
{
	uint64_t before = transactions();

	keeper.counts_ns = UINT64_MAX;
	persist_tick(&keeper);
	return transactions() - before;
}

static int begin(void **state)
{
	if (setup(state) < 0)
		return -1;
	keeper.store_epoch = store_epoch(keeper.store);
	persist_tick(&keeper); /* what starting left */
	return 0;
}

static void counts_wait(void **state)
{
	(void)state;
	see("one");
	show_certificate('b');
	assert_int_equal(second(), 1); /* both are new */
	assert_int_equal(stored().ja4, 1);
	assert_int_equal(stored().certificates, 1);
	for (int i = 0; i < 3; i++) {
		see("one");
		show_certificate('b');
		assert_int_equal(second(), 0);
	}
	assert_int_equal(stored().ja4, 1);
	assert_int_equal(stored().certificates, 1);

	keeper.counts_ns = clock_boot_ns(); /* ten seconds later */
	persist_tick(&keeper);
	assert_int_equal(stored().ja4, 4);
	assert_int_equal(stored().certificates, 4);
	assert_true(keeper.counts_ns > clock_boot_ns());
	assert_true(keeper.counts_ns <= clock_boot_ns() + 10 * CLOCK_NS_PER_S);
}

/* Of each part by itself: a new fingerprint takes the history's counts with it and no more. */
static void news_do_not(void **state)
{
	(void)state;
	see("one");
	show_certificate('b');
	second();
	see("one");
	see("two");
	show_certificate('b');
	assert_int_equal(second(), 1);
	assert_int_equal(stored().ja4, 3);
	assert_int_equal(stored().certificates, 1);
	see("one");
	show_certificate('c');
	assert_int_equal(second(), 1);
	assert_int_equal(stored().ja4, 3);
	assert_int_equal(stored().certificates, 3);
	assert_int_equal(second(), 0);
}

static void the_last_time_takes_all(void **state)
{
	(void)state;
	see("one");
	show_certificate('b');
	second();
	see("one");
	show_certificate('b');
	assert_int_equal(second(), 0);
	persist_all(&keeper);
	assert_int_equal(stored().ja4, 2);
	assert_int_equal(stored().certificates, 2);
}

/* A store that was set aside has nothing: all of it is new. */
static void a_new_store_gets_all(void **state)
{
	(void)state;
	see("one");
	second();
	see("one");
	tls_history_unstored(keeper.tls_history);
	certificates_unstored(keeper.certificates);
	assert_int_equal(second(), 1);
	assert_int_equal(stored().ja4, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counts_wait, begin, teardown),
		cmocka_unit_test_setup_teardown(news_do_not, begin, teardown),
		cmocka_unit_test_setup_teardown(the_last_time_takes_all, begin, teardown),
		cmocka_unit_test_setup_teardown(a_new_store_gets_all, begin, teardown),
	};

	log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
