/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * contain.c - glacisctl endpoint, key, principal, ja4, service, grant: what is stopped, or let
 * through, that is not an address. Every one ends by itself.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/duration.h"
#include "user/ctl/api.h"
#include "user/ctl/ctl.h"
#include "user/ctl/http.h"
#include "user/ctl/out.h"

#define CREDENTIAL_MAX 8192

/* ---------------------------------------------------------------------------------------------
 * One decision, and its end
 */

/* -1, or the exit code of a typing error. */
static int check_ttl(const struct ctl *ctl)
{
	const char *ttl = ctl_option(ctl, "ttl");
	uint32_t seconds;

	if (!ttl || duration_parse(ttl, &seconds) == 0)
		return -1;
	return ctl_usage(ctl, "--ttl %s: a number and a unit, such as 90s, 15m, 4h or 7d", ttl);
}

static bool has_option(const struct ctl *ctl, const char *name)
{
	for (unsigned i = 0; ctl->command->options[i].name; i++)
		if (strcmp(ctl->command->options[i].name, name) == 0)
			return ctl_option(ctl, name) != NULL;
	return false;
}

/* A source or a fingerprint has no "subject". */
static const char *subject_of(const json_t *decision)
{
	static const char *const names[] = {"subject", "source", "ja4"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (*out_member(decision, names[i]))
			return out_member(decision, names[i]);
	return "";
}

static void print_made(const struct ctl *ctl, const json_t *decision)
{
	const char *expires = out_member(decision, "expiresAt");

	fprintf(ctl->out, "%s%s %s until %s", ctl_option(ctl, "dry-run") ? "would " : "",
		out_member(decision, "verdict"), out_clean(subject_of(decision)),
		out_time(expires));
	if (!ctl_option(ctl, "dry-run"))
		fprintf(ctl->out, " (undo: glacisctl decisions remove %s)",
			out_member(decision, "id"));
	fputc('\n', ctl->out);
	if (json_integer_value(json_object_get(decision, "connectionsCut")) > 0)
		fprintf(ctl->out, "%" JSON_INTEGER_FORMAT " open connections cut\n",
			json_integer_value(json_object_get(decision, "connectionsCut")));
	if (json_is_false(json_object_get(decision, "enforced")))
		fputs("warning: in monitor mode it is counted, and stops nothing: glacisctl mode\n",
		      ctl->err);
}

/* Takes body (NULL: out of memory or not UTF-8). */
static int put(struct ctl *ctl, json_t *body)
{
	json_t *decision = NULL;
	int r = check_ttl(ctl);

	if (!body)
		return ctl_usage(ctl, "an argument is not UTF-8");
	if (r >= 0) {
		json_decref(body);
		return r;
	}
	if (ctl_option(ctl, "ttl"))
		json_object_set_new(body, "ttl", json_string(ctl_option(ctl, "ttl")));
	if (ctl_option(ctl, "reason"))
		json_object_set_new(body, "reason", json_string(ctl_option(ctl, "reason")));
	json_object_set_new(body, "force", json_boolean(has_option(ctl, "force")));
	json_object_set_new(body, "dryRun", json_boolean(has_option(ctl, "dry-run")));
	json_object_set_new(body, "keepOpen", json_boolean(has_option(ctl, "keep-open")));
	r = api_call(ctl, "POST", "/v1/decisions", body, &decision);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, decision))
		print_made(ctl, decision);
	json_decref(decision);
	return CTL_OK;
}

/* "a=b&c=d" of pairs that have a value. NULL: out of memory. */
static char *query_of(const char *const *pairs)
{
	char *query = NULL;
	size_t size;
	FILE *f = open_memstream(&query, &size);

	if (!f)
		return NULL;
	for (; pairs[0]; pairs += 2) {
		_cleanup_free_ char *value = pairs[1] ? http_encode(pairs[1]) : NULL;

		if (value)
			fprintf(f, "%s%s=%s", ftell(f) > 0 ? "&" : "?", pairs[0], value);
	}
	if (fclose(f) == 0)
		return query;
	free(query);
	return NULL;
}

/* Takes body, which may be NULL. */
static int withdraw(struct ctl *ctl, const char *const *pairs, json_t *body, const char *what)
{
	_cleanup_free_ char *query = query_of(pairs), *path = NULL;
	json_t *answer = NULL;
	int r;

	if (!query || asprintf(&path, "/v1/decisions%s", query) < 0) {
		json_decref(body);
		return ctl_fail(ctl, CTL_REFUSED, "out of memory");
	}
	r = api_call(ctl, "DELETE", path, body, &answer);
	if (r != CTL_OK)
		return r;
	if (!api_print_json(ctl, answer))
		fprintf(ctl->out, "withdrawn: %s\n", out_clean(what));
	json_decref(answer);
	return CTL_OK;
}

