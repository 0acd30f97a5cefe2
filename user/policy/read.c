/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.c - the document from its first key down, and its entry points. The words of the policy are
 * the tables of this file, read_classes.c, read_services.c and read_operations.c; what the tables
 * do is in reader.c.
 *
 * Called by the keeper, glacisctl, the policy fuzzer. All-or-nothing: with one error there is no
 * policy (architecture.md section 6).
 */
#include "user/policy/read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/policy/document.h"
#include "user/policy/reader.h"

#define DAY_S 86400

static const struct word version_words[] = {{"glacis.dev/v1alpha1", 0}};
static const struct word kind_words[] = {{"ApiPolicy", 0}};
static const struct word mode_words[] = {
	{"monitor", GL_MODE_MONITOR},
	{"enforce", GL_MODE_ENFORCE},
};

/* metadata.labels, metadata.annotations: Kubernetes' own, kept for `kubectl apply` of the file. */
static void check_labels(struct reader *r, const struct field *field, const struct node *node,
			 void *target)
{
	(void)target;
	if (!reader_expect(r, node, NODE_MAP, "a map of texts"))
		return;
	for (const struct node *member = node->first; member; member = member->next) {
		size_t mark = reader_key(r, member->key->text);

		if (member->kind != NODE_SCALAR || member->type != SCALAR_STRING || *member->text)
			reader_text(r, field->arg, member);
		reader_up(r, mark);
	}
}

static const struct field metadata_fields[] = {
	{"name", read_text, offsetof(struct policy, name), &text_name, 0, 0, FIELD_REQUIRED},
	{"namespace", check_text, 0, &text_name, 0, 0, 0},
	{"labels", check_labels, 0, &text_any, 0, 0, 0},
	{"annotations", check_labels, 0, &text_any, 0, 0, 0},
};
static const struct shape shape_metadata = {"metadata", "metadata", metadata_fields,
					    ARRAY_SIZE(metadata_fields)};

#define POLICY(member) offsetof(struct policy, member)
static const struct field credentials_fields[] = {
	{"apiKeyHeaders", read_texts, POLICY(api_key_headers), &text_header, 0,
	 POLICY_CRED_NAMES_MAX, 0},
	{"sessionCookies", read_texts, POLICY(session_cookies), &text_cookie, 0,
	 POLICY_CRED_NAMES_MAX, 0},
};
static const struct shape shape_credentials = {"credentials", "credentials", credentials_fields,
					       ARRAY_SIZE(credentials_fields)};

static const struct field syn_fields[] = {
	{"perSource", read_rate, POLICY(syn_per_source_s), NULL, 1, 1000000, FIELD_REQUIRED},
};
static const struct shape shape_syn = {"syn", "syn", syn_fields, ARRAY_SIZE(syn_fields)};

#define ESCALATE(member) offsetof(struct policy_escalate, member)
static const struct field escalate_fields[] = {
	{"refusals", read_number, ESCALATE(refusals), NULL, 1, GL_WINDOW_COUNT_MAX, FIELD_REQUIRED},
	{"per", read_seconds, ESCALATE(per_s), NULL, 1, 7 * DAY_S, FIELD_REQUIRED},
	{"ban", read_seconds, ESCALATE(ban_s), NULL, 1, 30 * DAY_S, FIELD_REQUIRED},
	{"growth", read_number, ESCALATE(growth), NULL, 1, 16, 0},
	{"max", read_seconds, ESCALATE(max_s), NULL, 1, 30 * DAY_S, 0},
};
static const struct shape shape_escalate = {"escalate", "escalate", escalate_fields,
					    ARRAY_SIZE(escalate_fields)};

static void read_escalate(struct reader *r, const struct field *field, const struct node *node,
			  void *target)
{
	struct policy_escalate *escalate = target;
	const struct node *max;

	*escalate = (struct policy_escalate){.enabled = true, .growth = 2};
	reader_map(r, field->arg, node, escalate);
	if (node->kind != NODE_MAP)
		return;
	max = node_member(node, "max");
	if (!max)
		escalate->max_s = escalate->ban_s > 3600 ? escalate->ban_s : 3600;
	else if (escalate->max_s && escalate->max_s < escalate->ban_s)
		reader_error_at(r, node, "max", "at least as long as ban",
				"max %s is shorter than ban %s", problem_quote(max->text).text,
				problem_quote(node_member(node, "ban")->text).text);
}

static const struct field protect_fields[] = {
	{"never", read_cidrs, POLICY(protect_never), NULL, 0, POLICY_NETS_MAX, 0},
};
static const struct shape shape_protect = {"protect", "protect", protect_fields,
					   ARRAY_SIZE(protect_fields)};

/* Of all sources of an operation together, unless said otherwise: so many times one source's. */
#define ALERT_SPREAD 10

