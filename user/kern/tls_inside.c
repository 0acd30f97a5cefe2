/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/tls_inside.h"

#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"

#define CONSTANTS_MAX (512u << 20)

static const struct {
	const char *name, *blind;
} kinds[TLS_KINDS] = {
	[TLS_NONE] = {"none", ""},
	[TLS_OPENSSL_DYNAMIC] = {"openssl-dynamic", ""},
	[TLS_OPENSSL_STATIC] = {"openssl-static",
				"OpenSSL is inside the program, without symbols to probe"},
	[TLS_GNUTLS] = {"gnutls", ""},
	[TLS_BORINGSSL] = {"boringssl",
			   "BoringSSL is inside the program, without symbols to probe"},
	[TLS_RUSTLS] = {"rustls", "rustls is inside the program: no stable functions to probe"},
	[TLS_GO] = {"go", "Go's crypto/tls is inside the program: its stacks move, no probe"},
	[TLS_JAVA] = {"java",
		      "Java's own TLS (JSSE) is compiled at run time: no functions to probe"},
	[TLS_NSS] = {"nss", "NSS is not supported"},
	[TLS_KTLS] = {"ktls", "the kernel encrypts for somebody here: what is sent by sendfile(2) "
			      "passes no library"},
	[TLS_UNKNOWN] = {"unknown", "the program cannot be read"},
};

const char *tls_make_name(enum tls_make kind)
{
	return kind < TLS_KINDS ? kinds[kind].name : "unknown";
}

const char *tls_make_blind(enum tls_make kind)
{
	return kind < TLS_KINDS ? kinds[kind].blind : "";
}

/*
 * OpenSSL's error records name their source file; so do BoringSSL's (.cc) and Rust's panics. Every
 * Go program with net/http has crypto/tls.
 */
enum mark {
	MARK_BORINGSSL,
	MARK_BORINGSSL_FILE,
	MARK_OPENSSL_FILE,
	MARK_RUSTLS,
	MARK_RUSTLS_PATH,
	MARK_GO_TLS,
	MARKS
};

static const char *const marks[MARKS] = {
	[MARK_BORINGSSL] = "BoringSSL",        [MARK_BORINGSSL_FILE] = "ssl/ssl_lib.cc",
	[MARK_OPENSSL_FILE] = "ssl/ssl_lib.c", [MARK_RUSTLS] = "/rustls-0.",
	[MARK_RUSTLS_PATH] = "/rustls/src/",   [MARK_GO_TLS] = "crypto/tls.(*Conn)",
};

static bool has(uint32_t found, enum mark mark)
{
	return found & 1u << mark;
}

/* "OpenSSL 3.0 legacy provider" stands in there too: a version has three numbers. */
void tls_openssl_version(struct elf *elf, char *ret_version, size_t size)
{
	static const char *const needles[] = {
		"OpenSSL 3.0.", "OpenSSL 3.1.", "OpenSSL 3.2.", "OpenSSL 3.3.", "OpenSSL 3.4.",
		"OpenSSL 3.5.", "OpenSSL 3.6.", "OpenSSL 3.7.", "OpenSSL 3.8.", "OpenSSL 3.9.",
		"OpenSSL 4.0.", "OpenSSL 4.1.", "OpenSSL 1.1.", "OpenSSL 1.0.", "LibreSSL ",
	};
	char text[64];

	if (elf_find_text(elf, needles, ARRAY_SIZE(needles), CONSTANTS_MAX, text, sizeof(text)) >=
	    0)
		snprintf(ret_version, size, "%s", text);
}

int tls_inside(struct elf *elf, uint32_t *ret_kinds, char *ret_version, size_t size)
{
	static const char *const go[] = {"go1."};
	uint32_t found = 0, inside = 0;
	int r = elf_scan_text(elf, marks, MARKS, CONSTANTS_MAX, &found);

	if (r < 0)
		return r;
	if (size)
		ret_version[0] = '\0';
	if (has(found, MARK_BORINGSSL) || has(found, MARK_BORINGSSL_FILE))
		inside |= 1u << TLS_BORINGSSL;
	else if (has(found, MARK_OPENSSL_FILE))
		inside |= 1u << TLS_OPENSSL_STATIC;
	if (has(found, MARK_RUSTLS) || has(found, MARK_RUSTLS_PATH))
		inside |= 1u << TLS_RUSTLS;
	if (elf_has_section(elf, ".gopclntab") && has(found, MARK_GO_TLS))
		inside |= 1u << TLS_GO;
	if (inside & 1u << TLS_OPENSSL_STATIC)
		tls_openssl_version(elf, ret_version, size);
	else if (inside & 1u << TLS_GO)
		elf_find_text(elf, go, ARRAY_SIZE(go), CONSTANTS_MAX, ret_version, size);
	*ret_kinds = inside;
	return 0;
}

enum tls_make tls_make_of_library(const char *path)
{
	static const struct {
		const char *start;
		enum tls_make kind;
	} known[] = {
		{"libjvm.so", TLS_JAVA},
		{"libssl3.so", TLS_NSS},
		{"libnetty_tcnative", TLS_BORINGSSL},
		{"libconscrypt", TLS_BORINGSSL},
	};
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(name, known[i].start, strlen(known[i].start)) == 0)
			return known[i].kind;
	return TLS_NONE;
}
