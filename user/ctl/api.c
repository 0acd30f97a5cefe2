/* SPDX-License-Identifier: GPL-2.0-or-later */
/* api.c - see api.h. */
#include "user/ctl/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/sockets.h"
#include "user/ctl/http.h"
#include "user/ctl/out.h"

#define RETRIES     3 /* of a 429: our own pages may be what was too many */
#define RETRY_MAX_S 5
#define PAGE        100

int api_unreachable(const struct ctl *ctl, int r)
{
	switch (r) {
	case -ENOENT:
	case -ENOTDIR:
		return ctl_fail(ctl, CTL_UNREACHABLE,
				"no agent: %s does not exist\n"
				"    hint: start it (systemctl start glacis, or make run), or name "
				"its socket with --socket",
				ctl->socket);
	case -ECONNREFUSED:
		return ctl_fail(ctl, CTL_UNREACHABLE,
				"no agent listens on %s\n"
				"    hint: it was killed; enforcement goes on. Start it again, or "
				"remove everything with: glacisctl detach",
				ctl->socket);
	case -EACCES:
	case -EPERM:
		return ctl_fail(ctl, CTL_UNREACHABLE,
				"not allowed to use %s\n"
				"    hint: root may do everything, members of the group glacis may "
				"read (usermod -aG glacis USER)",
				ctl->socket);
	case -ETIMEDOUT:
		return ctl_fail(ctl, CTL_UNREACHABLE,
				"the agent does not answer on %s\n"
				"    hint: enforcement goes on without it; see its log",
				ctl->socket);
	default:
		return ctl_fail(ctl, CTL_UNREACHABLE, "%s: %s", ctl->socket,
				r == -EBADMSG ? "what answers there is not glacis" : strerror(-r));
	}
}

int api_probe(const struct ctl *ctl)
{
	_cleanup_close_ int fd = -1;

	return socket_connect_unix(ctl->socket, &fd);
}

int api_try(const struct ctl *ctl, const char *path, json_t **ret_body)
{
	_cleanup_(http_response_clear) struct http_response response = {0};
	json_t *body;
	int r = http_request(ctl->socket, "GET", path, NULL, &response);

	if (r < 0)
		return r;
	if (response.status >= 400)
		return -EAGAIN;
	body = json_loadb(response.body, response.size, 0, NULL);
	if (!json_is_object(body)) {
		json_decref(body);
		return -EBADMSG;
	}
	*ret_body = body;
	return 0;
}

bool api_print_json(const struct ctl *ctl, const json_t *body)
{
	if (!ctl->json)
		return false;
	json_dumpf(body, ctl->out, JSON_INDENT(2) | JSON_ENCODE_ANY);
	fputc('\n', ctl->out);
	return true;
}

/* A refusal in the agent's words; with -o json also as it came. */
static int refused(const struct ctl *ctl, const struct http_response *response, const json_t *body)
{
	const char *detail = json_string_value(json_object_get(body, "detail"));
	const char *title = json_string_value(json_object_get(body, "title"));

	if (body)
		api_print_json(ctl, body);
	ctl_fail(ctl, CTL_REFUSED, "%s%s",
		 detail && *detail ? out_clean(detail)
		 : title           ? out_clean(title)
				   : "refused",
		 detail || title ? "" : " by the agent");
	out_problems(ctl, json_object_get(body, "problems"));
	if (response->status == 403 && geteuid() != 0)
		fputs("    hint: changes need root; members of the group glacis may read\n",
		      ctl->err);
	if (!body)
		fprintf(ctl->err, "    hint: HTTP status %d\n", response->status);
	return CTL_REFUSED;
}

