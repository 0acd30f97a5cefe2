/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/limits.h"

#include <string.h>

#include "include/glacis/admit.h"

static bool is_fuller(const struct limit_use *a, const struct limit_use *b)
{
	return (uint64_t)a->count * b->limit > (uint64_t)b->count * a->limit;
}

static void page_add(struct limits_page *page, const struct limit_use *use)
{
	size_t at = page->n;

	if (page->n == page->max) {
		if (!page->max || !is_fuller(use, &page->items[page->max - 1]))
			return;
		at = page->max - 1;
	} else {
		page->n++;
	}
	for (; at > 0 && is_fuller(use, &page->items[at - 1]); at--)
		page->items[at] = page->items[at - 1];
	page->items[at] = *use;
}

static void look(const struct kern *kern, const struct gl_policy *image, const struct gl_op *op,
		 const struct gl_addr *source, bool empty, uint64_t now_ns,
		 struct limits_page *page)
{
	const struct gl_class *cls = &image->classes[op->cls];
	const struct gl_service *service = &image->services[op->service];
	struct limit_use use = {
		.source = admit_source(source),
		.service = service->id,
		.cls = cls->id,
		.limit = cls->limit,
		.window_s = cls->window_s,
	};
	struct window_ask ask;
	uint32_t lines;
	void *table = kern_windows(kern, &lines);

	if (cls->flags & GL_CLASS_EXEMPT || !cls->limit)
		return;
	window_ask_init(&ask, &image->subject_key, WINDOW_SOURCE, service->id, cls->id, cls->sub_ns,
			cls->limit, lines, use.source.q[0], use.source.q[1]);
	ask.table = table;
	use.count = window_peek(&ask, now_ns, &use.reset_s);
	use.remaining = use.count < cls->limit ? cls->limit - use.count : 0;
	if (use.count || empty)
		page_add(page, &use);
}

void limits_of_source(const struct kern *kern, const struct gl_policy *image,
		      const struct gl_addr *source, bool empty, uint64_t now_ns,
		      struct limits_page *page)
{
	/* each (service, class) once, however many operations share it */
	uint64_t seen[GL_SERVICES_MAX] = {};

	_Static_assert(GL_CLASSES_MAX <= 64, "a bit for each class");
	for (uint32_t i = 1; i < GL_OPS_MAX && i <= image->n_ops; i++) {
		const struct gl_op *op = &image->ops[i];

		if (op->cls >= GL_CLASSES_MAX || op->service >= GL_SERVICES_MAX ||
		    seen[op->service] & 1ull << op->cls)
			continue;
		seen[op->service] |= 1ull << op->cls;
		look(kern, image, op, source, empty, now_ns, page);
	}
}
