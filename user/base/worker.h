/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worker.h - one thread that does what may wait for a disk, in the order it was given: the thread
 * that judges and answers never does. Its queue is bounded in bytes; what finds no place is the
 * giver's to keep or to count. Jobs are taken by one thread and given by one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct worker;

struct worker_job {
	struct worker_job *next; /* the worker's */
	size_t bytes; /* what it holds, for the bound */
	/* In the thread; the job is the callee's to free. */
	void (*run)(struct worker_job *job, struct worker *worker);
};

/*
 * notify_fd (borrowed; -1: none): an eventfd that is written after each job. The thread has the
 * privileges its maker has now and takes no signals. Name: up to 15 characters.
 */
int worker_new(const char *name, size_t max_bytes, int notify_fd, struct worker **ret_worker);
/* Ends after the jobs it has: those are told by worker_sleep() not to wait. NULL-safe. */
void worker_free(struct worker *worker);

/* Takes the job on success. Jobs are numbered 1, 2, ...; -ENOBUFS: there is no room now. */
int worker_put(struct worker *worker, struct worker_job *job, uint64_t *ret_ticket);
/* The number of the last job that is done. */
uint64_t worker_done(struct worker *worker);
/* For how long the job that runs has been running; 0: none does. */
uint64_t worker_late_ms(struct worker *worker);
/* Waits until that job is done; false: it is not, after that time. */
bool worker_wait(struct worker *worker, uint64_t ticket, unsigned timeout_ms);

/* For jobs: a pause; false at once when the worker is to end. */
bool worker_sleep(struct worker *worker, unsigned ms);
/* For jobs: are there others behind this one? */
bool worker_has_more(struct worker *worker);
