/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tls.c - glacisctl tls, tls handshakes, tls forget: what handshakes were. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/numbers.h"
#include "user/ctl/out.h"

#define PAGE_MAX 100
#define SHOWN    20

static void print_values(const struct ctl *ctl, const json_t *service, const char *kind,
			 const char *title)
{
	const char *const titles[] = {title, ">COUNT", "FIRST SEEN", "LAST SEEN"};
	const json_t *items = json_object_get(service, kind), *item;
	struct out_table *table;
	size_t i;

	if (json_array_size(items) == 0)
		return;
	fputc('\n', ctl->out);
	table = out_table_new(titles, ARRAY_SIZE(titles));
	for (i = 0; (item = json_array_get(items, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(item, "value"), out_member(item, "count"),
			out_time(out_member(item, "firstSeen")),
			out_time(out_member(item, "lastSeen")));
	out_table_print(ctl, table, "");
}

static void print_names(const struct ctl *ctl, const json_t *service)
{
	static const char *const titles[] = {"NAME", ">PORT", "BEST", "LAST", "BEST SEEN"};
	const json_t *items = json_object_get(service, "names"), *item;
	struct out_table *table;
	size_t i;

	if (json_array_size(items) == 0)
		return;
	fputc('\n', ctl->out);
	table = out_table_new(titles, ARRAY_SIZE(titles));
	for (i = 0; (item = json_array_get(items, i)); i++) {
		const char *name = out_member(item, "serverName");

		OUT_ROW(table, json_is_true(json_object_get(item, "fell")) ? OUT_RED : OUT_PLAIN,
			*name ? name : "(no name)", out_member(item, "port"),
			out_member(item, "best"), out_member(item, "last"),
			out_time(out_member(item, "bestSeen")));
	}
	out_table_print(ctl, table, "");
}

static void print_service(const struct ctl *ctl, const json_t *service)
{
	static const char *const kinds[][2] = {
		{"versions", "VERSION"}, {"ciphers", "CIPHER"},           {"groups", "GROUP"},
		{"alpn", "ALPN"},        {"serverNames", "OFFERED NAME"}, {"ja4", "JA4"},
	};

	fprintf(ctl->out, "%s%s%s  floor %s\n", out_color(ctl, OUT_BOLD),
		out_clean(out_member(service, "service")), out_color(ctl, OUT_PLAIN),
		out_clean(out_member(service, "minVersion")));
	if (json_array_size(json_object_get(service, "ja4")) == 0)
		fputs("no handshakes seen\n", ctl->out);
	print_names(ctl, service);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		print_values(ctl, service, kinds[i][0], kinds[i][1]);
	fputc('\n', ctl->out);
}

static int run_tls(struct ctl *ctl)
{
	const char *service = ctl_option(ctl, "service");
	_cleanup_free_ char *encoded = service ? http_encode(service) : NULL, *path = NULL;
	json_t *answer = NULL, *item;
	size_t i;
	int r;

	if (asprintf(&path, "/v1/tls%s%s", encoded ? "?service=" : "", encoded ? encoded : "") < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "GET", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		for (i = 0; (item = json_array_get(json_object_get(answer, "items"), i)); i++)
			print_service(ctl, item);
	json_decref(answer);
	return CTL_OK;
}

/* ---------------------------------------------------------------------------------------------
 * Handshakes
 */
static bool is_wanted(const struct ctl *ctl, const json_t *event)
{
	const char *service = ctl_option(ctl, "service");

	return strcmp(out_member(event, "kind"), "handshake") == 0 &&
	       (!service || strcmp(out_member(event, "service"), service) == 0);
}

static void print_handshake(const struct ctl *ctl, const json_t *event)
{
	bool refused = *out_member(event, "reason");

	if (ctl->json) {
		json_dumpf(event, ctl->out, JSON_COMPACT);
		fputc('\n', ctl->out);
		return;
	}
	fprintf(ctl->out, "%s%s%s  %s%s%s\n", out_color(ctl, OUT_DIM),
		out_clean(out_time(out_member(event, "time"))), out_color(ctl, OUT_PLAIN),
		out_color(ctl, refused ? OUT_RED : OUT_PLAIN),
		out_clean(out_member(event, "message")), out_color(ctl, OUT_PLAIN));
}

static int follow_handshake(const json_t *event, void *userdata)
{
	const struct ctl *ctl = userdata;

	if (!is_wanted(ctl, event))
		return 0;
	print_handshake(ctl, event);
	return fflush(ctl->out) == 0 ? 0 : 1;
}

static int run_handshakes(struct ctl *ctl)
{
	const struct api_follower follower = {NULL, follow_handshake, ctl};
	unsigned limit = SHOWN;
	json_t *answer = NULL, *event;
	char path[64];
	size_t i;
	int r = numbers_option(ctl, "limit", 1, PAGE_MAX, &limit);

	if (r >= 0)
		return r;
	if (ctl_option(ctl, "follow"))
		return api_follow(ctl, "/v1/events/stream", &follower);
	snprintf(path, sizeof(path), "/v1/events?kind=handshake&limit=%u", limit);
	r = api_call(ctl, "GET", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	if (json_array_size(json_object_get(answer, "items")) == 0 && !ctl->json)
		fputs("no handshakes seen\n", ctl->out);
	for (i = 0; (event = json_array_get(json_object_get(answer, "items"), i)); i++)
		if (is_wanted(ctl, event))
			print_handshake(ctl, event);
	json_decref(answer);
	return CTL_OK;
}

static int run_forget(struct ctl *ctl)
{
	const char *service = ctl_option(ctl, "service");
	_cleanup_free_ char *encoded = service ? http_encode(service) : NULL, *path = NULL;
	json_t *answer = NULL;
	int r;

	if (!service)
		return ctl_usage(ctl, "--service says whose change was meant");
	if (!encoded || asprintf(&path, "/v1/tls/names?service=%s", encoded) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "DELETE", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		fprintf(ctl->out, "forgotten: the best versions of %s names of %s\n",
			out_member(answer, "forgotten"), out_clean(service));
	json_decref(answer);
	return CTL_OK;
}

/* ---------------------------------------------------------------------------------------------
 * Certificates
 */
static enum out_color color_of_end(const char *end)
{
	time_t now = time(NULL);
	struct tm tm = {};

	if (!strptime(end, "%Y-%m-%dT%H:%M:%S", &tm)) /* UTC, as all times of the API */
		return OUT_PLAIN;
	if (timegm(&tm) < now)
		return OUT_RED;
	return timegm(&tm) < now + 30 * 86400 ? OUT_YELLOW : OUT_PLAIN;
}

static void print_certificates(const struct ctl *ctl, const json_t *items)
{
	static const char *const titles[] = {"SERVICE",   ">PORT", "OF",    "NAMES",    "KEY",
					     "SIGNATURE", "UNTIL", ">SEEN", "LAST SEEN"};
	struct out_table *table = out_table_new(titles, ARRAY_SIZE(titles));
	const json_t *item;
	size_t i;

	for (i = 0; (item = json_array_get(items, i)); i++) {
		const char *names = out_member(item, "names"), *end = out_member(item, "notAfter");
		char key[64];

		snprintf(key, sizeof(key), "%.30s %.8s", out_member(item, "key"),
			 out_member(item, "keyBits"));
		OUT_ROW(table, color_of_end(end), out_member(item, "service"),
			out_member(item, "port"), out_member(item, "of"),
			*names ? names : out_member(item, "subject"), key,
			out_member(item, "signature"), end, out_member(item, "count"),
			out_time(out_member(item, "lastSeen")));
	}
	out_table_print(ctl, table,
			"no certificates seen (in TLS 1.3 only where the library is probed)");
}

static int run_certificates(struct ctl *ctl)
{
	const char *service = ctl_option(ctl, "service");
	_cleanup_free_ char *encoded = service ? http_encode(service) : NULL, *path = NULL;
	json_t *answer = NULL;
	int r;

	if (asprintf(&path, "/v1/tls/certificates%s%s", encoded ? "?service=" : "",
		     encoded ? encoded : "") < 0)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	r = api_call(ctl, "GET", path, NULL, &answer);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		print_certificates(ctl, json_object_get(answer, "items"));
	json_decref(answer);
	return CTL_OK;
}

const struct ctl_command ctl_tls_commands[] = {
	{
		.name = "tls",
		.arguments = "",
		.summary = "What each service's TLS handshakes were",
		.details =
			"Versions, ciphers, groups, names and fingerprints (JA4), each with first "
			"and last.",
		.example = "glacisctl tls --service shop",
		.options = {{"service", "NAME", "only of this service"}},
		.run = run_tls,
	},
	{
		.name = "tls handshakes",
		.arguments = "",
		.summary = "Recent TLS handshakes; with --follow as they happen",
		.details = "With -o json one object a line. With --follow until Ctrl-C.",
		.example = "glacisctl tls handshakes --follow --service shop",
		.options = {{"follow", NULL, "what happens from now on"},
			    {"service", "NAME", "only of this service"},
			    {"limit", "N", "so many recent ones (default 20)"}},
		.run = run_handshakes,
	},
	{
		.name = "tls certificates",
		.arguments = "",
		.summary = "Certificates as servers and clients sent them",
		.details = "Up to TLS 1.2 as seen on the wire; in TLS 1.3 it is encrypted, and "
			   "seen only "
			   "where the TLS library is probed.",
		.example = "glacisctl tls certificates --service shop",
		.options = {{"service", "NAME", "only of this service"}},
		.run = run_certificates,
	},
	{
		.name = "tls forget",
		.arguments = "",
		.summary = "A lower TLS version was meant: forget what a service has given before",
		.example = "glacisctl tls forget --service shop",
		.options = {{"service", "NAME", "whose"}},
		.run = run_forget,
	},
	{.name = NULL},
};
