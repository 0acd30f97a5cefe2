/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * netdev.c - the devices of the current network namespace, by rtnetlink (sysfs shows another
 * namespace's after setns).
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define NETDEV_MAX 1024

/* A parent device of its own, and no software kind on top: a physical or paravirtual NIC. */
static bool attribute_physical(struct rtattr *linkinfo, bool has_parent)
{
	int len;
	struct rtattr *a;

	if (!has_parent)
		return false;
	if (!linkinfo)
		return true;
	len = RTA_PAYLOAD(linkinfo);
	for (a = RTA_DATA(linkinfo); RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == IFLA_INFO_KIND)
			return false;
	return true;
}

static void parse_link(struct nlmsghdr *h, struct netdev *device)
{
	struct ifinfomsg *info = NLMSG_DATA(h);
	int len = IFLA_PAYLOAD(h);
	struct rtattr *linkinfo = NULL;
	bool has_parent = false;

	memset(device, 0, sizeof(*device));
	device->ifindex = info->ifi_index;
	device->up = info->ifi_flags & IFF_UP;
	device->loopback = info->ifi_flags & IFF_LOOPBACK;
	device->has_link_layer =
		info->ifi_type == ARPHRD_ETHER || info->ifi_type == ARPHRD_LOOPBACK;
	for (struct rtattr *a = IFLA_RTA(info); RTA_OK(a, len); a = RTA_NEXT(a, len)) {
		if (a->rta_type == IFLA_IFNAME)
			snprintf(device->name, sizeof(device->name), "%s", (char *)RTA_DATA(a));
		else if (a->rta_type == IFLA_MASTER)
			device->enslaved = true;
		else if (a->rta_type == IFLA_PARENT_DEV_NAME)
			has_parent = true;
		else if (a->rta_type == IFLA_LINKINFO)
			linkinfo = a;
	}
	device->physical = attribute_physical(linkinfo, has_parent);
}

static int receive_links(int fd, struct netdev *devices, size_t *n)
{
	char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t len = recv(fd, buf, sizeof(buf), 0);

		if (len < 0)
			return -errno;
		for (struct nlmsghdr *h = (struct nlmsghdr *)buf; NLMSG_OK(h, (size_t)len);
		     h = NLMSG_NEXT(h, len)) {
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			if (h->nlmsg_type == NLMSG_ERROR)
				return -EIO;
			if (h->nlmsg_type == RTM_NEWLINK && *n < NETDEV_MAX)
				parse_link(h, &devices[(*n)++]);
		}
	}
}

int netdev_list(struct netdev **ret_devices, size_t *ret_n)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg info;
	} request = {
		.h = {.nlmsg_len = sizeof(request),
		      .nlmsg_type = RTM_GETLINK,
		      .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.info = {.ifi_family = AF_UNSPEC},
	};
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	_cleanup_free_ struct netdev *devices = NULL;
	size_t n = 0;
	int r;

	if (fd < 0)
		return -errno;
	devices = calloc(NETDEV_MAX, sizeof(*devices));
	if (!devices)
		return -ENOMEM;
	if (send(fd, &request, sizeof(request), 0) < 0)
		return -errno;
	r = receive_links(fd, devices, &n);
	if (r < 0)
		return r;
	*ret_devices = TAKE_PTR(devices);
	*ret_n = n;
	return 0;
}
