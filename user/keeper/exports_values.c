/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/exports_values.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/http.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"

#define SECRET_MAX 4096
#define PEM_MAX    (1 << 20)

void exports_wrong(struct exports_reading *r, const struct node *at, const char *hint,
		   const char *what)
{
	const char *text = at->kind == NODE_SCALAR && at->text ? at->text : NULL;

	problems_add(r->problems, PROBLEM_ERROR, at->pos.line, at->pos.column, "exports", hint,
		     "%s%s%s", text ? problem_quote(text).text : "", text ? ": " : "", what);
}

/* ---------------------------------------------------------------------------------------------
 * Numbers with units
 */
struct unit {
	const char *name;
	uint64_t factor;
};

static int parse_unit(const char *text, const struct unit *units, size_t n, uint64_t *ret_value)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno)
		return -ERANGE;
	for (size_t i = 0; i < n; i++)
		if (strcmp(end, units[i].name) == 0) {
			if (value > UINT64_MAX / units[i].factor)
				return -ERANGE;
			*ret_value = value * units[i].factor;
			return 0;
		}
	return -EINVAL;
}

static bool in_range(struct exports_reading *r, const struct node *node, const struct unit *units,
		     size_t n, uint64_t min, uint64_t max, const char *what, uint64_t *ret_value)
{
	char hint[96];
	uint64_t value = 0;
	int error = node->kind == NODE_SCALAR ? parse_unit(node->text, units, n, &value) : -EINVAL;

	if (error == 0 && value >= min && value <= max) {
		*ret_value = value;
		return true;
	}
	snprintf(hint, sizeof(hint), "from %llu%s to %llu%s",
		 (unsigned long long)(min / units[0].factor), units[0].name,
		 (unsigned long long)(max / units[0].factor), units[0].name);
	exports_wrong(r, node, hint, error == -EINVAL ? what : "out of range");
	return false;
}

bool exports_duration(struct exports_reading *r, const struct node *node, uint64_t min,
		      uint64_t max, uint64_t *ret_ms)
{
	static const struct unit units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};

	return in_range(r, node, units, ARRAY_SIZE(units), min, max,
			"not a duration (500ms, 10s, 5m, 1h)", ret_ms);
}

