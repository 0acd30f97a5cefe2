/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exports_private.h - the parts of exports.c: files of jsonl sinks (the courier may not open any),
 * and what becomes of a flood of verdicts.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "user/courier/link.h"
#include "user/keeper/events.h"
#include "user/keeper/exports.h"

struct exports_files {
	struct exports_file {
		char name[EXPORT_NAME];
		char *path;
		int fd; /* -1: cannot be opened */
		int error;
		uint64_t max_bytes;
		unsigned keep;
	} files[EXPORT_SINKS_MAX];
	size_t n;
};
void exports_files_init(struct exports_files *files);
void exports_files_clear(struct exports_files *files);
/* Opens those of the configuration (anew) and hands them to the courier. */
void exports_files_open(struct exports_files *files, const json_t *config,
			struct courier_link *link);
/* Rotates what is too long; opens what could not be opened. */
void exports_files_tick(struct exports_files *files, struct courier_link *link);
/* Adds what is wrong with a sink's file. */
void exports_files_state(const struct exports_files *files, const char *name, json_t *state);

#define EXPORTS_VERDICT_KEYS 128
struct exports_verdicts {
	uint64_t second;
	unsigned single; /* verdicts told one by one in it */
	struct exports_sum {
		uint32_t count; /* 0: free */
		uint16_t service, op, cls;
		uint8_t verdict, reason, delivery, door, flags;
		int64_t first_ns, last_ns;
	} sums[EXPORTS_VERDICT_KEYS];
	size_t n;
};
void exports_verdicts_event(struct exports_verdicts *verdicts, struct keeper *keeper,
			    const struct event *event);
/* Once a second the sums become records; now: whatever the second. */
void exports_verdicts_tick(struct exports_verdicts *verdicts, struct keeper *keeper, bool now);
