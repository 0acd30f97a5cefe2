/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_tls_server.c - what is read of a server's flight (include/glacis/tls_server.h): field by
 * field, at every cut, after every rewind, and against a reader that has the whole of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tls_build.h"
#include "tests/unit/tls_reader.h"
#include "tests/unit/tls_server_reference.h"
#include "user/base/cleanup.h"

#define FLIGHTS 6000

static struct http_piece piece;
static struct tls_build build, stream;
static struct server_reading r;

static void read_whole(struct server_reading *ret)
{
	server_reading_begin(ret);
	server_reading_feed(ret, &piece, stream.bytes, stream.n);
}

/* Whole, in two at every place, byte by byte: always the same. */
static void read_all_ways(struct server_reading *ret)
{
	static struct server_reading other;

	read_whole(ret);
	for (size_t cut = 1; cut < stream.n; cut++) {
		server_reading_begin(&other);
		server_reading_feed(&other, &piece, stream.bytes, cut);
		server_reading_feed(&other, &piece, stream.bytes + cut, stream.n - cut);
		assert_true(server_reading_equal(&other, ret));
	}
	server_reading_begin(&other);
	for (size_t i = 0; i < stream.n; i++)
		server_reading_feed(&other, &piece, stream.bytes + i, 1);
	assert_true(server_reading_equal(&other, ret));
	assert_int_equal(ret->cert_broken, 0);
}

struct shape {
	uint16_t legacy, selected, cipher, group;
	const char *protocol, *end; /* end: the random's last eight bytes */
	bool retry, psk;
};

/* Appended to `build`. */
static void hello(struct shape shape)
{
	size_t message, at, extension;

	build_number(&build, 1, 2);
	message = build_open(&build, 3);
	build_number(&build, 2, shape.legacy);
	if (shape.retry)
		build_bytes(&build, synth_retry, 32);
	else
		build_fill(&build, 0x33, 24);
	if (!shape.retry)
		build_bytes(&build, shape.end ? shape.end : "eightmor", 8);
	build_number(&build, 1, 32);
	build_fill(&build, 0x44, 32);
	build_number(&build, 2, shape.cipher);
	build_number(&build, 1, 0);
	at = build_open(&build, 2);
	if (shape.selected)
		build_number(&build, 6, (uint64_t)43 << 32 | 2 << 16 | shape.selected);
	if (shape.group) {
		extension = build_extension(&build, 51);
		build_number(&build, 2, shape.group);
		build_fill(&build, 0x55, shape.retry ? 0 : 34);
		build_close(&build, extension, 2);
	}
	if (shape.protocol)
		build_protocols(&build, shape.protocol, NULL);
	if (shape.psk)
		build_number(&build, 6, (uint64_t)41 << 32 | 2 << 16);
	build_close(&build, at, 2);
	build_close(&build, message, 3);
}

static void message(uint8_t type, const char *body, size_t n)
{
	size_t at;

	build_number(&build, 1, type);
	at = build_open(&build, 3);
	build_bytes(&build, body, n);
	build_close(&build, at, 3);
}

/* Two certificates; the first is 1, 2, 3 ... */
static void certificate(size_t n)
{
	size_t at, list;

	build_number(&build, 1, 11);
	at = build_open(&build, 3);
	list = build_open(&build, 3);
	build_number(&build, 3, n);
	for (size_t i = 0; i < n; i++)
		build_number(&build, 1, (uint8_t)(i * 7));
	build_number(&build, 3, 5);
	build_fill(&build, 0xcc, 5);
	build_close(&build, list, 3);
	build_close(&build, at, 3);
}

static void records(size_t size)
{
	build_records(&stream, 22, 0x0303, &build, size);
	build.n = 0;
}

static void begin(void)
{
	build.n = stream.n = 0;
}

static void test_tls13(void **state)
{
	static const size_t sizes[] = {16384, 50, 3, 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		hello((struct shape){
			.legacy = 0x0303, .selected = 0x0304, .cipher = 0x1301, .group = 0x11ec});
		records(sizes[i]);
		read_all_ways(&r);
		assert_int_equal(r.event, TLS_NOTHING); /* nothing ended it, all is read */
		assert_int_equal(r.bytes, stream.n);
		assert_int_equal(r.hellos, 1);
		assert_int_equal(r.hello_at, stream.n);
		assert_int_equal(r.server.version, 0x0304);
		assert_int_equal(r.server.legacy_version, 0x0303);
		assert_int_equal(r.server.cipher, 0x1301);
		assert_int_equal(r.server.group, 0x11ec);
		assert_int_equal(r.server.flags, 0);
		/* the rest is encrypted */
		build_bytes(&stream, "\x14\3\3\0\1\1\x17\3\3\0\2xy", 13);
		read_all_ways(&r);
		assert_int_equal(r.event, TLS_DONE);
		assert_int_equal(r.server.flags, 0);
	}
	begin();
	hello((struct shape){.legacy = 0x0303, .selected = 0x0304, .cipher = 0x1301, .psk = true});
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.server.flags, GL_SERVER_RESUMED);
}

