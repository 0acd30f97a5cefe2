/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frames.h - JSON objects over a nonblocking stream socket between processes of the agent: a length
 * (u32, little-endian), then that many bytes of JSON.
 *
 * Either side may be compromised: lengths are bounded, memory grows with the bytes received and not
 * with the length announced, garbage ends the stream. Not here: when to read and write (the
 * caller's event loop).
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define FRAME_MAX (8u << 20) /* bytes of JSON */

struct frame_reader;
int frame_reader_new(struct frame_reader **ret_reader);
void frame_reader_free(struct frame_reader *reader); /* NULL-safe */

/*
 * Reads what `fd` has, until one frame is complete. 1: *ret_frame (an object) is the caller's; call
 * again, more may be buffered. 0: nothing complete now. -EPIPE: the other end closed.
 * -EMSGSIZE: a longer frame than FRAME_MAX was announced. -EBADMSG: not a JSON object, or closed
 * inside a frame. Errors are final: the stream cannot be resynchronized.
 */
int frame_read(struct frame_reader *reader, int fd, json_t **ret_frame);

struct frame_writer;
int frame_writer_new(size_t backlog_max_bytes, struct frame_writer **ret_writer);
void frame_writer_free(struct frame_writer *writer); /* NULL-safe */

/* Queues a frame. -EMSGSIZE: longer than FRAME_MAX. -ENOBUFS: the backlog would exceed its maximum;
 * an empty queue takes any frame. Nothing is queued then. */
int frame_write(struct frame_writer *writer, const json_t *frame);

/* Writes what `fd` takes. 1: the queue is empty; 0: call again when writable; -errno: final. */
int frame_flush(struct frame_writer *writer, int fd);
size_t frame_writer_pending(const struct frame_writer *writer);
