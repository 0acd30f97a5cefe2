/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * options.h - what glacisd was started with: flags, and the configuration file with the same names
 * (config.c). Flags win.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/base/log.h"

#define OPTIONS_DEVICES_MAX 64
#define OPTIONS_MODE_POLICY GL_MODE_MAX /* neither flag nor file says: as before, or the policy */

struct options {
	char *config;
	char *policy; /* NULL: the one applied last, else /etc/glacis/policy.yaml */
	char *state_dir, *run_dir, *pin_dir;
	char *devices[OPTIONS_DEVICES_MAX];
	size_t n_devices;
	uint32_t window_lines; /* 0 = default */
	char *access_log; /* NULL: <state-dir>/access.jsonl; "none" */
	uint64_t access_log_bytes; /* 0 = default */
	char *attestations; /* file; NULL: none */
	uint32_t keep_days; /* findings and alerts in the store; 0 = default */
	uint64_t keep_bytes; /* of the store; 0 = default */
	int inspectors; /* processes; -1 = one per CPU */
	unsigned mode; /* enum gl_mode, or OPTIONS_MODE_POLICY */
	bool all_netns;
	bool foreground;
	bool detach;
	enum log_format log_format;
	json_t *exports; /* section of the configuration file (exports_config.h); NULL: none */
	/* which of them the command line set, so that the file does not */
	unsigned set_by_flag;
};

/* Every setting that flag and file share, in one table. */
enum setting {
	SETTING_POLICY,
	SETTING_MODE,
	SETTING_DEVICE,
	SETTING_NETNS,
	SETTING_STATE_DIR,
	SETTING_RUN_DIR,
	SETTING_PIN_DIR,
	SETTING_LOG_FORMAT,
	SETTING_WINDOW_LINES,
	SETTING_ACCESS_LOG,
	SETTING_ACCESS_LOG_SIZE,
	SETTING_INSPECTORS,
	SETTING_ATTESTATIONS,
	SETTING_KEEP_DAYS,
	SETTING_KEEP_SIZE,
	SETTINGS
};
const char *setting_name(enum setting setting); /* "state-dir" */
int setting_find(const char *name); /* -ENOENT */

/*
 * Sets one from text. -EINVAL with what is allowed in *ret_hint (static); -ENOSPC: too many
 * devices; -ENOMEM. SETTING_DEVICE adds.
 */
int options_set(struct options *options, enum setting setting, const char *value,
		const char **ret_hint);

enum options_action { OPTIONS_RUN, OPTIONS_EXIT };

/*
 * Reads argv and the file it names. OPTIONS_EXIT with the status in *ret_status: --help, --version,
 * or an error, which has been printed.
 */
enum options_action options_parse(int argc, char **argv, struct options *options, int *ret_status);
void options_clear(struct options *options);

/*
 * config.c: the YAML file; scalars, and a list for `device`. Every problem is printed with
 * file:line:column; -EINVAL if there was one.
 */
int config_read(const char *path, struct options *options);
