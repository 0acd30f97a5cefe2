/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi.h - the one layout the kernel programs and user space share.
 *
 * Records of the rings, values of the maps, the enums both sides name, a file for each subject. Not
 * here: code. Rules: fixed-width types only, no padding (-Wpadded is an error), enums append-only,
 * names beside their values (X-macros, so that no table can fall behind). A change of meaning or
 * layout bumps GL_ABI_MAJOR: the keeper never adopts pins of another MAJOR in place.
 */
#pragma once

#include <linux/types.h>

#include "include/glacis/abi_chunk.h"
#include "include/glacis/abi_contain.h"
#include "include/glacis/abi_counters.h"
#include "include/glacis/abi_events.h"
#include "include/glacis/abi_guard.h"
#include "include/glacis/abi_names.h"
#include "include/glacis/abi_open.h"
#include "include/glacis/abi_policy.h"
#include "include/glacis/abi_tables.h"
#include "include/glacis/abi_tls.h"
#include "include/glacis/abi_watch.h"
#include "include/glacis/abi_watch_rule.h"

#define GL_ABI_MAJOR 7
#define GL_ABI_MINOR 0

#define GL_EMBRYOS_MAX 4096 /* connections whose data came before their socket */

/* What the keeper may change between generations: one value, `control`. */
struct gl_control {
	__u32 abi_major, abi_minor;
	__u32 active; /* slot of the outer map new heads begin on */
	__u32 window_lines; /* size of the window table, a power of two */
	__u32 ban_slots; /* size of the decisions table, a power of two */
	__u8 mode; /* enum gl_mode: the ceiling; monitor overrides every service (panic) */
	__u8 policy_loaded;
	__u8 ban_mode; /* enum gl_mode of bans: they come before any service is known */
	__u8 reserved;
	__u32 hello_blocks; /* entries of the map of that name; 0 spares the lookup */
	__u32 h2; /* HTTP/2 was ever judged in user space; 0 spares looking for its connections */
	__u8 service_mode[GL_SERVICES_MAX *
			  2]; /* by interned id: 0 = as the policy says, else enum gl_mode + 1 */
	struct gl_prefix_lens decision_lens[GL_DECISION_SETS];
	__u32 n_inspectors; /* rings in `chunks`; 0 = nothing is captured */
	__u32 cuts; /* entries of the map of that name; 0 spares the lookup */
	__u32 subjects; /* entries of the map of that name; 0 spares the lookups */
	__u32 lockdowns, revocations, grants; /* of these */
	__u32 kill_levels; /* depths of killed cgroups, a bit for each */
	__u32 kills; /* entries of the map of that name */
};
#define GL_SERVICE_IDS (GL_SERVICES_MAX * 2)
