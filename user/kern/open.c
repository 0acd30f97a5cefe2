/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open.c - connections as they are now (bpf/open.bpf.c), and their end at once: by the kernel's own
 * socket diagnosis (what `ss -K` does), in the network namespace they live in.
 */
#include "user/kern/kern_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/log.h"

#include "open.skel.h"
#include "tls.skel.h"
#include "wire.skel.h"

void open_load(struct kern *kern)
{
	struct bpf_map *map;
	int r = -ENOMEM;

	programs_log_begin();
	kern->open = open_bpf__open();
	if (!kern->open)
		return;
	/* the iterators are given the doors' maps; they have none of their own */
	bpf_object__for_each_map(map, kern->open->obj) bpf_map__set_autocreate(map, false);
	r = open_bpf__load(kern->open);
	if (r == 0)
		return;
	log_warning("connections that are open are not cut by new decisions: %s", strerror(-r));
	log_debug("%s", programs_log());
	open_bpf__destroy(kern->open);
	kern->open = NULL;
}

void open_free(struct kern *kern)
{
	open_bpf__destroy(kern->open);
}

/* ---------------------------------------------------------------------------------------------
 * Which there are
 */
static int walk(const struct bpf_program *program, const struct bpf_map *map, kern_open_fn fn,
		void *userdata)
{
	union bpf_iter_link_info info = {.map.map_fd = (__u32)bpf_map__fd(map)};
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	_cleanup_close_ int link =
		bpf_link_create(bpf_program__fd(program), 0, BPF_TRACE_ITER, &opts);
	_cleanup_close_ int iterator = -1;
	struct gl_open opens[64];
	ssize_t n;

	if (link < 0)
		return link;
	iterator = bpf_iter_create(link);
	if (iterator < 0)
		return iterator;
	/* the kernel hands out whole objects' records, but a read may end inside of one */
	for (size_t kept = 0;;) {
		n = read(iterator, (char *)opens + kept, sizeof(opens) - kept);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		kept += (size_t)n;
		for (size_t i = 0; i < kept / sizeof(opens[0]); i++)
			fn(&opens[i], userdata);
		memmove(opens, (char *)opens + kept / sizeof(opens[0]) * sizeof(opens[0]),
			kept % sizeof(opens[0]));
		kept %= sizeof(opens[0]);
	}
}

int kern_open_walk(const struct kern *kern, kern_open_fn fn, void *userdata)
{
	int r = 0;

	if (!kern->open)
		return -ENOTSUP;
	if (kern->tls)
		r = walk(kern->open->progs.open_tls, kern->tls->maps.tls_conns, fn, userdata);
	if (r < 0)
		return r;
	return walk(kern->open->progs.open_flows, kern->wire->maps.flows, fn, userdata);
}

/* ---------------------------------------------------------------------------------------------
 * Their end
 */
struct destroy {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

/* A mapped address finds an IPv4 socket, whatever family it is of. */
static void say(const struct gl_open *open, struct destroy *ret_message)
{
	*ret_message = (struct destroy){
		.header = {.nlmsg_len = sizeof(*ret_message),
			   .nlmsg_type = SOCK_DESTROY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.request = {.sdiag_family = AF_INET6,
			    .sdiag_protocol = IPPROTO_TCP,
			    .idiag_states = ~0u,
			    .id = {.idiag_sport = htons(open->port),
				   .idiag_dport = htons(open->peer_port),
				   .idiag_cookie = {(__u32)open->cookie,
						    (__u32)(open->cookie >> 32)}}},
	};
	memcpy(ret_message->request.id.idiag_src, &open->local, sizeof(open->local));
	memcpy(ret_message->request.id.idiag_dst, &open->peer, sizeof(open->peer));
}

/* 0, or what the kernel says: -ENOENT: it is gone, -EOPNOTSUPP: not on this kernel. */
static int destroy_one(int fd, const struct gl_open *open)
{
	struct destroy message;
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char rest[256];
	} answer = {};

	say(open, &message);
	if (send(fd, &message, sizeof(message), 0) != sizeof(message) ||
	    recv(fd, &answer, sizeof(answer), 0) < 0)
		return -errno;
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EPROTO;
}

struct open_batch {
	const struct gl_open *opens;
	size_t n;
	uint32_t netns;
};

/* Those of one namespace, which this thread is in. */
static int destroy_here(void *userdata)
{
	const struct open_batch *batch = userdata;
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int ended = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; i < batch->n; i++) {
		const struct gl_open *one = &batch->opens[i];
		int r = one->netns == batch->netns ? destroy_one(fd, one) : -ENOENT;

		if (r == -EOPNOTSUPP)
			return -ENOTSUP;
		ended += r == 0;
	}
	return ended;
}

static bool is_first_of(const struct gl_open *opens, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (opens[k].netns == opens[i].netns)
			return false;
	return opens[i].netns != 0;
}

int kern_destroy(const struct gl_open *opens, size_t n)
{
	int ended = 0;

	for (size_t i = 0; i < n; i++) {
		struct open_batch batch = {.opens = opens, .n = n, .netns = opens[i].netns};
		int r = is_first_of(opens, i) ? netns_call(batch.netns, destroy_here, &batch) : 0;

		if (r == -ENOTSUP)
			return r;
		ended += r > 0 ? r : 0;
	}
	return ended;
}
