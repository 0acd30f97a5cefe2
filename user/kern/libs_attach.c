/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libs_attach.c - the links of one library: which program goes where, under what name it is pinned,
 * and what an earlier agent left.
 *
 * "tls-<number>-<dev>-<inode>-<digest of the places>-<program>-<i>": an agent that chooses other
 * places, or has given the file another number, does not take these for its own.
 */
#include "user/kern/libs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "user/kern/kern_private.h"
#include "user/kern/probe_link.h"

static const struct {
	const char *name;
	enum probe_role role;
	bool at_return;
} programs[LIBS_PROGRAMS] = {
	[LIBS_READ_ENTER] = {"read", PROBE_READ, false},
	[LIBS_READ_LEAVE] = {"readret", PROBE_READ, true},
	[LIBS_WRITE_ENTER] = {"write", PROBE_WRITE, false},
	[LIBS_WRITE_LEAVE] = {"writeret", PROBE_WRITE, true},
	[LIBS_HANDSHAKE_ENTER] = {"hand", PROBE_HANDSHAKE, false},
	[LIBS_HANDSHAKE_LEAVE] = {"handret", PROBE_HANDSHAKE, true},
	[LIBS_FREE] = {"free", PROBE_FREE, false},
	[LIBS_ENCODED] = {"encoded", PROBE_ENCODED, false},
	[LIBS_DECODE_ENTER] = {"dec", PROBE_DECODE, false},
	[LIBS_ENCODE_ENTER] = {"enc", PROBE_ENCODE, false},
	[LIBS_ENCODE_LEAVE] = {"encret", PROBE_ENCODE, true},
	[LIBS_GUARD] = {"guard", PROBE_WRITE, false},
};

struct pin_name {
	unsigned number;
	uint64_t dev, ino, digest;
};

/* FNV-1a over what the links of a library depend on. */
static uint64_t digest(const struct probe_set *set)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < set->n; i++) {
		const uint64_t words[] = {set->points[i].offset, set->points[i].role,
					  set->points[i].shape, set->points[i].operand};

		for (size_t w = 0; w < ARRAY_SIZE(words); w++)
			for (int b = 0; b < 8; b++)
				hash = (hash ^ (words[w] >> (8 * b) & 0xff)) * 0x100000001b3;
	}
	return hash;
}

static bool parse_pin(const char *text, struct pin_name *ret_name)
{
	return sscanf(text, "tls-%u-%" SCNx64 "-%" SCNx64 "-%" SCNx64 "-", &ret_name->number,
		      &ret_name->dev, &ret_name->ino, &ret_name->digest) == 4;
}

static int pin_path(const char *pin_dir, const struct library *library, size_t number,
		    const char *program, char *ret_path, size_t size)
{
	char name[128];

	snprintf(name, sizeof(name), "tls-%zu-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%s", number,
		 (uint64_t)library->dev, (uint64_t)library->ino, digest(&library->set), program);
	return pins_path(pin_dir, "links", name, ret_path, size);
}

static int attach_program(const struct libs_options *options, struct library *library,
			  size_t number, size_t program, int file_fd, bool *all_kept)
{
	struct probe_place places[PROBE_POINTS_MAX];
	char pin[PATH_MAX];
	size_t n = 0;
	bool kept = true;
	int r;

	for (size_t i = 0; i < library->set.n; i++) {
		const struct probe_point *point = &library->set.points[i];

		if (point->role == programs[program].role)
			places[n++] = (struct probe_place){
				.offset = point->offset,
				.cookie = GL_PROBE_COOKIE(point->shape, number) |
					  (uint64_t)point->operand << GL_PROBE_OPERAND_SHIFT};
	}
	if (n == 0 || options->programs[program] < 0)
		return 0;
	r = pin_path(options->pin_dir, library, number, programs[program].name, pin, sizeof(pin));
	if (r < 0)
		return r;
	r = probe_link_attach(options->programs[program], programs[program].at_return, file_fd,
			      places, n, pin, library->links[program], &kept);
	if (r < 0)
		return r;
	library->n_links[program] = (uint8_t)r;
	*all_kept = *all_kept && kept;
	return 0;
}

/* All of them or none; what comes and goes is looked after apart. */
int libs_attach(const struct libs_options *options, struct library *library, size_t number,
		int file_fd, bool *ret_kept)
{
	bool kept = true;
	int r = 0;

	for (size_t i = 0; i < LIBS_FIXED && r == 0; i++)
		r = attach_program(options, library, number, i, file_fd, &kept);
	if (r == 0) {
		library->file_fd = fcntl(file_fd, F_DUPFD_CLOEXEC, 3);
		r = library->file_fd < 0 ? -errno : 0;
	}
	if (r < 0) {
		libs_unlink(options, library, number);
		return r;
	}
	library->attached = true;
	*ret_kept = kept;
	return 0;
}

