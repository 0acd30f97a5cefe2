/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/credential.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "include/glacis/siphash.h"
#include "user/respond/subjects.h"

/* In front of the token, as http_fields.h hashes Authorization: lower case, no white space. */
static const char *const schemes[] = {"bearer", "token", "apikey", "basic"};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static uint64_t finish(const struct siphash *hash)
{
	uint64_t value = siphash_final(hash);

	return value ? value : 1;
}

/* White space is no part of a credential; `n_lower` bytes in front are case-insensitive. */
static uint64_t hash_of(const char *scheme, const char *text, size_t n, size_t n_lower,
			const struct gl_key *key)
{
	struct siphash hash;

	siphash_init(&hash, key);
	for (; *scheme; scheme++)
		siphash_byte(&hash, (__u8)*scheme);
	for (size_t i = 0; i < n; i++)
		if (text[i] != ' ' && text[i] != '\t')
			siphash_byte(&hash, (__u8)(i < n_lower ? lower(text[i]) : text[i]));
	return finish(&hash);
}

static bool is_line(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' && text[i] != '\t')
			return false;
	return n >= CREDENTIAL_MIN && n <= CREDENTIAL_MAX;
}

static void add(const char *first, char *others, uint64_t hash)
{
	size_t n = strlen(others);

	if (strtoull(first, NULL, 16) != hash)
		snprintf(others + n, SUBJECT_TEXT - n, "%s%016" PRIx64, n ? " " : "", hash);
}

int credential_hashes(const char *credential, const struct gl_key *key, char *ret_first,
		      char *ret_others)
{
	size_t n = strlen(credential), space;

	*ret_others = '\0';
	while (n && strchr(" \t\r\n", credential[n - 1]))
		n--;
	while (n && strchr(" \t", *credential)) {
		credential++;
		n--;
	}
	if (!is_line(credential, n))
		return -EINVAL;
	space = strcspn(credential, " \t");
	if (space < n) {
		/* a scheme and a token */
		snprintf(ret_first, SUBJECT_TEXT, "%016" PRIx64,
			 hash_of("", credential, n, space, key));
		return 0;
	}
	snprintf(ret_first, SUBJECT_TEXT, "%016" PRIx64, hash_of("", credential, n, 0, key));
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		add(ret_first, ret_others, hash_of(schemes[i], credential, n, 0, key));
	/* Authorization with no scheme is all scheme */
	add(ret_first, ret_others, hash_of("", credential, n, n, key));
	return 0;
}
