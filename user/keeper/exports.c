/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/exports.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "user/base/clock.h"
#include "user/base/version.h"
#include "user/keeper/exports_config.h"
#include "user/keeper/exports_private.h"
#include "user/keeper/keeper.h"
#include "user/keeper/metrics.h"

#define WAITING_MAX 8192 /* records not yet with the courier */
#define WINDOW      1024 /* of them under way to it */
#define FLUSH_MS    100
#define FILES_MS    1000
#define FRAME_BYTES (1u << 20)

struct exports {
	struct keeper *keeper;
	json_t *config; /* as it rules */
	unsigned kinds; /* that any sink wants */
	unsigned metrics_ms; /* 0: nobody wants them pushed */
	char host[256], source[17];
	struct exports_files files;
	struct exports_verdicts verdicts;

	json_t *waiting[WAITING_MAX]; /* a ring: record number n is at n % WAITING_MAX */
	uint64_t next, acked, sent; /* numbers: the next one; the last with the courier; ... */
	struct exports_counts counts;
	uint64_t untold; /* dropped, and no record tells it yet */

	json_t *states;
	struct event *flush, *metrics, *look;
};

static void arm(struct event *event, unsigned ms)
{
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	event_add(event, &tv);
}

/* Something waits: without that there is no wakeup for it. */
static void flush_soon(struct exports *x)
{
	if (x->flush && !event_pending(x->flush, EV_TIMEOUT, NULL))
		arm(x->flush, FLUSH_MS);
}

/* ---------------------------------------------------------------------------------------------
 * Taking
 */
static json_t *record_of(struct exports *x, enum export_kind kind, enum export_severity severity,
			 int64_t wall_ns, const char *message, json_t *data)
{
	char id[48], time[CLOCK_TEXT];
	json_t *record;

	snprintf(id, sizeof(id), "%s-%" PRIu64, x->source, x->next);
	record = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", id, "time",
			   clock_format(wall_ns, time), "kind", export_kind_name(kind), "severity",
			   export_severity_name(severity), "host", x->host, "message", message);
	if (data && json_object_size(data))
		json_object_set(record, "data", data);
	json_decref(data);
	/* nothing of ours is this long; whatever it is, its sentence is enough */
	if (record && json_dumpb(record, NULL, 0, JSON_COMPACT) >= EXPORT_RECORD_MAX - 1)
		json_object_set_new(record, "data", json_pack("{s:b}", "cut", 1));
	return record;
}

static void put(struct exports *x, enum export_kind kind, enum export_severity severity,
		int64_t wall_ns, const char *message, json_t *data)
{
	json_t *record = record_of(x, kind, severity, wall_ns, message, data);

	x->counts.taken++;
	if (!record || x->next - x->acked > WAITING_MAX) {
		json_decref(record);
		x->counts.dropped++;
		x->untold++;
	} else {
		x->waiting[x->next++ % WAITING_MAX] = record;
	}
	flush_soon(x);
}

static void tell_untold(struct exports *x)
{
	char message[96];
	uint64_t n = x->untold;

	if (!n || x->next - x->acked > WAITING_MAX - 1)
		return;
	snprintf(message, sizeof(message),
		 "%" PRIu64 " records were dropped: the courier did not take them", n);
	x->untold = 0;
	put(x, EXPORT_LOST, EXPORT_HIGH_SEVERITY, clock_wall_ns(), message,
	    json_pack("{s:I}", "count", (json_int_t)n));
}

bool exports_want(const struct exports *x, enum export_kind kind)
{
	return x && x->kinds & (1u << kind);
}

void exports_take(struct exports *x, enum export_kind kind, enum export_severity severity,
		  int64_t wall_ns, const char *message, json_t *data)
{
	if (!exports_want(x, kind)) {
		json_decref(data);
		return;
	}
	tell_untold(x);
	put(x, kind, severity, wall_ns, message, data);
}

void exports_event(struct keeper *keeper, const struct event *event)
{
	struct exports *x = keeper->exports;

	if (!x || !x->kinds)
		return;
	exports_verdicts_event(&x->verdicts, keeper, event);
	if (x->verdicts.n)
		flush_soon(x);
}

/* ---------------------------------------------------------------------------------------------
 * To the courier
 */
