/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_responses.c - what may not leave in responses, and what of the content is inspected: of the
 * spec, of a service, of an operation, each inheriting from the one before.
 */
#include "user/policy/reader.h"

#include <stdlib.h>

#include "user/base/cleanup.h"

static const struct word action_words[] = {
	{"ignore", POLICY_RESPONSE_OFF},
	{"detect", POLICY_RESPONSE_DETECT},
	{"block", POLICY_RESPONSE_BLOCK},
};
static const struct word personal_words[] = {
	{"ignore", POLICY_RESPONSE_OFF},
	{"detect", POLICY_RESPONSE_DETECT},
};
static const struct word unscanned_words[] = {{"cut", false}, {"pass", true}};
static const struct word bodies_words[] = {
	{"none", POLICY_BODIES_NONE},
	{"first", POLICY_BODIES_FIRST},
	{"all", POLICY_BODIES_ALL},
};

#define ACTION WORDS(action_words, "ignore looks away")
#define PERSONAL                                                                                   \
	WORDS(personal_words, "there is no form that can only be personal data: it is not "        \
			      "blocked")
#define RESPONSES(member) offsetof(struct policy_responses, member)
static const struct field responses_fields[] = {
	{"secrets", read_word, RESPONSES(secrets), ACTION, 0, 0, 0},
	{"stackTraces", read_word, RESPONSES(stack_traces), ACTION, 0, 0, 0},
	{"personalData", read_word, RESPONSES(personal_data), PERSONAL, 0, 0, 0},
	{"forbiddenFields", read_texts, RESPONSES(forbidden_fields), &text_label, 0, 256, 0},
	{"unscanned", read_word_bool, RESPONSES(unscanned_pass), WORDS(unscanned_words, NULL), 0, 0,
	 0},
};
const struct shape shape_responses = {"responses", "responses", responses_fields,
				      ARRAY_SIZE(responses_fields)};

static const struct field operation_responses_fields[] = {
	{"secrets", read_word, RESPONSES(secrets), ACTION, 0, 0, 0},
	{"stackTraces", read_word, RESPONSES(stack_traces), ACTION, 0, 0, 0},
	{"personalData", read_word, RESPONSES(personal_data), PERSONAL, 0, 0, 0},
};
const struct shape shape_operation_responses = {"responses", "operationResponses",
						operation_responses_fields,
						ARRAY_SIZE(operation_responses_fields)};

void read_responses(struct reader *r, const struct field *field, const struct node *node,
		    void *target)
{
	struct policy_responses *responses = target;

	responses->pos = node->pos;
	reader_map(r, field->arg, node, responses);
}

/* Keys that follow replace what is inherited; a list as a whole. */
void reader_inherit_responses(struct reader *r, const struct policy_responses *from,
			      struct policy_responses *to, bool with_fields)
{
	*to = *from;
	to->pos = (struct policy_pos){};
	to->forbidden_fields = (struct policy_strings){};
	if (with_fields)
		reader_copy_texts(r, &from->forbidden_fields, &to->forbidden_fields);
}

#define INSPECT(member)   offsetof(struct policy_inspect, member)
#define INSPECT_BYTES_MAX ((GL_CAPTURE_ALL - 1) * 1024u)
#define INSPECT_FIELDS                                                                             \
	{"bodies", read_word, INSPECT(bodies), WORDS(bodies_words, NULL), 0, 0, 0},                \
		{"maxBytes", read_number, INSPECT(max_bytes), NULL, 1, INSPECT_BYTES_MAX, 0},      \
	{                                                                                          \
		"sample", read_number, INSPECT(sample), NULL, 1, 65535, 0                          \
	}
static const struct field inspect_fields[] = {
	INSPECT_FIELDS,
	{"tls", read_bool, INSPECT(tls), NULL, 0, 0, 0},
};
const struct shape shape_inspect = {"inspect", "inspect", inspect_fields,
				    ARRAY_SIZE(inspect_fields)};

static const struct field operation_inspect_fields[] = {INSPECT_FIELDS};
const struct shape shape_operation_inspect = {"inspect", "operationInspect",
					      operation_inspect_fields,
					      ARRAY_SIZE(operation_inspect_fields)};

void read_inspect(struct reader *r, const struct field *field, const struct node *node,
		  void *target)
{
	struct policy_inspect *inspect = target;

	reader_map(r, field->arg, node, inspect);
	if (node->kind == NODE_MAP && node_member(node, "maxBytes") &&
	    inspect->bodies != POLICY_BODIES_FIRST)
		reader_error_at(r, node, "maxBytes", "set bodies: first, or leave it out",
				"maxBytes says how much of bodies: first is inspected");
}
