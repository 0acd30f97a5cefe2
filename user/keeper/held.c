/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/held.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/keeper/access_log.h"
#include "user/keeper/traffic.h"
#include "user/policy/apply_store.h"

#define LOOK_MS 100 /* for those that waited long enough */

struct answer {
	STAILQ_ENTRY(answer) entry;
	struct courier_reply *reply;
	int status;
	json_t *body;
	uint64_t ticket, until_ms;
};

struct held {
	struct keeper *keeper;
	int fd; /* written by the store's thread after each batch */
	struct event *written, *look;
	STAILQ_HEAD(, answer) answers; /* in the order of their tickets */
};

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

static void send_first(struct held *held, bool stored)
{
	struct answer *a = STAILQ_FIRST(&held->answers);

	STAILQ_REMOVE_HEAD(&held->answers, entry);
	if (!stored && json_is_object(a->body))
		json_object_set_new(a->body, "stored", json_false());
	courier_reply(a->reply, a->status, a->body);
	free(a);
}

static void send_due(struct held *held)
{
	static const struct timeval later = {.tv_usec = LOOK_MS * 1000};
	struct answer *a;

	while ((a = STAILQ_FIRST(&held->answers))) {
		bool stored = store_is_written(held->keeper->store, a->ticket);
		bool troubled = store_trouble(held->keeper->store) != NULL;

		if (!stored && !troubled && now_ms() < a->until_ms)
			break;
		send_first(held, stored && !troubled);
	}
	if (a)
		event_add(held->look, &later);
}

static void on_written(evutil_socket_t fd, short what, void *userdata)
{
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) == sizeof(n))
		send_due(userdata);
}

static void on_look(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	send_due(userdata);
}

void held_reply(struct held *held, struct courier_reply *reply, int status, json_t *body)
{
	struct answer *a = malloc(sizeof(*a));

	if (!a) {
		courier_reply(reply, status, body);
		return;
	}
	*a = (struct answer){
		.reply = reply,
		.status = status,
		.body = body,
		.ticket = store_ticket(held->keeper->store),
		.until_ms = now_ms() + HELD_MS,
	};
	STAILQ_INSERT_TAIL(&held->answers, a, entry);
	send_due(held);
}

/* ---------------------------------------------------------------------------------------------
 * The ruling policy's files: several times synchronized with the disk
 */
struct files {
	char *state_dir, *text, *name, *file, *origin;
	struct ruling ruling;
};

static void files_free(struct files *f)
{
	if (!f)
		return;
	free(f->state_dir);
	free(f->text);
	free(f->name);
	free(f->file);
	free(f->origin);
	free(f);
}

static void write_files(void *data)
{
	struct files *f = data;
	int r = apply_store(f->state_dir, &f->ruling);

	if (r < 0)
		log_warning("the ruling policy's text is not stored: %s", strerror(-r));
	files_free(f);
}

static int store_ruling(const char *state_dir, const struct ruling *ruling, void *userdata)
{
	struct keeper *keeper = userdata;
	struct files *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	f->ruling = *ruling;
	f->ruling.policy = NULL; /* lives as long as it rules */
	f->state_dir = strdup(state_dir);
	f->ruling.text = f->text = strndup(ruling->text, ruling->size);
	f->ruling.name = f->name = strdup(ruling->name);
	f->ruling.file = f->file = strdup(ruling->file);
	f->ruling.origin = f->origin = strdup(ruling->origin);
	if (!f->state_dir || !f->text || !f->name || !f->file || !f->origin) {
		files_free(f);
		return -ENOMEM;
	}
	store_run(keeper->store, write_files, f);
	return 0;
}

static int start_threads(struct held *held)
{
	struct keeper *keeper = held->keeper;
	int r = store_start(keeper->store, held->fd);

	if (r == 0)
		r = traffic_begin(keeper->traffic);
	if (r == 0)
		apply_store_with(keeper->apply, store_ruling, keeper);
	return r < 0 ? r : access_log_start(keeper->access_log);
}

int held_new(struct keeper *keeper, struct held **ret_held)
{
	struct held *held = calloc(1, sizeof(*held));
	int r = 0;

	if (!held)
		return -ENOMEM;
	held->keeper = keeper;
	STAILQ_INIT(&held->answers);
	held->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (held->fd >= 0)
		held->written =
			event_new(keeper->base, held->fd, EV_READ | EV_PERSIST, on_written, held);
	held->look = evtimer_new(keeper->base, on_look, held);
	if (!held->written || !held->look || event_add(held->written, NULL) < 0)
		r = -ENOMEM;
	if (r == 0)
		r = start_threads(held);
	if (r < 0) {
		store_stop(keeper->store);
		held_free(held);
		return r;
	}
	*ret_held = held;
	return 0;
}

void held_free(struct held *held)
{
	if (!held)
		return;
	if (!STAILQ_EMPTY(&held->answers))
		store_settle(held->keeper->store, HELD_MS);
	while (!STAILQ_EMPTY(&held->answers))
		send_first(held, store_is_written(held->keeper->store,
						  STAILQ_FIRST(&held->answers)->ticket));
	if (held->written)
		event_free(held->written);
	if (held->look)
		event_free(held->look);
	apply_store_with(held->keeper->apply, NULL, NULL);
	/* the thread must not write into another file's descriptor */
	store_stop(held->keeper->store);
	if (held->fd >= 0)
		close(held->fd);
	free(held);
}