static void send_records(struct exports *x)
{
	uint64_t first = x->sent + 1, n = 0;
	json_t *list = json_array();
	size_t bytes = 0;

	while (n < EXPORT_RECORDS_MAX && first + n < x->next && bytes < FRAME_BYTES) {
		json_t *record = x->waiting[(first + n) % WAITING_MAX];

		bytes += json_dumpb(record, NULL, 0, JSON_COMPACT);
		json_array_append(list, record);
		n++;
	}
	if (n == 0) {
		json_decref(list);
		return;
	}
	if (courier_link_send(x->keeper->link,
			      json_pack("{s:{s:s, s:I, s:o}}", "exports", "source", x->source,
					"first", (json_int_t)first, "records", list)) == 0)
		x->sent += n;
}

static void on_flush(evutil_socket_t fd, short what, void *userdata)
{
	struct exports *x = userdata;

	(void)fd;
	(void)what;
	exports_verdicts_tick(&x->verdicts, x->keeper, false);
	tell_untold(x);
	for (int i = 0; i < 4 && x->sent + 1 < x->next && x->sent - x->acked < WINDOW; i++)
		send_records(x);
	if (x->sent + 1 < x->next || x->untold || x->verdicts.n)
		arm(x->flush, FLUSH_MS);
}

static void on_metrics(evutil_socket_t fd, short what, void *userdata)
{
	struct exports *x = userdata;

	(void)fd;
	(void)what;
	courier_link_send(x->keeper->link,
			  json_pack("{s:{s:o}}", "exports", "metrics", metrics_json(x->keeper)));
	if (x->metrics_ms)
		arm(x->metrics, x->metrics_ms);
}

static void on_look(evutil_socket_t fd, short what, void *userdata)
{
	struct exports *x = userdata;

	(void)fd;
	(void)what;
	exports_files_tick(&x->files, x->keeper->link);
	if (x->files.n)
		arm(x->look, FILES_MS);
}

/* Looked at from then on, if there are any. */
static void open_files(struct exports *x)
{
	exports_files_open(&x->files, x->config, x->keeper->link);
	if (x->files.n && x->look && !event_pending(x->look, EV_TIMEOUT, NULL))
		arm(x->look, FILES_MS);
}

static void configure(struct exports *x)
{
	json_t *config = json_deep_copy(x->config);

	json_object_set_new(config, "host", json_string(x->host));
	json_object_set_new(config, "version", json_string(glacis_version));
	courier_link_send(x->keeper->link, json_pack("{s:{s:o}}", "exports", "configure", config));
	open_files(x);
}

static void acknowledged(struct exports *x, uint64_t number)
{
	if (number > x->sent)
		return; /* not what we sent */
	while (x->acked < number) {
		x->acked++;
		json_decref(x->waiting[x->acked % WAITING_MAX]);
		x->waiting[x->acked % WAITING_MAX] = NULL;
	}
}

static void courier_says(const json_t *frame, void *userdata)
{
	struct exports *x = userdata;
	const json_t *number = json_object_get(frame, "exported");
	json_t *states = json_object_get(frame, "sinks");

	if (!frame) {
		/* a new one: it knows what its spools hold, not what we had on the way */
		x->sent = x->acked;
		configure(x);
		flush_soon(x);
		return;
	}
	if (json_is_integer(number))
		acknowledged(x, (uint64_t)json_integer_value(number));
	if (json_is_array(states)) {
		json_decref(x->states);
		x->states = json_incref(states);
	}
}

/* ---------------------------------------------------------------------------------------------
 * Configuration
 */
static void take_config(struct exports *x, const json_t *config)
{
	const json_t *sinks = json_object_get(config, "sinks");

	json_decref(x->config);
	x->config = config ? json_deep_copy(config) : json_pack("{s:[], s:n}", "sinks", "listen");
	x->kinds = 0;
	x->metrics_ms = 0;
	for (size_t i = 0; i < json_array_size(sinks); i++) {
		const json_t *sink = json_array_get(sinks, i);
		unsigned ms = (unsigned)json_integer_value(json_object_get(sink, "metricsMs"));

		x->kinds |= (unsigned)json_integer_value(json_object_get(sink, "kinds"));
		if (ms && (!x->metrics_ms || ms < x->metrics_ms))
			x->metrics_ms = ms;
	}
}

static void begin_metrics(struct exports *x)
{
	event_del(x->metrics);
	if (x->metrics_ms)
		arm(x->metrics, x->metrics_ms < FILES_MS ? x->metrics_ms : FILES_MS);
}

