/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_api.c - the control API on a kernel side in memory: who may do what, every route's refusals,
 * pages, and that explain and limits say what the judge does.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "include/glacis/admit.h"
#include "tests/unit/fake_keeper.h"
#include "user/api/api.h"

/* --- asking ------------------------------------------------------------------------------------
 */
enum who { ROOT, READER, STRANGER };

/* query: "name=value&..." with plain values; body: JSON, or NULL. Returns the status. */
static int ask(enum who who, const char *method, const char *path, const char *query,
	       const char *body)
{
	json_t *parameters = json_object(), *json = body ? json_loads(body, 0, NULL) : json_null();
	unsigned before = got.replies;
	char copy[256], *save = NULL;
	json_t *request;

	snprintf(copy, sizeof(copy), "%s", query ? query : "");
	for (char *pair = strtok_r(copy, "&", &save); pair; pair = strtok_r(NULL, "&", &save)) {
		char *equals = strchr(pair, '=');

		*equals = '\0';
		json_object_set_new(parameters, pair, json_string(equals + 1));
	}
	assert_non_null(json);
	request = json_pack("{s:i, s:s, s:s, s:o, s:o, s:{s:i, s:i, s:i, s:b}}", "id", 1, "method",
			    method, "path", path, "query", parameters, "body", json, "peer", "uid",
			    who == ROOT ? 0 : 1000, "gid", 0, "pid", (int)getpid(), "reader",
			    who != STRANGER);
	got.kind[0] = got.allow[0] = '\0';
	api_handle(request, NULL, &keeper);
	json_decref(request);
	assert_int_equal(got.replies, before + 1); /* exactly one answer, always */
	return got.status;
}

static const json_t *member(const char *name)
{
	const json_t *value = json_object_get(got.body, name);

	if (!value)
		fail_msg("the answer has no '%s'", name);
	return value;
}

static const char *text(const char *name)
{
	return json_string_value(member(name));
}

static json_int_t number(const char *name)
{
	return json_integer_value(member(name));
}

/* What the wire door does with a request of this source to an operation with this class. */
static void admit_some(const char *source, const char *cls, unsigned n)
{
	const struct gl_policy *image = kern_policy(keeper.kern);
	struct admit_tables tables = {
		.windows = keeper.kern->windows,
		.proven = keeper.kern->proven,
		.decisions = {.slots = keeper.kern->bans, .n = FAKE_BAN_SLOTS},
		.window_lines = FAKE_WINDOW_LINES,
	};
	struct admit_head head = {.outcome = GL_OUTCOME_OK};
	struct admit_verdict verdict;

	assert_int_equal(addr_parse(source, &head.source), 0);
	for (uint32_t op = 1; op <= image->n_ops; op++) {
		uint16_t id = image->ops[op].cls < GL_CLASSES_MAX
				      ? image->classes[image->ops[op].cls].id
				      : 0;
		const char *name = intern_name(apply_intern(keeper.apply), INTERN_CLASS, id);

		if (name && strcmp(name, cls) == 0 && !image->ops[op].auth &&
		    image->ops[op].net_set == GL_NET_SET_ANY)
			head.op = op;
	}
	assert_int_not_equal(head.op, 0);
	while (n--) {
		admit(image, &image->services[0], &keeper.kern->control, &tables, &head,
		      clock_boot_ns(), &verdict);
		assert_int_equal(verdict.verdict, GL_VERDICT_ALLOW);
	}
}

/* --- tests -------------------------------------------------------------------------------------
 */
