/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_route.c - the route automaton against a matcher that knows nothing of it: paths are cut and
 * normalized as whole strings, rules tried one after the other over the segments.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/route_reference.h"
#include "user/base/cleanup.h"
#include "user/policy/routes.h"

#define UUID "550e8400-e29b-41d4-a716-446655440000"

static struct gl_policy image;
static uint32_t root;
static const struct gl_key key = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull};

/* ---------------------------------------------------------------------------------------------
 * The automaton under test
 */
static void compile(const char *const *rules, size_t n, bool fold)
{
	_cleanup_(routes_freep) struct routes *routes = NULL;

	memset(&image, 0, sizeof(image));
	image.route_key = key;
	image.n_states = 1;
	assert_int_equal(routes_new(&key, &routes), 0);
	for (size_t i = 0; i < n; i++) {
		struct pattern pattern;
		struct match_fault fault = {};
		int err = pattern_parse(rules[i], fold, &pattern, &fault);

		if (err)
			fail_msg("%s: %s", rules[i], fault.message);
		assert_int_equal(routes_add(routes, &pattern, (uint16_t)(i + 1)), 0);
	}
	assert_int_equal(routes_build(routes), 0);
	assert_int_equal(routes_emit(routes, fold ? GL_STATE_FOLD : 0, &image, &root), 0);
}

static uint32_t walk(const char *method, const char *path, size_t len, uint32_t *ret_ambiguous)
{
	struct route_walk w;

	memset(&w, 0xa5, sizeof(w));
	route_begin(&w, &image, root);
	for (; *method; method++)
		route_method_byte(&w, &image, (__u8)*method);
	route_method_end(&w, &image);
	for (size_t i = 0; i < len; i++)
		route_byte(&w, &image, (__u8)path[i]);
	return route_end(&w, &image, ret_ambiguous);
}

/* The same with the state moved to other memory before every byte, as a socket's storage is. */
static uint32_t walk_moved(const char *method, const char *path, size_t len,
			   uint32_t *ret_ambiguous)
{
	struct route_walk w[2];
	size_t at = 0;

#define MOVE() (w[!at] = w[at], memset(&w[at], 0xff, sizeof(w[at])), at = !at)
	route_begin(&w[at], &image, root);
	for (; *method; method++) {
		MOVE();
		route_method_byte(&w[at], &image, (__u8)*method);
	}
	MOVE();
	route_method_end(&w[at], &image);
	for (size_t i = 0; i < len; i++) {
		MOVE();
		route_byte(&w[at], &image, (__u8)path[i]);
	}
	MOVE();
	return route_end(&w[at], &image, ret_ambiguous);
#undef MOVE
}

static uint32_t op_of(const char *method, const char *path)
{
	uint32_t ambiguous, op = walk(method, path, strlen(path), &ambiguous);

	if (ambiguous)
		fail_msg("%s %s is ambiguous: %#x", method, path, ambiguous);
	return op;
}

static uint32_t ambiguity_of(const char *path)
{
	uint32_t ambiguous;

	walk("GET", path, strlen(path), &ambiguous);
	return ambiguous;
}

/* ---------------------------------------------------------------------------------------------
 * By hand
 */
static const char *const shop[] = {
	"GET /", /* 1 */
	"POST /api/v1/auth/**", /* 2 */
	"* /api/v1/public/**", /* 3 */
	"GET /api/v1/users/{id:uuid}", /* 4 */
	"GET /api/v1/users/{n:int}", /* 5 */
	"GET /api/v1/users/me", /* 6 */
	"GET /api/v1/users/{name}", /* 7 */
	"GET /api/v1/users/{name}/orders/*", /* 8 */
	"GET /**/last", /* 9 */
	"GET /api/v1/subscriptions/everything", /* 10 */
};

