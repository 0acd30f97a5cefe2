/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * content.c - the side of the kernel that has to do with content: the tls door's programs and
 * tracepoints, the inspectors' rings, connections to be cut. Probes on libraries are attached by
 * libs.c.
 *
 * The tls door is optional: a kernel that does not take its programs still has every other door,
 * and doctor says why.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "user/base/log.h"
#include "user/kern/probe_link.h"

#include "tls.skel.h"
#include "wire.skel.h"

#define CONN_LINGER_NS (60ull * 1000000000)

/* The guard may be refused as a program that sleeps, or as a whole: the rest does not need it. */
static void shape_guard(struct kern *kern)
{
	struct bpf_program *program = kern->tls->progs.tls_write_guard;

	kern->tls->rodata->guard_may_sleep = kern->guard == GUARD_SLEEPS;
	if (kern->guard == GUARD_AWAKE)
		bpf_program__set_flags(program, bpf_program__flags(program) & ~BPF_F_SLEEPABLE);
	if (kern->guard == GUARD_NONE)
		bpf_program__set_autoload(program, false);
}

static int open_tls(struct kern *kern)
{
	struct bpf_program *program;
	size_t reused = 0;
	int r;

	kern->tls = tls_bpf__open();
	if (!kern->tls)
		return -errno;
	shape_guard(kern);
	bpf_object__for_each_program(program, kern->tls->obj)
	{
		if (bpf_program__type(program) == BPF_PROG_TYPE_KPROBE)
			probe_link_prepare(program);
	}
	r = programs_reuse(kern, kern->tls->obj, &reused);
	if (r == 0)
		r = tls_bpf__load(kern->tls);
	if (r < 0) {
		tls_bpf__destroy(kern->tls);
		kern->tls = NULL;
	}
	return r;
}

/* Programs say at load what they will be attached by. */
void content_load(struct kern *kern)
{
	const char *last;
	int r;

	for (kern->guard = GUARD_SLEEPS;; kern->guard--) {
		programs_log_begin();
		r = open_tls(kern);
		if (r == 0 || kern->guard == GUARD_NONE)
			break;
	}
	if (r == 0)
		r = programs_pin(kern, kern->tls->obj);
	if (r == 0)
		return;
	last = programs_log();
	snprintf(kern->tls_error, sizeof(kern->tls_error), "%s: %.*s", strerror(-r),
		 (int)(strlen(last) > 150 ? 150 : strlen(last)),
		 last + (strlen(last) > 150 ? strlen(last) - 150 : 0));
	tls_bpf__destroy(kern->tls);
	kern->tls = NULL;
}

/* The new tracepoint runs before the pinned one of an earlier agent goes: the same maps, twice. */
static int attach_tracepoint(struct kern *kern, struct bpf_program *program, const char *name,
			     struct bpf_link **ret_link)
{
	struct bpf_link *link = bpf_program__attach(program);
	char pin[PATH_MAX];
	int r;

