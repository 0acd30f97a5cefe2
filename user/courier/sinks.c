/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/sinks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/courier/http_out.h"
#include "user/courier/metrics_out.h"
#include "user/courier/names.h"
#include "user/courier/sink.h"

#define FILES_MAX EXPORT_SINKS_MAX

static const struct timeval tell_every = {.tv_usec = 500000};

struct sinks {
	struct sinks_base shared;
	sinks_send_fn send;
	void *userdata;
	struct sink *sinks[EXPORT_SINKS_MAX];
	size_t n;
	int spool_fd;
	/* descriptors that came before their sink */
	struct {
		char name[EXPORT_NAME];
		int fd;
	} files[FILES_MAX];
	struct event *tell;
	json_t *told;
};

/* ---------------------------------------------------------------------------------------------
 * Telling the keeper
 */
static json_t *states(const struct sinks *sinks)
{
	json_t *list = json_array();

	for (size_t i = 0; i < sinks->n; i++)
		json_array_append_new(list, sink_state(sinks->sinks[i]));
	return list;
}

void sinks_tell(struct sinks *sinks)
{
	json_t *now = states(sinks), *frame;

	if (now && json_equal(now, sinks->told)) {
		json_decref(now);
		return;
	}
	frame = json_pack("{s:O}", "sinks", now);
	if (frame && sinks->send(frame, sinks->userdata) == 0) {
		json_decref(sinks->told);
		sinks->told = json_incref(now);
	}
	json_decref(frame);
	json_decref(now);
}

/* Where there are none, and the keeper knows it, nothing changes by itself. */
static void on_tell(evutil_socket_t fd, short what, void *userdata)
{
	struct sinks *sinks = userdata;

	(void)fd;
	(void)what;
	sinks_tell(sinks);
	if (sinks->n || !sinks->told || json_array_size(sinks->told))
		evtimer_add(sinks->tell, &tell_every);
}

/* ---------------------------------------------------------------------------------------------
 * Configuration
 */
static struct sink *take_same(struct sink **old, size_t n, const json_t *config)
{
	for (size_t i = 0; i < n; i++)
		if (old[i] && json_equal(old[i]->config, config))
			return TAKE_PTR(old[i]);
	return NULL;
}

static void give_file(struct sinks *sinks, struct sink *sink)
{
	for (size_t i = 0; i < FILES_MAX; i++) {
		if (sinks->files[i].fd < 0 || strcmp(sinks->files[i].name, sink->name) != 0)
			continue;
		if (sink->file_fd >= 0)
			close(sink->file_fd);
		sink->file_fd = TAKE_FD(sinks->files[i].fd);
		sink_kick(sink);
	}
}

static void add_sink(struct sinks *sinks, struct sink *sink)
{
	sinks->sinks[sinks->n++] = sink;
	give_file(sinks, sink);
	if (sink_begin(sink, sinks->spool_fd) < 0)
		log_error("export %s: %s", sink->name, sink->error);
}

static void configure(struct sinks *sinks, const json_t *config)
{
	const json_t *list = json_object_get(config, "sinks");
	struct sink *old[EXPORT_SINKS_MAX], *sink;
	size_t n_old = sinks->n;
	int r;

	memcpy(old, sinks->sinks, sizeof(old));
	sinks->n = 0;
	snprintf(sinks->shared.host, sizeof(sinks->shared.host), "%s",
		 json_string_value(json_object_get(config, "host")) ?: "localhost");
	snprintf(sinks->shared.version, sizeof(sinks->shared.version), "%s",
		 json_string_value(json_object_get(config, "version")) ?: "");
	for (size_t i = 0; i < json_array_size(list) && i < EXPORT_SINKS_MAX; i++) {
		sink = take_same(old, n_old, json_array_get(list, i));
		if (sink)
			sinks->sinks[sinks->n++] = sink;
	}
	/* the folders of those that end are free before new ones take them */
	for (size_t i = 0; i < n_old; i++)
		sink_free(old[i]);
	for (size_t i = 0; i < json_array_size(list) && i < EXPORT_SINKS_MAX; i++) {
		const json_t *one = json_array_get(list, i);
		bool there = false;

		for (size_t k = 0; k < sinks->n; k++)
			there = there || json_equal(sinks->sinks[k]->config, one);
		if (there)
			continue;
		r = sink_new(&sinks->shared, one, &sink);
		if (r < 0)
			log_err(r, "export %s", json_string_value(json_object_get(one, "name")));
		else
			add_sink(sinks, sink);
	}
}

