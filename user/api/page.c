/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/api/page.h"

#include <inttypes.h>
#include <stdio.h>

void api_page_add(struct api_page *page, uint64_t id)
{
	if (page->n_memory < page->max)
		page->memory[page->n_memory++] = id;
}

static void add_stored(uint64_t id, void *userdata)
{
	struct api_page *page = userdata;

	page->seen++;
	page->last_seen = id;
	if (page->n_store < page->max && !page->remembered(page->keeper, id))
		page->store[page->n_store++] = id;
}

static void merge(struct api_page *page)
{
	size_t m = 0, s = 0;

	while (page->n < page->max && (m < page->n_memory || s < page->n_store)) {
		bool memory =
			s == page->n_store ||
			(m < page->n_memory && (page->memory[m] > page->store[s]) == page->newest);

		page->merged[page->n++] = memory ? page->memory[m++] : page->store[s++];
	}
}

/* Nothing behind what was seen can be on the page. */
static bool is_enough(const struct api_page *page, size_t asked)
{
	uint64_t last = page->n_memory ? page->memory[page->n_memory - 1] : 0;

	return page->seen < asked || page->n_store == page->max ||
	       (page->n_memory == page->max && (page->last_seen < last) == page->newest);
}

int api_page_ask(struct api_page *page, api_page_ask_fn ask, struct store_page question,
		 size_t remembered)
{
	size_t most = page->max + remembered;
	int r;

	/* mostly few rows are remembered; at worst all of them come first */
	question.max = 2 * page->max < most ? 2 * page->max : most;
	for (;;) {
		page->n_store = page->seen = 0;
		r = ask(page->keeper->store, &question, add_stored, page);
		if (r < 0 || question.max == most || is_enough(page, question.max))
			break;
		question.max = most;
	}
	merge(page);
	return r;
}

static size_t shown(const struct api_page *page)
{
	return page->n < page->max ? page->n : page->max - 1;
}

size_t api_page_stored(const struct api_page *page, uint64_t ids[API_PAGE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < shown(page); i++)
		if (!page->remembered(page->keeper, page->merged[i]))
			ids[n++] = page->merged[i];
	return n;
}

void api_page_reply(struct api_request *rq, const struct api_page *page, json_t *items)
{
	json_t *next = json_null();
	char id[24];

	if (page->n == page->max && page->max > 1) {
		snprintf(id, sizeof(id), "%" PRIu64, page->merged[page->max - 2]);
		next = json_string(id);
	}
	api_reply(rq, 200,
		  json_pack("{s:o, s:o, s:b}", "items", items, "next", next, "storeReadable",
			    !store_trouble(rq->keeper->store)));
}
