/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kern.h - everything the rest of the agent may know about the kernel side: load or adopt the
 * programs and maps, attach them to devices, read and write the maps, drain the ring.
 *
 * This is the only folder that knows libbpf. Who holds each link and pin, and what happens on
 * SIGKILL, is in README.md here. Functions return 0 or -errno and do not log, except where said.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "include/glacis/abi.h"

struct kern;

struct kern_options {
	const char *pin_dir; /* e.g. /sys/fs/bpf/glacis; bpffs is mounted when it is not */
	const char *const *devices; /* "eth0", "eth0:xdp"; n = 0: every L3 device and lo */
	size_t n_devices;
	bool all_netns; /* also the network namespaces of local listeners on policy ports */
	uint32_t window_lines; /* 0 = default; ignored on adoption */
	uint32_t ban_slots; /* 0 = default; ignored on adoption */
};

/*
 * Loads programs and creates maps, or adopts the pinned maps of an earlier agent with the same ABI
 * MAJOR. Takes the pin directory's lock: -EBUSY when another agent holds it. -EPERM without the
 * privilege, -ENOTSUP when the kernel cannot run the mandatory programs. Nothing is attached.
 * On failure kern_last_error() of *ret_kern's options is in `error` (owned by the caller, may be
 * NULL): one or more lines with the failing program, the verifier's last lines, what to do.
 */
int kern_open(const struct kern_options *options, char **error, struct kern **ret_kern);
bool kern_adopted(const struct kern *kern);

/* Ends this process's share only: links and maps stay pinned, enforcement goes on. NULL-safe. */
void kern_free(struct kern *kern);

/*
 * Attaches to the devices that want it and have it not yet; replaces older programs in place
 * (bpf_link_update). Call again at any time: new devices and namespaces are found. A named device
 * that does not exist is -ENODEV with nothing attached; the name is in *ret_device (borrowed).
 */
int kern_attach(struct kern *kern, const char **ret_device);

/* Detaches every door and removes every pin below pin_dir; also those of a dead agent. */
int kern_detach(struct kern *kern);
int kern_detach_pins(const char *pin_dir);

/* A door held: one program on one device. Strings are borrowed until the next kern_attach(). */
struct kern_door {
	enum gl_door door;
	const char *netns; /* "self" or the namespace's inode, as in "net:[4026531840]" */
	const char *device; /* "veth0" */
	const char *how; /* "tcx", "clsact", "xdp-native", "xdp-generic" */
	int ifindex;
};
size_t kern_doors(const struct kern *kern, const struct kern_door **ret_doors);

/* One line of `glacisctl doctor`. Strings are static or borrowed from kern. */
struct kern_feature {
	const char *name; /* "tcx" */
	bool available;
	const char
		*detail; /* "tcx links on Linux 6.18" or "not on this kernel: ...; using clsact" */
};
size_t kern_features(const struct kern *kern, const struct kern_feature **ret_features);

/* Shared memory, valid until kern_free(). Readers use __atomic loads. */
struct gl_control *kern_control(const struct kern *kern);
struct gl_window_line *kern_windows(const struct kern *kern, uint32_t *ret_lines);
struct gl_prefix_slot *kern_bans(const struct kern *kern, uint32_t *ret_slots);
struct gl_proven *kern_proven(const struct kern *kern, uint32_t *ret_slots);
const struct gl_watch *kern_watches(const struct kern *kern); /* GL_WATCH_LINES */
struct gl_subject *kern_subjects(const struct kern *kern); /* GL_SUBJECT_SLOTS */

/*
 * Installs a compiled policy as a new generation and makes it the active one: writes it to the
 * outer map's oldest slot, then flips control->active. image->generation must be newer than every
 * installed one (kern_generation() + 1). -EAGAIN: the oldest generation may still be in use by a
 * head younger than the head timeout (60 s); try later.
 */
int kern_policy_install(struct kern *kern, const struct gl_policy *image);
/* The ruling generation, 0 = none; and its image, mapped (borrowed; NULL when none). */
uint64_t kern_generation(const struct kern *kern);
const struct gl_policy *kern_policy(const struct kern *kern);
/*
 * The image of a generation that is installed still (the ruling one, or one retired less than the
 * head timeout ago), or NULL. Borrowed, until the next call for another one.
 */
