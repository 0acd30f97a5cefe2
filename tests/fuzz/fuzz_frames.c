/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_frames.c - the frames between the agent's processes (user/base/frames.h) on any bytes: the
 * outcome does not depend on how they are cut. Byte 0 is the size of the pieces, the rest is sent.
 */
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "user/base/frames.h"

#define INPUT_MAX 65536 /* fits a socket's buffer */

struct outcome {
	unsigned frames;
	size_t members; /* over all frames */
	int error;
};

static void drain(struct frame_reader *reader, int fd, struct outcome *outcome)
{
	json_t *frame;
	int r;

	while ((r = frame_read(reader, fd, &frame)) == 1) {
		outcome->frames++;
		outcome->members += json_object_size(frame);
		json_decref(frame);
	}
	outcome->error = r;
}

static struct outcome read_in_pieces(const uint8_t *data, size_t size, size_t piece)
{
	struct outcome outcome = {0};
	struct frame_reader *reader;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || frame_reader_new(&reader) < 0)
		abort();
	/* nobody reads after an error: what is sent then would stay in the socket */
	for (size_t at = 0; at < size && outcome.error == 0; at += piece) {
		size_t n = size - at < piece ? size - at : piece;

		if (send(fds[0], data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			abort();
		drain(reader, fds[1], &outcome);
	}
	close(fds[0]);
	drain(reader, fds[1], &outcome);
	close(fds[1]);
	frame_reader_free(reader);
	return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, pieces;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	whole = read_in_pieces(data + 1, size - 1, size);
	pieces = read_in_pieces(data + 1, size - 1, data[0] + 1u);
	if (whole.frames != pieces.frames || whole.members != pieces.members ||
	    whole.error != pieces.error || whole.error == 0)
		abort();
	return 0;
}
