/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/known.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/tls_mark.h"
#include "user/base/cleanup.h"
#include "user/detect/digest.h"
#include "user/inspector/pieces.h"

enum state { FREE, ASKED, READ };

struct slot {
	enum state state;
	bool was_read; /* `read` says something; also while it is asked for again */
	uint64_t since_ns; /* asked, or read; CLOCK_MONOTONIC */
	uint64_t seen_ns;
	uint8_t digest[DIGEST_BYTES];
	struct report_certificate read;
};

struct known {
	struct pieces *pieces;
	uint64_t marks[KNOWN_SLOTS]; /* of the slots; looked through, so apart from them */
	struct slot slots[KNOWN_SLOTS];
};

void known_free(struct known *known)
{
	if (!known)
		return;
	pieces_free(known->pieces);
	free(known);
}

static void known_freep(struct known **known)
{
	known_free(*known);
}

int known_new(struct known **ret_known)
{
	_cleanup_(known_freep) struct known *known = calloc(1, sizeof(*known));
	int r;

	if (!known)
		return -ENOMEM;
	r = pieces_new(&known->pieces);
	if (r < 0)
		return r;
	*ret_known = TAKE_PTR(known);
	return 0;
}

static struct slot *find(struct known *known, uint64_t mark)
{
	for (size_t i = 0; i < KNOWN_SLOTS; i++)
		if (known->marks[i] == mark && known->slots[i].state != FREE)
			return &known->slots[i];
	return NULL;
}

/* Room for one more; NULL: all are busy. */
static struct slot *make_room(struct known *known, uint64_t now_ns, struct known_marks *marks)
{
	struct slot *oldest = &known->slots[0];

	for (size_t i = 0; i < KNOWN_SLOTS; i++) {
		struct slot *slot = &known->slots[i];

		if (slot->state == FREE)
			return slot;
		if (slot->seen_ns < oldest->seen_ns)
			oldest = slot;
	}
	if (now_ns - oldest->seen_ns < KNOWN_BUSY_NS)
		return NULL;
	marks->clear = known->marks[oldest - known->slots];
	*oldest = (struct slot){};
	return oldest;
}

static void tell(struct slot *slot, uint64_t conn, uint16_t service, uint16_t port, uint16_t flags,
		 const struct report_certificate **ret_report)
{
	slot->read.conn = conn;
	slot->read.service = service;
	slot->read.port = port;
	slot->read.flags = flags;
	*ret_report = &slot->read;
}

int known_take(struct known *known, const struct gl_rec_certificate *record, size_t size,
	       const struct gl_key *key, uint64_t now_ns,
	       const struct report_certificate **ret_report, const uint8_t **ret_der, size_t *ret_n,
	       struct known_marks *ret_marks)
{
	uint64_t mark;
	struct slot *slot;
	int r = pieces_take(known->pieces, record, size, ret_der, ret_n);

	*ret_marks = (struct known_marks){};
	if (r <= 0)
		return r < 0 ? r : KNOWN_MORE;
	mark = tls_mark(*ret_der, (uint32_t)*ret_n, key);
	slot = find(known, mark);
	if (slot && now_ns - slot->since_ns < KNOWN_TTL_NS) {
		slot->seen_ns = now_ns;
		if (slot->state == ASKED)
			return KNOWN_ASK; /* the answer is on its way, or was lost */
		/* it came whole: another one had its place */
		ret_marks->set = mark;
		tell(slot, record->conn, record->service, record->port, record->flags, ret_report);
		return KNOWN_READ;
	}
	if (!slot)
		slot = make_room(known, now_ns, ret_marks);
	if (!slot || digest_sha256(*ret_der, *ret_n, slot->digest) < 0)
		return KNOWN_ASK;
	slot->state = ASKED;
	slot->since_ns = slot->seen_ns = now_ns;
	known->marks[slot - known->slots] = mark;
	return KNOWN_ASK;
}

int known_take_mark(struct known *known, const struct gl_rec_certificate_known *record,
		    uint64_t now_ns, const struct report_certificate **ret_report,
		    struct known_marks *ret_marks)
{
	struct slot *slot = find(known, record->mark);

	*ret_marks = (struct known_marks){};
	/* too old, or forgotten: the next one comes whole */
	if (!slot || slot->state != READ || now_ns - slot->since_ns >= KNOWN_TTL_NS)
		ret_marks->clear = record->mark;
	if (!slot || !slot->was_read)
		return -ENOENT;
	slot->seen_ns = now_ns;
	tell(slot, record->conn, record->service, record->port, record->flags, ret_report);
	return KNOWN_READ;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_digest(const char *text, uint8_t ret_digest[DIGEST_BYTES])
{
	if (strnlen(text, 2 * DIGEST_BYTES + 1) != 2 * DIGEST_BYTES)
		return false;
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_digest[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void known_learn(struct known *known, const struct report_certificate *report, uint64_t now_ns,
		 struct known_marks *ret_marks)
{
	uint8_t digest[DIGEST_BYTES];

	*ret_marks = (struct known_marks){};
	if (report->outcome != GL_OUTCOME_OK || !read_digest(report->fingerprint, digest))
		return;
	for (size_t i = 0; i < KNOWN_SLOTS; i++) {
		struct slot *slot = &known->slots[i];

		if (slot->state != ASKED || memcmp(slot->digest, digest, DIGEST_BYTES) != 0)
			continue;
		slot->state = READ;
		slot->was_read = true;
		slot->since_ns = now_ns;
		slot->read = *report;
		ret_marks->set = known->marks[i];
		return;
	}
}
