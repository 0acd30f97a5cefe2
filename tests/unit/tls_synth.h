/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_synth.h - ClientHellos made up from a seed: plausible ones, with what real clients send in
 * any mix and order, and the same damaged. For unit tests.
 */
#pragma once

#include <stdint.h>
#include <string.h>

#include "tests/unit/tls_build.h"

struct synth {
	uint64_t seed;
};

/* xorshift64*: the same numbers on every machine. */
static inline uint32_t synth_number(struct synth *s, uint32_t below)
{
	s->seed ^= s->seed >> 12;
	s->seed ^= s->seed << 25;
	s->seed ^= s->seed >> 27;
	return (uint32_t)((s->seed * 0x2545f4914f6cdd1dull) >> 33) % below;
}

static inline uint16_t synth_grease(struct synth *s)
{
	uint16_t nibble = (uint16_t)synth_number(s, 16);

	return (uint16_t)(nibble << 12 | 0x0a00 | nibble << 4 | 0x0a);
}

static inline uint16_t synth_version(struct synth *s)
{
	static const uint16_t versions[] = {0x0304, 0x0303, 0x0302, 0x0301, 0x0300,
					    0x0305, 0x7f1c, 0x0204, 0x0303, 0x0304};

	return synth_number(s, 8) ? versions[synth_number(s, 10)] : synth_grease(s);
}

static inline uint16_t synth_value(struct synth *s)
{
	static const uint16_t values[] = {0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030,
					  0xcca9, 0x00ff, 0x5600, 0x0403, 0x0804, 0x001d, 0x11ec};

	switch (synth_number(s, 8)) {
	case 0:
		return synth_grease(s);
	case 1:
		return (uint16_t)synth_number(s, 65536);
	}
	return values[synth_number(s, 14)];
}

static inline size_t synth_values(struct synth *s, uint16_t *ret, size_t max)
{
	size_t n = 1 + synth_number(s, synth_number(s, 30) ? 24 : (uint32_t)max);

	for (size_t i = 0; i < n; i++)
		ret[i] = synth_value(s);
	return n;
}

static inline void synth_extension(struct synth *s, struct tls_build *b, uint16_t type)
{
	static const char *const names[] = {"a", "api.example.com", "API.Example.COM",
					    "xn--bcher-kva.de"};
	static const char *const protocols[] = {"h2", "http/1.1", "x", "\x01\xff", "\xabz", "0"};
	uint16_t values[400];
	size_t at, n;

	switch (type) {
	case 0:
		build_name(b, names[synth_number(s, 4)]);
		return;
	case 10:
	case 13:
		n = synth_values(s, values, 140);
		build_numbers(b, type, 2, values, n);
		return;
	case 16:
		build_protocols(b, protocols[synth_number(s, 6)],
				synth_number(s, 2) ? protocols[synth_number(s, 6)] : NULL);
		return;
	case 43:
		n = 1 + synth_number(s, 10);
		for (size_t i = 0; i < n; i++)
			values[i] = synth_version(s);
		build_numbers(b, type, 1, values, n);
		return;
	}
	at = build_extension(b, type);
	build_fill(b, (uint8_t)synth_number(s, 256),
		   type == 51 ? 1216 + synth_number(s, 70) : synth_number(s, 40));
	build_close(b, at, 2);
}

/* Each type at most once but for those that may come again. */
static inline void synth_extensions(struct synth *s, struct tls_build *b)
{
	uint16_t types[] = {0,  5,  10, 11, 13, 16, 18, 21,     23,
			    27, 35, 41, 42, 43, 45, 51, 0xff01, 17513};
	size_t n = sizeof(types) / sizeof(types[0]), keep = synth_number(s, (uint32_t)n + 1);

	for (size_t i = 0; i < keep; i++) {
		size_t j = i + synth_number(s, (uint32_t)(n - i));
		uint16_t type = types[j];

		types[j] = types[i];
		types[i] = type;
		if (!synth_number(s, 6))
			synth_extension(s, b, synth_grease(s));
		synth_extension(s, b, type);
	}
	if (synth_number(s, 200))
		return;
	for (int i = 0; i < 140; i++) /* more than there is room for */
		synth_extension(s, b, (uint16_t)(1000 + i));
}

/* One message. */
static inline void synth_message(struct synth *s, struct tls_build *b)
{
	static const uint16_t legacy[] = {0x0303, 0x0303, 0x0303, 0x0301,
					  0x0302, 0x0300, 0x0304, 0x0399};
	uint16_t values[400];
	size_t message, at, n;

	b->n = 0;
	build_number(b, 1, 1);
	message = build_open(b, 3);
	build_number(b, 2, legacy[synth_number(s, 8)]);
	for (int i = 0; i < 32; i++)
		build_number(b, 1, synth_number(s, 256));
	at = build_open(b, 1);
	build_fill(b, 0x55, synth_number(s, 2) ? 32 : synth_number(s, 33));
	build_close(b, at, 1);
	n = synth_values(s, values, 300);
	at = build_open(b, 2);
	for (size_t i = 0; i < n; i++)
		build_number(b, 2, values[i]);
	build_close(b, at, 2);
	build_number(b, 2, 0x0100);
	if (synth_number(s, 20)) {
		at = build_open(b, 2);
		synth_extensions(s, b);
		build_close(b, at, 2);
	}
	build_close(b, message, 3);
}

static inline void synth_damage(struct synth *s, struct tls_build *b)
{
	uint32_t at = synth_number(s, (uint32_t)b->n);

	switch (synth_number(s, 4)) {
	case 0:
		b->bytes[at] ^= (uint8_t)(1 << synth_number(s, 8));
		return;
	case 1:
		b->bytes[at] = (uint8_t)synth_number(s, 256);
		return;
	case 2: /* one byte less, lengths as they were */
		memmove(b->bytes + at, b->bytes + at + 1, b->n - at - 1);
		b->n--;
		return;
	}
	memmove(b->bytes + at + 1, b->bytes + at, b->n - at);
	b->n++;
}

/* The message in records, of one size or another; now and then with something behind. */
static inline void synth_stream(struct synth *s, const struct tls_build *message,
				struct tls_build *ret)
{
	static const size_t sizes[] = {16384, 16384, 16384, 1, 7, 100, 517};
	size_t size = sizes[synth_number(s, 7)];

	ret->n = 0;
	if (message->n * 6 > TLS_BUILD_MAX)
		size = 16384;
	build_records(ret, 22, synth_number(s, 2) ? 0x0301 : 0x0303, message, size);
	if (!synth_number(s, 5))
		build_fill(ret, 0x16, 9);
}