static void test_retry(void **state)
{
	(void)state;
	begin();
	hello((struct shape){.legacy = 0x0303,
			     .selected = 0x0304,
			     .cipher = 0x1302,
			     .group = 24,
			     .retry = true});
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.hellos, 0); /* a HelloRetryRequest is none */
	assert_int_equal(r.server.version, 0);
	build_bytes(&stream, "\x14\3\3\0\1\1", 6);
	hello((struct shape){.legacy = 0x0303, .selected = 0x0304, .cipher = 0x1302, .group = 24});
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.hellos, 1);
	assert_int_equal(r.server.version, 0x0304);
	assert_int_equal(r.server.group, 24);
	assert_int_equal(r.server.flags, GL_SERVER_RETRY);
	/* one bit of its random is another: a ServerHello, told at once */
	begin();
	hello((struct shape){.legacy = 0x0303, .selected = 0x0304, .retry = true});
	build.bytes[4 + 2 + 31] ^= 1;
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.hellos, 1);
	assert_int_equal(r.server.flags, 0);
}

/* supported_versions decides where it is there, else legacy_version. */
static void test_versions(void **state)
{
	static const uint16_t versions[][3] = {
		{0x0300, 0, 0x0300},      {0x0301, 0, 0x0301},      {0x0302, 0, 0x0302},
		{0x0303, 0, 0x0303},      {0x0304, 0, 0x0304},      {0x0303, 0x0304, 0x0304},
		{0x0303, 0x0302, 0x0302}, {0x0301, 0x7f1c, 0x7f1c},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		begin();
		hello((struct shape){
			.legacy = versions[i][0], .selected = versions[i][1], .cipher = 0xc02f});
		records(16384);
		read_all_ways(&r);
		assert_int_equal(r.hellos, 1);
		assert_int_equal(r.hello_version, versions[i][2]);
		assert_int_equal(r.server.legacy_version, versions[i][0]);
	}
	/* a door need not wait for the rest of a hello that is below its floor */
	stream.n = 5 + 4 + 2;
	read_all_ways(&r);
	assert_int_equal(r.hellos, 0);
	assert_int_equal(r.server.legacy_version, 0x0301);
}

static void test_sentinels(void **state)
{
	static const struct {
		const char *end;
		uint16_t flags;
	} cases[] = {
		{"DOWNGRD\1", GL_SERVER_SENTINEL_12},
		{"DOWNGRD\0", GL_SERVER_SENTINEL_11},
		{"DOWNGRD\2", 0},
		{"DOWNGRE\1", 0},
		{"DOWNGSD\1", 0},
		{"EOWNGRD\1", 0},
		{"DOWOGRD\1", 0},
		{"\1DOWNGRD", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		hello((struct shape){.legacy = 0x0303, .cipher = 0xc02f, .end = cases[i].end});
		records(i % 2 ? 16384 : 20);
		read_all_ways(&r);
		assert_int_equal(r.hellos, 1);
		assert_int_equal(r.server.flags, cases[i].flags);
	}
}

/* A whole flight of 1.2: name, certificate, curve. */
static void test_flight12(void **state)
{
	static const size_t sizes[] = {16384, 700, 64, 1};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		hello((struct shape){.legacy = 0x0303, .cipher = 0xc02b, .protocol = "http/1.1"});
		certificate(i == 3 ? 300 : 1500);
		message(22, "\1\0\0\0", 4); /* CertificateStatus */
		message(12, "\3\0\x1dkey and signature", 20);
		message(14, "", 0);
		records(sizes[i]);
		read_all_ways(&r);
		assert_int_equal(r.event, TLS_DONE);
		assert_int_equal(r.bytes, stream.n);
		assert_int_equal(r.server.flags, GL_SERVER_CERTIFICATE);
		assert_int_equal(r.server.group, 0x001d);
		assert_int_equal(r.server.alpn_len, 8);
		assert_memory_equal(r.server.alpn, "http/1.1", 8);
		assert_int_equal(r.cert_total, i == 3 ? 300 : 1500);
		assert_int_equal(r.cert_read, r.cert_total);
		for (size_t at = 0; at < r.cert_total; at++)
			assert_int_equal(r.cert[at], (uint8_t)(at * 7));
	}
}

