/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames.c - see frames.h. */
#include "user/base/frames.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "user/base/cleanup.h"

#define HEADER      4
#define READ_STEP   65536 /* grown by at most this beyond what is there */
#define KEEP_BUFFER 65536 /* larger ones are given back when empty */

struct frame_reader {
	uint8_t *data;
	size_t have, capacity;
	int error; /* sticky */
};

struct frame_writer {
	uint8_t *data;
	size_t start, end, capacity;
	size_t backlog_max;
};

int frame_reader_new(struct frame_reader **ret_reader)
{
	struct frame_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	*ret_reader = reader;
	return 0;
}

void frame_reader_free(struct frame_reader *reader)
{
	if (!reader)
		return;
	free(reader->data);
	free(reader);
}

/* Makes room for `more` bytes; doubles, so that a large frame costs few copies. */
static int reserve(uint8_t **data, size_t *capacity, size_t have, size_t more)
{
	size_t want = have + more;
	uint8_t *grown;

	if (want <= *capacity)
		return 0;
	if (want < 2 * *capacity)
		want = 2 * *capacity;
	grown = realloc(*data, want);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*capacity = want;
	return 0;
}

/* Bytes still missing of the frame at the front; 0 = complete, *ret_size is its JSON's size. */
static int missing(const struct frame_reader *reader, size_t *ret_missing, size_t *ret_size)
{
	uint32_t size;

	if (reader->have < HEADER) {
		*ret_missing = HEADER - reader->have;
		return 0;
	}
	memcpy(&size, reader->data, HEADER);
	size = le32toh(size);
	if (size > FRAME_MAX)
		return -EMSGSIZE;
	*ret_missing = reader->have - HEADER >= size ? 0 : HEADER + size - reader->have;
	*ret_size = size;
	return 0;
}

static int parse(struct frame_reader *reader, size_t size, json_t **ret_frame)
{
	json_t *frame =
		json_loadb((const char *)reader->data + HEADER, size, JSON_REJECT_DUPLICATES, NULL);

	reader->have -= HEADER + size;
	memmove(reader->data, reader->data + HEADER + size, reader->have);
	if (reader->have == 0 && reader->capacity > KEEP_BUFFER) {
		free(reader->data);
		reader->data = NULL;
		reader->capacity = 0;
	}
	if (!json_is_object(frame)) {
		json_decref(frame);
		return -EBADMSG;
	}
	*ret_frame = frame;
	return 1;
}

/* 1: bytes came in; 0: none now; -errno */
static int receive(struct frame_reader *reader, int fd, size_t want)
{
	ssize_t n;
	int r;

	/* never more than the missing bytes beyond one step: a length announced is not a length
	 * sent
	 */
	r = reserve(&reader->data, &reader->capacity, reader->have,
		    want < READ_STEP ? want : READ_STEP);
	if (r < 0)
		return r;
	do
		n = recv(fd, reader->data + reader->have, reader->capacity - reader->have,
			 MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return reader->have > 0 ? -EBADMSG : -EPIPE;
	reader->have += n;
	return 1;
}

int frame_read(struct frame_reader *reader, int fd, json_t **ret_frame)
{
	size_t want, size = 0;
	int r = reader->error;

	while (r >= 0) {
		r = missing(reader, &want, &size);
		if (r == 0 && want == 0)
			r = parse(reader, size, ret_frame);
		if (r != 0)
			break;
		r = receive(reader, fd, want);
		if (r == 0)
			return 0;
	}
	if (r < 0)
		reader->error = r;
	return r;
}

int frame_writer_new(size_t backlog_max_bytes, struct frame_writer **ret_writer)
{
	struct frame_writer *writer = calloc(1, sizeof(*writer));

	if (!writer)
		return -ENOMEM;
	writer->backlog_max = backlog_max_bytes;
	*ret_writer = writer;
	return 0;
}

void frame_writer_free(struct frame_writer *writer)
{
	if (!writer)
		return;
	free(writer->data);
	free(writer);
}

size_t frame_writer_pending(const struct frame_writer *writer)
{
	return writer->end - writer->start;
}

int frame_write(struct frame_writer *writer, const json_t *frame)
{
	_cleanup_free_ char *text = json_dumps(frame, JSON_COMPACT);
	size_t size, pending = frame_writer_pending(writer);
	uint32_t header;
	int r;

	if (!text)
		return -ENOMEM;
	size = strlen(text);
	if (size > FRAME_MAX)
		return -EMSGSIZE;
	if (pending > 0 && pending + HEADER + size > writer->backlog_max)
		return -ENOBUFS;
	if (writer->start > 0) {
		memmove(writer->data, writer->data + writer->start, pending);
		writer->start = 0;
		writer->end = pending;
	}
	r = reserve(&writer->data, &writer->capacity, writer->end, HEADER + size);
	if (r < 0)
		return r;
	header = htole32(size);
	memcpy(writer->data + writer->end, &header, HEADER);
	memcpy(writer->data + writer->end + HEADER, text, size);
	writer->end += HEADER + size;
	return 0;
}

int frame_flush(struct frame_writer *writer, int fd)
{
	ssize_t n;

	while (frame_writer_pending(writer) > 0) {
		n = send(fd, writer->data + writer->start, frame_writer_pending(writer),
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		writer->start += n;
	}
	writer->start = writer->end = 0;
	if (writer->capacity > KEEP_BUFFER) {
		free(writer->data);
		writer->data = NULL;
		writer->capacity = 0;
	}
	return 1;
}
