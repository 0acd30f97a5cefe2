/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answers.c - see answers.h.
 *
 * No Date: the kernel has no wall clock, and RFC 9110 section 6.6.1 lets a server without one leave
 * it out. Content-Length is exact because holes have a fixed width: numbers are padded with spaces
 * where those are legal (after a field value, RFC 9110 section 5.5), the instance is always 16
 * digits. Connection: close, because the agent closes it.
 */
#include "user/policy/answers.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HOLE_RETRY    "\001"
#define HOLE_INSTANCE "\002"

/* Text with marks for holes, and what is in them. */
struct problem_details {
	unsigned status;
	const char
		*phrase; /* reason phrase; the title of type about:blank (RFC 9457 section 4.2.1) */
	const char *fields; /* more header fields, each with its CRLF */
	const char *type, *title;
	const char *detail;
	const char *members; /* more members, each after a comma */
};

static const struct problem_details common[GL_ANSWER_CLASS] = {
	[GL_ANSWER_400] = {.status = 400,
			   .phrase = "Bad Request",
			   .detail = "The request has more than one reading, or is malformed."},
	[GL_ANSWER_401] = {.status = 401,
			   .phrase = "Unauthorized",
			   .fields = "WWW-Authenticate: Bearer realm=\"api\"\r\n",
			   .detail = "This operation asks for a credential."},
	[GL_ANSWER_403] = {.status = 403,
			   .phrase = "Forbidden",
			   .detail = "This operation is not open to this client."},
	[GL_ANSWER_404] = {.status = 404,
			   .phrase = "Not Found",
			   .detail = "No such operation is described."},
	[GL_ANSWER_408] = {.status = 408,
			   .phrase = "Request Timeout",
			   .detail = "The request's head did not arrive in time."},
	[GL_ANSWER_431] = {.status = 431,
			   .phrase = "Request Header Fields Too Large",
			   .detail = "The request's head is too large."},
	[GL_ANSWER_501] = {.status = 501,
			   .phrase = "Not Implemented",
			   .detail = "This protocol or transfer coding is not accepted here."},
	[GL_ANSWER_503] = {.status = 503,
			   .phrase = "Service Unavailable",
			   .fields = "Retry-After: " HOLE_RETRY "\r\n",
			   .detail = "The limit of this operation cannot be counted now."},
	[GL_ANSWER_PLAINTEXT] = {.status = 403,
				 .phrase = "Forbidden",
				 .detail = "This service is reached by HTTPS only."},
	[GL_ANSWER_SUSPENDED] = {.status = 503,
				 .phrase = "Service Unavailable",
				 .fields = "Retry-After: " HOLE_RETRY "\r\n",
				 .detail = "This operation is suspended for a while.",
				 .members = ",\"reason\":\"operation-suspended\""},
	[GL_ANSWER_LOCKDOWN] = {.status = 403,
				.phrase = "Forbidden",
				.detail = "This service is open to few networks for a while.",
				.members = ",\"reason\":\"service-lockdown\""},
	[GL_ANSWER_REVOKED] = {.status = 401,
			       .phrase = "Unauthorized",
			       .fields = "WWW-Authenticate: Bearer realm=\"api\", "
					 "error=\"invalid_token\"\r\n",
			       .detail = "This credential has been revoked.",
			       .members = ",\"reason\":\"credential-revoked\""},
};

/* Appends to an answer, turning marks into holes. */
struct writer {
	struct gl_answer *answer;
	size_t n_holes;
	int err;
};

static void put_hole(struct writer *w, __u8 kind)
{
	struct gl_answer *a = w->answer;
	size_t width = kind == GL_HOLE_INSTANCE ? GL_INSTANCE_WIDTH : GL_HOLE_WIDTH;

	if (w->n_holes == GL_ANSWER_HOLES || a->len + width > GL_ANSWER_TEXT) {
		w->err = -ENAMETOOLONG;
		return;
	}
	a->hole_off[w->n_holes] = a->len;
	a->hole_kind[w->n_holes++] = kind;
	memset(a->text + a->len, kind == GL_HOLE_INSTANCE ? '0' : ' ', width);
	if (kind == GL_HOLE_RETRY_S)
		a->text[a->len] = '0'; /* legal even unfilled */
	a->len = (__u16)(a->len + width);
}

