/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_reference.h - a ClientHello read the slow way: records joined first, then the whole message,
 * field by field, with one way to say no. What tls_hello.h must agree with. For unit tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_reader.h"

struct reference {
	uint32_t event; /* TLS_HELLO, TLS_ERROR or TLS_NOTHING: incomplete, or already wrong */
	uint32_t outcome;
	size_t bytes; /* up to the hello's end */
	struct gl_hello hello;
};

struct slice {
	const uint8_t *at;
	size_t n;
	bool bad;
};

static inline uint32_t slice_number(struct slice *s, unsigned width)
{
	uint32_t value = 0;

	if (s->n < width) {
		s->bad = true;
		return 0;
	}
	for (unsigned i = 0; i < width; i++)
		value = value << 8 | *s->at++;
	s->n -= width;
	return value;
}

static inline struct slice slice_take(struct slice *s, size_t n)
{
	struct slice part = {s->at, n, false};

	if (s->bad || s->n < n) {
		s->bad = true;
		return (struct slice){s->at, 0, true};
	}
	s->at += n;
	s->n -= n;
	return part;
}

static inline struct slice slice_vector(struct slice *s, unsigned width)
{
	return slice_take(s, slice_number(s, width));
}

static inline bool reference_grease(struct gl_hello *h, uint16_t value)
{
	static const uint16_t grease[] = {0x0a0a, 0x1a1a, 0x2a2a, 0x3a3a, 0x4a4a, 0x5a5a,
					  0x6a6a, 0x7a7a, 0x8a8a, 0x9a9a, 0xaaaa, 0xbaba,
					  0xcaca, 0xdada, 0xeaea, 0xfafa};

	for (size_t i = 0; i < sizeof(grease) / sizeof(grease[0]); i++) {
		if (value == grease[i]) {
			h->flags |= GL_HELLO_GREASE;
			return true;
		}
	}
	return false;
}

/* A list of two-byte numbers that is all there is, not empty; without GREASE. */
static inline bool reference_list(struct gl_hello *h, struct slice list, uint16_t *values,
				  size_t room, uint16_t *count)
{
	if (list.bad || !list.n || list.n % 2)
		return false;
	while (list.n) {
		uint16_t value = (uint16_t)slice_number(&list, 2);

		if (reference_grease(h, value))
			continue;
		if (*count < room)
			values[*count] = value;
		else if (values != h->groups)
			h->flags |= GL_HELLO_TRUNCATED;
		(*count)++;
	}
	return true;
}

static inline bool reference_names(struct gl_hello *h, struct slice e)
{
	struct slice list = slice_vector(&e, 2), name;
	uint32_t type;

	h->flags |= GL_HELLO_SNI_SEEN;
	if (list.bad || e.n || list.n < 4)
		return false;
	type = slice_number(&list, 1);
	name = slice_vector(&list, 2);
	if (name.bad || !name.n)
		return false;
	if (type)
		return true;
	h->sni_len = (uint16_t)name.n;
	memcpy(h->sni, name.at, name.n < GL_HELLO_SNI ? name.n : GL_HELLO_SNI);
	h->sni_key = tls_sni_key((const char *)name.at, name.n, &tls_test_key);
	return true;
}

static inline bool reference_protocols(struct gl_hello *h, struct slice e)
{
	struct slice list = slice_vector(&e, 2);
	bool first = true;

	h->flags |= GL_HELLO_ALPN_SEEN;
	if (list.bad || e.n || list.n < 2)
		return false;
	h->alpn_len = (uint16_t)list.n;
	memcpy(h->alpn, list.at, list.n < GL_HELLO_ALPN ? list.n : GL_HELLO_ALPN);
	while (list.n) {
		struct slice name = slice_vector(&list, 1);

		if (name.bad || !name.n)
			return false;
		if (first) {
			h->alpn_ends[0] = name.at[0];
			h->alpn_ends[1] = name.at[name.n - 1];
		}
		first = false;
	}
	return true;
}

static inline bool reference_versions(struct gl_hello *h, struct slice e)
{
	struct slice list = slice_vector(&e, 1), known = list;

	h->flags |= GL_HELLO_VERSIONS_SEEN;
	if (e.n || !reference_list(h, list, h->versions, GL_HELLO_VERSIONS, &h->n_versions))
		return false;
	while (known.n) {
		uint16_t version = (uint16_t)slice_number(&known, 2);

		if (version < 0x0300 || version > 0x0304)
			continue;
		if (version > h->max_version)
			h->max_version = version;
		if (!h->min_version || version < h->min_version)
			h->min_version = version;
	}
	return true;
}

static inline bool reference_extension(struct gl_hello *h, uint16_t type, struct slice e)
{
	struct slice list;

	switch (type) {
	case 0:
		return reference_names(h, e);
	case 10:
		list = slice_vector(&e, 2);
		return !e.n && reference_list(h, list, h->groups, GL_HELLO_GROUPS, &h->n_groups);
	case 13:
		list = slice_vector(&e, 2);
		return !e.n && reference_list(h, list, h->signatures, GL_HELLO_SIGNATURES,
					      &h->n_signatures);
	case 16:
		return reference_protocols(h, e);
	case 35:
		h->flags |= e.n ? GL_HELLO_PSK : 0;
		return true;
	case 41:
		h->flags |= GL_HELLO_PSK;
		return true;
	case 42:
		h->flags |= GL_HELLO_EARLY_DATA;
		return true;
	case 43:
		return reference_versions(h, e);
	}
	return true;
}