static void only_root_changes_anything(void **state)
{
	static const struct {
		const char *method, *path, *query, *body;
	} changes[] = {
		{"POST", "/v1/panic", NULL, NULL},
		{"POST", "/v1/panic", NULL, "{\"dryRun\":true}"},
		{"POST", "/v1/detach", NULL, "{\"dryRun\":true}"},
		{"PUT", "/v1/mode", NULL, "{\"mode\":\"monitor\"}"},
		{"POST", "/v1/policy", NULL, "{\"text\":\"x\"}"},
		{"POST", "/v1/policy", NULL, "{\"text\":\"x\",\"dryRun\":false}"},
		{"POST", "/v1/policy", NULL, "{\"text\":\"x\",\"dryRun\":\"true\"}"},
		{"POST", "/v1/decisions", NULL, "{\"source\":\"198.18.0.1\",\"verdict\":\"ban\"}"},
		{"DELETE", "/v1/decisions", "source=198.18.0.1&verdict=ban", NULL},
		{"DELETE", "/v1/decisions", "source=198.18.0.1&verdict=ban", "{\"dryRun\":true}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		assert_int_equal(ask(READER, changes[i].method, changes[i].path, changes[i].query,
				     changes[i].body),
				 403);
		assert_string_equal(got.kind, "not-root");
	}
	assert_int_equal(keeper.kern->control.mode, GL_MODE_ENFORCE);
	/* trying is reading */
	assert_int_equal(ask(READER, "POST", "/v1/decisions", NULL,
			     "{\"source\":\"198.18.0.1\",\"verdict\":\"ban\",\"dryRun\":true}"),
			 200);
	assert_int_equal(decisions_count(keeper.decisions), 0);
	assert_int_equal(ask(READER, "GET", "/v1/status", NULL, NULL), 200);
	assert_int_equal(ask(STRANGER, "GET", "/v1/status", NULL, NULL), 403);
	assert_string_equal(got.kind, "not-a-reader");
	/* nothing was recorded, for nothing happened */
	assert_int_equal(events_count(keeper.events, EVENTS_VERDICTS), 0);
}

static void what_does_not_exist(void **state)
{
	(void)state;
	assert_int_equal(ask(ROOT, "GET", "/v1/nothing", NULL, NULL), 404);
	assert_int_equal(ask(ROOT, "GET", "/v1/status/", NULL, NULL), 404);
	assert_int_equal(ask(ROOT, "GET", "/v1/verdicts/", NULL, NULL), 404);
	assert_int_equal(ask(ROOT, "GET", "/v1/verdicts/0123456789abcdef/x", NULL, NULL), 404);
	assert_int_equal(ask(ROOT, "PUT", "/v1/decisions", NULL, NULL), 405);
	assert_string_equal(got.allow, "GET, POST, DELETE");
	assert_int_equal(ask(ROOT, "GET", "/v1/panic", NULL, NULL), 405);
	assert_string_equal(got.allow, "POST");
	assert_int_equal(ask(ROOT, "HEAD", "/v1/counters", NULL, NULL), 200);
}

