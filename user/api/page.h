/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * page.h - a page of what is in memory and in the store: the newest state of what both have is in
 * memory, everything else in the store. Ids, in the order of the page.
 */
#pragma once

#include "user/api/api.h"

struct api_page {
	bool newest; /* first */
	size_t max; /* one more than is shown: is there another page? */
	uint64_t memory[API_PAGE_MAX + 1], store[API_PAGE_MAX + 1], merged[API_PAGE_MAX + 1];
	size_t n_memory, n_store, n;
	size_t seen; /* in the store */
	uint64_t last_seen;
	/* whether memory has it, wanted or not: then its row in the store is not looked at */
	bool (*remembered)(const struct keeper *keeper, uint64_t id);
	const struct keeper *keeper;
};

/* Ids of memory, in order; nothing where there are enough. */
void api_page_add(struct api_page *page, uint64_t id);
/*
 * After those of memory (which remembers so many in all): asks the store, and page->merged is the
 * page. -errno: it is of memory only. `ask` is store_page_alerts() or store_page_findings().
 */
typedef int (*api_page_ask_fn)(struct store *store, const struct store_page *question,
			       store_id_fn fn, void *userdata);
int api_page_ask(struct api_page *page, api_page_ask_fn ask, struct store_page question,
		 size_t remembered);
/* Those of the merged ones that are shown and that memory does not have. */
size_t api_page_stored(const struct api_page *page, uint64_t ids[API_PAGE_MAX]);
/* The answer; takes items. */
void api_page_reply(struct api_request *rq, const struct api_page *page, json_t *items);
