/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident.h - alerts that belong together, worked on by people: priority P1 to P4, phases with
 * deadlines (IR-01 to IR-07), timeline, tasks, who has it.
 *
 * Not here: what an alert is (a signal is all that is known of one), containment, the API. Which
 * signal belongs to which incident is decided by the rules of README.md, in their order, and is
 * the same for the same signals. Open incidents are in memory, closed ones are read from the store
 * when somebody asks. Bounded: INCIDENTS_MAX open ones, INCIDENT_LINKS_MAX alerts over all of them.
 * Time is an argument. One thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/policy/model_respond.h"
#include "user/store/store.h"

#define INCIDENTS_MAX        1024 /* that are not closed */
#define INCIDENT_LINKS_MAX   16384 /* alerts over all of them */
#define INCIDENT_LINKS_EACH  256
#define INCIDENT_TASKS_MAX   64
#define INCIDENT_WAITING_MAX 4096 /* timeline entries while the store cannot be written */
#define INCIDENT_TITLE       160
#define INCIDENT_NAME        64 /* services, people */
#define INCIDENT_KIND        32
#define INCIDENT_CONTROL     12
#define INCIDENT_OPERATION   96
#define INCIDENT_SUBJECT     96
#define INCIDENT_TEXT        2000 /* of a note, without the NUL */
#define INCIDENT_WHY         200

#define INCIDENT_STATUS_LIST(X)                                                                    \
	X(INCIDENT_OPEN, "open")                                                                   \
	X(INCIDENT_CONTAINED, "contained")                                                         \
	X(INCIDENT_ERADICATED, "eradicated")                                                       \
	X(INCIDENT_RECOVERED, "recovered")                                                         \
	X(INCIDENT_POST, "post-incident")                                                          \
	X(INCIDENT_CLOSED, "closed")
enum incident_status { INCIDENT_STATUS_LIST(GL_ENUM_VALUE) INCIDENT_STATUS_MAX };

#define INCIDENT_RESOLUTION_LIST(X)                                                                \
	X(INCIDENT_UNRESOLVED, "none")                                                             \
	X(INCIDENT_FIXED, "fixed")                                                                 \
	X(INCIDENT_FALSE_POSITIVE, "false-positive")                                               \
	X(INCIDENT_DUPLICATE, "duplicate")                                                         \
	X(INCIDENT_ACCEPTED, "accepted")                                                           \
	X(INCIDENT_MERGED, "merged")                                                               \
	X(INCIDENT_DISPLACED, "displaced")
enum incident_resolution { INCIDENT_RESOLUTION_LIST(GL_ENUM_VALUE) INCIDENT_RESOLUTION_MAX };

#define INCIDENT_DEADLINE_LIST(X)                                                                  \
	X(INCIDENT_DETECTION, "detection")                                                         \
	X(INCIDENT_CONTAINMENT, "containment")                                                     \
	X(INCIDENT_RECOVERY, "recovery")                                                           \
	X(INCIDENT_REVIEW, "post-incident")                                                        \
	X(INCIDENT_ROOT_CAUSE, "root-cause")
enum incident_deadline { INCIDENT_DEADLINE_LIST(GL_ENUM_VALUE) INCIDENT_DEADLINE_MAX };

#define INCIDENT_DUE_LIST(X)                                                                       \
	X(INCIDENT_DUE_NONE, "none")                                                               \
	X(INCIDENT_DUE_RUNNING, "running")                                                         \
	X(INCIDENT_DUE_WARNED, "soon")                                                             \
	X(INCIDENT_DUE_OVER, "overdue")                                                            \
	X(INCIDENT_DUE_MET, "met")                                                                 \
	X(INCIDENT_DUE_MISSED, "missed")
enum incident_due_state { INCIDENT_DUE_LIST(GL_ENUM_VALUE) INCIDENT_DUE_MAX };

#define INCIDENT_TASK_LIST(X)                                                                      \
	X(INCIDENT_TASK_OPEN, "open")                                                              \
	X(INCIDENT_TASK_DONE, "done")                                                              \
	X(INCIDENT_TASK_DROPPED, "dropped")
enum incident_task_state { INCIDENT_TASK_LIST(GL_ENUM_VALUE) INCIDENT_TASK_MAX };

/* Never NULL; the number of a text, or -ENOENT. */
const char *incident_status_name(unsigned status);
const char *incident_resolution_name(unsigned resolution);
const char *incident_deadline_name(unsigned deadline);
const char *incident_due_name(unsigned state);
const char *incident_task_name(unsigned state);
int incident_status_find(const char *text);
int incident_resolution_find(const char *text);
int incident_task_find(const char *text);

