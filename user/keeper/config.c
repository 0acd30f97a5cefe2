/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.c - the configuration file of glacisd: the flags' names, as a YAML map, and
 * `exports` (exports_config.h). Read at start, `exports` on SIGHUP too; the policy is another file.
 * Called by options.c.
 */
#include "user/keeper/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/keeper/exports_config.h"
#include "user/policy/document.h"

#define CONFIG_MAX (64 << 10)

static void take_value(struct options *options, enum setting setting, const struct node *node,
		       struct problems *problems)
{
	const char *name = setting_name(setting), *hint = NULL;

	if (node->kind != NODE_SCALAR || node->type == SCALAR_NULL) {
		problems_add(problems, PROBLEM_ERROR, node->pos.line, node->pos.column, name,
			     setting == SETTING_DEVICE ? "a name, or a list of names" : NULL,
			     "%s needs a value", name);
		return;
	}
	if (options_set(options, setting, node->text, &hint) < 0)
		problems_add(problems, PROBLEM_ERROR, node->pos.line, node->pos.column, name, hint,
			     "'%s' is not a value of %s", node->text, name);
}

static void take_member(struct options *options, const struct node *node, struct problems *problems)
{
	int setting = setting_find(node->key->text);

	if (strcmp(node->key->text, "exports") == 0) {
		(void)exports_config_read(node, problems, &options->exports);
		return;
	}
	if (setting < 0) {
		problems_add(problems, PROBLEM_ERROR, node->key->pos.line, node->key->pos.column,
			     "", "the names are those of the flags, see glacisd --help",
			     "unknown key '%s'", node->key->text);
		return;
	}
	if (options->set_by_flag & (1u << setting))
		return;
	if (setting == SETTING_DEVICE && node->kind == NODE_LIST) {
		for (const struct node *item = node->first; item; item = item->next)
			take_value(options, SETTING_DEVICE, item, problems);
		return;
	}
	take_value(options, (enum setting)setting, node, problems);
}

/* A file of comments, as packages ship it: every default. */
static bool says_nothing(const char *text)
{
	while (*text) {
		text += strspn(text, " \t\r\n");
		if (*text && *text != '#')
			return false;
		text += strcspn(text, "\n");
	}
	return true;
}

static int parse(const char *path, const char *text, size_t size, struct options *options,
		 struct problems *problems)
{
	_cleanup_(document_freep) struct document *document = NULL;
	int r = document_parse(text, size, problems, &document);
	const struct node *root;

	if (r < 0)
		return r;
	root = document_root(document);
	if (root->kind != NODE_MAP) {
		problems_add(problems, PROBLEM_ERROR, root->pos.line, root->pos.column, "",
			     "policy: /etc/glacis/policy.yaml", "%s is not a map of settings",
			     path);
		return -EINVAL;
	}
	for (const struct node *node = root->first; node; node = node->next)
		take_member(options, node, problems);
	return 0;
}

int config_read(const char *path, struct options *options)
{
	_cleanup_free_ char *text = NULL;
	struct problems problems;
	size_t size;
	int r;

	r = file_read(path, CONFIG_MAX, &text, &size);
	if (r < 0)
		return log_err(r, "configuration %s", path);
	if (says_nothing(text))
		return 0;
	r = problems_init(&problems, path);
	if (r < 0)
		return log_err(r, "configuration %s", path);
	r = parse(path, text, size, options, &problems);
	problems_print(&problems, stderr);
	if (r == 0 && problems.errors)
		r = -EINVAL;
	problems_clear(&problems);
	return r;
}
