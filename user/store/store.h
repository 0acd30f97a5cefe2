/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - what outlives the agent and the host's boot: decisions, audit, findings and the history
 * of TLS, in one SQLite database (WAL), <state_dir>/glacis.db.
 *
 * The only folder that knows SQL. Nothing here decides: a store that cannot be written (full disk,
 * read-only, broken) costs memory of what happened, never enforcement. Every failure is counted and
 * said by store_trouble(); who calls keeps what is not stored and tries again after store_tick().
 *
 * All functions are for one thread. Until store_start() everything happens in it. From then on a
 * thread writes and another reads: store_commit() returns when the changes are noted, and who must
 * know that they are on the disk asks store_is_written(). What the disk does not take is tried
 * again, in order, until it does; the queue is bounded (store_commit(): -ENOBUFS). Reading waits
 * for at most 400 ms (-EBUSY).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_FILE_NAME "glacis.db"
#define STORE_SCHEMA    11 /* PRAGMA user_version: a newer one is left alone */

struct store;

/*
 * Opens or makes the database. What is wrong with it is no error here: a broken one is set aside
 * (glacis.db.damaged-<time>) and a new one begun; one that cannot be opened, or that a newer
 * version made, leaves a store that stores nothing and says so. -ENOMEM.
 */
int store_open(const char *state_dir, struct store **ret_store);
void store_close(struct store *store); /* NULL-safe */

/* notify_fd (an eventfd, borrowed; -1: none) is written after each batch. */
int store_start(struct store *store, int notify_fd);
/* Ends the threads when they have written what there is. NULL-safe; part of store_close(). */
void store_stop(struct store *store);
/* The number of the last batch; whether that one is on the disk, or given up. */
uint64_t store_ticket(const struct store *store);
bool store_is_written(struct store *store, uint64_t ticket);
/* Waits until all batches are; false: they are not, and the disk had timeout_ms to take them. */
bool store_settle(struct store *store, unsigned timeout_ms);

/* Calls fn(data) after what was given so far, in the thread that writes; at once where there is
 * none. */
void store_run(struct store *store, void (*fn)(void *data), void *data);

/* Why nothing is stored; NULL: it is. Valid until the next call. */
const char *store_trouble(struct store *store);
/* Tries again what failed before, at most every few seconds. True if the store works. */
bool store_tick(struct store *store, uint64_t now_boot_ns);
/* Changes when what was stored is gone (a broken database was set aside): store all of it again. */
unsigned store_epoch(struct store *store);
/* A large file is looked through as a whole after the start, beside the work. */
enum store_check { STORE_UNKNOWN, STORE_UNCHECKED, STORE_CHECKING, STORE_CHECKED };
enum store_check store_checked(struct store *store);
const char *store_check_name(enum store_check check);

struct store_counts {
	uint64_t transactions, failed, set_aside; /* failed: to be opened, too */
	uint64_t refused, dropped; /* batches: the queue was full; they can never be written */
	uint64_t removed; /* rows, by retention */
};
struct store_counts store_counts(struct store *store);

/*
 * One transaction around several changes; nothing of it is seen, now or after a crash, unless
 * store_commit() returned 0. Any failure inside makes store_commit() fail. -EIO, -ENOSPC, -EROFS.
 */
int store_begin(struct store *store);
int store_commit(struct store *store);

/*
 * Retention: a slice of the findings and alerts that were last seen before older_than_ns (wall
 * clock; 0: none), or, where the database uses more than max_bytes (0: any), of the oldest. Call
 * again while *ret_removed is not 0; where a thread writes that is of the slices before. The rest
 * has bounds of its own (schema.c).
 */
int store_retain(struct store *store, int64_t older_than_ns, uint64_t max_bytes,
		 uint64_t *ret_removed);
uint64_t store_bytes(struct store *store); /* in use */