static void test_first_match_wins(void **unused __attribute__((unused)))
{
	static const struct {
		const char *method, *path;
		uint32_t op;
	} rows[] = {
		{"GET", "/", 1},
		{"GET", "//", 1},
		{"GET", "", 1},
		{"POST", "/", 0},
		{"POST", "/api/v1/auth", 2},
		{"POST", "/api/v1/auth/", 2},
		{"POST", "/api/v1/auth/login/again", 2},
		{"GET", "/api/v1/auth/login", 0},
		{"post", "/api/v1/auth/login", 0},
		{"POSTS", "/api/v1/auth/login", 0},
		{"POST", "/api/v1/auths", 0},
		{"POST", "/API/v1/auth/login", 0},
		{"PATCH", "/api/v1/public/x", 3},
		{"123", "/api/v1/public/x", 3},
		{"GET", "/api/v1/users/" UUID, 4},
		{"GET", "/api/v1/users/550E8400-E29B-41D4-A716-446655440000", 4},
		{"GET", "/api/v1/users/550e8400-e29b-41d4-a716-44665544000", 7},
		{"GET", "/api/v1/users/550e8400-e29b-41d4-a716-4466554400000", 7},
		{"GET", "/api/v1/users/550e8400-e29b-41d4-a7160-46655440000", 7},
		{"GET", "/api/v1/users/550e8400-e29b-41d4-a716-44665544000g", 7},
		{"GET", "/api/v1/users/550e8400-e29b-41d4-a716-4466554400-0", 7},
		{"GET", "/api/v1/users/0", 5},
		{"GET",
		 "/api/v1/users/00000000000000000000000000000000000000000000000000000000"
		 "0000000000000000000000000000",
		 5},
		{"GET", "/api/v1/users/1a", 7},
		{"GET", "/api/v1/users/-1", 7},
		{"GET", "/api/v1/users/me", 6},
		{"GET", "/api/v1/users/%6D%65", 6},
		{"GET", "/api/v1/users/me?x=/../..;%2f#", 6},
		{"GET", "/api/v1/users/meme", 7},
		{"GET", "/api/v1/users/m%25", 7},
		{"GET", "/api/v1/users/last", 7},
		{"GET", "/api/v1/users/12/orders/9", 8},
		{"GET", "/api/v1/users/12/orders/last", 8},
		{"GET", "/api/v1/users/12/orders", 0},
		{"GET", "/last", 9},
		{"GET", "/last/last", 9},
		{"GET", "/a/b/c/last/", 9},
		{"GET", "/a/b/c/last/d", 0},
		{"GET", "/api/v1/subscriptions/everything", 10},
		{"GET", "/api/v1/subscriptions/everythin%67", 10},
		{"GET", "/api/v1/subscriptions/everythinG", 0},
		{"GET", "/api//v1///users/me", 6},
		{"GET", "/api/./v1/./users/me/.", 6},
		{"GET", "/api/v1/x/../users/me", 6},
		{"GET", "/api/v1/users/me/x/..", 6},
		{"GET", "/api/v1/auth/../../v1/users/me", 6},
		{"GET", "/api/v1/users/...", 7},
		{"GET", "/api/v1/users/..x", 7},
		{"GET", "/api/v1/users/x%2ejson", 7},
		{"GET", "/api/v1/users/%40%3A%20", 7},
	};

	compile(shop, ARRAY_SIZE(shop), false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (op_of(rows[i].method, rows[i].path) != rows[i].op)
			fail_msg("%s %s: %u, not %u", rows[i].method, rows[i].path,
				 op_of(rows[i].method, rows[i].path), rows[i].op);
}

static void test_ambiguous(void **unused __attribute__((unused)))
{
	static const struct {
		const char *path;
		uint32_t ambiguous;
	} rows[] = {
		/* nginx serves these three from location /api/v1/auth/ (lab, fact 28) */
		{"/api/v1/auth%2Fx", ROUTE_AMB_DELIMITER},
		{"/api%2fv1/auth/x", ROUTE_AMB_DELIMITER},
		{"/api/v1/z/..%2fauth/x", ROUTE_AMB_DELIMITER},
		{"/a%5Cb", ROUTE_AMB_DELIMITER},
		{"/a%00b", ROUTE_AMB_DELIMITER},
		{"/a%3bb", ROUTE_AMB_DELIMITER},
		{"/a;b", ROUTE_AMB_RAW},
		{"/a\\b", ROUTE_AMB_RAW},
		{"/a#b", ROUTE_AMB_RAW},
		{"/a b", ROUTE_AMB_RAW},
		{"/a\x01", ROUTE_AMB_RAW},
		{"/a\x7f", ROUTE_AMB_RAW},
		{"/\xc3\xa9", ROUTE_AMB_RAW},
		{"/%c3%a9", 0},
		{"/a%", ROUTE_AMB_ESCAPE},
		{"/a%4", ROUTE_AMB_ESCAPE},
		{"/a%4?x", ROUTE_AMB_ESCAPE},
		{"/a%/b", ROUTE_AMB_ESCAPE},
		{"/a%4/b", ROUTE_AMB_ESCAPE},
		{"/a%4g", ROUTE_AMB_ESCAPE},
		{"/a%%41", ROUTE_AMB_ESCAPE},
		{"/a%252f", ROUTE_AMB_TWICE},
		{"/a%2500", ROUTE_AMB_TWICE},
		{"/a%25", 0},
		{"/a%25/b", 0},
		{"/a%25?b", 0},
		{"/a%25g", 0},
		{"/a/%2e%2e/b", ROUTE_AMB_DOTS},
		{"/a/.%2E/b", ROUTE_AMB_DOTS},
		{"/a/%2e/b", ROUTE_AMB_DOTS},
		{"/a/%2e", ROUTE_AMB_DOTS},
		{"/a/%2e%2e%2e", 0},
		{"/a%2eb", 0},
		{"/..", ROUTE_AMB_ABOVE},
		{"/a/../..", ROUTE_AMB_ABOVE},
		{"/a/../../b", ROUTE_AMB_ABOVE},
		{"/a/..", 0},
		{"/a//../b", ROUTE_AMB_EMPTY},
		{"//a/../b", ROUTE_AMB_EMPTY},
		{"/a/..//b", 0},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", 0},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/", 0},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/../16", 0},
		{"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", ROUTE_AMB_DEEP},
		{"/a?%", 0},
	};

	compile(shop, ARRAY_SIZE(shop), false);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (ambiguity_of(rows[i].path) != rows[i].ambiguous)
			fail_msg("%s: %#x, not %#x", rows[i].path, ambiguity_of(rows[i].path),
				 rows[i].ambiguous);
}

