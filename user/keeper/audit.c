/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/audit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"

struct entry {
	int64_t time_ns;
	uint32_t uid;
	int32_t pid;
	char *origin, *what, *before, *after;
};

struct audit {
	struct store *store;
	struct audit_signer *signer;
	pthread_mutex_t lock;
	struct audit_head head; /* what was signed last; with the lock */
	struct entry *waiting[AUDIT_WAITING_MAX]; /* a ring: the oldest is lost first */
	size_t first, n;
	uint64_t dropped;
};

static struct audit_head head_of(struct audit *audit)
{
	struct audit_head head;

	pthread_mutex_lock(&audit->lock);
	head = audit->head;
	pthread_mutex_unlock(&audit->lock);
	return head;
}

/* The end as it is now becomes the signed one. In the thread that writes the store. */
static void sign_end(int64_t last, const char *hash, void *userdata)
{
	struct audit *audit = userdata;
	struct audit_head head = head_of(audit);
	int r;

	head.last = last;
	memcpy(head.hash, hash, sizeof(head.hash));
	r = audit_head_write(audit->signer, &head);
	if (r < 0) {
		log_err(r, "the end of the audit is not signed");
		return;
	}
	pthread_mutex_lock(&audit->lock);
	audit->head = head;
	pthread_mutex_unlock(&audit->lock);
}

static void entry_free(struct entry *entry)
{
	if (!entry)
		return;
	free(entry->origin);
	free(entry->what);
	free(entry->before);
	free(entry->after);
	free(entry);
}

static void forget_first(struct audit *audit)
{
	entry_free(audit->waiting[audit->first]);
	audit->first = (audit->first + 1) % AUDIT_WAITING_MAX;
	audit->n--;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	while (audit->n)
		forget_first(audit);
	audit_signer_free(audit->signer);
	pthread_mutex_destroy(&audit->lock);
	free(audit);
}

static void wait(struct audit *audit, struct entry *entry)
{
	if (audit->n == AUDIT_WAITING_MAX) {
		forget_first(audit);
		audit->dropped++;
	}
	audit->waiting[(audit->first + audit->n++) % AUDIT_WAITING_MAX] = entry;
}

int audit_flush(struct audit *audit)
{
	int r;

	if (audit->n == 0)
		return 0;
	r = store_begin(audit->store);
	if (r < 0)
		return r;
	for (size_t i = 0; i < audit->n && r == 0; i++) {
		const struct entry *e = audit->waiting[(audit->first + i) % AUDIT_WAITING_MAX];
		const struct store_audit row = {
			.time_ns = e->time_ns,
			.origin = e->origin,
			.what = e->what,
			.before = e->before,
			.after = e->after,
			.uid = e->uid,
			.pid = e->pid,
		};

		r = store_add_audit(audit->store, &row);
	}
	r = store_commit(audit->store);
	while (r == 0 && audit->n)
		forget_first(audit);
	return r;
}

static char *dump(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;

	json_decref(json);
	return text;
}

int audit_write(struct audit *audit, const struct audit_actor *actor, const char *what,
		json_t *before, json_t *after)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry) {
		json_decref(before);
		json_decref(after);
		audit->dropped++;
		return -ENOMEM;
	}
	*entry = (struct entry){
		.time_ns = clock_wall_ns(),
		.uid = actor->uid,
		.pid = actor->pid,
		.origin = strdup(actor->origin),
		.what = strdup(what),
		.before = dump(before),
		.after = dump(after),
	};
	if (!entry->origin || !entry->what) {
		entry_free(entry);
		audit->dropped++;
		return -ENOMEM;
	}
	wait(audit, entry);
	return audit_flush(audit) < 0;
}

size_t audit_waiting(const struct audit *audit)
{
	return audit->n + store_audits_waiting(audit->store);
}

uint64_t audit_dropped(const struct audit *audit)
{
	return audit->dropped;
}

/* ---------------------------------------------------------------------------------------------
 * The chain
 */
/* The chain goes on from here, with a record of what was wrong with it. */
static void begin_anew(struct audit *audit, const struct audit_check *check)
{
	static const struct audit_actor self = {.origin = "audit"};
	char hash[STORE_HASH];
	int64_t last = 0;

	log_warning("the audit is not what was signed: %s (record %lld); a new chain begins",
		    check->problem, (long long)check->bad);
	store_chain_end(audit->store, &last, hash);
	audit->head.first = last + 1;
	audit_write(audit, &self, "audit broken",
		    json_pack("{s:s, s:I, s:I, s:s}", "problem", check->problem, "record",
			      (json_int_t)check->bad, "signedLast", (json_int_t)check->head.last,
			      "signedHash", check->head.hash),
		    json_pack("{s:I}", "first", (json_int_t)last + 1));
}

static void note_unsigned(struct audit *audit, const struct audit_check *check)
{
	static const struct audit_actor self = {.origin = "audit"};

	log_warning("the audit has %llu records that were not signed: an agent ended before it "
		    "could, or somebody added them",
		    (unsigned long long)check->unsigned_records);
	audit_write(audit, &self, "audit unsigned", NULL,
		    json_pack("{s:I, s:I}", "records", (json_int_t)check->unsigned_records, "after",
			      (json_int_t)check->head.last));
}

static void resume(struct audit *audit)
{
	struct audit_check check;
	char hash[STORE_HASH];
	int64_t last;

	if (audit_head_read(audit->signer, &audit->head) == -ENOENT) {
		/* rows of a version without a chain may be there */
		if (store_chain_end(audit->store, &last, hash) == 0)
			audit->head.first = last + 1;
		return;
	}
	if (audit_verify(audit, &check) < 0)
		return;
	if (!check.ok)
		begin_anew(audit, &check);
	else if (check.unsigned_records)
		note_unsigned(audit, &check);
}

int audit_open(struct store *store, const char *state_dir, struct audit **ret_audit)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	int r;

	if (!audit)
		return -ENOMEM;
	audit->store = store;
	pthread_mutex_init(&audit->lock, NULL);
	store_on_signed(store, sign_end, audit);
	r = audit_signer_new(state_dir, &audit->signer);
	if (r < 0) {
		audit_close(audit);
		return r;
	}
	resume(audit);
	*ret_audit = audit;
	return 0;
}

int audit_verify(struct audit *audit, struct audit_check *ret_check)
{
	struct audit_check check = {};
	struct store_chain chain = {};
	const struct audit_head known = head_of(audit);
	int r = audit_head_read(audit->signer, &check.head);

	if (r == -ENOENT && !known.last) {
		/* nothing was ever signed: nothing can be missing */
		check.ok = true;
		*ret_check = check;
		return 0;
	}
	check.problem = r == -ENOENT         ? "the signed end is missing (audit.head)"
			: r == -EKEYREJECTED ? "the end is not signed by this agent's key"
			: r < 0              ? "the signed end cannot be read (audit.head)"
			: check.head.last < known.last ? "the signed end is an older one"
						       : NULL;
	if (r == 0) {
		r = store_chain_verify(audit->store, check.head.first, check.head.last,
				       check.head.hash, &chain);
		if (r < 0)
			return r;
		check.records = chain.records;
		check.bad = chain.bad;
		if (chain.problem)
			check.problem = chain.problem;
		else if (!chain.head_seen && !check.problem)
			check.problem = "the record that was signed last is not in it";
		else if (chain.last > check.head.last)
			check.unsigned_records = (uint64_t)(chain.last - check.head.last);
	}
	check.ok = !check.problem;
	*ret_check = check;
	return 0;
}
