/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list is an array whose length a page limit is about: the root; a member of the root, or of an
 * object in it ({"data": {"items": [...]}}), that holds objects or has a name lists have. An array
 * of numbers in some member (coordinates, a vector) is none, and neither are the parts of an item:
 * those are skipped, so that an answer is found to be no JSON only outside of its items.
 */
#include "user/detect/json_shape.h"

#include "user/detect/raws.h"

#define LIST_DEPTH 3

struct list {
	size_t items;
	struct raw name;
	bool counts;
};

struct shaping {
	struct json_shape *shape;
	struct json_walk walk;
	struct list lists[LIST_DEPTH + 1]; /* by depth of the array */
	struct raw key; /* of the member being read */
	uint32_t pending; /* SHAPE_ERROR or SHAPE_ERRORS: opened, nothing in it yet */
};

static const struct raw list_names[] = {
	RAW_INIT("data"),   RAW_INIT("items"),   RAW_INIT("results"), RAW_INIT("records"),
	RAW_INIT("rows"),   RAW_INIT("entries"), RAW_INIT("values"),  RAW_INIT("value"),
	RAW_INIT("list"),   RAW_INIT("content"), RAW_INIT("hits"),    RAW_INIT("elements"),
	RAW_INIT("edges"),  RAW_INIT("nodes"),   RAW_INIT("docs"),    RAW_INIT("documents"),
	RAW_INIT("result"), RAW_INIT("objects"),
};
static const struct raw failures[] = {
	RAW_INIT("error"),
	RAW_INIT("fail"),
	RAW_INIT("failed"),
	RAW_INIT("failure"),
};

struct member {
	struct raw name;
	void (*read)(struct shaping *s, enum json_token token);
};

static void add(struct shaping *s, uint32_t member)
{
	s->shape->members |= member;
}

/* Something in it: an empty text, object or array, null, false and 0 say that nothing failed. */
static void read_filled(struct shaping *s, enum json_token token, uint32_t member)
{
	if (token == WALK_OBJECT || token == WALK_ARRAY)
		s->pending = member;
	else if (token == WALK_TRUE || (token == WALK_STRING && s->walk.text.n) ||
		 (token == WALK_NUMBER && !raw_is(s->walk.text, RAW("0"))))
		add(s, member);
}

static void read_error(struct shaping *s, enum json_token token)
{
	read_filled(s, token, SHAPE_ERROR);
}

static void read_errors(struct shaping *s, enum json_token token)
{
	read_filled(s, token, SHAPE_ERRORS);
}

static void read_success(struct shaping *s, enum json_token token)
{
	if (token == WALK_FALSE)
		add(s, SHAPE_FAILED);
}

static void read_data(struct shaping *s, enum json_token token)
{
	if (token != WALK_NULL)
		add(s, SHAPE_DATA);
}

static void read_jsonrpc(struct shaping *s, enum json_token token)
{
	(void)token;
	add(s, SHAPE_JSONRPC);
}

static void read_text_member(struct shaping *s, enum json_token token, uint32_t member)
{
	add(s, member);
	if (token != WALK_STRING)
		s->shape->wrong |= member;
}

static void read_type(struct shaping *s, enum json_token token)
{
	read_text_member(s, token, SHAPE_TYPE);
}

static void read_title(struct shaping *s, enum json_token token)
{
	read_text_member(s, token, SHAPE_TITLE);
}

static void read_detail(struct shaping *s, enum json_token token)
{
	read_text_member(s, token, SHAPE_DETAIL);
}

static void read_instance(struct shaping *s, enum json_token token)
{
	read_text_member(s, token, SHAPE_INSTANCE);
}

static void read_status_code(struct shaping *s, enum json_token token)
{
	uint64_t value;

	if (token == WALK_NUMBER && raw_number(s->walk.text, &value) && value >= 400 && value < 600)
		add(s, SHAPE_ERROR_STATUS);
}

static void read_status(struct shaping *s, enum json_token token)
{
	add(s, SHAPE_STATUS);
	if (token != WALK_NUMBER || !raw_number(s->walk.text, &s->shape->status))
		s->shape->wrong |= SHAPE_STATUS;
	if (token == WALK_STRING && RAW_ONE_OF(s->walk.text, failures))
		add(s, SHAPE_FAILED);
	read_status_code(s, token);
}

static void read_token(struct shaping *s, enum json_token token)
{
	if (token == WALK_STRING && !s->shape->token.n)
		s->shape->token = s->walk.text;
}

static void read_expires_in(struct shaping *s, enum json_token token)
{
	if (token == WALK_NUMBER)
		raw_number(s->walk.text, &s->shape->expires_in);
}

