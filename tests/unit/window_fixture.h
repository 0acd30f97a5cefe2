/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_fixture.h - what the window tests share: a table, a fake clock's arithmetic, the list of
 * all admissions that the table is held against, and a place where other callers come in between.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/abi.h"

/* Lets a test run other callers in the middle of one: before every look at a line, and between. */
static void come_between(void);
static struct gl_window_line *line_at(void *lines, uint32_t index);
#define WINDOW_TEST_DELAY()     come_between()
#define WINDOW_LINE(ctx, index) line_at(ctx, index)
#include "include/glacis/window.h"
#include "user/base/cleanup.h"

#define S     1000000000ULL
#define LINES (GL_WINDOW_SHARED + 64)

static const struct gl_key key = {0x1111, 0x2222};
static struct gl_window_line table[LINES] __attribute__((aligned(64)));

static void (*between)(void);
static unsigned delays_left;

static void come_between(void)
{
	if (delays_left && --delays_left == 0)
		between();
}

static struct gl_window_line *line_at(void *lines, uint32_t index)
{
	come_between();
	return &((struct gl_window_line *)lines)[index];
}

static inline int setup(void **state)
{
	(void)state;
	memset(table, 0, sizeof(table));
	delays_left = 0;
	return 0;
}

static inline uint64_t sub_of(uint64_t window_ns)
{
	return (window_ns + 8) / 9;
}

static inline struct window_ask ask_in(uint32_t lines, uint64_t subject, uint64_t window_ns,
				       uint32_t limit)
{
	struct window_ask ask;

	window_ask_init(&ask, &key, WINDOW_SOURCE, 1, 2, sub_of(window_ns), limit, lines, 0,
			subject);
	ask.table = table;
	return ask;
}

static inline struct window_ask ask_of(uint64_t subject, uint64_t window_ns, uint32_t limit)
{
	return ask_in(LINES, subject, window_ns, limit);
}

struct history {
	uint64_t *at_ns;
	size_t n, room;
};

static inline void history_add(struct history *history, uint64_t now_ns)
{
	if (history->n == history->room) {
		history->room = history->room * 2 + 64;
		history->at_ns = realloc(history->at_ns, history->room * sizeof(*history->at_ns));
		assert_non_null(history->at_ns);
	}
	history->at_ns[history->n++] = now_ns;
}

/* Admissions of the sub-windows that count at now_ns. */
static inline uint32_t history_sum(const struct history *history, uint64_t now_ns, uint64_t sub_ns)
{
	uint64_t epoch = now_ns / sub_ns;
	uint32_t sum = 0;

	for (size_t i = history->n; i > 0; i--) {
		/* In order but for the last few, who were interrupted. */
		if (history->at_ns[i - 1] / sub_ns + WINDOW_BACK >= epoch)
			sum++;
		else if (history->n - i > 8)
			break;
	}
	return sum;
}

/* Most admissions in any closed window of length W. */
static inline size_t history_most(const struct history *history, uint64_t window_ns)
{
	size_t most = 0;

	for (size_t i = 0, j = 0; i < history->n; i++) {
		while (history->at_ns[i] - history->at_ns[j] > window_ns)
			j++;
		if (i - j + 1 > most)
			most = i - j + 1;
	}
	return most;
}

struct random {
	uint64_t s;
};

static inline uint64_t rnd(struct random *random, uint64_t below)
{
	random->s ^= random->s << 13;
	random->s ^= random->s >> 7;
	random->s ^= random->s << 17;
	return (random->s * 0x2545f4914f6cdd1dULL >> 20) % below;
}

#define ONE_SET (GL_WINDOW_SHARED + GL_WINDOW_WAYS) /* lines of a table with one set */
