/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cut_marks.c - the marks of connections nothing may leave any more (map `cuts`), and the end of
 * those nobody else takes away. The kernel forgets a mark when its socket goes (bpf/tls.bpf.c); a
 * request that is judged after its client has gone marks a socket that has gone already.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/base/clock.h"

#include "wire.skel.h"

#define SWEEP_NS    (10 * CLOCK_NS_PER_S)
#define SURE_NS     (5 * CLOCK_NS_PER_S) /* a younger mark is left alone */
#define NUMBERED    (1ull << 63) /* a connection without a cookie of its own (bpf/lib/flow.h) */
#define NUMBERED_NS (3600 * CLOCK_NS_PER_S)
#define SOUGHT      (~(1u << TCP_TIME_WAIT | 1u << TCP_CLOSE | 1u << TCP_LISTEN))

static int marks_fd(const struct kern *kern)
{
	return bpf_map__fd(kern->wire->maps.cuts);
}

int kern_cut(struct kern *kern, uint64_t cookie, uint32_t reason)
{
	struct gl_cut cut = {.since_ns = clock_boot_ns(), .reason = reason};
	int r;

	__atomic_fetch_add(&kern->control->cuts, 1, __ATOMIC_ACQ_REL);
	r = bpf_map_update_elem(marks_fd(kern), &cookie, &cut, BPF_NOEXIST);
	if (r == 0)
		return 0;
	__atomic_fetch_sub(&kern->control->cuts, 1, __ATOMIC_ACQ_REL);
	return r == -EEXIST ? 0 : r;
}

bool kern_is_cut(const struct kern *kern, uint64_t cookie)
{
	struct gl_cut cut;

	return __atomic_load_n(&kern->control->cuts, __ATOMIC_ACQUIRE) &&
	       bpf_map_lookup_elem(marks_fd(kern), &cookie, &cut) == 0;
}

/* ---------------------------------------------------------------------------------------------
 * Marks whose socket is gone
 */
struct marks {
	uint64_t *cookies; /* sorted */
	bool *alive;
	size_t n;
};

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool is_old(uint64_t conn, const struct gl_cut *cut, uint64_t now_ns)
{
	return cut->since_ns + (conn & NUMBERED ? NUMBERED_NS : SURE_NS) < now_ns;
}

static void collect(const struct kern *kern, uint64_t now_ns, struct marks *marks)
{
	uint64_t key, next;
	int more = bpf_map_get_next_key(marks_fd(kern), NULL, &key);

	for (size_t i = 0; more == 0 && i < GL_CUTS_MAX; i++) {
		struct gl_cut cut;

		more = bpf_map_get_next_key(marks_fd(kern), &key, &next);
		if (bpf_map_lookup_elem(marks_fd(kern), &key, &cut) == 0 &&
		    is_old(key, &cut, now_ns))
			marks->cookies[marks->n++] = key;
		key = next;
	}
	qsort(marks->cookies, marks->n, sizeof(marks->cookies[0]), by_number);
}

static void keep(struct marks *marks, const struct inet_diag_msg *socket)
{
	uint64_t cookie = (uint64_t)socket->id.idiag_cookie[1] << 32 | socket->id.idiag_cookie[0];
	const uint64_t *found =
		bsearch(&cookie, marks->cookies, marks->n, sizeof(cookie), by_number);

	if (found)
		marks->alive[found - marks->cookies] = true;
}

/* 1: there is more; 0: that was all. */
static int read_some(int fd, struct marks *marks)
{
	_Alignas(struct nlmsghdr) char buffer[32768];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	for (const struct nlmsghdr *h = (const void *)buffer; NLMSG_OK(h, n);
	     h = NLMSG_NEXT(h, n)) {
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			return -EAGAIN;
		if (h->nlmsg_type == NLMSG_DONE)
			return 0;
		if (h->nlmsg_type == NLMSG_ERROR)
			return -EPROTO;
		if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY &&
		    h->nlmsg_len >= NLMSG_LENGTH(sizeof(struct inet_diag_msg)))
			keep(marks, NLMSG_DATA(h));
	}
	return 1;
}

static int keep_family(int fd, uint8_t family, struct marks *marks)
{
	const struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} ask = {
		.header = {.nlmsg_len = sizeof(ask),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = family,
			    .sdiag_protocol = IPPROTO_TCP,
			    .idiag_states = SOUGHT},
	};
	int r = send(fd, &ask, sizeof(ask), 0) < 0 ? -errno : 1;

	while (r > 0)
		r = read_some(fd, marks);
	return r;
}

/* Those of the namespace this thread is in, orphans of processes that closed them included. */
static int keep_here(void *userdata)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r;

	if (fd < 0)
		return -errno;
	r = keep_family(fd, AF_INET, userdata);
	return r < 0 ? r : keep_family(fd, AF_INET6, userdata);
}

static int keep_everywhere(const struct kern *kern, struct marks *marks)
{
	int r = 0;

	for (size_t i = 0; i < kern->n_doors && r >= 0; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = kern->doors[k].netns_inode == kern->doors[i].netns_inode;
		if (!seen)
			r = netns_call(kern->doors[i].netns_inode, keep_here, marks);
	}
	return r;
}

static size_t forget(struct kern *kern, const struct marks *marks)
{
	size_t n = 0;

	for (size_t i = 0; i < marks->n; i++) {
		/* where the kernel was faster, it has counted */
		if (marks->alive[i] || bpf_map_delete_elem(marks_fd(kern), &marks->cookies[i]) < 0)
			continue;
		__atomic_fetch_sub(&kern->control->cuts, 1, __ATOMIC_ACQ_REL);
		n++;
	}
	return n;
}

size_t kern_cuts_sweep(struct kern *kern, uint64_t now_ns)
{
	_cleanup_free_ uint64_t *cookies = NULL;
	_cleanup_free_ bool *alive = NULL;
	struct marks marks;

	if (!__atomic_load_n(&kern->control->cuts, __ATOMIC_ACQUIRE) ||
	    now_ns < kern->cuts_swept_ns + SWEEP_NS)
		return 0;
	kern->cuts_swept_ns = now_ns;
	cookies = calloc(GL_CUTS_MAX, sizeof(*cookies));
	alive = calloc(GL_CUTS_MAX, sizeof(*alive));
	if (!cookies || !alive)
		return 0;
	marks = (struct marks){.cookies = cookies, .alive = alive};
	collect(kern, now_ns, &marks);
	/* where a namespace cannot be asked all stay: a mark too many costs a lookup a packet */
	if (!marks.n || keep_everywhere(kern, &marks) < 0)
		return 0;
	return forget(kern, &marks);
}