static const struct field rule_fields[] = {
	{"atLeast", read_number, offsetof(struct policy_alert_rule, at_least), NULL, 1,
	 GL_WINDOW_COUNT_MAX, FIELD_REQUIRED},
	{"per", read_seconds, offsetof(struct policy_alert_rule, per_s), NULL, 1, 7 * DAY_S,
	 FIELD_REQUIRED},
	{"perOperation", read_number, offsetof(struct policy_alert_rule, per_operation), NULL, 0,
	 GL_WINDOW_COUNT_MAX, 0},
};
static const struct shape shape_rule = {"an alert rule", "alertRule", rule_fields,
					ARRAY_SIZE(rule_fields)};

static void read_rule(struct reader *r, const struct field *field, const struct node *node,
		      void *target)
{
	struct policy_alert_rule *rule = target;

	rule->enabled = true;
	reader_map(r, field->arg, node, rule);
	if (rule->at_least && !node_member(node, "perOperation"))
		rule->per_operation = rule->at_least * ALERT_SPREAD;
}

/* The same, of different things: they are remembered one by one. */
static const struct field distinct_fields[] = {
	{"atLeast", read_number, offsetof(struct policy_alert_rule, at_least), NULL, 2,
	 POLICY_DISTINCT_MAX, FIELD_REQUIRED},
	{"per", read_seconds, offsetof(struct policy_alert_rule, per_s), NULL, 1, DAY_S,
	 FIELD_REQUIRED},
};
static const struct shape shape_distinct = {"an alert rule", "distinctRule", distinct_fields,
					    ARRAY_SIZE(distinct_fields)};

static const struct field loss_fields[] = {
	{"atLeast", read_number, offsetof(struct policy_alert_rule, at_least), NULL, 1,
	 GL_WINDOW_COUNT_MAX, FIELD_REQUIRED},
	{"per", read_seconds, offsetof(struct policy_alert_rule, per_s), NULL, 1, 60,
	 FIELD_REQUIRED},
};
static const struct shape shape_loss = {"an alert rule", "lossRule", loss_fields,
					ARRAY_SIZE(loss_fields)};

static void read_plain_rule(struct reader *r, const struct field *field, const struct node *node,
			    void *target)
{
	((struct policy_alert_rule *)target)->enabled = true;
	reader_map(r, field->arg, node, target);
}

static const struct field alerts_fields[] = {
	{"authFailures", read_rule, POLICY(auth_failures), &shape_rule, 0, 0, 0},
	{"forbidden", read_rule, POLICY(forbidden), &shape_rule, 0, 0, 0},
	{"serverErrors", read_rule, POLICY(server_errors), &shape_rule, 0, 0, 0},
	{"limitExceeded", read_rule, POLICY(limit_exceeded), &shape_rule, 0, 0, 0},
	{"credentialStuffing", read_plain_rule, POLICY(credential_stuffing), &shape_distinct, 0, 0,
	 0},
	{"passwordSpraying", read_plain_rule, POLICY(password_spraying), &shape_distinct, 0, 0, 0},
	{"enumeration", read_plain_rule, POLICY(enumeration), &shape_distinct, 0, 0, 0},
	{"loss", read_plain_rule, POLICY(loss), &shape_loss, 0, 0, 0},
	{"coolDown", read_seconds, POLICY(alert_cool_down_s), NULL, 1, 7 * DAY_S, 0},
};
static const struct shape shape_alerts = {"alerts", "alerts", alerts_fields,
					  ARRAY_SIZE(alerts_fields)};

static bool is_priority(const char *text)
{
	return text[0] == 'P' && text[1] >= '1' && text[1] <= '4' && !text[2];
}

static const struct text_rule text_priority = {
	.noun = "an incident class",
	.form = "P1, P2, P3 or P4",
	.valid = is_priority,
	.max_bytes = 2,
};

static const struct field containment_fields[] = {
	{"auto", read_texts, POLICY(containment_auto), &text_priority, 0, 4, 0},
	{"maxBansPerMinute", read_number, POLICY(containment_max_bans_per_minute), NULL, 0, 100000,
	 0},
	{"ttl", read_seconds, POLICY(containment_ttl_s), NULL, 1, 30 * DAY_S, 0},
};
static const struct shape shape_containment = {"containment", "containment", containment_fields,
					       ARRAY_SIZE(containment_fields)};

static const struct word outgoing_words[] = {{"ignore", false}, {"record", true}};

/* Read in this order: services rely on what is before them. */
static const struct field spec_fields[] = {
	{"mode", read_word, POLICY(mode), WORDS(mode_words, NULL), 0, 0, 0},
	{"outgoing", read_word_bool, POLICY(outgoing), WORDS(outgoing_words, NULL), 0, 0, 0},
	{"credentials", read_shape, 0, &shape_credentials, 0, 0, 0},
	{"classes", read_classes, 0, NULL, 0, GL_CLASSES_MAX, 0},
	{"responses", read_responses, POLICY(responses), &shape_responses, 0, 0, 0},
	{"inspect", read_inspect, POLICY(inspect), &shape_inspect, 0, 0, 0},
	{"expect", read_expect, POLICY(expect), &shape_expect, 0, 0, 0},
	{"services", read_services, 0, NULL, 1, GL_SERVICES_MAX, FIELD_REQUIRED},
	{"exempt", read_cidrs, POLICY(exempt), NULL, 0, POLICY_NETS_MAX, 0},
	{"protect", read_shape, 0, &shape_protect, 0, 0, 0},
	{"syn", read_shape, 0, &shape_syn, 0, 0, FIELD_UNENFORCED},
	{"escalate", read_escalate, POLICY(escalate), &shape_escalate, 0, 0, 0},
	{"alerts", read_shape, 0, &shape_alerts, 0, 0, 0},
	{"containment", read_shape, 0, &shape_containment, 0, 0, 0},
	{"incidents", read_incidents, POLICY(incidents), &shape_incidents, 0, 0, 0},
	{"playbooks", read_playbooks, 0, &shape_playbook, 0, POLICY_PLAYBOOKS_MAX, 0},
};
static const struct shape shape_spec = {"spec", "spec", spec_fields, ARRAY_SIZE(spec_fields)};

