/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_courier.c - the courier process, for real (fork, exec, privileges given away), between a
 * keeper played by the test and clients on the socket.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/sockets.h"
#include "user/courier/courier.h"
#include "user/courier/link.h"

#define BODY_MAX (6u << 20)

struct keeper {
	char dir[64];
	char *path;
	struct event_base *base;
	struct courier *courier;
	struct courier_link *link;
	json_t *requests; /* every frame the handler got */
	bool silent;
	struct courier_reply *kept;
};

/* --- the keeper --------------------------------------------------------------------------------
 */

/* /v1/echo answers 201 with the frame itself, /v1/none 405, everything else 404. */
static void handle(json_t *request, struct courier_reply *reply, void *userdata)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	struct keeper *keeper = userdata;

	json_array_append(keeper->requests, request);
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

static void keeper_start(struct keeper *keeper, const struct courier_options *options)
{
	struct courier_options all = options ? *options : (struct courier_options){0};

	all.run_dir = keeper->dir;
	if (!all.group)
		all.group = "daemon";
	assert_int_equal(courier_start(&all, &keeper->courier), 0);
	assert_int_equal(
		courier_link_new(keeper->base, keeper->courier, handle, keeper, &keeper->link), 0);
}

static int setup(void **state)
{
	struct keeper *keeper = calloc(1, sizeof(*keeper));

	strcpy(keeper->dir, "/tmp/test-courier.XXXXXX");
	assert_non_null(mkdtemp(keeper->dir));
	assert_int_equal(chmod(keeper->dir, 0755), 0);
	assert_true(asprintf(&keeper->path, "%s/glacis.sock", keeper->dir) > 0);
	keeper->base = event_base_new();
	keeper->requests = json_array();
	*state = keeper;
	return 0;
}

