/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_expect.c - what answers and requests of an application are expected to be: of the spec, of a
 * service, of an operation (pages and uploads), each inheriting from the one before. A list
 * replaces the inherited one as a whole.
 */
#include "user/policy/reader.h"

#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define ITEMS_MAX      64
#define PAGE_MAX       1000000
#define LIFETIME_MIN_S 60
#define LIFETIME_MAX_S (30 * 86400)

/* JSON Web Algorithms that sign (RFC 7518, 8037, 8812, 9864); "none" is not one. */
static bool is_algorithm(const char *text)
{
	static const char *const names[] = {
		"RS256", "RS384", "RS512",     "PS256",     "PS384",     "PS512", "ES256",
		"ES384", "ES512", "ES256K",    "EdDSA",     "Ed25519",   "Ed448", "HS256",
		"HS384", "HS512", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(text, names[i]))
			return true;
	return false;
}

/* As browsers send it (RFC 6454 section 6.2): scheme, host, a port that is not the scheme's. */
static bool is_origin(const char *text)
{
	static const char host[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789.-:[]";
	const char *rest = !strncasecmp(text, "https://", 8)  ? text + 8
			   : !strncasecmp(text, "http://", 7) ? text + 7
							      : NULL;

	return rest && *rest && rest[0] != ':' && !rest[strspn(rest, host)];
}

/* "image/png", or all of a kind: "image/" and a star. */
static bool is_media_type(const char *text)
{
	static const char token[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789!#$&^_.+-";
	size_t kind = strspn(text, token);
	const char *rest = text + kind;

	if (!kind || *rest != '/')
		return false;
	rest++;
	return !strcmp(rest, "*") || (*rest && !rest[strspn(rest, token)]);
}

static const struct text_rule text_algorithm = {
	.noun = "an algorithm that signs",
	.form = "RS256, PS256, ES256, EdDSA, HS256 and their kin; none is never allowed",
	.valid = is_algorithm,
	.max_bytes = 16,
};
static const struct text_rule text_origin = {
	.noun = "an origin",
	.form = "scheme://host or scheme://host:port, each by its name: https://app.example.com",
	.valid = is_origin,
	.max_bytes = 255,
	.lower = true,
};
static const struct text_rule text_media_type = {
	.noun = "a media type",
	.form = "type/subtype or type/*, without parameters",
	.valid = is_media_type,
	.max_bytes = 127,
	.lower = true,
};

#define EXPECT(member) offsetof(struct policy_expect, member)
static const struct field jwt_fields[] = {
	{"algorithms", read_texts, EXPECT(jwt_algorithms), &text_algorithm, 1, ITEMS_MAX, 0},
	{"maxLifetime", read_seconds, EXPECT(jwt_lifetime_s), NULL, LIFETIME_MIN_S, LIFETIME_MAX_S,
	 0},
};
const struct shape shape_expect_jwt = {"jwt", "expectJwt", jwt_fields, ARRAY_SIZE(jwt_fields)};

static const struct field cors_fields[] = {
	{"origins", read_texts, EXPECT(cors_origins), &text_origin, 1, ITEMS_MAX, FIELD_REQUIRED},
};
const struct shape shape_expect_cors = {"cors", "expectCors", cors_fields, ARRAY_SIZE(cors_fields)};

static const struct field uploads_fields[] = {
	{"maxBytes", read_number, EXPECT(upload_bytes), NULL, 1, UINT32_MAX, 0},
	{"types", read_texts, EXPECT(upload_types), &text_media_type, 1, ITEMS_MAX, 0},
};
const struct shape shape_expect_uploads = {"uploads", "expectUploads", uploads_fields,
					   ARRAY_SIZE(uploads_fields)};

#define PAGES                                                                                      \
	{"maxPage", read_number, EXPECT(max_page), NULL, 1, PAGE_MAX, 0},                          \
		{"defaultPage", read_number, EXPECT(default_page), NULL, 1, PAGE_MAX, 0},          \
	{                                                                                          \
		"uploads", read_shape, 0, &shape_expect_uploads, 0, 0, 0                           \
	}
static const struct field expect_fields[] = {
	PAGES,
	{"requiredHeaders", read_texts, EXPECT(required_headers), &text_field, 1, ITEMS_MAX, 0},
	{"forbiddenHeaders", read_texts, EXPECT(forbidden_headers), &text_field, 1, ITEMS_MAX, 0},
	{"jwt", read_shape, 0, &shape_expect_jwt, 0, 0, 0},
	{"cors", read_shape, 0, &shape_expect_cors, 0, 0, 0},
};
const struct shape shape_expect = {"expect", "expect", expect_fields, ARRAY_SIZE(expect_fields)};

static const struct field operation_expect_fields[] = {PAGES};
const struct shape shape_operation_expect = {"expect", "operationExpect", operation_expect_fields,
					     ARRAY_SIZE(operation_expect_fields)};

/* What is wrong only together; at the key that is there, for the other may be inherited. */
static void check_together(struct reader *r, const struct node *node,
			   const struct policy_expect *expect)
{
	const struct policy_strings *forbidden = &expect->forbidden_headers;

	if (expect->max_page && expect->default_page > expect->max_page)
		reader_error_at(r, node,
				node_member(node, "defaultPage") ? "defaultPage" : "maxPage",
				"the default page is at most maxPage",
				"a default page of %u items is above a maximum of %u",
				expect->default_page, expect->max_page);
	for (size_t i = 0; i < forbidden->n; i++)
		for (size_t j = 0; j < expect->required_headers.n; j++)
			if (!strcmp(forbidden->items[i], expect->required_headers.items[j]))
				reader_error_at(r, node,
						node_member(node, "forbiddenHeaders")
							? "forbiddenHeaders"
							: "requiredHeaders",
						"leave it out of one of both",
						"the header %s is required and forbidden",
						problem_quote(forbidden->items[i]).text);
}

void read_expect(struct reader *r, const struct field *field, const struct node *node, void *target)
{
	reader_map(r, field->arg, node, target);
	if (node->kind == NODE_MAP)
		check_together(r, node, target);
}

void reader_inherit_expect(struct reader *r, const struct policy_expect *from,
			   struct policy_expect *to, bool whole)
{
	*to = (struct policy_expect){
		.max_page = from->max_page,
		.default_page = from->default_page,
		.upload_bytes = from->upload_bytes,
	};
	reader_copy_texts(r, &from->upload_types, &to->upload_types);
	if (!whole)
		return;
	to->jwt_lifetime_s = from->jwt_lifetime_s;
	reader_copy_texts(r, &from->required_headers, &to->required_headers);
	reader_copy_texts(r, &from->forbidden_headers, &to->forbidden_headers);
	reader_copy_texts(r, &from->jwt_algorithms, &to->jwt_algorithms);
	reader_copy_texts(r, &from->cors_origins, &to->cors_origins);
}
