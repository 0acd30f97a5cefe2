/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_line.h - counting in one line of the window table (I3): reserve, sum, give back.
 *
 * Not here: which line a subject has (window.h, the only includer). Time is cut into sub-windows of
 * sub_ns = ceil(W / 9), numbered by `epoch` = now / sub_ns. An admission in epoch e counts until
 * epoch e + 9 has ended, so whatever window of length W is looked at, all its admissions were
 * summed by the last of them: the ceiling is exact, and the rounding, at most one sub-window, is
 * against the client.
 *
 * Several callers count in one line at once, each with a clock reading it took some time ago:
 *  1. `last`, the newest epoch of the line, is raised to the caller's epoch before it reserves. A
 *     caller whose epoch is older than `last` is STALE: it reads the clock again, never is
 * admitted.
 *  2. It reserves in its epoch's slot by an atomic add, whose old value is its place in the slot:
 *     of callers racing for the last place exactly one gets it.
 *  3. It sums the slots before its own, then looks at `last` and the tag once more. If either
 * moved, somebody may have overwritten a slot it summed or summed without it: it gives the
 * reservation back and is STALE. Why never N + 1: take callers A and B with A's epoch older. Either
 * B raised `last` before A's last look, then A is STALE; or A's reservation came before, and B,
 * which sums after raising, saw it. Within one slot, a place is the number of reservations
 * standing, so the last admitted one's place bounds them all.
 *
 * A slot has 12 bits of epoch: 4096 sub-windows later an old count would look new. It cannot: who
 * raises `last` clears every slot older than 32 sub-windows, and a line whose last admission is out
 * of the window (expires_s) is restarted with empty slots, however long it slept. Should a raiser
 * die before clearing (SIGKILL of the keeper), an old count may count once more for at most W, and
 * the next raiser clears it: against the client, and not for good. Nothing is ever forgotten early.
 *
 * Helper-free; `now` is an argument; only 32/64-bit compare-and-swap and fetch-and-add, which
 * uprobe.s, tc and XDP programs may use on a map value, and the host on the same mapped memory.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

#ifndef NULL
#define NULL ((void *)0)
#endif

/* A test of interleavings defines it to lose time on purpose; nothing otherwise. */
#ifndef WINDOW_TEST_DELAY
#define WINDOW_TEST_DELAY() ((void)0)
#endif

#define WINDOW_BACK       9 /* sub-windows before the current one that count */
#define WINDOW_KEEP       32 /* older slots are cleared when `last` is raised */
#define WINDOW_EPOCH_MASK 0xfffu
#define WINDOW_COUNT_BITS 20
#define WINDOW_TRIES      8 /* rounds of a compare-and-swap before giving up */
#define WINDOW_NS_PER_S   1000000000ULL

/* A slot stops here, so that adds under way cannot carry into its epoch: at most this much per W.
 */
#define WINDOW_LIMIT_MAX (GL_WINDOW_COUNT_MAX - 4096)

/* The low byte of a tag is the claim lock of its set (window.h); the rest names the subject. */
#define WINDOW_TAG_MASK (~0xffULL)

enum window_verdict {
	WINDOW_ADMITTED,
	WINDOW_OVER, /* the window has its N: retry_s says for how long */
	WINDOW_STALE, /* the clock reading is too old: read it again, ask again, a few times */
	WINDOW_BUSY, /* no line could be had; not admitted */
};

struct window_result {
	__u64 tag; /* of the line counted in; what window_undo() needs, with index and epoch */
	__u32 index;
	__u32 epoch;
	__u32 sum; /* admissions in the window, this one included */
	__u32 retry_s; /* OVER: seconds until one more can be admitted */
	__u32 flags; /* enum window_flags */
	__u32 reserved;
};

union window_head {
	struct {
		__u32 last, expires_s;
	};
	__u64 word;
};

typedef __u64 __attribute__((__may_alias__)) window_word;

#define WINDOW_READ(x) (*(const volatile __typeof__(x) *)&(x))

/* `last` and `expires_s` change together, as one word. */
static __always_inline window_word *window_head_word(struct gl_window_line *line)
{
	return (window_word *)&line->last;
}

static __always_inline union window_head window_head_read(struct gl_window_line *line)
{
	union window_head head;

	head.word = *(const volatile window_word *)window_head_word(line);
	return head;
}

static __always_inline __u32 window_limit(__u32 limit)
{
	return limit < WINDOW_LIMIT_MAX ? limit : WINDOW_LIMIT_MAX;
}

