/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_tls_hello.c - what is read of a ClientHello (include/glacis/tls_hello.h): field by field, at
 * every cut, after every rewind, and against a reader that has the whole of it.
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
#include "tests/unit/tls_reference.h"
#include "tests/unit/tls_synth.h"
#include "user/base/cleanup.h"

#define HELLOS 4000

static struct http_piece *piece;
static struct tls_build build, stream;

static int setup(void **state)
{
	(void)state;
	piece = calloc(1, sizeof(*piece));
	return piece ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(piece);
	return 0;
}

static void read_whole(const uint8_t *bytes, size_t n, struct hello_reading *ret)
{
	hello_reading_begin(ret);
	hello_reading_feed(ret, piece, bytes, n);
}

/* Whole, in two at every place, byte by byte: always the same. */
static void read_all_ways(const uint8_t *bytes, size_t n, struct hello_reading *ret)
{
	static struct hello_reading other;

	read_whole(bytes, n, ret);
	for (size_t cut = 1; cut < n; cut++) {
		hello_reading_begin(&other);
		hello_reading_feed(&other, piece, bytes, cut);
		hello_reading_feed(&other, piece, bytes + cut, n - cut);
		assert_true(hello_reading_equal(&other, ret));
	}
	hello_reading_begin(&other);
	for (size_t i = 0; i < n; i++)
		hello_reading_feed(&other, piece, bytes + i, 1);
	assert_true(hello_reading_equal(&other, ret));
}

/* Up to the compression methods. Returns where the message's length is to be closed. */
static size_t hello_open(const uint16_t *ciphers, size_t n, uint16_t version, size_t session)
{
	size_t message, at;

	build.n = 0;
	build_number(&build, 1, 1);
	message = build_open(&build, 3);
	build_number(&build, 2, version);
	build_fill(&build, 0x33, 32);
	build_number(&build, 1, session);
	build_fill(&build, 0x44, session);
	at = build_open(&build, 2);
	for (size_t i = 0; i < n; i++)
		build_number(&build, 2, ciphers[i]);
	build_close(&build, at, 2);
	build_number(&build, 2, 0x0100);
	return message;
}

static void hello_close(size_t message, size_t record)
{
	build_close(&build, message, 3);
	stream.n = 0;
	build_records(&stream, 22, 0x0301, &build, record);
}

static const uint16_t browser_ciphers[] = {0x8a8a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f};
static const uint16_t browser_signatures[] = {0x0403, 0x0804, 0x0401};
static const uint16_t browser_groups[] = {0x1a1a, 0x11ec, 0x001d, 0x0017};
static const uint16_t browser_versions[] = {0xcaca, 0x0304, 0x0303};

/* As a browser of 2025 sends it: GREASE, a key share of 1216 bytes and more, padding. */
static void browser_hello(size_t record, size_t share)
{
	size_t message = hello_open(browser_ciphers, 6, 0x0303, 32), all, at;

	all = build_open(&build, 2);
	at = build_extension(&build, 0x2a2a);
	build_close(&build, at, 2);
	build_name(&build, "Api.Example.com");
	build_numbers(&build, 10, 2, browser_groups, 4);
	build_protocols(&build, "h2", "http/1.1");
	build_numbers(&build, 13, 2, browser_signatures, 3);
	at = build_extension(&build, 51);
	build_fill(&build, 0x77, share);
	build_close(&build, at, 2);
	build_numbers(&build, 43, 1, browser_versions, 3);
	at = build_extension(&build, 35);
	build_close(&build, at, 2);
	build_close(&build, all, 2);
	hello_close(message, record);
}

