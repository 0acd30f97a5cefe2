/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loop.c - time and signals: when the ring is drained, doors are looked after, decisions expire,
 * and what each signal means (README.md).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "user/base/clock.h"
#include "user/keeper/access_log.h"
#include "user/keeper/alerting.h"
#include "user/keeper/controls.h"
#include "user/keeper/coverage.h"
#include "user/keeper/exports.h"
#include "user/keeper/incidents.h"
#include "user/keeper/inspectors.h"
#include "user/keeper/keeper.h"
#include "user/keeper/kills.h"
#include "user/keeper/libraries.h"
#include "user/keeper/notify.h"
#include "user/keeper/pace.h"
#include "user/keeper/persist.h"

#define RESCAN_MS     2000
#define SECOND_MS     1000
#define RETRY_MS      5000
#define EXPIRIES_TOLD 10

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
#define N_SIGNALS (sizeof(signals) / sizeof(signals[0]))

struct loop {
	struct keeper *keeper;
	struct event *look, *retry, *watchdog;
	struct event *prompt; /* the ring has what should not wait */
	struct event *signals[N_SIGNALS];
	struct pace pace;
	uint64_t rescan_ms, second_ms; /* CLOCK_MONOTONIC: when they are due */
};

static void arm(struct event *event, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
			     .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	event_add(event, &tv);
}

static void on_prompt(evutil_socket_t fd, short what, void *userdata)
{
	struct loop *loop = userdata;

	(void)fd;
	(void)what;
	records_drain(loop->keeper);
}

static void look_after_doors(struct keeper *keeper)
{
	const char *device = NULL;
	const struct kern_door *doors;
	char trouble[128];
	int r = kern_attach(keeper->kern, &device);

	if (r < 0) {
		snprintf(trouble, sizeof(trouble), "cannot hold the door on %s: %s",
			 device ? device : "a device", strerror(-r));
		health_set(keeper, KEEPER_DEGRADED, trouble);
	} else if (kern_doors(keeper->kern, &doors) == 0) {
		health_set(keeper, KEEPER_DEGRADED, "no door is held: no device to attach to");
	} else if (keeper->ring_error < 0) {
		health_set(keeper, KEEPER_DEGRADED, "the event ring cannot be read");
	} else if (store_trouble(keeper->store)) {
		health_set(keeper, KEEPER_DEGRADED, store_trouble(keeper->store));
	} else if (!apply_ruling(keeper->apply)->policy) {
		health_set(keeper, KEEPER_DEGRADED, "the policy is not installed yet");
	} else {
		health_set(keeper, KEEPER_READY, NULL);
	}
}

/* The first few by name: a thousand that end at once are one line more. */
struct expiry {
	struct keeper *keeper;
	int told;
};

static void tell_expiry(const struct decision *decision, void *userdata)
{
	struct expiry *expiry = userdata;
	char source[PREFIX_TEXT];

	if (expiry->told++ < EXPIRIES_TOLD)
		records_note(expiry->keeper, EVENT_DECISION, "expiry", "end of %s %s",
			     decision->set == GL_SET_ALLOW ? "allow" : "ban",
			     decision->ja4[0] ? decision->ja4
					      : prefix_format(&decision->prefix, source));
}

static void tell_subject_expiry(const struct subject *subject, void *userdata)
{
	struct expiry *expiry = userdata;
	char text[EVENT_MESSAGE];

	if (expiry->told++ < EXPIRIES_TOLD)
		records_note(expiry->keeper, EVENT_DECISION, "expiry", "end of %s",
			     contain_subject_text(subject, text, sizeof(text)));
}

/* All that is done once a second. */
static void each_second(struct keeper *keeper)
{
	struct clock_now now = clock_now();
	struct expiry expiry = {.keeper = keeper};
	int n;

	kern_hello_sweep(keeper->kern, now.boot_ns);
	kern_cuts_sweep(keeper->kern, now.boot_ns);
	n = decisions_sweep(keeper->decisions, now, tell_expiry, &expiry);
	n += subjects_sweep(keeper->subjects, now, tell_subject_expiry, &expiry);
	kills_tick(keeper);
	if (n > EXPIRIES_TOLD)
		records_note(keeper, EVENT_DECISION, "expiry", "and of %d more", n - EXPIRIES_TOLD);
	alerting_tick(keeper);
	persist_tick(keeper);
	keeper_incidents_tick(keeper);
	access_log_flush(keeper->access_log);
	coverage_tick(keeper);
	controls_tick(keeper->controls, keeper);
	libraries_tick(keeper->libraries);
	inspectors_tick(keeper->inspectors);
}

