/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * document.c - libyaml's events to nodes, within limits. The text may come from anybody: depth,
 * nodes and anchors are bounded before they are paid for, and an alias is charged with everything
 * it stands for, so a few lines cannot become millions of values.
 */
#include "user/policy/document.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "user/base/cleanup.h"
#include "user/policy/scalar.h"
#include "user/policy/syntax.h"

#define CHUNK_SIZE (64 << 10)
#define TAG_CORE   "tag:yaml.org,2002:"

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t data[];
};

struct document {
	struct chunk *chunks; /* every node and text, freed together */
	const struct node *root;
};

struct anchor {
	const char *name;
	size_t len;
	struct node *node; /* NULL until its end was read: it cannot contain itself */
};

struct frame {
	struct node *node;
	struct node **tail;
	struct node *key; /* of the map's next member */
	struct anchor *anchor;
};

struct builder {
	struct document *document;
	struct problems *problems;
	struct frame frames[POLICY_DEPTH_MAX];
	unsigned depth;
	struct anchor anchors[DOCUMENT_ANCHORS_MAX];
	size_t n_anchors;
	size_t nodes;
	unsigned documents;
};

static void *document_alloc(struct document *document, size_t size)
{
	struct chunk *chunk = document->chunks;
	size_t room;
	void *p;

	size = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
	if (!chunk || chunk->size - chunk->used < size) {
		room = size > CHUNK_SIZE ? size : CHUNK_SIZE;
		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){.next = document->chunks, .size = room};
		document->chunks = chunk;
	}
	p = (char *)chunk->data + chunk->used;
	chunk->used += size;
	memset(p, 0, size);
	return p;
}

void document_free(struct document *document)
{
	if (!document)
		return;
	while (document->chunks) {
		struct chunk *chunk = document->chunks;

		document->chunks = chunk->next;
		free(chunk);
	}
	free(document);
}

const struct node *document_root(const struct document *document)
{
	return document->root;
}

const struct node *node_member(const struct node *map, const char *key)
{
	for (const struct node *member = map->first; member; member = member->next)
		if (!strcmp(member->key->text, key))
			return member;
	return NULL;
}

const char *node_noun(const struct node *node)
{
	static const char *const nouns[] = {
		[SCALAR_NULL] = "nothing",      [SCALAR_BOOL] = "the bool",
		[SCALAR_INT] = "the number",    [SCALAR_FLOAT] = "the number",
		[SCALAR_STRING] = "the string",
	};

	if (node->kind == NODE_SCALAR)
		return nouns[node->type];
	return node->kind == NODE_LIST ? "a list" : "a map";
}

static struct policy_pos position(yaml_mark_t mark)
{
	return (struct policy_pos){.line = mark.line + 1, .column = mark.column + 1};
}

