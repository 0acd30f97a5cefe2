/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink_jsonl.c - records as lines of a file. The keeper opens and rotates it: the courier may write
 * to this descriptor and to no other file of the host.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/courier/format.h"
#include "user/courier/sink.h"

static int jsonl_open(struct sink *sink, const json_t *config)
{
	(void)sink;
	(void)config;
	return 0;
}

static void jsonl_close(struct sink *sink)
{
	(void)sink;
}

/* The lines as they go into the file, or NULL: as they are. */
static char *as_ocsf(const struct sink *sink, const struct spool_batch *batch, size_t *ret_size)
{
	const char *at = batch->text, *end = batch->text + batch->size;
	char *text = NULL;
	FILE *f = open_memstream(&text, ret_size);

	if (!f)
		return NULL;
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		size_t size = stop ? (size_t)(stop - at) : (size_t)(end - at);
		json_t *record = json_loadb(at, size, 0, NULL);
		json_t *event = record ? format_ocsf(record, sink->shared->version) : NULL;

		if (event && json_dumpf(event, f, JSON_COMPACT) == 0)
			fputc('\n', f);
		json_decref(event);
		json_decref(record);
		at += size + 1;
	}
	if (fclose(f) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static void jsonl_send(struct sink *sink, const struct spool_batch *batch)
{
	_cleanup_free_ char *made = NULL;
	const char *text = batch->text;
	size_t size = batch->size, done = 0;
	struct stat st;
	ssize_t n;

	if (sink->file_fd < 0 || fstat(sink->file_fd, &st) < 0) {
		sink_failed(sink, 0, "the file is not open");
		return;
	}
	if (sink->ocsf) {
		text = made = as_ocsf(sink, batch, &size);
		if (!text) {
			sink_failed(sink, 0, "out of memory");
			return;
		}
	}
	while (done < size) {
		n = write(sink->file_fd, text + done, size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (done == size) {
		sink_sent(sink);
		return;
	}
	sink_error(sink, "%s", strerror(n < 0 ? errno : ENOSPC));
	/* no half of a line, and none twice */
	if (done > 0 && ftruncate(sink->file_fd, st.st_size) < 0)
		sink_error(sink, "a line is torn: %s", strerror(errno));
	sink_failed(sink, 0, "cannot write: %s", strerror(n < 0 ? errno : ENOSPC));
}

const struct sink_ops sink_jsonl = {
	.max_lines = 512,
	.max_bytes = 256 << 10,
	.open = jsonl_open,
	.close = jsonl_close,
	.send = jsonl_send,
};
