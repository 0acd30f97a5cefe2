/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/probe_site.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/probe_point.h"
#include "user/kern/probe_walk.h"

#define CODE_MAX    (16ull << 20) /* of a file; libssl has 0.7 MB, node 50: it keeps i2d_X509() */
#define BEFORE      128 /* looked at before the first: where the variable's address is taken */
#define AROUND      768 /* the second is not further than that, on either side; seen: 47 to 216 */
#define BEHIND      32 /* and behind the second */
#define CALLS_MAX   (2 * PROBE_SITES_MAX)
#define COMPARISONS 4 /* instructions between the call and the branch */

enum { RAX, RSP = 4, RBP = 5 };

/* A register's value: a place in the frame, or another register's. */
struct value {
	bool frame; /* by %rbp, not by %rsp */
	int32_t displacement;
	int from; /* register; -1: the place above */
};

/* mov %from,%to, 64 bits wide. The registers, or false. */
static bool is_move(const uint8_t *code, int *ret_from, int *ret_to)
{
	int reg, rm;

	if ((code[0] & 0xfa) != 0x48 || (code[1] != 0x89 && code[1] != 0x8b) ||
	    (code[2] & 0xc0) != 0xc0)
		return false;
	reg = (code[2] >> 3 & 7) | (code[0] & 4 ? 8 : 0);
	rm = (code[2] & 7) | (code[0] & 1 ? 8 : 0);
	*ret_from = code[1] == 0x89 ? reg : rm;
	*ret_to = code[1] == 0x89 ? rm : reg;
	return true;
}

/* lea displacement(%rsp or %rbp),%to. */
static bool is_address(const uint8_t *code, size_t n, int *ret_to, struct value *ret)
{
	bool wide = (code[2] & 0xc0) == 0x80, stack = (code[2] & 7) == RSP;
	size_t at = stack ? 4 : 3;

	if ((code[0] & 0xfb) != 0x48 || code[1] != 0x8d || (!wide && (code[2] & 0xc0) != 0x40) ||
	    (!stack && (code[2] & 7) != RBP) || (stack && code[3] != 0x24) ||
	    n < at + (wide ? 4 : 1))
		return false;
	ret->frame = !stack;
	ret->from = -1;
	if (wide)
		memcpy(&ret->displacement, code + at, sizeof(ret->displacement));
	else
		ret->displacement = (int8_t)code[at];
	*ret_to = (code[2] >> 3 & 7) | (code[0] & 4 ? 8 : 0);
	return true;
}

/* Does an instruction here give the register `to` a value we can follow? */
static bool gives(const uint8_t *code, size_t n, int to, struct value *ret)
{
	int from, got;

	if (n < 5)
		return false;
	if (is_address(code, n, &got, ret))
		return got == to;
	if (!is_move(code, &from, &got) || got != to)
		return false;
	*ret = (struct value){.from = from == RSP ? -1 : from};
	return true;
}

/* The nearest instruction before `call` that gives the register a place in the frame. */
static bool place_of(const uint8_t *code, size_t call, int reg, struct value *ret)
{
	for (size_t i = call; i-- > 0 && call - i <= BEFORE;)
		if (gives(code + i, call - i + 2, reg, ret))
			return ret->from < 0;
	return false;
}

/* cmp, test, cltq, a move to a register that matters to nobody here: its length, or 0. */
static size_t keeps_result(const uint8_t *code, size_t n)
{
	size_t rex = n > 0 && (code[0] & 0xf0) == 0x40, at = rex + 2;
	uint8_t op, modrm;
	int from, to;

	if (n < rex + 3)
		return 0;
	if (code[0] == 0x48 && code[1] == 0x98) /* cltq */
		return 2;
	if (rex && is_move(code, &from, &to))
		return to != RAX && to != RSP && to != RBP ? 3 : 0;
	op = code[rex];
	modrm = code[rex + 1];
	if (op != 0x39 && op != 0x3b && op != 0x85)
		return 0;
	if ((modrm & 0xc0) != 0xc0 && (modrm & 7) == RSP)
		at++; /* SIB */
	if ((modrm & 0xc0) == 0x40)
		at += 1;
	else if ((modrm & 0xc0) == 0x80)
		at += 4;
	else if ((modrm & 0xc0) == 0)
		return 0;
	return at;
}

static bool is_branch(const uint8_t *code, size_t n)
{
	return n >= 6 &&
	       ((code[0] & 0xf0) == 0x70 || (code[0] == 0x0f && (code[1] & 0xf0) == 0x80));
}

/* The branch behind the second call. */
static int find_branch(const uint8_t *code, size_t n, size_t second, size_t *ret_at)
{
	size_t at = second + (code[second] == 0xe8 ? 5 : 6);

	for (size_t i = 0; i <= COMPARISONS && at < n; i++) {
		size_t past;

		if (i > 0 && is_branch(code + at, n - at)) {
			*ret_at = at;
			return 0;
		}
		past = keeps_result(code + at, n - at);
		if (!past)
			return -ENOENT;
		at += past;
	}
	return -ENOENT;
}

