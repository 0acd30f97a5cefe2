/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/decisions.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/respond/decisions_file.h"
#include "user/respond/decisions_store.h"

#define ADOPTED_REASON "in force when this agent started; why is not known"

struct decisions {
	struct prefix_table *table;
	struct store *store;
	char *legacy;
	unsigned epoch;
	struct decision **items; /* ascending by id */
	size_t n, room;
	size_t n_ja4; /* of them: each handshake asks, and mostly there are none among many */
	uint32_t next_id;
	uint64_t soonest_ns; /* no item expires before */
	bool dirty;
	uint32_t *gone; /* ids that are not there any more, to be told to the store */
	size_t n_gone, gone_room;
};

int decisions_new(struct prefix_table *table, struct store *store, const char *legacy,
		  struct decisions **ret_decisions)
{
	struct decisions *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->legacy = strdup(legacy);
	if (!d->legacy) {
		free(d);
		return -ENOMEM;
	}
	d->table = table;
	d->store = store;
	d->epoch = store_epoch(store);
	d->next_id = 1;
	d->soonest_ns = UINT64_MAX;
	*ret_decisions = d;
	return 0;
}

void decisions_free(struct decisions *decisions)
{
	if (!decisions)
		return;
	for (size_t i = 0; i < decisions->n; i++)
		free(decisions->items[i]);
	free(decisions->items);
	free(decisions->legacy);
	free(decisions->gone);
	prefix_table_free(decisions->table);
	free(decisions);
}

struct prefix_table *decisions_table(const struct decisions *decisions)
{
	return decisions->table;
}

uint32_t decisions_take_id(struct decisions *decisions)
{
	decisions->dirty = true;
	return decisions->next_id++;
}

void decisions_seen_id(struct decisions *decisions, uint32_t id)
{
	if (id >= decisions->next_id)
		decisions->next_id = id + 1;
}

/* ---------------------------------------------------------------------------------------------
 * The list
 */
size_t decisions_count(const struct decisions *decisions)
{
	return decisions->n;
}

const struct decision *decisions_at(const struct decisions *decisions, size_t i)
{
	return i < decisions->n ? decisions->items[i] : NULL;
}