/* Adds an error and returns -EINVAL, for those that end the reading. */
__attribute__((format(printf, 4, 5))) static int fail(struct builder *b, struct policy_pos pos,
						      const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problems_addv(b->problems, PROBLEM_ERROR, pos.line, pos.column, "", hint, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int charge(struct builder *b, size_t nodes, struct policy_pos pos, bool alias)
{
	if (nodes <= POLICY_NODES_MAX - b->nodes) {
		b->nodes += nodes;
		return 0;
	}
	if (alias)
		return fail(b, pos, "write the values out where they are needed",
			    "aliases expand the document past %d values", POLICY_NODES_MAX);
	return fail(b, pos, NULL, "the document has more than %d values", POLICY_NODES_MAX);
}

/* Hangs a node into the open container: as its next key, or as a member. */
static int attach(struct builder *b, struct node *node, bool alias)
{
	struct frame *frame;

	if (b->depth == 0) {
		b->document->root = node;
		return 0;
	}
	frame = &b->frames[b->depth - 1];
	if (frame->node->kind == NODE_MAP && !frame->key) {
		if (node->kind != NODE_SCALAR || alias)
			return fail(b, node->pos, "write the key as text", "%s cannot be a key",
				    alias ? "an alias" : node_noun(node));
		frame->key = node;
		return 0;
	}
	node->key = TAKE_PTR(frame->key);
	*frame->tail = node;
	frame->tail = &node->next;
	frame->node->n++;
	return 0;
}

/* A node is complete: its container grows by what it holds. */
static void settle(struct builder *b, const struct node *node)
{
	struct node *parent;

	if (b->depth == 0)
		return;
	parent = b->frames[b->depth - 1].node;
	parent->count += node->count;
	if (parent->height < node->height + 1)
		parent->height = node->height + 1;
}

static struct anchor *find_anchor(struct builder *b, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < b->n_anchors; i++)
		if (b->anchors[i].len == len && !memcmp(b->anchors[i].name, name, len))
			return &b->anchors[i];
	return NULL;
}

/* A name may be anchored again: later aliases mean the later one (YAML 1.2 section 3.2.2.2). */
static int define_anchor(struct builder *b, const yaml_char_t *name, struct policy_pos pos,
			 struct anchor **ret_anchor)
{
	const char *text = (const char *)name;
	struct anchor *anchor;
	char *copy;

	if (!name) {
		*ret_anchor = NULL;
		return 0;
	}
	anchor = find_anchor(b, text);
	if (!anchor) {
		if (b->n_anchors == DOCUMENT_ANCHORS_MAX)
			return fail(b, pos, NULL, "more than %d anchors", DOCUMENT_ANCHORS_MAX);
		copy = document_alloc(b->document, strlen(text) + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, text, strlen(text));
		anchor = &b->anchors[b->n_anchors++];
		*anchor = (struct anchor){.name = copy, .len = strlen(text)};
	}
	anchor->node = NULL;
	*ret_anchor = anchor;
	return 0;
}

/* Only the core tags, where they fit, are accepted; a wrong one does not end the reading. */
static void check_tag(struct builder *b, const yaml_char_t *tag, enum node_kind kind,
		      struct policy_pos pos)
{
	static const struct {
		const char *name;
		enum node_kind kind;
	} core[] = {
		{TAG_CORE "str", NODE_SCALAR},   {TAG_CORE "int", NODE_SCALAR},
		{TAG_CORE "bool", NODE_SCALAR},  {TAG_CORE "null", NODE_SCALAR},
		{TAG_CORE "float", NODE_SCALAR}, {TAG_CORE "seq", NODE_LIST},
		{TAG_CORE "map", NODE_MAP},
	};

	if (!tag)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(core); i++)
		if (!strcmp((const char *)tag, core[i].name) && kind == core[i].kind)
			return;
	fail(b, pos, "remove the tag", "tag %s is not accepted here",
	     problem_quote((const char *)tag).text);
}

static int new_node(struct builder *b, enum node_kind kind, struct policy_pos pos,
		    struct node **ret_node)
{
	struct node *node;
	int r = charge(b, 1, pos, false);

	if (r < 0)
		return r;
	node = document_alloc(b->document, sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->kind = kind;
	node->pos = pos;
	node->count = 1;
	*ret_node = node;
	return 0;
}

static int add_scalar(struct builder *b, const yaml_event_t *event)
{
	const char *value = (const char *)event->data.scalar.value;
	const yaml_char_t *tag = event->data.scalar.tag;
	size_t len = event->data.scalar.length;
	struct anchor *anchor;
	struct node *node;
	char *text;
	int r;

	r = new_node(b, NODE_SCALAR, position(event->start_mark), &node);
	if (r < 0)
		return r;
	r = define_anchor(b, event->data.scalar.anchor, node->pos, &anchor);
	if (r < 0)
		return r;
	text = document_alloc(b->document, len + 1);
	if (!text)
		return -ENOMEM;
	memcpy(text, value, len);
	node->text = text;
	if (strlen(text) != len)
		fail(b, node->pos, "remove the \\0", "a value contains a NUL character");
	check_tag(b, tag, NODE_SCALAR, node->pos);
	/* `!!int "5"` asks for the number; without a tag only plain scalars have a type. */
	if (tag ? !strcmp((const char *)tag, TAG_CORE "str") : !event->data.scalar.plain_implicit)
		node->type = SCALAR_STRING;
	else
		node->type = scalar_resolve(text);
	if (anchor)
		anchor->node = node;
	r = attach(b, node, false);
	if (r < 0)
		return r;
	settle(b, node);
	return 0;
}

static int add_alias(struct builder *b, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct policy_pos pos = position(event->start_mark);
	const struct anchor *anchor = find_anchor(b, name);
	struct node *node;
	int r;

	if (!anchor)
		return fail(b, pos, "quote a value that begins with \"*\"",
			    "alias %s names no anchor", problem_quote(name).text);
	if (!anchor->node)
		return fail(b, pos, NULL, "alias %s stands inside its own anchor",
			    problem_quote(name).text);
	if (b->depth + anchor->node->height > POLICY_DEPTH_MAX)
		return fail(b, pos, NULL, "nested deeper than %d levels", POLICY_DEPTH_MAX);
	r = charge(b, anchor->node->count, pos, true);
	if (r < 0)
		return r;
	node = document_alloc(b->document, sizeof(*node));
	if (!node)
		return -ENOMEM;
	*node = *anchor->node;
	node->pos = pos;
	node->key = NULL;
	node->next = NULL;
	r = attach(b, node, true);
	if (r < 0)
		return r;
	settle(b, node);
	return 0;
}

static int enter(struct builder *b, enum node_kind kind, yaml_mark_t mark,
		 const yaml_char_t *anchor_name, const yaml_char_t *tag)
{
	struct anchor *anchor;
	struct node *node;
	int r;

	r = new_node(b, kind, position(mark), &node);
	if (r < 0)
		return r;
	node->height = 1;
	check_tag(b, tag, kind, node->pos);
	r = define_anchor(b, anchor_name, node->pos, &anchor);
	if (r < 0)
		return r;
	r = attach(b, node, false);
	if (r < 0)
		return r;
	if (b->depth == POLICY_DEPTH_MAX)
		return fail(b, node->pos, NULL, "nested deeper than %d levels", POLICY_DEPTH_MAX);
	b->frames[b->depth++] = (struct frame){
		.node = node,
		.tail = &node->first,
		.anchor = anchor,
	};
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	const struct node *x = *(const struct node *const *)a;
	const struct node *y = *(const struct node *const *)b;
	int order = strcmp(x->text, y->text);

	if (order)
		return order;
	if (x->pos.line != y->pos.line)
		return x->pos.line < y->pos.line ? -1 : 1;
	return x->pos.column < y->pos.column ? -1 : x->pos.column > y->pos.column;
}

/* Sorted, not searched in pairs: a map may have as many keys as the document has nodes. */
static int check_duplicates(struct builder *b, const struct node *map)
{
	_cleanup_free_ const struct node **keys = NULL;
	size_t n = 0, first = 0;
	char hint[64];

	if (map->n < 2)
		return 0;
	keys = calloc(map->n, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	for (const struct node *member = map->first; member; member = member->next)
		keys[n++] = member->key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(keys[i]->text, keys[first]->text)) {
			first = i;
			continue;
		}
		snprintf(hint, sizeof(hint), "it is first given in line %u", keys[first]->pos.line);
		fail(b, keys[i]->pos, hint, "duplicate key %s", problem_quote(keys[i]->text).text);
	}
	return 0;
}

