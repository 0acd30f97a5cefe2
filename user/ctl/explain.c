/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain.c - glacisctl explain: why a request would be, or was, decided as it is. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/duration.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define URN       "urn:glacis:verdict:"
#define ID_DIGITS 16

/* The 16 digits of an id or its URN, or NULL: a request then. */
static const char *find_id(const char *text)
{
	if (strncmp(text, URN, sizeof(URN) - 1) == 0)
		text += sizeof(URN) - 1;
	return strlen(text) == ID_DIGITS && strspn(text, "0123456789abcdefABCDEF") == ID_DIGITS
		       ? text
		       : NULL;
}

static const char *yes(const json_t *object, const char *name)
{
	return json_is_true(json_object_get(object, name)) ? "yes" : "";
}

static void print_verdict_line(const struct ctl *ctl, const json_t *object)
{
	const char *verdict = out_member(object, "verdict"), *reason = out_member(object, "reason");
	bool would = json_is_true(json_object_get(object, "would"));
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s%s%s%s", would ? "would " : "",
		 out_color(ctl, would ? OUT_YELLOW : out_verdict_color(verdict)),
		 out_clean(verdict), out_color(ctl, OUT_PLAIN), *reason ? ", " : "",
		 out_clean(reason));
	out_pair(ctl, "verdict", text);
}

static void print_class(const struct ctl *ctl, const json_t *object)
{
	const char *class = out_member(object, "class"), *limit = out_member(object, "limit");
	const char *remaining = out_member(object, "remaining");
	json_int_t window = json_integer_value(json_object_get(object, "window"));
	char text[512], duration[DURATION_TEXT];
	size_t n;

	if (!*class)
		return;
	n = (size_t)snprintf(text, sizeof(text), "%s", out_clean(class));
	if (*limit && n < sizeof(text))
		n += (size_t)snprintf(
			text + n, sizeof(text) - n, " (limit %s%s%s", limit, window > 0 ? "/" : "",
			window > 0 ? duration_format((uint64_t)window, duration) : "");
	if (*limit && n < sizeof(text))
		snprintf(text + n, sizeof(text) - n, "%s%s%s)", *remaining ? ", " : "", remaining,
			 *remaining ? " left" : "");
	out_pair(ctl, "class", text);
}

static void print_event(const struct ctl *ctl, const json_t *event)
{
	static const char *const plain[] = {"source", "peer", "service", "operation"};
	static const char *const after[] = {"delivery", "door",       "outcome",
					    "mode",     "generation", "port"};

	out_pair(ctl, "instance", out_clean(out_member(event, "instance")));
	out_pair(ctl, "time", out_time(out_member(event, "time")));
	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		out_pair(ctl, plain[i], out_clean(out_member(event, plain[i])));
	print_class(ctl, event);
	print_verdict_line(ctl, event);
	out_pair(ctl, "status", out_member(event, "status"));
	for (size_t i = 0; i < sizeof(after) / sizeof(*after); i++)
		out_pair(ctl, after[i], out_clean(out_member(event, after[i])));
	out_pair(ctl, "principal", yes(event, "principal"));
	out_pair(ctl, "proven", yes(event, "proven"));
	out_pair(ctl, "app saw it", yes(event, "appSaw"));
}

static int explain_id(struct ctl *ctl, const char *id)
{
	char path[64] = "/v1/verdicts/";
	json_t *event = NULL;
	size_t n = strlen(path);
	int r;

	for (; *id; id++)
		path[n++] = (char)tolower((unsigned char)*id);
	path[n] = 0;
	r = api_call(ctl, "GET", path, NULL, &event);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, event))
		print_event(ctl, event);
	json_decref(event);
	return CTL_OK;
}

static void print_explanation(const struct ctl *ctl, const json_t *explanation)
{
	static const char *const plain[] = {"source", "service", "operation"};
	const json_t *step;
	size_t i;

	out_pair(ctl, "request", out_clean(ctl->arguments[0]));
	for (i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		out_pair(ctl, plain[i], out_clean(out_member(explanation, plain[i])));
	print_class(ctl, explanation);
	out_pair(ctl, "principal", yes(explanation, "principal"));
	print_verdict_line(ctl, explanation);
	out_pair(ctl, "because", out_clean(out_member(explanation, "detail")));
	for (i = 0; (step = json_array_get(json_object_get(explanation, "steps"), i)); i++)
		fprintf(ctl->out, "%3zu. %s\n", i + 1, out_clean(json_string_value(step) ?: ""));
}

/* -1: fine. "GET /path", "Name: value". */
static int check_request(const struct ctl *ctl)
{
	const char *request = ctl->arguments[0], *space = strchr(request, ' ');
	const struct ctl_value *headers = ctl_values(ctl, "header");
	const char *source = ctl_option(ctl, "source");
	struct addr_prefix prefix;

	if (!space || space == request || !space[1])
		return ctl_usage(ctl,
				 "'%s' is neither a request, such as 'GET /api/v1/x', nor the id "
				 "of a verdict, 16 hexadecimal digits",
				 request);
	for (unsigned i = 0; i < headers->n; i++)
		if (!strchr(headers->items[i], ':'))
			return ctl_usage(ctl, "--header '%s': use 'Name: value'",
					 headers->items[i]);
	if (source && prefix_parse(source, &prefix) < 0)
		return ctl_usage(ctl, "--source %s is not an address", source);
	return -1;
}

static json_t *request_body(const struct ctl *ctl, unsigned port)
{
	const struct ctl_value *headers = ctl_values(ctl, "header");
	json_t *list = json_array();

	for (unsigned i = 0; i < headers->n; i++)
		json_array_append_new(list, json_string(headers->items[i]));
	return json_pack("{s:s,s:s?,s:o?,s:s?,s:o}", "request", ctl->arguments[0], "service",
			 ctl_option(ctl, "service"), "port", port ? json_integer(port) : NULL,
			 "source", ctl_option(ctl, "source"), "headers", list);
}

static int run_explain(struct ctl *ctl)
{
	const char *id = find_id(ctl->arguments[0]);
	json_t *explanation = NULL, *body;
	unsigned port = 0;
	int r;

	if (id)
		return explain_id(ctl, id);
	r = check_request(ctl);
	if (r < 0)
		r = numbers_option(ctl, "port", 1, 65535, &port);
	if (r >= 0)
		return r;
	body = request_body(ctl, port);
	if (!body)
		return ctl_usage(ctl, "an argument is not UTF-8");
	r = api_call(ctl, "POST", "/v1/explain", body, &explanation);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, explanation))
		print_explanation(ctl, explanation);
	json_decref(explanation);
	return CTL_OK;
}

const struct ctl_command ctl_explain_commands[] = {
	{
		.name = "explain",
		.arguments = "'METHOD /path'|ID",
		.min = 1,
		.max = 1,
		.summary = "Why a request would be refused, or was",
		.details = "With a request: what would be decided now; nothing is counted.\n"
			   "With the id in the 'instance' of an answer: the verdict as recorded.",
		.example = "glacisctl explain 'POST /api/v1/auth/login' --source 192.0.2.7",
		.options = {{"source", "ADDRESS", "who asks (default: a source never seen)"},
			    {"header", "'NAME: VALUE'", "of the request; may be repeated"},
			    {"service", "NAME", "if several could be meant"},
			    {"port", "PORT", "the same, by its port"}},
		.run = run_explain,
	},
	{.name = NULL},
};
