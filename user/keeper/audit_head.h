/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit_head.h - the signed end of the audit's chain: <state-dir>/audit.head names the first and
 * the last record and the last one's hash, under an Ed25519 key (audit.key, 0600; audit.pub for
 * others) made at the first start, or supplied before it.
 *
 * With it a chain that lost its end, or a database put back from yesterday, is found. What it
 * cannot find: database and head put back together while no agent runs; whoever fears that keeps
 * the head elsewhere (`glacisctl audit verify -o json` prints it).
 */
#pragma once

#include "user/store/store.h"

#define AUDIT_SIGNATURE 129 /* hex, terminated */

struct audit_head {
	int64_t first, last; /* 0: none */
	char hash[STORE_HASH];
	char signature[AUDIT_SIGNATURE];
};

struct audit_signer;

/* Reads or makes the key. -EPERM: others can read it; -EBADMSG: it is none. */
int audit_signer_new(const char *state_dir, struct audit_signer **ret_signer);
void audit_signer_free(struct audit_signer *signer); /* NULL-safe */

/* Signs head->{first,last,hash} into head->signature and writes the file. */
int audit_head_write(struct audit_signer *signer, struct audit_head *head);
/* 0; -ENOENT: there is no file; -EBADMSG: not a head; -EKEYREJECTED: another key signed it, or
 * nobody. */
int audit_head_read(struct audit_signer *signer, struct audit_head *ret_head);
