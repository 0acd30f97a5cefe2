/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_text.c - the rules that are installed: each finds values of its own form and no cut ones;
 * checksums, words near by, allow lists, overlaps; what is said of a transaction. How good they are
 * on text of every kind is tests/quality's question.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/detect/families.h"
#include "user/detect/assigned.h"
#include "user/detect/checks.h"
#include "user/detect/text.h"

#define UNUSED __attribute__((unused))

static struct rules *rules;
static uint64_t seed;
static struct text *text, *other; /* other: the literals found another way */

static void show(const struct problems *problems, void *userdata)
{
	size_t *warnings = userdata;

	problems_print(problems, stdout);
	*warnings += problems->n;
}

static int load(void **state UNUSED)
{
	size_t warnings = 0;

	seed = 88172645463325252ull; /* the same values for either way */
	assert_int_equal(rules_load("deploy/rules", show, &warnings, &rules), 0);
	assert_int_equal(warnings, 0); /* every rule has its literal */
	assert_int_equal(text_new(rules, &text), 0);
	assert_int_equal(text_new_by(rules, TEXT_VECTORSCAN, &other), 0);
	return 0;
}

/* The same with the literals found by what every processor has. */
static int load_other(void **state)
{
	struct text *fast;

	load(state);
	fast = text;
	text = other;
	other = fast;
	assert_string_equal(text_way_name(text), "vectorscan");
	return 0;
}

static int unload(void **state UNUSED)
{
	text_free(text);
	text_free(other);
	rules_free(rules);
	return 0;
}

static unsigned chance(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % below);
}

/* --- found things as one line ----------------------------------------------------------------- */

struct got {
	char text[1024];
	size_t n;
};

static void note(const struct text_match *match, void *userdata)
{
	struct got *got = userdata;

	snprintf(got->text + strlen(got->text), sizeof(got->text) - strlen(got->text), "%s%s %s",
		 got->n ? ", " : "", match->rule->id, match->evidence.text);
	got->n++;
}

static struct got look(const char *bytes, enum rule_where where)
{
	size_t n = strlen(bytes);
	_cleanup_free_ char *exact = malloc(n); /* a read past it is seen */
	struct got got = {0};

	memcpy(exact, bytes, n);
	text_each(text, (struct raw){exact, n}, where, ~0u, 0, note, &got);
	return got;
}

#define assert_found(bytes, where, expected) assert_string_equal(look(bytes, where).text, expected)

/* --- every rule ------------------------------------------------------------------------------- */

struct aim {
	size_t begin, end;
	unsigned hits;
};

static void aim_note(const struct text_match *match, void *userdata)
{
	struct aim *aim = userdata;

	aim->hits += match->begin < aim->end && aim->begin < match->end;
}

static enum rule_where place_of(const struct rule *rule)
{
	for (enum rule_where where = WHERE_FILE; where > WHERE_URL; where--)
		if (rule->where >> where & 1)
			return where;
	return WHERE_URL;
}

static unsigned hits(const struct rule *rule, const char *value, size_t n)
{
	_cleanup_free_ char *bytes = malloc(n + 512);
	struct aim aim = {0};
	int size;

	assert_non_null(bytes);
	size = rule->near.n ? snprintf(bytes, 512, "{\"%s\":\"", rule->near.items[0])
			    : snprintf(bytes, 512, "{%s\"v\":\"",
				       rule->keywords.n ? rule->keywords.items[0] : "");
	aim.begin = (size_t)size;
	memcpy(bytes + size, value, n);
	aim.end = (size_t)size + n;
	memcpy(bytes + aim.end, "\"}", 2);
	text_each(text, (struct raw){bytes, aim.end + 2}, place_of(rule), ~0u, 0, aim_note, &aim);
	return aim.hits;
}

static void test_each_finds_its_own(void **state UNUSED)
{
	static char value[20000];
	size_t secrets = 0;

	for (size_t i = 0; i < rules->n; i++) {
		const struct rule *rule = &rules->items[i];

		secrets += rule->family == FAMILY_SECRET;
		/* the others' values are not of chance */
		if (rule->family != FAMILY_SECRET ||
		    (rule->check != CHECK_NONE && rule->check != CHECK_LETTERS_AND_DIGITS))
			continue;
		for (size_t j = 0; j < rule->n_patterns; j++) {
			unsigned found = 0;

			for (unsigned round = 0; round < 20; round++) {
				size_t n = token_pattern_sample(&rule->patterns[j], chance, value,
								sizeof(value));

				found += hits(rule, value, n) > 0;
			}
			if (found < 16)
				print_error("%s %s: %u of 20\n", rule->id, rule->pattern_texts[j],
					    found);
			assert_true(found >= 16);
		}
	}
	assert_true(secrets >= 150);
}

