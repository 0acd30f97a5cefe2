/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_subjects.c - any bytes as target, credential and body of a request. Beyond not crashing: the
 * same request is about the same, without a body there is no login but by Basic, a password never
 * comes without an account.
 */
#include "tests/fuzz/fuzz.h"
#include "user/detect/subjects.h"

/* Up to the next newline. */
static struct raw line(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
	struct raw r = {(const char *)*data, end ? (size_t)(end - *data) : *size};

	*data += r.n + (end != NULL);
	*size -= r.n + (end != NULL);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gl_key key = {11, 12};
	static struct transaction tx;
	struct subjects first, again, other;

	memset(&tx, 0, sizeof(tx));
	tx.target = line(&data, &size);
	tx.request.field[0].name = RAW("Content-Type");
	tx.request.field[0].value = line(&data, &size);
	tx.request.field[1].name = RAW("Authorization");
	tx.request.field[1].value = line(&data, &size);
	tx.request.n = 2;
	tx.request_body.bytes = data;
	tx.request_body.n = size;
	tx.request_body.wire_bytes = tx.request_body.decoded_bytes = size;
	tx.request_body.flags = size ? BODY_PRESENT : 0;
	subjects_read(&tx, &key, &first);
	subjects_read(&tx, &key, &again);
	CHECK(memcmp(&first, &again, sizeof(first)) == 0);
	CHECK(!first.password || first.account);
	CHECK(!first.number || first.object);
	tx.response.field[0].name = RAW("Location");
	tx.response.field[0].value = tx.request.field[0].value;
	tx.response.n = 1;
	if (subjects_sent_back(&tx, "/login?error"))
		CHECK(subjects_sent_back(&tx, "/login") && subjects_sent_back(&tx, "/"));
	tx.request.n = 0;
	tx.request_body = (struct body){0};
	subjects_read(&tx, &key, &other);
	CHECK(!other.account && !other.password);
	CHECK(other.object == first.object && other.number == first.number);
	return 0;
}
