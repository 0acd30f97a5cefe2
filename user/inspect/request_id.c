/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * request_id.c - the name a request goes by in logs and findings (LOG-05): X-Request-Id as sent if
 * it is one, else the trace id of traceparent (W3C Trace Context section 3.2), else a UUIDv4 (RFC
 * 9562 section 5.4) made here. What is sent is shown and stored, so only what names are made of
 * passes: no blanks, no '@', no quotes.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>

#include "include/glacis/siphash.h"

#define TRACE_ID_OFF     3 /* after "00-" */
#define TRACE_ID_LEN     32
#define TRACE_PARENT_LEN 55

static bool is_id_byte(char b)
{
	return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
	       (b && strchr("-_.:/+=~", b));
}

static bool take_sent(struct raw value, char out[REQUEST_ID_TEXT])
{
	if (!value.n || value.n >= REQUEST_ID_TEXT)
		return false;
	for (size_t i = 0; i < value.n; i++)
		if (!is_id_byte(value.p[i]))
			return false;
	memcpy(out, value.p, value.n);
	out[value.n] = 0;
	return true;
}

static bool take_trace(struct raw value, char out[REQUEST_ID_TEXT])
{
	bool zero = true;

	if (value.n < TRACE_PARENT_LEN || value.p[2] != '-' ||
	    value.p[TRACE_ID_OFF + TRACE_ID_LEN] != '-')
		return false;
	for (size_t i = 0; i < TRACE_ID_LEN; i++) {
		char b = value.p[TRACE_ID_OFF + i];

		if (!((b >= '0' && b <= '9') || (b >= 'a' && b <= 'f')))
			return false;
		zero = zero && b == '0';
	}
	if (zero)
		return false; /* section 3.2.2.3: invalid */
	memcpy(out, value.p + TRACE_ID_OFF, TRACE_ID_LEN);
	out[TRACE_ID_LEN] = 0;
	return true;
}

static void make(struct inspect *in, char out[REQUEST_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	const struct gl_key key = {in->options.seed[0], in->options.seed[1]};
	const __u64 at = ++in->made;
	uint8_t bytes[16];
	char *to = out;

	for (int half = 0; half < 2; half++) {
		const __u64 words[] = {at, (__u64)half};
		__u64 random = siphash_words(words, 2, &key);

		memcpy(bytes + 8 * half, &random, sizeof(random));
	}
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* variant */
	for (size_t i = 0; i < sizeof(bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*to++ = '-';
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	*to = 0;
}

void request_id_choose(struct inspect *in, const struct transaction *tx, char out[REQUEST_ID_TEXT],
		       bool *ret_made)
{
	const struct field *sent = fields_find(&tx->request, "x-request-id");
	const struct field *trace;

	*ret_made = false;
	memset(out, 0, REQUEST_ID_TEXT);
	if (sent && take_sent(sent->value, out))
		return;
	trace = fields_find(&tx->request, "traceparent");
	if (trace && take_trace(trace->value, out))
		return;
	make(in, out);
	*ret_made = true;
}
