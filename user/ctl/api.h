/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * api.h - one call of the agent's API (deploy/schema/openapi.yaml), with its failures told to the
 * user. Functions return CTL_OK or the exit code, after the message is out.
 */
#pragma once

#include <jansson.h>

#include "user/ctl/ctl.h"

/* Takes `body` (NULL: none). *ret_body (may be NULL) is the caller's, an object. */
int api_call(const struct ctl *ctl, const char *method, const char *path, json_t *body,
	     json_t **ret_body);

/* All pages of a collection, at most `max` items: {"items":[…],"next":null or where it stopped}.
 * `path` may have a query of its own. */
int api_collect(const struct ctl *ctl, const char *path, size_t max, json_t **ret_body);

/* Each event until the stream ends or the handler returns other than 0. */
struct api_follower {
	int (*begun)(void *userdata);
	int (*event)(const json_t *event, void *userdata);
	void *userdata;
};
int api_follow(const struct ctl *ctl, const char *path, const struct api_follower *follower);

/* GET without a word to the user: 0, or -errno; -EAGAIN when the answer is an error. */
int api_try(const struct ctl *ctl, const char *path, json_t **ret_body);

/* Is there an agent at all? 0, or the -errno of connecting: nothing is printed. */
int api_probe(const struct ctl *ctl);
/* Says why the agent cannot be reached and what to do; returns CTL_UNREACHABLE. */
int api_unreachable(const struct ctl *ctl, int r);

/* With -o json prints `body` and returns true. */
bool api_print_json(const struct ctl *ctl, const json_t *body);
