/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/repeats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/detect/tell.h"

#define SLOTS 1024 /* a power of two; who shares a slot takes it, and what waits in it is told */

/* Strings of a detection live as long as the detectors: their address names them. */
struct repeat {
	const char *control, *rule;
	uint64_t told_ns;
	uint64_t waiting; /* not told; the newest of them is in `report` */
	struct report_finding report;
};

struct repeats {
	repeats_fn tell;
	void *userdata;
	uint64_t waiting;
	struct repeat slots[SLOTS];
};

int repeats_new(repeats_fn tell, void *userdata, struct repeats **ret_repeats)
{
	struct repeats *repeats = calloc(1, sizeof(*repeats));

	if (!repeats)
		return -ENOMEM;
	repeats->tell = tell;
	repeats->userdata = userdata;
	*ret_repeats = repeats;
	return 0;
}

static void tell_waiting(struct repeats *repeats, struct repeat *slot, uint64_t now_ns)
{
	if (!slot->waiting)
		return;
	slot->report.more = (uint32_t)(slot->waiting - 1);
	repeats->waiting -= slot->waiting;
	slot->waiting = 0;
	slot->told_ns = now_ns;
	repeats->tell(&slot->report, repeats->userdata);
}

void repeats_free(struct repeats *repeats)
{
	for (size_t i = 0; repeats && i < SLOTS; i++)
		tell_waiting(repeats, &repeats->slots[i], 0);
	free(repeats);
}

static struct repeat *slot_of(struct repeats *repeats, const struct transaction *tx,
			      const struct detection *d)
{
	uint64_t mixed = (uintptr_t)d->rule ^ (uint64_t)tx->op << 48 ^ tx->source.q[0] ^
			 (tx->source.q[1] << 7 | tx->source.q[1] >> 57);

	return &repeats->slots[(mixed * 0x9e3779b97f4a7c15ull) >> 54 & (SLOTS - 1)];
}

static bool same(const struct repeat *slot, const struct transaction *tx, const struct detection *d)
{
	const struct report_finding *r = &slot->report;

	return slot->rule == d->rule && slot->control == d->control && r->op == tx->op &&
	       r->service == tx->service && r->part == d->part && r->severity == d->severity &&
	       memcmp(&r->source, &tx->source, sizeof(r->source)) == 0 &&
	       strcmp(r->evidence.text, d->evidence.text) == 0;
}

/* The newest occurrence is the one that can still be looked up. */
static void keep_newest(struct report_finding *report, const struct transaction *tx)
{
	report->conn = tx->conn;
	report->wall_ns = tx->begin_wall_ns;
	report->status = tx->status;
	memcpy(report->request_id, tx->request_id, sizeof(report->request_id));
}

void repeats_take(struct repeats *repeats, const struct transaction *tx, const struct detection *d,
		  uint64_t now_ns)
{
	struct repeat *slot = slot_of(repeats, tx, d);

	if (d->severity < FINDING_HIGH && same(slot, tx, d)) {
		keep_newest(&slot->report, tx);
		slot->waiting++;
		repeats->waiting++;
		if (now_ns - slot->told_ns >= REPEATS_NS || slot->waiting == UINT32_MAX)
			tell_waiting(repeats, slot, now_ns);
		return;
	}
	tell_waiting(repeats, slot, now_ns);
	tell_finding(tx, d, &slot->report);
	slot->control = d->control;
	slot->rule = d->rule;
	slot->told_ns = now_ns;
	repeats->tell(&slot->report, repeats->userdata);
}

void repeats_tick(struct repeats *repeats, uint64_t now_ns)
{
	if (!repeats->waiting)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		if (now_ns - repeats->slots[i].told_ns >= REPEATS_NS)
			tell_waiting(repeats, &repeats->slots[i], now_ns);
}

uint64_t repeats_waiting(const struct repeats *repeats)
{
	return repeats->waiting;
}
