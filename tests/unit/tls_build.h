/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_build.h - writes handshake messages and records for tests: numbers, vectors whose length is
 * filled in when they are closed, and messages cut into records of a wanted size.
 */
#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>

#define TLS_BUILD_MAX 70000

struct tls_build {
	size_t n;
	uint8_t bytes[TLS_BUILD_MAX];
};

static inline void build_number(struct tls_build *b, unsigned width, uint64_t value)
{
	assert(b->n + width <= TLS_BUILD_MAX);
	for (unsigned i = 0; i < width; i++)
		b->bytes[b->n++] = (uint8_t)(value >> 8 * (width - 1 - i));
}

static inline void build_bytes(struct tls_build *b, const void *bytes, size_t n)
{
	assert(b->n + n <= TLS_BUILD_MAX);
	memcpy(b->bytes + b->n, bytes, n);
	b->n += n;
}

static inline void build_fill(struct tls_build *b, uint8_t byte, size_t n)
{
	assert(b->n + n <= TLS_BUILD_MAX);
	memset(b->bytes + b->n, byte, n);
	b->n += n;
}

/* A length of `width` bytes comes here; returns its place for build_close(). */
static inline size_t build_open(struct tls_build *b, unsigned width)
{
	build_number(b, width, 0);
	return b->n;
}

static inline void build_close(struct tls_build *b, size_t at, unsigned width)
{
	size_t end = b->n, len = end - at;

	b->n = at - width;
	build_number(b, width, len);
	b->n = end;
}

static inline size_t build_extension(struct tls_build *b, uint16_t type)
{
	build_number(b, 2, type);
	return build_open(b, 2);
}

/* n numbers from `first` on; every `grease`-th is GREASE (0: none). Returns how many are not. */
static inline size_t build_list(uint16_t *list, size_t n, uint16_t first, size_t grease)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		int is = grease && i % grease == grease - 1;

		list[i] = is ? 0x3a3a : (uint16_t)(first + kept);
		kept += !is;
	}
	return kept;
}

/* An extension with one list of two-byte numbers behind a length of `width` bytes. */
static inline void build_numbers(struct tls_build *b, uint16_t type, unsigned width,
				 const uint16_t *values, size_t n)
{
	size_t extension = build_extension(b, type), list = build_open(b, width);

	for (size_t i = 0; i < n; i++)
		build_number(b, 2, values[i]);
	build_close(b, list, width);
	build_close(b, extension, 2);
}

static inline void build_name(struct tls_build *b, const char *name)
{
	size_t extension = build_extension(b, 0), list = build_open(b, 2), host;

	build_number(b, 1, 0);
	host = build_open(b, 2);
	build_bytes(b, name, strlen(name));
	build_close(b, host, 2);
	build_close(b, list, 2);
	build_close(b, extension, 2);
}

/* One protocol, or two. */
static inline void build_protocols(struct tls_build *b, const char *first, const char *second)
{
	size_t extension = build_extension(b, 16), list = build_open(b, 2), name;

	name = build_open(b, 1);
	build_bytes(b, first, strlen(first));
	build_close(b, name, 1);
	if (second) {
		name = build_open(b, 1);
		build_bytes(b, second, strlen(second));
		build_close(b, name, 1);
	}
	build_close(b, list, 2);
	build_close(b, extension, 2);
}

/* `from` as records of at most `size` bytes of content. */
static inline void build_records(struct tls_build *b, uint8_t content, uint16_t version,
				 const struct tls_build *from, size_t size)
{
	for (size_t off = 0; off < from->n; off += size) {
		size_t n = from->n - off < size ? from->n - off : size;

		build_number(b, 1, content);
		build_number(b, 2, version);
		build_number(b, 2, n);
		build_bytes(b, from->bytes + off, n);
	}
}
