/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_attest.c - any bytes as the attestation file. Beyond not crashing: all of it or nothing, no
 * control twice, nothing that may not be attested, nothing for longer than two years; a message
 * cannot write to a terminal.
 */
#include <errno.h>

#include "tests/fuzz/fuzz.h"
#include "user/base/cleanup.h"
#include "user/keeper/attest.h"

#define NOW       1767225600ll /* 2026-01-01 */
#define TWO_YEARS (2 * 366 * 86400ll)

static int known(const char *control, void *userdata)
{
	(void)userdata;
	if (strncmp(control, "PRE-", 4) == 0)
		return 0;
	return strncmp(control, "REV-", 4) == 0 ? -EPERM : -ENOENT;
}

static void check_all(const struct attestations *all)
{
	CHECK(all->n <= ATTEST_MAX);
	for (size_t i = 0; i < all->n; i++) {
		const struct attestation *a = &all->items[i];

		CHECK(known(a->control, NULL) == 0);
		CHECK(attest_find(all, a->control) == a);
		CHECK(*a->owner && *a->evidence && strlen(a->expires) == 10);
		CHECK(a->expires_s <= NOW + TWO_YEARS && a->expires_s % 86400 == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct attestations all, untouched;
	struct problems problems;
	int r;

	if (problems_init(&problems, "fuzz") < 0)
		return 0;
	memset(&all, 0xa5, sizeof(all));
	untouched = all;
	r = attest_read((const char *)data, size, NOW, known, NULL, &problems, &all);
	CHECK((r == 0) == (problems.errors == 0));
	for (size_t i = 0; i < problems.n; i++) {
		check_line(problems.items[i].message);
		check_line(problems.items[i].hint);
	}
	if (r == 0)
		check_all(&all);
	else
		CHECK(memcmp(&all, &untouched, sizeof(all)) == 0);
	problems_clear(&problems);
	return 0;
}
