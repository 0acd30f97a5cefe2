/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_policy_read.c - documents that are right: every field of the model, every default, and that
 * JSON and YAML are one.
 */
#include "tests/unit/policy_text.h"

#include <jansson.h>
#include <unistd.h>

static const char everything[] =
	"apiVersion: glacis.dev/v1alpha1\n" /* line 1 */
	"kind: ApiPolicy\n"
	"metadata: {name: shop, namespace: prod, labels: {team: \"\"}, annotations: {a/b: c}}\n"
	"spec:\n"
	"  services:\n" /* line 5: before the classes it names */
	"    - name: a.b_c-d\n"
	"      ports: [1, 65535]\n"
	"      mode: monitor\n"
	"      trustedProxies: [10.0.0.0/8]\n"
	"      ambiguousPath: judge\n" /* line 10 */
	"      caseInsensitive: true\n"
	"      http2: allow\n"
	"      unknownOperation: refuse\n"
	"      defaultClass: own\n"
	"      auth: required\n" /* line 15 */
	"      operations:\n"
	"        - {match: \"POST /a/{b}/{c:int}/{d:uuid}/*/**/e\", class: auth, auth: none}\n"
	"        - match: GET /\n"
	"          auth: [bearer, cookie]\n"
	"          tags: [admin, x y]\n" /* line 20 */
	"          sources: [10.1.0.0/16, \"2001:db8::/32\"]\n"
	"          mode: monitor\n"
	"        - {match: \"* /**\", class: general, auth: [apiKey]}\n"
	"        - {match: \"* /none\"}\n"
	"    - {name: b, ports: [80]}\n" /* line 25 */
	"  mode: enforce\n"
	"  credentials: {apiKeyHeaders: [X-Api-Key, X-Token], sessionCookies: [SID]}\n"
	"  classes:\n"
	"    general: {limit: 100/15m, per: auto}\n"
	"    auth: {limit: 5/30s, per: source, mode: monitor}\n" /* line 30 */
	"    own: {limit: 10/1h, per: principal, sourceCeiling: 10}\n"
	"    health:\n"
	"      exempt: true\n"
	"      match:\n"
	"        - GET /healthz\n" /* line 35 */
	"        - \"* /ready/**\"\n"
	"    both: {limit: 7/2d, exempt: true}\n"
	"  exempt: [10.244.0.0/16]\n"
	"  protect: {never: [10.0.0.1, 10.0.0.2]}\n"
	"  syn: {perSource: 200/s}\n" /* line 40 */
	"  escalate: {refusals: 50, per: 1m, ban: 2m, growth: 3, max: 4h}\n"
	"  responses: {secrets: block, stackTraces: detect, forbiddenFields: [password_hash]}\n"
	"  alerts:\n"
	"    authFailures: {atLeast: 5, per: 1m}\n"
	"    forbidden: {atLeast: 10, per: 2m}\n" /* line 45 */
	"    serverErrors: {atLeast: 1, per: 3m}\n"
	"  containment: {auto: [P1, P4], maxBansPerMinute: 0, ttl: 30d}\n"
	"  outgoing: record\n";

/* Keys nothing acts on are warned about, and nothing else is said. */
static struct policy *read_everything(const char *text, size_t size)
{
	struct policy *policy = NULL;
	struct problems problems;

	assert_int_equal(problems_init(&problems, "p"), 0);
	assert_int_equal(policy_read(text, size, "shop.yaml", &problems, &policy), 0);
	assert_int_equal(problems.errors, 0);
	assert_int_equal(problems.n, 1);
	for (size_t i = 0; i < problems.n; i++)
		assert_int_equal(problems.items[i].severity, PROBLEM_WARNING);
	problems_clear(&problems);
	return policy;
}

