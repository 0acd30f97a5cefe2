/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rules.h - what is looked for in text, as data: rule files (deploy/rules/, YAML; the format is in
 * user/detect/README.md) to a list of rules. What a rule's form means is token_pattern.h's, looking
 * for them is text.h's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/detect/findings.h"
#include "user/detect/token_pattern.h"
#include "user/policy/problems.h"

#define RULES_MAX          2000
#define RULES_DEFAULT_PATH "/usr/share/glacis/rules"
#define RULE_ABOUT         80
#define RULE_PATTERNS_MAX  16
#define RULE_WORDS_MAX     64

#define RULE_FAMILY_LIST(X)                                                                        \
	X(FAMILY_SECRET, "secret")                                                                 \
	X(FAMILY_PERSONAL, "personal")                                                             \
	X(FAMILY_HASH, "hash")                                                                     \
	X(FAMILY_TRACE, "trace")

/* Where a rule speaks. */
#define RULE_WHERE_LIST(X)                                                                         \
	X(WHERE_URL, "url")                                                                        \
	X(WHERE_REQUEST, "request")                                                                \
	X(WHERE_RESPONSE, "response")                                                              \
	X(WHERE_FILE, "file")

/* What is asked of a value whose form is right (checks.h). */
#define RULE_CHECK_LIST(X)                                                                         \
	X(CHECK_NONE, "none")                                                                      \
	X(CHECK_BCRYPT, "bcrypt")                                                                  \
	X(CHECK_GITHUB, "github-checksum")                                                         \
	X(CHECK_JWT, "jwt")                                                                        \
	X(CHECK_PASSWORD, "password")                                                              \
	X(CHECK_PHONE, "phone")                                                                    \
	X(CHECK_PASSPORT, "passport")                                                              \
	X(CHECK_LETTERS_AND_DIGITS, "letters-and-digits")                                          \
	X(CHECK_BASE64_JSON, "base64-json")

/* What has no literal to be found by, and is found by personal.c instead of a pattern. */
#define RULE_FORM_LIST(X)                                                                          \
	X(FORM_PATTERN, "pattern")                                                                 \
	X(FORM_EMAIL, "email")                                                                     \
	X(FORM_CARD, "card")                                                                       \
	X(FORM_IBAN, "iban")                                                                       \
	X(FORM_SSN, "us-ssn")                                                                      \
	X(FORM_IPV4, "ipv4")                                                                       \
	X(FORM_IPV6, "ipv6")                                                                       \
	X(FORM_URL_PASSWORD, "url-password")

/* How a value is shown. */
#define RULE_MASK_LIST(X)                                                                          \
	X(MASK_PREFIX, "prefix")                                                                   \
	X(MASK_HIDE, "hide")                                                                       \
	X(MASK_DIGITS, "digits")                                                                   \
	X(MASK_EMAIL, "email")                                                                     \
	X(MASK_ABOUT, "about")

#define RULE_ENUM_VALUE(name, text) name,
enum rule_family { RULE_FAMILY_LIST(RULE_ENUM_VALUE) FAMILY_MAX };
enum rule_where { RULE_WHERE_LIST(RULE_ENUM_VALUE) WHERE_MAX };
enum rule_check { RULE_CHECK_LIST(RULE_ENUM_VALUE) CHECK_MAX };
enum rule_form { RULE_FORM_LIST(RULE_ENUM_VALUE) FORM_MAX };
enum rule_mask { RULE_MASK_LIST(RULE_ENUM_VALUE) MASK_MAX };

const char *rule_family_name(enum rule_family family);
int rule_family_find(const char *name); /* -ENOENT */

struct rule_words {
	char **items;
	size_t n;
};

struct rule {
	char id[FINDING_RULE];
	char control[FINDING_CONTROL];
	char about[RULE_ABOUT];
	char *source; /* "file:line" */
	enum rule_family family;
	enum finding_severity severity;
	enum rule_check check;
	enum rule_form form;
	enum rule_mask mask;
	unsigned where; /* bits 1 << enum rule_where */
	bool generic; /* gives way to any other rule that takes the same bytes */
	double entropy; /* least bits per character of the value; 0 = any */
	struct token_pattern *patterns;
	char **pattern_texts;
	size_t n_patterns;
	struct rule_words near; /* the value is assigned to a name that has one of these in it */
	struct rule_words keywords; /* one of these is in the 100 bytes before it */
	struct rule_words allow; /* values that have one of these in them are none */
	struct rule_words allow_whole; /* values that are one of these are none */
};

struct rules {
	struct rule *items;
	size_t n;
	struct rule_words allow, allow_whole; /* of every rule */
};

/* Told once a file, good or bad; the list is borrowed. */
typedef void (*rules_problems_fn)(const struct problems *problems, void *userdata);

/*
 * Reads a file, or every *.yaml of a folder in the order of their names. fn may be NULL. All or
 * nothing: -EINVAL if one of them has errors; -ENOENT, -ENOMEM ...
 */
int rules_load(const char *path, rules_problems_fn fn, void *userdata, struct rules **ret_rules);
/* One document's text, for tests and the fuzzer. */
int rules_read(const char *text, size_t size, struct problems *problems, struct rules **ret_rules);
void rules_free(struct rules *rules); /* NULL-safe */
static inline void rules_freep(struct rules **p)
{
	rules_free(*p);
}

const struct rule *rules_find(const struct rules *rules, const char *id);

/* RULES_DEFAULT_PATH, else deploy/rules beside the build of this executable, else NULL. */
const char *rules_default_path(char *buffer, size_t size);