static int finish(const struct ctl *ctl, const struct http_response *response, json_t **ret_body)
{
	json_t *body = NULL;
	int r = CTL_OK;

	if (response->size > 0)
		body = json_loadb(response->body, response->size, 0, NULL);
	if (response->status >= 400)
		r = refused(ctl, response, body);
	else if (!json_is_object(body) && ret_body)
		r = api_unreachable(ctl, -EBADMSG);
	if (r == CTL_OK && json_is_false(json_object_get(body, "stored")))
		fputs("glacisctl: in force, but not stored yet: the agent's disk does not answer\n",
		      ctl->err);
	if (r == CTL_OK && ret_body) {
		*ret_body = body;
		return r;
	}
	json_decref(body);
	return r;
}

int api_call(const struct ctl *ctl, const char *method, const char *path, json_t *body,
	     json_t **ret_body)
{
	_cleanup_(http_response_clear) struct http_response response = {0};
	_cleanup_free_ char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int r;

	if (body && !text) {
		json_decref(body);
		return ctl_usage(ctl, "an argument is not UTF-8");
	}
	json_decref(body);
	for (int i = 0;; i++) {
		r = http_request(ctl->socket, method, path, text, &response);
		if (r < 0)
			return api_unreachable(ctl, r);
		if (response.status != 429 || i == RETRIES || response.retry_after_s > RETRY_MAX_S)
			break;
		sleep(response.retry_after_s ? response.retry_after_s : 1);
		http_response_clear(&response);
	}
	return finish(ctl, &response, ret_body);
}

/* *after is the caller's; takes the page. */
static int add_page(json_t *items, json_t *page, size_t max, json_t **after)
{
	json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(json_object_get(page, "items"), i)); i++)
		if (json_array_size(items) < max)
			json_array_append(items, item);
	json_decref(*after);
	*after = json_incref(json_object_get(page, "next"));
	json_decref(page);
	return json_is_string(*after) && json_array_size(items) < max;
}

int api_collect(const struct ctl *ctl, const char *path, size_t max, json_t **ret_body)
{
	json_t *items = json_array(), *after = json_null(), *page = NULL;
	int r, more = 1;

	while (more) {
		_cleanup_free_ char *target = NULL, *encoded = NULL;
		size_t left = max - json_array_size(items);

		if (json_is_string(after))
			encoded = http_encode(json_string_value(after));
		if (asprintf(&target, "%s%climit=%zu%s%s", path, strchr(path, '?') ? '&' : '?',
			     left < PAGE ? left : PAGE, encoded ? "&after=" : "",
			     encoded ? encoded : "") < 0)
			target = NULL;
		r = target ? api_call(ctl, "GET", target, NULL, &page) : CTL_REFUSED;
		if (r != CTL_OK) {
			json_decref(items);
			json_decref(after);
			return r;
		}
		more = add_page(items, page, max, &after);
	}
	*ret_body = json_pack("{s:o,s:o?}", "items", items, "next", after);
	return *ret_body ? CTL_OK : CTL_REFUSED;
}

static int follow_line(const char *line, size_t size, void *userdata)
{
	const struct api_follower *follower = userdata;
	json_t *event;
	int r;

	if (size == 0)
		return 0;
	event = json_loadb(line, size, 0, NULL);
	if (!json_is_object(event)) {
		json_decref(event);
		return -EBADMSG;
	}
	r = follower->event(event, follower->userdata);
	json_decref(event);
	return r;
}

static int follow_begun(void *userdata)
{
	const struct api_follower *follower = userdata;

	return follower->begun ? follower->begun(follower->userdata) : 0;
}

int api_follow(const struct ctl *ctl, const char *path, const struct api_follower *follower)
{
	_cleanup_(http_response_clear) struct http_response response = {0};
	const struct http_stream_handler handler = {
		.begun = follow_begun,
		.line = follow_line,
		.userdata = (void *)follower,
	};
	int r = http_stream(ctl->socket, path, &handler, &response);

	if (r < 0)
		return api_unreachable(ctl, r);
	if (r > 0)
		return CTL_OK;
	if (response.status != 200)
		return finish(ctl, &response, NULL);
	return ctl_fail(ctl, CTL_UNREACHABLE, "the agent ended");
}
