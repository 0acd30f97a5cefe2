/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/probe_point.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/probe_site.h"

/* ---------------------------------------------------------------------------------------------
 * x86-64: what the wrappers around the internals are made of
 */
#define ENDBR64_BYTES 4
#define ENTRY_BYTES   16 /* looked at for a cheap place */
#define WRAPPER_BYTES 64 /* the longest wrapper seen has 40 bytes before its call */

enum reg { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, REGS = 16 };

/* What a register holds: an argument of the function, zero, or something else. */
enum held { HELD_OTHER = -2, HELD_ZERO = -1, HELD_ARG0 };

struct cursor {
	const uint8_t *at;
	size_t n;
	int8_t held[REGS];
};

static bool is_endbr64(const uint8_t *code, size_t n)
{
	return n >= ENDBR64_BYTES && memcmp(code, "\xf3\x0f\x1e\xfa", ENDBR64_BYTES) == 0;
}

/* arch/x86/kernel/uprobes.c: push_setup_xol_ops() and branch_setup_xol_ops(). */
enum probe_cost probe_point_cost(const uint8_t *code, size_t n)
{
	uint8_t op;

	if (n == 0)
		return PROBE_STEPPED;
	op = code[0];
	if ((op & 0xf8) == 0x50 || (op & 0xf0) == 0x70)
		return PROBE_EMULATED; /* push, short jcc */
	if (op == 0x90 || op == 0xe8 || op == 0xe9 || op == 0xeb)
		return PROBE_EMULATED; /* nop, call, jmp */
	if (n >= 2 && op == 0x41 && (code[1] & 0xf8) == 0x50)
		return PROBE_EMULATED; /* push r8..r15 */
	if (n >= 2 && op == 0x0f && (code[1] & 0xf0) == 0x80)
		return PROBE_EMULATED; /* near jcc */
	return PROBE_STEPPED;
}

static void skip(struct cursor *c, size_t n)
{
	c->at += n;
	c->n -= n;
}

/* push reg; sub $n,%rsp; nops. */
static bool step_stack(struct cursor *c)
{
	static const struct {
		uint8_t bytes[4];
		uint8_t n, whole;
	} known[] = {
		{{0xf3, 0x0f, 0x1e, 0xfa}, 4, 4}, /* endbr64 */
		{{0x48, 0x83, 0xec}, 3, 4}, /* sub $imm8,%rsp */
		{{0x48, 0x81, 0xec}, 3, 7}, /* sub $imm32,%rsp */
		{{0x90}, 1, 1}, /* nop */
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (c->n < known[i].whole || memcmp(c->at, known[i].bytes, known[i].n) != 0)
			continue;
		skip(c, known[i].whole);
		return true;
	}
	if (c->n >= 1 && (c->at[0] & 0xf8) == 0x50) {
		skip(c, 1);
		return true;
	}
	if (c->n >= 2 && c->at[0] == 0x41 && (c->at[1] & 0xf8) == 0x50) {
		skip(c, 2);
		return true;
	}
	return false;
}

/* mov and xor between registers, 32 and 64 bits wide. */
static bool step_registers(struct cursor *c)
{
	uint8_t rex = 0, op, modrm;
	unsigned reg, rm, from, to;
	size_t i = 0;

	if (c->n >= 1 && (c->at[0] & 0xf0) == 0x40)
		rex = c->at[i++];
	if (c->n < i + 2)
		return false;
	op = c->at[i];
	modrm = c->at[i + 1];
	if ((modrm & 0xc0) != 0xc0)
		return false;
	reg = ((modrm >> 3) & 7) | (rex & 4 ? 8 : 0);
	rm = (modrm & 7) | (rex & 1 ? 8 : 0);
	if (op == 0x31 || op == 0x33) { /* xor */
		if (reg != rm || reg == RSP)
			return false;
		c->held[reg] = HELD_ZERO;
	} else if (op == 0x89 || op == 0x8b) { /* mov */
		from = op == 0x89 ? reg : rm;
		to = op == 0x89 ? rm : reg;
		if (to == RSP)
			return false;
		c->held[to] = rex & 8 ? c->held[from] : HELD_OTHER;
	} else {
		return false;
	}
	skip(c, i + 2);
	return true;
}

