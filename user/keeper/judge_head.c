/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/judge_head.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "include/glacis/admit.h"
#include "user/base/clock.h"
#include "user/inspect/transaction.h"
#include "user/keeper/keeper.h"
#include "user/keeper/open_cut.h"

#define CLOCK_TRIES    10
#define CLOCK_WAIT_NS  200000 /* a processor inside a claim may stand still for milliseconds */
#define REFUSED_S      60 /* a source refused by a rule is read in lockstep so long */
#define REVOKED_S      3600 /* a leaked key: not an answer a minute to each address that has it */
#define NEAR_S         60 /* one that is about to reach a limit */
#define LOCKSTEP_MAX_S 86400

static bool head_valid(const struct report_head *head, const struct gl_policy *policy)
{
	return head->report.len == sizeof(*head) && head->service < policy->n_services &&
	       head->op < policy->n_ops && head->how < GL_HOW_MAX && head->outcome < GL_OUTCOME_MAX;
}

static bool is_readable(const struct report_head *head)
{
	return head->outcome == GL_OUTCOME_OK || head->outcome == GL_OUTCOME_AMBIGUOUS;
}

/* A head that cannot be read is refused, as at the doors (I8): else it would be a way around every
 * limit. */
static void refuse_unreadable(const struct report_head *head, struct admit_verdict *ret_verdict)
{
	*ret_verdict = (struct admit_verdict){
		.verdict = GL_VERDICT_REFUSE,
		.reason = head->outcome == GL_OUTCOME_TOO_LONG      ? GL_REASON_TOO_LONG
			  : head->outcome == GL_OUTCOME_UNSUPPORTED ? GL_REASON_UNSUPPORTED
								    : GL_REASON_MALFORMED,
		.cls = GL_CLASS_UNLIMITED,
	};
}

/* As at the doors: what matches nothing is the default's, what can be read in two ways the
 * strictest. */
static uint16_t effective_op(const struct gl_policy *policy, const struct report_head *head)
{
	const struct gl_service *service = &policy->services[head->service];

	if (head->outcome == GL_OUTCOME_AMBIGUOUS)
		return service->strict_op;
	return head->op ? head->op : service->default_op;
}

static void fill_tables(struct keeper *keeper, struct admit_tables *tables)
{
	uint32_t slots;

	memset(tables, 0, sizeof(*tables));
	tables->windows = kern_windows(keeper->kern, &tables->window_lines);
	tables->proven = kern_proven(keeper->kern, &slots);
	tables->decisions.slots = kern_bans(keeper->kern, &slots);
	tables->decisions.n = slots;
	tables->subjects = kern_subjects(keeper->kern);
}

/* A clock behind the window is read again a few times and then refused, as at the doors (I3). */
static uint64_t decide(struct keeper *keeper, const struct gl_policy *policy,
		       const struct report_head *head, struct admit_verdict *ret_verdict)
{
	const struct gl_control *control = kern_control(keeper->kern);
	const struct gl_service *service = &policy->services[head->service];
	struct admit_tables tables;
	struct admit_head h = {
		.source = head->source,
		.principal = head->principal,
		.op = effective_op(policy, head),
		.credential = head->credential,
		.n_credentials = head->n_credentials,
		.outcome = head->outcome,
		.forwarded = head->forwarded,
		.flags = head->how == GL_HOW_WIRE ? 0 : ADMIT_SECURE,
	};
	uint64_t now_ns = clock_boot_ns();

	if (!is_readable(head)) {
		refuse_unreadable(head, ret_verdict);
		return now_ns;
	}
	memcpy(h.credentials, head->credentials, sizeof(h.credentials));
	fill_tables(keeper, &tables);
	for (int i = 0; i < CLOCK_TRIES; i++) {
		if (i) {
			clock_nanosleep(CLOCK_MONOTONIC, 0,
					&(struct timespec){.tv_nsec = CLOCK_WAIT_NS}, NULL);
			now_ns = clock_boot_ns();
		}
		admit(policy, service, control, &tables, &h, now_ns, ret_verdict);
		if (ret_verdict->reason != GL_REASON_CLOCK)
			break;
	}
	return now_ns;
}