static void assert_cidr(const struct policy_cidr *cidr, const char *hex, unsigned len)
{
	char bytes[33];

	for (unsigned i = 0; i < 16; i++)
		snprintf(bytes + 2 * i, 3, "%02x", cidr->addr.b[i]);
	assert_string_equal(bytes, hex);
	assert_int_equal(cidr->len, len);
}

static void assert_pos(struct policy_pos pos, unsigned line, unsigned column)
{
	assert_int_equal(pos.line, line);
	assert_int_equal(pos.column, column);
}

static void assert_strings(const struct policy_strings *strings, size_t n, const char *first,
			   const char *last)
{
	assert_int_equal(strings->n, n);
	assert_string_equal(strings->items[0], first);
	assert_string_equal(strings->items[n - 1], last);
}

static void test_spec(void **state)
{
	struct policy *policy = read_everything(everything, strlen(everything));

	(void)state;
	assert_string_equal(policy->name, "shop");
	assert_string_equal(policy->file, "shop.yaml");
	assert_int_equal(policy->mode, GL_MODE_ENFORCE);
	assert_true(policy->outgoing);
	assert_int_equal(policy->n_services, 2);
	assert_int_equal(policy->n_classes, 5);
	assert_int_equal(policy->exempt.n, 1);
	assert_cidr(&policy->exempt.items[0], "00000000000000000000ffff0af40000", 112);
	assert_int_equal(policy->protect_never.n, 2);
	assert_cidr(&policy->protect_never.items[1], "00000000000000000000ffff0a000002", 128);
	assert_strings(&policy->api_key_headers, 2, "x-api-key", "x-token");
	assert_strings(&policy->session_cookies, 1, "sid", "sid");
	assert_int_equal(policy->syn_per_source_s, 200);
	assert_true(policy->escalate.enabled);
	assert_int_equal(policy->escalate.refusals, 50);
	assert_int_equal(policy->escalate.per_s, 60);
	assert_int_equal(policy->escalate.ban_s, 120);
	assert_int_equal(policy->escalate.growth, 3);
	assert_int_equal(policy->escalate.max_s, 14400);
	assert_int_equal(policy->responses.secrets, POLICY_RESPONSE_BLOCK);
	assert_int_equal(policy->responses.stack_traces, POLICY_RESPONSE_DETECT);
	assert_strings(&policy->responses.forbidden_fields, 1, "password_hash", "password_hash");
	assert_true(policy->auth_failures.enabled && policy->forbidden.enabled &&
		    policy->server_errors.enabled);
	assert_int_equal(policy->auth_failures.at_least, 5);
	assert_int_equal(policy->auth_failures.per_s, 60);
	assert_int_equal(policy->auth_failures.per_operation, 50);
	assert_int_equal(policy->forbidden.at_least, 10);
	assert_int_equal(policy->forbidden.per_s, 120);
	assert_int_equal(policy->server_errors.at_least, 1);
	assert_int_equal(policy->server_errors.per_s, 180);
	assert_strings(&policy->containment_auto, 2, "P1", "P4");
	assert_int_equal(policy->containment_max_bans_per_minute, 0);
	assert_int_equal(policy->containment_ttl_s, 30 * 86400);
	policy_free(policy);
}

