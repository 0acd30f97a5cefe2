/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_fixture.h - incidents with a store on a real file system and a clock of the test's own.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/respond/incident_private.h"
#include "user/store/incidents.h"

#define SECOND 1000000000ll
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static char dir[] = "/tmp/glacis-test-incident-XXXXXX";
static struct store *store;
static struct incidents *t;
static int64_t now;
static uint64_t alerts;

static inline int begin(void **state)
{
	(void)state;
	memcpy(dir + strlen(dir) - 6, "XXXXXX", 6);
	if (!mkdtemp(dir) || store_open(dir, &store) < 0 || incidents_new(store, &t) < 0)
		return -1;
	alerts = 0;
	return clock_parse("2026-06-01T09:00:00Z", &now) < 0 || !incidents_load(t);
}

static inline int end(void **state)
{
	static const char *const names[] = {STORE_FILE_NAME, STORE_FILE_NAME "-wal",
					    STORE_FILE_NAME "-shm"};
	char path[128];

	(void)state;
	incidents_free(t);
	store_close(store);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

/* As after SIGKILL: what was saved is all there is. */
static inline void restart(void)
{
	incidents_free(t);
	store_close(store);
	assert_int_equal(store_open(dir, &store), 0);
	assert_int_equal(incidents_new(store, &t), 0);
	assert_true(incidents_load(t));
}

static inline struct incident_signal signal_of(const char *kind, const char *source,
					       const char *operation)
{
	struct incident_signal s = {
		.alert = ++alerts,
		.kind = kind,
		.control = "ALR-01",
		.pattern = "none",
		.service = "shop",
		.operation = operation,
		.subject = "",
		.detail = "",
		.severity = 2,
		.count = 5,
		.first_ns = now - 10 * SECOND,
		.last_ns = now,
	};

	if (source) {
		s.have_source = true;
		assert_int_equal(addr_parse(source, &s.source), 0);
	}
	return s;
}

static inline uint32_t take(const struct incident_signal *s, enum incident_outcome expected)
{
	const struct incident *incident = NULL;

	assert_int_equal(incidents_signal(t, s, now, &incident), expected);
	return incident ? incident->id : 0;
}

static inline uint32_t raise_alert(const char *kind, const char *source, const char *operation,
				   enum incident_outcome expected)
{
	struct incident_signal s = signal_of(kind, source, operation);

	return take(&s, expected);
}

static inline const struct incident *get(uint32_t id)
{
	const struct incident *incident = NULL;

	assert_int_equal(incidents_get(t, id, &incident), 0);
	return incident;
}

static inline struct incident_by by(void)
{
	return (struct incident_by){.actor = "uid 0", .now_ns = now};
}
