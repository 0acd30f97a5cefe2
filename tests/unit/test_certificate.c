/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_certificate.c - certificates from their pieces, what is read of them and what is said
 * of them (TLS-05). The certificates are made here, by libcrypto, for every case.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/detect/certificate_judge.h"
#include "user/inspector/certificate.h"
#include "user/inspector/pieces.h"

#define DAY_S  86400
#define NOW_S  1790000000ll
#define NOW_NS (NOW_S * (int64_t)CLOCK_NS_PER_S)

/* --- making them -------------------------------------------------------------------------------
 */

struct wanted {
	EVP_PKEY *key;
	const EVP_MD *digest;
	const char
		*names; /* of subjectAltName, as OpenSSL's configuration writes them; NULL: none */
	const char *common_name;
	long from_s, until_s; /* from NOW_S */
};

static size_t make(const struct wanted *wanted, uint8_t *der, size_t room)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);
	X509_EXTENSION *names;
	time_t now = NOW_S;
	int n;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
				   (const unsigned char *)wanted->common_name, -1, -1, 0);
	X509_set_issuer_name(x, name);
	X509_time_adj(X509_getm_notBefore(x), wanted->from_s, &now);
	X509_time_adj(X509_getm_notAfter(x), wanted->until_s, &now);
	X509_set_pubkey(x, wanted->key);
	if (wanted->names) {
		names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, wanted->names);
		assert_non_null(names);
		X509_add_ext(x, names, -1);
		X509_EXTENSION_free(names);
	}
	assert_true(X509_sign(x, wanted->key, wanted->digest) > 0);
	n = i2d_X509(x, NULL);
	assert_true(n > 0 && (size_t)n <= room);
	i2d_X509(x, &der);
	X509_free(x);
	return (size_t)n;
}

static void read_one(const struct wanted *wanted, struct report_certificate *ret)
{
	uint8_t der[CERTIFICATE_MAX];
	size_t n = make(wanted, der, sizeof(der));

	*ret = (struct report_certificate){.conn = 7, .service = 3, .port = 443};
	certificate_read(der, n, ret);
}

static struct wanted good(EVP_PKEY *key)
{
	return (struct wanted){
		key,         EVP_sha256(), "DNS:shop.test,DNS:*.shop.test,IP:10.0.0.1",
		"shop.test", -DAY_S,       365l * DAY_S};
}

/* --- reading -----------------------------------------------------------------------------------
 */

static void test_read(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct wanted wanted = good(key);
	struct report_certificate c;

	(void)state;
	read_one(&wanted, &c);
	assert_int_equal(c.outcome, GL_OUTCOME_OK);
	assert_int_equal(c.conn, 7);
	assert_int_equal(c.service, 3);
	assert_int_equal(c.port, 443);
	assert_int_equal(c.not_before_s, NOW_S - DAY_S);
	assert_int_equal(c.not_after_s, NOW_S + 365 * DAY_S);
	assert_string_equal(c.subject, "CN=shop.test");
	assert_string_equal(c.issuer, "CN=shop.test");
	assert_string_equal(c.names, "shop.test,*.shop.test,10.0.0.1");
	assert_string_equal(c.key, "EC P-256");
	assert_int_equal(c.key_bits, 256);
	assert_string_equal(c.signature, "ecdsa-with-SHA256");
	assert_int_equal(c.self_signed, 1);
	assert_int_equal(strlen(c.fingerprint), 64);
	EVP_PKEY_free(key);
}

static void test_keys(void **state)
{
	const struct {
		EVP_PKEY *key;
		const EVP_MD *digest;
		const char *name, *signature;
		int bits;
	} cases[] = {
		{EVP_RSA_gen(1024), EVP_sha1(), "RSA", "sha1WithRSAEncryption", 1024},
		{EVP_RSA_gen(2048), EVP_sha512(), "RSA", "sha512WithRSAEncryption", 2048},
		{EVP_EC_gen("P-384"), EVP_sha384(), "EC P-384", "ecdsa-with-SHA384", 384},
		{EVP_EC_gen("secp224r1"), EVP_sha256(), "EC secp224r1", "ecdsa-with-SHA256", 224},
		{EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, "Ed25519", "ED25519", 256},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct wanted wanted = good(cases[i].key);
		struct report_certificate c;

		wanted.digest = cases[i].digest;
		read_one(&wanted, &c);
		assert_string_equal(c.key, cases[i].name);
		assert_int_equal(c.key_bits, cases[i].bits);
		assert_string_equal(c.signature, cases[i].signature);
		EVP_PKEY_free(cases[i].key);
	}
}