static void wrong_questions(void **state)
{
	static const struct {
		const char *method, *path, *query, *body;
		int status;
	} wrong[] = {
		{"GET", "/v1/status", "x=1", NULL, 400},
		{"GET", "/v1/decisions", "limit=0", NULL, 400},
		{"GET", "/v1/decisions", "limit=101", NULL, 400},
		{"GET", "/v1/decisions", "limit=-1", NULL, 400},
		{"GET", "/v1/events", "after=x", NULL, 400},
		{"GET", "/v1/events", "after=99999999999999999999", NULL, 400},
		{"GET", "/v1/events", "kind=x", NULL, 400},
		{"GET", "/v1/limits", "source=nonsense", NULL, 422},
		{"GET", "/v1/verdicts/0123456789ABCDEF", NULL, NULL, 400},
		{"GET", "/v1/verdicts/0123456789abcdef", NULL, NULL, 404},
		{"DELETE", "/v1/decisions", NULL, NULL, 400},
		{"DELETE", "/v1/decisions", "source=198.18.0.1&verdict=ban", NULL, 404},
		{"PUT", "/v1/mode", NULL, "{}", 422},
		{"PUT", "/v1/mode", NULL, "{\"mode\":\"off\"}", 422},
		{"PUT", "/v1/mode", NULL, "{\"mode\":7}", 422},
		{"PUT", "/v1/mode", NULL, "{\"mode\":\"monitor\",\"service\":\"x\"}", 404},
		{"PUT", "/v1/mode", NULL, "{\"mode\":\"monitor\",\"x\":1}", 422},
		{"POST", "/v1/panic", NULL, "{\"x\":1}", 422},
		{"POST", "/v1/policy", NULL, "{\"text\":\"x: [\"}", 422},
		{"POST", "/v1/policy", NULL, "{\"name\":\"x\"}", 422},
		{"POST", "/v1/decisions", NULL, "{\"source\":\"198.18.0.1\"}", 422},
		{"POST", "/v1/decisions", NULL, "{\"source\":\"x\",\"verdict\":\"ban\"}", 422},
		{"POST", "/v1/decisions", NULL,
		 "{\"source\":\"198.18.0.1\",\"verdict\":\"ban\",\"ttl\":\"0\"}", 422},
		{"POST", "/v1/decisions", NULL,
		 "{\"source\":\"198.18.0.1\",\"verdict\":\"ban\",\"ttl\":\"367d\"}", 422},
		{"POST", "/v1/decisions", NULL,
		 "{\"source\":\"198.18.0.1\",\"verdict\":\"ban\",\"force\":1}", 422},
		{"POST", "/v1/explain", NULL, "{}", 422},
		{"POST", "/v1/explain", NULL, "{\"request\":\"GET\"}", 422},
		{"POST", "/v1/explain", NULL, "{\"request\":\"GET /\\r\\nX: y\"}", 422},
		{"POST", "/v1/explain", NULL, "{\"request\":\"GET /\",\"service\":\"x\"}", 404},
		{"POST", "/v1/explain", NULL, "{\"request\":\"GET /\",\"port\":1}", 404},
		{"POST", "/v1/explain", NULL, "{\"request\":\"GET /\",\"port\":65536}", 422},
		{"POST", "/v1/explain", NULL, "{\"request\":\"GET /\",\"headers\":[\"x\"]}", 422},
		{"POST", "/v1/explain", NULL, "{\"request\":\"GET /\",\"headers\":[1]}", 422},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		if (ask(ROOT, wrong[i].method, wrong[i].path, wrong[i].query, wrong[i].body) !=
		    wrong[i].status)
			fail_msg("%s %s?%s %s: %d", wrong[i].method, wrong[i].path,
				 wrong[i].query ? wrong[i].query : "",
				 wrong[i].body ? wrong[i].body : "", got.status);
	assert_int_equal(events_count(keeper.events, EVENTS_VERDICTS), 0);
	assert_int_equal(keeper.kern->installs, 1);
	assert_int_equal(decisions_count(keeper.decisions), 0);
}

static void the_protected_need_force(void **state)
{
	static const char *const protected[] = {"127.0.0.1", "198.51.100.7", "198.51.100.0/24",
						"10.9.1.1", "0.0.0.0/0"};
	char body[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(protected); i++) {
		snprintf(body, sizeof(body), "{\"source\":\"%s\",\"verdict\":\"ban\"}",
			 protected[i]);
		assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL, body), 409);
		assert_string_equal(got.kind, "protected");
		snprintf(body, sizeof(body), "{\"source\":\"%s\",\"verdict\":\"allow\"}",
			 protected[i]);
		assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL, body), 201);
		snprintf(body, sizeof(body),
			 "{\"source\":\"%s\",\"verdict\":\"ban\",\"force\":true}", protected[i]);
		assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL, body), 201);
	}
	assert_int_equal(decisions_count(keeper.decisions), 2 * ARRAY_SIZE(protected));
}

/* A lockdown that shuts out one of them; the host itself is never shut out. */
static void nobody_protected_is_locked_out(void **state)
{
	static const struct {
		const char *networks;
		int status;
	} rows[] = {
		{"\"198.18.0.0/15\"", 409}, /* neither the proxies nor protect.never */
		{"\"10.9.0.0/16\"", 409}, /* the trusted proxies alone */
		{"\"198.51.100.7\"", 409}, /* protect.never alone */
	};
	char body[256];
	const struct subject *s;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(body, sizeof(body),
			 "{\"verdict\":\"lockdown\",\"service\":\"shop\",\"networks\":[%s]}",
			 rows[i].networks);
		assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL, body), rows[i].status);
		assert_string_equal(got.kind, "protected");
	}
	assert_int_equal(subjects_count(keeper.subjects), 0);
	assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL,
			     "{\"verdict\":\"lockdown\",\"service\":\"shop\",\"networks\":"
			     "[\"198.18.0.0/15\"],\"force\":true}"),
			 201);
	s = subjects_at(keeper.subjects, 0);
	assert_non_null(strstr(s->detail, "127.0.0.0/8"));
	/* probes */
	assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL,
			     "{\"verdict\":\"suspend\",\"service\":\"shop\",\"operation\":"
			     "\"GET /healthz\"}"),
			 409);
}

