/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_access_log.c - lines are JSON with the standard's fields, rotation keeps every line, a disk
 * that takes nothing costs counted lines and nothing else; reports of strangers are refused.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "user/inspect/transaction.h"
#include "user/keeper/access_log.h"
#include "user/keeper/transactions.h"

static char dir[] = "/tmp/glacis-access.XXXXXX", path[64];
static struct intern *intern;

static int setup(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/access.jsonl", dir);
	return intern_new(&intern);
}

static int teardown(void **state)
{
	char name[80];

	(void)state;
	for (int i = 0; i <= ACCESS_LOG_KEPT; i++) {
		snprintf(name, sizeof(name), i ? "%s.%d" : "%s", path, i);
		unlink(name);
	}
	intern_free(intern);
	return rmdir(dir);
}

static struct report_transaction example(unsigned number)
{
	struct report_transaction tx = {
		.report = {.kind = REPORT_TRANSACTION, .len = sizeof(tx)},
		.begin_wall_ns = 1769868187123456789,
		.total_ns = 1500000,
		.number = number,
		.client_port = 40000,
		.server_port = 8443,
		.service = 0xffff,
		.op = 0xffff,
		.cls = 0xffff,
		.status = 200,
		.protocol = HTTP_PROTOCOL_1_1,
		.flags = TX_SECURE,
		.principal = 0xabcdef,
		.method = "GET",
		.user_agent = "curl/\"8\\",
	};

	snprintf(tx.request_id, sizeof(tx.request_id), "id-%u", number);
	snprintf(tx.path.text, sizeof(tx.path.text), "/api/v1/users/{id}?page=...");
	tx.source.w[2] = __builtin_bswap32(0xffff);
	tx.source.w[3] = __builtin_bswap32(0xc0000207);
	tx.client = tx.source;
	return tx;
}

static unsigned count_lines(const char *name, const char *must_have)
{
	FILE *f = fopen(name, "re");
	char line[4096];
	unsigned n = 0;

	while (f && fgets(line, sizeof(line), f)) {
		json_t *o = json_loads(line, 0, NULL);

		assert_non_null(o);
		assert_non_null(json_object_get(o, must_have));
		json_decref(o);
		n++;
	}
	if (f)
		fclose(f);
	return n;
}

static void test_fields(void **state)
{
	/* LOG-01 to LOG-07 */
	static const char *const fields[] = {
		"timestamp",
		"request.id",
		"user.id",
		"http.request.method",
		"url.path",
		"client.address",
		"http.server.request.duration",
		"http.response.status_code",
	};
	struct report_transaction tx = example(1);
	struct access_log *log = NULL;

	(void)state;
	assert_int_equal(access_log_open(path, 0, &log), 0);
	access_log_add(log, &tx, intern);
	access_log_flush(log);
	assert_int_equal(access_log_counts(log).lines, 1);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		assert_int_equal(count_lines(path, fields[i]), 1);
	access_log_close(log);
	assert_int_equal(unlink(path), 0);
}

static void write_one(const struct report_transaction *tx, char *line, size_t size)
{
	struct access_log *log = NULL;
	FILE *f;

	assert_int_equal(access_log_open(path, 0, &log), 0);
	access_log_add(log, tx, intern);
	access_log_close(log);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_non_null(fgets(line, (int)size, f));
	fclose(f);
	assert_int_equal(unlink(path), 0);
}

