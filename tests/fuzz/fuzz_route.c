/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_route.c - "RULE\nRULE\n\nMETHOD PATH": rules that are valid are compiled, the request is
 * walked. Beyond not crashing: where the request is cut into pieces changes nothing, a winner is
 * the first of the rules that wins when it stands alone, rules that cannot be reached never win,
 * and writing the path in another unambiguous way gives the same.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "user/base/cleanup.h"
#include "user/policy/routes.h"

#define RULES_MAX 64
#define TEXT_MAX  16384

struct input {
	struct pattern rules[RULES_MAX];
	size_t n_rules;
	const char *method, *path;
	size_t method_len, path_len;
};

struct answer {
	uint32_t op, ambiguous;
};

static const struct gl_key key = {0x1122334455667788ull, 0x99aabbccddeeff00ull};
static struct gl_policy image;

/* ---------------------------------------------------------------------------------------------
 * Input
 */
static void read_rule(struct input *in, const char *line, size_t len)
{
	_cleanup_free_ char *text = strndup(line, len);
	struct match_fault fault;
	int err;

	if (!text || in->n_rules == RULES_MAX)
		return;
	err = pattern_parse(text, false, &in->rules[in->n_rules], &fault);
	CHECK(err == 0 || err == -EINVAL);
	if (!err)
		CHECK(in->rules[in->n_rules].n <= GL_PATH_DEPTH + 1);
	in->n_rules += !err;
}

static void read_input(struct input *in, const char *text, size_t size)
{
	const char *end = text + size, *space;

	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((stop ? stop : end) - text);

		if (len)
			read_rule(in, text, len);
		text += len + 1;
		if (len == 0)
			break;
	}
	if (text > end)
		text = end;
	space = memchr(text, ' ', (size_t)(end - text));
	in->method = text;
	in->method_len = (size_t)((space ? space : end) - text);
	in->path = space ? space + 1 : end;
	in->path_len = (size_t)(end - in->path);
}

/* ---------------------------------------------------------------------------------------------
 * Rules [first, first + n) as an image of their own
 */
static uint32_t compile(const struct input *in, size_t first, size_t n, bool reachable[RULES_MAX])
{
	_cleanup_(routes_freep) struct routes *routes = NULL;
	uint32_t root;

	memset(image.states, 0, sizeof(image.states[0]) * (image.n_states + 1));
	memset(image.edges, 0, sizeof(image.edges));
	image.route_key = key;
	image.n_states = 1;
	image.n_edges = 0;
	if (routes_new(&key, &routes))
		abort();
	for (size_t i = 0; i < n; i++)
		CHECK(routes_add(routes, &in->rules[first + i], (uint16_t)(first + i + 1)) == 0);
	if (routes_build(routes) || routes_emit(routes, 0, &image, &root))
		return 0; /* too expensive: not this target's subject */
	for (size_t i = 0; reachable && i < n; i++) {
		size_t shadows[RULES_MAX], count;

		reachable[i] = routes_reachable(routes, i);
		if (reachable[i])
			continue;
		CHECK(routes_shadows(routes, i, RULES_MAX, shadows, &count) == 0);
		CHECK(count >= 1 && count <= i);
		for (size_t k = 0; k < count; k++)
			CHECK(shadows[k] < i && routes_reachable(routes, shadows[k]));
	}
	return root;
}

static struct answer walk(const struct input *in, uint32_t root, bool moved, bool escaped)
{
	struct route_walk w[2] = {};
	struct answer a;
	size_t at = 0;

	route_begin(&w[at], &image, root);
	for (size_t i = 0; i < in->method_len; i++)
		route_method_byte(&w[at], &image, (__u8)in->method[i]);
	route_method_end(&w[at], &image);
	for (size_t i = 0; i < in->path_len; i++) {
		__u8 b = (__u8)in->path[i];

		if (moved) {
			w[!at] = w[at];
			memset(&w[at], 0xa5, sizeof(w[at]));
			at = !at;
		}
		if (escaped && !w[at].pending && b >= 'G' && b <= 'Z') {
			route_byte(&w[at], &image, '%');
			route_byte(&w[at], &image, (__u8)('0' + (b >> 4)));
			route_byte(&w[at], &image, (__u8) "0123456789ABCDEF"[b & 15]);
		} else {
			route_byte(&w[at], &image, b);
		}
		CHECK(w[at].depth <= GL_PATH_DEPTH);
	}
	a.op = route_end(&w[at], &image, &a.ambiguous);
	return a;
}

static bool same(struct answer a, struct answer b)
{
	return a.op == b.op && a.ambiguous == b.ambiguous;
}

/* First match wins: alone, the winner matches and none before it does. */
static void check_winner(const struct input *in, struct answer all)
{
	for (size_t i = 0; i < in->n_rules; i++) {
		uint32_t root = compile(in, i, 1, NULL);
		struct answer alone;

		if (!root)
			return;
		alone = walk(in, root, false, false);
		CHECK(alone.ambiguous == all.ambiguous);
		if (all.op == i + 1) {
			CHECK(alone.op == i + 1);
			return;
		}
		CHECK(alone.op == 0);
	}
	CHECK(all.op == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool reachable[RULES_MAX] = {};
	struct input *in;
	struct answer all;
	uint32_t root;

	if (size > TEXT_MAX)
		return 0;
	in = calloc(1, sizeof(*in));
	if (!in)
		return 0;
	read_input(in, (const char *)data, size);
	root = compile(in, 0, in->n_rules, reachable);
	if (root) {
		all = walk(in, root, false, false);
		CHECK(all.op <= in->n_rules);
		CHECK(!all.op || reachable[all.op - 1]);
		CHECK(same(all, walk(in, root, true, false)));
		CHECK(same(all, walk(in, root, false, true)));
		check_winner(in, all);
	}
	free(in);
	return 0;
}
