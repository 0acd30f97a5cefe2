/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ja4.c - JA4 as published: the specification's own examples, a reference written from it over
 * thousands of hellos (OpenSSL's own, and made-up ones), and the kernel's match key, which is equal
 * where JA4 is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <openssl/ssl.h>

#include "tests/unit/ja4_reference.h"
#include "tests/unit/tls_build.h"
#include "tests/unit/tls_reader.h"
#include "tests/unit/tls_synth.h"
#include "user/base/cleanup.h"
#include "user/detect/ja4.h"

#define HELLOS 4000
#define REAL   2000

static struct http_piece piece;
static struct tls_build build, stream;

static void read_whole(struct hello_reading *ret)
{
	hello_reading_begin(ret);
	hello_reading_feed(ret, &piece, stream.bytes, stream.n);
}

/* The specification's example, in the order it gives as the client's; GREASE where clients put it.
 */
static const uint16_t example_ciphers[] = {0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
					   0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
					   0x009c, 0x009d, 0x002f, 0x0035};
static const uint16_t example_extensions[] = {0x5a5a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469,
					      0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
					      0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xbaba};
static const uint16_t example_signatures[] = {0x0403, 0x0804, 0x0401, 0x0503,
					      0x0805, 0x0501, 0x0806, 0x0601};
static const uint16_t example_versions[] = {0x3a3a, 0x0304, 0x0303};
static const uint16_t example_groups[] = {0x1a1a, 0x001d, 0x0017, 0x0018};

static void example_extension(uint16_t type)
{
	size_t at;

	switch (type) {
	case 0:
		build_name(&build, "shop.test");
		return;
	case 10:
		build_numbers(&build, 10, 2, example_groups, 4);
		return;
	case 13:
		build_numbers(&build, 13, 2, example_signatures, 8);
		return;
	case 16:
		build_protocols(&build, "h2", "http/1.1");
		return;
	case 43:
		build_numbers(&build, 43, 1, example_versions, 3);
		return;
	}
	at = build_extension(&build, type);
	build_fill(&build, 0, type == 51 ? 38 : 3);
	build_close(&build, at, 2);
}

static void example(void)
{
	size_t message, at;

	build.n = 0;
	build_number(&build, 1, 1);
	message = build_open(&build, 3);
	build_number(&build, 2, 0x0303);
	build_fill(&build, 0x33, 32);
	build_number(&build, 1, 0);
	at = build_open(&build, 2);
	for (size_t i = 0; i < ARRAY_SIZE(example_ciphers); i++)
		build_number(&build, 2, example_ciphers[i]);
	build_close(&build, at, 2);
	build_number(&build, 2, 0x0100);
	at = build_open(&build, 2);
	for (size_t i = 0; i < ARRAY_SIZE(example_extensions); i++)
		example_extension(example_extensions[i]);
	build_close(&build, at, 2);
	build_close(&build, message, 3);
	stream.n = 0;
	build_records(&stream, 22, 0x0301, &build, 16384);
}

static void assert_ja4(const struct gl_hello *hello, const char *want)
{
	char text[JA4_TEXT];

	assert_int_equal(ja4_text(hello, text), 0);
	assert_string_equal(text, want);
	assert_true(ja4_is(text));
}

static void test_example(void **state)
{
	struct hello_reading r;
	char text[64];

	(void)state;
	example();
	read_whole(&r);
	assert_int_equal(r.event, TLS_HELLO);
	assert_ja4(&r.hello, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	ja4_reference(build.bytes, build.n, text);
	assert_string_equal(text, "t13d1516h2_8daaf6152771_e5627efa2ab1");
	/* no signature algorithms: no underscore */
	r.hello.n_signatures = 0;
	assert_ja4(&r.hello, "t13d1516h2_8daaf6152771_6d807ffa2a79");
	/* nothing to hash is zeroes, with the names and protocols still counted */
	r.hello.n_ciphers = 0;
	r.hello.n_extensions = 2;
	r.hello.extensions[0] = 16;
	r.hello.extensions[1] = 0;
	assert_ja4(&r.hello, "t13d0002h2_000000000000_000000000000");
	r.hello.n_extensions = 0;
	r.hello.flags &= (uint16_t)~GL_HELLO_SNI_SEEN;
	assert_ja4(&r.hello, "t13i0000h2_000000000000_000000000000");
}

static void test_protocols(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want;
	} cases[] = {
		{"h2", 2, "h2"},       {"http/1.1", 8, "h1"},
		{"\xab", 1, "ab"},     {"\xab\xcd", 2, "ad"},
		{"\x30\xab", 2, "3b"}, {"\x30\x31\xab\xcd", 4, "3d"},
		{"h", 1, "hh"},        {"\x30\xab\xcd\x31", 4, "01"},
		{"", 0, "00"},         {"Z/", 2, "5f"},
		{"@9", 2, "49"},       {"[z", 2, "5a"},
		{"`a", 2, "61"},       {"a{", 2, "6b"},
		{":1", 2, "31"},
	};
	struct hello_reading r;
	char text[JA4_TEXT];

	(void)state;
	example();
	read_whole(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		r.hello.alpn_len = (uint16_t)(cases[i].n ? cases[i].n + 1 : 0);
		r.hello.alpn_ends[0] = (uint8_t)cases[i].bytes[0];
		r.hello.alpn_ends[1] = (uint8_t)(cases[i].n ? cases[i].bytes[cases[i].n - 1] : 0);
		assert_int_equal(ja4_text(&r.hello, text), 0);
		assert_memory_equal(text + 8, cases[i].want, 2);
	}
}

static void test_versions(void **state)
{
	static const struct {
		uint16_t version;
		const char *want;
	} cases[] = {
		{0x0304, "13"}, {0x0303, "12"}, {0x0302, "11"}, {0x0301, "10"}, {0x0300, "s3"},
		{0x0002, "s2"}, {0xfeff, "d1"}, {0xfefd, "d2"}, {0xfefc, "d3"}, {0x0305, "00"},
		{0xfefe, "00"}, {0x7f1c, "00"}, {0x0003, "00"},
	};
	struct hello_reading r;
	char text[JA4_TEXT];

	(void)state;
	example();
	read_whole(&r);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		r.hello.n_versions = 3;
		r.hello.versions[0] = 0x0001;
		r.hello.versions[1] = cases[i].version;
		r.hello.versions[2] = 0x0002;
		r.hello.flags |= GL_HELLO_VERSIONS_SEEN;
		r.hello.legacy_version = 0x0303;
		assert_int_equal(ja4_text(&r.hello, text), 0);
		assert_memory_equal(text + 1, cases[i].version > 2 ? cases[i].want : "s2", 2);
		r.hello.flags &= (uint16_t)~GL_HELLO_VERSIONS_SEEN;
		r.hello.legacy_version = cases[i].version;
		assert_int_equal(ja4_text(&r.hello, text), 0);
		assert_memory_equal(text + 1, cases[i].want, 2);
	}
}

