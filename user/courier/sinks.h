/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sinks.h - inside the courier: every sink of the configuration, and what the keeper says about
 * them. Frames of the keeper (their member "exports"):
 *
 *	{"configure": {"host","version","sinks":[...]}}   those that stay the same go on
 *	{"source","first","records":[...]}                answered by {"exported": <last number>}
 *	{"metrics": {...}}                                 to those that send metrics
 *
 * Descriptors (files of jsonl sinks) come beside them, by name. Twice a second
 * at most the keeper is told {"sinks": [...]} if something changed.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>

struct sinks;

typedef int (*sinks_send_fn)(const json_t *frame, void *userdata);
/* spool_fd: borrowed; -1: there is no folder for spools, nothing is taken. */
int sinks_new(struct event_base *base, int spool_fd, sinks_send_fn send, void *userdata,
	      struct sinks **ret_sinks);
void sinks_free(struct sinks *sinks); /* NULL-safe; what is spooled stays */

/* Now, if something changed: before a question that the answer is in. */
void sinks_tell(struct sinks *sinks);

void sinks_frame(struct sinks *sinks, const json_t *exports);
void sinks_descriptor(struct sinks *sinks, const char *name, int fd); /* takes fd */
