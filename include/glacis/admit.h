/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * admit.h - the judge: a request's head and the time to verdict, reason and what is left (I3).
 *
 * One function over plain data, compiled into every door, into the keeper and into host tests. It
 * reads the compiled policy and the decisions, and counts in the window table; it delivers nothing
 * and knows no packet. Order of judgement (architecture.md section 3): suspension, lockdown,
 * revocation - bans, from which the allow list exempts - source networks of the operation -
 * authentication present - limits, from which `exempt` networks, exempt classes and grants are
 * free.
 *
 * Whose window: a proven principal's own, else the source's; every admission also counts against
 * the source's ceiling over all its principals and, for IPv6, the /48's.
 *
 * Before including it, define WINDOW_LINE(ctx, i), PREFIX_SLOT(ctx, i) and SUBJECT_SLOT(ctx, i)
 * where the defaults (an array in memory) do not fit.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"
#include "include/glacis/nets.h"
#include "include/glacis/proven.h"
#include "include/glacis/subjects.h"
#include "include/glacis/window.h"

#define ADMIT_V6_SOURCE   64 /* an IPv6 source is a /64 (architecture.md section 1) */
#define ADMIT_V6_CEILING  48
#define ADMIT_CREDENTIALS 4 /* looked up in revocations; with more, some revocation refuses it */

enum admit_head_flags {
	ADMIT_H2C = 1, /* asks for Upgrade: h2c */
	ADMIT_SECURE = 2, /* came through TLS */
};

/* What a door knows of a request. */
struct admit_head {
	struct gl_addr source; /* full address; already the forwarded one behind a trusted proxy */
	__u64 principal; /* keyed hash of the credential; 0 = none */
	__u32 op; /* index in ops[]: never 0 */
	__u8 credential; /* enum gl_credential bits present */
	__u8 outcome; /* of the parser: OK or AMBIGUOUS; anything else is refused by it */
	__u8 forwarded; /* the source is not the peer: bans are checked here */
	__u8 flags; /* enum admit_head_flags */
	__u64 credentials[ADMIT_CREDENTIALS]; /* keyed hash of each that came */
	__u32 n_credentials; /* may be more than fit */
	__u32 reserved;
};
_Static_assert(sizeof(struct admit_head) == 72, "no padding");

struct admit_verdict {
	__u8 verdict; /* enum gl_verdict */
	__u8 reason; /* enum gl_reason */
	__u8 monitor; /* a rule lowers itself: would only */
	__u8 proven;
	__u16 cls; /* index in classes[]; GL_CLASS_UNLIMITED */
	__u16 answer; /* index in answers[] */
	__u32 limit, window_s;
	__u32 remaining;
	__u32 retry_s; /* LIMIT: until an admission is possible; SUSPEND: until it ends */
	__u8 granted; /* a grant freed it of the limits */
	__u8 reserved[3];
};

/*
 * Where counting happens, what was noticed, and room to work in: the kernel's stack has none to
 * spare, so the door keeps this in a map.
 */
struct admit_tables {
	void *windows; /* context of WINDOW_LINE */
	void *proven; /* context of PROVEN_SLOT */
	void *subjects; /* context of SUBJECT_SLOT */
	struct nets_table decisions;
	__u32 window_lines;
	__u32 noticed; /* enum window_flags of every line touched */
	__u16 service, cls; /* of the window about to be named */
	__u16 op; /* interned ids of what is asked, for decided subjects; service is its too */
	__u16 quiet; /* a question, not a request: decisions count no hit */
	__u32 reserved;
	__u64 now_ns;
	__u64 q0, q1;
	__u64 sub_ns;
	__u32 kind, limit;
	struct window_ask ask;
	struct window_result own, ceiling, prefix;
};

static __always_inline void admit_mask(struct gl_addr *addr, __u32 bits)
{
	if (bits == 48)
		addr->q[0] &= __builtin_bswap64(~0ull << 16);
	addr->q[1] = 0;
}

static __always_inline int admit_is_v4(const struct gl_addr *addr)
{
	return !addr->q[0] && addr->w[2] == __builtin_bswap32(0xffff);
}

/* The source as windows see it: IPv4 whole, NAT64 (RFC 6052) by its IPv4, IPv6 by its /64. */
static __always_inline struct gl_addr admit_source(const struct gl_addr *addr)
{
	struct gl_addr s = *addr;

	if (s.w[0] == __builtin_bswap32(0x0064ff9b) && !s.w[1] && !s.w[2]) {
		s.q[0] = 0;
		s.w[2] = __builtin_bswap32(0xffff);
	} else if (!admit_is_v4(&s)) {
		admit_mask(&s, ADMIT_V6_SOURCE);
	}
	return s;
}

