/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * literals.c - see literals.h. Of every literal one window of a few bytes is looked for, the rarest
 * it has. Literals are in eight groups; a table for each place of the window says of a byte which
 * groups have it there, so the AND of the look-ups leaves the groups that may be there. What is
 * left, one place in seventy of JSON, goes through a hash of the window; what is left then is
 * compared. Short literals, which have short windows, and long ones are two sets of groups.
 */
#include "user/detect/literals.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define SETS       2 /* of short literals, of long ones */
#define WINDOW_MAX 6
#define KEY_BYTES  8 /* of which a window is read */
#define SIZE_MIN   3 /* of a literal */
#define GROUPS     8
#define BLOCK      64
#define BLOCKS     64 /* read before what may be there is looked at */
#define HASH_BITS  12
#define FOLD                                                                                       \
	0x2020202020202020ull /* upper case to lower; what else it joins is told apart later       \
			       */

struct entry {
	const char *bytes;
	uint64_t key; /* the window's first bytes, folded */
	uint16_t n, at; /* of the literal, and of the window in it */
	uint16_t next; /* of the same hash, + 1 */
	bool ignore_case;
};

struct set {
	uint8_t tables[WINDOW_MAX][128] __attribute__((aligned(64)));
	uint8_t seen[1 << HASH_BITS]; /* a bit for what else a key's hash has */
	uint16_t first[1 << HASH_BITS]; /* entries + 1 */
	uint64_t key_mask;
	unsigned window; /* bytes */
};

struct literals {
	struct set sets[SETS];
	struct entry entries[]; /* by id */
};

/* Literals from min on; places of the window; bytes of the key, which all of them have. */
static const struct {
	size_t min;
	unsigned window, key;
} kinds[SETS] = {{SIZE_MIN, 4, SIZE_MIN}, {6, WINDOW_MAX, WINDOW_MAX}};

/* --- grouping --------------------------------------------------------------------------------- */

#define ANY   1.0f
#define SELF  20 /* letters of words go together more often than by chance */
#define UPPER 0.004f

/* How often a byte is met in JSON, about: which window is rare needs no more. */
static float commonness(char c)
{
	static const float letters[26] = {.055f, .012f, .022f, .03f,  .075f, .015f, .015f,
					  .032f, .048f, .003f, .008f, .028f, .018f, .048f,
					  .05f,  .015f, .002f, .045f, .042f, .055f, .02f,
					  .008f, .012f, .003f, .012f, .002f};

	if (c >= 'a' && c <= 'z')
		return letters[c - 'a'];
	if (c >= '0' && c <= '9')
		return .025f;
	if (c == '"' || c == ' ')
		return .065f;
	if (c == ',' || c == ':')
		return .025f;
	if (c && strchr(".-_/", c))
		return .008f;
	return c >= 'A' && c <= 'Z' ? UPPER : .002f;
}

/* Per place of the window: its bytes, and how common they are together. */
struct group {
	bool has[WINDOW_MAX][128];
	float common[WINDOW_MAX];
	float all; /* of a window of all places */
};

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The byte at place `k` of a window, in one case and the other; 0: no byte, any will do. */
static unsigned window_bytes(const struct literal_text *text, size_t at, unsigned k, char ret[2])
{
	if (at + k >= text->n)
		return 0;
	ret[0] = text->bytes[at + k];
	if (!text->ignore_case || lower(ret[0]) == upper(ret[0]))
		return 1;
	ret[1] = lower(ret[0]) != ret[0] ? lower(ret[0]) : upper(ret[0]);
	return 2;
}

/* How common windows of the group are with this one. */
static float with(const struct group *group, const struct literal_text *text, size_t at,
		  unsigned window)
{
	float all = 1;
	char c[2];

	for (unsigned k = 0; k < window; k++) {
		unsigned n = window_bytes(text, at, k, c);
		float common = n ? group->common[k] : ANY;

		for (unsigned i = 0; i < n; i++)
			if (!group->has[k][c[i] & 127])
				common += commonness(c[i]);
		all *= common < ANY ? common : ANY;
	}
	return all;
}

static void join(struct group *group, const struct literal_text *text, size_t at, unsigned window)
{
	char c[2];

	group->all = with(group, text, at, window);
	for (unsigned k = 0; k < window; k++) {
		unsigned n = window_bytes(text, at, k, c);

		for (unsigned i = 0; i < n; i++) {
			if (!group->has[k][c[i] & 127])
				group->common[k] += commonness(c[i]);
			group->has[k][c[i] & 127] = true;
		}
		if (n == 0) {
			memset(group->has[k], true, sizeof(group->has[k]));
			group->common[k] = ANY;
		}
	}
}

