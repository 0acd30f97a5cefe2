/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/sources.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/siphash.h"
#include "user/base/clock.h"

#define WAYS            8
#define PRINCIPALS_NS   (600 * CLOCK_NS_PER_S)
#define HTTP_OK         200
#define HTTP_GOOD_BELOW 400

struct sources {
	struct gl_key key;
	size_t sets;
	uint64_t evicted;
	struct source_use *items;
};

int sources_new(size_t size, const struct gl_key *key, struct sources **ret_sources)
{
	struct sources *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->key = *key;
	s->sets = 1;
	while (s->sets * WAYS < (size ? size : SOURCES_DEFAULT))
		s->sets *= 2;
	s->items = calloc(s->sets * WAYS, sizeof(*s->items));
	if (!s->items) {
		free(s);
		return -ENOMEM;
	}
	*ret_sources = s;
	return 0;
}

void sources_free(struct sources *sources)
{
	if (!sources)
		return;
	free(sources->items);
	free(sources);
}

static struct source_use *set_of(const struct sources *s, const struct gl_addr *addr)
{
	uint64_t hash = siphash_buf(addr->b, sizeof(addr->b), &s->key);

	return &s->items[(hash & (s->sets - 1)) * WAYS];
}

static struct source_use *find(const struct sources *s, const struct gl_addr *addr)
{
	struct source_use *set = set_of(s, addr);

	for (int i = 0; i < WAYS; i++)
		if (set[i].last_ns && addr_equal(&set[i].addr, addr))
			return &set[i];
	return NULL;
}

static struct source_use *find_or_claim(struct sources *s, const struct gl_addr *source,
					uint64_t now_ns)
{
	struct gl_addr addr = prefix_of_source(source).addr;
	struct source_use *use = find(s, &addr);

	if (!use) {
		struct source_use *set = set_of(s, &addr);

		use = set;
		for (int i = 1; i < WAYS; i++)
			if (set[i].last_ns < use->last_ns)
				use = &set[i];
		if (use->last_ns)
			s->evicted++;
		*use = (struct source_use){.addr = addr, .principals_ns = now_ns};
	}
	if (use->last_ns < now_ns)
		use->last_ns = now_ns;
	return use;
}

void sources_verdict(struct sources *sources, const struct gl_rec_verdict *record)
{
	struct source_use *use = find_or_claim(sources, &record->source, record->rec.ts_ns);

	if (record->verdict == GL_VERDICT_LIMIT)
		use->limited++;
	else if (record->verdict != GL_VERDICT_ALLOW)
		use->refused++;
	/* what the application sees is counted when it answers */
	if (!(record->flags & (GL_RECF_WOULD | GL_RECF_APP_SAW)) &&
	    record->verdict != GL_VERDICT_ALLOW)
		use->requests++;
}

void sources_response(struct sources *sources, const struct gl_rec_response *record)
{
	uint64_t now_ns = record->rec.ts_ns;
	struct source_use *use = find_or_claim(sources, &record->source, now_ns);

	use->requests++;
	if (record->status >= HTTP_OK && record->status < HTTP_GOOD_BELOW)
		use->good_ns = now_ns;
	if (!(record->flags & GL_RECF_PROVEN) || record->status >= HTTP_GOOD_BELOW)
		return;
	if (now_ns > use->principals_ns + PRINCIPALS_NS) {
		bool recent = now_ns < use->principals_ns + 2 * PRINCIPALS_NS;

		use->principals[1] = recent ? use->principals[0] : 0;
		use->principals[0] = 0;
		use->principals_ns = now_ns;
	}
	use->principals[0] |= 1ull << (record->principal & 63);
}

unsigned sources_principals(const struct sources *sources, const struct gl_addr *addr,
			    uint64_t now_ns)
{
	struct gl_addr key = prefix_of_source(addr).addr;
	const struct source_use *use = find(sources, &key);

	if (!use || now_ns > use->principals_ns + 2 * PRINCIPALS_NS)
		return 0;
	return (unsigned)__builtin_popcountll(use->principals[0] | use->principals[1]);
}