/* --- what a value must keep ------------------------------------------------------------------- */

static void test_checks(void **state UNUSED)
{
	assert_true(check_card(RAW("4111 1111 1111 1111")));
	assert_false(check_card(RAW("4111 1111 1111 1112"))); /* sum */
	assert_true(check_card(RAW("378282246310005")));
	assert_false(check_card(RAW("9111111111111111"))); /* issuer */
	assert_false(check_card(RAW("4444444444444448"))); /* nobody's */
	assert_false(check_card(RAW("411111111111")));
	assert_true(check_iban(RAW("DE89 3704 0044 0532 0130 00")));
	assert_true(check_iban(RAW("GB82WEST12345698765432")));
	assert_false(check_iban(RAW("DE89 3704 0044 0532 0130 01")));
	assert_false(check_iban(RAW("ZZ89370400440532013000")));
	assert_false(
		check_iban(RAW("DE00583119805856026718"))); /* the sum is right, and never made */
	assert_true(check_ssn(RAW("536-90-4399")));
	assert_false(check_ssn(RAW("000-90-4399")));
	assert_false(check_ssn(RAW("666-90-4399")));
	assert_false(check_ssn(RAW("936-90-4399")));
	assert_false(check_ssn(RAW("536-00-4399")));
	assert_false(check_ssn(RAW("536-90-0000")));
	assert_true(check_entropy(RAW("aaaa")) == 0.0);
	assert_true(check_entropy(RAW("abcd")) == 2.0);
	assert_true(check_entropy((struct raw){NULL, 0}) == 0.0);
	assert_true(check_made_up(RAW("sk_xxxxxxxx")));
	assert_true(check_made_up(RAW("${TOKEN}")));
	assert_false(check_made_up(RAW("9aB8cD7eF6gH")));
}

static void test_personal(void **state UNUSED)
{
	assert_found("{\"m\":\"jane.doe@corp.io\"}", WHERE_RESPONSE, "email j...@corp.io");
	assert_found("logo@2x.png react@18.2.0 a@b x@y.json", WHERE_RESPONSE, "");
	assert_found("https://user@git.corp.io/x", WHERE_FILE, "");
	assert_found("mailto:jane@corp.io", WHERE_FILE, "email j...@corp.io");
	assert_found("{\"c\":4111111111111111}", WHERE_RESPONSE, "card-number ************1111");
	assert_found("{\"c\":\"4111-1111-1111-1111\"}", WHERE_RESPONSE,
		     "card-number ************1111");
	assert_found("{\"c\":0.4111111111111111}", WHERE_RESPONSE, "");
	assert_found("{\"c\":\"a4111111111111111\"}", WHERE_RESPONSE, "");
	assert_found("{\"c\":41111111111111110}", WHERE_RESPONSE, "");
	assert_found("x DE89 3704 0044 0532 0130 00 EUR", WHERE_RESPONSE,
		     "iban ****************3000");
	assert_found("536-90-4399", WHERE_FILE, "us-ssn ...(11)");
	assert_found("536-90-43991 0536-90-4399 536-90-4399-1", WHERE_FILE, "");
	assert_found("{\"ip\":\"8.8.4.77\"}", WHERE_RESPONSE, "ip-address ...(8)");
	assert_found("{\"v\":\"1.2.3.4\",\"w\":\"8.8.4.777\",\"x\":\"127.0.0.1\",\"y\":\"10.20.30."
		     "40.5\"}",
		     WHERE_RESPONSE, "");
	assert_found("{\"phone\":\"+1 415 555 2671\"}", WHERE_RESPONSE, "phone *******2671");
	assert_found("{\"n\":\"+1 415 555 2671\"}", WHERE_RESPONSE, "");
	assert_found("{\"passport_no\":\"ABCDEFG12\"}", WHERE_RESPONSE, "");
	assert_found("{\"passport_no\":\"L89023645\"}", WHERE_RESPONSE, "passport ...(9)");
}

/* Numbers as they are written, tokens that are found as long words, at every place in a block of 64
 * and over its edges. */