/* ---------------------------------------------------------------------------------------------
 * Operations and services
 */
static int run_suspend(struct ctl *ctl)
{
	if (!ctl_option(ctl, "service"))
		return ctl_usage(ctl, "--service says whose operation it is");
	return put(ctl, json_pack("{s:s,s:s,s:s}", "verdict", "suspend", "service",
				  ctl_option(ctl, "service"), "operation", ctl->arguments[0]));
}

static int run_resume(struct ctl *ctl)
{
	const char *const pairs[] = {
		"verdict",   "suspend",         "service", ctl_option(ctl, "service"),
		"operation", ctl->arguments[0], NULL};

	if (!ctl_option(ctl, "service"))
		return ctl_usage(ctl, "--service says whose operation it is");
	return withdraw(ctl, pairs, NULL, ctl->arguments[0]);
}

static int run_lockdown(struct ctl *ctl)
{
	const struct ctl_value *networks = ctl_values(ctl, "allow");
	json_t *list;

	if (!networks->n)
		return ctl_usage(ctl,
				 "--allow CIDR says who passes; it may be given several times");
	list = json_array();
	for (unsigned i = 0; i < networks->n; i++)
		json_array_append_new(list, json_string(networks->items[i]));
	return put(ctl, json_pack("{s:s,s:s,s:o}", "verdict", "lockdown", "service",
				  ctl->arguments[0], "networks", list));
}

static int run_unlock(struct ctl *ctl)
{
	const char *const pairs[] = {"verdict", "lockdown", "service", ctl->arguments[0], NULL};

	return withdraw(ctl, pairs, NULL, ctl->arguments[0]);
}

/* ---------------------------------------------------------------------------------------------
 * Credentials
 */

/* One line, without its end. -EMSGSIZE, -EINVAL: nothing. */
static int read_line(char *line, size_t size)
{
	size_t n = 0;
	int c;

	while ((c = getchar()) != EOF && c != '\n') {
		if (n + 1 >= size)
			return -EMSGSIZE;
		line[n++] = (char)c;
	}
	line[n] = '\0';
	return n ? 0 : -EINVAL;
}

/* Not shown while it is typed. */
static int read_credential(const struct ctl *ctl, char *line, size_t size)
{
	struct termios was, quiet;
	int r;

	if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &was) < 0)
		return read_line(line, size);
	fputs("credential: ", ctl->err);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	r = read_line(line, size);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fputc('\n', ctl->err);
	return r;
}

/* What is meant: --event, or a credential. -1 with *ret_body, or the exit code. */
static int key_body(struct ctl *ctl, json_t **ret_body)
{
	char line[CREDENTIAL_MAX + 2];
	int r;

	if (ctl->n_arguments)
		return ctl_usage(ctl, "a credential on the command line is in the process list and "
				      "the shell's history: give it on standard input");
	if (ctl_option(ctl, "event")) {
		*ret_body = json_pack("{s:s,s:s}", "verdict", "revoke", "event",
				      ctl_option(ctl, "event"));
		return -1;
	}
	r = read_credential(ctl, line, sizeof(line));
	if (r == 0)
		*ret_body = json_pack("{s:s,s:s}", "verdict", "revoke", "credential", line);
	explicit_bzero(line, sizeof(line));
	if (r == -EMSGSIZE)
		return ctl_fail(ctl, CTL_USAGE, "the credential is longer than %d bytes",
				CREDENTIAL_MAX);
	return r == 0 ? -1
		      : ctl_usage(ctl, "nothing on standard input: it is the credential, one line");
}

static int run_revoke(struct ctl *ctl)
{
	json_t *body = NULL;
	int r = key_body(ctl, &body);

	return r >= 0 ? r : put(ctl, body);
}

static int run_restore(struct ctl *ctl)
{
	const char *const pairs[] = {"verdict", "revoke", NULL};
	json_t *body = NULL;
	int r = key_body(ctl, &body);

	return r >= 0 ? r : withdraw(ctl, pairs, body, "the credential's revocation");
}

/* It might be a credential: it is not repeated. */
static int check_hash(const struct ctl *ctl)
{
	const char *hash = ctl->arguments[0];

	if (strncmp(hash, "key:", 4) == 0)
		hash += 4;
	if (strlen(hash) == 16 && strspn(hash, "0123456789abcdef") == 16)
		return -1;
	return ctl_usage(ctl, "a principal is the 16 hex digits that events show; a credential "
			      "goes to standard input of 'glacisctl key revoke'");
}