/* The group and window by which all groups together become the least more common. */
static size_t choose(const struct group *groups, const struct literal_text *text, unsigned window,
		     unsigned *ret_group)
{
	static const struct group alone;
	size_t n = text->n > window ? text->n - window + 1 : 1, best = 0;
	float least = 0;

	for (size_t at = 0; at < n; at++) {
		float self = SELF * with(&alone, text, at, window);

		for (unsigned g = 0; g < GROUPS; g++) {
			float more = with(&groups[g], text, at, window) - groups[g].all + self;

			if ((at || g) && more >= least)
				continue;
			least = more;
			best = at;
			*ret_group = g;
		}
	}
	return best;
}

/* --- tables ----------------------------------------------------------------------------------- */

static uint64_t key_of(const struct set *set, const char *p)
{
	uint64_t bytes;

	memcpy(&bytes, p, KEY_BYTES);
	return (bytes | FOLD) & set->key_mask;
}

/* What of a key's hash says where it is, and which bit it has there. */
static unsigned place(uint64_t key)
{
	return (unsigned)(key * 0x9e3779b97f4a7c15ull >> (64 - HASH_BITS));
}

static unsigned bit(uint64_t key)
{
	return (unsigned)(key * 0x9e3779b97f4a7c15ull >> (61 - HASH_BITS)) & 7;
}

static void enter(struct literals *literals, struct set *set, const struct literal_text *text,
		  size_t id, size_t at)
{
	struct entry *entry = &literals->entries[id];
	char bytes[KEY_BYTES] = {0};

	memcpy(bytes, text->bytes + at, text->n - at < KEY_BYTES ? text->n - at : KEY_BYTES);
	*entry = (struct entry){
		.bytes = text->bytes,
		.key = key_of(set, bytes),
		.n = (uint16_t)text->n,
		.at = (uint16_t)at,
		.ignore_case = text->ignore_case,
		.next = set->first[place(key_of(set, bytes))],
	};
	set->first[place(entry->key)] = (uint16_t)(id + 1);
	set->seen[place(entry->key)] |= (uint8_t)(1u << bit(entry->key));
}

/* The shortest have the least choice: they go first. */
static void fill(struct literals *literals, unsigned kind, struct group *groups,
		 const struct literal_text *texts, size_t n)
{
	size_t end = kind + 1 < SETS ? kinds[kind + 1].min : SIZE_MAX;
	struct set *set = &literals->sets[kind];
	unsigned g = 0;

	set->window = kinds[kind].window;
	set->key_mask = (1ull << 8 * kinds[kind].key) - 1;
	for (size_t size = kinds[kind].min, next; size < end; size = next) {
		next = end;
		for (size_t i = 0; i < n; i++) {
			size_t at;

			if (texts[i].n > size && texts[i].n < next)
				next = texts[i].n;
			if (texts[i].n != size)
				continue;
			at = choose(groups, &texts[i], set->window, &g);
			join(&groups[g], &texts[i], at, set->window);
			enter(literals, set, &texts[i], i, at);
		}
	}
	for (g = 0; g < GROUPS; g++)
		for (unsigned k = 0; k < set->window; k++)
			for (unsigned c = 0; c < 128; c++)
				set->tables[k][c] |= (uint8_t)(groups[g].has[k][c] << g);
}

static bool can(const struct literal_text *texts, size_t n)
{
#ifdef __x86_64__
	if (!__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512vbmi"))
		return false;
#else
	return false;
#endif
	for (size_t i = 0; i < n; i++)
		if (texts[i].n < SIZE_MIN || texts[i].n > UINT16_MAX)
			return false;
	return n < UINT16_MAX;
}

int literals_new(const struct literal_text *texts, size_t n, struct literals **ret_literals)
{
	_cleanup_free_ struct group *groups = NULL;
	struct literals *literals;
	size_t bytes;

	if (!can(texts, n))
		return -ENOTSUP;
	bytes = (sizeof(*literals) + n * sizeof(literals->entries[0]) + 63) / 64 * 64;
	groups = calloc(SETS * GROUPS, sizeof(*groups));
	literals = aligned_alloc(64, bytes);
	if (!groups || !literals) {
		free(literals);
		return -ENOMEM;
	}
	memset(literals, 0, bytes);
	for (unsigned kind = 0; kind < SETS; kind++)
		fill(literals, kind, groups + kind * GROUPS, texts, n);
	*ret_literals = literals;
	return 0;
}

void literals_free(struct literals *literals)
{
	free(literals);
}

/* --- finding ---------------------------------------------------------------------------------- */

#ifdef __x86_64__
#include <immintrin.h>

#define VBMI __attribute__((target("avx512f,avx512bw,avx512vbmi,bmi,popcnt")))

struct finding {
	const struct literals *literals;
	struct raw bytes;
	literal_fn fn;
	void *userdata;
};

/* Bit i of word j: of some group there may be a window at p[64 * j + i]. Reads the n blocks and
 * window - 1 bytes behind them. */
VBMI static inline __attribute__((always_inline)) void
read_blocks(const struct set *set, unsigned window, const char *p, size_t n, uint64_t *ret_places)
{
	__m512i low[WINDOW_MAX], high[WINDOW_MAX];

#pragma GCC unroll 6
	for (unsigned k = 0; k < window; k++) {
		low[k] = _mm512_load_si512(set->tables[k]);
		high[k] = _mm512_load_si512(set->tables[k] + 64);
	}
	for (size_t i = 0; i < n; i++, p += BLOCK) {
		__m512i groups = _mm512_permutex2var_epi8(low[0], _mm512_loadu_si512(p), high[0]);

#pragma GCC unroll 6
		for (unsigned k = 1; k < window; k++)
			groups = _mm512_and_si512(
				groups, _mm512_permutex2var_epi8(low[k], _mm512_loadu_si512(p + k),
								 high[k]));
		ret_places[i] = _mm512_test_epi8_mask(groups, groups);
	}
}

/* Two at once and without asking whether there are: more in a word are rare. */
VBMI static size_t list(const uint64_t *places, size_t n, uint16_t *ret_list)
{
	size_t listed = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t left = places[i];
		unsigned count = (unsigned)__builtin_popcountll(left);

		for (unsigned done = 0;; done += 2) {
			ret_list[listed + done] = (uint16_t)(i * BLOCK + _tzcnt_u64(left));
			left &= left - 1;
			ret_list[listed + done + 1] = (uint16_t)(i * BLOCK + _tzcnt_u64(left));
			left &= left - 1;
			if (done + 2 >= count)
				break;
		}
		listed += count;
	}
	return listed;
}