static void test_services(void **state)
{
	struct policy *policy = read_everything(everything, strlen(everything));
	const struct policy_service *a = &policy->services[0], *b = &policy->services[1];

	(void)state;
	assert_pos(a->pos, 6, 7);
	assert_string_equal(a->name, "a.b_c-d");
	assert_int_equal(a->n_ports, 2);
	assert_int_equal(a->ports[0], 1);
	assert_int_equal(a->ports[1], 65535);
	assert_int_equal(a->mode, GL_MODE_MONITOR);
	assert_int_equal(a->trusted_proxies.n, 1);
	assert_cidr(&a->trusted_proxies.items[0], "00000000000000000000ffff0a000000", 104);
	assert_false(a->ambiguous_refuse);
	assert_true(a->fold_case);
	assert_int_equal(a->http2, POLICY_HTTP2_ALLOW);
	assert_int_equal(a->responses.secrets, POLICY_RESPONSE_BLOCK);
	assert_int_equal(a->responses.forbidden_fields.n, 1);
	assert_int_equal(a->inspect.bodies, POLICY_BODIES_FIRST);
	assert_int_equal(a->inspect.max_bytes, 65536);
	assert_true(a->inspect.tls);
	assert_true(a->unknown_refuse);
	assert_string_equal(a->default_class, "own");
	assert_int_equal(a->default_auth, GL_CRED_ANY);
	assert_int_equal(a->n_operations, 4);
	/* what a service that says nothing gets */
	assert_pos(b->pos, 25, 7);
	assert_int_equal(b->mode, GL_MODE_ENFORCE);
	assert_int_equal(b->trusted_proxies.n, 0);
	assert_true(b->ambiguous_refuse);
	assert_false(b->fold_case);
	assert_int_equal(b->http2, POLICY_HTTP2_REFUSE);
	assert_false(b->unknown_refuse);
	assert_string_equal(b->default_class, "general");
	assert_int_equal(b->default_auth, GL_CRED_NONE);
	assert_int_equal(b->n_operations, 0);
	policy_free(policy);
}

static void test_operations(void **state)
{
	struct policy *policy = read_everything(everything, strlen(everything));
	const struct policy_operation *o = policy->services[0].operations;

	(void)state;
	assert_pos(o[0].pos, 17, 11);
	assert_string_equal(o[0].match, "POST /a/{b}/{c:int}/{d:uuid}/*/**/e");
	assert_string_equal(o[0].cls, "auth");
	assert_int_equal(o[0].auth, GL_CRED_NONE);
	assert_int_equal(o[0].tags.n, 0);
	assert_int_equal(o[0].sources.n, 0);
	assert_int_equal(o[0].mode, POLICY_MODE_INHERIT);
	assert_pos(o[1].pos, 18, 11);
	assert_string_equal(o[1].match, "GET /");
	assert_string_equal(o[1].cls, "own"); /* the service's default */
	assert_int_equal(o[1].auth, GL_CRED_AUTHORIZATION | GL_CRED_COOKIE);
	assert_strings(&o[1].tags, 2, "admin", "x y");
	assert_int_equal(o[1].sources.n, 2);
	assert_cidr(&o[1].sources.items[0], "00000000000000000000ffff0a010000", 112);
	assert_cidr(&o[1].sources.items[1], "20010db8000000000000000000000000", 32);
	assert_int_equal(o[1].mode, POLICY_MODE_MONITOR);
	assert_pos(o[2].pos, 23, 11);
	assert_int_equal(o[2].auth, GL_CRED_API_KEY);
	assert_string_equal(o[3].cls, "own");
	assert_int_equal(o[3].auth, GL_CRED_ANY); /* the service's auth: required */
	policy_free(policy);
}