static void check_browser(const struct hello_reading *r)
{
	static const uint16_t extensions[] = {0, 10, 16, 13, 51, 43, 35};
	const struct gl_hello *h = &r->hello;

	assert_int_equal(r->event, TLS_HELLO);
	assert_int_equal(r->bytes, stream.n);
	assert_int_equal(h->bytes, build.n);
	assert_int_equal(h->record_version, 0x0301);
	assert_int_equal(h->legacy_version, 0x0303);
	assert_int_equal(h->max_version, 0x0304);
	assert_int_equal(h->min_version, 0x0303);
	assert_int_equal(h->flags, GL_HELLO_GREASE | GL_HELLO_SNI_SEEN | GL_HELLO_ALPN_SEEN |
					   GL_HELLO_VERSIONS_SEEN);
	assert_int_equal(h->n_ciphers, 5);
	assert_memory_equal(h->ciphers, browser_ciphers + 1, 10);
	assert_int_equal(h->n_extensions, 7);
	assert_memory_equal(h->extensions, extensions, sizeof(extensions));
	assert_int_equal(h->n_signatures, 3);
	assert_memory_equal(h->signatures, browser_signatures, 6);
	assert_int_equal(h->n_groups, 3);
	assert_memory_equal(h->groups, browser_groups + 1, 6);
	assert_int_equal(h->n_versions, 2);
	assert_memory_equal(h->versions, browser_versions + 1, 4);
	assert_int_equal(h->sni_len, 15);
	assert_memory_equal(h->sni, "Api.Example.com", 15);
	assert_int_equal(h->sni_key, tls_sni_key("api.example.com", 15, &tls_test_key));
	assert_int_not_equal(h->sni_key, tls_sni_key("api.example.co", 14, &tls_test_key));
	assert_int_equal(h->alpn_len, 12);
	assert_memory_equal(h->alpn, "\002h2\010http/1.1", 12);
	assert_memory_equal(h->alpn_ends, "h2", 2);
	assert_true(h->key != 0);
}

static void test_browser(void **state)
{
	static const size_t records[] = {16384, 300, 64, 7, 1};
	struct hello_reading r;
	uint64_t key = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		browser_hello(records[i], i ? 40 : 1216 + 43);
		read_all_ways(stream.bytes, stream.n, &r);
		check_browser(&r);
		if (key)
			assert_true(r.hello.key == key);
		key = r.hello.key;
	}
}

/* What nobody reads costs a step, not one for each of its bytes. */
static void test_steps(void **state)
{
	struct hello_reading small, large;

	(void)state;
	browser_hello(16384, 40);
	read_whole(stream.bytes, stream.n, &small);
	browser_hello(16384, 1259);
	read_whole(stream.bytes, stream.n, &large);
	assert_int_equal(small.steps, large.steps);
	assert_in_range(large.steps, 1, 40); /* read by entries: 107 */
}

static void test_no_extensions(void **state)
{
	static const uint16_t ciphers[] = {0x002f, 0x5600};
	struct hello_reading r;

	(void)state;
	for (uint16_t version = 0x0300; version <= 0x0305; version++) {
		hello_close(hello_open(ciphers, 2, version, 0), 16384);
		read_all_ways(stream.bytes, stream.n, &r);
		assert_int_equal(r.event, TLS_HELLO);
		assert_int_equal(r.hello.legacy_version, version);
		assert_int_equal(r.hello.max_version, version > 0x0303 ? 0x0303 : version);
		assert_int_equal(r.hello.min_version, r.hello.max_version);
		assert_int_equal(r.hello.flags, GL_HELLO_FALLBACK_SCSV);
	}
	hello_close(hello_open(ciphers, 2, 0x02ff, 0), 16384);
	read_all_ways(stream.bytes, stream.n, &r);
	assert_int_equal(r.outcome, GL_OUTCOME_MALFORMED);
}

/* supported_versions alone decides where it is there; what is unknown in it is no version. */
static void test_versions(void **state)
{
	static const struct {
		uint16_t list[4];
		size_t n;
		uint16_t max, min;
	} cases[] = {
		{{0x0304, 0x0303, 0x0302, 0x0301}, 4, 0x0304, 0x0301},
		{{0x0301, 0x0304}, 2, 0x0304, 0x0301},
		{{0x0302}, 1, 0x0302, 0x0302},
		{{0x0305, 0x7f1c}, 2, 0, 0},
		{{0x0305, 0x0303}, 2, 0x0303, 0x0303},
		{{0x3a3a}, 1, 0, 0},
		{{0x0300}, 1, 0x0300, 0x0300},
	};
	struct hello_reading r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t message = hello_open(browser_ciphers, 6, 0x0303, 0), all;

		all = build_open(&build, 2);
		build_numbers(&build, 43, 1, cases[i].list, cases[i].n);
		build_close(&build, all, 2);
		hello_close(message, 16384);
		read_all_ways(stream.bytes, stream.n, &r);
		assert_int_equal(r.event, TLS_HELLO);
		assert_int_equal(r.hello.max_version, cases[i].max);
		assert_int_equal(r.hello.min_version, cases[i].min);
	}
}