static const struct member members[] = {
	{RAW_INIT("error"), read_error},
	{RAW_INIT("errors"), read_errors},
	{RAW_INIT("success"), read_success},
	{RAW_INIT("ok"), read_success},
	{RAW_INIT("data"), read_data},
	{RAW_INIT("jsonrpc"), read_jsonrpc},
	{RAW_INIT("type"), read_type},
	{RAW_INIT("title"), read_title},
	{RAW_INIT("detail"), read_detail},
	{RAW_INIT("instance"), read_instance},
	{RAW_INIT("status"), read_status},
	{RAW_INIT("statusCode"), read_status_code},
	{RAW_INIT("status_code"), read_status_code},
	{RAW_INIT("access_token"), read_token},
	{RAW_INIT("accessToken"), read_token},
	{RAW_INIT("token"), read_token},
	{RAW_INIT("jwt"), read_token},
	{RAW_INIT("expires_in"), read_expires_in},
};

/* A member of the root object. */
static void read_member(struct shaping *s, enum json_token token)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (raw_is(s->key, members[i].name)) {
			members[i].read(s, token);
			return;
		}
	}
}

/* An array at the depth reached was opened, as a member or as the root. */
static void open_list(struct shaping *s)
{
	unsigned depth = s->walk.depth;
	bool inside = depth == 1;

	if (depth > LIST_DEPTH)
		return;
	if (depth > 1) /* every container around it is an object */
		inside = (~s->walk.objects & ((1ull << (depth - 1)) - 1)) == 0;
	s->lists[depth] = (struct list){
		.name = depth > 1 ? s->key : (struct raw){0},
		.counts = inside && (depth == 1 || RAW_ONE_OF(s->key, list_names)),
	};
	if (!inside)
		s->lists[depth].items = SIZE_MAX; /* never one */
}

static void end_list(struct shaping *s, const struct list *list, bool more)
{
	if (!list->counts || list->items <= s->shape->items)
		return;
	s->shape->items = list->items;
	s->shape->list = list->name;
	s->shape->items_more = more;
}

/* A value that stands in an array at `depth`. */
static void read_item(struct shaping *s, unsigned depth, enum json_token token)
{
	struct list *list = &s->lists[depth];

	if (list->items == SIZE_MAX)
		return;
	if (!list->items++ && token == WALK_OBJECT)
		list->counts = true;
}

static void read_value_token(struct shaping *s, enum json_token token)
{
	const struct json_walk *w = &s->walk;
	bool opened = token == WALK_OBJECT || token == WALK_ARRAY;
	unsigned depth = w->depth - opened; /* of the container it stands in */

	if (!depth)
		s->shape->root = (uint8_t)token;
	else if (!(w->objects >> (depth - 1) & 1) && depth <= LIST_DEPTH)
		read_item(s, depth, token);
	else if (depth == 1)
		read_member(s, token);
	if (token == WALK_ARRAY)
		open_list(s);
	/* of what stands in an array, or too deep, nothing is asked */
	if (opened && ((depth && !(w->objects >> (depth - 1) & 1)) || depth > LIST_DEPTH))
		json_skip(&s->walk);
}

static void read_token_of(struct shaping *s, enum json_token token)
{
	unsigned depth = s->walk.depth;

	if (s->pending) { /* the first token inside */
		if (token != WALK_OBJECT_END && token != WALK_ARRAY_END)
			add(s, s->pending);
		s->pending = 0;
	}
	if (token == WALK_KEY)
		s->key = s->walk.text;
	else if (token == WALK_ARRAY_END && depth < LIST_DEPTH)
		end_list(s, &s->lists[depth + 1], false);
	else if (json_is_value(token))
		read_value_token(s, token);
}

/* Arrays that are open where the bytes end. */
static void end_open_lists(struct shaping *s)
{
	for (unsigned depth = 1; depth <= s->walk.depth && depth <= LIST_DEPTH; depth++)
		if (!(s->walk.objects >> (depth - 1) & 1))
			end_list(s, &s->lists[depth], true);
}

void json_shape_read(struct json_shape *shape, struct raw bytes)
{
	struct shaping s = {.shape = shape};
	enum json_token token;

	*shape = (struct json_shape){0};
	json_begin(&s.walk, bytes);
	while ((token = json_next(&s.walk)) >= WALK_OBJECT)
		read_token_of(&s, token);
	shape->ending = (uint8_t)token;
	if (!shape->root)
		shape->root = (uint8_t)token;
	if (token == WALK_CUT)
		end_open_lists(&s);
}