static __always_inline void admit_refuse(struct admit_verdict *v, __u8 verdict, __u8 reason)
{
	v->verdict = verdict;
	v->reason = reason;
}

/*
 * Names the window described in *t, and remembers it in *known, which may be NULL; apart, so that
 * hashing leaves the stack before counting.
 */
WINDOW_FUNCTION int admit_ask(struct admit_tables *t, const struct gl_key *key,
			      struct window_known *known)
{
	if (!t || !key)
		return -1;
	window_ask_init(&t->ask, key, t->kind, t->service, t->cls, t->sub_ns, t->limit,
			t->window_lines, t->q0, t->q1);
	t->ask.table = t->windows;
	if (known)
		window_know(known, key, window_name_word(t->kind, t->service, t->cls), t->sub_ns,
			    t->q0, t->q1, t->ask.hash);
	return 0;
}

/* known: of the window that is asked for first; NULL of the others. */
static __always_inline void admit_name(struct admit_tables *t, const struct gl_policy *policy,
				       struct window_known *known, __u32 kind, __u32 limit,
				       __u64 q0, __u64 q1)
{
	t->kind = kind;
	t->limit = limit;
	t->q0 = q0;
	t->q1 = q1;
	if (!known ||
	    !window_is_known(known, &policy->subject_key,
			     window_name_word(kind, t->service, t->cls), t->sub_ns, q0, q1)) {
		admit_ask(t, &policy->subject_key, known);
		return;
	}
	window_ask_at(&t->ask, known->hash, kind, t->cls, t->sub_ns, limit, t->window_lines);
	t->ask.table = t->windows;
}

/* One ceiling: reserves in its window, or says why not. 0 = admitted. */
static __always_inline int admit_window(struct admit_tables *t, __u64 now_ns,
					struct window_result *result, __u8 reason,
					struct admit_verdict *v)
{
	enum window_verdict verdict = window_admit(&t->ask, now_ns, result);

	t->noticed |= result->flags;
	if (verdict == WINDOW_ADMITTED)
		return 0;
	admit_refuse(v, GL_VERDICT_LIMIT,
		     verdict == WINDOW_OVER
			     ? (result->flags & WINDOW_SHARED ? GL_REASON_LIMIT_SHARED : reason)
			     : GL_REASON_CLOCK);
	v->retry_s = result->retry_s ? result->retry_s : 1;
	v->remaining = 0;
	return -1;
}

/*
 * Limits at t->now_ns: the subject's own window first (the verdict's numbers are its), then the
 * ceilings above it. A reservation is given back when a later ceiling refuses, so a refused request
 * never counts.
 */
WINDOW_FUNCTION int admit_limits(const struct gl_policy *policy, struct admit_tables *t,
				 const struct admit_head *h, struct window_known *known,
				 struct admit_verdict *v)
{
	const struct gl_class *cls;
	struct gl_addr source;
	int principal;