bool exports_size(struct exports_reading *r, const struct node *node, uint64_t min, uint64_t max,
		  uint64_t *ret_bytes)
{
	static const struct unit units[] = {
		{"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}};

	return in_range(r, node, units, ARRAY_SIZE(units), min, max,
			"not a size (512KiB, 64MiB, 1GiB)", ret_bytes);
}

bool exports_number(struct exports_reading *r, const struct node *node, uint64_t min, uint64_t max,
		    uint64_t *ret_value)
{
	static const struct unit units[] = {{"", 1}};

	return in_range(r, node, units, 1, min, max, "not a number", ret_value);
}

/* ---------------------------------------------------------------------------------------------
 * Targets
 */
static bool is_loopback(const char *host)
{
	struct in_addr in;

	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
	       (inet_pton(AF_INET, host, &in) == 1 && ntohl(in.s_addr) >> 24 == 127);
}

/* Without the brackets of an IPv6 address. */
static void bare_host(const char *host, char out[256])
{
	size_t size = strlen(host);

	if (size > 2 && host[0] == '[' && host[size - 1] == ']')
		snprintf(out, 256, "%.*s", (int)size - 2, host + 1);
	else
		snprintf(out, 256, "%s", host);
}

void exports_url(struct exports_reading *r, const struct node *node, json_t *sink)
{
	struct evhttp_uri *uri = node->kind == NODE_SCALAR ? evhttp_uri_parse(node->text) : NULL;
	const char *scheme = uri ? evhttp_uri_get_scheme(uri) : NULL;
	const char *host = uri ? evhttp_uri_get_host(uri) : NULL;
	bool https = scheme && strcmp(scheme, "https") == 0;
	char bare[256], url[2048];
	size_t size;
	int port;

	if (!scheme || (!https && strcmp(scheme, "http") != 0) || !host || !*host ||
	    strlen(host) > 250) {
		exports_wrong(r, node, "https://siem.example/hook", "not an http or https URL");
	} else if (evhttp_uri_get_userinfo(uri)) {
		problems_add(r->problems, PROBLEM_ERROR, node->pos.line, node->pos.column,
			     "exports", "put a token into a file of mode 0600: tokenFile",
			     "a URL may not carry a password");
	} else if (evhttp_uri_get_fragment(uri) || strlen(node->text) >= sizeof(url) - 16) {
		exports_wrong(r, node, "https://siem.example/hook", "not a URL to send to");
	} else {
		port = evhttp_uri_get_port(uri);
		bare_host(host, bare);
		snprintf(url, sizeof(url), "%s", node->text);
		/* OTLP appends its paths */
		for (size = strlen(url); size > 8 && url[size - 1] == '/'; size--)
			url[size - 1] = '\0';
		json_object_set_new(sink, "url", json_string(url));
		json_object_set_new(sink, "host", json_string(bare));
		json_object_set_new(sink, "port", json_integer(port > 0 ? port : https ? 443 : 80));
		json_object_set_new(sink, "private", json_boolean(https || is_loopback(bare)));
	}
	if (uri)
		evhttp_uri_free(uri);
}

void exports_syslog_target(struct exports_reading *r, const struct node *node, json_t *sink)
{
	static const char hint[] = "udp://host:514, tcp://host:601 or unix:/dev/log";
	const char *text = node->kind == NODE_SCALAR ? node->text : "";
	bool udp = strncmp(text, "udp://", 6) == 0, tcp = strncmp(text, "tcp://", 6) == 0;
	struct evhttp_uri *uri;
	char bare[256];

	if (strncmp(text, "unix:/", 6) == 0 && strlen(text) < 100) {
		json_object_set_new(sink, "transport", json_string("unix"));
		json_object_set_new(sink, "path", json_string(text + 5));
		json_object_set_new(sink, "url", json_string(text));
		return;
	}
	uri = udp || tcp ? evhttp_uri_parse(text) : NULL;
	if (uri && evhttp_uri_get_host(uri) && *evhttp_uri_get_host(uri) &&
	    strlen(evhttp_uri_get_host(uri)) < 250 && evhttp_uri_get_port(uri) > 0 &&
	    !*evhttp_uri_get_path(uri) && !evhttp_uri_get_userinfo(uri)) {
		bare_host(evhttp_uri_get_host(uri), bare);
		json_object_set_new(sink, "transport", json_string(udp ? "udp" : "tcp"));
		json_object_set_new(sink, "host", json_string(bare));
		json_object_set_new(sink, "port", json_integer(evhttp_uri_get_port(uri)));
		json_object_set_new(sink, "url", json_string(text));
	} else {
		exports_wrong(r, node, hint, "not a receiver of syslog");
	}
	if (uri)
		evhttp_uri_free(uri);
}

json_t *exports_loopback(struct exports_reading *r, const struct node *node)
{
	const char *colon = node->kind == NODE_SCALAR ? strrchr(node->text, ':') : NULL;
	char host[64] = "", bare[256];
	unsigned long port = 0;
	char *end = NULL;

	if (colon && (size_t)(colon - node->text) < sizeof(host)) {
		snprintf(host, sizeof(host), "%.*s", (int)(colon - node->text), node->text);
		port = strtoul(colon + 1, &end, 10);
	}
	bare_host(host, bare);
	if (!end || *end || port < 1 || port > 65535 ||
	    (strcmp(bare, "127.0.0.1") != 0 && strcmp(bare, "::1") != 0)) {
		exports_wrong(r, node, "127.0.0.1:9464 or [::1]:9464",
			      "metrics are served on a loopback address and port only");
		return NULL;
	}
	return json_pack("{s:s, s:I}", "host", bare, "port", (json_int_t)port);
}

int exports_facility(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} facilities[] = {{"user", 1},    {"daemon", 3},  {"auth", 4},    {"authpriv", 10},
			  {"audit", 13},  {"local0", 16}, {"local1", 17}, {"local2", 18},
			  {"local3", 19}, {"local4", 20}, {"local5", 21}, {"local6", 22},
			  {"local7", 23}};

	for (size_t i = 0; i < ARRAY_SIZE(facilities); i++)
		if (strcmp(facilities[i].name, name) == 0)
			return facilities[i].number;
	return -ENOENT;
}

/* ---------------------------------------------------------------------------------------------
 * Files
 */
char *exports_secret(struct exports_reading *r, const struct node *node, size_t min)
{
	static const char mode[] = "chown root and chmod 600 it: only its owner may read it";
	_cleanup_close_ int fd = -1;
	char text[SECRET_MAX + 1];
	const char *wrong = NULL;
	struct stat st;
	ssize_t n = 0;

	if (node->kind != NODE_SCALAR) {
		exports_wrong(r, node, NULL, "expected the path of a file");
		return NULL;
	}
	fd = open(node->text, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		exports_wrong(r, node, NULL, strerror(errno));
		return NULL;
	}
	if (!S_ISREG(st.st_mode))
		wrong = "not a file";
	else if (st.st_mode & 077 || (st.st_uid != 0 && st.st_uid != geteuid()))
		wrong = "others can read this secret";
	if (wrong) {
		exports_wrong(r, node, mode, wrong);
		return NULL;
	}
	n = read(fd, text, SECRET_MAX);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < 33 || (unsigned char)*p > 126)
			wrong = "the secret has characters other than printable ASCII";
	if (strlen(text) < min)
		wrong = min > 1 ? "the key has fewer than 16 characters" : "the file is empty";
	if (wrong)
		exports_wrong(r, node, "its first line is the secret", wrong);
	else
		wrong = NULL;
	return wrong ? (explicit_bzero(text, sizeof(text)), NULL) : strdup(text);
}

char *exports_pem(struct exports_reading *r, const struct node *node)
{
	char *text = NULL;
	size_t size;
	int error =
		node->kind == NODE_SCALAR ? file_read(node->text, PEM_MAX, &text, &size) : -EINVAL;

	if (error < 0) {
		exports_wrong(r, node, "a file of certificates in PEM", strerror(-error));
		return NULL;
	}
	if (strlen(text) != size || !strstr(text, "-----BEGIN CERTIFICATE-----")) {
		exports_wrong(r, node, "a file of certificates in PEM", "no certificate is in it");
		free(text);
		return NULL;
	}
	return text;
}