/* Types that must not come twice. */
static inline bool reference_once(uint16_t type)
{
	return type == 0 || type == 10 || type == 13 || type == 16 || type == 41 || type == 43;
}

static inline bool reference_extensions(struct gl_hello *h, struct slice all)
{
	uint8_t seen[64] = {0};

	while (all.n) {
		uint16_t type = (uint16_t)slice_number(&all, 2);
		struct slice e = slice_vector(&all, 2);

		if (all.bad || e.bad)
			return false;
		if (reference_grease(h, type))
			continue;
		if (reference_once(type) && seen[type]++)
			return false;
		if (h->n_extensions < GL_HELLO_EXTENSIONS)
			h->extensions[h->n_extensions] = type;
		else
			h->flags |= GL_HELLO_TRUNCATED;
		h->n_extensions++;
		if (!reference_extension(h, type, e))
			return false;
	}
	return true;
}

static inline bool reference_message(struct gl_hello *h, struct slice m)
{
	struct slice session, ciphers, compressions, extensions;

	h->legacy_version = (uint16_t)slice_number(&m, 2);
	slice_take(&m, 32);
	session = slice_vector(&m, 1);
	ciphers = slice_vector(&m, 2);
	compressions = slice_vector(&m, 1);
	if (m.bad || h->legacy_version < 0x0300 || session.n > 32 || !compressions.n)
		return false;
	if (!reference_list(h, ciphers, h->ciphers, GL_HELLO_CIPHERS, &h->n_ciphers))
		return false;
	while (ciphers.n)
		if (slice_number(&ciphers, 2) == 0x5600)
			h->flags |= GL_HELLO_FALLBACK_SCSV;
	if (m.n) {
		extensions = slice_vector(&m, 2);
		if (m.bad || m.n || !reference_extensions(h, extensions))
			return false;
	}
	if (!(h->flags & GL_HELLO_VERSIONS_SEEN)) {
		h->max_version = h->legacy_version > 0x0303 ? 0x0303 : h->legacy_version;
		h->min_version = h->max_version;
	}
	return true;
}

/* The message's bytes out of its records. False: there is no more, or it is none (*ret_bad). */
static inline bool reference_join(const uint8_t *bytes, size_t n, uint8_t *ret_message,
				  size_t *ret_size, size_t *ret_end, bool *ret_bad,
				  uint16_t *ret_version)
{
	size_t size = 0, want = 4, off = 0;

	while (off + 5 <= n) {
		size_t len = (size_t)bytes[off + 3] << 8 | bytes[off + 4];

		*ret_bad = bytes[off] != 22 || bytes[off + 1] != 3 || !len || len > 16384;
		if (*ret_bad)
			return false;
		if (size < 4)
			*ret_version = (uint16_t)(0x0300 | bytes[off + 2]);
		off += 5;
		for (; len && off < n; len--) {
			ret_message[size++] = bytes[off++];
			if (size == 4)
				want = 4 + ((size_t)ret_message[1] << 16 |
					    (size_t)ret_message[2] << 8 | ret_message[3]);
			if (size == 4 && (ret_message[0] != 1 || want > 4 + GL_HELLO_MAX)) {
				*ret_size = size;
				*ret_bad = true;
				return false;
			}
			if (size == want) {
				*ret_size = size;
				*ret_end = off;
				return true;
			}
		}
	}
	return false;
}

static inline void reference_read(const uint8_t *bytes, size_t n, struct reference *ret)
{
	static uint8_t message[GL_HELLO_MAX + 8];
	size_t size = 0, end = 0;
	bool bad = false;
	uint16_t version = 0;

	memset(ret, 0, sizeof(*ret));
	if (n && (bytes[0] & 0x80)) {
		ret->event = n < 3 ? TLS_NOTHING : bytes[2] == 1 ? TLS_HELLO : TLS_ERROR;
		ret->outcome = ret->event == TLS_ERROR ? GL_OUTCOME_MALFORMED : GL_OUTCOME_OK;
		ret->bytes = 3;
		ret->hello.flags = GL_HELLO_SSL2;
		ret->hello.legacy_version = ret->hello.max_version = ret->hello.min_version = 2;
		ret->hello.record_version = 0x0300;
		ret->hello.key = 1;
		return;
	}
	if (!reference_join(bytes, n, message, &size, &end, &bad, &version)) {
		ret->event = bad ? TLS_ERROR : TLS_NOTHING;
		ret->outcome = !bad                           ? GL_OUTCOME_OK
			       : size == 4 && message[0] == 1 ? GL_OUTCOME_TOO_LONG
							      : GL_OUTCOME_MALFORMED;
		return;
	}
	ret->bytes = end;
	ret->hello.record_version = version;
	ret->hello.bytes = (uint32_t)size;
	ret->event = reference_message(&ret->hello, (struct slice){message + 4, size - 4, false})
			     ? TLS_HELLO
			     : TLS_ERROR;
	ret->outcome = ret->event == TLS_ERROR ? GL_OUTCOME_MALFORMED : GL_OUTCOME_OK;
}
