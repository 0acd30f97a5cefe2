/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_tls.c - a service's tls: the floor, what is denied, what a downgrade means.
 */
#include "user/policy/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/policy/ciphers.h"

#define DENY_MAX 256 /* entries of denyCiphers */

static const struct word version_words[] = {
	{"1.0", GL_TLS_1_0}, {"1.1", GL_TLS_1_1}, {"1.2", GL_TLS_1_2},
	{"1.3", GL_TLS_1_3}, {"none", 0},
};
static const struct word allow_words[] = {{"allow", false}, {"refuse", true}};
static const struct word detect_words[] = {{"detect", false}, {"refuse", true}};

static void read_version(struct reader *r, const struct field *field, const struct node *node,
			 void *target)
{
	unsigned version;

	if (reader_word(r, field->arg, node, &version))
		*(uint16_t *)target = (uint16_t)version;
}

static void unknown_cipher(struct reader *r, const struct node *node)
{
	struct suggestion suggestion;
	char near[96];

	if (strchr(node->text, '*')) {
		reader_error(r, node, "patterns are over IANA's names: TLS_RSA_*, *_CBC_SHA",
			     "no cipher suite matches %s", problem_quote(node->text).text);
		return;
	}
	suggest_begin(&suggestion, node->text);
	for (size_t i = 0; i < ciphers_count(); i++)
		suggest_offer(&suggestion, cipher_name(cipher_at(i)));
	reader_error(r, node,
		     suggest_hint(&suggestion, near, sizeof(near))
			     ?: "a name of IANA or OpenSSL, 0x002F, a pattern, or weak",
		     "no cipher suite is named %s", problem_quote(node->text).text);
}

static int compare(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

/* Sorts; each value once. */
static void tidy(struct policy_tls *tls)
{
	size_t n = 0;

	qsort(tls->denied, tls->n_denied, sizeof(*tls->denied), compare);
	for (size_t i = 0; i < tls->n_denied; i++)
		if (!n || tls->denied[n - 1] != tls->denied[i])
			tls->denied[n++] = tls->denied[i];
	tls->n_denied = n;
}

static void read_denied(struct reader *r, const struct field *field, const struct node *node,
			void *target)
{
	struct policy_tls *tls = (struct policy_tls *)((char *)target - field->offset);
	_cleanup_free_ void *items = NULL;
	size_t index = 0, room;

	if (!reader_list(r, node, field->min, field->max, "a list of cipher suites", 1, &items))
		return;
	room = ciphers_count() + DENY_MAX;
	free(tls->denied);
	tls->n_denied = 0;
	/* an entry may repeat all of another's: tidied after each */
	tls->denied = calloc(room * 2, sizeof(*tls->denied));
	if (!tls->denied) {
		r->no_memory = true;
		return;
	}
	for (const struct node *item = node->first; item; item = item->next, index++) {
		size_t mark = reader_index(r, index);
		int n = 0;

		if (reader_text(r, &text_any, item)) {
			n = ciphers_match(item->text, tls->denied + tls->n_denied, room);
			if (n <= 0)
				unknown_cipher(r, item);
		}
		tls->n_denied += n > 0 ? (size_t)n : 0;
		tidy(tls);
		reader_up(r, mark);
	}
	if (tls->n_denied > GL_TLS_DENIED_MAX) {
		reader_error(r, node, "deny by pattern what is weak and set minVersion",
			     "%zu cipher suites are denied, more than %d", tls->n_denied,
			     GL_TLS_DENIED_MAX);
		tls->n_denied = GL_TLS_DENIED_MAX;
	}
}

#define TLS(member) offsetof(struct policy_tls, member)
static const struct field tls_fields[] = {
	{"minVersion", read_version, TLS(min_version), WORDS(version_words, NULL), 0, 0, 0},
	{"plaintext", read_word_bool, TLS(plaintext_refuse), WORDS(allow_words, NULL), 0, 0, 0},
	{"denyCiphers", read_denied, TLS(denied), NULL, 0, DENY_MAX, 0},
	{"downgrade", read_word_bool, TLS(downgrade_refuse), WORDS(detect_words, NULL), 0, 0, 0},
};
const struct shape shape_tls = {"tls", "tls", tls_fields, ARRAY_SIZE(tls_fields)};
