/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * courier_bench.h - for the tests of the courier: a keeper played by the test on its own event
 * loop, and clients on the socket, in threads, as any user. The courier between is the real one.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/sockets.h"
#include "user/courier/courier.h"
#include "user/courier/link.h"

struct keeper {
	char dir[64];
	char *path;
	struct event_base *base;
	struct courier *courier;
	struct courier_link *link;
	json_t *requests; /* every frame the handler got */
	bool silent;
	struct courier_reply *kept;
	struct courier_reply *stale; /* answered before the next request is */
};

/* --- the keeper --------------------------------------------------------------------------------
 */

/* /v1/echo answers 201 with the frame itself, /v1/none 405, everything else 404. */
static inline void handle(json_t *request, struct courier_reply *reply, void *userdata)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	struct keeper *keeper = userdata;

	json_array_append(keeper->requests, request);
	if (keeper->stale)
		courier_reply(TAKE_PTR(keeper->stale), 200, json_pack("{s:s}", "stale", "yes"));
	if (keeper->silent) {
		keeper->kept = reply;
	} else if (strcmp(path, "/v1/echo") == 0) {
		courier_reply_header(reply, "Location", "/v1/echo/1");
		courier_reply(reply, 201, json_incref(request));
	} else if (strcmp(path, "/v1/none") == 0) {
		courier_reply_header(reply, "Allow", "GET, PUT");
		courier_reply_problem(reply, 405, "method", json_pack("{s:i}", "more", 1), "not %s",
				      "this way");
	} else {
		courier_reply_problem(reply, 404, "path", NULL, "no such path");
	}
}

static inline void keeper_start(struct keeper *keeper, const struct courier_options *options)
{
	struct courier_options all = options ? *options : (struct courier_options){0};

	all.run_dir = keeper->dir;
	if (!all.group)
		all.group = "daemon";
	assert_int_equal(courier_start(&all, &keeper->courier), 0);
	assert_int_equal(
		courier_link_new(keeper->base, keeper->courier, handle, keeper, &keeper->link), 0);
}

static inline int setup(void **state)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	snprintf(keeper->dir, sizeof(keeper->dir), "/tmp/test-courier.XXXXXX");
	assert_non_null(mkdtemp(keeper->dir));
	assert_int_equal(chmod(keeper->dir, 0755), 0);
	assert_true(asprintf(&keeper->path, "%s/glacis.sock", keeper->dir) > 0);
	keeper->base = event_base_new();
	keeper->requests = json_array();
	*state = keeper;
	return 0;
}

static inline int teardown(void **state)
{
	struct keeper *keeper = *state;

	courier_link_free(keeper->link);
	courier_stop(keeper->courier);
	event_base_free(keeper->base);
	json_decref(keeper->requests);
	unlink(keeper->path);
	assert_int_equal(rmdir(keeper->dir), 0); /* nothing is left behind */
	free(keeper->path);
	free(keeper);
	return 0;
}

/* --- clients: threads, because the keeper's loop runs in the test's own -------------------------
 */

struct client {
	const char *path;
	const char *request;
	size_t request_size; /* 0 = strlen */
	uid_t uid; /* 0 = stay root */
	gid_t member; /* supplementary group, 0 = none */
	int done; /* the writing end of the loop's pipe */
	int error;
	char *response; /* all of it, NUL-terminated */
	size_t size;
};