int probe_point_follow(const uint8_t *code, size_t n, uint64_t vaddr,
		       enum gl_probe_shape *ret_shape, uint64_t *ret_target)
{
	static const uint8_t order[] = {RDI, RSI, RDX, RCX, R8};
	struct cursor c = {.at = code, .n = n};
	const int8_t *held = c.held;
	int32_t distance;

	memset(c.held, HELD_OTHER, sizeof(c.held));
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		c.held[order[i]] = (int8_t)i;
	while (step_stack(&c) || step_registers(&c))
		;
	if (c.n < 5 || (c.at[0] != 0xe8 && c.at[0] != 0xe9))
		return -ENOENT;
	if (held[RDI] != 0 || held[RSI] != 1 || held[RDX] != 2)
		return -ENOENT;
	if (held[RCX] == 3 && held[R8] == 4)
		*ret_shape = GL_PROBE_EX;
	else if (held[RCX] == HELD_ZERO && held[R8] == 3)
		*ret_shape = GL_PROBE_EX_FLAGS;
	else if (held[RCX] == HELD_ZERO && held[R8] == HELD_ZERO)
		*ret_shape = GL_PROBE_GNUTLS; /* gnutls_record_send2(.., 0, 0) */
	else
		return -ENOENT;
	memcpy(&distance, c.at + 1, sizeof(distance));
	*ret_target = vaddr + (uint64_t)(c.at + 5 - code) + (uint64_t)(int64_t)distance;
	return 0;
}

/* A displacement of four bytes does not match by chance: no need to know where instructions begin.
 */
static bool branches_to(const uint8_t *code, size_t n, uint64_t vaddr, uint64_t target)
{
	for (size_t i = 0; i + 5 <= n; i++) {
		int32_t distance;

		if (code[i] != 0xe8 && code[i] != 0xe9)
			continue;
		memcpy(&distance, code + i + 1, sizeof(distance));
		if (vaddr + i + 5 + (uint64_t)(int64_t)distance == target)
			return true;
	}
	return false;
}

/* ---------------------------------------------------------------------------------------------
 * Choosing
 */
enum name {
	N_READ,
	N_READ_EX,
	N_WRITE,
	N_WRITE_EX,
	N_WRITE_EX2,
	N_SENDFILE,
	N_HANDSHAKE,
	N_ACCEPT,
	N_CONNECT,
	N_FREE,
	N_ENCODE,
	N_DECODE,
	N_OPENSSL,
	N_RECV = N_OPENSSL,
	N_SEND,
	N_SEND2,
	N_GNUTLS_HANDSHAKE,
	N_DEINIT,
	NAMES
};

static const char *const names[NAMES] = {
	[N_READ] = "SSL_read",
	[N_READ_EX] = "SSL_read_ex",
	[N_WRITE] = "SSL_write",
	[N_WRITE_EX] = "SSL_write_ex",
	[N_WRITE_EX2] = "SSL_write_ex2",
	[N_SENDFILE] = "SSL_sendfile",
	[N_HANDSHAKE] = "SSL_do_handshake",
	[N_ACCEPT] = "SSL_accept",
	[N_CONNECT] = "SSL_connect",
	[N_FREE] = "SSL_free",
	[N_ENCODE] = "i2d_X509",
	[N_DECODE] = "d2i_X509",
	[N_RECV] = "gnutls_record_recv",
	[N_SEND] = "gnutls_record_send",
	[N_SEND2] = "gnutls_record_send2",
	[N_GNUTLS_HANDSHAKE] = "gnutls_handshake",
	[N_DEINIT] = "gnutls_deinit",
};

