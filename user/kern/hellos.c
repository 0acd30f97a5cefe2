/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hellos.c - what the doors hold about TLS handshakes: blocked client fingerprints, the best
 * version each name has given, certificates that were read.
 */
#include "user/kern/kern_private.h"

#include <errno.h>

#include "tls.skel.h"
#include "wire.skel.h"

/* The doors look entries up only while there are any. */
static void count_blocks(struct kern *kern, int by)
{
	__atomic_fetch_add(&kern->control->hello_blocks, (uint32_t)by, __ATOMIC_RELEASE);
}

int kern_hello_block(struct kern *kern, uint64_t key, uint64_t expires_ns, uint32_t decision)
{
	struct gl_hello_block block = {.expires_ns = expires_ns, .decision = decision}, old;
	int fd = bpf_map__fd(kern->wire->maps.hello_blocks);
	bool known = bpf_map_lookup_elem(fd, &key, &old) == 0;
	int r;

	if (known)
		block.hits = old.hits;
	r = bpf_map_update_elem(fd, &key, &block, BPF_ANY);
	if (r == 0 && !known)
		count_blocks(kern, 1);
	return r;
}

int kern_hello_unblock(struct kern *kern, uint64_t key)
{
	int r = bpf_map_delete_elem(bpf_map__fd(kern->wire->maps.hello_blocks), &key);

	if (r == 0)
		count_blocks(kern, -1);
	return r == -ENOENT ? 0 : r;
}

uint64_t kern_hello_hits(const struct kern *kern, uint64_t key)
{
	struct gl_hello_block block;

	if (bpf_map_lookup_elem(bpf_map__fd(kern->wire->maps.hello_blocks), &key, &block) < 0)
		return 0;
	return block.hits;
}

int kern_hello_sweep(struct kern *kern, uint64_t now_ns)
{
	int fd = bpf_map__fd(kern->wire->maps.hello_blocks), removed = 0;
	uint64_t key, next;
	/* to find that 65,536 buckets are empty takes 60 us */
	bool more = __atomic_load_n(&kern->control->hello_blocks, __ATOMIC_ACQUIRE) &&
		    bpf_map_get_next_key(fd, NULL, &key) == 0;

	for (int i = 0; more && i < GL_HELLO_BLOCKS_MAX; i++) {
		struct gl_hello_block block;

		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &block) == 0 && block.expires_ns &&
		    block.expires_ns <= now_ns && kern_hello_unblock(kern, key) == 0)
			removed++;
		key = next;
	}
	return removed;
}

int kern_tls_best_set(struct kern *kern, const struct gl_tls_name *name,
		      const struct gl_tls_best *best)
{
	int fd = bpf_map__fd(kern->wire->maps.tls_best);
	struct gl_tls_best old;

	if (bpf_map_lookup_elem(fd, name, &old) == 0 && old.version >= best->version)
		return 0;
	return bpf_map_update_elem(fd, name, best, BPF_ANY);
}

int kern_tls_best_forget(struct kern *kern, uint16_t service)
{
	int fd = bpf_map__fd(kern->wire->maps.tls_best), removed = 0;
	struct gl_tls_name key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &key) == 0;

	for (int i = 0; more && i < GL_TLS_NAMES_MAX; i++) {
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (key.service == service && bpf_map_delete_elem(fd, &key) == 0)
			removed++;
		key = next;
	}
	return removed;
}

static void mark_set(struct kern *kern, uint32_t place, uint64_t mark)
{
	/* without its mark a certificate comes whole: nothing to tell anybody */
	bpf_map_update_elem(bpf_map__fd(kern->tls->maps.certificate_marks), &place, &mark, BPF_ANY);
}

void kern_certificate_mark(struct kern *kern, uint64_t mark)
{
	if (kern->tls && mark)
		mark_set(kern, mark % GL_CERTIFICATE_MARKS, mark);
}

void kern_certificate_unmark(struct kern *kern, uint64_t mark)
{
	uint32_t place = mark % GL_CERTIFICATE_MARKS;
	uint64_t there = 0;

	if (kern->tls && mark &&
	    bpf_map_lookup_elem(bpf_map__fd(kern->tls->maps.certificate_marks), &place, &there) ==
		    0 &&
	    there == mark)
		mark_set(kern, place, 0);
}

void kern_certificate_unmark_all(struct kern *kern)
{
	for (uint32_t i = 0; kern->tls && i < GL_CERTIFICATE_MARKS; i++)
		mark_set(kern, i, 0);
}