/* Counts of `epoch` matter until epoch + 9 has ended; rounded up to seconds. */
static __always_inline union window_head window_head_of(__u32 epoch, __u64 sub_ns)
{
	union window_head head;
	__u64 end_ns = ((__u64)epoch + WINDOW_BACK + 1) * sub_ns;

	head.last = epoch;
	head.expires_s = (__u32)((end_ns + WINDOW_NS_PER_S - 1) / WINDOW_NS_PER_S);
	return head;
}

static __always_inline int window_is_live(union window_head head, __u64 now_ns)
{
	return now_ns < head.expires_s * WINDOW_NS_PER_S;
}

static __always_inline int window_tag_is(struct gl_window_line *line, __u64 tag)
{
	return ((WINDOW_READ(line->tag) ^ tag) & WINDOW_TAG_MASK) == 0;
}

static __always_inline __u32 window_age(__u32 epoch, __u32 slot)
{
	return (epoch - (slot >> WINDOW_COUNT_BITS)) & WINDOW_EPOCH_MASK;
}

static __always_inline __u32 window_count(__u32 slot)
{
	return slot & GL_WINDOW_COUNT_MAX;
}

/* The slot at a ring position, 12 being 0 again. */
static __always_inline __u32 *window_slot_at(struct gl_window_line *line, __u64 pos)
{
	opaque(pos); /* else the compiler, which knows pos <= 12, drops the compare */
	if (pos >= GL_WINDOW_SLOTS)
		pos = 0;
	return &line->slots[pos];
}

static __always_inline __u32 *window_slot_of(struct gl_window_line *line, __u32 epoch)
{
	return window_slot_at(line, epoch % GL_WINDOW_SLOTS);
}

/*
 * Sum of the slots aged 1..9, without branches: the verifier would walk both ways of each of
 * twelve.
 */
static __always_inline __u32 window_before(struct gl_window_line *line, __u32 epoch)
{
	__u32 sum = 0;

	for (__u32 i = 0; i < GL_WINDOW_SLOTS; i++) {
		__u32 slot = WINDOW_READ(line->slots[i]);
		__u32 age = window_age(epoch - 1, slot);

		sum += window_count(slot) & (0u - ((age - WINDOW_BACK) >> 31));
	}
	return sum;
}

/* The count in epoch's own slot. */
static __always_inline __u32 window_current(__u32 *own, __u32 epoch)
{
	__u32 slot = WINDOW_READ(*own);

	return window_age(epoch, slot) ? 0 : window_count(slot);
}

/* Takes one off a slot while it is epoch's (its low 12 bits). */
VERIFIED_ONCE int window_take_off(__u32 *own, __u32 epoch)
{
	for (int i = 0; own && i < WINDOW_TRIES; i++) {
		__u32 slot = WINDOW_READ(*own);

		if (window_age(epoch, slot) || !window_count(slot))
			return 0;
		if (__sync_bool_compare_and_swap(own, slot, slot - 1))
			return 0;
	}
	/* Still contended: one count too many for at most W, against the client. */
	return -1;
}

/* Gives a reservation back; once the ring has come round its slot is another's, looks aside. */
static __always_inline void window_give_back(struct gl_window_line *line, __u32 epoch)
{
	if (window_head_read(line).last - epoch < GL_WINDOW_SLOTS)
		window_take_off(window_slot_of(line, epoch), epoch);
}

/* Clears what would look new once the 12 bits come round. Never touches a slot that changes. */
VERIFIED_ONCE int window_clear_old(struct gl_window_line *line, __u32 epoch)
{
	for (__u32 i = 0; line && i < GL_WINDOW_SLOTS; i++) {
		__u32 slot = WINDOW_READ(line->slots[i]);

		__u32 age = window_age(epoch, slot);

		/* The upper half is newer than `epoch`: we took our time since raising it. */
		if (slot && age >= WINDOW_KEEP && age <= WINDOW_EPOCH_MASK / 2)
			(void)__sync_val_compare_and_swap(&line->slots[i], slot, 0);
	}
	return 0;
}

/* Makes mine.last the newest epoch of the line, or finds it already. */
static __always_inline enum window_verdict window_raise(struct gl_window_line *line, __u64 tag,
							union window_head mine)
{
	for (int i = 0; i < WINDOW_TRIES; i++) {
		union window_head head = window_head_read(line);

		/* In this order: a head of the line's next owner comes after the tag's change. */
		if (!window_tag_is(line, tag) || (__s32)(head.last - mine.last) > 0)
			return WINDOW_STALE;
		if (head.last == mine.last)
			return WINDOW_ADMITTED;
		if (__sync_bool_compare_and_swap(window_head_word(line), head.word, mine.word)) {
			WINDOW_TEST_DELAY();
			window_clear_old(line, mine.last);
			return WINDOW_ADMITTED;
		}
	}
	return WINDOW_BUSY;
}

