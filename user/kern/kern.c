/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kern.c - opening and leaving the kernel side: lock, load or adopt, map; detach.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <string.h>

#include "user/kern/blind.h"
#include "user/kern/libs.h"

static int copy_options(struct kern *kern, const struct kern_options *options)
{
	kern->pin_dir = strdup(options->pin_dir);
	kern->devices = calloc(options->n_devices + 1, sizeof(*kern->devices));
	kern->door_list = calloc(KERN_DOORS_MAX, sizeof(*kern->door_list));
	if (!kern->pin_dir || !kern->devices || !kern->door_list)
		return -ENOMEM;
	for (size_t i = 0; i < options->n_devices; i++) {
		kern->devices[i] = strdup(options->devices[i]);
		if (!kern->devices[i])
			return -ENOMEM;
		kern->n_devices++;
	}
	kern->all_netns = options->all_netns;
	return 0;
}

static void set_error(char **error, const char *what, const char *detail, int r)
{
	if (error && asprintf(error, "%s %s: %s", what, detail, strerror(-r)) < 0)
		*error = NULL;
}

static int open_pins(struct kern *kern, char **error)
{
	int r = pins_mount(kern->pin_dir);

	if (r < 0) {
		set_error(error, "cannot use the pin directory (it must be on bpffs)",
			  kern->pin_dir, r);
		return r;
	}
	r = pins_lock(kern->pin_dir, &kern->lock_fd);
	if (r < 0)
		set_error(error, "another glacisd holds", kern->pin_dir, r);
	return r;
}

static void kern_freep(struct kern **kern)
{
	kern_free(*kern);
}

int kern_open(const struct kern_options *options, char **error, struct kern **ret_kern)
{
	_cleanup_(kern_freep) struct kern *kern = calloc(1, sizeof(*kern));
	int r;

	if (!kern)
		return -ENOMEM;
	kern->lock_fd = -1;
	for (int i = 0; i < GL_GENERATIONS; i++)
		kern->slot_fd[i] = -1;
	for (int i = 0; i < GL_INSPECTORS_MAX; i++)
		kern->ring_fd[i] = -1;
	r = copy_options(kern, options);
	if (r < 0)
		return r;
	r = programs_check(error);
	if (r < 0)
		return r;
	r = open_pins(kern, error);
	if (r < 0)
		return r;
	r = programs_load(kern, options, error);
	if (r < 0) {
		pins_tidy(kern->pin_dir);
		return r;
	}
	r = maps_open(kern, options);
	if (r < 0) {
		set_error(error, "cannot open the maps below", kern->pin_dir, r);
		return r;
	}
	r = content_open(kern);
	if (r < 0) {
		set_error(error, "cannot open the content maps below", kern->pin_dir, r);
		return r;
	}
	features_probe(kern);
	content_features(kern);
	*ret_kern = TAKE_PTR(kern);
	return 0;
}

bool kern_adopted(const struct kern *kern)
{
	return kern->adopted;
}

void kern_free(struct kern *kern)
{
	if (!kern)
		return;
	libs_free(kern->libs);
	blind_free(kern->blind);
	maps_close(kern);
	programs_free(kern);
	for (size_t i = 0; i < kern->n_devices; i++)
		free(kern->devices[i]);
	free(kern->devices);
	free(kern->pin_dir);
	free(kern->doors);
	free(kern->door_list);
	cleanup_close(&kern->lock_fd);
	free(kern);
}

int kern_detach(struct kern *kern)
{
	int doors = pins_remove_doors(kern->pin_dir), r;

	kern->n_doors = 0;
	if (kern->libs)
		libs_detach(kern->libs);
	r = pins_remove_all(kern->pin_dir);
	return doors < 0 ? doors : r;
}

int kern_detach_pins(const char *pin_dir)
{
	_cleanup_close_ int lock = -1;
	int r = pins_lock(pin_dir, &lock);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	return pins_remove_all(pin_dir);
}
