/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h - counting towards alert thresholds: so many events of a kind, of one source, principal
 * or operation, in any window of length W. Called by the doors' response side, by the keeper for
 * HTTP/2 (on a table of its own) and by the tests. User space reads the table; rings only hurry it.
 *
 * A flat array of two-line entries (struct gl_watch) in sets of four; the counting is
 * window_line.h's: the N-th event of a window finds the sum at N, exactly one does, and that is the
 * crossing. Further events of the window only add to `total`. So a window of W may reach one
 * sub-window (W / 9) further back: a threshold is never missed, at worst W / 9 early.
 *
 * Unlike a limit nothing is refused here, so a full set gives up the line whose last event is the
 * oldest (WATCH_EVICTED, counted by the caller), and a subject starts anew there. An outsider with
 * very many addresses can so hide each one's own count, not the operation's.
 *
 * Claiming is under window.h's lock of the set, so that a tag never stands twice. A reader copies a
 * line between two looks at its tag.
 *
 * WATCH_LINE(ctx, index) is how the includer reaches a line: a pointer or NULL, as WINDOW_LINE.
 */
#pragma once

#include "include/glacis/admit.h"

#ifndef WATCH_LINE
#define WATCH_LINE(ctx, index) (&((struct gl_watch *)(ctx))[index])
#endif

#define WATCH_WAYS 4

enum watch_outcome {
	WATCH_COUNTED,
	WATCH_CROSSED, /* this event is the N-th of its window */
	WATCH_STALE, /* the clock reading is too old: read it again, ask again, a few times */
	WATCH_LOST, /* no line could be had: not counted */
};

/* One event, and the line it counts in. */
struct watch_ask {
	struct gl_addr source;
	__u64 principal;
	__u64 tag;
	__u64 sub_ns;
	void *table; /* for WATCH_LINE(); borrowed */
	__u64 words[4]; /* what the tag is the hash of; here, as the next two, for the stack's sake
			 */
	struct window_result result;
	struct gl_rec_crossed crossed;
	__u32 set; /* first line of it */
	__u32 at_least;
	__u32 index; /* of the line, once counted */
	__u16 service, op, cls, status;
	__u8 rule, by;
	__u8 evicted; /* a live line was given up for it */
	__u8 reserved;
};

/* What rule an answer of the application counts for; GL_WATCH_MAX: none. */
static __always_inline __u32 watch_rule_of(__u16 status)
{
	if (status < 401)
		return GL_WATCH_MAX;
	if (status == 401)
		return GL_WATCH_AUTH;
	if (status == 403)
		return GL_WATCH_FORBIDDEN;
	return status >= 500 ? GL_WATCH_ERROR : GL_WATCH_MAX;
}

/* Names the line of `ask` by rule, by and what it is about. 0 = it counts for nobody. */
WINDOW_FUNCTION int watch_name(struct watch_ask *ask, const struct gl_watch_rule *rule,
			       const struct gl_key *key)
{
	__u64 *words, hash;
	struct gl_addr source;

	if (!ask || !rule || !key)
		return 0;
	words = ask->words;
	ask->sub_ns = rule->sub_ns;
	ask->at_least = ask->by == GL_WATCH_BY_SOURCE      ? rule->at_least[GL_WATCH_BY_SOURCE]
			: ask->by == GL_WATCH_BY_PRINCIPAL ? rule->at_least[GL_WATCH_BY_PRINCIPAL]
							   : rule->at_least[GL_WATCH_BY_OPERATION];
	if (!ask->at_least || !ask->sub_ns)
		return 0;
	words[0] = 1ull << 63 | (__u64)ask->rule << 48 | (__u64)ask->by << 32 |
		   (__u32)ask->service << 16;
	words[1] = ask->sub_ns;
	words[2] = words[3] = 0;
	if (ask->by == GL_WATCH_BY_SOURCE) {
		source = admit_source(&ask->source);
		words[0] |= ask->rule == GL_WATCH_LIMIT ? ask->cls : 0;
		words[2] = source.q[0];
		words[3] = source.q[1];
	} else if (ask->by == GL_WATCH_BY_PRINCIPAL) {
		if (!ask->principal)
			return 0;
		words[2] = ask->principal;
	} else {
		words[0] |= ask->op;
	}
	hash = siphash_words(words, 4, key);
	ask->tag = hash & WINDOW_TAG_MASK;
	if (!ask->tag)
		ask->tag = ~WINDOW_TAG_MASK + 1;
	ask->set = (__u32)((hash >> 32) * (GL_WATCH_LINES / WATCH_WAYS) >> 32) * WATCH_WAYS;
	return 1;
}

enum watch_scan {
	WATCH_SCAN_LIVE, /* there */
	WATCH_SCAN_TAKE, /* not there, or out of its window: this is the line to take */
	WATCH_SCAN_EVICT, /* not there, and all are live: this one's last event is the oldest */
};

