/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_policy_tls.c - a service's tls and quic: what is read, what is said, what is compiled; and
 * the table of cipher suites behind denyCiphers.
 */
#include "tests/unit/policy_text.h"

#include "user/policy/ciphers.h"
#include "user/policy/compile.h"

#define SERVICE_WITH(lines)                                                                        \
	POLICY_HEAD "  mode: enforce\n  services:\n    - name: a\n      ports: [8443]\n" lines

static const struct policy_case cases[] = {
	{"bad_values",
	 SERVICE_WITH("      tls: {minVersion: 1.2, plaintext: no, denyCiphers: weak}\n"
		      "      quic: drop\n"),
	 -EINVAL,
	 "p:9:25: error: expected 1.0, 1.1, 1.2, 1.3 or none, got the number \"1.2\" (at "
	 "spec.services[0].tls.minVersion)\n    hint: write it in quotes\n"
	 "p:9:41: error: expected allow or refuse, got \"no\" (at "
	 "spec.services[0].tls.plaintext)\n"
	 "p:9:58: error: expected a list of cipher suites, got the string \"weak\" (at "
	 "spec.services[0].tls.denyCiphers)\n"
	 "p:10:13: error: expected allow or refuse, got \"drop\" (at spec.services[0].quic)\n"
	 "    hint: QUIC is not judged: refuse makes clients fall back to TCP\n"},
	{"unknown_cipher",
	 SERVICE_WITH("      tls: {denyCiphers: [TLS_RSA_WITH_AES_128_CBC_SHB]}\n"), -EINVAL,
	 "p:9:27: error: no cipher suite is named \"TLS_RSA_WITH_AES_128_CBC_SHB\" (at "
	 "spec.services[0].tls.denyCiphers[0])\n"
	 "    hint: did you mean \"TLS_RSA_WITH_AES_128_CBC_SHA\"?\n"},
	{"pattern_of_nothing", SERVICE_WITH("      tls: {denyCiphers: [\"*_ROT13_*\"]}\n"), -EINVAL,
	 "p:9:27: error: no cipher suite matches \"*_ROT13_*\" (at "
	 "spec.services[0].tls.denyCiphers[0])\n"
	 "    hint: patterns are over IANA's names: TLS_RSA_*, *_CBC_SHA\n"},
};

static struct gl_policy image;

static const struct policy_tls *compiled(const char *document, struct policy **ret_policy)
{
	const struct compile_keys keys = {.route = {1, 2}, .subject = {3, 4}};
	struct intern *intern = NULL;
	struct problems problems;

	*ret_policy = policy_assert_good(document);
	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(problems_init(&problems, "p"), 0);
	assert_int_equal(policy_compile(*ret_policy, &keys, 1, intern, &problems, &image), 0);
	problems_clear(&problems);
	intern_free(intern);
	return &(*ret_policy)->services[0].tls;
}

static void test_defaults(void **state)
{
	struct policy *policy;
	const struct policy_tls *tls = compiled(SERVICE_WITH(""), &policy);

	(void)state;
	assert_int_equal(tls->min_version, GL_TLS_1_2);
	assert_false(tls->plaintext_refuse || tls->downgrade_refuse);
	assert_int_equal(tls->n_denied, 0);
	assert_int_equal(image.tls[0].min_version, 0x0303);
	assert_int_equal(image.tls[0].flags, 0);
	assert_int_equal(image.tls[0].n_denied, 0);
	assert_int_equal(image.services[0].flags &
				 (GL_SERVICE_PLAINTEXT_REFUSE | GL_SERVICE_QUIC_REFUSE),
			 0);
	policy_free(policy);
}

static void test_everything_said(void **state)
{
	struct policy *policy;

	(void)state;
	/* AES128-SHA is TLS_RSA_WITH_AES_128_CBC_SHA, 0x002f: said three times, denied once */
	compiled(SERVICE_WITH("      tls: {minVersion: \"1.3\", plaintext: refuse, downgrade: "
			      "refuse, denyCiphers: [TLS_AES_128_CCM_8_SHA256, AES128-SHA, "
			      "\"0x002F\", tls_rsa_with_aes_128_cbc_sha]}\n"
			      "      quic: refuse\n"),
		 &policy);
	assert_int_equal(image.tls[0].min_version, 0x0304);
	assert_int_equal(image.tls[0].flags, GL_TLS_DOWNGRADE_REFUSE);
	assert_int_equal(image.tls[0].n_denied, 2);
	assert_int_equal(image.tls[0].denied[0], 0x002f);
	assert_int_equal(image.tls[0].denied[1], 0x1305);
	assert_int_equal(image.services[0].flags &
				 (GL_SERVICE_PLAINTEXT_REFUSE | GL_SERVICE_QUIC_REFUSE),
			 GL_SERVICE_PLAINTEXT_REFUSE | GL_SERVICE_QUIC_REFUSE);
	policy_free(policy);
}

static void test_no_floor(void **state)
{
	struct policy *policy;

	(void)state;
	compiled(SERVICE_WITH("      tls: {minVersion: none}\n"), &policy);
	assert_int_equal(image.tls[0].min_version, 0);
	policy_free(policy);
}

static void test_weak(void **state)
{
	static const struct {
		uint16_t value;
		bool weak;
	} rows[] = {
		{0x1301, false}, {0x1303, false}, {0xc02f, false}, {0xc030, false},
		{0xcca8, false}, {0x009e, false}, {0xc027, false}, /* ECDHE CBC with SHA-256 */
		{0xc013, true}, /* ECDHE CBC with SHA-1 */
		{0x002f, true},  {0x009c, true}, /* RSA key exchange */
		{0x000a, true},  {0x0005, true},  {0xc012, true},  {0x0018, true},
		{0xc006, true},  {0x00ff, false}, {0x5600, false}, {0xffff, false},
	};
	uint16_t values[GL_TLS_DENIED_MAX];
	int n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(cipher_is_weak(rows[i].value), rows[i].weak);
	n = ciphers_match("weak", values, GL_TLS_DENIED_MAX);
	assert_in_range(n, 100, GL_TLS_DENIED_MAX);
	for (int i = 0; i < n; i++)
		assert_true(cipher_is_weak(values[i]));
	assert_int_equal(ciphers_match("weak", values, 10), -ENOSPC);
}

static void test_table_is_ascending(void **state)
{
	(void)state;
	assert_in_range(ciphers_count(), 200, 400);
	for (size_t i = 1; i < ciphers_count(); i++)
		assert_true(cipher_at(i - 1) < cipher_at(i));
	assert_string_equal(cipher_name(0x1301), "TLS_AES_128_GCM_SHA256");
	assert_string_equal(cipher_name(0xc02f), "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
	assert_null(cipher_name(0x0a0a));
}

int main(void)
{
	struct CMUnitTest tests[16] = {
		cmocka_unit_test(test_defaults),           cmocka_unit_test(test_everything_said),
		cmocka_unit_test(test_no_floor),           cmocka_unit_test(test_weak),
		cmocka_unit_test(test_table_is_ascending),
	};

	policy_add_cases(tests, 5, cases, ARRAY_SIZE(cases));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
