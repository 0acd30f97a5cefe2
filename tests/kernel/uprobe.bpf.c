/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uprobe.bpf.c - stands where the tls door's programs stand and only counts: which program ran in
 * which process, with which cookie. Only for test_libs.c.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* Constants make a map of their own: the next agent's is another one that says the same. */
const volatile __u32 step = 1;

struct hit {
	__u32 tgid, program; /* enum libs_program */
	__u64 cookie;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, struct hit);
	__type(value, __u64);
} hits SEC(".maps");

static __always_inline int hit(void *ctx, __u32 program)
{
	struct hit key = {.tgid = bpf_get_current_pid_tgid() >> 32, .program = program};
	__u64 zero = 0, *n;

	key.cookie = bpf_get_attach_cookie(ctx);
	bpf_map_update_elem(&hits, &key, &zero, BPF_NOEXIST);
	n = bpf_map_lookup_elem(&hits, &key);
	if (n)
		__sync_fetch_and_add(n, step);
	return 0;
}

SEC("uprobe")
int read_enter(struct pt_regs *ctx)
{
	return hit(ctx, 0);
}

SEC("uretprobe")
int read_leave(struct pt_regs *ctx)
{
	return hit(ctx, 1);
}

SEC("uprobe")
int write_enter(struct pt_regs *ctx)
{
	return hit(ctx, 2);
}

SEC("uretprobe")
int write_leave(struct pt_regs *ctx)
{
	return hit(ctx, 3);
}

SEC("uprobe")
int handshake_enter(struct pt_regs *ctx)
{
	return hit(ctx, 4);
}

SEC("uretprobe")
int handshake_leave(struct pt_regs *ctx)
{
	return hit(ctx, 5);
}

SEC("uprobe")
int freed(struct pt_regs *ctx)
{
	return hit(ctx, 6);
}

SEC("uprobe")
int encoded(struct pt_regs *ctx)
{
	return hit(ctx, 7);
}

SEC("uprobe")
int decode_enter(struct pt_regs *ctx)
{
	return hit(ctx, 8);
}

SEC("uprobe")
int encode_enter(struct pt_regs *ctx)
{
	return hit(ctx, 9);
}

SEC("uretprobe")
int encode_leave(struct pt_regs *ctx)
{
	return hit(ctx, 10);
}
