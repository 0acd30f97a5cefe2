/* SPDX-License-Identifier: GPL-2.0-or-later */
/* link.c - see link.h. */
#include "user/courier/link.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/base/frames.h"
#include "user/courier/problem.h"

#define STREAM_PATH       "/v1/events/stream"
#define REPLY_BACKLOG     (32u << 20)
#define EVENT_BACKLOG     (4u << 20) /* events wait behind replies, not in front of them */
#define FRAMES_PER_WAKEUP 64
#define HEADERS_MAX       8
#define FLUSH_WAIT_MS     1000

static const struct timeval restart_delay = {.tv_sec = 1};

struct courier_reply {
	LIST_ENTRY(courier_reply) entry;
	struct courier_link *link;
	json_int_t id;
	bool dead; /* the courier that asked is gone */
	json_t *headers;
};

struct courier_link {
	struct event_base *base;
	struct courier *courier;
	courier_request_fn handler;
	void *userdata;
	struct frame_reader *reader;
	struct frame_writer *writer;
	struct event *readable, *writable, *restart;
	LIST_HEAD(, courier_reply) replies;
	size_t followers;
	uint64_t lost; /* events nobody was told about yet */
	courier_frame_fn watcher;
	void *watcher_data;
};

static void channel_failed(struct courier_link *link);

static void flush_frames(struct courier_link *link)
{
	if (link->writable && frame_flush(link->writer, courier_fd(link->courier)) == 0)
		event_add(link->writable, NULL);
	/* an error shows as the end of the reading side as well */
}

static int send_frame(struct courier_link *link, json_t *frame)
{
	int r = frame ? frame_write(link->writer, frame) : -ENOMEM;

	json_decref(frame);
	if (r == 0)
		flush_frames(link);
	return r;
}

/* --- replies -----------------------------------------------------------------------------------
 */

static int reply_new(struct courier_link *link, json_int_t id, struct courier_reply **ret_reply)
{
	struct courier_reply *reply = calloc(1, sizeof(*reply));

	if (!reply)
		return -ENOMEM;
	reply->link = link;
	reply->id = id;
	LIST_INSERT_HEAD(&link->replies, reply, entry);
	*ret_reply = reply;
	return 0;
}

static void reply_free(struct courier_reply *reply)
{
	LIST_REMOVE(reply, entry);
	json_decref(reply->headers);
	free(reply);
}

void courier_reply_header(struct courier_reply *reply, const char *name, const char *value)
{
	if (!reply->headers)
		reply->headers = json_object();
	if (json_object_size(reply->headers) < HEADERS_MAX)
		json_object_set_new(reply->headers, name, json_string(value));
}

void courier_reply(struct courier_reply *reply, int status, json_t *body)
{
	struct courier_link *link = reply->link;
	json_t *frame = json_pack("{s:I,s:i,s:o*,s:O*}", "id", reply->id, "status", status, "body",
				  body, "headers", reply->headers);
	json_int_t id = reply->id;
	int r = 0;

	if (reply->dead)
		json_decref(frame);
	else
		r = send_frame(link, frame);
	reply_free(reply);
	if (r == -EMSGSIZE) /* the client hears something rather than nothing */
		send_frame(link, json_pack("{s:I,s:i,s:o*}", "id", id, "status", 500, "body",
					   problem_new(500, "too-large",
						       "the answer is too large to send")));
}

void courier_reply_problem(struct courier_reply *reply, int status, const char *kind, json_t *extra,
			   const char *detail, ...)
{
	_cleanup_free_ char *text = NULL;
	json_t *problem;
	va_list ap;

	va_start(ap, detail);
	if (vasprintf(&text, detail, ap) < 0)
		text = NULL;
	va_end(ap);
	problem = problem_new(status, kind, text ? text : "");
	if (problem && extra)
		json_object_update_missing(problem, extra);
	json_decref(extra);
	if (status == 429 || status == 503)
		courier_reply_header(reply, "Retry-After", "1");
	courier_reply(reply, status, problem);
}

/* --- followers ---------------------------------------------------------------------------------
 */

static bool wants_stream(const json_t *request)
{
	const char *path = json_string_value(json_object_get(request, "path"));
	const char *method = json_string_value(json_object_get(request, "method"));

	return path && method && strcmp(path, STREAM_PATH) == 0 && strcmp(method, "GET") == 0;
}

static void accept_follower(struct courier_link *link, const json_t *request,
			    struct courier_reply *reply)
{
	const json_t *peer = json_object_get(request, "peer");

	if (!json_is_true(json_object_get(peer, "reader"))) {
		courier_reply_problem(reply, 403, "not-a-reader", NULL,
				      "only root and members of the group may follow events");
		return;
	}
	if (send_frame(link, json_pack("{s:I,s:i,s:b}", "id", reply->id, "status", 200, "follow",
				       1)) == 0)
		link->followers++;
	reply_free(reply);
}

void courier_broadcast(struct courier_link *link, json_t *event)
{
	json_t *lost;

	if (link->followers == 0 || !link->writable) {
		json_decref(event);
		return;
	}
	if (frame_writer_pending(link->writer) > EVENT_BACKLOG) {
		link->lost++;
		json_decref(event);
		return;
	}
	if (link->lost > 0) {
		lost = json_pack("{s:{s:I}}", "event", "lost", (json_int_t)link->lost);
		if (send_frame(link, lost) == 0)
			link->lost = 0;
	}
	if (send_frame(link, json_pack("{s:o}", "event", event)) < 0)
		link->lost++;
}

