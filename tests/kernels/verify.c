/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verify.c - does this kernel's verifier take the programs? Loads BPF objects (nothing is
 * attached), prints one TAP line per program with the instructions the verifier walked, or the end
 * of its log.
 *
 * Usage: verify OBJECT... Runs in the guest of the kernel matrix, before the agent does; by hand
 * also on the host: build/guest/payload/verify build/bpf/wire.bpf.o
 */
#include <bpf/libbpf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_SIZE   (64u << 20)
#define TAIL_LINES 40

static char log_text[LOG_SIZE];
static int number, failed;

static int quiet(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static const char *tail_of(const char *text, int lines)
{
	const char *at = text + strlen(text);

	while (at > text && lines >= 0)
		if (*--at == '\n')
			lines--;
	return at;
}

static void print_log_tail(void)
{
	char *save = NULL;

	for (char *line = strtok_r((char *)tail_of(log_text, TAIL_LINES), "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		printf("# %s\n", line);
}

/* Loads the object with this program alone. 0 or -errno. */
static int load_one(const char *path, const char *name, int level)
{
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	struct bpf_program *program;
	int r;

	if (!object)
		return -1;
	bpf_object__for_each_program(program, object)
	{
		if (strcmp(bpf_program__name(program), name) != 0) {
			bpf_program__set_autoload(program, false);
			continue;
		}
		bpf_program__set_log_buf(program, log_text, LOG_SIZE);
		bpf_program__set_log_level(program, level);
	}
	log_text[0] = '\0';
	r = bpf_object__load(object);
	bpf_object__close(object);
	return r;
}

static void verify(const char *path, const char *name)
{
	const char *walked;
	int r = load_one(path, name, 4); /* 4: statistics only */

	number++;
	if (r == 0) {
		walked = strstr(log_text, "processed ");
		printf("ok %d - verifier: %s (%.*s)\n", number, name,
		       walked ? (int)strcspn(walked, "(\n") : 0, walked ? walked : "");
		return;
	}
	failed = 1;
	printf("not ok %d - verifier: %s: %s\n", number, name, strerror(-r));
	load_one(path, name, 1);
	print_log_tail();
}

int main(int argc, char **argv)
{
	libbpf_set_print(quiet);
	for (int i = 1; i < argc; i++) {
		struct bpf_object *object = bpf_object__open_file(argv[i], NULL);
		struct bpf_program *program;

		if (!object) {
			printf("not ok %d - %s does not open\n", ++number, argv[i]);
			failed = 1;
			continue;
		}
		bpf_object__for_each_program(program, object)
			verify(argv[i], bpf_program__name(program));
		bpf_object__close(object);
	}
	return failed || number == 0;
}
