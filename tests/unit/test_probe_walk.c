/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_probe_walk.c - the small interpreter of x86-64: each form of instruction has its length and
 * its effect, what is none of them ends the path, and every path is bounded.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/kern/probe_walk.h"

#define CODE(c) c, sizeof(c) - 1
#define CALL    "\xe8\0\0\0\0"
/* %rsi is 8(%rsp), %rbx 0x20(%rsp); the other registers are as they were, or nobody knows */
#define BEFORE "\x48\x8d\x74\x24\x08\x48\x8d\x5c\x24\x20"

enum { ENDS = 100 };

struct row {
	const char *what;
	const char *code;
	size_t n;
	int kind; /* of %rsi behind it, or ENDS */
	int32_t displacement;
};

#define KEEPS WALK_SP, 8

static const struct row rows[] = {
	{"nothing", CODE(""), KEEPS},
	/* lengths: were one wrong, the call behind would not be met */
	{"nop", CODE("\x90"), KEEPS},
	{"xchg %ax,%ax", CODE("\x66\x90"), KEEPS},
	{"nopl 0(%rax)", CODE("\x0f\x1f\x40\0"), KEEPS},
	{"cs nopw 0(%rax,%rax,1)", CODE("\x66\x2e\x0f\x1f\x84\0\0\0\0\0"), KEEPS},
	{"test %eax,%eax", CODE("\x85\xc0"), KEEPS},
	{"test $1,%al", CODE("\xa8\x01"), KEEPS},
	{"test $1,%eax", CODE("\xa9\x01\0\0\0"), KEEPS},
	{"testb $8,0x50(%rdx)", CODE("\xf6\x42\x50\x08"), KEEPS},
	{"testl $8,0x50(%rdx)", CODE("\xf7\x42\x50\x08\0\0\0"), KEEPS},
	{"cmp %ebx,%eax", CODE("\x39\xd8"), KEEPS},
	{"cmp $0x303,%eax", CODE("\x3d\x03\x03\0\0"), KEEPS},
	{"cmp $0x101,%ebx", CODE("\x81\xfb\x01\x01\0\0"), KEEPS},
	{"cmp $1,%ebx", CODE("\x83\xfb\x01"), KEEPS},
	{"cmpq $0,0x70(%rsi)", CODE("\x48\x83\x7e\x70\0"), KEEPS},
	{"cmp %eax,-0x4c(%rbp)", CODE("\x39\x45\xb4"), KEEPS},
	{"cltq", CODE("\x48\x98"), KEEPS},
	{"mov $3,%ecx", CODE("\xb9\x03\0\0\0"), KEEPS},
	{"mov $3,%r9d", CODE("\x41\xb9\x03\0\0\0"), KEEPS},
	{"movq $3,0x110(%r12)", CODE("\x49\xc7\x84\x24\x10\x01\0\0\x03\0\0\0"), KEEPS},
	{"movb $3,(%r12)", CODE("\x41\xc6\x04\x24\x03"), KEEPS},
	{"add $8,%rdx", CODE("\x48\x83\xc2\x08"), KEEPS},
	{"add $0x1000,%rax", CODE("\x48\x05\0\x10\0\0"), KEEPS},
	{"shl $3,%rax", CODE("\x48\xc1\xe0\x03"), KEEPS},
	{"shr %eax", CODE("\xd1\xe8"), KEEPS},
	{"imul $40,%rax,%rax", CODE("\x48\x6b\xc0\x28"), KEEPS},
	{"imul $400,%rax,%rax", CODE("\x48\x69\xc0\x90\x01\0\0"), KEEPS},
	{"neg %eax", CODE("\xf7\xd8"), KEEPS},
	{"incl (%rax)", CODE("\xff\0"), KEEPS},
	{"movslq %eax,%rdx", CODE("\x48\x63\xd0"), KEEPS},
	{"movslq -0x44(%rbp),%r8", CODE("\x4c\x63\x45\xbc"), KEEPS},
	{"movzbl %al,%eax", CODE("\x0f\xb6\xc0"), KEEPS},
	{"setne %al", CODE("\x0f\x95\xc0"), KEEPS},
	{"sete %sil", CODE("\x40\x0f\x94\xc6"), WALK_OTHER, 0},
	{"cmovs %edx,%eax", CODE("\x0f\x48\xc2"), KEEPS},
	{"lea 0x1d612(%rip),%r8", CODE("\x4c\x8d\x05\x12\xd6\x01\0"), KEEPS},
	{"mov 8(,%rax,8),%rcx", CODE("\x48\x8b\x0c\xc5\x08\0\0\0"), KEEPS},
	{"mov %fs:0x28,%rax", CODE("\x64\x48\x8b\x04\x25\x28\0\0\0"), KEEPS},
	{"mov %ax,0x60(%rcx)", CODE("\x66\x89\x41\x60"), KEEPS},
	{"jmp +2; ret; ret", CODE("\xeb\x02\xc3\xc3"), KEEPS},
	{"jmp +2, far", CODE("\xe9\x02\0\0\0\xc3\xc3"), KEEPS},
	{"je +1; ret", CODE("\x74\x01\xc3"), KEEPS},
	{"bnd je +1, far; ret", CODE("\xf2\x0f\x84\x01\0\0\0\xc3"), KEEPS},
	/* effects on %rsi */
	{"a call", CODE(CALL), WALK_OTHER, 0},
	{"a call by the table of addresses", CODE("\xff\x15\0\0\0\0"), WALK_OTHER, 0},
	{"mov %rbx,%rsi", CODE("\x48\x89\xde"), WALK_SP, 0x20},
	{"mov %rbx,%rsi, the other way", CODE("\x48\x8b\xf3"), WALK_SP, 0x20},
	{"mov %ebx,%esi: half of it", CODE("\x89\xde"), WALK_OTHER, 0},
	{"mov %r12,%rsi: as it was", CODE("\x4c\x89\xe6"), WALK_BEFORE, 0},
	{"mov %rax,%rsi", CODE("\x48\x89\xc6"), WALK_OTHER, 0},
	{"lea 8(%rbx),%rsi", CODE("\x48\x8d\x73\x08"), WALK_SP, 0x28},
	{"lea 8(%rbx,%rax),%rsi", CODE("\x48\x8d\x74\x03\x08"), WALK_OTHER, 0},
	{"lea 8(%esp),%esi", CODE("\x8d\x74\x24\x08"), WALK_OTHER, 0},
	{"lea -8(%rbp),%rsi", CODE("\x48\x8d\x75\xf8"), WALK_FP, -8},
	{"lea -0x100(%rbp),%rsi", CODE("\x48\x8d\xb5\0\xff\xff\xff"), WALK_FP, -0x100},
	{"lea 0(%rip),%rsi", CODE("\x48\x8d\x35\0\0\0\0"), WALK_OTHER, 0},
	{"lea at the end of the numbers", CODE("\x48\x8d\x9c\x24\xff\xff\xff\x7f\x48\x8d\x73\x08"),
	 WALK_OTHER, 0},
	{"xor %esi,%esi", CODE("\x31\xf6"), WALK_ZERO, 0},
	{"sub %rsi,%rsi", CODE("\x48\x29\xf6"), WALK_ZERO, 0},
	{"xor %si,%si", CODE("\x66\x31\xf6"), WALK_OTHER, 0},
	{"xor %ebx,%esi", CODE("\x31\xde"), WALK_OTHER, 0},
	{"mov $0,%esi", CODE("\xbe\0\0\0\0"), WALK_ZERO, 0},
	{"mov $0,%rsi", CODE("\x48\xc7\xc6\0\0\0\0"), WALK_ZERO, 0},
	{"mov $1,%esi", CODE("\xbe\x01\0\0\0"), WALK_OTHER, 0},
	{"add $8,%rsi", CODE("\x48\x83\xc6\x08"), WALK_OTHER, 0},
	{"cmove %rbx,%rsi", CODE("\x48\x0f\x44\xf3"), WALK_OTHER, 0},
	{"mov (%rbx),%rsi: nobody put it there", CODE("\x48\x8b\x33"), WALK_OTHER, 0},
	/* spills */
	{"spilled and back", CODE("\x48\x89\x5c\x24\x40" CALL "\x48\x8b\x74\x24\x40"), WALK_SP,
	 0x20},
	{"by another register", CODE("\x48\x89\x5b\x08\x48\x8b\x74\x24\x28"), WALK_SP, 0x20},
	{"another slot", CODE("\x48\x89\x5c\x24\x40\x48\x8b\x74\x24\x48"), WALK_OTHER, 0},
	{"four bytes beside it", CODE("\x48\x89\x5c\x24\x40\x89\x44\x24\x3c\x48\x8b\x74\x24\x40"),
	 WALK_SP, 0x20},
	{"four bytes of it", CODE("\x48\x89\x5c\x24\x40\x89\x44\x24\x44\x48\x8b\x74\x24\x40"),
	 WALK_OTHER, 0},
	{"the byte before it", CODE("\x48\x89\x5c\x24\x40\xc6\x44\x24\x3f\0\x48\x8b\x74\x24\x40"),
	 WALK_SP, 0x20},
	{"its first byte", CODE("\x48\x89\x5c\x24\x40\xc6\x44\x24\x40\0\x48\x8b\x74\x24\x40"),
	 WALK_OTHER, 0},
	{"added to", CODE("\x48\x89\x5c\x24\x40\x48\x01\x44\x24\x40\x48\x8b\x74\x24\x40"),
	 WALK_OTHER, 0},
	{"a store by the frame pointer, which may be the same place",
	 CODE("\x48\x89\x5c\x24\x40\x89\x45\xf0\x48\x8b\x74\x24\x40"), WALK_OTHER, 0},
	{"a store somewhere else", CODE("\x48\x89\x5c\x24\x40\x49\x89\x04\x24\x48\x8b\x74\x24\x40"),
	 WALK_SP, 0x20},
	{"%fs:0x40 is none", CODE("\x48\x89\x5c\x24\x40\x64\x48\x8b\x34\x25\x40\0\0\0"), WALK_OTHER,
	 0},
	{"seven spills: the seventh is not remembered",
	 CODE("\x48\x89\x5c\x24\x40\x48\x89\x5c\x24\x48\x48\x89\x5c\x24\x50\x48\x89\x5c\x24\x58"
	      "\x48\x89\x5c\x24\x60\x48\x89\x5c\x24\x68\x48\x89\x5c\x24\x70\x48\x8b\x74\x24\x70"),
	 WALK_OTHER, 0},
	/* where a path ends */
	{"ret", CODE("\xc3"), ENDS, 0},
	{"push %rbx", CODE("\x53"), ENDS, 0},
	{"pop %rsi", CODE("\x5e"), ENDS, 0},
	{"sub $8,%rsp", CODE("\x48\x83\xec\x08"), ENDS, 0},
	{"mov %rbx,%rsp", CODE("\x48\x89\xdc"), ENDS, 0},
	{"lea 8(%rsp),%rsp", CODE("\x48\x8d\x64\x24\x08"), ENDS, 0},
	{"xchg %rbx,%rsi", CODE("\x48\x87\xde"), ENDS, 0},
	{"xchg %rax,%r8", CODE("\x49\x90"), ENDS, 0},
	{"mov %al,%dh: the second byte of %rdx", CODE("\x88\xc6"), ENDS, 0},
	{"setne %ch", CODE("\x0f\x95\xc5"), ENDS, 0},
	{"mov $1,%si: a constant of two bytes", CODE("\x66\xbe\x01\0"), ENDS, 0},
	{"add $0x100,%si", CODE("\x66\x81\xc6\0\x01"), ENDS, 0},
	{"movabs $0,%rsi", CODE("\x48\xbe\0\0\0\0\0\0\0\0"), ENDS, 0},
	{"movups %xmm3,0x40(%rsp)", CODE("\x0f\x11\x5c\x24\x40"), ENDS, 0},
	{"rep movsq", CODE("\xf3\x48\xa5"), ENDS, 0},
	{"mul %rbx", CODE("\x48\xf7\xe3"), ENDS, 0},
	{"jmp *%rax", CODE("\xff\xe0"), ENDS, 0},
	{"endbr64: another function", CODE("\xf3\x0f\x1e\xfa"), ENDS, 0},
	{"a jump out of what is seen", CODE("\xe9\0\0\0\x7f"), ENDS, 0},
	{"a jump before it", CODE("\xeb\x80"), ENDS, 0},
	{"prefixes without an end",
	 CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66"), ENDS, 0},
};

static int walk(const char *code, size_t n, struct walk_arrival *ret_arrival)
{
	size_t begin = sizeof(BEFORE) - 1, call = begin + n, size = call + 5;
	_cleanup_free_ uint8_t *whole = malloc(size); /* to the byte: ASan sees one too far */
	int r;

	assert_non_null(whole);
	memcpy(whole, CODE(BEFORE));
	memcpy(whole + begin, code, n);
	memcpy(whole + call, CODE(CALL));
	r = probe_walk(whole, size, 0, &call, 1, ret_arrival, 1);
	if (r == 1)
		assert_int_equal(ret_arrival->call, call);
	return r;
}

static void test_instructions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct walk_arrival arrival = {};
		int r;

		print_message("%s\n", rows[i].what);
		r = walk(rows[i].code, rows[i].n, &arrival);
		assert_int_equal(r, rows[i].kind == ENDS ? 0 : 1);
		if (r == 0)
			continue;
		assert_int_equal(arrival.argument.kind, rows[i].kind);
		assert_int_equal(arrival.argument.displacement, rows[i].displacement);
		assert_true(arrival.same_fp);
	}
}