static struct decision *by_id(const struct decisions *d, uint32_t id)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (d->items[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < d->n && d->items[low]->id == id ? d->items[low] : NULL;
}

/* The table knows the prefix, and by its value the id. */
static struct decision *find(const struct decisions *d, uint8_t set,
			     const struct addr_prefix *prefix)
{
	struct prefix_table_entry entry;

	if (prefix_table_find(d->table, set, &prefix->addr, prefix->len, &entry) < 0)
		return NULL;
	return by_id(d, entry.value);
}

static struct decision *find_ja4(const struct decisions *d, const char *ja4)
{
	for (size_t i = 0; d->n_ja4 && i < d->n; i++)
		if (d->items[i]->ja4[0] && strcmp(d->items[i]->ja4, ja4) == 0)
			return d->items[i];
	return NULL;
}

const struct decision *decisions_find_ja4(const struct decisions *decisions, const char *ja4)
{
	return find_ja4(decisions, ja4);
}

const struct decision *decisions_find(const struct decisions *decisions, uint8_t set,
				      const struct addr_prefix *prefix)
{
	return find(decisions, set, prefix);
}

uint64_t decisions_hits(const struct decisions *decisions, const struct decision *decision)
{
	struct prefix_table_entry entry;

	if (decision->ja4[0] ||
	    prefix_table_find(decisions->table, decision->set, &decision->prefix.addr,
			      decision->prefix.len, &entry) < 0)
		return 0;
	return entry.hits;
}

static int make_room(struct decisions *d)
{
	size_t room = d->room ? d->room * 2 : 64;
	struct decision **grown;

	if (d->n < d->room)
		return 0;
	grown = reallocarray(d->items, room, sizeof(struct decision *));
	if (!grown)
		return -ENOMEM;
	d->items = grown;
	d->room = room;
	return 0;
}

/* There is room, and its id is above all others. */
static void append(struct decisions *d, struct decision *item)
{
	d->items[d->n++] = item;
	d->n_ja4 += item->ja4[0] != '\0';
	if (item->id >= d->next_id)
		d->next_id = item->id + 1;
	if (item->expires_boot_ns < d->soonest_ns)
		d->soonest_ns = item->expires_boot_ns;
}

/* Without memory for it the row stays until it has expired by itself. */
static void note_gone(struct decisions *d, uint32_t id)
{
	if (d->n_gone == d->gone_room) {
		size_t room = d->gone_room ? d->gone_room * 2 : 64;
		uint32_t *grown = reallocarray(d->gone, room, sizeof(*grown));

		if (!grown)
			return;
		d->gone = grown;
		d->gone_room = room;
	}
	d->gone[d->n_gone++] = id;
}

static void drop(struct decisions *d, struct decision *item)
{
	note_gone(d, item->id);
	d->n_ja4 -= item->ja4[0] != '\0';
	for (size_t i = 0; i < d->n; i++) {
		if (d->items[i] != item)
			continue;
		memmove(&d->items[i], &d->items[i + 1], (d->n - i - 1) * sizeof(struct decision *));
		d->n--;
		break;
	}
	free(item);
}

/* ---------------------------------------------------------------------------------------------
 * Changing
 */
static struct decision decision_of(const struct decision_ask *ask, uint32_t id,
				   struct clock_now now)
{
	struct decision item = {
		.stored = false,
		.id = id,
		.set = ask->set,
		.prefix = ask->prefix,
		.created_wall_ns = now.wall_ns,
		.expires_boot_ns = now.boot_ns + ask->ttl_s * CLOCK_NS_PER_S,
	};

	snprintf(item.ja4, sizeof(item.ja4), "%s", ask->ja4);
	snprintf(item.origin, sizeof(item.origin), "%s", ask->origin);
	snprintf(item.reason, sizeof(item.reason), "%s", ask->reason);
	return item;
}

static bool is_automatic(const char *origin)
{
	return strcmp(origin, "manual") != 0;
}

static int enforce(struct decisions *d, const struct decision *item)
{
	if (item->ja4[0])
		return 0;
	return prefix_table_insert(d->table, item->set, &item->prefix.addr, item->prefix.len,
				   item->expires_boot_ns, item->id);
}

static int replace(struct decisions *d, struct decision *was, const struct decision_ask *ask,
		   struct clock_now now)
{
	struct decision item = decision_of(ask, was->id, now);
	int r;

	if (is_automatic(ask->origin) && item.expires_boot_ns <= was->expires_boot_ns)
		return 0;
	r = enforce(d, &item);
	if (r < 0)
		return r;
	*was = item;
	if (item.expires_boot_ns < d->soonest_ns)
		d->soonest_ns = item.expires_boot_ns;
	d->dirty = true;
	return 0;
}

static int add(struct decisions *d, const struct decision_ask *ask, struct clock_now now,
	       struct decision **ret_item)
{
	_cleanup_free_ struct decision *item = malloc(sizeof(*item));
	int r = make_room(d);

	if (!item || r < 0)
		return -ENOMEM;
	if (d->next_id == UINT32_MAX)
		return -ENOSPC;
	*item = decision_of(ask, d->next_id, now);
	r = enforce(d, item);
	if (r < 0)
		return r;
	d->dirty = true;
	append(d, item);
	*ret_item = TAKE_PTR(item);
	return 0;
}

int decisions_put(struct decisions *decisions, const struct decision_ask *ask, struct clock_now now,
		  const struct decision **ret_decision)
{
	struct decision *item = ask->ja4[0] ? find_ja4(decisions, ask->ja4)
					    : find(decisions, ask->set, &ask->prefix);
	int r;

	if (ask->ttl_s == 0 || ask->ttl_s > DECISION_TTL_MAX_S)
		return -ERANGE;
	if (item)
		r = replace(decisions, item, ask, now);
	else
		r = add(decisions, ask, now, &item);
	if (r == 0 && ret_decision)
		*ret_decision = item;
	return r;
}

int decisions_remove(struct decisions *decisions, uint8_t set, const struct addr_prefix *prefix)
{
	struct decision *item = find(decisions, set, prefix);
	int r = prefix_table_remove(decisions->table, set, &prefix->addr, prefix->len);

	if (r < 0 && r != -ENOENT)
		return r;
	if (!item)
		return r == 0;
	drop(decisions, item);
	decisions->dirty = true;
	return 1;
}

int decisions_remove_ja4(struct decisions *decisions, const char *ja4)
{
	struct decision *item = find_ja4(decisions, ja4);

	if (!item)
		return 0;
	drop(decisions, item);
	decisions->dirty = true;
	return 1;
}

int decisions_sweep(struct decisions *decisions, struct clock_now now, decision_fn fn,
		    void *userdata)
{
	struct decisions *d = decisions;
	size_t kept = 0, n = d->n;

	if (now.boot_ns < d->soonest_ns)
		return 0;
	prefix_table_expire(d->table, now.boot_ns);
	d->soonest_ns = UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		struct decision *item = d->items[i];

		if (item->expires_boot_ns <= now.boot_ns) {
			if (fn)
				fn(item, userdata);
			note_gone(d, item->id);
			d->n_ja4 -= item->ja4[0] != '\0';
			free(item);
			continue;
		}
		if (item->expires_boot_ns < d->soonest_ns)
			d->soonest_ns = item->expires_boot_ns;
		d->items[kept++] = item;
	}
	d->n = kept;
	d->dirty |= kept != n;
	return (int)(n - kept);
}