/* What a certificate can say to whoever prints it: nothing but printable ASCII passes. */
static void test_hostile_names(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct wanted wanted = good(key);
	struct report_certificate c;
	char names[8192] = "";

	(void)state;
	wanted.common_name = "a\x1b[2Jb\xe2\x80\xae,\"c";
	read_one(&wanted, &c);
	for (const char *p = c.subject; *p; p++)
		assert_true(*p >= ' ' && *p <= '~');
	assert_non_null(strstr(c.subject, "CN=a"));
	/* more names than there is room for */
	for (int i = 0; i < 100; i++)
		snprintf(names + strlen(names), sizeof(names) - strlen(names),
			 "%sDNS:n%d.example.test", i ? "," : "", i);
	wanted.names = names;
	wanted.common_name = "x";
	read_one(&wanted, &c);
	assert_true(strlen(c.names) < sizeof(c.names));
	assert_string_equal(c.names + strlen(c.names) - 4, ",...");
	assert_int_equal(certificate_covers(c.names, "n0.example.test"), 1);
	assert_int_equal(certificate_covers(c.names, "n99.example.test"), -ENODATA);
	/* longer than any text of the record */
	wanted.names = NULL;
	memset(names, 'y', 60);
	names[60] = 0;
	wanted.common_name = names;
	read_one(&wanted, &c);
	assert_string_equal(c.names, "");
	EVP_PKEY_free(key);
}

