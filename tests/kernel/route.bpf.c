/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route.bpf.c - the route walk as a door runs it: a byte at a time from bpf_loop. Only for
 * test_route.c, which compares its answers with the host build's and times it.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "include/glacis/route.h"

#define REQUEST_MAX 2048

/* A request, and what the walk made of it. Filled by the test. */
struct request {
	__u32 root;
	__u32 method_len, len; /* method, then path */
	__u32 op, ambiguous;
	__u8 text[REQUEST_MAX];
};

struct walk_value {
	struct route_walk walk;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gl_policy);
} policy SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct request);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_value);
} walks SEC(".maps");

struct cursor {
	struct route_walk *walk;
	const struct gl_policy *policy;
	const struct request *request;
};

static long step(__u32 i, struct cursor *c)
{
	if (i >= REQUEST_MAX)
		return 1;
	if (i < c->request->method_len)
		route_method_byte(c->walk, c->policy, c->request->text[i]);
	else
		route_byte(c->walk, c->policy, c->request->text[i]);
	if (i + 1 == c->request->method_len)
		route_method_end(c->walk, c->policy);
	return 0;
}

/* The loop alone, for what a byte costs without the walk. */
static long step_empty(__u32 i, struct cursor *c)
{
	if (i >= REQUEST_MAX)
		return 1;
	c->walk->hex = c->request->text[i];
	return 0;
}

static int look_up(struct cursor *c, struct request **ret_request)
{
	__u32 zero = 0;
	struct walk_value *walk = bpf_map_lookup_elem(&walks, &zero);

	c->policy = bpf_map_lookup_elem(&policy, &zero);
	*ret_request = bpf_map_lookup_elem(&requests, &zero);
	if (!walk || !c->policy || !*ret_request)
		return -1;
	c->walk = &walk->walk;
	c->request = *ret_request;
	return 0;
}

SEC("tc")
int route_request(struct __sk_buff *skb)
{
	struct request *request;
	struct cursor c;

	if (look_up(&c, &request))
		return 1;
	route_begin(c.walk, c.policy, request->root);
	bpf_loop(request->len, step, &c, 0);
	request->op = route_end(c.walk, c.policy, &request->ambiguous);
	return 0;
}

SEC("tc")
int route_nothing(struct __sk_buff *skb)
{
	struct request *request;
	struct cursor c;

	if (look_up(&c, &request))
		return 1;
	bpf_loop(request->len, step_empty, &c, 0);
	return 0;
}

char _license[] SEC("license") = "GPL";
