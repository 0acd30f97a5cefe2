/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/inspector/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/base/cleanup.h"

#define CERTIFICATE_DIGEST 32 /* SHA-256 */

static void x509_freep(X509 **x)
{
	X509_free(*x);
}

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

int certificate_load(void)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_ADD_ALL_DIGESTS |
					 OPENSSL_INIT_ADD_ALL_CIPHERS |
					 OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
				 NULL) ||
	    !EVP_Digest("", 0, digest, &n, EVP_sha256(), NULL))
		return -EIO;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Text
 */

/* Appends bytes from outside, what is not printable ASCII as '?'; cut to what fits. */
static void put_text(char *text, size_t size, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t at = strlen(text);

	for (size_t i = 0; i < n && at + 1 < size; i++)
		text[at++] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
	text[at] = 0;
}

static void put_name(char *text, size_t size, const X509_NAME *name)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long n;

	if (!bio || X509_NAME_print_ex(bio, name, 0,
				       (XN_FLAG_RFC2253 | ASN1_STRFLGS_ESC_MSB) &
					       ~(unsigned long)ASN1_STRFLGS_DUMP_UNKNOWN) < 0)
		return;
	n = BIO_get_mem_data(bio, &bytes);
	if (n > 0)
		put_text(text, size, bytes, (size_t)n);
}

static const char *curve_name(const char *name)
{
	static const char *const names[][2] = {
		{"prime256v1", "P-256"}, {"secp384r1", "P-384"}, {"secp521r1", "P-521"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return name;
}

/* ---------------------------------------------------------------------------------------------
 * Key and signature
 */
static void read_key(X509 *x, struct report_certificate *c)
{
	EVP_PKEY *key = X509_get0_pubkey(x); /* NULL: of a kind libcrypto does not know */
	char curve[64];
	int bits = key ? EVP_PKEY_get_bits(key) : 0;
	int id = key ? EVP_PKEY_get_base_id(key) : NID_undef;

	c->key_bits = bits < 0 || bits > UINT16_MAX ? UINT16_MAX : (uint16_t)bits;
	switch (id) {
	case EVP_PKEY_RSA:
	case EVP_PKEY_RSA_PSS:
		snprintf(c->key, sizeof(c->key), "RSA");
		break;
	case EVP_PKEY_EC:
		if (!EVP_PKEY_get_group_name(key, curve, sizeof(curve), NULL))
			snprintf(curve, sizeof(curve), "explicit");
		put_text(c->key, sizeof(c->key), "EC ", 3);
		put_text(c->key, sizeof(c->key), curve_name(curve), strlen(curve_name(curve)));
		break;
	case EVP_PKEY_DSA:
		snprintf(c->key, sizeof(c->key), "DSA");
		break;
	case EVP_PKEY_ED25519:
		snprintf(c->key, sizeof(c->key), "Ed25519");
		break;
	case EVP_PKEY_ED448:
		snprintf(c->key, sizeof(c->key), "Ed448");
		break;
	default:
		snprintf(c->key, sizeof(c->key), "unknown");
		break;
	}
}

static void read_signature(X509 *x, struct report_certificate *c)
{
	const X509_ALGOR *algorithm = X509_get0_tbs_sigalg(x);
	int digest = NID_undef, nid = X509_get_signature_nid(x);
	const char *name = nid == NID_undef ? NULL : OBJ_nid2ln(nid);
	char oid[64] = "unknown";

	if (!name && algorithm && OBJ_obj2txt(oid, sizeof(oid), algorithm->algorithm, 1) <= 0)
		snprintf(oid, sizeof(oid), "unknown");
	put_text(c->signature, sizeof(c->signature), name ? name : oid, strlen(name ? name : oid));
	/* RSASSA-PSS keeps its digest in a parameter */
	if (nid == NID_rsassaPss && X509_get_signature_info(x, &digest, NULL, NULL, NULL) &&
	    digest != NID_undef) {
		put_text(c->signature, sizeof(c->signature), " ", 1);
		put_text(c->signature, sizeof(c->signature), OBJ_nid2ln(digest),
			 strlen(OBJ_nid2ln(digest)));
	}
}

/* ---------------------------------------------------------------------------------------------
 * Names
 */
#define CUT "..."

/* Whole names only; one that does not fit ends the list with "...". */
static bool put_alternative(char *names, size_t size, const char *name, size_t n)
{
	size_t have = strlen(names);

	if (have + n + 1 + sizeof(",") + sizeof(CUT) > size) {
		put_text(names, size, "," CUT, have ? sizeof(CUT) : 0);
		if (!have)
			put_text(names, size, CUT, sizeof(CUT) - 1);
		return false;
	}
	if (have)
		put_text(names, size, ",", 1);
	put_text(names, size, name, n);
	return true;
}

static size_t clean_name(const uint8_t *bytes, int n, char *text, size_t size)
{
	size_t len = n < 0 ? 0 : (size_t)n;

	if (len >= size)
		len = size - 1;
	/* a comma would be two names, a NUL the end of one */
	for (size_t i = 0; i < len; i++)
		text[i] = bytes[i] > 0x20 && bytes[i] < 0x7f && bytes[i] != ',' ? (char)bytes[i]
										: '?';
	text[len] = 0;
	return len;
}

static bool read_alternative(const GENERAL_NAME *name, struct report_certificate *c)
{
	char text[256];
	int type;
	const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &type);
	const uint8_t *bytes;
	int n, family;

	if (type != GEN_DNS && type != GEN_IPADD)
		return true;
	bytes = ASN1_STRING_get0_data(value);
	n = ASN1_STRING_length(value);
	if (type == GEN_IPADD) {
		family = n == 4 ? AF_INET : AF_INET6;
		if ((n != 4 && n != 16) || !inet_ntop(family, bytes, text, sizeof(text)))
			return true;
	} else {
		clean_name(bytes, n, text, sizeof(text));
	}
	return put_alternative(c->names, sizeof(c->names), text, strlen(text));
}

static void read_names(X509 *x, struct report_certificate *c)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
	bool fits = true;

	for (int i = 0; fits && i < sk_GENERAL_NAME_num(names); i++)
		fits = read_alternative(sk_GENERAL_NAME_value(names, i), c);
	GENERAL_NAMES_free(names);
}

