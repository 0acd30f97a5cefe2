/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ring.h - reads a BPF ring buffer through its mapped memory: no BPF call, no library. The layout
 * is the kernel's (BPF_MAP_TYPE_RINGBUF): one page with the consumer's position, one with the
 * producer's, then the data, mapped twice in a row so that no record is ever split. Positions grow
 * without end; each record has a header of 8 bytes, whose length word carries "busy" and "discard".
 *
 * Everything read is checked as from a stranger.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct ring;

/*
 * Maps the ring behind fd (borrowed, only needed here and for waiting): `bytes` of data, a power of
 * two and whole pages, as its max_entries say. -EINVAL, or what mmap(2) says.
 */
int ring_new(int fd, uint32_t bytes, struct ring **ret_ring);
void ring_free(struct ring *ring); /* NULL-safe */
static inline void ring_freep(struct ring **ring)
{
	ring_free(*ring);
}

/* Gets each record in order; it is gone when the call returns. */
typedef void (*ring_record_fn)(const void *record, size_t size, void *userdata);

/*
 * Takes at most `max` records, those that were discarded left out. Returns how many; 0: nothing is
 * there; -EBADMSG: the memory makes no sense, nothing more can be read from it.
 */
int ring_drain(struct ring *ring, unsigned max, ring_record_fn handler, void *userdata);
