/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_policy_values.c - ports, networks, limits, durations and lists of texts: those that are
 * wrong, all in one pass, and what the edges of the right ones become.
 */
#include "tests/unit/policy_text.h"

static const struct policy_case cases[] = {
	{"ports",
	 POLICY_HEAD "  services:\n"
		     "    - {name: a, ports: [0, 65536, -1, 010, 0x50, 1e3, 80.0, "
		     "99999999999999999999, \"80\", +8, http]}\n"
		     "    - {name: b, ports: []}\n"
		     "    - {name: c, ports: [443, 8443, 443]}\n"
		     "    - {name: d, ports: [8443]}\n",
	 -EINVAL,
	 "p:6:25: error: port 0 is out of range (at spec.services[0].ports[0])\n"
	 "    hint: use 1 to 65535\n"
	 "p:6:28: error: port 65536 is out of range (at spec.services[0].ports[1])\n"
	 "    hint: use 1 to 65535\n"
	 "p:6:35: error: port -1 is out of range (at spec.services[0].ports[2])\n"
	 "    hint: use 1 to 65535\n"
	 "p:6:39: error: expected a whole number from 1 to 65535, got the number \"010\" (at "
	 "spec.services[0].ports[3])\n"
	 "    hint: write it in decimal, without sign and leading zeros\n"
	 "p:6:44: error: expected a whole number from 1 to 65535, got the number \"0x50\" (at "
	 "spec.services[0].ports[4])\n"
	 "    hint: write it in decimal, without sign and leading zeros\n"
	 "p:6:50: error: expected a whole number from 1 to 65535, got the number \"1e3\" (at "
	 "spec.services[0].ports[5])\n"
	 "p:6:55: error: expected a whole number from 1 to 65535, got the number \"80.0\" (at "
	 "spec.services[0].ports[6])\n"
	 "p:6:61: error: port 99999999999999999999 is out of range (at spec.services[0].ports[7])\n"
	 "    hint: use 1 to 65535\n"
	 "p:6:83: error: expected a whole number from 1 to 65535, got the string \"80\" (at "
	 "spec.services[0].ports[8])\n"
	 "    hint: remove the quotes\n"
	 "p:6:89: error: expected a whole number from 1 to 65535, got the number \"+8\" (at "
	 "spec.services[0].ports[9])\n"
	 "    hint: write it in decimal, without sign and leading zeros\n"
	 "p:6:93: error: expected a whole number from 1 to 65535, got the string \"http\" (at "
	 "spec.services[0].ports[10])\n"
	 "p:7:24: error: 0 items in a list (at spec.services[1].ports)\n"
	 "    hint: use 1 to 64\n"
	 "p:8:36: error: port 443 is used twice (at spec.services[2].ports[2])\n"
	 "    hint: it is first used in line 8 by this service\n"
	 "p:9:25: error: port 8443 is used twice (at spec.services[3].ports[0])\n"
	 "    hint: it is first used in line 8 by \"c\"\n"},
	{"networks",
	 POLICY_HEAD
	 "  exempt: [10.0.0.1/8, 10/8, 1.2.3.4/33, \"::1/129\", \"::ffff:1.2.3.4\", "
	 "\"::ffff:10.0.0.0/104\", \"::ffff:0:0/90\"]\n"
	 "  protect: {never: [010.0.0.0/8, \"fe80::1%eth0\", 10.0.0.0/08, \"\", 10.0.0.0/, 10, "
	 "~]}\n"
	 "  services:\n"
	 "    - name: a\n"
	 "      ports: [80]\n"
	 "      trustedProxies: [\"2001:db8::1/32\", 10.0.0.0/8, 10.0.0.0/8, 192.0.2.1, "
	 "192.0.2.1/32]\n"
	 "      operations:\n"
	 "        - {match: \"GET /\", class: c, sources: [localhost, 10.1.0.0/16, 10.1.2.3/15]}\n"
	 "  classes: {c: {limit: 1/1s}}\n",
	 -EINVAL,
	 "p:5:12: error: \"10.0.0.1/8\" has host bits set (at spec.exempt[0])\n"
	 "    hint: did you mean 10.0.0.0/8?\n"
	 "p:5:24: error: \"10/8\" is not a network (at spec.exempt[1])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:5:30: error: \"1.2.3.4/33\" is not a network (at spec.exempt[2])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:5:42: error: \"::1/129\" is not a network (at spec.exempt[3])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:5:53: error: \"::ffff:1.2.3.4\" is IPv4 in the form of IPv6 (at spec.exempt[4])\n"
	 "    hint: did you mean 1.2.3.4?\n"
	 "p:5:71: error: \"::ffff:10.0.0.0/104\" is IPv4 in the form of IPv6 (at spec.exempt[5])\n"
	 "    hint: did you mean 10.0.0.0/8?\n"
	 "p:5:94: error: \"::ffff:0:0/90\" is IPv4 in the form of IPv6 (at spec.exempt[6])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:6:21: error: \"010.0.0.0/8\" is not a network (at spec.protect.never[0])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:6:34: error: \"fe80::1%eth0\" is not a network (at spec.protect.never[1])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:6:50: error: \"10.0.0.0/08\" is not a network (at spec.protect.never[2])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:6:63: error: \"\" is not a network (at spec.protect.never[3])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:6:67: error: \"10.0.0.0/\" is not a network (at spec.protect.never[4])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:6:78: error: expected a network, got the number \"10\" (at spec.protect.never[5])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:6:82: error: expected a network, got nothing (at spec.protect.never[6])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:10:24: error: \"2001:db8::1/32\" has host bits set (at "
	 "spec.services[0].trustedProxies[0])\n"
	 "    hint: did you mean 2001:db8::/32?\n"
	 "p:10:54: error: \"10.0.0.0/8\" is listed twice (at spec.services[0].trustedProxies[2])\n"
	 "    hint: remove one of them\n"
	 "p:10:77: error: \"192.0.2.1/32\" is listed twice (at "
	 "spec.services[0].trustedProxies[4])\n"
	 "    hint: remove one of them\n"
	 "p:12:48: error: \"localhost\" is not a network (at "
	 "spec.services[0].operations[0].sources[0])\n"
	 "    hint: an address or a network: 10.0.0.0/8, 192.0.2.1, 2001:db8::/32\n"
	 "p:12:72: error: \"10.1.2.3/15\" has host bits set (at "
	 "spec.services[0].operations[0].sources[2])\n"
	 "    hint: did you mean 10.0.0.0/15?\n"},
	{"limits_and_rates",
	 POLICY_HEAD "  classes:\n"
		     "    a: {limit: 100}\n"
		     "    b: {limit: 5/m}\n"
		     "    c: {limit: 0/1s}\n"
		     "    d: {limit: 1000001/1s}\n"
		     "    e: {limit: 1/8d}\n"
		     "    f: {limit: /1s}\n"
		     "    g: {limit: 1//1s}\n"
		     "    h: {limit: \"-1/1s\"}\n"
		     "    i: {limit: [1/1s]}\n"
		     "    j: {limit: 5 / 1m}\n"
		     "    k: {limit: 05/1m}\n"
		     "    l: {limit: 5/1min}\n"
		     "    m: {limit: 99999999999999999999/1s}\n"
		     "    n: {limit: 5/1m, sourceCeiling: 4}\n"
		     "    o: {limit: 5/1m, sourceCeiling: 1048576}\n"
		     "    p: {limit: 5/1m, sourceCeiling: 0}\n"
		     "  syn: {perSource: 200/m}\n" POLICY_SERVICE,
	 -EINVAL,
	 "p:6:16: error: \"100\" is not a limit (at spec.classes.a.limit)\n"
	 "    hint: admissions per window: 100/15m, 5/30s\n"
	 "p:7:16: error: \"5/m\" is not a limit (at spec.classes.b.limit)\n"
	 "    hint: write 5/1m\n"
	 "p:8:16: error: limit \"0/1s\" is out of range (at spec.classes.c.limit)\n"
	 "    hint: use 1 to 1000000\n"
	 "p:9:16: error: limit \"1000001/1s\" is out of range (at spec.classes.d.limit)\n"
	 "    hint: use 1 to 1000000\n"
	 "p:10:16: error: duration \"8d\" is out of range (at spec.classes.e.limit)\n"
	 "    hint: use 1s to 7d\n"
	 "p:11:16: error: \"/1s\" is not a limit (at spec.classes.f.limit)\n"
	 "    hint: admissions per window: 100/15m, 5/30s\n"
	 "p:12:16: error: \"/1s\" is not a duration (at spec.classes.g.limit)\n"
	 "    hint: a number and one of s, m, h, d: 90s, 15m, 1h, 7d\n"
	 "p:13:16: error: \"-1/1s\" is not a limit (at spec.classes.h.limit)\n"
	 "    hint: admissions per window: 100/15m, 5/30s\n"
	 "p:14:16: error: expected a limit, got a list (at spec.classes.i.limit)\n"
	 "    hint: admissions per window: 100/15m, 5/30s\n"
	 "p:15:16: error: \"5 / 1m\" is not a limit (at spec.classes.j.limit)\n"
	 "    hint: admissions per window: 100/15m, 5/30s\n"
	 "p:16:16: error: \"05/1m\" is not a limit (at spec.classes.k.limit)\n"
	 "    hint: admissions per window: 100/15m, 5/30s\n"
	 "p:17:16: error: \"1min\" is not a duration (at spec.classes.l.limit)\n"
	 "    hint: a number and one of s, m, h, d: 90s, 15m, 1h, 7d\n"
	 "p:18:16: error: limit \"99999999999999999999/1s\" is out of range (at "
	 "spec.classes.m.limit)\n"
	 "    hint: use 1 to 1000000\n"
	 "p:19:37: error: sourceCeiling 4 is below the limit (at spec.classes.n.sourceCeiling)\n"
	 "    hint: at least the limit, 5\n"
	 "p:20:37: error: sourceCeiling 1048576 is out of range (at spec.classes.o.sourceCeiling)\n"
	 "    hint: use 1 to 1048575\n"
	 "p:21:37: error: sourceCeiling 0 is out of range (at spec.classes.p.sourceCeiling)\n"
	 "    hint: use 1 to 1048575\n"
	 "p:22:3: warning: \"syn\" is accepted, not enforced by this version (at spec.syn)\n"
	 "p:22:20: error: \"200/m\" is not a rate (at spec.syn.perSource)\n"
	 "    hint: a number per second: 200/s\n"},
	{"rates", POLICY_HEAD "  syn: {perSource: 200}\n" POLICY_SERVICE, -EINVAL,
	 "p:5:3: warning: \"syn\" is accepted, not enforced by this version (at spec.syn)\n"
	 "p:5:20: error: \"200\" is not a rate (at spec.syn.perSource)\n"
	 "    hint: a number per second: 200/s\n"},
	{"durations",
	 POLICY_HEAD "  escalate: {refusals: 0, per: 0s, ban: 99999999999d, growth: 17, max: 1w}\n"
		     "  containment: {maxBansPerMinute: -5, ttl: 15}\n"
		     "  alerts:\n"
		     "    authFailures: {atLeast: 1048576, per: 8d}\n"
		     "    forbidden: {atLeast: \"5\", per: 5 m}\n"
		     "    serverErrors: {atLeast: 1, per: 1.5}\n" POLICY_SERVICE,
	 -EINVAL,
	 "p:5:24: error: refusals 0 is out of range (at spec.escalate.refusals)\n"
	 "    hint: use 1 to 1048575\n"
	 "p:5:32: error: duration \"0s\" is out of range (at spec.escalate.per)\n"
	 "    hint: use 1s to 7d\n"
	 "p:5:41: error: duration \"99999999999d\" is out of range (at spec.escalate.ban)\n"
	 "    hint: use 1s to 30d\n"
	 "p:5:63: error: growth 17 is out of range (at spec.escalate.growth)\n"
	 "    hint: use 1 to 16\n"
	 "p:5:72: error: \"1w\" is not a duration (at spec.escalate.max)\n"
	 "    hint: a number and one of s, m, h, d: 90s, 15m, 1h, 7d\n"
	 "p:6:35: error: maxBansPerMinute -5 is out of range (at "
	 "spec.containment.maxBansPerMinute)\n"
	 "    hint: use 0 to 100000\n"
	 "p:6:44: error: expected a duration like 15m, got the number \"15\" (at "
	 "spec.containment.ttl)\n"
	 "    hint: add a unit: 15s or 15m\n"
	 "p:8:29: error: atLeast 1048576 is out of range (at spec.alerts.authFailures.atLeast)\n"
	 "    hint: use 1 to 1048575\n"
	 "p:8:43: error: duration \"8d\" is out of range (at spec.alerts.authFailures.per)\n"
	 "    hint: use 1s to 7d\n"
	 "p:9:26: error: expected a whole number from 1 to 1048575, got the string \"5\" (at "
	 "spec.alerts.forbidden.atLeast)\n"
	 "    hint: remove the quotes\n"
	 "p:9:36: error: \"5 m\" is not a duration (at spec.alerts.forbidden.per)\n"
	 "    hint: a number and one of s, m, h, d: 90s, 15m, 1h, 7d\n"
	 "p:10:37: error: expected a duration like 15m, got the number \"1.5\" (at "
	 "spec.alerts.serverErrors.per)\n"},
	{"credentials",
	 POLICY_HEAD "  credentials:\n"
		     "    apiKeyHeaders: [Authorization, X-A, x-a, \"a b\", 7, Cookie]\n"
		     "    sessionCookies: [cookie, \"ä\", a, b, c, d, e, f, g, h]\n" POLICY_SERVICE,
	 -EINVAL,
	 "p:6:21: error: \"Authorization\" cannot carry a credential of its own (at "
	 "spec.credentials.apiKeyHeaders[0])\n"
	 "    hint: glacis reads this header itself; name another\n"
	 "p:6:41: error: \"x-a\" is listed twice (at spec.credentials.apiKeyHeaders[2])\n"
	 "    hint: remove one of them\n"
	 "p:6:46: error: \"a b\" is not a header name (at spec.credentials.apiKeyHeaders[3])\n"
	 "    hint: 1 to 63 letters, digits and !#$%&'*+-.^_`|~\n"
	 "p:6:53: error: expected a header name, got the number \"7\" (at "
	 "spec.credentials.apiKeyHeaders[4])\n"
	 "    hint: write it in quotes: \"7\"\n"
	 "p:6:56: error: \"Cookie\" cannot carry a credential of its own (at "
	 "spec.credentials.apiKeyHeaders[5])\n"
	 "    hint: glacis reads this header itself; name another\n"
	 "p:7:21: error: 10 items in a list (at spec.credentials.sessionCookies)\n"
	 "    hint: use 0 to 8\n"},
	{"lists",
	 POLICY_HEAD
	 "  services:\n"
	 "    - name: a\n"
	 "      ports: [80]\n"
	 "      operations:\n"
	 "        - {match: \"GET /\", class: c, tags: [x, y, x, \"\", \"a\\tb\"], roles: [r, r]}\n"
	 "  classes: {c: {limit: 1/1s}}\n"
	 "  responses: {forbiddenFields: [password_hash, 5, password_hash]}\n",
	 -EINVAL,
	 "p:9:51: error: \"x\" is listed twice (at spec.services[0].operations[0].tags[2])\n"
	 "    hint: remove one of them\n"
	 "p:9:54: error: \"\" is not a text (at spec.services[0].operations[0].tags[3])\n"
	 "    hint: 1 to 128 bytes without control characters\n"
	 "p:9:58: error: \"a\\x09b\" is not a text (at spec.services[0].operations[0].tags[4])\n"
	 "    hint: 1 to 128 bytes without control characters\n"
	 "p:9:67: warning: \"roles\" is accepted, not enforced by this version (at "
	 "spec.services[0].operations[0].roles)\n"
	 "p:9:78: error: \"r\" is listed twice (at spec.services[0].operations[0].roles[1])\n"
	 "    hint: remove one of them\n"
	 "p:11:48: error: expected a text, got the number \"5\" (at "
	 "spec.responses.forbiddenFields[1])\n"
	 "    hint: write it in quotes: \"5\"\n"
	 "p:11:51: error: \"password_hash\" is listed twice (at "
	 "spec.responses.forbiddenFields[2])\n"
	 "    hint: remove one of them\n"},
};

