/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/digest.h"

#include <errno.h>
#include <openssl/evp.h>

static _Thread_local EVP_MD *method;
static _Thread_local EVP_MD_CTX *context;

int digest_sha256(const void *bytes, size_t n, uint8_t ret_digest[DIGEST_BYTES])
{
	if (!method)
		method = EVP_MD_fetch(NULL, "SHA256", NULL);
	if (!context)
		context = EVP_MD_CTX_new();
	if (!method || !context || EVP_DigestInit_ex2(context, method, NULL) != 1 ||
	    EVP_DigestUpdate(context, bytes, n) != 1 ||
	    EVP_DigestFinal_ex(context, ret_digest, NULL) != 1)
		return -EIO;
	return 0;
}
