/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * addr_text.h - an IP address in text, byte by byte: elements of X-Forwarded-For and Forwarded.
 *
 * Takes 192.0.2.1, 192.0.2.1:4711, 2001:db8::1, [2001:db8::1]:4711, each optionally quoted, with
 * white space around. "unknown" and obfuscated identifiers (RFC 7239 section 6) are unreadable. Not
 * taken: an IPv4 tail inside IPv6 other than ::ffff:a.b.c.d. No allocation, no loops over input.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

enum addr_text_state {
	ADDR_TEXT_START,
	ADDR_TEXT_BODY,
	ADDR_TEXT_PORT, /* after the address: port, bracket, quote: ignored */
	ADDR_TEXT_BAD,
};

struct addr_text {
	__u16 group[8]; /* IPv6 groups; IPv4 octets in the last ones */
	__u32 value; /* of the digits being read, as hexadecimal */
	__u16 decimal; /* the same digits as decimal; 0xffff = not decimal */
	__u8 state; /* enum addr_text_state */
	__u8 n; /* groups complete */
	__u8 gap; /* 1 + index of the first group after "::"; 0 = none */
	__u8 dots; /* octets complete */
	__u8 digits;
	__u8 colon; /* the last byte was ':' */
};
_Static_assert(sizeof(struct addr_text) == 28, "no padding");

static __always_inline void addr_text_begin(struct addr_text *a)
{
	__builtin_memset(a, 0, sizeof(*a));
}

static __always_inline int addr_text_digit(__u8 b)
{
	__u8 lower = b | 0x20;

	if (b >= '0' && b <= '9')
		return b - '0';
	if (lower >= 'a' && lower <= 'f')
		return lower - 'a' + 10;
	return -1;
}

static __always_inline void addr_text_group(struct addr_text *a)
{
	if (a->n >= 8) {
		a->state = ADDR_TEXT_BAD;
		return;
	}
	a->group[a->n & 7] = (__u16)a->value;
	a->n++;
	a->value = 0;
	a->decimal = 0;
	a->digits = 0;
}

/* One octet of dotted decimal; two of them fill one group. */
static __always_inline void addr_text_octet(struct addr_text *a)
{
	__u32 i = a->n;

	if (a->decimal > 255 || !a->digits || a->digits > 3 || a->dots >= 4 || i >= 8) {
		a->state = ADDR_TEXT_BAD;
		return;
	}
	if (a->dots & 1) {
		a->group[i & 7] |= a->decimal;
		a->n++;
	} else {
		a->group[i & 7] = (__u16)(a->decimal << 8);
	}
	a->dots++;
	a->value = 0;
	a->decimal = 0;
	a->digits = 0;
}

static __always_inline void addr_text_colon(struct addr_text *a)
{
	if (a->dots) { /* 192.0.2.1:port */
		addr_text_octet(a);
		if (a->state != ADDR_TEXT_BAD)
			a->state = a->dots == 4 ? ADDR_TEXT_PORT : ADDR_TEXT_BAD;
		return;
	}
	if (a->digits) {
		addr_text_group(a);
		a->colon = 1;
		return;
	}
	if (a->colon || a->n == 0) { /* "::", or the first colon of a leading one */
		if (a->colon) {
			if (a->gap)
				a->state = ADDR_TEXT_BAD;
			a->gap = a->n + 1;
		}
		a->colon = 1;
		return;
	}
	a->state = ADDR_TEXT_BAD;
}

static __always_inline void addr_text_byte(struct addr_text *a, __u8 b)
{
	int digit;

	if (a->state >= ADDR_TEXT_PORT)
		return;
	if (b == ' ' || b == '\t' || b == '"' || b == '[' || b == ']') {
		/* quotes and brackets may open an address; anything after its end is a port */
		if (a->state == ADDR_TEXT_BODY && b != '[') {
			if (a->dots)
				addr_text_octet(a);
			else if (a->digits)
				addr_text_group(a);
			if (a->state == ADDR_TEXT_BODY)
				a->state = ADDR_TEXT_PORT;
		}
		return;
	}
	a->state = ADDR_TEXT_BODY;
	digit = addr_text_digit(b);
	if (digit >= 0) {
		a->value = a->value << 4 | digit;
		a->decimal = digit > 9 || a->decimal > 999 ? 0xffff : a->decimal * 10 + digit;
		a->colon = 0;
		if (++a->digits > 4)
			a->state = ADDR_TEXT_BAD;
	} else if (b == '.') {
		/* the groups before an IPv4 tail must have been an IPv6 prefix */
		addr_text_octet(a);
	} else if (b == ':') {
		addr_text_colon(a);
	} else {
		a->state = ADDR_TEXT_BAD;
	}
}

/* 1: *ret is the address; 0: nothing was there; -1: unreadable. */
VERIFIED_ONCE int addr_text_end(struct addr_text *a, struct gl_addr *ret)
{
	__u32 tail, gap;

	if (!a || !ret)
		return -1;
	if (a->state == ADDR_TEXT_START)
		return 0;
	if (a->state == ADDR_TEXT_BODY) {
		if (a->dots)
			addr_text_octet(a);
		else if (a->digits)
			addr_text_group(a);
	}
	if (a->state == ADDR_TEXT_BAD)
		return -1;
	__builtin_memset(ret, 0, sizeof(*ret));
	if (a->dots) {
		if (a->dots != 4)
			return -1;
		if (a->n == 2) { /* dotted decimal alone */
			ret->w[2] = __builtin_bswap32(0xffff);
			ret->w[3] = __builtin_bswap32((__u32)a->group[0] << 16 | a->group[1]);
			return 1;
		}
	}
	if (!a->gap ? a->n != 8 : a->n > 7)
		return -1;
	gap = a->gap ? a->gap - 1 : 8;
	tail = a->n - (gap < a->n ? gap : a->n);
	for (__u32 i = 0; i < 8; i++) {
		__u32 from = i < gap ? i : i >= 8 - tail ? i - (8 - a->n) : 8;
		const __u16 *at = at_index(a->group, 8, from);
		__u16 g = at ? *at : 0;

		ret->b[i * 2] = g >> 8;
		ret->b[i * 2 + 1] = g & 0xff;
	}
	return 1;
}
