/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sockets.h - unix sockets: listening under a name safely, connecting, and who is at the other end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define SOCKET_NO_GROUP ((gid_t)-1)

/*
 * Listens on `path` (nonblocking), which appears with its final mode and, when the caller is root,
 * group (root:`group`; SOCKET_NO_GROUP = leave it). A socket nobody listens on is replaced.
 * -EADDRINUSE: somebody does; -ENOTSOCK: the name is something else; -ENAMETOOLONG.
 */
int socket_listen_unix(const char *path, mode_t mode, gid_t group, int backlog, int *ret_fd);

/* Blocking. -ENOENT: no such name; -ECONNREFUSED: nobody listens. */
int socket_connect_unix(const char *path, int *ret_fd);

struct socket_peer {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* 0: in a namespace we do not see */
	bool member; /* of the group asked about, supplementary groups included */
};

/* Who connected (or, for the connecting side, who listens), as the kernel saw it then. */
int socket_peer(int fd, gid_t group, struct socket_peer *ret_peer);

/* One message: a name (its end is the message's) and one descriptor. 0 or -errno. */
int socket_send_fd(int socket, const char *name, int fd);
/* Does not wait. -EAGAIN: none now; -EBADMSG: a message without a name or a descriptor; *ret_fd is
 * close-on-exec. */
int socket_receive_fd(int socket, char *name, size_t size, int *ret_fd);