static void test_malformed(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct wanted wanted = good(key);
	uint8_t der[CERTIFICATE_MAX + 1] = {};
	size_t n = make(&wanted, der, sizeof(der));
	struct report_certificate c = {.service = 3};
	const struct {
		size_t n;
	} lengths[] = {{0}, {1}, {n - 1}, {n + 1}, {n / 2}, {CERTIFICATE_MAX + 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		certificate_read(der, lengths[i].n, &c);
		assert_int_equal(c.outcome, GL_OUTCOME_MALFORMED);
		assert_int_equal(c.service, 3);
		assert_string_equal(c.fingerprint, "");
		assert_string_equal(c.subject, "");
	}
	certificate_read(der, n, &c);
	assert_int_equal(c.outcome, GL_OUTCOME_OK);
	EVP_PKEY_free(key);
}

/* What was read before is not read again, and is never mistaken for another. */
static void test_again(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct wanted wanted = good(key);
	uint8_t der[CERTIFICATE_MAX];
	char names[32], fingerprints[100][sizeof(((struct report_certificate *)0)->fingerprint)];
	size_t n = make(&wanted, der, sizeof(der));
	struct report_certificate c, same = {.conn = 8, .service = 4, .port = 8443};

	(void)state;
	for (int round = 0; round < 2; round++) {
		c = (struct report_certificate){.conn = 7, .service = 3, .port = 443};
		certificate_read(der, n, &c);
		certificate_read(der, n, &same);
		assert_int_equal(c.port, 443);
		assert_int_equal(same.port, 8443);
		assert_int_equal(same.conn, 8);
		assert_string_equal(same.fingerprint, c.fingerprint);
		assert_string_equal(same.subject, "CN=shop.test");
		/* a hundred others in between push it out, and each is itself */
		for (int i = 0; i < 100; i++) {
			snprintf(names, sizeof(names), "DNS:n%d.test", i);
			wanted.names = names;
			read_one(&wanted, &c);
			assert_string_equal(c.names, names + sizeof("DNS:") - 1);
			for (int j = 0; j < i; j++)
				assert_string_not_equal(fingerprints[j], c.fingerprint);
			memcpy(fingerprints[i], c.fingerprint, sizeof(fingerprints[i]));
		}
	}
	/* one bit changed */
	der[n - 1] ^= 1;
	c = same;
	certificate_read(der, n, &c);
	assert_string_not_equal(c.fingerprint, same.fingerprint);
	EVP_PKEY_free(key);
}

/* --- pieces ------------------------------------------------------------------------------------
 */

static struct gl_rec_certificate piece(uint64_t conn, uint32_t total, uint32_t off, uint16_t n)
{
	struct gl_rec_certificate r = {.conn = conn, .total = total, .off = off, .n = n};

	for (uint16_t i = 0; i < n && i < GL_CERTIFICATE_PIECE; i++)
		r.bytes[i] = (uint8_t)(conn + off + i);
	return r;
}

static int give(struct pieces *pieces, uint64_t conn, uint32_t total, uint32_t off, uint16_t n)
{
	struct gl_rec_certificate r = piece(conn, total, off, n);
	const uint8_t *der;
	size_t size;
	int result = pieces_take(pieces, &r, sizeof(r), &der, &size);

	if (result == 1) {
		assert_int_equal(size, total);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(der[i], (uint8_t)(conn + i));
	}
	return result;
}

static void test_pieces(void **state)
{
	struct gl_rec_certificate r = piece(1, 10, 0, 10);
	struct pieces *pieces;
	const uint8_t *der;
	size_t n;

	(void)state;
	assert_int_equal(pieces_new(&pieces), 0);
	assert_int_equal(give(pieces, 1, 500, 0, 500), 1);
	/* two connections at once, in pieces */
	assert_int_equal(give(pieces, 1, 1500, 0, 1024), 0);
	assert_int_equal(give(pieces, 2, 1100, 0, 1000), 0);
	assert_int_equal(give(pieces, 1, 1500, 1024, 476), 1);
	assert_int_equal(give(pieces, 2, 1100, 1000, 100), 1);
	/* a piece is missing, or never began; what comes behind is not taken for a beginning */
	assert_int_equal(give(pieces, 3, 1500, 0, 500), 0);
	assert_int_equal(give(pieces, 3, 1500, 1000, 500), -ENODATA);
	assert_int_equal(give(pieces, 3, 1500, 500, 500), -ENODATA);
	assert_int_equal(give(pieces, 4, 1500, 500, 500), -ENODATA);
	/* another certificate of the same connection begins anew */
	assert_int_equal(give(pieces, 5, 1500, 0, 500), 0);
	assert_int_equal(give(pieces, 5, 700, 0, 700), 1);
	/* records that make no sense */
	assert_int_equal(give(pieces, 6, 0, 0, 0), -EBADMSG);
	assert_int_equal(give(pieces, 6, 100, 0, 0), -EBADMSG);
	assert_int_equal(give(pieces, 6, 100, 0, 101), -EBADMSG);
	assert_int_equal(give(pieces, 6, 100, 101, 1), -EBADMSG);
	assert_int_equal(give(pieces, 6, 100, UINT32_MAX, 2), -EBADMSG);
	assert_int_equal(give(pieces, 6, CERTIFICATE_MAX + 1, 0, 1), -EBADMSG);
	assert_int_equal(give(pieces, 6, 5000, 0, GL_CERTIFICATE_PIECE + 1), -EBADMSG);
	assert_int_equal(pieces_take(pieces, &r, sizeof(r) - 1, &der, &n), -EBADMSG);
	/* no more than so many begin; the first makes room, and is counted */
	assert_int_equal(pieces_evicted(pieces), 0);
	for (uint64_t i = 0; i < PIECES_MAX + 1; i++)
		assert_int_equal(give(pieces, 100 + i, 200, 0, 100), 0);
	assert_int_equal(pieces_evicted(pieces), 1);
	assert_int_equal(give(pieces, 100, 200, 100, 100), -ENODATA);
	assert_int_equal(give(pieces, 101, 200, 100, 100), 1);
	pieces_free(pieces);
}

/* --- judging -----------------------------------------------------------------------------------
 */

static char said[1024];

static void hear(const struct finding *finding, void *userdata)
{
	(void)userdata;
	assert_string_equal(finding->control, "TLS-05");
	assert_string_equal(finding->service, "shop");
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s%s/%s/%s", *said ? " " : "",
		 finding->rule, finding_severity_name(finding->severity), finding->subject);
}

static struct certificate flawless(void)
{
	return (struct certificate){
		.key = "EC P-256",
		.key_bits = 256,
		.signature = "ecdsa-with-SHA256",
		.names = "shop.test,*.shop.test",
		.not_before_s = NOW_S - DAY_S,
		.not_after_s = NOW_S + 90 * DAY_S,
		.port = 443,
	};
}

static const char *judged(const struct certificate *c)
{
	said[0] = 0;
	certificate_judge(c, "shop", NOW_NS, hear, NULL);
	return said;
}

