/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * digest.h - SHA-256 for what is hashed at every handshake: libcrypto's method is looked up and its
 * context made once a thread, which by EVP_Digest() costs more than hashing a few hundred bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32

/* 0, or -EIO: libcrypto has none. */
int digest_sha256(const void *bytes, size_t n, uint8_t ret_digest[DIGEST_BYTES]);
