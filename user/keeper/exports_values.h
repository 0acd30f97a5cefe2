/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exports_values.h - the single values of exports_config.c: what they may be, and what is said when
 * they are not. Each tells whether it was right; what was wrong is in the problems.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/policy/document.h"

struct exports_reading {
	struct problems *problems;
};

/* An error at a node (or its value). hint may be NULL. */
void exports_wrong(struct exports_reading *r, const struct node *at, const char *hint,
		   const char *what);

/* "500ms", "10s", "5m", "1h" in milliseconds; "64MiB" in bytes; a number. */
bool exports_duration(struct exports_reading *r, const struct node *node, uint64_t min,
		      uint64_t max, uint64_t *ret_ms);
bool exports_size(struct exports_reading *r, const struct node *node, uint64_t min, uint64_t max,
		  uint64_t *ret_bytes);
bool exports_number(struct exports_reading *r, const struct node *node, uint64_t min, uint64_t max,
		    uint64_t *ret_value);

/* http(s)://host[:port][/path]: sets url, host, port, and private (TLS, or never leaves the host).
 */
void exports_url(struct exports_reading *r, const struct node *node, json_t *sink);
/* udp://host:port, tcp://host:port, unix:/path: sets transport and host, port or path; and url. */
void exports_syslog_target(struct exports_reading *r, const struct node *node, json_t *sink);
/* "127.0.0.1:9464", "[::1]:9464": {"host","port"}, or NULL. */
json_t *exports_loopback(struct exports_reading *r, const struct node *node);
int exports_facility(const char *name); /* -ENOENT */

/* The first line of a file that only its owner can read, root's or ours; the caller wipes and frees
 * it. NULL: wrong. */
char *exports_secret(struct exports_reading *r, const struct node *node, size_t min);
char *exports_pem(struct exports_reading *r, const struct node *node);
