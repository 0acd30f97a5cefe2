/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_inspector_ring.c - the ring's reader on memory the test writes as the kernel would: order,
 * wrapping, busy and discarded records, and memory that makes no sense.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/ring.h"

#define DATA  8192u
#define TAKEN 64

/*
 * The kernel maps data twice in a row; a file does not, so the test's file holds the data twice and
 * the writer writes both copies.
 */
static struct {
	int fd;
	size_t page;
	uint8_t *memory; /* consumer page, producer page, data, data */
	struct ring *ring;
	uint32_t taken[TAKEN]; /* first word of each record */
	size_t sizes[TAKEN], n;
} bench;

static uint64_t *consumer(void)
{
	return (uint64_t *)bench.memory;
}

static uint64_t *producer(void)
{
	return (uint64_t *)(bench.memory + bench.page);
}

static void put(uint64_t at, const void *bytes, size_t n)
{
	uint8_t *data = bench.memory + 2 * bench.page;

	for (size_t i = 0; i < n; i++) {
		data[(at + i) % DATA] = ((const uint8_t *)bytes)[i];
		data[(at + i) % DATA + DATA] = ((const uint8_t *)bytes)[i];
	}
}

static uint64_t reserve(uint32_t length_word, uint32_t size)
{
	uint32_t header[2] = {length_word, 0};
	uint64_t at = *producer();

	put(at, header, sizeof(header));
	__atomic_store_n(producer(), at + ((size + 8ull + 7) & ~7ull), __ATOMIC_RELEASE);
	return at;
}

static void add(uint32_t word, uint32_t size)
{
	uint64_t at = reserve(size, size);

	put(at + 8, &word, sizeof(word));
}

static void take(const void *record, size_t size, void *userdata)
{
	assert_ptr_equal(userdata, &bench);
	assert_true(bench.n < TAKEN);
	memcpy(&bench.taken[bench.n], record, sizeof(bench.taken[0]));
	bench.sizes[bench.n++] = size;
}

static int drain(unsigned max)
{
	bench.n = 0;
	return ring_drain(bench.ring, max, take, &bench);
}

static int setup(void **state)
{
	size_t size;

	(void)state;
	bench.page = (size_t)sysconf(_SC_PAGESIZE);
	size = 2 * bench.page + 2 * DATA;
	bench.fd = memfd_create("ring", MFD_CLOEXEC);
	if (bench.fd < 0 || ftruncate(bench.fd, (off_t)size) < 0)
		return -1;
	bench.memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, bench.fd, 0);
	return bench.memory == MAP_FAILED ? -1 : ring_new(bench.fd, DATA, &bench.ring);
}

static int teardown(void **state)
{
	(void)state;
	ring_free(bench.ring);
	munmap(bench.memory, 2 * bench.page + 2 * DATA);
	close(bench.fd);
	bench.ring = NULL;
	return 0;
}

static void test_sizes(void **state)
{
	struct ring *ring = NULL;

	(void)state;
	assert_int_equal(ring_new(bench.fd, 0, &ring), -EINVAL);
	assert_int_equal(ring_new(bench.fd, DATA - 1, &ring), -EINVAL);
	assert_int_equal(ring_new(bench.fd, 3 * 4096, &ring), -EINVAL);
	assert_int_equal(ring_new(bench.fd, 1u << 31, &ring), -EINVAL);
	assert_int_equal(ring_new(-1, DATA, &ring), -EBADF);
	assert_null(ring);
	ring_free(NULL);
}

static void test_order(void **state)
{
	(void)state;
	assert_int_equal(drain(8), 0);
	add(1, 4);
	add(2, 100);
	add(3, 8);
	assert_int_equal(drain(2), 2); /* no more than asked for */
	assert_int_equal(bench.taken[0], 1);
	assert_int_equal(bench.sizes[0], 4);
	assert_int_equal(bench.taken[1], 2);
	assert_int_equal(bench.sizes[1], 100);
	assert_int_equal(drain(8), 1);
	assert_int_equal(bench.taken[0], 3);
	assert_int_equal(*consumer(), *producer()); /* all room is the kernel's again */
	assert_int_equal(drain(8), 0);
}

static void test_busy_and_discarded(void **state)
{
	uint32_t done = 8;
	uint64_t busy;

	(void)state;
	add(1, 8);
	busy = reserve(8 | BPF_RINGBUF_BUSY_BIT, 8);
	add(3, 8);
	assert_int_equal(drain(8), 1); /* what is behind a busy one waits */
	put(busy + 8, &(uint32_t){2}, 4);
	put(busy, &done, sizeof(done));
	reserve(8 | BPF_RINGBUF_DISCARD_BIT, 8);
	add(5, 8);
	assert_int_equal(drain(8), 3);
	assert_int_equal(bench.taken[0], 2);
	assert_int_equal(bench.taken[1], 3);
	assert_int_equal(bench.taken[2], 5);
	assert_int_equal(*consumer(), *producer());
}

/* A hundred times around, records across the end included; none is missed, none comes twice. */
static void test_around(void **state)
{
	uint32_t next = 0, seen = 0;

	(void)state;
	while (seen < 4000) {
		for (int i = 0; i < 5; i++, next++)
			add(next, 4 + next % 700);
		assert_int_equal(drain(TAKEN), 5);
		for (int i = 0; i < 5; i++, seen++) {
			assert_int_equal(bench.taken[i], seen);
			assert_int_equal(bench.sizes[i], 4 + seen % 700);
		}
	}
	assert_true(*producer() > 100ull * DATA);
}

static void test_senseless(void **state)
{
	uint64_t end;

	(void)state;
	/* more than the ring holds */
	__atomic_store_n(producer(), DATA + 8, __ATOMIC_RELEASE);
	assert_int_equal(drain(8), -EBADMSG);
	/* behind the consumer */
	__atomic_store_n(consumer(), 16, __ATOMIC_RELEASE);
	__atomic_store_n(producer(), 8, __ATOMIC_RELEASE);
	assert_int_equal(drain(8), -EBADMSG);
	/* a record longer than what was produced */
	__atomic_store_n(consumer(), 0, __ATOMIC_RELEASE);
	__atomic_store_n(producer(), 0, __ATOMIC_RELEASE);
	end = reserve(64, 8);
	assert_int_equal(end, 0);
	assert_int_equal(drain(8), -EBADMSG);
	assert_int_equal(bench.n, 0);
	put(0, &(uint32_t){0x3fffffff}, 4);
	assert_int_equal(drain(8), -EBADMSG);
	/* one that begins well is taken, what comes after it is not */
	__atomic_store_n(producer(), 0, __ATOMIC_RELEASE);
	add(7, 8);
	reserve(4000, 8);
	assert_int_equal(drain(1), 1);
	assert_int_equal(drain(8), -EBADMSG);
}

int main(void)
{
#define RING(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		RING(test_sizes),  RING(test_order),     RING(test_busy_and_discarded),
		RING(test_around), RING(test_senseless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
