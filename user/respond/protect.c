/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/protect.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utmpx.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define RTF_GATEWAY_BIT 0x2
#define HOST            128
#define ANCESTORS_MAX   16
#define ENVIRON_MAX     (256 << 10)

struct entry {
	struct addr_prefix prefix;
	char what[PROTECT_WHAT];
	bool own; /* loopback, the host's own addresses */
};

struct protect {
	struct entry *entries;
	size_t n, room;
};

static int add_text(struct protect *protect, const char *prefix_text, const char *what)
{
	struct addr_prefix prefix;
	int r = prefix_parse(prefix_text, &prefix);

	return r < 0 ? r : protect_add(protect, &prefix, "%s", what);
}

/* What was added since there were n. */
static void mark_own(struct protect *protect, size_t n)
{
	for (; n < protect->n; n++)
		protect->entries[n].own = true;
}

static int add_loopback(struct protect *protect)
{
	size_t n = protect->n;
	int r = add_text(protect, "127.0.0.0/8", "loopback");

	if (r == 0)
		r = add_text(protect, "::1", "loopback");
	mark_own(protect, n);
	return r;
}

int protect_new(struct protect **ret_protect)
{
	struct protect *protect = calloc(1, sizeof(*protect));
	int r;

	if (!protect)
		return -ENOMEM;
	r = add_loopback(protect);
	if (r < 0) {
		protect_free(protect);
		return r;
	}
	*ret_protect = protect;
	return 0;
}

void protect_free(struct protect *protect)
{
	if (!protect)
		return;
	free(protect->entries);
	free(protect);
}

int protect_add(struct protect *protect, const struct addr_prefix *prefix, const char *what, ...)
{
	struct entry *entry;
	va_list ap;

	if (protect->n == protect->room) {
		size_t room = protect->room ? protect->room * 2 : 32;
		struct entry *grown =
			reallocarray(protect->entries, room, sizeof(*protect->entries));

		if (!grown)
			return -ENOMEM;
		protect->entries = grown;
		protect->room = room;
	}
	entry = &protect->entries[protect->n++];
	entry->own = false;
	entry->prefix = *prefix;
	va_start(ap, what);
	vsnprintf(entry->what, sizeof(entry->what), what, ap);
	va_end(ap);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * What the host says
 */
static int add_interfaces(struct protect *protect)
{
	size_t n = protect->n;
	struct ifaddrs *all;
	int r = 0;

	if (getifaddrs(&all) < 0)
		return -errno;
	for (struct ifaddrs *i = all; i && r == 0; i = i->ifa_next) {
		struct addr_prefix prefix = {.len = HOST};

		if (i->ifa_addr && addr_from_sockaddr(i->ifa_addr, &prefix.addr) == 0)
			r = protect_add(protect, &prefix, "this host's own address on %s",
					i->ifa_name);
	}
	freeifaddrs(all);
	mark_own(protect, n);
	return r;
}

int protect_add_routes(struct protect *protect, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[256], device[32];
	unsigned gateway, flags, mask;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct addr_prefix prefix = {.len = HOST};
		struct sockaddr_in sin = {.sin_family = AF_INET};
		int r;

		if (sscanf(line, "%31s %*x %x %x %*d %*d %*d %x", device, &gateway, &flags,
			   &mask) != 4 ||
		    mask || !(flags & RTF_GATEWAY_BIT))
			continue;
		sin.sin_addr.s_addr = gateway; /* the file prints the word as it lies in memory */
		addr_from_sockaddr((struct sockaddr *)&sin, &prefix.addr);
		r = protect_add(protect, &prefix, "the default gateway on %s", device);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_hex_addr(const char *hex, struct gl_addr *ret_addr)
{
	for (int i = 0; i < 16; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return -EINVAL;
		ret_addr->b[i] = (uint8_t)byte;
	}
	return 0;
}

int protect_add_routes6(struct protect *protect, const char *path)
{
	static const struct gl_addr none = {};
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[256], destination[33], gateway[33], device[32];
	unsigned length;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct addr_prefix prefix = {.len = HOST};
		int r;

		if (sscanf(line, "%32s %x %*s %*s %32s %*x %*x %*x %*x %31s", destination, &length,
			   gateway, device) != 4 ||
		    length || strspn(destination, "0") != 32 ||
		    parse_hex_addr(gateway, &prefix.addr) < 0 || addr_equal(&prefix.addr, &none))
			continue;
		r = protect_add(protect, &prefix, "the default gateway on %s", device);
		if (r < 0)
			return r;
	}
	return 0;
}

int protect_add_resolvers(struct protect *protect, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[512], text[64];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		struct addr_prefix prefix;
		int r;

		if (sscanf(line, " nameserver %63s", text) != 1)
			continue;
		text[strcspn(text, "%")] = '\0'; /* fe80::1%eth0 */
		if (prefix_parse(text, &prefix) < 0)
			continue;
		r = protect_add(protect, &prefix, "a resolver of %s", path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Remote logins as utmp has them: sshd with PAM, getty over the network. */
static int add_sessions(struct protect *protect)
{
	struct utmpx *u;
	int r = 0;

	setutxent();
	while (r == 0 && (u = getutxent())) {
		struct addr_prefix prefix = {.len = HOST};
		bool v4 = !u->ut_addr_v6[1] && !u->ut_addr_v6[2] && !u->ut_addr_v6[3];

		if (u->ut_type != USER_PROCESS || (v4 && !u->ut_addr_v6[0]))
			continue;
		if (v4) {
			prefix.addr.b[10] = prefix.addr.b[11] = 0xff;
			memcpy(prefix.addr.b + 12, u->ut_addr_v6, 4);
		} else {
			memcpy(prefix.addr.b, u->ut_addr_v6, 16);
		}
		r = protect_add(protect, &prefix, "the login session on %.*s",
				(int)sizeof(u->ut_line), u->ut_line);
	}
	endutxent();
	return r;
}

int protect_add_policy(struct protect *protect, const struct policy *policy)
{
	int r = 0;

	for (size_t i = 0; i < policy->n_services && r == 0; i++) {
		const struct policy_service *service = &policy->services[i];

		for (size_t j = 0; j < service->trusted_proxies.n && r == 0; j++) {
			const struct policy_cidr *cidr = &service->trusted_proxies.items[j];
			struct addr_prefix prefix = prefix_of(&cidr->addr, cidr->len);

			r = protect_add(protect, &prefix, "a trusted proxy of service %.30s",
					service->name);
		}
	}
	for (size_t i = 0; i < policy->protect_never.n && r == 0; i++) {
		const struct policy_cidr *cidr = &policy->protect_never.items[i];
		struct addr_prefix prefix = prefix_of(&cidr->addr, cidr->len);

		r = protect_add(protect, &prefix, "in protect.never of the policy");
	}
	return r;
}

int protect_refresh(struct protect *protect, const struct policy *policy)
{
	int r;

	protect->n = 0;
	r = add_loopback(protect);
	if (r == 0)
		r = policy ? protect_add_policy(protect, policy) : 0;
	if (r < 0)
		return r;
	if (add_interfaces(protect) == -ENOMEM ||
	    protect_add_routes(protect, "/proc/net/route") == -ENOMEM ||
	    protect_add_routes6(protect, "/proc/net/ipv6_route") == -ENOMEM ||
	    protect_add_resolvers(protect, "/etc/resolv.conf") == -ENOMEM ||
	    add_sessions(protect) == -ENOMEM)
		return -ENOMEM;
	return 0;
}

bool protect_hit(const struct protect *protect, const struct addr_prefix *prefix,
		 char why[PROTECT_WHY])
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < protect->n; i++) {
		const struct entry *entry = &protect->entries[i];

		if (!prefix_overlaps(prefix, &entry->prefix))
			continue;
		snprintf(why, PROTECT_WHY, "it %s %s, %s",
			 prefix_equal(prefix, &entry->prefix) ? "is"
			 : prefix->len < entry->prefix.len    ? "contains"
							      : "lies in",
			 prefix_format(&entry->prefix, text), entry->what);
		return true;
	}
	return false;
}

static bool is_inside(const struct addr_prefix *prefix, const struct addr_prefix *networks,
		      unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (networks[i].len <= prefix->len && prefix_overlaps(&networks[i], prefix))
			return true;
	return false;
}

bool protect_outside(const struct protect *protect, const struct addr_prefix *networks, unsigned n,
		     char why[PROTECT_WHY])
{
	char text[PREFIX_TEXT];

	for (size_t i = 0; i < protect->n; i++) {
		const struct entry *entry = &protect->entries[i];

		if (entry->own || is_inside(&entry->prefix, networks, n))
			continue;
		snprintf(why, PROTECT_WHY, "%s, %s", prefix_format(&entry->prefix, text),
			 entry->what);
		return true;
	}
	return false;
}

void protect_own(const struct protect *protect, char *text, size_t size, unsigned max)
{
	size_t used = strlen(text);

	for (size_t i = 0; i < protect->n && max; i++) {
		char one[PREFIX_TEXT];
		size_t n;

		if (!protect->entries[i].own)
			continue;
		prefix_format(&protect->entries[i].prefix, one);
		n = strlen(one);
		if (used + n + 2 > size)
			return;
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " " : "", one);
		max--;
	}
}

