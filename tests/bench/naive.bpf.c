/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * naive.bpf.c - the peers of tests/bench/sight: probes on the entry and the return of the exported
 * SSL_read and SSL_write, as TLS sniffers set them. `nothing` does nothing at all: what it costs is
 * the trap. The others remember the buffer by thread and copy what the call moved into a ring,
 * whose reader is woken as the kernel does by default: whenever it has read all there was before.
 */
#include <linux/bpf.h>
#include <linux/ptrace.h>

#include <stddef.h>

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

#define COPY_MAX 8192

struct event {
	__u64 thread, ns;
	__u32 n, direction;
	__u8 bytes[COPY_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u64);
	__type(value, __u64);
} buffers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 << 20);
} events SEC(".maps");

SEC("uprobe")
int nothing(void *ctx)
{
	return 0;
}

SEC("uprobe")
int enter(struct pt_regs *ctx)
{
	__u64 thread = bpf_get_current_pid_tgid(), buffer = PT_REGS_PARM2(ctx);

	bpf_map_update_elem(&buffers, &thread, &buffer, BPF_ANY);
	return 0;
}

static __always_inline int leave(struct pt_regs *ctx, __u32 direction)
{
	__u64 thread = bpf_get_current_pid_tgid();
	__u64 *buffer = bpf_map_lookup_elem(&buffers, &thread);
	__s32 moved = PT_REGS_RC(ctx);
	__u64 n = moved > 0 ? moved : 0;
	struct event *e;

	if (!buffer)
		return 0;
	e = n ? bpf_ringbuf_reserve(&events, sizeof(*e), 0) : NULL;
	if (e) {
		e->thread = thread;
		e->ns = bpf_ktime_get_ns();
		e->direction = direction;
		asm volatile("" : "+r"(n));
		if (n > COPY_MAX)
			n = COPY_MAX;
		e->n = n;
		bpf_probe_read_user(e->bytes, n, (const void *)*buffer);
		bpf_ringbuf_submit(e, 0);
	}
	bpf_map_delete_elem(&buffers, &thread);
	return 0;
}

SEC("uprobe")
int leave_read(struct pt_regs *ctx)
{
	return leave(ctx, 0);
}

SEC("uprobe")
int leave_write(struct pt_regs *ctx)
{
	return leave(ctx, 1);
}
