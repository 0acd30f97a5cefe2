/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/courier/http_out.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "user/base/cleanup.h"

#define ADDRESSES_MAX  4
#define CONNECT_MS_MAX 10000

struct http_transfer {
	LIST_ENTRY(http_transfer) entry;
	struct http_out *out;
	const struct http_target *target;
	struct name_request *lookup;
	CURL *easy;
	struct curl_slist *headers, *resolve;
	char *body;
	http_done_fn done;
	void *userdata;
	char answer[HTTP_ANSWER_MAX + 1];
	size_t answer_size;
	char error[CURL_ERROR_SIZE];
	struct event *failed; /* tells a failure that was found at once, later */
};

struct http_out {
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	LIST_HEAD(, http_transfer) transfers;
};

int http_out_prepare(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------------------------------------------
 * The end of a transfer
 */
static void transfer_free(struct http_transfer *t)
{
	names_cancel(t->lookup);
	if (t->easy) {
		curl_multi_remove_handle(t->out->multi, t->easy);
		curl_easy_cleanup(t->easy);
	}
	if (t->failed)
		event_free(t->failed);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->resolve);
	LIST_REMOVE(t, entry);
	free(t->body);
	free(t);
}

static void finish(struct http_transfer *t, const struct http_answer *answer)
{
	http_done_fn done = t->done;
	void *userdata = t->userdata;
	char text[HTTP_ANSWER_MAX + 1], error[CURL_ERROR_SIZE];
	struct http_answer copy = *answer;

	/* the answer outlives the transfer: `done` may begin the next one */
	memcpy(text, t->answer, t->answer_size);
	text[t->answer_size] = '\0';
	copy.body = text;
	copy.size = t->answer_size;
	if (answer->error) {
		snprintf(error, sizeof(error), "%s", answer->error);
		copy.error = error;
	}
	transfer_free(t);
	done(&copy, userdata);
}

static void fail_later(evutil_socket_t fd, short what, void *userdata)
{
	struct http_transfer *t = userdata;

	(void)fd;
	(void)what;
	finish(t, &(struct http_answer){.error = t->error});
}

static void transfer_ended(struct http_transfer *t, CURLcode code)
{
	struct http_answer answer = {0};
	curl_off_t after_s = 0;

	if (code != CURLE_OK) {
		answer.error = *t->error ? t->error : curl_easy_strerror(code);
	} else {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &answer.status);
		/* of any digits, also of more than fit (libcurl 7.88 with "HTTP/2") */
		if (answer.status < 100 || answer.status > 999)
			answer.error = "the answer has no HTTP status";
		/* seconds, or the distance to a date */
		if (curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &after_s) == CURLE_OK &&
		    after_s > 0)
			answer.retry_after_ms = (uint64_t)after_s * 1000;
	}
	finish(t, &answer);
}

static void look_for_ends(struct http_out *out)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(out->multi, &left))) {
		struct http_transfer *t = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		transfer_ended(t, code);
	}
}

/* ---------------------------------------------------------------------------------------------
 * libcurl's sockets and timer on the event loop
 */
static void on_timer(evutil_socket_t fd, short what, void *userdata)
{
	struct http_out *out = userdata;
	int running;

	(void)fd;
	(void)what;
	curl_multi_socket_action(out->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	look_for_ends(out);
}

static void on_socket(evutil_socket_t fd, short what, void *userdata)
{
	struct http_out *out = userdata;
	int running, action = (what & EV_READ ? CURL_CSELECT_IN : 0) |
			      (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

	curl_multi_socket_action(out->multi, fd, action, &running);
	look_for_ends(out);
}

static int timer_wanted(CURLM *multi, long ms, void *userdata)
{
	struct http_out *out = userdata;
	struct timeval tv = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)multi;
	if (ms < 0)
		evtimer_del(out->timer);
	else
		evtimer_add(out->timer, &tv);
	return 0;
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *userdata, void *own)
{
	struct http_out *out = userdata;
	struct event *event = own;

	(void)easy;
	if (event)
		event_free(event);
	event = NULL;
	if (what != CURL_POLL_REMOVE) {
		event = event_new(out->base, fd,
				  (what & CURL_POLL_IN ? EV_READ : 0) |
					  (what & CURL_POLL_OUT ? EV_WRITE : 0) | EV_PERSIST,
				  on_socket, out);
		if (event)
			event_add(event, NULL);
	}
	curl_multi_assign(out->multi, fd, event);
	return 0;
}

int http_out_new(struct event_base *base, struct http_out **ret_out)
{
	struct http_out *out = calloc(1, sizeof(*out));

	if (!out)
		return -ENOMEM;
	out->base = base;
	LIST_INIT(&out->transfers);
	out->multi = curl_multi_init();
	out->timer = evtimer_new(base, on_timer, out);
	if (!out->multi || !out->timer) {
		http_out_free(out);
		return -ENOMEM;
	}
	curl_multi_setopt(out->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	curl_multi_setopt(out->multi, CURLMOPT_SOCKETDATA, out);
	curl_multi_setopt(out->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(out->multi, CURLMOPT_TIMERDATA, out);
	curl_multi_setopt(out->multi, CURLMOPT_MAXCONNECTS, 8L);
	*ret_out = out;
	return 0;
}

void http_out_free(struct http_out *out)
{
	struct http_transfer *t;

	if (!out)
		return;
	while ((t = LIST_FIRST(&out->transfers)))
		transfer_free(t);
	if (out->multi)
		curl_multi_cleanup(out->multi);
	if (out->timer)
		event_free(out->timer);
	free(out);
}

void http_out_cancel(struct http_transfer *t)
{
	if (t)
		transfer_free(t);
}

/* ---------------------------------------------------------------------------------------------
 * A transfer
 */
static size_t take_answer(char *data, size_t one, size_t n, void *userdata)
{
	struct http_transfer *t = userdata;
	size_t size = one * n, room = HTTP_ANSWER_MAX - t->answer_size;

	memcpy(t->answer + t->answer_size, data, size < room ? size : room);
	t->answer_size += size < room ? size : room;
	return size; /* the rest is read and forgotten, within the timeout */
}

static bool set_options(struct http_transfer *t, size_t size)
{
	const struct http_target *target = t->target;
	unsigned connect_ms =
		target->timeout_ms < CONNECT_MS_MAX ? target->timeout_ms : CONNECT_MS_MAX;
	CURL *easy = t->easy;
	CURLcode r = CURLE_OK;

#define SET(option, value)                                                                         \
	do {                                                                                       \
		if (r == CURLE_OK)                                                                 \
			r = curl_easy_setopt(easy, option, value);                                 \
	} while (0)
	SET(CURLOPT_URL, target->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_RESOLVE, t->resolve);
	SET(CURLOPT_TIMEOUT_MS, (long)target->timeout_ms);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
	SET(CURLOPT_POST, 1L);
	SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)size);
	SET(CURLOPT_POSTFIELDS, t->body);
	SET(CURLOPT_HTTPHEADER, t->headers);
	SET(CURLOPT_WRITEFUNCTION, take_answer);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_ERRORBUFFER, t->error);
	SET(CURLOPT_PRIVATE, t);
	if (target->ca) {
		struct curl_blob blob = {target->ca, strlen(target->ca), CURL_BLOB_NOCOPY};

		SET(CURLOPT_CAINFO_BLOB, &blob);
		SET(CURLOPT_CAPATH, NULL);
	}
#undef SET
	return r == CURLE_OK;
}

