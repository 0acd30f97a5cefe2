/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nets.h - questions asked of prefix sets: is an address in a network list of the policy, is it
 * banned by a decision. The sets themselves: prefix.h.
 *
 * A program defines, before including it, PREFIX_SLOT(ctx, i): see prefix.h.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/bounds.h"
#include "include/glacis/prefix.h"

/* In a program each question is a global function: one copy, verified once. */
#ifdef __bpf__
#define NETS_FUNCTION     __attribute__((__noinline__))
#define NETS_POLICY(p)    (p)
#define NETS_DECISIONS(t) ((const struct gl_policy *)0)
#else
#define NETS_FUNCTION     static inline
#define NETS_POLICY(p)    ((void *)(p)->nets)
#define NETS_DECISIONS(t) ((t)->slots)
#endif

/* The decisions table: mapped memory on the host, a map in a program (slots is NULL there). */
struct nets_table {
	void *slots;
	__u32 n;
	__u32 reserved;
};

/* Is there anything in this network list of the policy? Asked first where each request asks. */
static __always_inline int nets_has(const struct gl_policy *policy, __u32 set)
{
	const struct gl_prefix_lens *lens = at_index(policy->net_lens, GL_NET_SETS_MAX, set);

	return lens && lens->entries;
}

/* Is the address in this network list of the policy? GL_NET_SET_ANY is no list: never. */
NETS_FUNCTION int nets_match(const struct gl_policy *policy, __u32 set, const struct gl_addr *addr)
{
	const struct gl_prefix_lens *lens;

	if (!policy || !addr)
		return 0;
	lens = at_index(policy->net_lens, GL_NET_SETS_MAX, set);
	if (!lens || !lens->entries)
		return 0;
	return prefix_match(NETS_POLICY(policy), GL_NETS_MAX, lens, set, addr, 0) != 0;
}

/*
 * The ban that covers the address at now_ns (its slot + 1), or 0. The allow list exempts.
 */
NETS_FUNCTION int nets_banned(const struct nets_table *table, const struct gl_control *control,
			      const struct gl_addr *addr, __u64 now_ns)
{
	const struct gl_prefix_lens *lens;
	__u32 found;

	if (!table || !control || !addr)
		return 0;
	lens = control->decision_lens;
	if (!lens[GL_SET_BAN].entries)
		return 0;
	found = prefix_match(NETS_DECISIONS(table), table->n, &lens[GL_SET_BAN], GL_SET_BAN, addr,
			     now_ns);
	if (!found || !lens[GL_SET_ALLOW].entries)
		return found;
	return prefix_match(NETS_DECISIONS(table), table->n, &lens[GL_SET_ALLOW], GL_SET_ALLOW,
			    addr, now_ns)
		       ? 0
		       : found;
}

/* Is the address in this set of the decisions table (GL_SET_LOCKDOWN and on)? */
NETS_FUNCTION int nets_decided(const struct nets_table *table, const struct gl_control *control,
			       __u32 set, const struct gl_addr *addr)
{
	const struct gl_prefix_lens *lens;

	if (!table || !control || !addr)
		return 0;
	lens = at_index(control->decision_lens, GL_DECISION_SETS, set);
	if (!lens || !lens->entries)
		return 0;
	return prefix_match(NETS_DECISIONS(table), table->n, lens, set, addr, 0) != 0;
}