static int teardown(void **state)
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
static int become(uid_t uid, gid_t member)
{
	if (!uid)
		return 0;
	if (syscall(SYS_setgroups, member ? 1 : 0, &member) < 0 ||
	    syscall(SYS_setresgid, uid, uid, uid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return -errno;
	return 0;
}

static int send_all(int fd, const char *bytes, size_t size)
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

static void receive_all(struct client *client, int fd)
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

static void *client_run(void *arg)
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

static void stop_loop(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(userdata);
}

/* Runs the keeper until the client is done. */
static void exchange(struct keeper *keeper, struct client *client)
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
static char *ask(struct keeper *keeper, const char *request)
{
	struct client client = {.request = request};

	exchange(keeper, &client);
	assert_int_equal(client.error, 0);
	return client.response;
}

static int status_of(const char *response)
{
	int status = 0;

	assert_int_equal(sscanf(response, "HTTP/1.1 %d ", &status), 1);
	return status;
}

static const char *body_of(const char *response)
{
	const char *end = strstr(response, "\r\n\r\n");

	assert_non_null(end);
	return end + 4;
}

static json_t *json_of(const char *response)
{
	json_t *body = json_loads(body_of(response), 0, NULL);

	assert_non_null(body);
	return body;
}

static void has(const char *response, const char *line)
{
	if (!strstr(response, line))
		fail_msg("no \"%s\" in: %.1500s", line, response);
}

static void is_problem(const char *response, int status, const char *kind)
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

static char *post(const char *type, const char *body, size_t size, size_t *ret_size)
{
	char *request = malloc(size + 512);
	int n = sprintf(request,
			"POST /v1/echo HTTP/1.1\r\nHost: glacis\r\nConnection: close\r\n"
			"Content-Type: %s\r\nContent-Length: %zu\r\n\r\n",
			type, size);

	memcpy(request + n, body, size);
	request[n + size] = 0;
	*ret_size = n + size;
	return request;
}

static char *ask_post(struct keeper *keeper, const char *type, const char *body, size_t size)
{
	struct client client = {0};
	char *request = post(type, body, size, &client.request_size);

	client.request = request;
	exchange(keeper, &client);
	assert_int_equal(client.error, 0);
	free(request);
	return client.response;
}

/* --- requests and responses --------------------------------------------------------------------
 */

static void test_round_trip(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	json_t *body, *expected;

	keeper_start(keeper, NULL);
	response = ask(keeper, GET("/v1/echo?a=1&b=x%20y"));
	assert_int_equal(status_of(response), 201);
	has(response, "Location: /v1/echo/1\r\n");
	has(response, "Content-Type: application/json\r\n");
	has(response, "X-Content-Type-Options: nosniff\r\n");
	has(response, "Cache-Control: no-store\r\n");
	has(response, "Content-Security-Policy: default-src 'none'");
	has(response, "RateLimit-Policy: \"control\";q=100;w=1\r\n");
	has(response, "RateLimit: \"control\";r=99;t=1\r\n");
	has(response, "RateLimit-Limit: 100\r\n");
	body = json_of(response);
	expected = json_pack("{s:i,s:s,s:s,s:{s:s,s:s},s:n,s:{s:i,s:i,s:i,s:b}}", "id", 1, "method",
			     "GET", "path", "/v1/echo", "query", "a", "1", "b", "x y", "body",
			     "peer", "uid", 0, "gid", 0, "pid", (int)getpid(), "reader", 1);
	assert_true(json_equal(body, expected));
	assert_int_equal(json_array_size(keeper->requests), 1);
	json_decref(body);
	json_decref(expected);
}

static void test_body(void **state)
{
	static const char text[] = "{\"text\":\"a: b\\n\\u00fc\",\"n\":[1,2.5,null,true]}";
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	json_t *body, *expected;

	keeper_start(keeper, NULL);
	response = ask_post(keeper, "application/json; charset=utf-8", text, strlen(text));
	assert_int_equal(status_of(response), 201);
	body = json_of(response);
	expected = json_loads(text, 0, NULL);
	assert_true(json_equal(json_object_get(body, "body"), expected));
	json_decref(body);
	json_decref(expected);
}

static void test_keepers_problem(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *none = NULL, *absent = NULL;
	json_t *body;

	keeper_start(keeper, NULL);
	none = ask(keeper, GET("/v1/none"));
	is_problem(none, 405, "method");
	has(none, "Allow: GET, PUT\r\n");
	body = json_of(none);
	assert_int_equal(json_integer_value(json_object_get(body, "more")), 1);
	assert_string_equal(json_string_value(json_object_get(body, "detail")), "not this way");
	json_decref(body);
	absent = ask(keeper, GET("/v2"));
	is_problem(absent, 404, "path");
}

static void test_head(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *head = NULL, *get = NULL;
	char length[64];

	keeper_start(keeper, NULL);
	head = ask(keeper, "HEAD /v2 HTTP/1.1\r\nHost: glacis\r\nConnection: close\r\n\r\n");
	get = ask(keeper, GET("/v2"));
	assert_int_equal(status_of(head), 404);
	assert_string_equal(body_of(head), "");
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body_of(get)));
	has(head, length);
}

/* Each is refused by the courier alone: the keeper sees nothing of it. */
static void test_bad_requests(void **state)
{
	static const struct {
		const char *type, *body, *kind, *detail;
		int status;
	} rows[] = {
		{"application/json", "{\"a\":}", "bad-json", "line 1, column 6", 400},
		{"application/json", "[1]", "bad-json", "not a JSON object", 400},
		{"application/json", "{\"a\":1,\"a\":2}", "bad-json", "duplicate", 400},
		{"application/json", "{\"a\":\"\\u0000\"}", "bad-json", "\\u0000", 400},
		{"text/plain", "{}", "not-json", "Content-Type: application/json", 415},
		{"application/jsonx", "{}", "not-json", "Content-Type: application/json", 415},
	};
	struct keeper *keeper = *state;

	keeper_start(keeper, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *response =
			ask_post(keeper, rows[i].type, rows[i].body, strlen(rows[i].body));
		json_t *body = json_of(response);

		is_problem(response, rows[i].status, rows[i].kind);
		if (!strstr(json_string_value(json_object_get(body, "detail")), rows[i].detail))
			fail_msg("row %zu: %s", i, body_of(response));
		json_decref(body);
	}
	assert_int_equal(json_array_size(keeper->requests), 0);
}

