/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_fixture.h - a state directory of a test's own, and decisions in its store. Included once by
 * a test, after cmocka.h.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/store/store_private.h"

static char dir[] = "/tmp/glacis-test-store-XXXXXX";
static char path[sizeof(dir) + 32];

static int make_dir(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/" STORE_FILE_NAME, dir);
	return 0;
}

/* Calls fn for every file there is. */
static unsigned each_file(const char *part, void (*fn)(const char *file))
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	unsigned n = 0;

	while ((entry = readdir(d))) {
		char file[512];

		if (entry->d_name[0] == '.' || !strstr(entry->d_name, part))
			continue;
		snprintf(file, sizeof(file), "%s/%s", dir, entry->d_name);
		if (fn)
			fn(file);
		n++;
	}
	closedir(d);
	return n;
}

static void remove_file(const char *file)
{
	unlink(file);
}

static int remove_dir(void **state)
{
	(void)state;
	each_file("", remove_file);
	return rmdir(dir);
}

static int put(struct store *store, uint32_t id, const char *reason)
{
	const struct store_decision d = {
		.id = id,
		.kind = "source",
		.subject = "192.0.2.1",
		.verdict = "ban",
		.origin = "manual",
		.reason = reason,
		.boot_id = "b",
		.created_ns = 1,
		.expires_ns = 2,
		.expires_boot_ns = 3,
	};
	int r = store_begin(store);

	if (r == 0)
		store_put_decision(store, &d);
	return r == 0 ? store_commit(store) : r;
}

static void note_id(const struct store_decision *d, void *userdata)
{
	uint8_t *seen = userdata;

	assert_in_range(d->id, 1, 99999);
	seen[d->id]++;
}

static unsigned count_decisions(struct store *store)
{
	static uint8_t seen[100000];
	unsigned n = 0;

	memset(seen, 0, sizeof(seen));
	assert_int_equal(store_each_decision(store, note_id, seen), 0);
	for (size_t i = 0; i < sizeof(seen); i++)
		n += seen[i];
	return n;
}
