/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.c - both ends of a TLS handshake's beginning, for the kernel matrix: no cryptography, only
 * the bytes the doors judge.
 *
 * Usage: tls hello SOURCE HOST PORT VERSION CUT   VERSION "0301".."0304"; CUT 0: in one segment.
 *          prints what came back in hexadecimal, at most 16 bytes, and "end", "reset" or "silence"
 *        tls serve PORT VERSION                   answers any bytes with a ServerHello of VERSION
 * Runs in the guest only, started by tests/kernels/guest.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define HELLO_LEAST 52 /* bytes of the shorter one */

static size_t put(unsigned char *to, size_t at, const void *bytes, size_t n)
{
	memcpy(to + at, bytes, n);
	return at + n;
}

static size_t put_version(unsigned char *to, size_t at, unsigned version)
{
	to[at] = (unsigned char)(version >> 8);
	to[at + 1] = (unsigned char)version;
	return at + 2;
}

/* A record with one handshake message: type, version, random, no session, `rest`. */
static size_t make(unsigned char *out, unsigned char type, unsigned version, const void *rest,
		   size_t n)
{
	size_t at, length = 2 + 32 + 1 + n;

	at = put(out, 0, "\x16\x03\x01", 3);
	at = put_version(out, at, (unsigned)(length + 4));
	out[at++] = type;
	out[at++] = 0;
	at = put_version(out, at, (unsigned)length);
	at = put_version(out, at, version);
	memset(out + at, 0x5a, 32);
	at += 32;
	out[at++] = 0;
	return put(out, at, rest, n);
}

static size_t make_hello(unsigned char *out, unsigned version)
{
	/* two ciphers, no compression; of 1.3 also supported_versions */
	static const unsigned char plain[] = {0, 4, 0xc0, 0x2f, 0, 0x2f, 1, 0};
	static const unsigned char with_13[] = {0, 4, 0x13, 1, 0xc0, 0x2f, 1, 0, 0,
						7, 0, 43,   0, 3,    2,    3, 4};

	if (version == 0x0304)
		return make(out, 1, 0x0303, with_13, sizeof(with_13));
	return make(out, 1, version, plain, sizeof(plain));
}

static int connect_from(const char *source, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
	struct timeval patience = {.tv_sec = 1};
	struct addrinfo *from, *to;
	int fd, one = 1;

	if (getaddrinfo(source, "0", &hints, &from) != 0 ||
	    getaddrinfo(host, port, &hints, &to) != 0)
		return -1;
	fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (bind(fd, from->ai_addr, from->ai_addrlen) == 0 &&
	    connect(fd, to->ai_addr, to->ai_addrlen) == 0)
		return fd;
	close(fd);
	return -1;
}

static int hello(char **argv)
{
	unsigned version = (unsigned)strtoul(argv[3], NULL, 16);
	size_t cut = strtoul(argv[4], NULL, 10), size;
	unsigned char bytes[256], got[4096];
	int fd = connect_from(argv[0], argv[1], argv[2]);
	const char *end = "silence";
	ssize_t n;

	if (fd < 0) {
		puts("none");
		return 0;
	}
	size = make_hello(bytes, version);
	if (cut >= size)
		cut = 0;
	if ((cut && write(fd, bytes, cut) < 0) || write(fd, bytes + cut, size - cut) < 0)
		end = "reset";
	while ((n = read(fd, got, sizeof(got))) > 0)
		for (ssize_t i = 0; i < n && i < 16; i++)
			printf("%02x", got[i]);
	if (n == 0)
		end = "end";
	else if (errno == ECONNRESET)
		end = "reset";
	printf(" %s\n", end);
	return 0;
}

static int serve(char **argv)
{
	static const unsigned char chosen[] = {0xc0, 0x13, 0};
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	unsigned char bytes[256], got[4096];
	int listener = socket(AF_INET6, SOCK_STREAM, 0), one = 1;
	size_t size;

	address.sin6_port = htons((unsigned short)strtoul(argv[0], NULL, 10));
	size = make(bytes, 2, (unsigned)strtoul(argv[1], NULL, 16), chosen, sizeof(chosen));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    listen(listener, 64) < 0)
		return 1;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		size_t taken;
		ssize_t n;

		if (fd < 0)
			return 1;
		/* as a server: no answer before the hello is whole */
		for (n = 0, taken = 0; taken < HELLO_LEAST; taken += (size_t)n)
			if ((n = read(fd, got, sizeof(got))) <= 0)
				break;
		if (taken >= HELLO_LEAST && write(fd, bytes, size) > 0) {
			n = read(fd, got, sizeof(got));
			puts(n < 0 && errno == ECONNRESET ? "reset" : "end");
			fflush(stdout);
		}
		close(fd);
	}
}

int main(int argc, char **argv)
{
	if (argc == 7 && strcmp(argv[1], "hello") == 0)
		return hello(argv + 2);
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv + 2);
	return 2;
}