static void test_classes(void **state)
{
	struct policy *policy = read_everything(everything, strlen(everything));
	const struct policy_class *c = policy->classes;
	static const struct {
		const char *name;
		uint32_t limit, window_s, ceiling;
		enum policy_count_by by;
		enum policy_mode_rule mode;
		bool exempt;
		size_t matches;
	} expected[] = {
		{"general", 100, 900, 2000, POLICY_COUNT_AUTO, POLICY_MODE_INHERIT, false, 0},
		{"auth", 5, 30, 100, POLICY_COUNT_SOURCE, POLICY_MODE_MONITOR, false, 0},
		{"own", 10, 3600, 10, POLICY_COUNT_PRINCIPAL, POLICY_MODE_INHERIT, false, 0},
		{"health", 0, 60, 0, POLICY_COUNT_AUTO, POLICY_MODE_INHERIT, true, 2},
		{"both", 7, 172800, 140, POLICY_COUNT_AUTO, POLICY_MODE_INHERIT, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_string_equal(c[i].name, expected[i].name);
		assert_int_equal(c[i].limit, expected[i].limit);
		assert_int_equal(c[i].window_s, expected[i].window_s);
		assert_int_equal(c[i].source_ceiling, expected[i].ceiling);
		assert_int_equal(c[i].count_by, expected[i].by);
		assert_int_equal(c[i].mode, expected[i].mode);
		assert_int_equal(c[i].exempt, expected[i].exempt);
		assert_int_equal(c[i].match.n, expected[i].matches);
	}
	assert_pos(c[0].pos, 29, 5);
	assert_pos(c[4].pos, 37, 5);
	assert_string_equal(c[3].match.items[0], "GET /healthz");
	assert_string_equal(c[3].match.items[1], "* /ready/**");
	assert_pos(c[3].match_pos[0], 35, 11);
	assert_pos(c[3].match_pos[1], 36, 11);
	policy_free(policy);
}

static void test_defaults(void **state)
{
	struct policy *policy = policy_assert_good(POLICY_HEAD POLICY_SERVICE);

	(void)state;
	assert_int_equal(policy->mode, GL_MODE_MONITOR);
	assert_int_equal(policy->services[0].mode, GL_MODE_MONITOR);
	assert_null(policy->services[0].default_class); /* there is no general */
	assert_int_equal(policy->n_classes, 0);
	assert_strings(&policy->api_key_headers, 1, "x-api-key", "x-api-key");
	assert_int_equal(policy->session_cookies.n, 0);
	assert_false(policy->outgoing);
	assert_int_equal(policy->exempt.n, 0);
	assert_int_equal(policy->protect_never.n, 0);
	assert_int_equal(policy->syn_per_source_s, 0);
	assert_false(policy->escalate.enabled);
	assert_int_equal(policy->responses.secrets, POLICY_RESPONSE_OFF);
	assert_int_equal(policy->responses.stack_traces, POLICY_RESPONSE_OFF);
	assert_int_equal(policy->responses.forbidden_fields.n, 0);
	assert_false(policy->auth_failures.enabled || policy->forbidden.enabled ||
		     policy->server_errors.enabled);
	assert_int_equal(policy->containment_auto.n, 0);
	assert_int_equal(policy->containment_max_bans_per_minute, 60);
	assert_int_equal(policy->containment_ttl_s, 3600);
	policy_free(policy);
}

/* growth and max have defaults of their own; max is never below ban. */
static void test_escalate_defaults(void **state)
{
	static const struct {
		const char *ban;
		uint32_t max_s;
	} rows[] = {{"1m", 3600}, {"1h", 3600}, {"2h", 7200}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy *policy = NULL;
		struct problems problems;
		char text[256];

		snprintf(text, sizeof(text),
			 POLICY_HEAD "  escalate: {refusals: 1, per: 1m, ban: %s}\n" POLICY_SERVICE,
			 rows[i].ban);
		assert_int_equal(problems_init(&problems, "p"), 0);
		assert_int_equal(policy_read(text, strlen(text), "p", &problems, &policy), 0);
		assert_int_equal(policy->escalate.growth, 2);
		assert_int_equal(policy->escalate.max_s, rows[i].max_s);
		policy_free(policy);
		problems_clear(&problems);
	}
}

/* An empty list of headers is "none", not the default. */
static void test_no_api_key_headers(void **state)
{
	struct policy *policy = policy_assert_good(
		POLICY_HEAD "  credentials: {apiKeyHeaders: []}\n" POLICY_SERVICE);

	(void)state;
	assert_int_equal(policy->api_key_headers.n, 0);
	policy_free(policy);
}

/* Everything of a service and its operations as one line, places left out. */
static void print_service(FILE *out, const struct policy_service *s)
{
	fprintf(out, "service %s %u %d%d%d%d %s %u:", s->name, s->mode, s->ambiguous_refuse,
		s->fold_case, s->http2, s->unknown_refuse, s->default_class, s->default_auth);
	for (size_t i = 0; i < s->n_ports; i++)
		fprintf(out, " %u", s->ports[i]);
	for (size_t i = 0; i < s->n_operations; i++) {
		const struct policy_operation *o = &s->operations[i];

		fprintf(out, "; %s %s %u %u", o->match, o->cls, o->auth, o->mode);
		for (size_t k = 0; k < o->tags.n; k++)
			fprintf(out, " %s", o->tags.items[k]);
		for (size_t k = 0; k < o->sources.n; k++)
			fprintf(out, " %u/%u", o->sources.items[k].addr.b[13],
				o->sources.items[k].len);
	}
	fputc('\n', out);
}

static char *print_policy(const struct policy *p)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(out, "%s %u %d %zu %zu %s %s %u\n", p->name, p->mode, p->outgoing, p->exempt.n,
		p->protect_never.n, p->api_key_headers.items[1], p->session_cookies.items[0],
		p->syn_per_source_s);
	fprintf(out, "%u %u %u %u %u\n", p->escalate.refusals, p->escalate.per_s, p->escalate.ban_s,
		p->escalate.growth, p->escalate.max_s);
	fprintf(out, "%u %u %s %u %u %u %s %u %u\n", p->responses.secrets,
		p->responses.stack_traces, p->responses.forbidden_fields.items[0],
		p->auth_failures.at_least, p->forbidden.per_s, p->server_errors.per_s,
		p->containment_auto.items[1], p->containment_max_bans_per_minute,
		p->containment_ttl_s);
	for (size_t i = 0; i < p->n_services; i++)
		print_service(out, &p->services[i]);
	for (size_t i = 0; i < p->n_classes; i++)
		fprintf(out, "class %s %u %u %u %u %u %d %zu %s\n", p->classes[i].name,
			p->classes[i].limit, p->classes[i].window_s, p->classes[i].source_ceiling,
			p->classes[i].count_by, p->classes[i].mode, p->classes[i].exempt,
			p->classes[i].match.n,
			p->classes[i].match.n ? p->classes[i].match.items[0] : "-");
	fclose(out);
	return text;
}

