/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool.h - memory for what is buffered, within one limit. Blocks come in powers of two and are
 * kept for the next taker when they are given back, so that nothing is allocated per event once
 * traffic is steady. Not here: who gives way when the limit is reached (connections.c).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POOL_SMALLEST 64
#define POOL_CLASSES  11 /* 64 bytes to 64 KiB; larger blocks are not kept */

struct pool_block;
struct pool {
	size_t limit;
	size_t used; /* by takers */
	size_t held; /* used or kept */
	struct pool_block *kept[POOL_CLASSES];
};

/* What a request for `size` bytes takes. */
size_t pool_round(size_t size);
/* A block of pool_round(size) bytes, not cleared; NULL: the limit, or no memory. */
void *pool_take(struct pool *pool, size_t size);
/* `size`: as asked for, or as rounded. p may be NULL. */
void pool_give(struct pool *pool, void *p, size_t size);
/* Gives back to the system all that is kept. */
void pool_trim(struct pool *pool);