/* What an `exempt` of one network becomes. */
static void assert_network(const char *text, const char *hex, unsigned len)
{
	char document[256], bytes[33] = "";
	struct policy *policy;

	snprintf(document, sizeof(document), POLICY_HEAD "  exempt: [\"%s\"]\n" POLICY_SERVICE,
		 text);
	policy = policy_assert_good(document);
	assert_int_equal(policy->exempt.n, 1);
	for (unsigned i = 0; i < 16; i++)
		snprintf(bytes + 2 * i, 3, "%02x", policy->exempt.items[0].addr.b[i]);
	assert_string_equal(bytes, hex);
	assert_int_equal(policy->exempt.items[0].len, len);
	policy_free(policy);
}

static void test_networks(void **state)
{
	(void)state;
	assert_network("0.0.0.0/0", "00000000000000000000ffff00000000", 96);
	assert_network("10.0.0.0/8", "00000000000000000000ffff0a000000", 104);
	assert_network("192.0.2.128/25", "00000000000000000000ffffc0000280", 121);
	assert_network("192.0.2.1", "00000000000000000000ffffc0000201", 128);
	assert_network("255.255.255.255/32", "00000000000000000000ffffffffffff", 128);
	assert_network("::/0", "00000000000000000000000000000000", 0);
	assert_network("2001:DB8::/32", "20010db8000000000000000000000000", 32);
	assert_network("2001:db8::1", "20010db8000000000000000000000001", 128);
	assert_network("fe80::/10", "fe800000000000000000000000000000", 10);
}

