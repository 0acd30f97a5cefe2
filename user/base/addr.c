/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool addr_is_v4(const struct gl_addr *addr)
{
	return memcmp(addr->b, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool addr_equal(const struct gl_addr *a, const struct gl_addr *b)
{
	return memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

int addr_parse(const char *text, struct gl_addr *ret_addr)
{
	struct gl_addr addr;

	memcpy(addr.b, v4_mapped, sizeof(v4_mapped));
	if (inet_pton(AF_INET, text, addr.b + 12) != 1 && inet_pton(AF_INET6, text, addr.b) != 1)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

int addr_from_sockaddr(const struct sockaddr *sa, struct gl_addr *ret_addr)
{
	if (sa->sa_family == AF_INET) {
		memcpy(ret_addr->b, v4_mapped, sizeof(v4_mapped));
		memcpy(ret_addr->b + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
		return 0;
	}
	if (sa->sa_family == AF_INET6) {
		memcpy(ret_addr->b, &((const struct sockaddr_in6 *)sa)->sin6_addr, 16);
		return 0;
	}
	return -EAFNOSUPPORT;
}

const char *addr_format(const struct gl_addr *addr, char out[ADDR_TEXT])
{
	if (addr_is_v4(addr))
		inet_ntop(AF_INET, addr->b + 12, out, ADDR_TEXT);
	else
		inet_ntop(AF_INET6, addr->b, out, ADDR_TEXT);
	return out;
}

static int parse_length(const char *text, unsigned max, unsigned *ret_len)
{
	unsigned len = 0;

	if (!*text || strlen(text) > 3 || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		len = len * 10 + (unsigned)(*text - '0');
	}
	if (len > max)
		return -EINVAL;
	*ret_len = len;
	return 0;
}

int prefix_parse(const char *text, struct addr_prefix *ret_prefix)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	unsigned len = 128;
	struct gl_addr addr;
	char host[ADDR_TEXT];
	int r;

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	r = addr_parse(host, &addr);
	if (r < 0)
		return r;
	if (slash) {
		/* "::ffff:1.2.3.4/24" would be ambiguous: a dotted quad alone is IPv4 */
		bool v4 = !strchr(host, ':');

		r = parse_length(slash + 1, v4 ? 32 : 128, &len);
		if (r < 0)
			return r;
		if (v4)
			len += 96;
	}
	*ret_prefix = prefix_of(&addr, (uint8_t)len);
	return 0;
}

struct addr_prefix prefix_of(const struct gl_addr *addr, uint8_t len)
{
	struct addr_prefix prefix = {.addr = *addr, .len = len};

	for (unsigned i = 0; i < 16; i++) {
		unsigned bit = i * 8;

		if (bit >= len)
			prefix.addr.b[i] = 0;
		else if (len - bit < 8)
			prefix.addr.b[i] &= (uint8_t)(0xff << (8 - (len - bit)));
	}
	return prefix;
}

struct addr_prefix prefix_of_source(const struct gl_addr *addr)
{
	return prefix_of(addr, addr_is_v4(addr) ? 128 : 64);
}

static bool prefix_is_v4(const struct addr_prefix *prefix)
{
	return prefix->len >= 96 && addr_is_v4(&prefix->addr);
}

const char *prefix_format(const struct addr_prefix *prefix, char out[PREFIX_TEXT])
{
	bool v4 = prefix_is_v4(prefix);
	char text[ADDR_TEXT];

	if (!v4 && addr_is_v4(&prefix->addr))
		inet_ntop(AF_INET6, prefix->addr.b, text, sizeof(text));
	else
		addr_format(&prefix->addr, text);
	if (prefix->len == 128)
		snprintf(out, PREFIX_TEXT, "%s", text);
	else
		snprintf(out, PREFIX_TEXT, "%s/%u", text,
			 v4 ? prefix->len - 96u : (unsigned)prefix->len);
	return out;
}

bool prefix_contains(const struct addr_prefix *prefix, const struct gl_addr *addr)
{
	struct addr_prefix masked = prefix_of(addr, prefix->len);

	/* as in the prefix sets: ::/0 is all of IPv6 and nothing of IPv4 */
	if (prefix_is_v4(prefix) != addr_is_v4(addr))
		return false;

	return addr_equal(&masked.addr, &prefix->addr);
}

bool prefix_overlaps(const struct addr_prefix *a, const struct addr_prefix *b)
{
	return a->len <= b->len ? prefix_contains(a, &b->addr) : prefix_contains(b, &a->addr);
}

bool prefix_equal(const struct addr_prefix *a, const struct addr_prefix *b)
{
	return a->len == b->len && addr_equal(&a->addr, &b->addr);
}