static void test_shapes_anywhere(void **state UNUSED)
{
	static const struct {
		const char *bytes, *found;
	} shapes[] = {
		{"4111 1111 1111 1111", "card-number ************1111"},
		{"3782-822463-10005", "card-number ***********0005"},
		{"3056 930902 5904", "card-number **********5904"},
		{"6200 1234 5678 9012 347", "card-number ***************2347"},
		{"6200123456789012347", "card-number ***************2347"},
		{"12 4111 1111 1111 1111", "card-number ************1111"},
		{"7713 4111 1111 1111 1111", ""}, /* a row of numbers */
		{"4111 1111 1111 1111 7713", ""},
		{"GB82WEST12345698765432", "iban ************5432"},
		{"GB82 WEST 1234 5698 7654 32", "iban ************5432"},
		{"\\nDE89370400440532013000", "iban ****************3000"},
		{"xDE89370400440532013000", ""},
		{"536-90-4399", "us-ssn ...(11)"},
		{"AKIA"
		 "QYLPMN5HFIQR7XYA",
		 "aws-access-key AKIA...(20)"},
		{"\\nAKIA"
		 "QYLPMN5HFIQR7XYA",
		 "aws-access-key AKIA...(20)"},
		{"\\\\AKIA"
		 "QYLPMN5HFIQR7XYA",
		 "aws-access-key AKIA...(20)"},
		{"nAKIA"
		 "QYLPMN5HFIQR7XYA",
		 ""},
		{"https://jane:s3cr3tpw@git.corp.io/x", "url-password ...(8)"},
		{"gopher://jane:s3:cr3tpw@git.corp.io/x", "url-password ...(9)"},
		{"https://jane:@git.corp.io/x", ""},
		{"https://git.corp.io/x:s3cr3tpw@y", ""},
		{"https://jane:${PASSWORD}@git.corp.io/x", ""},
		{"//jane:s3cr3tpw@git.corp.io/x", ""},
	};
	static const char *const addresses[] = {
		"2a01:4f8:c0c:1234::1",
		"2001:470:1f0b:1234:5678:9abc:def0:1",
		"2A01:4F8::",
		"fd12:3456:789a::42",
		"::1",
		"::",
		"fe80::1",
		"ff02::1",
		"2001:db8::1",
		"12:30:45",
		"2a01:4f8:c0c:1234::1z",
		"a:b:c:d:e:f:1",
		"std::string",
		"::ffff:8.8.4.77",
		"x2a01:4f8::1",
		"2a01::4f8::1",
	};
	char bytes[256];

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		for (size_t at = 1; at < 140; at++) {
			memset(bytes, ' ', sizeof(bytes));
			snprintf(bytes + at, sizeof(bytes) - at, "%s\"", addresses[i]);
			bytes[at - 1] = '"';
			assert_int_equal(
				strncmp(look(bytes, WHERE_RESPONSE).text, "ipv6-address", 12) == 0,
				i < 4);
		}
	}
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (size_t at = 0; at < 140; at++) {
			memset(bytes, ' ', sizeof(bytes));
			snprintf(bytes + at, sizeof(bytes) - at, "%s", shapes[i].bytes);
			if (at > 0)
				bytes[at - 1] = '"';
			assert_found(bytes, WHERE_FILE, shapes[i].found);
			bytes[at + strlen(shapes[i].bytes)] = '"';
			bytes[at + strlen(shapes[i].bytes) + 1] = 0;
			assert_found(bytes, WHERE_FILE, shapes[i].found);
		}
	}
}

/* Every place in a block of 64 and over its edges. */
static void test_personal_anywhere(void **state UNUSED)
{
	char bytes[256];

	for (size_t at = 0; at < 130; at++) {
		memset(bytes, ' ', sizeof(bytes));
		memcpy(bytes + at, "jane@corp.io 4111111111111111 8.8.4.77 536-90-4399", 50);
		bytes[at + 50] = 0;
		assert_found(bytes, WHERE_RESPONSE,
			     "email j...@corp.io, card-number ************1111, "
			     "ip-address ...(8), us-ssn ...(11)");
	}
}