static void test_bad_targets(void **state)
{
	static const struct {
		const char *request, *kind;
	} rows[] = {
		{GET("/v1/echo?a=1&a=2"), "bad-query"}, {GET("/v1/echo?a=%ff"), "bad-query"},
		{GET("/v1%2fecho"), "bad-path"},        {GET("/v1/echo%00x"), "bad-path"},
		{GET("/v1/%ff"), "bad-path"},
	};
	struct keeper *keeper = *state;

	keeper_start(keeper, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *response = ask(keeper, rows[i].request);

		is_problem(response, 400, rows[i].kind);
	}
	assert_int_equal(json_array_size(keeper->requests), 0);
}

static char *json_of_size(size_t size)
{
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	memcpy(text, "{\"s\":\"", 6);
	memcpy(text + size - 2, "\"}", 3);
	return text;
}

static void test_body_sizes(void **state)
{
	static const struct {
		size_t size;
		int status;
	} rows[] = {{BODY_MAX, 201}, {BODY_MAX + 1, 413}, {4 * BODY_MAX, 413}};
	struct keeper *keeper = *state;

	keeper_start(keeper, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *text = json_of_size(rows[i].size);
		_cleanup_free_ char *response =
			ask_post(keeper, "application/json", text, rows[i].size);

		assert_int_equal(status_of(response), rows[i].status);
		if (i == 1)
			is_problem(response, 413, "too-large");
	}
	assert_int_equal(json_array_size(keeper->requests), 1);
}

static void test_silent_keeper(void **state)
{
	const struct courier_options options = {.reply_timeout_ms = 150};
	struct keeper *keeper = *state;
	_cleanup_free_ char *late = NULL, *next = NULL;

	keeper_start(keeper, &options);
	keeper->silent = true;
	late = ask(keeper, GET("/v1/echo"));
	is_problem(late, 503, "keeper-silent");
	has(late, "Retry-After: 1\r\n");
	/* the answer that comes too late is nobody's; the next one is right */
	keeper->silent = false;
	courier_reply(keeper->kept, 200, json_pack("{s:s}", "stale", "yes"));
	next = ask(keeper, GET("/v1/echo"));
	assert_int_equal(status_of(next), 201);
	assert_null(strstr(next, "stale"));
}

/* Seven on one connection against a limit of five; another user has his own five. */
static void test_quota(void **state)
{
	const struct courier_options options = {.requests_per_s = 5};
	struct keeper *keeper = *state;
	struct client other = {.request = GET("/v2"), .uid = 4711, .member = 1};
	char request[1024] = "";
	_cleanup_free_ char *response = NULL;
	int admitted = 0, limited = 0;

	for (int i = 0; i < 6; i++)
		strcat(request, "GET /v2 HTTP/1.1\r\nHost: glacis\r\n\r\n");
	strcat(request, GET("/v2"));
	keeper_start(keeper, &options);
	response = ask(keeper, request);
	for (const char *at = response; (at = strstr(at, "HTTP/1.1 ")); at += 9) {
		admitted += status_of(at) == 404;
		limited += status_of(at) == 429;
	}
	assert_int_equal(admitted, 5);
	assert_int_equal(limited, 2);
	assert_int_equal(json_array_size(keeper->requests), 5);
	has(response, "Retry-After: 1\r\n");
	has(response, "RateLimit: \"control\";r=0;t=1\r\n");
	has(response, "RateLimit-Remaining: 0\r\n");
	has(response, "http-problem-types#quota-exceeded");
	has(response, "\"violated-policies\":[\"control\"]");
	exchange(keeper, &other);
	assert_int_equal(status_of(other.response), 404);
	has(other.response, "RateLimit: \"control\";r=4;t=1\r\n");
	free(other.response);
}