static void test_frame_pointer(void **state)
{
	struct walk_arrival arrival = {};

	(void)state;
	/* taken by it before it changed; and what it points to later is no frame */
	assert_int_equal(walk(CODE("\x48\x8d\x75\xf8\x48\x89\xdd"), &arrival), 1);
	assert_int_equal(arrival.argument.kind, WALK_FP);
	assert_false(arrival.same_fp);
	assert_int_equal(walk(CODE("\x4c\x89\xe5\x48\x8d\x75\xf8"), &arrival), 1);
	assert_int_equal(arrival.argument.kind, WALK_OTHER);
	/* kept over a call, and back from where it was spilled */
	assert_int_equal(walk(CODE("\x48\x89\x6c\x24\x40\x31\xed" CALL "\x48\x8b\x6c\x24\x40"
				   "\x48\x8d\x75\xf8"),
			      &arrival),
			 1);
	assert_int_equal(arrival.argument.kind, WALK_FP);
	assert_true(arrival.same_fp);
}

static void test_paths(void **state)
{
	/* je to the second of two calls, which got another argument; and one met twice */
	static const char two[] = "\x74\x0a\x48\x8d\x74\x24\x08" CALL "\x48\x8d\x74\x24\x10" CALL;
	static const char agreed[] = "\x48\x8d\x74\x24\x08\x74\x02\x31\xc0" CALL;
	static const char apart[] = "\x48\x8d\x74\x24\x08\x74\x02\x31\xf6" CALL;
	const size_t calls[] = {7, 17}, last = 9;
	struct walk_arrival arrivals[2] = {};

	(void)state;
	assert_int_equal(
		probe_walk((const uint8_t *)two, sizeof(two) - 1, 0, calls, 2, arrivals, 2), 2);
	assert_int_equal(arrivals[0].call + arrivals[1].call, 24);
	assert_int_equal(
		probe_walk((const uint8_t *)two, sizeof(two) - 1, 0, calls, 2, arrivals, 1),
		-ENOENT);
	assert_int_equal(
		probe_walk((const uint8_t *)agreed, sizeof(agreed) - 1, 0, &last, 1, arrivals, 2),
		1);
	assert_int_equal(
		probe_walk((const uint8_t *)apart, sizeof(apart) - 1, 0, &last, 1, arrivals, 2),
		-ENOENT);
}