/* Where the key exchange has no curve, its bytes are none; nor are those of another curve type. */
static void test_groups(void **state)
{
	static const struct {
		uint16_t cipher, group;
		char type;
	} cases[] = {
		{0xc02f, 0x0017, 3}, {0xc02f, 0, 1},      {0x009e, 0, 3},
		{0xc037, 0, 3},      {0xc035, 0, 3},      {0xcca8, 0x0017, 3},
		{0xccaa, 0, 3},      {0xc006, 0x0017, 3}, {0xc005, 0, 3},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const char body[] = {cases[i].type, 0, 0x17, 1, 2};

		begin();
		hello((struct shape){.legacy = 0x0303, .cipher = cases[i].cipher});
		message(12, body, sizeof(body));
		message(14, "", 0);
		records(16384);
		read_all_ways(&r);
		assert_int_equal(r.event, TLS_DONE);
		assert_int_equal(r.server.group, cases[i].group);
	}
}

static void test_resumed12(void **state)
{
	(void)state;
	begin();
	hello((struct shape){.legacy = 0x0303, .cipher = 0xc02b});
	records(16384);
	build_bytes(&stream, "\x14\3\3\0\1\1", 6);
	read_all_ways(&r);
	assert_int_equal(r.event, TLS_DONE);
	assert_int_equal(r.server.flags, GL_SERVER_RESUMED);
	/* with a new ticket first */
	begin();
	hello((struct shape){.legacy = 0x0303, .cipher = 0xc02b});
	message(4, "\0\0\0\0\0\1t", 7);
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.event, TLS_DONE);
	assert_int_equal(r.server.flags, GL_SERVER_RESUMED);
}

/* A warning ends nothing; close_notify and what is fatal do. */
static void test_alerts(void **state)
{
	static const char *const ends[] = {"\x15\3\3\0\2\2\x28", "\x15\3\3\0\2\1\0",
					   "\x15\3\3\0\2\2\0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		begin();
		build_bytes(&stream, ends[i], 7);
		read_all_ways(&r);
		assert_int_equal(r.event, TLS_ALERT);
		assert_int_equal(r.server.alert_level, ends[i][5]);
		assert_int_equal(r.server.alert, ends[i][6]);
		assert_int_equal(r.hellos, 0);
	}
	begin();
	build_bytes(&stream, "\x15\3\3\0\2\1\x70", 7); /* unrecognized_name */
	hello((struct shape){.legacy = 0x0302, .cipher = 0xc013});
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.hello_version, 0x0302);
	assert_int_equal(r.server.alert_level, 0);
	/* after the hello the same */
	build_bytes(&stream, "\x15\3\3\0\2\1\x70", 7);
	certificate(10);
	records(16384);
	build_bytes(&stream, "\x15\3\3\0\2\2\x28", 7);
	read_all_ways(&r);
	assert_int_equal(r.event, TLS_ALERT);
	assert_int_equal(r.server.alert, 0x28);
	assert_int_equal(r.cert_total, 10);
}

/* One byte of a good hello changed, or one of what surrounds it. */
static void test_bad_bytes(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} cases[] = {
		{0, 0x17}, /* application data */
		{0, 0x14}, {0, 0x15}, {1, 2},  {1, 4}, {3, 0x41}, /* a record of more than 16384 */
		{5, 1},    {5, 0},    {5, 11}, /* another message first */
		{8, 37}, /* too short for one */
		{43, 33}, /* session id */
		{80, 200}, /* extensions that are more than there is */
		{80, 0},   {82, 43}, /* a version of 4 bytes */
		{84, 3},   {84, 9},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		hello((struct shape){.legacy = 0x0303, .cipher = 0xc02f, .protocol = "h2"});
		records(16384);
		assert_int_equal(stream.bytes[80], 9); /* the extensions are there */
		assert_int_equal(stream.bytes[82], 16);
		stream.bytes[cases[i].at] = cases[i].byte;
		read_all_ways(&r);
		assert_int_equal(r.event, TLS_ERROR);
		assert_int_equal(r.outcome, GL_OUTCOME_MALFORMED);
		assert_int_equal(r.hellos, 0);
	}
	/* selected twice; an empty record in between */
	begin();
	hello((struct shape){.legacy = 0x0303, .selected = 0x0304, .cipher = 0x1301});
	build_bytes(&build, "\0\x2b\0\2\3\1", 6);
	build.bytes[3] += 6;
	build.bytes[4 + 2 + 32 + 33 + 3 + 1] += 6;
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.event, TLS_ERROR);
	begin();
	hello((struct shape){.legacy = 0x0303, .cipher = 0xc02f});
	records(40);
	stream.bytes[48] = stream.bytes[49] = 0;
	read_all_ways(&r);
	assert_int_equal(r.event, TLS_ERROR);
}

