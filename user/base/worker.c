/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "user/base/clock.h"

#define MS 1000000ull

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t given, taken; /* something to do; something was done */
	struct worker_job *first, **last; /* without the one that runs */
	size_t bytes, max_bytes; /* with it */
	uint64_t put, done;
	uint64_t since_ns; /* when the one that runs was begun; 0: none does */
	int notify_fd;
	bool end;
	char name[16];
};

static struct timespec after(unsigned ms)
{
	uint64_t at = clock_monotonic_ns() + ms * MS;

	return (struct timespec){.tv_sec = (time_t)(at / CLOCK_NS_PER_S),
				 .tv_nsec = (long)(at % CLOCK_NS_PER_S)};
}

static void notify(const struct worker *worker)
{
	const uint64_t one = 1;

	/* it is a counter: when it cannot take one more it is readable already */
	if (worker->notify_fd >= 0 && write(worker->notify_fd, &one, sizeof(one)) < 0)
		return;
}

/* With the lock, which is not held while the job runs. */
static void run_first(struct worker *worker)
{
	struct worker_job *job = worker->first;
	size_t bytes = job->bytes;

	worker->first = job->next;
	if (!worker->first)
		worker->last = &worker->first;
	worker->since_ns = clock_monotonic_ns();
	pthread_mutex_unlock(&worker->lock);
	job->run(job, worker);
	pthread_mutex_lock(&worker->lock);
	worker->bytes -= bytes;
	worker->done++;
	worker->since_ns = 0;
	pthread_cond_broadcast(&worker->taken);
}

static void *work(void *userdata)
{
	struct worker *worker = userdata;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->first && !worker->end)
			pthread_cond_wait(&worker->given, &worker->lock);
		if (!worker->first)
			break;
		run_first(worker);
		notify(worker);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static int start(struct worker *worker)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int r;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->given, &attr);
	pthread_cond_init(&worker->taken, &attr);
	pthread_condattr_destroy(&attr);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		pthread_setname_np(worker->thread, worker->name);
	return -r;
}

int worker_new(const char *name, size_t max_bytes, int notify_fd, struct worker **ret_worker)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return -ENOMEM;
	worker->last = &worker->first;
	worker->max_bytes = max_bytes;
	worker->notify_fd = notify_fd;
	snprintf(worker->name, sizeof(worker->name), "%s", name);
	r = start(worker);
	if (r < 0) {
		free(worker);
		return r;
	}
	*ret_worker = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->end = true;
	pthread_cond_broadcast(&worker->given);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	pthread_cond_destroy(&worker->given);
	pthread_cond_destroy(&worker->taken);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

int worker_put(struct worker *worker, struct worker_job *job, uint64_t *ret_ticket)
{
	int r = 0;

	pthread_mutex_lock(&worker->lock);
	/* one job always has room: a large one must not wait forever */
	if (worker->bytes && worker->bytes + job->bytes > worker->max_bytes) {
		r = -ENOBUFS;
	} else {
		job->next = NULL;
		*worker->last = job;
		worker->last = &job->next;
		worker->bytes += job->bytes;
		worker->put++;
		if (ret_ticket)
			*ret_ticket = worker->put;
		pthread_cond_broadcast(&worker->given);
	}
	pthread_mutex_unlock(&worker->lock);
	return r;
}

uint64_t worker_done(struct worker *worker)
{
	uint64_t done;

	pthread_mutex_lock(&worker->lock);
	done = worker->done;
	pthread_mutex_unlock(&worker->lock);
	return done;
}

uint64_t worker_late_ms(struct worker *worker)
{
	uint64_t since, now = clock_monotonic_ns();

	pthread_mutex_lock(&worker->lock);
	since = worker->since_ns;
	pthread_mutex_unlock(&worker->lock);
	return since && now > since ? (now - since) / MS : 0;
}

bool worker_wait(struct worker *worker, uint64_t ticket, unsigned timeout_ms)
{
	const struct timespec until = after(timeout_ms);
	bool done;

	pthread_mutex_lock(&worker->lock);
	while (worker->done < ticket &&
	       pthread_cond_timedwait(&worker->taken, &worker->lock, &until) == 0)
		;
	done = worker->done >= ticket;
	pthread_mutex_unlock(&worker->lock);
	return done;
}

bool worker_sleep(struct worker *worker, unsigned ms)
{
	const struct timespec until = after(ms);
	bool end;

	pthread_mutex_lock(&worker->lock);
	/* jobs that are given meanwhile wake this, too */
	while (!worker->end && pthread_cond_timedwait(&worker->given, &worker->lock, &until) == 0)
		;
	end = worker->end;
	pthread_mutex_unlock(&worker->lock);
	return !end;
}

bool worker_has_more(struct worker *worker)
{
	bool more;

	pthread_mutex_lock(&worker->lock);
	more = worker->first != NULL;
	pthread_mutex_unlock(&worker->lock);
	return more;
}
