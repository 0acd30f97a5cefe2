/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/probe_site.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/probe_point.h"

#define CODE_MAX    (16ull << 20) /* of a file; libssl has 0.7 MB, node 50: it keeps i2d_X509() */
#define APART_MAX   160 /* bytes between the two calls; seen: 47 */
#define BEFORE      128 /* looked at before the first: where the variable's address is taken */
#define BEHIND      24 /* and behind the second */
#define ARGUMENT    32 /* how far before a call its argument is set */
#define COMPARISONS 4 /* instructions between the call and the branch */

enum { RAX, RSP = 4, RBP = 5, RSI = 6 };

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
	for (size_t i = call - 2; i-- > 0;)
		if (gives(code + i, call - i + 2, reg, ret))
			return ret->from < 0;
	return false;
}

/* The second argument of the call at `call`: the nearest instruction before it that sets %rsi. */
static bool argument(const uint8_t *code, size_t first, size_t call, struct value *ret)
{
	for (size_t i = call - 2; i-- > first && call - i <= ARGUMENT;)
		if (gives(code + i, call - i + 2, RSI, ret))
			return ret->from < 0 || place_of(code, call, ret->from, ret);
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

int probe_site_decode(const uint8_t *code, size_t n, size_t first, size_t second, size_t bytes,
		      size_t *ret_at, uint32_t *ret_operand)
{
	size_t at = second + bytes;
	struct value value;

	if (first + bytes >= second || at >= n || !argument(code, first + bytes, second, &value))
		return -ENOENT;
	if (value.displacement < INT16_MIN || value.displacement > INT16_MAX)
		return -ENOENT;
	for (size_t i = 0; i <= COMPARISONS && at < n; i++) {
		size_t past;

		if (i > 0 && is_branch(code + at, n - at)) {
			*ret_at = at;
			*ret_operand = GL_PROBE_OPERAND(value.frame, value.displacement);
			return 0;
		}
		past = keeps_result(code + at, n - at);
		if (!past)
			return -ENOENT;
		at += past;
	}
	return -ENOENT;
}

static int find_site(struct elf *elf, const struct elf_call *first, const struct elf_call *second,
		     struct probe_site *ret_site)
{
	uint8_t code[BEFORE + APART_MAX + 6 + BEHIND];
	size_t at, before = BEFORE, apart = (size_t)(second->vaddr - first->vaddr);
	uint64_t from;
	int n, r;

	if (apart > APART_MAX || first->bytes != second->bytes)
		return -ENOENT;
	while (before > 0 && !elf_in_section(elf, ".text", first->vaddr - before))
		before--;
	from = first->vaddr - before;
	n = elf_code(elf, from, code, before + apart + second->bytes + BEHIND);
	if (n < 0)
		return n;
	r = probe_site_decode(code, (size_t)n, before, before + apart, second->bytes, &at,
			      &ret_site->operand);
	if (r < 0)
		return r;
	ret_site->vaddr = from + at;
	return 0;
}

int probe_sites_find(struct elf *elf, uint64_t own, struct probe_site ret_sites[PROBE_SITES_MAX])
{
	struct elf_call calls[2 * PROBE_SITES_MAX];
	int n = elf_calls(elf, "i2d_X509", own, CODE_MAX, calls, ARRAY_SIZE(calls));

	if (n < 0)
		return n;
	if (n == 0 || n % 2 || n > (int)ARRAY_SIZE(calls))
		return -ENOENT;
	for (int i = 0; i < n / 2; i++) {
		int r = find_site(elf, &calls[2 * i], &calls[2 * i + 1], &ret_sites[i]);

		if (r < 0)
			return r;
	}
	return n / 2;
}