/* --- who asks ----------------------------------------------------------------------------------
 */

static json_t *peer_seen(struct keeper *keeper)
{
	size_t last = json_array_size(keeper->requests) - 1;

	return json_object_get(json_array_get(keeper->requests, last), "peer");
}

static void test_members(void **state)
{
	struct keeper *keeper = *state;
	struct client member = {.request = GET("/v2"), .uid = 4711, .member = 1};
	struct client stranger = {.request = GET("/v2"), .uid = 4711};
	struct stat st;

	keeper_start(keeper, NULL);
	assert_int_equal(stat(keeper->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0660);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(st.st_gid, 1);

	exchange(keeper, &member);
	assert_int_equal(status_of(member.response), 404);
	free(member.response);
	assert_int_equal(json_integer_value(json_object_get(peer_seen(keeper), "uid")), 4711);
	assert_true(json_is_true(json_object_get(peer_seen(keeper), "reader")));

	exchange(keeper, &stranger);
	assert_int_equal(stranger.error, -EACCES);
	assert_int_equal(json_array_size(keeper->requests), 1);
}

/* Should somebody open the socket to the world, the keeper still learns who asks. */
static void test_strangers(void **state)
{
	struct keeper *keeper = *state;
	struct client plain = {.request = GET("/v2"), .uid = 4711};
	struct client stream = {.request = GET("/v1/events/stream"), .uid = 4711};

	keeper_start(keeper, NULL);
	assert_int_equal(chmod(keeper->path, 0666), 0);
	exchange(keeper, &plain);
	assert_true(json_is_false(json_object_get(peer_seen(keeper), "reader")));
	free(plain.response);
	exchange(keeper, &stream);
	is_problem(stream.response, 403, "not-a-reader");
	assert_int_equal(courier_followers(keeper->link), 0);
	free(stream.response);
}

static void test_without_group(void **state)
{
	const struct courier_options options = {.group = "no-such-group-here"};
	struct keeper *keeper = *state;
	struct client member = {.request = GET("/v2"), .uid = 4711, .member = 1};
	_cleanup_free_ char *response = NULL;
	struct stat st;

	keeper_start(keeper, &options);
	assert_int_equal(stat(keeper->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	exchange(keeper, &member);
	assert_int_equal(member.error, -EACCES);
	response = ask(keeper, GET("/v2"));
	assert_int_equal(status_of(response), 404);
}

/* Members cannot keep root out: of 40 connections held open 32 stay, and root is served. */
static void test_crowd(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	struct pollfd crowd[40];
	int alive = 0;
	pid_t pid;
	int ends[2];

	keeper_start(keeper, NULL);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid = fork();
	if (pid == 0) {
		char word;

		if (become(4711, 1) < 0)
			_exit(2);
		for (size_t i = 0; i < ARRAY_SIZE(crowd); i++)
			if (socket_connect_unix(keeper->path, &crowd[i].fd) < 0)
				_exit(3);
		if (write(ends[1], "c", 1) != 1 || read(ends[1], &word, 1) != 1)
			_exit(4);
		for (size_t i = 0; i < ARRAY_SIZE(crowd); i++) {
			crowd[i].events = POLLIN;
			alive += poll(&crowd[i], 1, 0) == 0;
		}
		_exit(100 + alive);
	}
	assert_int_equal(read(ends[0], (char[1]){0}, 1), 1);
	response = ask(keeper, GET("/v2")); /* after all of them in the backlog */
	assert_int_equal(status_of(response), 404);
	assert_int_equal(write(ends[0], "g", 1), 1);
	assert_int_equal(waitpid(pid, &alive, 0), pid);
	assert_int_equal(WEXITSTATUS(alive), 100 + 32);
	close(ends[0]);
	close(ends[1]);
}

/* --- the process -------------------------------------------------------------------------------
 */

static char *proc_status(pid_t pid)
{
	char path[64], *text = calloc(1, 8192);
	_cleanup_fclose_ FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(text, 1, 8191, f) > 0);
	return text;
}

static unsigned fds_above(pid_t pid, int limit, const char *forbidden)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char path[64], name[400], target[256];
	const struct dirent *entry;
	unsigned n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		ssize_t size;

		if (entry->d_name[0] == '.')
			continue;
		n += atoi(entry->d_name) > limit;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		size = readlink(name, target, sizeof(target) - 1);
		target[size > 0 ? size : 0] = 0;
		assert_null(strstr(target, forbidden));
	}
	return n;
}