static int leave(struct builder *b)
{
	struct frame *frame = &b->frames[--b->depth];

	if (frame->anchor)
		frame->anchor->node = frame->node;
	settle(b, frame->node);
	return frame->node->kind == NODE_MAP ? check_duplicates(b, frame->node) : 0;
}

/* One event. 1 = the document's end was reached. */
static int take(struct builder *b, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (b->documents++ == 0)
			return 0;
		fail(b, position(event->start_mark),
		     "one policy per file: remove what follows \"---\"",
		     "a second document begins here");
		return 1;
	case YAML_SCALAR_EVENT:
		return add_scalar(b, event);
	case YAML_ALIAS_EVENT:
		return add_alias(b, event);
	case YAML_SEQUENCE_START_EVENT:
		return enter(b, NODE_LIST, event->start_mark, event->data.sequence_start.anchor,
			     event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return enter(b, NODE_MAP, event->start_mark, event->data.mapping_start.anchor,
			     event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return leave(b);
	case YAML_STREAM_END_EVENT:
		return 1;
	default:
		return 0;
	}
}

static int build(struct builder *b, yaml_parser_t *parser, const char *text, size_t size)
{
	yaml_event_t event;
	int r;

	do {
		if (!yaml_parser_parse(parser, &event))
			return syntax_explain(parser, text, size, b->problems);
		r = take(b, &event);
		yaml_event_delete(&event);
	} while (r == 0);
	if (r < 0)
		return r;
	if (!b->document->root)
		return fail(b, (struct policy_pos){0}, "begin with apiVersion: glacis.dev/v1alpha1",
			    "the document is empty");
	return 0;
}

int document_parse(const char *text, size_t size, struct problems *problems,
		   struct document **ret_document)
{
	_cleanup_(document_freep) struct document *document = NULL;
	_cleanup_free_ struct builder *builder = NULL;
	yaml_parser_t parser;
	int r;

	/* libyaml skips the byte order mark only where it may guess the encoding as well. */
	if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
		text += 3;
		size -= 3;
	}
	r = syntax_precheck(text, size, problems);
	if (r < 0)
		return r;
	document = calloc(1, sizeof(*document));
	builder = calloc(1, sizeof(*builder));
	if (!document || !builder || !yaml_parser_initialize(&parser))
		return -ENOMEM;
	builder->document = document;
	builder->problems = problems;
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	r = build(builder, &parser, text, size);
	yaml_parser_delete(&parser);
	if (r < 0)
		return r;
	*ret_document = TAKE_PTR(document);
	return 0;
}
