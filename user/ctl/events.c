/* SPDX-License-Identifier: GPL-2.0-or-later */
/* events.c - glacisctl events: what happened, and what happens. */
#include <stdlib.h>
#include <string.h>

#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define PAGE_MAX 100
#define SHOWN    20

static enum out_color color_of(const json_t *event)
{
	if (json_is_true(json_object_get(event, "would")))
		return OUT_YELLOW;
	return out_verdict_color(out_member(event, "verdict"));
}

/* What is known of an event whose agent wrote no line for people. */
static const char *fallback(const json_t *event)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s %s %s", out_member(event, "verdict"),
		 out_member(event, "source"), out_member(event, "operation"));
	return text;
}

static void print_event(const struct ctl *ctl, const json_t *event)
{
	const json_t *lost = json_object_get(event, "lost");
	const char *message = out_member(event, "message");

	if (ctl->json) {
		json_dumpf(event, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
	} else if (lost) {
		fprintf(ctl->out, "%s(%s events were lost: this reader was too slow)%s\n",
			out_color(ctl, OUT_RED), out_member(event, "lost"),
			out_color(ctl, OUT_PLAIN));
	} else {
		fprintf(ctl->out, "%s%s%s  %-8s  %s%s%s\n", out_color(ctl, OUT_DIM),
			out_clean(out_time(out_member(event, "time"))), out_color(ctl, OUT_PLAIN),
			out_clean(out_member(event, "kind")), out_color(ctl, color_of(event)),
			out_clean(*message ? message : fallback(event)), out_color(ctl, OUT_PLAIN));
	}
}

struct following {
	const struct ctl *ctl;
	unsigned recent;
	json_t *shown; /* ids of the recent ones, which the stream may bring again */
};

static int fetch(const struct ctl *ctl, unsigned max, json_t **ret_events)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/events?limit=%u%s", max,
		 ctl_option(ctl, "responses") ? "&kind=response" : "");
	return api_call(ctl, "GET", path, NULL, ret_events);
}

/* The stream is open: what happened before and is shown now cannot have been missed between. */
static int show_recent(void *userdata)
{
	struct following *following = userdata;
	json_t *events = NULL, *event;
	size_t i;

	if (following->recent == 0)
		return 0;
	if (fetch(following->ctl, following->recent, &events) != CTL_OK)
		return 1;
	for (i = 0; (event = json_array_get(json_object_get(events, "items"), i)); i++) {
		print_event(following->ctl, event);
		json_object_set_new(following->shown, out_member(event, "id"), json_true());
	}
	fflush(following->ctl->out);
	json_decref(events);
	return 0;
}

static int show_event(const json_t *event, void *userdata)
{
	const struct following *following = userdata;
	const char *id = out_member(event, "id");

	if (*id && json_object_get(following->shown, id))
		return 0;
	/* every handshake is too much here: glacisctl tls handshakes */
	if (strcmp(out_member(event, "kind"), "handshake") == 0)
		return 0;
	print_event(following->ctl, event);
	/* each line at once, also into a pipe; a reader that went away ends us */
	return fflush(following->ctl->out) == 0 ? 0 : 1;
}

static int run_events(struct ctl *ctl)
{
	bool follow = ctl_option(ctl, "follow");
	struct following following = {.ctl = ctl, .recent = follow ? 0 : SHOWN};
	const struct api_follower follower = {show_recent, show_event, &following};
	json_t *events = NULL, *event;
	size_t i;
	int r = numbers_option(ctl, "limit", 1, PAGE_MAX, &following.recent);

	if (r >= 0)
		return r;
	if (follow && ctl_option(ctl, "responses"))
		return ctl_usage(ctl,
				 "answered requests are not streamed: --responses or --follow");
	if (follow) {
		following.shown = json_object();
		r = api_follow(ctl, "/v1/events/stream", &follower);
		json_decref(following.shown);
		return r;
	}
	r = fetch(ctl, following.recent, &events);
	if (r != CTL_OK)
		return r;
	if (json_array_size(json_object_get(events, "items")) == 0 && !ctl->json)
		fputs("no events\n", ctl->out);
	for (i = 0; (event = json_array_get(json_object_get(events, "items"), i)); i++)
		print_event(ctl, event);
	json_decref(events);
	return CTL_OK;
}

const struct ctl_command ctl_event_commands[] = {
	{
		.name = "events",
		.arguments = "",
		.summary = "Recent verdicts and changes; with --follow as they happen",
		.details = "With -o json one object a line. With --follow until Ctrl-C.",
		.example = "glacisctl events --follow --limit 10",
		.options = {{"follow", NULL, "go on with what happens now"},
			    {"responses", NULL, "requests the application answered, instead"},
			    {"limit", "N", "so many recent ones (default 20; with --follow none)"}},
		.run = run_events,
	},
	{.name = NULL},
};