struct choice {
	struct elf *elf;
	struct elf_symbol symbols[NAMES];
	struct probe_set set;
};

/* An instruction that changes flags at most: endbr64, test of registers. Its length; 0: another. */
static size_t leaves_all(const uint8_t *code, size_t n)
{
	size_t rex = n > 0 && (code[0] & 0xf0) == 0x40;

	if (is_endbr64(code, n))
		return ENDBR64_BYTES;
	return n >= rex + 2 && code[rex] == 0x85 && code[rex + 1] >= 0xc0 ? rex + 2 : 0;
}

/*
 * The entry, or where it is cheaper what follows instructions that leave all as it was: the return
 * address is still on top of the stack and every argument in its register, and nobody can come in
 * between. (A step out of line is a debug exception: in a virtual machine 15 us against 0.7.)
 */
static void add(struct choice *choice, uint64_t vaddr, enum probe_role role, uint8_t shape)
{
	struct probe_set *set = &choice->set;
	struct probe_point point = {.role = role, .shape = shape, .cost = PROBE_STEPPED};
	uint8_t code[ENTRY_BYTES];
	int n = elf_code(choice->elf, vaddr, code, sizeof(code));

	if (n <= 0 || set->n == PROBE_POINTS_MAX)
		return;
	if (elf_machine(choice->elf) == EM_X86_64) {
		size_t past = 0, more;

		point.cost = probe_point_cost(code, (size_t)n);
		while (point.cost != PROBE_EMULATED &&
		       (more = leaves_all(code + past, (size_t)n - past))) {
			past += more;
			point.cost = probe_point_cost(code + past, (size_t)n - past);
		}
		if (point.cost == PROBE_EMULATED)
			vaddr += past;
	}
	if (elf_code_offset(choice->elf, vaddr, &point.offset) < 0)
		return;
	if ((role == PROBE_READ || role == PROBE_WRITE) && shape != GL_PROBE_FILE &&
	    point.cost > set->cost)
		set->cost = point.cost;
	set->points[set->n++] = point;
}

static void add_symbol(struct choice *choice, enum name name, enum probe_role role, uint8_t shape)
{
	if (choice->symbols[name].vaddr)
		add(choice, choice->symbols[name].vaddr, role, shape);
}

static int follow(struct choice *choice, enum name name, enum gl_probe_shape *ret_shape,
		  uint64_t *ret_target)
{
	const struct elf_symbol *symbol = &choice->symbols[name];
	uint8_t code[WRAPPER_BYTES];
	int n;

	if (!symbol->vaddr || elf_machine(choice->elf) != EM_X86_64)
		return -ENOENT;
	n = elf_code(choice->elf, symbol->vaddr, code, sizeof(code));
	if (n < 0)
		return n;
	return probe_point_follow(code, (size_t)n, symbol->vaddr, ret_shape, ret_target);
}

/* Does the plain function call it too? It has a few hundred bytes. */
static bool agrees(struct choice *choice, enum name plain, uint64_t target)
{
	const struct elf_symbol *symbol = &choice->symbols[plain];
	uint8_t code[1024];
	size_t most = symbol->size < sizeof(code) ? symbol->size : sizeof(code);
	int n = symbol->vaddr ? elf_code(choice->elf, symbol->vaddr, code, most) : -ENOENT;

	return n > 0 && branches_to(code, (size_t)n, symbol->vaddr, target);
}

