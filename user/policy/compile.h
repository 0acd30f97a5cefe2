/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * compile.h - struct policy to struct gl_policy: routes to one automaton, header names to another,
 * answers prepared, networks to prefix sets, names interned.
 */
#pragma once

#include "include/glacis/abi.h"
#include "user/policy/model.h"
#include "user/policy/problems.h"

/*
 * Names to small stable numbers, kept over reloads so that windows and counts survive
 * (architecture.md section 2). Ids are never reused while the agent lives. The keeper stores it
 * beside the pins (JSON) and hands it to every compilation.
 */
struct intern;
int intern_new(struct intern **ret_intern);
void intern_free(struct intern *intern);
int intern_load(const char *path, struct intern **ret_intern); /* -ENOENT: no file yet */
int intern_save(const struct intern *intern,
		const char *path); /* atomic: write beside, fsync, rename */

enum intern_space { INTERN_SERVICE, INTERN_CLASS, INTERN_OPERATION, INTERN_SPACES };
/* Id of a name, given when new: 1.. ; -ENOSPC at the space's limit (services GL_SERVICE_IDS-1,
 * classes and operations 65534). */
int intern_id(struct intern *intern, enum intern_space space, const char *name);
int intern_find(const struct intern *intern, enum intern_space space,
		const char *name); /* -ENOENT: never given */
/* NULL for an id never given. Operations are interned as "<service> <METHOD> <template>", the
 * catch-all as "<service> *". */
const char *intern_name(const struct intern *intern, enum intern_space space, unsigned id);

struct compile_keys {
	struct gl_key route, subject;
};

/*
 * Compiles into *image (the caller's, ~1.6 MB, zeroed here). Adds warnings (unreachable operations,
 * classes without operations) and errors (too many states, networks, header names) to `problems`.
 * -EINVAL with at least one error: image is unusable and must not be loaded.
 */
int policy_compile(const struct policy *policy, const struct compile_keys *keys,
		   uint64_t generation, struct intern *intern, struct problems *problems,
		   struct gl_policy *image);
