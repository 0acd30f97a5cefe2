/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_walk.h - what a register holds where code calls a function, found by walking the code: a
 * small interpreter of x86-64 over moves, addresses, spills, branches and calls. A path that meets
 * anything else ends there, as one does that moves the stack pointer: what is said holds for the
 * paths that were walked. Called by probe_site.c; the code is a stranger's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum walk_kind {
	WALK_OTHER, /* something we do not follow */
	WALK_ZERO,
	WALK_BEFORE, /* what register `reg` held where the walk began */
	WALK_SP, /* the address `displacement` from the stack pointer */
	WALK_FP, /* from the frame pointer as it was where the walk began */
};

struct walk_value {
	uint8_t kind; /* enum walk_kind */
	uint8_t reg;
	int32_t displacement;
};

struct walk_arrival {
	size_t call; /* where the call is in the code */
	struct walk_value argument; /* its second argument */
	bool same_fp; /* the frame pointer is as it was */
};

/*
 * From `start`, behind a call, over every path to the first of the n_calls places on it. Returns
 * how many arrivals there are, a call counted once; -ENOENT: more than `max`, one call with two
 * different arguments, or too long a way.
 */
int probe_walk(const uint8_t *code, size_t n, size_t start, const size_t *calls, size_t n_calls,
	       struct walk_arrival *ret_arrivals, size_t max);
