/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_tls_history.c - what is kept of handshakes: values with first, last and count, names with
 * the best version they gave, keys of fingerprints; bounds, what makes room, and what is stored.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tls_history_fixture.h"

static void test_values(void **state)
{
	const struct tls_value *values = NULL;
	struct handshake h = plain(100);

	(void)state;
	assert_int_equal(tls_history_values(history, 3, TLS_KIND_VERSION, &values), 0);
	add(h);
	h.wall_ns = 200;
	h.version = GL_TLS_1_2;
	h.alpn[0] = '\0';
	h.group = 0;
	add(h);
	assert_value(TLS_KIND_VERSION, "1.3", 1, 100, 100);
	assert_value(TLS_KIND_VERSION, "1.2", 1, 200, 200);
	assert_value(TLS_KIND_CIPHER, "TLS_AES_128_GCM_SHA256", 2, 100, 200);
	assert_value(TLS_KIND_GROUP, "x25519", 1, 100, 100);
	assert_value(TLS_KIND_ALPN, "h2", 1, 100, 100);
	assert_value(TLS_KIND_NAME, "shop.test", 2, 100, 200);
	assert_value(TLS_KIND_JA4, plain(0).ja4, 2, 100, 200);
	/* per service */
	assert_null(value_of(4, TLS_KIND_VERSION, "1.3"));
	assert_int_equal(tls_history_evicted(history), 0);
}

/* What was not negotiated says who came, not what was given. */
static void test_refused(void **state)
{
	const struct tls_value *values = NULL;
	const struct tls_name *names = NULL;
	struct handshake h = plain(100);

	(void)state;
	for (uint8_t result = 0; result < GL_HANDSHAKE_MAX; result++) {
		h.result = result;
		if (result != GL_HANDSHAKE_NEGOTIATED)
			add(h);
	}
	assert_value(TLS_KIND_NAME, "shop.test", GL_HANDSHAKE_MAX - 1, 100, 100);
	assert_value(TLS_KIND_JA4, h.ja4, GL_HANDSHAKE_MAX - 1, 100, 100);
	assert_int_equal(tls_history_values(history, 3, TLS_KIND_VERSION, &values), 0);
	assert_int_equal(tls_history_values(history, 3, TLS_KIND_CIPHER, &values), 0);
	assert_int_equal(tls_history_names(history, 3, &names), 0);
}

/* The best a name gave; a fall is of clients that offered it; another name is another matter. */
static void test_names(void **state)
{
	struct handshake h = plain(100);
	const struct tls_name *name;
	struct tls_name before;

	(void)state;
	before = add(h);
	assert_int_equal(before.best, 0); /* new */
	assert_int_equal(before.port, 0);
	name = only_name(3);
	assert_int_equal(name->best, GL_TLS_1_3);
	assert_int_equal(name->best_wall_ns, 100);
	assert_string_equal(name->sni, "shop.test");
	h.wall_ns = 200;
	h.version = h.offered = GL_TLS_1_2; /* offers no more: no fall */
	before = add(h);
	assert_int_equal(before.best, GL_TLS_1_3);
	name = only_name(3);
	assert_int_equal(name->fell, 0);
	assert_int_equal(name->fell_wall_ns, 0);
	assert_int_equal(name->best_wall_ns, 100);
	h.offered = GL_TLS_1_3;
	for (int i = 3; i < 6; i++) {
		h.wall_ns = 100 * i;
		before = add(h);
		name = only_name(3);
		assert_int_equal(before.fell, i - 3);
		assert_int_equal(name->fell, i - 2);
		assert_int_equal(name->fell_wall_ns, 300);
		assert_int_equal(name->last, GL_TLS_1_2);
		assert_int_equal(name->best, GL_TLS_1_3);
	}
	h.wall_ns = 600;
	h.version = GL_TLS_1_3;
	before = add(h);
	assert_int_equal(before.fell, 3);
	name = only_name(3);
	assert_int_equal(name->fell, 0);
	assert_int_equal(name->fell_wall_ns, 0);
	assert_int_equal(name->best_wall_ns, 600);
	h.sni_key = 12;
	assert_int_equal(add(h).best, 0);
	h.port = 8444;
	assert_int_equal(add(h).best, 0);
	h.service = 4;
	assert_int_equal(add(h).best, 0);
	assert_int_equal(only_name(4)->port, 8444);
	/* a change that was meant */
	assert_int_equal(tls_history_forget(history, 3), 3);
	assert_int_equal(tls_history_forget(history, 3), 0);
	assert_int_equal(tls_history_forget(history, 5), 0);
	assert_int_equal(tls_history_forget(history, UINT16_MAX), 0);
	h = plain(700);
	h.version = GL_TLS_1_2;
	assert_int_equal(add(h).best, 0);
	assert_int_equal(only_name(3)->best, GL_TLS_1_2);
	assert_int_equal(only_name(4)->best, GL_TLS_1_3);
}

