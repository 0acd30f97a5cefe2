/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inspect.c - what a transaction costs beside the doors, in ns on one core: the inspector, from
 * chunks in its ring's form to records (streams, HTTP/1, operation, detectors with all text rules,
 * masking); the keeper, from the record to the line in the access log. Kept connections that take
 * turns; the median of interleaved rounds.
 *
 *   make bench-inspect
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/inspector/link.h"
#include "user/inspector/reading.h"
#include "user/keeper/access_log.h"
#include "user/keeper/transactions.h"

#define CONNECTIONS  64
#define TRANSACTIONS 4096
#define ROUNDS       11

#define REQUEST                                                                                    \
	"GET /api/v1/items/4711?page=2 HTTP/1.1\r\nHost: api.shop.test\r\n"                        \
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101\r\nAccept: "                   \
	"application/json\r\n"                                                                     \
	"Accept-Encoding: gzip, br\r\nConnection: keep-alive\r\n"
#define HEAD                                                                                       \
	"HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Mon, 24 Nov 2025 16:00:00 GMT\r\n"              \
	"Content-Type: %s\r\nContent-Length: %zu\r\nConnection: keep-alive\r\n\r\n"

struct load {
	const char *name;
	char request[1024], response[72 << 10];
	size_t request_n, response_n;
	uint64_t off[CONNECTIONS][2];
	double inspector[ROUNDS], keeper[ROUNDS];
};

static int ends[2];
static struct link *sink;
static struct reading *reading;
static struct access_log *log_file;
static struct intern *interned;
static uint64_t boot_ns = 1000000000;
static _Alignas(8) uint8_t chunk_memory[sizeof(struct gl_chunk) + GL_CHUNK_BYTES];
static _Alignas(8) uint8_t message[REPORT_MESSAGE_MAX];

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* As chunk.h makes them: pieces of at most GL_CHUNK_BYTES. */
static void feed(struct load *l, unsigned c, unsigned number, int direction, const char *bytes,
		 size_t n)
{
	struct gl_chunk *chunk = (struct gl_chunk *)chunk_memory;

	for (size_t at = 0, piece; at < n; at += piece) {
		piece = n - at < GL_CHUNK_BYTES ? n - at : GL_CHUNK_BYTES;
		memset(chunk, 0, sizeof(*chunk));
		chunk->rec.kind = GL_REC_CHUNK;
		chunk->rec.len = (uint32_t)(sizeof(*chunk) + piece);
		chunk->rec.ts_ns = boot_ns;
		chunk->conn = 1000ull * number + c;
		chunk->off = l->off[c][direction];
		chunk->client.w[2] = chunk->server.w[2] = htonl(0xffff);
		chunk->client.w[3] = htonl(0x0a4d000b + c);
		chunk->client_port = (uint16_t)(40000 + c);
		chunk->server_port = 8443;
		chunk->n = chunk->total = (uint32_t)piece;
		chunk->direction = (uint8_t)direction;
		chunk->flags = GL_CHUNK_SECURE | (chunk->off ? 0 : GL_CHUNK_BEGIN);
		memcpy(chunk->bytes, bytes + at, piece);
		reading_chunk(reading, chunk, sizeof(*chunk) + piece);
		l->off[c][direction] += piece;
	}
}

/* What the keeper does with a message: its records, checked, into the log. */
static void keep(size_t n, size_t *transactions)
{
	for (size_t at = 0; at < n;) {
		const struct report *report = (const struct report *)(message + at);

		if (report->kind == REPORT_TRANSACTION) {
			const struct report_transaction *tx = (const void *)report;

			if (!transactions_valid(tx))
				abort();
			access_log_add(log_file, tx, interned);
			++*transactions;
		} else if (report->kind == REPORT_FINDING &&
			   !transactions_finding_valid((const void *)report)) {
			abort();
		}
		at += report->len;
	}
}