/* "P3"; -EINVAL for other text than P1 to P4. */
const char *incident_priority_name(unsigned priority);
int incident_priority_find(const char *text);

/* One alert as incidents see it. Texts are borrowed, never NULL, masked or bounded before. */
struct incident_signal {
	uint64_t alert; /* its id; 0 = none */
	uint32_t incident; /* it was taken for this one before; 0 = never. Closed: it is ignored */
	const char *kind, *control, *pattern; /* "auth-failures", "ALR-01", "distributed" */
	const char *service, *operation, *subject, *detail;
	unsigned severity; /* 0 info ... 4 critical */
	bool have_source, shared; /* shared: many clients are behind it, it says nothing */
	struct gl_addr source;
	uint64_t principal, count;
	int64_t first_ns, last_ns; /* wall clock */
};

/* A signal that was taken. */
struct incident_link {
	uint32_t incident;
	uint64_t alert, principal, count;
	struct gl_addr source;
	bool have_source, shared, dirty;
	unsigned severity;
	int64_t first_ns, last_ns;
	char kind[INCIDENT_KIND], pattern[INCIDENT_KIND], control[INCIDENT_CONTROL];
	char service[INCIDENT_NAME], operation[INCIDENT_OPERATION], subject[INCIDENT_SUBJECT];
};

struct incident_task {
	uint32_t number; /* of its incident: 1, 2, ... */
	enum incident_task_state state;
	int64_t created_ns, due_ns, done_ns; /* 0 = none */
	bool told, dirty; /* told: that it is overdue */
	char owner[INCIDENT_NAME];
	char text[256];
};

struct incident {
	uint32_t id; /* 1, 2, ... */
	enum incident_status status;
	unsigned priority; /* 1..4 */
	bool priority_manual; /* a person said so: signals do not change it */
	enum incident_resolution resolution;
	uint32_t merged_into, split_from, follows; /* 0 = none */
	char title[INCIDENT_TITLE], service[INCIDENT_NAME], assignee[INCIDENT_NAME];
	char origin[16]; /* "alerts", "manual", "split" */
	int64_t opened_ns; /* known since */
	int64_t clock_ns; /* the phase clock's zero: first evidence, or when it was reopened */
	int64_t first_ns, last_ns; /* evidence */
	int64_t triaged_ns, root_cause_ns; /* 0 = not yet */
	int64_t reached_ns[INCIDENT_STATUS_MAX]; /* 0 = not yet */
	uint32_t told; /* 2 bits each deadline: warned, over */
	uint32_t alerts; /* linked, those beyond the bound included */
	uint64_t evidence; /* occurrences */
	enum incident_status evidence_told; /* "goes on after ..." was said in this status */
	bool needs_root_cause; /* AI-37 */
	struct incident_task *tasks;
	size_t n_tasks;
	unsigned n_links; /* in memory */
	bool dirty;
};

struct incidents;

/* Borrows the store. */
int incidents_new(struct store *store, struct incidents **ret_incidents);
void incidents_free(struct incidents *incidents); /* NULL-safe; incidents_save() is its caller's */
/* NULL-safe. Borrowed until the next call; NULL: the defaults. */
void incidents_set_rules(struct incidents *incidents, const struct policy_incidents *rules);
const struct policy_incidents *incidents_rules(const struct incidents *incidents);
/* Open ones come back. False: the store cannot be read yet; call it again. */
bool incidents_load(struct incidents *incidents);

/* ---------------------------------------------------------------------------------------------
 * Signals (incident_correlate.c)
 */
enum incident_outcome { INCIDENT_NOTHING, INCIDENT_UPDATED, INCIDENT_JOINED, INCIDENT_NEW };
/*
 * Takes a signal, or an alert's new count. *ret_incident (may be NULL) is set unless the outcome is
 * INCIDENT_NOTHING: of a kind that makes no incident and belongs to none, or all places are taken
 * by others that matter more (counted). Borrowed until the next change.
 */
enum incident_outcome incidents_signal(struct incidents *incidents,
				       const struct incident_signal *signal, int64_t now_ns,
				       const struct incident **ret_incident);

/* incident_priority.c: 1..4, or 0 = makes no incident by itself. */
unsigned incident_priority_of(const struct incident_signal *signal);

