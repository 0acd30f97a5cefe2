/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window.bpf.c - the window table and the proven principals as doors run them, in every kind of
 * program that does. Only for test_window.c, which counts what is admitted and times it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "include/glacis/abi.h"

#define LINES      (GL_WINDOW_SHARED * 4)
#define LOG_STAMPS 65536

/* What is asked, and what came of it. Filled and read by the test. */
struct question {
	struct gl_key key;
	__u64 sub_ns;
	__u64 subject; /* the first; the next one each time where `vary` is 1 */
	__u32 limit;
	__u32 vary;
	__u64 verdicts[4];
	__u64 admitted; /* stamps in the log */
	__u64 flags; /* results with a flag */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LINES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_window_line);
} windows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GL_PROVEN_SLOTS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct gl_proven);
} proven SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct question);
} questions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOG_STAMPS);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u64);
} stamps SEC(".maps");

static __always_inline struct gl_window_line *line_at(__u32 index)
{
	return bpf_map_lookup_elem(&windows, &index);
}

static __always_inline struct gl_proven *proven_at(__u32 index)
{
	return bpf_map_lookup_elem(&proven, &index);
}

#define WINDOW_LINE(ctx, index)   line_at(index)
#define WINDOW_LOOP(n, step, ctx) bpf_loop(n, step, ctx, 0)
#define PROVEN_SLOT(ctx, index)   proven_at(index)
#include "include/glacis/proven.h"
#include "include/glacis/window.h"

static __always_inline void note(struct question *q, __u64 now_ns)
{
	__u32 at = (__u32)__sync_fetch_and_add(&q->admitted, 1);
	__u64 *stamp = bpf_map_lookup_elem(&stamps, &at);

	if (stamp)
		*stamp = now_ns;
}

static __always_inline int ask(void)
{
	enum window_verdict verdict = WINDOW_STALE;
	struct window_result result;
	struct window_ask ask;
	__u32 zero = 0;
	struct question *q = bpf_map_lookup_elem(&questions, &zero);
	__u64 subject, now_ns = 0;

	if (!q)
		return 1;
	subject = q->vary ? __sync_fetch_and_add(&q->subject, 1) : q->subject;
	window_ask_init(&ask, &q->key, WINDOW_SOURCE, 1, 2, q->sub_ns, q->limit, LINES, 0, subject);
	for (int i = 0; i < WINDOW_CLOCK_TRIES && verdict == WINDOW_STALE; i++) {
		now_ns = bpf_ktime_get_boot_ns();
		verdict = window_admit(&ask, now_ns, &result);
		__sync_fetch_and_add(&q->verdicts[verdict & 3], 1);
	}
	if (result.flags)
		__sync_fetch_and_add(&q->flags, 1);
	if (verdict == WINDOW_ADMITTED)
		note(q, now_ns);
	return 0;
}

SEC("tc")
int window_tc(struct __sk_buff *skb)
{
	return ask();
}

SEC("xdp")
int window_xdp(struct xdp_md *xdp)
{
	return ask();
}

SEC("uprobe.s")
int window_uprobe(void *regs)
{
	return ask();
}

/* An admission given back: what a second ceiling that refuses costs, and it must leave no trace. */
SEC("tc")
int window_undone(struct __sk_buff *skb)
{
	struct window_result result;
	struct window_ask ask;
	__u32 zero = 0;
	struct question *q = bpf_map_lookup_elem(&questions, &zero);

	if (!q)
		return 1;
	window_ask_init(&ask, &q->key, WINDOW_SOURCE, 1, 2, q->sub_ns, q->limit, LINES, 0,
			q->subject);
	if (window_admit(&ask, bpf_ktime_get_boot_ns(), &result) != WINDOW_ADMITTED)
		return 2;
	window_undo(&ask, &result);
	return 0;
}

/* All that is around an admission: the question, its name, the clock. */
SEC("tc")
int window_nothing(struct __sk_buff *skb)
{
	struct window_ask ask;
	__u32 zero = 0;
	struct question *q = bpf_map_lookup_elem(&questions, &zero);

	if (!q)
		return 1;
	window_ask_init(&ask, &q->key, WINDOW_SOURCE, 1, 2, q->sub_ns, q->limit, LINES, 0,
			q->subject);
	__sync_fetch_and_add(&q->verdicts[ask.own.set & 3], 1);
	return bpf_ktime_get_boot_ns() == 0;
}

SEC("tc")
int proven_mark_tc(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct question *q = bpf_map_lookup_elem(&questions, &zero);

	if (!q)
		return 1;
	return proven_mark(NULL, GL_PROVEN_SLOTS, q->subject, 100) == PROVEN_EVICTED;
}

SEC("tc")
int proven_is_tc(struct __sk_buff *skb)
{
	__u32 zero = 0;
	struct question *q = bpf_map_lookup_elem(&questions, &zero);

	if (!q)
		return 1;
	return !proven_is(NULL, GL_PROVEN_SLOTS, q->subject, 100);
}

char _license[] SEC("license") = "GPL";
