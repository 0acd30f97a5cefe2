/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_inside.h - which TLS implementation a program brings with it, where no probe of ours goes: by
 * what the compilers and libraries leave in it. A guess for people (coverage), never for a verdict.
 */
#pragma once

#include <stdint.h>

#include "user/kern/elf.h"

enum tls_make {
	TLS_NONE,
	TLS_OPENSSL_DYNAMIC, /* a library of its own */
	TLS_OPENSSL_STATIC, /* inside the program */
	TLS_GNUTLS,
	TLS_BORINGSSL,
	TLS_RUSTLS,
	TLS_GO,
	TLS_JAVA,
	TLS_NSS,
	TLS_KTLS, /* the kernel's, used by somebody in the namespace */
	TLS_UNKNOWN, /* the program cannot be read */
	TLS_KINDS
};

const char *tls_make_name(enum tls_make kind);
/* Why what is done by it is not seen; "" for kinds that can be. */
const char *tls_make_blind(enum tls_make kind);

/*
 * The kinds inside a program, as bits (1 << kind); 0: none. ret_version: of its OpenSSL or Go, ""
 * if unknown. Reads the whole of its constants: 100 ms for 100 MB; keep the answer.
 */
int tls_inside(struct elf *elf, uint32_t *ret_kinds, char *ret_version, size_t size);
/* "OpenSSL 3.0.19 27 Jan 2026", if the file says so; untouched if not. */
void tls_openssl_version(struct elf *elf, char *ret_version, size_t size);
/* By the name of a mapped library: libjvm.so is Java. TLS_NONE: its name says nothing. */
enum tls_make tls_make_of_library(const char *path);