size_t protect_count(const struct protect *protect)
{
	return protect->n;
}

/* ---------------------------------------------------------------------------------------------
 * The session of one process: sshd leaves SSH_CONNECTION="<client> <port> <server> <port>"
 */
static int parent_of(pid_t pid, pid_t *ret_parent)
{
	_cleanup_free_ char *data = NULL;
	char path[64], *paren;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	if (file_read(path, 4096, &data, NULL) < 0)
		return -ENOENT;
	paren = strrchr(data, ')'); /* the command may contain anything */
	if (!paren || sscanf(paren + 1, " %*c %d", &parent) != 1)
		return -ENOENT;
	*ret_parent = parent;
	return 0;
}

static int session_in_environ(pid_t pid, struct gl_addr *ret_addr)
{
	static const char key[] = "SSH_CONNECTION=";
	_cleanup_free_ char *data = NULL;
	char path[64], text[64];
	size_t size;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	if (file_read(path, ENVIRON_MAX, &data, &size) < 0)
		return -ENOENT;
	for (const char *c = data; c < data + size; c += strlen(c) + 1) {
		if (strncmp(c, key, sizeof(key) - 1) != 0)
			continue;
		snprintf(text, sizeof(text), "%s", c + sizeof(key) - 1);
		text[strcspn(text, " %")] = '\0';
		return addr_parse(text, ret_addr) < 0 ? -ENOENT : 0;
	}
	return -ENOENT;
}

int protect_session_of(pid_t pid, struct gl_addr *ret_addr)
{
	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		if (session_in_environ(pid, ret_addr) == 0)
			return 0;
		if (parent_of(pid, &pid) < 0)
			break;
	}
	return -ENOENT;
}
