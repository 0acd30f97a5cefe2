/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names.h - inside the courier: host names to addresses without a thread (the sandbox has none) and
 * without waiting: libevent's resolver, /etc/hosts and /etc/resolv.conf as they were at
 * names_new().
 */
#pragma once

#include <event2/event.h>
#include <event2/util.h>
#include <stdint.h>

struct names;
struct name_request;

int names_new(struct event_base *base, struct names **ret_names);
void names_free(struct names *names); /* NULL-safe; no request may be open */

/* `found` is a list of stream addresses with the port set, borrowed for the call; NULL: `error`. */
typedef void (*names_fn)(const struct evutil_addrinfo *found, const char *error, void *userdata);

/* Calls `fn` once, maybe before it returns: then *ret_request is NULL. */
int names_find(struct names *names, const char *host, uint16_t port, names_fn fn, void *userdata,
	       struct name_request **ret_request);
void names_cancel(struct name_request *request); /* `fn` is not called; NULL-safe */