static void test_ssl2(void **state)
{
	static const uint8_t hello[] = {0x80, 0x2e, 0x01, 0x03, 0x03, 0x00, 0x15};
	static const uint8_t other[] = {0x80, 0x2e, 0x04, 0x00};
	struct hello_reading r;

	(void)state;
	read_all_ways(hello, sizeof(hello), &r);
	assert_int_equal(r.event, TLS_HELLO);
	assert_int_equal(r.hello.flags, GL_HELLO_SSL2);
	assert_int_equal(r.hello.max_version, 0x0002);
	assert_int_equal(r.hello.legacy_version, 0x0002);
	read_all_ways(other, sizeof(other), &r);
	assert_int_equal(r.outcome, GL_OUTCOME_MALFORMED);
}

/* Extensions given as bytes; the rest of the hello is in order. */
static uint32_t outcome_of(const char *extensions, size_t n)
{
	size_t message = hello_open(browser_ciphers, 6, 0x0303, 32), all;
	struct hello_reading r;

	all = build_open(&build, 2);
	build_bytes(&build, extensions, n);
	build_close(&build, all, 2);
	hello_close(message, 16384);
	read_all_ways(stream.bytes, stream.n, &r);
	assert_int_equal(r.event, r.outcome ? TLS_ERROR : TLS_HELLO);
	return r.outcome;
}

#define OUTCOME_OF(text) outcome_of(text, sizeof(text) - 1)

