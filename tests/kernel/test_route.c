/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_route.c - the route walk in the kernel (route.bpf.c, BPF_PROG_TEST_RUN) gives the host
 * build's answers, state included. Prints what a byte costs.
 *
 *   test_route FOLDER    the folder of route.bpf.o
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/routes.h"

#define UNUSED __attribute__((unused))

/* As in route.bpf.c. */
struct request {
	__u32 root, method_len, len, op, ambiguous;
	__u8 text[2048];
};

static struct gl_policy image;
static uint32_t root;
static const char *folder;

struct kernel {
	struct bpf_object *object;
	int policy, requests, walks, route, nothing;
};

static const char *const rules[] = {
	"GET /",
	"POST /api/v1/auth/**",
	"* /api/v1/public/**",
	"GET /api/v1/users/{id:uuid}",
	"GET /api/v1/users/{n:int}",
	"GET /api/v1/users/me",
	"GET /api/v1/users/{name}/orders/*",
	"GET /**/last",
	"GET /api/v1/subscriptions/everything",
};

static void image_make(void)
{
	const struct gl_key key = {1, 2};
	_cleanup_(routes_freep) struct routes *routes = NULL;

	image.route_key = key;
	image.n_states = 1;
	assert_int_equal(routes_new(&key, &routes), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		struct pattern pattern;
		struct match_fault fault;

		assert_int_equal(pattern_parse(rules[i], true, &pattern, &fault), 0);
		assert_int_equal(routes_add(routes, &pattern, (uint16_t)(i + 1)), 0);
	}
	assert_int_equal(routes_build(routes), 0);
	assert_int_equal(routes_emit(routes, GL_STATE_FOLD, &image, &root), 0);
}

static int setup(void **state)
{
	static struct kernel k;
	uint32_t zero = 0;
	char path[512];

	image_make();
	snprintf(path, sizeof(path), "%s/route.bpf.o", folder);
	k.object = bpf_object__open_file(path, NULL);
	assert_non_null(k.object);
	assert_int_equal(bpf_object__load(k.object), 0);
	k.policy = bpf_object__find_map_fd_by_name(k.object, "policy");
	k.requests = bpf_object__find_map_fd_by_name(k.object, "requests");
	k.walks = bpf_object__find_map_fd_by_name(k.object, "walks");
	k.route = bpf_program__fd(bpf_object__find_program_by_name(k.object, "route_request"));
	k.nothing = bpf_program__fd(bpf_object__find_program_by_name(k.object, "route_nothing"));
	assert_int_equal(bpf_map_update_elem(k.policy, &zero, &image, BPF_ANY), 0);
	*state = &k;
	return 0;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	bpf_object__close(k->object);
	return 0;
}

static uint32_t run(int program, int repeat)
{
	uint8_t packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(program, &options), 0);
	assert_int_equal(options.retval, 0);
	return options.duration; /* ns, of one run */
}

static struct request request_make(const char *method, const char *path, size_t len)
{
	struct request r = {.root = root};

	r.method_len = (__u32)strlen(method);
	r.len = r.method_len + (__u32)len;
	assert_in_range(r.len, 1, sizeof(r.text));
	memcpy(r.text, method, r.method_len);
	memcpy(r.text + r.method_len, path, len);
	return r;
}

static void put(const struct kernel *k, const struct request *r)
{
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(k->requests, &zero, r, BPF_ANY), 0);
}

static uint32_t host_walk(const struct request *r, struct route_walk *w, uint32_t *ret_ambiguous)
{
	memset(w, 0, sizeof(*w));
	route_begin(w, &image, r->root);
	for (uint32_t i = 0; i < r->method_len; i++)
		route_method_byte(w, &image, r->text[i]);
	route_method_end(w, &image);
	for (uint32_t i = r->method_len; i < r->len; i++)
		route_byte(w, &image, r->text[i]);
	return route_end(w, &image, ret_ambiguous);
}

/* Runs one request on both sides; all that decides must be equal. */
static uint32_t compare(const struct kernel *k, const char *method, const char *path, size_t len)
{
	struct request r = request_make(method, path, len), after;
	uint32_t zero = 0, ambiguous, op;
	struct route_walk host, kernel;

	put(k, &r);
	run(k->route, 1);
	assert_int_equal(bpf_map_lookup_elem(k->requests, &zero, &after), 0);
	assert_int_equal(bpf_map_lookup_elem(k->walks, &zero, &kernel), 0);
	op = host_walk(&r, &host, &ambiguous);
	if (after.op != op || after.ambiguous != ambiguous)
		fail_msg("%s %.*s: kernel %u %#x, host %u %#x", method, (int)len, path, after.op,
			 after.ambiguous, op, ambiguous);
	assert_memory_equal(host.stack, kernel.stack, (host.depth + 1u) * sizeof(host.stack[0]));
	assert_int_equal(host.depth, kernel.depth);
	assert_int_equal(host.pending, kernel.pending);
	return ambiguous ? UINT32_MAX : op;
}