/* Looks through a set: line << 8 | enum watch_scan. */
WINDOW_FUNCTION __u64 watch_scan(const struct watch_ask *ask, __u64 now_ns)
{
	__u64 found = WATCH_SCAN_EVICT, oldest_ns = ~0ull;

	if (!ask)
		return found;
	for (__u32 i = 0; i < WATCH_WAYS; i++) {
		__u32 index = ask->set + i;
		struct gl_watch *w = WATCH_LINE(ask->table, index);
		__u64 tag, last_ns;
		int live;

		if (!w)
			continue;
		tag = WINDOW_READ(w->line.tag) & WINDOW_TAG_MASK;
		live = tag && window_is_live(window_head_read(&w->line), now_ns);
		if (tag == ask->tag)
			return (__u64)index << 8 | (live ? WATCH_SCAN_LIVE : WATCH_SCAN_TAKE);
		last_ns = live ? WINDOW_READ(w->last_ns) | 1 : 0;
		if (last_ns >= oldest_ns)
			continue;
		oldest_ns = last_ns;
		found = (__u64)index << 8 | (live ? WATCH_SCAN_EVICT : WATCH_SCAN_TAKE);
	}
	return found;
}

/* Empties a line and makes it the asker's; under the lock of its set. */
static __always_inline int watch_take(struct gl_watch *w, const struct watch_ask *ask, __u64 now_ns)
{
	__u64 old = WINDOW_READ(w->line.tag), low = old & ~WINDOW_TAG_MASK;

	if (!__sync_bool_compare_and_swap(&w->line.tag, old, low))
		return -1;
	for (__u32 i = 0; i < GL_WINDOW_SLOTS; i++)
		*(volatile __u32 *)&w->line.slots[i] = 0;
	*(volatile window_word *)window_head_word(&w->line) =
		window_head_of((__u32)(now_ns / ask->sub_ns), ask->sub_ns).word;
	w->source = ask->by == GL_WATCH_BY_SOURCE ? admit_source(&ask->source) : ask->source;
	w->principal = ask->principal;
	w->first_ns = now_ns;
	w->last_ns = now_ns;
	w->crossed_ns = 0;
	w->total = 0;
	w->service = ask->service;
	w->op = ask->op;
	w->cls = ask->cls;
	w->status = ask->status;
	w->rule = ask->rule;
	w->by = ask->by;
	w->reserved = 0;
	/* a full barrier: who sees the tag sees what is above */
	return __sync_bool_compare_and_swap(&w->line.tag, low, ask->tag | low) ? 0 : -1;
}

/* The asker's line, taken if need be. */
WINDOW_FUNCTION int watch_open(struct watch_ask *ask, __u64 now_ns)
{
	struct gl_watch *first, *w;
	int outcome = WATCH_COUNTED;
	__u64 scan;

	if (!ask || !ask->sub_ns)
		return WATCH_LOST;
	scan = watch_scan(ask, now_ns);
	ask->index = (__u32)(scan >> 8);
	if ((scan & 0xff) == WATCH_SCAN_LIVE)
		return WATCH_COUNTED;
	first = WATCH_LINE(ask->table, ask->set);
	if (!first || !window_lock(&first->line, now_ns))
		return WATCH_LOST;
	scan = watch_scan(ask, now_ns);
	ask->index = (__u32)(scan >> 8);
	if ((scan & 0xff) != WATCH_SCAN_LIVE) {
		w = WATCH_LINE(ask->table, ask->index);
		if (!w || watch_take(w, ask, now_ns))
			outcome = WATCH_LOST;
		ask->evicted = (scan & 0xff) == WATCH_SCAN_EVICT;
	}
	window_unlock(&first->line);
	return outcome;
}

/*
 * Counts the event `ask` names at now_ns (CLOCK_BOOTTIME), after watch_open() with the same reading
 * has said COUNTED: enum watch_outcome. Two calls, as a program's stack has no room for one inside
 * the other.
 */
WINDOW_FUNCTION int watch_count(struct watch_ask *ask, __u64 now_ns)
{
	enum window_verdict verdict;
	struct gl_watch *w;

	if (!ask || !ask->sub_ns)
		return WATCH_LOST;
	w = WATCH_LINE(ask->table, ask->index);
	if (!w)
		return WATCH_LOST;
	verdict = window_line_admit(&w->line, ask->tag, ask->sub_ns, ask->at_least, now_ns,
				    &ask->result);
	if (verdict == WINDOW_STALE)
		return WATCH_STALE;
	if (verdict == WINDOW_BUSY)
		return WATCH_LOST;
	__sync_fetch_and_add(&w->total, 1);
	*(volatile __u64 *)&w->last_ns = now_ns;
	if (verdict != WINDOW_ADMITTED || ask->result.sum != ask->at_least)
		return WATCH_COUNTED;
	*(volatile __u64 *)&w->crossed_ns = now_ns;
	return WATCH_CROSSED;
}

/* Both, in user space. */
static inline int watch_once(struct watch_ask *ask, __u64 now_ns)
{
	return watch_open(ask, now_ns) == WATCH_COUNTED ? watch_count(ask, now_ns) : WATCH_LOST;
}

/*
 * A copy of a line as it was at one moment. 0: it is free, or changed hands meanwhile (look again
 * later). Counts may be newer than times.
 */
static inline int watch_read(const struct gl_watch *line, struct gl_watch *ret_copy)
{
	__u64 tag = __atomic_load_n(&line->line.tag, __ATOMIC_ACQUIRE) & WINDOW_TAG_MASK;

	if (!tag)
		return 0;
	*ret_copy = *line;
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	ret_copy->line.tag = tag;
	return (__atomic_load_n(&line->line.tag, __ATOMIC_RELAXED) & WINDOW_TAG_MASK) == tag;
}
