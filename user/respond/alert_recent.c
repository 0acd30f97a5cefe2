/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/alert_recent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8

struct recents {
	size_t size;
	uint64_t evicted;
	struct recent entries[];
};

int recents_new(size_t size, struct recents **ret_recents)
{
	struct recents *recents = calloc(1, sizeof(*recents) + size * sizeof(struct recent));

	if (!recents)
		return -ENOMEM;
	recents->size = size;
	*ret_recents = recents;
	return 0;
}

void recents_free(struct recents *recents)
{
	free(recents);
}

static struct recent *set_of(struct recents *recents, uint64_t key)
{
	return &recents->entries[(key >> 8) % (recents->size / WAYS) * WAYS];
}

struct recent *recents_find(struct recents *recents, uint64_t key)
{
	struct recent *set = set_of(recents, key);

	for (size_t i = 0; i < WAYS; i++)
		if (set[i].key == key)
			return &set[i];
	return NULL;
}

struct recent *recents_get(struct recents *recents, uint64_t key, uint32_t now_s)
{
	struct recent *found = recents_find(recents, key), *set = set_of(recents, key);

	if (!found) {
		found = &set[0];
		for (size_t i = 0; i < WAYS && found->key; i++)
			if (!set[i].key || set[i].used_s < found->used_s)
				found = &set[i];
		recents->evicted += found->key != 0;
		*found = (struct recent){.key = key};
	}
	found->used_s = now_s;
	return found;
}

uint64_t recents_evicted(const struct recents *recents)
{
	return recents->evicted;
}

static void drop(struct recent *recent, uint32_t i)
{
	recent->items[i] = recent->items[--recent->n];
}

struct recent_item *recent_add(struct recent *recent, uint64_t hash, uint32_t now_s,
			       uint32_t window_s)
{
	struct recent_item *item = NULL;
	uint32_t oldest = 0;

	for (uint32_t i = 0; i < recent->n;)
		if (now_s - recent->items[i].at_s > window_s && recent->items[i].at_s <= now_s)
			drop(recent, i);
		else
			i++;
	for (uint32_t i = 0; i < recent->n; i++) {
		if (recent->items[i].hash == (uint32_t)hash)
			item = &recent->items[i];
		if (recent->items[i].at_s < recent->items[oldest].at_s)
			oldest = i;
	}
	if (!item) {
		item = &recent->items[recent->n < RECENT_ITEMS ? recent->n++ : oldest];
		*item = (struct recent_item){.hash = (uint32_t)hash};
	}
	item->at_s = now_s;
	return item;
}
