/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/h2_requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A pool; buckets chain the used slots by connection, the rest is one chain of free ones. */
struct slot {
	struct h2_request request; /* first; conn 0: free */
	uint32_t next; /* index + 1 of the chain's next; 0 = none */
};

struct h2_requests {
	size_t max;
	uint32_t free; /* index + 1 */
	size_t hand; /* what makes room next when none is free */
	uint64_t displaced;
	uint32_t *buckets; /* index + 1 */
	struct slot *slots;
};

int h2_requests_new(size_t max, struct h2_requests **ret_requests)
{
	struct h2_requests *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->max = max;
	s->buckets = calloc(max, sizeof(*s->buckets));
	s->slots = calloc(max, sizeof(*s->slots));
	if (!s->buckets || !s->slots) {
		h2_requests_free(s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < max; i++)
		s->slots[i].next = i + 1 < max ? (uint32_t)i + 2 : 0;
	s->free = 1;
	*ret_requests = s;
	return 0;
}

void h2_requests_free(struct h2_requests *requests)
{
	if (!requests)
		return;
	free(requests->buckets);
	free(requests->slots);
	free(requests);
}

static uint32_t *bucket_of(const struct h2_requests *s, uint64_t conn)
{
	return &s->buckets[(conn * 0x9e3779b97f4a7c15ull >> 32) & (s->max - 1)];
}

static void take_out(struct h2_requests *s, uint32_t i)
{
	uint32_t *at = bucket_of(s, s->slots[i].request.conn);

	while (*at && *at != i + 1)
		at = &s->slots[*at - 1].next;
	if (*at)
		*at = s->slots[i].next;
	memset(&s->slots[i], 0, sizeof(s->slots[i]));
	s->slots[i].next = s->free;
	s->free = i + 1;
}

static uint32_t take_free(struct h2_requests *s)
{
	uint32_t i;

	if (!s->free) {
		take_out(s, (uint32_t)s->hand);
		s->hand = (s->hand + 1) & (s->max - 1);
		s->displaced++;
	}
	i = s->free - 1;
	s->free = s->slots[i].next;
	return i;
}

void h2_requests_begin(struct h2_requests *requests, const struct h2_request *request)
{
	uint32_t *bucket, i;

	if (!request->conn)
		return;
	i = take_free(requests);
	bucket = bucket_of(requests, request->conn);
	requests->slots[i].request = *request;
	requests->slots[i].next = *bucket;
	*bucket = i + 1;
}

const struct h2_request *h2_requests_next(const struct h2_requests *requests, uint64_t conn,
					  const struct h2_request *request)
{
	uint32_t at = request ? ((const struct slot *)request)->next : *bucket_of(requests, conn);

	while (at && requests->slots[at - 1].request.conn != conn)
		at = requests->slots[at - 1].next;
	return at ? &requests->slots[at - 1].request : NULL;
}

void h2_requests_end(struct h2_requests *requests, uint64_t conn, uint32_t number)
{
	const struct h2_request *s = NULL;

	while ((s = h2_requests_next(requests, conn, s)))
		if (s->number == number) {
			take_out(requests, (uint32_t)((const struct slot *)s - requests->slots));
			return;
		}
}

uint64_t h2_requests_displaced(const struct h2_requests *requests)
{
	return requests->displaced;
}
