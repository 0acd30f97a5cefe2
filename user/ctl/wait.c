/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait.c - see wait.h. */
#include "user/ctl/wait.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/ctl/api.h"

#define UNREADY_MS 100 /* between questions to an agent that answers but is not ready yet */

/*
 * Watches the directory of `path`, or while that does not exist the next one above. Watches are
 * added to; a name that comes in the wrong moment is seen by the connection tried after this.
 */
static void watch_near(int inotify, const char *path)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash;

	while (dir && (slash = strrchr(dir, '/'))) {
		if (slash == dir)
			slash[1] = 0;
		else
			*slash = 0;
		if (inotify_add_watch(inotify, dir,
				      IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_MOVED_FROM |
					      IN_ONLYDIR) >= 0 ||
		    slash == dir)
			return;
	}
}

/* Until something happens near the socket, at most until the deadline: false when that passed. */
static bool wait_event(int inotify, uint64_t deadline_ns)
{
	struct pollfd p = {.fd = inotify, .events = POLLIN};
	uint64_t now = clock_boot_ns();
	char events[4096];

	if (now >= deadline_ns)
		return false;
	if (poll(&p, 1, (int)((deadline_ns - now) / 1000000) + 1) == 1)
		while (read(inotify, events, sizeof(events)) > 0)
			;
	return clock_boot_ns() < deadline_ns;
}

static bool is_ready(const json_t *status)
{
	const char *state = json_string_value(json_object_get(status, "state"));

	return state && strcmp(state, "ready") == 0;
}

static uint64_t deadline_in(uint32_t seconds)
{
	return clock_boot_ns() + seconds * CLOCK_NS_PER_S;
}

/* Until somebody listens or the time is over. */
static void wait_listening(const struct ctl *ctl, uint64_t deadline_ns)
{
	_cleanup_close_ int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int r;

	do {
		watch_near(inotify, ctl->socket);
		r = api_probe(ctl);
	} while ((r == -ENOENT || r == -ENOTDIR || r == -ECONNREFUSED) &&
		 wait_event(inotify, deadline_ns));
}

/* Until it is ready or the time is over. An agent that ends while starting is waited for again. */
static void await_ready(const struct ctl *ctl, uint64_t deadline_ns)
{
	const struct timespec pause = {.tv_nsec = UNREADY_MS * 1000000};
	json_t *status = NULL;
	bool ready = false;

	for (;;) {
		wait_listening(ctl, deadline_ns);
		if (api_try(ctl, "/v1/status", &status) == 0) {
			ready = is_ready(status);
			json_decref(status);
		}
		if (ready || clock_boot_ns() >= deadline_ns)
			return;
		nanosleep(&pause, NULL);
	}
}

int wait_ready(const struct ctl *ctl, uint32_t seconds, json_t **ret_status)
{
	if (seconds > 0)
		await_ready(ctl, deadline_in(seconds));
	/* ready or not: what it says of itself, or why it cannot be asked */
	return api_call(ctl, "GET", "/v1/status", NULL, ret_status);
}

int wait_gone(const struct ctl *ctl, uint32_t seconds)
{
	_cleanup_close_ int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	uint64_t deadline_ns = deadline_in(seconds);

	for (;;) {
		watch_near(inotify, ctl->socket);
		if (api_probe(ctl) < 0)
			return 0;
		if (!wait_event(inotify, deadline_ns))
			return -ETIMEDOUT;
	}
}
