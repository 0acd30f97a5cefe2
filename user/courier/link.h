/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * link.h - the keeper's end of the frames to and from the courier, on its libevent base.
 *
 * A request frame arrives as {"id","method","path","query":{},"body":<JSON or null>,
 * "peer":{"uid","gid","pid","reader"}}; the handler answers it now or later through its reply
 * handle. "reader" says that the peer is root or a member of the group (supplementary groups
 * included); what that allows is the handler's decision, and only "uid":0 may change anything.
 *
 * The link answers GET /v1/events/stream itself: readers become followers of courier_broadcast().
 * When the courier dies the link restarts it (at most once a second) and drops open replies;
 * enforcement is not involved.
 */
#pragma once

#include <event2/event.h>
#include <jansson.h>

#include "user/courier/courier.h"

struct courier_link;
struct courier_reply;

/*
 * Called for each request. `request` is borrowed for the call (json_incref() to keep it). The reply
 * handle is the handler's until it passes it to courier_reply() or courier_reply_problem(), which
 * it must do exactly once; the link must be alive then.
 */
typedef void (*courier_request_fn)(json_t *request, struct courier_reply *reply, void *userdata);

/* Borrows base and courier. */
int courier_link_new(struct event_base *base, struct courier *courier, courier_request_fn handler,
		     void *userdata, struct courier_link **ret_link);
void courier_link_free(struct courier_link *link); /* NULL-safe; the courier stays */

/* Adds a response header ("Allow", "GET, POST"; "Location", …); at most 8. Before the reply. */
void courier_reply_header(struct courier_reply *reply, const char *name, const char *value);

/* Answers and frees the handle. Takes `body` (NULL: no body). */
void courier_reply(struct courier_reply *reply, int status, json_t *body);

/*
 * Answers with problem details (RFC 9457): type "urn:glacis:problem:<kind>", title from the status,
 * detail printf-formatted. `extra` (taken, may be NULL) adds members, such as "problems".
 */
__attribute__((format(printf, 5, 6))) void courier_reply_problem(struct courier_reply *reply,
								 int status, const char *kind,
								 json_t *extra, const char *detail,
								 ...);

/* Sends an event (taken) to every follower as one line. Free of charge while nobody follows; what
 * the courier cannot take is counted and told to the followers as {"lost":n}. */
void courier_broadcast(struct courier_link *link, json_t *event);
size_t courier_followers(const struct courier_link *link);

/*
 * Frames that are neither requests nor about followers: given to `fn` (borrowed for the call),
 * which also hears with frame = NULL when a courier was started again and knows nothing any more.
 * For exports.
 */
typedef void (*courier_frame_fn)(const json_t *frame, void *userdata);
void courier_link_watch(struct courier_link *link, courier_frame_fn fn, void *userdata);
/* Takes the frame. -ENOTCONN: no courier now; -ENOBUFS: its backlog is full; -EMSGSIZE. */
int courier_link_send(struct courier_link *link, json_t *frame);
/* As courier_give(), to the courier of this link. */
int courier_link_give(struct courier_link *link, const char *name, int fd);
