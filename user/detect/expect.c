/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * expect.c - see expect.h. Packed: a head, rows (services first, then operations, each by ascending
 * id), and texts. A row's lists are runs of terminated texts, named by offset and number. An
 * operation's row stands for its service's in what an operation can say.
 */
#include "user/detect/expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"

#define MAGIC      0x43505845u /* "EXPC" */
#define ROWS_MAX   (GL_SERVICES_MAX + GL_POLICY_OPS_MAX)
#define NAME_BYTES 700 /* of a service, a blank and a match */

enum list {
	LIST_REQUIRED,
	LIST_FORBIDDEN,
	LIST_ALGORITHMS,
	LIST_ORIGINS,
	LIST_TYPES,
	LIST_FIELDS,
	LIST_LOCATION, /* of a failed login: one or none */
	LIST_MAX
};

struct head {
	uint32_t magic, size, services, operations;
};

struct row {
	uint16_t id, deprecated;
	uint32_t max_page, default_page, upload_bytes, jwt_lifetime_s;
	struct {
		uint32_t at, n; /* offset of the first text; how many */
	} lists[LIST_MAX];
};

/* --- packing ---------------------------------------------------------------------------------- */

struct packing {
	uint8_t *bytes; /* head and rows are at the front */
	size_t size, room;
	bool no_memory;
};

static void *reserve(struct packing *p, size_t n)
{
	if (p->size + n > p->room) {
		size_t room = (p->size + n) * 2;
		uint8_t *bytes = realloc(p->bytes, room);

		if (!bytes) {
			p->no_memory = true;
			return NULL;
		}
		p->bytes = bytes;
		p->room = room;
	}
	memset(p->bytes + p->size, 0, n);
	p->size += n;
	return p->bytes + p->size - n;
}

static void put_list(struct packing *p, size_t row, enum list list,
		     const struct policy_strings *texts)
{
	size_t at = p->size;

	for (size_t i = 0; i < texts->n; i++) {
		size_t n = strlen(texts->items[i]) + 1;
		void *to = reserve(p, n);

		if (!to)
			return;
		memcpy(to, texts->items[i], n);
	}
	((struct row *)(void *)(p->bytes + row))->lists[list].at = (uint32_t)at;
	((struct row *)(void *)(p->bytes + row))->lists[list].n = (uint32_t)texts->n;
}

static void put_row(struct packing *p, size_t at, uint16_t id, const struct policy_expect *expect,
		    const struct policy_strings *fields, const struct policy_operation *operation)
{
	struct row *row = (struct row *)(void *)(p->bytes + at);

	row->id = id;
	row->deprecated = operation && operation->deprecated;
	row->max_page = expect->max_page;
	row->default_page = expect->default_page;
	row->upload_bytes = expect->upload_bytes;
	row->jwt_lifetime_s = expect->jwt_lifetime_s;
	put_list(p, at, LIST_REQUIRED, &expect->required_headers);
	put_list(p, at, LIST_FORBIDDEN, &expect->forbidden_headers);
	put_list(p, at, LIST_ALGORITHMS, &expect->jwt_algorithms);
	put_list(p, at, LIST_ORIGINS, &expect->cors_origins);
	put_list(p, at, LIST_TYPES, &expect->upload_types);
	if (fields)
		put_list(p, at, LIST_FIELDS, fields);
	if (operation && *operation->failed_login.location) {
		char *location = (char *)operation->failed_login.location;

		put_list(p, at, LIST_LOCATION, &(struct policy_strings){&location, 1});
	}
}

static bool expects(const struct policy_expect *e)
{
	return e->max_page || e->default_page || e->upload_bytes || e->jwt_lifetime_s ||
	       e->required_headers.n || e->forbidden_headers.n || e->jwt_algorithms.n ||
	       e->cors_origins.n || e->upload_types.n;
}

static bool texts_equal(const struct policy_strings *a, const struct policy_strings *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return a->n == b->n;
}

static bool service_says(const struct policy_service *service)
{
	return expects(&service->expect) || service->responses.forbidden_fields.n;
}

