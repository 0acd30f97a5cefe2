/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "user/base/clock.h"

#define AFTER_MAX_MS 3600000u /* a receiver may ask for an hour of silence, not for a year */

static const struct sink_ops *const types[EXPORT_TYPES] = {
	[EXPORT_TYPE_JSONL] = &sink_jsonl,
	[EXPORT_TYPE_SYSLOG] = &sink_syslog,
	[EXPORT_TYPE_WEBHOOK] = &sink_webhook,
	[EXPORT_TYPE_OTLP] = &sink_otlp,
};

static uint64_t now_ms(void)
{
	return clock_monotonic_ns() / 1000000;
}

static unsigned number(const json_t *config, const char *name)
{
	return (unsigned)json_integer_value(json_object_get(config, name));
}

/* ---------------------------------------------------------------------------------------------
 * Waiting
 */
static void arm(struct sink *sink, uint64_t ms)
{
	struct timeval tv = {.tv_sec = (time_t)(ms / 1000),
			     .tv_usec = (suseconds_t)(ms % 1000 * 1000)};

	evtimer_add(sink->timer, &tv);
}

/* Half of it is certain, half is chance: a fleet that lost its receiver does not return at once. */
static uint64_t with_jitter(uint64_t ms)
{
	uint32_t chance = 0;

	if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) < 0)
		chance = (uint32_t)now_ms();
	return ms / 2 + (ms / 2 ? chance % (ms / 2 + 1) : 0);
}

static uint64_t backoff_ms(const struct sink *sink)
{
	uint64_t ms = sink->backoff_first_ms;

	for (unsigned i = 1; i < sink->failures && ms < sink->backoff_max_ms; i++)
		ms *= 2;
	return with_jitter(ms < sink->backoff_max_ms ? ms : sink->backoff_max_ms);
}

static void wait_again(struct sink *sink, uint64_t after_ms)
{
	uint64_t ms = backoff_ms(sink);

	if (sink->failures >= sink->breaker_failures) {
		if (sink->breaker == SINK_CLOSED)
			sink->opened++;
		sink->breaker = SINK_OPEN;
		if (ms < sink->breaker_pause_ms)
			ms = sink->breaker_pause_ms;
	}
	if (after_ms > AFTER_MAX_MS)
		after_ms = AFTER_MAX_MS;
	if (ms < after_ms)
		ms = after_ms;
	sink->retry_at_ms = now_ms() + ms;
	arm(sink, ms);
}

/* ---------------------------------------------------------------------------------------------
 * Sending
 */
void sink_kick(struct sink *sink)
{
	struct spool_batch batch;
	size_t lines;
	int r;

	if (sink->sending || !sink->spool)
		return;
	if (sink->retry_at_ms > now_ms()) {
		arm(sink, sink->retry_at_ms - now_ms());
		return;
	}
	/* after a pause of the breaker one record is the question whether it is well again */
	if (sink->breaker == SINK_OPEN)
		sink->breaker = SINK_HALF_OPEN;
	lines = sink->breaker == SINK_HALF_OPEN ? 1 : sink->limit;
	r = spool_read(sink->spool, lines, sink->ops->max_bytes, &batch);
	if (r < 0)
		sink_error(sink, "the spool cannot be read: %s", strerror(-r));
	if (r < 0 || batch.count == 0)
		return;
	sink->sending = true;
	sink->sending_last = batch.first + batch.count - 1;
	sink->sending_count = batch.count;
	sink->attempts++;
	sink->ops->send(sink, &batch);
	free(batch.text);
}

static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	sink_kick(userdata);
}

/* Not from within ops->send(): a loop, not a recursion. */
static void go_on(struct sink *sink)
{
	arm(sink, 0);
}

static void well_again(struct sink *sink)
{
	sink->failures = 0;
	sink->breaker = SINK_CLOSED;
	sink->retry_at_ms = 0;
	sink->error[0] = '\0';
	sink->limit = sink->limit * 2 < sink->max_lines ? sink->limit * 2 : sink->max_lines;
}

void sink_sent_except(struct sink *sink, uint64_t refused)
{
	sink->sending = false;
	if (refused > sink->sending_count)
		refused = sink->sending_count;
	if (!sink->ops->later) {
		well_again(sink);
		spool_ack(sink->spool, sink->sending_last, refused);
	}
	go_on(sink);
}

void sink_sent(struct sink *sink)
{
	sink_sent_except(sink, 0);
}

void sink_confirmed(struct sink *sink, uint64_t number)
{
	well_again(sink);
	spool_ack(sink->spool, number, 0);
	go_on(sink);
}

static void set_error(struct sink *sink, const char *fmt, va_list ap)
{
	vsnprintf(sink->error, sizeof(sink->error), fmt, ap);
	sink->error_wall_ns = clock_wall_ns();
}

void sink_error(struct sink *sink, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(sink, fmt, ap);
	va_end(ap);
}

void sink_failed(struct sink *sink, uint64_t after_ms, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(sink, fmt, ap);
	va_end(ap);
	sink->sending = false;
	sink->failures++;
	sink->failed++;
	spool_rewind(sink->spool);
	wait_again(sink, after_ms);
}

void sink_broken(struct sink *sink, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(sink, fmt, ap);
	va_end(ap);
	sink->failures++;
	sink->reconnects++;
	spool_rewind(sink->spool);
	wait_again(sink, 0);
}

