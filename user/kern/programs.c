/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * programs.c - loads the kernel programs with the pinned maps of an earlier agent, or new ones, and
 * keeps what the verifier said.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "user/base/log.h"

#include "nic.skel.h"
#include "wire.skel.h"

#define LOG_TAIL 1400 /* one log message holds it */

/* libbpf's callback has no argument: the tail of what it prints while one object is loaded. */
static char libbpf_log[LOG_TAIL];
static size_t libbpf_log_len;

static int keep_log(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	_cleanup_free_ char *whole = NULL;
	const char *line;
	int n;

	if (level == LIBBPF_DEBUG)
		return 0;
	n = vasprintf(&whole, fmt, ap);
	if (n < 0)
		return 0;
	/* of a verifier log the end says why */
	line = whole;
	if (n >= LOG_TAIL) {
		line += n - LOG_TAIL + 1;
		n = LOG_TAIL - 1;
	}
	if (libbpf_log_len + n >= sizeof(libbpf_log)) {
		size_t cut = libbpf_log_len + n - sizeof(libbpf_log) + 1;

		if (cut > libbpf_log_len)
			cut = libbpf_log_len;
		memmove(libbpf_log, libbpf_log + cut, libbpf_log_len - cut);
		libbpf_log_len -= cut;
	}
	memcpy(libbpf_log + libbpf_log_len, line, n);
	libbpf_log_len += n;
	libbpf_log[libbpf_log_len] = '\0';
	return 0;
}

void programs_log_begin(void)
{
	libbpf_log_len = 0;
	libbpf_log[0] = '\0';
}

const char *programs_log(void)
{
	return libbpf_log;
}

static int say(char **error, int r, const char *what, const char *hint)
{
	if (error && asprintf(error, "%s: %s\n%s%s", what, strerror(-r), hint,
			      libbpf_log_len ? libbpf_log : "") < 0)
		*error = NULL;
	return r;
}

/* Uses the pinned map of that name, as it is; -ENOENT: there is none. */
static int reuse(const char *pin_dir, struct bpf_map *map)
{
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	int r;

	r = pins_path(pin_dir, "maps", bpf_map__name(map), path, sizeof(path));
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	return bpf_map__reuse_fd(map, fd);
}

int programs_reuse(struct kern *kern, struct bpf_object *object, size_t *ret_reused)
{
	struct bpf_map *map;
	size_t reused = 0;

	bpf_object__for_each_map(map, object)
	{
		int r;

		if (bpf_map__is_internal(map))
			continue;
		r = reuse(kern->pin_dir, map);
		if (r < 0 && r != -ENOENT)
			return r;
		reused += r == 0;
	}
	*ret_reused = reused;
	return 0;
}

