/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sock.h - of the kernel's types, the members the tls door reads, found by CO-RE at load. Written
 * by hand: a member that moves is found, one that is renamed makes the load fail, and the agent
 * says so.
 */
#pragma once

#include <linux/types.h>

#define CORE __attribute__((preserve_access_index))

struct ns_common {
	unsigned int inum;
} CORE;

struct net {
	struct ns_common ns;
} CORE;

struct nsproxy {
	struct net *net_ns;
} CORE;

struct task_struct {
	void *bpf_storage;
	struct nsproxy *nsproxy;
} CORE;

typedef struct {
	struct net *net;
} CORE possible_net_t;

typedef struct {
	__s64 counter;
} CORE atomic64_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} CORE;

struct sock {
	struct sock_common __sk_common;
	__u16 sk_protocol;
	__u8 sk_shutdown; /* RCV_SHUTDOWN: closed, or the other end is */
} CORE;

#define RCV_SHUTDOWN 1

#undef CORE
