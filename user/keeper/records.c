/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * records.c - what the kernel side reports: into the rings, to the sources, to containment, to
 * followers and, in the foreground, to the terminal. A flood costs a bounded amount of telling per
 * second; it is all counted.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/keeper/alerting.h"
#include "user/keeper/certificates.h"
#include "user/keeper/event_text.h"
#include "user/keeper/exports.h"
#include "user/keeper/guarded.h"
#include "user/keeper/keeper.h"
#include "user/keeper/tls.h"
#include "user/keeper/traffic.h"

#define PRINTED_PER_S   100
#define BROADCAST_PER_S 1000

/* ---------------------------------------------------------------------------------------------
 * Telling
 */
static void print_json(struct keeper *keeper, const struct event *event)
{
	json_t *o = event_json(event, apply_intern(keeper->apply));
	char *text = o ? json_dumps(o, JSON_COMPACT) : NULL;

	if (text)
		puts(text);
	free(text);
	json_decref(o);
}

static bool color_wanted(void)
{
	const char *no = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && (!no || !*no);
}

static void print_event(struct keeper *keeper, const struct event *event)
{
	char line[EVENT_LINE];

	if (keeper->options->log_format == LOG_FORMAT_JSON)
		print_json(keeper, event);
	else
		puts(event_line(event, apply_intern(keeper->apply), color_wanted(), line));
}

static void begin_second(struct keeper *keeper)
{
	uint64_t second = clock_boot_ns() / CLOCK_NS_PER_S;

	if (second == keeper->budget.second)
		return;
	if (keeper->budget.hidden && keeper->options->log_format == LOG_FORMAT_TEXT)
		printf("         ... and %u more in that second (glacisctl events)\n",
		       keeper->budget.hidden);
	memset(&keeper->budget, 0, sizeof(keeper->budget));
	keeper->budget.second = second;
}

void records_tell(struct keeper *keeper, const struct event *event)
{
	bool follower = keeper->link && courier_followers(keeper->link);

	/* most events: nobody looks, and the budget of the second is not touched */
	if (!keeper->options->foreground && !follower) {
		exports_event(keeper, event);
		return;
	}
	begin_second(keeper);
	/* ordinary handshakes are for those who ask for them */
	if (keeper->options->foreground &&
	    (event->kind != EVENT_HANDSHAKE || event->handshake->reason)) {
		if (keeper->budget.printed++ < PRINTED_PER_S) {
			print_event(keeper, event);
		} else {
			keeper->budget.hidden++;
			keeper->not_printed++;
		}
	}
	exports_event(keeper, event);
	if (!follower)
		return;
	/* alerting.c tells more of these */
	if (event->kind == EVENT_ALERT)
		return;
	/* handshakes leave room for verdicts */
	if (keeper->budget.broadcast++ <
	    (event->kind == EVENT_HANDSHAKE ? BROADCAST_PER_S / 2 : BROADCAST_PER_S))
		courier_broadcast(keeper->link, event_json(event, apply_intern(keeper->apply)));
	else
		keeper->not_broadcast++;
}

void records_note(struct keeper *keeper, enum event_kind kind, const char *actor, const char *fmt,
		  ...)
{
	char message[EVENT_MESSAGE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	begin_second(keeper);
	records_tell(keeper,
		     events_add_note(keeper->events, kind, actor, clock_wall_ns(), "%s", message));
	if (keeper->options->foreground)
		fflush(stdout);
	else if (keeper->budget.printed++ < PRINTED_PER_S)
		log_info("%s (%s)", message, actor);
	else
		keeper->not_printed++;
}

/* ---------------------------------------------------------------------------------------------
 * Taking
 */
static void take_verdict(struct keeper *keeper, const struct gl_rec_verdict *v, int64_t wall_ns,
			 bool by_door)
{
	records_tell(keeper, events_add_verdict(keeper->events, v, wall_ns));
	sources_verdict(keeper->sources, v);
	traffic_add_verdict(keeper->traffic, v, wall_ns, apply_intern(keeper->apply));
	contain_verdict(keeper, v);
	guarded_take_verdict(keeper, v, wall_ns);
	alerting_verdict(keeper, v, by_door);
}

void records_take_verdict(struct keeper *keeper, const struct gl_rec_verdict *v)
{
	take_verdict(keeper, v, clock_wall_of_boot(v->rec.ts_ns), false);
}

static void take_record(const struct gl_rec *record, size_t size, void *userdata)
{
	struct keeper *keeper = userdata;
	int64_t wall_ns;

	if (size < sizeof(*record)) {
		keeper->records_unknown++;
		return;
	}
	wall_ns = keeper->drained.wall_ns - (int64_t)(keeper->drained.boot_ns - record->ts_ns);
	if (record->kind == GL_REC_VERDICT && size >= sizeof(struct gl_rec_verdict)) {
		take_verdict(keeper, (const struct gl_rec_verdict *)record, wall_ns, true);
	} else if (record->kind == GL_REC_CROSSED && size >= sizeof(struct gl_rec_crossed)) {
		alerting_crossed(keeper, (const struct gl_rec_crossed *)record);
	} else if (record->kind == GL_REC_RESPONSE && size >= sizeof(struct gl_rec_response)) {
		const struct gl_rec_response *r = (const struct gl_rec_response *)record;

		events_add_response(keeper->events, r, wall_ns);
		sources_response(keeper->sources, r);
		alerting_response(keeper, r);
	} else if (record->kind == GL_REC_HANDSHAKE && size >= sizeof(struct gl_rec_handshake)) {
		tls_take_handshake(keeper, (const struct gl_rec_handshake *)record, wall_ns);
	} else if (record->kind == GL_REC_TLS_ALERT && size >= sizeof(struct gl_rec_tls_alert)) {
		tls_take_alert(keeper, (const struct gl_rec_tls_alert *)record, wall_ns);
	} else if (record->kind == GL_REC_CERTIFICATE &&
		   size >= sizeof(struct gl_rec_certificate)) {
		certificates_record(keeper, (const struct gl_rec_certificate *)record, size);
	} else if (record->kind == GL_REC_CERTIFICATE_KNOWN &&
		   size >= sizeof(struct gl_rec_certificate_known)) {
		certificates_known(keeper, (const struct gl_rec_certificate_known *)record);
	} else {
		keeper->records_unknown++;
	}
}

int records_drain(struct keeper *keeper)
{
	int n;

	keeper->drained.wall_ns = clock_wall_ns();
	keeper->drained.boot_ns = clock_boot_ns();
	keeper->drained.monotonic_ns = clock_monotonic_ns();
	n = kern_ring_drain(keeper->kern, take_record, keeper);
	if (n > 0 && keeper->options->foreground)
		fflush(stdout);
	return n;
}
