/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf.h - layer 0: what every kernel program includes first: kernel UAPI, libbpf's helpers, and the
 * few names newer than Debian 12's headers. No map, no policy.
 */
#pragma once

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"

/* how the deciding headers loop: guard.h */
#define GUARD_LOOP(n, callback, ctx) bpf_loop(n, callback, ctx, 0)

/* TCX_NEXT (6.6) and TC_ACT_UNSPEC (clsact) are the same number: on to the next program. */
#define TC_NEXT (-1)
#define TC_DROP 2

#define SEC_NS 1000000000ull

/*
 * A global function: the verifier proves it once by itself instead of once per path that calls it.
 * Its pointer arguments may be NULL as far as the verifier knows, so each begins with a check.
 */
#define __global __attribute__((noinline))