/* Counts end at 99; a list that was longer than its room has no JA4, and neither has SSL 2.0. */
static void test_counts(void **state)
{
	static const uint16_t without[] = {GL_HELLO_TRUNCATED, GL_HELLO_SSL2};
	struct hello_reading r;
	char text[JA4_TEXT];

	(void)state;
	example();
	read_whole(&r);
	r.hello.n_ciphers = 9;
	r.hello.n_extensions = 100;
	assert_int_equal(ja4_text(&r.hello, text), 0);
	assert_memory_equal(text + 4, "0999", 4);
	r.hello.n_ciphers = 99;
	r.hello.n_extensions = 9;
	assert_int_equal(ja4_text(&r.hello, text), 0);
	assert_memory_equal(text + 4, "9909", 4);
	memcpy(text, "as it was", 10);
	for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
		example();
		read_whole(&r);
		r.hello.flags |= without[i];
		assert_int_equal(ja4_text(&r.hello, text), -ENODATA);
	}
	read_whole(&r);
	r.hello.n_signatures = GL_HELLO_SIGNATURES + 1;
	assert_int_equal(ja4_text(&r.hello, text), -ENODATA);
	assert_string_equal(text, "as it was");
}

static void test_is(void **state)
{
	static const char *const no[] = {
		"",
		"t13d1516h2",
		"t13d1516h2_8daaf6152771_e5627efa2ab",
		"t13d1516h2_8daaf6152771_e5627efa2ab12",
		"t13d1516h2_8daaf6152771_E5627EFA2AB1",
		"t13d1516h2_8daaf615277g_e5627efa2ab1",
		"t13d1516h2-8daaf6152771_e5627efa2ab1",
		"t13d1516h2_8daaf6152771-e5627efa2ab1",
		"x13d1516h2_8daaf6152771_e5627efa2ab1",
		"t13x1516h2_8daaf6152771_e5627efa2ab1",
		"t13d15 6h2_8daaf6152771_e5627efa2ab1",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(ja4_is(no[i]));
	assert_true(ja4_is("t13d1516h2_8daaf6152771_e5627efa2ab1"));
	assert_true(ja4_is("q13i0310h3_55b375c5d22e_cd85d2d88918"));
}

/* Reads the stream and compares with the reference; whether there was a hello to compare. */
static bool compare(const struct tls_build *message)
{
	struct hello_reading r;
	char want[64];

	read_whole(&r);
	if (r.event != TLS_HELLO || r.hello.flags & GL_HELLO_TRUNCATED)
		return false;
	ja4_reference(message->bytes, message->n, want);
	assert_ja4(&r.hello, want);
	return true;
}

static void test_synthesized(void **state)
{
	struct synth s = {0x74313364ull};
	unsigned compared = 0;

	(void)state;
	for (int i = 0; i < HELLOS; i++) {
		synth_message(&s, &build);
		synth_stream(&s, &build, &stream);
		compared += compare(&build);
	}
	assert_in_range(compared, HELLOS / 2, HELLOS);
}

/* What a client of OpenSSL sends with these settings, all of them chosen by chance. */
static void real_settings(struct synth *s, SSL_CTX *context)
{
	static const char *const ciphers[] = {"ALL:@SECLEVEL=0", "ECDHE+AESGCM",
					      "HIGH:!aNULL",     "AES128-SHA",
					      "CHACHA20",        "PSK:ALL:@SECLEVEL=0"};
	static const char *const groups[] = {"X25519:P-256", "P-384", "X448:P-521:ffdhe2048"};
	static const char *const signatures[] = {"ECDSA+SHA256:RSA+SHA256", "ed25519",
						 "RSA-PSS+SHA512:RSA+SHA1"};
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION,
				       TLS1_3_VERSION};
	uint32_t low = synth_number(s, 4), high = low + synth_number(s, 4 - low);

	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_cipher_list(context, ciphers[synth_number(s, 6)]);
	SSL_CTX_set_min_proto_version(context, versions[low]);
	SSL_CTX_set_max_proto_version(context, versions[high]);
	if (synth_number(s, 2))
		SSL_CTX_set1_groups_list(context, groups[synth_number(s, 3)]);
	if (synth_number(s, 2))
		SSL_CTX_set1_sigalgs_list(context, signatures[synth_number(s, 3)]);
	if (synth_number(s, 3) == 0)
		SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256");
	if (synth_number(s, 2))
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_ENCRYPT_THEN_MAC |
						     SSL_OP_NO_EXTENDED_MASTER_SECRET);
	if (synth_number(s, 2))
		SSL_CTX_set_mode(context, SSL_MODE_SEND_FALLBACK_SCSV);
}

