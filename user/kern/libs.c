/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libs.c - finding the libraries: which processes count, which files were looked into already, who
 * uses what, and when a library is let go.
 *
 * Mmap events only say which process to look at; what it has mapped is read from its maps. So a
 * lost or late event costs time, never a wrong entry, and one function fills the table.
 */
#include "user/kern/libs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/log.h"
#include "user/kern/libs_files.h"
#include "user/kern/libs_known.h"
#include "user/kern/mmaps.h"

#define SCAN_MS     30000 /* without a reason */
#define RESCAN_MS   1000 /* with one */
#define LOOK_MS     1000 /* are the users still there? */
#define PENDING_MAX 256 /* processes to look at after one drain; more: all of them */

struct libs {
	struct libs_options options;
	struct library slots[LIBS_MAX];
	struct known known[KNOWN_SLOTS];
	struct known told[KNOWN_SLOTS]; /* executables an event was about */
	struct libs_counters counters;
	struct mmaps *mmaps;
	pid_t pending[PENDING_MAX];
	size_t n_pending;
	bool scan_wanted, scanning;
	uint64_t scanned_ms, looked_ms;
	int attached_now;
	char pin_dir[PROCMAPS_PATH];
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------------------------------------
 * Files that were looked into
 */
static uint64_t file_hash(uint64_t dev, uint64_t ino, const char *path)
{
	uint64_t hash = 0xcbf29ce484222325 ^ dev * 0x9e3779b97f4a7c15 ^ ino;

	for (; *path; path++)
		hash = (hash ^ (uint8_t)*path) * 0x100000001b3;
	return hash ? hash : 1;
}

/* ---------------------------------------------------------------------------------------------
 * The table
 */
static struct library *find(struct libs *libs, dev_t dev, ino_t ino)
{
	for (size_t i = 0; i < LIBS_MAX; i++)
		if (libs->slots[i].used && libs->slots[i].dev == dev && libs->slots[i].ino == ino)
			return &libs->slots[i];
	return NULL;
}

/* The number of the agent before if it had the file; else one that no pinned link speaks of. */
static struct library *new_slot(struct libs *libs, dev_t dev, ino_t ino, bool *ret_fresh)
{
	int number = libs_pinned_number(libs->options.pin_dir, dev, ino);

	*ret_fresh = false;
	if (number >= 0 && !libs->slots[number].used)
		return &libs->slots[number];
	*ret_fresh = true;
	for (size_t i = 0; i < LIBS_MAX; i++)
		if (!libs->slots[i].used && !libs_number_pinned(libs->options.pin_dir, i))
			return &libs->slots[i];
	return NULL;
}

static size_t number_of(const struct libs *libs, const struct library *library)
{
	return (size_t)(library - libs->slots);
}

static void forget(struct library *library)
{
	free(library->user);
	memset(library, 0, sizeof(*library));
}

static void add_user(struct library *library, pid_t pid)
{
	uint64_t started;

	library->unused_since_ms = 0;
	for (size_t i = 0; i < library->n_user; i++)
		if (library->user[i].pid == pid)
			return;
	if (library->n_user == LIBS_USERS) {
		library->users++;
		return;
	}
	started = procmaps_started(pid);
	if (!library->user)
		library->user = calloc(LIBS_USERS, sizeof(*library->user));
	if (!library->user || !started)
		return;
	library->user[library->n_user++] = (struct libs_user){.pid = pid, .started = started};
	library->users++;
}

/* Without them the library is held all the same: only what it writes is not looked at first. */
static int attach_optional(struct libs *libs, struct library *library)
{
	int r = libs_attach_optional(&libs->options, library, number_of(libs, library));

	if (r < 0)
		log_warning("the response guard, or the probe for certificates, cannot be held on "
			    "%s: %s",
			    library->path, strerror(-r));
	return r;
}

/* Libraries came or went: does one of them need the probes on libcrypto? */
static void review_encode(struct libs *libs)
{
	bool needed = false;

	for (size_t i = 0; i < LIBS_MAX && !needed; i++)
		needed = libs_needs_encode(&libs->slots[i]);
	if (needed == libs->options.encode)
		return;
	libs->options.encode = needed;
	for (size_t i = 0; i < LIBS_MAX; i++)
		if (libs->slots[i].used && libs->slots[i].attached)
			attach_optional(libs, &libs->slots[i]);
}

static void attach(struct libs *libs, struct library *library, int file_fd)
{
	bool kept = false;
	int r;

	r = libs_attach(&libs->options, library, number_of(libs, library), file_fd, &kept);
	if (r < 0) {
		libs->counters.failed++;
		snprintf(library->reason, sizeof(library->reason), "cannot attach: %s",
			 strerror(-r));
		log_warning("the tls door cannot be held on %s: %s", library->path, strerror(-r));
		return;
	}
	library->reason[0] = '\0';
	attach_optional(libs, library);
	review_encode(libs);
	libs->counters.attached++;
	libs->counters.kept += kept;
	libs->attached_now++;
}

static struct library *new_library(struct libs *libs, const struct procmap *map,
				   const struct libs_file *file)
{
	bool fresh;
	struct library *library = new_slot(libs, file->dev, file->ino, &fresh);

	if (!library) {
		libs->counters.no_room++;
		return NULL;
	}
	if (fresh)
		libs_file_reset_account(libs->options.account_fd, number_of(libs, library));
	library->used = true;
	library->number = (uint32_t)number_of(libs, library);
	library->dev = file->dev;
	library->ino = file->ino;
	library->set = file->set;
	library->has_set = file->has_set;
	snprintf(library->path, sizeof(library->path), "%s", map->path);
	snprintf(library->build_id, sizeof(library->build_id), "%s", file->build_id);
	snprintf(library->version, sizeof(library->version), "%s", file->version);
	snprintf(library->reason, sizeof(library->reason), "%s", file->reason);
	return library;
}

/* libcrypto alone is of interest only to who looks at certificates. */
static bool is_wanted(const struct libs *libs, const struct libs_file *file)
{
	return !file->has_set || file->set.library != PROBE_CRYPTO ||
	       libs->options.programs[LIBS_DECODE_ENTER] >= 0;
}

/* A file nobody has looked into; one that is there by another name or through another overlay. */
static struct library *look_into(struct libs *libs, const struct procmap *map, uint64_t hash)
{
	_cleanup_close_ int fd = -1;
	struct libs_file file = {};
	struct library *library;
	int r = libs_file_open(map, &file, &fd);

