/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_point.h - where in a TLS library the tls door's probes go. Pure: an ELF file in, addresses
 * out; libs.c attaches.
 *
 * What a hit costs is decided by the probed instruction (README.md), so the entry of OpenSSL's
 * internals is preferred to the exported functions: one pair covers SSL_read, SSL_read_ex and BIOs.
 * It is used only where decoding proves it; else the exported symbols. Never both: calls would be
 * seen twice.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "include/glacis/abi_chunk.h"

struct elf;

/* What a program on this place watches. */
enum probe_role {
	PROBE_READ,
	PROBE_WRITE,
	PROBE_HANDSHAKE,
	PROBE_FREE,
	PROBE_ENCODED, /* behind it in libssl, where bytes and length are at hand (probe_site.h) */
	PROBE_ENCODE, /* i2d_X509: the handshake's own certificate passes */
	PROBE_DECODE, /* d2i_X509: the peer's */
	PROBE_ROLES
};

enum probe_cost {
	PROBE_EMULATED, /* push, nop, jmp, call, jcc: the kernel does the instruction itself */
	PROBE_STEPPED, /* anything else is executed out of line, with a second trap */
};

/* PROBE_CRYPTO: libcrypto beside libssl, for the certificates only. */
enum probe_library { PROBE_OPENSSL, PROBE_GNUTLS, PROBE_CRYPTO };

struct probe_point {
	uint64_t offset; /* in the file */
	uint8_t role; /* enum probe_role */
	uint8_t shape; /* enum gl_probe_shape */
	uint8_t cost; /* enum probe_cost */
	uint32_t operand; /* GL_PROBE_OPERAND(), of PROBE_ENCODED */
};

#define PROBE_POINTS_MAX 16

struct probe_set {
	enum probe_library library;
	bool internals; /* both directions by the internals */
	enum probe_cost cost; /* the dearest of reading and writing */
	struct probe_point points[PROBE_POINTS_MAX];
	size_t n;
};

/*
 * -ENOENT: no TLS library we know has its functions here. -ENODATA: there is one, but reading
 * and writing cannot both be probed. Else as elf_symbols().
 */
int probe_points_choose(struct elf *elf, struct probe_set *ret_set);

/* What a probe on these bytes costs; for tests and for people. */
enum probe_cost probe_point_cost(const uint8_t *code, size_t n);

/*
 * What a function does with its arguments before it first calls or jumps: the shape of what it
 * calls if it hands all of them on untouched (EX), or with its fourth as the fifth and a zero in
 * between (EX_FLAGS), or with zeros as fourth and fifth (GNUTLS). -ENOENT: it does something else.
 */
int probe_point_follow(const uint8_t *code, size_t n, uint64_t vaddr,
		       enum gl_probe_shape *ret_shape, uint64_t *ret_target);
