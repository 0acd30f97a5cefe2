/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * abi_watch.h - the part of abi.h that is about alert thresholds: the table they are counted in.
 * Included by abi.h; its rules hold. How a line counts is in watch.h.
 */
#pragma once

#include "include/glacis/abi_events.h"
#include "include/glacis/abi_tables.h"

/* Two cache lines: counts, and what they are about. `line.tag` 0 = free. */
struct gl_watch {
	struct gl_window_line line;
	struct gl_addr source; /* as seen first; by source: masked to what is counted (/64) */
	__u64 principal;
	__u64 first_ns, last_ns; /* CLOCK_BOOTTIME, of the events since the line was taken */
	__u64 crossed_ns; /* when the threshold was reached last; 0: never */
	__u32 total; /* events since the line was taken */
	__u16 service, op; /* interned ids; op: of the first event */
	__u16 cls, status; /* of the first event */
	__u8 rule, by;
	__u16 reserved;
};
_Static_assert(sizeof(struct gl_watch) == 128, "two cache lines");
#define GL_WATCH_LINES (1u << 14)

/* A line of the table `watches` has reached its threshold: what it is about is in the line. */
struct gl_rec_crossed {
	struct gl_rec rec;
	__u32 index;
	__u32 reserved;
};
_Static_assert(sizeof(struct gl_rec_crossed) == 24, "no padding");
