/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_operations.c - the operations of a service: what each matches, whose limit it has, who may.
 */
#include "user/policy/reader.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/match.h"

#define OPERATION_TEXTS_MAX 32

static const struct word lower_words[] = {{"monitor", POLICY_MODE_MONITOR}};
static const struct word auth_words[] = {{"none", GL_CRED_NONE}, {"required", GL_CRED_ANY}};
static const struct word credential_words[] = {
	{"bearer", GL_CRED_AUTHORIZATION},
	{"apiKey", GL_CRED_API_KEY},
	{"cookie", GL_CRED_COOKIE},
	{"certificate", GL_CRED_CERTIFICATE},
};

/* What an author would find out only when every request is refused. */
static void note_unseen(struct reader *r, const struct node *node, unsigned credential)
{
	static const char certificate, cookie, key;

	if (credential == GL_CRED_CERTIFICATE)
		reader_note(r, node, &certificate,
			    "\"certificate\" is accepted, not enforced by this version: no request "
			    "is seen to bear one");
	if (credential == GL_CRED_COOKIE && r->policy->session_cookies.n == 0)
		reader_note(r, node, &cookie,
			    "no request bears \"cookie\": spec.credentials.sessionCookies names "
			    "none");
	if (credential == GL_CRED_API_KEY && r->policy->api_key_headers.n == 0)
		reader_note(r, node, &key,
			    "no request bears \"apiKey\": spec.credentials.apiKeyHeaders names "
			    "none");
}

static void read_credentials(struct reader *r, const struct node *node, uint8_t *ret_auth)
{
	unsigned credential;
	uint8_t auth = 0;
	size_t index = 0;
	char *ignored;

	if (!reader_list(r, node, 1, ARRAY_SIZE(credential_words), "a list of credentials", 1,
			 &ignored))
		return;
	free(ignored);
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);

		if (reader_word(r, WORDS(credential_words, NULL), item, &credential)) {
			if (auth & credential)
				reader_error(r, item, "remove one of them", "%s is listed twice",
					     problem_quote(item->text).text);
			note_unseen(r, item, credential);
			auth |= credential;
		}
		reader_up(r, mark);
	}
	*ret_auth = auth;
}

static void read_auth(struct reader *r, const struct field *field, const struct node *node,
		      void *target)
{
	char hint[64];
	unsigned auth;

	if (node->kind == NODE_LIST) {
		read_credentials(r, node, target);
		return;
	}
	for (size_t i = 0; node->kind == NODE_SCALAR && i < ARRAY_SIZE(credential_words); i++) {
		if (strcmp(node->text, credential_words[i].text))
			continue;
		snprintf(hint, sizeof(hint), "write it as a list: [%s]", node->text);
		reader_mismatch(r, node, hint, "none, required or a list of credentials");
		return;
	}
	if (reader_word(r, field->arg, node, &auth))
		*(uint8_t *)target = (uint8_t)auth;
}

static void read_match(struct reader *r, const struct field *field, const struct node *node,
		       void *target)
{
	char **match = target;

	(void)field;
	if (reader_match(r, node))
		*match = reader_strdup(r, node->text);
}

struct owner {
	char *param, *claim;
};

static const struct field owner_fields[] = {
	{"param", read_text, offsetof(struct owner, param), &text_label, 0, 0, FIELD_REQUIRED},
	{"claim", read_text, offsetof(struct owner, claim), &text_label, 0, 0, FIELD_REQUIRED},
};
const struct shape shape_owner = {"owner", "owner", owner_fields, ARRAY_SIZE(owner_fields)};

/* struct policy_operation, whose match is read by now: param is one of its parameters. */
static void check_owner(struct reader *r, const struct field *field, const struct node *node,
			void *target)
{
	const struct policy_operation *operation = target;
	struct owner owner = {0};

	(void)field;
	reader_map(r, &shape_owner, node, &owner);
	if (owner.param && operation->match && !match_has_parameter(operation->match, owner.param))
		reader_error_at(r, node, "param", "name one of the match: {id}",
				"the match has no parameter %s", problem_quote(owner.param).text);
	free(owner.param);
	free(owner.claim);
}

static void check_texts(struct reader *r, const struct field *field, const struct node *node,
			void *target)
{
	struct policy_strings ignored = {0};

	(void)target;
	read_texts(r, field, node, &ignored);
	for (size_t i = 0; i < ignored.n; i++)
		free(ignored.items[i]);
	free(ignored.items);
}

/* Statuses an application answers a failed login with, where they are not the usual ones. */
static void read_failed_status(struct reader *r, const struct field *field, const struct node *node,
			       void *target)
{
	struct policy_failed_login *failed = target, list = {.n = 0};
	size_t n = 0;

	if (!reader_expect(r, node, NODE_LIST, "a list of statuses"))
		return;
	for (const struct node *item = node->first; item; item = item->next, n++) {
		size_t mark = reader_index(r, n);
		uint32_t status;

		if (n < field->max && reader_number(r, item, "a status", 200, 599, &status)) {
			for (uint32_t i = 0; i < list.n; i++)
				if (list.status[i] == status)
					reader_error(r, item, NULL, "%u is there twice", status);
			list.status[list.n++] = status;
		}
		reader_up(r, mark);
	}
	if (n < field->min || n > field->max)
		reader_error(r, node, "failedLogin: [200]", "%u to %u statuses", field->min,
			     field->max);
	memcpy(failed->status, list.status, sizeof(failed->status));
	failed->n = list.n;
}