/* Where the pointer lies whose address the second call gets. */
static int find_variable(const uint8_t *code, size_t first, const struct walk_arrival *arrival,
			 uint32_t *ret_operand)
{
	struct value value = {.frame = arrival->argument.kind == WALK_FP,
			      .displacement = arrival->argument.displacement};

	/* taken before the first call, and kept in a register that calls leave alone */
	if (arrival->argument.kind == WALK_BEFORE) {
		if (!place_of(code, first, arrival->argument.reg, &value))
			return -ENOENT;
	} else if (arrival->argument.kind != WALK_SP && arrival->argument.kind != WALK_FP) {
		return -ENOENT;
	}
	/* a variable is below the frame pointer, and not below the stack's */
	if (value.frame ? !arrival->same_fp || value.displacement >= 0 : value.displacement < 0)
		return -ENOENT;
	if (value.displacement < INT16_MIN || value.displacement > INT16_MAX)
		return -ENOENT;
	*ret_operand = GL_PROBE_OPERAND(value.frame, value.displacement);
	return 0;
}

int probe_site_decode(const uint8_t *code, size_t n, const size_t *calls, size_t n_calls,
		      size_t first, struct probe_site_found ret_found[PROBE_SITES_MAX])
{
	struct walk_arrival arrivals[CALLS_MAX];
	struct probe_site_found found[PROBE_SITES_MAX];
	size_t n_found = 0;
	int seen;

	if (first + 6 > n)
		return -ENOENT;
	seen = probe_walk(code, n, first + (code[first] == 0xe8 ? 5 : 6), calls, n_calls, arrivals,
			  ARRAY_SIZE(arrivals));
	for (int i = 0; i < seen; i++) {
		struct probe_site_found *f = &found[n_found];

		if (arrivals[i].argument.kind == WALK_ZERO)
			continue; /* asks for a length: another first call */
		if (n_found++ == PROBE_SITES_MAX)
			return -ENOENT;
		f->second = arrivals[i].call;
		if (find_variable(code, first, &arrivals[i], &f->operand) < 0 ||
		    find_branch(code, n, f->second, &f->at) < 0)
			return -ENOENT;
	}
	if (seen < 0)
		return seen;
	memcpy(ret_found, found, n_found * sizeof(found[0]));
	return (int)n_found;
}

/* ---------------------------------------------------------------------------------------------
 * In a file
 */
struct sites {
	const struct elf_call *calls;
	size_t n_calls;
	struct probe_site *sites;
	uint64_t seconds[PROBE_SITES_MAX]; /* whose site each is */
	size_t n;
	bool is_first[CALLS_MAX];
};

/* Several first calls may come to one second; then they have to agree. */
static int add_site(struct sites *s, uint64_t second, const struct probe_site *site)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->seconds[i] == second)
			return s->sites[i].operand == site->operand ? 0 : -ENOENT;
	if (s->n == PROBE_SITES_MAX)
		return -ENOENT;
	s->seconds[s->n] = second;
	s->sites[s->n++] = *site;
	return 0;
}

static int from_call(struct elf *elf, struct sites *s, size_t which)
{
	struct probe_site_found found[PROBE_SITES_MAX];
	uint8_t code[AROUND + AROUND + BEHIND];
	size_t calls[CALLS_MAX], n_calls = 0, before = AROUND;
	uint64_t first = s->calls[which].vaddr;
	int n, r;

	for (size_t i = 0; i < s->n; i++)
		if (s->seconds[i] == first)
			return 0;
	while (before > 0 && !elf_in_section(elf, ".text", first - before))
		before--;
	n = elf_code(elf, first - before, code, before + AROUND + BEHIND);
	if (n < 0)
		return n;
	for (size_t i = 0; i < s->n_calls; i++) {
		uint64_t at = s->calls[i].vaddr - (first - before);

		if (i != which && at + BEHIND <= (uint64_t)n)
			calls[n_calls++] = at;
	}
	n = probe_site_decode(code, (size_t)n, calls, n_calls, before, found);
	s->is_first[which] = n > 0;
	for (int i = 0; i < n; i++) {
		struct probe_site site = {.vaddr = first - before + found[i].at,
					  .operand = found[i].operand};

		r = add_site(s, first - before + found[i].second, &site);
		if (r < 0)
			return r;
	}
	return 0; /* what is not understood is no first call: are_all() */
}

/* Each call is a first, or a second that a first comes to. */
static bool are_all(const struct sites *s)
{
	for (size_t i = 0; i < s->n_calls; i++) {
		bool is_second = false;

		for (size_t k = 0; k < s->n; k++)
			is_second |= s->seconds[k] == s->calls[i].vaddr;
		if (is_second == s->is_first[i])
			return false;
	}
	return true;
}

int probe_sites_find(struct elf *elf, uint64_t own, struct probe_site ret_sites[PROBE_SITES_MAX])
{
	struct elf_call calls[CALLS_MAX];
	struct sites s = {.calls = calls, .sites = ret_sites};
	int n = elf_calls(elf, "i2d_X509", own, CODE_MAX, calls, ARRAY_SIZE(calls));

	if (n < 0)
		return n;
	if (n == 0 || n > (int)ARRAY_SIZE(calls))
		return -ENOENT;
	s.n_calls = (size_t)n;
	for (size_t i = 0; i < s.n_calls; i++) {
		int r = from_call(elf, &s, i);

		if (r < 0)
			return r;
	}
	return are_all(&s) ? (int)s.n : -ENOENT;
}
