/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subjects.h - whom and what a request is about, as keyed hashes: the account and the password of a
 * login, the object a path names. For the rules of alerts that compare requests (stuffing,
 * spraying, enumeration); the values themselves never leave the inspector.
 *
 * The keys are the installation's (gl_policy.subject_key), so that a hash says nothing without it.
 */
#pragma once

#include "include/glacis/abi.h"
#include "user/inspect/transaction.h"

struct subjects {
	uint64_t account; /* 0: it is no login */
	uint64_t password; /* 0: none was seen whole */
	uint64_t object; /* of the path, and of a query that names an id; 0: none */
	/* the last number in them plus one of the keys: only differences mean something; 0: none */
	uint64_t number;
};

/* True if the answer's Location, without its scheme and host, begins with `location`. */
bool subjects_sent_back(const struct transaction *tx, const char *location);

void subjects_read(const struct transaction *tx, const struct gl_key *key,
		   struct subjects *ret_subjects);
