/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.c - limits and explanations over the API.
 */
#include <errno.h>
#include <string.h>

#include "user/api/api.h"
#include "user/base/clock.h"
#include "user/keeper/explain.h"
#include "user/keeper/limits.h"

#define SOURCES_SHOWN 100
#define HEADERS_MAX   64

/* The ruling image, or NULL after a 404. */
static const struct gl_policy *ruling_image(struct api_request *rq)
{
	const struct gl_policy *image = kern_policy(rq->keeper->kern);

	if (image && apply_ruling(rq->keeper->apply)->policy)
		return image;
	api_problem(rq, 404, "no-policy", NULL, "no policy rules");
	return NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Limits
 */
static json_t *limit_json(const struct intern *intern, const struct limit_use *use)
{
	struct addr_prefix prefix = prefix_of_source(&use->source);
	const char *service = intern_name(intern, INTERN_SERVICE, use->service);
	const char *cls = intern_name(intern, INTERN_CLASS, use->cls);
	char source[PREFIX_TEXT];

	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "service",
			 service ? service : "?", "class", cls ? cls : "?", "source",
			 prefix_format(&prefix, source), "count", (json_int_t)use->count, "limit",
			 (json_int_t)use->limit, "window", (json_int_t)use->window_s, "remaining",
			 (json_int_t)use->remaining, "resetSeconds", (json_int_t)use->reset_s);
}

static void limits_of_recent(struct keeper *keeper, const struct gl_policy *image,
			     struct limits_page *page)
{
	struct source_use uses[SOURCES_SHOWN];
	size_t n = sources_top(keeper->sources, uses, SOURCES_SHOWN);

	for (size_t i = 0; i < n; i++)
		limits_of_source(keeper->kern, image, &uses[i].addr, false, clock_boot_ns(), page);
}

void api_limits(struct api_request *rq)
{
	static const char *const parameters[] = {"source", "limit", NULL};
	struct keeper *keeper = rq->keeper;
	const char *source = json_string_value(json_object_get(rq->query, "source"));
	struct limit_use items[API_PAGE_MAX];
	struct limits_page page = {.items = items};
	const struct gl_policy *image;
	struct addr_prefix prefix;
	json_t *list;

	if (!api_query_has_only(rq, parameters) || !api_page_limit(rq, API_PAGE_MAX, &page.max) ||
	    (source && !api_parse_source(rq, source, &prefix)))
		return;
	image = ruling_image(rq);
	if (!image)
		return;
	if (source)
		limits_of_source(keeper->kern, image, &prefix.addr, true, clock_boot_ns(), &page);
	else
		limits_of_recent(keeper, image, &page);
	list = json_array();
	for (size_t i = 0; i < page.n; i++)
		json_array_append_new(list, limit_json(apply_intern(keeper->apply), &items[i]));
	api_reply(rq, 200, json_pack("{s:o}", "items", list));
}

/* ---------------------------------------------------------------------------------------------
 * Explanations
 */
static bool read_headers(struct api_request *rq, const char *headers[HEADERS_MAX], size_t *ret_n)
{
	const json_t *list = json_object_get(rq->body, "headers");
	size_t n = json_array_size(list);

	*ret_n = 0;
	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list) || n > HEADERS_MAX) {
		api_problem(rq, 422, "bad-member", NULL,
			    "'headers' is a list of at most %d strings", HEADERS_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		headers[i] = json_string_value(json_array_get(list, i));
		if (!headers[i]) {
			api_problem(rq, 422, "bad-member", NULL, "a header is a string");
			return false;
		}
	}
	*ret_n = n;
	return true;
}

static bool read_port(struct api_request *rq, uint16_t *ret_port)
{
	const json_t *port = json_object_get(rq->body, "port");

	*ret_port = 0;
	if (!port || json_is_null(port))
		return true;
	if (!json_is_integer(port) || json_integer_value(port) < 1 ||
	    json_integer_value(port) > 65535) {
		api_problem(rq, 422, "bad-member", NULL, "'port' is a number from 1 to 65535");
		return false;
	}
	*ret_port = (uint16_t)json_integer_value(port);
	return true;
}

static void answer(struct api_request *rq, const struct explain_ask *ask)
{
	char wrong[EXPLAIN_WRONG] = "";
	json_t *explanation;
	int r = explain(ask, wrong, &explanation);

	if (r == 0)
		api_reply(rq, 200, explanation);
	else if (r == -ENOENT)
		api_problem(rq, 404, "no-such-service", NULL, "%s", wrong);
	else if (r == -EINVAL)
		api_problem(rq, 422, "bad-request", NULL, "%s", wrong);
	else
		api_problem(rq, 500, "not-explained", NULL, "%s", strerror(-r));
}

void api_explain(struct api_request *rq)
{
	static const char *const members[] = {"request", "service", "port",
					      "source",  "headers", NULL};
	struct keeper *keeper = rq->keeper;
	const char *headers[HEADERS_MAX], *source;
	struct explain_ask ask = {.headers = headers, .kern = keeper->kern};
	struct addr_prefix prefix;

	if (!api_body_has_only(rq, members) ||
	    !api_body_string(rq, "request", true, &ask.request) ||
	    !api_body_string(rq, "service", false, &ask.service) ||
	    !api_body_string(rq, "source", false, &source) || !read_port(rq, &ask.port) ||
	    !read_headers(rq, headers, &ask.n_headers) ||
	    (source && !api_parse_source(rq, source, &prefix)))
		return;
	ask.image = ruling_image(rq);
	if (!ask.image)
		return;
	ask.policy = apply_ruling(keeper->apply)->policy;
	ask.intern = apply_intern(keeper->apply);
	ask.source = source ? &prefix.addr : NULL;
	ask.now_ns = clock_boot_ns();
	answer(rq, &ask);
}