	if (!policy || !t || !h || !v)
		return -1;
	cls = at_index(policy->classes, GL_CLASSES_MAX, v->cls);
	if (!cls)
		return -1;
	admit_refuse(v, GL_VERDICT_ALLOW, GL_REASON_NONE);
	source = admit_source(&h->source);
	principal = v->proven && !(cls->flags & GL_CLASS_BY_SOURCE);
	t->cls = cls->id;
	t->sub_ns = cls->sub_ns;
	admit_name(t, policy, known, principal ? WINDOW_PRINCIPAL : WINDOW_SOURCE, cls->limit,
		   principal ? h->principal : source.q[0], principal ? 0 : source.q[1]);
	if (admit_window(t, t->now_ns, &t->own,
			 principal ? GL_REASON_LIMIT_PRINCIPAL : GL_REASON_LIMIT_SOURCE, v))
		return -1;
	v->remaining = t->own.sum < cls->limit ? cls->limit - t->own.sum : 0;
	if (principal) {
		admit_name(t, policy, NULL, WINDOW_SOURCE_CEILING, cls->source_ceiling, source.q[0],
			   source.q[1]);
		if (admit_window(t, t->now_ns, &t->ceiling, GL_REASON_CEILING_SOURCE, v)) {
			window_undo(&t->ask, &t->own);
			return -1;
		}
	}
	if (admit_is_v4(&source))
		return -1;
	admit_mask(&source, ADMIT_V6_CEILING);
	admit_name(t, policy, NULL, WINDOW_PREFIX_CEILING, cls->prefix_ceiling, source.q[0], 0);
	if (admit_window(t, t->now_ns, &t->prefix, GL_REASON_CEILING_PREFIX, v)) {
		window_undo(&t->ask, &t->own);
		if (principal)
			window_undo(&t->ask, &t->ceiling);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------------------------------
 * Decided subjects
 */
static __always_inline void admit_hit(struct admit_tables *t, __u32 found)
{
	struct gl_subject *slot = SUBJECT_SLOT(t->subjects, found - 1);

	if (slot && !t->quiet)
		__sync_fetch_and_add(&slot->hits, 1);
}

/* Suspended: the operation, or one of a service's where the path has several readings. */
static __always_inline int admit_suspended(const struct gl_control *control, struct admit_tables *t,
					   const struct admit_head *h, struct admit_verdict *v)
{
	int ambiguous = h->outcome == GL_OUTCOME_AMBIGUOUS;
	__u32 found = subject_lookup(
		SUBJECTS_OF(t, control),
		GL_SUBJECT_TAG(ambiguous ? GL_SUBJECT_SUSPENDED_IN : GL_SUBJECT_OPERATION, 0),
		ambiguous ? t->service : t->op, t->now_ns);
	struct gl_subject *slot = found ? SUBJECT_SLOT(t->subjects, found - 1) : 0;

	if (!slot)
		return 0;
	admit_hit(t, found);
	admit_refuse(v, GL_VERDICT_SUSPEND, GL_REASON_SUSPENDED);
	v->retry_s = (__u32)((SUBJECT_READ(slot->expires_ns) - t->now_ns) / 1000000000ull) + 1;
	return 1;
}

static __always_inline int admit_locked(const struct gl_control *control, struct admit_tables *t,
					const struct gl_addr *source)
{
	__u32 found = subject_lookup(SUBJECTS_OF(t, control), GL_SUBJECT_TAG(GL_SUBJECT_SERVICE, 0),
				     t->service, t->now_ns);
	struct gl_subject *slot = found ? SUBJECT_SLOT(t->subjects, found - 1) : 0;

	if (!slot || nets_decided(&t->decisions, control, SUBJECT_READ(slot->value), source))
		return 0;
	admit_hit(t, found);
	return 1;
}

static __always_inline int admit_revoked(const struct gl_control *control, struct admit_tables *t,
					 const struct admit_head *h)
{
#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
	for (__u32 i = 0; i < ADMIT_CREDENTIALS && i < h->n_credentials; i++) {
		const __u64 *credential = at_index(h->credentials, ADMIT_CREDENTIALS, i);
		__u32 found;

		if (!credential)
			break;
		found = subject_lookup(SUBJECTS_OF(t, control),
				       GL_SUBJECT_TAG(GL_SUBJECT_PRINCIPAL, 0), *credential,
				       t->now_ns);
		if (!found)
			continue;
		admit_hit(t, found);
		return 1;
	}
	/* a revoked one cannot hide behind others */
	return h->n_credentials > ADMIT_CREDENTIALS && control->revocations;
}

/*
 * Suspension, lockdown, revocation: what people decided about subjects. 1: *v is the verdict. They
 * decided it for the subject, so an operation that lowers itself to monitor does not lower this.
 */
WINDOW_FUNCTION int admit_contained(const struct gl_control *control, struct admit_tables *t,
				    const struct admit_head *h, struct admit_verdict *v)
{
	if (!control || !t || !h || !v)
		return 0;
	if (admit_suspended(control, t, h, v)) {
		v->monitor = 0;
		return 1;
	}
	if (control->lockdowns && admit_locked(control, t, &h->source))
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_LOCKDOWN);
	else if (admit_revoked(control, t, h))
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_REVOKED);
	else
		return 0;
	v->monitor = 0;
	return 1;
}

/* A grant for the class or for all, by kind of subject: slot + 1. */
static __always_inline __u32 admit_grant(const struct gl_control *control, struct admit_tables *t,
					 __u32 kind, __u64 subject)
{
	__u32 found;

	if (!subject)
		return 0;
	found = subject_lookup(SUBJECTS_OF(t, control), GL_SUBJECT_TAG(kind, t->cls), subject,
			       t->now_ns);
	return found ? found
		     : subject_lookup(SUBJECTS_OF(t, control), GL_SUBJECT_TAG(kind, 0), subject,
				      t->now_ns);
}

/* Is the request free of its class's limits for a while? t->cls: the class's interned id. */
WINDOW_FUNCTION int admit_granted(const struct gl_control *control, struct admit_tables *t,
				  const struct admit_head *h)
{
	struct gl_addr source;
	__u32 found;

	if (!control || !t || !h)
		return 0;
	source = admit_source(&h->source);
	found = admit_grant(control, t, GL_SUBJECT_GRANT_SOURCE, subjects_source(&source));
	if (!found)
		found = admit_grant(control, t, GL_SUBJECT_GRANT_PRINCIPAL, h->principal);
	if (!found)
		return 0;
	admit_hit(t, found);
	return 1;
}