/* What is looked at has an end, and what comes behind an end is not read. */
static void test_bounds(void **state)
{
	(void)state;
	begin();
	hello((struct shape){.legacy = 0x0303, .cipher = 0xc02b});
	build_number(&build, 4, 22u << 24 | TLS_SERVER_MAX);
	records(16384);
	read_all_ways(&r);
	assert_int_equal(r.event, TLS_DONE);
	begin();
	hello((struct shape){.legacy = 0x0303, .cipher = 0xc02b});
	message(14, "", 0);
	records(16384);
	read_whole(&r);
	assert_int_equal(r.event, TLS_DONE);
	r.event = TLS_NOTHING;
	server_reading_feed(&r, &piece, (const uint8_t *)"\x16\3\3\0\4\2\0\0\x26", 9);
	assert_int_equal(r.event, TLS_DONE);
	assert_int_equal(r.hellos, 1);
}

/*
 * A door reads a segment that is then lost: it goes back, and other bytes come. State and what was
 * read are all it keeps.
 */
static void test_rewind(void **state)
{
	static struct server_reading clean, saved;
	static struct tls_build other;

	(void)state;
	begin();
	hello((struct shape){
		.legacy = 0x0303, .cipher = 0xc02b, .protocol = "h2", .end = "DOWNGRD\1"});
	certificate(100);
	message(12, "\3\0\x1d", 3);
	message(14, "", 0);
	records(70);
	read_whole(&clean);
	assert_int_equal(clean.event, TLS_DONE);
	other = stream;
	for (size_t i = 0; i < other.n; i++)
		if (i % 75 >= 5) /* not the records' heads */
			other.bytes[i] = (uint8_t)(other.bytes[i] * 5 + 0x61);
	for (size_t cut = 0; cut < stream.n; cut++) {
		server_reading_begin(&r);
		server_reading_feed(&r, &piece, stream.bytes, cut);
		saved = r;
		server_reading_feed(&r, &piece, other.bytes + cut, other.n - cut);
		r.state = saved.state;
		r.server = saved.server;
		r.event = TLS_NOTHING;
		server_reading_feed(&r, &piece, stream.bytes + cut, stream.n - cut);
		assert_int_equal(r.event, TLS_DONE);
		assert_memory_equal(&r.state, &clean.state, sizeof(r.state));
		assert_memory_equal(&r.server, &clean.server, sizeof(r.server));
	}
}

static void assert_flight(const struct server_reading *got, const struct server_reading *want)
{
	assert_int_equal(got->event, want->event);
	assert_int_equal(got->hellos, want->hellos);
	assert_int_equal(got->hello_version, want->hello_version);
	assert_int_equal(got->hello_at, want->hello_at);
	assert_int_equal(got->cert_broken, 0);
	if (want->event == TLS_ERROR) {
		assert_int_equal(got->outcome, GL_OUTCOME_MALFORMED);
		return;
	}
	assert_int_equal(got->cert_total, want->cert_total);
	assert_int_equal(got->cert_read, want->cert_read);
	assert_memory_equal(got->cert, want->cert, want->cert_read);
	assert_memory_equal(&got->server, &want->server, sizeof(want->server));
}

/* The same answer as the slow reader's, for flights good and damaged. */
static void test_against_the_reference(void **state)
{
	struct synth s = {0x736572766572ull};
	static struct server_reading cut;
	static struct flight f;
	unsigned events[TLS_ERROR + 1] = {0}, hellos = 0;

	(void)state;
	for (int i = 0; i < FLIGHTS; i++) {
		synth_flight(&s, &build, &stream);
		flight_read(&f, stream.bytes, stream.n);
		read_whole(&r);
		assert_flight(&r, &f.r);
		server_reading_begin(&cut);
		for (size_t off = 0, n; off < stream.n; off += n) {
			n = 1 + synth_number(&s, 97);
			n = n < stream.n - off ? n : stream.n - off;
			server_reading_feed(&cut, &piece, stream.bytes + off, n);
		}
		assert_true(server_reading_equal(&r, &cut));
		events[r.event]++;
		hellos += r.hellos;
	}
	assert_in_range(events[TLS_DONE], FLIGHTS / 4, FLIGHTS);
	assert_in_range(events[TLS_ALERT], FLIGHTS / 100, FLIGHTS);
	assert_in_range(events[TLS_ERROR], FLIGHTS / 10, FLIGHTS);
	assert_in_range(hellos, FLIGHTS / 3, FLIGHTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tls13),     cmocka_unit_test(test_retry),
		cmocka_unit_test(test_versions),  cmocka_unit_test(test_sentinels),
		cmocka_unit_test(test_flight12),  cmocka_unit_test(test_groups),
		cmocka_unit_test(test_resumed12), cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_bad_bytes), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_rewind),    cmocka_unit_test(test_against_the_reference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
