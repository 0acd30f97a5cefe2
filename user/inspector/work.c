/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * work.c - the inspector's loop. While there is work the ring is looked at every millisecond or two
 * and the kernel wakes nobody; after a while without any the inspector says that it sleeps, looks
 * once more, and waits (lab fact 30: a wakeup per record costs more than the record).
 */
#include "user/inspector/work.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/inspector/certificate.h"
#include "user/inspector/child.h"
#include "user/inspector/reading.h"
#include "user/inspector/link.h"
#include "user/inspector/pieces.h"
#include "user/inspector/ring.h"

#define POLICY_BYTES_MAX (sizeof(struct gl_policy) + (16u << 20)) /* and what is expected */
#define DRAIN_MAX        512 /* records in a turn: then what they made is told */
#define LOOK_MS          2
#define AWAKE_NS         (100 * 1000000ull) /* without a record, before it sleeps */
#define ACCOUNT_NS       CLOCK_NS_PER_S /* while there is something to count */
#define ALIVE_NS         (3 * CLOCK_NS_PER_S) /* else: that it is there (the keeper's patience is 10 s) */
#define MESSAGES_MAX     64 /* of the keeper's in a turn */
#define LINES_BYTES      (sizeof(struct gl_inspector) * GL_INSPECTORS_MAX)
#define FLUSH_RETRY_MS   2
#define TICK_MS          100

struct work {
	unsigned number;
	struct link *link;
	struct ring *ring; /* NULL: none */
	struct gl_inspector *lines, *line;
	struct pieces *pieces;
	struct reading *reading;
	const struct gl_policy *policy; /* the ruling one, read-only; NULL: none yet */
	size_t policy_size; /* of the mapping */
	uint64_t counts[REPORT_COUNT_MAX]; /* its own; reading.c has its */
	uint64_t busy_ns, account_ns; /* CLOCK_MONOTONIC: last record; last account */
	uint64_t tick_ns;
	bool counted; /* something that the keeper was not told */
	bool ended;
};

/* ---------------------------------------------------------------------------------------------
 * Beginning and end
 */
static int map_line(struct work *work)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t length = (LINES_BYTES + (size_t)page - 1) / (size_t)page * (size_t)page;
	void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, CHILD_LINES_FD, 0);

	if (memory == MAP_FAILED)
		return -errno;
	work->lines = memory;
	work->line = &work->lines[work->number];
	return 0;
}

int work_new(unsigned number, uint32_t ring_bytes, struct work **ret_work)
{
	_cleanup_(work_freep) struct work *work = calloc(1, sizeof(*work));
	int r;

	if (!work)
		return -ENOMEM;
	if (number >= GL_INSPECTORS_MAX)
		return -EINVAL;
	work->number = number;
	r = certificate_load();
	if (r == 0)
		r = link_new(CHILD_CHANNEL_FD, &work->link);
	if (r == 0)
		r = pieces_new(&work->pieces);
	if (r == 0)
		r = reading_new(work->link, &work->reading);
	if (r == 0 && ring_bytes)
		r = ring_new(CHILD_RING_FD, ring_bytes, &work->ring);
	if (r == 0 && ring_bytes)
		r = map_line(work);
	if (r < 0)
		return r;
	*ret_work = TAKE_PTR(work);
	return 0;
}

void work_free(struct work *work)
{
	if (!work)
		return;
	reading_free(work->reading);
	link_free(work->link);
	pieces_free(work->pieces);
	ring_free(work->ring);
	if (work->policy)
		munmap((void *)work->policy, work->policy_size);
	if (work->lines)
		munmap(work->lines, LINES_BYTES);
	free(work);
}

/* ---------------------------------------------------------------------------------------------
 * Records of the kernel
 */
