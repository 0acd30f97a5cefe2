/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naive_reader.c - user space of tests/bench/sight's naive probes: waits for the ring's wakeups and
 * takes what is there, as libbpf's users do. It looks at nothing of it.
 *
 * Usage: naive_reader PINNED_RING    ends when it is killed
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>

static int take(void *context, void *record, size_t size)
{
	(void)context;
	(void)record;
	(void)size;
	return 0;
}

int main(int argc, char **argv)
{
	struct ring_buffer *ring;
	int fd = argc == 2 ? bpf_obj_get(argv[1]) : -1;

	ring = fd >= 0 ? ring_buffer__new(fd, take, NULL, NULL) : NULL;
	if (!ring) {
		fprintf(stderr, "naive_reader: the ring cannot be opened\n");
		return 1;
	}
	while (ring_buffer__poll(ring, -1) >= 0)
		;
	return 0;
}
