/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * listeners.h - who listens where, in this network namespace: /proc/net/tcp{,6} for the sockets,
 * /proc/PID/fd for their owners. For people and `doctor`; enforcement does not depend on it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/base/addr.h"

#define LISTENER_EXECUTABLE 64

struct listener {
	uint16_t port;
	struct gl_addr addr; /* all zero: any address, both families */
	uint64_t inode;
	char executable[LISTENER_EXECUTABLE]; /* base name; "" when its owner cannot be seen */
};

/* Sorted by port, then address; at most LISTENERS_MAX. The caller frees. */
#define LISTENERS_MAX 4096
int listeners_read(struct listener **ret_listeners, size_t *ret_n);

/* The sockets of one file in the format of /proc/net/tcp or tcp6, appended; owners are not known
 * yet. For listeners_read() and tests. */
int listeners_parse(const char *path, struct listener **listeners, size_t *n);

/* "*" or the address. Returns `out`. */
const char *listener_address(const struct listener *listener, char out[ADDR_TEXT]);
