/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify.h - does this kernel's verifier take the programs, and what does that cost? Loads each
 * program of an object by itself (nothing is attached) and prints a TAP line for each of:
 *
 *  - the instructions walked are within its budget: a million is the end, and the agent's start is
 *    their sum. A program that outgrows its budget is to be cut into global functions first
 *    (bpf/README.md); raising the budget is the second choice.
 *  - no chain of calls needs more than 512 bytes of stack or 8 frames by the rule of 6.1, which
 *    rounds each frame up to 32: newer kernels take what that one refuses.
 *
 * Called by tests/kernel/test_verifier.c on this kernel, by verify.c in the guests of the matrix.
 */
#pragma once

#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_SIZE   (64u << 20)
#define TAIL_LINES 40
#define SUBPROGS   256
#define STACK_MAX  512
#define STACK_UNIT 32 /* of 6.1; 16 since 6.8 */
#define FRAMES_MAX 8

/* About a quarter above the largest of 6.1, 6.12 and 6.18. */
static const struct {
	const char *program;
	unsigned budget;
} budgets[] = {
	{"wire_in", 200000},
	{"wire_in_l3", 200000},
	{"wire_out", 100000},
	{"wire_out_l3", 100000},
	{"tls_read_leave", 185000},
	{"tls_write_leave", 58000},
	{"tls_handshake_leave", 20000},
	{"tls_write_guard", 35000},
	{"tls_encoded", 20000},
	{"tls_encode_leave", 20000},
	{"tls_decode_enter", 20000},
	{"nic_in", 35000},
};
#define BUDGET_OTHERS 5000

static char log_text[LOG_SIZE];
static int number, failed;
static const char *mark = ""; /* before each line: "# " where another prints TAP */

/* One loaded program: its functions by where they begin, as the verifier numbers them. */
struct subprogs {
	const struct bpf_insn *insns;
	unsigned n_insns, n;
	unsigned start[SUBPROGS + 1];
};

struct chain {
	unsigned stack, frames;
};

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static unsigned budget_of(const char *program)
{
	for (size_t i = 0; i < sizeof(budgets) / sizeof(budgets[0]); i++)
		if (strcmp(budgets[i].program, program) == 0)
			return budgets[i].budget;
	return BUDGET_OTHERS;
}

static void check(int good, const char *program, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	failed += !good;
	printf("%s%s %d - verifier: %s %s\n", mark, good ? "ok" : "not ok", ++number, program,
	       text);
}

static void print_log_tail(void)
{
	char *save = NULL, *at = log_text + strlen(log_text);

	for (int lines = TAIL_LINES; at > log_text && lines >= 0;)
		if (*--at == '\n')
			lines--;
	for (char *line = strtok_r(at, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
}

/* ---------------------------------------------------------------------------------------------
 * Stack, by the rule of 6.1
 */

/* The instruction a call, or the address of a callback, leads to; -1: neither. */
static int target_of(const struct subprogs *s, unsigned i)
{
	const struct bpf_insn *insn = &s->insns[i];

	if ((insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) ||
	    (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC))
		return (int)i + insn->imm + 1;
	return -1;
}

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static int find(const struct subprogs *s, unsigned start)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->start[i] == start)
			return (int)i;
	return -1;
}

/* Where functions begin, in the verifier's order. 0 or -1. */
static int find_subprogs(struct subprogs *s)
{
	s->n = 1;
	s->start[0] = 0;
	for (unsigned i = 0; i < s->n_insns; i++) {
		int target = target_of(s, i);

		if (target < 0 || find(s, (unsigned)target) >= 0)
			continue;
		if (s->n == SUBPROGS)
			return -1;
		s->start[s->n++] = (unsigned)target;
	}
	qsort(s->start, s->n, sizeof(s->start[0]), by_number);
	s->start[s->n] = s->n_insns;
	return 0;
}

static unsigned below(int offset, unsigned depth)
{
	return offset < 0 && (unsigned)-offset > depth ? (unsigned)-offset : depth;
}

/*
 * How far below its frame pointer function i goes: what it reads and writes there, and the
 * addresses it makes of it. (The verifier's own "stack depth" has 24 bytes more for loops it
 * unrolls into code, which 6.1 adds after it has checked.)
 */
