/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * detect.c - what detectors cost on one core. First a transaction in all of them: ns, the best of
 * 41 rounds, for shapes that occur; then GB/s of all installed text rules over JSON: answers of 1
 * KiB to 64 KiB, and one long body in the windows an inspector has. Statements are only counted;
 * masking them is in the figure.
 *
 *   make bench-detect                  (MEGABYTES=1024, of which each figure is the mean)
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "tests/bench/json_documents.h"
#include "tests/unit/tx_build.h"
#include "user/detect/detector.h"
#include "user/detect/text.h"

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

/* --- bytes ------------------------------------------------------------------------------------ */

#define DOCUMENTS 1024
#define WINDOW    (64u << 10) /* of a body, as an inspector has it */
#define LONG_BODY (64u << 20)

struct documents {
	char *text[DOCUMENTS];
	size_t n[DOCUMENTS], total;
};

/* As many of each size, from 1 KiB to 64 KiB. */
static void make_documents(struct documents *documents)
{
	for (unsigned i = 0; i < DOCUMENTS; i++) {
		size_t want = 1024ull << (i % 7);

		documents->text[i] = malloc(want + 8192);
		documents->n[i] = json_document(documents->text[i], want + 8192, want, i + 1);
		documents->total += documents->n[i];
	}
}

static void say_speed(const char *what, size_t bytes, double ns, size_t found)
{
	printf("%-44s %7.2f GB/s  %.0f MB, %zu statements\n", what, (double)bytes / ns,
	       (double)bytes / 1e6, found);
}

/* All documents once; text NULL: CRC-32 of zlib instead, which measures the machine. */
static double scan_once(struct text *text, const struct documents *documents, size_t *found)
{
	const struct detect_out out = {.emit = count, .userdata = found};
	double begin = now_ns();

	for (unsigned i = 0; i < DOCUMENTS; i++) {
		const uint8_t *bytes = (const uint8_t *)documents->text[i];

		if (text)
			text_scan(text, bytes, documents->n[i], 0, PART_RESPONSE_BODY, &out);
		else
			*found += crc32(0, bytes, (unsigned)documents->n[i]) == 0;
	}
	return now_ns() - begin;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

/* This machine's way, what every processor has, and CRC-32 take turns: other work slows all. */
static void measure_documents(struct text *text, struct text *plain,
			      const struct documents *documents, size_t bytes)
{
	size_t rounds = bytes / documents->total + 1, found[3] = {0};
	double *ns[3], all = 0;

	for (unsigned way = 0; way < 3; way++)
		ns[way] = calloc(rounds, sizeof(**ns));
	for (size_t round = 0; round < rounds; round++) {
		ns[0][round] = scan_once(text, documents, &found[0]);
		ns[1][round] = scan_once(plain, documents, &found[1]);
		ns[2][round] = scan_once(NULL, documents, &found[2]);
		all += ns[0][round];
	}
	for (unsigned way = 0; way < 3; way++)
		qsort(ns[way], rounds, sizeof(**ns), by_size);
	printf("literals by %s\n", text_way_name(text));
	say_speed("all rules, answers of 1 KiB to 64 KiB", rounds * documents->total, all,
		  found[0]);
	say_speed("  its median round", documents->total, ns[0][rounds / 2], found[0] / rounds);
	say_speed("  the same where literals are Vectorscan's", documents->total, ns[1][rounds / 2],
		  found[1] / rounds);
	printf("%-44s %7.2f of zlib's CRC-32 (%.2f GB/s)\n", "  its speed, in the same rounds",
	       ns[2][rounds / 2] / ns[0][rounds / 2], (double)documents->total / ns[2][rounds / 2]);
	for (unsigned way = 0; way < 3; way++)
		free(ns[way]);
}

static void measure_whole(const struct documents *documents, size_t bytes)
{
	struct transaction *tx =
		tx_build("GET /api/v1/items HTTP/1.1\n" AGENT TOKEN "\n",
			 "HTTP/1.1 200 OK\nContent-Type: application/json\n" SERVER "\n");
	const struct detect_policy policy = {.auth_required = true, .limited = true};
	size_t done = 0, found = 0;
	const struct detect_out out = {.emit = count, .userdata = &found};
	double begin;

	tx->flags |= TX_SECURE;
	tx->credential = GL_CRED_AUTHORIZATION;
	begin = now_ns();
	while (done < bytes) {
		for (unsigned i = 0; i < DOCUMENTS; i++, done += documents->n[i - 1]) {
			tx->response_body.bytes = (const uint8_t *)documents->text[i];
			tx->response_body.n = documents->n[i];
			tx->response_body.decoded_bytes = documents->n[i];
			detect_transaction(tx, &policy, &out);
		}
	}
	say_speed("the same as transactions, every detector", done, now_ns() - begin, found);
	free(tx);
}

/* From the second window on; the first is a transaction's. */
static void measure_stream(struct text *text, size_t bytes)
{
	char *body = malloc(LONG_BODY + 16384);
	size_t n = json_document(body, LONG_BODY + 16384, LONG_BODY, 4), done = 0, found = 0;
	struct transaction *tx = tx_build("GET / HTTP/1.1\n\n", "HTTP/1.1 200 OK\n\n");
	const struct detect_out out = {.emit = count, .userdata = &found};
	double begin = now_ns();

	while (done < bytes) {
		for (size_t off = WINDOW - TEXT_OVERLAP; off + WINDOW <= n;
		     off += WINDOW - TEXT_OVERLAP) {
			struct inspect_window window = {
				.direction = GL_TO_CLIENT,
				.bytes = (const uint8_t *)body + off,
				.n = WINDOW,
				.overlap = TEXT_OVERLAP,
				.off = off,
			};

			text_body(text, tx, NULL, &window, &out);
			done += WINDOW - TEXT_OVERLAP;
		}
	}
	say_speed("one body of 64 MiB, windows of 64 KiB", done, now_ns() - begin, found);
	free(tx);
	free(body);
}

static int measure_text(void)
{
	const char *megabytes = getenv("MEGABYTES");
	size_t bytes = strtoul(megabytes ?: "1024", NULL, 10) * 1000000;
	static struct documents documents;
	struct rules *rules;
	struct text *text, *plain;
	double begin = now_ns(), read;

	if (rules_load("deploy/rules", NULL, NULL, &rules) < 0)
		return 1;
	read = now_ns();
	if (text_new(rules, &text) < 0)
		return 1;
	printf("%-44s %7.0f ms to read, %.0f ms to compile\n", "rules", (read - begin) / 1e6,
	       (now_ns() - read) / 1e6);
	if (text_new_by(rules, TEXT_VECTORSCAN, &plain) < 0)
		return 1;
	make_documents(&documents);
	text_detector_use(text);
	measure_documents(text, plain, &documents, bytes);
	measure_stream(text, bytes);
	measure_whole(&documents, bytes);
	text_detector_use(NULL);
	text_free(text);
	text_free(plain);
	rules_free(rules);
	for (unsigned i = 0; i < DOCUMENTS; i++)
		free(documents.text[i]);
	return 0;
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
	return measure_text();
}