static void put_text(struct writer *w, const char *text)
{
	for (; *text && !w->err; text++) {
		if (*text == *HOLE_RETRY)
			put_hole(w, GL_HOLE_RETRY_S);
		else if (*text == *HOLE_INSTANCE)
			put_hole(w, GL_HOLE_INSTANCE);
		else if (w->answer->len == GL_ANSWER_TEXT)
			w->err = -ENAMETOOLONG;
		else
			w->answer->text[w->answer->len++] = *text;
	}
}

/* Bytes of a text once its holes are open. */
static size_t open_length(const char *text)
{
	size_t n = strlen(text);

	for (; *text; text++) {
		if (*text == *HOLE_RETRY)
			n += GL_HOLE_WIDTH - 1;
		else if (*text == *HOLE_INSTANCE)
			n += GL_INSTANCE_WIDTH - 1;
	}
	return n;
}

static int prepare(const struct problem_details *p, struct gl_answer *ret_answer)
{
	char head[GL_ANSWER_TEXT + 1], body[GL_ANSWER_TEXT + 1];
	struct gl_answer answer = {.status = (__u16)p->status};
	struct writer w = {.answer = &answer};
	int n;

	n = snprintf(body, sizeof(body),
		     "{\"type\":\"%s\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\","
		     "\"instance\":\"urn:glacis:verdict:" HOLE_INSTANCE "\"%s}\n",
		     p->type ? p->type : "about:blank", p->title ? p->title : p->phrase, p->status,
		     p->detail, p->members ? p->members : "");
	if (n < 0 || (size_t)n >= sizeof(body))
		return -ENAMETOOLONG;
	n = snprintf(head, sizeof(head),
		     "HTTP/1.1 %u %s\r\n"
		     "Content-Type: application/problem+json\r\n"
		     "Content-Length: %zu\r\n"
		     "Cache-Control: no-store\r\n"
		     "%s"
		     "Connection: close\r\n\r\n",
		     p->status, p->phrase, open_length(body), p->fields ? p->fields : "");
	if (n < 0 || (size_t)n >= sizeof(head))
		return -ENAMETOOLONG;
	put_text(&w, head);
	answer.body_off = answer.len;
	put_text(&w, body);
	if (!w.err)
		*ret_answer = answer;
	return w.err;
}

int answers_common(struct gl_policy *image)
{
	for (int i = 0; i < GL_ANSWER_CLASS; i++) {
		int err = prepare(&common[i], &image->answers[i]);

		if (err)
			return err;
	}
	return 0;
}

int answers_class(const struct policy_class *cls, struct gl_answer *ret_answer)
{
	char fields[GL_ANSWER_TEXT], detail[128], members[POLICY_NAME_MAX + 32];
	const struct problem_details p = {
		.status = 429,
		.phrase = "Too Many Requests",
		.fields = fields,
		.type = "https://iana.org/assignments/http-problem-types#quota-exceeded",
		.title = "Quota Exceeded",
		.detail = detail,
		.members = members,
	};
	int n;

	n = snprintf(fields, sizeof(fields),
		     "RateLimit-Policy: \"%s\";q=%u;w=%u\r\n"
		     "RateLimit: \"%s\";r=0;t=" HOLE_RETRY "\r\n"
		     "RateLimit-Limit: %u\r\n"
		     "RateLimit-Remaining: 0\r\n"
		     "RateLimit-Reset: " HOLE_RETRY "\r\n"
		     "Retry-After: " HOLE_RETRY "\r\n",
		     cls->name, cls->limit, cls->window_s, cls->name, cls->limit);
	if (n < 0 || (size_t)n >= sizeof(fields))
		return -ENAMETOOLONG;
	snprintf(detail, sizeof(detail), "At most %u requests in any %u seconds.", cls->limit,
		 cls->window_s);
	n = snprintf(members, sizeof(members), ",\"violated-policies\":[\"%s\"]", cls->name);
	if (n < 0 || (size_t)n >= sizeof(members))
		return -ENAMETOOLONG;
	return prepare(&p, ret_answer);
}
