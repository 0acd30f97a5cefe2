/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify.c - verify.h for the guests of the kernel matrix, before the agent starts there.
 *
 * Usage: verify OBJECT...
 */
#include "tests/kernels/verify.h"

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	for (int i = 1; i < argc; i++)
		verify_object(argv[i]);
	return failed || number == 0;
}
