/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/inspector/certificate.h"

struct pieces {
	uint64_t evicted, begun;
	struct whole {
		uint64_t conn;
		uint64_t order; /* 0 = free */
		uint32_t n, total;
		uint16_t flags;
		uint8_t bytes[CERTIFICATE_MAX];
	} items[PIECES_MAX];
};

int pieces_new(struct pieces **ret_pieces)
{
	*ret_pieces = calloc(1, sizeof(**ret_pieces));
	return *ret_pieces ? 0 : -ENOMEM;
}

void pieces_free(struct pieces *pieces)
{
	free(pieces);
}

uint64_t pieces_evicted(const struct pieces *pieces)
{
	return pieces->evicted;
}

static struct whole *find(struct pieces *pieces, const struct gl_rec_certificate *record)
{
	for (size_t i = 0; i < PIECES_MAX; i++)
		if (pieces->items[i].order && pieces->items[i].conn == record->conn &&
		    pieces->items[i].flags == record->flags)
			return &pieces->items[i];
	return NULL;
}

static struct whole *begin(struct pieces *pieces, const struct gl_rec_certificate *record)
{
	struct whole *item = find(pieces, record); /* a second handshake of the connection */

	for (size_t i = 0; !item && i < PIECES_MAX; i++)
		if (!pieces->items[i].order)
			item = &pieces->items[i];
	if (!item) {
		item = &pieces->items[0];
		for (size_t i = 1; i < PIECES_MAX; i++)
			if (pieces->items[i].order < item->order)
				item = &pieces->items[i];
		pieces->evicted++;
	}
	item->conn = record->conn;
	item->flags = record->flags;
	item->order = ++pieces->begun;
	item->n = 0;
	item->total = record->total;
	return item;
}

int pieces_take(struct pieces *pieces, const struct gl_rec_certificate *record, size_t size,
		const uint8_t **ret_der, size_t *ret_n)
{
	struct whole *item;

	if (size < sizeof(*record) || record->n == 0 || record->n > GL_CERTIFICATE_PIECE ||
	    record->total == 0 || record->total > CERTIFICATE_MAX || record->off > record->total ||
	    record->n > record->total - record->off)
		return -EBADMSG;
	item = record->off == 0 ? begin(pieces, record) : find(pieces, record);
	if (!item)
		return -ENODATA;
	if (item->total != record->total || item->n != record->off) {
		item->order = 0;
		return -ENODATA;
	}
	memcpy(item->bytes + item->n, record->bytes, record->n);
	item->n += record->n;
	if (item->n < item->total)
		return 0;
	item->order = 0;
	*ret_der = item->bytes;
	*ret_n = item->n;
	return 1;
}