static uint64_t new_instance(void)
{
	uint64_t instance = 0;

	if (getrandom(&instance, sizeof(instance), 0) < 0)
		instance = clock_boot_ns();
	return instance | 1;
}

/* The same record a door would write, on the same way. */
static void tell(struct keeper *keeper, const struct gl_policy *policy,
		 const struct report_head *head, const struct admit_verdict *v, bool enforce,
		 bool delivered, uint64_t now_ns)
{
	const struct gl_op *op = &policy->ops[effective_op(policy, head)];
	const struct gl_rec_verdict record = {
		.rec = {.kind = GL_REC_VERDICT, .len = sizeof(record), .ts_ns = now_ns},
		.instance = new_instance(),
		.source = head->source,
		.peer = head->client,
		.principal = head->principal,
		.generation = head->generation,
		.limit = v->limit,
		.window_s = v->window_s,
		.remaining = v->remaining,
		.retry_s = v->retry_s,
		.port = head->server_port,
		.peer_port = head->client_port,
		.service = policy->services[head->service].id,
		.op = op->id,
		.cls = v->cls < GL_CLASSES_MAX ? policy->classes[v->cls].id : 0xffff,
		.verdict = v->verdict,
		.reason = v->reason,
		.delivery = delivered ? GL_DELIVERY_RESET : GL_DELIVERY_NONE,
		.door = head->how == GL_HOW_WIRE ? GL_DOOR_WIRE : GL_DOOR_TLS,
		.outcome = head->outcome,
		.mode = enforce ? GL_MODE_ENFORCE : GL_MODE_MONITOR,
		.flags = GL_RECF_APP_SAW | (enforce ? 0 : GL_RECF_WOULD) |
			 (head->forwarded ? GL_RECF_SOURCE_FORWARDED : 0) |
			 (v->proven ? GL_RECF_PROVEN : 0),
		.credential = head->credential,
	};

	records_take_verdict(keeper, &record);
}

/* So few are left that the next ones may be too many before the keeper knows. */
static bool is_near(const struct admit_verdict *v)
{
	return v->limit && v->remaining <= 2 + v->limit / 8;
}

/*
 * Whoever was refused has its answers only once what it asks is judged, for as long as the refusal
 * may matter: what it opens next gets exactly what is left. So has whoever is about to be refused.
 * Not a proxy: its streams are others'.
 */
static void keep_in_step(struct keeper *keeper, const struct gl_policy *policy,
			 const struct report_head *head, const struct admit_verdict *v,
			 uint64_t now_ns)
{
	uint64_t seconds = v->verdict == GL_VERDICT_LIMIT   ? v->window_s
			   : v->reason == GL_REASON_REVOKED ? REVOKED_S
							    : REFUSED_S;
	struct gl_addr source = admit_source(&head->client);

	if (head->forwarded)
		return;
	if (v->verdict == GL_VERDICT_ALLOW && v->window_s < NEAR_S)
		seconds = v->window_s;
	else if (v->verdict == GL_VERDICT_ALLOW)
		seconds = NEAR_S;
	if (seconds > LOCKSTEP_MAX_S)
		seconds = LOCKSTEP_MAX_S;
	if (kern_h2_lockstep(keeper->kern, policy->services[head->service].id, &source,
			     now_ns + seconds * CLOCK_NS_PER_S) < 0)
		keeper->judged.not_in_step++;
}

/*
 * A mark goes with its socket, and heads of the connection may be read after that: they are not
 * refused once more each, and mark nothing that no socket's end would take away.
 */
static uint64_t *ended_slot(struct keeper *keeper, uint64_t conn)
{
	return &keeper->judged.ended[(conn * 0x9e3779b97f4a7c15ull) >> 54];
}

static bool is_over(struct keeper *keeper, uint64_t conn)
{
	return *ended_slot(keeper, conn) == conn || kern_is_cut(keeper->kern, conn);
}