static int run_principal_block(struct ctl *ctl)
{
	int r = check_hash(ctl);

	return r >= 0 ? r
		      : put(ctl, json_pack("{s:s,s:s}", "verdict", "revoke", "principal",
					   ctl->arguments[0]));
}

static int run_principal_unblock(struct ctl *ctl)
{
	const char *const pairs[] = {"verdict", "revoke", "principal", ctl->arguments[0], NULL};
	int r = check_hash(ctl);

	return r >= 0 ? r : withdraw(ctl, pairs, NULL, ctl->arguments[0]);
}

static int run_kill(struct ctl *ctl)
{
	return put(ctl, json_pack("{s:s,s:s}", "verdict", "kill", "workload", ctl->arguments[0]));
}

static int run_unkill(struct ctl *ctl)
{
	const char *const pairs[] = {"verdict", "kill", "workload", ctl->arguments[0], NULL};

	return withdraw(ctl, pairs, NULL, ctl->arguments[0]);
}

/* ---------------------------------------------------------------------------------------------
 * Fingerprints, grants
 */
static int run_ja4_block(struct ctl *ctl)
{
	return put(ctl, json_pack("{s:s,s:s}", "verdict", "ban", "ja4", ctl->arguments[0]));
}

static int run_ja4_unblock(struct ctl *ctl)
{
	const char *const pairs[] = {"ja4", ctl->arguments[0], NULL};

	return withdraw(ctl, pairs, NULL, ctl->arguments[0]);
}

static int check_grant(const struct ctl *ctl)
{
	if (!ctl_option(ctl, "source") == !ctl_option(ctl, "principal"))
		return ctl_usage(ctl, "either --source or --principal says whom it is for");
	return -1;
}

static int run_grant(struct ctl *ctl)
{
	int r = check_grant(ctl);

	if (r >= 0)
		return r;
	if (ctl_option(ctl, "bans") && (!ctl_option(ctl, "source") || ctl_option(ctl, "class")))
		return ctl_usage(ctl, "--bans goes with --source, and is not about a class");
	if (ctl_option(ctl, "bans"))
		return put(ctl, json_pack("{s:s,s:s}", "verdict", "allow", "source",
					  ctl_option(ctl, "source")));
	return put(ctl, json_pack("{s:s,s:s*,s:s*,s:s*}", "verdict", "grant", "source",
				  ctl_option(ctl, "source"), "principal",
				  ctl_option(ctl, "principal"), "class", ctl_option(ctl, "class")));
}

static int run_ungrant(struct ctl *ctl)
{
	const char *const pairs[] = {"verdict",   "grant",
				     "source",    ctl_option(ctl, "source"),
				     "principal", ctl_option(ctl, "principal"),
				     "class",     ctl_option(ctl, "class"),
				     NULL};
	int r = check_grant(ctl);

	return r >= 0 ? r : withdraw(ctl, pairs, NULL, "the grant");
}

#define TTL                                                                                        \
	{                                                                                          \
		"ttl", "DURATION", "how long (default 4h)"                                         \
	}
#define REASON                                                                                     \
	{                                                                                          \
		"reason", "TEXT", "kept with it and in the audit log"                              \
	}
#define TRY                                                                                        \
	{                                                                                          \
		"dry-run", NULL, "only check whether it would be accepted"                         \
	}

#define KEEP                                                                                       \
	{                                                                                          \
		"keep-open", NULL, "what is open already ends by itself"                           \
	}

