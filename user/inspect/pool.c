/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool.c - see pool.h. */
#include "user/inspect/pool.h"

#include <stdlib.h>

/* Under ASan nothing is kept, or a use after pool_give() would go unseen. */
#if defined(__SANITIZE_ADDRESS__)
#define POOL_KEEPS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POOL_KEEPS false
#endif
#endif
#ifndef POOL_KEEPS
#define POOL_KEEPS true
#endif

#define LARGE_STEP 4096

struct pool_block {
	struct pool_block *next;
};

static unsigned class_of(size_t size)
{
	unsigned c = 0;

	while (c < POOL_CLASSES && ((size_t)POOL_SMALLEST << c) < size)
		c++;
	return c;
}

size_t pool_round(size_t size)
{
	unsigned c = class_of(size);

	if (c < POOL_CLASSES)
		return (size_t)POOL_SMALLEST << c;
	return (size + LARGE_STEP - 1) & ~(size_t)(LARGE_STEP - 1);
}

static void drop_kept(struct pool *pool, unsigned c)
{
	struct pool_block *block = pool->kept[c];

	pool->kept[c] = block->next;
	pool->held -= (size_t)POOL_SMALLEST << c;
	free(block);
}

/* Makes room under the limit out of kept blocks of other sizes, largest first. */
static bool make_room(struct pool *pool, size_t size)
{
	for (unsigned c = POOL_CLASSES; c-- > 0;)
		while (pool->held + size > pool->limit && pool->kept[c])
			drop_kept(pool, c);
	return pool->held + size <= pool->limit;
}

void *pool_take(struct pool *pool, size_t size)
{
	unsigned c = class_of(size);
	size_t rounded = pool_round(size);
	struct pool_block *block;

	if (size > pool->limit)
		return NULL;
	if (c < POOL_CLASSES && pool->kept[c]) {
		block = pool->kept[c];
		pool->kept[c] = block->next;
		pool->used += rounded;
		return block;
	}
	if (!make_room(pool, rounded))
		return NULL;
	block = malloc(rounded);
	if (!block)
		return NULL;
	pool->held += rounded;
	pool->used += rounded;
	return block;
}

void pool_give(struct pool *pool, void *p, size_t size)
{
	unsigned c = class_of(size);
	struct pool_block *block = p;

	if (!p)
		return;
	pool->used -= pool_round(size);
	if (!POOL_KEEPS || c == POOL_CLASSES) {
		pool->held -= pool_round(size);
		free(p);
		return;
	}
	block->next = pool->kept[c];
	pool->kept[c] = block;
}

void pool_trim(struct pool *pool)
{
	for (unsigned c = 0; c < POOL_CLASSES; c++)
		while (pool->kept[c])
			drop_kept(pool, c);
}
