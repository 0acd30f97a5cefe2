/* SPDX-License-Identifier: GPL-2.0-or-later */
/* traffic_names.c - texts and their numbers: each text is stored once. */
#include "user/store/traffic_private.h"

#include <stdlib.h>
#include <string.h>

static uint32_t hash(const char *text)
{
	uint32_t h = 2166136261u;

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619u;
	return h;
}

/* Where the text is, or the free slot where it goes. */
static uint32_t *slot_of(const struct traffic_store *store, const char *text)
{
	uint32_t at = hash(text) & (NAME_SLOTS - 1);

	while (store->slots[at] && strcmp(store->names[store->slots[at]], text) != 0)
		at = (at + 1) & (NAME_SLOTS - 1);
	return &store->slots[at];
}

uint32_t traffic_name(struct traffic_store *store, const char *text)
{
	uint32_t *slot;

	if (!*text)
		return 0;
	slot = slot_of(store, text);
	if (*slot)
		return *slot;
	if (store->n_names + 1 >= TRAFFIC_NAMES_MAX)
		return 0;
	store->names[store->n_names + 1] = strdup(text);
	if (!store->names[store->n_names + 1])
		return 0;
	*slot = ++store->n_names;
	return *slot;
}

const char *traffic_text(const struct traffic_store *store, uint32_t name)
{
	return name && name <= store->n_names ? store->names[name] : "";
}