/* Something the service does not say. */
static bool operation_says(const struct policy_service *service,
			   const struct policy_operation *operation)
{
	const struct policy_expect *own = &operation->expect, *of = &service->expect;

	return operation->deprecated || *operation->failed_login.location ||
	       own->max_page != of->max_page || own->default_page != of->default_page ||
	       own->upload_bytes != of->upload_bytes ||
	       !texts_equal(&own->upload_types, &of->upload_types);
}

/* Rows of what says something; NULL for p: only counted. */
static void each_service(const struct policy *policy, struct intern *intern, struct packing *p,
			 struct head *head)
{
	for (size_t i = 0; i < policy->n_services; i++) {
		const struct policy_service *service = &policy->services[i];
		size_t at = sizeof(*head) + head->services * sizeof(struct row);
		int id = service_says(service) ? intern_id(intern, INTERN_SERVICE, service->name)
					       : 0;

		if (id <= 0)
			continue;
		if (p && !p->no_memory)
			put_row(p, at, (uint16_t)id, &service->expect,
				&service->responses.forbidden_fields, NULL);
		head->services++;
	}
}

static void each_operation(const struct policy *policy, struct intern *intern, struct packing *p,
			   struct head *head)
{
	for (size_t i = 0; i < policy->n_services; i++) {
		const struct policy_service *service = &policy->services[i];

		for (size_t j = 0; j < service->n_operations; j++) {
			const struct policy_operation *operation = &service->operations[j];
			size_t at = sizeof(*head) +
				    (head->services + head->operations) * sizeof(struct row);
			char name[NAME_BYTES];
			int id;

			if (!operation_says(service, operation))
				continue;
			snprintf(name, sizeof(name), "%s %s", service->name, operation->match);
			id = intern_id(intern, INTERN_OPERATION, name);
			if (id <= 0)
				continue;
			if (p && !p->no_memory)
				put_row(p, at, (uint16_t)id, &operation->expect, NULL, operation);
			head->operations++;
		}
	}
}

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;

	return (a->id > b->id) - (a->id < b->id);
}

int expect_pack(const struct policy *policy, struct intern *intern, uint8_t **ret_bytes,
		size_t *ret_size)
{
	struct packing p = {0};
	struct head count = {0}, head = {.magic = MAGIC};
	struct row *rows;

	each_service(policy, intern, NULL, &count);
	each_operation(policy, intern, NULL, &count);
	if (!count.services && !count.operations) {
		*ret_bytes = NULL;
		*ret_size = 0;
		return 0;
	}
	if (!reserve(&p, sizeof(head) + (count.services + count.operations) * sizeof(*rows)))
		return -ENOMEM;
	each_service(policy, intern, &p, &head);
	each_operation(policy, intern, &p, &head);
	if (p.no_memory) {
		free(p.bytes);
		return -ENOMEM;
	}
	rows = (struct row *)(void *)(p.bytes + sizeof(head));
	qsort(rows, head.services, sizeof(*rows), compare_rows);
	qsort(rows + head.services, head.operations, sizeof(*rows), compare_rows);
	head.size = (uint32_t)p.size;
	memcpy(p.bytes, &head, sizeof(head));
	*ret_bytes = p.bytes;
	*ret_size = p.size;
	return 0;
}

/* --- opening ---------------------------------------------------------------------------------- */

struct expect {
	uint8_t *bytes;
	struct head head;
	struct row *rows; /* in bytes */
	const char **texts; /* every list of every row, one after the other */
	uint32_t *first; /* of list l of row r: texts[first[r * LIST_MAX + l]] */
};

/* Counts a list's texts; false if they leave the bytes. */
static bool check_list(const struct expect *e, const struct row *row, enum list list,
		       size_t *n_texts)
{
	size_t at = row->lists[list].at;

	for (uint32_t i = 0; i < row->lists[list].n; i++) {
		const uint8_t *end;

		if (at >= e->head.size)
			return false;
		end = memchr(e->bytes + at, 0, e->head.size - at);
		if (!end)
			return false;
		at = (size_t)(end - e->bytes) + 1;
	}
	*n_texts += row->lists[list].n;
	return true;
}

static void point_list(struct expect *e, size_t r, enum list list, size_t *n_texts)
{
	const char *text = (const char *)e->bytes + e->rows[r].lists[list].at;

	e->first[r * LIST_MAX + list] = (uint32_t)*n_texts;
	for (uint32_t i = 0; i < e->rows[r].lists[list].n; i++, text += strlen(text) + 1)
		e->texts[(*n_texts)++] = text;
}

