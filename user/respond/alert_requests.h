/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert_requests.h - rules over requests as inspectors tell them: stuffing and spraying of
 * passwords (AUTH-09), walking of ids (PRE-10). All they compare are keyed hashes (subjects.h).
 *
 * An inspector that lost a request loses its count here; the thresholds of answers (alert_watch.h)
 * do not depend on it.
 */
#pragma once

#include <stdbool.h>

#include "user/policy/model.h"
#include "user/respond/alert_scene.h"

/* One request that was answered. */
struct alert_request {
	struct alert_event event; /* rule: not looked at */
	uint64_t account, password; /* of a login; 0: none */
	bool told_failed, failed; /* told: the policy says what a failed login is answered with */
	uint64_t object, number; /* what it asked for */
};

struct alert_requests;

int alert_requests_new(struct alert_requests **ret_requests);
void alert_requests_free(struct alert_requests *requests); /* NULL-safe */

/* `policy`: thresholds; a rule that is not enabled is off. */
void alert_requests_take(struct alert_requests *requests, struct alert_scene *scene,
			 const struct policy *policy, const struct alert_request *request);
uint64_t alert_requests_evicted(const struct alert_requests *requests);
