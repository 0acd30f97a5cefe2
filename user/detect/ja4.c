/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/ja4.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/detect/digest.h"

#define HASH_HEX   12
#define LIST_BYTES ((GL_HELLO_CIPHERS + GL_HELLO_EXTENSIONS + GL_HELLO_SIGNATURES) * 5 + 1)
#define COUNT_MAX  99u

static const char digits[] = "0123456789abcdef";

/* By insertion: a hello has a few dozen, and mostly in some order already. */
static void sort(uint16_t *values, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint16_t value = values[i];
		size_t at = i;

		for (; at > 0 && values[at - 1] > value; at--)
			values[at] = values[at - 1];
		values[at] = value;
	}
}

/* "1301,1302": appended at `at`; returns the new end. */
static size_t append(char *text, size_t at, const uint16_t *values, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			text[at++] = ',';
		for (int shift = 12; shift >= 0; shift -= 4)
			text[at++] = digits[values[i] >> shift & 15];
	}
	return at;
}

/* The first twelve digits of SHA-256; of nothing, zeroes. */
static int hash(const char *text, size_t size, char ret_hex[HASH_HEX + 1])
{
	uint8_t digest[DIGEST_BYTES];

	if (size == 0) {
		memset(ret_hex, '0', HASH_HEX);
		ret_hex[HASH_HEX] = '\0';
		return 0;
	}
	if (digest_sha256(text, size, digest) < 0)
		return -EIO;
	for (unsigned i = 0; i < HASH_HEX; i++)
		ret_hex[i] = digits[digest[i / 2] >> (i % 2 ? 0 : 4) & 15];
	ret_hex[HASH_HEX] = '\0';
	return 0;
}

static const char *version_text(const struct gl_hello *h)
{
	uint16_t version = h->legacy_version;

	if (h->flags & GL_HELLO_VERSIONS_SEEN) {
		version = 0;
		for (unsigned i = 0; i < h->n_versions && i < GL_HELLO_VERSIONS; i++)
			if (h->versions[i] > version)
				version = h->versions[i];
	}
	switch (version) {
	case GL_TLS_1_3:
		return "13";
	case GL_TLS_1_2:
		return "12";
	case GL_TLS_1_1:
		return "11";
	case GL_TLS_1_0:
		return "10";
	case 0x0300:
		return "s3";
	case 0x0002:
		return "s2";
	case 0xfeff: /* DTLS, which nobody offers here but who wants to be odd */
		return "d1";
	case 0xfefd:
		return "d2";
	case 0xfefc:
		return "d3";
	}
	return "00";
}

/* Ends of the first ALPN value; where one is no letter or digit, of its hexadecimal form. */
static void alpn_text(const struct gl_hello *h, char ret_text[3])
{
	unsigned char first = h->alpn_ends[0], last = h->alpn_ends[1];

	snprintf(ret_text, 3, "00");
	if (h->alpn_len == 0)
		return;
	if (first < 0x80 && last < 0x80 && isalnum(first) && isalnum(last)) {
		ret_text[0] = (char)first;
		ret_text[1] = (char)last;
	} else {
		ret_text[0] = digits[first >> 4];
		ret_text[1] = digits[last & 15];
	}
}

static unsigned shown(unsigned n)
{
	return n < COUNT_MAX ? n : COUNT_MAX;
}

/* The extensions but server name and ALPN, sorted; returns how many. */
static size_t sorted_extensions(const struct gl_hello *h, uint16_t values[GL_HELLO_EXTENSIONS])
{
	size_t n = 0;

	for (unsigned i = 0; i < h->n_extensions; i++)
		if (h->extensions[i] != 0 && h->extensions[i] != 16)
			values[n++] = h->extensions[i];
	sort(values, n);
	return n;
}

bool ja4_possible(const struct gl_hello *hello)
{
	return !(hello->flags & (GL_HELLO_TRUNCATED | GL_HELLO_SSL2)) &&
	       hello->n_ciphers <= GL_HELLO_CIPHERS && hello->n_extensions <= GL_HELLO_EXTENSIONS &&
	       hello->n_signatures <= GL_HELLO_SIGNATURES;
}

int ja4_text(const struct gl_hello *hello, char ret_text[JA4_TEXT])
{
	char alpn[3], list[LIST_BYTES], b[HASH_HEX + 1], c[HASH_HEX + 1];
	uint16_t ciphers[GL_HELLO_CIPHERS], extensions[GL_HELLO_EXTENSIONS];
	size_t n;

	if (!ja4_possible(hello))
		return -ENODATA;
	memcpy(ciphers, hello->ciphers, hello->n_ciphers * sizeof(*ciphers));
	sort(ciphers, hello->n_ciphers);
	n = append(list, 0, ciphers, hello->n_ciphers);
	if (hash(list, n, b) < 0)
		return -EIO;
	n = append(list, 0, extensions, sorted_extensions(hello, extensions));
	if (hello->n_signatures) {
		list[n++] = '_';
		n = append(list, n, hello->signatures, hello->n_signatures);
	}
	if (hash(list, n, c) < 0)
		return -EIO;
	alpn_text(hello, alpn);
	snprintf(ret_text, JA4_TEXT, "t%s%c%02u%02u%s_%s_%s", version_text(hello),
		 hello->flags & GL_HELLO_SNI_SEEN ? 'd' : 'i', shown(hello->n_ciphers),
		 shown(hello->n_extensions), alpn, b, c);
	return 0;
}

bool ja4_is(const char *text)
{
	if (strlen(text) != JA4_TEXT - 1 || !strchr("tqd", text[0]) || text[10] != '_' ||
	    text[23] != '_' || (text[3] != 'd' && text[3] != 'i'))
		return false;
	for (int i = 1; i < 10; i++)
		if (!isalnum((unsigned char)text[i]))
			return false;
	return strspn(text + 11, digits) == HASH_HEX && strspn(text + 24, digits) == HASH_HEX;
}
