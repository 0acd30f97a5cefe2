/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_agent.h - for the tests of glacisctl: a socket that answers with given bytes, in given
 * pieces, and keeps what it was asked; and one run of glacisctl with its output caught.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/sockets.h"
#include "user/ctl/ctl.h"

#define FAKE_ANSWERS_MAX 8

struct fake_agent {
	char dir[64], path[96];
	int listen_fd;
	pthread_t thread;
	unsigned n; /* answers, one connection each */
	const char *answers[FAKE_ANSWERS_MAX];
	size_t piece; /* bytes per send; 0 = all at once */
	char *requests[FAKE_ANSWERS_MAX];
	unsigned served;
};

static inline size_t fake_body_size(const char *request)
{
	const char *length = strstr(request, "Content-Length: ");

	return length ? strtoul(length + 16, NULL, 10) : 0;
}

static inline char *fake_receive(int fd)
{
	size_t room = 1 << 20, have = 0;
	char *request = calloc(1, room);

	while (have < room - 1) {
		const char *end = strstr(request, "\r\n\r\n");
		ssize_t n;

		if (end && have >= (size_t)(end + 4 - request) + fake_body_size(request))
			break;
		n = recv(fd, request + have, room - 1 - have, 0);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	return request;
}

static inline void fake_send(int fd, const char *bytes, size_t piece)
{
	size_t size = strlen(bytes);

	while (size > 0) {
		size_t n = piece && piece < size ? piece : size;

		if (send(fd, bytes, n, MSG_NOSIGNAL) != (ssize_t)n)
			return;
		bytes += n;
		size -= n;
	}
}

static inline void *fake_serve(void *arg)
{
	struct fake_agent *agent = arg;

	for (unsigned i = 0; i < agent->n; i++) {
		int fd = accept4(agent->listen_fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			break;
		agent->requests[i] = fake_receive(fd);
		fake_send(fd, agent->answers[i], agent->piece);
		agent->served++;
		close(fd);
	}
	return NULL;
}

/* Answers `n` connections one after the other; with n = 0 nobody listens. */
static inline void fake_start(struct fake_agent *agent)
{
	snprintf(agent->dir, sizeof(agent->dir), "/tmp/test-ctl.XXXXXX");
	if (!mkdtemp(agent->dir))
		abort();
	snprintf(agent->path, sizeof(agent->path), "%s/glacis.sock", agent->dir);
	agent->listen_fd = -1;
	if (agent->n == 0)
		return;
	if (socket_listen_unix(agent->path, 0600, SOCKET_NO_GROUP, 8, &agent->listen_fd) < 0)
		abort();
	/* the thread blocks in accept */
	fcntl(agent->listen_fd, F_SETFL, 0);
	pthread_create(&agent->thread, NULL, fake_serve, agent);
}

/* Waits until every answer was asked for, unless `cut`: then what was not is not waited for. */
static inline void fake_stop(struct fake_agent *agent)
{
	if (agent->listen_fd >= 0) {
		shutdown(agent->listen_fd, SHUT_RDWR);
		pthread_join(agent->thread, NULL);
		close(agent->listen_fd);
	}
	for (unsigned i = 0; i < FAKE_ANSWERS_MAX; i++)
		free(agent->requests[i]);
	unlink(agent->path);
	rmdir(agent->dir);
}

struct ctl_result {
	int code;
	char *out, *err;
};

static inline void ctl_result_clear(struct ctl_result *result)
{
	free(result->out);
	free(result->err);
}

/* Words are separated by one space; '_' stands for a space inside a word. */
static inline struct ctl_result run_ctl(const char *socket, const char *words)
{
	_cleanup_free_ char *copy = strdup(words);
	struct ctl_result result = {0};
	size_t out_size, err_size;
	FILE *out = open_memstream(&result.out, &out_size);
	FILE *err = open_memstream(&result.err, &err_size);
	char *argv[32] = {(char *)"glacisctl"}, *save = NULL;
	int argc = 1;

	for (char *c = copy; *c; c++)
		*c = *c == '_' ? '\x01' : *c;
	for (char *word = strtok_r(copy, " ", &save); word && argc < 31;
	     word = strtok_r(NULL, " ", &save)) {
		for (char *c = word; *c; c++)
			*c = *c == '\x01' ? ' ' : *c;
		argv[argc++] = word;
	}
	if (socket)
		setenv("GLACIS_SOCKET", socket, 1);
	else
		unsetenv("GLACIS_SOCKET");
	result.code = ctl_run(argc, argv, out, err);
	fclose(out);
	fclose(err);
	return result;
}
