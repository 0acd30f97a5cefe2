/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_inspector_link.c - records in messages: whole, in order, counted when they are lost, and
 * never waited for; descriptors that come with a message; the end of the channel.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/link.h"

static int ends[2]; /* the inspector's, the keeper's */
static struct link *inspector;
static _Alignas(8) uint8_t message[REPORT_MESSAGE_MAX];

static int setup(void **state)
{
	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -1;
	return link_new(ends[0], &inspector);
}

static int teardown(void **state)
{
	(void)state;
	link_free(inspector);
	close(ends[0]);
	cleanup_close(&ends[1]);
	return 0;
}

static void put_account(uint64_t number)
{
	struct report_account account = {.counts[0] = number};

	link_put(inspector, REPORT_ACCOUNT, &account.report, sizeof(account));
}

/* The numbers in the next message; 0: there is none. */
static size_t receive(uint64_t *numbers, size_t max)
{
	ssize_t n = recv(ends[1], message, sizeof(message), MSG_DONTWAIT);
	size_t at = 0, count = 0;

	while (n > 0 && at < (size_t)n) {
		const struct report_account *a = (const struct report_account *)(message + at);

		assert_int_equal(a->report.kind, REPORT_ACCOUNT);
		assert_int_equal(a->report.len, sizeof(*a));
		assert_true(at + a->report.len <= (size_t)n);
		assert_true(count < max);
		numbers[count++] = a->counts[0];
		at += a->report.len;
	}
	return count;
}

static void test_batch(void **state)
{
	uint64_t numbers[8];

	(void)state;
	assert_false(link_pending(inspector));
	for (uint64_t i = 1; i <= 3; i++)
		put_account(i);
	assert_true(link_pending(inspector));
	assert_int_equal(receive(numbers, 8), 0); /* nothing leaves before it is asked to */
	assert_int_equal(link_flush(inspector), 0);
	assert_int_equal(receive(numbers, 8), 3); /* in one message */
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[2], 3);
	assert_false(link_pending(inspector));
	assert_int_equal(link_flush(inspector), 0);
	assert_int_equal(link_lost(inspector), 0);
}

/* A keeper that does not read: what it gets in the end and what was lost is what was put. */
static void test_slow_keeper(void **state)
{
	uint64_t numbers[600], last = 0, got = 0, put = 20000;
	size_t n;

	(void)state;
	for (uint64_t i = 1; i <= put; i++)
		put_account(i);
	assert_int_equal(link_flush(inspector), -EAGAIN);
	assert_true(link_lost(inspector) > 0);
	for (int i = 0; i < 1000; i++) {
		n = receive(numbers, 600);
		for (size_t j = 0; j < n; j++) {
			assert_true(numbers[j] > last); /* in order, none twice */
			last = numbers[j];
		}
		got += n;
		link_flush(inspector);
	}
	assert_int_equal(got + link_lost(inspector), put);
	/* and there is room again */
	put_account(put + 1);
	assert_int_equal(link_flush(inspector), 0);
	assert_int_equal(receive(numbers, 600), 1);
	assert_int_equal(numbers[0], put + 1);
}

static void test_padding(void **state)
{
	struct {
		struct report report;
		uint8_t bytes[5];
	} odd = {.bytes = {1, 2, 3, 4, 5}};

	(void)state;
	link_put(inspector, REPORT_READY, &odd.report, sizeof(odd.report) + 5);
	assert_int_equal(link_flush(inspector), 0);
	assert_int_equal(recv(ends[1], message, sizeof(message), 0), 16);
	assert_int_equal(((struct report *)message)->len, 16);
	assert_memory_equal(message + 8, "\1\2\3\4\5\0\0\0", 8);
}

static void test_receive(void **state)
{
	const uint8_t *bytes = NULL;
	int fd = -2;

	(void)state;
	assert_int_equal(link_receive(inspector, &bytes, &fd), 0);
	assert_int_equal(send(ends[1], "12345678", 8, 0), 8);
	assert_int_equal(link_receive(inspector, &bytes, &fd), 8);
	assert_memory_equal(bytes, "12345678", 8);
	assert_int_equal(fd, -1);
	cleanup_close(&ends[1]);
	ends[1] = -1;
	assert_int_equal(link_receive(inspector, &bytes, &fd), -EPIPE);
	put_account(1);
	assert_int_equal(link_flush(inspector), -EPIPE);
}

static void test_descriptor(void **state)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = {(void *)"12345678", 8};
	struct msghdr sent = {.msg_iov = &part,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control)};
	struct cmsghdr *header = CMSG_FIRSTHDR(&sent);
	const uint8_t *bytes;
	int pipes[2], fd;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &pipes[1], sizeof(int));
	assert_int_equal(sendmsg(ends[1], &sent, 0), 8);
	assert_int_equal(link_receive(inspector, &bytes, &fd), 8);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
#define LINK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		LINK(test_batch),   LINK(test_slow_keeper), LINK(test_padding),
		LINK(test_receive), LINK(test_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