/* ---------------------------------------------------------------------------------------------
 * Remembering
 */
static void store_all_again(struct decisions *d)
{
	for (size_t i = 0; i < d->n; i++)
		d->items[i]->stored = false;
	d->dirty = true;
	d->epoch = store_epoch(d->store);
}

static void is_stored(struct decisions *d)
{
	for (size_t i = 0; i < d->n; i++)
		d->items[i]->stored = true;
	d->n_gone = 0;
	d->dirty = false;
}

int decisions_save(struct decisions *decisions, const char *boot_id, struct clock_now now)
{
	struct decisions *d = decisions;
	int r;

	if (d->epoch != store_epoch(d->store))
		store_all_again(d);
	if (!d->dirty)
		return 0;
	r = store_begin(d->store);
	if (r < 0)
		return r;
	for (size_t i = 0; i < d->n && r == 0; i++)
		if (!d->items[i]->stored)
			r = decisions_store_put(d->store, d->items[i], boot_id, now);
	for (size_t i = 0; i < d->n_gone && r == 0; i++)
		r = store_remove_decision(d->store, d->gone[i]);
	if (r == 0)
		r = store_put_number(d->store, "next decision", d->next_id);
	r = store_commit(d->store);
	if (r == 0)
		is_stored(d);
	return r;
}

struct adoption {
	struct decisions *decisions;
	struct decision *const *known; /* of the file, ascending by id */
	size_t n_known;
	struct clock_now now;
	uint32_t set;
	int result;
};