static void test_bounds(void **state)
{
	const struct tls_value *values = NULL;
	const struct tls_name *names = NULL;
	struct handshake h = plain(0);

	(void)state;
	for (int i = 0; i < TLS_VALUES_MAX; i++) {
		snprintf(h.sni, sizeof(h.sni), "n%d.test", i);
		h.sni_key = 1000 + (uint32_t)i;
		h.wall_ns = 1000 + i;
		add(h);
	}
	assert_int_equal(tls_history_evicted(history), 0);
	snprintf(h.sni, sizeof(h.sni), "n0.test"); /* again: now n1.test is the oldest */
	h.sni_key = 1000;
	h.wall_ns = 5000;
	add(h);
	snprintf(h.sni, sizeof(h.sni), "one-more.test");
	h.sni_key = 999;
	add(h);
	assert_int_equal(tls_history_values(history, 3, TLS_KIND_NAME, &values), TLS_VALUES_MAX);
	assert_int_equal(tls_history_names(history, 3, &names), TLS_NAMES_MAX);
	assert_int_equal(tls_history_evicted(history), 2); /* a value and a name */
	assert_non_null(value_of(3, TLS_KIND_NAME, "n0.test"));
	assert_null(value_of(3, TLS_KIND_NAME, "n1.test"));
	assert_non_null(value_of(3, TLS_KIND_NAME, "n2.test"));
	assert_non_null(value_of(3, TLS_KIND_NAME, "one-more.test"));
	for (size_t i = 0; i < TLS_NAMES_MAX; i++)
		assert_int_not_equal(names[i].sni_key, 1001);
	/* a service that cannot be */
	h.service = GL_SERVICE_IDS;
	assert_true(tls_history_add(history, &h, NULL) < 0);
	assert_int_equal(tls_history_values(history, GL_SERVICE_IDS, TLS_KIND_NAME, &values), 0);
	assert_int_equal(tls_history_names(history, GL_SERVICE_IDS, &names), 0);
}

static void test_keys(void **state)
{
	struct handshake h = plain(1);
	uint64_t keys[4] = {0};

	(void)state;
	assert_int_equal(tls_history_keys(history, h.ja4, keys, 4), 0);
	for (uint64_t key = 1; key <= 3; key++) {
		h.key = key;
		add(h);
		add(h);
	}
	snprintf(h.ja4, sizeof(h.ja4), "t12i0000h2_000000000000_000000000000");
	h.key = 9;
	add(h);
	h.ja4[0] = '\0'; /* none can be told: no key */
	h.key = 10;
	add(h);
	assert_int_equal(tls_history_keys(history, plain(1).ja4, keys, 4), 3);
	assert_int_equal(keys[0], 3); /* the newest first */
	assert_int_equal(keys[2], 1);
	assert_int_equal(tls_history_keys(history, plain(1).ja4, keys, 2), 2);
	assert_int_equal(tls_history_keys(history, "", keys, 4), 0);
	h = plain(2);
	for (uint64_t key = 100; key < 100 + TLS_KEYS_MAX - 4; key++) {
		h.key = key;
		add(h);
	}
	assert_int_equal(tls_history_evicted(history), 0);
	h.key = 1;
	add(h); /* still known */
	h.key = 99;
	add(h);
	assert_int_equal(tls_history_evicted(history), 1);
	h.key = 1; /* it was the oldest */
	add(h);
	assert_int_equal(tls_history_evicted(history), 2);
}

/* ---------------------------------------------------------------------------------------------
 * What is stored
 */
struct stored {
	struct tls_history *copy; /* may be NULL */
	unsigned values, names, keys;
};