/* Ends the connection; its other streams go with it, so this is told once a connection. */
static void refuse(struct keeper *keeper, const struct gl_policy *policy,
		   const struct report_head *head, const struct admit_verdict *v, uint64_t now_ns)
{
	bool marked = kern_cut(keeper->kern, head->conn, v->reason) == 0;

	keeper->judged.refused++;
	keeper->judged.cuts += marked;
	if (marked)
		*ended_slot(keeper, head->conn) = head->conn;
	keep_in_step(keeper, policy, head, v, now_ns);
	tell(keeper, policy, head, v, true, marked, now_ns);
}

bool judge_enforces(const struct keeper *keeper, const struct gl_service *service)
{
	return admit_enforces(kern_control(keeper->kern), service);
}

static void count_wait(struct judge_counts *counts, const struct report_head *head, uint64_t now_ns)
{
	uint64_t ns = now_ns > head->head_ns ? now_ns - head->head_ns : 1;
	int top = 63 - __builtin_clzll(ns);
	size_t i = top < 2 ? 0 : (size_t)(4 * (top - 2)) + (ns >> (top - 2) & 3);

	if (head->head_ns)
		counts->waits[i < JUDGE_WAITS ? i : JUDGE_WAITS - 1]++;
}

uint64_t judge_wait_ns(const struct judge_counts *counts, double share)
{
	uint64_t all = 0, sum = 0;

	for (size_t i = 0; i < JUDGE_WAITS; i++)
		all += counts->waits[i];
	for (size_t i = 0; all && i < JUDGE_WAITS; i++) {
		sum += counts->waits[i];
		if ((double)sum >= share * (double)all)
			return (5 + i % 4) << (i / 4); /* the end of its bucket */
	}
	return 0;
}

void judge_read(struct keeper *keeper, const struct report_read *read)
{
	if (kern_h2_judged(keeper->kern, read->conn, read->off) < 0)
		keeper->judged.not_in_step++;
}

bool judge_head(struct keeper *keeper, const struct report_head *head)
{
	const struct gl_policy *policy = kern_policy(keeper->kern);
	struct admit_verdict verdict;
	const struct gl_service *service;
	uint64_t now_ns;
	bool enforce;

	if (policy && head->generation != policy->generation)
		policy = kern_policy_of(keeper->kern, head->generation);
	if (!policy) {
		keeper->judged.stale++;
		return true;
	}
	if (!head_valid(head, policy))
		return false;
	/* nothing of it is answered any more, so it takes nothing of a limit */
	if (is_over(keeper, head->conn)) {
		keeper->judged.after_cut++;
		return true;
	}
	service = &policy->services[head->service];
	now_ns = decide(keeper, policy, head, &verdict);
	keeper->judged.judged++;
	count_wait(&keeper->judged, head, now_ns);
	enforce = admit_enforces(kern_control(keeper->kern), service) && !verdict.monitor;
	if (verdict.verdict == GL_VERDICT_ALLOW) {
		open_cut_begin(keeper, head, service->id,
			       policy->ops[effective_op(policy, head)].id);
		if (enforce && is_near(&verdict))
			keep_in_step(keeper, policy, head, &verdict, now_ns);
		return true;
	}
	if (enforce) {
		refuse(keeper, policy, head, &verdict, now_ns);
	} else {
		keeper->judged.would_refuse++;
		tell(keeper, policy, head, &verdict, false, false, now_ns);
	}
	return true;
}

static bool asks_for_credential(const struct gl_policy *policy, uint16_t id)
{
	for (uint32_t i = 1; policy && i < policy->n_ops && i < GL_OPS_MAX; i++)
		if (policy->ops[i].id == id)
			return policy->ops[i].auth != 0;
	return false;
}

void judge_prove(struct keeper *keeper, const struct report_transaction *tx)
{
	uint32_t slots;
	struct gl_proven *proven = kern_proven(keeper->kern, &slots);

	/* only an operation that asks for a credential can prove one */
	if (!tx->principal || !asks_for_credential(kern_policy(keeper->kern), tx->op) ||
	    tx->protocol != HTTP_PROTOCOL_2 || !tx->status || (tx->flags & TX_AGENT) ||
	    tx->status == 403)
		return;
	if (tx->status == 401)
		proven_forget(proven, slots, tx->principal);
	else
		proven_mark(proven, slots, tx->principal,
			    (uint32_t)(clock_boot_ns() / CLOCK_NS_PER_S));
}