int exports_reload(struct exports *x)
{
	const char *path = x ? x->keeper->options->config : NULL;
	json_t *config = NULL;
	int r;

	if (!x)
		return 0;
	if (!path) {
		open_files(x);
		return 0;
	}
	r = exports_config_read_file(path, &config);
	if (r < 0) {
		open_files(x);
		records_note(x->keeper, EVENT_AGENT, "SIGHUP",
			     "exports: the configuration is faulty, the old ones go on");
		return r;
	}
	if (!json_equal(config, x->config)) {
		take_config(x, config);
		configure(x);
		begin_metrics(x);
		records_note(x->keeper, EVENT_AGENT, "SIGHUP", "exports: %zu sinks",
			     json_array_size(json_object_get(x->config, "sinks")));
	} else {
		open_files(x);
	}
	json_decref(config);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Life
 */
static void read_host(char host[256])
{
	size_t n = 0;

	if (gethostname(host, 255) < 0)
		host[0] = '\0';
	host[255] = '\0';
	/* it goes into headers and JSON as it is */
	for (const char *p = host; *p; p++)
		if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
		    (*p >= '0' && *p <= '9') || *p == '.' || *p == '-')
			host[n++] = *p;
	host[n] = '\0';
	if (n == 0)
		snprintf(host, 256, "localhost");
}

int exports_new(struct keeper *keeper, const json_t *config, struct exports **ret_exports)
{
	struct exports *x = calloc(1, sizeof(*x));
	uint64_t source;

	if (!x)
		return -ENOMEM;
	x->keeper = keeper;
	x->next = 1;
	if (getrandom(&source, sizeof(source), 0) != sizeof(source))
		source = (uint64_t)clock_wall_ns();
	snprintf(x->source, sizeof(x->source), "%016" PRIx64, source);
	read_host(x->host);
	exports_files_init(&x->files);
	take_config(x, config);
	*ret_exports = x;
	return 0;
}

int exports_start(struct exports *x)
{
	struct event_base *base = x->keeper->base;

	x->flush = evtimer_new(base, on_flush, x);
	x->metrics = evtimer_new(base, on_metrics, x);
	x->look = evtimer_new(base, on_look, x);
	if (!x->flush || !x->metrics || !x->look)
		return -ENOMEM;
	courier_link_watch(x->keeper->link, courier_says, x);
	configure(x);
	flush_soon(x);
	begin_metrics(x);
	return 0;
}

void exports_stop(struct exports *x)
{
	if (!x || !x->flush)
		return;
	exports_verdicts_tick(&x->verdicts, x->keeper, true);
	for (uint64_t before = x->sent; x->sent + 1 < x->next; before = x->sent) {
		send_records(x);
		if (x->sent == before)
			break;
	}
}

void exports_free(struct exports *x)
{
	if (!x)
		return;
	if (x->flush)
		event_free(x->flush);
	if (x->metrics)
		event_free(x->metrics);
	if (x->look)
		event_free(x->look);
	for (size_t i = 0; i < WAITING_MAX; i++)
		json_decref(x->waiting[i]);
	exports_files_clear(&x->files);
	json_decref(x->states);
	json_decref(x->config);
	free(x);
}

struct exports_counts exports_counts(const struct exports *x)
{
	struct exports_counts counts = {};

	if (x) {
		counts = x->counts;
		counts.waiting = x->next - 1 - x->acked;
	}
	return counts;
}

const json_t *exports_states(const struct exports *x)
{
	return x ? x->states : NULL;
}

static json_t *state_of(const struct exports *x, const char *name)
{
	const json_t *state;

	for (size_t i = 0; (state = json_array_get(x->states, i)); i++)
		if (strcmp(json_string_value(json_object_get(state, "name")) ?: "", name) == 0)
			return json_deep_copy(state);
	return json_object();
}

json_t *exports_json(const struct exports *x)
{
	const json_t *sinks = json_object_get(x->config, "sinks"), *sink;
	struct exports_counts counts = exports_counts(x);
	json_t *items = json_array();

	for (size_t i = 0; (sink = json_array_get(sinks, i)); i++) {
		const char *name = json_string_value(json_object_get(sink, "name"));
		json_t *o = state_of(x, name);

		json_object_set(o, "name", json_object_get(sink, "name"));
		json_object_set(o, "type", json_object_get(sink, "type"));
		json_object_set(o, "to",
				json_object_get(sink, "url") ?: json_object_get(sink, "path"));
		json_object_set(o, "spoolMax", json_object_get(sink, "spoolBytes"));
		exports_files_state(&x->files, name, o);
		json_array_append_new(items, o);
	}
	return json_pack("{s:o, s:I, s:I, s:I, s:O}", "items", items, "records",
			 (json_int_t)counts.taken, "waiting", (json_int_t)counts.waiting, "dropped",
			 (json_int_t)counts.dropped, "metrics",
			 json_object_get(x->config, "listen"));
}
