/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.h - the window table (I3): a ceiling of N admissions in any window of length W for every
 * (kind, service, class, subject). Called by admit.h at every door, by the keeper for HTTP/2 heads
 * and by the tests; `glacisctl limits` peeks. How a line counts is in window_line.h.
 *
 * The table is a flat array of lines in sets of four. A subject's line is in the set its tag says;
 * the last GL_WINDOW_SHARED lines hold only parents, shared by subjects whose set is full of live
 * lines: a full table falls to these, never to admit.
 *
 *   struct window_ask ask;
 *   window_ask_init(&ask, &key, WINDOW_SOURCE, service_id, class_id, sub_ns, limit, lines, q0, q1);
 *   ask.table = lines_of_the_mapped_table;         host only
 *   for (i = 0; i < WINDOW_CLOCK_TRIES; i++) {
 *           verdict = window_admit(&ask, clock(), &result);
 *           if (verdict != WINDOW_STALE)
 *                   break;
 *   }
 *   ... when a second ceiling refuses what the first admitted: window_undo(&ask, &result);
 *
 * WINDOW_LINE(ctx, index) is how the includer reaches a line: a pointer or NULL. A program defines
 * it before including this, as a function around its map lookup (ctx is NULL there); the default
 * takes ctx, which is ask->table, for the first line of a mapped table.
 *
 * Claiming a line. Only a line that is free or expired is claimed, and a stranger's only
 * WINDOW_GRACE_S later, so that whoever misses its line afterwards has a clock past its counts.
 * Claims in one set take turns (a lock in the low byte of the set's first tag; lookups ignore it),
 * so a tag never stands twice in a set. Under the lock the line is unlinked (tag 0), looked at once
 * more (a caller with an older clock may have revived it), emptied, and published with its tag
 * last. The lock names the second it was taken and is stolen after WINDOW_GRACE_S: a keeper killed
 * inside blocks nothing for good. A caller that finds it held for too long is BUSY: not admitted,
 * counted.
 *
 * Parents. Leaving a parent for a line of its own must not double the ceiling, so a claimed line
 * starts with the parent's counts. A caller counting in a parent looks back, after it reserved,
 * whether its own line appeared or the set is being claimed, and then gives back and asks again;
 * the claimer takes the lock before it copies: one of the two sees the other.
 *
 * The promise is about clock readings: a caller that decides more than WINDOW_GRACE_S after it read
 * the clock is outside it.
 */
#pragma once

#include "include/glacis/siphash.h"
#include "include/glacis/window_known.h"
#include "include/glacis/window_line.h"

#ifndef WINDOW_LINE
#define WINDOW_LINE(ctx, index) (&((struct gl_window_line *)(ctx))[index])
#endif

/* Calls step(i, ctx) up to n times, until it returns 1; a program has a helper for it. */
#ifndef WINDOW_LOOP
#define WINDOW_LOOP(n, step, ctx)                                                                  \
	do {                                                                                       \
		for (__u32 i = 0; i < (n) && !(step)(i, ctx); i++)                                 \
			;                                                                          \
	} while (0)
#endif

/*
 * In a program these are global functions: one copy, each verified once and by itself (inlined or
 * static, the table walk in all its callers' states is beyond a million instructions). Hence their
 * checks for NULL.
 */
#ifdef __bpf__
#define WINDOW_FUNCTION __attribute__((__noinline__))
#else
#define WINDOW_FUNCTION static inline
#endif

#define WINDOW_CLOCK_TRIES 4
#define WINDOW_GRACE_S     2
#define WINDOW_LOCK_SPINS  1024 /* some 10 us: ten times what a claim takes */
#define WINDOW_PARENTS     8 /* per (kind, class, sub-window length) */
#define WINDOW_LOCKED      1u /* low byte of the set's first tag: lock, seconds modulo 128 */

enum window_kind {
	WINDOW_SOURCE = 1,
	WINDOW_PRINCIPAL,
	WINDOW_SOURCE_CEILING,
	WINDOW_PREFIX_CEILING,
};

enum window_flags {
	WINDOW_SHARED = 1, /* counted in a parent: the table is full */
	WINDOW_CLAIMED = 2, /* the line is new or restarted */
	WINDOW_EVICTED = 4, /* the line was another subject's, expired */
};

/* A line's place: its tag and the first line of its set. */
struct window_spot {
	__u64 tag;
	__u32 set;
	__u32 reserved;
};

/* A line as a claimer found it. */
struct window_found {
	__u32 slots[GL_WINDOW_SLOTS];
	union window_head head;
};

struct window_ask {
	struct window_spot own, parent;
	void *table; /* for WINDOW_LINE(); borrowed */
	__u64 hash; /* of the name */
	__u64 sub_ns;
	__u64 now_ns;
	__u32 limit;
	__u32 reserved;
	struct window_found
		found; /* while a line is claimed; a program's stack has no room for it */
};

static __always_inline struct window_spot window_spot_of(__u64 hash, __u32 first, __u32 lines)
{
	struct window_spot spot = {.tag = hash & WINDOW_TAG_MASK};

	if (!spot.tag)
		spot.tag = ~WINDOW_TAG_MASK + 1;
	spot.set = first + (__u32)((hash >> 32) * (lines / GL_WINDOW_WAYS) >> 32) * GL_WINDOW_WAYS;
	return spot;
}

/* What a window is called by, for window_ask_init(): service, class and kind in one word. */
static __always_inline __u64 window_name_word(enum window_kind kind, __u16 service, __u16 cls)
{
	return (__u64)kind << 32 | (__u32)service << 16 | cls;
}

static __always_inline int window_is_known(const struct window_known *known,
					   const struct gl_key *key, __u64 word, __u64 sub_ns,
					   __u64 q0, __u64 q1)
{
	return known->name[0] == word && known->name[1] == sub_ns && known->name[2] == q0 &&
	       known->name[3] == q1 && known->key.k0 == key->k0 && known->key.k1 == key->k1;
}

static __always_inline void window_know(struct window_known *known, const struct gl_key *key,
					__u64 word, __u64 sub_ns, __u64 q0, __u64 q1, __u64 hash)
{
	known->name[0] = word;
	known->name[1] = sub_ns;
	known->name[2] = q0;
	known->name[3] = q1;
	known->key = *key;
	known->hash = hash;
}

/* The window whose name has this hash. */
static __always_inline void window_ask_at(struct window_ask *ask, __u64 hash, enum window_kind kind,
					  __u16 cls, __u64 sub_ns, __u32 limit, __u32 lines)
{
	__u32 own_lines = lines - GL_WINDOW_SHARED;

	ask->hash = hash;
	ask->own = window_spot_of(hash, 0, own_lines);
	/* Nobody chooses these but the policy and the keyed hash: a plain mix spreads them. */
	hash = ((__u64)kind << 32 | (__u32)cls << 8 | (hash >> 8) % WINDOW_PARENTS) + sub_ns * 31;
	hash = (hash ^ hash >> 31) * 0x9e3779b97f4a7c15ULL;
	hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9ULL;
	ask->parent = window_spot_of(hash ^ hash >> 32, own_lines, GL_WINDOW_SHARED);
	ask->table = NULL;
	ask->sub_ns = sub_ns;
	ask->now_ns = 0;
	ask->limit = limit;
	ask->reserved = 0;
}

/*
 * Names a window. kind, service, class: ids that survive reloads; sub_ns: ceil(W / 9), part of the
 * name, so that a changed W starts a window of its own; q0, q1: the subject, an address as its two
 * words or a principal and 0; lines: size of the table, a multiple of four above GL_WINDOW_SHARED.
 */
static __always_inline void window_ask_init(struct window_ask *ask, const struct gl_key *key,
					    enum window_kind kind, __u16 service, __u16 cls,
					    __u64 sub_ns, __u32 limit, __u32 lines, __u64 q0,
					    __u64 q1)
{
	__u64 words[4] = {window_name_word(kind, service, cls), sub_ns, q0, q1};

	window_ask_at(ask, siphash_words(words, 4, key), kind, cls, sub_ns, limit, lines);
}

enum window_scan {
	WINDOW_SCAN_FULL, /* neither there nor a line to claim */
	WINDOW_SCAN_LIVE, /* there */
	WINDOW_SCAN_OWN, /* there, expired: claim it */
	WINDOW_SCAN_FREE, /* not there, this line is free */
	WINDOW_SCAN_EXPIRED, /* not there, this line is a stranger's, expired */
};

/* Looks through a spot's set; returns line << 8 | enum window_scan. */
WINDOW_FUNCTION __u64 window_scan(const struct window_ask *ask, __u64 wanted, __u32 set,
				  __u64 now_ns)
{
	__u64 found = WINDOW_SCAN_FULL;

	if (!ask)
		return found;
	for (__u32 i = 0; i < GL_WINDOW_WAYS; i++) {
		/* Begin where the tag says: mostly the first line looked at is the one. */
		__u32 index = set + ((wanted >> 8) + i) % GL_WINDOW_WAYS;
		struct gl_window_line *line = WINDOW_LINE(ask->table, index);
		__u64 tag;

		if (!line)
			continue;
		tag = WINDOW_READ(line->tag) & WINDOW_TAG_MASK;
		if (tag == wanted)
			return (__u64)index << 8 |
			       (window_is_live(window_head_read(line), now_ns) ? WINDOW_SCAN_LIVE
									       : WINDOW_SCAN_OWN);
		if (found != WINDOW_SCAN_FULL)
			continue;
		if (!tag)
			found = (__u64)index << 8 | WINDOW_SCAN_FREE;
		else if (!window_is_live(window_head_read(line),
					 now_ns - WINDOW_GRACE_S * WINDOW_NS_PER_S))
			found = (__u64)index << 8 | WINDOW_SCAN_EXPIRED;
	}
	return found;
}

struct window_claim {
	struct gl_window_line *first; /* of the set */
	__u32 now_s;
	__u32 taken;
};

/* 1 ends the waiting. */
static long window_try_lock(__u32 i, struct window_claim *claim)
{
	__u64 tag = WINDOW_READ(claim->first->tag);
	__u32 held_s = (claim->now_s - (__u32)(tag >> 1)) & 127;

	(void)i;
	/* Stolen after 2 s; readings a little older than the holder's come out near 127. */
	if (tag & WINDOW_LOCKED && (held_s <= WINDOW_GRACE_S || held_s > 100))
		return 0;
	claim->taken = __sync_bool_compare_and_swap(
		&claim->first->tag, tag,
		(tag & WINDOW_TAG_MASK) | (claim->now_s & 127) << 1 | WINDOW_LOCKED);
	return claim->taken;
}

/* Takes the claim lock of the set whose first line this is. */
static __always_inline int window_lock(struct gl_window_line *first, __u64 now_ns)
{
	struct window_claim claim = {.first = first, .now_s = (__u32)(now_ns / WINDOW_NS_PER_S)};

	WINDOW_LOOP(WINDOW_LOCK_SPINS, window_try_lock, &claim);
	return claim.taken;
}

static __always_inline void window_unlock(struct gl_window_line *first)
{
	(void)__sync_fetch_and_and(&first->tag, WINDOW_TAG_MASK);
}

/*
 * Fills an unlinked line: empty, or with the counts of the parent, should that be in use.
 * Everything goes by compare-and-swap from what was found: a straggler of the last owner, or
 * whoever stole the lock from us after a long stall, loses nothing by it, and only one of two
 * claimers gets the head.
 */
static __always_inline enum window_verdict window_fill(struct gl_window_line *line,
						       struct gl_window_line *parent,
						       const struct window_found *found,
						       const struct window_ask *ask)
{
	__u32 epoch = (__u32)(ask->now_ns / ask->sub_ns);

	if (parent && (__s32)(window_head_read(parent).last - epoch) > 0)
		return WINDOW_STALE;
	for (__u32 i = 0; i < GL_WINDOW_SLOTS; i++) {
		__u32 slot = parent ? WINDOW_READ(parent->slots[i]) : 0;

		if (window_age(epoch, slot) > WINDOW_BACK)
			slot = 0;
		if (slot != found->slots[i] &&
		    !__sync_bool_compare_and_swap(&line->slots[i], found->slots[i], slot))
			return WINDOW_STALE;
	}
	if (!__sync_bool_compare_and_swap(window_head_word(line), found->head.word,
					  window_head_of(epoch, ask->sub_ns).word))
		return WINDOW_STALE;
	return WINDOW_ADMITTED;
}

/* Gives a line found by window_scan() under the lock to `tag`. */
static __always_inline enum window_verdict window_take(struct gl_window_line *line,
						       struct gl_window_line *parent, __u64 tag,
						       struct window_ask *ask, __u64 how)
{
	__u64 old = WINDOW_READ(line->tag), low = old & ~WINDOW_TAG_MASK;
	__u64 past_ns = ask->now_ns;
	struct window_found *found = &ask->found;
	enum window_verdict verdict;

	if (how == WINDOW_SCAN_EXPIRED)
		past_ns -= WINDOW_GRACE_S * WINDOW_NS_PER_S;
	if (how == WINDOW_SCAN_FREE && old & WINDOW_TAG_MASK)
		return WINDOW_STALE; /* the lock was stolen from us, and this line taken */
	found->head = window_head_read(line);
	for (__u32 i = 0; i < GL_WINDOW_SLOTS; i++)
		found->slots[i] = WINDOW_READ(line->slots[i]);
	WINDOW_TEST_DELAY();
	if (!__sync_bool_compare_and_swap(&line->tag, old, low))
		return WINDOW_BUSY;
	WINDOW_TEST_DELAY();
	if ((how != WINDOW_SCAN_FREE && window_is_live(found->head, past_ns)) ||
	    window_head_read(line).word != found->head.word) {
		(void)__sync_bool_compare_and_swap(&line->tag, low, old);
		return WINDOW_STALE;
	}
	verdict = window_fill(line, parent, found, ask);
	WINDOW_TEST_DELAY();
	if (verdict == WINDOW_ADMITTED && !__sync_bool_compare_and_swap(&line->tag, low, tag | low))
		return WINDOW_BUSY;
	return verdict;
}

/*
 * The live line of a spot, claimed if need be: ADMITTED with ret->index, OVER when the set is full
 * of others' live lines, STALE or BUSY.
 */
WINDOW_FUNCTION enum window_verdict window_open(struct window_ask *ask, int shared,
						struct window_result *ret)
{
	struct gl_window_line *first, *line, *parent = NULL;
	enum window_verdict verdict = WINDOW_ADMITTED;
	struct window_spot spot;
	__u64 scan, how;

	if (!ask || !ret || !ask->sub_ns)
		return WINDOW_BUSY;
	spot = shared ? ask->parent : ask->own;
	scan = window_scan(ask, spot.tag, spot.set, ask->now_ns);
	how = scan & 0xff;
	ret->tag = spot.tag;
	ret->index = (__u32)(scan >> 8);
	if (how == WINDOW_SCAN_LIVE)
		return WINDOW_ADMITTED;
	if (how == WINDOW_SCAN_FULL)
		return WINDOW_OVER;
	first = WINDOW_LINE(ask->table, spot.set);
	if (!first || !window_lock(first, ask->now_ns))
		return WINDOW_BUSY;
	WINDOW_TEST_DELAY();
	if (!shared && how != WINDOW_SCAN_OWN) {
		scan = window_scan(ask, ask->parent.tag, ask->parent.set, ask->now_ns);
		if ((scan & 0xff) == WINDOW_SCAN_LIVE)
			parent = WINDOW_LINE(ask->table, (__u32)(scan >> 8));
	}
	scan = window_scan(ask, spot.tag, spot.set, ask->now_ns);
	how = scan & 0xff;
	ret->index = (__u32)(scan >> 8);
	if (how == WINDOW_SCAN_FULL) {
		verdict = WINDOW_OVER;
	} else if (how != WINDOW_SCAN_LIVE) {
		line = WINDOW_LINE(ask->table, ret->index);
		verdict = line ? window_take(line, parent, spot.tag, ask, how) : WINDOW_BUSY;
		ret->flags |= WINDOW_CLAIMED | (how == WINDOW_SCAN_EXPIRED ? WINDOW_EVICTED : 0);
	}
	window_unlock(first);
	return verdict;
}

/* Whether the subject got a line of its own, or its set is being claimed from right now. */
static __always_inline int window_has_moved(const struct window_ask *ask)
{
	struct gl_window_line *first = WINDOW_LINE(ask->table, ask->own.set);
	__u64 how = window_scan(ask, ask->own.tag, ask->own.set, ask->now_ns) & 0xff;

	return !first || WINDOW_READ(first->tag) & WINDOW_LOCKED || how == WINDOW_SCAN_LIVE ||
	       how == WINDOW_SCAN_OWN;
}

/* Gives back what window_admit() admitted: the request was refused by another ceiling. */
WINDOW_FUNCTION int window_undo(const struct window_ask *ask, const struct window_result *result)
{
	struct gl_window_line *line;

	if (!ask || !result)
		return 0;
	line = WINDOW_LINE(ask->table, result->index);
	if (line && window_tag_is(line, result->tag))
		window_give_back(line, result->epoch);
	return 0;
}

/* Is the subject's line live, and the one its tag says? Nearly always: no walk over the set. */
static __always_inline int window_is_first(const struct window_ask *ask, struct window_result *ret)
{
	__u32 index = ask->own.set + (ask->own.tag >> 8) % GL_WINDOW_WAYS;
	struct gl_window_line *line = WINDOW_LINE(ask->table, index);

	if (!line || !window_tag_is(line, ask->own.tag) ||
	    !window_is_live(window_head_read(line), ask->now_ns))
		return 0;
	ret->tag = ask->own.tag;
	ret->index = index;
	return 1;
}

/*
 * Counts one admission of the subject `ask` names at now_ns (CLOCK_BOOTTIME), if its window has
 * room. *ret is set as far as the verdict says; retry_s is never 0.
 */
WINDOW_FUNCTION enum window_verdict window_admit(struct window_ask *ask, __u64 now_ns,
						 struct window_result *ret)
{
	enum window_verdict verdict;
	struct gl_window_line *line;

	if (!ask || !ret)
		return WINDOW_BUSY;
	*ret = (struct window_result){.retry_s = 1};
	ask->now_ns = now_ns;
	verdict = window_is_first(ask, ret) ? WINDOW_ADMITTED : window_open(ask, 0, ret);
	if (verdict == WINDOW_OVER) {
		verdict = window_open(ask, 1, ret);
		ret->flags |= WINDOW_SHARED;
		if (verdict == WINDOW_OVER)
			return WINDOW_BUSY;
	}
	if (verdict != WINDOW_ADMITTED)
		return verdict;
	line = WINDOW_LINE(ask->table, ret->index);
	if (!line || !ask->sub_ns)
		return WINDOW_BUSY;
	verdict = window_line_admit(line, ret->tag, ask->sub_ns, ask->limit, now_ns, ret);
	if (verdict == WINDOW_OVER)
		ret->retry_s = window_retry_s(line, ret->epoch, ask->sub_ns, now_ns,
					      ret->sum - window_limit(ask->limit));
	if (verdict == WINDOW_ADMITTED && ret->flags & WINDOW_SHARED && window_has_moved(ask)) {
		window_undo(ask, ret);
		return WINDOW_STALE;
	}
	return verdict;
}

/*
 * How many admissions the subject's window holds at now_ns; changes nothing. *ret_retry_s (may be
 * NULL): seconds until one more is admitted, 0 = at once. A subject without a line of its own has
 * its parent's sum, but only where its set is full.
 */
WINDOW_FUNCTION __u32 window_peek(const struct window_ask *ask, __u64 now_ns, __u32 *ret_retry_s)
{
	struct gl_window_line *line;
	__u32 epoch, sum;
	__u64 scan;

	if (ret_retry_s)
		*ret_retry_s = 0;
	if (!ask || !ask->sub_ns)
		return 0;
	scan = window_scan(ask, ask->own.tag, ask->own.set, now_ns);
	if ((scan & 0xff) == WINDOW_SCAN_FULL)
		scan = window_scan(ask, ask->parent.tag, ask->parent.set, now_ns);
	if ((scan & 0xff) != WINDOW_SCAN_LIVE)
		return 0;
	line = WINDOW_LINE(ask->table, (__u32)(scan >> 8));
	if (!line)
		return 0;
	epoch = (__u32)(now_ns / ask->sub_ns);
	sum = window_before(line, epoch) + window_current(window_slot_of(line, epoch), epoch);
	if (ret_retry_s && sum >= ask->limit)
		*ret_retry_s = window_retry_s(line, epoch, ask->sub_ns, now_ns, sum - ask->limit);
	return sum;
}
