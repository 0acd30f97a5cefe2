/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe_site.h - the place in a library's own code where it has just encoded a certificate of a
 * handshake: one probe there instead of two calls of i2d_X509() with a return each, four traps.
 *
 * ssl_add_cert_to_wpacket() of OpenSSL calls i2d_X509() for the length, then for the bytes, and
 * compares the two results. The probe sits on the branch of that comparison, which the kernel
 * emulates: the length is in %rax, and the pointer behind the bytes in a variable on the stack
 * whose place is read out of the code. Where decoding fails, i2d_X509() itself is probed; that the
 * bytes are a certificate of that length, the program looks at each time.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct elf;

struct probe_site {
	uint64_t vaddr;
	uint32_t operand; /* GL_PROBE_OPERAND() */
};

#define PROBE_SITES_MAX 4 /* copies of the function, where the compiler inlined it */

/*
 * own: i2d_X509()'s address if the file defines it, else 0. Returns how many sites there are, which
 * are then all of them; -ENOENT: at least one call is none we understand.
 */
int probe_sites_find(struct elf *elf, uint64_t own, struct probe_site ret_sites[PROBE_SITES_MAX]);

/* One second call of the function, in code. */
struct probe_site_found {
	size_t second; /* the call */
	size_t at; /* the branch behind it, where the probe goes */
	uint32_t operand;
};

/*
 * Where the code goes from the call at `first`, which asks for a length: the second calls, of the
 * n_calls places in `calls`. For tests too. Returns how many, or -ENOENT: one is not understood.
 */
int probe_site_decode(const uint8_t *code, size_t n, const size_t *calls, size_t n_calls,
		      size_t first, struct probe_site_found ret_found[PROBE_SITES_MAX]);
