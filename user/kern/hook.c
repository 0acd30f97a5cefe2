/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hook.c - one program on one device of the current network namespace: a tcx or XDP link, pinned,
 * or a clsact filter where there are no tcx links (below 6.6).
 *
 * A link found pinned is updated in place, so that there is no moment without a door. A clsact
 * filter outlives its loader by itself; an empty pin of its program remembers where it is.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_link.h>
#include <string.h>
#include <unistd.h>

#include "nic.skel.h"
#include "wire.skel.h"

/* enum bpf_attach_type of 6.6; Debian 12's headers end before it. */
#define ATTACH_TCX_INGRESS 46
#define ATTACH_TCX_EGRESS  47

/* Our place among clsact filters: after everything with a lower preference, before the default. */
#define CLSACT_PRIORITY 0x674c
#define CLSACT_HANDLE   1

static int wire_program(struct kern *kern, const struct netdev *device, bool ingress)
{
	const struct wire_bpf *l3;
	int r;

	if (device->has_link_layer)
		return bpf_program__fd(ingress ? kern->wire->progs.wire_in
					       : kern->wire->progs.wire_out);
	r = programs_wire_l3(kern, &l3);
	if (r < 0)
		return r;
	return bpf_program__fd(ingress ? l3->progs.wire_in_l3 : l3->progs.wire_out_l3);
}

/* The pinned link takes the new program; -ENOENT: there is none, or its device is gone. */
static int link_take_over(const char *pin, int program_fd)
{
	_cleanup_close_ int link_fd = bpf_obj_get(pin);
	int r;

	if (link_fd < 0)
		return -ENOENT;
	r = bpf_link_update(link_fd, program_fd, NULL);
	if (r == -ENOLINK || r == -ENODEV) {
		unlink(pin);
		return -ENOENT;
	}
	return r;
}

static int link_new(const char *pin, int program_fd, int ifindex, int type, __u32 flags)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = flags);
	_cleanup_close_ int fd = bpf_link_create(program_fd, ifindex, type, flags ? &opts : NULL);

	if (fd < 0)
		return fd;
	return bpf_obj_pin(fd, pin);
}

static int clsact_hook(struct bpf_tc_hook *hook, int ifindex, bool ingress)
{
	memset(hook, 0, sizeof(*hook));
	hook->sz = sizeof(*hook);
	hook->ifindex = ifindex;
	hook->attach_point = ingress ? BPF_TC_INGRESS : BPF_TC_EGRESS;
	return 0;
}

static int clsact_attach(struct kern *kern, int program_fd, int ifindex, bool ingress,
			 const char *pin_name)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .prog_fd = program_fd, .flags = BPF_TC_F_REPLACE);
	struct bpf_tc_hook hook;
	char pin[PATH_MAX];
	int r;

	clsact_hook(&hook, ifindex, ingress);
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	r = bpf_tc_attach(&hook, &opts);
	if (r < 0)
		return r;
	r = pins_path(kern->pin_dir, "clsact", pin_name, pin, sizeof(pin));
	if (r < 0)
		return r;
	unlink(pin);
	return bpf_obj_pin(program_fd, pin);
}

struct clsact_place {
	int ifindex;
	bool ingress;
};

static int clsact_detach(void *userdata)
{
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);
	const struct clsact_place *place = userdata;
	struct bpf_tc_hook hook;

	clsact_hook(&hook, place->ifindex, place->ingress);
	return bpf_tc_detach(&hook, &opts);
}

/* Removes the filter of a dead agent; the namespace is found by its inode, or is gone with it. */
int hook_remove_clsact_in(ino_t netns_inode, int ifindex, bool ingress)
{
	struct clsact_place place = {.ifindex = ifindex, .ingress = ingress};

	return netns_call(netns_inode, clsact_detach, &place);
}

/* Native first; generic only where the device was named for it: it is no faster than tcx. */
static int xdp_attach(struct kern *kern, const struct netdev *device, const char *pin,
		      bool allow_generic, const char **ret_how)
{
	int fd, r;

	if (!kern->nic)
		return -ENOTSUP;
	fd = bpf_program__fd(kern->nic->progs.nic_in);
	*ret_how = "xdp";
	r = link_take_over(pin, fd);
	if (r != -ENOENT)
		return r;
	*ret_how = "xdp-native";
	r = link_new(pin, fd, device->ifindex, BPF_XDP, XDP_FLAGS_DRV_MODE);
	if (r >= 0 || !allow_generic || r == -EBUSY || r == -EEXIST)
		return r;
	*ret_how = "xdp-generic";
	return link_new(pin, fd, device->ifindex, BPF_XDP, XDP_FLAGS_SKB_MODE);
}

/*
 * Puts the door's program on the device, or takes over what an earlier agent put there. *ret_how is
 * static. For the nic door, `ingress` says whether generic mode will do.
 */
int hook_attach(struct kern *kern, const struct netdev *device, enum gl_door door, bool ingress,
		const char *pin_name, const char **ret_how)
{
	char pin[PATH_MAX];
	int fd, r;

	r = pins_path(kern->pin_dir, "links", pin_name, pin, sizeof(pin));
	if (r < 0)
		return r;
	if (door == GL_DOOR_NIC)
		return xdp_attach(kern, device, pin, ingress, ret_how);
	fd = wire_program(kern, device, ingress);
	if (fd < 0)
		return fd;
	if (!kern->tcx) {
		*ret_how = "clsact";
		return clsact_attach(kern, fd, device->ifindex, ingress, pin_name);
	}
	*ret_how = "tcx";
	r = link_take_over(pin, fd);
	if (r != -ENOENT)
		return r;
	return link_new(pin, fd, device->ifindex, ingress ? ATTACH_TCX_INGRESS : ATTACH_TCX_EGRESS,
			0);
}
