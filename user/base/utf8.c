/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/utf8.h"

#include <string.h>

/* Bytes of the character that begins here; 0: none does. RFC 3629 section 4; the NUL ends all. */
static size_t character(const unsigned char *c)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (*c < 0x80)
		return 1;
	if (*c < 0xc2 || *c > 0xf4)
		return 0;
	n = *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;
	if (*c == 0xe0)
		low = 0xa0; /* not in fewer bytes */
	else if (*c == 0xed)
		high = 0x9f; /* no surrogate */
	else if (*c == 0xf0)
		low = 0x90;
	else if (*c == 0xf4)
		high = 0x8f;
	for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
		if (c[i] < low || c[i] > high)
			return 0;
	return n;
}

void utf8_mend(char *text)
{
	for (size_t n; *text; text += n) {
		n = character((const unsigned char *)text);
		if (n == 0) {
			*text = '?';
			n = 1;
		}
	}
}

void utf8_copy(char *to, size_t size, const char *from)
{
	size_t n, used = 0;

	if (size == 0)
		return;
	for (; *from; from += n) {
		size_t valid = character((const unsigned char *)from);

		n = valid ? valid : 1;
		if (used + n >= size)
			break;
		memcpy(to + used, valid ? from : "?", n);
		used += n;
	}
	to[used] = '\0';
}