static void store_value(uint16_t service, enum tls_kind kind, const struct tls_value *value,
			void *userdata)
{
	struct stored *s = userdata;

	s->values++;
	if (s->copy)
		assert_int_equal(tls_history_restore_value(s->copy, service, kind, value), 0);
}

static void store_name(uint16_t service, const struct tls_name *name, void *userdata)
{
	struct stored *s = userdata;

	s->names++;
	if (s->copy)
		assert_int_equal(tls_history_restore_name(s->copy, service, name), 0);
}

static void store_key(const char *ja4, uint64_t key, void *userdata)
{
	struct stored *s = userdata;

	s->keys++;
	if (s->copy)
		tls_history_restore_key(s->copy, ja4, key);
}

static struct stored dirty(const struct tls_history *h, struct tls_history *copy)
{
	struct stored s = {.copy = copy};
	const struct tls_history_sink sink = {store_value, store_name, store_key, &s};

	tls_history_each_dirty(h, &sink);
	return s;
}

static void assert_dirty(const struct tls_history *h, unsigned values, unsigned names,
			 unsigned keys)
{
	struct stored s = dirty(h, NULL);

	assert_int_equal(s.values, values);
	assert_int_equal(s.names, names);
	assert_int_equal(s.keys, keys);
}

static void test_stored(void **state)
{
	struct handshake h = plain(100);
	struct tls_history *copy = NULL;
	const struct tls_name *names = NULL;
	const struct tls_value *values = NULL;
	uint64_t keys[2];

	(void)state;
	assert_dirty(history, 0, 0, 0);
	add(h);
	h.version = GL_TLS_1_2;
	add(h);
	assert_dirty(history, 7, 1, 1);
	assert_int_equal(tls_history_new(&copy), 0);
	dirty(history, copy);
	assert_dirty(copy, 0, 0, 0); /* what was restored is stored */
	assert_int_equal(tls_history_names(copy, 3, &names), 1);
	assert_int_equal(names[0].best, GL_TLS_1_3);
	assert_int_equal(names[0].fell, 1);
	assert_int_equal(tls_history_values(copy, 3, TLS_KIND_CIPHER, &values), 1);
	assert_int_equal(values[0].count, 2);
	assert_int_equal(tls_history_keys(copy, h.ja4, keys, 2), 1);
	assert_int_equal(keys[0], 7);
	tls_history_free(copy);

	tls_history_stored(history);
	assert_dirty(history, 0, 0, 0);
	assert_false(tls_history_has_news(history));
	h.version = GL_TLS_1_3;
	add(h); /* the fall ends: the name changes */
	assert_dirty(history, 6, 1, 0);
	assert_true(tls_history_has_news(history));
	tls_history_stored(history);
	add(h); /* nothing new of the name */
	assert_dirty(history, 6, 0, 0);
	assert_false(tls_history_has_news(history));
	tls_history_unstored(history); /* the store lost what it had */
	assert_dirty(history, 7, 1, 1);
	assert_true(tls_history_has_news(history));
}

/* What is new beside counts: a value of any kind, a name, a key, a fall. */
static void test_news(void **state)
{
	struct handshake h = plain(100), again = h;

	(void)state;
	assert_false(tls_history_has_news(history));
	add(h);
	assert_true(tls_history_has_news(history));
	for (int change = 0; change < 5; change++) {
		tls_history_stored(history);
		add(again);
		assert_false(tls_history_has_news(history));
		again = h;
		if (change == 0)
			again.cipher = 0x1302;
		else if (change == 1)
			again.port = 9443;
		else if (change == 2)
			again.key = 8; /* of a fingerprint that is known */
		else if (change == 3)
			again.sni_key = 12;
		else
			again.version = GL_TLS_1_2;
		add(again);
		assert_true(tls_history_has_news(history));
		again = h;
	}
}

static void test_kinds(void **state)
{
	(void)state;
	for (int i = 0; i < TLS_KINDS; i++)
		assert_int_equal(tls_kind_find(tls_kind_name((enum tls_kind)i)), i);
	assert_true(tls_kind_find("version") < 0);
	assert_true(tls_kind_find("") < 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_values), TEST(test_refused), TEST(test_names), TEST(test_bounds),
		TEST(test_keys),   TEST(test_stored),  TEST(test_news),  TEST(test_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
