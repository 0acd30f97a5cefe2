/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/known.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/inspector/pieces.h"

#define SLOTS  64
#define DIGEST 32 /* SHA-256 */

enum state { FREE, ASKED, READ };

struct slot {
	enum state state;
	uint64_t since_ns; /* CLOCK_MONOTONIC */
	uint8_t digest[DIGEST];
	struct report_certificate read;
};

struct known {
	struct pieces *pieces;
	EVP_MD *sha256;
	EVP_MD_CTX *context;
	struct slot slots[SLOTS];
};

void known_free(struct known *known)
{
	if (!known)
		return;
	pieces_free(known->pieces);
	EVP_MD_CTX_free(known->context);
	EVP_MD_free(known->sha256);
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
	/* fetched once: by its legacy name it would be looked up at every use */
	known->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	known->context = EVP_MD_CTX_new();
	if (!known->sha256 || !known->context)
		return -ENOMEM;
	*ret_known = TAKE_PTR(known);
	return 0;
}

static bool hash(struct known *known, const uint8_t *der, size_t n, uint8_t ret_digest[DIGEST])
{
	return EVP_DigestInit_ex2(known->context, known->sha256, NULL) == 1 &&
	       EVP_DigestUpdate(known->context, der, n) == 1 &&
	       EVP_DigestFinal_ex(known->context, ret_digest, NULL) == 1;
}

int known_take(struct known *known, const struct gl_rec_certificate *record, size_t size,
	       uint64_t now_ns, struct report_certificate *ret_report, const uint8_t **ret_der,
	       size_t *ret_n)
{
	uint8_t digest[DIGEST];
	struct slot *slot;
	int r = pieces_take(known->pieces, record, size, ret_der, ret_n);

	if (r <= 0)
		return r < 0 ? r : KNOWN_MORE;
	if (!hash(known, *ret_der, *ret_n, digest))
		return KNOWN_ASK;
	slot = &known->slots[digest[0] % SLOTS];
	if (slot->state != FREE && memcmp(slot->digest, digest, DIGEST) == 0 &&
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
	memcpy(slot->digest, digest, DIGEST);
	return KNOWN_ASK;
}

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_digest(const char *text, uint8_t ret_digest[DIGEST])
{
	if (strnlen(text, 2 * DIGEST + 1) != 2 * DIGEST)
		return false;
	for (size_t i = 0; i < DIGEST; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_digest[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void known_learn(struct known *known, const struct report_certificate *report, uint64_t now_ns)
{
	uint8_t digest[DIGEST];
	struct slot *slot;

	if (report->outcome != GL_OUTCOME_OK || !read_digest(report->fingerprint, digest))
		return;
	slot = &known->slots[digest[0] % SLOTS];
	if (slot->state != ASKED || memcmp(slot->digest, digest, DIGEST) != 0)
		return;
	slot->state = READ;
	slot->since_ns = now_ns;
	slot->read = *report;
}
