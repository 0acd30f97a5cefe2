/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kill.c - the kill switch: which workloads the egress door stops, and the door itself, held at the
 * root of the cgroup hierarchy only while there is one.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/base/log.h"

#include "egress.skel.h"

void kill_load(struct kern *kern)
{
	size_t reused = 0;

	kern->egress = egress_bpf__open();
	if (!kern->egress)
		return;
	if (programs_reuse(kern, kern->egress->obj, &reused) < 0 ||
	    egress_bpf__load(kern->egress) < 0 || programs_pin(kern, kern->egress->obj) < 0) {
		egress_bpf__destroy(kern->egress);
		kern->egress = NULL;
	}
}

void kill_free(struct kern *kern)
{
	egress_bpf__destroy(kern->egress);
}

int kern_cgroup_root(char *ret_path, size_t size)
{
	_cleanup_close_ int fd = -1;

	return cut_root_cgroup(&fd, ret_path, size);
}

/* ---------------------------------------------------------------------------------------------
 * The door
 */
struct hook {
	const char *pin;
	const struct bpf_program *program;
	enum bpf_attach_type type;
};
#define HOOKS 5

static void hooks_of(const struct kern *kern, struct hook hooks[HOOKS])
{
	const struct egress_bpf *e = kern->egress;

	hooks[0] = (struct hook){"kill-packet", e->progs.kill_packet, BPF_CGROUP_INET_EGRESS};
	hooks[1] = (struct hook){"kill-connect4", e->progs.kill_connect4, BPF_CGROUP_INET4_CONNECT};
	hooks[2] = (struct hook){"kill-connect6", e->progs.kill_connect6, BPF_CGROUP_INET6_CONNECT};
	hooks[3] = (struct hook){"kill-sendmsg4", e->progs.kill_sendmsg4, BPF_CGROUP_UDP4_SENDMSG};
	hooks[4] = (struct hook){"kill-sendmsg6", e->progs.kill_sendmsg6, BPF_CGROUP_UDP6_SENDMSG};
}

/* The pin holds the link; one of an earlier agent is given this one's program. */
static int hold(const struct kern *kern, const struct hook *hook, int root)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts);
	_cleanup_close_ int fd = -1;
	char pin[PATH_MAX];
	int program = bpf_program__fd(hook->program);
	int r = pins_path(kern->pin_dir, "links", hook->pin, pin, sizeof(pin));

	if (r < 0)
		return r;
	fd = bpf_obj_get(pin);
	if (fd >= 0)
		return bpf_link_update(fd, program, NULL);
	fd = bpf_link_create(program, root, hook->type, &opts);
	return fd < 0 ? fd : bpf_obj_pin(fd, pin);
}

static void let_go(const struct kern *kern, const struct hook *hook)
{
	char pin[PATH_MAX];

	if (pins_path(kern->pin_dir, "links", hook->pin, pin, sizeof(pin)) == 0)
		pins_remove(pin);
}

static int hold_all(const struct kern *kern, bool wanted)
{
	struct hook hooks[HOOKS];
	_cleanup_close_ int root = -1;
	int r = wanted ? cut_root_cgroup(&root, NULL, 0) : 0;

	if (r < 0)
		return r;
	hooks_of(kern, hooks);
	for (int i = 0; i < HOOKS && r == 0; i++) {
		if (wanted)
			r = hold(kern, &hooks[i], root);
		else
			let_go(kern, &hooks[i]);
	}
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * The list
 */
static bool is_listed(const struct kern_kill *list, size_t n, const struct gl_workload *workload)
{
	for (size_t i = 0; i < n; i++)
		if (memcmp(&list[i].workload, workload, sizeof(*workload)) == 0)
			return true;
	return false;
}

static void remove_others(int map, const struct kern_kill *list, size_t n)
{
	struct gl_workload key, next;
	int more = bpf_map_get_next_key(map, NULL, &key);

	for (int i = 0; more == 0 && i <= GL_KILLS_MAX; i++) {
		more = bpf_map_get_next_key(map, &key, &next);
		if (!is_listed(list, n, &key))
			bpf_map_delete_elem(map, &key);
		key = next;
	}
}

static int put(int map, const struct kern_kill *kill)
{
	struct gl_kill value = {};

	bpf_map_lookup_elem(map, &kill->workload, &value); /* its hits go on */
	value.expires_ns = kill->expires_ns;
	value.decision = kill->decision;
	return bpf_map_update_elem(map, &kill->workload, &value, BPF_ANY);
}

int kern_kills_set(struct kern *kern, const struct kern_kill *list, size_t n)
{
	uint32_t levels = 0;
	int map, r = 0;

	if (!kern->egress)
		return n ? -ENOTSUP : 0;
	if (n > GL_KILLS_MAX)
		return -E2BIG;
	map = bpf_map__fd(kern->egress->maps.kills);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (list[i].depth >= GL_KILL_LEVELS)
			return -E2BIG;
		if (list[i].depth)
			levels |= 1u << list[i].depth;
		r = put(map, &list[i]);
	}
	if (r < 0)
		return r;
	remove_others(map, list, n);
	__atomic_store_n(&kern->control->kill_levels, levels, __ATOMIC_RELEASE);
	__atomic_store_n(&kern->control->kills, (uint32_t)n, __ATOMIC_RELEASE);
	return hold_all(kern, n > 0);
}

uint64_t kern_kill_hits(const struct kern *kern, const struct gl_workload *workload)
{
	struct gl_kill value = {};

	if (kern->egress)
		bpf_map_lookup_elem(bpf_map__fd(kern->egress->maps.kills), workload, &value);
	return value.hits;
}