/* Each verb: who may, what is wrong, what is listed, how it ends. */
static void subjects_over_the_api(void **state)
{
	static const struct {
		const char *body, *kind;
		int status;
	} rows[] = {
		{"{\"verdict\":\"suspend\"}", "missing-member", 422},
		{"{\"verdict\":\"suspend\",\"service\":\"x\",\"operation\":\"GET /\"}",
		 "no-such-service", 422},
		{"{\"verdict\":\"suspend\",\"service\":\"shop\",\"operation\":\"GET /x\"}",
		 "no-such-operation", 422},
		{"{\"verdict\":\"suspend\",\"source\":\"198.18.0.1\"}", "unknown-member", 422},
		{"{\"verdict\":\"revoke\"}", "bad-member", 422},
		{"{\"verdict\":\"revoke\",\"principal\":\"x\"}", "bad-principal", 422},
		{"{\"verdict\":\"revoke\",\"credential\":\"abc\"}", "bad-credential", 422},
		{"{\"verdict\":\"revoke\",\"event\":\"77\"}", "no-such-event", 422},
		{"{\"verdict\":\"revoke\",\"event\":\"77\",\"credential\":\"abcd\"}", "bad-member",
		 422},
		{"{\"verdict\":\"lockdown\",\"service\":\"shop\",\"networks\":[]}", "bad-member",
		 422},
		{"{\"verdict\":\"lockdown\",\"service\":\"shop\",\"networks\":[7]}", "bad-member",
		 422},
		{"{\"verdict\":\"grant\"}", "bad-member", 422},
		{"{\"verdict\":\"grant\",\"source\":\"198.18.0.0/24\"}", "bad-subject", 422},
		{"{\"verdict\":\"grant\",\"source\":\"198.18.0.1\",\"class\":\"x\"}",
		 "no-such-class", 422},
		{"{\"verdict\":\"kill\",\"workload\":\"/none/such\"}", "bad-workload", 422},
		{"{\"verdict\":\"suspend\",\"service\":\"shop\",\"operation\":"
		 "\"POST /api/v1/auth/**\",\"ttl\":\"400d\"}",
		 "bad-ttl", 422},
	};
	const char *revoke = "{\"verdict\":\"revoke\",\"credential\":\"sk_live_1\"}";
	_cleanup_free_ char *text = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (ask(ROOT, "POST", "/v1/decisions", NULL, rows[i].body) != rows[i].status ||
		    strcmp(got.kind, rows[i].kind) != 0)
			fail_msg("%s: %d %s", rows[i].body, got.status, got.kind);
	}
	assert_int_equal(subjects_count(keeper.subjects), 0);
	assert_int_equal(ask(READER, "POST", "/v1/decisions", NULL, revoke), 403);
	assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL, revoke), 201);
	text = json_dumps(got.body, 0);
	assert_null(strstr(text, "sk_live_1"));
	assert_int_equal(strlen(json_string_value(member("principal"))), 16);
	assert_true(json_is_true(member("enforced")));
	assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL, revoke), 201);
	assert_int_equal(subjects_count(keeper.subjects), 1);
	assert_int_equal(ask(READER, "GET", "/v1/decisions", NULL, NULL), 200);
	assert_int_equal(json_array_size(member("items")), 1);
	assert_int_equal(ask(ROOT, "DELETE", "/v1/decisions", "verdict=revoke", revoke), 200);
	assert_int_equal(ask(ROOT, "DELETE", "/v1/decisions", "verdict=revoke", revoke), 404);
	assert_int_equal(ask(ROOT, "DELETE", "/v1/decisions", "id=9999", NULL), 404);
	assert_int_equal(keeper.kern->control.subjects, 0);
}

static void decisions_come_in_pages(void **state)
{
	char body[128], query[64] = "limit=100", next[16];
	size_t seen = 0, pages = 0;
	json_int_t last = 1000;

	(void)state;
	for (int i = 0; i < 250; i++) {
		snprintf(body, sizeof(body),
			 "{\"source\":\"198.18.1.%d\",\"verdict\":\"ban\",\"ttl\":\"1h\"}", i);
		assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL, body), 201);
		assert_string_equal(text("origin"), "manual");
	}
	do {
		const json_t *items;

		assert_int_equal(ask(READER, "GET", "/v1/decisions", query, NULL), 200);
		items = member("items");
		for (size_t i = 0; i < json_array_size(items); i++, seen++) {
			json_int_t id = strtol(
				json_string_value(json_object_get(json_array_get(items, i), "id")),
				NULL, 10);

			assert_true(id < last); /* newest first, none twice */
			last = id;
		}
		snprintf(next, sizeof(next), "%s",
			 json_is_null(member("next")) ? "" : text("next"));
		snprintf(query, sizeof(query), "limit=100&after=%s", next);
		pages++;
	} while (*next);
	assert_int_equal(seen, 250);
	assert_int_equal(pages, 3);
	assert_int_equal(last, 1);
	assert_int_equal(
		ask(ROOT, "DELETE", "/v1/decisions", "source=198.18.1.7&verdict=ban", NULL), 200);
	assert_int_equal(number("removed"), 1);
	assert_int_equal(decisions_count(keeper.decisions), 249);
}

