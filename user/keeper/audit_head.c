/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/audit_head.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define FILE_MAX_BYTES 4096
#define SIGNATURE_SIZE 64

struct audit_signer {
	EVP_PKEY *key;
	char *path; /* of the head */
};

static void bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void digest_freep(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static int write_pem(const char *path, mode_t mode, int (*put)(BIO *bio, EVP_PKEY *key),
		     EVP_PKEY *key)
{
	_cleanup_(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long n;

	if (!bio || put(bio, key) != 1)
		return -ENOMEM;
	n = BIO_get_mem_data(bio, &text);
	return file_write_atomic(path, text, (size_t)n, mode);
}

static int put_private(BIO *bio, EVP_PKEY *key)
{
	return PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
}

static int put_public(BIO *bio, EVP_PKEY *key)
{
	return PEM_write_bio_PUBKEY(bio, key);
}

static int read_key(const char *path, EVP_PKEY **ret_key)
{
	_cleanup_(bio_freep) BIO *bio = NULL;
	_cleanup_free_ char *text = NULL;
	EVP_PKEY *key;
	struct stat st;
	size_t size;
	int r;

	if (stat(path, &st) < 0)
		return -errno;
	if (st.st_mode & 077)
		return -EPERM;
	r = file_read(path, FILE_MAX_BYTES, &text, &size);
	if (r < 0)
		return r;
	bio = BIO_new_mem_buf(text, (int)size);
	key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
	explicit_bzero(text, size);
	if (!key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		return -EBADMSG;
	}
	*ret_key = key;
	return 0;
}

static int make_key(const char *path, const char *public_path, EVP_PKEY **ret_key)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	int r;

	if (!key)
		return -ENOMEM;
	r = write_pem(path, 0600, put_private, key);
	if (r == 0)
		r = write_pem(public_path, 0644, put_public, key);
	if (r < 0)
		EVP_PKEY_free(key);
	else
		*ret_key = key;
	return r;
}

int audit_signer_new(const char *state_dir, struct audit_signer **ret_signer)
{
	_cleanup_free_ char *key = NULL, *public_path = NULL;
	struct audit_signer *signer = calloc(1, sizeof(*signer));
	int r;

	if (!signer || asprintf(&key, "%s/audit.key", state_dir) < 0 ||
	    asprintf(&public_path, "%s/audit.pub", state_dir) < 0 ||
	    asprintf(&signer->path, "%s/audit.head", state_dir) < 0) {
		free(signer);
		return -ENOMEM;
	}
	r = read_key(key, &signer->key);
	if (r == -ENOENT)
		r = make_key(key, public_path, &signer->key);
	if (r < 0) {
		audit_signer_free(signer);
		return r;
	}
	*ret_signer = signer;
	return 0;
}

void audit_signer_free(struct audit_signer *signer)
{
	if (!signer)
		return;
	EVP_PKEY_free(signer->key);
	free(signer->path);
	free(signer);
}

/* What is signed: the first lines of the file. */
static int make_text(const struct audit_head *head, char *text, size_t size)
{
	return snprintf(text, size,
			"glacis-audit-head 1\nfirst %" PRId64 "\nlast %" PRId64 "\nhash %s\n",
			head->first, head->last, head->hash);
}

static int sign(struct audit_signer *signer, const char *text, size_t size,
		char ret_signature[AUDIT_SIGNATURE])
{
	_cleanup_(digest_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char bytes[SIGNATURE_SIZE];
	size_t n = sizeof(bytes);

	if (!ctx || EVP_DigestSignInit(ctx, NULL, NULL, NULL, signer->key) != 1 ||
	    EVP_DigestSign(ctx, bytes, &n, (const unsigned char *)text, size) != 1 ||
	    n != sizeof(bytes))
		return -EIO;
	for (size_t i = 0; i < n; i++)
		snprintf(ret_signature + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

static bool is_signed(struct audit_signer *signer, const char *text, size_t size,
		      const char *signature)
{
	_cleanup_(digest_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char bytes[SIGNATURE_SIZE];

	if (strlen(signature) != AUDIT_SIGNATURE - 1)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		if (sscanf(signature + 2 * i, "%2hhx", &bytes[i]) != 1)
			return false;
	return ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, signer->key) == 1 &&
	       EVP_DigestVerify(ctx, bytes, sizeof(bytes), (const unsigned char *)text, size) == 1;
}

int audit_head_write(struct audit_signer *signer, struct audit_head *head)
{
	char text[512];
	int n = make_text(head, text, sizeof(text)), r;

	r = sign(signer, text, (size_t)n, head->signature);
	if (r < 0)
		return r;
	n += snprintf(text + n, sizeof(text) - (size_t)n, "signature %s\n", head->signature);
	return file_write_atomic(signer->path, text, (size_t)n, 0600);
}

int audit_head_read(struct audit_signer *signer, struct audit_head *ret_head)
{
	_cleanup_free_ char *data = NULL;
	struct audit_head head = {};
	char text[512];
	size_t size;
	int n, all, r;

	r = file_read(signer->path, FILE_MAX_BYTES, &data, &size);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	if (sscanf(data,
		   "glacis-audit-head 1 first %" SCNd64 " last %" SCNd64
		   " hash %64[0-9a-f] signature %128[0-9a-f]",
		   &head.first, &head.last, head.hash, head.signature) != 4)
		return -EBADMSG;
	n = make_text(&head, text, sizeof(text));
	/* the bytes themselves, not only what they mean */
	all = n + snprintf(text + n, sizeof(text) - (size_t)n, "signature %s\n", head.signature);
	if ((size_t)all != size || memcmp(text, data, size) != 0)
		return -EBADMSG;
	if (!is_signed(signer, text, (size_t)n, head.signature))
		return -EKEYREJECTED;
	*ret_head = head;
	return 0;
}
