/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics_serve.h - inside the courier: GET /metrics on a loopback TCP port, and nothing else
 * there.
 */
#pragma once

#include <stdint.h>

struct server;
struct metrics_serve;

/* host: "127.0.0.1" or "::1". -errno: cannot listen. */
int metrics_serve_new(struct server *server, const char *host, uint16_t port,
		      struct metrics_serve **ret_serve);
void metrics_serve_free(struct metrics_serve *serve); /* NULL-safe */