static void test_secrets(void **state UNUSED)
{
	/* GitHub's published example of its checksum */
	assert_found("t=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", WHERE_FILE,
		     "github-pat ghp_...(40)");
	assert_found("t=ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18", WHERE_FILE, "");
	assert_found("AKIA"
		     "IOSFODNN7EXAMPLE",
		     WHERE_FILE, ""); /* the documentation's */
	assert_found("AKIA"
		     "QYLPMN5HFIQR7XYA",
		     WHERE_FILE, "aws-access-key AKIA...(20)");
	assert_found("xAKIA"
		     "QYLPMN5HFIQR7XYA",
		     WHERE_FILE, "");
	assert_found("AKIA"
		     "QYLPMN5HFIQR7XYAB",
		     WHERE_FILE, "");
	assert_found("a\\nAKIA"
		     "QYLPMN5HFIQR7XYA",
		     WHERE_FILE, "aws-access-key AKIA...(20)");
	assert_found("postgres://app:s3cr3tpw@db/x", WHERE_FILE, "database-url ...(8)");
	assert_found("postgres://app:${PASS}@db/x", WHERE_FILE, "");
	assert_found(
		"-----BEGIN RSA PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA7bq0q9zJ5Wv1x8Yc2mKp4Tn6Rf3L",
		WHERE_RESPONSE, "private-key private key");
	assert_found("-----BEGIN PUBLIC KEY-----\\nMIIEpAIBAAKCAQEA7bq0q9zJ5Wv1x8Yc2mKp4Tn6Rf3L",
		     WHERE_RESPONSE, "");
	/* a provider's rule goes before the general one */
	assert_found("datadog_api_key = \"3f9b1c0e7d2a4856b1c09e7f5a6d8c42\"", WHERE_FILE,
		     "datadog-api-key 3f9b...(32)");
}

/* What a name goes on with may say that its value is something else. */
static void test_names(void **state UNUSED)
{
	static const char *const about[] = {"_id",   "Id",         "_key_id", "-type",
					    "Type",  "VerifiedAt", "_at",     "_KEY_ID",
					    ".name", "_algorithm", "KeyUrl",  "_sha256"};
	static const char *const of_it[] = {"",     "id",   "_key", "Key",   "_secret", "_android",
					    "Paid", "_cat", "_sid", "_grid", "_ID_KEY", "s"};

	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		assert_true(assigned_is_about((struct raw){about[i], strlen(about[i])}));
	for (size_t i = 0; i < sizeof(of_it) / sizeof(of_it[0]); i++)
		assert_false(assigned_is_about((struct raw){of_it[i], strlen(of_it[i])}));
	assert_found("datadog_api_key = \"3f9b1c0e7d2a4856b1c09e7f5a6d8c42\"", WHERE_FILE,
		     "datadog-api-key 3f9b...(32)");
	assert_found("datadog_trace_id = \"3f9b1c0e7d2a4856b1c09e7f5a6d8c42\"", WHERE_FILE, "");
	assert_found("{\"phoneVerifiedAt\":\"1329688537\"}", WHERE_RESPONSE, "");
	assert_found("{\"phone\":\"2026-03-11\"}", WHERE_RESPONSE, "");
	assert_found("{\"phone\":\"1329688537\"}", WHERE_RESPONSE, ""); /* seconds */
	assert_found("{\"homeFax\":\"+1 415 555 2671\"}", WHERE_RESPONSE, "phone *******2671");
}

static void test_hashes_and_traces(void **state UNUSED)
{
	assert_found("{\"h\":\"$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy\"}",
		     WHERE_RESPONSE, "bcrypt-hash bcrypt hash, cost 10");
	assert_found("{\"h\":\"$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhW\"}",
		     WHERE_RESPONSE, "");
	assert_found(
		"Traceback (most recent call last):\n  File \"/srv/app.py\", line 3, in <module>",
		WHERE_RESPONSE, "trace-python Python traceback, trace-python Python traceback");
	assert_found("Exception\n\tat com.shop.Cart.add(Cart.java:42)\n", WHERE_RESPONSE,
		     "trace-java Java stack trace");
	assert_found("{\"e\":\"    at Cart.add (/srv/app/cart.js:10:5)\"}", WHERE_RESPONSE,
		     "trace-node Node.js stack trace");
	assert_found("look at Cart.add (/srv/app/cart.js)", WHERE_RESPONSE, "");
	assert_found("ORA-00942: table or view does not exist", WHERE_RESPONSE,
		     "sql-oracle Oracle error");
	assert_found("ORA-00942: table or view does not exist", WHERE_FILE, "");
}

/* --- as detections ---------------------------------------------------------------------------- */

static void emit(const struct detection *detection, void *userdata)
{
	struct got *got = userdata;

	snprintf(got->text + strlen(got->text), sizeof(got->text) - strlen(got->text),
		 "%s%s %s %d %s", got->n ? ", " : "", detection->control, detection->rule,
		 (int)detection->severity, detection->evidence.text);
	got->n++;
}

static struct got scan(const char *bytes, size_t seen, enum detect_part part)
{
	struct got got = {0};
	struct detect_out out = {.emit = emit, .userdata = &got};

	text_scan(text, (const uint8_t *)bytes, strlen(bytes), seen, part, &out);
	return got;
}

