/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask.c - the client of the kernel matrix: one GET on one connection from a given source address;
 * prints the status of the answer, or "none" when there is none within three seconds.
 *
 * Usage: ask SOURCE HOST PORT TARGET. Runs in the guest only, started by tests/kernels/guest.
 */
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int resolve(const char *host, const char *port, struct addrinfo **ret_info)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};

	return getaddrinfo(host, port, &hints, ret_info);
}

static int connect_from(const char *source, const char *host, const char *port)
{
	struct timeval patience = {.tv_sec = 3};
	struct addrinfo *from, *to;
	int fd;

	if (resolve(source, "0", &from) != 0 || resolve(host, port, &to) != 0)
		return -1;
	fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (bind(fd, from->ai_addr, from->ai_addrlen) == 0 &&
	    connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The three digits after "HTTP/1.1 " of the first bytes that come. */
static int read_status(int fd, char status[4])
{
	char line[64];
	size_t used = 0;
	ssize_t n;

	while (used < 12) {
		n = read(fd, line + used, sizeof(line) - used);
		if (n <= 0)
			return -1;
		used += (size_t)n;
	}
	if (memcmp(line, "HTTP/1.1 ", 9) != 0)
		return -1;
	memcpy(status, line + 9, 3);
	status[3] = '\0';
	return 0;
}

int main(int argc, char **argv)
{
	char request[512], status[4];
	int fd, n;

	if (argc != 5)
		return 2;
	n = snprintf(request, sizeof(request),
		     "GET %s HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n", argv[4]);
	fd = connect_from(argv[1], argv[2], argv[3]);
	if (fd < 0 || write(fd, request, (size_t)n) != n || read_status(fd, status) < 0)
		puts("none");
	else
		puts(status);
	return 0;
}
