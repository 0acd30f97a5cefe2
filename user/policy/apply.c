/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/policy/apply.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/file.h"
#include "user/base/log.h"
#include "user/policy/read.h"
#include "user/policy/apply_store.h"

struct apply {
	struct kern *kern;
	char *state_dir;
	struct compile_keys keys;
	struct intern *intern;
	struct policy *policy;
	char *text, *file, *origin;
	struct ruling ruling;
	apply_store_fn store; /* NULL: apply_store() */
	void *store_data;
};

struct candidate {
	struct policy *policy;
	struct gl_policy *image;
	struct intern *intern; /* the ruling names and this policy's */
	char *text, *file;
	size_t size;
};

static void intern_path(const char *state_dir, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/intern.json", state_dir);
}

/* ---------------------------------------------------------------------------------------------
 * What rules
 */
static int load_intern(struct apply *apply, bool adopted)
{
	char path[PATH_MAX];
	int r;

	intern_path(apply->state_dir, path);
	if (!adopted) {
		/* no windows, no counts: nothing refers to an id */
		if (unlink(path) < 0 && errno != ENOENT)
			return -errno;
		return intern_new(&apply->intern);
	}
	r = intern_load(path, &apply->intern);
	if (r == 0)
		return 0;
	log_warning("%s is lost (%s): counts of the adopted windows may move between names", path,
		    strerror(-r));
	return intern_new(&apply->intern);
}

int apply_new(struct kern *kern, const char *state_dir, const struct compile_keys *keys,
	      bool adopted, struct apply **ret_apply)
{
	struct apply *apply = calloc(1, sizeof(*apply));
	int r = -ENOMEM;

	if (apply)
		apply->state_dir = strdup(state_dir);
	if (apply && apply->state_dir) {
		apply->kern = kern;
		apply->keys = *keys;
		r = load_intern(apply, adopted);
	}
	if (r < 0) {
		apply_free(apply);
		return r;
	}
	apply->ruling.generation = kern_generation(kern);
	*ret_apply = apply;
	return 0;
}

void apply_free(struct apply *apply)
{
	if (!apply)
		return;
	intern_free(apply->intern);
	policy_free(apply->policy);
	free(apply->text);
	free(apply->file);
	free(apply->origin);
	free(apply->state_dir);
	free(apply);
}

struct intern *apply_intern(struct apply *apply)
{
	return apply->intern;
}

int apply_save_names(const struct apply *apply)
{
	char path[PATH_MAX];

	intern_path(apply->state_dir, path);
	return intern_save(apply->intern, path);
}

void apply_store_with(struct apply *apply, apply_store_fn fn, void *userdata)
{
	apply->store = fn;
	apply->store_data = userdata;
}

const struct ruling *apply_ruling(const struct apply *apply)
{
	return &apply->ruling;
}

/* ---------------------------------------------------------------------------------------------
 * Candidates
 */
const struct policy *candidate_policy(const struct candidate *candidate)
{
	return candidate->policy;
}

void candidate_free(struct candidate *candidate)
{
	if (!candidate)
		return;
	policy_free(candidate->policy);
	free(candidate->image);
	intern_free(candidate->intern);
	free(candidate->text);
	free(candidate->file);
	free(candidate);
}

/*
 * A copy of the ruling names, so that a faulty or tried policy gives out no id. The file is the
 * copy: it is written with every installation.
 */
static int copy_intern(struct apply *apply, struct intern **ret_intern)
{
	char path[PATH_MAX];
	int r;

	if (!apply)
		return intern_new(ret_intern);
	intern_path(apply->state_dir, path);
	r = intern_load(path, ret_intern);
	return r == -ENOENT ? intern_new(ret_intern) : r;
}

static int fill(struct apply *apply, const char *text, size_t size, const char *file,
		struct problems *problems, struct candidate *c)
{
	static const struct compile_keys no_keys = {};
	int r;

	r = policy_read(text, size, file, problems, &c->policy);
	if (r < 0)
		return r;
	r = copy_intern(apply, &c->intern);
	if (r < 0)
		return r;
	c->image = calloc(1, sizeof(*c->image));
	c->text = malloc(size + 1);
	c->file = strdup(file);
	if (!c->image || !c->text || !c->file)
		return -ENOMEM;
	memcpy(c->text, text, size);
	c->text[size] = '\0';
	c->size = size;
	return policy_compile(c->policy, apply ? &apply->keys : &no_keys,
			      apply ? kern_generation(apply->kern) + 1 : 1, c->intern, problems,
			      c->image);
}

int apply_prepare(struct apply *apply, const char *text, size_t size, const char *file,
		  struct problems *problems, struct candidate **ret_candidate)
{
	_cleanup_(candidate_freep) struct candidate *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	r = fill(apply, text, size, file, problems, c);
	if (r < 0)
		return r;
	*ret_candidate = TAKE_PTR(c);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Installation
 */
static bool image_rules(struct apply *apply, const struct gl_policy *image)
{
	const struct gl_policy *now = kern_policy(apply->kern);

	_Static_assert(offsetof(struct gl_policy, generation) == 0, "compared without it");
	return now && kern_generation(apply->kern) &&
	       memcmp((const char *)now + sizeof(now->generation),
		      (const char *)image + sizeof(image->generation),
		      sizeof(*image) - sizeof(image->generation)) == 0;
}

static void take(struct apply *apply, struct candidate *c, char *origin)
{
	policy_free(apply->policy);
	intern_free(apply->intern);
	free(apply->text);
	free(apply->file);
	free(apply->origin);
	apply->policy = TAKE_PTR(c->policy);
	apply->intern = TAKE_PTR(c->intern);
	apply->text = TAKE_PTR(c->text);
	apply->file = TAKE_PTR(c->file);
	apply->origin = origin;
	apply->ruling = (struct ruling){
		.policy = apply->policy,
		.text = apply->text,
		.size = c->size,
		.name = apply->policy->name,
		.file = apply->file,
		.origin = apply->origin,
		.generation = kern_generation(apply->kern),
		.loaded_wall_ns = clock_wall_ns(),
	};
	candidate_free(c);
}

int apply_install(struct apply *apply, struct candidate *candidate, const char *origin)
{
	_cleanup_free_ char *origin_copy = strdup(origin);
	char path[PATH_MAX];
	bool same;
	int r;

	if (!origin_copy)
		return -ENOMEM;
	/* the names first: ids that rule must never be given to another name after a crash */
	intern_path(apply->state_dir, path);
	r = intern_save(candidate->intern, path);
	if (r < 0)
		return r;
	same = image_rules(apply, candidate->image);
	if (!same) {
		candidate->image->generation = kern_generation(apply->kern) + 1;
		r = kern_policy_install(apply->kern, candidate->image);
		if (r < 0)
			return r;
	}
	take(apply, candidate, TAKE_PTR(origin_copy));
	r = apply->store ? apply->store(apply->state_dir, &apply->ruling, apply->store_data)
			 : apply_store(apply->state_dir, &apply->ruling);
	if (r < 0)
		log_warning("the ruling policy's text is not stored: %s", strerror(-r));
	return same ? 0 : 1;
}