static void test_fold(void **unused __attribute__((unused)))
{
	static const char *const rules[] = {"GET /Api/Subscriptions/Everything", "GET /{n:int}",
					    "GET /[x]"};

	compile(rules, ARRAY_SIZE(rules), true);
	assert_int_equal(op_of("GET", "/API/sUBSCRIPTIONS/%45verything"), 1);
	assert_int_equal(op_of("get", "/API/sUBSCRIPTIONS/Everything"), 0);
	assert_int_equal(op_of("GET", "/12"), 2);
	assert_int_equal(op_of("GET", "/[X]"), 3);
	assert_int_equal(op_of("GET", "/{x}"), 0); /* only letters fold: '[' is not '{' */
	compile(rules, ARRAY_SIZE(rules), false);
	assert_int_equal(op_of("GET", "/API/sUBSCRIPTIONS/Everything"), 0);
	assert_int_equal(op_of("GET", "/Api/Subscriptions/Everything"), 1);
}

/* Every length around the key's forms: its own key, one hashed word, the longest literal. */
static void test_literal_lengths(void **unused __attribute__((unused)))
{
	char text[ROUTE_LITERAL_MAX + 1][96], path[96];
	const char *rules[ROUTE_LITERAL_MAX + 1];
	size_t n = 0;

	for (size_t len = 1; len <= ROUTE_LITERAL_MAX; len++) {
		snprintf(text[n], sizeof(text[n]), "GET /%.*s", (int)len,
			 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789-_~!");
		rules[n] = text[n];
		n++;
	}
	compile(rules, n, false);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(op_of("GET", rules[i] + 4), i + 1);
		for (size_t at = 5; at < strlen(rules[i]); at++) {
			snprintf(path, sizeof(path), "%s", rules[i] + 4);
			path[at - 4] ^= 1;
			if (path[at - 4] == ' ')
				continue;
			assert_int_equal(walk("GET", path, strlen(path), &(uint32_t){0}), 0);
		}
	}
	snprintf(path, sizeof(path), "%sx", rules[n - 1] + 4);
	assert_int_equal(op_of("GET", path), 0);
}

