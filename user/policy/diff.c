/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/policy/diff.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/base/duration.h"

#define LINE 256

struct diff {
	diff_line_fn line;
	void *userdata;
	size_t n;
};

__attribute__((format(printf, 2, 3))) static void say(struct diff *diff, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	diff->line(line, diff->userdata);
	diff->n++;
}

static const char *mode_text(enum gl_mode mode)
{
	return mode == GL_MODE_ENFORCE ? "enforce" : "monitor";
}

static bool strings_equal(const struct policy_strings *a, const struct policy_strings *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool cidrs_equal(const struct policy_cidrs *a, const struct policy_cidrs *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->items[i].len != b->items[i].len ||
		    memcmp(&a->items[i].addr, &b->items[i].addr, sizeof(a->items[i].addr)) != 0)
			return false;
	return true;
}

/* ---------------------------------------------------------------------------------------------
 * Classes
 */
static const struct policy_class *find_class(const struct policy *policy, const char *name)
{
	for (size_t i = 0; policy && i < policy->n_classes; i++)
		if (strcmp(policy->classes[i].name, name) == 0)
			return &policy->classes[i];
	return NULL;
}

static const char *limit_text(const struct policy_class *c, char *out, size_t size)
{
	char window[DURATION_TEXT];

	if (c->exempt)
		snprintf(out, size, "exempt");
	else
		snprintf(out, size, "%u/%s", c->limit, duration_format(c->window_s, window));
	return out;
}

static void diff_class(struct diff *diff, const struct policy_class *old,
		       const struct policy_class *new)
{
	char a[48], b[48];

	if (old->limit != new->limit || old->window_s != new->window_s ||
	    old->exempt != new->exempt)
		say(diff, "class %s: limit %s -> %s%s", new->name, limit_text(old, a, sizeof(a)),
		    limit_text(new, b, sizeof(b)),
		    old->window_s != new->window_s ? " (another window: its counts begin anew)"
						   : " (counts are kept)");
	if (old->count_by != new->count_by)
		say(diff, "class %s: counts per another subject", new->name);
	/* the default follows the limit: only another proportion is a change of its own */
	if ((uint64_t)old->source_ceiling * new->limit !=
	    (uint64_t) new->source_ceiling * old->limit)
		say(diff, "class %s: source ceiling %u -> %u", new->name, old->source_ceiling,
		    new->source_ceiling);
	if (old->mode != new->mode)
		say(diff, "class %s: %s", new->name,
		    new->mode == POLICY_MODE_MONITOR ? "only monitored"
						     : "no longer only monitored");
	if (!strings_equal(&old->match, &new->match))
		say(diff, "class %s: other operations (%zu -> %zu)", new->name, old->match.n,
		    new->match.n);
}

static void diff_classes(struct diff *diff, const struct policy *old, const struct policy *new)
{
	char text[48];

	for (size_t i = 0; i < new->n_classes; i++) {
		const struct policy_class *was = find_class(old, new->classes[i].name);

		if (was)
			diff_class(diff, was, &new->classes[i]);
		else
			say(diff, "class %s: new, %s", new->classes[i].name,
			    limit_text(&new->classes[i], text, sizeof(text)));
	}
	for (size_t i = 0; old && i < old->n_classes; i++)
		if (!find_class(new, old->classes[i].name))
			say(diff, "class %s: removed", old->classes[i].name);
}

/* ---------------------------------------------------------------------------------------------
 * Services
 */
static const struct policy_service *find_service(const struct policy *policy, const char *name)
{
	for (size_t i = 0; policy && i < policy->n_services; i++)
		if (strcmp(policy->services[i].name, name) == 0)
			return &policy->services[i];
	return NULL;
}

static const struct policy_operation *find_operation(const struct policy_service *service,
						     const char *match)
{
	for (size_t i = 0; i < service->n_operations; i++)
		if (strcmp(service->operations[i].match, match) == 0)
			return &service->operations[i];
	return NULL;
}

static bool ports_equal(const struct policy_service *a, const struct policy_service *b)
{
	return a->n_ports == b->n_ports &&
	       (!a->n_ports || memcmp(a->ports, b->ports, a->n_ports * sizeof(*a->ports)) == 0);
}

static bool tls_equal(const struct policy_tls *a, const struct policy_tls *b)
{
	return a->min_version == b->min_version && a->plaintext_refuse == b->plaintext_refuse &&
	       a->downgrade_refuse == b->downgrade_refuse && a->n_denied == b->n_denied &&
	       (!a->n_denied ||
		memcmp(a->denied, b->denied, a->n_denied * sizeof(*a->denied)) == 0);
}

