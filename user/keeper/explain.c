/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/explain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "include/glacis/route.h"
#include "user/base/addr.h"
#include "user/base/cleanup.h"
#include "user/base/duration.h"
#include "user/base/names.h"
#include "user/keeper/event_text.h"
#include "user/keeper/explain_judge.h"

/* One sentence for each reason; a test walks over all of them. */
static const char *const details[GL_REASON_MAX] = {
	[GL_REASON_NONE] = "Nothing stands against it.",
	[GL_REASON_LIMIT_SOURCE] = "The source has used up the limit of this class.",
	[GL_REASON_LIMIT_PRINCIPAL] = "The principal has used up the limit of this class.",
	[GL_REASON_CEILING_SOURCE] =
		"All principals of the source together have used up its ceiling.",
	[GL_REASON_CEILING_PREFIX] = "The /48 of the source has used up its ceiling.",
	[GL_REASON_LIMIT_SHARED] =
		"The window table is full; the line shared by newcomers is used up.",
	[GL_REASON_CLOCK] = "The clock reading is older than the window; it is never admitted.",
	[GL_REASON_BANNED] = "A decision bans the source.",
	[GL_REASON_NO_CREDENTIAL] = "The operation asks for a credential and the request has none.",
	[GL_REASON_SOURCE_NETWORK] = "The operation is not for the network of the source.",
	[GL_REASON_AMBIGUOUS_PATH] = "The path has more than one reading; servers differ on it.",
	[GL_REASON_MALFORMED] = "The head is not HTTP as RFC 9112 has it.",
	[GL_REASON_TOO_LONG] = "The head is longer than is read.",
	[GL_REASON_UNKNOWN_OPERATION] = "No operation of the service matches.",
	[GL_REASON_SUSPENDED] = "The operation is suspended.",
	[GL_REASON_HTTP2] = "The service refuses HTTP/2.",
	[GL_REASON_UNSUPPORTED] = "The protocol is not one that can be judged.",
	[GL_REASON_REORDERED] = "The head's segments came out of order.",
	[GL_REASON_DESYNCHRONIZED] = "The server sent more responses than were asked for.",
	[GL_REASON_HOLD_TIMEOUT] = "The answer had to wait too long for the response before it.",
	[GL_REASON_HEAD_TIMEOUT] = "The head took too long to arrive.",
	[GL_REASON_STALE_POLICY] = "The policy the head began on is gone.",
	[GL_REASON_FRAGMENT] = "A fragment of an IP packet cannot be judged.",
	[GL_REASON_LOCKDOWN] = "The service is locked down and the source is none of those let in.",
	[GL_REASON_REVOKED] = "A credential of the request is revoked.",
	[GL_REASON_KILLED] = "The way out of the workload is closed.",
};

static const struct {
	unsigned bit;
	const char *what;
} ambiguities[] = {
	{ROUTE_AMB_DELIMITER, "an escaped delimiter (%2F, %5C, %3B, %00)"},
	{ROUTE_AMB_ESCAPE, "a broken percent escape"},
	{ROUTE_AMB_TWICE, "an escape within an escape"},
	{ROUTE_AMB_DOTS, "an escaped dot segment"},
	{ROUTE_AMB_RAW, "a raw ';', backslash, '#', space, control or non-ASCII byte"},
	{ROUTE_AMB_ABOVE, "'..' above the root"},
	{ROUTE_AMB_EMPTY, "'..' beside an empty segment"},
	{ROUTE_AMB_DEEP, "too many segments"},
};

__attribute__((format(printf, 2, 3))) static void step(json_t *steps, const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	json_array_append_new(steps, json_string(line));
}

/* ---------------------------------------------------------------------------------------------
 * The question
 */
static bool is_clean(const char *text)
{
	for (; *text; text++)
		if (*text == '\r' || *text == '\n')
			return false;
	return true;
}

