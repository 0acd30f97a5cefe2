/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * document.h - YAML or JSON text to a small tree of nodes that know their line and column.
 *
 * It knows syntax and limits (size, depth, nodes after alias expansion), not what a policy means:
 * that is the reader's (read.c), its only caller. Nothing of libyaml is visible above it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "user/policy/model.h"
#include "user/policy/problems.h"

/* Anchors of one document. Far above what people write; bounds the search at every alias. */
#define DOCUMENT_ANCHORS_MAX 256

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

/* What the text of a scalar means: YAML 1.2 core schema (section 10.3). JSON agrees with it. */
enum scalar_type { SCALAR_NULL, SCALAR_BOOL, SCALAR_INT, SCALAR_FLOAT, SCALAR_STRING };

/*
 * Borrowed from the document, read-only. A list's and a map's members are a chain from `first` over
 * `next`; a map's members carry their key, which is always a scalar. An alias is a node of its own
 * (its place is the alias's) that shares the members of what was anchored.
 */
struct node {
	enum node_kind kind;
	enum scalar_type type; /* scalars: quoted ones are strings */
	struct policy_pos pos;
	const char *text; /* scalars: no NUL inside */
	const struct node *key; /* members of a map */
	struct node *first, *next;
	size_t n; /* members */
	size_t count; /* nodes below and including this one, keys too, aliases expanded */
	unsigned height; /* containers nested in and including this one */
};

struct document;

/*
 * Parses exactly one document. What is wrong is added to `problems`, as much as can be found: a
 * syntax error ends the reading, a duplicate key does not. -EINVAL: no tree; -ENOMEM. 0 may come
 * with errors in `problems` (duplicate keys, tags): *ret_document is whole enough to be read for
 * more of them, and must not be used if any were found.
 */
int document_parse(const char *text, size_t size, struct problems *problems,
		   struct document **ret_document);
const struct node *document_root(const struct document *document);
void document_free(struct document *document); /* NULL-safe */
static inline void document_freep(struct document **p)
{
	document_free(*p);
}

/* The member of a map with this key (the first, if a duplicate was reported), or NULL. */
const struct node *node_member(const struct node *map, const char *key);

/* "a list", "the number 80" is the caller's: this is the noun alone. */
const char *node_noun(const struct node *node);