static void real_stream(struct synth *s)
{
	static const char *const protocols[] = {"\2h2\10http/1.1", "\10http/1.1", "\1x",
						"\2\xab\xcd"};
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
	uint32_t protocol = synth_number(s, 6);
	SSL *ssl;
	int n;

	real_settings(s, context);
	ssl = SSL_new(context);
	SSL_set_bio(ssl, in, out);
	if (synth_number(s, 2))
		SSL_set_tlsext_host_name(ssl, "shop.test");
	if (protocol < ARRAY_SIZE(protocols))
		SSL_set_alpn_protos(ssl, (const unsigned char *)protocols[protocol],
				    (unsigned)strlen(protocols[protocol]));
	assert_int_equal(SSL_connect(ssl), -1);
	n = BIO_read(out, stream.bytes, TLS_BUILD_MAX);
	stream.n = n > 0 ? (size_t)n : 0;
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void test_real(void **state)
{
	struct synth s = {0x6f70656eull};
	unsigned compared = 0;

	(void)state;
	for (int i = 0; i < REAL; i++) {
		real_stream(&s);
		if (!stream.n || stream.bytes[0] != 22) /* settings that leave nothing to offer */
			continue;
		build.n = 0;
		build_bytes(&build, stream.bytes + 5, stream.n - 5);
		assert_true(compare(&build));
		compared++;
	}
	assert_in_range(compared, REAL / 2, REAL);
}

/* The match key stands for JA4: equal where that is, and only there. */
static void test_key_is_ja4(void **state)
{
	struct synth s = {0x6a6134ull};
	static struct hello_reading a, b;
	static struct tls_build message;
	unsigned same = 0, different = 0;

	(void)state;
	for (int i = 0; i < HELLOS; i++) {
		char text_a[JA4_TEXT], text_b[JA4_TEXT];

		synth_message(&s, &message);
		stream.n = 0;
		build_records(&stream, 22, 0x0301, &message, 16384);
		read_whole(&a);
		for (int n = 0; n < 2; n++)
			stream.bytes[synth_number(&s, (uint32_t)stream.n)] ^=
				(uint8_t)(1 << synth_number(&s, 8));
		read_whole(&b);
		if (a.event != TLS_HELLO || b.event != TLS_HELLO ||
		    ja4_text(&a.hello, text_a) < 0 || ja4_text(&b.hello, text_b) < 0)
			continue;
		assert_int_equal(a.hello.key == b.hello.key, !strcmp(text_a, text_b));
		same += a.hello.key == b.hello.key;
		different += a.hello.key != b.hello.key;
	}
	assert_in_range(same, HELLOS / 20, HELLOS);
	assert_in_range(different, HELLOS / 20, HELLOS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),  cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_versions), cmocka_unit_test(test_counts),
		cmocka_unit_test(test_is),       cmocka_unit_test(test_synthesized),
		cmocka_unit_test(test_real),     cmocka_unit_test(test_key_is_ja4),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
