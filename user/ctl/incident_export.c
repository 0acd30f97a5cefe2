/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * incident_export.c - glacisctl incident scope, report, export, verify: an incident for those who
 * were not there. A bundle is a new directory of JSON and Markdown files and SHA256SUMS, which
 * sha256sum -c reads as well.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/opensslv.h>
#include <openssl/sha.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/ctl/api.h"
#include "user/ctl/incident.h"
#include "user/ctl/out.h"

#define SUMS         "SHA256SUMS"
#define TIMELINE_MAX 100000
#define FILE_MAX     (64u << 20)
#define HASH_TEXT    65

#define TEXT_OF(value) #value
#define TEXT(value)    TEXT_OF(value)
#define OPENSSL_SONAME TEXT(OPENSSL_SHLIB_VERSION)

/*
 * libcrypto is loaded by who needs it, not linked: a process that maps it is one the agent attaches
 * its probes for, and every glacisctl would be that.
 */
static int hash_of(const void *data, size_t size, char out[HASH_TEXT])
{
	static __typeof__(&SHA256) sha256;
	unsigned char digest[SHA256_DIGEST_LENGTH];
	void *library;

	if (!sha256) {
		library = dlopen("libcrypto.so." OPENSSL_SONAME, RTLD_NOW);
		if (library)
			*(void **)&sha256 = dlsym(library, "SHA256");
		if (!sha256)
			return -ELIBACC;
	}
	if (!sha256(data, size, digest))
		return -EIO;
	for (unsigned i = 0; i < sizeof(digest); i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Scope
 */
static void print_items(const struct ctl *ctl, const json_t *scope, const char *list,
			const char *name, const char *title)
{
	const char *const titles[] = {title, ">REQUESTS", ">ANSWERED", ">BYTES", "FIRST", "LAST"};
	const json_t *items = json_object_get(scope, list), *item;
	struct out_table *table;
	size_t i;

	if (json_array_size(items) == 0)
		return;
	table = out_table_new(titles, ARRAY_SIZE(titles));
	for (i = 0; (item = json_array_get(items, i)); i++)
		OUT_ROW(table, OUT_PLAIN, out_member(item, name), out_member(item, "requests"),
			out_member(item, "answered"), out_member(item, "bytes"),
			out_time(out_member(item, "firstSeen")),
			out_time(out_member(item, "lastSeen")));
	fputc('\n', ctl->out);
	out_table_print(ctl, table, "");
}

static void print_scope(const struct ctl *ctl, const json_t *scope)
{
	const json_t *hosts = json_object_get(scope, "hosts");

	out_pair(ctl, "from", out_time(out_member(scope, "from")));
	out_pair(ctl, "to", out_time(out_member(scope, "to")));
	out_pair(ctl, "counted by",
		 strcmp(out_member(scope, "by"), "who") == 0 ? "its sources and principals"
							     : "its operations");
	out_pair(ctl, "requests", out_member(scope, "requests"));
	out_pair(ctl, "records", out_member(scope, "records"));
	out_pair(ctl, "by agent", out_member(scope, "byAgent"));
	out_pair(ctl, "bytes", out_member(scope, "bytes"));
	out_pair(ctl, "host", out_clean(json_string_value(json_array_get(hosts, 0)) ?: ""));
	if (!json_is_true(json_object_get(scope, "complete")))
		fputs("there are more requests than were looked at: the newest were counted\n",
		      ctl->out);
	print_items(ctl, scope, "sources", "source", "SOURCE");
	print_items(ctl, scope, "principals", "principal", "PRINCIPAL");
	print_items(ctl, scope, "operations", "operation", "OPERATION");
	print_items(ctl, scope, "statuses", "status", "STATUS");
	print_items(ctl, scope, "dataClasses", "class", "DATA CLASS");
}

int incident_scope(struct ctl *ctl)
{
	_cleanup_free_ char *path = NULL;
	json_t *scope = NULL;
	int r = CTL_OK;

	path = incident_path(ctl, "/scope", &r);
	if (!path)
		return r;
	r = api_call(ctl, "GET", path, NULL, &scope);
	if (r == CTL_OK && !api_print_json(ctl, scope))
		print_scope(ctl, scope);
	json_decref(scope);
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * Report
 */
int incident_report(struct ctl *ctl)
{
	_cleanup_free_ char *path = NULL;
	json_t *report = NULL;
	int r = CTL_OK;

	path = incident_path(ctl, "/report", &r);
	if (!path)
		return r;
	r = api_call(ctl, "GET", path, NULL, &report);
	if (r == CTL_OK && !api_print_json(ctl, report))
		fputs(out_member(report, "markdown"), ctl->out);
	json_decref(report);
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * Export
 */
struct bundle {
	const struct ctl *ctl;
	const char *folder;
	FILE *sums;
	int exit;
};

static void put_file(struct bundle *b, const char *name, const char *data, size_t size)
{
	char path[PATH_MAX], hash[HASH_TEXT];
	int r;

	if (b->exit != CTL_OK)
		return;
	snprintf(path, sizeof(path), "%s/%s", b->folder, name);
	r = file_write_atomic(path, data, size, 0600);
	if (r == 0)
		r = hash_of(data, size, hash);
	if (r < 0)
		b->exit = ctl_fail(b->ctl, CTL_REFUSED, "%s: %s", path, strerror(-r));
	else
		fprintf(b->sums, "%s  %s\n", hash, name);
}

static void put_json(struct bundle *b, const char *name, const json_t *value)
{
	_cleanup_free_ char *text = json_dumps(value, JSON_INDENT(2) | JSON_SORT_KEYS);

	put_file(b, name, text ? text : "", text ? strlen(text) : 0);
}

/* What is exported is read before anything is written. */
struct parts {
	json_t *incident, *timeline, *scope, *report, *audit;
};

static void clear_parts(struct parts *parts)
{
	json_decref(parts->incident);
	json_decref(parts->timeline);
	json_decref(parts->scope);
	json_decref(parts->report);
	json_decref(parts->audit);
}

static int get(struct ctl *ctl, const char *rest, json_t **ret)
{
	_cleanup_free_ char *path = NULL;
	int r = CTL_OK;

	path = incident_path(ctl, rest, &r);
	return path ? api_call(ctl, "GET", path, NULL, ret) : r;
}

static int read_parts(struct ctl *ctl, struct parts *parts)
{
	_cleanup_free_ char *path = NULL;
	int r = CTL_OK;

	path = incident_path(ctl, "/timeline", &r);
	if (!path)
		return r;
	r = get(ctl, "", &parts->incident);
	if (r == CTL_OK)
		r = api_collect(ctl, path, TIMELINE_MAX, &parts->timeline);
	if (r == CTL_OK)
		r = get(ctl, "/scope", &parts->scope);
	if (r == CTL_OK)
		r = get(ctl, "/report", &parts->report);
	if (r == CTL_OK)
		r = api_call(ctl, "GET", "/v1/audit/verify", NULL, &parts->audit);
	return r;
}

static int write_bundle(struct ctl *ctl, const struct parts *parts, const char *folder)
{
	_cleanup_free_ char *sums = NULL;
	const char *markdown = out_member(parts->report, "markdown");
	struct bundle b = {.ctl = ctl, .folder = folder, .exit = CTL_OK};
	char path[PATH_MAX];
	size_t size = 0;
	int r;

	if (mkdir(folder, 0700) < 0)
		return ctl_fail(ctl, CTL_REFUSED, "%s: %s%s", folder, strerror(errno),
				errno == EEXIST ? "; an export is not mixed with what is there"
						: "");
	b.sums = open_memstream(&sums, &size);
	if (!b.sums)
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	put_json(&b, "incident.json", parts->incident);
	put_json(&b, "timeline.json", json_object_get(parts->timeline, "items"));
	put_json(&b, "scope.json", parts->scope);
	put_file(&b, "report.md", markdown, strlen(markdown));
	put_json(&b, "audit.json", parts->audit);
	fclose(b.sums);
	if (b.exit != CTL_OK)
		return b.exit;
	snprintf(path, sizeof(path), "%s/" SUMS, folder);
	r = file_write_atomic(path, sums, size, 0600);
	return r < 0 ? ctl_fail(ctl, CTL_REFUSED, "%s: %s", path, strerror(-r)) : CTL_OK;
}

int incident_export(struct ctl *ctl)
{
	const char *folder = ctl_option(ctl, "to");
	_cleanup_free_ char *standard = NULL;
	struct parts parts = {};
	json_t *done;
	int r;

	if (!folder) {
		if (asprintf(&standard, "incident-%s", ctl->arguments[0]) < 0)
			return ctl_fail(ctl, CTL_REFUSED, "out of memory");
		folder = standard;
	}
	r = read_parts(ctl, &parts);
	if (r == CTL_OK)
		r = write_bundle(ctl, &parts, folder);
	clear_parts(&parts);
	if (r != CTL_OK)
		return r;
	done = json_pack("{s:s}", "folder", folder);
	if (!api_print_json(ctl, done))
		fprintf(ctl->out, "written to %s; check it with: glacisctl incident verify %s\n",
			folder, folder);
	json_decref(done);
	return CTL_OK;
}

/* ---------------------------------------------------------------------------------------------
 * Verify: no agent is needed
 */
struct check {
	const struct ctl *ctl;
	const char *folder;
	unsigned good, bad;
	json_t *files; /* name -> "ok" or what is wrong */
};

static void say(struct check *c, const char *name, const char *wrong)
{
	c->good += !wrong;
	c->bad += wrong != NULL;
	json_object_set_new(c->files, name, json_string(wrong ? wrong : "ok"));
}

static void check_line(struct check *c, char *line)
{
	_cleanup_free_ char *data = NULL;
	char path[PATH_MAX], hash[HASH_TEXT], *name;
	size_t size;

	if (strlen(line) < HASH_TEXT + 2 || strncmp(line + HASH_TEXT - 1, "  ", 2) != 0) {
		say(c, SUMS, "has a line that is none of ours");
		return;
	}
	line[HASH_TEXT - 1] = '\0';
	name = line + HASH_TEXT + 1;
	if (strchr(name, '/') || name[0] == '.') {
		say(c, SUMS, "names a file elsewhere");
		return;
	}
	snprintf(path, sizeof(path), "%s/%s", c->folder, name);
	if (file_read(path, FILE_MAX, &data, &size) < 0)
		say(c, name, "missing");
	else
		say(c, name,
		    hash_of(data, size, hash) == 0 && strcmp(hash, line) == 0 ? NULL : "changed");
}

static void check_extra(struct check *c)
{
	_cleanup_closedir_ DIR *d = opendir(c->folder);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, SUMS) != 0 &&
		    !json_object_get(c->files, entry->d_name))
			say(c, entry->d_name, "not of the export");
}

int incident_verify(struct ctl *ctl)
{
	struct check c = {.ctl = ctl, .folder = ctl->arguments[0], .files = json_object()};
	_cleanup_free_ char *sums = NULL;
	char path[PATH_MAX], *rest, *line;
	const char *name;
	json_t *value;
	size_t size;
	int r;

	snprintf(path, sizeof(path), "%s/" SUMS, c.folder);
	r = file_read(path, FILE_MAX, &sums, &size);
	if (r < 0) {
		json_decref(c.files);
		return ctl_fail(ctl, CTL_REFUSED, "%s: %s", path, strerror(-r));
	}
	for (line = strtok_r(sums, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		check_line(&c, line);
	check_extra(&c);
	if (!api_print_json(ctl, c.files))
		json_object_foreach(c.files, name, value)
			fprintf(ctl->out, "%s: %s\n", out_clean(name), json_string_value(value));
	json_decref(c.files);
	return c.bad || !c.good ? CTL_REFUSED : CTL_OK;
}
