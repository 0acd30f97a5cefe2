/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open.h - of the kernel's types, the members open.bpf.c reads besides sock.h's, found by CO-RE at
 * load. Written by hand, as sock.h.
 */
#pragma once

#include "vmlinux/sock.h"

#define CORE __attribute__((preserve_access_index))

struct seq_file;
struct bpf_map;

struct bpf_iter_meta {
	struct seq_file *seq;
} CORE;

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
} CORE;

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
} CORE;

#undef CORE