static void test_line(void **state)
{
	struct report_transaction tx = example(7);
	char line[4096];

	(void)state;
	tx.total_ns = 12000000500; /* rounded, with its zeroes */
	tx.request_bytes = UINT64_MAX;
	tx.client = (struct gl_addr){.b = {0xfd, 0x77, [15] = 1}};
	tx.flags |= TX_GAP | TX_CUT;
	write_one(&tx, line, sizeof(line));
	assert_string_equal(
		line,
		"{\"timestamp\":\"2026-01-31T14:03:07.123Z\",\"request.id\":\"id-7\","
		"\"http.request.method\":\"GET\",\"url.path\":\"/api/v1/users/{id}?page=...\","
		"\"http.response.status_code\":200,\"client.address\":\"192.0.2.7\","
		"\"user.id\":\"key:0000000000abcdef\",\"http.server.request.duration\":12.000001,"
		"\"network.peer.address\":\"fd77::1\",\"network.peer.port\":40000,"
		"\"server.port\":8443,\"network.protocol.version\":\"1.1\","
		"\"http.request.body.size\":18446744073709551615,\"http.response.body.size\":0,"
		"\"user_agent.original\":\"curl/\\\"8\\\\\",\"glacis.tls\":true,"
		"\"glacis.how\":\"probe\",\"glacis.incomplete\":true,\"glacis.cut\":true}\n");
	/* a call of this host: the other side is the server */
	tx = example(8);
	tx.role = GL_ROLE_CLIENT;
	tx.server = (struct gl_addr){.b = {0xfd, 0x77, [15] = 9}};
	tx.principal = 0;
	write_one(&tx, line, sizeof(line));
	assert_string_equal(
		line,
		"{\"timestamp\":\"2026-01-31T14:03:07.123Z\",\"request.id\":\"id-8\","
		"\"http.request.method\":\"GET\",\"url.path\":\"/api/v1/users/{id}?page=...\","
		"\"http.response.status_code\":200,\"client.address\":\"192.0.2.7\","
		"\"glacis.role\":\"client\",\"http.client.request.duration\":0.001500,"
		"\"network.peer.address\":\"fd77::9\",\"network.peer.port\":8443,"
		"\"server.port\":8443,\"network.protocol.version\":\"1.1\","
		"\"http.request.body.size\":0,\"http.response.body.size\":0,"
		"\"user_agent.original\":\"curl/\\\"8\\\\\",\"glacis.tls\":true,"
		"\"glacis.how\":\"probe\"}\n");
	tx = example(7);
	tx.begin_wall_ns = -1; /* an inspector may say anything */
	write_one(&tx, line, sizeof(line));
	assert_memory_equal(line, "{\"timestamp\":\"1970-01-01T00:00:00.000Z\"", 39);
}

static void fill(char *text, size_t size, char with)
{
	memset(text, with, size - 1);
	text[size - 1] = '\0';
}

/* The longest texts there can be, all of them to be escaped. */
static void test_longest(void **state)
{
	struct report_transaction tx = example(1);
	struct access_log *log = NULL;

	(void)state;
	fill(tx.method, sizeof(tx.method), '"');
	fill(tx.request_id, sizeof(tx.request_id), '\\');
	fill(tx.user_agent, sizeof(tx.user_agent), '"');
	fill(tx.path.text, sizeof(tx.path.text), '"');
	assert_int_equal(access_log_open(path, 0, &log), 0);
	for (int i = 0; i < 1000; i++) /* more than the buffer holds */
		access_log_add(log, &tx, intern);
	access_log_close(log);
	assert_int_equal(count_lines(path, "glacis.how"), 1000);
	assert_int_equal(unlink(path), 0);
}

static void test_rotation(void **state)
{
	struct access_log *log = NULL;
	unsigned found = 0;
	char name[80];

	(void)state;
	assert_int_equal(access_log_open(path, 20000, &log), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct report_transaction tx = example(i);

		access_log_add(log, &tx, intern);
		access_log_flush(log);
	}
	assert_int_equal(access_log_counts(log).lines, 100);
	assert_int_equal(access_log_counts(log).lost, 0);
	assert_true(access_log_counts(log).rotations >= 2);
	/* moved away by somebody else: what comes after goes to a new one */
	snprintf(name, sizeof(name), "%s.moved", path);
	assert_int_equal(rename(path, name), 0);
	found += count_lines(name, "timestamp");
	assert_int_equal(access_log_reopen(log), 0);
	unlink(name);
	for (int i = 0; i <= ACCESS_LOG_KEPT; i++) {
		snprintf(name, sizeof(name), i ? "%s.%d" : "%s", path, i);
		found += count_lines(name, "request.id");
	}
	assert_int_equal(found, 100);
	access_log_close(log);
}