static const struct field document_fields[] = {
	{"apiVersion", check_word, 0, WORDS(version_words, NULL), 0, 0, FIELD_REQUIRED},
	{"kind", check_word, 0, WORDS(kind_words, NULL), 0, 0, FIELD_REQUIRED},
	{"metadata", read_shape, 0, &shape_metadata, 0, 0, FIELD_REQUIRED},
	{"spec", read_shape, 0, &shape_spec, 0, 0, FIELD_REQUIRED},
};
static const struct shape shape_document = {"a policy", "", document_fields,
					    ARRAY_SIZE(document_fields)};

const struct shape *const policy_shapes[] = {
	&shape_document,
	&shape_metadata,
	&shape_spec,
	&shape_credentials,
	&shape_incidents,
	&shape_deadlines,
	&shape_calendar,
	&shape_requests,
	&shape_playbook,
	&shape_playbook_action,
	&shape_class,
	&shape_service,
	&shape_tls,
	&shape_operation,
	&shape_owner,
	&shape_failed_login,
	&shape_syn,
	&shape_escalate,
	&shape_protect,
	&shape_responses,
	&shape_operation_responses,
	&shape_inspect,
	&shape_operation_inspect,
	&shape_alerts,
	&shape_rule,
	&shape_distinct,
	&shape_loss,
	&shape_containment,
	&shape_expect,
	&shape_operation_expect,
	&shape_expect_jwt,
	&shape_expect_cors,
	&shape_expect_uploads,
};
const size_t policy_shapes_n = ARRAY_SIZE(policy_shapes);

static int new_policy(const char *file, struct policy **ret_policy)
{
	_cleanup_(policy_freep) struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return -ENOMEM;
	policy->mode = GL_MODE_MONITOR;
	policy->containment_max_bans_per_minute = 60;
	policy->containment_ttl_s = 3600;
	policy->alert_cool_down_s = 600;
	policy->incidents = POLICY_INCIDENTS_DEFAULT;
	policy->inspect = (struct policy_inspect){
		.bodies = POLICY_BODIES_FIRST, .max_bytes = 65536, .sample = 1, .tls = true};
	policy->file = strdup(file);
	policy->api_key_headers.items = calloc(1, sizeof(char *));
	if (!policy->file || !policy->api_key_headers.items)
		return -ENOMEM;
	policy->api_key_headers.items[0] = strdup("x-api-key");
	if (!policy->api_key_headers.items[0])
		return -ENOMEM;
	policy->api_key_headers.n = 1;
	*ret_policy = TAKE_PTR(policy);
	return 0;
}

static int read_document(const struct node *root, struct problems *problems, struct policy *policy)
{
	_cleanup_free_ struct reader *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->problems = problems;
	r->policy = policy;
	reader_map(r, &shape_document, root, policy);
	reader_flush_notes(r);
	return r->no_memory ? -ENOMEM : 0;
}

int policy_read(const char *text, size_t size, const char *name, struct problems *problems,
		struct policy **ret_policy)
{
	_cleanup_(document_freep) struct document *document = NULL;
	_cleanup_(policy_freep) struct policy *policy = NULL;
	size_t errors = problems->errors;
	int r;

	r = document_parse(text, size, problems, &document);
	if (r < 0)
		return r;
	r = new_policy(name, &policy);
	if (r < 0)
		return r;
	r = read_document(document_root(document), problems, policy);
	if (r < 0)
		return r;
	problems_sort(problems);
	if (problems->errors > errors)
		return -EINVAL;
	*ret_policy = TAKE_PTR(policy);
	return 0;
}

int policy_read_file(const char *path, struct problems *problems, struct policy **ret_policy)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r;

	r = file_read(is_stdin ? "/dev/stdin" : path, POLICY_SOURCE_MAX, &text, &size);
	if (r == -EFBIG)
		problems_add(problems, PROBLEM_ERROR, 0, 0, "", NULL,
			     "the document has more than %d bytes", POLICY_SOURCE_MAX);
	else if (r < 0)
		problems_add(problems, PROBLEM_ERROR, 0, 0, "", NULL, "cannot be read: %s",
			     strerror(-r));
	if (r < 0)
		return r;
	return policy_read(text, size, is_stdin ? "standard input" : path, problems, ret_policy);
}