static void assert_limit(const char *text, uint32_t limit, uint32_t window_s, uint32_t ceiling)
{
	char document[256];
	struct policy *policy;

	snprintf(document, sizeof(document),
		 POLICY_HEAD "  classes: {c: {limit: %s}}\n" POLICY_SERVICE, text);
	policy = policy_assert_good(document);
	assert_int_equal(policy->classes[0].limit, limit);
	assert_int_equal(policy->classes[0].window_s, window_s);
	assert_int_equal(policy->classes[0].source_ceiling, ceiling);
	policy_free(policy);
}

/* The usual ceiling is 20 N, and never more than a sub-window can count. */
static void test_limits(void **state)
{
	(void)state;
	assert_limit("1/1s", 1, 1, 20);
	assert_limit("100/15m", 100, 900, 2000);
	assert_limit("30/90s", 30, 90, 600);
	assert_limit("52428/2h", 52428, 7200, 1048560);
	assert_limit("52429/7d", 52429, 604800, GL_WINDOW_COUNT_MAX);
	assert_limit("1000000/1h", 1000000, 3600, GL_WINDOW_COUNT_MAX);
}

static const struct CMUnitTest own[] = {
	cmocka_unit_test(test_networks),
	cmocka_unit_test(test_limits),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(cases) + ARRAY_SIZE(own)];
	size_t n = policy_add_cases(tests, 0, cases, ARRAY_SIZE(cases));

	memcpy(tests + n, own, sizeof(own));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
