/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_api.c - any request to the control API: a line "METHOD /path?query", then the body. Beyond
 * not crashing: each is answered exactly once, never with a fault of ours (5xx), and what a reader
 * asks changes nothing.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/fake_keeper.h"
#include "user/api/api.h"
#include "user/base/clock.h"
#include "user/keeper/incidents.h"
#include "user/respond/playbook.h"

#define AS_NEW 500 /* inputs for one keeper: what they do to it adds up */

static void clean(void)
{
	incidents_free(keeper.incidents);
	actions_free(keeper.actions);
	teardown(NULL);
}

static void begin(void)
{
	static unsigned inputs;

	if (inputs++ % AS_NEW)
		return;
	if (inputs > 1)
		clean();
	else
		atexit(clean);
	log_setup(LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	CHECK(setup(NULL) == 0 && keeper_incidents_new(&keeper) == 0);
	incidents_load(keeper.incidents);
	actions_load(keeper.actions);
	reload_follow(&keeper);
}

/* "a=b&c" -> {"a": "b", "c": ""}, as the courier gives it. */
static json_t *parameters(char *query)
{
	json_t *o = json_object();
	char *save = NULL;

	for (char *pair = query ? strtok_r(query, "&", &save) : NULL; pair;
	     pair = strtok_r(NULL, "&", &save)) {
		char *equals = strchr(pair, '=');

		if (equals)
			*equals = '\0';
		json_object_set_new(o, pair, json_string(equals ? equals + 1 : ""));
	}
	return o;
}

static void ask(int uid, const char *method, const char *path, json_t *query, json_t *body)
{
	json_t *request = json_pack("{s:i, s:s, s:s, s:O, s:O, s:{s:i, s:i, s:i, s:b}}", "id", 1,
				    "method", method, "path", path, "query", query, "body", body,
				    "peer", "uid", uid, "gid", 0, "pid", 1, "reader", 1);
	unsigned before = got.replies;

	if (!request) /* not UTF-8: the courier refuses it */
		return;
	api_handle(request, NULL, &keeper);
	json_decref(request);
	CHECK(got.replies == before + 1);
	CHECK(got.status >= 200 && got.status < 500);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const others[] = {"/v1/detach", "/v1/doctor", "/v1/exports", "/metrics"};
	char line[512], *path, *query_text;
	const uint8_t *end = memchr(data, '\n', size);
	size_t n = end ? (size_t)(end - data) : size, decisions;
	json_t *query, *body;

	if (n >= sizeof(line) || memchr(data, '\0', n))
		return 0;
	memcpy(line, data, n);
	line[n] = '\0';
	path = strchr(line, ' ');
	if (!path)
		return 0;
	*path++ = '\0';
	query_text = strchr(path, '?');
	if (query_text)
		*query_text++ = '\0';
	/* about the process, the host, and parts this keeper has not */
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (strcmp(path, others[i]) == 0)
			return 0;
	begin();
	query = parameters(query_text);
	body = end && n + 1 < size ? json_loadb((const char *)end + 1, size - n - 1, 0, NULL)
				   : json_null();
	if (json_is_object(body) || json_is_null(body)) {
		decisions = decisions_count(keeper.decisions);
		ask(1000, line, path, query, body);
		CHECK(decisions_count(keeper.decisions) == decisions);
		ask(0, line, path, query, body);
	}
	json_decref(query);
	json_decref(body);
	return 0;
}