static void take_certificate(struct work *work, const struct gl_rec_certificate *record,
			     size_t size)
{
	struct report_certificate c = {};
	const uint8_t *der;
	size_t n;
	int r = pieces_take(work->pieces, record, size, &der, &n);

	if (r == -EBADMSG || r == -ENODATA)
		work->counts[REPORT_COUNT_RECORDS_BAD]++;
	if (r != 1)
		return;
	c.conn = record->conn;
	c.service = record->service;
	c.port = record->port;
	c.flags = record->flags;
	certificate_read(der, n, &c);
	link_put(work->link, REPORT_CERTIFICATE, &c.report, sizeof(c));
}

static void take_record(const void *bytes, size_t size, void *userdata)
{
	const struct gl_rec *record = bytes;
	struct work *work = userdata;

	if (size < sizeof(*record) || record->len > size) {
		work->counts[REPORT_COUNT_RECORDS_BAD]++;
		return;
	}
	switch (record->kind) {
	case GL_REC_CERTIFICATE:
		take_certificate(work, bytes, size);
		break;
	case GL_REC_CHUNK:
		reading_chunk(work->reading, bytes, size);
		break;
	default:
		work->counts[REPORT_COUNT_RECORDS_BAD]++;
		break;
	}
}

static void take_from_ring(const void *bytes, size_t size, void *userdata)
{
	struct work *work = userdata;

	__atomic_store_n(&work->line->received, work->line->received + 1, __ATOMIC_RELAXED);
	take_record(bytes, size, userdata);
}

/* ---------------------------------------------------------------------------------------------
 * Messages of the keeper
 */
/* A sealed copy of the keeper's; private, because a sealed one cannot be shared before Linux 6.7,
 * and never written. Behind the image stands what is expected (expect.h). */
static void take_policy(struct work *work, const struct report *report, int fd)
{
	size_t size = report->len >= sizeof(struct report_policy)
			      ? ((const struct report_policy *)report)->size
			      : 0;
	bool whole = fd >= 0 && size >= sizeof(*work->policy) && size <= POLICY_BYTES_MAX;
	void *memory = whole ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;

	if (memory == MAP_FAILED) {
		work->counts[REPORT_COUNT_RECORDS_BAD]++;
		return;
	}
	if (reading_set_policy(work->reading, memory,
			       (const uint8_t *)memory + sizeof(*work->policy),
			       size - sizeof(*work->policy)) < 0)
		work->counts[REPORT_COUNT_RECORDS_BAD]++;
	if (work->policy)
		munmap((void *)work->policy, work->policy_size);
	work->policy = memory;
	work->policy_size = size;
}

static void take_report(struct work *work, const struct report *report, int fd)
{
	const uint8_t *bytes = (const uint8_t *)(report + 1);

	work->counted = true;
	switch (report->kind) {
	case REPORT_RECORD:
		take_record(bytes, report->len - sizeof(*report), work);
		break;
	case REPORT_POLICY:
		take_policy(work, report, fd);
		break;
	case REPORT_STOP:
		work->ended = true;
		break;
	default:
		work->counts[REPORT_COUNT_RECORDS_BAD]++;
		break;
	}
}

static int take_messages(struct work *work)
{
	const uint8_t *bytes = NULL;
	int n = 1;

	for (int i = 0; i < MESSAGES_MAX && n > 0; i++) {
		_cleanup_close_ int fd = -1;
		size_t at = 0;

		n = link_receive(work->link, &bytes, &fd);
		while (n > 0 && (size_t)n - at >= sizeof(struct report)) {
			const struct report *report = (const struct report *)(bytes + at);

			if (report->len < sizeof(*report) || report->len % 8 ||
			    report->len > (size_t)n - at)
				return -EBADMSG;
			take_report(work, report, fd);
			at += report->len;
		}
	}
	return n < 0 ? n : 0;
}

/* ---------------------------------------------------------------------------------------------
 * The loop
 */
static uint64_t account_due_ns(const struct work *work)
{
	return work->account_ns + (work->counted ? ACCOUNT_NS : ALIVE_NS);
}

