/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * addr.h - addresses and prefixes as text and as struct gl_addr (IPv4 is ::ffff:a.b.c.d, lengths
 * 96 + n). Not the prefix table (prefix_table.h), not name resolution: text here is a number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "include/glacis/abi.h"

#define ADDR_TEXT   48 /* longest text of addr_format() with its NUL, rounded up */
#define PREFIX_TEXT 52

struct addr_prefix {
	struct gl_addr addr; /* masked to len */
	uint8_t len; /* 0..128; IPv4 prefixes are 96 + n */
};

bool addr_is_v4(const struct gl_addr *addr);
bool addr_equal(const struct gl_addr *a, const struct gl_addr *b);

/* Exactly "192.0.2.1" or "2001:db8::1": no port, no zone, no brackets, no octal. -EINVAL. */
int addr_parse(const char *text, struct gl_addr *ret_addr);
/* AF_INET or AF_INET6; -EAFNOSUPPORT otherwise. */
int addr_from_sockaddr(const struct sockaddr *sa, struct gl_addr *ret_addr);
/* "192.0.2.1", "2001:db8::1" (RFC 5952). Returns `out`. */
const char *addr_format(const struct gl_addr *addr, char out[ADDR_TEXT]);

/* An address, or address/length; host bits are masked away. -EINVAL. */
int prefix_parse(const char *text, struct addr_prefix *ret_prefix);
/* "192.0.2.0/24"; a single host has no length: "192.0.2.1". Returns `out`. */
const char *prefix_format(const struct addr_prefix *prefix, char out[PREFIX_TEXT]);
struct addr_prefix prefix_of(const struct gl_addr *addr, uint8_t len);
/* The prefix a client is counted and banned as: /32, and /64 for IPv6 (architecture.md 1). */
struct addr_prefix prefix_of_source(const struct gl_addr *addr);
/* IPv4 and IPv6 never contain each other: ::/0 has no IPv4 address in it. */
bool prefix_contains(const struct addr_prefix *prefix, const struct gl_addr *addr);
/* One lies in the other. */
bool prefix_overlaps(const struct addr_prefix *a, const struct addr_prefix *b);
bool prefix_equal(const struct addr_prefix *a, const struct addr_prefix *b);
