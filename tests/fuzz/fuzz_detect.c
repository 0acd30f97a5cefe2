/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_detect.c - any bytes as a request and its answer, through every detector: two messages as in
 * tx_build.h, a line "%%" between them, a first line of bits. Beyond not crashing: what is stated
 * is well-formed, printable, of a known control, and the same twice.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/tx_build.h"
#include "user/detect/detector.h"

struct heard {
	uint64_t sum;
	size_t n;
};

static void hear(const struct detection *d, void *userdata)
{
	struct heard *heard = userdata;

	CHECK(d->control && strlen(d->control) < FINDING_CONTROL);
	CHECK(d->rule && *d->rule && strlen(d->rule) < FINDING_RULE);
	CHECK(d->severity <= FINDING_CRITICAL && d->part < PART_MAX);
	CHECK(memchr(d->evidence.text, 0, MASKED_TEXT) && d->evidence.text[0]);
	for (const char *p = d->evidence.text; *p; p++) {
		CHECK(*p >= 0x20 && *p < 0x7f);
		heard->sum = heard->sum * 31 + (uint8_t)*p;
	}
	CHECK(detector_for(d->control));
	CHECK(++heard->n < 64);
}

static struct heard run(const char *bits, const char *request, const char *response)
{
	struct transaction *tx = tx_build(request, response);
	struct detect_policy policy = {0};
	struct heard heard = {0};
	const struct detect_out out = {.emit = hear, .userdata = &heard};
	unsigned flags[4] = {0};

	sscanf(bits, "%x %x %x %x", &flags[0], &flags[1], &flags[2], &flags[3]);
	tx->flags |= flags[0];
	tx->anomalies = flags[1];
	tx->request_body.flags |= flags[2] & 0xff;
	tx->response_body.flags |= flags[2] >> 8 & 0xff;
	policy.auth_required = flags[3] & 1;
	policy.deprecated = flags[3] & 2;
	policy.limited = flags[3] & 4;
	detect_transaction(tx, &policy, &out);
	free(tx);
	return heard;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard first, second;
	char *text, *request, *response;

	if (size > 65536 || memchr(data, 0, size))
		return 0;
	text = malloc(size + 1);
	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	request = strchr(text, '\n');
	response = request ? strstr(request, "\n%%\n") : NULL;
	if (response) {
		*request++ = '\0';
		*response = '\0';
		response += 4;
		first = run(text, request, response);
		second = run(text, request, response);
		CHECK(first.n == second.n && first.sum == second.sum);
	}
	free(text);
	return 0;
}
