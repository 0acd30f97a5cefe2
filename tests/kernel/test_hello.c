/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_hello.c - the reading of a ClientHello in the kernel (hello.bpf.c, BPF_PROG_TEST_RUN) gives
 * the host build's, for hellos good and damaged. Prints what a hello costs.
 *
 *   test_hello FOLDER    the folder of hello.bpf.o
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_reader.h"
#include "tests/unit/tls_synth.h"

#define HELLOS 2000

/* As in hello.bpf.c. */
struct reading {
	struct gl_key key;
	struct tls_hello_state state;
	struct gl_hello hello;
	struct http_piece piece;
	__u32 len;
};

static const char *folder;
static struct tls_build build, stream;

struct kernel {
	struct bpf_object *object;
	int readings, whole, nothing;
};

static int setup(void **state)
{
	static struct kernel k;
	char path[512];

	snprintf(path, sizeof(path), "%s/hello.bpf.o", folder);
	k.object = bpf_object__open_file(path, NULL);
	assert_non_null(k.object);
	assert_int_equal(bpf_object__load(k.object), 0);
	k.readings = bpf_object__find_map_fd_by_name(k.object, "readings");
	k.whole = bpf_program__fd(bpf_object__find_program_by_name(k.object, "hello_whole"));
	k.nothing = bpf_program__fd(bpf_object__find_program_by_name(k.object, "hello_nothing"));
	*state = &k;
	return 0;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	bpf_object__close(k->object);
	return 0;
}

static uint32_t run(int program, int repeat)
{
	uint8_t packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = repeat);

	assert_int_equal(bpf_prog_test_run_opts(program, &options), 0);
	assert_int_equal(options.retval, 0);
	return options.duration; /* ns, of one run */
}

static void put(const struct kernel *k)
{
	static struct reading r;
	uint32_t zero = 0;

	memset(&r, 0, sizeof(r));
	r.key = tls_test_key;
	r.len = (uint32_t)stream.n;
	memcpy(r.piece.bytes, stream.bytes, stream.n);
	assert_int_equal(bpf_map_update_elem(k->readings, &zero, &r, BPF_ANY), 0);
}

/* Reads the stream on both sides: what is said and all that is kept. Returns the event. */
static uint32_t compare(const struct kernel *k)
{
	static struct reading after;
	static struct hello_reading host;
	static struct http_piece piece;
	uint32_t zero = 0;

	put(k);
	run(k->whole, 1);
	assert_int_equal(bpf_map_lookup_elem(k->readings, &zero, &after), 0);
	hello_reading_begin(&host);
	hello_reading_feed(&host, &piece, stream.bytes, stream.n);
	assert_int_equal(after.piece.event, host.event);
	assert_int_equal(after.piece.off, host.bytes);
	assert_memory_equal(&after.state, &host.state, sizeof(host.state));
	assert_true(hello_equal(&after.hello, &host.hello));
	return host.event;
}

static void test_synthesized(void **state)
{
	struct synth s = {0x6b65726eull};
	unsigned events[TLS_ERROR + 1] = {0}, n = 0;

	while (n < HELLOS) {
		synth_message(&s, &build);
		if (!synth_number(&s, 3))
			synth_damage(&s, &build);
		synth_stream(&s, &build, &stream);
		if (stream.n > HTTP_PIECE)
			continue;
		events[compare(*state)]++;
		n++;
	}
	assert_in_range(events[TLS_HELLO], HELLOS / 4, HELLOS);
	assert_in_range(events[TLS_ERROR], HELLOS / 50, HELLOS);
}

/* A hello of OpenSSL's client; with padding, of another size. */
static void real(size_t more)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	BIO *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(context);
	size_t at;
	int n;

	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_set_tlsext_host_name(ssl, "shop.test");
	SSL_set_alpn_protos(ssl, (const unsigned char *)"\2h2\10http/1.1", 12);
	assert_int_equal(SSL_connect(ssl), -1);
	n = BIO_read(out, build.bytes, TLS_BUILD_MAX);
	assert_in_range(n, 100, 1000);
	build.n = (size_t)n;
	SSL_free(ssl);
	SSL_CTX_free(context);
	if (more) {
		at = build_extension(&build, 21);
		build_fill(&build, 0, more);
		build_close(&build, at, 2);
	}
	/* lengths of record, message and extensions, which are behind what is fixed */
	at = 5 + 4 + 2 + 32;
	at += 1u + build.bytes[at];
	at += 2u + ((size_t)build.bytes[at] << 8 | build.bytes[at + 1]);
	at += 1u + build.bytes[at];
	build_close(&build, at + 2, 2);
	build_close(&build, 9, 3);
	build_close(&build, 5, 2);
	stream = build;
}

static void test_cost(void **state)
{
	static const size_t more[] = {0, 200, 1216};
	const struct kernel *k = *state;

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		uint32_t best = UINT32_MAX, nothing = UINT32_MAX;

		real(more[i]);
		assert_int_equal(compare(k), TLS_HELLO);
		put(k);
		for (int round = 0; round < 7; round++) {
			uint32_t ns = run(k->whole, 20000), none = run(k->nothing, 20000);

			best = ns < best ? ns : best;
			nothing = none < nothing ? none : nothing;
		}
		assert_true(best > nothing);
		printf("# a hello of %zu bytes: %u ns, around it %u ns\n", stream.n, best - nothing,
		       nothing);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_synthesized),
		cmocka_unit_test(test_cost),
	};

	folder = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, setup, teardown);
}
