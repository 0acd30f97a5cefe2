/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_server_reference.h - a server's flight read the slow way: the whole stream in hand, a byte
 * pulled at a time, messages read top to bottom. What tls_server.h must agree with; and flights
 * made up from a seed to compare them over. For unit tests.
 */
#pragma once

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "tests/unit/tls_build.h"
#include "tests/unit/tls_reader.h"
#include "tests/unit/tls_synth.h"

/* The random of a HelloRetryRequest (RFC 8446 section 4.1.3). */
static const uint8_t synth_retry[32] = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11,
					0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
					0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e,
					0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};

struct flight {
	const uint8_t *bytes;
	size_t n, at;
	size_t left; /* of this record */
	size_t taken; /* bytes of messages */
	bool fresh; /* between messages */
	bool told; /* the ServerHello is read */
	jmp_buf end;
	struct server_reading r;
};

static inline void flight_end(struct flight *f, uint32_t event)
{
	f->r.event = event;
	longjmp(f->end, 1);
}

static inline uint8_t flight_raw(struct flight *f)
{
	if (f->at == f->n)
		flight_end(f, TLS_NOTHING);
	return f->bytes[f->at++];
}

static inline void flight_alert(struct flight *f)
{
	f->r.server.alert_level = flight_raw(f);
	f->r.server.alert = flight_raw(f);
	if (f->r.server.alert_level != 1 || !f->r.server.alert)
		flight_end(f, TLS_ALERT);
}

/* A record that is no handshake: passed, or the end of what is read. */
static inline void flight_other(struct flight *f, uint8_t content, size_t len)
{
	if (!f->fresh)
		flight_end(f, TLS_ERROR);
	if (content == 21 && len == 2) {
		flight_alert(f);
		return;
	}
	if (content == 20 && len == 1 && !f->told) {
		flight_raw(f);
		return;
	}
	if (!f->told)
		flight_end(f, TLS_ERROR);
	if (!(f->r.server.flags & GL_SERVER_CERTIFICATE))
		f->r.server.flags |= GL_SERVER_RESUMED;
	flight_end(f, TLS_DONE);
}

static inline void flight_record(struct flight *f)
{
	while (!f->left) {
		uint8_t content = flight_raw(f);
		size_t len;

		if (flight_raw(f) != 3)
			flight_end(f, TLS_ERROR);
		flight_raw(f);
		len = (size_t)flight_raw(f) << 8;
		len |= flight_raw(f);
		if ((!len || len > 16384) && content != 23)
			flight_end(f, TLS_ERROR);
		if (content == 22)
			f->left = len;
		else
			flight_other(f, content, len);
	}
}

static inline uint32_t flight_number(struct flight *f, unsigned width)
{
	uint32_t value = 0;

	while (width--) {
		flight_record(f);
		f->fresh = false;
		value = value << 8 | flight_raw(f);
		f->left--;
	}
	return value;
}

static inline void flight_must(struct flight *f, bool good)
{
	if (!good)
		flight_end(f, TLS_ERROR);
}

/* *left of something is taken from. */
static inline uint32_t flight_take(struct flight *f, size_t *left, unsigned width)
{
	*left -= width;
	return flight_number(f, width);
}

static inline void flight_skip(struct flight *f, size_t *left, size_t n)
{
	while (n--)
		flight_take(f, left, 1);
}

static inline void flight_extension(struct flight *f, size_t *left, uint16_t *selected)
{
	struct gl_server_hello *s = &f->r.server;
	uint32_t type = flight_take(f, left, 2), len = flight_take(f, left, 2);
	size_t rest = len;

	flight_must(f, len <= *left);
	*left -= len;
	if (type == 43) {
		flight_must(f, len == 2 && !*selected);
		*selected = (uint16_t)flight_take(f, &rest, 2);
	} else if (type == 51 && len >= 2) {
		s->group = (uint16_t)flight_take(f, &rest, 2);
	} else if (type == 16 && len > 3) {
		uint32_t lengths = flight_take(f, &rest, 3);

		flight_must(f, lengths == ((uint32_t)(len - 2) << 8 | (len - 3)) && len < 259);
		s->alpn_len = 0;
		while (rest) {
			char byte = (char)flight_take(f, &rest, 1);

			if (s->alpn_len < sizeof(s->alpn))
				s->alpn[s->alpn_len++] = byte;
		}
	} else if (type == 41) {
		s->flags |= GL_SERVER_RESUMED;
	}
	flight_skip(f, &rest, rest);
}