struct store_decision {
	uint32_t id;
	const char *kind; /* "source", "ja4" */
	const char *subject, *verdict, *origin, *reason, *boot_id;
	int64_t created_ns, expires_ns; /* wall clock */
	uint64_t expires_boot_ns;
};
int store_put_decision(struct store *store, const struct store_decision *decision);
int store_remove_decision(struct store *store, uint32_t id);

struct store_audit {
	int64_t id, time_ns;
	const char *origin, *what, *before, *after; /* before, after: JSON, or NULL */
	uint32_t uid;
	int32_t pid;
};
/* Takes the next id and the next place in the chain (audit_chain.c); audit->id is not looked at. */
int store_add_audit(struct store *store, const struct store_audit *audit);
/* Rows that are on their way to the disk. */
unsigned store_audits_waiting(struct store *store);
/*
 * fn is called with the end of the chain after each batch that moved it, before that is told to be
 * written; in the thread that writes.
 */
typedef void (*store_signed_fn)(int64_t last, const char *hash, void *userdata);
void store_on_signed(struct store *store, store_signed_fn fn, void *userdata);

#define STORE_HASH       65 /* SHA-256 in hex, terminated */
#define STORE_AUDIT_KEPT 100000 /* rows; older ones are pruned when the store is opened */

/* The newest row and its hash; 0 and zeroes when there is none. In the thread that writes. */
int store_chain_end(struct store *store, int64_t *ret_last, char ret_hash[STORE_HASH]);

struct store_chain {
	uint64_t records; /* that continue each other, from the first on */
	int64_t first, last;
	int64_t bad; /* the record that does not fit; 0 = all do */
	const char *problem; /* static; NULL = none */
	bool head_seen; /* the signed end is one of them, with that hash */
};
/* Walks the rows from id `first` (where the chain began) on. */
int store_chain_verify(struct store *store, int64_t first, int64_t signed_last,
		       const char *signed_hash, struct store_chain *ret_chain);

struct store_finding {
	uint64_t id, count;
	const char *control, *rule, *service, *subject, *evidence, *request;
	int severity;
	int64_t first_ns, last_ns;
};
int store_put_finding(struct store *store, const struct store_finding *finding);

struct store_alert {
	uint64_t id, incident, count;
	const char *kind, *control, *service, *operation, *subject;
	const char *source; /* "" = none */
	const char *data; /* JSON of its owner: everything else */
	int severity, state;
	int64_t first_ns, last_ns;
};
int store_put_alert(struct store *store, const struct store_alert *alert);
/* The newest `max`, ascending by id. */
int store_each_alert(struct store *store, size_t max,
		     void (*fn)(const struct store_alert *alert, void *userdata), void *userdata);

/*
 * Pages by id: those below `from` (newest first) or above it (oldest first); 0: from the end. NULL,
 * -1: any. severity: at least. No question reads the whole table (test_store).
 */
struct store_page {
	bool newest;
	uint64_t from;
	const char *kind, *service; /* kind: of an alert; of a finding its control */
	int severity;
	int state; /* of an alert; STORE_NOT_CLOSED */
	size_t max;
};
#define STORE_NOT_CLOSED -2
typedef void (*store_id_fn)(uint64_t id, void *userdata);
int store_page_alerts(struct store *store, const struct store_page *page, store_id_fn fn,
		      void *userdata);
int store_page_findings(struct store *store, const struct store_page *page, store_id_fn fn,
			void *userdata);
/* Those of these ids that are there (at most STORE_IDS_MAX), ascending. */
#define STORE_IDS_MAX 128
int store_get_alerts(struct store *store, const uint64_t *ids, size_t n,
		     void (*fn)(const struct store_alert *alert, void *userdata), void *userdata);
int store_get_findings(struct store *store, const uint64_t *ids, size_t n,
		       void (*fn)(const struct store_finding *finding, void *userdata),
		       void *userdata);

