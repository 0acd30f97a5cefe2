/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_certificates.c - the certificates that were seen: the two halves of a handshake, bounds,
 * what is stored, and what is judged of one only once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/detect/certificate_judge.h"

#define DAY_S  86400
#define NOW_S  1790000000ll
#define NOW_NS (NOW_S * (int64_t)CLOCK_NS_PER_S)

static char said[512];

static void hear(const struct finding *finding, void *userdata)
{
	(void)userdata;
	assert_string_equal(finding->control, "TLS-05");
	assert_string_equal(finding->service, "shop");
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s/%s/%s", *said ? " " : "",
		 finding->rule, finding_severity_name(finding->severity), finding->subject);
}

static const char *judged(const struct certificate *c)
{
	said[0] = 0;
	certificate_judge(c, "shop", NOW_NS, hear, NULL);
	return said;
}

static struct report_certificate seen(uint64_t conn, unsigned number, uint16_t flags)
{
	struct report_certificate r = {.conn = conn, .service = 3, .port = 443, .flags = flags};

	snprintf(r.fingerprint, sizeof(r.fingerprint), "%064u", number);
	return r;
}

static struct handshake shaken(uint64_t conn, uint16_t version, const char *sni)
{
	struct handshake h = {.conn = conn, .version = version, .service = 3, .port = 443};

	snprintf(h.sni, sizeof(h.sni), "%s", sni);
	return h;
}

/* The two halves of a handshake in either order; and both places a certificate is seen at. */
static void test_meeting(void **state)
{
	struct handshake h = shaken(1, GL_TLS_1_2, "a.test");
	struct report_certificate r = seen(1, 1, 0);
	const struct certificate *c;
	struct certificates *all;
	const char *name;
	bool counted;

	(void)state;
	assert_int_equal(certificates_new(&all), 0);
	assert_null(certificates_handshake(all, &h));
	c = certificates_add(all, &r, 10, &name, &counted);
	assert_string_equal(name, "a.test");
	assert_true(counted);
	assert_string_equal(c->server_name, "a.test");
	/* the library saw the same handshake */
	r = seen(77, 1, GL_CERTIFICATE_LIBRARY);
	c = certificates_add(all, &r, 11, &name, &counted);
	assert_null(name);
	assert_false(counted);
	assert_int_equal(c->count, 1);
	/* and one of 1.3 that no wire shows */
	c = certificates_add(all, &r, 12, &name, &counted);
	assert_true(counted);
	assert_int_equal(c->count, 2);
	/* certificate first */
	r = seen(2, 1, 0);
	c = certificates_add(all, &r, 13, &name, &counted);
	assert_null(name);
	h = shaken(2, GL_TLS_1_2, "b.test");
	assert_ptr_equal(certificates_handshake(all, &h), c);
	assert_string_equal(c->server_name, "b.test");
	/* a handshake of 1.3 shows none */
	h = shaken(2, GL_TLS_1_3, "c.test");
	assert_null(certificates_handshake(all, &h));
	/* the same one of a client is another */
	r = seen(3, 1, GL_CERTIFICATE_LIBRARY | GL_CERTIFICATE_CLIENT);
	c = certificates_add(all, &r, 14, &name, &counted);
	assert_true(c->client);
	assert_int_equal(c->count, 1);
	assert_int_equal(certificates_count(all), 2);
	certificates_free(all);
}

static void count_one(const struct certificate *one, void *userdata)
{
	(void)one;
	*(size_t *)userdata += 1;
}

static size_t dirty(const struct certificates *all)
{
	size_t n = 0;

	certificates_each_dirty(all, count_one, &n);
	return n;
}

static void test_bounds_and_store(void **state)
{
	struct certificates *all, *again;
	struct report_certificate r;
	const char *name;
	bool counted;

	(void)state;
	assert_int_equal(certificates_new(&all), 0);
	assert_int_equal(certificates_new(&again), 0);
	for (unsigned i = 0; i < CERTIFICATES_MAX + 2; i++) {
		r = seen(i + 1, i, 0);
		certificates_add(all, &r, 1000 + i, &name, &counted);
	}
	assert_int_equal(certificates_count(all), CERTIFICATES_MAX);
	assert_int_equal(certificates_evicted(all), 2);
	assert_int_equal(dirty(all), CERTIFICATES_MAX);
	assert_true(certificates_have_news(all));
	certificates_stored(all);
	assert_int_equal(dirty(all), 0);
	assert_false(certificates_have_news(all));
	/* what was evicted is new again */
	r = seen(1, 0, 0);
	assert_int_equal(certificates_add(all, &r, 5000, &name, &counted)->count, 1);
	assert_int_equal(dirty(all), 1);
	for (size_t i = 0; i < certificates_count(all); i++)
		certificates_restore(again, certificates_at(all, i));
	assert_int_equal(certificates_count(again), CERTIFICATES_MAX);
	assert_int_equal(dirty(again), 0);
	/* it goes on counting from what was stored */
	r = seen(9, 5, 0);
	assert_int_equal(certificates_add(again, &r, 6000, &name, &counted)->count, 2);
	assert_int_equal(dirty(again), 1);
	assert_false(certificates_have_news(again)); /* a count alone is none */
	certificates_unstored(again);
	assert_true(certificates_have_news(again));
	assert_int_equal(dirty(again), CERTIFICATES_MAX);
	certificates_free(all);
	certificates_free(again);
	certificates_free(NULL);
}

/* Strength is judged once; each handshake with a weak one is told all the same. */
static void test_sound(void **state)
{
	struct report_certificate strong = seen(1, 1, GL_CERTIFICATE_LIBRARY), weak = strong;
	const struct certificate *c;
	struct certificates *all, *again;
	const char *name;
	bool counted;

	(void)state;
	assert_int_equal(certificates_new(&all), 0);
	assert_int_equal(certificates_new(&again), 0);
	snprintf(strong.key, sizeof(strong.key), "EC P-256");
	strong.key_bits = 256;
	strong.not_after_s = NOW_S + 90 * DAY_S;
	weak = strong;
	weak.fingerprint[63] = '2';
	snprintf(weak.signature, sizeof(weak.signature), "ecdsa-with-SHA1");
	snprintf(weak.names, sizeof(weak.names), "shop.test");
	for (int i = 0; i < 3; i++) {
		c = certificates_add(all, &strong, NOW_NS, &name, &counted);
		assert_true(c->sound);
		assert_string_equal(judged(c), "");
		c = certificates_add(all, &weak, NOW_NS, &name, &counted);
		assert_false(c->sound);
		assert_string_equal(judged(c), "weak-signature/high/shop.test:443");
	}
	assert_int_equal(certificates_count(all), 2);
	for (size_t i = 0; i < 2; i++) {
		struct certificate stored = *certificates_at(all, i);

		stored.sound = !stored.sound; /* the store does not know it */
		certificates_restore(again, &stored);
		assert_int_equal(certificates_at(again, i)->sound, i == 0);
	}
	certificates_free(all);
	certificates_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_meeting),
		cmocka_unit_test(test_bounds_and_store),
		cmocka_unit_test(test_sound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
