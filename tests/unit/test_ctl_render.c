/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_ctl_render.c - what glacisctl asks for each command, and what it makes of the answer: for
 * people, for programs, and as an exit code. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "tests/unit/fake_agent.h"

#define OK      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
#define CREATED "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\n\r\n"
#define PROBLEM "\r\nContent-Type: application/problem+json\r\n\r\n"

struct row {
	const char *words; /* as for run_ctl() */
	const char *request; /* first line and, if any, the body: "PUT /v1/mode {…}" */
	const char *answer;
	int code;
	const char *out; /* all of it */
	const char *err; /* part of it; NULL: nothing */
};

/* "METHOD target body" of the bytes sent. */
static void squeeze(const char *request, char *line, size_t size)
{
	const char *end = strstr(request, " HTTP/1.1"), *body = strstr(request, "\r\n\r\n");

	assert_non_null(end);
	assert_non_null(body);
	snprintf(line, size, "%.*s%s%s", (int)(end - request), request, body[4] ? " " : "",
		 body + 4);
}

static void check_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct fake_agent agent = {.n = 1, .answers = {rows[i].answer}};
		_cleanup_(ctl_result_clear) struct ctl_result result = {0};
		char request[2048] = "";

		fake_start(&agent);
		result = run_ctl(agent.path, rows[i].words);
		if (agent.requests[0])
			squeeze(agent.requests[0], request, sizeof(request));
		fake_stop(&agent);
		if (strcmp(request, rows[i].request) != 0)
			fail_msg("%s asked: %s", rows[i].words, request);
		if (result.code != rows[i].code || strcmp(result.out, rows[i].out) != 0 ||
		    (rows[i].err ? !strstr(result.err, rows[i].err) : *result.err))
			fail_msg("%s: exit %d\n%s---\n%s", rows[i].words, result.code, result.out,
				 result.err);
	}
}

