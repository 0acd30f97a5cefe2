/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ja4_reference.h - JA4 of a ClientHello message's bytes, written from the published text alone
 * (FoxIO, technical_details/JA4.md), with strings, the way it is told there. Knows nothing of
 * struct gl_hello. For unit tests; the message is one that tls_reference.h accepts.
 */
#pragma once

#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_reference.h"

struct ja4_list {
	size_t n;
	char items[16384][5];
};

/* Not GREASE, "anywhere it sees them". */
static inline void ja4_list_add(struct ja4_list *list, uint32_t value)
{
	char hex[9];

	snprintf(hex, sizeof(hex), "%04x", value);
	if (hex[1] != 'a' || hex[3] != 'a' || hex[0] != hex[2])
		memcpy(list->items[list->n++], hex, 5);
}

static inline int ja4_list_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

static inline void ja4_list_read(struct ja4_list *list, struct slice values)
{
	while (values.n)
		ja4_list_add(list, slice_number(&values, 2));
}

static inline void ja4_list_write(const struct ja4_list *list, FILE *to)
{
	for (size_t i = 0; i < list->n; i++)
		fprintf(to, "%s%s", i ? "," : "", list->items[i]);
}

struct ja4_seen {
	struct ja4_list ciphers, extensions, signatures, versions;
	uint32_t version;
	bool name;
	struct slice protocol; /* the first */
};

static inline void ja4_see_extension(struct ja4_seen *seen, uint32_t type, struct slice e)
{
	struct slice list;

	if (type == 0)
		seen->name = true;
	ja4_list_add(&seen->extensions, type);
	if (type == 13)
		ja4_list_read(&seen->signatures, slice_vector(&e, 2));
	if (type == 43)
		ja4_list_read(&seen->versions, slice_vector(&e, 1));
	if (type == 16) {
		list = slice_vector(&e, 2);
		seen->protocol = slice_vector(&list, 1);
	}
}

static inline void ja4_see(struct ja4_seen *seen, const uint8_t *message, size_t n)
{
	struct slice m = {message + 4, n - 4, false}, all;

	memset(seen, 0, sizeof(*seen));
	seen->version = slice_number(&m, 2);
	slice_take(&m, 32);
	slice_vector(&m, 1);
	ja4_list_read(&seen->ciphers, slice_vector(&m, 2));
	slice_vector(&m, 1);
	all = m.n ? slice_vector(&m, 2) : m;
	while (all.n) {
		uint32_t type = slice_number(&all, 2);

		ja4_see_extension(seen, type, slice_vector(&all, 2));
	}
}

/* "the highest value in the extension", else the protocol version. */
static inline const char *ja4_see_version(const struct ja4_seen *seen)
{
	static const char *const known[][2] = {
		{"0304", "13"}, {"0303", "12"}, {"0302", "11"}, {"0301", "10"}, {"0300", "s3"},
		{"0002", "s2"}, {"feff", "d1"}, {"fefd", "d2"}, {"fefc", "d3"},
	};
	char highest[9] = "";
	bool listed = false;

	for (size_t i = 0; i < seen->extensions.n; i++)
		listed = listed || !strcmp(seen->extensions.items[i], "002b");
	snprintf(highest, sizeof(highest), listed ? "0000" : "%04x", seen->version);
	for (size_t i = 0; i < seen->versions.n; i++)
		if (strcmp(seen->versions.items[i], highest) > 0)
			memcpy(highest, seen->versions.items[i], 5);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i][0], highest))
			return known[i][1];
	return "00";
}

static inline bool ja4_is_letter_or_digit(uint8_t b)
{
	return (b >= 0x30 && b <= 0x39) || (b >= 0x41 && b <= 0x5a) || (b >= 0x61 && b <= 0x7a);
}

static inline void ja4_write_protocol(struct slice protocol, FILE *to)
{
	uint8_t first, last;
	char hex[2][3];

	if (!protocol.n) {
		fputs("00", to);
		return;
	}
	first = protocol.at[0];
	last = protocol.at[protocol.n - 1];
	snprintf(hex[0], 3, "%02x", first);
	snprintf(hex[1], 3, "%02x", last);
	if (ja4_is_letter_or_digit(first) && ja4_is_letter_or_digit(last))
		fprintf(to, "%c%c", first, last);
	else
		fprintf(to, "%c%c", hex[0][0], hex[1][1]);
}

/* The first twelve digits of the hash of what `list` holds and, behind '_', `more`. */
static inline void ja4_write_hash(const struct ja4_list *list, const struct ja4_list *more,
				  FILE *to)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	ja4_list_write(list, f);
	if (more && more->n) {
		fputc('_', f);
		ja4_list_write(more, f);
	}
	fclose(f);
	SHA256((const unsigned char *)text, n, digest);
	free(text);
	fputc('_', to);
	for (int i = 0; i < 6; i++)
		fprintf(to, "%02x", n ? digest[i] : 0);
}

/* message: with its four bytes of type and length. */
static inline void ja4_reference(const uint8_t *message, size_t n, char ret_text[64])
{
	static struct ja4_seen seen;
	static struct ja4_list hashed;
	FILE *to = fmemopen(ret_text, 64, "w");

	ja4_see(&seen, message, n);
	qsort(seen.ciphers.items, seen.ciphers.n, 5, ja4_list_order);
	hashed.n = 0;
	for (size_t i = 0; i < seen.extensions.n; i++)
		if (strcmp(seen.extensions.items[i], "0000") &&
		    strcmp(seen.extensions.items[i], "0010"))
			memcpy(hashed.items[hashed.n++], seen.extensions.items[i], 5);
	qsort(hashed.items, hashed.n, 5, ja4_list_order);
	fprintf(to, "t%s%c%02zu%02zu", ja4_see_version(&seen), seen.name ? 'd' : 'i',
		seen.ciphers.n > 99 ? 99 : seen.ciphers.n,
		seen.extensions.n > 99 ? 99 : seen.extensions.n);
	ja4_write_protocol(seen.protocol, to);
	ja4_write_hash(&seen.ciphers, NULL, to);
	ja4_write_hash(&hashed, &seen.signatures, to);
	fclose(to);
}
