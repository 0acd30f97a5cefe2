/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/names.h"
#include "user/base/version.h"

#define EXIT_USAGE       2
#define WINDOW_LINES_MIN (4 * GL_WINDOW_SHARED)
#define WINDOW_LINES_MAX (1u << 22)

static const char *const setting_names[SETTINGS] = {
	[SETTING_POLICY] = "policy",
	[SETTING_MODE] = "mode",
	[SETTING_DEVICE] = "device",
	[SETTING_NETNS] = "netns",
	[SETTING_STATE_DIR] = "state-dir",
	[SETTING_RUN_DIR] = "run-dir",
	[SETTING_PIN_DIR] = "pin-dir",
	[SETTING_LOG_FORMAT] = "log-format",
	[SETTING_WINDOW_LINES] = "window-lines",
	[SETTING_ACCESS_LOG] = "access-log",
	[SETTING_ACCESS_LOG_SIZE] = "access-log-size",
	[SETTING_INSPECTORS] = "inspectors",
	[SETTING_ATTESTATIONS] = "attestations",
	[SETTING_KEEP_DAYS] = "keep-days",
	[SETTING_KEEP_SIZE] = "keep-size",
};

static const char help[] =
	"Usage: glacisd [options]\n"
	"Guards the HTTP APIs of this host from the kernel, by policy.\n"
	"\n"
	"  --config FILE             read the options below from a YAML file; flags win\n"
	"  --policy FILE             the policy (default: the one applied last,\n"
	"                            else /etc/glacis/policy.yaml)\n"
	"  --mode monitor|enforce    monitor changes nothing and says what enforce would do;\n"
	"                            enforce also where the policy says monitor for the host\n"
	"                            (default: as the policy says)\n"
	"  --device NAME[:xdp]       attach here only; may be repeated (default: every device\n"
	"                            of this network namespace, loopback included)\n"
	"  --netns self|all          all: also where processes on this host listen on a port of\n"
	"                            the policy (default: self)\n"
	"  --state-dir DIR           decisions, keys, audit log (default: /var/lib/glacis)\n"
	"  --run-dir DIR             the control socket (default: /run/glacis)\n"
	"  --pin-dir DIR             what enforcement lives in (default: /sys/fs/bpf/glacis)\n"
	"  --log-format text|json    of the messages on stderr (default: text)\n"
	"  --window-lines N          lines of the window table, a power of two, 64 bytes each\n"
	"                            (default: 131072)\n"
	"  --access-log FILE|none    one line of JSON per request seen\n"
	"                            (default: access.jsonl in the state directory)\n"
	"  --access-log-size MIB     rotate it beyond this size, keep four (default: 64)\n"
	"  --inspectors N            processes that read content, 0..16 (default: one per CPU;\n"
	"                            0: nothing is looked into)\n"
	"  --attestations FILE       what people signed for: controls, owners, evidence, expiry\n"
	"  --keep-days N             findings and alerts are stored for N days (default: 90)\n"
	"  --keep-size MIB           and the oldest go where the store uses more (default: 1024)\n"
	"  --foreground              for people: print verdicts; Ctrl-C detaches everything\n"
	"  --detach                  remove what a dead agent left in the kernel, and exit\n"
	"  --help, --version\n"
	"\n"
	"SIGTERM ends the agent and leaves enforcement in place; the next start adopts it.\n"
	"SIGHUP reads policy, attestations and the configuration's exports again, and opens logs "
	"anew.\n"
	"\n"
	"Exit status: 0 ended as asked, 1 failed while running, 2 did not start: nothing changed.\n"
	"\n"
	"Example:\n"
	"  glacisd --policy deploy/policies/baseline.yaml --mode monitor --foreground\n";

const char *setting_name(enum setting setting)
{
	return setting_names[setting];
}

int setting_find(const char *name)
{
	for (int i = 0; i < SETTINGS; i++)
		if (strcmp(setting_names[i], name) == 0)
			return i;
	return -ENOENT;
}

