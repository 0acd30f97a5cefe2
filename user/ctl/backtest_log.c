/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/ctl/backtest_log.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"

#define LINES_MAX 5000000 /* about 1 GB */

struct line {
	struct replay_request request; /* method and path are its own */
	size_t number; /* keeps equal times in order */
};

struct lines {
	struct line *items;
	size_t n, room;
	int64_t since_ns;
	uint64_t unreadable;
};

static const char *text_of(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

/* "key:0123456789abcdef" */
static uint64_t principal_of(const json_t *o)
{
	const char *user = text_of(o, "user.id");

	return user && strncmp(user, "key:", 4) == 0 ? strtoull(user + 4, NULL, 16) : 0;
}

static bool number_in(const json_t *o, const char *name, json_int_t max, uint16_t *ret_number)
{
	const json_t *value = json_object_get(o, name);

	*ret_number = 0;
	if (!value)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > max)
		return false;
	*ret_number = (uint16_t)json_integer_value(value);
	return true;
}

/* The texts are o's. */
static int read_request(const json_t *o, struct replay_request *ret_request)
{
	const char *time = text_of(o, "timestamp"), *source = text_of(o, "client.address");
	struct replay_request r = {
		.method = text_of(o, "http.request.method"),
		.path = text_of(o, "url.path"),
		.principal = principal_of(o),
		.secure = json_is_true(json_object_get(o, "glacis.tls")),
		.refused = json_is_true(json_object_get(o, "glacis.agent")) ||
			   json_is_true(json_object_get(o, "glacis.cut")),
	};

	if (!time || !source || !r.method || !*r.method || !r.path || !*r.path ||
	    clock_parse(time, &r.wall_ns) < 0 || addr_parse(source, &r.source) < 0 ||
	    !number_in(o, "server.port", 65535, &r.port) ||
	    !number_in(o, "http.response.status_code", 999, &r.status) || !r.port)
		return -EBADMSG;
	*ret_request = r;
	return 0;
}

static int keep(struct lines *lines, const struct replay_request *request)
{
	struct line line = {.request = *request, .number = lines->n};

	if (lines->n == LINES_MAX)
		return -E2BIG;
	if (lines->n == lines->room) {
		size_t room = lines->room ? lines->room * 2 : 1024;
		struct line *grown = reallocarray(lines->items, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		lines->items = grown;
		lines->room = room;
	}
	line.request.method = strdup(request->method);
	line.request.path = strdup(request->path);
	lines->items[lines->n++] = line;
	return line.request.method && line.request.path ? 0 : -ENOMEM;
}

static int read_file(struct lines *lines, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int r = 0;

	if (!f)
		return -errno;
	while (r == 0 && (n = getline(&text, &size, f)) > 0) {
		_cleanup_(json_decrefp) json_t *o = json_loadb(text, (size_t)n, 0, NULL);
		struct replay_request request;

		if (!o || read_request(o, &request) < 0)
			lines->unreadable++;
		else if (request.wall_ns >= lines->since_ns)
			r = keep(lines, &request);
	}
	return r == 0 && ferror(f) ? -EIO : r;
}

static int by_time(const void *va, const void *vb)
{
	const struct line *a = va, *b = vb;

	if (a->request.wall_ns != b->request.wall_ns)
		return a->request.wall_ns < b->request.wall_ns ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

int backtest_log_read(const char *path, int64_t since_ns,
		      void (*fn)(const struct replay_request *request, void *userdata),
		      void *userdata, struct backtest_span *ret_span)
{
	struct lines lines = {.since_ns = since_ns};
	char older[PATH_MAX];
	int r = 0;

	if ((size_t)snprintf(older, sizeof(older), "%s.1", path) < sizeof(older))
		r = read_file(&lines, older);
	if (r == 0 || r == -ENOENT)
		r = read_file(&lines, path);
	if (r == 0 && lines.n)
		qsort(lines.items, lines.n, sizeof(*lines.items), by_time);
	if (r == 0)
		*ret_span = (struct backtest_span){
			.n = lines.n,
			.unreadable = lines.unreadable,
			.first_ns = lines.n ? lines.items[0].request.wall_ns : 0,
			.last_ns = lines.n ? lines.items[lines.n - 1].request.wall_ns : 0,
		};
	for (size_t i = 0; i < lines.n; i++) {
		if (r == 0)
			fn(&lines.items[i].request, userdata);
		free((char *)lines.items[i].request.method);
		free((char *)lines.items[i].request.path);
	}
	free(lines.items);
	return r;
}