/* ---------------------------------------------------------------------------------------------
 * The whole
 */
static int read_time(const ASN1_TIME *time, int64_t *ret_s)
{
	struct tm tm;

	if (!time || !ASN1_TIME_to_tm(time, &tm))
		return -EBADMSG;
	*ret_s = timegm(&tm);
	return 0;
}

static void put_fingerprint(const uint8_t digest[CERTIFICATE_DIGEST], struct report_certificate *c)
{
	for (unsigned i = 0; i < CERTIFICATE_DIGEST; i++)
		snprintf(c->fingerprint + 2 * i, 3, "%02x", digest[i]);
}

static int read_all(const uint8_t *der, size_t n, struct report_certificate *c)
{
	_cleanup_(x509_freep) X509 *x = NULL;
	const uint8_t *at = der;
	int r;

	x = d2i_X509(NULL, &at, (long)n);
	if (!x || at != der + n)
		return -EBADMSG;
	r = read_time(X509_get0_notBefore(x), &c->not_before_s);
	if (r == 0)
		r = read_time(X509_get0_notAfter(x), &c->not_after_s);
	if (r < 0)
		return r;
	put_name(c->subject, sizeof(c->subject), X509_get_subject_name(x));
	put_name(c->issuer, sizeof(c->issuer), X509_get_issuer_name(x));
	read_key(x, c);
	read_signature(x, c);
	read_names(x, c);
	/* by name and key identifier: nothing is computed with a stranger's key */
	c->self_signed = X509_self_signed(x, 0) == 1;
	return 0;
}

/*
 * A server shows the same certificate at every handshake, and reading one costs 150 us, most of it
 * libcrypto's decoder of keys. What was read is kept under the digest of its bytes: nobody can make
 * two certificates share one. Direct-mapped; who fills it with strangers' certificates makes us
 * read them again, no more.
 */
#define CACHE_SLOTS 64
static struct {
	bool used;
	uint8_t digest[CERTIFICATE_DIGEST];
	struct report_certificate read;
} cache[CACHE_SLOTS];

static void read_anew(const uint8_t *der, size_t n, const uint8_t digest[CERTIFICATE_DIGEST],
		      struct report_certificate *ret)
{
	struct report_certificate c = {.outcome = GL_OUTCOME_OK};

	if (read_all(der, n, &c) < 0)
		c = (struct report_certificate){.outcome = GL_OUTCOME_MALFORMED};
	else
		put_fingerprint(digest, &c);
	ERR_clear_error();
	*ret = c;
}

void certificate_read(const uint8_t *der, size_t n, struct report_certificate *certificate)
{
	struct report_certificate c = {.outcome = GL_OUTCOME_MALFORMED};
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0, slot;

	if (n > 0 && n <= CERTIFICATE_MAX && EVP_Digest(der, n, digest, &len, EVP_sha256(), NULL)) {
		slot = digest[0] % CACHE_SLOTS;
		if (!cache[slot].used || memcmp(cache[slot].digest, digest, CERTIFICATE_DIGEST)) {
			read_anew(der, n, digest, &cache[slot].read);
			memcpy(cache[slot].digest, digest, CERTIFICATE_DIGEST);
			cache[slot].used = true;
		}
		c = cache[slot].read;
	}
	c.report = certificate->report;
	c.conn = certificate->conn;
	c.service = certificate->service;
	c.port = certificate->port;
	c.flags = certificate->flags;
	*certificate = c;
}