static void round_of(struct load *l, unsigned number, int round)
{
	double keeper = 0, begin = cpu_ns(), aside;
	size_t transactions = 0;

	for (unsigned i = 0; i < TRANSACTIONS; i++) {
		ssize_t n;

		boot_ns += 30000;
		feed(l, i % CONNECTIONS, number, GL_TO_SERVER, l->request, l->request_n);
		feed(l, i % CONNECTIONS, number, GL_TO_CLIENT, l->response, l->response_n);
		if (i % 256 == 255)
			reading_tick(reading, boot_ns);
		if (i % 64 != 63)
			continue;
		link_flush(sink);
		aside = cpu_ns();
		while ((n = recv(ends[1], message, sizeof(message), MSG_DONTWAIT)) > 0)
			keep((size_t)n, &transactions);
		keeper += cpu_ns() - aside;
	}
	access_log_flush(log_file);
	if (transactions != TRANSACTIONS)
		fprintf(stderr, "%s: %zu of %u transactions\n", l->name, transactions,
			TRANSACTIONS);
	l->inspector[round] = (cpu_ns() - begin - keeper) / TRANSACTIONS;
	l->keeper[round] = keeper / TRANSACTIONS;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values)
{
	qsort(values, ROUNDS, sizeof(*values), ascending);
	return values[ROUNDS / 2];
}

static void fill_in(struct load *l, const char *name, const char *type, size_t bytes,
		    const char *fields)
{
	char body[65536] = "{\"items\": [";
	size_t n = strlen(body);

	l->name = name;
	if (strcmp(type, "application/json") == 0) {
		for (unsigned i = 0; n + 64 < bytes; i++)
			n += (size_t)snprintf(body + n, sizeof(body) - n,
					      "%s{\"id\": %u, \"name\": \"some name\"}",
					      i ? ", " : "", i);
		n += (size_t)snprintf(body + n, sizeof(body) - n, "]}");
	} else {
		memset(body, 'x', bytes);
		n = bytes;
	}
	l->request_n =
		(size_t)snprintf(l->request, sizeof(l->request), "%s%s\r\n", REQUEST, fields);
	l->response_n = (size_t)snprintf(l->response, sizeof(l->response), HEAD, type, n);
	memcpy(l->response + l->response_n, body, n);
	l->response_n += n;
}

static int setup(const char *log_path)
{
	static struct gl_policy policy;
	int r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	r = link_new(ends[0], &sink);
	if (r == 0)
		r = reading_new(sink, &reading);
	if (r == 0)
		r = access_log_open(log_path, 1ull << 40, &log_file);
	if (r == 0)
		r = intern_new(&interned);
	if (r == 0)
		reading_set_policy(reading, &policy, NULL, 0);
	return r;
}

int main(void)
{
	static struct load loads[4];
	char path[] = "/tmp/glacis-bench.XXXXXX";
	int fd = mkstemp(path);

	fill_in(&loads[0], "6 bytes of text", "text/plain", 6, "");
	fill_in(&loads[1], "1 KiB of JSON", "application/json", 1024, "");
	fill_in(&loads[2], "1 KiB of JSON, a request id", "application/json", 1024,
		"X-Request-Id: 7c1f6f9e-6d5c-4a0e-9a56-0a3c1de3a111\r\n");
	fill_in(&loads[3], "16 KiB of JSON", "application/json", 16384, "");
	if (fd < 0 || setup(path) < 0) {
		fprintf(stderr, "bench: cannot be set up\n");
		return 1;
	}
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned i = 0; i < ARRAY_SIZE(loads); i++) {
			memset(loads[i].off, 0, sizeof(loads[i].off));
			round_of(&loads[i], round * 8 + i + 1, (int)round);
			if (ftruncate(fd, 0) < 0)
				return 1;
		}
	for (unsigned i = 0; i < ARRAY_SIZE(loads); i++)
		printf("a transaction, %-28s inspector %6.0f ns   keeper %6.0f ns\n", loads[i].name,
		       median(loads[i].inspector), median(loads[i].keeper));
	reading_free(reading);
	access_log_close(log_file);
	unlink(path);
	return 0;
}
