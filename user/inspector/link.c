/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/link.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/cleanup.h"

#define WAIT_MS   100
#define WAITS_MAX 50

struct link {
	int fd;
	size_t n;
	uint64_t lost;
	_Alignas(8) uint8_t out[REPORT_MESSAGE_MAX];
	_Alignas(8) uint8_t in[REPORT_MESSAGE_MAX];
};

int link_new(int fd, struct link **ret_link)
{
	*ret_link = calloc(1, sizeof(**ret_link));
	if (!*ret_link)
		return -ENOMEM;
	(*ret_link)->fd = fd;
	return 0;
}

void link_free(struct link *link)
{
	free(link);
}

int link_flush(struct link *link)
{
	ssize_t n;

	if (link->n == 0)
		return 0;
	do
		n = send(link->fd, link->out, link->n, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ENOBUFS || errno == EAGAIN ? -EAGAIN : -errno;
	link->n = 0;
	return 0;
}

int link_pending(const struct link *link)
{
	return link->n > 0;
}

uint64_t link_lost(const struct link *link)
{
	return link->lost;
}

bool link_put_waiting(struct link *link, enum report_kind kind, struct report *report, size_t size)
{
	uint64_t lost = link->lost;

	for (int i = 0; i < WAITS_MAX && link->n > sizeof(link->out) - ((size + 7) & ~(size_t)7);
	     i++) {
		struct pollfd fd = {.fd = link->fd, .events = POLLOUT};

		if (link_flush(link) == 0)
			break;
		poll(&fd, 1, WAIT_MS);
	}
	link_put(link, kind, report, size);
	return link->lost == lost;
}

void link_put(struct link *link, enum report_kind kind, struct report *report, size_t size)
{
	size_t whole = (size + 7) & ~(size_t)7;

	if (whole > sizeof(link->out) - link->n)
		link_flush(link);
	if (whole > sizeof(link->out) - link->n) {
		link->lost++;
		return;
	}
	report->kind = (uint16_t)kind;
	report->reserved = 0;
	report->len = (uint32_t)whole;
	memcpy(link->out + link->n, report, size);
	memset(link->out + link->n + size, 0, whole - size);
	link->n += whole;
}

static void take_descriptor(struct msghdr *message, int *ret_fd)
{
	int fd;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    c->cmsg_len != CMSG_LEN(sizeof(fd)))
			continue;
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		cleanup_close(ret_fd);
		*ret_fd = fd;
	}
}

int link_receive(struct link *link, const uint8_t **ret_bytes, int *ret_fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = {link->in, sizeof(link->in)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do
		n = recvmsg(link->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	*ret_bytes = link->in;
	*ret_fd = -1;
	take_descriptor(&message, ret_fd);
	return (int)n;
}
