/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper.h - the agent's state, shared by the files of this folder, and who does what with it.
 *
 * One thread, one libevent base. keeper.c starts and stops (order: README.md), loop.c lets time and
 * signals in, records.c what the kernel saw, user/api what people ask, reload.c policies, contain.c
 * automatic bans, greet.c tells people what is held.
 */
#pragma once

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/courier/link.h"
#include "user/detect/certificates.h"
#include "user/detect/findings.h"
#include "user/detect/tls_history.h"
#include "user/keeper/audit.h"
#include "user/keeper/events.h"
#include "user/keeper/judge_head.h"
#include "user/keeper/listeners.h"
#include "user/keeper/modes.h"
#include "user/keeper/options.h"
#include "user/keeper/sources.h"
#include "user/kern/kern.h"
#include "user/policy/apply.h"
#include "user/respond/alert.h"
#include "user/respond/decisions.h"
#include "user/respond/escalate.h"
#include "user/respond/incident.h"
#include "user/respond/protect.h"
#include "user/respond/subjects.h"

enum keeper_state { KEEPER_STARTING, KEEPER_READY, KEEPER_DEGRADED };

/* How the loop ends. */
enum keeper_end { KEEPER_LEAVE, KEEPER_DETACH };

struct keeper_counters {
	uint64_t values[GL_CTR_MAX];
	uint64_t base[GL_CTR_MAX]; /* at at_ns: what rates are counted from */
	uint64_t at_ns; /* 0: never read */
	double per_second[GL_CTR_MAX];
};

struct libraries;
struct loop;
struct transactions;
struct access_log;
struct traffic;
struct actions;
struct alerting;
struct controls;
struct inspectors;
struct exports;
struct policy_watch;
struct h2_requests;
struct held;

/* Alerts that changed and are not taken for incidents yet (incidents.c). */
#define INCIDENT_QUEUE_MAX 256
struct incident_queue {
	uint64_t alerts[INCIDENT_QUEUE_MAX];
	size_t n;
	bool whole; /* there were more */
};

struct keeper {
	const struct options *options;
	int lock_fd; /* of the state directory */
	struct event_base *base;
	struct courier *courier;
	struct courier_link *link;
	courier_request_fn answer; /* user/api */
	struct compile_keys keys;
	struct kern *kern;
	struct apply *apply;
	struct modes *modes;
	struct decisions *decisions;
	struct subjects *subjects;
	struct h2_requests *h2_requests; /* HTTP/2 requests in flight */
	uint64_t open_cuts; /* connections that were open when a decision fell on them */
	struct gl_workload killed[GL_KILLS_MAX]; /* that the kernel was told of */
	size_t n_killed;
	struct protect *protect;
	uint64_t protect_ns; /* when the host was last asked; 0: never */
	struct escalate *escalate;
	struct events *events;
	struct sources *sources;
	struct tls_history *tls_history;
	struct certificates *certificates;
	struct known *known; /* what inspectors have read of them */
	struct findings *findings;
	struct alerts *alerts;
	struct alerting *alerting;
	struct incidents *incidents;
	struct incident_queue incident_queue;
	struct actions *actions;
	struct inspectors *inspectors;
	struct transactions *transactions;
	struct access_log *access_log;
	struct exports *exports;
	struct traffic *traffic;
	struct policy_watch *policy_watch;
	struct audit *audit;
	struct store *store;
	unsigned store_epoch;
	uint64_t sight_ticket; /* of the last batch of what was seen */
	uint64_t counts_ns; /* boottime: when what only counts on is stored next */
	struct held *held; /* answers that wait for the disk */
	uint64_t retain_ns; /* when the store is looked through for what is too old */
	struct loop *loop;
	struct libraries *libraries;

	struct listener *listeners; /* a cache: reading them walks /proc */
	size_t n_listeners;
	uint64_t listeners_ns;

	enum keeper_state state;
	char trouble[256]; /* why degraded */
	int ring_error, save_error; /* of the last try, 0 = fine */
	int64_t since_wall_ns;
	enum keeper_end end;