static bool begins_like_function(struct elf *elf, uint64_t vaddr)
{
	uint8_t code[ENDBR64_BYTES + 8];
	int n = elf_code(elf, vaddr, code, sizeof(code));
	size_t past;

	if (n < (int)sizeof(code))
		return false;
	past = is_endbr64(code, (size_t)n) ? ENDBR64_BYTES : 0;
	if ((code[past] & 0xf8) == 0x50 || (code[past] == 0x41 && (code[past + 1] & 0xf8) == 0x50))
		return true; /* push */
	if (code[past] == 0x48 && (code[past + 1] == 0x83 || code[past + 1] == 0x81))
		return true; /* sub $n,%rsp; cmpq $0,n(%rdi) */
	return code[past] == 0xf3 || code[past] == 0x48 || code[past] == 0x41;
}

/*
 * The target is an internal function and not, say, an error routine both of them call, or another
 * exported function: in .text, of no name but the expected.
 */
static bool is_internal(struct choice *choice, uint64_t target, const char *expected)
{
	char name[64];

	if (!elf_in_section(choice->elf, ".text", target) ||
	    !begins_like_function(choice->elf, target))
		return false;
	return elf_name_at(choice->elf, target, name, sizeof(name)) < 0 ||
	       strcmp(name, expected) == 0;
}

struct direction {
	enum probe_role role;
	enum name plain, ex, ex2;
	const char *internal;
};

static const struct direction directions[] = {
	{PROBE_READ, N_READ, N_READ_EX, N_READ_EX, "ssl_read_internal"},
	{PROBE_WRITE, N_WRITE, N_WRITE_EX, N_WRITE_EX2, "ssl_write_internal"},
};

/*
 * From OpenSSL 3.3 on SSL_write_ex() calls SSL_write_ex2(ssl, buf, num, 0, written), which hands
 * its five arguments on. The shape is that of the first call: it is what the plain caller sees.
 */
static bool add_internal(struct choice *choice, const struct direction *d)
{
	enum gl_probe_shape shape = GL_PROBE_EX, second;
	uint64_t target = 0;

	if (follow(choice, d->ex, &shape, &target) < 0 || shape == GL_PROBE_GNUTLS)
		return false;
	if (d->ex2 != d->ex && choice->symbols[d->ex2].vaddr) {
		if (shape != GL_PROBE_EX_FLAGS)
			return false;
		if (!is_internal(choice, target, d->internal) &&
		    (follow(choice, d->ex2, &second, &target) < 0 || second != GL_PROBE_EX))
			return false;
	}
	if (!is_internal(choice, target, d->internal) || !agrees(choice, d->plain, target))
		return false;
	add(choice, target, d->role, shape);
	return true;
}

/*
 * LibreSSL's _ex functions call the plain ones: a wrapper whose target is no internal function
 * would be seen twice. SSL_write_ex2 has its flags before the fifth argument; SSL_write_ex calls
 * it.
 */
static void add_exported(struct choice *choice, const struct direction *d)
{
	enum gl_probe_shape shape;
	uint64_t target = 0;
	bool wraps = follow(choice, d->ex, &shape, &target) == 0 &&
		     !is_internal(choice, target, d->internal);

	add_symbol(choice, d->plain, d->role, GL_PROBE_PLAIN);
	if (d->ex2 != d->ex && choice->symbols[d->ex2].vaddr)
		add_symbol(choice, d->ex2, d->role, GL_PROBE_EX_FLAGS);
	else if (!wraps)
		add_symbol(choice, d->ex, d->role, GL_PROBE_EX);
}

/*
 * Where a library that speaks TLS encodes its certificate. Else i2d_X509() is probed: in libcrypto,
 * or in a program that has all of OpenSSL inside.
 */
static void add_certificates(struct choice *choice)
{
	struct probe_site sites[PROBE_SITES_MAX];
	struct probe_set *set = &choice->set;
	int n = probe_sites_find(choice->elf, choice->symbols[N_ENCODE].vaddr, sites);

	for (int i = 0; i < n && set->n < PROBE_POINTS_MAX; i++) {
		struct probe_point point = {.role = PROBE_ENCODED, .operand = sites[i].operand};

		if (elf_code_offset(choice->elf, sites[i].vaddr, &point.offset) == 0)
			set->points[set->n++] = point;
	}
	if (n <= 0)
		add_symbol(choice, N_ENCODE, PROBE_ENCODE, GL_PROBE_PLAIN);
	add_symbol(choice, N_DECODE, PROBE_DECODE, GL_PROBE_PLAIN);
}

