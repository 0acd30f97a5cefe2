/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/listeners.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"

#define STATE_LISTEN 0x0a

/* The words of an address are printed as they lie in memory, most significant digit first. */
static int parse_address(const char *hex, struct gl_addr *ret_addr)
{
	size_t len = strlen(hex), words = len / 8;
	uint32_t word[4];

	if (len != 8 && len != 32)
		return -EINVAL;
	for (size_t i = 0; i < words; i++)
		if (sscanf(hex + 8 * i, "%8" SCNx32, &word[i]) != 1)
			return -EINVAL;
	memset(ret_addr, 0, sizeof(*ret_addr));
	if (words == 1) {
		if (word[0]) { /* 0.0.0.0 is any, as :: is */
			ret_addr->b[10] = ret_addr->b[11] = 0xff;
			memcpy(ret_addr->b + 12, word, 4);
		}
	} else {
		memcpy(ret_addr->b, word, 16);
	}
	return 0;
}

static int append(struct listener **listeners, size_t *n, const struct listener *listener)
{
	struct listener *grown;

	for (size_t i = 0; i < *n; i++) /* SO_REUSEPORT: one line for each worker's socket */
		if ((*listeners)[i].port == listener->port &&
		    addr_equal(&(*listeners)[i].addr, &listener->addr))
			return 0;
	if (*n >= LISTENERS_MAX)
		return 0;
	grown = reallocarray(*listeners, *n + 1, sizeof(**listeners));
	if (!grown)
		return -ENOMEM;
	*listeners = grown;
	grown[(*n)++] = *listener;
	return 0;
}

int listeners_parse(const char *path, struct listener **listeners, size_t *n)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[512], address[33];
	unsigned port, state;
	int r = 0;

	if (!f)
		return -errno;
	while (r == 0 && fgets(line, sizeof(line), f)) {
		struct listener listener = {};

		if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %" SCNu64,
			   address, &port, &state, &listener.inode) != 4 ||
		    state != STATE_LISTEN || port > 65535 ||
		    parse_address(address, &listener.addr) < 0)
			continue;
		listener.port = (uint16_t)port;
		r = append(listeners, n, &listener);
	}
	return r;
}

static void name_owner(struct listener *listeners, size_t n, uint64_t inode, const char *pid)
{
	char path[64], target[PATH_MAX], *name;
	ssize_t len;

	for (size_t i = 0; i < n; i++) {
		if (listeners[i].inode != inode || listeners[i].executable[0])
			continue;
		snprintf(path, sizeof(path), "/proc/%s/exe", pid);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			return;
		target[len] = '\0';
		name = strrchr(target, '/');
		snprintf(listeners[i].executable, sizeof(listeners[i].executable), "%.*s",
			 (int)sizeof(listeners[i].executable) - 1, name ? name + 1 : target);
		return;
	}
}

static void scan_process(const char *pid, struct listener *listeners, size_t n)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	char path[512], target[64];
	uint64_t inode;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) == 1)
			name_owner(listeners, n, inode, pid);
	}
}

static void find_owners(struct listener *listeners, size_t n)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *entry;

	while (dir && n && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			scan_process(entry->d_name, listeners, n);
}

static int by_port(const void *va, const void *vb)
{
	const struct listener *a = va, *b = vb;

	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return memcmp(a->addr.b, b->addr.b, sizeof(a->addr.b));
}

int listeners_read(struct listener **ret_listeners, size_t *ret_n)
{
	_cleanup_free_ struct listener *listeners = NULL;
	size_t n = 0;
	int r, r6;

	r = listeners_parse("/proc/net/tcp", &listeners, &n);
	r6 = listeners_parse("/proc/net/tcp6", &listeners, &n); /* absent without IPv6 */
	if (r < 0)
		return r;
	if (r6 < 0 && r6 != -ENOENT)
		return r6;
	find_owners(listeners, n);
	if (n)
		qsort(listeners, n, sizeof(*listeners), by_port);
	*ret_listeners = TAKE_PTR(listeners);
	*ret_n = n;
	return 0;
}

const char *listener_address(const struct listener *listener, char out[ADDR_TEXT])
{
	static const struct gl_addr any = {};

	if (addr_equal(&listener->addr, &any))
		snprintf(out, ADDR_TEXT, "*");
	else
		addr_format(&listener->addr, out);
	return out;
}