static void test_bad_extensions(void **state)
{
	(void)state;
	assert_int_equal(OUTCOME_OF(""), GL_OUTCOME_OK);
	assert_int_equal(OUTCOME_OF("\0\1\0\0\0\1\0\0"), GL_OUTCOME_OK); /* twice, but not read */
	assert_int_equal(OUTCOME_OF("\0\x2a\0\0"), GL_OUTCOME_OK);
	/* cut off, too long */
	assert_int_equal(OUTCOME_OF("\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\1\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\1\0\1"), GL_OUTCOME_MALFORMED);
	/* server_name */
	assert_int_equal(OUTCOME_OF("\0\0\0\6\0\4\0\0\1a"), GL_OUTCOME_OK);
	assert_int_equal(OUTCOME_OF("\0\0\0\6\0\4\0\0\1a\0\0\0\6\0\4\0\0\1a"),
			 GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\0\0\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\0\0\2\0\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\0\0\5\0\3\0\0\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\0\0\6\0\4\0\0\2a"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\0\0\6\0\3\0\0\1a"), GL_OUTCOME_MALFORMED);
	/* supported_groups, signature_algorithms */
	assert_int_equal(OUTCOME_OF("\0\12\0\4\0\2\0\x1d"), GL_OUTCOME_OK);
	assert_int_equal(OUTCOME_OF("\0\12\0\2\0\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\12\0\5\0\3\0\x1d\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\12\0\4\0\4\0\x1d"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\12\0\4\0\2\0\x1d\0\12\0\4\0\2\0\x1d"),
			 GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\15\0\4\0\2\4\3\0\15\0\4\0\2\4\3"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\15\0\6\0\2\4\3\0\0"), GL_OUTCOME_MALFORMED);
	/* ALPN */
	assert_int_equal(OUTCOME_OF("\0\20\0\5\0\3\2h2"), GL_OUTCOME_OK);
	assert_int_equal(OUTCOME_OF("\0\20\0\2\0\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\20\0\6\0\4\2h2\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\20\0\5\0\3\3h2"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\20\0\5\0\3\2h2\0\20\0\5\0\3\2h2"), GL_OUTCOME_MALFORMED);
	/* supported_versions */
	assert_int_equal(OUTCOME_OF("\0\x2b\0\3\2\3\4"), GL_OUTCOME_OK);
	assert_int_equal(OUTCOME_OF("\0\x2b\0\1\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\x2b\0\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\x2b\0\4\3\3\4\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\x2b\0\4\2\3\4\0"), GL_OUTCOME_MALFORMED);
	assert_int_equal(OUTCOME_OF("\0\x2b\0\3\2\3\4\0\x2b\0\3\2\3\1"), GL_OUTCOME_MALFORMED);
	/* pre_shared_key */
	assert_int_equal(OUTCOME_OF("\0\x29\0\0"), GL_OUTCOME_OK);
	assert_int_equal(OUTCOME_OF("\0\x29\0\0\0\x29\0\0"), GL_OUTCOME_MALFORMED);
}

static void check_outcome(const uint8_t *bytes, size_t n, uint32_t outcome)
{
	struct hello_reading r;

	read_all_ways(bytes, n, &r);
	assert_int_equal(r.event, TLS_ERROR);
	assert_int_equal(r.outcome, outcome);
}

/* One byte of a good hello changed: records, message head, the lists before the extensions. */
static void test_bad_bytes(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
		uint32_t outcome;
	} cases[] = {
		{0, 0x17, GL_OUTCOME_MALFORMED}, /* application data */
		{0, 0x15, GL_OUTCOME_MALFORMED}, /* alert */
		{1, 0x02, GL_OUTCOME_MALFORMED}, {1, 0x04, GL_OUTCOME_MALFORMED},
		{3, 0x41, GL_OUTCOME_MALFORMED}, /* a record of more than 16384 */
		{5, 0x02, GL_OUTCOME_MALFORMED}, /* a ServerHello */
		{6, 0x01, GL_OUTCOME_TOO_LONG},  {7, 0x41, GL_OUTCOME_TOO_LONG},
		{9, 0x02, GL_OUTCOME_MALFORMED}, /* SSL 2.0 in a record */
		{43, 33, GL_OUTCOME_MALFORMED}, /* session id */
		{77, 13, GL_OUTCOME_MALFORMED}, /* odd list of ciphers */
		{77, 0, GL_OUTCOME_MALFORMED},   {90, 0, GL_OUTCOME_MALFORMED},
		{90, 255, GL_OUTCOME_MALFORMED}, {93, 1, GL_OUTCOME_MALFORMED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		browser_hello(16384, 40);
		assert_int_equal(stream.bytes[90], 1); /* compression methods are there */
		stream.bytes[cases[i].at] = cases[i].byte;
		check_outcome(stream.bytes, stream.n, cases[i].outcome);
	}
	browser_hello(100, 40);
	stream.bytes[105] = 0x14; /* between its records: ChangeCipherSpec */
	check_outcome(stream.bytes, stream.n, GL_OUTCOME_MALFORMED);
	browser_hello(100, 40);
	stream.bytes[108] = stream.bytes[109] = 0; /* an empty record */
	check_outcome(stream.bytes, stream.n, GL_OUTCOME_MALFORMED);
}

/* The longest hello there may be, and one byte more. */
static void test_length_limit(void **state)
{
	struct hello_reading r;
	size_t message, all, at;

	(void)state;
	for (size_t more = 0; more < 2; more++) {
		message = hello_open(browser_ciphers, 6, 0x0303, 32);
		all = build_open(&build, 2);
		at = build_extension(&build, 21);
		build_fill(&build, 0, GL_HELLO_MAX + 4 - build.n + more);
		build_close(&build, at, 2);
		build_close(&build, all, 2);
		hello_close(message, 16384);
		read_whole(stream.bytes, stream.n, &r);
		assert_int_equal(r.event, more ? TLS_ERROR : TLS_HELLO);
		assert_int_equal(r.outcome, more ? GL_OUTCOME_TOO_LONG : GL_OUTCOME_OK);
	}
}

/* After an end nothing more is read, and the reason stays what it was. */
static void test_nothing_after_the_end(void **state)
{
	struct hello_reading r;

	(void)state;
	browser_hello(16384, 40);
	stream.bytes[6] = 1;
	read_whole(stream.bytes, stream.n, &r);
	assert_int_equal(r.outcome, GL_OUTCOME_TOO_LONG);
	r.event = TLS_NOTHING;
	hello_reading_feed(&r, piece, stream.bytes, 5);
	assert_int_equal(r.event, TLS_ERROR);
	assert_int_equal(r.outcome, GL_OUTCOME_TOO_LONG);
}

/*
 * A door reads a segment that is then lost: it goes back, and other bytes come. State and head are
 * all it keeps.
 */
static void test_rewind(void **state)
{
	static struct hello_reading clean, r, saved;
	static struct tls_build other;

	(void)state;
	browser_hello(100, 40);
	other = stream;
	for (size_t i = 0; i < other.n; i++)
		if (i % 105 >= 5) /* not the records' heads */
			other.bytes[i] = (uint8_t)(other.bytes[i] * 5 + 0x61);
	read_whole(stream.bytes, stream.n, &clean);
	for (size_t cut = 0; cut < stream.n; cut++) {
		size_t ahead = cut;

		hello_reading_begin(&r);
		hello_reading_feed(&r, piece, stream.bytes, cut);
		saved = r;
		hello_reading_feed(&r, piece, other.bytes + ahead, other.n - ahead);
		r.state = saved.state;
		memcpy(&r.hello, &saved.hello, HELLO_HEAD);
		r.event = saved.event;
		r.bytes = saved.bytes;
		hello_reading_feed(&r, piece, stream.bytes + cut, stream.n - cut);
		r.outcome = 0;
		assert_true(hello_reading_equal(&r, &clean));
	}
}

/* The same answer as the slow reader's, for hellos good and damaged. */
static void test_against_the_reference(void **state)
{
	struct synth s = {0x676c61636973ull};
	static struct hello_reading r, cut;
	static struct reference reference;
	static struct tls_build message;
	unsigned accepted = 0, refused = 0;

	(void)state;
	for (int i = 0; i < HELLOS; i++) {
		synth_message(&s, &message);
		for (uint32_t n = synth_number(&s, 4); n; n--)
			synth_damage(&s, &message);
		synth_stream(&s, &message, &stream);
		reference_read(stream.bytes, stream.n, &reference);
		read_whole(stream.bytes, stream.n, &r);
		hello_reading_begin(&cut);
		for (size_t off = 0; off < stream.n;) {
			size_t n = 1 + synth_number(&s, 64);

			n = n < stream.n - off ? n : stream.n - off;
			hello_reading_feed(&cut, piece, stream.bytes + off, n);
			off += n;
		}
		assert_true(hello_reading_equal(&r, &cut));
		if (reference.event == TLS_NOTHING) {
			assert_int_not_equal(r.event, TLS_HELLO);
			continue;
		}
		assert_int_equal(r.event, reference.event);
		assert_int_equal(r.outcome, reference.outcome);
		refused += r.event == TLS_ERROR;
		if (r.event == TLS_ERROR)
			continue;
		accepted++;
		assert_int_equal(r.bytes, reference.bytes);
		reference.hello.key = r.hello.key;
		assert_true(hello_equal(&r.hello, &reference.hello));
	}
	assert_in_range(accepted, HELLOS / 4, HELLOS);
	assert_in_range(refused, HELLOS / 10, HELLOS);
}

/* Lists about as long as what is read at once, and as their room: each cut, and the reference. */
static void check_long_lists(size_t n, size_t grease)
{
	static struct hello_reading r;
	static struct reference reference;
	size_t message, all, ciphers, signatures, groups, versions;
	uint16_t list[320];
	char name[321];

	ciphers = build_list(list, n, 0x1301, grease);
	message = hello_open(list, n, 0x0303, 32);
	all = build_open(&build, 2);
	memset(name, 'N', n);
	name[n] = 0;
	build_name(&build, name);
	name[n > 255 ? 255 : n] = 0;
	build_protocols(&build, name, "h2");
	signatures = build_list(list, n, 0x0403, grease);
	build_numbers(&build, 13, 2, list, n);
	groups = build_list(list, 1 + n / 4, 0x0017, grease);
	build_numbers(&build, 10, 2, list, 1 + n / 4);
	versions = build_list(list, 1 + n / 32, 0x0303, grease);
	build_numbers(&build, 43, 1, list, 1 + n / 32);
	build_close(&build, all, 2);
	hello_close(message, n % 2 ? 16384 : 601);
	reference_read(stream.bytes, stream.n, &reference);
	read_all_ways(stream.bytes, stream.n, &r);
	assert_int_equal(r.event, TLS_HELLO);
	assert_int_equal(r.hello.n_ciphers, ciphers);
	assert_int_equal(r.hello.n_signatures, signatures);
	assert_int_equal(r.hello.n_groups, groups);
	assert_int_equal(r.hello.n_versions, versions);
	assert_int_equal(r.hello.sni_len, n);
	assert_int_equal(!!(r.hello.flags & GL_HELLO_GREASE), grease && n >= grease);
	assert_int_equal(!!(r.hello.flags & GL_HELLO_TRUNCATED),
			 ciphers > GL_HELLO_CIPHERS || signatures > GL_HELLO_SIGNATURES ||
				 versions > GL_HELLO_VERSIONS);
	reference.hello.key = r.hello.key;
	assert_true(hello_equal(&r.hello, &reference.hello));
}

static void test_long_lists(void **state)
{
	static const size_t lengths[] = {1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 256, 257, 300};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		check_long_lists(lengths[i], 0);
		check_long_lists(lengths[i], 1 + lengths[i] / 3);
		check_long_lists(lengths[i], lengths[i]);
	}
}