static void test_privileges(void **state)
{
	struct keeper *keeper = *state;
	int leak = open("/etc/hostname", O_RDONLY); /* not close-on-exec */
	_cleanup_free_ char *response = NULL, *status = NULL;
	char path[64], environment[16];
	int fd;

	assert_true(leak >= 0);
	assert_int_equal(setgroups(1, (gid_t[]){1}), 0);
	keeper_start(keeper, NULL);
	response = ask(keeper, GET("/v2")); /* it serves: everything is given away by now */
	status = proc_status(courier_pid(keeper->courier));
	has(status, "Name:\tglacis-courier\n");
	has(status, "Uid:\t65534\t65534\t65534\t65534\n");
	has(status, "Gid:\t65534\t65534\t65534\t65534\n");
	has(status, "Groups:\t \n");
	has(status, "CapPrm:\t0000000000000000\n");
	has(status, "CapEff:\t0000000000000000\n");
	has(status, "NoNewPrivs:\t1\n");
	/* the event loop's own, a connection that ends, and nothing of ours */
	assert_true(fds_above(courier_pid(keeper->courier), 4, "hostname") <= 5);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)courier_pid(keeper->courier));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, environment, sizeof(environment)), 0);
	close(fd);
	close(leak);
	assert_int_equal(setgroups(0, NULL), 0);
}

static void test_courier_killed(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	pid_t before;

	keeper_start(keeper, NULL);
	before = courier_pid(keeper->courier);
	assert_int_equal(kill(before, SIGKILL), 0);
	/* waits in the backlog of the socket that stays */
	response = ask(keeper, GET("/v1/echo"));
	assert_int_equal(status_of(response), 201);
	assert_int_not_equal(courier_pid(keeper->courier), before);
	assert_int_equal(kill(before, 0), -1); /* reaped */
}

/* A reply handle of a courier that died is still the handler's to use, and reaches nobody. */
static void test_reply_after_kill(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *first = NULL, *second = NULL;

	keeper_start(keeper, &(struct courier_options){.reply_timeout_ms = 150});
	keeper->silent = true;
	first = ask(keeper, GET("/v1/echo"));
	keeper->silent = false;
	kill(courier_pid(keeper->courier), SIGKILL);
	second = ask(keeper, GET("/v2")); /* id 1 of the new courier, as the kept one was */
	assert_int_equal(status_of(second), 404);
	courier_reply(keeper->kept, 200, json_object());
}

/* The answer to a detach leaves although everything ends right after it. */
static void answer_and_end(evutil_socket_t fd, short what, void *userdata)
{
	struct keeper *keeper = userdata;

	(void)fd;
	(void)what;
	if (!keeper->kept) {
		event_base_loopcontinue(keeper->base);
		event_base_once(keeper->base, -1, EV_TIMEOUT, answer_and_end, keeper,
				&(struct timeval){.tv_usec = 1000});
		return;
	}
	courier_reply(keeper->kept, 202, json_pack("{s:b}", "done", 1));
	courier_link_free(TAKE_PTR(keeper->link));
	courier_stop(TAKE_PTR(keeper->courier));
}

static void test_stop_answers(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	struct stat st;

	keeper_start(keeper, NULL);
	keeper->silent = true;
	event_base_once(keeper->base, -1, EV_TIMEOUT, answer_and_end, keeper, NULL);
	response = ask(keeper, GET("/v1/echo"));
	assert_int_equal(status_of(response), 202);
	has(response, "{\"done\":true}");
	assert_int_equal(stat(keeper->path, &st), -1);
}