static int set_string(char **field, const char *value, const char **ret_hint)
{
	char *copy;

	if (!*value) {
		*ret_hint = "a path";
		return -EINVAL;
	}
	copy = strdup(value);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

static int set_choice(const char *value, const char *first, const char *second,
		      const char **ret_hint)
{
	if (strcmp(value, first) == 0)
		return 0;
	if (strcmp(value, second) == 0)
		return 1;
	*ret_hint = strcmp(first, "self") == 0   ? "self or all"
		    : strcmp(first, "text") == 0 ? "text or json"
						 : "monitor or enforce";
	return -EINVAL;
}

static int set_device(struct options *options, const char *value, const char **ret_hint)
{
	int r;

	if (options->n_devices == OPTIONS_DEVICES_MAX) {
		*ret_hint = "at most 64 devices";
		return -ENOSPC;
	}
	r = set_string(&options->devices[options->n_devices], value, ret_hint);
	*ret_hint = "a device, or device:xdp";
	if (r == 0)
		options->n_devices++;
	return r;
}

static int set_window_lines(struct options *options, const char *value, const char **ret_hint)
{
	unsigned long lines;
	char *end;

	*ret_hint = "a power of two, 4096..4194304";
	errno = 0;
	lines = strtoul(value, &end, 10);
	if (errno || end == value || *end || lines < WINDOW_LINES_MIN || lines > WINDOW_LINES_MAX ||
	    (lines & (lines - 1)))
		return -EINVAL;
	options->window_lines = (uint32_t)lines;
	return 0;
}

static int set_number(const char *value, unsigned long max, unsigned long *ret_number)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno || end == value || *end || number < 1 || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

static int set_keep(struct options *options, enum setting setting, const char *value,
		    const char **ret_hint)
{
	unsigned long number;
	bool days = setting == SETTING_KEEP_DAYS;

	*ret_hint = days ? "days, 1..3650" : "mebibytes, 1..65536";
	if (set_number(value, days ? 3650 : 65536, &number) < 0)
		return -EINVAL;
	if (days)
		options->keep_days = (uint32_t)number;
	else
		options->keep_bytes = (uint64_t)number << 20;
	return 0;
}

static int set_access_log_size(struct options *options, const char *value, const char **ret_hint)
{
	unsigned long mib;
	char *end;

	*ret_hint = "mebibytes, 1..65536";
	errno = 0;
	mib = strtoul(value, &end, 10);
	if (errno || end == value || *end || mib < 1 || mib > 65536)
		return -EINVAL;
	options->access_log_bytes = (uint64_t)mib << 20;
	return 0;
}

static int set_inspectors(struct options *options, const char *value, const char **ret_hint)
{
	unsigned long n;
	char *end;

	*ret_hint = "processes, 0..16";
	errno = 0;
	n = strtoul(value, &end, 10);
	if (errno || end == value || *end || n > GL_INSPECTORS_MAX)
		return -EINVAL;
	options->inspectors = (int)n;
	return 0;
}

int options_set(struct options *options, enum setting setting, const char *value,
		const char **ret_hint)
{
	int r;

	switch (setting) {
	case SETTING_POLICY:
		return set_string(&options->policy, value, ret_hint);
	case SETTING_STATE_DIR:
		return set_string(&options->state_dir, value, ret_hint);
	case SETTING_RUN_DIR:
		return set_string(&options->run_dir, value, ret_hint);
	case SETTING_PIN_DIR:
		return set_string(&options->pin_dir, value, ret_hint);
	case SETTING_DEVICE:
		return set_device(options, value, ret_hint);
	case SETTING_WINDOW_LINES:
		return set_window_lines(options, value, ret_hint);
	case SETTING_ACCESS_LOG:
		return set_string(&options->access_log, value, ret_hint);
	case SETTING_ACCESS_LOG_SIZE:
		return set_access_log_size(options, value, ret_hint);
	case SETTING_ATTESTATIONS:
		return set_string(&options->attestations, value, ret_hint);
	case SETTING_INSPECTORS:
		return set_inspectors(options, value, ret_hint);
	case SETTING_KEEP_DAYS:
	case SETTING_KEEP_SIZE:
		return set_keep(options, setting, value, ret_hint);
	case SETTING_MODE:
		r = set_choice(value, "monitor", "enforce", ret_hint);
		if (r >= 0)
			options->mode = r ? GL_MODE_ENFORCE : GL_MODE_MONITOR;
		break;
	case SETTING_NETNS:
		r = set_choice(value, "self", "all", ret_hint);
		if (r >= 0)
			options->all_netns = r;
		break;
	case SETTING_LOG_FORMAT:
		r = set_choice(value, "text", "json", ret_hint);
		if (r >= 0)
			options->log_format = r ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
		break;
	default:
		return -EINVAL;
	}
	return r < 0 ? r : 0;
}

void options_clear(struct options *options)
{
	free(options->config);
	free(options->policy);
	free(options->state_dir);
	free(options->run_dir);
	free(options->pin_dir);
	free(options->access_log);
	free(options->attestations);
	json_decref(options->exports);
	for (size_t i = 0; i < options->n_devices; i++)
		free(options->devices[i]);
	memset(options, 0, sizeof(*options));
}

static int fill_defaults(struct options *options)
{
	static const struct {
		size_t offset;
		const char *value;
	} defaults[] = {
		{offsetof(struct options, state_dir), "/var/lib/glacis"},
		{offsetof(struct options, run_dir), "/run/glacis"},
		{offsetof(struct options, pin_dir), "/sys/fs/bpf/glacis"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
		char **field = (char **)((char *)options + defaults[i].offset);

		if (!*field && !(*field = strdup(defaults[i].value)))
			return -ENOMEM;
	}
	return 0;
}

static int usage_error(const char *what, const char *value, const char *hint)
{
	fprintf(stderr, "glacisd: %s%s%s%s%s\nTry 'glacisd --help'.\n", what, value ? " '" : "",
		value ? value : "", value ? "'" : "", "");
	if (hint)
		fprintf(stderr, "    expected %s\n", hint);
	return EXIT_USAGE;
}

enum {
	OPT_CONFIG = SETTINGS,
	OPT_FOREGROUND,
	OPT_DETACH,
	OPT_HELP,
	OPT_VERSION,
};

static const struct option long_options[] = {
	{"policy", required_argument, NULL, SETTING_POLICY},
	{"mode", required_argument, NULL, SETTING_MODE},
	{"device", required_argument, NULL, SETTING_DEVICE},
	{"netns", required_argument, NULL, SETTING_NETNS},
	{"state-dir", required_argument, NULL, SETTING_STATE_DIR},
	{"run-dir", required_argument, NULL, SETTING_RUN_DIR},
	{"pin-dir", required_argument, NULL, SETTING_PIN_DIR},
	{"log-format", required_argument, NULL, SETTING_LOG_FORMAT},
	{"window-lines", required_argument, NULL, SETTING_WINDOW_LINES},
	{"access-log", required_argument, NULL, SETTING_ACCESS_LOG},
	{"access-log-size", required_argument, NULL, SETTING_ACCESS_LOG_SIZE},
	{"inspectors", required_argument, NULL, SETTING_INSPECTORS},
	{"attestations", required_argument, NULL, SETTING_ATTESTATIONS},
	{"keep-days", required_argument, NULL, SETTING_KEEP_DAYS},
	{"keep-size", required_argument, NULL, SETTING_KEEP_SIZE},
	{"config", required_argument, NULL, OPT_CONFIG},
	{"foreground", no_argument, NULL, OPT_FOREGROUND},
	{"detach", no_argument, NULL, OPT_DETACH},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{},
};

/* 0 to go on; otherwise the exit status + 1. */
static int take_flag(struct options *options, int option, const char *argument)
{
	const char *hint = NULL;
	char what[64];

	switch (option) {
	case OPT_CONFIG:
		return set_string(&options->config, argument, &hint) < 0
			       ? usage_error("--config: no file", NULL, hint) + 1
			       : 0;
	case OPT_FOREGROUND:
		options->foreground = true;
		return 0;
	case OPT_DETACH:
		options->detach = true;
		return 0;
	case OPT_HELP:
		fputs(help, stdout);
		return 1;
	case OPT_VERSION:
		printf("glacisd %s (ABI %d.%d)\n", glacis_version, GL_ABI_MAJOR, GL_ABI_MINOR);
		return 1;
	default:
		break;
	}
	if (option < 0 || option >= SETTINGS) {
		fputs("Try 'glacisd --help'.\n", stderr);
		return EXIT_USAGE + 1;
	}
	snprintf(what, sizeof(what), "--%s:", setting_name((enum setting)option));
	if (options_set(options, (enum setting)option, argument, &hint) < 0)
		return usage_error(what, argument, hint) + 1;
	options->set_by_flag |= 1u << option;
	return 0;
}

enum options_action options_parse(int argc, char **argv, struct options *options, int *ret_status)
{
	int option, status;

	memset(options, 0, sizeof(*options));
	options->mode = OPTIONS_MODE_POLICY;
	options->inspectors = -1;
	optind = 0; /* start anew: a test calls this more than once */
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		status = take_flag(options, option, optarg);
		if (status) {
			*ret_status = status - 1;
			return OPTIONS_EXIT;
		}
	}
	if (optind < argc) {
		*ret_status = usage_error("unexpected argument", argv[optind], NULL);
		return OPTIONS_EXIT;
	}
	if ((options->config && config_read(options->config, options) < 0) ||
	    fill_defaults(options) < 0) {
		*ret_status = EXIT_USAGE;
		return OPTIONS_EXIT;
	}
	return OPTIONS_RUN;
}
