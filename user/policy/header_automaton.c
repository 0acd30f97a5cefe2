/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * header_automaton.c - a trie over bytes; the two roots (fields, cookies) share its states' table.
 */
#include "user/policy/header_automaton.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

struct trie {
	struct gl_header_automaton *a;
	unsigned n_states; /* 0 is dead */
	unsigned n_classes; /* 0 is "not a token character" */
};

static const char *const builtin[] = {
#define NAME(value, text) [value] = text,
	GL_HEADER_LIST(NAME)
#undef NAME
};

/* Every token character has a class of its own; letters of both cases share one. */
static void classes_make(struct trie *trie)
{
	const char *token = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";

	trie->n_classes = 1;
	for (; *token; token++) {
		trie->a->byte_class[(unsigned char)*token] = (__u8)trie->n_classes;
		if (*token >= 'a' && *token <= 'z')
			trie->a->byte_class[*token - 'a' + 'A'] = (__u8)trie->n_classes;
		trie->n_classes++;
	}
}
_Static_assert(26 + 10 + 15 < GL_HEADER_CLASSES, "all token characters have a class");

static int state_new(struct trie *trie, __u8 *ret_state)
{
	if (trie->n_states == GL_HEADER_STATES)
		return -E2BIG;
	*ret_state = (__u8)trie->n_states++;
	return 0;
}

static int name_add(struct trie *trie, __u8 start, const char *name, __u8 header)
{
	__u8 state = start;

	if (!*name)
		return -EINVAL;
	for (; *name; name++) {
		__u8 cls = trie->a->byte_class[(unsigned char)*name], *next;
		int err;

		if (!cls)
			return -EINVAL;
		next = &trie->a->next[state][cls];
		if (!*next) {
			err = state_new(trie, next);
			if (err)
				return err;
		}
		state = *next;
	}
	if (trie->a->accept[state] && trie->a->accept[state] != header)
		return -EEXIST;
	trie->a->accept[state] = header;
	return 0;
}

static int names_add(struct trie *trie, __u8 start, const struct policy_strings *names, __u8 header,
		     const char **ret_name)
{
	for (size_t i = 0; i < names->n; i++) {
		int err = name_add(trie, start, names->items[i], header);

		if (err) {
			*ret_name = names->items[i];
			return err;
		}
	}
	return 0;
}

int header_automaton_build(const struct policy_strings *api_key_headers,
			   const struct policy_strings *session_cookies,
			   struct gl_header_automaton *automaton, const char **ret_name)
{
	struct trie trie = {.a = automaton, .n_states = 1};
	int err;

	memset(automaton, 0, sizeof(*automaton));
	classes_make(&trie);
	err = state_new(&trie, &automaton->start);
	if (!err)
		err = state_new(&trie, &automaton->cookie_start);
	for (unsigned i = GL_HEADER_OTHER + 1; !err && i < sizeof(builtin) / sizeof(*builtin);
	     i++) {
		*ret_name = builtin[i];
		err = name_add(&trie, automaton->start, builtin[i], (__u8)i);
	}
	if (!err)
		err = names_add(&trie, automaton->start, api_key_headers, GL_HEADER_API_KEY,
				ret_name);
	if (!err)
		err = names_add(&trie, automaton->cookie_start, session_cookies,
				GL_HEADER_SESSION_COOKIE, ret_name);
	return err;
}
