/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_verifier.c - what each of the agent's kernel programs costs the verifier of this kernel, and
 * whether 6.1 would have the stack for it: tests/kernels/verify.h.
 *
 * Usage: test_verifier FOLDER    the objects are FOLDER/../bpf/(*).bpf.o
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <glob.h>

#include "tests/kernels/verify.h"

static const char *folder;

static void test_within_budget(void **state)
{
	char pattern[4096];
	glob_t found = {};

	(void)state;
	snprintf(pattern, sizeof(pattern), "%s/../bpf/*.bpf.o", folder);
	assert_int_equal(glob(pattern, 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		verify_object(found.gl_pathv[i]);
	globfree(&found);
	assert_int_equal(failed, 0);
	assert_true(number > 0);
}

/* The rule itself: frames are rounded up, chains are added, the deepest counts. */
static void test_stack_rule(void **state)
{
	/* 0: calls 4 and takes the address of 8; 4: uses 33 bytes; 8: 8 bytes by a pointer */
	static const struct bpf_insn insns[] = {
		{.code = BPF_JMP | BPF_CALL, .src_reg = BPF_PSEUDO_CALL, .imm = 3},
		{.code = BPF_LD | BPF_IMM | BPF_DW, .src_reg = BPF_PSEUDO_FUNC, .imm = 6},
		{.code = 0},
		{.code = BPF_JMP | BPF_EXIT},
		{.code = BPF_STX | BPF_MEM | BPF_B, .dst_reg = BPF_REG_10, .off = -33},
		{.code = BPF_JMP | BPF_EXIT},
		{.code = BPF_JMP | BPF_EXIT},
		{.code = BPF_JMP | BPF_EXIT},
		{.code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = 2, .src_reg = BPF_REG_10},
		{.code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 2, .imm = -8},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct subprogs s = {.insns = insns, .n_insns = sizeof(insns) / sizeof(insns[0])};
	struct chain chain;

	(void)state;
	assert_int_equal(find_subprogs(&s), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(depth_of(&s, 0), 0);
	assert_int_equal(depth_of(&s, 1), 33);
	assert_int_equal(depth_of(&s, 2), 8);
	chain = chain_of(&s, 0);
	assert_int_equal(chain.stack, 32 + 64);
	assert_int_equal(chain.frames, 2);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stack_rule),
		cmocka_unit_test(test_within_budget),
	};

	if (argc != 2)
		return 2;
	folder = argv[1];
	mark = "# ";
	libbpf_set_print(quiet);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