static void a_policy_over_the_api(void **state)
{
	json_t *body = json_pack("{s:s, s:s, s:b}", "text", POLICY "  exempt: [10.0.0.0/8]\n",
				 "name", "new.yaml", "dryRun", true);
	char *dumped = json_dumps(body, 0);

	(void)state;
	assert_int_equal(ask(READER, "POST", "/v1/policy", NULL, dumped), 200);
	assert_int_equal(number("generation"), 2);
	assert_int_equal(json_array_size(member("changes")), 1);
	assert_int_equal(kern_generation(keeper.kern), 1); /* tried only */
	json_object_set_new(body, "dryRun", json_false());
	free(dumped);
	dumped = json_dumps(body, 0);
	keeper.kern->install_result = -EAGAIN;
	assert_int_equal(ask(ROOT, "POST", "/v1/policy", NULL, dumped), 503);
	keeper.kern->install_result = 0;
	assert_int_equal(ask(ROOT, "POST", "/v1/policy", NULL, dumped), 200);
	assert_int_equal(kern_generation(keeper.kern), 2);
	assert_int_equal(ask(READER, "GET", "/v1/policy", NULL, NULL), 200);
	assert_string_equal(text("file"), "new.yaml");
	assert_int_equal(number("generation"), 2);
	assert_int_equal(ask(ROOT, "POST", "/v1/policy", NULL,
			     "{\"text\":\"spec: {mode: x}\",\"name\":\"bad.yaml\"}"),
			 422);
	assert_true(json_array_size(member("problems")) >= 3);
	assert_int_equal(kern_generation(keeper.kern), 2);
	free(dumped);
	json_decref(body);
}

static void panic_and_back(void **state)
{
	(void)state;
	assert_int_equal(ask(ROOT, "POST", "/v1/panic", NULL, "{}"), 200);
	assert_int_equal(keeper.kern->control.mode, GL_MODE_MONITOR);
	assert_int_equal(ask(READER, "GET", "/v1/status", NULL, NULL), 200);
	assert_string_equal(text("mode"), "monitor");
	assert_int_equal(ask(ROOT, "PUT", "/v1/mode", NULL, "{\"mode\":\"policy\"}"), 200);
	assert_int_equal(keeper.kern->control.mode, GL_MODE_ENFORCE);
	assert_int_equal(ask(READER, "GET", "/v1/status", NULL, NULL), 200);
	assert_string_equal(text("mode"), "enforce");
	assert_int_equal(events_count(keeper.events, EVENTS_VERDICTS), 2); /* both are told */
	assert_int_equal(ask(READER, "GET", "/v1/events", NULL, NULL), 200);
	assert_int_equal(json_array_size(member("items")), 2);
}

static void limits_say_what_was_counted(void **state)
{
	const json_t *first;

	(void)state;
	admit_some("198.18.1.9", "auth", 3);
	admit_some("198.18.1.9", "general", 7);
	assert_int_equal(ask(READER, "GET", "/v1/limits", "source=198.18.1.9", NULL), 200);
	assert_int_equal(json_array_size(member("items")), 2); /* health is exempt */
	first = json_array_get(member("items"), 0); /* the fullest */
	assert_string_equal(json_string_value(json_object_get(first, "class")), "auth");
	assert_int_equal(json_integer_value(json_object_get(first, "count")), 3);
	assert_int_equal(json_integer_value(json_object_get(first, "remaining")), 2);
	assert_int_equal(ask(READER, "GET", "/v1/limits", "source=198.18.1.10", NULL), 200);
	first = json_array_get(member("items"), 0);
	assert_int_equal(json_integer_value(json_object_get(first, "count")), 0);
	/* nobody was seen by the ring, so nobody is listed unasked */
	assert_int_equal(ask(READER, "GET", "/v1/limits", NULL, NULL), 200);
	assert_int_equal(json_array_size(member("items")), 0);
}

static void expect_explained(const char *body, const char *verdict, const char *reason,
			     const char *operation)
{
	assert_int_equal(ask(READER, "POST", "/v1/explain", NULL, body), 200);
	assert_string_equal(text("verdict"), verdict);
	assert_string_equal(text("reason"), reason);
	assert_string_equal(text("operation"), operation);
}