static inline bool flight_random(struct flight *f, size_t *left)
{
	uint8_t random[32];

	for (int i = 0; i < 32; i++)
		random[i] = (uint8_t)flight_take(f, left, 1);
	if (!memcmp(random + 24, "DOWNGRD\1", 8))
		f->r.server.flags |= GL_SERVER_SENTINEL_12;
	if (!memcmp(random + 24, "DOWNGRD\0", 8))
		f->r.server.flags |= GL_SERVER_SENTINEL_11;
	return !memcmp(random, synth_retry, 32);
}

static inline void flight_hello(struct flight *f, size_t left)
{
	struct gl_server_hello *s = &f->r.server;
	uint16_t selected = 0;
	size_t session;
	bool retry;

	flight_must(f, left >= 38);
	s->legacy_version = (uint16_t)flight_take(f, &left, 2);
	retry = flight_random(f, &left);
	session = flight_take(f, &left, 1);
	flight_must(f, session <= 32 && session + 3 <= left);
	flight_skip(f, &left, session);
	s->cipher = (uint16_t)flight_take(f, &left, 2);
	flight_must(f, left == 1 || left >= 3);
	flight_skip(f, &left, 1);
	if (left) {
		uint32_t len = flight_take(f, &left, 2);

		flight_must(f, len == left);
		while (left) {
			flight_must(f, left >= 4);
			flight_extension(f, &left, &selected);
		}
	}
	if (retry) {
		s->flags |= GL_SERVER_RETRY;
		return;
	}
	f->told = true;
	s->alert = s->alert_level = 0;
	s->version = selected ? selected : s->legacy_version;
	f->r.hellos++;
	f->r.hello_version = s->version;
	f->r.hello_at = f->at;
}

static inline void flight_certificate(struct flight *f, size_t left)
{
	size_t len;

	f->r.server.flags |= GL_SERVER_CERTIFICATE;
	len = flight_take(f, &left, 3);
	flight_must(f, len == left);
	if (left >= 3) {
		len = flight_take(f, &left, 3);
		flight_must(f, len && len <= left);
		for (f->r.cert_read = 0; f->r.cert_read < len; f->r.cert_read++) {
			uint8_t byte = (uint8_t)flight_take(f, &left, 1);

			f->r.cert_total = (uint32_t)len;
			if (f->r.cert_read < TLS_CERTIFICATE_KEPT)
				f->r.cert[f->r.cert_read] = byte;
		}
	}
	flight_skip(f, &left, left);
}

/* ECDHE suites of RFC 8422, 5289, 6367, 7905 and their kin, by their places in the registry. */
static inline bool flight_curve(uint16_t cipher)
{
	static const uint16_t places[][2] = {{0xc006, 0xc019}, {0xc023, 0xc032}, {0xc048, 0xc04f},
					     {0xc05c, 0xc063}, {0xc072, 0xc079}, {0xc086, 0xc08d},
					     {0xc0ac, 0xc0af}, {0xcca8, 0xcca9}};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (cipher >= places[i][0] && cipher <= places[i][1])
			return true;
	return false;
}

static inline void flight_message(struct flight *f)
{
	struct gl_server_hello *s = &f->r.server;
	uint32_t type = flight_number(f, 1);
	size_t left = flight_number(f, 3);

	f->taken += left;
	if (f->taken > TLS_SERVER_MAX)
		flight_end(f, TLS_DONE);
	if (!f->told && (type != 0 || left)) {
		flight_must(f, type == 2);
		flight_hello(f, left);
		return;
	}
	if (!f->told)
		return;
	if (type == 14 || type == 4) {
		if (type == 4 && !(s->flags & GL_SERVER_CERTIFICATE))
			s->flags |= GL_SERVER_RESUMED;
		flight_end(f, TLS_DONE);
	}
	if (type == 11 && left >= 3) {
		flight_certificate(f, left);
		return;
	}
	if (type == 12 && left >= 3 && flight_curve(s->cipher)) {
		uint32_t curve = flight_take(f, &left, 3);

		if (curve >> 16 == 3)
			s->group = (uint16_t)curve;
	}
	flight_skip(f, &left, left);
}

static inline void flight_read(struct flight *f, const uint8_t *bytes, size_t n)
{
	memset(f, 0, sizeof(*f));
	f->bytes = bytes;
	f->n = n;
	if (setjmp(f->end))
		return;
	for (;;) {
		f->fresh = true;
		if (f->told && f->r.server.version >= 0x0304) {
			flight_raw(f);
			flight_end(f, TLS_DONE);
		}
		flight_message(f);
	}
}

/* ---------------------------------------------------------------------------------------------
 * Flights made up
 */

