/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sockets.c - see sockets.h. */
#include "user/base/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "user/base/cleanup.h"

#define DYING_WAIT_MS 300 /* a listener still there after it is alive */
#define CHILD_WAIT_MS 2000 /* for a dead listener's child to go as well */

static int address(const char *path, struct sockaddr_un *ret_address)
{
	size_t size = strlen(path);

	if (size == 0 || size >= sizeof(ret_address->sun_path))
		return -ENAMETOOLONG;
	memset(ret_address, 0, sizeof(*ret_address));
	ret_address->sun_family = AF_UNIX;
	memcpy(ret_address->sun_path, path, size);
	return 0;
}

static int connect_flags(const char *path, int flags, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sun;
	int r = address(path, &sun);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int socket_connect_unix(const char *path, int *ret_fd)
{
	return connect_flags(path, 0, ret_fd);
}

int socket_peer(int fd, gid_t group, struct socket_peer *ret_peer)
{
	struct ucred cred;
	socklen_t size = sizeof(cred);
	gid_t groups[1024];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
		return -errno;
	ret_peer->uid = cred.uid;
	ret_peer->gid = cred.gid;
	ret_peer->pid = cred.pid;
	ret_peer->member = group != SOCKET_NO_GROUP && cred.gid == group;
	if (group == SOCKET_NO_GROUP || ret_peer->member)
		return 0;
	size = sizeof(groups);
	/* ERANGE above 1024 groups: not a member, the safe side */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return 0;
	for (size_t i = 0; i < size / sizeof(*groups); i++)
		if (groups[i] == group)
			ret_peer->member = true;
	return 0;
}

static bool process_ends(pid_t pid, int wait_ms)
{
	_cleanup_close_ int fd = -1;
	struct pollfd p = {.events = POLLIN};

	if (pid <= 0)
		return false;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return errno == ESRCH;
	p.fd = fd; /* readable for a zombie too: its parent may be slow to wait */
	return poll(&p, 1, wait_ms) == 1;
}

/*
 * 1: somebody listens; 0: nobody. A socket outlives the process that made it while a child holds
 * it; when that process is dead or dying (an agent just killed, whose courier goes with it by
 * PR_SET_PDEATHSIG), the end of our connection tells when the child has gone as well.
 */
static int somebody_listens(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct socket_peer peer;
	struct pollfd p = {.events = POLLIN};
	int r = connect_flags(path, SOCK_NONBLOCK, &fd);

	if (r == -ECONNREFUSED || r == -ENOENT)
		return 0;
	if (r == -EAGAIN) /* its backlog is full */
		return 1;
	if (r < 0)
		return r;
	if (socket_peer(fd, SOCKET_NO_GROUP, &peer) < 0 || !process_ends(peer.pid, DYING_WAIT_MS))
		return 1;
	p.fd = fd;
	return poll(&p, 1, CHILD_WAIT_MS) == 1 ? 0 : 1;
}

/* Frees the name of a dead socket. */
static int clear_name(const char *path)
{
	struct stat st;
	int r;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -ENOTSOCK;
	r = somebody_listens(path);
	if (r != 0)
		return r < 0 ? r : -EADDRINUSE;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

/* Binds under a name of our own, so that the real one never has a wrong mode nor refuses. */
static int listen_beside(const char *beside, mode_t mode, gid_t group, int backlog, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un sun;
	mode_t mask;
	int r = address(beside, &sun);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	unlink(beside);
	mask = umask(0177);
	r = bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0 ? -errno : 0;
	umask(mask);
	if (r < 0)
		return r;
	if ((group != SOCKET_NO_GROUP && geteuid() == 0 && lchown(beside, 0, group) < 0) ||
	    chmod(beside, mode) < 0 || listen(fd, backlog) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int socket_listen_unix(const char *path, mode_t mode, gid_t group, int backlog, int *ret_fd)
{
	_cleanup_free_ char *beside = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (asprintf(&beside, "%s.%d", path, (int)getpid()) < 0)
		return -ENOMEM;
	r = clear_name(path);
	if (r < 0)
		return r;
	r = listen_beside(beside, mode, group, backlog, &fd);
	/* not replacing: whoever took the name since then is alive */
	if (r == 0 && renameat2(AT_FDCWD, beside, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = errno == EEXIST ? -EADDRINUSE : -errno;
	if (r < 0) {
		unlink(beside);
		return r;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int socket_send_fd(int socket, const char *name, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = {(void *)name, strlen(name)};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&message);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
	return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int socket_receive_fd(int socket, char *name, size_t size, int *ret_fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = {name, size - 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&message);
	int fd = -1;

	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	if (cmsg && cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS &&
	    cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	name[n] = '\0';
	if (fd < 0 || message.msg_flags & MSG_TRUNC) {
		if (fd >= 0)
			close(fd);
		return -EBADMSG;
	}
	*ret_fd = fd;
	return 0;
}
