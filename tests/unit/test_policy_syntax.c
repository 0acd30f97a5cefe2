/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_policy_syntax.c - documents that are wrong as YAML or JSON, or use more of it than a policy
 * may.
 */
#include "tests/unit/policy_text.h"

static const struct policy_case cases[] = {
	{"duplicates",
	 POLICY_HEAD "  mode: monitor\n"
		     "  mode: enforce\n"
		     "  \"mode\": monitor\n"
		     "  services:\n"
		     "    - {name: a, name: b, ports: [80]}\n",
	 -EINVAL,
	 "p:6:3: error: duplicate key \"mode\"\n"
	 "    hint: it is first given in line 5\n"
	 "p:7:3: error: duplicate key \"mode\"\n"
	 "    hint: it is first given in line 5\n"
	 "p:9:17: error: duplicate key \"name\"\n"
	 "    hint: it is first given in line 9\n"},
	{"merge_keys",
	 POLICY_HEAD "  classes:\n"
		     "    a: &a {limit: 1/1s}\n"
		     "    b: {<<: *a, limit: 2/1s}\n" POLICY_SERVICE,
	 -EINVAL,
	 "p:7:9: error: merge keys (<<) are not read (at spec.classes.b)\n"
	 "    hint: write the keys out\n"},
	{"syntax_empty", "", -EINVAL,
	 "p: error: the document is empty\n"
	 "    hint: begin with apiVersion: glacis.dev/v1alpha1\n"},
	{"syntax_only_a_comment", "# nothing\n", -EINVAL,
	 "p: error: the document is empty\n"
	 "    hint: begin with apiVersion: glacis.dev/v1alpha1\n"},
	{"syntax_null", "---\n", -EINVAL,
	 "p:2:1: error: expected a map (a policy), got nothing\n"
	 "    hint: give it a value, or remove the key\n"},
	{"syntax_a_scalar", "policy\n", -EINVAL,
	 "p:1:1: error: expected a map (a policy), got the string \"policy\"\n"},
	{"syntax_a_list", "- 1\n", -EINVAL,
	 "p:1:1: error: expected a map (a policy), got a list\n"},
	{"syntax_unquoted_star",
	 POLICY_HEAD "  services:\n"
		     "    - {name: a, ports: [80], operations: [{match: * /api, class: c}]}\n",
	 -EINVAL,
	 "p:6:52: error: did not find expected alphabetic or numeric character while scanning an "
	 "alias that begins in line 6\n"
	 "    hint: quote a value that begins with \"*\", as in match: \"* /api/**\"\n"},
	{"syntax_unquoted_brace",
	 POLICY_HEAD "  services:\n"
		     "    - {name: a, ports: [80], operations: [{match: GET /u/{id}, class: c}]}\n",
	 -EINVAL,
	 "p:6:58: error: did not find expected ',' or '}' while parsing a flow mapping that begins "
	 "in line 6\n"
	 "    hint: quote values that contain { } [ ] or a comma; is a bracket left open?\n"},
	{"syntax_tab_indent",
	 "spec:\n"
	 "\tservices: []\n",
	 -EINVAL,
	 "p:2:1: error: found character that cannot start any token while scanning for the next "
	 "token that begins in line 2\n"
	 "    hint: indent with spaces, not tabs; quote a value that begins with @, % or `\n"},
	{"syntax_wrong_indent",
	 "kind: ApiPolicy\n"
	 " spec: {}\n",
	 -EINVAL,
	 "p:2:6: error: mapping values are not allowed in this context\n"
	 "    hint: quote a value that contains \": \"; check the indentation\n"},
	{"syntax_open_quote",
	 "kind: \"ApiPolicy\n"
	 "spec: {}\n",
	 -EINVAL,
	 "p:3:1: error: found unexpected end of stream while scanning a quoted scalar that begins "
	 "in line 1\n"
	 "    hint: a quote is left open\n"},
	{"syntax_open_bracket", "kind: [ApiPolicy\n", -EINVAL,
	 "p:2:1: error: did not find expected ',' or ']' while parsing a flow sequence that begins "
	 "in line 1\n"
	 "    hint: quote values that contain { } [ ] or a comma; is a bracket left open?\n"},
	{"syntax_missing_colon",
	 "kind ApiPolicy\n"
	 "spec: {}\n",
	 -EINVAL,
	 "p:2:5: error: mapping values are not allowed in this context\n"
	 "    hint: quote a value that contains \": \"; check the indentation\n"},
	{"syntax_colon_in_value", "kind: a: b\n", -EINVAL,
	 "p:1:8: error: mapping values are not allowed in this context\n"
	 "    hint: quote a value that contains \": \"; check the indentation\n"},
	{"syntax_at_sign", "kind: @x\n", -EINVAL,
	 "p:1:7: error: found character that cannot start any token while scanning for the next "
	 "token that begins in line 1\n"
	 "    hint: indent with spaces, not tabs; quote a value that begins with @, % or `\n"},
	{"syntax_percent", "kind: %x\n", -EINVAL,
	 "p:1:7: error: found character that cannot start any token while scanning for the next "
	 "token that begins in line 1\n"
	 "    hint: indent with spaces, not tabs; quote a value that begins with @, % or `\n"},
	{"syntax_anchor_sign", "kind: & x\n", -EINVAL,
	 "p:1:8: error: did not find expected alphabetic or numeric character while scanning an "
	 "anchor that begins in line 1\n"
	 "    hint: quote a value that begins with \"&\"\n"},
	{"syntax_complex_key",
	 "? [a]\n"
	 ": b\n",
	 -EINVAL,
	 "p:1:3: error: a list cannot be a key\n"
	 "    hint: write the key as text\n"},
	{"syntax_alias_key",
	 "a: &k b\n"
	 "*k : c\n",
	 -EINVAL,
	 "p:2:1: error: an alias cannot be a key\n"
	 "    hint: write the key as text\n"},
	{"syntax_unknown_alias", "kind: *b\n", -EINVAL,
	 "p:1:7: error: alias \"b\" names no anchor\n"
	 "    hint: quote a value that begins with \"*\"\n"},
	{"syntax_recursive_alias", "a: &a [*a]\n", -EINVAL,
	 "p:1:8: error: alias \"a\" stands inside its own anchor\n"},
	{"syntax_tag_directive",
	 "# x\n"
	 "%TAG ! tag:x,2000:\n"
	 "---\n"
	 "a: b\n",
	 -EINVAL,
	 "p:2:1: error: %TAG directives are not accepted\n"
	 "    hint: remove the line\n"},
	{"syntax_truncated_json", "{\"kind\": \"ApiPolicy\", \"spec\": {", -EINVAL,
	 "p:2:1: error: did not find expected node content while parsing a flow node that begins "
	 "in line 2\n"
	 "    hint: quote values that contain { } [ ] or a comma; is a bracket left open?\n"},
	{"documents",
	 POLICY_HEAD "  services: [{name: a, ports: [80]}]\n"
		     "---\n"
		     "kind: Other\n"
		     "...\n",
	 -EINVAL,
	 "p:6:1: error: a second document begins here\n"
	 "    hint: one policy per file: remove what follows \"---\"\n"},
	{"tags",
	 POLICY_HEAD "  mode: !!str monitor\n"
		     "  services: !!seq [!!map {name: !!str a, ports: [!!int \"80\", !port 81]}]\n"
		     "  exempt: !!set [10.0.0.0/8]\n"
		     "  syn: !!str {perSource: 200/s}\n",
	 -EINVAL,
	 "p:6:62: error: tag \"!port\" is not accepted here\n"
	 "    hint: remove the tag\n"
	 "p:7:11: error: tag \"tag:yaml.org,2002:set\" is not accepted here\n"
	 "    hint: remove the tag\n"
	 "p:8:3: warning: \"syn\" is accepted, not enforced by this version (at spec.syn)\n"
	 "p:8:8: error: tag \"tag:yaml.org,2002:str\" is not accepted here\n"
	 "    hint: remove the tag\n"},
	{"tagged_string_is_no_number", POLICY_HEAD "  services: [{name: a, ports: [!!str 80]}]\n",
	 -EINVAL,
	 "p:5:32: error: expected a whole number from 1 to 65535, got the string \"80\" (at "
	 "spec.services[0].ports[0])\n"
	 "    hint: remove the quotes\n"},
	{"terminal",
	 "\"\\e[31mred\\u202e\\x9b\": 1\n"
	 "kind: \"\\e]0;x\\a\\x7f\"\n"
	 "apiVersion: \"a very long text that is cut somewhere before its end is reached, ä\"\n",
	 -EINVAL,
	 "p:1:1: error: unknown key \"\\x1b[31mred\\u202e\\x9b\"\n"
	 "    hint: a policy has apiVersion, kind, metadata, spec\n"
	 "p:1:1: error: a policy needs the key \"metadata\"\n"
	 "p:1:1: error: a policy needs the key \"spec\"\n"
	 "p:2:7: error: expected ApiPolicy, got \"\\x1b]0;x\\x07\\x7f\" (at kind)\n"
	 "p:3:13: error: expected glacis.dev/v1alpha1, got \"a very long text that is cut "
	 "somewhere before its end is reache…\" (at apiVersion)\n"},
	{"escaped_nul", "kind: \"a\\0b\"\n", -EINVAL,
	 "p:1:1: error: a policy needs the key \"apiVersion\"\n"
	 "p:1:1: error: a policy needs the key \"metadata\"\n"
	 "p:1:1: error: a policy needs the key \"spec\"\n"
	 "p:1:7: error: a value contains a NUL character\n"
	 "    hint: remove the \\0\n"
	 "p:1:7: error: expected ApiPolicy, got \"a\" (at kind)\n"},
};

