/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/blind.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "user/base/cleanup.h"
#include "user/kern/libs.h"
#include "user/kern/libs_files.h"
#include "user/kern/tls_inside.h"

#define PROGRAMS_MAX 256 /* whose inside is remembered; the oldest goes */
#define SOCKETS_MAX  4096
#define NETNS_MAX    256
#define VIEWS_MAX    1024
#define PORTS_MAX    32 /* of one process */
#define STATE_LISTEN 0x0a

struct program {
	dev_t dev;
	ino_t ino;
	int64_t changed_s;
	uint32_t kinds;
	char version[48];
};

struct blind {
	struct program programs[PROGRAMS_MAX];
	size_t next;
};

struct listening {
	uint64_t inode;
	ino_t netns;
	uint16_t port;
};

/* One look. */
struct look {
	struct blind *blind;
	const struct libs *libs;
	const struct gl_policy *policy;
	ino_t netns;
	ino_t seen[NETNS_MAX];
	size_t n_seen;
	struct listening *sockets;
	size_t n_sockets;
	struct kern_tls_view *views;
	size_t n_views;
};

int blind_new(struct blind **ret_blind)
{
	struct blind *blind = calloc(1, sizeof(*blind));

	if (!blind)
		return -ENOMEM;
	*ret_blind = blind;
	return 0;
}

void blind_free(struct blind *blind)
{
	free(blind);
}

/* ---------------------------------------------------------------------------------------------
 * Who listens
 */
static void read_table(struct look *look, pid_t pid, const char *table, ino_t netns)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%d/net/%s", (int)pid, table);
	f = fopen(path, "re");
	while (f && look->n_sockets < SOCKETS_MAX && fgets(line, sizeof(line), f)) {
		unsigned port, state;
		uint64_t inode;

		if (sscanf(line, " %*u: %*[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*u %*u %" SCNu64,
			   &port, &state, &inode) != 3 ||
		    state != STATE_LISTEN || port > 65535 || !look->policy->port_service[port])
			continue;
		look->sockets[look->n_sockets++] =
			(struct listening){.inode = inode, .netns = netns, .port = (uint16_t)port};
	}
}

/* TlsCurrTxSw, TlsCurrRxSw, TlsCurrTxDevice, TlsCurrRxDevice: connections now. */
static bool uses_ktls(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[128];
	unsigned long n;

	snprintf(path, sizeof(path), "/proc/%d/net/tls_stat", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "TlsCurr%*s %lu", &n) == 1 && n > 0)
			return true;
	return false;
}

static struct kern_tls_view *add_view(struct look *look, pid_t pid, uint16_t port,
				      enum tls_make kind, const char *path)
{
	struct kern_tls_view *view;

	if (look->n_views == VIEWS_MAX)
		return NULL;
	view = &look->views[look->n_views++];
	memset(view, 0, sizeof(*view));
	view->pid = pid;
	view->port = port;
	view->processes = 1;
	view->kind = tls_make_name(kind);
	procmaps_comm(pid, view->comm);
	snprintf(view->path, sizeof(view->path), "%s", path);
	snprintf(view->reason, sizeof(view->reason), "%s", tls_make_blind(kind));
	return view;
}

static void take_netns(pid_t pid, void *userdata)
{
	struct look *look = userdata;
	ino_t netns = procmaps_netns(pid);

	if (!netns || (look->netns && netns != look->netns) || look->n_seen == NETNS_MAX)
		return;
	for (size_t i = 0; i < look->n_seen; i++)
		if (look->seen[i] == netns)
			return;
	look->seen[look->n_seen++] = netns;
	read_table(look, pid, "tcp", netns);
	read_table(look, pid, "tcp6", netns);
	if (look->n_sockets && uses_ktls(pid))
		add_view(look, 0, 0, TLS_KTLS, "");
}

static size_t ports_of(const struct look *look, pid_t pid, uint16_t ports[PORTS_MAX])
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[64], target[64];
	uint64_t inode;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	while (dir && n < PORTS_MAX && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		bool known = false;

		if (len < 0)
			continue;
		target[len] = '\0';
		if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
			continue;
		for (size_t i = 0; i < look->n_sockets; i++) {
			const struct listening *s = &look->sockets[i];

			if (s->inode != inode)
				continue;
			for (size_t k = 0; k < n; k++)
				known |= ports[k] == s->port;
			if (!known)
				ports[n++] = s->port;
			break;
		}
	}
	return n;
}

/* ---------------------------------------------------------------------------------------------
 * What a process has mapped
 */
struct found {
	enum tls_make kind;
	const struct library *library; /* NULL: no probe goes there */
	char path[PROCMAPS_PATH], version[48];
};

#define FOUND_MAX 8

struct process {
	struct look *look;
	char exe[PATH_MAX];
	struct found found[FOUND_MAX];
	size_t n;
};

static void add_found(struct process *process, enum tls_make kind, const struct library *library,
		      const char *path, const char *version)
{
	struct found *found;

	for (size_t i = 0; i < process->n; i++)
		if (process->found[i].kind == kind && process->found[i].library == library)
			return;
	if (process->n == FOUND_MAX)
		return;
	found = &process->found[process->n++];
	found->kind = kind;
	found->library = library;
	snprintf(found->path, sizeof(found->path), "%s", path);
	snprintf(found->version, sizeof(found->version), "%s", version);
}

