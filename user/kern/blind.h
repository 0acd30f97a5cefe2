/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blind.h - for each process that listens on a policy port: which TLS it has, and whether the tls
 * door sees into it. A look at the host when somebody asks; nothing here is kept or judged by.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/kern/kern.h"

struct libs;
struct blind; /* what was found in programs: looked into once */

int blind_new(struct blind **ret_blind);
void blind_free(struct blind *blind); /* NULL-safe */

/*
 * The views of the namespace (0: all). `libs` may be NULL: nothing is hooked then. The caller
 * frees.
 */
int blind_look(struct blind *blind, const struct libs *libs, const struct gl_policy *policy,
	       ino_t netns, struct kern_tls_view **ret_views, size_t *ret_n);
