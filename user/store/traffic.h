/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * traffic.h - requests that were seen, one compact row each, in a database of their own,
 * <state_dir>/traffic.db: what the scope of an incident is counted from, and what can be replayed.
 *
 * Apart from glacis.db because it is large and replaceable: nothing waits for its disk
 * (synchronous=NORMAL: a power cut may cost the last seconds, a kill costs nothing), it is not
 * checked as a whole at start, and when it is broken it is begun anew. Only masked text and numbers
 * come here. Texts (operations, paths) are stored once and named by number. Bounded by age and by
 * size; the oldest rows go first. All functions are for one thread; until traffic_start()
 * everything happens in it, from then on what is given is written later, or counted as failed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"

#define TRAFFIC_FILE_NAME "traffic.db"
#define TRAFFIC_NAMES_MAX 65536 /* beyond: a text is not stored, its number is 0 */
#define TRAFFIC_MARKS     4 /* of one row */

struct traffic_store;

struct traffic_limits {
	uint32_t age_s; /* rows older than that go; 0 = none is stored */
	uint64_t bytes; /* of the file */
};

/* Never fails but for memory: what is wrong is told by traffic_trouble(). */
int traffic_open(const char *state_dir, struct traffic_store **ret_store);
void traffic_close(struct traffic_store *store); /* NULL-safe */
/* From now on a thread writes and another reads. */
int traffic_start(struct traffic_store *store);
/* NULL: none. Valid until the next call. */
const char *traffic_trouble(struct traffic_store *store);

/* The number of a text; 0 for "" and for more than TRAFFIC_NAMES_MAX. */
uint32_t traffic_name(struct traffic_store *store, const char *text);
const char *traffic_text(const struct traffic_store *store, uint32_t name); /* "" for 0 */

struct traffic_row {
	int64_t id; /* given by the store */
	int64_t time_ns; /* wall clock */
	struct gl_addr source;
	uint64_t principal; /* keyed hash; 0 = none */
	uint64_t request_bytes, response_bytes;
	uint32_t total_us, flags; /* flags: transaction.h */
	uint32_t service, operation, cls, method, path; /* names */
	uint32_t marks[TRAFFIC_MARKS]; /* names of what was found in it; 0 = no more */
	uint16_t status;
};

/*
 * All or none of them, their ids set. -EIO, -ENOSPC, -ENOBUFS (the thread that writes is far
 * behind): they are the caller's to count as lost.
 */
int traffic_put(struct traffic_store *store, struct traffic_row *rows, size_t n);
/* What was found in rows that are stored already. */
struct traffic_mark {
	int64_t row;
	uint32_t name;
};
int traffic_mark(struct traffic_store *store, const struct traffic_mark *marks, size_t n);
/* Rows that are too old or too many go, a bounded number each call: call it every second. */
void traffic_prune(struct traffic_store *store, const struct traffic_limits *limits,
		   int64_t now_ns);

struct traffic_counts {
	uint64_t stored, failed, pruned;
	int64_t rows; /* in the file, about; 0 where a thread writes */
	uint64_t bytes; /* of it; the same */
};
struct traffic_counts traffic_counts(struct traffic_store *store);

/* Waits a moment for what is on its way. */
void traffic_settle(struct traffic_store *store);

/* Which rows: of a source, a principal, an operation (of a service); or all of the time. */
enum traffic_by { TRAFFIC_ALL, TRAFFIC_SOURCE, TRAFFIC_PRINCIPAL, TRAFFIC_OPERATION };
struct traffic_query {
	enum traffic_by by;
	struct gl_addr source; /* with TRAFFIC_SOURCE: of this prefix */
	uint8_t prefix_len; /* 128 = exactly */
	uint64_t principal;
	uint32_t service, operation; /* names; service 0 = any */
	int64_t from_ns, to_ns; /* both included */
	size_t max;
};
/* Newest first, with marks. Returning false ends it. 0, or -errno; -EBUSY: it takes too long. */
int traffic_each(struct traffic_store *store, const struct traffic_query *query,
		 bool (*fn)(const struct traffic_row *row, void *userdata), void *userdata);