/* Loops, and branches behind branches: an end to them. */
static void test_bounds(void **state)
{
	uint8_t code[512];
	struct walk_arrival arrival;
	const size_t call = 500;

	(void)state;
	memset(code, 0x90, sizeof(code));
	memcpy(code, "\xeb\xfe", 2); /* jmp to itself */
	assert_int_equal(probe_walk(code, sizeof(code), 0, &call, 1, &arrival, 1), -ENOENT);
	for (size_t i = 0; i < 100; i += 2)
		memcpy(code + i, "\x74\0", 2); /* je to what follows: two ways each */
	assert_int_equal(probe_walk(code, sizeof(code), 0, &call, 1, &arrival, 1), -ENOENT);
	assert_int_equal(probe_walk(code, sizeof(code), 600, &call, 1, &arrival, 1), 0);
}

/* Any bytes: no crash, and what is said is of a call that was asked for. */
static void test_noise(void **state)
{
	uint32_t seed = 1;
	unsigned met = 0;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		uint8_t code[48];
		const size_t calls[] = {16, 32};
		struct walk_arrival arrivals[2];
		int r;

		for (size_t i = 0; i < sizeof(code); i++) {
			seed = seed * 1664525 + 1013904223;
			code[i] = (uint8_t)(seed >> 24);
		}
		code[16] = code[32] = 0xe8;
		r = probe_walk(code, sizeof(code), (size_t)(round % 32), calls, 2, arrivals, 2);
		for (int i = 0; i < r; i++)
			assert_true(arrivals[i].call == 16 || arrivals[i].call == 32);
		met += r > 0;
	}
	assert_true(met > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instructions), cmocka_unit_test(test_frame_pointer),
		cmocka_unit_test(test_paths),        cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
