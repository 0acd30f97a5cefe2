/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_kern.c - kern.h in plain memory, for tests of what stands on it: real tables, real policy
 * images, no kernel. Included by the tests, which then link nothing of user/kern.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/kern/kern.h"

#define FAKE_WINDOW_LINES 8192
#define FAKE_BAN_SLOTS    4096

struct kern {
	struct gl_control control;
	struct gl_window_line *windows;
	struct gl_prefix_slot *bans;
	struct gl_proven *proven;
	struct gl_policy *policies[GL_GENERATIONS];
	uint64_t generation;
	bool adopted;
	int install_result; /* what the next installation returns */
	unsigned installs;
	struct kern_door door;
};

static struct kern *fake_kern_new(void)
{
	struct kern *kern = calloc(1, sizeof(*kern));

	kern->windows = calloc(FAKE_WINDOW_LINES, sizeof(*kern->windows));
	kern->bans = calloc(FAKE_BAN_SLOTS, sizeof(*kern->bans));
	kern->proven = calloc(GL_PROVEN_SLOTS, sizeof(*kern->proven));
	kern->control.window_lines = FAKE_WINDOW_LINES;
	kern->control.ban_slots = FAKE_BAN_SLOTS;
	kern->door = (struct kern_door){
		.door = GL_DOOR_WIRE, .netns = "self", .device = "veth0", .how = "tcx"};
	return kern;
}

void kern_free(struct kern *kern)
{
	if (!kern)
		return;
	for (int i = 0; i < GL_GENERATIONS; i++)
		free(kern->policies[i]);
	free(kern->windows);
	free(kern->bans);
	free(kern->proven);
	free(kern);
}

int kern_open(const struct kern_options *options, char **error, struct kern **ret_kern)
{
	(void)options;
	(void)error;
	*ret_kern = fake_kern_new();
	return 0;
}

bool kern_adopted(const struct kern *kern)
{
	return kern->adopted;
}

int kern_attach(struct kern *kern, const char **ret_device)
{
	(void)kern;
	(void)ret_device;
	return 0;
}

int kern_detach(struct kern *kern)
{
	(void)kern;
	return 0;
}

int kern_detach_pins(const char *pin_dir)
{
	(void)pin_dir;
	return 0;
}

size_t kern_doors(const struct kern *kern, const struct kern_door **ret_doors)
{
	*ret_doors = &kern->door;
	return 1;
}

size_t kern_features(const struct kern *kern, const struct kern_feature **ret_features)
{
	static const struct kern_feature feature = {"tcx", true, "as far as a test can tell"};

	(void)kern;
	*ret_features = &feature;
	return 1;
}

struct gl_control *kern_control(const struct kern *kern)
{
	return (struct gl_control *)&kern->control;
}

struct gl_window_line *kern_windows(const struct kern *kern, uint32_t *ret_lines)
{
	*ret_lines = FAKE_WINDOW_LINES;
	return kern->windows;
}

struct gl_prefix_slot *kern_bans(const struct kern *kern, uint32_t *ret_slots)
{
	*ret_slots = FAKE_BAN_SLOTS;
	return kern->bans;
}

struct gl_proven *kern_proven(const struct kern *kern, uint32_t *ret_slots)
{
	*ret_slots = GL_PROVEN_SLOTS;
	return kern->proven;
}

int kern_policy_install(struct kern *kern, const struct gl_policy *image)
{
	uint32_t slot = image->generation % GL_GENERATIONS;

	if (kern->install_result < 0)
		return kern->install_result;
	if (image->generation <= kern->generation)
		return -EINVAL;
	if (!kern->policies[slot])
		kern->policies[slot] = malloc(sizeof(*image));
	memcpy(kern->policies[slot], image, sizeof(*image));
	kern->generation = image->generation;
	kern->control.active = slot;
	kern->control.policy_loaded = 1;
	kern->installs++;
	return 0;
}

uint64_t kern_generation(const struct kern *kern)
{
	return kern->generation;
}

const struct gl_policy *kern_policy(const struct kern *kern)
{
	return kern->generation ? kern->policies[kern->control.active] : NULL;
}

int kern_counters(const struct kern *kern, uint64_t ret_values[GL_CTR_MAX])
{
	(void)kern;
	for (unsigned i = 0; i < GL_CTR_MAX; i++)
		ret_values[i] = 1000 + i;
	return 0;
}

int kern_ring_drain(struct kern *kern, kern_record_fn handler, void *userdata)
{
	(void)kern;
	(void)handler;
	(void)userdata;
	return 0;
}

size_t kern_map_uses(const struct kern *kern, const struct kern_map_use **ret_uses)
{
	static const struct kern_map_use use = {"windows", 8 << 20, 131072};

	(void)kern;
	*ret_uses = &use;
	return 1;
}