static unsigned depth_of(const struct subprogs *s, unsigned i)
{
	unsigned copies = 0, depth = 0; /* copies: bit r, register r is the frame pointer */

	for (unsigned at = s->start[i]; at < s->start[i + 1]; at++) {
		const struct bpf_insn *insn = &s->insns[at];
		unsigned class = BPF_CLASS(insn->code), to = 1u << insn->dst_reg;

		if (class == BPF_LDX && insn->src_reg == BPF_REG_10)
			depth = below(insn->off, depth);
		else if ((class == BPF_ST || class == BPF_STX) && insn->dst_reg == BPF_REG_10)
			depth = below(insn->off, depth);
		if (class == BPF_ST || class == BPF_STX)
			continue;
		if (insn->code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn->src_reg == BPF_REG_10) {
			copies |= to;
			continue;
		}
		if (insn->code == (BPF_ALU64 | BPF_ADD | BPF_K) && (copies & to))
			depth = below(insn->imm, depth);
		copies &= ~to;
	}
	return depth;
}

/* What function i and the deepest chain below it need. */
static struct chain chain_of(const struct subprogs *s, unsigned i)
{
	unsigned depth = depth_of(s, i), own = depth ? depth : 1;
	struct chain deepest = {}, next;

	for (unsigned at = s->start[i]; at < s->start[i + 1]; at++) {
		int target = target_of(s, at), callee = target < 0 ? -1 : find(s, (unsigned)target);

		if (callee < 0)
			continue;
		next = chain_of(s, (unsigned)callee);
		if (next.stack > deepest.stack)
			deepest.stack = next.stack;
		if (next.frames > deepest.frames)
			deepest.frames = next.frames;
	}
	deepest.stack += (own + STACK_UNIT - 1) / STACK_UNIT * STACK_UNIT;
	deepest.frames++;
	return deepest;
}

static void check_stack(const struct bpf_program *program)
{
	const char *name = bpf_program__name(program);
	struct subprogs s = {.insns = bpf_program__insns(program),
			     .n_insns = (unsigned)bpf_program__insn_cnt(program)};
	struct chain chain;

	if (find_subprogs(&s)) {
		check(0, name, "has more than %d functions", SUBPROGS);
		return;
	}
	chain = chain_of(&s, 0);
	check(chain.stack <= STACK_MAX && chain.frames <= FRAMES_MAX, name,
	      "needs %u of %d bytes of stack on 6.1, %u of %d frames", chain.stack, STACK_MAX,
	      chain.frames, FRAMES_MAX);
}

/* ---------------------------------------------------------------------------------------------
 * Programs
 */

/* The object with this program alone; *ret_program is it. NULL: it does not open. */
static struct bpf_object *open_one(const char *path, const char *name, int level,
				   struct bpf_program **ret_program)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object)
		return NULL;
	bpf_object__for_each_program(program, object)
	{
		if (strcmp(bpf_program__name(program), name) != 0) {
			bpf_program__set_autoload(program, false);
			continue;
		}
		bpf_program__set_log_buf(program, log_text, LOG_SIZE);
		bpf_program__set_log_level(program, level);
		*ret_program = program;
	}
	log_text[0] = '\0';
	return object;
}

static void verify(const char *path, const char *name)
{
	struct bpf_program *program = NULL;
	struct bpf_object *object = open_one(path, name, 4, &program); /* 4: statistics only */
	unsigned budget = budget_of(name);
	const char *walked;
	unsigned long n;
	int r;

	r = object ? bpf_object__load(object) : -1;
	if (r == 0) {
		walked = strstr(log_text, "processed ");
		n = walked ? strtoul(walked + strlen("processed "), NULL, 10) : 0;
		check(n && n <= budget, name, "takes %lu of %u instructions", n, budget);
		check_stack(program);
		bpf_object__close(object);
		return;
	}
	bpf_object__close(object);
	check(0, name, "is refused: %s", strerror(-r));
	object = open_one(path, name, 1, &program);
	if (object)
		bpf_object__load(object);
	bpf_object__close(object);
	print_log_tail();
}

/* How many of its checks failed is added to `failed`. */
static void verify_object(const char *path)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;

	if (!object) {
		check(0, path, "does not open");
		return;
	}
	bpf_object__for_each_program(program, object) verify(path, bpf_program__name(program));
	bpf_object__close(object);
}