static void test_containment(void **state)
{
	static const struct row rows[] = {
		{"block 192.0.2.7 --ttl 1h --reason ticket_1",
		 "POST /v1/decisions {\"source\":\"192.0.2.7\",\"verdict\":\"ban\",\"ttl\":\"1h\","
		 "\"reason\":\"ticket 1\",\"force\":false,\"dryRun\":false,\"keepOpen\":false}",
		 CREATED "{\"id\":\"1\",\"source\":\"192.0.2.7\",\"verdict\":\"ban\","
			 "\"expiresAt\":\"2026-01-31T14:03:07.123Z\"}",
		 0, "banned 192.0.2.7 until 2026-01-31T15:33:07+01:30\n", NULL},
		{"block 2001:db8::/48 --force --dry-run",
		 "POST /v1/decisions {\"source\":\"2001:db8::/48\",\"verdict\":\"ban\","
		 "\"force\":true,\"dryRun\":true,\"keepOpen\":false}",
		 OK "{\"id\":\"0\",\"source\":\"2001:db8::/48\",\"verdict\":\"ban\","
		    "\"expiresAt\":null}",
		 0, "would have banned 2001:db8::/48 for good\n", NULL},
		{"block 127.0.0.1",
		 "POST /v1/decisions {\"source\":\"127.0.0.1\",\"verdict\":\"ban\","
		 "\"force\":false,\"dryRun\":false,\"keepOpen\":false}",
		 "HTTP/1.1 409 Conflict" PROBLEM
		 "{\"title\":\"Conflict\",\"status\":409,\"detail\":\"127.0.0.1 is protected\"}",
		 1, "", "glacisctl: 127.0.0.1 is protected\n"},
		{"allow 192.0.2.0/24",
		 "POST /v1/decisions {\"source\":\"192.0.2.0/24\",\"verdict\":\"allow\","
		 "\"force\":false,\"dryRun\":false,\"keepOpen\":false}",
		 CREATED "{\"source\":\"192.0.2.0/24\",\"verdict\":\"allow\"}", 0,
		 "allowed 192.0.2.0/24 for good\n", NULL},
		{"unblock 192.0.2.0/24", "DELETE /v1/decisions?source=192.0.2.0%2F24&verdict=ban",
		 OK "{\"removed\":1}", 0, "withdrawn: ban of 192.0.2.0/24\n", NULL},
		{"unallow 192.0.2.7", "DELETE /v1/decisions?source=192.0.2.7&verdict=allow",
		 OK "{\"removed\":0}", 1, "", "there is no allowance of exactly 192.0.2.7"},
		{"decisions list", "GET /v1/decisions?limit=100",
		 OK "{\"items\":[{\"id\":\"12\",\"source\":\"192.0.2.7\",\"verdict\":\"ban\","
		    "\"hits\":1234,"
		    "\"origin\":\"manual\",\"reason\":\"x\\u001b[31m\\u202ey\","
		    "\"expiresAt\":\"2026-07-01T00:00:00Z\"},{\"source\":\"2001:db8::/48\","
		    "\"verdict\":\"allow\",\"hits\":0,\"origin\":\"escalation\"}],\"next\":null}",
		 0,
		 "ID  SUBJECT        VERDICT  EXPIRES                    HITS  ORIGIN      REASON\n"
		 "12  192.0.2.7      ban      2026-07-01T01:30:00+01:30  1234  manual      "
		 "x?[31m???y\n"
		 "    2001:db8::/48  allow    never                         0  escalation  \n",
		 NULL},
		{"decisions list", "GET /v1/decisions?limit=100", OK "{\"items\":[],\"next\":null}",
		 0, "no decisions\n", NULL},
		{"decisions remove 12", "DELETE /v1/decisions?id=12", OK "{\"removed\":1}", 0,
		 "withdrawn: decision 12\n", NULL},
		{"decisions remove 1x", "", "", 2, "", "a decision's number"},
		{"endpoint suspend POST_/pay --service shop --ttl 2h",
		 "POST /v1/decisions {\"verdict\":\"suspend\",\"service\":\"shop\","
		 "\"operation\":\"POST "
		 "/pay\",\"ttl\":\"2h\",\"force\":false,\"dryRun\":false,\"keepOpen\":false}",
		 CREATED "{\"id\":\"7\",\"subject\":\"shop POST /pay\",\"verdict\":\"suspend\","
			 "\"expiresAt\":\"2026-01-31T14:03:07.123Z\"}",
		 0,
		 "suspend shop POST /pay until 2026-01-31T15:33:07+01:30 (undo: glacisctl "
		 "decisions remove 7)\n",
		 NULL},
		{"endpoint suspend POST_/pay", "", "", 2, "", "--service"},
		{"endpoint resume POST_/pay --service shop",
		 "DELETE /v1/decisions?verdict=suspend&service=shop&operation=POST%20%2Fpay",
		 OK "{\"removed\":1}", 0, "withdrawn: POST /pay\n", NULL},
		{"key revoke sk_live_1234567890", "", "", 2, "", "standard input"},
		{"principal block sk_live_1234567890", "", "", 2, "", "16 hex digits"},
		{"principal unblock 00112233445566ff",
		 "DELETE /v1/decisions?verdict=revoke&principal=00112233445566ff",
		 OK "{\"removed\":1}", 0, "withdrawn: 00112233445566ff\n", NULL},
		{"service lockdown shop", "", "", 2, "", "--allow"},
		{"grant --source 192.0.2.7 --principal 00112233445566ff", "", "", 2, "", "either"},
		{"grant --source 192.0.2.7 --bans",
		 "POST /v1/decisions {\"verdict\":\"allow\",\"source\":\"192.0.2.7\","
		 "\"force\":false,\"dryRun\":false,\"keepOpen\":false}",
		 CREATED "{\"id\":\"8\",\"source\":\"192.0.2.7\",\"verdict\":\"allow\","
			 "\"expiresAt\":\"2026-01-31T14:03:07.123Z\"}",
		 0,
		 "allow 192.0.2.7 until 2026-01-31T15:33:07+01:30 (undo: glacisctl decisions "
		 "remove 8)\n",
		 NULL},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_observation(void **state)
{
	static const struct row rows[] = {
		{"limits show --source 192.0.2.7 --limit 5",
		 "GET /v1/limits?limit=5&source=192.0.2.7",
		 OK
		 "{\"items\":[{\"service\":\"shop\",\"class\":\"auth\",\"source\":\"192.0.2.7\","
		 "\"count\":5,\"limit\":5,\"window\":900,\"remaining\":0,\"resetSeconds\":874}]}",
		 0,
		 "SOURCE     SERVICE  CLASS  COUNT  LIMIT  REMAINING  RESET\n"
		 "192.0.2.7  shop     auth       5  5/15m          0  874 s\n",
		 NULL},
		{"sources top", "GET /v1/sources?limit=20",
		 OK "{\"items\":[{\"source\":\"192.0.2.7\",\"requests\":10,\"limited\":2,"
		    "\"refused\":1,\"lastSeen\":\"2026-01-31T14:03:07.123Z\"}]}",
		 0,
		 "SOURCE     REQUESTS  LIMITED  REFUSED  LAST SEEN\n"
		 "192.0.2.7        10        2        1  2026-01-31T15:33:07+01:30\n",
		 NULL},
		{"counters", "GET /v1/counters",
		 OK "{\"counters\":{\"packets\":12,\"lost-records\":0},"
		    "\"perSecond\":{\"packets\":1.25}}",
		 0,
		 "COUNTER  TOTAL  PER SECOND\n"
		 "packets     12         1.2\n",
		 NULL},
		{"events --limit 2", "GET /v1/events?limit=2",
		 OK "{\"items\":[{\"id\":\"1\",\"time\":\"2026-01-31T14:03:07.123Z\",\"kind\":"
		    "\"verdict\",\"verdict\":\"limit\",\"message\":\"LIMIT 192.0.2.7 POST /x\"},"
		    "{\"id\":\"2\",\"time\":\"2026-01-31T14:03:08Z\",\"kind\":\"verdict\","
		    "\"verdict\":\"ban\",\"source\":\"192.0.2.8\",\"operation\":\"GET /y\"}],"
		    "\"next\":null}",
		 0,
		 "2026-01-31T15:33:07+01:30  verdict   LIMIT 192.0.2.7 POST /x\n"
		 "2026-01-31T15:33:08+01:30  verdict   ban 192.0.2.8 GET /y\n",
		 NULL},
		{"events --responses -o json", "GET /v1/events?limit=20&kind=response",
		 OK "{\"items\":[{\"id\":\"1\",\"kind\":\"response\"}],\"next\":null}", 0,
		 "{\"id\":\"1\",\"kind\":\"response\"}\n", NULL},
		{"explain POST_/api/v1/auth/login --source 192.0.2.7 --header A:_b --port 8080",
		 "POST /v1/explain {\"request\":\"POST /api/v1/auth/login\",\"service\":null,"
		 "\"port\":8080,\"source\":\"192.0.2.7\",\"headers\":[\"A: b\"]}",
		 OK "{\"service\":\"shop\",\"operation\":\"POST /api/v1/auth/**\",\"class\":"
		    "\"auth\",\"source\":\"192.0.2.7\",\"principal\":false,\"verdict\":\"limit\","
		    "\"reason\":\"source-limit\",\"detail\":\"5 of 5 used\",\"steps\":[\"no ban\","
		    "\"public\"],\"limit\":5,\"remaining\":0}",
		 0,
		 "request     POST /api/v1/auth/login\n"
		 "source      192.0.2.7\n"
		 "service     shop\n"
		 "operation   POST /api/v1/auth/**\n"
		 "class       auth (limit 5, 0 left)\n"
		 "verdict     limit, source-limit\n"
		 "because     5 of 5 used\n"
		 "  1. no ban\n"
		 "  2. public\n",
		 NULL},
		{"explain urn:glacis:verdict:00C0FFEE00C0FFEE", "GET /v1/verdicts/00c0ffee00c0ffee",
		 OK "{\"id\":\"7\",\"time\":\"2026-01-31T14:03:07.123Z\",\"kind\":\"verdict\","
		    "\"instance\":\"urn:glacis:verdict:00c0ffee00c0ffee\",\"verdict\":\"limit\","
		    "\"would\":true,\"reason\":\"source-limit\",\"class\":\"auth\",\"limit\":5,"
		    "\"window\":900,\"remaining\":0,\"status\":429,\"delivery\":\"answer\"}",
		 0,
		 "instance    urn:glacis:verdict:00c0ffee00c0ffee\n"
		 "time        2026-01-31T15:33:07+01:30\n"
		 "class       auth (limit 5/15m, 0 left)\n"
		 "verdict     would limit, source-limit\n"
		 "status      429\n"
		 "delivery    answer\n",
		 NULL},
		{"explain 00c0ffee00c0ffee", "GET /v1/verdicts/00c0ffee00c0ffee",
		 "HTTP/1.1 404 Not Found" PROBLEM "{\"status\":404,\"title\":\"Not Found\"}", 1, "",
		 "glacisctl: Not Found\n"},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_policy_and_mode(void **state)
{
	static const struct row rows[] = {
		{"policy show", "GET /v1/policy", OK "{\"name\":\"shop\",\"text\":\"a: 1\\nb: 2\"}",
		 0, "a: 1\nb: 2\n", NULL},
		{"policy show -o json", "GET /v1/policy", OK "{\"name\":\"shop\"}", 0,
		 "{\n  \"name\": \"shop\"\n}\n", NULL},
		{"policy show", "GET /v1/policy",
		 "HTTP/1.1 403 Forbidden" PROBLEM
		 "{\"status\":403,\"title\":\"Forbidden\",\"detail\":\"not for you\"}",
		 1, "", "glacisctl: not for you\n"},
		{"mode enforce --service shop",
		 "PUT /v1/mode {\"mode\":\"enforce\",\"service\":\"shop\"}",
		 OK "{\"mode\":\"enforce\",\"service\":\"shop\"}", 0, "service shop: enforce\n",
		 NULL},
		{"mode policy", "PUT /v1/mode {\"mode\":\"policy\",\"service\":null}",
		 OK "{\"mode\":\"policy\",\"service\":null}", 0, "host: as the policy says\n",
		 NULL},
		{"mode monitor --dry-run", "GET /v1/status",
		 OK
		 "{\"mode\":\"enforce\",\"services\":[{\"name\":\"shop\",\"mode\":\"enforce\"}]}",
		 0,
		 "host: now enforce, would be monitor\nservice shop: now enforce\n"
		 "nothing changed\n",
		 NULL},
		{"panic", "POST /v1/panic {}", OK "{\"mode\":\"monitor\"}", 0,
		 "everything is in monitor: nothing is refused any more\n"
		 "back with: glacisctl mode policy\n",
		 NULL},
		{"doctor", "GET /v1/doctor", "HTTP/1.1 503 Busy" PROBLEM "not json", 1, "",
		 "HTTP status 503"},
		{"doctor", "GET /v1/doctor", OK "not json", 3, "",
		 "what answers there is not glacis"},
		{"doctor", "GET /v1/doctor", "nonsense\r\n\r\n", 3, "",
		 "what answers there is not glacis"},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_status(void **state)
{
	static const char body[] =
		"{\"version\":\"1\",\"pid\":42,\"state\":\"ready\",\"since\":"
		"\"2026-01-31T14:03:07.123Z\",\"adopted\":true,\"mode\":\"monitor\",\"policy\":"
		"{\"name\":\"shop\",\"generation\":3,\"loadedAt\":\"2026-01-31T14:03:07.123Z\"},"
		"\"doors\":[{\"door\":\"wire\",\"netns\":\"self\",\"device\":\"eth0\",\"how\":"
		"\"tcx\"}],\"services\":[{\"name\":\"shop\",\"mode\":\"monitor\",\"ports\":"
		"[8080,8443],\"listening\":[{\"port\":8080,\"address\":\"0.0.0.0\",\"executable\":"
		"\"nginx\"}]}],\"unwatched\":[{\"port\":22,\"address\":\"::\",\"executable\":"
		"\"sshd\"}],\"decisions\":2,\"windows\":{\"used\":7,\"capacity\":131072}}";
	_cleanup_free_ char *ready = NULL, *degraded = NULL;
	struct row rows[2] = {
		{"status", "GET /v1/status", NULL, 0,
		 "agent       ready (pid 42, version 1, since 2026-01-31T15:33:07+01:30, adopted)\n"
		 "mode        monitor\n"
		 "policy      shop (generation 3, loaded 2026-01-31T15:33:07+01:30)\n"
		 "decisions   2\n"
		 "windows     7 of 131072\n"
		 "\n"
		 "SERVICE  MODE     PORTS      LISTENING\n"
		 "shop     monitor  8080,8443  nginx (0.0.0.0:8080)\n"
		 "\n"
		 "DOOR  DEVICE  NETNS  HOW\n"
		 "wire  eth0    self   tcx\n"
		 "\n"
		 "unwatched: sshd (:::22)\n",
		 NULL},
		{"status", "GET /v1/status", NULL, 1,
		 "agent       degraded (pid 1, version 1)\n"
		 "trouble     no doors\n"
		 "policy      none\n"
		 "\n"
		 "no services: the policy names none\n"
		 "\n"
		 "no doors: nothing is guarded\n",
		 NULL},
	};

	(void)state;
	assert_true(asprintf(&ready, OK "%s", body) > 0);
	assert_true(asprintf(&degraded, OK "{\"version\":\"1\",\"pid\":1,\"state\":\"degraded\","
					   "\"trouble\":\"no doors\"}") > 0);
	rows[0].answer = ready;
	rows[1].answer = degraded;
	check_rows(rows, ARRAY_SIZE(rows));
}

static void test_doctor(void **state)
{
	static const struct row rows[] = {
		{"doctor", "GET /v1/doctor",
		 OK "{\"features\":[{\"name\":\"tcx\",\"available\":true,\"detail\":\"yes\"}],"
		    "\"memory\":[{\"map\":\"windows\",\"bytes\":8388608,\"entries\":131072},"
		    "{\"map\":\"control\",\"bytes\":512,\"entries\":1}],"
		    "\"checks\":[{\"name\":\"doors\",\"ok\":true,\"detail\":\"1 held\"}]}",
		 0,
		 "FEATURE  AVAILABLE  DETAIL\n"
		 "tcx      yes        yes\n"
		 "\n"
		 "MAP       MEMORY  ENTRIES\n"
		 "windows  8.0 MiB   131072\n"
		 "control    512 B        1\n"
		 "total    8.0 MiB         \n"
		 "\n"
		 "CHECK  OK   DETAIL\n"
		 "doors  yes  1 held\n",
		 NULL},
		{"doctor -o json", "GET /v1/doctor",
		 OK "{\"checks\":[{\"name\":\"doors\",\"ok\":false}]}", 1,
		 "{\n  \"checks\": [\n    {\n      \"name\": \"doors\",\n      \"ok\": false\n"
		 "    }\n  ]\n}\n",
		 NULL},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows));
}

/* The policy's problems come out as a compiler's would, about the file as it was named. */
static void test_apply(void **state)
{
	char file[] = "/tmp/test-ctl-policy.XXXXXX", words[128], expected[512];
	int fd = mkstemp(file);
	struct row row = {.words = words, .request = expected};

	(void)state;
	assert_int_equal(write(fd, "a: 1\n", 5), 5);
	close(fd);
	snprintf(words, sizeof(words), "policy apply %s", file);
	snprintf(expected, sizeof(expected),
		 "POST /v1/policy {\"text\":\"a: 1\\n\",\"name\":\"%s\",\"dryRun\":false}", file);
	row.answer = "HTTP/1.1 422 Unprocessable Content" PROBLEM
		     "{\"status\":422,\"detail\":\"the policy has 1 error\",\"problems\":["
		     "{\"severity\":\"error\",\"line\":1,\"column\":4,\"path\":\"a\",\"message\":"
		     "\"a is unknown\",\"hint\":\"remove it\"}]}";
	row.code = 1;
	row.out = "";
	row.err = ":1:4: error: a is unknown (at a)\n    hint: remove it\n";
	check_rows(&row, 1);

	row.answer = OK "{\"generation\":4,\"warnings\":[{\"severity\":\"warning\",\"line\":2,"
			"\"column\":1,\"message\":\"unreachable\"}],\"changes\":[\"+ class x\"]}";
	row.code = 0;
	row.err = ":2:1: warning: unreachable\n";
	snprintf(words + strlen(words), sizeof(words) - strlen(words), " -o json");
	row.out = "{\n  \"generation\": 4,\n  \"warnings\": [\n    {\n      \"severity\": "
		  "\"warning\",\n      \"line\": 2,\n      \"column\": 1,\n      \"message\": "
		  "\"unreachable\"\n    }\n  ],\n  \"changes\": [\n    \"+ class x\"\n  ]\n}\n";
	check_rows(&row, 1);
	unlink(file);
}

/* Three pages, then the limit cuts; a 429 in between is waited for as it says. */
static void test_pages(void **state)
{
	struct fake_agent agent = {
		.n = 3,
		.answers = {OK "{\"items\":[{\"source\":\"192.0.2.1\"},{\"source\":\"192.0.2.2\"}],"
			       "\"next\":\"a/b\"}",
			    "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\n\r\n{}",
			    OK "{\"items\":[{\"source\":\"192.0.2.3\"},{\"source\":\"192.0.2.4\"}],"
			       "\"next\":\"c\"}"},
	};
	_cleanup_(ctl_result_clear) struct ctl_result result = {0};
	char request[256];

	(void)state;
	fake_start(&agent);
	result = run_ctl(agent.path, "decisions list --limit 3");
	assert_int_equal(result.code, 0);
	assert_int_equal(agent.served, 3);
	squeeze(agent.requests[0], request, sizeof(request));
	assert_string_equal(request, "GET /v1/decisions?limit=3");
	squeeze(agent.requests[2], request, sizeof(request));
	assert_string_equal(request, "GET /v1/decisions?limit=1&after=a%2Fb");
	assert_non_null(strstr(result.out, "192.0.2.3"));
	assert_null(strstr(result.out, "192.0.2.4"));
	fake_stop(&agent);
}

/* The stream is opened first, then what was before is shown, and nothing twice. */
static void test_follow(void **state)
{
	struct fake_agent agent = {
		.n = 1,
		.answers = {OK "{\"id\":\"1\",\"time\":\"2026-01-31T14:03:07Z\",\"kind\":\"mode\","
			       "\"message\":\"one\"}\n{\"lost\":3}\n{\"id\":\"2\",\"time\":"
			       "\"2026-01-31T14:03:08Z\",\"kind\":\"mode\",\"message\":\"two\"}\n"},
	};
	_cleanup_(ctl_result_clear) struct ctl_result result = {0};

	(void)state;
	fake_start(&agent);
	result = run_ctl(agent.path, "events --follow");
	fake_stop(&agent);
	assert_int_equal(result.code, CTL_UNREACHABLE);
	assert_string_equal(result.out, "2026-01-31T15:33:07+01:30  mode      one\n"
					"(3 events were lost: this reader was too slow)\n"
					"2026-01-31T15:33:08+01:30  mode      two\n");
	assert_non_null(strstr(result.err, "the agent ended"));
}

static void *start_late(void *arg)
{
	struct fake_agent *agent = arg;
	const struct timespec later = {.tv_nsec = 50000000};

	nanosleep(&later, NULL); /* sleep: the waiting is what is tested */
	mkdir(agent->dir, 0755);
	if (socket_listen_unix(agent->path, 0600, SOCKET_NO_GROUP, 8, &agent->listen_fd) < 0)
		abort();
	fcntl(agent->listen_fd, F_SETFL, 0);
	return fake_serve(agent);
}

/* Neither the directory nor the socket is there at first; then an agent that is not ready yet. */
static void test_wait(void **state)
{
	struct fake_agent agent = {
		.dir = "/tmp/test-ctl-wait.XXXXXX",
		.n = 7, /* each question is preceded by a look whether somebody listens */
		.answers = {"", "HTTP/1.1 503 Service Unavailable\r\n\r\n{}", "",
			    OK "{\"state\":\"starting\"}", "", OK "{\"state\":\"ready\"}",
			    OK "{\"state\":\"ready\"}"},
		.listen_fd = -1,
	};
	_cleanup_(ctl_result_clear) struct ctl_result result = {0};
	pthread_t thread;

	(void)state;
	/* a name of our own that is not there */
	assert_non_null(mkdtemp(agent.dir));
	assert_int_equal(rmdir(agent.dir), 0);
	snprintf(agent.path, sizeof(agent.path), "%s/glacis.sock", agent.dir);
	pthread_create(&thread, NULL, start_late, &agent);
	result = run_ctl(agent.path, "status --wait 20s -o json");
	pthread_join(thread, NULL);
	assert_int_equal(result.code, 0);
	assert_string_equal(result.out, "{\n  \"state\": \"ready\"\n}\n");
	close(agent.listen_fd);
	agent.listen_fd = -1;
	fake_stop(&agent);
}

static void test_wait_in_vain(void **state)
{
	_cleanup_(ctl_result_clear) struct ctl_result result =
		run_ctl("/nonexistent/glacis.sock", "status --wait 1s");

	(void)state;
	assert_int_equal(result.code, CTL_UNREACHABLE);
	assert_non_null(strstr(result.err, "no agent: /nonexistent/glacis.sock"));
}

/* Removing is for pins: a directory of files is left alone, dry or not. */
static void test_detach_refuses(void **state)
{
	static const char *const forms[] = {"detach --pin-dir %s", "detach --dry-run --pin-dir %s"};
	char dir[] = "/tmp/test-ctl-pins.XXXXXX", words[128], path[128];
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/precious", dir);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		_cleanup_(ctl_result_clear) struct ctl_result result = {0};

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(words, sizeof(words), forms[i], dir);
#pragma GCC diagnostic pop
		result = run_ctl("/nonexistent/glacis.sock", words);
		assert_int_equal(result.code, CTL_REFUSED);
		assert_non_null(strstr(result.err, "is not a directory of pins"));
		assert_int_equal(stat(path, &st), 0);
	}
	unlink(path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containment),
		cmocka_unit_test(test_observation),
		cmocka_unit_test(test_policy_and_mode),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_doctor),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_wait_in_vain),
		cmocka_unit_test(test_detach_refuses),
	};

	setenv("TZ", "TST-1:30", 1); /* half an hour off, no daylight saving */
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
