/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_known.c - certificates that need no inspector any more: asked once, told again from memory,
 * asked again after a while, and never learnt from who was not asked.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "include/glacis/tls_mark.h"
#include "user/keeper/known.h"

#define NOW_NS (1000 * CLOCK_NS_PER_S)
#define BYTES  1500 /* two pieces */

static uint8_t der[BYTES]; /* any bytes: nobody reads them */
static const struct gl_key key = {1, 2};
static struct known_marks marks; /* of the last call */

static struct gl_rec_certificate piece(uint64_t conn, uint32_t off, uint32_t total)
{
	struct gl_rec_certificate r = {
		.conn = conn, .total = total, .off = off, .service = 3, .port = 443, .flags = 1};

	r.n = (uint16_t)(total - off < GL_CERTIFICATE_PIECE ? total - off : GL_CERTIFICATE_PIECE);
	memcpy(r.bytes, der + off, r.n);
	return r;
}

/* The last piece's answer; the first one has to want more. */
static int take(struct known *known, uint64_t conn, uint64_t now_ns,
		const struct report_certificate **report, const uint8_t **ret_der, size_t *ret_n)
{
	struct gl_rec_certificate r = piece(conn, 0, BYTES);

	assert_int_equal(
		known_take(known, &r, sizeof(r), &key, now_ns, report, ret_der, ret_n, &marks),
		KNOWN_MORE);
	r = piece(conn, r.n, BYTES);
	return known_take(known, &r, sizeof(r), &key, now_ns, report, ret_der, ret_n, &marks);
}

static struct report_certificate answer(void)
{
	struct report_certificate c = {.outcome = GL_OUTCOME_OK, .conn = 1, .subject = "CN=shop"};
	uint8_t digest[EVP_MAX_MD_SIZE];

	assert_int_equal(EVP_Digest(der, BYTES, digest, NULL, EVP_sha256(), NULL), 1);
	for (size_t i = 0; i < 32; i++)
		snprintf(c.fingerprint + 2 * i, 3, "%02x", digest[i]);
	return c;
}

struct fixture {
	struct known *known;
	const struct report_certificate *report;
	const uint8_t *der;
	size_t n;
};

static int setup(void **state)
{
	static struct fixture f;

	for (size_t i = 0; i < BYTES; i++)
		der[i] = (uint8_t)(i * 7);
	f = (struct fixture){};
	*state = &f;
	return known_new(&f.known);
}

static int teardown(void **state)
{
	known_free(((struct fixture *)*state)->known);
	return 0;
}

static int take_now(struct fixture *f, uint64_t conn, uint64_t now_ns)
{
	return take(f->known, conn, now_ns, &f->report, &f->der, &f->n);
}

static void test_asked_until_answered(void **state)
{
	struct fixture *f = *state;

	for (uint64_t conn = 1; conn <= 3; conn++) {
		assert_int_equal(take_now(f, conn, NOW_NS), KNOWN_ASK);
		assert_int_equal(f->n, BYTES);
		assert_memory_equal(f->der, der, BYTES);
	}
}

static void test_read_is_told_with_the_new_connection(void **state)
{
	struct fixture *f = *state;
	struct report_certificate c = answer();

	assert_int_equal(take_now(f, 1, NOW_NS), KNOWN_ASK);
	known_learn(f->known, &c, NOW_NS, &marks);
	for (uint64_t conn = 2; conn <= 4; conn++) {
		assert_int_equal(take_now(f, conn, NOW_NS), KNOWN_READ);
		assert_string_equal(f->report->subject, "CN=shop");
		assert_string_equal(f->report->fingerprint, c.fingerprint);
		assert_int_equal(f->report->conn, conn);
		assert_int_equal(f->report->service, 3);
		assert_int_equal(f->report->port, 443);
		assert_int_equal(f->report->flags, 1);
	}
	der[700] ^= 1; /* another certificate */
	assert_int_equal(take_now(f, 5, NOW_NS), KNOWN_ASK);
}

static void test_asked_again_after_a_while(void **state)
{
	struct fixture *f = *state;
	struct report_certificate c = answer();

	assert_int_equal(take_now(f, 1, NOW_NS), KNOWN_ASK);
	known_learn(f->known, &c, NOW_NS, &marks);
	assert_int_equal(take_now(f, 2, NOW_NS + KNOWN_TTL_NS - 1), KNOWN_READ);
	assert_int_equal(take_now(f, 3, NOW_NS + KNOWN_TTL_NS), KNOWN_ASK);
	c.subject[0] = 'X';
	known_learn(f->known, &c, NOW_NS + KNOWN_TTL_NS, &marks);
	assert_int_equal(take_now(f, 4, NOW_NS + KNOWN_TTL_NS), KNOWN_READ);
	assert_string_equal(f->report->subject, "XN=shop");
}

static void test_unasked_is_not_learnt(void **state)
{
	struct fixture *f = *state;
	struct report_certificate c = answer();

	known_learn(f->known, &c, NOW_NS, &marks); /* nobody asked */
	assert_int_equal(take_now(f, 1, NOW_NS), KNOWN_ASK);
	c.fingerprint[0] = c.fingerprint[0] == 'a' ? 'b' : 'a';
	known_learn(f->known, &c, NOW_NS, &marks); /* nobody asked for that */
	assert_int_equal(take_now(f, 2, NOW_NS), KNOWN_ASK);
	c = answer();
	c.fingerprint[63] = 0; /* too short, then no hexadecimal */
	known_learn(f->known, &c, NOW_NS, &marks);
	c = answer();
	c.fingerprint[5] = 'g';
	known_learn(f->known, &c, NOW_NS, &marks);
	c = answer();
	c.outcome = GL_OUTCOME_MALFORMED;
	known_learn(f->known, &c, NOW_NS, &marks);
	assert_int_equal(take_now(f, 3, NOW_NS), KNOWN_ASK);
	c.outcome = GL_OUTCOME_OK;
	known_learn(f->known, &c, NOW_NS, &marks);
	assert_int_equal(take_now(f, 4, NOW_NS), KNOWN_READ);
	c.subject[0] = 'X'; /* a second answer, unasked by now */
	known_learn(f->known, &c, NOW_NS, &marks);
	assert_int_equal(take_now(f, 5, NOW_NS), KNOWN_READ);
	assert_string_equal(f->report->subject, "CN=shop");
}

