/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/courier/exports.h"

#define SEGMENTS     32 /* of a full spool, about */
#define SEGMENTS_MAX 256
#define SEGMENT_MIN  4096
#define BUFFER       65536
#define NAME         24
#define STATE_TEXT   320
#define GAP_LINE     512

struct segment {
	uint64_t first, count; /* lines */
	uint64_t bytes;
};

struct spool {
	int dir_fd, state_fd, write_fd, read_fd;
	uint64_t max_bytes, segment_bytes;
	struct segment segments[SEGMENTS_MAX]; /* oldest first; the last one is written */
	size_t n;
	uint64_t bytes; /* of all segments, with what is buffered */
	uint64_t next; /* number of the next line */
	uint64_t acked, reading; /* the last one acknowledged; the next one to read */
	size_t read_segment; /* of read_fd */
	off_t read_at;
	uint64_t sent, refused, dropped;
	struct spool_origin last; /* that came in */
	struct {
		uint64_t count;
		int64_t first_ns, last_ns;
	} gap; /* dropped and not told yet */
	spool_gap_fn gap_line;
	void *gap_userdata;
	char buffer[BUFFER];
	size_t buffered;
	uint64_t buffered_lines;
	int error;
};

/* ---------------------------------------------------------------------------------------------
 * State
 */
static void save_state(struct spool *s)
{
	char text[STATE_TEXT];
	int n = snprintf(text, sizeof(text),
			 "1 %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIx64
			 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64,
			 s->next, s->acked, s->sent, s->refused, s->dropped, s->last.source,
			 s->last.number, s->gap.count, s->gap.first_ns, s->gap.last_ns);

	/* always the same length: a shorter text leaves nothing of a longer one behind */
	memset(text + n, ' ', sizeof(text) - (size_t)n);
	text[sizeof(text) - 1] = '\n';
	if (pwrite(s->state_fd, text, sizeof(text), 0) != (ssize_t)sizeof(text))
		s->error = -errno;
}

static void load_state(struct spool *s)
{
	char text[STATE_TEXT + 1] = "";
	ssize_t n = pread(s->state_fd, text, STATE_TEXT, 0);

	if (n <= 0)
		return;
	if (sscanf(text,
		   "1 %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNx64
		   " %" SCNu64 " %" SCNu64 " %" SCNd64 " %" SCNd64,
		   &s->next, &s->acked, &s->sent, &s->refused, &s->dropped, &s->last.source,
		   &s->last.number, &s->gap.count, &s->gap.first_ns, &s->gap.last_ns) < 10 ||
	    s->next == 0) {
		s->next = 1;
		s->acked = 0;
	}
}

/* ---------------------------------------------------------------------------------------------
 * Segments
 */
static const char *segment_name(uint64_t first, char out[NAME])
{
	snprintf(out, NAME, "%020" PRIu64, first);
	return out;
}

