/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attach.c - which devices get which doors: every L3 device and lo of every namespace concerned, or
 * the devices that were named. Runs again and again: what is new is attached, what is gone
 * forgotten.
 *
 * A device under a bridge or bond is not an L3 device: its packets come by again on the master, and
 * would be judged twice.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/log.h"

/* One pass over the namespaces. */
struct pass {
	struct kern *kern;
	ino_t inode; /* of the namespace being looked at */
	bool self;
	struct kern_door_entry *doors; /* what is held after this pass */
	size_t n;
};

/* How an option names this device: 0 = not at all, 1 = "dev", 2 = "dev:xdp". */
static int named(const struct kern *kern, const struct netdev *device)
{
	int found = 0;

	for (size_t i = 0; i < kern->n_devices; i++) {
		const char *option = kern->devices[i];
		size_t n = strcspn(option, ":");

		if (strlen(device->name) != n || strncmp(option, device->name, n) != 0)
			continue;
		found = strcmp(option + n, ":xdp") == 0 ? 2 : found ? found : 1;
	}
	return found;
}

static const struct kern_door_entry *held(const struct kern *kern, ino_t inode, int ifindex,
					  const char *how_prefix, enum gl_door door)
{
	for (size_t i = 0; i < kern->n_doors; i++) {
		const struct kern_door_entry *e = &kern->doors[i];

		if (e->netns_inode == inode && e->door.ifindex == ifindex && e->door.door == door &&
		    strncmp(e->how, how_prefix, strlen(how_prefix)) == 0)
			return e;
	}
	return NULL;
}

static void keep(struct pass *pass, const struct netdev *device, enum gl_door door, const char *how)
{
	struct kern_door_entry *e;

	if (pass->n >= KERN_DOORS_MAX)
		return;
	e = &pass->doors[pass->n++];
	memset(e, 0, sizeof(*e));
	if (pass->self)
		snprintf(e->netns, sizeof(e->netns), "self");
	else
		snprintf(e->netns, sizeof(e->netns), "net:[%lu]", (unsigned long)pass->inode);
	snprintf(e->device, sizeof(e->device), "%s", device->name);
	snprintf(e->how, sizeof(e->how), "%s", how);
	e->netns_inode = pass->inode;
	e->door.door = door;
	e->door.ifindex = device->ifindex;
}

static int attach_wire(struct pass *pass, const struct netdev *device)
{
	struct kern *kern = pass->kern;
	const struct kern_door_entry *e =
		held(kern, pass->inode, device->ifindex, "", GL_DOOR_WIRE);
	const char *how = "tcx";
	char pin[64];
	int r;

	if (e) {
		keep(pass, device, GL_DOOR_WIRE, e->how);
		return 0;
	}
	/* the way out first: a response must not be missed that answers a judged request */
	for (int ingress = 0; ingress <= 1; ingress++) {
		snprintf(pin, sizeof(pin), "%s-%lu-%d", ingress ? "in" : "out",
			 (unsigned long)pass->inode, device->ifindex);
		r = hook_attach(kern, device, GL_DOOR_WIRE, ingress, pin, &how);
		if (r < 0)
			return log_err(r, "cannot hold the wire door on %s (%s)", device->name,
				       how);
	}
	keep(pass, device, GL_DOOR_WIRE, how);
	return 0;
}

/* The nic door is an optimization: where it cannot be held, the wire door does the same. */
static void attach_nic(struct pass *pass, const struct netdev *device, bool asked)
{
	struct kern *kern = pass->kern;
	const struct kern_door_entry *e = held(kern, pass->inode, device->ifindex, "", GL_DOOR_NIC);
	const char *how = "xdp";
	char pin[64];
	int r;

	if (e) {
		keep(pass, device, GL_DOOR_NIC, e->how);
		return;
	}
	snprintf(pin, sizeof(pin), "nic-%lu-%d", (unsigned long)pass->inode, device->ifindex);
	r = hook_attach(kern, device, GL_DOOR_NIC, asked, pin, &how);
	if (r >= 0)
		keep(pass, device, GL_DOOR_NIC, how);
	else if (asked)
		log_warning("the nic door on %s cannot be held (%s): bans are enforced at the wire "
			    "door there",
			    device->name, strerror(-r));
}