size_t courier_followers(const struct courier_link *link)
{
	return link->followers;
}

/* --- the channel -------------------------------------------------------------------------------
 */

static void dispatch(struct courier_link *link, json_t *frame)
{
	const json_t *id = json_object_get(frame, "id");
	struct courier_reply *reply;
	json_int_t gone;

	if (!json_is_integer(id)) {
		gone = json_integer_value(json_object_get(frame, "unfollowed"));
		if (gone > 0)
			link->followers -=
				(size_t)gone < link->followers ? (size_t)gone : link->followers;
		else if (link->watcher)
			link->watcher(frame, link->watcher_data);
		return;
	}
	if (reply_new(link, json_integer_value(id), &reply) < 0)
		return; /* the courier's timeout answers */
	if (wants_stream(frame))
		accept_follower(link, frame, reply);
	else
		link->handler(frame, reply, link->userdata);
}

static void channel_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct courier_link *link = userdata;
	json_t *frame;
	int r = 1;

	(void)what;
	for (int i = 0; i < FRAMES_PER_WAKEUP && r == 1; i++) {
		r = frame_read(link->reader, fd, &frame);
		if (r == 1) {
			dispatch(link, frame);
			json_decref(frame);
		}
	}
	if (r == 1) /* buffered frames make no descriptor readable */
		event_active(link->readable, EV_READ, 0);
	if (r < 0) {
		if (r != -EPIPE && r != -ECONNRESET)
			log_err(r, "bad frame from the courier");
		channel_failed(link);
	}
}

static void channel_writable(evutil_socket_t fd, short what, void *userdata)
{
	(void)fd;
	(void)what;
	flush_frames(userdata);
}

static void close_channel(struct courier_link *link)
{
	struct courier_reply *reply;

	if (link->readable)
		event_free(link->readable);
	if (link->writable)
		event_free(link->writable);
	link->readable = link->writable = NULL;
	frame_reader_free(TAKE_PTR(link->reader));
	frame_writer_free(TAKE_PTR(link->writer));
	link->followers = 0;
	link->lost = 0;
	for (reply = LIST_FIRST(&link->replies); reply; reply = LIST_NEXT(reply, entry))
		reply->dead = true;
}

static int open_channel(struct courier_link *link)
{
	int fd = courier_fd(link->courier);
	int r = frame_reader_new(&link->reader);

	if (r == 0)
		r = frame_writer_new(REPLY_BACKLOG, &link->writer);
	if (r < 0)
		return r;
	link->readable = event_new(link->base, fd, EV_READ | EV_PERSIST, channel_readable, link);
	link->writable = event_new(link->base, fd, EV_WRITE, channel_writable, link);
	if (!link->readable || !link->writable || event_add(link->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

/* Once a second at most: a courier that dies at once must not become a busy loop. */
static void channel_failed(struct courier_link *link)
{
	log_warning("the courier (pid %d) ended; starting it again, enforcement is not affected",
		    (int)courier_pid(link->courier));
	close_channel(link);
	event_add(link->restart, &restart_delay);
}

static void restart(evutil_socket_t fd, short what, void *userdata)
{
	struct courier_link *link = userdata;
	int r = courier_restart(link->courier);

	(void)fd;
	(void)what;
	if (r == 0)
		r = open_channel(link);
	if (r < 0) {
		log_err(r, "cannot start the courier again");
		close_channel(link);
		event_add(link->restart, &restart_delay);
	} else if (link->watcher) {
		link->watcher(NULL, link->watcher_data);
	}
}

void courier_link_watch(struct courier_link *link, courier_frame_fn fn, void *userdata)
{
	link->watcher = fn;
	link->watcher_data = userdata;
}

int courier_link_send(struct courier_link *link, json_t *frame)
{
	if (!link->writable) {
		json_decref(frame);
		return -ENOTCONN;
	}
	return send_frame(link, frame);
}

int courier_link_give(struct courier_link *link, const char *name, int fd)
{
	return courier_give(link->courier, name, fd);
}

int courier_link_new(struct event_base *base, struct courier *courier, courier_request_fn handler,
		     void *userdata, struct courier_link **ret_link)
{
	struct courier_link *link = calloc(1, sizeof(*link));
	int r;

	if (!link)
		return -ENOMEM;
	link->base = base;
	link->courier = courier;
	link->handler = handler;
	link->userdata = userdata;
	LIST_INIT(&link->replies);
	link->restart = evtimer_new(base, restart, link);
	r = link->restart ? open_channel(link) : -ENOMEM;
	if (r < 0) {
		courier_link_free(link);
		return r;
	}
	*ret_link = link;
	return 0;
}

/* The last answers (the one to a detach) leave before the channel closes. */
static void flush_last(struct courier_link *link)
{
	struct pollfd p = {.fd = courier_fd(link->courier), .events = POLLOUT};

	while (frame_flush(link->writer, p.fd) == 0)
		if (poll(&p, 1, FLUSH_WAIT_MS) <= 0)
			return;
}

void courier_link_free(struct courier_link *link)
{
	struct courier_reply *reply;

	if (!link)
		return;
	if (link->writer)
		flush_last(link);
	close_channel(link);
	while ((reply = LIST_FIRST(&link->replies)))
		reply_free(reply);
	if (link->restart)
		event_free(link->restart);
	free(link);
}
