/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_http_response.c - glacisctl's HTTP client (user/ctl/http.h) on any answer: no answer hangs
 * it, and what it makes of one does not depend on how it is cut. Byte 0 is the size of the pieces.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "user/ctl/http.h"

#define INPUT_MAX 65536

struct sending {
	int fd;
	const uint8_t *data;
	size_t size, piece;
};

static void *send_pieces(void *arg)
{
	const struct sending *sending = arg;

	for (size_t at = 0; at < sending->size; at += sending->piece) {
		size_t n = sending->size - at;

		if (n > sending->piece)
			n = sending->piece;
		if (send(sending->fd, sending->data + at, n, MSG_NOSIGNAL) != (ssize_t)n)
			break; /* the reader has seen enough */
	}
	shutdown(sending->fd, SHUT_WR);
	return NULL;
}

static int read_in_pieces(const uint8_t *data, size_t size, size_t piece,
			  struct http_response *response)
{
	struct sending sending = {.data = data, .size = size, .piece = piece};
	pthread_t thread;
	int fds[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	sending.fd = fds[0];
	if (pthread_create(&thread, NULL, send_pieces, &sending) != 0)
		abort();
	r = http_read(fds[1], response);
	close(fds[1]);
	pthread_join(thread, NULL);
	close(fds[0]);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_response whole = {0}, pieces = {0};
	int r;

	if (size < 2 || size > INPUT_MAX)
		return 0;
	r = read_in_pieces(data + 1, size - 1, size, &whole);
	if (read_in_pieces(data + 1, size - 1, data[0] + 1u, &pieces) != r)
		abort();
	if (r == 0 && (whole.status != pieces.status || whole.size != pieces.size ||
		       strcmp(whole.body, pieces.body) != 0 || whole.body[whole.size] != 0))
		abort();
	http_response_clear(&whole);
	http_response_clear(&pieces);
	return 0;
}