const struct gl_policy *kern_policy_of(struct kern *kern, uint64_t generation);
/* The ruling generation's map, for a reader of its own (mmap, PROT_READ). Borrowed; -1: none. */
int kern_policy_fd(const struct kern *kern);

/* Sums the per-CPU counters. */
int kern_counters(const struct kern *kern, uint64_t ret_values[GL_CTR_MAX]);

/* Drains the event ring; handler gets each record (valid during the call). Returns how many. */
typedef void (*kern_record_fn)(const struct gl_rec *record, size_t size, void *userdata);
int kern_ring_drain(struct kern *kern, kern_record_fn handler, void *userdata);

/*
 * A descriptor that is readable when a record came that should not wait for the next drain (a
 * client fingerprint never seen before). Borrowed.
 */
int kern_ring_fd(const struct kern *kern);

/*
 * Blocked client fingerprints, by match key (gl_hello.key). -E2BIG: GL_HELLO_BLOCKS_MAX are there.
 * Unblocking what is not there is 0. kern_hello_hits: how often the entry decided, 0 if none.
 * kern_hello_sweep: removes what has expired; returns how many.
 */
int kern_hello_block(struct kern *kern, uint64_t key, uint64_t expires_ns, uint32_t decision);
int kern_hello_unblock(struct kern *kern, uint64_t key);
uint64_t kern_hello_hits(const struct kern *kern, uint64_t key);
int kern_hello_sweep(struct kern *kern, uint64_t now_ns);

/*
 * Certificates that were read, by their marks (struct gl_rec_certificate_known): the tls door tells
 * of these without their bytes. `mark` 0: nothing is done. Two may share a place: the last one has
 * it, and clearing the other does nothing.
 */
void kern_certificate_mark(struct kern *kern, uint64_t mark);
void kern_certificate_unmark(struct kern *kern, uint64_t mark);
void kern_certificate_unmark_all(struct kern *kern);

/*
 * The best TLS version each name of a service has given (TLS-03). _set is for what the store
 * remembers; it never lowers what is there. _forget: all names of a service (interned id), after a
 * change that was meant; returns how many.
 */
int kern_tls_best_set(struct kern *kern, const struct gl_tls_name *name,
		      const struct gl_tls_best *best);
int kern_tls_best_forget(struct kern *kern, uint16_t service);

/*
 * Content for inspectors. kern_inspectors: n rings (0: no content is copied any more), kept as they
 * are where an earlier agent made them; ring_bytes 0 = default, a power of two. The rings' and the
 * shared lines' descriptors are borrowed. A ring is read only while inspectors[i].alive.
 */
int kern_inspectors(struct kern *kern, uint32_t n, uint32_t ring_bytes);
int kern_inspector_ring_fd(const struct kern *kern, uint32_t i);
uint32_t kern_inspector_ring_bytes(const struct kern *kern, uint32_t i); /* 0: there is none */
int kern_inspectors_fd(const struct kern *kern);
struct gl_inspector *kern_inspectors_shared(const struct kern *kern);
int kern_chunk_account(const struct kern *kern, uint32_t i, struct gl_chunk_account *ret_account);

/* Nothing leaves this connection any more (enum gl_reason). -E2BIG: GL_CUTS_MAX are marked. */
int kern_cut(struct kern *kern, uint64_t cookie, uint32_t reason);
/* Was it marked, by whomever, and is it not gone yet? */
bool kern_is_cut(const struct kern *kern, uint64_t cookie);
/*
 * Once a second: every ten, forgets marks of connections that had ended before they were marked;
 * returns how many. All stay where the sockets of a namespace cannot be listed.
 */
size_t kern_cuts_sweep(struct kern *kern, uint64_t now_ns);
/*
 * Every connection of a service that a door knows, and each request in flight on one (struct
 * gl_open, valid during the call): those of the tls door first. -ENOTSUP: not on this kernel.
 */
typedef void (*kern_open_fn)(const struct gl_open *open, void *userdata);
int kern_open_walk(const struct kern *kern, kern_open_fn fn, void *userdata);
/*
 * Ends the sockets now, in whatever network namespace they are: both sides are told. -ENOTSUP: not
 * on this kernel, where a marked connection ends with its next packet. Returns how many it ended.
 */
