/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/probe_link.h"

#include <errno.h>
#include <limits.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>

#include "user/base/cleanup.h"
#include "user/kern/kern_private.h"
#include "user/kern/probe_point.h"

/* enum bpf_attach_type of 6.6; Debian 12's headers end before it. */
#define ATTACH_UPROBE_MULTI 48
#define MULTI_RETURN        1
#define MAPS_MAX            64

/* union bpf_attr, link_create of 6.6: its uprobe_multi part is not in older headers. */
struct multi_attr {
	uint32_t prog_fd, target_fd, attach_type, flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, uflags, pid, reserved;
};

static int multi_create(int program_fd, const char *path, const uint64_t *offsets,
			const uint64_t *cookies, size_t n, bool at_return)
{
	struct multi_attr attr = {
		.prog_fd = (uint32_t)program_fd,
		.attach_type = ATTACH_UPROBE_MULTI,
		.path = (uint64_t)(uintptr_t)path,
		.offsets = (uint64_t)(uintptr_t)offsets,
		.cookies = (uint64_t)(uintptr_t)cookies,
		.cnt = (uint32_t)n,
		.uflags = at_return ? MULTI_RETURN : 0,
	};
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

/* A link on a file that does not exist: older kernels do not know the attach type (EINVAL). */
static bool try_multi(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = ATTACH_UPROBE_MULTI);
	uint64_t offset = 1;
	_cleanup_close_ int fd = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "try_multi", "GPL", program,
					       ARRAY_SIZE(program), &opts);

	return fd >= 0 &&
	       multi_create(fd, "/proc/self/no-such-file", &offset, &offset, 1, false) == -ENOENT;
}

static int multi_known = -1;

bool probe_link_multi(void)
{
	if (multi_known < 0)
		multi_known = try_multi();
	return multi_known;
}

void probe_link_pretend_old(bool old)
{
	multi_known = old ? 0 : -1;
}

void probe_link_prepare(struct bpf_program *program)
{
	if (probe_link_multi())
		bpf_program__set_expected_attach_type(program, ATTACH_UPROBE_MULTI);
}

/* ---------------------------------------------------------------------------------------------
 * Links of the agent before
 */
static int program_maps(int program_fd, struct bpf_prog_info *ret_info, uint32_t ret_maps[MAPS_MAX])
{
	__u32 size = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	ret_info->nr_map_ids = MAPS_MAX;
	ret_info->map_ids = (uint64_t)(uintptr_t)ret_maps;
	if (bpf_obj_get_info_by_fd(program_fd, ret_info, &size) < 0)
		return -errno;
	return ret_info->nr_map_ids > MAPS_MAX ? -E2BIG : 0;
}

/* Constants are a map of their own in every load: the same if they say the same. */
static bool same_constants(uint32_t a_id, uint32_t b_id)
{
	_cleanup_close_ int a = bpf_map_get_fd_by_id(a_id), b = bpf_map_get_fd_by_id(b_id);
	struct bpf_map_info a_info = {}, b_info = {};
	_cleanup_free_ char *a_bytes = NULL, *b_bytes = NULL;
	__u32 size = sizeof(a_info), zero = 0;

	if (a < 0 || b < 0 || bpf_obj_get_info_by_fd(a, &a_info, &size) < 0)
		return false;
	size = sizeof(b_info);
	if (bpf_obj_get_info_by_fd(b, &b_info, &size) < 0 ||
	    !(a_info.map_flags & b_info.map_flags & BPF_F_RDONLY_PROG) ||
	    a_info.value_size != b_info.value_size || a_info.max_entries != 1 ||
	    b_info.max_entries != 1)
		return false;
	a_bytes = malloc(a_info.value_size);
	b_bytes = malloc(b_info.value_size);
	return a_bytes && b_bytes && bpf_map_lookup_elem(a, &zero, a_bytes) == 0 &&
	       bpf_map_lookup_elem(b, &zero, b_bytes) == 0 &&
	       memcmp(a_bytes, b_bytes, a_info.value_size) == 0;
}