static void test_not_text(void **state)
{
	static const char nul[] = "kind: A\nspec\0: {}\n", utf16[] = "\xff\xfe{\0}\0",
			  bad[] = "kind: \"\xc3\xa4\xff\"\n", overlong[] = "a:\n - \"\xc0\xaf\"\n",
			  surrogate[] = "\xed\xa0\x80", control[] = "kind: \"a\x01\"\n";

	(void)state;
#define SAID(bytes, text) policy_assert_said(bytes, sizeof(bytes) - 1, -EINVAL, text)
	SAID(nul, "p:2:5: error: a NUL byte\n"
		  "    hint: is it UTF-16, or no text at all? save it as UTF-8\n");
	SAID(utf16, "p:1:4: error: a NUL byte\n"
		    "    hint: is it UTF-16, or no text at all? save it as UTF-8\n");
	SAID(bad, "p:1:9: error: invalid leading UTF-8 octet\n    hint: save the file as UTF-8\n");
	SAID(overlong, "p:2:5: error: invalid length of a UTF-8 sequence\n    hint: save the file "
		       "as UTF-8\n");
	SAID(surrogate, "p:1:1: error: invalid Unicode character\n");
	SAID(control, "p:1:9: error: control characters are not allowed\n");
#undef SAID
}

/* A byte order mark, a directive, other line ends and tags that fit change nothing. */
static void test_accepted_forms(void **state)
{
	static const char *const documents[] = {
		"\xef\xbb\xbf" POLICY_HEAD POLICY_SERVICE,
		"%YAML 1.2\n---\n" POLICY_HEAD POLICY_SERVICE "...\n",
		"apiVersion: glacis.dev/v1alpha1\r\nkind: ApiPolicy\r\nmetadata: {name: p}\r\n"
		"spec:\r\n  services: [{name: a, ports: [80]}]\r\n",
		"!!map\napiVersion: !!str glacis.dev/v1alpha1\nkind: !!str ApiPolicy\nmetadata: "
		"{name: p}\nspec: {services: !!seq [{name: a, ports: [!!int \"80\"]}]}\n",
		"\"apiVersion\": 'glacis.dev/v1alpha1'\nkind: >-\n  ApiPolicy\nmetadata: "
		"{\"name\": "
		"\"\\x70\"}\nspec: {services: [{name: a, ports: [80]}]}",
		"{\"apiVersion\":\"glacis.dev\\/v1alpha1\",\"kind\":\"ApiPolicy\",\n\t\"metadata\":"
		"{\"name\":\"p\"},\"spec\":{\"services\":[{\"name\":\"a\",\"ports\":[80]}]}}",
		"&doc\napiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: &m {name: &p "
		"p}\n"
		"spec: {services: [{name: a, ports: &ports [&port 80]}]}\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(documents); i++) {
		struct policy *policy = policy_assert_good(documents[i]);

		assert_string_equal(policy->name, "p");
		assert_string_equal(policy->services[0].name, "a");
		assert_int_equal(policy->services[0].ports[0], 80);
		policy_free(policy);
	}
}