/* Batches, never a wakeup per record (lab fact 30); and what is due is done in the same wakeup. */
static void on_look(evutil_socket_t fd, short what, void *userdata)
{
	struct loop *loop = userdata;
	struct keeper *keeper = loop->keeper;
	uint64_t now_ms = clock_monotonic_ns() / 1000000;
	int n = records_drain(keeper);

	(void)fd;
	(void)what;
	keeper->ring_error = n < 0 && n != -EINTR ? n : 0;
	if (pace_is_due(&loop->second_ms, now_ms, SECOND_MS))
		each_second(keeper);
	if (pace_is_due(&loop->rescan_ms, now_ms, RESCAN_MS)) {
		look_after_doors(keeper);
		health_read_counters(keeper);
	}
	arm(loop->look, pace_next(&loop->pace, n));
}

static void on_retry(evutil_socket_t fd, short what, void *userdata)
{
	struct loop *loop = userdata;

	(void)fd;
	(void)what;
	loop_reload_policy(loop->keeper, "SIGHUP");
}

void loop_reload_policy(struct keeper *keeper, const char *actor)
{
	if (reload_file(keeper, actor) == -EAGAIN)
		arm(keeper->loop->retry, RETRY_MS);
}

static void on_watchdog(evutil_socket_t fd, short what, void *userdata)
{
	struct loop *loop = userdata;

	(void)fd;
	(void)what;
	notify_manager("WATCHDOG=1");
	arm(loop->watchdog, notify_watchdog_ms());
}

static void reload(struct loop *loop)
{
	int r = access_log_reopen(loop->keeper->access_log);

	if (r < 0)
		log_err(r, "access log %s", access_log_path(loop->keeper->access_log));
	notify_manager("RELOADING=1\nMONOTONIC_USEC=%llu",
		       (unsigned long long)(clock_monotonic_ns() / 1000));
	exports_reload(loop->keeper->exports);
	controls_attest(loop->keeper->controls, loop->keeper, loop->keeper->options->attestations);
	loop_reload_policy(loop->keeper, "SIGHUP");
	notify_manager("READY=1");
}

static void on_signal(evutil_socket_t number, short what, void *userdata)
{
	struct loop *loop = userdata;

	(void)what;
	switch (number) {
	case SIGHUP:
		reload(loop);
		break;
	case SIGINT:
		loop_end(loop->keeper,
			 loop->keeper->options->foreground ? KEEPER_DETACH : KEEPER_LEAVE);
		break;
	case SIGTERM:
		loop_end(loop->keeper, KEEPER_LEAVE);
		break;
	default:
		break;
	}
}

void loop_end(struct keeper *keeper, enum keeper_end end)
{
	keeper->end = end;
	event_base_loopexit(keeper->base, NULL);
}

void loop_free(struct loop *loop)
{
	struct event *const timers[] = {
		loop ? loop->look : NULL,
		loop ? loop->retry : NULL,
		loop ? loop->watchdog : NULL,
	};

	if (!loop)
		return;
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		if (timers[i])
			event_free(timers[i]);
	if (loop->prompt)
		event_free(loop->prompt);
	for (size_t i = 0; i < N_SIGNALS; i++)
		if (loop->signals[i])
			event_free(loop->signals[i]);
	free(loop);
}

int loop_new(struct keeper *keeper)
{
	struct event_base *base = keeper->base;
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	keeper->loop = loop;
	loop->keeper = keeper;
	loop->look = evtimer_new(base, on_look, loop);
	loop->retry = evtimer_new(base, on_retry, loop);
	loop->watchdog = evtimer_new(base, on_watchdog, loop);
	if (!loop->look || !loop->retry || !loop->watchdog)
		return -ENOMEM;
	for (size_t i = 0; i < N_SIGNALS; i++) {
		loop->signals[i] = evsignal_new(base, signals[i], on_signal, loop);
		if (!loop->signals[i] || event_add(loop->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	loop->prompt =
		event_new(base, kern_ring_fd(keeper->kern), EV_READ | EV_PERSIST, on_prompt, loop);
	if (!loop->prompt || event_add(loop->prompt, NULL) < 0)
		return -ENOMEM;
	loop->second_ms = clock_monotonic_ns() / 1000000 + SECOND_MS;
	loop->rescan_ms = clock_monotonic_ns() / 1000000 + RESCAN_MS;
	arm(loop->look, PACE_MS);
	if (!apply_ruling(keeper->apply)->policy)
		arm(loop->retry, RETRY_MS);
	if (notify_watchdog_ms())
		arm(loop->watchdog, notify_watchdog_ms());
	return 0;
}