	struct keeper_counters counters;
	/* the clocks, read once for all records that are taken from the ring together */
	struct {
		int64_t wall_ns;
		uint64_t boot_ns, monotonic_ns;
	} drained;
	uint64_t records_unknown; /* of a kind this version does not know */
	struct judge_counts judged; /* HTTP/2 requests */
	struct controls *controls;
	uint64_t seen[GL_SERVICE_IDS]; /* transactions by interned service */
	uint64_t seen_with_principal;
	uint64_t seen_outgoing; /* transactions of calls this host made */
	uint64_t certificates_unknown; /* told by a mark that is not known any more */
	uint64_t certificates_malformed; /* that no inspector could read */
	uint64_t coverage_ns; /* when blind listeners were looked for; 0: never */
	uint64_t not_broadcast, not_printed; /* beyond the budget of a second */
	struct {
		uint64_t second;
		unsigned printed, broadcast, hidden;
	} budget;
	struct {
		uint64_t second;
		unsigned told;
	} transaction_budget;
};

/* keeper.c: runs until told to stop; the exit status. What people ask goes to `answer`. */
int keeper_run(const struct options *options, courier_request_fn answer);
/* `glacisd --detach`. */
int keeper_detach_dead(const struct options *options);

/* loop.c */
int loop_new(struct keeper *keeper);
void loop_free(struct loop *loop); /* NULL-safe */
/* Reads the policy file again, and once more if it is too early for another generation. */
void loop_reload_policy(struct keeper *keeper, const char *actor);
/* Ends the loop soon: answers under way are still sent. */
void loop_end(struct keeper *keeper, enum keeper_end end);

/* records.c: takes what the ring holds; returns how many. */
int records_drain(struct keeper *keeper);
/* One verdict, of a door or of judge_head.c: into memory, to followers, to containment. */
void records_take_verdict(struct keeper *keeper, const struct gl_rec_verdict *v);
/* Tells followers and, in the foreground, the terminal. */
void records_tell(struct keeper *keeper, const struct event *event);
/* Stores a change as an event, tells followers, prints it. */
__attribute__((format(printf, 4, 5))) void records_note(struct keeper *keeper, enum event_kind kind,
							const char *actor, const char *fmt, ...);

/* contain.c: looks at one verdict and bans its source if it must be. */
void contain_verdict(struct keeper *keeper, const struct gl_rec_verdict *record);
/*
 * A fingerprint was seen: blocks its match key if a decision says so. Also: all known keys of a
 * decision at once; the end of one; how often it decided.
 */
void contain_hello(struct keeper *keeper, const char *ja4, uint64_t key);
int contain_ja4(struct keeper *keeper, const struct decision *decision);
void contain_ja4_end(struct keeper *keeper, const char *ja4);
uint64_t contain_ja4_hits(const struct keeper *keeper, const char *ja4);
/* What can be done about a decision on a subject: "suspend shop POST /pay". */
const char *contain_subject_text(const struct subject *subject, char *text, size_t size);
/* The list of the protected, not older than max_age_s. */
int contain_refresh_protected(struct keeper *keeper, unsigned max_age_s);

/*
 * reload.c. reload_choose() finds the text to start with; reload_file() is SIGHUP. Both log.
 * reload_install() makes a candidate rule and everything that follows from the policy follow: 1, 0
 * or -errno as apply_install(); takes the candidate on success.
 */
struct policy_source {
	char *text, *file, *origin;
	size_t size;
};
int reload_choose(const struct options *options, struct policy_source *ret_source);
void policy_source_clear(struct policy_source *source);
int reload_install(struct keeper *keeper, struct candidate *candidate, const char *origin,
		   const struct audit_actor *actor);
int reload_file(struct keeper *keeper, const char *actor); /* "SIGHUP" */
void reload_follow(struct keeper *keeper); /* modes, escalation, protection as the policy says */

/* health.c: state, counters, listeners with an age. */
void health_set(struct keeper *keeper, enum keeper_state state, const char *trouble);
const char *keeper_state_name(enum keeper_state state);
int health_read_counters(struct keeper *keeper);
int health_read_listeners(struct keeper *keeper, unsigned max_age_s);
bool health_watched(const struct policy *policy, uint16_t port);
uint32_t health_windows_used(const struct keeper *keeper, uint32_t *ret_capacity);

/* greet.c: what is held, for people, on stdout. */
void greet_print(struct keeper *keeper);
