/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * alert_findings.h - alerts from what was stated or counted otherwise: findings that are severe
 * (TLS downgrade, secret in a response, certificate, blind listener, anything critical), losses,
 * a store that does not store.
 */
#pragma once

#include "user/policy/model.h"
#include "user/respond/alert_scene.h"

/* A finding, as its owner has it; texts are borrowed. */
struct alert_statement {
	const char *control, *rule, *service, *subject, *evidence, *request;
	enum alert_severity severity; /* the same scale as a finding's */
	bool in_response;
	const struct gl_addr *source; /* NULL: none */
	int64_t wall_ns;
};
void alert_statement_take(struct alert_scene *scene, const struct alert_statement *statement);

/* A response was cut off because of a secret: reason and pattern of the guard. */
void alert_guard_take(struct alert_scene *scene, const struct gl_rec_verdict *verdict,
		      const char *pattern, int64_t wall_ns);

/* Once a second: a loss that rises faster than `rule` says is an alert. */
struct alert_losses;
int alert_losses_new(struct alert_losses **ret_losses);
void alert_losses_free(struct alert_losses *losses); /* NULL-safe */
void alert_losses_look(struct alert_losses *losses, struct alert_scene *scene,
		       const struct policy_alert_rule *rule, const uint64_t counters[GL_CTR_MAX]);

/* Why nothing is stored; NULL: it is. Tells once, and again after the cool-down. */
void alert_store_look(struct alert_scene *scene, const char *trouble);