static const char everything_json[] =
	"{\"spec\": {\"services\": [{\"name\": \"a.b_c-d\", \"ports\": [1, 65535], \"mode\": "
	"\"monitor\", \"trustedProxies\": [\"10.0.0.0/8\"], \"ambiguousPath\": \"judge\","
	"\"caseInsensitive\": true, \"http2\": \"allow\", \"unknownOperation\": \"refuse\","
	"\"defaultClass\": \"own\", \"auth\": \"required\", \"operations\": ["
	"{\"match\": \"POST /a/{b}/{c:int}/{d:uuid}/*/**/e\", \"class\": \"auth\", \"auth\": "
	"\"none\"}, {\"match\": \"GET /\", \"auth\": [\"bearer\", \"cookie\"], \"tags\": "
	"[\"admin\", \"x y\"], \"sources\": [\"10.1.0.0/16\", \"2001:db8::/32\"], \"mode\": "
	"\"monitor\"}, {\"match\": \"* /**\", \"class\": \"general\", \"auth\": [\"apiKey\"]}, "
	"{\"match\": \"* /none\"}]}, {\"name\": \"b\", \"ports\": [80]}], \"mode\": \"enforce\", "
	"\"credentials\": {\"apiKeyHeaders\": [\"X-Api-Key\", \"X-Token\"], \"sessionCookies\": "
	"[\"SID\"]}, \"classes\": {\"general\": {\"limit\": \"100/15m\", \"per\": \"auto\"}, "
	"\"auth\": {\"limit\": \"5/30s\", \"per\": \"source\", \"mode\": \"monitor\"}, \"own\": "
	"{\"limit\": \"10/1h\", \"per\": \"principal\", \"sourceCeiling\": 10}, \"health\": "
	"{\"exempt\": true, \"match\": [\"GET /healthz\", \"* /ready/**\"]}, \"both\": {\"limit\": "
	"\"7/2d\", \"exempt\": true}}, \"exempt\": [\"10.244.0.0/16\"], \"protect\": {\"never\": "
	"[\"10.0.0.1\", \"10.0.0.2\"]}, \"syn\": {\"perSource\": \"200/s\"}, \"escalate\": "
	"{\"refusals\": 50, \"per\": \"1m\", \"ban\": \"2m\", \"growth\": 3, \"max\": \"4h\"}, "
	"\"responses\": {\"secrets\": \"block\", \"stackTraces\": \"detect\", \"forbiddenFields\": "
	"[\"password_hash\"]}, \"alerts\": {\"authFailures\": {\"atLeast\": 5, \"per\": \"1m\"}, "
	"\"forbidden\": {\"atLeast\": 10, \"per\": \"2m\"}, \"serverErrors\": {\"atLeast\": 1, "
	"\"per\": \"3m\"}}, \"containment\": {\"auto\": [\"P1\", \"P4\"], \"maxBansPerMinute\": 0, "
	"\"ttl\": \"30d\"}, \"outgoing\": \"record\"}, \"metadata\": {\"name\": \"shop\"}, "
	"\"kind\": \"ApiPolicy\", "
	"\"apiVersion\": \"glacis.dev/v1alpha1\"}";

