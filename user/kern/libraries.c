/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libraries.c - the tls door's probes and the libraries in use, as kern.h shows them: libs.c with
 * this agent's programs, namespaces and pins.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/kern/blind.h"
#include "user/kern/libs.h"

#include "tls.skel.h"

/* Has the policy anything to look for in what a service writes to TLS? */
static bool guarded(const struct gl_policy *policy)
{
	for (__u32 i = 0; i < policy->n_services; i++)
		if ((policy->services[i].flags & GL_SERVICE_GUARD) &&
		    !(policy->services[i].flags & GL_SERVICE_TLS_BLIND))
			return true;
	return false;
}

void libraries_guard(struct kern *kern, const struct gl_policy *policy)
{
	if (kern->libs)
		libs_guard(kern->libs, guarded(policy));
}

int kern_libs_start(struct kern *kern)
{
	struct libs_options options = {.pin_dir = kern->pin_dir};
	int r;

	if (kern->libs)
		return 0;
	if (!kern->tls)
		return -ENOTSUP;
	if (!kern->policy)
		return -EAGAIN;
	if (!kern->all_netns) {
		r = netns_self_inode(&options.netns);
		if (r < 0)
			return r;
	}
	options.account_fd = bpf_map__fd(kern->tls->maps.tls_account);
	options.programs[LIBS_READ_ENTER] = bpf_program__fd(kern->tls->progs.tls_read_enter);
	options.programs[LIBS_READ_LEAVE] = bpf_program__fd(kern->tls->progs.tls_read_leave);
	options.programs[LIBS_WRITE_ENTER] = bpf_program__fd(kern->tls->progs.tls_write_enter);
	options.programs[LIBS_WRITE_LEAVE] = bpf_program__fd(kern->tls->progs.tls_write_leave);
	options.programs[LIBS_HANDSHAKE_ENTER] =
		bpf_program__fd(kern->tls->progs.tls_handshake_enter);
	options.programs[LIBS_HANDSHAKE_LEAVE] =
		bpf_program__fd(kern->tls->progs.tls_handshake_leave);
	options.programs[LIBS_FREE] = bpf_program__fd(kern->tls->progs.tls_free);
	options.programs[LIBS_ENCODED] = bpf_program__fd(kern->tls->progs.tls_encoded);
	options.programs[LIBS_ENCODE_ENTER] = bpf_program__fd(kern->tls->progs.tls_encode_enter);
	options.programs[LIBS_ENCODE_LEAVE] = bpf_program__fd(kern->tls->progs.tls_encode_leave);
	options.programs[LIBS_DECODE_ENTER] = bpf_program__fd(kern->tls->progs.tls_decode_enter);
	options.programs[LIBS_GUARD] =
		kern->guard == GUARD_NONE ? -1 : bpf_program__fd(kern->tls->progs.tls_write_guard);
	options.guard = guarded(kern->policy);
	return libs_new(&options, &kern->libs);
}

int kern_libs_fd(const struct kern *kern)
{
	return kern->libs ? libs_fd(kern->libs) : -ENOTSUP;
}

int kern_libs_poll(struct kern *kern)
{
	return kern->libs ? libs_poll(kern->libs) : 0;
}

static struct kern_library show(const struct library *library, size_t number)
{
	return (struct kern_library){
		.number = (uint32_t)number,
		.path = library->path,
		.build_id = library->build_id,
		.version = library->version,
		.kind = !library->has_set                      ? "unknown"
			: library->set.library == PROBE_GNUTLS ? "gnutls"
			: library->set.library == PROBE_CRYPTO ? "openssl-crypto"
							       : "openssl",
		.points = !library->has_set                      ? "none"
			  : library->set.library == PROBE_CRYPTO ? "certificates"
			  : library->set.internals               ? "internals"
								 : "exported",
		.cost = !library->has_set                     ? ""
			: library->set.cost == PROBE_EMULATED ? "emulated"
							      : "stepped",
		.users = library->users,
		.attached = library->attached,
		.reason = library->reason,
	};
}

size_t kern_libraries(struct kern *kern, const struct kern_library **ret_libraries)
{
	const struct library *slots;
	size_t n = 0, n_slots = 0;

	*ret_libraries = kern->library_list;
	if (!kern->libs)
		return 0;
	slots = libs_slots(kern->libs, &n_slots);
	for (size_t i = 0; i < n_slots; i++)
		if (slots[i].used)
			kern->library_list[n++] = show(&slots[i], i);
	return n;
}

void kern_libs_counters(const struct kern *kern, struct kern_libs_counters *ret_counters)
{
	const struct libs_counters *c;

	memset(ret_counters, 0, sizeof(*ret_counters));
	if (!kern->libs)
		return;
	c = libs_counters(kern->libs);
	*ret_counters = (struct kern_libs_counters){
		.scans = c->scans,
		.files = c->files,
		.events = c->events,
		.events_lost = c->events_lost,
		.attached = c->attached,
		.kept = c->kept,
		.detached = c->detached,
		.failed = c->failed,
		.no_room = c->no_room,
	};
}

int kern_tls_views(struct kern *kern, struct kern_tls_view **ret_views, size_t *ret_n)
{
	ino_t netns = 0;
	int r = kern->all_netns ? 0 : netns_self_inode(&netns);

	if (r == 0 && !kern->policy)
		r = -EAGAIN;
	if (r == 0 && !kern->blind)
		r = blind_new(&kern->blind);
	if (r < 0)
		return r;
	return blind_look(kern->blind, kern->libs, kern->policy, netns, ret_views, ret_n);
}