static void fail_soon(struct http_transfer *t, const char *error)
{
	static const struct timeval now;

	snprintf(t->error, sizeof(t->error), "%s", error);
	evtimer_add(t->failed, &now);
}

/* "host:port:address,address": libcurl never asks a resolver of its own. */
static struct curl_slist *resolve_list(const struct http_target *target,
				       const struct evutil_addrinfo *found)
{
	char line[512 + ADDRESSES_MAX * 64], address[64];
	int n = snprintf(line, sizeof(line), "%s:%u:", target->host, target->port), known = 0;

	for (; found && known < ADDRESSES_MAX; found = found->ai_next) {
		const void *raw =
			found->ai_family == AF_INET6
				? (void *)&((struct sockaddr_in6 *)found->ai_addr)->sin6_addr
				: (void *)&((struct sockaddr_in *)found->ai_addr)->sin_addr;

		if (!evutil_inet_ntop(found->ai_family, raw, address, sizeof(address)))
			continue;
		n += snprintf(line + n, sizeof(line) - (size_t)n,
			      found->ai_family == AF_INET6 ? "%s[%s]" : "%s%s", known ? "," : "",
			      address);
		known++;
	}
	return known ? curl_slist_append(NULL, line) : NULL;
}

static void name_found(const struct evutil_addrinfo *found, const char *error, void *userdata)
{
	struct http_transfer *t = userdata;
	char text[CURL_ERROR_SIZE];

	t->lookup = NULL;
	if (found)
		t->resolve = resolve_list(t->target, found);
	if (!t->resolve) {
		snprintf(text, sizeof(text), "%s cannot be found: %s", t->target->host,
			 error ? error : "no address");
		fail_soon(t, text);
		return;
	}
	if (curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->resolve) != CURLE_OK ||
	    curl_multi_add_handle(t->out->multi, t->easy) != CURLM_OK)
		fail_soon(t, "out of memory");
}

static bool add_headers(struct http_transfer *t, const char *const *headers)
{
	static const char *const own[] = {"Content-Type: application/json", "Expect:", NULL};
	const char *const *const lists[] = {own, headers};

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (const char *const *line = lists[i]; *line; line++) {
			struct curl_slist *more = curl_slist_append(t->headers, *line);

			if (!more)
				return false;
			t->headers = more;
		}
	return true;
}

int http_out_post(struct http_out *out, struct names *names, const struct http_target *target,
		  char *body, size_t size, const char *const *headers, http_done_fn done,
		  void *userdata, struct http_transfer **ret_transfer)
{
	struct http_transfer *t = calloc(1, sizeof(*t));
	int r;

	if (!t) {
		free(body);
		return -ENOMEM;
	}
	t->out = out;
	t->target = target;
	t->body = body;
	t->done = done;
	t->userdata = userdata;
	LIST_INSERT_HEAD(&out->transfers, t, entry);
	t->failed = evtimer_new(out->base, fail_later, t);
	t->easy = curl_easy_init();
	if (!t->failed || !t->easy || !add_headers(t, headers) || !set_options(t, size)) {
		transfer_free(t);
		return -ENOMEM;
	}
	*ret_transfer = t;
	r = names_find(names, target->host, target->port, name_found, t, &t->lookup);
	if (r < 0) {
		transfer_free(t);
		*ret_transfer = NULL;
	}
	return r;
}
