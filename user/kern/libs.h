/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libs.h - the TLS libraries in use on this host, one entry per file, and the tls door's probes on
 * them: found by a scan of /proc/PID/maps and by mmap events, attached while somebody uses them.
 *
 * Knows files, processes and links; not what the programs do. Who holds the links: README.md here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/kern/elf.h"
#include "user/kern/probe_point.h"
#include "user/kern/procmaps.h"

#define LIBS_MAX      GL_PROBE_LIBRARIES_MAX
#define LIBS_USERS    512 /* of one library that are known by name; more are counted */
#define LIBS_GRACE_MS 60000 /* how long probes stay without a user */

enum libs_program {
	LIBS_READ_ENTER,
	LIBS_READ_LEAVE,
	LIBS_WRITE_ENTER,
	LIBS_WRITE_LEAVE,
	LIBS_HANDSHAKE_ENTER,
	LIBS_HANDSHAKE_LEAVE,
	LIBS_FREE,
	LIBS_ENCODED,
	LIBS_DECODE_ENTER,
	/* these come and go: */
	LIBS_ENCODE_ENTER, /* of libcrypto, with the libraries that need it there */
	LIBS_ENCODE_LEAVE,
	LIBS_GUARD, /* with the policy */
	LIBS_PROGRAMS
};
#define LIBS_FIXED LIBS_ENCODE_ENTER /* how many there are always */

struct libs_options {
	const char *pin_dir; /* links are pinned in its "links", as "tls-..." */
	int programs[LIBS_PROGRAMS]; /* borrowed; -1: none */
	int account_fd; /* per-CPU array of gl_probe_account by library number; -1: none */
	ino_t netns; /* whose processes count as users; 0: all */
	bool guard; /* LIBS_GUARD is attached, too; libs_guard() changes it */
	bool encode; /* LIBS_ENCODE_* of libcrypto are; changed by what libraries are there */
	bool include_own; /* for tests: this executable's processes count too */
	unsigned grace_ms; /* 0: LIBS_GRACE_MS */
};

struct libs_user {
	pid_t pid;
	uint64_t started;
};

struct library {
	bool used; /* the slot */
	uint32_t number; /* its place, told to the programs by the cookie */
	dev_t dev;
	ino_t ino;
	char path[PROCMAPS_PATH]; /* as its first user sees it */
	char build_id[ELF_BUILD_ID_TEXT];
	char version[48]; /* "OpenSSL 3.0.19 27 Jan 2026"; "" if it does not say */
	struct probe_set set;
	bool has_set;
	bool attached;
	int file_fd; /* of what is attached: owned */
	bool held[LIBS_PROGRAMS]; /* of those that come and go: attached */
	char reason[128]; /* why not attached */
	uint32_t users; /* processes, at the last look */
	struct libs_user *user; /* up to LIBS_USERS of them */
	uint32_t n_user;
	uint64_t unused_since_ms; /* 0: it has users */
	int links[LIBS_PROGRAMS][PROBE_POINTS_MAX];
	uint8_t n_links[LIBS_PROGRAMS];
};

struct libs_counters {
	uint64_t scans; /* of all processes */
	uint64_t files; /* looked into */
	uint64_t events; /* mappings told by the kernel */
	uint64_t events_lost;
	uint64_t attached, detached, kept; /* libraries; kept: of the agent before */
	uint64_t failed; /* attachments that failed */
	uint64_t no_room; /* libraries beyond LIBS_MAX */
};

struct libs;

/* Opens the mmap watch, then scans: what is there is attached. -errno: nothing is. */
int libs_new(const struct libs_options *options, struct libs **ret_libs);
/* Ends this process's share; pinned links stay. NULL-safe. */
void libs_free(struct libs *libs);
/* Removes every link. */
void libs_detach(struct libs *libs);

/* Readable when something was mapped. Borrowed. */
int libs_fd(const struct libs *libs);
/* Takes events and looks after users. At least once a second. Returns how many were attached. */
int libs_poll(struct libs *libs);
/* Looks at every process now. Returns how many were attached. */
int libs_scan(struct libs *libs);

/* From now on with LIBS_GUARD or without. Returns how many libraries do not have it, though wanted.
 */
int libs_guard(struct libs *libs, bool on);

/* Slots; look at `used`. */
const struct library *libs_slots(const struct libs *libs, size_t *ret_n);
/* The library that file is, as /proc/PID/maps shows the file; NULL. */
const struct library *libs_find(const struct libs *libs, const struct procmap *map);
const struct libs_counters *libs_counters(const struct libs *libs);

/* libs_attach.c: one library's links. */
int libs_attach(const struct libs_options *options, struct library *library, size_t number,
		int file_fd, bool *ret_kept);
void libs_unlink(const struct libs_options *options, struct library *library, size_t number);
/* What comes and goes, of an attached library: as options->guard and options->encode say. */
int libs_attach_optional(const struct libs_options *options, struct library *library,
			 size_t number);
/* Does it show certificates only to who probes libcrypto? */
bool libs_needs_encode(const struct library *library);
/* Close without removing. */
void libs_close(struct library *library);
/* The number an earlier agent gave this file; -ENOENT. */
int libs_pinned_number(const char *pin_dir, dev_t dev, ino_t ino);
bool libs_number_pinned(const char *pin_dir, size_t number);
/* Removes pinned links whose library is in no slot. */
void libs_sweep_pins(const char *pin_dir, const struct library *slots, size_t n);