static void explain_is_the_judge_without_counting(void **state)
{
	static const char login[] =
		"{\"request\":\"POST /api/v1/auth/login\",\"source\":\"198.18.1.9\"}";

	(void)state;
	admit_some("198.18.1.9", "auth", 4);
	for (int i = 0; i < 10; i++) { /* asking uses nothing up */
		expect_explained(login, "allow", "none", "POST /api/v1/auth/**");
		assert_int_equal(number("remaining"), 0);
	}
	admit_some("198.18.1.9", "auth", 1);
	expect_explained(login, "limit", "source-limit", "POST /api/v1/auth/**");
	assert_true(number("retrySeconds") > 0);
	expect_explained("{\"request\":\"POST /api/v1/x/../auth/login\",\"source\":\"198.18.1.9\"}",
			 "limit", "source-limit", "POST /api/v1/auth/**");
	expect_explained("{\"request\":\"POST /api/v1/auth%2Flogin\"}", "refuse", "ambiguous-path",
			 "POST /api/v1/auth/**");
	expect_explained("{\"request\":\"GET /api/v1/private\"}", "refuse",
			 "authentication-missing", "GET /api/v1/private");
	expect_explained(
		"{\"request\":\"GET /api/v1/private\",\"headers\":[\"Authorization: Bearer "
		"x\"]}",
		"allow", "none", "GET /api/v1/private");
	assert_true(json_is_true(member("principal")));
	expect_explained("{\"request\":\"GET /api/v1/admin/x\",\"source\":\"10.2.0.1\"}", "refuse",
			 "source-network-not-allowed", "* /api/v1/admin/**");
	expect_explained("{\"request\":\"GET /api/v1/admin/x\",\"source\":\"10.1.0.1\"}", "allow",
			 "none", "* /api/v1/admin/**");
	expect_explained("{\"request\":\"GET /healthz\",\"source\":\"198.18.1.9\"}", "allow",
			 "none", "GET /healthz");
	expect_explained("{\"request\":\"G(T /\"}", "refuse", "malformed-head", "*");
	/* the header of a trusted proxy, and of nobody else */
	expect_explained(
		"{\"request\":\"POST /api/v1/auth/x\",\"source\":\"10.9.0.1\",\"headers\":["
		"\"X-Forwarded-For: 198.18.1.9\"]}",
		"limit", "source-limit", "POST /api/v1/auth/**");
	assert_string_equal(text("source"), "198.18.1.9");
	expect_explained(
		"{\"request\":\"POST /api/v1/auth/x\",\"source\":\"198.18.0.1\",\"headers\":["
		"\"X-Forwarded-For: 198.18.1.9\"]}",
		"allow", "none", "POST /api/v1/auth/**");
	assert_string_equal(text("source"), "198.18.0.1");
	/* a ban comes first, an allowance exempts from it */
	assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL,
			     "{\"source\":\"198.18.0.0/24\",\"verdict\":\"ban\"}"),
			 201);
	expect_explained("{\"request\":\"GET /\",\"source\":\"198.18.0.1\"}", "ban", "banned", "*");
	assert_int_equal(ask(ROOT, "POST", "/v1/decisions", NULL,
			     "{\"source\":\"198.18.0.1\",\"verdict\":\"allow\"}"),
			 201);
	expect_explained("{\"request\":\"GET /\",\"source\":\"198.18.0.1\"}", "allow", "none", "*");
}

static void counters_have_names(void **state)
{
	(void)state;
	assert_int_equal(ask(READER, "GET", "/v1/counters", NULL, NULL), 200);
	assert_int_equal(json_integer_value(json_object_get(member("counters"), "packets")), 1000);
	assert_int_equal(json_object_size(member("perSecond")), GL_CTR_MAX);
	assert_true(json_object_size(member("counters")) > GL_CTR_MAX);
	assert_int_equal(ask(READER, "GET", "/v1/doctor", NULL, NULL), 200);
	assert_int_equal(json_array_size(member("features")), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_root_changes_anything, setup, teardown),
		cmocka_unit_test_setup_teardown(what_does_not_exist, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_questions, setup, teardown),
		cmocka_unit_test_setup_teardown(the_protected_need_force, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_protected_is_locked_out, setup, teardown),
		cmocka_unit_test_setup_teardown(subjects_over_the_api, setup, teardown),
		cmocka_unit_test_setup_teardown(decisions_come_in_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(a_policy_over_the_api, setup, teardown),
		cmocka_unit_test_setup_teardown(panic_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_say_what_was_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(explain_is_the_judge_without_counting, setup,
						teardown),
		cmocka_unit_test_setup_teardown(counters_have_names, setup, teardown),
	};

	log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR); /* changes are told on stderr */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