/* A rule's methods and typed positions after literals of the same form. */
static void test_literals_of_a_type(void **unused __attribute__((unused)))
{
	static const char *const rules[] = {
		"GET /{n:int}/a",  "GET /12/b", "GET /{id:uuid}/c",
		"GET /" UUID "/d", "GET /*/e",  "GET /12/a",
	};

	compile(rules, ARRAY_SIZE(rules), false);
	assert_int_equal(op_of("GET", "/12/a"), 1);
	assert_int_equal(op_of("GET", "/12/b"), 2);
	assert_int_equal(op_of("GET", "/13/b"), 0);
	assert_int_equal(op_of("GET", "/12/e"), 5);
	assert_int_equal(op_of("GET", "/" UUID "/c"), 3);
	assert_int_equal(op_of("GET", "/" UUID "/d"), 4);
	assert_int_equal(op_of("GET", "/" UUID "/e"), 5);
	assert_int_equal(op_of("GET", "/x/e"), 5);
	assert_int_equal(op_of("GET", "/x/c"), 0);
}

/* 157 states with 156 edges each: three quarters of the edge table, every edge found. */
static void test_edges_at_load(void **unused __attribute__((unused)))
{
	static char text[156][32];
	const char *rules[ARRAY_SIZE(text)];
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		snprintf(text[i], sizeof(text[i]), "GET /**/literal-%zu", i);
		rules[i] = text[i];
	}
	compile(rules, ARRAY_SIZE(rules), false);
	assert_in_range(image.n_edges, GL_EDGES_MAX * 74 / 100, GL_EDGES_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(text); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(text); k++) {
			snprintf(path, sizeof(path), "/literal-%zu/literal-%zu", i, k);
			assert_int_equal(op_of("GET", path), k + 1);
		}
	}
	assert_int_equal(op_of("GET", "/literal-1/literal-156"), 0);
}

static void test_bad_state_is_dead(void **unused __attribute__((unused)))
{
	struct route_walk w;
	uint32_t ambiguous;

	compile(shop, ARRAY_SIZE(shop), false);
	route_begin(&w, &image, GL_STATES_MAX);
	route_method_end(&w, &image);
	assert_int_equal(route_end(&w, &image, &ambiguous), 0);
	route_begin(&w, &image, root);
	w.depth = 0xff;
	route_byte(&w, &image, 'a');
	assert_int_equal(route_end(&w, &image, &ambiguous), 0);
}

/* ---------------------------------------------------------------------------------------------
 * By chance, against the reference
 */
static uint64_t chance_state;

static uint32_t chance(uint32_t below)
{
	chance_state ^= chance_state << 13;
	chance_state ^= chance_state >> 7;
	chance_state ^= chance_state << 17;
	return (uint32_t)((chance_state >> 16) % below);
}

static const char *const words[] = {"a",  "b", "api", "v1", "users", "subscriptions", "somewhat",
				    "12", "7", UUID,  "A",  "...",   "x.json",        "~"};
static const char *const methods[] = {"GET", "POST", "DELETE", "PROPPATCH"};

static void random_rule(char out[256])
{
	size_t at = 0, segments = chance(6);
	bool deep = false;

	at += (size_t)snprintf(out, 256, "%s ",
			       chance(3) ? methods[chance(ARRAY_SIZE(methods))] : "*");
	if (!segments)
		snprintf(out + at, 256 - at, "/");
	for (size_t i = 0; i < segments; i++) {
		const char *segment = words[chance(ARRAY_SIZE(words))];
		char parameter[40];

		switch (chance(10)) {
		case 0:
			segment = "*";
			break;
		case 1:
			snprintf(parameter, sizeof(parameter), "{p%zu}", i);
			segment = parameter;
			break;
		case 2:
			snprintf(parameter, sizeof(parameter), "{p%zu:int}", i);
			segment = parameter;
			break;
		case 3:
			snprintf(parameter, sizeof(parameter), "{p%zu:uuid}", i);
			segment = parameter;
			break;
		case 4:
			if (!deep)
				segment = "**";
			deep = true;
			break;
		}
		at += (size_t)snprintf(out + at, 256 - at, "/%s", segment);
	}
}

