/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_elf.c - any bytes as a library some container has mapped. Beyond not crashing: a probe is
 * only ever put inside the file, and asking twice gives the same answer.
 */
#include "tests/fuzz/fuzz.h"
#include "user/kern/elf.h"
#include "user/kern/probe_point.h"

static void ask(struct elf *elf, size_t size)
{
	static const char *const needles[] = {"OpenSSL 3.", "Go build"};
	struct probe_set set, again;
	char text[ELF_BUILD_ID_TEXT];
	uint8_t code[16];
	uint32_t found = 0;
	int r;

	memset(&set, 0, sizeof(set));
	memset(&again, 0, sizeof(again));
	r = probe_points_choose(elf, &set);
	CHECK(probe_points_choose(elf, &again) == r);
	CHECK(set.n == again.n && set.internals == again.internals);
	for (size_t i = 0; i < set.n; i++) {
		CHECK(set.points[i].offset == again.points[i].offset);
		CHECK(set.points[i].offset < size);
		CHECK(set.points[i].role < PROBE_ROLES);
		CHECK(set.points[i].shape < GL_PROBE_SHAPES);
	}
	elf_build_id(elf, text);
	CHECK(strlen(text) < sizeof(text));
	elf_has_section(elf, ".gopclntab");
	CHECK(elf_code(elf, 0x401000, code, sizeof(code)) <= (int)sizeof(code));
	if (elf_find_text(elf, needles, 2, 1u << 20, text, sizeof(text)) >= 0)
		CHECK(elf_scan_text(elf, needles, 2, 1u << 20, &found) == 0 && found != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf *elf = NULL;

	if (elf_open_memory(data, size, &elf) < 0)
		return 0;
	ask(elf, size);
	elf_free(elf);
	return 0;
}
