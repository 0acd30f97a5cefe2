/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_tls_again.c - handshakes as there were before: what is found without a search, or told
 * without computing, is what a search finds and computing tells.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tls_history_fixture.h"

/* ---------------------------------------------------------------------------------------------
 * The same once more: found without a search, and counted as if it had been searched for
 */
static void assert_counts(uint16_t service, const uint64_t counts[TLS_KINDS], int64_t last)
{
	for (int kind = 0; kind < TLS_KINDS; kind++) {
		const struct tls_value *values = NULL;
		size_t n = tls_history_values(history, service, (enum tls_kind)kind, &values);
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			sum += values[i].count;
			if (values[i].first_wall_ns == 100)
				assert_int_equal(values[i].last_wall_ns, last);
		}
		assert_int_equal(sum, counts[kind]);
	}
}

static void test_same_again(void **state)
{
	static const uint64_t four[TLS_KINDS] = {4, 4, 4, 4, 4, 4};
	struct handshake h = plain(100);

	(void)state;
	for (int64_t i = 1; i <= 4; i++) {
		h.wall_ns = 100 * i;
		assert_int_equal(add(h).best, i == 1 ? 0 : GL_TLS_1_3);
	}
	assert_counts(3, four, 400);
	assert_value(TLS_KIND_VERSION, "1.3", 4, 100, 400);
	assert_value(TLS_KIND_NAME, "shop.test", 4, 100, 400);
	assert_value(TLS_KIND_JA4, h.ja4, 4, 100, 400);
	assert_int_equal(only_name(3)->best_wall_ns, 400);
	/* a service with the same name and all else is another one */
	h.service = 4;
	assert_int_equal(add(h).best, 0);
	assert_counts(3, four, 400);
	assert_int_equal(value_of(4, TLS_KIND_NAME, "shop.test")->count, 1);
	assert_int_equal(value_of(4, TLS_KIND_NAME, "shop.test")->first_wall_ns, 400);
}

/* The one before is plain(99) each time: one member of it makes another one. */
static struct handshake after_plain(int64_t wall_ns)
{
	add(plain(99));
	return plain(wall_ns);
}

static void test_not_the_same(void **state)
{
	struct handshake h = after_plain(200);

	(void)state;
	h.version = GL_TLS_1_2;
	add(h);
	assert_value(TLS_KIND_VERSION, "1.2", 1, 200, 200);
	h = after_plain(300);
	h.cipher = 0x1302;
	add(h);
	assert_value(TLS_KIND_CIPHER, "TLS_AES_256_GCM_SHA384", 1, 300, 300);
	h = after_plain(400);
	h.group = 0x0017;
	add(h);
	assert_value(TLS_KIND_GROUP, "secp256r1", 1, 400, 400);
	h = after_plain(500);
	snprintf(h.alpn, sizeof(h.alpn), "http/1.1");
	add(h);
	assert_value(TLS_KIND_ALPN, "http/1.1", 1, 500, 500);
	h = after_plain(600);
	snprintf(h.sni, sizeof(h.sni), "SHOP.test"); /* the same name by its hash */
	add(h);
	assert_value(TLS_KIND_NAME, "SHOP.test", 1, 600, 600);
	h = after_plain(700);
	h.result = GL_HANDSHAKE_REFUSED;
	add(h);
	assert_value(TLS_KIND_NAME, "shop.test", 11, 99, 700);
	assert_value(TLS_KIND_VERSION, "1.3", 10, 99, 99);
	h = after_plain(800);
	h.ja4[0] = '\0';
	add(h);
	assert_value(TLS_KIND_JA4, plain(0).ja4, 13, 99, 99);
	h = after_plain(900);
	h.key += 8; /* beside it */
	add(h);
	assert_value(TLS_KIND_JA4, plain(0).ja4, 15, 99, 900);
	h = after_plain(1000);
	h.port = 8444;
	assert_int_equal(add(h).best, 0);
	h = after_plain(1100);
	h.sni_key += 8;
	assert_int_equal(add(h).best, 0);
	h = after_plain(1200);
	h.sni[0] = '\0';
	add(h);
	assert_value(TLS_KIND_NAME, "shop.test", 20, 99, 99);
	assert_value(TLS_KIND_VERSION, "1.3", 20, 99, 1200);
}

/* Its places may be another's by now. */
static void test_same_after_others(void **state)
{
	struct handshake h;

	(void)state;
	add(plain(100));
	add(plain(101));
	h = plain(0);
	for (int i = 0; i < TLS_VALUES_MAX; i++) {
		snprintf(h.sni, sizeof(h.sni), "n%d.test", i);
		h.sni_key = 1000 + 8 * (uint32_t)i; /* beside the first one */
		h.wall_ns = 1000 + i;
		h.result = GL_HANDSHAKE_REFUSED; /* names stay */
		add(h);
	}
	assert_null(value_of(3, TLS_KIND_NAME, "shop.test"));
	assert_int_equal(add(plain(5000)).best, GL_TLS_1_3);
	assert_value(TLS_KIND_NAME, "shop.test", 1, 5000, 5000);
	assert_int_equal(value_of(3, TLS_KIND_NAME, "n2.test")->count, 1);
	assert_int_equal(add(plain(5001)).best, GL_TLS_1_3);
	assert_value(TLS_KIND_NAME, "shop.test", 2, 5000, 5001);
	assert_value(TLS_KIND_JA4, plain(0).ja4, TLS_VALUES_MAX + 4, 100, 5001);
	/* a cipher's place is not looked at for its text */
	h = plain(0);
	for (int i = 0; i < TLS_VALUES_MAX; i++) {
		h.cipher = (uint16_t)(0x4000 + i);
		h.key = 6; /* not in its place; no name is new */
		h.wall_ns = 5001 + i;
		h.alpn[0] = '\0';
		add(h);
	}
	assert_null(value_of(3, TLS_KIND_CIPHER, "TLS_AES_128_GCM_SHA256"));
	add(plain(5600));
	assert_value(TLS_KIND_CIPHER, "TLS_AES_128_GCM_SHA256", 1, 5600, 5600);
	assert_value(TLS_KIND_CIPHER, "0x4001", 1, 5002, 5002);
	tls_history_forget(history, 3);
	assert_int_equal(add(plain(5002)).best, 0);
	assert_int_equal(only_name(3)->best_wall_ns, 5002);
	h = plain(0);
	for (int i = 0; i < TLS_NAMES_MAX; i++) {
		h.sni_key = 1000 + 8 * (uint32_t)i;
		h.wall_ns = 6000 + i;
		add(h);
	}
	assert_int_equal(add(plain(7000)).best, 0); /* its name had made room */
	assert_int_equal(add(plain(7001)).best, GL_TLS_1_3);
}