static int attach_device(struct pass *pass, const struct netdev *device)
{
	struct kern *kern = pass->kern;
	int name = pass->self ? named(kern, device) : 0, r;

	if (!device->up && !device->loopback)
		return 0;
	if (kern->n_devices && pass->self && !name)
		return 0;
	if (!name && device->enslaved)
		return 0;
	r = attach_wire(pass, device);
	if (r < 0)
		return r;
	/* unasked only where it helps and while it may change packets: drivers reset their queues
	 */
	if (name == 2 ||
	    (!kern->n_devices && device->physical && kern->control->mode == GL_MODE_ENFORCE &&
	     kern->control->ban_mode == GL_MODE_ENFORCE))
		attach_nic(pass, device, name == 2);
	return 0;
}

/* A failure on one device does not keep the others open. Returns the first error. */
static int attach_here(struct pass *pass)
{
	_cleanup_free_ struct netdev *devices = NULL;
	size_t n = 0;
	int r, first = 0;

	r = netdev_list(&devices, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = attach_device(pass, &devices[i]);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}

static int attach_elsewhere(struct pass *pass, const struct netns *list, size_t n)
{
	_cleanup_close_ int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int first = 0;

	if (home < 0)
		return -errno;
	for (size_t i = 0; i < n; i++) {
		int r;

		if (setns(list[i].fd, CLONE_NEWNET) < 0)
			continue;
		pass->inode = list[i].inode;
		r = attach_here(pass);
		if (r < 0 && !first)
			first = r;
	}
	/* staying in another namespace would attach doors to the wrong devices from now on */
	if (setns(home, CLONE_NEWNET) < 0)
		abort();
	return first;
}

static void publish(struct pass *pass)
{
	struct kern *kern = pass->kern;

	free(kern->doors);
	kern->doors = pass->doors;
	kern->n_doors = pass->n;
	for (size_t i = 0; i < pass->n; i++) {
		struct kern_door_entry *e = &kern->doors[i];

		e->door.netns = e->netns;
		e->door.device = e->device;
		e->door.how = e->how;
		kern->door_list[i] = e->door;
	}
}

/* Every named device must exist before anything is attached. */
static int check_named(struct kern *kern, const char **ret_device)
{
	_cleanup_free_ struct netdev *devices = NULL;
	size_t n = 0;
	int r;

	r = netdev_list(&devices, &n);
	if (r < 0)
		return r;
	for (size_t i = 0; i < kern->n_devices; i++) {
		size_t len = strcspn(kern->devices[i], ":");
		bool found = false;

		for (size_t j = 0; j < n; j++)
			found |= strlen(devices[j].name) == len &&
				 strncmp(devices[j].name, kern->devices[i], len) == 0;
		if (!found) {
			*ret_device = kern->devices[i];
			return -ENODEV;
		}
	}
	return 0;
}

int kern_attach(struct kern *kern, const char **ret_device)
{
	struct pass pass = {.kern = kern, .self = true};
	struct netns *others = NULL;
	size_t n_others = 0;
	int r, first;

	if (kern->n_devices && !kern->n_doors) {
		r = check_named(kern, ret_device);
		if (r < 0)
			return r;
	}
	r = netns_self_inode(&pass.inode);
	if (r < 0)
		return r;
	pass.doors = calloc(KERN_DOORS_MAX, sizeof(*pass.doors));
	if (!pass.doors)
		return -ENOMEM;
	first = attach_here(&pass);
	if (kern->all_netns && netns_list(kern, &others, &n_others) == 0) {
		pass.self = false;
		r = attach_elsewhere(&pass, others, n_others);
		if (r < 0 && !first)
			first = r;
		netns_free(others, n_others);
	}
	publish(&pass);
	maps_sweep_embryos(kern);
	content_guard(kern);
	cut_attach(kern);
	return first;
}

size_t kern_doors(const struct kern *kern, const struct kern_door **ret_doors)
{
	*ret_doors = kern->door_list;
	return kern->n_doors;
}
