/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_guard_h2.c - HTTP/2 frames for the response guard (guard_h2.h) on any bytes: however they
 * are cut, the same bytes are content of the same streams as a parse of the whole says. Byte 0 is
 * the size of the largest piece.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/guard_h2_reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct h2_reference r = {0};
	size_t remembered;

	if (size < 1)
		return 0;
	if (h2_reference_read(&r, data + 1, size - 1) &&
	    h2_reference_drive(&r, data + 1, size - 1, data[0] + 1u, &remembered) != r.content)
		abort();
	h2_reference_free(&r);
	return 0;
}