/* What was stored comes back behind it. */
static void test_same_after_restoring(void **state)
{
	const struct tls_value stored = {.text = "http/1.1", .count = 5, .first_wall_ns = 1};

	(void)state;
	add(plain(100));
	assert_int_equal(tls_history_restore_value(history, 3, TLS_KIND_ALPN, &stored), 0);
	add(plain(200));
	assert_value(TLS_KIND_ALPN, "h2", 2, 100, 200);
	assert_value(TLS_KIND_ALPN, "http/1.1", 5, 1, 0);
}

/* ---------------------------------------------------------------------------------------------
 * Fingerprints that need no computing any more
 */
static struct gl_rec_handshake record_of(uint64_t key, uint16_t cipher)
{
	struct gl_rec_handshake r = {.service = 3, .port = 8443};

	r.hello.key = key;
	r.hello.legacy_version = GL_TLS_1_2;
	r.hello.n_ciphers = 2;
	r.hello.ciphers[0] = cipher;
	r.hello.ciphers[1] = 0x1301;
	r.hello.n_extensions = 1;
	r.hello.extensions[0] = 10;
	return r;
}

/* As the keeper does it; returns whether it was known. */
static bool take(const struct gl_rec_handshake *record, struct handshake *ret)
{
	const char *ja4 = tls_history_computed(history, &record->hello);
	struct handshake computed;
	bool known = ja4;

	handshake_read(record, 1, ja4, ret);
	handshake_read(record, 1, NULL, &computed);
	assert_memory_equal(ret, &computed, sizeof(computed));
	add(*ret);
	return known;
}

static void test_computed(void **state)
{
	struct gl_rec_handshake a = record_of(1, 0x1302), b = record_of(2, 0x1303);
	struct gl_rec_handshake beside = record_of(1 + 1024, 0x1304), more;
	struct handshake h;
	char ja4[JA4_TEXT];

	(void)state;
	assert_false(take(&a, &h));
	memcpy(ja4, h.ja4, sizeof(ja4));
	assert_int_equal(strlen(ja4), JA4_TEXT - 1);
	assert_true(take(&a, &h));
	assert_string_equal(h.ja4, ja4);
	assert_false(take(&b, &h));
	assert_string_not_equal(h.ja4, ja4);
	/* one in the same place: each takes it from the other, neither gets the other's */
	assert_false(take(&beside, &h));
	assert_false(take(&a, &h));
	assert_string_equal(h.ja4, ja4);
	assert_true(take(&a, &h));
	assert_true(take(&b, &h));
	/* what cannot be told is not, whatever the key */
	more = a;
	more.hello.flags = GL_HELLO_TRUNCATED;
	assert_false(take(&more, &h));
	assert_string_equal(h.ja4, "");
	more.hello.flags = GL_HELLO_SSL2;
	assert_false(take(&more, &h));
	assert_string_equal(h.ja4, "");
	more.hello.flags = 0;
	more.hello.n_ciphers = GL_HELLO_CIPHERS + 1;
	assert_null(tls_history_computed(history, &more.hello));
	assert_true(take(&a, &h));
	/* the ring goes around: whoever has its place now is not taken for it */
	for (uint64_t key = 1; key <= TLS_KEYS_MAX; key++) {
		more = record_of(key * 1024 * 1024, (uint16_t)key);
		take(&more, &h);
	}
	assert_false(take(&a, &h));
	assert_string_equal(h.ja4, ja4);
}

/* A file says what it says: only what was computed is told. */
static void test_stored_is_not_computed(void **state)
{
	struct gl_rec_handshake a = record_of(1, 0x1302), b = record_of(2, 0x1303);
	struct handshake h;
	uint64_t keys[2];

	(void)state;
	handshake_read(&a, 1, NULL, &h);
	tls_history_restore_key(history, h.ja4, 1);
	tls_history_restore_key(history, h.ja4, 2); /* not what it is */
	assert_false(take(&a, &h));
	assert_true(take(&a, &h));
	assert_int_equal(tls_history_keys(history, h.ja4, keys, 2), 2);
	for (int i = 0; i < 3; i++)
		assert_false(take(&b, &h));
	assert_string_not_equal(h.ja4, tls_history_ja4(history, 2));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_same_again),        TEST(test_not_the_same),
		TEST(test_same_after_others), TEST(test_same_after_restoring),
		TEST(test_computed),          TEST(test_stored_is_not_computed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