static int choose_openssl(struct choice *choice)
{
	choice->set.library = PROBE_OPENSSL;
	choice->set.internals = true;
	for (size_t i = 0; i < ARRAY_SIZE(directions); i++) {
		size_t before = choice->set.n;

		if (add_internal(choice, &directions[i]))
			continue;
		choice->set.internals = false;
		add_exported(choice, &directions[i]);
		if (choice->set.n == before)
			return -ENODATA;
	}
	/* with kTLS: the kernel reads the file and encrypts it, and no function above is called */
	add_symbol(choice, N_SENDFILE, PROBE_WRITE, GL_PROBE_FILE);
	/* SSL_accept and SSL_connect end in SSL_do_handshake */
	if (choice->symbols[N_HANDSHAKE].vaddr) {
		add_symbol(choice, N_HANDSHAKE, PROBE_HANDSHAKE, GL_PROBE_PLAIN);
	} else {
		add_symbol(choice, N_ACCEPT, PROBE_HANDSHAKE, GL_PROBE_PLAIN);
		add_symbol(choice, N_CONNECT, PROBE_HANDSHAKE, GL_PROBE_PLAIN);
	}
	add_symbol(choice, N_FREE, PROBE_FREE, GL_PROBE_PLAIN);
	add_certificates(choice);
	return 0;
}

static int choose_crypto(struct choice *choice)
{
	choice->set.library = PROBE_CRYPTO;
	add_symbol(choice, N_ENCODE, PROBE_ENCODE, GL_PROBE_PLAIN);
	add_symbol(choice, N_DECODE, PROBE_DECODE, GL_PROBE_PLAIN);
	return choice->set.n ? 0 : -ENODATA;
}

/* gnutls_record_send(s, buf, n) is gnutls_record_send2(s, buf, n, 0, 0) where that exists. */
static int choose_gnutls(struct choice *choice)
{
	enum gl_probe_shape shape;
	uint64_t target = 0;
	bool wraps = choice->symbols[N_SEND2].vaddr &&
		     follow(choice, N_SEND, &shape, &target) == 0 && shape == GL_PROBE_GNUTLS;

	choice->set.library = PROBE_GNUTLS;
	if (!choice->symbols[N_RECV].vaddr || !choice->symbols[N_SEND].vaddr)
		return -ENODATA;
	add_symbol(choice, N_RECV, PROBE_READ, GL_PROBE_GNUTLS);
	add_symbol(choice, wraps ? N_SEND2 : N_SEND, PROBE_WRITE, GL_PROBE_GNUTLS);
	add_symbol(choice, N_GNUTLS_HANDSHAKE, PROBE_HANDSHAKE, GL_PROBE_GNUTLS);
	add_symbol(choice, N_DEINIT, PROBE_FREE, GL_PROBE_GNUTLS);
	return 0;
}

int probe_points_choose(struct elf *elf, struct probe_set *ret_set)
{
	struct choice choice = {.elf = elf};
	const struct elf_symbol *s = choice.symbols;
	int r = elf_symbols(elf, names, NAMES, choice.symbols);

	if (r < 0)
		return r;
	if (s[N_READ].vaddr || s[N_WRITE].vaddr)
		r = choose_openssl(&choice);
	else if (s[N_RECV].vaddr || s[N_SEND].vaddr)
		r = choose_gnutls(&choice);
	else if (s[N_ENCODE].vaddr && s[N_DECODE].vaddr)
		r = choose_crypto(&choice);
	else
		return -ENOENT;
	if (r < 0)
		return r;
	*ret_set = choice.set;
	return 0;
}