static int point(struct expect *e, size_t n_rows)
{
	size_t n_texts = 0;

	for (size_t r = 0; r < n_rows; r++)
		for (int list = 0; list < LIST_MAX; list++)
			if (!check_list(e, &e->rows[r], (enum list)list, &n_texts))
				return -EINVAL;
	e->texts = calloc(n_texts + 1, sizeof(*e->texts));
	e->first = calloc(n_rows * LIST_MAX + 1, sizeof(*e->first));
	if (!e->texts || !e->first)
		return -ENOMEM;
	n_texts = 0;
	for (size_t r = 0; r < n_rows; r++)
		for (int list = 0; list < LIST_MAX; list++)
			point_list(e, r, (enum list)list, &n_texts);
	return 0;
}

static int open_bytes(struct expect *e, const uint8_t *bytes, size_t size)
{
	size_t n_rows;

	if (size < sizeof(e->head))
		return -EINVAL;
	memcpy(&e->head, bytes, sizeof(e->head));
	n_rows = (size_t)e->head.services + e->head.operations;
	if (e->head.magic != MAGIC || e->head.size > size || e->head.services > ROWS_MAX ||
	    e->head.operations > ROWS_MAX ||
	    sizeof(e->head) + n_rows * sizeof(struct row) > e->head.size)
		return -EINVAL;
	e->bytes = malloc(e->head.size);
	if (!e->bytes)
		return -ENOMEM;
	memcpy(e->bytes, bytes, e->head.size);
	e->rows = (struct row *)(void *)(e->bytes + sizeof(e->head));
	return point(e, n_rows);
}

int expect_open(const uint8_t *bytes, size_t size, struct expect **ret_expect)
{
	struct expect *e = calloc(1, sizeof(*e));
	int r;

	if (!e)
		return -ENOMEM;
	r = open_bytes(e, bytes, size);
	if (r < 0)
		expect_free(e);
	else
		*ret_expect = e;
	return r;
}

void expect_free(struct expect *expect)
{
	if (!expect)
		return;
	free(expect->bytes);
	free(expect->texts);
	free(expect->first);
	free(expect);
}

static const struct row *find(const struct expect *e, size_t first, size_t n, uint16_t id)
{
	const struct row key = {.id = id};

	return bsearch(&key, e->rows + first, n, sizeof(key), compare_rows);
}

static size_t list_of(const struct expect *e, const struct row *row, enum list list,
		      const char *const **ret_texts)
{
	*ret_texts = &e->texts[e->first[(size_t)(row - e->rows) * LIST_MAX + list]];
	return row->lists[list].n;
}

/* What an operation can say, too. */
static void read_pages(const struct expect *e, const struct row *row, struct detect_policy *policy)
{
	policy->max_page = row->max_page;
	policy->default_page = row->default_page;
	policy->max_upload_bytes = row->upload_bytes;
	policy->n_upload_types = list_of(e, row, LIST_TYPES, &policy->upload_types);
}

void expect_read(const struct expect *e, uint16_t service, uint16_t op,
		 struct detect_policy *policy)
{
	const char *const *location;
	const struct row *row = e ? find(e, 0, e->head.services, service) : NULL;

	if (row) {
		read_pages(e, row, policy);
		policy->access_token_max_s = row->jwt_lifetime_s;
		policy->n_required_headers =
			list_of(e, row, LIST_REQUIRED, &policy->required_headers);
		policy->n_forbidden_headers =
			list_of(e, row, LIST_FORBIDDEN, &policy->forbidden_headers);
		policy->n_jwt_algorithms =
			list_of(e, row, LIST_ALGORITHMS, &policy->jwt_algorithms);
		policy->n_cors_origins = list_of(e, row, LIST_ORIGINS, &policy->cors_origins);
		policy->n_forbidden_fields =
			list_of(e, row, LIST_FIELDS, &policy->forbidden_fields);
	}
	row = e ? find(e, e->head.services, e->head.operations, op) : NULL;
	if (!row)
		return;
	read_pages(e, row, policy);
	policy->deprecated = row->deprecated;
	if (list_of(e, row, LIST_LOCATION, &location))
		policy->failed_location = *location;
}