/* Compact, indented and escaped as jansson writes it: one model. */
static void test_json_is_yaml(void **state)
{
	static const size_t forms[] = {JSON_COMPACT, JSON_INDENT(4), JSON_ENSURE_ASCII,
				       JSON_ESCAPE_SLASH};
	struct policy *yaml = read_everything(everything, strlen(everything));
	_cleanup_free_ char *expected = print_policy(yaml);
	json_t *json = json_loads(everything_json, 0, NULL);

	(void)state;
	assert_non_null(json);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_free_ char *text = json_dumps(json, forms[i]);
		struct policy *policy = read_everything(text, strlen(text));
		_cleanup_free_ char *got = print_policy(policy);

		assert_string_equal(got, expected);
		policy_free(policy);
	}
	json_decref(json);
	policy_free(yaml);
}

static void assert_file_said(const char *path, int result, const char *expected)
{
	_cleanup_free_ char *said = NULL;
	struct policy *policy = NULL;
	struct problems problems;

	assert_int_equal(problems_init(&problems, path), 0);
	assert_int_equal(policy_read_file(path, &problems, &policy), result);
	said = policy_problems_text(&problems);
	assert_string_equal(said, expected);
	assert_int_equal(result == 0, policy != NULL);
	if (policy)
		assert_string_equal(policy->file, path);
	policy_free(policy);
	problems_clear(&problems);
}

static void test_files(void **state)
{
	static const char good[] = POLICY_HEAD POLICY_SERVICE;
	char path[] = "/tmp/glacis-policy-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, good, strlen(good)), strlen(good));
	assert_file_said(path, 0, "");
	assert_int_equal(ftruncate(fd, POLICY_SOURCE_MAX + 1), 0);
	close(fd);
	{
		_cleanup_free_ char *expected = NULL;

		assert_true(asprintf(&expected,
				     "%s: error: the document has more than 4194304 bytes\n",
				     path) > 0);
		assert_file_said(path, -EFBIG, expected);
	}
	unlink(path);
	assert_file_said("/nonexistent/p.yaml", -ENOENT,
			 "/nonexistent/p.yaml: error: cannot be read: No such file or directory\n");
	assert_file_said("/tmp", -EISDIR, "/tmp: error: cannot be read: Is a directory\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spec),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_escalate_defaults),
		cmocka_unit_test(test_no_api_key_headers),
		cmocka_unit_test(test_json_is_yaml),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
