/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pieces.h - certificates put together from the kernel's records (struct gl_rec_certificate), by
 * connection and side. The kernel sends them in order; where one is missing the certificate is
 * given up.
 *
 * Bounded: PIECES_MAX certificates at a time, the one begun first makes room.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"

#define PIECES_MAX 64

struct pieces;

int pieces_new(struct pieces **ret_pieces);
void pieces_free(struct pieces *pieces); /* NULL-safe */

/*
 * Takes a record of `size` bytes. 1: *ret_der, *ret_n are the whole certificate, valid until the
 * next call; 0: more is to come; -EBADMSG: the record makes no sense; -ENODATA: a piece before it
 * is missing.
 */
int pieces_take(struct pieces *pieces, const struct gl_rec_certificate *record, size_t size,
		const uint8_t **ret_der, size_t *ret_n);
uint64_t pieces_evicted(const struct pieces *pieces);