static bool is_location(const char *text)
{
	size_t n = strspn(text, "/?&=-._~%:@!$'()*+,;"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");

	return *text == '/' && !text[n];
}

static void read_location(struct reader *r, const struct field *field, const struct node *node,
			  void *target)
{
	if (reader_text(r, field->arg, node))
		snprintf(target, POLICY_LOCATION, "%s", node->text);
}

static const struct text_rule text_location = {
	.noun = "how a Location begins",
	.form = "a path and the begin of its query: /login?error",
	.valid = is_location,
	.max_bytes = POLICY_LOCATION - 1,
};
#define FAILED(member) offsetof(struct policy_failed_login, member)
static const struct field failed_login_fields[] = {
	{"status", read_failed_status, 0, NULL, 1, POLICY_FAILED_MAX, 0},
	{"location", read_location, FAILED(location), &text_location, 0, 0, FIELD_REQUIRED},
};
const struct shape shape_failed_login = {"failedLogin", "failedLogin", failed_login_fields,
					 ARRAY_SIZE(failed_login_fields)};

/* [200], or where it sends to: {location: /login}, {status: [303], location: /login?error}. */
static void read_failed_login(struct reader *r, const struct field *field, const struct node *node,
			      void *target)
{
	static const uint32_t redirects[] = {301, 302, 303, 307, 308};
	struct policy_failed_login *failed = target;

	if (node->kind != NODE_MAP) {
		read_failed_status(r, field, node, target);
		return;
	}
	reader_map(r, &shape_failed_login, node, target);
	if (node_member(node, "status"))
		return;
	memcpy(failed->status, redirects, sizeof(redirects));
	failed->n = ARRAY_SIZE(redirects);
}

#define OPERATION(member) offsetof(struct policy_operation, member)
static const struct field operation_fields[] = {
	{"match", read_match, OPERATION(match), NULL, 0, 0, FIELD_REQUIRED},
	{"class", read_class_name, OPERATION(cls), NULL, 0, 0, 0},
	{"auth", read_auth, OPERATION(auth), WORDS(auth_words, NULL), 0, 0, 0},
	{"tags", read_texts, OPERATION(tags), &text_label, 0, OPERATION_TEXTS_MAX, 0},
	{"sources", read_cidrs, OPERATION(sources), NULL, 0, POLICY_NETS_MAX, 0},
	{"mode", read_word, OPERATION(mode),
	 WORDS(lower_words, "leave it out to follow the service"), 0, 0, 0},
	{"responses", read_responses, OPERATION(responses), &shape_operation_responses, 0, 0, 0},
	{"inspect", read_inspect, OPERATION(inspect), &shape_operation_inspect, 0, 0, 0},
	{"expect", read_expect, OPERATION(expect), &shape_operation_expect, 0, 0, 0},
	{"deprecated", read_bool, OPERATION(deprecated), NULL, 0, 0, 0},
	{"failedLogin", read_failed_login, OPERATION(failed_login), NULL, 1, POLICY_FAILED_MAX, 0},
	{"roles", check_texts, 0, &text_label, 0, OPERATION_TEXTS_MAX, FIELD_UNENFORCED},
	{"owner", check_owner, 0, NULL, 0, 0, FIELD_UNENFORCED},
};
const struct shape shape_operation = {"an operation", "operation", operation_fields,
				      ARRAY_SIZE(operation_fields)};

static void read_operation(struct reader *r, const struct node *node,
			   struct policy_operation *operation)
{
	const struct policy_service *service = r->service;

	operation->pos = node->pos;
	operation->auth = service->default_auth;
	operation->inspect = service->inspect;
	reader_inherit_expect(r, &service->expect, &operation->expect, false);
	reader_inherit_responses(r, &service->responses, &operation->responses, false);
	reader_map(r, &shape_operation, node, operation);
	if (node->kind != NODE_MAP || node_member(node, "class"))
		return;
	if (service->default_class)
		operation->cls = reader_strdup(r, service->default_class);
	else if (!r->classes_unknown)
		reader_error(r, node, "or give the service a defaultClass",
			     "an operation needs the key \"class\"");
}

void read_operations(struct reader *r, const struct field *field, const struct node *node,
		     void *target)
{
	struct policy_service *service = target;
	struct policy_operation *operations;
	size_t index = 0;

	if (!reader_list(r, node, field->min, field->max, "a list of operations",
			 sizeof(*operations), &operations))
		return;
	service->operations = operations;
	if (r->n_operations <= field->max && r->n_operations + node->n > field->max)
		reader_error(r, node, NULL, "more than %u operations in all services", field->max);
	r->n_operations += node->n;
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);

		read_operation(r, item, &operations[service->n_operations++]);
		reader_up(r, mark);
	}
}