static const struct decision *known_by_id(const struct adoption *a, uint32_t id)
{
	for (size_t low = 0, high = a->n_known; low < high;) {
		size_t middle = low + (high - low) / 2;

		if (a->known[middle]->id == id)
			return a->known[middle];
		if (a->known[middle]->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* An entry of the table is in force; the file may know why. */
static int adopt_entry(const struct prefix_table_entry *entry, void *userdata)
{
	struct adoption *a = userdata;
	const struct decision *known = known_by_id(a, entry->value);
	struct addr_prefix prefix = {.addr = entry->addr, .len = entry->len};
	struct decision *item;

	if (entry->expires_ns && entry->expires_ns <= a->now.boot_ns)
		return 0;
	item = calloc(1, sizeof(*item));
	if (!item || make_room(a->decisions) < 0) {
		free(item);
		return -ENOMEM;
	}
	if (known && known->set == entry->set && prefix_equal(&known->prefix, &prefix)) {
		*item = *known;
	} else {
		item->set = (uint8_t)entry->set;
		item->prefix = prefix;
		item->created_wall_ns = a->now.wall_ns;
		snprintf(item->origin, sizeof(item->origin), "adopted");
		snprintf(item->reason, sizeof(item->reason), "%s", ADOPTED_REASON);
		a->result = -EBADMSG;
	}
	item->id = entry->value;
	item->expires_boot_ns = entry->expires_ns
					? entry->expires_ns
					: a->now.boot_ns + DECISION_TTL_MAX_S * CLOCK_NS_PER_S;
	append(a->decisions, item);
	return 0;
}

static int ascending(const void *va, const void *vb)
{
	const struct decision *const *a = va, *const *b = vb;

	return (*a)->id < (*b)->id ? -1 : (*a)->id > (*b)->id;
}

/* Ids tell decisions apart: those without one, or with another's, get a new one. */
static int renumber(struct decisions *d)
{
	uint32_t last = 0;
	bool changed = false;
	int r;

	for (size_t i = 0; i < d->n; i++) {
		if (d->items[i]->id > last) {
			last = d->items[i]->id;
			continue;
		}
		d->items[i]->id = d->next_id++;
		changed = true;
		r = enforce(d, d->items[i]);
		if (r < 0)
			return r;
	}
	if (changed)
		qsort(d->items, d->n, sizeof(struct decision *), ascending);
	return 0;
}

/* The table knows nothing of these: the file is the truth. */
static int adopt_fingerprints(struct decisions *d, struct decision *const *known, size_t n_known)
{
	for (size_t i = 0; i < n_known; i++) {
		struct decision *item;

		if (!known[i]->ja4[0])
			continue;
		item = malloc(sizeof(*item));
		if (!item || make_room(d) < 0) {
			free(item);
			return -ENOMEM;
		}
		*item = *known[i];
		append(d, item);
	}
	return 0;
}

/* Items the file has and the table has not were removed before the file was written: forgotten. */
static int adopt(struct decisions *d, struct decision *const *known, size_t n_known,
		 struct clock_now now)
{
	struct adoption a = {.decisions = d, .known = known, .n_known = n_known, .now = now};
	int r;

	r = adopt_fingerprints(d, known, n_known);
	if (r < 0)
		return r;
	for (a.set = 0; a.set <= GL_SET_ALLOW; a.set++) {
		r = prefix_table_foreach(d->table, a.set, adopt_entry, &a);

		if (r < 0)
			return r;
	}
	if (d->n)
		qsort(d->items, d->n, sizeof(struct decision *), ascending);
	r = renumber(d);
	return r < 0 ? r : a.result;
}

/* A new table: what has not expired is put in force again. */
static int put_back(struct decisions *d, struct decision *const *known, size_t n_known)
{
	int result = 0;

	for (size_t i = 0; i < n_known; i++) {
		_cleanup_free_ struct decision *item = malloc(sizeof(*item));
		int r;

		if (!item || make_room(d) < 0)
			return -ENOMEM;
		*item = *known[i];
		r = enforce(d, item);
		if (r < 0)
			result = r; /* the others still count */
		else
			append(d, TAKE_PTR(item));
	}
	return result;
}

/* A file of an earlier version is taken over once, and kept beside. */
static void put_beside(const char *path, const char *suffix)
{
	char beside[PATH_MAX];

	if ((size_t)snprintf(beside, sizeof(beside), "%s.%s", path, suffix) < sizeof(beside))
		(void)rename(path, beside);
}

/* What the store has, or what an earlier version left. -EBADMSG: a part of that is unreadable. */
static int read_known(struct decisions *d, const char *boot_id, struct clock_now now,
		      struct decision ***ret_known, size_t *ret_n, bool *ret_legacy)
{
	uint32_t next_id = 1;
	int r = decisions_file_read(d->legacy, boot_id, now, ret_known, ret_n, &next_id);

	*ret_legacy = r != -ENOENT;
	/* a store that cannot be written has not taken it over */
	if (*ret_legacy && !store_trouble(d->store)) {
		put_beside(d->legacy, r == -EBADMSG ? "damaged" : "imported");
	} else if (!*ret_legacy) {
		next_id = (uint32_t)store_number(d->store, "next decision");
		r = decisions_store_read(d->store, boot_id, now, ret_known, ret_n);
	}
	if (next_id > d->next_id)
		d->next_id = next_id;
	return r;
}

int decisions_restore(struct decisions *decisions, bool adopted, const char *boot_id,
		      struct clock_now now)
{
	struct decision **known = NULL;
	size_t n_known = 0;
	bool legacy;
	int r, read;

	read = read_known(decisions, boot_id, now, &known, &n_known, &legacy);
	if (adopted)
		r = adopt(decisions, known, n_known, now);
	else
		r = put_back(decisions, known, n_known);
	for (size_t i = 0; i < n_known; i++)
		free(known[i]);
	free(known);
	/* expiries by this boot's clock; what came from a file is stored for the first time */
	store_all_again(decisions);
	decisions->dirty = true;
	if (r == 0)
		r = read == -EIO ? 0 : read;
	return r < 0 ? r : (int)decisions->n;
}