static inline void synth_server_extensions(struct synth *s, struct tls_build *b)
{
	static const uint16_t types[] = {0, 5, 11, 16, 16, 23, 35, 41, 43, 43, 51, 51, 0xff01};
	uint32_t n = synth_number(s, 6);
	size_t at;

	while (n--) {
		uint16_t type = types[synth_number(s, 13)];

		if (type == 16) {
			build_protocols(b,
					synth_number(s, 2) ? "http/1.1" : "a-name-longer-than-kept",
					NULL);
			continue;
		}
		at = build_extension(b, type);
		if (type == 43)
			build_number(b, 2, synth_version(s));
		else
			build_fill(b, (uint8_t)synth_number(s, 256), synth_number(s, 40));
		build_close(b, at, 2);
	}
}

static inline void synth_server_hello(struct synth *s, struct tls_build *b, bool retry)
{
	static const char *const ends[] = {"DOWNGRD\1", "DOWNGRD\0", "DOWNGRD\2", "DOWNGRE\1"};
	static const uint16_t ciphers[] = {0xc02f, 0xc009, 0x009c, 0x1301, 0xcca8, 0xc037};
	size_t message, at;

	build_number(b, 1, 2);
	message = build_open(b, 3);
	build_number(b, 2, synth_number(s, 6) ? 0x0303 : synth_version(s));
	if (retry) {
		build_bytes(b, synth_retry, 32);
	} else {
		for (int i = 0; i < 24; i++)
			build_number(b, 1, synth_number(s, 256));
		if (synth_number(s, 2))
			build_bytes(b, ends[synth_number(s, 4)], 8);
		else
			build_fill(b, 0x5e, 8);
	}
	at = build_open(b, 1);
	build_fill(b, 0x55, synth_number(s, 2) ? 32 : synth_number(s, 33));
	build_close(b, at, 1);
	build_number(b, 2, ciphers[synth_number(s, 6)]);
	build_number(b, 1, 0);
	if (synth_number(s, 5)) {
		at = build_open(b, 2);
		synth_server_extensions(s, b);
		build_close(b, at, 2);
	}
	build_close(b, message, 3);
}

static inline void synth_certificates(struct synth *s, struct tls_build *b)
{
	size_t message, list, at;

	build_number(b, 1, 11);
	message = build_open(b, 3);
	list = build_open(b, 3);
	for (uint32_t n = synth_number(s, 4); n; n--) {
		at = build_open(b, 3);
		for (uint32_t i = 1 + synth_number(s, 2500); i; i--)
			build_number(b, 1, synth_number(s, 256));
		build_close(b, at, 3);
	}
	build_close(b, list, 3);
	build_close(b, message, 3);
}

static inline void synth_rest(struct synth *s, struct tls_build *b)
{
	static const uint8_t types[] = {22, 12, 13, 0, 4, 14};
	uint8_t type = types[synth_number(s, 6)];
	size_t message;

	if (synth_number(s, 3))
		synth_certificates(s, b);
	for (int i = 0; i < 2; i++, type = types[synth_number(s, 6)]) {
		build_number(b, 1, type);
		message = build_open(b, 3);
		build_number(b, 3, 0x03001d);
		build_fill(b, 0x22, synth_number(s, 300));
		build_close(b, message, 3);
	}
	build_number(b, 4, 14u << 24);
}

static inline void synth_record(struct synth *s, struct tls_build *ret)
{
	static const char *const others[] = {"\x15\3\3\0\2\1\x70", "\x15\3\3\0\2\2\x28",
					     "\x14\3\3\0\1\1", "\x17\3\3\0\1x"};
	static const size_t sizes[] = {7, 7, 6, 6};
	uint32_t i = synth_number(s, 4);

	build_bytes(ret, others[i], sizes[i]);
}

/* One flight as a stream; now and then with a record in between that is no handshake, or damaged.
 */
static inline void synth_flight(struct synth *s, struct tls_build *messages, struct tls_build *ret)
{
	static const size_t sizes[] = {16384, 16384, 1400, 1, 7, 100};
	size_t size = sizes[synth_number(s, 6)];

	ret->n = 0;
	for (int part = 0; part < 3; part++) {
		messages->n = 0;
		if (!synth_number(s, 6))
			synth_record(s, ret);
		if (part == 0 && !synth_number(s, 4))
			synth_server_hello(s, messages, true);
		if (part == 0 && !synth_number(s, 8))
			build_number(messages, 4, 0); /* HelloRequest */
		if (part == 1)
			synth_server_hello(s, messages, false);
		if (part == 2)
			synth_rest(s, messages);
		if (messages->n * 6 > TLS_BUILD_MAX / 2)
			size = 16384;
		build_records(ret, 22, 0x0303, messages, size);
	}
	for (uint32_t n = synth_number(s, 3); n; n--)
		synth_damage(s, ret);
}