static int compare_segments(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* Counts lines and cuts off what is behind the last newline. */
static int look_into(struct spool *s, struct segment *segment)
{
	char name[NAME], *buffer = s->buffer;
	_cleanup_close_ int fd = openat(s->dir_fd, segment_name(segment->first, name),
					O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	off_t at = 0, end = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = pread(fd, buffer, BUFFER, at)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (buffer[i] == '\n') {
				segment->count++;
				end = at + i + 1;
			}
		at += n;
	}
	if (n < 0 || (end < at && ftruncate(fd, end) < 0))
		return -errno;
	segment->bytes = (uint64_t)end;
	return 0;
}

static int read_folder(struct spool *s)
{
	int fd = openat(s->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	int r;

	if (!dir) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	while ((entry = readdir(dir))) {
		char *end;
		uint64_t first = strtoull(entry->d_name, &end, 10);

		if (*end || strlen(entry->d_name) != 20 || first == 0)
			continue;
		if (s->n == SEGMENTS_MAX)
			return -EOVERFLOW;
		s->segments[s->n++] = (struct segment){.first = first};
	}
	qsort(s->segments, s->n, sizeof(*s->segments), compare_segments);
	for (size_t i = 0; i < s->n; i++) {
		r = look_into(s, &s->segments[i]);
		if (r < 0)
			return r;
		s->bytes += s->segments[i].bytes;
	}
	return 0;
}

static void forget_oldest(struct spool *s)
{
	char name[NAME];

	unlinkat(s->dir_fd, segment_name(s->segments[0].first, name), 0);
	s->bytes -= s->segments[0].bytes;
	memmove(s->segments, s->segments + 1, --s->n * sizeof(*s->segments));
	if (s->read_segment > 0) {
		s->read_segment--;
	} else if (s->read_fd >= 0) {
		close(s->read_fd);
		s->read_fd = -1;
	}
}

/* Whole segments that have arrived; the one being written stays. */
static void forget_acked(struct spool *s)
{
	while (s->n > 1 && s->segments[0].first + s->segments[0].count <= s->acked + 1)
		forget_oldest(s);
	/* the last one as well once it has all arrived and nothing waits to be written to it */
	if (s->n == 1 && s->buffered == 0 && s->segments[0].count > 0 &&
	    s->segments[0].first + s->segments[0].count <= s->acked + 1 &&
	    s->segments[0].bytes >= s->segment_bytes / 2) {
		if (s->write_fd >= 0)
			close(s->write_fd);
		s->write_fd = -1;
		forget_oldest(s);
	}
}

/* What the folder holds decides over what the state says of the next number. */
static void settle(struct spool *s)
{
	const struct segment *last = s->n ? &s->segments[s->n - 1] : NULL;

	if (last && last->first + last->count > s->next)
		s->next = last->first + last->count;
	if (s->acked >= s->next)
		s->acked = s->next - 1;
	if (s->n && s->segments[0].first > s->acked + 1)
		s->acked = s->segments[0].first - 1;
	if (!s->n)
		s->acked = s->next - 1;
	s->reading = s->acked + 1;
}

int spool_open(int dir_fd, const char *name, uint64_t max_bytes, struct spool **ret_spool)
{
	struct spool *s = calloc(1, sizeof(*s));
	int r = 0;

	if (!s)
		return -ENOMEM;
	s->state_fd = s->write_fd = s->read_fd = -1;
	s->max_bytes = max_bytes < SPOOL_BYTES_MIN ? SPOOL_BYTES_MIN : max_bytes;
	s->segment_bytes = s->max_bytes / SEGMENTS;
	if (s->segment_bytes < SEGMENT_MIN)
		s->segment_bytes = SEGMENT_MIN;
	s->next = 1;
	if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
		r = -errno;
	s->dir_fd =
		r < 0 ? -1 : openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r == 0 && s->dir_fd < 0)
		r = -errno;
	if (r == 0) {
		s->state_fd =
			openat(s->dir_fd, "state", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		r = s->state_fd < 0 ? -errno : 0;
	}
	if (r == 0) {
		load_state(s);
		r = read_folder(s);
	}
	if (r < 0) {
		spool_close(s);
		return r;
	}
	settle(s);
	forget_acked(s);
	*ret_spool = s;
	return 0;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	if (s->state_fd >= 0) {
		spool_flush(s);
		close(s->state_fd);
	}
	if (s->write_fd >= 0)
		close(s->write_fd);
	if (s->read_fd >= 0)
		close(s->read_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	free(s);
}

void spool_set_gap(struct spool *s, spool_gap_fn gap, void *userdata)
{
	s->gap_line = gap;
	s->gap_userdata = userdata;
}

/* ---------------------------------------------------------------------------------------------
 * Writing
 */
static int begin_segment(struct spool *s)
{
	char name[NAME];

	if (s->n == SEGMENTS_MAX)
		return -ENOSPC;
	if (s->write_fd >= 0)
		close(s->write_fd);
	s->write_fd = openat(s->dir_fd, segment_name(s->next, name),
			     O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->write_fd < 0)
		return -errno;
	s->segments[s->n++] = (struct segment){.first = s->next};
	return 0;
}

static int await_segment(struct spool *s)
{
	const struct segment *last = s->n ? &s->segments[s->n - 1] : NULL;
	char name[NAME];

	if (!last || (last->bytes >= s->segment_bytes && s->buffered == 0))
		return begin_segment(s);
	if (s->write_fd >= 0)
		return 0;
	s->write_fd = openat(s->dir_fd, segment_name(last->first, name),
			     O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
	return s->write_fd < 0 ? -errno : 0;
}

static void count_dropped(struct spool *s, uint64_t count, int64_t first_ns, int64_t last_ns)
{
	s->dropped += count;
	if (!s->gap.count)
		s->gap.first_ns = first_ns;
	s->gap.last_ns = last_ns;
	s->gap.count += count;
}

static int write_all(int fd, const char *p, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOSPC;
		p += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The buffer to the last segment: all of it, or nothing. */
static int write_buffer(struct spool *s)
{
	struct segment *last = &s->segments[s->n - 1];
	uint64_t lines = s->buffered_lines;
	size_t size = s->buffered;
	int r = write_all(s->write_fd, s->buffer, size);

	s->buffered = 0;
	s->buffered_lines = 0;
	s->error = r;
	if (r == 0)
		return 0;
	/* what was taken of it must not become a line */
	if (ftruncate(s->write_fd, (off_t)(last->bytes - size)) < 0)
		s->error = -errno;
	last->bytes -= size;
	last->count -= lines;
	s->bytes -= size;
	s->next -= lines;
	count_dropped(s, lines, s->last.wall_ns, s->last.wall_ns);
	return r;
}

/* One line to the buffer: -errno if it has no place. */
static int put_line(struct spool *s, const char *line, size_t size)
{
	int r;

	if (s->buffered + size + 1 > sizeof(s->buffer)) {
		r = write_buffer(s);
		if (r < 0)
			return r;
	}
	r = await_segment(s);
	if (r < 0)
		return r;
	memcpy(s->buffer + s->buffered, line, size);
	s->buffer[s->buffered + size] = '\n';
	s->buffered += size + 1;
	s->buffered_lines++;
	s->segments[s->n - 1].count++;
	s->segments[s->n - 1].bytes += size + 1;
	s->bytes += size + 1;
	s->next++;
	if (s->segments[s->n - 1].bytes >= s->segment_bytes)
		write_buffer(s); /* a failure has counted this line with the others */
	return 0;
}

/* What was dropped is told in its place, before anything newer. True: nothing is left to tell. */
static bool tell_gap(struct spool *s)
{
	uint64_t dropped;
	char line[GAP_LINE];
	int n;

	if (!s->gap.count || !s->gap_line)
		return true;
	/* alone in the buffer: if it cannot be written nothing else is lost with it */
	if (s->buffered > 0 && write_buffer(s) < 0)
		return false;
	n = s->gap_line(s->gap.count, s->gap.first_ns, s->gap.last_ns, &s->last, line,
			s->gap_userdata);
	if (n <= 0 || n >= (int)sizeof(line))
		return true;
	if (s->bytes + (size_t)n + 1 > s->max_bytes)
		return false;
	dropped = s->dropped;
	if (put_line(s, line, (size_t)n) < 0 || (s->buffered > 0 && write_buffer(s) < 0) ||
	    s->dropped != dropped) {
		s->gap.count -= s->dropped - dropped;
		s->dropped = dropped;
		return false;
	}
	memset(&s->gap, 0, sizeof(s->gap));
	return true;
}

int spool_append(struct spool *s, const struct spool_origin *origin, const char *line, size_t size)
{
	int r = 0;

	if (origin->source == s->last.source && origin->number <= s->last.number)
		return 0;
	if (size + 1 > sizeof(s->buffer))
		r = -EMSGSIZE;
	/* room for the line that tells of dropped ones is kept free by asking for it first */
	else if (s->bytes + size + 1 > s->max_bytes || !tell_gap(s) ||
		 s->bytes + size + 1 > s->max_bytes)
		r = -ENOSPC;
	if (r == 0)
		r = put_line(s, line, size);
	s->last = *origin;
	if (r < 0) {
		count_dropped(s, 1, origin->wall_ns, origin->wall_ns);
		return r;
	}
	return 1;
}

void spool_flush(struct spool *s)
{
	if (s->buffered > 0)
		write_buffer(s);
	save_state(s);
}

/* ---------------------------------------------------------------------------------------------
 * Reading
 */
static int open_reading(struct spool *s)
{
	char name[NAME];

	for (s->read_segment = 0; s->read_segment < s->n; s->read_segment++) {
		const struct segment *segment = &s->segments[s->read_segment];

		if (s->reading < segment->first + segment->count)
			break;
	}
	if (s->read_segment == s->n)
		return -ENOENT;
	s->read_fd = openat(s->dir_fd, segment_name(s->segments[s->read_segment].first, name),
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	s->read_at = 0;
	return s->read_fd < 0 ? -errno : 0;
}

/* Whole lines out of `text`: skips those before s->reading, takes at most max_lines. */
static size_t take_lines(struct spool *s, uint64_t *number, const char *text, size_t size,
			 size_t max_lines, size_t max_bytes, struct spool_batch *batch)
{
	size_t at = 0;

	while (at < size && batch->count < max_lines) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t line = end ? (size_t)(end - text) + 1 - at : 0;

		if (!end)
			break;
		if (*number >= s->reading) {
			if (batch->count && batch->size + line > max_bytes)
				break;
			memcpy(batch->text + batch->size, text + at, line);
			batch->size += line;
			batch->count++;
		}
		(*number)++;
		at += line;
	}
	return at;
}

static int read_segment(struct spool *s, size_t max_lines, size_t max_bytes,
			struct spool_batch *batch)
{
	_cleanup_free_ char *text = malloc(BUFFER + 1);
	bool opened = s->read_fd < 0;
	int r = opened ? open_reading(s) : 0;
	uint64_t number = s->reading;
	ssize_t n;

	if (r < 0 || !text)
		return r < 0 ? r : -ENOMEM;
	if (opened)
		number = s->segments[s->read_segment].first;
	while (batch->count < max_lines && batch->size < max_bytes) {
		size_t used;

		n = pread(s->read_fd, text, BUFFER, s->read_at);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		used = take_lines(s, &number, text, (size_t)n, max_lines, max_bytes, batch);
		s->read_at += (off_t)used;
		if (used == 0 || (batch->count && used < (size_t)n))
			return 0;
	}
	return 0;
}

int spool_read(struct spool *s, size_t max_lines, size_t max_bytes, struct spool_batch *ret_batch)
{
	struct spool_batch batch = {.first = s->reading};
	int r = 0;

	if (s->buffered > 0)
		spool_flush(s);
	if (s->reading >= s->next) {
		*ret_batch = batch;
		return 0;
	}
	batch.text = malloc(max_bytes + BUFFER + 1);
	if (!batch.text)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i <= s->n; i++) {
		r = read_segment(s, max_lines, max_bytes, &batch);
		if (batch.count > 0)
			break;
		/* the end of a segment: the next one */
		if (s->read_fd >= 0)
			close(s->read_fd);
		s->read_fd = -1;
	}
	if (r < 0 || batch.count == 0) {
		free(batch.text);
		batch.text = NULL;
		if (r == 0)
			r = -EIO; /* lines are missing that were written */
		s->error = r;
		return r;
	}
	s->reading += batch.count;
	*ret_batch = batch;
	return 0;
}

void spool_rewind(struct spool *s)
{
	s->reading = s->acked + 1;
	if (s->read_fd >= 0)
		close(s->read_fd);
	s->read_fd = -1;
}

void spool_ack(struct spool *s, uint64_t number, uint64_t refused)
{
	if (number >= s->next)
		number = s->next - 1;
	if (number <= s->acked)
		return;
	s->sent += number - s->acked - refused;
	s->refused += refused;
	s->acked = number;
	/* first the state: a crash between the two finds an old segment, not a missing one */
	save_state(s);
	forget_acked(s);
	if (s->gap.count && tell_gap(s))
		spool_flush(s);
}

struct spool_counts spool_counts(const struct spool *s)
{
	return (struct spool_counts){
		.queued = s->next - 1 - s->acked,
		.queued_bytes = s->bytes,
		.sent = s->sent,
		.refused = s->refused,
		.dropped = s->dropped,
		.unread = s->next - s->reading,
		.error = s->error,
	};
}
