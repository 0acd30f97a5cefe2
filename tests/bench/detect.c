/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detect.c - what one transaction costs in all HTTP detectors: ns on one core, the best
 * of 41 rounds, for shapes that occur. Statements are only counted; masking them is in the figure.
 *
 *   gcc -std=gnu17 -O2 -D_GNU_SOURCE -I. -o /tmp/detect tests/bench/detect.c <objects> &&
 * /tmp/detect
 */
#include <stdio.h>
#include <time.h>

#include "tests/unit/tx_build.h"
#include "user/detect/detector.h"

#define ROUNDS 41
#define TIMES  2000

#define AGENT                                                                                      \
	"Host: api.shop.test\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\n"        \
	"Accept: application/json\nAccept-Encoding: gzip, br\nAccept-Language: en\n"               \
	"X-Request-Id: 7c1f6f9e-6d5c-4a0e-9a56-0a3c1de3a111\nConnection: keep-alive\n"
#define TOKEN                                                                                      \
	"Authorization: Bearer eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImsxIn0."               \
	"eyJpc3MiOiJodHRwczovL2xvZ2luLnNob3AudGVzdCIsInN1YiI6InUtNTUxMSIsImF1ZCI6ImFwaSIsImlhdCI6" \
	"MTc2Mzk5OTk0MCwiZXhwIjoxNzY0MDAwODQwfQ.c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl\n"
#define SERVER                                                                                     \
	"Date: Mon, 24 Nov 2025 16:00:00 GMT\nServer: nginx\nConnection: keep-alive\n"             \
	"Cache-Control: no-store\nVary: Accept-Encoding\nX-Content-Type-Options: nosniff\n"        \
	"Strict-Transport-Security: max-age=31536000\nRateLimit: \"general\";r=99;t=60\n"

static void count(const struct detection *detection, void *userdata)
{
	(void)detection;
	++*(size_t *)userdata;
}

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void measure(const char *what, const char *request, const char *response)
{
	struct transaction *tx = tx_build(request, response);
	const struct detect_policy policy = {.auth_required = true, .limited = true};
	double best = 1e18;
	size_t n = 0;
	const struct detect_out out = {.emit = count, .userdata = &n};

	tx->flags |= TX_SECURE;
	tx->credential = GL_CRED_AUTHORIZATION;
	for (int round = 0; round < ROUNDS; round++) {
		double begin = now_ns(), each;

		n = 0;
		for (int i = 0; i < TIMES; i++)
			detect_transaction(tx, &policy, &out);
		each = (now_ns() - begin) / TIMES;
		best = each < best ? each : best;
	}
	printf("%-44s %7.0f ns  %zu statements\n", what, best, n / TIMES);
	free(tx);
}

/* A list of items, about `bytes` long. */
static char *list(size_t bytes)
{
	char *text = malloc(bytes + 1024);
	int at = snprintf(text, bytes + 1024,
			  "HTTP/1.1 200 OK\nContent-Type: application/json\n" SERVER
			  "\n{\"total\":20,\"items\":[");

	for (unsigned i = 0; (size_t)at < bytes; i++)
		at += snprintf(text + at, bytes + 1024 - (size_t)at,
			       "%s{\"id\":%u,\"name\":\"A thing of some name\",\"price\":%u.95,"
			       "\"available\":true,\"tags\":[\"a\",\"b\"]}",
			       i ? "," : "", i, 3 * i);
	snprintf(text + at, bytes + 1024 - (size_t)at, "]}");
	return text;
}

int main(void)
{
	char *kib = list(1400), *four = list(4400), *sixteen = list(16700);

	measure("GET, bearer, 204", "GET /api/v1/items/7 HTTP/1.1\n" AGENT TOKEN "\n",
		"HTTP/1.1 204 No Content\n" SERVER "\n");
	measure("GET, opaque token, 1 KiB of JSON",
		"GET /api/v1/items?limit=20&page=2 HTTP/1.1\n" AGENT
		"Authorization: Bearer opaque\n\n",
		kib);
	measure("GET, JWT, 1 KiB of JSON",
		"GET /api/v1/items?limit=20&page=2 HTTP/1.1\n" AGENT TOKEN "\n", kib);
	measure("GET, JWT, 4 KiB of JSON",
		"GET /api/v1/items?limit=20&page=2 HTTP/1.1\n" AGENT TOKEN "\n", four);
	measure("GET, JWT, 16 KiB of JSON",
		"GET /api/v1/items?limit=20&page=2 HTTP/1.1\n" AGENT TOKEN "\n", sixteen);
	measure("POST, JWT, small JSON, refused with problem",
		"POST /api/v1/items HTTP/1.1\n" AGENT TOKEN
		"Content-Type: application/json\n\n{\"name\":\"x\",\"price\":7}",
		"HTTP/1.1 422 X\nContent-Type: application/problem+json\n" SERVER
		"\n{\"type\":\"about:blank\",\"title\":\"x\",\"status\":422}");
	measure("GET, nothing right (a page as JSON)",
		"GET /items?password=x&access_token=y HTTP/1.1\nHost: a\nOrigin: null\n\n",
		"HTTP/1.1 200 OK\nContent-Type: application/json\nServer: x/1.2\nSet-Cookie: "
		"sid=1\n"
		"Access-Control-Allow-Origin: null\n\n<html>");
	free(kib);
	free(four);
	free(sixteen);
	return 0;
}