static int look_inside(struct blind *blind, const struct procmap *map, struct program *ret_program)
{
	_cleanup_close_ int fd = -1;
	struct libs_file file = {};
	struct program program = {};
	struct elf *elf = NULL;
	struct stat st;
	int r = libs_file_open(map, &file, &fd);

	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	for (size_t i = 0; i < PROGRAMS_MAX; i++) {
		const struct program *p = &blind->programs[i];

		if (p->dev != file.dev || p->ino != file.ino || p->changed_s != st.st_ctime)
			continue;
		*ret_program = *p;
		return 0;
	}
	program = (struct program){.dev = file.dev, .ino = file.ino, .changed_s = st.st_ctime};
	r = elf_open_fd(fd, &elf);
	if (r == 0)
		r = tls_inside(elf, &program.kinds, program.version, sizeof(program.version));
	elf_free(elf);
	if (r < 0)
		return r;
	blind->programs[blind->next++ % PROGRAMS_MAX] = program;
	*ret_program = program;
	return 0;
}

static bool is_program(const struct process *process, const struct procmap *map)
{
	size_t n = strlen(map->path);

	return strncmp(process->exe, map->path, n) == 0 &&
	       (!process->exe[n] || strcmp(process->exe + n, " (deleted)") == 0);
}

static void take_inside(struct process *process, const struct procmap *map)
{
	struct program program = {};

	if (look_inside(process->look->blind, map, &program) < 0) {
		add_found(process, TLS_UNKNOWN, NULL, map->path, "");
		return;
	}
	for (int kind = 0; kind < TLS_KINDS; kind++)
		if (program.kinds & 1u << kind)
			add_found(process, kind, NULL, map->path, program.version);
}

static void take_map(const struct procmap *map, void *userdata)
{
	struct process *process = userdata;
	const struct library *library =
		process->look->libs ? libs_find(process->look->libs, map) : NULL;
	enum tls_make kind = tls_make_of_library(map->path);
	bool program = is_program(process, map);

	/* libcrypto is probed for certificates: nothing is read or written there */
	if (library && library->has_set && library->set.library == PROBE_CRYPTO)
		return;
	if (library && library->has_set) {
		kind = library->set.library == PROBE_GNUTLS ? TLS_GNUTLS
		       : program                            ? TLS_OPENSSL_STATIC
							    : TLS_OPENSSL_DYNAMIC;
		add_found(process, kind, library, map->path, library->version);
		return;
	}
	if (library && kind == TLS_NONE)
		kind = TLS_OPENSSL_DYNAMIC; /* by its name; why it is not held it says itself */
	if (kind != TLS_NONE)
		add_found(process, kind, library, map->path, library ? library->version : "");
	else if (program)
		take_inside(process, map);
}

/* Workers that share a socket are one row: the same program, port and library. */
static bool is_worker(struct look *look, const struct found *found, const char *comm, uint16_t port)
{
	for (size_t i = 0; i < look->n_views; i++) {
		struct kern_tls_view *view = &look->views[i];

		if (view->port == port && strcmp(view->comm, comm) == 0 &&
		    strcmp(view->kind, tls_make_name(found->kind)) == 0 &&
		    strcmp(view->path, found->path) == 0) {
			view->processes++;
			return true;
		}
	}
	return false;
}

static void add_views(struct process *process, pid_t pid, uint16_t port)
{
	struct look *look = process->look;
	char comm[16];

	procmaps_comm(pid, comm);
	for (size_t i = 0; i < process->n; i++) {
		const struct found *found = &process->found[i];
		struct kern_tls_view *view;

		if (is_worker(look, found, comm, port))
			continue;
		view = add_view(look, pid, port, found->kind, found->path);
		if (!view)
			return;
		snprintf(view->version, sizeof(view->version), "%s", found->version);
		if (!found->library)
			continue;
		view->hooked = found->library->attached;
		view->library = (int)found->library->number;
		snprintf(view->reason, sizeof(view->reason), "%s",
			 view->hooked ? "" : found->library->reason);
	}
}

static void take_process(pid_t pid, void *userdata)
{
	struct look *look = userdata;
	struct process process = {.look = look};
	uint16_t ports[PORTS_MAX];
	ino_t netns = procmaps_netns(pid);
	char path[64];
	ssize_t len;
	size_t n;

	if (!netns || (look->netns && netns != look->netns))
		return;
	n = ports_of(look, pid, ports);
	if (n == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	len = readlink(path, process.exe, sizeof(process.exe) - 1);
	if (len > 0)
		process.exe[len] = '\0';
	procmaps_read(pid, take_map, &process);
	if (process.n == 0)
		add_found(&process, TLS_NONE, NULL, process.exe, "");
	for (size_t i = 0; i < n; i++)
		add_views(&process, pid, ports[i]);
}

int blind_look(struct blind *blind, const struct libs *libs, const struct gl_policy *policy,
	       ino_t netns, struct kern_tls_view **ret_views, size_t *ret_n)
{
	_cleanup_free_ struct listening *sockets = calloc(SOCKETS_MAX, sizeof(*sockets));
	_cleanup_free_ struct kern_tls_view *views = calloc(VIEWS_MAX, sizeof(*views));
	struct look look = {.blind = blind,
			    .libs = libs,
			    .policy = policy,
			    .netns = netns,
			    .sockets = sockets,
			    .views = views};
	int r;

	if (!sockets || !views)
		return -ENOMEM;
	r = procmaps_each_process(take_netns, &look);
	if (r == 0 && look.n_sockets)
		r = procmaps_each_process(take_process, &look);
	if (r < 0)
		return r;
	*ret_views = TAKE_PTR(views);
	*ret_n = look.n_views;
	return 0;
}
