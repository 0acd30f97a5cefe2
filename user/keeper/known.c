/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/known.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/detect/digest.h"
#include "user/inspector/pieces.h"

#define SLOTS 64

enum state { FREE, ASKED, READ };

struct slot {
	enum state state;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	uint8_t digest[DIGEST_BYTES];
	struct report_certificate read;
};

struct known {
	struct pieces *pieces;
	struct slot slots[SLOTS];
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

int known_take(struct known *known, const struct gl_rec_certificate *record, size_t size,
	       uint64_t now_ns, struct report_certificate *ret_report, const uint8_t **ret_der,
	       size_t *ret_n)
{
	uint8_t digest[DIGEST_BYTES];
	struct slot *slot;
	int r = pieces_take(known->pieces, record, size, ret_der, ret_n);

	if (r <= 0)
		return r < 0 ? r : KNOWN_MORE;
	if (digest_sha256(*ret_der, *ret_n, digest) < 0)
		return KNOWN_ASK;
	slot = &known->slots[digest[0] % SLOTS];
	if (slot->state != FREE && memcmp(slot->digest, digest, DIGEST_BYTES) == 0 &&
	    now_ns - slot->since_ns < KNOWN_TTL_NS) {
		if (slot->state == ASKED)
			return KNOWN_ASK; /* the answer is on its way, or was lost */
		*ret_report = slot->read;
		ret_report->conn = record->conn;
		ret_report->service = record->service;
		ret_report->port = record->port;
		ret_report->flags = record->flags;
		return KNOWN_READ;
	}
	slot->state = ASKED;
	slot->since_ns = now_ns;
	memcpy(slot->digest, digest, DIGEST_BYTES);
	return KNOWN_ASK;
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

void known_learn(struct known *known, const struct report_certificate *report, uint64_t now_ns)
{
	uint8_t digest[DIGEST_BYTES];
	struct slot *slot;

	if (report->outcome != GL_OUTCOME_OK || !read_digest(report->fingerprint, digest))
		return;
	slot = &known->slots[digest[0] % SLOTS];
	if (slot->state != ASKED || memcmp(slot->digest, digest, DIGEST_BYTES) != 0)
		return;
	slot->state = READ;
	slot->since_ns = now_ns;
	slot->read = *report;
}