const struct ctl_command ctl_contain_commands[] = {
	{
		.name = "endpoint suspend",
		.arguments = "OPERATION",
		.min = 1,
		.max = 1,
		.summary = "Answer an operation with 503 for a while",
		.details =
			"OPERATION is as the policy writes it. Inside TLS the connection is cut, "
			"and the event says that the application saw the request. Responses of "
			"it that are on their way are cut, too.",
		.example = "glacisctl endpoint suspend 'POST /api/v1/pay' --service shop --ttl 2h",
		.options = {{"service", "NAME", "whose operation"},
			    TTL,
			    REASON,
			    {"force", NULL, "also one of an exempt class, such as health checks"},
			    KEEP,
			    TRY},
		.run = run_suspend,
	},
	{
		.name = "endpoint resume",
		.arguments = "OPERATION",
		.min = 1,
		.max = 1,
		.summary = "End a suspension",
		.example = "glacisctl endpoint resume 'POST /api/v1/pay' --service shop",
		.options = {{"service", "NAME", "whose operation"}},
		.run = run_resume,
	},
	{
		.name = "key revoke",
		.arguments = "",
		.min = 0,
		.max = 1,
		.summary = "Refuse requests that bear a credential: API key, token or cookie",
		.details = "The credential is read from standard input and kept as a keyed hash "
			   "only; or it is the one of an event.",
		.example = "glacisctl key revoke --ttl 7d --reason 'leaked' < key.txt",
		.options = {{"event", "ID", "the credential of this event's request"},
			    TTL,
			    REASON,
			    KEEP,
			    TRY},
		.run = run_revoke,
	},
	{
		.name = "key restore",
		.arguments = "",
		.min = 0,
		.max = 1,
		.summary = "End a revocation",
		.details = "The credential is read from standard input.",
		.example = "glacisctl key restore < key.txt",
		.options = {{"event", "ID", "the credential of this event's request"}},
		.run = run_restore,
	},
	{
		.name = "principal block",
		.arguments = "HASH",
		.min = 1,
		.max = 1,
		.summary = "Refuse requests of a principal, by the hash that events show",
		.example = "glacisctl principal block 1f0c9a2b3c4d5e6f --ttl 1h",
		.options = {TTL, REASON, KEEP, TRY},
		.run = run_principal_block,
	},
	{
		.name = "principal unblock",
		.arguments = "HASH",
		.min = 1,
		.max = 1,
		.summary = "Let a principal's requests pass again",
		.example = "glacisctl principal unblock 1f0c9a2b3c4d5e6f",
		.run = run_principal_unblock,
	},
	{
		.name = "ja4 block",
		.arguments = "JA4",
		.min = 1,
		.max = 1,
		.summary = "Refuse TLS clients with a fingerprint",
		.example = "glacisctl ja4 block t13d1516h2_8daaf6152771_b186095e22b6 --ttl 1h",
		.options = {TTL, REASON, KEEP, TRY},
		.run = run_ja4_block,
	},
	{
		.name = "ja4 unblock",
		.arguments = "JA4",
		.min = 1,
		.max = 1,
		.summary = "Let TLS clients with a fingerprint in again",
		.example = "glacisctl ja4 unblock t13d1516h2_8daaf6152771_b186095e22b6",
		.run = run_ja4_unblock,
	},
	{
		.name = "service lockdown",
		.arguments = "SERVICE",
		.min = 1,
		.max = 1,
		.summary = "Let only given networks reach a service for a while",
		.details =
			"The host itself always passes. Whoever must not be locked out (gateways, "
			"resolvers, trusted proxies, your own session) has to be among them.",
		.example = "glacisctl service lockdown shop --allow 10.0.0.0/8 --ttl 1h",
		.options = {{"allow", "CIDR", "a network that passes; several times"},
			    TTL,
			    REASON,
			    {"force", NULL, "also if somebody protected is locked out"},
			    KEEP,
			    TRY},
		.run = run_lockdown,
	},
	{
		.name = "service unlock",
		.arguments = "SERVICE",
		.min = 1,
		.max = 1,
		.summary = "End a lockdown",
		.example = "glacisctl service unlock shop",
		.run = run_unlock,
	},
	{
		.name = "kill",
		.arguments = "WORKLOAD",
		.min = 1,
		.max = 1,
		.summary = "Close the way out of a cgroup or an executable for a while",
		.details = "WORKLOAD is cgroup:/PATH (with all below it) or the path of an "
			   "executable. Open connections are ended, new ones refused.",
		.example = "glacisctl kill cgroup:/system.slice/agent.service --ttl 1h",
		.options = {TTL,
			    REASON,
			    {"force", NULL, "also one by which the host is reached, or yours"},
			    TRY},
		.run = run_kill,
	},
	{
		.name = "unkill",
		.arguments = "WORKLOAD",
		.min = 1,
		.max = 1,
		.summary = "Open the way out of a workload again",
		.example = "glacisctl unkill cgroup:/system.slice/agent.service",
		.run = run_unkill,
	},
	{
		.name = "grant",
		.arguments = "",
		.summary =
			"Free a source or a principal of limits, or a source of bans, for a while",
		.details = "Never of a suspension, a lockdown or a revocation.",
		.example = "glacisctl grant --source 192.0.2.7 --class auth --ttl 1h",
		.options = {{"source", "ADDRESS", "an address (IPv6: its /64)"},
			    {"principal", "HASH", "or a principal, by the hash that events show"},
			    {"class", "NAME", "of this class only; otherwise of all"},
			    {"bans", NULL, "of bans instead of limits"},
			    TTL,
			    REASON,
			    TRY},
		.run = run_grant,
	},
	{
		.name = "ungrant",
		.arguments = "",
		.summary = "End a grant of limits (of bans: unallow)",
		.example = "glacisctl ungrant --source 192.0.2.7 --class auth",
		.options = {{"source", "ADDRESS", "whose"},
			    {"principal", "HASH", "or this one's"},
			    {"class", "NAME", "the class it is for"}},
		.run = run_ungrant,
	},
	{.name = NULL},
};
