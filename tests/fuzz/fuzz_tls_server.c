/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_tls_server.c - any bytes as what a TLS server sends. Beyond not crashing: where the stream
 * is cut changes nothing, and no more bytes of a certificate are told than it has.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/handshake_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct server_read whole, cut;

	if (size > 65536)
		return 0;
	server_read_begin(&whole);
	server_read_feed(&whole, data, size);
	CHECK(whole.cert_len <= whole.state.cert_total);
	CHECK(whole.hellos <= 1);
	for (unsigned seed = 0; seed < 3; seed++) {
		server_read_begin(&cut);
		for (size_t off = 0; off < size;) {
			size_t n = seed ? 1 + (data[off] * seed * 5 + off) % 37 : 1;

			if (n > size - off)
				n = size - off;
			server_read_feed(&cut, data + off, n);
			off += n;
		}
		CHECK(cut.hellos == whole.hellos);
		/* the end is seen with the next byte: a cut before it is one later */
		CHECK(cut.event == whole.event);
		CHECK(memcmp(&cut.server, &whole.server, sizeof(cut.server)) == 0);
		CHECK(cut.cert_len == whole.cert_len);
		CHECK(memcmp(cut.cert, whole.cert, cut.cert_len) == 0);
	}
	return 0;
}