static void test_detections(void **state UNUSED)
{
	char many[400] = "";

	assert_string_equal(scan("4111111111111111", 0, PART_RESPONSE_BODY).text,
			    "PRE-15 card-number 3 ************1111");
	assert_string_equal(scan("4111111111111111", 0, PART_REQUEST_BODY).text,
			    "PRE-07 card-number 0 ************1111");
	assert_string_equal(scan("/a?c=4111111111111111", 0, PART_PATH).text,
			    "LOG-09 card-number 3 ************1111");
	assert_string_equal(scan("/a?m=jane@corp.io", 0, PART_PATH).text,
			    "LOG-10 email 0 j...@corp.io");
	assert_string_equal(scan("/a?k=AKIA"
				 "QYLPMN5HFIQR7XYA",
				 0, PART_PATH)
				    .text,
			    "LOG-08 aws-access-key 4 AKIA...(20)");
	assert_string_equal(
		scan("$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", 0,
		     PART_RESPONSE_BODY)
			.text,
		"REV-11 bcrypt-hash 3 bcrypt hash, cost 10, AUTH-08 bcrypt-cost 2 bcrypt cost 10");
	assert_int_equal(scan("$2b$12$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", 0,
			      PART_RESPONSE_BODY)
				 .n,
			 1);
	/* of the window before */
	assert_int_equal(scan("4111111111111111 jane@corp.io", 16, PART_RESPONSE_BODY).n, 1);
	for (unsigned i = 0; i < 20; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "jane@corp.io ");
	assert_int_equal(scan(many, 0, PART_RESPONSE_BODY).n, 4);
}

static void test_forbidden_fields(void **state UNUSED)
{
	static const char *const fields[] = {"password_hash", "internal_id"};
	static const char body[] = "{\"a\":[{\"passwordHash\":\"x\",\"internal_id\":null,"
				   "\"p\\u0061ssword_hash\":1,\"v\":\"internal_id\"}]}";
	struct detect_policy policy = {.forbidden_fields = fields, .n_forbidden_fields = 2};
	struct transaction *tx = calloc(1, sizeof(*tx));
	struct inspect_window window = {
		.direction = GL_TO_CLIENT,
		.bytes = (const uint8_t *)body,
		.n = sizeof(body) - 1,
		.off = 65536,
	};
	struct got got = {0};
	struct detect_out out = {.emit = emit, .userdata = &got};

	assert_non_null(tx);
	/* in the middle of a body names are told by their colon; null is not told apart */
	text_body(text, tx, &policy, &window, &out);
	assert_string_equal(got.text, "REV-11 forbidden-field 3 passwordHash, "
				      "REV-11 forbidden-field 3 internal_id");
	got = (struct got){0};
	text_body(text, tx, NULL, &window, &out);
	assert_int_equal(got.n, 0);
	window.direction = GL_TO_SERVER;
	text_body(text, tx, &policy, &window, &out);
	assert_int_equal(got.n, 0);
	/* the detector's */
	window.direction = GL_TO_CLIENT;
	window.off = 0;
	text_body(text, tx, &policy, &window, &out);
	assert_int_equal(got.n, 0);
	free(tx);
}

/* What is shown of any value is never five characters of it. */
static void no_secret(const struct text_match *match, void *userdata)
{
	const char *bytes = userdata;

	if (match->rule->mask == MASK_EMAIL)
		return;
	/* the ellipsis may go on where the prefix ends with a dot */
	for (size_t i = match->begin; i + 5 <= match->end; i++)
		if (!memchr(bytes + i, '.', 5))
			assert_null(memmem(match->evidence.text, strlen(match->evidence.text),
					   bytes + i, 5));
}

static void test_evidence(void **state UNUSED)
{
	static char value[20000];

	for (unsigned round = 0; round < 2000; round++) {
		const struct rule *rule = &rules->items[chance((unsigned)rules->n)];
		size_t n;

		if (rule->n_patterns == 0 || rule->family == FAMILY_TRACE ||
		    rule->mask == MASK_ABOUT)
			continue;
		n = token_pattern_sample(&rule->patterns[0], chance, value, sizeof(value));
		text_each(text, (struct raw){value, n}, place_of(rule), ~0u, 0, no_secret, value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_finds_its_own),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_personal),
		cmocka_unit_test(test_personal_anywhere),
		cmocka_unit_test(test_shapes_anywhere),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_hashes_and_traces),
		cmocka_unit_test(test_detections),
		cmocka_unit_test(test_forbidden_fields),
		cmocka_unit_test(test_evidence),
	};

	return cmocka_run_group_tests_name("fastest", tests, load, unload) +
	       cmocka_run_group_tests_name("vectorscan", tests, load_other, unload);
}
