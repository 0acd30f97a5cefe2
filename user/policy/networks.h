/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * networks.h - the CIDR lists of a policy to the numbered prefix sets of struct gl_policy. Lists
 * that say the same share a set. Called by the policy compiler.
 */
#pragma once

#include "include/glacis/abi.h"
#include "user/policy/model.h"

struct networks;
int networks_new(struct networks **ret_networks);
void networks_free(struct networks *networks);
static inline void networks_freep(struct networks **p)
{
	networks_free(*p);
}

/*
 * The number of the set of these networks, given when new; GL_NET_SET_ANY for an empty list.
 * -ENOSPC: more than GL_NET_SETS_MAX different lists.
 */
int networks_set(struct networks *networks, const struct policy_cidrs *cidrs, uint8_t *ret_set);

/* Writes nets[], net_lens[] and n_nets. -ENOSPC: more networks than the table takes. */
int networks_emit(const struct networks *networks, struct gl_policy *image);