static void test_judge_time(void **state)
{
	struct certificate c = flawless();

	(void)state;
	assert_string_equal(judged(&c), "");
	c.not_after_s = NOW_S + 30 * DAY_S;
	assert_string_equal(judged(&c), "");
	c.not_after_s--;
	assert_string_equal(judged(&c), "expires-within-30-days/medium/shop.test:443");
	c.not_after_s = NOW_S + 7 * DAY_S;
	assert_string_equal(judged(&c), "expires-within-30-days/medium/shop.test:443");
	c.not_after_s--;
	assert_string_equal(judged(&c), "expires-within-7-days/high/shop.test:443");
	c.not_after_s = NOW_S;
	assert_string_equal(judged(&c), "expires-within-7-days/high/shop.test:443");
	c.not_after_s--;
	assert_string_equal(judged(&c), "expired/critical/shop.test:443");
	c = flawless();
	c.not_before_s = NOW_S + 1;
	assert_string_equal(judged(&c), "not-yet-valid/high/shop.test:443");
	c.not_before_s = INT64_MIN;
	c.not_after_s = INT64_MAX; /* RFC 5280 section 4.1.2.5: "no well-defined expiration" */
	assert_string_equal(judged(&c), "");
}

static void test_judge_strength(void **state)
{
	static const struct {
		const char *key;
		unsigned bits;
		bool weak;
	} keys[] = {
		{"RSA", 2047, true},         {"RSA", 2048, false}, {"EC P-256", 256, false},
		{"EC secp224r1", 224, true}, {"DSA", 3072, true},  {"Ed25519", 253, false},
		{"unknown", 0, false},
	};
	static const struct {
		const char *signature;
		bool weak;
	} signatures[] = {
		{"sha256WithRSAEncryption", false},
		{"sha1WithRSAEncryption", true},
		{"md5WithRSAEncryption", true},
		{"ecdsa-with-SHA1", true},
		{"rsassaPss sha256", false},
		{"rsassaPss sha1", true},
		{"ED25519", false},
	};
	struct certificate c;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		c = flawless();
		snprintf(c.key, sizeof(c.key), "%s", keys[i].key);
		c.key_bits = (uint16_t)keys[i].bits;
		assert_string_equal(judged(&c), keys[i].weak ? "weak-key/high/shop.test:443" : "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(signatures); i++) {
		c = flawless();
		snprintf(c.signature, sizeof(c.signature), "%s", signatures[i].signature);
		assert_string_equal(judged(&c),
				    signatures[i].weak ? "weak-signature/high/shop.test:443" : "");
	}
}

static void test_judge_name(void **state)
{
	static const struct {
		const char *names, *host;
		int covers;
	} cases[] = {
		{"shop.test", "shop.test", 1},
		{"shop.test", "SHOP.Test", 1},
		{"shop.test", "www.shop.test", 0},
		{"*.shop.test", "www.shop.test", 1},
		{"*.shop.test", "a.b.shop.test", 0}, /* one label */
		{"*.shop.test", "shop.test", 0},
		{"*.shop.test", ".shop.test", 0},
		{"w*.shop.test", "www.shop.test", 0}, /* RFC 9525 section 6.3 */
		{"*", "shop", 0},
		{"a.test,b.test,10.0.0.1", "b.test", 1},
		{"a.test,...", "b.test", -ENODATA},
		{"a.test,...", "a.test", 1},
		{"", "a.test", 0},
	};
	struct certificate c = flawless();
	char cut[HANDSHAKE_NAME];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(certificate_covers(cases[i].names, cases[i].host),
				 cases[i].covers);
		snprintf(c.names, sizeof(c.names), "%s", cases[i].names);
		said[0] = 0;
		certificate_judge_name(&c, "shop", cases[i].host, NOW_NS, hear, NULL);
		assert_int_equal(*said != 0, cases[i].covers == 0);
	}
	said[0] = 0;
	certificate_judge_name(&c, "shop", "", NOW_NS, hear, NULL);
	memset(cut, 'a', sizeof(cut) - 1); /* the handshake's record cuts names there */
	cut[sizeof(cut) - 1] = 0;
	certificate_judge_name(&c, "shop", cut, NOW_NS, hear, NULL);
	assert_string_equal(said, "");
}

static int load(void **state)
{
	(void)state;
	return certificate_load();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),          cmocka_unit_test(test_keys),
		cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_again),         cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_judge_time),    cmocka_unit_test(test_judge_strength),
		cmocka_unit_test(test_judge_name),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