static uint32_t compare_text(const struct kernel *k, const char *method, const char *path)
{
	return compare(k, method, path, strlen(path));
}

static void test_table(void **state)
{
	static const struct {
		const char *method, *path;
		uint32_t op; /* UINT32_MAX: ambiguous */
	} rows[] = {
		{"GET", "/", 1},
		{"POST", "/api/v1/auth/login", 2},
		{"POST", "/API/v1/./x/../auth//%6cogin", 2},
		{"POST", "/api/v1/auth%2Fx", UINT32_MAX},
		{"DELETE", "/api/v1/public", 3},
		{"GET", "/api/v1/users/550e8400-e29b-41d4-a716-446655440000", 4},
		{"GET", "/api/v1/users/550e8400-e29b-41d4-a716-44665544000", 0},
		{"GET", "/api/v1/users/1234567890123456789", 5},
		{"GET", "/api/v1/users/ME?q=%2f", 6},
		{"GET", "/api/v1/users/x/orders/7/", 7},
		{"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/last", 8},
		{"GET", "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/last", UINT32_MAX},
		{"GET", "/api/v1/subscriptions/everything", 9},
		{"GET", "/api/v1/subscriptions/everythinh", 0},
		{"GET", "/../api", UINT32_MAX},
		{"GET", "/a%", UINT32_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (compare_text(*state, rows[i].method, rows[i].path) != rows[i].op)
			fail_msg("%s %s is not %u", rows[i].method, rows[i].path, rows[i].op);
}

/* Paths near the rules with bytes changed by chance. */
static void test_mutated(void **state)
{
	static const char *const paths[] = {
		"/api/v1/users/550e8400-e29b-41d4-a716-446655440000/orders/x",
		"/api/v1/subscriptions/everything/../everything?x",
		"/api/v1/auth/a%2eb/./c//d/%41%42%43%44%45%46%47%48%49/last",
	};
	static const char bytes[] = "/.%2eE5c;?#\\ a0Z-\x80";
	uint64_t chance = 0x67616c6369730002ull;
	size_t ambiguous = 0;

	for (size_t i = 0; i < 3000; i++) {
		char path[128];
		size_t len;

		snprintf(path, sizeof(path), "%s", paths[i % ARRAY_SIZE(paths)]);
		len = strlen(path);
		for (size_t changes = i % 4; changes--;) {
			chance = chance * 6364136223846793005ull + 1442695040888963407ull;
			path[(chance >> 33) % len] = bytes[(chance >> 50) % sizeof(bytes)];
		}
		ambiguous += compare(*state, i & 1 ? "GET" : "POST", path, len) == UINT32_MAX;
	}
	assert_in_range(ambiguous, 500, 2500);
}

/* The machine has other things to do: the fastest of several runs is the program's own cost. */
static uint32_t cost(int program)
{
	uint32_t best = UINT32_MAX;

	for (int i = 0; i < 10; i++) {
		uint32_t ns = run(program, 20000);

		best = ns < best ? ns : best;
	}
	return best;
}

static void report(const struct kernel *k, const char *what, const char *path)
{
	struct request r = request_make("GET", path, strlen(path));
	uint32_t walk, loop;

	put(k, &r);
	walk = cost(k->route);
	loop = cost(k->nothing);
	print_message("# %s: %u ns for %u bytes, of which the loop %u: %.2f ns a byte\n", what,
		      walk, r.len, loop, (double)(walk - loop) / r.len);
}

static void test_cost(void **state)
{
	char longer[1400] = "/api/v1/public/";

	memset(longer + strlen(longer), 'x', sizeof(longer) - strlen(longer) - 1);
	report(*state, "short literals", "/api/v1/users/me");
	report(*state, "a UUID", "/api/v1/users/550e8400-e29b-41d4-a716-446655440000");
	report(*state, "long literals", "/api/v1/subscriptions/everything");
	report(*state, "1,400 bytes", longer);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_mutated),
		cmocka_unit_test(test_cost),
	};

	folder = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, setup, teardown);
}