static void tell_account(struct work *work, uint64_t now_ns)
{
	struct report_account account = {};

	if (now_ns < account_due_ns(work))
		return;
	work->account_ns = now_ns;
	work->counted = false;
	work->counts[REPORT_COUNT_REPORTS_LOST] = link_lost(work->link);
	memcpy(account.counts, work->counts, sizeof(account.counts));
	reading_add_counts(work->reading, account.counts);
	link_put(work->link, REPORT_ACCOUNT, &account.report, sizeof(account));
}

/* Before there is a policy nobody could say what a request asks for: the ring keeps it. */
static int drain(struct work *work, uint64_t now_ns)
{
	int n = work->ring && work->policy ? ring_drain(work->ring, DRAIN_MAX, take_from_ring, work)
					   : 0;

	if (n > 0) {
		work->busy_ns = now_ns;
		work->counted = true;
	}
	return n;
}

static int wait(struct work *work, uint64_t now_ns)
{
	struct pollfd fds[] = {
		{.fd = CHILD_CHANNEL_FD, .events = POLLIN},
		{.fd = work->ring && work->policy ? CHILD_RING_FD : -1, .events = POLLIN},
	};
	bool awake = work->ring && now_ns - work->busy_ns < AWAKE_NS;
	uint64_t due_ns = account_due_ns(work);
	int timeout_ms = due_ns > now_ns ? (int)((due_ns - now_ns) / 1000000) + 1 : 1;

	if (reading_waits(work->reading)) {
		work->counted = true; /* what is waited for too long counts, too */
		if (timeout_ms > TICK_MS)
			timeout_ms = TICK_MS;
	}
	if (link_pending(work->link)) { /* the keeper is slow: it will have room again */
		fds[0].events |= POLLOUT;
		timeout_ms = FLUSH_RETRY_MS;
	}
	if (awake) {
		/* what is judged is not to wait: the doors wake for it, and for nothing else */
		if (!reading_judges(work->reading))
			fds[1].fd = -1;
		timeout_ms = LOOK_MS;
	} else if (work->line) {
		/* said, then looked: what comes after the look sees that it was said */
		__atomic_store_n(&work->line->asleep, 1, __ATOMIC_SEQ_CST);
		if (drain(work, now_ns) != 0)
			timeout_ms = 0;
	}
	if (poll(fds, ARRAY_SIZE(fds), timeout_ms) < 0 && errno != EINTR)
		return -errno;
	if (!awake && work->line)
		__atomic_store_n(&work->line->asleep, 0, __ATOMIC_RELEASE);
	return 0;
}

static int turn(struct work *work)
{
	uint64_t now_ns = clock_monotonic_ns(), boot_ns = clock_boot_ns();
	int n, r;

	r = take_messages(work);
	if (r < 0)
		return r;
	n = drain(work, now_ns);
	if (n < 0)
		return n;
	if (now_ns - work->tick_ns >= TICK_MS * 1000000ull) {
		work->tick_ns = now_ns;
		/* what is missing is not waited for longer than it is late: it may be in the ring
		 */
		reading_tick(work->reading, n == DRAIN_MAX ? 0 : boot_ns);
	}
	tell_account(work, now_ns);
	r = link_flush(work->link);
	if (r < 0 && r != -EAGAIN)
		return r;
	return n == DRAIN_MAX ? 0 : wait(work, now_ns);
}

int work_run(struct work *work)
{
	struct report ready = {};
	int r = 0;

	link_put(work->link, REPORT_READY, &ready, sizeof(ready));
	while (r == 0 && !work->ended)
		r = turn(work);
	if (work->line)
		__atomic_store_n(&work->line->alive, 0, __ATOMIC_RELEASE);
	link_flush(work->link);
	if (r == 0 || r == -EPIPE || r == -ECONNRESET)
		return 0;
	return log_err(r, "inspector %u ends", work->number);
}
