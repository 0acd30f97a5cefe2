/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/libraries.h"

#include <errno.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/keeper/keeper.h"

#define NS_PER_MS 1000000ull
#define GATHER_MS 20 /* a process maps ten files when it starts: one look for all */
#define PAUSE_MS  200 /* where processes start all the time, no more looks than that */

struct libraries {
	struct keeper *keeper;
	struct event *readable; /* something was mapped */
	struct event *gather; /* shortly after */
	uint64_t gathered_ns;
};

static void arm(struct event *event, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	event_add(event, &tv);
}

static void tell(struct keeper *keeper)
{
	const struct kern_library *list;
	size_t n = kern_libraries(keeper->kern, &list), held = 0, users = 0;

	for (size_t i = 0; i < n; i++) {
		held += list[i].attached;
		users += list[i].attached ? list[i].users : 0;
	}
	records_note(keeper, EVENT_AGENT, "keeper", "tls door: %zu %s held, in use by %zu %s", held,
		     held == 1 ? "library" : "libraries", users,
		     users == 1 ? "process" : "processes");
}

static void poll_libraries(struct libraries *libraries)
{
	if (kern_libs_poll(libraries->keeper->kern) > 0)
		tell(libraries->keeper);
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct libraries *libraries = userdata;

	uint64_t next_ns = libraries->gathered_ns + PAUSE_MS * NS_PER_MS;
	uint64_t now_ns = clock_monotonic_ns(), wait_ms = 0;

	(void)fd;
	(void)what;
	if (libraries->gathered_ns && next_ns > now_ns)
		wait_ms = (next_ns - now_ns) / NS_PER_MS;
	arm(libraries->gather, wait_ms > GATHER_MS ? (unsigned)wait_ms : GATHER_MS);
}

static void on_gather(evutil_socket_t fd, short what, void *userdata)
{
	struct libraries *libraries = userdata;

	(void)fd;
	(void)what;
	libraries->gathered_ns = clock_monotonic_ns();
	poll_libraries(libraries);
	event_add(libraries->readable, NULL);
}

void libraries_tick(struct libraries *libraries)
{
	if (libraries)
		poll_libraries(libraries);
}

int libraries_start(struct keeper *keeper)
{
	int r = kern_libs_start(keeper->kern);

	if (r == -ENOTSUP) {
		log_warning("there is no tls door on this kernel: what is inside TLS is not seen "
			    "(glacisctl doctor says why)");
		return 0;
	}
	if (r < 0)
		log_err(r, "the tls door cannot watch for libraries");
	return r;
}

int libraries_new(struct keeper *keeper)
{
	struct libraries *libraries;
	int fd = kern_libs_fd(keeper->kern);

	if (fd < 0)
		return 0;
	libraries = calloc(1, sizeof(*libraries));
	if (!libraries)
		return -ENOMEM;
	keeper->libraries = libraries;
	libraries->keeper = keeper;
	libraries->readable = event_new(keeper->base, fd, EV_READ, on_readable, libraries);
	libraries->gather = evtimer_new(keeper->base, on_gather, libraries);
	if (!libraries->readable || !libraries->gather || event_add(libraries->readable, NULL) < 0)
		return -ENOMEM;
	tell(keeper);
	return 0;
}

void libraries_free(struct libraries *libraries)
{
	if (!libraries)
		return;
	if (libraries->readable)
		event_free(libraries->readable);
	if (libraries->gather)
		event_free(libraries->gather);
	free(libraries);
}