/* An agent before may have left it where none is wanted now: every name it can have. */
static void remove_program(const struct libs_options *options, struct library *library,
			   size_t number, enum libs_program program)
{
	char pin[PATH_MAX], name[PATH_MAX + 8];

	for (size_t k = 0; k < library->n_links[program]; k++)
		close(library->links[program][k]);
	library->n_links[program] = 0;
	library->held[program] = false;
	if (pin_path(options->pin_dir, library, number, programs[program].name, pin, sizeof(pin)) <
	    0)
		return;
	for (size_t k = 0; k < PROBE_POINTS_MAX; k++) {
		snprintf(name, sizeof(name), "%s-%zu", pin, k);
		unlink(name);
	}
}

bool libs_needs_encode(const struct library *library)
{
	if (!library->used || !library->attached || library->set.library != PROBE_OPENSSL)
		return false;
	for (size_t i = 0; i < library->set.n; i++)
		if (library->set.points[i].role == PROBE_ENCODED ||
		    library->set.points[i].role == PROBE_ENCODE)
			return false;
	return true;
}

static bool wanted(const struct libs_options *options, const struct library *library,
		   enum libs_program program)
{
	if (program == LIBS_GUARD)
		return options->guard;
	return options->encode || library->set.library != PROBE_CRYPTO;
}

int libs_attach_optional(const struct libs_options *options, struct library *library, size_t number)
{
	bool kept = true;
	int failed = 0;

	for (enum libs_program i = LIBS_FIXED; i < LIBS_PROGRAMS && library->attached; i++) {
		bool on = wanted(options, library, i);
		int r = 0;

		if (on && library->held[i])
			continue;
		if (on)
			r = attach_program(options, library, number, i, library->file_fd, &kept);
		else
			remove_program(options, library, number, i);
		library->held[i] = on && r == 0;
		failed = r < 0 ? r : failed;
	}
	return failed;
}

void libs_close(struct library *library)
{
	if (library->attached)
		close(library->file_fd);
	for (size_t i = 0; i < LIBS_PROGRAMS; i++) {
		for (size_t k = 0; k < library->n_links[i]; k++)
			close(library->links[i][k]);
		library->n_links[i] = 0;
	}
	library->attached = false;
	memset(library->held, 0, sizeof(library->held));
}

void libs_unlink(const struct libs_options *options, struct library *library, size_t number)
{
	char pin[PATH_MAX], name[PATH_MAX + 8];

	for (size_t i = 0; i < LIBS_PROGRAMS; i++) {
		if (pin_path(options->pin_dir, library, number, programs[i].name, pin,
			     sizeof(pin)) < 0)
			continue;
		for (size_t k = 0; k < library->n_links[i]; k++) {
			snprintf(name, sizeof(name), "%s-%zu", pin, k);
			unlink(name);
		}
	}
	libs_close(library);
}

/* ---------------------------------------------------------------------------------------------
 * What an earlier agent left
 */
typedef bool (*pin_fn)(int dir, const char *file, const struct pin_name *name, void *userdata);

static void each_pin(const char *pin_dir, pin_fn fn, void *userdata)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[PATH_MAX];
	const struct dirent *entry;
	struct pin_name name;

	if ((size_t)snprintf(path, sizeof(path), "%s/links", pin_dir) >= sizeof(path))
		return;
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (parse_pin(entry->d_name, &name) &&
		    !fn(dirfd(dir), entry->d_name, &name, userdata))
			return;
}

struct search {
	uint64_t dev, ino;
	unsigned number;
	bool by_file, found;
};

static bool match_pin(int dir, const char *file, const struct pin_name *name, void *userdata)
{
	struct search *search = userdata;

	(void)dir;
	(void)file;
	if (search->by_file ? name->dev != search->dev || name->ino != search->ino
			    : name->number != search->number)
		return true;
	search->number = name->number;
	search->found = true;
	return false;
}

int libs_pinned_number(const char *pin_dir, dev_t dev, ino_t ino)
{
	struct search search = {.dev = dev, .ino = ino, .by_file = true};

	each_pin(pin_dir, match_pin, &search);
	return search.found && search.number < LIBS_MAX ? (int)search.number : -ENOENT;
}

bool libs_number_pinned(const char *pin_dir, size_t number)
{
	struct search search = {.number = (unsigned)number};

	each_pin(pin_dir, match_pin, &search);
	return search.found;
}

struct sweep {
	const struct library *slots;
	size_t n;
};

static bool sweep_pin(int dir, const char *file, const struct pin_name *name, void *userdata)
{
	const struct sweep *sweep = userdata;
	const struct library *library =
		name->number < sweep->n ? &sweep->slots[name->number] : NULL;

	if (!library || !library->used || !library->attached || library->dev != name->dev ||
	    library->ino != name->ino || digest(&library->set) != name->digest)
		unlinkat(dir, file, 0);
	return true;
}

void libs_sweep_pins(const char *pin_dir, const struct library *slots, size_t n)
{
	struct sweep sweep = {.slots = slots, .n = n};

	each_pin(pin_dir, sweep_pin, &sweep);
}