/* Leaves those of the list whose window is one of a literal, or nearly always. */
static size_t sift(const struct set *set, const char *p, uint16_t *places, size_t n)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t key = key_of(set, p + places[i]);

		places[left] = places[i];
		left += set->seen[place(key)] >> bit(key) & 1;
	}
	return left;
}

static bool equal_folded(const char *p, const char *other, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (upper(p[i]) != upper(other[i]))
			return false;
	return true;
}

static void compare(const struct finding *f, const struct set *set, uint64_t key, size_t at)
{
	for (unsigned next = set->first[place(key)]; next;) {
		const struct entry *entry = &f->literals->entries[next - 1];
		size_t begin = at - entry->at, id = next - 1;

		next = entry->next;
		if (entry->key != key || at < entry->at || begin + entry->n > f->bytes.n)
			continue;
		if (entry->ignore_case ? equal_folded(f->bytes.p + begin, entry->bytes, entry->n)
				       : memcmp(f->bytes.p + begin, entry->bytes, entry->n) == 0)
			f->fn((unsigned)id, begin + entry->n, f->userdata);
	}
}

/* n blocks at p, which are what stands at bytes[at], and KEY_BYTES behind them. By place, whatever
 * set it is of: what is found must not depend on where in a stretch it stands. */
VBMI static void find_in(const struct finding *f, const char *p, size_t at, size_t n)
{
	const struct set *sets = f->literals->sets;
	uint16_t listed[SETS][BLOCKS * BLOCK + 2];
	size_t left[SETS], next[SETS] = {0};
	uint64_t places[BLOCKS];

	for (unsigned kind = 0; kind < SETS; kind++) {
		/* the window is a constant in each */
		if (kind == 0)
			read_blocks(&sets[0], kinds[0].window, p, n, places);
		else
			read_blocks(&sets[1], kinds[1].window, p, n, places);
		left[kind] = sift(&sets[kind], p, listed[kind], list(places, n, listed[kind]));
	}
	while (next[0] < left[0] || next[1] < left[1]) {
		unsigned kind = next[0] == left[0] ||
				(next[1] < left[1] && listed[1][next[1]] < listed[0][next[0]]);
		size_t off = listed[kind][next[kind]++];

		compare(f, &sets[kind], key_of(&sets[kind], p + off), at + off);
	}
}

void literals_find(const struct literals *literals, struct raw bytes, literal_fn fn, void *userdata)
{
	const struct finding f = {literals, bytes, fn, userdata};
	size_t n = bytes.n < KEY_BYTES ? 0 : (bytes.n - KEY_BYTES) / BLOCK, at = 0;
	char last[3 * BLOCK] = {0};

	for (size_t now; n > 0; n -= now, at += now * BLOCK) {
		now = n < BLOCKS ? n : BLOCKS;
		find_in(&f, bytes.p + at, at, now);
	}
	memcpy(last, bytes.p + at, bytes.n - at);
	find_in(&f, last, at, 2);
}
#else
void literals_find(const struct literals *literals, struct raw bytes, literal_fn fn, void *userdata)
{
	(void)literals, (void)bytes, (void)fn, (void)userdata; /* there are none: can() */
}
#endif
