/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subjects.h - decisions about what is no address: operations suspended, credentials revoked,
 * services locked down, workloads killed, grants. As decisions.h for sources: the kernel's table
 * decides and expires by itself (I7); this explains it, changes it and remembers it in the store.
 *
 * A subject is said in text, which is what is stored, and turned into keys of the table: interned
 * ids and keyed hashes, so that it outlives a policy generation. Ids are decisions.h's.
 *
 *   operation  "shop POST /api/v1/pay"                     -
 *   principal  "0123456789abcdef"                          more hashes of the same credential
 *   service    "shop"                                      networks that pass
 *   workload   "cgroup /system.slice/x" "exe /usr/bin/x"   -
 *   grant      "source 192.0.2.7 class auth"               -
 *              "principal 0123456789abcdef"                (every class)
 *
 * Workloads have no key here: user/keeper/kills.c makes the kernel follow the list.
 */
#pragma once

#include "user/base/subject_table.h"
#include "user/policy/compile.h"
#include "user/respond/decisions.h"

#define SUBJECT_KEYS    8
#define SUBJECT_TEXT    640 /* bytes of a subject or its detail, with the NUL */
#define SUBJECT_NETS    32 /* networks of a lockdown */
#define SUBJECT_MESSAGE 256

/* kind and the one verdict there is for it */
#define SUBJECT_KIND_LIST(X)                                                                       \
	X(SUBJECT_OPERATION, "operation", "suspend")                                               \
	X(SUBJECT_PRINCIPAL, "principal", "revoke")                                                \
	X(SUBJECT_SERVICE, "service", "lockdown")                                                  \
	X(SUBJECT_WORKLOAD, "workload", "kill")                                                    \
	X(SUBJECT_GRANT, "grant", "grant")
#define SUBJECT_KIND_VALUE(name, text, verdict) name,
enum subject_kind { SUBJECT_KIND_LIST(SUBJECT_KIND_VALUE) SUBJECT_KINDS };
const char *subject_kind_name(enum subject_kind kind);
const char *subject_verdict(enum subject_kind kind);
int subject_kind_find(const char *name); /* -ENOENT */

struct subject {
	uint32_t id;
	enum subject_kind kind;
	char *text, *detail; /* detail: "" if none */
	int64_t created_wall_ns;
	uint64_t expires_boot_ns;
	char origin[DECISION_ORIGIN];
	char reason[DECISION_REASON];
	struct subject_key keys[SUBJECT_KEYS];
	unsigned n_keys;
	bool stored;
};

struct subjects;

/*
 * Borrows all: the table's memory (GL_SUBJECT_SLOTS), control, the prefix table for networks, the
 * decisions for ids, the store, the names (asked for when needed: the caller's function).
 */
struct subjects_parts {
	struct gl_subject *slots;
	struct gl_control *control;
	struct decisions *decisions;
	struct store *store;
	struct intern *(*names)(void *userdata);
	void *userdata;
};
int subjects_new(const struct subjects_parts *parts, struct subjects **ret_subjects);
void subjects_free(struct subjects *subjects); /* NULL-safe; what is in force stays */

/* As decisions_restore(): the table is the truth when adopted, else the store is. */
int subjects_restore(struct subjects *subjects, bool adopted, const char *boot_id,
		     struct clock_now now);

struct subject_ask {
	enum subject_kind kind;
	const char *text, *detail; /* detail: NULL if none */
	uint32_t ttl_s; /* 1..DECISION_TTL_MAX_S */
	const char *origin, *reason;
};

/*
 * Puts one in force; one for the same kind and text is replaced, its id kept. -EINVAL: the text is
 * none of its kind; -ENOENT: it names an operation, service or class there is none of; -ENOSPC: no
 * room; -EMFILE: GL_LOCKDOWNS_MAX services are locked down; -ERANGE: TTL. Nothing is half done.
 */
int subjects_put(struct subjects *subjects, const struct subject_ask *ask, struct clock_now now,
		 const struct subject **ret_subject);
/* Whether subjects_put() would: 0 or its error; nothing is changed. */
int subjects_try(struct subjects *subjects, const struct subject_ask *ask);
int subjects_remove(struct subjects *subjects, uint32_t id); /* -ENOENT */

/* Forgets what has expired, telling fn (may be NULL) of each; returns how many. */
int subjects_sweep(struct subjects *subjects, struct clock_now now,
		   void (*fn)(const struct subject *subject, void *userdata), void *userdata);
int subjects_save(struct subjects *subjects, const char *boot_id, struct clock_now now);

size_t subjects_count(const struct subjects *subjects);
/* By position, 0 = the oldest id; NULL past the newest. Borrowed until the next change. */
const struct subject *subjects_at(const struct subjects *subjects, size_t i);
const struct subject *subjects_by_id(const struct subjects *subjects, uint32_t id);
/* A principal is found by any of its hashes. */
const struct subject *subjects_by_text(const struct subjects *subjects, enum subject_kind kind,
				       const char *text);
uint64_t subjects_hits(const struct subjects *subjects, const struct subject *subject);

/* subject_keys.c: text to keys. Networks go to ret_networks (SUBJECT_NETS). */
struct subject_resolved {
	struct subject_key keys[SUBJECT_KEYS];
	unsigned n_keys;
	struct addr_prefix networks[SUBJECT_NETS];
	unsigned n_networks;
};
/* may_intern: names not known yet are given ids (at start, before the policy is). */
int subject_resolve(enum subject_kind kind, const char *text, const char *detail,
		    struct intern *names, bool may_intern, struct subject_resolved *ret_resolved);
/* What can be said of an entry nobody explained: false if nothing. */
bool subject_describe(const struct gl_subject *slot, const struct intern *names,
		      enum subject_kind *ret_kind, char ret_text[SUBJECT_TEXT]);
/* The interned id of the service an operation's name begins with; 0: none. */
int subject_service_of(struct intern *names, const char *operation, bool may_intern);