/* The same code with the same maps? A link that is kept must not write where nobody reads. */
static bool runs(int link_fd, int program_fd)
{
	struct bpf_prog_info mine, theirs;
	uint32_t my_maps[MAPS_MAX], their_maps[MAPS_MAX];
	struct bpf_link_info info = {};
	__u32 size = sizeof(info);
	_cleanup_close_ int other = -1;

	if (bpf_obj_get_info_by_fd(link_fd, &info, &size) < 0)
		return false;
	other = bpf_prog_get_fd_by_id(info.prog_id);
	if (other < 0 || program_maps(program_fd, &mine, my_maps) < 0 ||
	    program_maps(other, &theirs, their_maps) < 0 ||
	    memcmp(mine.tag, theirs.tag, sizeof(mine.tag)) != 0 ||
	    mine.nr_map_ids != theirs.nr_map_ids)
		return false;
	for (uint32_t i = 0; i < mine.nr_map_ids; i++)
		if (my_maps[i] != their_maps[i] && !same_constants(my_maps[i], their_maps[i]))
			return false;
	return true;
}

/* The pinned link, if it will do; what will not is removed. */
static int take_pinned(const char *pin, int program_fd)
{
	_cleanup_close_ int fd = bpf_obj_get(pin);

	if (fd < 0)
		return -ENOENT;
	if (runs(fd, program_fd))
		return TAKE_FD(fd);
	unlink(pin);
	return -ENOENT;
}

/* ---------------------------------------------------------------------------------------------
 * New ones
 */
/* "8", "config:0" */
static int read_number(const char *path, int *ret_number)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[64];
	const char *digits;

	if (!f)
		return -errno;
	if (!fgets(line, sizeof(line), f))
		return -EBADMSG;
	digits = strpbrk(line, "0123456789");
	if (!digits)
		return -EBADMSG;
	*ret_number = (int)strtol(digits, NULL, 10);
	return 0;
}

static int perf_create(int program_fd, const char *path, const struct probe_place *place,
		       bool at_return)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .perf_event.bpf_cookie = place->cookie);
	struct perf_event_attr attr = {.size = sizeof(attr)};
	_cleanup_close_ int fd = -1;
	int type, bit = 0, r;

	r = read_number("/sys/bus/event_source/devices/uprobe/type", &type);
	if (r == 0)
		r = read_number("/sys/bus/event_source/devices/uprobe/format/retprobe", &bit);
	if (r < 0)
		return r;
	attr.type = (uint32_t)type;
	attr.config = at_return ? 1ull << bit : 0;
	attr.config1 = (uint64_t)(uintptr_t)path;
	attr.config2 = place->offset;
	fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	return bpf_link_create(program_fd, fd, BPF_PERF_EVENT, &opts);
}

static int pin_or_close(int fd, const char *pin)
{
	int r;

	if (fd < 0)
		return fd;
	r = bpf_obj_pin(fd, pin);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

static int attach_multi(int program_fd, bool at_return, const char *path,
			const struct probe_place *places, size_t n, const char *pin)
{
	uint64_t offsets[PROBE_POINTS_MAX], cookies[PROBE_POINTS_MAX];

	for (size_t i = 0; i < n; i++) {
		offsets[i] = places[i].offset;
		cookies[i] = places[i].cookie;
	}
	return pin_or_close(multi_create(program_fd, path, offsets, cookies, n, at_return), pin);
}

static void close_all(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

int probe_link_attach(int program_fd, bool at_return, int file_fd, const struct probe_place *places,
		      size_t n, const char *pin, int *ret_fds, bool *ret_kept)
{
	size_t links = probe_link_multi() ? 1 : n;
	int fds[PROBE_POINTS_MAX];
	char file[64], name[PATH_MAX];
	bool kept = true;

	if (n == 0 || n > PROBE_POINTS_MAX)
		return -EINVAL;
	/* what the descriptor leads to, whatever has happened to its name since */
	snprintf(file, sizeof(file), "/proc/self/fd/%d", file_fd);
	for (size_t i = 0; i < links; i++) {
		if ((size_t)snprintf(name, sizeof(name), "%s-%zu", pin, i) >= sizeof(name))
			return -ENAMETOOLONG;
		fds[i] = take_pinned(name, program_fd);
		if (fds[i] >= 0)
			continue;
		kept = false;
		if (probe_link_multi())
			fds[i] = attach_multi(program_fd, at_return, file, places, n, name);
		else
			fds[i] = pin_or_close(perf_create(program_fd, file, &places[i], at_return),
					      name);
		if (fds[i] < 0) {
			close_all(fds, i);
			return fds[i];
		}
	}
	memcpy(ret_fds, fds, links * sizeof(*fds));
	*ret_kept = kept;
	return (int)links;
}
