/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/mmaps.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "user/base/cleanup.h"

#define RING_PAGES 64 /* a power of two: two thousand records */
#define CPUS_MAX   4096
#define RECORD_MAX 8192 /* a path has at most a page */

struct ring {
	int fd;
	struct perf_event_mmap_page *page; /* followed by RING_PAGES of records */
};

struct mmaps {
	struct ring *rings;
	size_t n;
	int epoll_fd;
	size_t page_bytes;
	uint64_t lost;
};

/* PERF_RECORD_MMAP2, without the build id variant that was not asked for. */
struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	uint32_t maj, min;
	uint64_t ino, ino_generation;
	uint32_t prot, flags;
	char path[];
};

static int open_ring(struct mmaps *mmaps, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1, /* of executable memory only */
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = 1,
	};
	struct ring *ring = &mmaps->rings[mmaps->n];
	struct epoll_event event = {.events = EPOLLIN};
	_cleanup_close_ int fd =
		(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	void *memory;

	if (fd < 0)
		return -errno;
	memory = mmap(NULL, (1 + RING_PAGES) * mmaps->page_bytes, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	if (epoll_ctl(mmaps->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		munmap(memory, (1 + RING_PAGES) * mmaps->page_bytes);
		return -errno;
	}
	ring->page = memory;
	ring->fd = TAKE_FD(fd);
	mmaps->n++;
	return 0;
}

static void mmaps_freep(struct mmaps **mmaps)
{
	mmaps_free(*mmaps);
}

int mmaps_new(struct mmaps **ret_mmaps)
{
	_cleanup_(mmaps_freep) struct mmaps *mmaps = calloc(1, sizeof(*mmaps));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);

	if (!mmaps)
		return -ENOMEM;
	if (cpus < 1 || cpus > CPUS_MAX)
		return -E2BIG;
	mmaps->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	mmaps->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (mmaps->epoll_fd < 0)
		return -errno;
	mmaps->rings = calloc((size_t)cpus, sizeof(*mmaps->rings));
	if (!mmaps->rings)
		return -ENOMEM;
	for (int cpu = 0; cpu < cpus; cpu++) {
		int r = open_ring(mmaps, cpu);

		if (r < 0 && r != -ENODEV) /* a CPU that is offline: nothing runs there */
			return r;
	}
	if (mmaps->n == 0)
		return -ENODEV;
	*ret_mmaps = TAKE_PTR(mmaps);
	return 0;
}

void mmaps_free(struct mmaps *mmaps)
{
	if (!mmaps)
		return;
	for (size_t i = 0; i < mmaps->n; i++) {
		munmap(mmaps->rings[i].page, (1 + RING_PAGES) * mmaps->page_bytes);
		close(mmaps->rings[i].fd);
	}
	free(mmaps->rings);
	cleanup_close(&mmaps->epoll_fd);
	free(mmaps);
}

int mmaps_fd(const struct mmaps *mmaps)
{
	return mmaps->epoll_fd;
}

static void take_record(struct mmaps *mmaps, char *record, size_t size, mmap_event_fn fn,
			void *userdata)
{
	const struct perf_event_header *header = (const void *)record;
	const struct mmap2_record *map = (const void *)record;
	struct mmap_event event;

	if (header->type == PERF_RECORD_LOST && size >= sizeof(*header) + 16) {
		uint64_t lost;

		memcpy(&lost, record + sizeof(*header) + 8, sizeof(lost));
		mmaps->lost += lost;
		return;
	}
	if (header->type != PERF_RECORD_MMAP2 || size <= offsetof(struct mmap2_record, path))
		return;
	record[size - 1] = '\0';
	event = (struct mmap_event){.pid = (pid_t)map->pid,
				    .major = map->maj,
				    .minor = map->min,
				    .ino = map->ino,
				    .path = map->path};
	fn(&event, userdata);
}

static void drain_ring(struct mmaps *mmaps, struct ring *ring, mmap_event_fn fn, void *userdata)
{
	_Alignas(8) char record[RECORD_MAX];
	const char *base = (const char *)ring->page + mmaps->page_bytes;
	uint64_t bytes = RING_PAGES * mmaps->page_bytes;
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;

	while (tail < head) {
		struct perf_event_header header;
		size_t size, first;

		/* records are multiples of eight: a header never wraps */
		memcpy(&header, base + tail % bytes, sizeof(header));
		size = header.size;
		if (size < sizeof(header) || size > head - tail)
			break;
		if (size <= sizeof(record)) {
			first = bytes - tail % bytes;
			first = first < size ? first : size;
			memcpy(record, base + tail % bytes, first);
			memcpy(record + first, base, size - first);
			take_record(mmaps, record, size, fn, userdata);
		} else {
			mmaps->lost++;
		}
		tail += size;
	}
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}

uint64_t mmaps_drain(struct mmaps *mmaps, mmap_event_fn fn, void *userdata)
{
	uint64_t lost;

	for (size_t i = 0; i < mmaps->n; i++)
		drain_ring(mmaps, &mmaps->rings[i], fn, userdata);
	lost = mmaps->lost;
	mmaps->lost = 0;
	return lost;
}