	if (r == -ESRCH) /* the process went away: another one may come */
		return NULL;
	libs->counters.files++;
	library = r == 0 ? find(libs, file.dev, file.ino) : NULL;
	if (!library) {
		if (r == 0)
			r = libs_file_read(fd, map, &file);
		if (r == 0 && !is_wanted(libs, &file))
			r = -ENOENT;
		library = r == 0 ? new_library(libs, map, &file) : NULL;
		if (library && library->has_set)
			attach(libs, library, fd);
	}
	known_remember(libs->known, hash, library ? (uint32_t)number_of(libs, library) + 1 : 0,
		       now_ms());
	return library;
}

static void take_map(const struct procmap *map, void *userdata)
{
	struct libs *libs = userdata;
	uint64_t hash = file_hash(map->dev, map->ino, map->path);
	const struct known *k = known_find(libs->known, hash, now_ms());
	struct library *library = NULL;

	if (!k)
		library = look_into(libs, map, hash);
	else if (k->library)
		library = &libs->slots[k->library - 1];
	if (library)
		add_user(library, map->pid);
}

static bool counts(const struct libs *libs, pid_t pid)
{
	if (libs->options.netns && procmaps_netns(pid) != libs->options.netns)
		return false;
	return libs->options.include_own || !procmaps_is_own(pid);
}

static void look_at(pid_t pid, void *userdata)
{
	struct libs *libs = userdata;

	if (counts(libs, pid))
		procmaps_read(pid, take_map, libs);
}

/* ---------------------------------------------------------------------------------------------
 * Users that go
 */
static bool has_living_user(struct library *library)
{
	while (library->n_user > 0) {
		const struct libs_user *last = &library->user[library->n_user - 1];

		if (procmaps_started(last->pid) == last->started)
			return true;
		library->n_user--;
		if (library->users > 0)
			library->users--;
	}
	return false;
}

static void let_go(struct libs *libs, struct library *library)
{
	if (library->attached) {
		libs_unlink(&libs->options, library, number_of(libs, library));
		libs->counters.detached++;
	}
	known_forget_library(libs->known, (uint32_t)number_of(libs, library) + 1);
	forget(library);
	review_encode(libs);
	/* its next user may be an executable that events are no longer believed about */
	memset(libs->told, 0, sizeof(libs->told));
}

/*
 * Children of a process share its libraries without an event: only a look at all processes tells
 * that nobody is left.
 */
static void look_after_users(struct libs *libs, uint64_t now)
{
	unsigned grace = libs->options.grace_ms ? libs->options.grace_ms : LIBS_GRACE_MS;

	libs->looked_ms = now;
	for (size_t i = 0; i < LIBS_MAX; i++) {
		struct library *library = &libs->slots[i];

		if (!library->used)
			continue;
		if (library->unused_since_ms) {
			if (now - library->unused_since_ms >= grace)
				let_go(libs, library);
		} else if (!has_living_user(library)) {
			libs->scan_wanted = true;
		}
	}
}

int libs_scan(struct libs *libs)
{
	uint64_t now = now_ms();

	libs->attached_now = 0;
	libs->n_pending = 0;
	libs->scan_wanted = false;
	libs->scanned_ms = now;
	libs->counters.scans++;
	for (size_t i = 0; i < LIBS_MAX; i++) {
		libs->slots[i].users = 0;
		libs->slots[i].n_user = 0;
	}
	procmaps_each_process(look_at, libs);
	for (size_t i = 0; i < LIBS_MAX; i++) {
		struct library *library = &libs->slots[i];

		if (library->used && library->users == 0 && !library->unused_since_ms)
			library->unused_since_ms = now;
	}
	return libs->attached_now;
}

/* ---------------------------------------------------------------------------------------------
 * Events
 */
static void take_event(const struct mmap_event *event, void *userdata)
{
	struct libs *libs = userdata;
	const char *name = strrchr(event->path, '/');
	uint64_t hash;

	libs->counters.events++;
	if (!name) /* [vdso], //anon */
		return;
	if (strstr(name, ".so")) {
		/* others with TLS inside are found by the next scan */
		if (!strstr(name, "ssl") && !strstr(name, "tls"))
			return;
	} else {
		hash = file_hash((uint64_t)event->major << 32 | event->minor, event->ino,
				 event->path);
		if (known_find(libs->told, hash, now_ms()))
			return;
		known_remember(libs->told, hash, 0, now_ms());
	}
	for (size_t i = 0; i < libs->n_pending; i++)
		if (libs->pending[i] == event->pid)
			return;
	if (libs->n_pending < PENDING_MAX)
		libs->pending[libs->n_pending++] = event->pid;
	else
		libs->scan_wanted = true;
}

int libs_poll(struct libs *libs)
{
	uint64_t now = now_ms(), lost;
	int attached;

	libs->attached_now = 0;
	lost = mmaps_drain(libs->mmaps, take_event, libs);
	libs->counters.events_lost += lost;
	libs->scan_wanted = libs->scan_wanted || lost;
	for (size_t i = 0; i < libs->n_pending; i++)
		look_at(libs->pending[i], libs);
	libs->n_pending = 0;
	attached = libs->attached_now;
	if (now - libs->looked_ms >= (libs->options.grace_ms && libs->options.grace_ms < LOOK_MS
					      ? libs->options.grace_ms
					      : LOOK_MS))
		look_after_users(libs, now);
	if (now - libs->scanned_ms >= (libs->scan_wanted ? RESCAN_MS : SCAN_MS))
		attached += libs_scan(libs);
	return attached;
}

int libs_guard(struct libs *libs, bool on)
{
	int failed = 0;

	libs->options.guard = on;
	for (size_t i = 0; i < LIBS_MAX; i++)
		if (libs->slots[i].used && libs->slots[i].attached)
			failed += attach_optional(libs, &libs->slots[i]) < 0;
	return failed;
}

int libs_fd(const struct libs *libs)
{
	return mmaps_fd(libs->mmaps);
}

/* ---------------------------------------------------------------------------------------------
 * Life
 */
static void libs_freep(struct libs **libs)
{
	libs_free(*libs);
}

int libs_new(const struct libs_options *options, struct libs **ret_libs)
{
	_cleanup_(libs_freep) struct libs *libs = calloc(1, sizeof(*libs));
	int r;

	if (!libs)
		return -ENOMEM;
	libs->options = *options;
	if ((size_t)snprintf(libs->pin_dir, sizeof(libs->pin_dir), "%s", options->pin_dir) >=
	    sizeof(libs->pin_dir))
		return -ENAMETOOLONG;
	libs->options.pin_dir = libs->pin_dir;
	/* the watch first: what is mapped during the scan is told by it */
	r = mmaps_new(&libs->mmaps);
	if (r < 0)
		return r;
	libs_scan(libs);
	libs_sweep_pins(libs->pin_dir, libs->slots, LIBS_MAX);
	*ret_libs = TAKE_PTR(libs);
	return 0;
}

void libs_free(struct libs *libs)
{
	if (!libs)
		return;
	for (size_t i = 0; i < LIBS_MAX; i++) {
		libs_close(&libs->slots[i]);
		free(libs->slots[i].user);
	}
	mmaps_free(libs->mmaps);
	free(libs);
}

void libs_detach(struct libs *libs)
{
	for (size_t i = 0; i < LIBS_MAX; i++)
		if (libs->slots[i].used)
			let_go(libs, &libs->slots[i]);
	libs_sweep_pins(libs->pin_dir, libs->slots, LIBS_MAX);
}

const struct library *libs_slots(const struct libs *libs, size_t *ret_n)
{
	*ret_n = LIBS_MAX;
	return libs->slots;
}

const struct library *libs_find(const struct libs *libs, const struct procmap *map)
{
	const struct known *k =
		known_find(libs->known, file_hash(map->dev, map->ino, map->path), now_ms());

	return k && k->library ? &libs->slots[k->library - 1] : NULL;
}

const struct libs_counters *libs_counters(const struct libs *libs)
{
	return &libs->counters;
}