	if (!link)
		return -errno;
	r = pins_path(kern->pin_dir, "links", name, pin, sizeof(pin));
	if (r == 0) {
		unlink(pin);
		r = bpf_obj_pin(bpf_link__fd(link), pin);
	}
	if (r < 0) {
		bpf_link__destroy(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

void content_ports(struct kern *kern, const struct gl_policy *policy, bool more)
{
	if (!kern->tls || !policy)
		return;
	for (size_t i = 0; i < sizeof(kern->tls->bss->served_ports); i++) {
		__u8 eight = more ? kern->tls->bss->served_ports[i] : 0;

		for (unsigned bit = 0; bit < 8; bit++)
			eight |= (policy->port_service[i * 8 + bit] != 0) << bit;
		__atomic_store_n(&kern->tls->bss->served_ports[i], eight, __ATOMIC_RELEASE);
	}
}

static int find_rings(struct kern *kern)
{
	int fd = bpf_map__fd(kern->wire->maps.chunks);

	for (__u32 i = 0; i < GL_INSPECTORS_MAX; i++) {
		__u32 id;

		if (bpf_map_lookup_elem(fd, &i, &id) < 0)
			continue;
		kern->ring_fd[i] = bpf_map_get_fd_by_id(id);
		if (kern->ring_fd[i] < 0)
			return kern->ring_fd[i];
	}
	return 0;
}

int content_open(struct kern *kern)
{
	void *memory;

	memory = mmap(NULL, sizeof(struct gl_inspector) * GL_INSPECTORS_MAX, PROT_READ | PROT_WRITE,
		      MAP_SHARED, bpf_map__fd(kern->wire->maps.inspectors), 0);
	if (memory == MAP_FAILED)
		return -errno;
	kern->inspectors = memory;
	content_ports(kern, kern->policy, false);
	return find_rings(kern);
}

void content_free(struct kern *kern)
{
	for (size_t i = 0; i < ARRAY_SIZE(kern->tls_links); i++)
		bpf_link__destroy(kern->tls_links[i]);
	for (int i = 0; i < GL_INSPECTORS_MAX; i++)
		cleanup_close(&kern->ring_fd[i]);
	if (kern->inspectors)
		munmap(kern->inspectors, sizeof(struct gl_inspector) * GL_INSPECTORS_MAX);
	tls_bpf__destroy(kern->tls);
}

void content_features(struct kern *kern)
{
	if (!kern->tls)
		features_add(kern, "tls programs", false,
			     "not on this kernel: what is inside TLS is not seen (%s)",
			     kern->tls_error);
	else
		features_add(kern, "tls programs", true, "probes by %s",
			     probe_link_multi() ? "uprobe_multi links" : "perf events");
	if (!kern->tls)
		return;
	if (kern->guard == GUARD_NONE)
		features_add(kern, "tls guard", false,
			     "not on this kernel: responses inside TLS are only inspected");
	else
		features_add(kern, "tls guard", kern->guard == GUARD_SLEEPS,
			     kern->guard == GUARD_SLEEPS
				     ? "reads pages in before they are encrypted"
				     : "not on this kernel: pages nobody has touched yet are "
				       "unscanned");
}

/* ---------------------------------------------------------------------------------------------
 * Rings
 */
int kern_inspectors(struct kern *kern, uint32_t n, uint32_t ring_bytes)
{
	int outer = bpf_map__fd(kern->wire->maps.chunks);

	if (n > GL_INSPECTORS_MAX)
		return -EINVAL;
	for (__u32 i = 0; i < n; i++) {
		_cleanup_close_ int fd = -1;
		int r;

		if (kern->ring_fd[i] >= 0)
			continue;
		fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "chunk_ring", 0, 0,
				    ring_bytes ? ring_bytes : GL_CHUNK_RING_BYTES, NULL);
		if (fd < 0)
			return fd;
		r = bpf_map_update_elem(outer, &i, &fd, BPF_ANY);
		if (r < 0)
			return r;
		kern->ring_fd[i] = TAKE_FD(fd);
	}
	__atomic_store_n(&kern->control->n_inspectors, n, __ATOMIC_RELEASE);
	return 0;
}

int kern_inspector_ring_fd(const struct kern *kern, uint32_t i)
{
	return i < GL_INSPECTORS_MAX && kern->ring_fd[i] >= 0 ? kern->ring_fd[i] : -ENOENT;
}

uint32_t kern_inspector_ring_bytes(const struct kern *kern, uint32_t i)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd = kern_inspector_ring_fd(kern, i);

	return fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.max_entries : 0;
}

int kern_inspectors_fd(const struct kern *kern)
{
	return bpf_map__fd(kern->wire->maps.inspectors);
}

struct gl_inspector *kern_inspectors_shared(const struct kern *kern)
{
	return kern->inspectors;
}

/* Accounts are words only: they are added up as such. */
static int account_sum(int fd, __u32 index, int n_cpus, size_t words, uint64_t *ret_sum)
{
	_cleanup_free_ uint64_t *per_cpu = calloc(n_cpus, words * sizeof(*per_cpu));
	int r;

	if (!per_cpu)
		return -ENOMEM;
	r = bpf_map_lookup_elem(fd, &index, per_cpu);
	if (r < 0)
		return r;
	memset(ret_sum, 0, words * sizeof(*ret_sum));
	for (int cpu = 0; cpu < n_cpus; cpu++)
		for (size_t i = 0; i < words; i++)
			ret_sum[i] += per_cpu[cpu * words + i];
	return 0;
}

int kern_chunk_account(const struct kern *kern, uint32_t i, struct gl_chunk_account *ret_account)
{
	return account_sum(bpf_map__fd(kern->wire->maps.chunk_account), i, kern->n_cpus,
			   sizeof(*ret_account) / sizeof(uint64_t), (uint64_t *)ret_account);
}

int kern_probe_account(const struct kern *kern, uint32_t library,
		       struct gl_probe_account *ret_account)
{
	if (!kern->tls)
		return -ENOTSUP;
	return account_sum(bpf_map__fd(kern->tls->maps.tls_account), library, kern->n_cpus,
			   sizeof(*ret_account) / sizeof(uint64_t), (uint64_t *)ret_account);
}

/* ---------------------------------------------------------------------------------------------
 * HTTP/2, guarded namespaces, connections nobody frees
 */
int kern_h2_judged(struct kern *kern, uint64_t conn, uint64_t off)
{
	int r = bpf_map_update_elem(bpf_map__fd(kern->wire->maps.h2_judged), &conn, &off, BPF_ANY);

	return r < 0 ? r : 0;
}

int kern_h2_lockstep(struct kern *kern, uint16_t service, const struct gl_addr *source,
		     uint64_t until_ns)
{
	const struct gl_h2_source_key key = {.source = *source, .service = service};
	struct gl_h2_source state = {};
	int fd = bpf_map__fd(kern->wire->maps.h2_sources), r;

	if (bpf_map_lookup_elem(fd, &key, &state) == 0 && state.until_ns >= until_ns)
		return 0;
	state.until_ns = until_ns;
	r = bpf_map_update_elem(fd, &key, &state, BPF_ANY);
	return r < 0 ? r : 0;
}

static bool guards(const struct kern *kern, __u32 inode)
{
	for (size_t i = 0; i < kern->n_doors; i++)
		if (kern->doors[i].netns_inode == inode)
			return true;
	return false;
}

static void guard_namespaces(struct kern *kern)
{
	int fd = bpf_map__fd(kern->tls->maps.guarded_netns);
	__u32 key, next, one = 1;
	bool more;

	for (size_t i = 0; i < kern->n_doors; i++) {
		key = (__u32)kern->doors[i].netns_inode;
		bpf_map_update_elem(fd, &key, &one, BPF_ANY);
	}
	more = bpf_map_get_next_key(fd, NULL, &key) == 0;
	while (more) {
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (!guards(kern, key))
			bpf_map_delete_elem(fd, &key);
		key = next;
	}
}

static void drop_claim(struct kern *kern, uint64_t cookie)
{
	const struct gl_tls_claim none = {0};
	int fd = bpf_map__fd(kern->tls->maps.tls_claims);
	__u32 place = cookie & (GL_TLS_CLAIMS - 1);
	struct gl_tls_claim claim;

	if (bpf_map_lookup_elem(fd, &place, &claim) == 0 && claim.cookie == cookie)
		bpf_map_update_elem(fd, &place, &none, BPF_ANY);
	else
		bpf_map_delete_elem(bpf_map__fd(kern->tls->maps.tls_sockets), &cookie);
}

/* Of a process that died without freeing them. A connection begins with when its socket closed. */
static void sweep_connections(struct kern *kern)
{
	int fd = bpf_map__fd(kern->tls->maps.tls_conns);
	_cleanup_free_ uint8_t *value = malloc(bpf_map__value_size(kern->tls->maps.tls_conns));
	uint8_t key[16], next[16];
	struct timespec now;
	bool more = value && bpf_map_get_next_key(fd, NULL, key) == 0;
	uint64_t now_ns;

	clock_gettime(CLOCK_BOOTTIME, &now);
	now_ns = now.tv_sec * 1000000000ull + now.tv_nsec;
	while (more) {
		uint64_t head[2] = {0}; /* closed_ns, the socket's cookie */

		more = bpf_map_get_next_key(fd, key, next) == 0;
		if (bpf_map_lookup_elem(fd, key, value) == 0)
			memcpy(head, value, sizeof(head));
		if (head[0] && head[0] + CONN_LINGER_NS < now_ns) {
			drop_claim(kern, head[1]);
			bpf_map_delete_elem(fd, key);
		}
		memcpy(key, next, sizeof(key));
	}
}

/* Tracepoints wait for the first namespace: before it nothing is ours. */
void content_guard(struct kern *kern)
{
	int r = 0;

	if (!kern->tls)
		return;
	guard_namespaces(kern);
	sweep_connections(kern);
	if (!kern->tls_links[0])
		r = attach_tracepoint(kern, kern->tls->progs.tls_received, "tls-received",
				      &kern->tls_links[0]);
	if (r == 0 && !kern->tls_links[1])
		r = attach_tracepoint(kern, kern->tls->progs.tls_closed, "tls-closed",
				      &kern->tls_links[1]);
	if (r < 0)
		log_err(r, "the tls door's tracepoints cannot be attached");
}