static bool flags_equal(const struct policy_service *a, const struct policy_service *b)
{
	return a->ambiguous_refuse == b->ambiguous_refuse && a->fold_case == b->fold_case &&
	       a->http2 == b->http2 && a->quic_refuse == b->quic_refuse &&
	       tls_equal(&a->tls, &b->tls) && a->unknown_refuse == b->unknown_refuse;
}

static bool responses_equal(const struct policy_responses *a, const struct policy_responses *b)
{
	return a->secrets == b->secrets && a->stack_traces == b->stack_traces &&
	       a->personal_data == b->personal_data && a->unscanned_pass == b->unscanned_pass &&
	       strings_equal(&a->forbidden_fields, &b->forbidden_fields);
}

static bool inspect_equal(const struct policy_inspect *a, const struct policy_inspect *b)
{
	return a->bodies == b->bodies && a->max_bytes == b->max_bytes && a->sample == b->sample &&
	       a->tls == b->tls;
}

/* The lists of an expectation that differ, as words. */
static void diff_expect_lists(struct diff *diff, const char *where, const struct policy_expect *old,
			      const struct policy_expect *new)
{
	const struct {
		const char *name;
		const struct policy_strings *old, *new;
	} lists[] = {
		{"requiredHeaders", &old->required_headers, &new->required_headers},
		{"forbiddenHeaders", &old->forbidden_headers, &new->forbidden_headers},
		{"jwt.algorithms", &old->jwt_algorithms, &new->jwt_algorithms},
		{"cors.origins", &old->cors_origins, &new->cors_origins},
		{"uploads.types", &old->upload_types, &new->upload_types},
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (!strings_equal(lists[i].old, lists[i].new))
			say(diff, "%s: expect %s: another list (%zu -> %zu)", where, lists[i].name,
			    lists[i].old->n, lists[i].new->n);
}

/* 0 is the detectors' default. */
static void diff_number(struct diff *diff, const char *where, const char *name, uint32_t old,
			uint32_t new)
{
	char a[16] = "default", b[16] = "default";

	if (old == new)
		return;
	if (old)
		snprintf(a, sizeof(a), "%u", old);
	if (new)
		snprintf(b, sizeof(b), "%u", new);
	say(diff, "%s: expect %s: %s -> %s", where, name, a, b);
}

static void diff_expect(struct diff *diff, const char *where, const struct policy_expect *old,
			const struct policy_expect *new)
{
	diff_number(diff, where, "maxPage", old->max_page, new->max_page);
	diff_number(diff, where, "defaultPage", old->default_page, new->default_page);
	diff_number(diff, where, "uploads.maxBytes", old->upload_bytes, new->upload_bytes);
	diff_number(diff, where, "jwt.maxLifetime (s)", old->jwt_lifetime_s, new->jwt_lifetime_s);
	diff_expect_lists(diff, where, old, new);
}

static const char *action_text(enum policy_response_action action)
{
	return action == POLICY_RESPONSE_BLOCK    ? "block"
	       : action == POLICY_RESPONSE_DETECT ? "detect"
						  : "ignore";
}

/* `where` begins the line: "service shop", "service shop: operation GET /". */
static void diff_content(struct diff *diff, const char *where, const struct policy_responses *old,
			 const struct policy_responses *new, const struct policy_inspect *was,
			 const struct policy_inspect *is)
{
	if (old->secrets != new->secrets)
		say(diff, "%s: secrets in responses: %s -> %s", where, action_text(old->secrets),
		    action_text(new->secrets));
	if (old->stack_traces != new->stack_traces)
		say(diff, "%s: stack traces in responses: %s -> %s", where,
		    action_text(old->stack_traces), action_text(new->stack_traces));
	if (!responses_equal(old, new) && old->secrets == new->secrets &&
	    old->stack_traces == new->stack_traces)
		say(diff, "%s: other rules for what may not leave", where);
	if (!inspect_equal(was, is))
		say(diff, "%s: other content is inspected", where);
}

static bool texts_equal(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static void diff_operations(struct diff *diff, const struct policy_service *old,
			    const struct policy_service *new)
{
	bool reordered = false;
	char where[LINE];

	for (size_t i = 0; i < new->n_operations; i++) {
		const struct policy_operation *op = &new->operations[i];
		const struct policy_operation *was = find_operation(old, op->match);

		if (!was) {
			say(diff, "service %s: operation %s: new, class %s", new->name, op->match,
			    op->cls);
			continue;
		}
		if (strcmp(was->cls, op->cls) != 0)
			say(diff, "service %s: operation %s: class %s -> %s", new->name, op->match,
			    was->cls, op->cls);
		if (was->auth != op->auth || was->mode != op->mode ||
		    !cidrs_equal(&was->sources, &op->sources))
			say(diff, "service %s: operation %s: other conditions", new->name,
			    op->match);
		snprintf(where, sizeof(where), "service %s: operation %s", new->name, op->match);
		diff_content(diff, where, &was->responses, &op->responses, &was->inspect,
			     &op->inspect);
		diff_expect(diff, where, &was->expect, &op->expect);
		if (memcmp(&was->failed_login, &op->failed_login, sizeof(op->failed_login)) != 0)
			say(diff, "%s: another answer to a failed login", where);
		if (was->deprecated != op->deprecated)
			say(diff, "%s: %s", where,
			    op->deprecated ? "deprecated" : "no longer deprecated");
		reordered |= was - old->operations != op - new->operations;
	}
	for (size_t i = 0; i < old->n_operations; i++)
		if (!find_operation(new, old->operations[i].match))
			say(diff, "service %s: operation %s: removed", new->name,
			    old->operations[i].match);
	if (reordered && old->n_operations == new->n_operations)
		say(diff, "service %s: operations in another order", new->name);
}

static void diff_service(struct diff *diff, const struct policy_service *old,
			 const struct policy_service *new)
{
	char where[LINE];

	if (!ports_equal(old, new))
		say(diff, "service %s: other ports (%zu -> %zu)", new->name, old->n_ports,
		    new->n_ports);
	if (old->mode != new->mode)
		say(diff, "service %s: mode %s -> %s", new->name, mode_text(old->mode),
		    mode_text(new->mode));
	if (!cidrs_equal(&old->trusted_proxies, &new->trusted_proxies))
		say(diff, "service %s: other trusted proxies (%zu -> %zu)", new->name,
		    old->trusted_proxies.n, new->trusted_proxies.n);
	if (!flags_equal(old, new) || old->default_auth != new->default_auth ||
	    !texts_equal(old->default_class, new->default_class))
		say(diff, "service %s: other rules for unmatched or unusual requests", new->name);
	snprintf(where, sizeof(where), "service %s", new->name);
	diff_content(diff, where, &old->responses, &new->responses, &old->inspect, &new->inspect);
	diff_expect(diff, where, &old->expect, &new->expect);
	diff_operations(diff, old, new);
}

static void diff_services(struct diff *diff, const struct policy *old, const struct policy *new)
{
	for (size_t i = 0; i < new->n_services; i++) {
		const struct policy_service *was = find_service(old, new->services[i].name);

		if (was)
			diff_service(diff, was, &new->services[i]);
		else
			say(diff, "service %s: new, %zu ports, %zu operations, %s",
			    new->services[i].name, new->services[i].n_ports,
			    new->services[i].n_operations, mode_text(new->services[i].mode));
	}
	for (size_t i = 0; old && i < old->n_services; i++)
		if (!find_service(new, old->services[i].name))
			say(diff, "service %s: removed, its ports are no longer watched",
			    old->services[i].name);
}

static void diff_escalate(struct diff *diff, const struct policy_escalate *old,
			  const struct policy_escalate *new)
{
	char a[DURATION_TEXT], b[DURATION_TEXT];

	if (old->enabled != new->enabled)
		say(diff, "escalate: %s", new->enabled ? "on" : "off");
	else if (memcmp(old, new, sizeof(*old)) != 0)
		say(diff, "escalate: %u refusals per %s -> %u per %s", old->refusals,
		    duration_format(old->per_s, a), new->refusals, duration_format(new->per_s, b));
}

static void diff_alert_rule(struct diff *diff, const char *name,
			    const struct policy_alert_rule *old,
			    const struct policy_alert_rule *new)
{
	char a[DURATION_TEXT], b[DURATION_TEXT];

	if (old->enabled != new->enabled)
		say(diff, "alerts.%s: %s", name, new->enabled ? "on" : "off");
	else if (memcmp(old, new, sizeof(*old)) != 0)
		say(diff, "alerts.%s: %u per %s (%u per operation) -> %u per %s (%u)", name,
		    old->at_least, duration_format(old->per_s, a), old->per_operation,
		    new->at_least, duration_format(new->per_s, b), new->per_operation);
}

static void diff_alerts(struct diff *diff, const struct policy *old, const struct policy *new)
{
	char a[DURATION_TEXT], b[DURATION_TEXT];

	diff_alert_rule(diff, "authFailures", &old->auth_failures, &new->auth_failures);
	diff_alert_rule(diff, "forbidden", &old->forbidden, &new->forbidden);
	diff_alert_rule(diff, "serverErrors", &old->server_errors, &new->server_errors);
	diff_alert_rule(diff, "limitExceeded", &old->limit_exceeded, &new->limit_exceeded);
	diff_alert_rule(diff, "credentialStuffing", &old->credential_stuffing,
			&new->credential_stuffing);
	diff_alert_rule(diff, "passwordSpraying", &old->password_spraying, &new->password_spraying);
	diff_alert_rule(diff, "enumeration", &old->enumeration, &new->enumeration);
	diff_alert_rule(diff, "loss", &old->loss, &new->loss);
	if (old->alert_cool_down_s != new->alert_cool_down_s)
		say(diff, "alerts.coolDown: %s -> %s", duration_format(old->alert_cool_down_s, a),
		    duration_format(new->alert_cool_down_s, b));
}

static bool calendars_equal(const struct policy_calendar *a, const struct policy_calendar *b)
{
	return texts_equal(a->zone, b->zone) && a->weekend == b->weekend &&
	       a->n_holidays == b->n_holidays &&
	       (!a->n_holidays ||
		memcmp(a->holidays, b->holidays, a->n_holidays * sizeof(*a->holidays)) == 0);
}

static bool actions_equal(const struct policy_playbook_action *a,
			  const struct policy_playbook_action *b)
{
	return a->verb == b->verb && a->automatic == b->automatic && a->ttl_s == b->ttl_s &&
	       a->expires_s == b->expires_s && texts_equal(a->allow, b->allow) &&
	       texts_equal(a->workload, b->workload);
}

static bool playbooks_equal(const struct policy_playbook *a, const struct policy_playbook *b)
{
	if (a->alerts != b->alerts || a->priorities != b->priorities ||
	    a->n_actions != b->n_actions)
		return false;
	for (size_t i = 0; i < a->n_actions; i++)
		if (!actions_equal(&a->actions[i], &b->actions[i]))
			return false;
	return true;
}

static const struct policy_playbook *find_playbook(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->n_playbooks; i++)
		if (strcmp(policy->playbooks[i].name, name) == 0)
			return &policy->playbooks[i];
	return NULL;
}

static void diff_respond(struct diff *diff, const struct policy *old, const struct policy *new)
{
	const struct policy_incidents *a = &old->incidents, *b = &new->incidents;

	if (a->detection_s != b->detection_s || a->containment_s != b->containment_s ||
	    a->recovery_s != b->recovery_s || a->root_cause_s != b->root_cause_s ||
	    a->review_days != b->review_days || a->warn_at != b->warn_at)
		say(diff, "incidents: other deadlines");
	if (!calendars_equal(&a->calendar, &b->calendar))
		say(diff, "incidents: another calendar of business days");
	if (a->correlate_s != b->correlate_s)
		say(diff, "incidents: alerts belong together within another time");
	if (a->traffic_age_s != b->traffic_age_s || a->traffic_mib != b->traffic_mib)
		say(diff, "incidents: requests are kept for another time or size");
	if (!strings_equal(&old->containment_auto, &new->containment_auto))
		say(diff, "containment.auto: other priorities");
	for (size_t i = 0; i < new->n_playbooks; i++) {
		const struct policy_playbook *is = &new->playbooks[i];
		const struct policy_playbook *was = find_playbook(old, is->name);

		if (!was)
			say(diff, "playbook %s: new", is->name);
		else if (!playbooks_equal(was, is))
			say(diff, "playbook %s: changed", is->name);
	}
	for (size_t i = 0; i < old->n_playbooks; i++)
		if (!find_playbook(new, old->playbooks[i].name))
			say(diff, "playbook %s: removed", old->playbooks[i].name);
}

static const char *outgoing_text(bool outgoing)
{
	return outgoing ? "record" : "ignore";
}

size_t policy_diff(const struct policy *old, const struct policy *new, diff_line_fn line,
		   void *userdata)
{
	struct diff diff = {.line = line, .userdata = userdata};

	if (old && old->mode != new->mode)
		say(&diff, "mode %s -> %s", mode_text(old->mode), mode_text(new->mode));
	diff_services(&diff, old, new);
	diff_classes(&diff, old, new);
	if (!old)
		return diff.n;
	if (old->outgoing != new->outgoing)
		say(&diff, "outgoing: %s -> %s", outgoing_text(old->outgoing),
		    outgoing_text(new->outgoing));
	if (!cidrs_equal(&old->exempt, &new->exempt))
		say(&diff, "exempt: %zu -> %zu networks", old->exempt.n, new->exempt.n);
	if (!cidrs_equal(&old->protect_never, &new->protect_never))
		say(&diff, "protect.never: %zu -> %zu networks", old->protect_never.n,
		    new->protect_never.n);
	if (!strings_equal(&old->api_key_headers, &new->api_key_headers) ||
	    !strings_equal(&old->session_cookies, &new->session_cookies))
		say(&diff, "credentials: other header or cookie names");
	diff_escalate(&diff, &old->escalate, &new->escalate);
	diff_alerts(&diff, old, new);
	diff_respond(&diff, old, new);
	return diff.n;
}
