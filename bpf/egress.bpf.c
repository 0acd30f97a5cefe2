/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * egress.bpf.c - the egress door, first form: the kill switch. Of a workload that is killed (a
 * cgroup with all below it, or an executable) nothing connects and nothing is sent, at the root of
 * the cgroup hierarchy; of a cgroup's sockets no packet leaves, open connections included.
 *
 * Held only while something is killed (user/kern/kill.c), so it costs nobody anything otherwise.
 * Expiry is by the kernel's clock (I7).
 */
#include "bpf/lib/bpf.h"

#include <bpf/bpf_core_read.h>

#include "bpf/lib/maps.h"
#include "vmlinux/exe.h"

char LICENSE[] SEC("license") = "GPL";

const struct {
	__u32 major, minor;
} abi SEC(".rodata.abi") = {GL_ABI_MAJOR, GL_ABI_MINOR};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GL_KILLS_MAX);
	__type(key, struct gl_workload);
	__type(value, struct gl_kill);
} kills SEC(".maps");

#define EGRESS_PASS 1
#define EGRESS_DROP 0

static __always_inline int egress_killed(__u64 id, __u32 device)
{
	struct gl_workload workload = {.id = id, .device = device};
	struct gl_kill *kill = bpf_map_lookup_elem(&kills, &workload);

	if (!kill || bpf_ktime_get_boot_ns() >= kill->expires_ns)
		return 0;
	__sync_fetch_and_add(&kill->hits, 1);
	count(GL_CTR_KILLED);
	return 1;
}

/* The task that calls: by its cgroups, by its executable. */
static __always_inline int egress_call(void)
{
	const struct gl_control *control = control_get();
	struct task_struct *task = (void *)bpf_get_current_task();
	struct inode *inode;

	if (!control || !control->kills)
		return EGRESS_PASS;
#pragma clang loop unroll(full)
	for (int level = 1; level < GL_KILL_LEVELS; level++)
		if (control->kill_levels & 1u << level &&
		    egress_killed(bpf_get_current_ancestor_cgroup_id(level), 0))
			return EGRESS_DROP;
	inode = BPF_CORE_READ(task, mm, exe_file, f_inode);
	if (inode && egress_killed(BPF_CORE_READ(inode, i_ino), BPF_CORE_READ(inode, i_sb, s_dev)))
		return EGRESS_DROP;
	return EGRESS_PASS;
}

SEC("cgroup/connect4")
int kill_connect4(struct bpf_sock_addr *ctx)
{
	return egress_call();
}

SEC("cgroup/connect6")
int kill_connect6(struct bpf_sock_addr *ctx)
{
	return egress_call();
}

SEC("cgroup/sendmsg4")
int kill_sendmsg4(struct bpf_sock_addr *ctx)
{
	return egress_call();
}

SEC("cgroup/sendmsg6")
int kill_sendmsg6(struct bpf_sock_addr *ctx)
{
	return egress_call();
}

/* A packet of a killed cgroup's socket, whoever of the kernel sends it. */
SEC("cgroup_skb/egress")
int kill_packet(struct __sk_buff *skb)
{
	const struct gl_control *control = control_get();

	if (!control || !control->kill_levels)
		return EGRESS_PASS;
#pragma clang loop unroll(full)
	for (int level = 1; level < GL_KILL_LEVELS; level++)
		if (control->kill_levels & 1u << level &&
		    egress_killed(bpf_skb_ancestor_cgroup_id(skb, level), 0))
			return EGRESS_DROP;
	return EGRESS_PASS;
}
