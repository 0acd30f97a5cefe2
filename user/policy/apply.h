/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply.h - a policy text to the ruling generation, all or nothing, and what is known about the one
 * that rules.
 *
 * Two steps: a candidate (read, compiled, nothing changed), then its installation. State in the
 * state directory: intern.json (names to ids), policy.yaml (the ruling text), policy.json (its
 * name, file, generation, time). An image equal to the ruling one is not installed again: an
 * adoption with the same policy leaves the generation, and every flow on it, alone.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "user/kern/kern.h"
#include "user/policy/compile.h"
#include "user/policy/model.h"
#include "user/policy/problems.h"

struct apply;

/* What rules. Strings and model are borrowed until the next installation. */
struct ruling {
	const struct policy *policy; /* NULL: nothing rules, or its text was lost */
	const char *text; /* NULL likewise */
	size_t size;
	const char *name; /* metadata.name */
	const char *file; /* where it came from; "api" texts carry the name the client gave */
	const char *origin; /* "file" or "api" */
	uint64_t generation;
	int64_t loaded_wall_ns;
};

/*
 * Borrows kern. `adopted`: ids of interned names must go on; a lost table is logged (counts may
 * move between names). Otherwise the table begins anew.
 */
int apply_new(struct kern *kern, const char *state_dir, const struct compile_keys *keys,
	      bool adopted, struct apply **ret_apply);
void apply_free(struct apply *apply);

struct intern *apply_intern(struct apply *apply); /* borrowed until the next installation */
/* After names were given ids outside of an installation: candidates go on from what is stored. */
int apply_save_names(const struct apply *apply);
const struct ruling *apply_ruling(const struct apply *apply);

struct candidate;
const struct policy *candidate_policy(const struct candidate *candidate);
void candidate_free(struct candidate *candidate);
static inline void candidate_freep(struct candidate **candidate)
{
	candidate_free(*candidate);
}

/* Reads and compiles; -EINVAL with errors in `problems`. apply NULL: a check before start, with
 * keys and names of no consequence. */
int apply_prepare(struct apply *apply, const char *text, size_t size, const char *file,
		  struct problems *problems, struct candidate **ret_candidate);

/*
 * Makes it rule. Takes the candidate on success. 1: it rules now; 0: it ruled already (the text is
 * remembered). -EAGAIN: the oldest generation may still be in use; nothing changed, try later.
 */
int apply_install(struct apply *apply, struct candidate *candidate, const char *origin);

/*
 * From now on `fn` sees to it that the texts of what rules are stored (apply_store.h), so that an
 * installation does not wait for the disk; NULL: it does. The ruling is borrowed for the call.
 */
typedef int (*apply_store_fn)(const char *state_dir, const struct ruling *ruling, void *userdata);
void apply_store_with(struct apply *apply, apply_store_fn fn, void *userdata);

/* The text in policy.yaml, as it was when an agent last installed one; -ENOENT. Origin and file as
 * in struct ruling; all owned by the caller. */
int apply_stored(const char *state_dir, char **ret_text, size_t *ret_size, char **ret_file,
		 char **ret_origin);
/* The text that was last installed from a file; -ENOENT. The caller's. */
int apply_stored_file_text(const char *state_dir, char **ret_text, size_t *ret_size);