static void test_second_agent(void **state)
{
	struct keeper *keeper = *state;
	struct courier_options options = {.run_dir = keeper->dir, .group = "daemon"};
	_cleanup_free_ char *response = NULL;
	struct courier *second = NULL;

	keeper_start(keeper, NULL);
	assert_int_equal(courier_start(&options, &second), -EADDRINUSE);
	assert_null(second);
	response = ask(keeper, GET("/v2")); /* the first is as it was */
	assert_int_equal(status_of(response), 404);
}

static void test_stale_socket(void **state)
{
	struct keeper *keeper = *state;
	_cleanup_free_ char *response = NULL;
	int fd;

	assert_int_equal(socket_listen_unix(keeper->path, 0600, SOCKET_NO_GROUP, 1, &fd), 0);
	close(fd);
	keeper_start(keeper, NULL);
	response = ask(keeper, GET("/v2"));
	assert_int_equal(status_of(response), 404);
}

static void test_not_a_socket(void **state)
{
	struct keeper *keeper = *state;
	struct courier_options options = {.run_dir = keeper->dir, .group = "daemon"};
	int fd = open(keeper->path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	struct stat st;

	close(fd);
	assert_int_equal(courier_start(&options, &keeper->courier), -ENOTSOCK);
	assert_int_equal(stat(keeper->path, &st), 0); /* untouched */
}

/* SIGKILL of the agent takes the courier along; the next agent may start before anybody has even
 * waited for the dead one. */
static void test_keeper_killed(void **state)
{
	struct keeper *keeper = *state;
	struct courier_options options = {.run_dir = keeper->dir, .group = "daemon"};
	struct pollfd p = {.events = POLLIN};
	pid_t first, orphan;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	first = fork();
	if (first == 0) {
		struct courier *courier;

		if (courier_start(&options, &courier) < 0)
			_exit(1);
		orphan = courier_pid(courier);
		if (write(ends[1], &orphan, sizeof(orphan)) != sizeof(orphan))
			_exit(1);
		pause();
		_exit(1);
	}
	assert_int_equal(read(ends[0], &orphan, sizeof(orphan)), sizeof(orphan));
	p.fd = pidfd_open(orphan, 0);
	assert_true(p.fd >= 0);
	assert_int_equal(kill(first, SIGKILL), 0);
	keeper_start(keeper, NULL);
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(waitpid(first, NULL, 0), first);
	close(p.fd);
	close(ends[0]);
	close(ends[1]);
}

/* --- followers ---------------------------------------------------------------------------------
 */

struct stream {
	int fd;
	char *text;
	size_t size;
};

/* A follower on the test's own thread: nonblocking reads between rounds of the keeper's loop. */
static void stream_open(struct keeper *keeper, struct stream *stream)
{
	static const char request[] = GET("/v1/events/stream");

	assert_int_equal(socket_connect_unix(keeper->path, &stream->fd), 0);
	assert_int_equal(send_all(stream->fd, request, strlen(request)), 0);
	stream->text = calloc(1, 4 << 20);
	stream->size = 0;
}

static void stream_wait(struct keeper *keeper, struct stream *stream, const char *text)
{
	struct pollfd p = {.fd = stream->fd, .events = POLLIN};

	while (!strstr(stream->text, text)) {
		ssize_t n;

		event_base_loop(keeper->base, EVLOOP_NONBLOCK);
		if (poll(&p, 1, 10) == 0)
			continue;
		n = recv(stream->fd, stream->text + stream->size, 65536, 0);
		if (n <= 0)
			fail_msg("the stream ended before \"%s\": %s", text, stream->text);
		stream->size += n;
	}
}

static void stream_close(struct stream *stream)
{
	close(stream->fd);
	free(stream->text);
}

static void test_follow(void **state)
{
	struct keeper *keeper = *state;
	struct stream one, two;

	keeper_start(keeper, NULL);
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "unheard"));
	stream_open(keeper, &one);
	stream_wait(keeper, &one, "\r\n\r\n");
	stream_open(keeper, &two);
	stream_wait(keeper, &two, "\r\n\r\n");
	has(one.text, "HTTP/1.1 200 OK\r\n");
	has(one.text, "Content-Type: application/x-ndjson\r\n");
	has(one.text, "Transfer-Encoding: chunked\r\n");
	assert_int_equal(courier_followers(keeper->link), 2);
	assert_int_equal(json_array_size(keeper->requests), 0);

	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "first"));
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "second"));
	stream_wait(keeper, &one, "second");
	stream_wait(keeper, &two, "second");
	has(one.text, "\r\n{\"kind\":\"first\"}\n\r\n");
	has(two.text, "\r\n{\"kind\":\"first\"}\n\r\n");
	assert_null(strstr(one.text, "unheard"));

	/* one leaves and is no longer counted; the other hears on */
	stream_close(&one);
	while (courier_followers(keeper->link) != 1)
		event_base_loop(keeper->base, EVLOOP_ONCE);
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "third"));
	stream_wait(keeper, &two, "third");
	stream_close(&two);
	while (courier_followers(keeper->link) != 0)
		event_base_loop(keeper->base, EVLOOP_ONCE);
}

