/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_tls_openssl.c - any bytes as what a TLS client sends first. Beyond not crashing: where the
 * stream is cut changes nothing; a rewind to any place gives the same; and OpenSSL's server, with
 * every version allowed, never sees a complete hello that we do not, nor gives another version than
 * the one we say is the highest offered. So nothing below a floor passes it unseen.
 */
#include <openssl/ssl.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/handshake_reader.h"

static SSL_CTX *context;

static void make_context(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();

	context = SSL_CTX_new(TLS_server_method());
	CHECK(context && key && cert);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), 0);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	CHECK(X509_sign(cert, key, EVP_sha256()));
	SSL_CTX_set_security_level(context, 0);
	SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
	CHECK(SSL_CTX_set_cipher_list(context, "ALL:eNULL:@SECLEVEL=0"));
	CHECK(SSL_CTX_use_certificate(context, cert) == 1);
	CHECK(SSL_CTX_use_PrivateKey(context, key) == 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

/* What OpenSSL's server answers; 0 bytes: it waits for more. */
static size_t ask_openssl(const uint8_t *data, size_t size, uint8_t *answer, size_t room)
{
	BIO *in = BIO_new_mem_buf(data, (int)size), *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(context);
	int n;

	CHECK(in && out && ssl);
	BIO_set_mem_eof_return(in, -1);
	SSL_set_bio(ssl, in, out);
	SSL_accept(ssl);
	n = BIO_read(out, answer, (int)room);
	SSL_free(ssl);
	return n > 0 ? (size_t)n : 0;
}

static void check_openssl(const uint8_t *data, size_t size, const struct client_read *whole)
{
	static uint8_t answer[65536];
	static struct server_read server;
	size_t n = ask_openssl(data, size, answer, sizeof(answer));

	server_read_begin(&server);
	server_read_feed(&server, answer, n);
	if (!server.hellos)
		return;
	/* it took the hello: so it is complete for us, or refused */
	CHECK(whole->event == TLS_HELLO || whole->event == TLS_ERROR);
	if (whole->event == TLS_HELLO && !(whole->hello.flags & GL_HELLO_SSL2))
		CHECK(server.server.version == whole->hello.max_version);
}

/* In pieces whose lengths come from the bytes; at one of them back to an earlier place. */
static void read_cut(const uint8_t *data, size_t size, unsigned seed, struct client_read *ret)
{
	struct client_read saved;
	size_t saved_off = 0, back = seed ? size / 2 : size + 1;

	client_read_begin(ret);
	saved = *ret;
	for (size_t off = 0; off < size && !ret->event;) {
		size_t n = seed ? 1 + (data[off] * seed + off) % 41 : 1;

		if (n > size - off)
			n = size - off;
		client_read_feed(ret, data + off, n);
		off += n;
		if (off < back) {
			saved = *ret;
			saved_off = off;
		} else if (!ret->event) {
			/* as flow_rewind(): the lists are not saved */
			ret->state = saved.state;
			memcpy(&ret->hello, &saved.hello, offsetof(struct gl_hello, ciphers));
			ret->used = saved.used;
			off = saved_off;
			back = size + 1;
		}
	}
}

/* The lists up to their counts: what lies beyond is what a rewind left. */
static void check_same(const struct client_read *a, const struct client_read *b)
{
	const struct gl_hello *x = &a->hello, *y = &b->hello;
#define SAME(list, count, room)                                                                    \
	CHECK(memcmp(x->list, y->list,                                                             \
		     (x->count < (room) ? x->count : (room)) * sizeof(x->list[0])) == 0)

	CHECK(a->event == b->event && a->used == b->used);
	if (a->event == TLS_ERROR)
		return;
	CHECK(memcmp(x, y, offsetof(struct gl_hello, ciphers)) == 0);
	SAME(ciphers, n_ciphers, GL_HELLO_CIPHERS);
	SAME(extensions, n_extensions, GL_HELLO_EXTENSIONS);
	SAME(signatures, n_signatures, GL_HELLO_SIGNATURES);
	SAME(groups, n_groups, GL_HELLO_GROUPS);
	SAME(versions, n_versions, GL_HELLO_VERSIONS);
	SAME(sni, sni_len, GL_HELLO_SNI);
	SAME(alpn, alpn_len, GL_HELLO_ALPN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct client_read whole, cut;

	if (!context)
		make_context();
	if (size > 65536)
		return 0;
	client_read_begin(&whole);
	client_read_feed(&whole, data, size);
	for (unsigned seed = 0; seed < 4; seed++) {
		read_cut(data, size, seed * 7, &cut);
		check_same(&whole, &cut);
	}
	check_openssl(data, size, &whole);
	return 0;
}