/* Credentials are per thread for the kernel; glibc's wrappers would change all threads. */
static inline int become(uid_t uid, gid_t member)
{
	if (!uid)
		return 0;
	if (syscall(SYS_setgroups, member ? 1 : 0, &member) < 0 ||
	    syscall(SYS_setresgid, uid, uid, uid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static inline int send_all(int fd, const char *bytes, size_t size)
{
	while (size > 0) {
		ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		bytes += n;
		size -= n;
	}
	return 0;
}

static inline void receive_all(struct client *client, int fd)
{
	size_t room = 1 << 16;
	ssize_t n;

	client->response = malloc(room);
	while ((n = recv(fd, client->response + client->size, room - client->size - 1, 0)) > 0) {
		client->size += n;
		if (room - client->size < 4096)
			client->response = realloc(client->response, room *= 2);
	}
	client->response[client->size] = 0;
}

static inline void *client_run(void *arg)
{
	_cleanup_close_ int fd = -1;
	struct client *client = arg;
	size_t size = client->request_size ? client->request_size : strlen(client->request);

	client->error = become(client->uid, client->member);
	if (client->error == 0)
		client->error = socket_connect_unix(client->path, &fd);
	if (client->error == 0) {
		send_all(fd, client->request, size); /* refused halfway: there is an answer */
		receive_all(client, fd);
	}
	close(client->done);
	return NULL;
}

static inline void stop_loop(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(userdata);
}

/* Runs the keeper until the client is done. */
static inline void exchange(struct keeper *keeper, struct client *client)
{
	struct event *event;
	pthread_t thread;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	client->path = keeper->path;
	client->done = ends[1];
	event = event_new(keeper->base, ends[0], EV_READ, stop_loop, keeper->base);
	event_add(event, NULL);
	assert_int_equal(pthread_create(&thread, NULL, client_run, client), 0);
	event_base_dispatch(keeper->base);
	pthread_join(thread, NULL);
	event_free(event);
	close(ends[0]);
}

/* One request of root; the whole response is the caller's. */
static inline char *ask(struct keeper *keeper, const char *request)
{
	struct client client = {.request = request};

	exchange(keeper, &client);
	assert_int_equal(client.error, 0);
	return client.response;
}

static inline int status_of(const char *response)
{
	int status = 0;

	assert_int_equal(sscanf(response, "HTTP/1.1 %d ", &status), 1);
	return status;
}

static inline const char *body_of(const char *response)
{
	const char *end = strstr(response, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static inline json_t *json_of(const char *response)
{
	json_t *body = json_loads(body_of(response), 0, NULL);

	assert_non_null(body);
	return body;
}

static inline void has(const char *response, const char *line)
{
	if (!strstr(response, line))
		fail_msg("no \"%s\" in: %.1500s", line, response);
}

static inline void is_problem(const char *response, int status, const char *kind)
{
	json_t *body = json_of(response);
	char type[128];

	assert_int_equal(status_of(response), status);
	has(response, "Content-Type: application/problem+json\r\n");
	snprintf(type, sizeof(type), "urn:glacis:problem:%s", kind);
	assert_string_equal(json_string_value(json_object_get(body, "type")), type);
	assert_int_equal(json_integer_value(json_object_get(body, "status")), status);
	assert_true(json_is_string(json_object_get(body, "title")));
	assert_true(json_is_string(json_object_get(body, "detail")));
	json_decref(body);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: glacis\r\nConnection: close\r\n\r\n"

static inline char *post(const char *type, const char *body, size_t size, size_t *ret_size)
{
	char *request = malloc(size + 512);
	int n = snprintf(request, size + 512,
			 "POST /v1/echo HTTP/1.1\r\nHost: glacis\r\nConnection: close\r\n"
			 "Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
			 type, size);

	memcpy(request + n, body, size);
	request[n + size] = 0;
	*ret_size = n + size;
	return request;
}

static inline char *ask_post(struct keeper *keeper, const char *type, const char *body, size_t size)
{
	struct client client = {0};
	char *request = post(type, body, size, &client.request_size);

	client.request = request;
	exchange(keeper, &client);
	assert_int_equal(client.error, 0);
	free(request);
	return client.response;
}

/* main() of each test program: the courier is executed from the same file. */
static inline int bench_main(int argc, char **argv)
{
	int r = courier_main(argc, argv);

	if (r >= 0)
		return r;
	if (geteuid() != 0) {
		fputs("needs root: users and groups are the subject\n", stderr);
		return 77;
	}
	alarm(120); /* a hang is a failure, not a wait */
	return -1;
}