static void test_full_disk(void **state)
{
	struct report_transaction tx = example(1);
	struct access_log *log = NULL;

	(void)state;
	assert_int_equal(access_log_open("/dev/full", 0, &log), 0);
	for (int i = 0; i < 7; i++)
		access_log_add(log, &tx, intern);
	access_log_flush(log);
	assert_int_equal(access_log_counts(log).lost, 7);
	assert_int_equal(access_log_counts(log).lines, 0);
	assert_int_equal(access_log_counts(log).error, -ENOSPC);
	access_log_close(log);
	assert_int_equal(access_log_open("/nowhere/at/all", 0, &log), -ENOENT);
	assert_int_equal(access_log_open("", 0, &log), 0);
	access_log_add(log, &tx, intern);
	access_log_flush(log);
	assert_int_equal(access_log_counts(log).lines, 0);
	access_log_close(log);
}

static void test_strangers(void **state)
{
	struct report_transaction good = example(1), bad;

	(void)state;
	assert_true(transactions_valid(&good));
	bad = good;
	bad.report.len -= 8;
	assert_false(transactions_valid(&bad));
	bad = good;
	memset(bad.method, 'A', sizeof(bad.method));
	assert_false(transactions_valid(&bad));
	bad = good;
	bad.path.text[3] = '\n';
	assert_false(transactions_valid(&bad));
	bad = good;
	bad.request_id[0] = '\x1b';
	assert_false(transactions_valid(&bad));
	bad = good;
	bad.protocol = HTTP_PROTOCOL_MAX;
	assert_false(transactions_valid(&bad));
	bad = good;
	bad.how = GL_HOW_MAX;
	assert_false(transactions_valid(&bad));
	bad = good;
	bad.status = 1000;
	assert_false(transactions_valid(&bad));
}

static void test_memory(void **state)
{
	struct transactions *kept = NULL;

	(void)state;
	assert_int_equal(transactions_new(&kept), 0);
	assert_null(transactions_at(kept, 0));
	assert_int_equal(transactions_after(kept, 0), 0);
	for (unsigned i = 1; i <= TRANSACTIONS_MAX + 10; i++) {
		struct report_transaction tx = example(i);
		const struct transaction_kept *one;

		tx.account = tx.password = tx.object = tx.object_number = 7;
		one = transactions_add(kept, &tx);
		assert_int_equal(one->id, i);
		/* what only watches are told */
		assert_int_equal(one->tx.account | one->tx.password, 0);
		assert_int_equal(one->tx.object | one->tx.object_number, 0);
	}
	assert_int_equal(transactions_count(kept), TRANSACTIONS_MAX);
	assert_int_equal(transactions_total(kept), TRANSACTIONS_MAX + 10);
	assert_int_equal(transactions_at(kept, 0)->tx.number, 11);
	assert_int_equal(transactions_at(kept, TRANSACTIONS_MAX - 1)->id, TRANSACTIONS_MAX + 10);
	assert_null(transactions_at(kept, TRANSACTIONS_MAX));
	assert_int_equal(transactions_after(kept, 0), 0);
	assert_int_equal(transactions_after(kept, 11), 1);
	assert_int_equal(transactions_at(kept, transactions_after(kept, 20))->id, 21);
	assert_int_equal(transactions_after(kept, TRANSACTIONS_MAX + 10), TRANSACTIONS_MAX);
	transactions_free(kept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),    cmocka_unit_test(test_line),
		cmocka_unit_test(test_longest),   cmocka_unit_test(test_rotation),
		cmocka_unit_test(test_full_disk), cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
