/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_frames.c - JSON frames over a socket pair: any segmentation, bounds, garbage, backlog. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/frames.h"

struct wire {
	int fds[2];
	struct frame_reader *reader;
	struct frame_writer *writer;
};

static int setup(void **state)
{
	struct wire *wire = calloc(1, sizeof(*wire));

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, wire->fds), 0);
	assert_int_equal(frame_reader_new(&wire->reader), 0);
	assert_int_equal(frame_writer_new(1 << 20, &wire->writer), 0);
	*state = wire;
	return 0;
}

static int teardown(void **state)
{
	struct wire *wire = *state;

	frame_reader_free(wire->reader);
	frame_writer_free(wire->writer);
	for (int i = 0; i < 2; i++)
		if (wire->fds[i] >= 0)
			close(wire->fds[i]);
	free(wire);
	return 0;
}

static void put(struct wire *wire, uint32_t size, const char *bytes, size_t n)
{
	uint32_t header = htole32(size);

	assert_int_equal(send(wire->fds[0], &header, 4, 0), 4);
	assert_int_equal(send(wire->fds[0], bytes, n, 0), n);
}

static json_int_t number(json_t *frame)
{
	json_int_t n = json_integer_value(json_object_get(frame, "n"));

	json_decref(frame);
	return n;
}

static void test_byte_by_byte(void **state)
{
	static const char text[] = "{\"n\":7}";
	struct wire *wire = *state;
	uint8_t bytes[4 + sizeof(text) - 1];
	uint32_t header = htole32(sizeof(text) - 1);
	json_t *frame = NULL;

	memcpy(bytes, &header, 4);
	memcpy(bytes + 4, text, sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), 0);
		assert_null(frame);
		assert_int_equal(send(wire->fds[0], bytes + i, 1, 0), 1);
	}
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), 1);
	assert_int_equal(number(frame), 7);
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), 0);
}

static void test_many_in_one_read(void **state)
{
	struct wire *wire = *state;
	json_t *frame;

	for (int i = 0; i < 100; i++) {
		frame = json_pack("{s:i}", "n", i);
		assert_int_equal(frame_write(wire->writer, frame), 0);
		json_decref(frame);
	}
	assert_int_equal(frame_flush(wire->writer, wire->fds[0]), 1);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), 1);
		assert_int_equal(number(frame), i);
	}
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), 0);
}

/* The largest frame arrives through a socket that takes it in pieces; one byte more is refused by
 * both sides. */
static void test_largest(void **state)
{
	struct wire *wire = *state;
	size_t overhead = strlen("{\"s\":\"\"}");
	char *text = malloc(FRAME_MAX);
	json_t *frame, *back = NULL;
	int r = 0, flushed;

	memset(text, 'x', FRAME_MAX);
	frame = json_pack("{s:s%}", "s", text, (size_t)(FRAME_MAX - overhead + 1));
	assert_int_equal(frame_write(wire->writer, frame), -EMSGSIZE);
	assert_int_equal(frame_writer_pending(wire->writer), 0);
	json_decref(frame);

	frame = json_pack("{s:s%}", "s", text, (size_t)(FRAME_MAX - overhead));
	assert_int_equal(frame_write(wire->writer, frame), 0);
	assert_int_equal(frame_writer_pending(wire->writer), FRAME_MAX + 4);
	do {
		flushed = frame_flush(wire->writer, wire->fds[0]);
		assert_true(flushed >= 0);
		assert_int_equal(r, 0);
		r = frame_read(wire->reader, wire->fds[1], &back);
	} while (!flushed);
	assert_int_equal(r, 1);
	assert_true(json_equal(frame, back));
	json_decref(frame);
	json_decref(back);
	free(text);
}

static void test_oversize_announced(void **state)
{
	struct wire *wire = *state;
	json_t *frame = NULL;

	put(wire, FRAME_MAX + 1, "{", 1);
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), -EMSGSIZE);
	assert_null(frame);
	/* final: what follows is not looked at */
	put(wire, 2, "{}", 2);
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), -EMSGSIZE);
}

static void test_garbage(void **state)
{
	static const char *const bad[] = {"",
					  "{",
					  "[1]",
					  "7",
					  "\"x\"",
					  "{\"a\":1,\"a\":2}",
					  "{\"a\":\"\xff\"}",
					  "{\"a\":\"\\u0000\"}",
					  "{} {}"};
	struct wire *wire = *state;
	json_t *frame = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put(wire, strlen(bad[i]), bad[i], strlen(bad[i]));
		assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), -EBADMSG);
		assert_null(frame);
		frame_reader_free(wire->reader);
		assert_int_equal(frame_reader_new(&wire->reader), 0);
	}
	put(wire, 2, "{}", 2);
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), 1);
	json_decref(frame);
}

static void test_end(void **state)
{
	struct wire *wire = *state;
	json_t *frame = NULL;

	put(wire, 2, "{}", 2);
	close(wire->fds[0]);
	wire->fds[0] = -1;
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), 1);
	json_decref(frame);
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), -EPIPE);
}

static void test_end_inside(void **state)
{
	struct wire *wire = *state;
	json_t *frame = NULL;

	put(wire, 3, "{}", 2);
	close(wire->fds[0]);
	wire->fds[0] = -1;
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &frame), -EBADMSG);
}

/* The backlog is a bound, an empty queue takes anything, and what was refused is not half there. */
static void test_backlog(void **state)
{
	struct wire *wire = *state;
	struct frame_writer *writer;
	json_t *frame = json_pack("{s:i}", "n", 1); /* 7 bytes and 4 of length */
	json_t *back;

	assert_int_equal(frame_writer_new(32, &writer), 0);
	assert_int_equal(frame_write(writer, frame), 0);
	assert_int_equal(frame_write(writer, frame), 0);
	assert_int_equal(frame_write(writer, frame), -ENOBUFS);
	assert_int_equal(frame_writer_pending(writer), 22);
	assert_int_equal(frame_flush(writer, wire->fds[0]), 1);
	assert_int_equal(frame_write(writer, frame), 0);
	assert_int_equal(frame_flush(writer, wire->fds[0]), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(frame_read(wire->reader, wire->fds[1], &back), 1);
		assert_int_equal(number(back), 1);
	}
	assert_int_equal(frame_read(wire->reader, wire->fds[1], &back), 0);
	frame_writer_free(writer);

	assert_int_equal(frame_writer_new(33, &writer), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(frame_write(writer, frame), 0);
	assert_int_equal(frame_writer_pending(writer), 33);
	frame_writer_free(writer);

	assert_int_equal(frame_writer_new(1, &writer), 0);
	assert_int_equal(frame_write(writer, frame), 0);
	frame_writer_free(writer);
	json_decref(frame);
}

static void test_peer_gone(void **state)
{
	struct wire *wire = *state;
	json_t *frame = json_object();

	close(wire->fds[1]);
	wire->fds[1] = -1;
	assert_int_equal(frame_write(wire->writer, frame), 0);
	assert_int_equal(frame_flush(wire->writer, wire->fds[0]), -EPIPE);
	json_decref(frame);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(test_byte_by_byte),       ROW(test_many_in_one_read), ROW(test_largest),
		ROW(test_oversize_announced), ROW(test_garbage),          ROW(test_end),
		ROW(test_end_inside),         ROW(test_backlog),          ROW(test_peer_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