/* What findings of a control about a service come to. */
struct store_tally {
	const char *control, *service;
	uint64_t count, last_id;
	int64_t last_ns;
};
int store_put_tally(struct store *store, const struct store_tally *tally);
int store_each_tally(struct store *store,
		     void (*fn)(const struct store_tally *tally, void *userdata), void *userdata);

/* A policy that began to rule; hash (SHA-256 of the text, in hex) and id are given by the store. */
struct store_policy {
	int64_t id, time_ns;
	uint64_t generation, changes; /* lines of the difference to the one before */
	const char *name, *file, *hash;
	const char *origin; /* "start", "signal", "api" */
	const char *text; /* NULL from store_each_policy() */
	uint32_t uid;
	int32_t pid;
};
#define STORE_POLICIES_KEPT 500 /* older ones are pruned when the store is opened */
int store_put_policy(struct store *store, const struct store_policy *policy);
/* Newest first, ids below `before` (0: from the newest), at most `max`. */
int store_each_policy(struct store *store, int64_t before, size_t max,
		      void (*fn)(const struct store_policy *policy, void *userdata),
		      void *userdata);
/* That one, with its text. fn is not called where there is none. */
int store_get_policy(struct store *store, int64_t id,
		     void (*fn)(const struct store_policy *policy, void *userdata), void *userdata);

/* What people signed for, as it was taken last: all of it anew, within one transaction. */
struct store_attestation {
	const char *control, *owner, *evidence, *expires;
	int64_t expires_s, time_ns;
};
int store_clear_attestations(struct store *store);
int store_put_attestation(struct store *store, const struct store_attestation *attestation);
int store_each_attestation(struct store *store,
			   void (*fn)(const struct store_attestation *attestation, void *userdata),
			   void *userdata);

struct store_tls_value {
	const char *service, *kind, *value;
	int64_t first_ns, last_ns;
	uint64_t count;
};
int store_put_tls_value(struct store *store, const struct store_tls_value *value);

struct store_certificate {
	const char *service, *fingerprint, *key, *signature, *subject, *issuer, *names,
		*server_name;
	uint16_t port, key_bits;
	bool self_signed, client;
	int64_t not_before_s, not_after_s, first_ns, last_ns;
	uint64_t count;
};
int store_put_certificate(struct store *store, const struct store_certificate *certificate);

struct store_tls_name {
	const char *service, *sni;
	uint32_t sni_key;
	uint16_t port, best, last;
	int64_t best_ns, fell_ns;
	uint64_t fell;
};
int store_put_tls_name(struct store *store, const struct store_tls_name *name);
int store_forget_tls_names(struct store *store, const char *service);
int store_put_ja4(struct store *store, const char *ja4, uint64_t key);

/* Numbers by name. A missing one is 0. */
int store_put_number(struct store *store, const char *name, int64_t value);
int64_t store_number(struct store *store, const char *name);

/* Reading: each row, its texts valid during the call. 0, or -errno after what could be read. */
int store_each_decision(struct store *store,
			void (*fn)(const struct store_decision *decision, void *userdata),
			void *userdata);
/* Newest first, ids below `before` (0: from the newest), at most `max`. */
int store_each_audit(struct store *store, int64_t before, size_t max,
		     void (*fn)(const struct store_audit *audit, void *userdata), void *userdata);
/* The newest `max`, ascending by id. */
int store_each_finding(struct store *store, size_t max,
		       void (*fn)(const struct store_finding *finding, void *userdata),
		       void *userdata);
int store_each_tls_value(struct store *store,
			 void (*fn)(const struct store_tls_value *value, void *userdata),
			 void *userdata);
int store_each_tls_name(struct store *store,
			void (*fn)(const struct store_tls_name *name, void *userdata),
			void *userdata);
int store_each_certificate(struct store *store,
			   void (*fn)(const struct store_certificate *certificate, void *userdata),
			   void *userdata);
int store_each_ja4(struct store *store, void (*fn)(const char *ja4, uint64_t key, void *userdata),
		   void *userdata);