void sinks_descriptor(struct sinks *sinks, const char *name, int fd)
{
	size_t i;

	for (i = 0; i < FILES_MAX; i++)
		if (sinks->files[i].fd < 0 || strcmp(sinks->files[i].name, name) == 0)
			break;
	if (i == FILES_MAX) {
		close(fd);
		return;
	}
	if (sinks->files[i].fd >= 0)
		close(sinks->files[i].fd);
	snprintf(sinks->files[i].name, sizeof(sinks->files[i].name), "%s", name);
	sinks->files[i].fd = fd;
	for (i = 0; i < sinks->n; i++)
		give_file(sinks, sinks->sinks[i]);
}

/* ---------------------------------------------------------------------------------------------
 * Records
 */
static void take_record(struct sinks *sinks, struct spool_origin *origin, const json_t *record)
{
	int kind = export_kind_find(json_string_value(json_object_get(record, "kind")));
	int severity = export_severity_find(json_string_value(json_object_get(record, "severity")));
	const char *time = json_string_value(json_object_get(record, "time"));
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (kind < 0 || severity < 0)
		return;
	if (!time || clock_parse(time, &origin->wall_ns) < 0)
		origin->wall_ns = clock_wall_ns();
	for (size_t i = 0; i < sinks->n; i++) {
		struct sink *sink = sinks->sinks[i];

		if (!sink->spool || !sink_takes(sink, (unsigned)kind, (unsigned)severity))
			continue;
		if (!line) {
			line = json_dumps(record, JSON_COMPACT);
			size = line ? strlen(line) : 0;
		}
		if (line)
			spool_append(sink->spool, origin, line, size);
	}
}

static void take_records(struct sinks *sinks, const json_t *frame)
{
	const json_t *records = json_object_get(frame, "records");
	const char *source = json_string_value(json_object_get(frame, "source"));
	uint64_t first = (uint64_t)json_integer_value(json_object_get(frame, "first"));
	struct spool_origin origin = {.source = source ? strtoull(source, NULL, 16) : 0};
	size_t n = json_array_size(records);
	json_t *answer;

	for (size_t i = 0; i < n; i++) {
		origin.number = first + i;
		take_record(sinks, &origin, json_array_get(records, i));
	}
	for (size_t i = 0; i < sinks->n; i++)
		if (sinks->sinks[i]->spool)
			spool_flush(sinks->sinks[i]->spool);
	answer = json_pack("{s:I}", "exported", (json_int_t)(first + n - 1));
	if (answer)
		sinks->send(answer, sinks->userdata);
	json_decref(answer);
	for (size_t i = 0; i < sinks->n; i++)
		sink_kick(sinks->sinks[i]);
}

void sinks_frame(struct sinks *sinks, const json_t *exports)
{
	const json_t *config = json_object_get(exports, "configure");
	const json_t *metrics = json_object_get(exports, "metrics");

	if (config) {
		configure(sinks, config);
		evtimer_add(sinks->tell, &tell_every);
	}
	if (metrics)
		for (size_t i = 0; i < sinks->n; i++)
			sink_otlp_metrics(sinks->sinks[i], metrics);
	if (json_array_size(json_object_get(exports, "records")) > 0)
		take_records(sinks, exports);
}

/* ---------------------------------------------------------------------------------------------
 * Life
 */
int sinks_new(struct event_base *base, int spool_fd, sinks_send_fn send, void *userdata,
	      struct sinks **ret_sinks)
{
	struct sinks *sinks = calloc(1, sizeof(*sinks));
	int r;

	if (!sinks)
		return -ENOMEM;
	sinks->send = send;
	sinks->userdata = userdata;
	sinks->spool_fd = spool_fd;
	for (size_t i = 0; i < FILES_MAX; i++)
		sinks->files[i].fd = -1;
	sinks->shared.base = base;
	r = http_out_new(base, &sinks->shared.http);
	if (r == 0)
		r = names_new(base, &sinks->shared.names);
	sinks->tell = evtimer_new(base, on_tell, sinks);
	if (r == 0 && (!sinks->tell || evtimer_add(sinks->tell, &tell_every) < 0))
		r = -ENOMEM;
	if (r < 0) {
		sinks_free(sinks);
		return r;
	}
	*ret_sinks = sinks;
	return 0;
}

void sinks_free(struct sinks *sinks)
{
	if (!sinks)
		return;
	for (size_t i = 0; i < sinks->n; i++)
		sink_free(sinks->sinks[i]);
	for (size_t i = 0; i < FILES_MAX; i++)
		if (sinks->files[i].fd >= 0)
			close(sinks->files[i].fd);
	if (sinks->tell)
		event_free(sinks->tell);
	http_out_free(sinks->shared.http);
	names_free(sinks->shared.names);
	json_decref(sinks->told);
	free(sinks);
}
