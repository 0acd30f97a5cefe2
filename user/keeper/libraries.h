/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libraries.h - the tls door's libraries in the keeper's loop: attached at start, then as they come
 * and go.
 */
#pragma once

struct keeper;
struct libraries;

/*
 * Before privileges are dropped; after the doors. A kernel without the tls door is not an error.
 * Logs.
 */
int libraries_start(struct keeper *keeper);
/* Events of the loop. */
int libraries_new(struct keeper *keeper);
/* Once a second: who has ended, and what no event told. NULL-safe. */
void libraries_tick(struct libraries *libraries);
void libraries_free(struct libraries *libraries); /* NULL-safe */
