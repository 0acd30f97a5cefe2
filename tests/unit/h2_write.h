/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * h2_write.h - one direction of an HTTP/2 connection, written frame by frame with nghttp2's HPACK
 * encoder. For tests of user/inspect.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#define H2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

struct h2_write {
	nghttp2_hd_deflater *hd;
	uint8_t *bytes;
	size_t n;
};

static inline void h2_write_open(struct h2_write *w)
{
	memset(w, 0, sizeof(*w));
	if (nghttp2_hd_deflate_new(&w->hd, 65536) != 0)
		abort();
	nghttp2_hd_deflate_change_table_size(w->hd, 4096);
}

static inline void h2_write_close(struct h2_write *w)
{
	nghttp2_hd_deflate_del(w->hd);
	free(w->bytes);
}

static inline void h2_put(struct h2_write *w, const void *bytes, size_t n)
{
	w->bytes = realloc(w->bytes, w->n + n + 1);
	if (n)
		memcpy(w->bytes + w->n, bytes, n);
	w->n += n;
}

static inline void h2_frame(struct h2_write *w, uint8_t type, uint8_t flags, uint32_t stream,
			    const void *payload, size_t n)
{
	const uint8_t head[9] = {(uint8_t)(n >> 16),
				 (uint8_t)(n >> 8),
				 (uint8_t)n,
				 type,
				 flags,
				 (uint8_t)(stream >> 24),
				 (uint8_t)(stream >> 16),
				 (uint8_t)(stream >> 8),
				 (uint8_t)stream};

	h2_put(w, head, sizeof(head));
	h2_put(w, payload, n);
}

/* name, value, name, value, ..., NULL -> an encoded block. Returns its size. */
static inline size_t h2_block(struct h2_write *w, const char *const *pairs, uint8_t *out,
			      size_t cap)
{
	nghttp2_nv nv[64];
	size_t n = 0;
	ssize_t size;

	for (; pairs[2 * n]; n++)
		nv[n] = (nghttp2_nv){(uint8_t *)pairs[2 * n], (uint8_t *)pairs[2 * n + 1],
				     strlen(pairs[2 * n]), strlen(pairs[2 * n + 1]), 0};
	size = nghttp2_hd_deflate_hd(w->hd, out, cap, nv, n);
	if (size < 0)
		abort();
	return (size_t)size;
}

/* HEADERS, whole; flags: END_STREAM 1. */
static inline void h2_headers(struct h2_write *w, uint32_t stream, uint8_t flags,
			      const char *const *pairs)
{
	uint8_t block[65536];
	size_t n = h2_block(w, pairs, block, sizeof(block));

	h2_frame(w, 1, flags | 4, stream, block, n);
}

static inline void h2_get(struct h2_write *w, uint32_t stream, const char *path)
{
	const char *const pairs[] = {":method", "GET", ":scheme", "https", ":authority", "h",
				     ":path",   path,  "x-probe", path,    NULL};

	h2_headers(w, stream, 1, pairs);
}

static inline void h2_answer(struct h2_write *w, uint32_t stream, const char *status,
			     const char *body)
{
	const char *const pairs[] = {":status", status, "content-type", "text/plain", "x-of",
				     body,      NULL};

	h2_headers(w, stream, *body ? 0 : 1, pairs);
	if (*body)
		h2_frame(w, 0, 1, stream, body, strlen(body));
}