/* Order of ciphers and extensions, GREASE and names are nothing to it; order of signatures is. */
static uint64_t key_of(const uint16_t *ciphers, const uint16_t *signatures, int swapped,
		       const char *name, const char *protocol)
{
	size_t message = hello_open(ciphers, 3, 0x0303, 0), all;
	struct hello_reading r;

	all = build_open(&build, 2);
	if (swapped)
		build_numbers(&build, 13, 2, signatures, 2);
	if (name)
		build_name(&build, name);
	if (protocol)
		build_protocols(&build, protocol, NULL);
	if (!swapped)
		build_numbers(&build, 13, 2, signatures, 2);
	build_close(&build, all, 2);
	hello_close(message, 16384);
	read_whole(stream.bytes, stream.n, &r);
	assert_int_equal(r.event, TLS_HELLO);
	return r.hello.key;
}

static void test_key(void **state)
{
	static const uint16_t ciphers[] = {0x1301, 0x1302, 0x1303},
			      order[] = {0x1303, 0x1301, 0x1302},
			      twice[] = {0x1301, 0x1301, 0x1303},
			      other[] = {0x1301, 0x1304, 0x1303};
	static const uint16_t signatures[] = {0x0403, 0x0804}, reversed[] = {0x0804, 0x0403};
	uint64_t key = key_of(ciphers, signatures, 0, "a.example", "h2");

	(void)state;
	assert_true(key == key_of(order, signatures, 1, "b.example", "h2"));
	assert_true(key == key_of(ciphers, signatures, 0, "a.example", "hxx2"));
	assert_false(key == key_of(ciphers, reversed, 0, "a.example", "h2"));
	assert_false(key == key_of(twice, signatures, 0, "a.example", "h2"));
	assert_false(key == key_of(other, signatures, 0, "a.example", "h2"));
	assert_false(key == key_of(ciphers, signatures, 0, NULL, "h2"));
	assert_false(key == key_of(ciphers, signatures, 0, "a.example", NULL));
	assert_false(key == key_of(ciphers, signatures, 0, "a.example", "h3"));
	/* JA4 shows a digit of each end that is no letter or digit */
	assert_true(key_of(ciphers, signatures, 0, NULL, "\xab\xcd") ==
		    key_of(ciphers, signatures, 0, NULL, "\xa1\x7d"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_browser),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_no_extensions),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_ssl2),
		cmocka_unit_test(test_bad_extensions),
		cmocka_unit_test(test_bad_bytes),
		cmocka_unit_test(test_length_limit),
		cmocka_unit_test(test_nothing_after_the_end),
		cmocka_unit_test(test_long_lists),
		cmocka_unit_test(test_rewind),
		cmocka_unit_test(test_against_the_reference),
		cmocka_unit_test(test_key),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