/* One reservation in epoch's slot; *ret_place is how many stand there, this one included. */
static __always_inline enum window_verdict window_reserve(__u32 *own, __u32 epoch, __u32 *ret_place)
{
	__u32 mine = (epoch & WINDOW_EPOCH_MASK) << WINDOW_COUNT_BITS;

	for (int i = 0; i < WINDOW_TRIES; i++) {
		__u32 slot = WINDOW_READ(*own), age = window_age(epoch, slot);

		if (age) {
			/* A newer epoch's counts: we are late. An older one's are out of the
			 * window. */
			if (age > WINDOW_EPOCH_MASK / 2 && window_count(slot))
				return WINDOW_STALE;
			if (!__sync_bool_compare_and_swap(own, slot, mine | 1))
				continue;
			*ret_place = 1;
			return WINDOW_ADMITTED;
		}
		if (window_count(slot) >= WINDOW_LIMIT_MAX)
			return WINDOW_BUSY;
		WINDOW_TEST_DELAY();
		slot = __sync_fetch_and_add(own, 1);
		if (window_age(epoch, slot)) { /* overwritten just now: that one is not ours */
			window_take_off(own, slot >> WINDOW_COUNT_BITS);
			return WINDOW_STALE;
		}
		*ret_place = window_count(slot) + 1;
		return WINDOW_ADMITTED;
	}
	return WINDOW_BUSY;
}

/*
 * Seconds until so many of the oldest admissions have left that one more fits: where the window
 * holds its N (`over` is 0), until the oldest counted slot leaves. At least 1.
 */
VERIFIED_ONCE __u32 window_retry_s(struct gl_window_line *line, __u32 epoch, __u64 sub_ns,
				   __u64 now_ns, __u32 over)
{
	__u64 pos = (epoch + GL_WINDOW_SLOTS - WINDOW_BACK) % GL_WINDOW_SLOTS;
	__u32 age = WINDOW_BACK;
	__u64 leaves_ns;

	if (!line)
		return 1;
	for (; age > 0; age--) {
		__u32 *at = window_slot_at(line, pos), slot = WINDOW_READ(*at);

		if (window_age(epoch, slot) == age)
			over -= window_count(slot);
		if ((__s32)over < 0)
			break;
		pos = pos == GL_WINDOW_SLOTS ? 1 : pos + 1;
	}
	leaves_ns = ((__u64)epoch + WINDOW_BACK + 1 - age) * sub_ns;
	return (__u32)((leaves_ns - now_ns + WINDOW_NS_PER_S - 1) / WINDOW_NS_PER_S);
}

/*
 * One admission in a line the caller found live under `tag`. Refusing writes nothing, so that a
 * flood over its limit does not fight for the cache line. ret->epoch and ret->sum are set.
 */
static __always_inline enum window_verdict window_line_admit(struct gl_window_line *line, __u64 tag,
							     __u64 sub_ns, __u32 limit,
							     __u64 now_ns,
							     struct window_result *ret)
{
	__u32 epoch = (__u32)(now_ns / sub_ns), place = 0;
	__u32 *own = window_slot_of(line, epoch);
	union window_head mine;
	enum window_verdict verdict;

	limit = window_limit(limit);
	ret->epoch = epoch;
	if ((__s32)(window_head_read(line).last - epoch) > 0)
		return WINDOW_STALE;
	ret->sum = window_before(line, epoch) + window_current(own, epoch);
	if (ret->sum >= limit)
		return WINDOW_OVER;

	WINDOW_TEST_DELAY();
	mine = window_head_of(epoch, sub_ns);
	verdict = window_raise(line, tag, mine);
	if (verdict != WINDOW_ADMITTED)
		return verdict;
	WINDOW_TEST_DELAY();
	verdict = window_reserve(own, epoch, &place);
	if (verdict != WINDOW_ADMITTED)
		return verdict;
	WINDOW_TEST_DELAY();
	ret->sum = window_before(line, epoch) + place;
	WINDOW_TEST_DELAY();
	/* The last look is a compare-and-swap with itself: it orders the reads on every machine. */
	if (__sync_val_compare_and_swap(window_head_word(line), mine.word, mine.word) !=
		    mine.word ||
	    !window_tag_is(line, tag)) {
		window_give_back(line, epoch);
		return WINDOW_STALE;
	}
	if (ret->sum <= limit)
		return WINDOW_ADMITTED;
	window_give_back(line, epoch);
	ret->sum--;
	return WINDOW_OVER;
}