void sink_refused(struct sink *sink, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_error(sink, fmt, ap);
	va_end(ap);
	sink->sending = false;
	sink->failed++;
	if (sink->sending_count > 1) {
		/* one of them, or all together: half as many */
		sink->limit = sink->sending_count / 2;
		spool_rewind(sink->spool);
	} else {
		spool_ack(sink->spool, sink->sending_last, 1);
	}
	go_on(sink);
}

/* ---------------------------------------------------------------------------------------------
 * Life
 */
static int tell_gap(uint64_t count, int64_t first_ns, int64_t last_ns,
		    const struct spool_origin *last, char out[512], void *userdata)
{
	const struct sink *sink = userdata;
	char first_text[CLOCK_TEXT], last_text[CLOCK_TEXT];

	return snprintf(out, 512,
			"{\"id\":\"%016llx-%llu-lost\",\"time\":\"%s\",\"kind\":\"lost\","
			"\"severity\":\"high\",\"host\":\"%.128s\",\"message\":\"%llu records were "
			"dropped: the spool was full\",\"data\":{\"count\":%llu,\"first\":\"%s\","
			"\"last\":\"%s\"}}",
			(unsigned long long)last->source, (unsigned long long)last->number,
			clock_format(last_ns, last_text), sink->shared->host,
			(unsigned long long)count, (unsigned long long)count,
			clock_format(first_ns, first_text), last_text);
}

static void read_common(struct sink *sink, const json_t *config)
{
	snprintf(sink->name, sizeof(sink->name), "%s",
		 json_string_value(json_object_get(config, "name")) ?: "");
	sink->kinds = number(config, "kinds");
	sink->min_severity = number(config, "minSeverity");
	sink->ocsf =
		strcmp(json_string_value(json_object_get(config, "format")) ?: "", "ocsf") == 0;
	sink->backoff_first_ms = number(config, "backoffFirstMs");
	sink->backoff_max_ms = number(config, "backoffMaxMs");
	sink->breaker_failures = number(config, "breakerFailures");
	sink->breaker_pause_ms = number(config, "breakerPauseMs");
	sink->limit = sink->max_lines = sink->ops->max_lines;
}

int sink_new(const struct sinks_base *shared, const json_t *config, struct sink **ret_sink)
{
	int type = export_type_find(json_string_value(json_object_get(config, "type")));
	struct sink *sink;
	int r;

	if (type < 0)
		return -EINVAL;
	sink = calloc(1, sizeof(*sink));
	if (!sink)
		return -ENOMEM;
	sink->shared = shared;
	sink->type = (enum export_type)type;
	sink->ops = types[type];
	sink->file_fd = -1;
	sink->config = json_incref((json_t *)config);
	read_common(sink, config);
	sink->timer = evtimer_new(shared->base, on_timer, sink);
	r = sink->timer && *sink->name ? sink->ops->open(sink, config) : -EINVAL;
	if (r < 0) {
		sink_free(sink);
		return r;
	}
	*ret_sink = sink;
	return 0;
}

int sink_begin(struct sink *sink, int spool_fd)
{
	uint64_t bytes = (uint64_t)json_integer_value(json_object_get(sink->config, "spoolBytes"));
	int r;

	r = spool_open(spool_fd, sink->name, bytes, &sink->spool);
	if (r < 0) {
		sink_error(sink, "the spool cannot be opened: %s", strerror(-r));
		return r;
	}
	spool_set_gap(sink->spool, tell_gap, sink);
	go_on(sink);
	return 0;
}

void sink_free(struct sink *sink)
{
	if (!sink)
		return;
	sink->ops->close(sink);
	if (sink->timer)
		event_free(sink->timer);
	spool_close(sink->spool);
	if (sink->file_fd >= 0)
		close(sink->file_fd);
	json_decref(sink->config);
	free(sink);
}

bool sink_takes(const struct sink *sink, unsigned kind, unsigned severity)
{
	return (sink->kinds & (1u << kind)) && severity >= sink->min_severity;
}

json_t *sink_state(const struct sink *sink)
{
	static const char *const breakers[] = {"closed", "open", "half-open"};
	struct spool_counts c = sink->spool ? spool_counts(sink->spool) : (struct spool_counts){};
	char time[CLOCK_TEXT];
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I}",
			      "name", sink->name, "type", export_type_name(sink->type), "queued",
			      (json_int_t)c.queued, "spoolBytes", (json_int_t)c.queued_bytes,
			      "sent", (json_int_t)c.sent, "refused", (json_int_t)c.refused,
			      "dropped", (json_int_t)c.dropped, "attempts",
			      (json_int_t)sink->attempts, "failures", (json_int_t)sink->failed,
			      "reconnects", (json_int_t)sink->reconnects, "breaker",
			      breakers[sink->breaker], "breakerOpened", (json_int_t)sink->opened);

	if (sink->error[0]) {
		json_object_set_new(o, "lastError", json_string(sink->error));
		json_object_set_new(o, "lastErrorAt",
				    json_string(clock_format(sink->error_wall_ns, time)));
	} else if (c.error < 0) {
		json_object_set_new(o, "lastError", json_string(strerror(-c.error)));
	}
	return o;
}
