/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spool.h - what one sink has not sent yet, on disk: lines in segment files of a folder of its own,
 * with a cap.
 *
 * Lines are numbered 1, 2, ... A line is kept until it was acknowledged (spool_ack()); when the cap
 * or the disk is reached new lines are dropped and counted, and a line that tells how many, and
 * from when to when, follows as soon as there is room. The counts and the place reached are in the
 * file "state", written with one pwrite(2): a SIGKILL at any moment loses no line that was
 * appended, and repeats none that came in; lines sent and not yet acknowledged are sent again.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SPOOL_BYTES_MIN (64u << 10)

struct spool;

/* In the folder `name` of `dir_fd`, made when missing. A torn last line (a crash of the host) is
 * cut off. -errno: the folder cannot be used. */
int spool_open(int dir_fd, const char *name, uint64_t max_bytes, struct spool **ret_spool);
void spool_close(struct spool *spool); /* NULL-safe; what is buffered is written */

/* Whose record it is and when it was made: the same or an earlier one of the same source again is
 * not appended, it is known. */
struct spool_origin {
	uint64_t source, number;
	int64_t wall_ns;
};
/* The line (without its newline). 1: appended; 0: known; -ENOSPC, -errno: dropped, counted. */
int spool_append(struct spool *spool, const struct spool_origin *origin, const char *line,
		 size_t size);
/* Writes what is buffered: before anybody is told that it is spooled. What cannot be written is
 * dropped and counted. */
void spool_flush(struct spool *spool);

struct spool_batch {
	char *text; /* lines, each with its newline; the caller frees it */
	size_t size;
	uint64_t first, count; /* the numbers of its lines */
};
/* Lines not read yet, at most so many; at least one if there is any. 0 with count 0: none. */
int spool_read(struct spool *spool, size_t max_lines, size_t max_bytes,
	       struct spool_batch *ret_batch);
/* The next spool_read() begins behind what was acknowledged. */
void spool_rewind(struct spool *spool);
/* Lines up to this number have arrived; `refused` of them were not accepted, for good. */
void spool_ack(struct spool *spool, uint64_t number, uint64_t refused);

/* How the line that tells of dropped ones is written. `out` has room for 512 bytes. */
typedef int (*spool_gap_fn)(uint64_t count, int64_t first_wall_ns, int64_t last_wall_ns,
			    const struct spool_origin *last, char out[512], void *userdata);
void spool_set_gap(struct spool *spool, spool_gap_fn gap, void *userdata);

struct spool_counts {
	uint64_t queued; /* appended, not acknowledged */
	uint64_t queued_bytes;
	uint64_t sent, refused, dropped; /* since the folder was made */
	uint64_t unread; /* of the queued: not read yet */
	int error; /* of the last write; 0 = fine */
};
struct spool_counts spool_counts(const struct spool *spool);
