/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * decisions_file.h - decisions.json, which earlier versions kept: read once and taken over. Called
 * by decisions.c.
 */
#pragma once

#include "user/respond/decisions.h"

/*
 * Items that have not expired by `now`, ascending by id; the caller frees each and the array.
 * Within the boot that wrote the file its boottime counts, after another one the wall clock.
 * -ENOENT: no file; -EBADMSG: not ours, or an entry was unreadable: the others are returned.
 */
int decisions_file_read(const char *path, const char *boot_id, struct clock_now now,
			struct decision ***ret_items, size_t *ret_n, uint32_t *ret_next_id);