/* ---------------------------------------------------------------------------------------------
 * What people do (incident_change.c). Each writes the timeline. With dry_run nothing changes.
 */
struct incident_by {
	const char *actor; /* "uid 0" */
	int64_t now_ns;
	bool dry_run;
	char why[INCIDENT_WHY]; /* set when refused: what is wrong and what to do */
};
/*
 * Errors of all: -ENOENT no such incident; -EINVAL, -EBUSY, -EALREADY: by->why says it; -EIO: it is
 * a closed one and the store cannot be read. *ret is borrowed until the next change.
 */
int incidents_open(struct incidents *incidents, struct incident_by *by, const char *title,
		   unsigned priority, const char *service, const struct incident **ret);
int incidents_assign(struct incidents *incidents, struct incident_by *by, uint32_t id,
		     const char *assignee);
int incidents_prioritize(struct incidents *incidents, struct incident_by *by, uint32_t id,
			 unsigned priority);
int incidents_note(struct incidents *incidents, struct incident_by *by, uint32_t id,
		   bool root_cause, const char *text);
int incidents_advance(struct incidents *incidents, struct incident_by *by, uint32_t id,
		      enum incident_status status, const char *text);
int incidents_close(struct incidents *incidents, struct incident_by *by, uint32_t id,
		    enum incident_resolution resolution, const char *text);
int incidents_reopen(struct incidents *incidents, struct incident_by *by, uint32_t id,
		     const char *text);
/* `other` goes into `id` and is closed. */
int incidents_merge(struct incidents *incidents, struct incident_by *by, uint32_t id,
		    uint32_t other);
/* Those alerts become an incident of their own. */
int incidents_split(struct incidents *incidents, struct incident_by *by, uint32_t id,
		    const uint64_t *alerts, size_t n, const struct incident **ret);
int incidents_task_add(struct incidents *incidents, struct incident_by *by, uint32_t id,
		       const char *text, const char *owner, int64_t due_ns, uint32_t *ret_number);
int incidents_task_end(struct incidents *incidents, struct incident_by *by, uint32_t id,
		       uint32_t number, enum incident_task_state state, const char *text);
/* A line for the timeline by who did something with it: containment, playbooks. */
int incidents_record(struct incidents *incidents, uint32_t id, int64_t now_ns, const char *kind,
		     const char *actor, const char *text);

/* ---------------------------------------------------------------------------------------------
 * The phase clock (incident_clock.c)
 */
struct incident_due {
	enum incident_due_state state;
	int64_t from_ns, warn_ns, due_ns, met_ns; /* 0 = none */
};
/* What is known of a deadline at `now_ns`. */
void incidents_due(const struct incidents *incidents, const struct incident *incident,
		   enum incident_deadline deadline, int64_t now_ns, struct incident_due *ret_due);

/* A deadline that is near or over, a task that is overdue: told once. */
struct incident_reminder {
	const struct incident *incident;
	const struct incident_task *task; /* NULL: a deadline */
	enum incident_deadline deadline;
	bool over; /* false: it is near */
	int64_t due_ns;
};
typedef void (*incident_reminder_fn)(const struct incident_reminder *reminder, void *userdata);
/* Returns how many were told. */
size_t incidents_tick(struct incidents *incidents, int64_t now_ns, incident_reminder_fn fn,
		      void *userdata);

/* ---------------------------------------------------------------------------------------------
 * Reading
 */
size_t incidents_count(const struct incidents *incidents); /* in memory */
/* By position, ascending by id; NULL past the newest. */
const struct incident *incidents_at(const struct incidents *incidents, size_t i);
/* Read from the store if it is closed. Borrowed until the next change or incidents_save(). */
int incidents_get(struct incidents *incidents, uint32_t id, const struct incident **ret_incident);
/* Of one that incidents_get() returned: its alerts in memory; NULL ends. */
const struct incident_link *incidents_link(const struct incidents *incidents, uint32_t id,
					   size_t i);

struct incident_counts {
	uint64_t opened, refused; /* refused: no place */
	uint64_t links_beyond; /* alerts that are only counted */
	uint64_t entries_lost; /* the store could not be written for too long */
};
/* NULL-safe. */
struct incident_counts incidents_counts(const struct incidents *incidents);

/*
 * Stores what changed, in one transaction; closed ones leave the memory then. 0, or -errno: it is
 * still to be stored.
 */
int incidents_save(struct incidents *incidents);
/* What was stored is gone (store_epoch()): all of it is to be stored again. */
void incidents_unstored(struct incidents *incidents);
