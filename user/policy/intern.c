/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * intern.c - names to small numbers that never change (compile.h).
 *
 * Per space an array in the order of giving (id = index + 1) and a hash over it. Names come from
 * the policy, whose author is trusted, so the hash needs no key. Nothing is ever taken out: an id
 * that came back under another name would hand one class's counts to another.
 *
 * On disk: {"version": 1, "services": ["shop"], "classes": [...], "operations": [...]}, position is
 * the id.
 */
#include "user/policy/compile.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define INTERN_VERSION  1
#define INTERN_FILE_MAX (64u << 20) /* bytes */

struct space {
	char **names;
	uint32_t *slots; /* id; 0 = free */
	size_t n, capacity; /* capacity is half the slots */
};

struct intern {
	struct space spaces[INTERN_SPACES];
};

static const struct {
	const char *key;
	size_t max;
} kinds[INTERN_SPACES] = {
	[INTERN_SERVICE] = {"services", GL_SERVICE_IDS - 1},
	[INTERN_CLASS] = {"classes", 65534},
	[INTERN_OPERATION] = {"operations", 65534},
};

int intern_new(struct intern **ret_intern)
{
	struct intern *intern = calloc(1, sizeof(*intern));

	if (!intern)
		return -ENOMEM;
	*ret_intern = intern;
	return 0;
}

void intern_free(struct intern *intern)
{
	if (!intern)
		return;
	for (size_t s = 0; s < INTERN_SPACES; s++) {
		for (size_t i = 0; i < intern->spaces[s].n; i++)
			free(intern->spaces[s].names[i]);
		free(intern->spaces[s].names);
		free(intern->spaces[s].slots);
	}
	free(intern);
}

static void intern_freep(struct intern **intern)
{
	intern_free(*intern);
}

/* FNV-1a. */
static size_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 0x100000001b3ull;
	return (size_t)(h ^ h >> 32);
}

/* The slot of a name, or the free one where it belongs. */
static uint32_t *slot_of(const struct space *space, const char *name)
{
	size_t mask = space->capacity * 2 - 1, at = name_hash(name);

	for (;; at++) {
		uint32_t id = space->slots[at & mask];

		if (id == 0 || strcmp(space->names[id - 1], name) == 0)
			return &space->slots[at & mask];
	}
}

static int space_grow(struct space *space)
{
	size_t capacity = space->capacity ? space->capacity * 2 : 64;
	uint32_t *slots = calloc(capacity * 2, sizeof(*slots));
	char **names = reallocarray(space->names, capacity, sizeof(*names));

	if (names)
		space->names = names;
	if (!slots || !names) {
		free(slots);
		return -ENOMEM;
	}
	free(space->slots);
	space->slots = slots;
	space->capacity = capacity;
	for (size_t i = 0; i < space->n; i++)
		*slot_of(space, space->names[i]) = (uint32_t)i + 1;
	return 0;
}

int intern_id(struct intern *intern, enum intern_space kind, const char *name)
{
	struct space *space = &intern->spaces[kind];
	uint32_t *slot;
	char *copy;
	int err;

	if (space->n && *(slot = slot_of(space, name)))
		return (int)*slot;
	if (space->n >= kinds[kind].max)
		return -ENOSPC;
	if (space->n == space->capacity) {
		err = space_grow(space);
		if (err)
			return err;
	}
	copy = strdup(name);
	if (!copy)
		return -ENOMEM;
	slot = slot_of(space, name);
	space->names[space->n++] = copy;
	*slot = (uint32_t)space->n;
	return (int)space->n;
}

int intern_find(const struct intern *intern, enum intern_space kind, const char *name)
{
	const struct space *space = &intern->spaces[kind];
	uint32_t id = space->n ? *slot_of(space, name) : 0;

	return id ? (int)id : -ENOENT;
}

const char *intern_name(const struct intern *intern, enum intern_space kind, unsigned id)
{
	const struct space *space = &intern->spaces[kind];

	return id == 0 || id > space->n ? NULL : space->names[id - 1];
}

/* -EBADMSG for a list that could not have been saved: an id would mean two names, or none. */
static int space_read(struct intern *intern, enum intern_space kind, const json_t *root)
{
	const json_t *list = json_object_get(root, kinds[kind].key);
	size_t n = json_array_size(list);

	if (!json_is_array(list))
		return -EBADMSG;
	for (size_t i = 0; i < n; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		int id = name ? intern_id(intern, kind, name) : -EBADMSG;

		if (id == -ENOMEM)
			return id;
		if (id != (int)i + 1)
			return -EBADMSG;
	}
	return 0;
}

int intern_load(const char *path, struct intern **ret_intern)
{
	_cleanup_(intern_freep) struct intern *intern = NULL;
	_cleanup_(json_decrefp) json_t *root = NULL;
	_cleanup_free_ char *data = NULL;
	size_t size;
	int err;

	err = file_read(path, INTERN_FILE_MAX, &data, &size);
	if (err)
		return err;
	root = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
	if (json_integer_value(json_object_get(root, "version")) != INTERN_VERSION)
		return -EBADMSG;
	err = intern_new(&intern);
	for (int kind = 0; !err && kind < INTERN_SPACES; kind++)
		err = space_read(intern, (enum intern_space)kind, root);
	if (err)
		return err;
	*ret_intern = TAKE_PTR(intern);
	return 0;
}

static json_t *space_json(const struct space *space)
{
	json_t *list = json_array();

	for (size_t i = 0; i < space->n; i++) {
		if (json_array_append_new(list, json_string(space->names[i])) == 0)
			continue;
		json_decref(list);
		return NULL;
	}
	return list;
}

int intern_save(const struct intern *intern, const char *path)
{
	_cleanup_(json_decrefp) json_t *root = json_pack("{s:i}", "version", INTERN_VERSION);
	_cleanup_free_ char *text = NULL;

	for (size_t s = 0; s < INTERN_SPACES; s++) {
		if (json_object_set_new(root, kinds[s].key, space_json(&intern->spaces[s])))
			return -ENOMEM;
	}
	text = json_dumps(root, JSON_INDENT(1));
	if (!text)
		return -ENOMEM;
	return file_write_atomic(path, text, strlen(text), 0600);
}