#define PATH_SIZE 4096

static size_t put_escaped(char *out, size_t size, const char *text)
{
	size_t at = 0;

	for (; *text; text++)
		at += (size_t)snprintf(out + at, size - at, chance(12) ? "%c" : "%%%02X", *text);
	return at;
}

/* A path near the rules: words of theirs, escapes, dots, slashes; now and then a byte changed. */
static size_t random_path(char out[PATH_SIZE])
{
	static const char *const odd[] = {"",  ".", "..", "%2e", "%2F", "%25", "%252e",
					  ";", "%", "%4", "x y", "?q",  "0",   "new"};
	size_t at = 0, segments = chance(chance(8) ? 6 : 20);

	for (size_t i = 0; i < segments; i++) {
		out[at++] = '/';
		if (chance(8))
			at += put_escaped(out + at, PATH_SIZE - at,
					  words[chance(ARRAY_SIZE(words))]);
		else
			at += (size_t)snprintf(out + at, PATH_SIZE - at, "%s",
					       odd[chance(ARRAY_SIZE(odd))]);
	}
	if (at == 0 || !chance(5))
		out[at++] = '/';
	if (!chance(6))
		out[1 + chance((uint32_t)at)] = (char)chance(256);
	return at;
}

#define RANDOM_RULES 40
#define RANDOM_PATHS 300

static void check_path(const char *const *rules, size_t n, bool fold, size_t *matched,
		       size_t *ambiguous_seen)
{
	static struct ref_path ref;
	const char *method = methods[chance(ARRAY_SIZE(methods))];
	uint32_t ambiguous, moved_ambiguous, op, moved;
	char path[PATH_SIZE];
	size_t len = random_path(path);

	ref_normalize(path, len, fold, &ref);
	op = walk(method, path, len, &ambiguous);
	moved = walk_moved(method, path, len, &moved_ambiguous);
	assert_int_equal(op, moved);
	assert_int_equal(ambiguous, moved_ambiguous);
	if (!!ambiguous != ref.ambiguous)
		fail_msg("%.*s: ambiguous %#x, reference %d", (int)len, path, ambiguous,
			 ref.ambiguous);
	*ambiguous_seen += ref.ambiguous;
	if (ref.ambiguous)
		return;
	*matched += op != 0;
	if (op != ref_op(rules, n, method, &ref, fold))
		fail_msg("%s %.*s: %u (%s), reference %u", method, (int)len, path, op,
			 op ? rules[op - 1] : "none", ref_op(rules, n, method, &ref, fold));
}

static void test_against_reference(void **unused __attribute__((unused)))
{
	static char text[RANDOM_RULES][256];
	const char *rules[RANDOM_RULES];
	size_t matched = 0, ambiguous = 0;

	chance_state = 0x67616c6369730001ull;
	for (size_t round = 0; round < 400; round++) {
		size_t n = 1 + chance(RANDOM_RULES);
		bool fold = !chance(3);

		for (size_t i = 0; i < n; i++) {
			random_rule(text[i]);
			rules[i] = text[i];
		}
		compile(rules, n, fold);
		for (size_t i = 0; i < RANDOM_PATHS; i++)
			check_path(rules, n, fold, &matched, &ambiguous);
	}
	/* the paths were worth it: both outcomes are common */
	assert_in_range(matched, 20000, 100000);
	assert_in_range(ambiguous, 20000, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_match_wins),
		cmocka_unit_test(test_ambiguous),
		cmocka_unit_test(test_fold),
		cmocka_unit_test(test_literal_lengths),
		cmocka_unit_test(test_literals_of_a_type),
		cmocka_unit_test(test_edges_at_load),
		cmocka_unit_test(test_bad_state_is_dead),
		cmocka_unit_test(test_against_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
