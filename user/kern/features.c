/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * features.c - what this kernel can do, found by trying (never deduced from its version), and what
 * is used instead where it cannot.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>

#include "wire.skel.h"

#define ATTACH_TCX_INGRESS 46

void features_add(struct kern *kern, const char *name, bool available, const char *fmt, ...)
{
	struct kern_feature_entry *e;
	va_list ap;

	if (kern->n_features == KERN_FEATURES_MAX)
		return;
	e = &kern->features[kern->n_features];
	va_start(ap, fmt);
	vsnprintf(e->detail, sizeof(e->detail), fmt, ap);
	va_end(ap);
	e->feature.name = name;
	e->feature.available = available;
	e->feature.detail = e->detail;
	kern->feature_list[kern->n_features++] = e->feature;
}

/* A link on a device that does not exist: the kernel knows the attach type or it does not. */
static bool try_tcx(const struct kern *kern)
{
	int fd = bpf_link_create(bpf_program__fd(kern->wire->progs.wire_in), 0x7ffffffe,
				 ATTACH_TCX_INGRESS, NULL);

	if (fd >= 0)
		close(fd);
	return fd == -ENODEV;
}

void features_probe(struct kern *kern)
{
	struct utsname kernel;

	uname(&kernel);
	kern->tcx = try_tcx(kern);
	features_add(kern, "wire programs", true, "loaded on Linux %s", kernel.release);
	if (kern->tcx)
		features_add(kern, "tcx", true, "tcx links: pinned, replaced without a gap");
	else
		features_add(kern, "tcx", false,
			     "not on this kernel (Linux 6.6 has it): using clsact filters");
	if (kern->nic)
		features_add(kern, "nic programs", true, "XDP, for bans on physical NICs");
	else
		features_add(kern, "nic programs", false,
			     "XDP program does not load here: bans are enforced at the wire door");
}

size_t kern_features(const struct kern *kern, const struct kern_feature **ret_features)
{
	*ret_features = kern->feature_list;
	return kern->n_features;
}