int programs_pin(struct kern *kern, struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		char path[PATH_MAX];
		int r;

		if (bpf_map__is_internal(map))
			continue;
		r = pins_path(kern->pin_dir, "maps", bpf_map__name(map), path, sizeof(path));
		if (r < 0)
			return r;
		if (access(path, F_OK) == 0)
			continue;
		r = bpf_obj_pin(bpf_map__fd(map), path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The ABI of what is pinned: 0 when nothing is. */
static int pinned_abi(const char *pin_dir, __u32 *ret_major)
{
	struct gl_control control;
	char path[PATH_MAX];
	_cleanup_close_ int fd = -1;
	__u32 zero = 0;
	int r;

	*ret_major = 0;
	r = pins_path(pin_dir, "maps", "control", path, sizeof(path));
	if (r < 0)
		return r;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = bpf_map_lookup_elem(fd, &zero, &control);
	if (r < 0)
		return r;
	*ret_major = control.abi_major;
	return 0;
}

static int load_wire(struct kern *kern, const struct kern_options *options)
{
	size_t reused = 0;
	int r;

	kern->wire = wire_bpf__open();
	if (!kern->wire)
		return -errno;
	/* few hosts have a device for these, and they would double what the verifier has to do */
	bpf_program__set_autoload(kern->wire->progs.wire_in_l3, false);
	bpf_program__set_autoload(kern->wire->progs.wire_out_l3, false);
	if (options->window_lines)
		bpf_map__set_max_entries(kern->wire->maps.windows, options->window_lines);
	if (options->ban_slots)
		bpf_map__set_max_entries(kern->wire->maps.decisions, options->ban_slots);
	r = programs_reuse(kern, kern->wire->obj, &reused);
	if (r < 0)
		return r;
	kern->adopted = reused > 0;
	r = wire_bpf__load(kern->wire);
	if (r < 0)
		return r;
	return programs_pin(kern, kern->wire->obj);
}

static int load_wire_l3(const struct wire_bpf *wire, struct wire_bpf *l3)
{
	struct bpf_map *map;
	int r;

	bpf_program__set_autoload(l3->progs.wire_in, false);
	bpf_program__set_autoload(l3->progs.wire_out, false);
	bpf_object__for_each_map(map, l3->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		r = bpf_map__reuse_fd(map, bpf_map__fd(bpf_object__find_map_by_name(
						   wire->obj, bpf_map__name(map))));
		if (r < 0)
			return r;
	}
	return wire_bpf__load(l3);
}

/* The wire door's programs for devices without a link layer, on the same maps. */
int programs_wire_l3(struct kern *kern, const struct wire_bpf **ret_l3)
{
	libbpf_print_fn_t before;
	struct wire_bpf *l3;
	int r;

	if (!kern->wire_l3) {
		l3 = wire_bpf__open();
		if (!l3)
			return -errno;
		programs_log_begin();
		before = libbpf_set_print(keep_log);
		r = load_wire_l3(kern->wire, l3);
		libbpf_set_print(before);
		if (r < 0) {
			wire_bpf__destroy(l3);
			return log_err(r,
				       "the wire door's programs for devices without a link "
				       "layer do not load: %s",
				       programs_log());
		}
		kern->wire_l3 = l3;
	}
	*ret_l3 = kern->wire_l3;
	return 0;
}

/* Optional: without it bans are enforced at the wire door. */
static void load_nic(struct kern *kern)
{
	size_t reused = 0;

	kern->nic = nic_bpf__open();
	if (!kern->nic)
		return;
	if (programs_reuse(kern, kern->nic->obj, &reused) < 0 || nic_bpf__load(kern->nic) < 0) {
		nic_bpf__destroy(kern->nic);
		kern->nic = NULL;
	}
}

/* What can be said before anything is touched. */
int programs_check(char **error)
{
	libbpf_log_len = 0;
	if (geteuid() != 0)
		return say(error, -EPERM, "loading kernel programs needs root",
			   "start glacisd as root (CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN)\n");
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return say(error, -ENOTSUP, "this kernel has no BTF (/sys/kernel/btf/vmlinux)",
			   "glacis needs Linux 6.1 or newer with CONFIG_DEBUG_INFO_BTF\n");
	return 0;
}

int programs_load(struct kern *kern, const struct kern_options *options, char **error)
{
	libbpf_print_fn_t before;
	__u32 major = 0;
	int r;

	programs_log_begin();
	r = pinned_abi(kern->pin_dir, &major);
	if (r < 0)
		return say(error, r, "cannot read the pins of an earlier agent",
			   "remove them with: glacisd --detach\n");
	if (major && major != GL_ABI_MAJOR)
		return say(error, -EPROTO, "an agent with another ABI holds the pins",
			   "remove them with the older version's: glacisd --detach\n");
	before = libbpf_set_print(keep_log);
	r = load_wire(kern, options);
	if (r == 0) {
		load_nic(kern);
		content_load(kern);
		cut_load(kern);
		kill_load(kern);
		open_load(kern);
	}
	libbpf_set_print(before);
	if (r < 0)
		return say(error, r, "the wire door's programs do not load",
			   "glacis needs Linux 6.1 or newer; the verifier's last words:\n");
	return 0;
}

void programs_free(struct kern *kern)
{
	wire_bpf__destroy(kern->wire_l3);
	wire_bpf__destroy(kern->wire);
	nic_bpf__destroy(kern->nic);
	content_free(kern);
	cut_free(kern);
	kill_free(kern);
	open_free(kern);
}
