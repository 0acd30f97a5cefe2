/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modes.h - monitor or enforce: what people asked for on top of what the policy says, and how it is
 * written into the kernel's control value.
 *
 * The host: `policy` (no override), `monitor` (a ceiling over everything: panic), `enforce` (also
 * where spec.mode is monitor; a service that lowers itself below an enforcing policy stays in
 * monitor). One service: the same three, and it wins over the policy, but not over the host's
 * monitor.
 *
 * What people ask for is kept in <state_dir>/mode.json, services by name, so that it outlives
 * reloads, restarts and reboots; a detach ends it. --mode is the start's word, not kept: it holds
 * where nobody asked, and again when it is another one than it was when somebody did. So a restart
 * undoes neither a panic nor its end, and whoever starts with another flag gets what it says.
 */
#pragma once

#include <jansson.h>

#include "include/glacis/abi.h"
#include "user/policy/compile.h"
#include "user/policy/model.h"

enum mode_ask { MODE_ASK_POLICY, MODE_ASK_MONITOR, MODE_ASK_ENFORCE, MODE_ASKS };
const char *mode_ask_name(enum mode_ask ask);
int mode_ask_find(const char *name); /* -ENOENT */

struct modes;

/*
 * flag: what --mode says, MODE_ASK_POLICY without one. Reads the file; none, or a broken one
 * (logged), is as if nothing had been asked for.
 */
int modes_new(const char *state_dir, enum mode_ask flag, struct modes **ret_modes);
void modes_free(struct modes *modes);

/* service NULL = the host. Remembers and saves; modes_apply() puts it in force. */
int modes_ask(struct modes *modes, const char *service, enum mode_ask ask);
enum mode_ask modes_asked(const struct modes *modes, const char *service);
/* Forgets what was asked for, on disk too: after a detach nothing is left of it. */
int modes_forget(struct modes *modes);

/* Writes control->mode and service_mode[] for the services of `policy`. */
void modes_apply(const struct modes *modes, const struct policy *policy, struct intern *intern,
		 struct gl_control *control);

/* What rules for a service now, as the doors compute it. */
enum gl_mode mode_in_force(const struct gl_control *control, const struct policy_service *service,
			   unsigned service_id);
/* Of the host: enforce when the ceiling is and any service enforces. */
enum gl_mode mode_of_host(const struct gl_control *control, const struct policy *policy,
			  struct intern *intern);

json_t *modes_json(const struct modes *modes);
