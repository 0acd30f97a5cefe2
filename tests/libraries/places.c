/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * places.c - where the tls door's probes would go in the files named, one line each, and what is
 * known of OpenSSL inside a program. Nothing is attached. For tests/libraries/check and for people:
 *
 *   libssl.so.3: openssl internals read=ex-flags/emulated write=ex/emulated .. encoded=rsp+0
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/kern/elf.h"
#include "user/kern/probe_point.h"
#include "user/kern/tls_inside.h"

static const char *const roles[PROBE_ROLES] = {
	[PROBE_READ] = "read",     [PROBE_WRITE] = "write",     [PROBE_HANDSHAKE] = "handshake",
	[PROBE_FREE] = "free",     [PROBE_ENCODED] = "encoded", [PROBE_ENCODE] = "encode",
	[PROBE_DECODE] = "decode",
};

static const char *const libraries[] = {
	[PROBE_OPENSSL] = "openssl",
	[PROBE_GNUTLS] = "gnutls",
	[PROBE_CRYPTO] = "crypto",
};

static const char *const shapes[] = {
	[GL_PROBE_PLAIN] = "plain",   [GL_PROBE_EX] = "ex",     [GL_PROBE_EX_FLAGS] = "ex-flags",
	[GL_PROBE_GNUTLS] = "gnutls", [GL_PROBE_FILE] = "file",
};

static void print_point(const struct probe_point *point)
{
	if (point->role == PROBE_ENCODED) {
		printf(" encoded=%s%+d", point->operand >> 16 ? "rbp" : "rsp",
		       (int16_t)point->operand);
		return;
	}
	printf(" %s=", roles[point->role]);
	if (point->role == PROBE_READ || point->role == PROBE_WRITE)
		printf("%s/", shapes[point->shape]);
	printf("%s", point->cost == PROBE_EMULATED ? "emulated" : "stepped");
}

static void print_set(const struct probe_set *set)
{
	printf(" %s", libraries[set->library]);
	if (set->library == PROBE_OPENSSL)
		printf(" %s", set->internals ? "internals" : "exported");
	for (size_t i = 0; i < set->n; i++)
		print_point(&set->points[i]);
}

static void print_inside(struct elf *elf)
{
	char version[48] = "";
	uint32_t kinds = 0;

	if (tls_inside(elf, &kinds, version, sizeof(version)) < 0)
		return;
	for (int kind = 0; kind < TLS_KINDS; kind++)
		if (kinds & 1u << kind)
			printf(" inside=%s", tls_make_name(kind));
	if (!version[0])
		tls_openssl_version(elf, version, sizeof(version));
	if (version[0])
		printf(" version=\"%s\"", version);
}

static int print_file(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *name = strrchr(path, '/');
	struct probe_set set;
	struct elf *elf = NULL;
	int r = fd < 0 ? -errno : elf_open_fd(fd, &elf);

	printf("%s:", name ? name + 1 : path);
	if (r == 0)
		r = probe_points_choose(elf, &set);
	if (r < 0)
		printf(" none (%s)", strerror(-r));
	else
		print_set(&set);
	if (elf)
		print_inside(elf);
	elf_free(elf);
	printf("\n");
	return fd < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	int r = argc < 2;

	for (int i = 1; i < argc; i++)
		if (print_file(argv[i]) < 0)
			r = 1;
	if (argc < 2)
		fprintf(stderr, "usage: places FILE...\n");
	return r;
}
