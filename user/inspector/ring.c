/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/ring.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/base/cleanup.h"

struct ring {
	size_t page;
	uint32_t bytes, mask;
	uint64_t *consumer; /* ours */
	const uint64_t *producer; /* the kernel's, read-only */
	const uint8_t *data;
};

static size_t length_producer(const struct ring *ring)
{
	return ring->page + 2 * (size_t)ring->bytes;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	if (ring->consumer)
		munmap(ring->consumer, ring->page);
	if (ring->producer)
		munmap((void *)ring->producer, length_producer(ring));
	free(ring);
}

static int map_pages(int fd, size_t length, int protection, off_t off, void **ret_memory)
{
	void *memory = mmap(NULL, length, protection, MAP_SHARED, fd, off);

	if (memory == MAP_FAILED)
		return -errno;
	*ret_memory = memory;
	return 0;
}

int ring_new(int fd, uint32_t bytes, struct ring **ret_ring)
{
	_cleanup_(ring_freep) struct ring *ring = calloc(1, sizeof(*ring));
	int r;

	if (!ring)
		return -ENOMEM;
	ring->page = (size_t)sysconf(_SC_PAGESIZE);
	if (bytes < ring->page || bytes > 1u << 30 || bytes & (bytes - 1))
		return -EINVAL;
	ring->bytes = bytes;
	ring->mask = bytes - 1;
	r = map_pages(fd, ring->page, PROT_READ | PROT_WRITE, 0, (void **)&ring->consumer);
	if (r == 0)
		r = map_pages(fd, length_producer(ring), PROT_READ, (off_t)ring->page,
			      (void **)&ring->producer);
	if (r < 0)
		return r;
	ring->data = (const uint8_t *)ring->producer + ring->page;
	*ret_ring = TAKE_PTR(ring);
	return 0;
}

static uint64_t whole(uint32_t size)
{
	return ((uint64_t)size + BPF_RINGBUF_HDR_SZ + 7) & ~7ull;
}

int ring_drain(struct ring *ring, unsigned max, ring_record_fn handler, void *userdata)
{
	uint64_t at = __atomic_load_n(ring->consumer, __ATOMIC_RELAXED);
	uint64_t end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	unsigned n = 0;

	if (end - at > ring->bytes)
		return -EBADMSG;
	while (n < max && at < end) {
		const uint8_t *header = ring->data + (at & ring->mask);
		uint32_t word = __atomic_load_n((const uint32_t *)header, __ATOMIC_ACQUIRE);
		uint32_t size = word & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);

		if (word & BPF_RINGBUF_BUSY_BIT) /* not written yet; what follows waits for it */
			break;
		if (whole(size) > end - at)
			return -EBADMSG;
		if (!(word & BPF_RINGBUF_DISCARD_BIT)) {
			handler(header + BPF_RINGBUF_HDR_SZ, size, userdata);
			n++;
		}
		at += whole(size);
		/* one by one: the room is the kernel's again at once */
		__atomic_store_n(ring->consumer, at, __ATOMIC_RELEASE);
	}
	return (int)n;
}
