/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * protect.h - whom a ban must not hit (architecture.md section 7): loopback, the host's own
 * addresses, default gateways, resolvers, trusted proxies, administrators' sessions,
 * `protect.never`.
 *
 * A list of prefixes with the reason for each. It refuses nothing itself: escalate.c obeys it
 * always, the API unless a person forces.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "user/base/addr.h"
#include "user/policy/model.h"

#define PROTECT_WHAT 64
#define PROTECT_WHY  (PROTECT_WHAT + PREFIX_TEXT + 16)

struct protect;

int protect_new(struct protect **ret_protect); /* knows loopback only */
void protect_free(struct protect *protect);

__attribute__((format(printf, 3, 4))) int
protect_add(struct protect *protect, const struct addr_prefix *prefix, const char *what, ...);

/*
 * Forgets everything and reads the host and the policy (borrowed for the call, may be NULL) again.
 * What cannot be read is left out: a missing resolv.conf is no error. -ENOMEM.
 */
int protect_refresh(struct protect *protect, const struct policy *policy);

/* The same from one source each; called by protect_refresh() and by tests. */
int protect_add_routes(struct protect *protect, const char *path); /* /proc/net/route */
int protect_add_routes6(struct protect *protect, const char *path); /* /proc/net/ipv6_route */
int protect_add_resolvers(struct protect *protect, const char *path); /* /etc/resolv.conf */
int protect_add_policy(struct protect *protect, const struct policy *policy);

/*
 * True when `prefix` contains a protected address or lies in a protected network; `why` says which:
 * "it contains 10.0.0.1, the default gateway on eth0".
 */
bool protect_hit(const struct protect *protect, const struct addr_prefix *prefix,
		 char why[PROTECT_WHY]);
/*
 * Of those a lockdown to `networks` must not shut out, one it would: "10.0.0.1, the default gateway
 * on eth0". The host itself is not among them: protect_own() lets it in.
 */
bool protect_outside(const struct protect *protect, const struct addr_prefix *networks, unsigned n,
		     char why[PROTECT_WHY]);
/* Appends loopback and the host's own addresses, apart by spaces, at most `max`, to `text`. */
void protect_own(const struct protect *protect, char *text, size_t size, unsigned max);
size_t protect_count(const struct protect *protect);

/* The client address of the SSH session a local process belongs to; -ENOENT when in none. */
int protect_session_of(pid_t pid, struct gl_addr *ret_addr);