/* 3000 lines of 1 KiB against a client that does not read: what came and what it was told it lost
 * add up exactly, and it hears on afterwards. */
static void test_slow_follower(void **state)
{
	const struct courier_options options = {.follower_backlog_bytes = 64 << 10};
	struct keeper *keeper = *state;
	struct stream slow, quick;
	unsigned events = 0, lost = 0;
	char filling[1001] = "";

	memset(filling, 'x', 1000);
	keeper_start(keeper, &options);
	stream_open(keeper, &slow);
	stream_wait(keeper, &slow, "\r\n\r\n");
	stream_open(keeper, &quick);
	stream_wait(keeper, &quick, "\r\n\r\n");
	for (int i = 0; i < 3000; i++) {
		char mark[32];

		courier_broadcast(keeper->link, json_pack("{s:i,s:s}", "n", i, "x", filling));
		snprintf(mark, sizeof(mark), "{\"n\":%d,", i);
		stream_wait(keeper, &quick, mark);
	}
	assert_null(strstr(quick.text, "lost"));
	stream_wait(keeper, &slow, "{\"lost\":");
	courier_broadcast(keeper->link, json_pack("{s:s}", "kind", "after"));
	stream_wait(keeper, &slow, "{\"kind\":\"after\"}\n");
	for (const char *at = slow.text; (at = strstr(at, "{\"n\":")); at++)
		events++;
	for (const char *at = slow.text; (at = strstr(at, "{\"lost\":")); at++)
		lost += strtoul(at + 8, NULL, 10);
	assert_int_equal(events + lost, 3000);
	assert_true(lost > 1000);
	stream_close(&slow);
	stream_close(&quick);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		ROW(test_round_trip),      ROW(test_body),
		ROW(test_keepers_problem), ROW(test_head),
		ROW(test_bad_requests),    ROW(test_bad_targets),
		ROW(test_body_sizes),      ROW(test_silent_keeper),
		ROW(test_quota),           ROW(test_members),
		ROW(test_strangers),       ROW(test_without_group),
		ROW(test_crowd),           ROW(test_privileges),
		ROW(test_courier_killed),  ROW(test_reply_after_kill),
		ROW(test_stop_answers),    ROW(test_second_agent),
		ROW(test_stale_socket),    ROW(test_not_a_socket),
		ROW(test_keeper_killed),   ROW(test_follow),
		ROW(test_slow_follower),
	};
	int r = courier_main(argc, argv);

	if (r >= 0)
		return r;
	if (geteuid() != 0) {
		fputs("needs root: users and groups are the subject\n", stderr);
		return 77;
	}
	alarm(120); /* a hang is a failure, not a wait */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
