/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_certificate.c - a server certificate from the kernel's records to what is said of it: any
 * bytes, cut into pieces of any size. Byte 0 is the size of the pieces (times 4), the rest the
 * certificate. What comes out is bounded, printable, and does not depend on the pieces.
 */
#include "tests/fuzz/fuzz.h"
#include "user/detect/certificate_judge.h"
#include "user/inspector/certificate.h"
#include "user/inspector/pieces.h"

static void check_text(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	if (n == size)
		abort();
	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			abort();
}
#define CHECK_TEXT(member) check_text(member, sizeof(member))

static void check(const struct report_certificate *c)
{
	CHECK_TEXT(c->fingerprint);
	CHECK_TEXT(c->key);
	CHECK_TEXT(c->signature);
	CHECK_TEXT(c->subject);
	CHECK_TEXT(c->issuer);
	CHECK_TEXT(c->names);
	if (c->conn != 1 || c->service != 2 || c->port != 3)
		abort();
}

static void hear(const struct finding *finding, void *userdata)
{
	(void)userdata;
	CHECK_TEXT(finding->subject);
	CHECK_TEXT(finding->evidence);
}

static void judge(const struct report_certificate *report)
{
	struct certificates *all;
	const struct certificate *one;
	const char *name;
	bool counted;

	if (certificates_new(&all) < 0)
		abort();
	one = certificates_add(all, report, 1, &name, &counted);
	certificate_judge(one, "shop", 1790000000000000000, hear, NULL);
	certificate_judge_name(one, "shop", "www.shop.test", 1790000000000000000, hear, NULL);
	certificates_free(all);
}

static void in_pieces(const uint8_t *der, size_t n, size_t step,
		      const struct report_certificate *whole)
{
	struct report_certificate c = {.conn = 1, .service = 2, .port = 3};
	struct gl_rec_certificate record = {.conn = 1, .total = (uint32_t)n};
	const uint8_t *got = NULL;
	struct pieces *pieces;
	size_t got_n = 0;
	int r = 0;

	if (pieces_new(&pieces) < 0)
		abort();
	for (size_t at = 0; at < n; at += record.n) {
		record.off = (uint32_t)at;
		record.n = (uint16_t)(n - at < step ? n - at : step);
		memcpy(record.bytes, der + at, record.n);
		r = pieces_take(pieces, &record, sizeof(record), &got, &got_n);
		if (r != (at + record.n == n))
			abort();
	}
	if (r == 1) {
		certificate_read(got, got_n, &c);
		if (memcmp(&c, whole, sizeof(c)) != 0)
			abort();
	}
	pieces_free(pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report_certificate c = {.conn = 1, .service = 2, .port = 3};

	if (size < 2 || size - 1 > CERTIFICATE_MAX)
		return 0;
	certificate_read(data + 1, size - 1, &c);
	check(&c);
	in_pieces(data + 1, size - 1, data[0] ? data[0] * 4u : GL_CERTIFICATE_PIECE, &c);
	if (c.outcome == GL_OUTCOME_OK)
		judge(&c);
	return 0;
}