static bool prefix_same(const struct policy_cidr *a, const struct policy_cidr *b)
{
	return a->len == b->len && !memcmp(&a->addr, &b->addr, sizeof(a->addr));
}

/* An alias is what it stands for; its place is where it stands. */
static void test_aliases(void **state)
{
	static const char good[] = POLICY_HEAD "  exempt: &nets [10.0.0.0/8, 192.0.2.1]\n"
					       "  protect: {never: *nets}\n"
					       "  classes: {a: &l {limit: &n 7/1m}, b: *l, "
					       "c: {limit: *n}}\n" POLICY_SERVICE;
	static const char bad[] = POLICY_HEAD "  services:\n"
					      "    - {name: a, ports: &p [80, 0]}\n"
					      "    - {name: b, ports: *p}\n"
					      "    - {name: &n c, ports: [81], mode: *n}\n";
	struct policy *policy = policy_assert_good(good);

	(void)state;
	assert_int_equal(policy->protect_never.n, 2);
	for (size_t i = 0; i < 2; i++)
		assert_true(prefix_same(&policy->protect_never.items[i], &policy->exempt.items[i]));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(policy->classes[i].limit, 7);
	policy_free(policy);
	policy_assert_said(bad, strlen(bad), -EINVAL,
			   "p:6:28: error: port 80 is used twice (at spec.services[1].ports[0])\n"
			   "    hint: it is first used in line 6 by \"a\"\n"
			   "p:6:32: error: port 0 is out of range (at spec.services[0].ports[1])\n"
			   "    hint: use 1 to 65535\n"
			   "p:6:32: error: port 0 is out of range (at spec.services[1].ports[1])\n"
			   "    hint: use 1 to 65535\n"
			   "p:8:39: error: expected monitor or enforce, got \"c\" (at "
			   "spec.services[2].mode)\n");
}

static const struct CMUnitTest own[] = {
	cmocka_unit_test(test_not_text),
	cmocka_unit_test(test_accepted_forms),
	cmocka_unit_test(test_aliases),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(cases) + ARRAY_SIZE(own)];
	size_t n = policy_add_cases(tests, 0, cases, ARRAY_SIZE(cases));

	memcpy(tests + n, own, sizeof(own));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