static void test_missing_pieces(void **state)
{
	struct fixture *f = *state;
	struct gl_rec_certificate r = piece(9, GL_CERTIFICATE_PIECE, BYTES);

	assert_int_equal(known_take(f->known, &r, sizeof(r), &key, NOW_NS, &f->report, &f->der,
				    &f->n, &marks),
			 -ENODATA);
	r.n = GL_CERTIFICATE_PIECE + 1;
	assert_int_equal(known_take(f->known, &r, sizeof(r), &key, NOW_NS, &f->report, &f->der,
				    &f->n, &marks),
			 -EBADMSG);
	assert_int_equal(take_now(f, 9, NOW_NS), KNOWN_ASK);
}

static uint64_t mark_now(void)
{
	return tls_mark(der, BYTES, &key);
}

static int take_mark(struct fixture *f, uint64_t mark, uint64_t now_ns)
{
	const struct gl_rec_certificate_known r = {
		.conn = 77, .mark = mark, .service = 5, .port = 8443, .flags = 3};

	return known_take_mark(f->known, &r, now_ns, &f->report, &marks);
}

static void learn_now(struct fixture *f, uint64_t now_ns)
{
	struct report_certificate c = answer();

	assert_int_equal(take_now(f, 1, now_ns), KNOWN_ASK);
	assert_int_equal(marks.set, 0);
	known_learn(f->known, &c, now_ns, &marks);
	assert_int_equal(marks.set, mark_now());
	assert_int_equal(marks.clear, 0);
}

static void test_told_by_its_mark(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(take_mark(f, mark_now(), NOW_NS), -ENOENT);
	assert_int_equal(marks.clear, mark_now());
	assert_int_equal(take_now(f, 1, NOW_NS), KNOWN_ASK);
	assert_int_equal(take_mark(f, mark_now(), NOW_NS), -ENOENT); /* asked, not read */
	learn_now(f, NOW_NS);
	assert_int_equal(take_mark(f, mark_now(), NOW_NS + KNOWN_TTL_NS - 1), KNOWN_READ);
	assert_int_equal(marks.clear | marks.set, 0);
	assert_string_equal(f->report->subject, "CN=shop");
	assert_int_equal(f->report->conn, 77);
	assert_int_equal(f->report->service, 5);
	assert_int_equal(f->report->port, 8443);
	assert_int_equal(f->report->flags, 3);
	assert_int_equal(take_mark(f, mark_now() + 1, NOW_NS), -ENOENT);
	/* whole all the same: another one had its place */
	assert_int_equal(take_now(f, 2, NOW_NS), KNOWN_READ);
	assert_int_equal(marks.set, mark_now());
}

/* What is on its way when it gets too old counts, too. */
static void test_a_mark_ends(void **state)
{
	struct fixture *f = *state;

	learn_now(f, NOW_NS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(take_mark(f, mark_now(), NOW_NS + KNOWN_TTL_NS), KNOWN_READ);
		assert_int_equal(marks.clear, mark_now());
	}
	assert_int_equal(take_now(f, 2, NOW_NS + KNOWN_TTL_NS), KNOWN_ASK);
	assert_int_equal(take_mark(f, mark_now(), NOW_NS + KNOWN_TTL_NS), KNOWN_READ);
	assert_int_equal(marks.clear, mark_now());
	learn_now(f, NOW_NS + KNOWN_TTL_NS);
	assert_int_equal(take_mark(f, mark_now(), NOW_NS + KNOWN_TTL_NS), KNOWN_READ);
	assert_int_equal(marks.clear, 0);
}

/* The one not seen for longest makes room, and none that is busy does. */
static void test_room(void **state)
{
	struct fixture *f = *state;
	uint64_t first;

	for (uint64_t i = 0; i < KNOWN_SLOTS; i++) {
		der[0] = (uint8_t)i;
		learn_now(f, NOW_NS + i);
	}
	der[0] = 0;
	first = mark_now();
	assert_int_equal(take_mark(f, first, NOW_NS + KNOWN_SLOTS), KNOWN_READ);
	der[0] = KNOWN_SLOTS;
	assert_int_equal(take_now(f, 2, NOW_NS + KNOWN_BUSY_NS), KNOWN_ASK); /* no room */
	assert_int_equal(marks.clear, 0);
	known_learn(f->known, &(struct report_certificate){}, NOW_NS, &marks);
	assert_int_equal(take_now(f, 3, NOW_NS + 1 + KNOWN_BUSY_NS), KNOWN_ASK);
	der[0] = 1;
	assert_int_equal(marks.clear, mark_now());
	assert_int_equal(take_mark(f, mark_now(), NOW_NS), -ENOENT);
	assert_int_equal(take_mark(f, first, NOW_NS), KNOWN_READ);
	der[0] = KNOWN_SLOTS; /* asked, and nothing of the one before is told of it */
	assert_int_equal(take_mark(f, mark_now(), NOW_NS), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_asked_until_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_is_told_with_the_new_connection, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_asked_again_after_a_while, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unasked_is_not_learnt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told_by_its_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_mark_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_room, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
