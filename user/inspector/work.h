/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * work.h - what an inspector does all day: takes chunks from its ring and records from the keeper,
 * has them read, and tells.
 */
#pragma once

#include <stdint.h>

struct work;

/*
 * Loads and maps everything: the descriptors are child.h's. ring_bytes 0: there is no ring. Called
 * before the sandbox is closed.
 */
int work_new(unsigned number, uint32_t ring_bytes, struct work **ret_work);
void work_free(struct work *work); /* NULL-safe */
static inline void work_freep(struct work **work)
{
	work_free(*work);
}

/* Until the keeper closes the channel: 0; or -errno, logged. */
int work_run(struct work *work);