/* The head as a client would send it. -EINVAL with `wrong`. */
static int build_head(const struct explain_ask *ask, char wrong[EXPLAIN_WRONG], char **ret_text,
		      size_t *ret_size)
{
	const char *space = strchr(ask->request, ' ');
	char *text = NULL;
	FILE *f;

	if (!space || space == ask->request || !space[1] || !is_clean(ask->request)) {
		snprintf(wrong, EXPLAIN_WRONG,
			 "a request is a method and a path: 'POST /api/v1/orders'");
		return -EINVAL;
	}
	f = open_memstream(&text, ret_size);
	if (!f)
		return -ENOMEM;
	fprintf(f, "%s HTTP/1.1\r\n", ask->request);
	for (size_t i = 0; i < ask->n_headers; i++) {
		if (!strchr(ask->headers[i], ':') || !is_clean(ask->headers[i])) {
			snprintf(wrong, EXPLAIN_WRONG, "a header is 'Name: value', not '%.80s'",
				 ask->headers[i]);
			fclose(f);
			free(text);
			return -EINVAL;
		}
		fprintf(f, "%s\r\n", ask->headers[i]);
	}
	fputs("\r\n", f);
	if (fclose(f) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret_text = text;
	return 0;
}

static const char *service_name(const struct explain_ask *ask, const struct gl_service *service)
{
	const char *name = intern_name(ask->intern, INTERN_SERVICE, service->id);

	return name ? name : "?";
}

static const struct gl_service *named_service(const struct explain_ask *ask)
{
	for (uint32_t i = 0; i < ask->image->n_services; i++)
		if (strcmp(service_name(ask, &ask->image->services[i]), ask->service) == 0)
			return &ask->image->services[i];
	return NULL;
}

/* Without name and port: the first service that has an operation for the request. */
static const struct gl_service *guessed_service(const struct explain_ask *ask, const char *text,
						size_t size, json_t *steps)
{
	const struct gl_service *services = ask->image->services;
	struct explain_head head;

	for (uint32_t i = 0; i < ask->image->n_services; i++) {
		explain_read(ask->image, &services[i], ask->source, text, size, &head);
		if (!head.op)
			continue;
		if (ask->image->n_services > 1)
			step(steps, "no service given: %s is the first with such an operation",
			     service_name(ask, &services[i]));
		return &services[i];
	}
	if (ask->image->n_services > 1)
		step(steps, "no service given, none has such an operation: the first one");
	return ask->image->n_services ? &services[0] : NULL;
}

static int find_service(const struct explain_ask *ask, const char *text, size_t size, json_t *steps,
			char wrong[EXPLAIN_WRONG], const struct gl_service **ret_service)
{
	const struct gl_service *service = NULL;
	unsigned at;

	if (ask->service) {
		service = named_service(ask);
		snprintf(wrong, EXPLAIN_WRONG, "the policy has no service '%.80s'", ask->service);
	} else if (ask->port) {
		at = ask->image->port_service[ask->port];
		service = at && at <= GL_SERVICES_MAX ? &ask->image->services[at - 1] : NULL;
		snprintf(wrong, EXPLAIN_WRONG, "no service of the policy has port %u", ask->port);
	} else {
		service = guessed_service(ask, text, size, steps);
		snprintf(wrong, EXPLAIN_WRONG, "the policy has no services");
	}
	if (!service)
		return -ENOENT;
	*ret_service = service;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * The answer, in the order of judgement
 */
static const char *operation_text(const struct explain_ask *ask, uint32_t op)
{
	const char *name =
		op < GL_OPS_MAX ? intern_name(ask->intern, INTERN_OPERATION, ask->image->ops[op].id)
				: NULL;

	return name ? operation_label(name) : "?";
}

static const char *class_text(const struct explain_ask *ask, uint16_t cls)
{
	const char *name = cls < GL_CLASSES_MAX ? intern_name(ask->intern, INTERN_CLASS,
							      ask->image->classes[cls].id)
						: NULL;

	return name ? name : "?";
}

static void step_path(const struct explain_ask *ask, const struct explain_head *head,
		      const struct explain_verdict *v, json_t *steps)
{
	if (head->outcome == GL_OUTCOME_AMBIGUOUS) {
		for (size_t i = 0; i < ARRAY_SIZE(ambiguities); i++)
			if (head->ambiguous & ambiguities[i].bit)
				step(steps, "the path is ambiguous: %s", ambiguities[i].what);
		step(steps, "judged as the strictest operation: %s", operation_text(ask, v->op));
	} else if (head->outcome != GL_OUTCOME_OK) {
		step(steps, "the head cannot be read: %s", name_outcome(head->outcome));
	} else if (!head->op) {
		step(steps, "no operation matches: the service's default");
	} else {
		step(steps, "operation: %s", operation_text(ask, v->op));
	}
}

static void step_source(const struct explain_ask *ask, const struct explain_head *head,
			json_t *steps)
{
	char text[ADDR_TEXT];

	if (head->forwarded)
		step(steps, "source: %s, from the forwarding header of a trusted proxy",
		     addr_format(&head->source, text));
	else if (ask->source)
		step(steps, "source: %s%s", addr_format(ask->source, text),
		     head->trusted_peer ? ", a trusted proxy that names no client" : "");
	else
		step(steps, "no source given: as somebody never seen");
}

static void step_credential(const struct explain_head *head, const struct explain_verdict *v,
			    json_t *steps)
{
	if (!head->credential)
		step(steps, "no credential: counts against the source");
	else if (head->two_credentials)
		step(steps, "the same kind of credential twice: no principal, the source counts");
	else if (v->proven)
		step(steps, "credential of a proven principal: counts for itself");
	else
		step(steps, "credential, not proven to the application: the source counts");
}

static void step_limit(const struct explain_ask *ask, const struct explain_verdict *v,
		       json_t *steps)
{
	const struct gl_class *cls = v->cls < GL_CLASSES_MAX ? &ask->image->classes[v->cls] : NULL;
	char window[DURATION_TEXT];

	if (!cls) {
		if (v->verdict == GL_VERDICT_ALLOW)
			step(steps, "no class: not limited");
		return;
	}
	duration_format(v->window_s, window);
	if (cls->flags & GL_CLASS_EXEMPT)
		step(steps, "class %s: exempt", class_text(ask, v->cls));
	else if (v->verdict == GL_VERDICT_LIMIT)
		step(steps, "class %s: %u in %s, none left; again in %u s", class_text(ask, v->cls),
		     v->limit, window, v->retry_s);
	else
		step(steps, "class %s: %u in %s, %u left after this one", class_text(ask, v->cls),
		     v->limit, window, v->remaining);
}

static void step_mode(const struct explain_verdict *v, json_t *steps)
{
	if (v->verdict == GL_VERDICT_ALLOW)
		return;
	if (v->enforced)
		step(steps, "mode enforce: %s", name_verdict(v->verdict));
	else
		step(steps, "mode monitor%s: it passes; enforce would %s",
		     v->monitor ? " (of the rule)" : "", name_verdict(v->verdict));
}

static json_t *answer(const struct explain_ask *ask, const struct gl_service *service,
		      const struct explain_head *head, const struct explain_verdict *v,
		      json_t *steps)
{
	const struct gl_addr *source = head->forwarded ? &head->source : ask->source;
	bool limited = v->cls < GL_CLASSES_MAX && v->limit;
	char text[ADDR_TEXT];
	json_t *o;

	step_source(ask, head, steps);
	step_path(ask, head, v, steps);
	if (head->outcome == GL_OUTCOME_OK || head->outcome == GL_OUTCOME_AMBIGUOUS)
		step_credential(head, v, steps);
	step(steps, "verdict: %s (%s)", name_verdict(v->verdict), name_reason(v->reason));
	step_limit(ask, v, steps);
	step_mode(v, steps);
	o = json_pack("{s:s, s:s, s:s?, s:s?, s:b, s:b, s:s, s:s, s:b, s:s, s:s, s:O}", "service",
		      service_name(ask, service), "operation", operation_text(ask, v->op), "class",
		      v->cls < GL_CLASSES_MAX ? class_text(ask, v->cls) : NULL, "source",
		      source ? addr_format(source, text) : NULL, "principal", head->credential != 0,
		      "proven", v->proven, "verdict", name_verdict(v->verdict), "mode",
		      v->enforced ? "enforce" : "monitor", "would",
		      !v->enforced && v->verdict != GL_VERDICT_ALLOW, "reason",
		      name_reason(v->reason), "detail",
		      v->reason < GL_REASON_MAX ? details[v->reason] : "", "steps", steps);
	json_object_set_new(o, "limit", limited ? json_integer(v->limit) : json_null());
	json_object_set_new(o, "remaining", limited ? json_integer(v->remaining) : json_null());
	json_object_set_new(o, "retrySeconds", json_integer(v->retry_s));
	return o;
}

int explain(const struct explain_ask *ask, char wrong[EXPLAIN_WRONG], json_t **ret_json)
{
	_cleanup_free_ char *text = NULL;
	const struct gl_service *service;
	struct explain_verdict verdict;
	struct explain_head head;
	json_t *steps;
	size_t size;
	int r = build_head(ask, wrong, &text, &size);

	if (r < 0)
		return r;
	steps = json_array();
	r = find_service(ask, text, size, steps, wrong, &service);
	if (r == 0) {
		step(steps, "service: %s", service_name(ask, service));
		explain_read(ask->image, service, ask->source, text, size, &head);
		explain_decide(ask, service, &head, &verdict);
		*ret_json = answer(ask, service, &head, &verdict, steps);
	}
	json_decref(steps);
	return r;
}