/* Everything before limits. 0 = go on. */
static __always_inline int admit_rules(const struct gl_policy *policy,
				       const struct gl_service *service, const struct gl_op *op,
				       const struct gl_control *control, struct admit_tables *t,
				       const struct admit_head *h, __u64 now_ns,
				       struct admit_verdict *v)
{
	if (control->subjects && admit_contained(control, t, h, v))
		return -1;
	if (h->forwarded && nets_banned(&t->decisions, control, &h->source, now_ns)) {
		admit_refuse(v, GL_VERDICT_BAN, GL_REASON_BANNED);
	} else if (!(h->flags & ADMIT_SECURE) && (service->flags & GL_SERVICE_PLAINTEXT_REFUSE)) {
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_PLAINTEXT);
	} else if (h->outcome == GL_OUTCOME_AMBIGUOUS &&
		   (service->flags & GL_SERVICE_AMBIGUOUS_REFUSE)) {
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_AMBIGUOUS_PATH);
	} else if ((h->flags & ADMIT_H2C) && (service->flags & GL_SERVICE_HTTP2_REFUSE)) {
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_HTTP2);
	} else if ((op->flags & GL_OP_DEFAULT) && (service->flags & GL_SERVICE_UNKNOWN_REFUSE)) {
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_UNKNOWN_OPERATION);
	} else if (op->net_set != GL_NET_SET_ANY && !nets_match(policy, op->net_set, &h->source)) {
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_SOURCE_NETWORK);
	} else if (op->auth && !(h->credential & op->auth)) {
		admit_refuse(v, GL_VERDICT_REFUSE, GL_REASON_NO_CREDENTIAL);
	} else {
		return 0;
	}
	return -1;
}

/*
 * Everything but the limits. 1 = admit_limits() has the last word; 0 = *v is the verdict. control:
 * for the decisions. *v is always set.
 */
static __always_inline int admit_begin(const struct gl_policy *policy,
				       const struct gl_service *service,
				       const struct gl_control *control, struct admit_tables *t,
				       const struct admit_head *h, __u64 now_ns,
				       struct admit_verdict *v)
{
	const struct gl_op *op = at_index(policy->ops, GL_OPS_MAX, h->op);
	const struct gl_class *cls;

	__builtin_memset(v, 0, sizeof(*v));
	v->cls = GL_CLASS_UNLIMITED;
	if (!op)
		return 0;
	v->monitor = (op->flags & GL_OP_MONITOR) != 0;
	t->service = service->id;
	t->op = op->id;
	t->now_ns = now_ns;
	if (admit_rules(policy, service, op, control, t, h, now_ns, v) ||
	    op->cls == GL_CLASS_UNLIMITED)
		return 0;
	cls = at_index(policy->classes, GL_CLASSES_MAX, op->cls);
	if (!cls)
		return 0;
	v->cls = op->cls;
	v->answer = cls->answer;
	v->limit = cls->limit;
	v->window_s = cls->window_s;
	v->monitor |= (cls->flags & GL_CLASS_MONITOR) != 0;
	if ((cls->flags & GL_CLASS_EXEMPT) || (nets_has(policy, policy->exempt_set) &&
					       nets_match(policy, policy->exempt_set, &h->source)))
		return 0;
	t->cls = cls->id;
	if (control->grants && admit_granted(control, t, h)) {
		v->granted = 1;
		return 0;
	}
	v->proven = h->principal &&
		    proven_is(t->proven, GL_PROVEN_SLOTS, h->principal, now_ns / 1000000000ull);
	return 1;
}

/* The keeper's ceiling, then its word for the service, then the policy's (monitor always wins). */
static __always_inline int admit_enforces(const struct gl_control *control,
					  const struct gl_service *service)
{
	const __u8 *word = at_index(control->service_mode, GL_SERVICE_IDS, service->id);
	__u8 mode = service->mode;

	if (control->mode != GL_MODE_ENFORCE)
		return 0;
	if (word && *word)
		mode = *word - 1;
	return mode == GL_MODE_ENFORCE;
}

/*
 * Judges one request at now_ns (CLOCK_BOOTTIME): the two halves, for callers with a stack. reason
 * GL_REASON_CLOCK: the reading is older than the window's; take it again, a few times, and refuse
 * if that does not help.
 */
static __always_inline void admit(const struct gl_policy *policy, const struct gl_service *service,
				  const struct gl_control *control, struct admit_tables *t,
				  const struct admit_head *h, __u64 now_ns, struct admit_verdict *v)
{
	if (admit_begin(policy, service, control, t, h, now_ns, v))
		admit_limits(policy, t, h, NULL, v);
}
