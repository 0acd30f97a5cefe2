/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kern_private.h - what the files of this folder share. Nobody outside includes it.
 */
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "user/base/cleanup.h"
#include "user/kern/kern.h"

struct wire_bpf;
struct nic_bpf;
struct blind;
struct libs;
struct tls_bpf;
struct cut_bpf;
struct egress_bpf;
struct open_bpf;

#define KERN_DOORS_MAX      1024
#define KERN_FEATURES_MAX   16
#define KERN_MAPS_MAX       64
#define KERN_HEAD_TIMEOUT_S 60
#define KERN_EMBRYO_S       10 /* a handshake with data takes microseconds, or TCP_DEFER_ACCEPT */
#define KERN_NETNS_MAX      256

/* A door with the strings it owns. */
struct kern_door_entry {
	struct kern_door door;
	char netns[32];
	char device[32];
	char how[16];
	ino_t netns_inode;
	int program_fd; /* borrowed: which program it runs, to see whether it must be replaced */
};

struct kern_feature_entry {
	struct kern_feature feature;
	char detail[256];
};

struct kern {
	char *pin_dir;
	char **devices;
	size_t n_devices;
	bool all_netns;
	bool adopted;
	bool tcx; /* else clsact */
	int lock_fd;

	struct wire_bpf *wire;
	struct wire_bpf *wire_l3; /* the same for devices without a link layer; NULL: none yet */
	struct nic_bpf *nic; /* NULL: not on this kernel */
	struct tls_bpf *tls; /* NULL: not on this kernel; the reason is in tls_error */
	char tls_error[192];
	enum { GUARD_NONE, GUARD_AWAKE, GUARD_SLEEPS } guard; /* inside TLS: how it reads memory */
	struct cut_bpf *cut; /* NULL: not on this kernel */
	bool cut_held; /* or given up */
	uint64_t cuts_swept_ns;
	struct egress_bpf *egress; /* NULL: not on this kernel */
	struct open_bpf *open; /* NULL: not on this kernel */
	struct bpf_link *tls_links[2]; /* its tracepoints */
	struct libs *libs; /* probes on libraries; NULL: not started */
	struct blind *blind; /* NULL: nobody asked yet */
	struct kern_library library_list[GL_PROBE_LIBRARIES_MAX];
	int ring_fd[GL_INSPECTORS_MAX]; /* inner maps of `chunks`; -1 */
	struct gl_inspector *inspectors;
	int policies_fd;
	int slot_fd[GL_GENERATIONS]; /* inner maps; -1 */
	time_t slot_retired_s[GL_GENERATIONS]; /* CLOCK_BOOTTIME when it stopped being active */

	struct gl_control *control;
	struct gl_window_line *windows;
	struct gl_prefix_slot *bans;
	struct gl_proven *proven;
	struct gl_watch *watches;
	struct gl_subject *subjects;
	uint64_t *embryo_count;
	const struct gl_policy *policy; /* the active one, mapped */
	const struct gl_policy *retired; /* one that ruled before, mapped when asked for */
	struct ring_buffer *ring;
	kern_record_fn ring_handler;
	void *ring_userdata;
	int n_cpus;

	struct kern_door_entry *doors;
	struct kern_door *door_list;
	size_t n_doors;
	struct kern_feature_entry features[KERN_FEATURES_MAX];
	struct kern_feature feature_list[KERN_FEATURES_MAX];
	size_t n_features;
	struct kern_map_use map_uses[KERN_MAPS_MAX];
	size_t n_map_uses;
};

/* pins.c: the pin directory. */
int pins_mount(const char *pin_dir);
int pins_lock(const char *pin_dir, int *ret_fd);
/* "<pin_dir>/<kind>/<name>"; kind is "maps", "links" or "clsact"; the folder is made. */
int pins_path(const char *pin_dir, const char *kind, const char *name, char *ret_path, size_t size);
int pins_remove(const char *pin);
int pins_remove_all(const char *pin_dir);
int pins_remove_doors(const char *pin_dir);
void pins_tidy(const char *pin_dir);

/* programs.c: load, reuse pinned maps, keep the verifier's word. */
int programs_check(char **error);
int programs_load(struct kern *kern, const struct kern_options *options, char **error);
int programs_wire_l3(struct kern *kern, const struct wire_bpf **ret_l3);
void programs_free(struct kern *kern);

/* Uses the pinned maps of this object; pins the others. */
int programs_reuse(struct kern *kern, struct bpf_object *object, size_t *ret_reused);
int programs_pin(struct kern *kern, struct bpf_object *object);
/* What libbpf and the verifier say from here on; its tail. */
void programs_log_begin(void);
const char *programs_log(void);

/* content.c: the tls door's programs (optional), inspectors' rings, cuts. */
void content_load(struct kern *kern);
int content_open(struct kern *kern);
void content_free(struct kern *kern);
void content_features(struct kern *kern);
/* Whose receives the tls door looks at: those of this policy's ports; more: and those of before. */
void content_ports(struct kern *kern, const struct gl_policy *policy, bool more);
/* After a pass over the namespaces: which are guarded; connections of dead processes are swept. */
void content_guard(struct kern *kern);

/* libraries.c: the response guard inside TLS comes and goes with the policy. */
void libraries_guard(struct kern *kern, const struct gl_policy *policy);

/* cut.c: marked connections on devices without a wire door. */
void cut_load(struct kern *kern);
void cut_attach(struct kern *kern);
void cut_free(struct kern *kern);
/* Where cgroup v2 is mounted; ret_path may be NULL. */
int cut_root_cgroup(int *ret_fd, char *ret_path, size_t size);

/* kill.c: workloads whose way out is closed. */
void kill_load(struct kern *kern);
void kill_free(struct kern *kern);

/* open.c: connections as they are now. */
void open_load(struct kern *kern);
void open_free(struct kern *kern);

/* maps.c: shared memory, policy generations, counters, ring. */
int maps_open(struct kern *kern, const struct kern_options *options);
void maps_close(struct kern *kern);
void maps_sweep_embryos(struct kern *kern);

/* netdev.c: devices of the current network namespace. */
struct netdev {
	int ifindex;
	char name[32];
	bool up, enslaved, physical;
	bool has_link_layer; /* 14 bytes of Ethernet header */
	bool loopback;
};
int netdev_list(struct netdev **ret_devices, size_t *ret_n);

/* netns.c: namespaces of local listeners. */
struct netns {
	ino_t inode;
	int fd; /* owned */
};
int netns_list(const struct kern *kern, struct netns **ret_list, size_t *ret_n);
void netns_free(struct netns *list, size_t n);
int netns_self_inode(ino_t *ret_inode);
/* The namespace some process lives in; -ENOENT: none does. */
int netns_open(ino_t inode, int *ret_fd);
/* Calls fn in that namespace and comes back: what fn returned, or -errno without calling it. */
int netns_call(ino_t inode, int (*fn)(void *userdata), void *userdata);

/* hook.c: one program on one device, in the current network namespace. */
int hook_attach(struct kern *kern, const struct netdev *device, enum gl_door door, bool ingress,
		const char *pin_name, const char **ret_how);
int hook_remove_clsact_in(ino_t netns_inode, int ifindex, bool ingress);

/* features.c */
void features_probe(struct kern *kern);
void features_add(struct kern *kern, const char *name, bool available, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