void sources_hello(struct sources *sources, const struct gl_addr *addr, uint64_t key,
		   uint64_t now_ns)
{
	struct gl_addr of = prefix_of_source(addr).addr;
	struct source_use *use = find(sources, &of);

	if (!use)
		return;
	if (now_ns > use->hellos_ns + PRINCIPALS_NS) {
		bool recent = now_ns < use->hellos_ns + 2 * PRINCIPALS_NS;

		use->hellos[1] = recent ? use->hellos[0] : 0;
		use->hellos[0] = 0;
		use->hellos_ns = now_ns;
	}
	use->hellos[0] |= 1ull << (key & 63);
	use->hello = key;
}

uint64_t sources_last_hello(const struct sources *sources, const struct gl_addr *addr)
{
	struct gl_addr key = prefix_of_source(addr).addr;
	const struct source_use *use = find(sources, &key);

	return use ? use->hello : 0;
}

static bool is_served(const struct source_use *use, uint64_t now_ns)
{
	return use->last_ns && use->good_ns && now_ns < use->good_ns + PRINCIPALS_NS;
}

unsigned sources_clients(const struct sources *sources, const struct gl_addr *addr, uint64_t now_ns)
{
	unsigned n = sources_principals(sources, addr, now_ns), hellos;
	struct gl_addr key = prefix_of_source(addr).addr;
	const struct source_use *use = find(sources, &key);

	/* fingerprints cost nothing to make: they count where somebody was served */
	if (!use || !is_served(use, now_ns) || now_ns > use->hellos_ns + 2 * PRINCIPALS_NS)
		return n;
	hellos = (unsigned)__builtin_popcountll(use->hellos[0] | use->hellos[1]);
	return hellos > n ? hellos : n;
}

void sources_served(const struct sources *sources, const struct addr_prefix *prefix,
		    uint64_t now_ns, uint32_t *ret_hit, uint32_t *ret_all)
{
	uint32_t hit = 0, all = 0;

	for (size_t i = 0; i < sources->sets * WAYS; i++) {
		const struct source_use *use = &sources->items[i];

		if (!is_served(use, now_ns))
			continue;
		all++;
		hit += prefix->len && prefix_contains(prefix, &use->addr);
	}
	*ret_hit = hit;
	*ret_all = all;
}

void sources_with_hello(const struct sources *sources, const uint64_t *keys, size_t n,
			uint64_t now_ns, uint32_t *ret_hit, uint32_t *ret_all)
{
	uint32_t hit = 0, all = 0;
	uint64_t bits = 0;

	for (size_t i = 0; i < n; i++)
		bits |= 1ull << (keys[i] & 63);
	for (size_t i = 0; i < sources->sets * WAYS; i++) {
		const struct source_use *use = &sources->items[i];

		if (!is_served(use, now_ns))
			continue;
		all++;
		hit += ((use->hellos[0] | use->hellos[1]) & bits) != 0;
	}
	*ret_hit = hit;
	*ret_all = all;
}

static int worse_first(const void *va, const void *vb)
{
	const struct source_use *a = va, *b = vb;
	uint64_t bad_a = a->limited + a->refused, bad_b = b->limited + b->refused;

	if (bad_a != bad_b)
		return bad_a < bad_b ? 1 : -1;
	if (a->requests != b->requests)
		return a->requests < b->requests ? 1 : -1;
	return memcmp(a->addr.b, b->addr.b, sizeof(a->addr.b));
}

/* Keeps the worst n in `out`, sorted, by insertion: n is small (a page), the table is not. */
size_t sources_top(const struct sources *sources, struct source_use *out, size_t n)
{
	size_t have = 0;

	for (size_t i = 0; i < sources->sets * WAYS && n; i++) {
		const struct source_use *use = &sources->items[i];
		size_t at = have;

		if (!use->last_ns || (have == n && worse_first(use, &out[n - 1]) >= 0))
			continue;
		if (have == n)
			at = n - 1;
		else
			have++;
		for (; at > 0 && worse_first(use, &out[at - 1]) < 0; at--)
			out[at] = out[at - 1];
		out[at] = *use;
	}
	return have;
}

uint64_t sources_evicted(const struct sources *sources)
{
	return sources->evicted;
}
