/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * httpd.c - the server of the kernel matrix: one static file, answers every HTTP/1.1 request with
 * 200 and writes its request line to standard output. One connection at a time, one request each.
 *
 * Usage: httpd PORT. Runs in the guest only, started by tests/kernels/guest; not a server for more.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char answer[] =
	"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nserved\n";

static int listen_on(unsigned short port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 64) < 0)
		return -1;
	return fd;
}

/* Reads one head; false when the client ends or stalls before it is complete. */
static int read_head(int fd, char *head, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while (used < size - 1) {
		n = read(fd, head + used, size - 1 - used);
		if (n <= 0)
			return 0;
		used += (size_t)n;
		head[used] = '\0';
		if (strstr(head, "\r\n\r\n"))
			return 1;
	}
	return 0;
}

static void serve(int fd)
{
	struct timeval patience = {.tv_sec = 5};
	char head[8192];

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (!read_head(fd, head, sizeof(head)))
		return;
	head[strcspn(head, "\r")] = '\0';
	printf("ran %s\n", head);
	fflush(stdout);
	if (write(fd, answer, sizeof(answer) - 1) < 0)
		perror("httpd: write");
}

int main(int argc, char **argv)
{
	long port = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	int listener = port > 0 && port < 65536 ? listen_on((unsigned short)port) : -1;

	if (listener < 0) {
		perror("httpd: listen");
		return 1;
	}
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			continue;
		serve(fd);
		close(fd);
	}
}