int kern_destroy(const struct gl_open *opens, size_t n);
/*
 * HTTP/2 judged in user space (bpf/lib/h2.h): up to which byte of the client's stream everything on
 * a connection is judged; until when (CLOCK_BOOTTIME) a source (as in windows) is read in lockstep.
 */
int kern_h2_judged(struct kern *kern, uint64_t conn, uint64_t off);
int kern_h2_lockstep(struct kern *kern, uint16_t service, const struct gl_addr *source,
		     uint64_t until_ns);

/*
 * Workloads whose way out is closed: the whole list, replacing the one before; hits of those that
 * stay go on. Entries expire by themselves; the programs are held while there is one. -ENOTSUP: not
 * on this kernel; -E2BIG: more than GL_KILLS_MAX, or a cgroup deeper than GL_KILL_LEVELS.
 */
struct kern_kill {
	struct gl_workload workload;
	uint64_t expires_ns;
	uint32_t decision;
	uint32_t depth; /* of a cgroup: 1 = right below the root */
};
int kern_kills_set(struct kern *kern, const struct kern_kill *list, size_t n);
uint64_t kern_kill_hits(const struct kern *kern, const struct gl_workload *workload);
/* "/sys/fs/cgroup": where the hierarchy begins. -ENOENT: there is none. */
int kern_cgroup_root(char *ret_path, size_t size);

/* What the probes attached with GL_PROBE_COOKIE(shape, library) saw. -ENOTSUP: no tls door. */
int kern_probe_account(const struct kern *kern, uint32_t library,
		       struct gl_probe_account *ret_account);

/* Bytes of kernel memory the maps are charged, by map name, for doctor. */
struct kern_map_use {
	const char *name;
	uint64_t bytes;
	uint32_t max_entries;
};
size_t kern_map_uses(const struct kern *kern, const struct kern_map_use **ret_uses);

/*
 * TLS libraries in use and the tls door's probes on them (libs.h). kern_libs_start() attaches to
 * what runs now and watches for more; after kern_attach(). -ENOTSUP: no tls door here; -EAGAIN: no
 * policy yet. kern_libs_poll(): when kern_libs_fd() is readable (wait 20 ms, things come in
 * batches) and at least once a second; returns how many libraries were attached.
 */
int kern_libs_start(struct kern *kern);
int kern_libs_fd(const struct kern *kern); /* borrowed; -ENOTSUP */
int kern_libs_poll(struct kern *kern);

/* One file with a TLS library in it. Strings are borrowed until the next kern_libs_poll(). */
struct kern_library {
	uint32_t number; /* for kern_probe_account() */
	const char *path; /* as its first user sees it */
	const char *build_id, *version; /* "" if it has none */
	const char *kind; /* "openssl", "gnutls", "unknown" */
	const char *points; /* "internals", "exported", "none" */
	const char *cost; /* of a hit: "emulated" (about 6 us here), "stepped" (about 22) */
	uint32_t users; /* processes at the last look */
	bool attached;
	const char *reason; /* why it is not attached */
};
size_t kern_libraries(struct kern *kern, const struct kern_library **ret_libraries);

/*
 * Which TLS a process that listens on a policy port has, and whether the tls door sees into it. One
 * row for each implementation it brings; workers that share a socket are one row. The caller frees
 * the array; `kind` is static.
 */
#define KERN_TLS_PATH 512
struct kern_tls_view {
	pid_t pid; /* of one of them; 0: of nobody in particular (kind "ktls") */
	uint32_t processes;
	uint16_t port;
	char comm[16];
	char path[KERN_TLS_PATH]; /* of the library, or of the program it is inside of */
	char version[48];
	/* openssl-dynamic openssl-static gnutls boringssl rustls go java nss ktls none unknown */
	const char *kind;
	bool hooked;
	int library; /* number for kern_probe_account(), if hooked */
	char reason[128]; /* why it is blind; "" when hooked, and for "none" */
};
int kern_tls_views(struct kern *kern, struct kern_tls_view **ret_views, size_t *ret_n);

struct kern_libs_counters {
	uint64_t scans, files, events, events_lost;
	uint64_t attached, kept, detached, failed, no_room;
};
void kern_libs_counters(const struct kern *kern, struct kern_libs_counters *ret_counters);
