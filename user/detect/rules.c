/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules.c - the list of rules and its files; what is in a file is rules_read.c's. */
#include "user/detect/rules.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/base/name_table.h"
#include "user/detect/rules_private.h"
#include "user/policy/model.h"

#define RULE_ENUM_TEXT(name, text) text,
static const char *const family_names[] = {RULE_FAMILY_LIST(RULE_ENUM_TEXT)};

const char *rule_family_name(enum rule_family family)
{
	return NAME_OF(family_names, family);
}

int rule_family_find(const char *name)
{
	return NAME_FIND(family_names, name);
}

void rule_words_clear(struct rule_words *words)
{
	for (size_t i = 0; i < words->n; i++)
		free(words->items[i]);
	free(words->items);
	*words = (struct rule_words){0};
}

void rule_clear(struct rule *rule)
{
	for (size_t i = 0; i < rule->n_patterns; i++)
		free(rule->pattern_texts[i]);
	free(rule->pattern_texts);
	free(rule->patterns);
	free(rule->source);
	rule_words_clear(&rule->near);
	rule_words_clear(&rule->keywords);
	rule_words_clear(&rule->allow);
	rule_words_clear(&rule->allow_whole);
	*rule = (struct rule){0};
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->n; i++)
		rule_clear(&rules->items[i]);
	free(rules->items);
	rule_words_clear(&rules->allow);
	rule_words_clear(&rules->allow_whole);
	free(rules);
}

const struct rule *rules_find(const struct rules *rules, const char *id)
{
	for (size_t i = 0; i < rules->n; i++)
		if (strcmp(rules->items[i].id, id) == 0)
			return &rules->items[i];
	return NULL;
}

int rules_read(const char *text, size_t size, struct problems *problems, struct rules **ret_rules)
{
	_cleanup_(rules_freep) struct rules *rules = calloc(1, sizeof(*rules));
	int r = rules ? rules_read_into(rules, text, size, problems) : -ENOMEM;

	if (r == 0)
		*ret_rules = TAKE_PTR(rules);
	return r;
}

static int load_file(struct rules *rules, const char *path, rules_problems_fn fn, void *userdata)
{
	_cleanup_(problems_clear) struct problems problems = {0};
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	int r = problems_init(&problems, path);

	if (r == 0)
		r = file_read(path, POLICY_SOURCE_MAX, &text, &size);
	if (r == 0)
		r = rules_read_into(rules, text, size, &problems);
	problems_sort(&problems);
	if (fn)
		fn(&problems, userdata);
	return r;
}

static int is_rules_file(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 5 && entry->d_name[0] != '.' && strcmp(entry->d_name + n - 5, ".yaml") == 0;
}

static int load_folder(struct rules *rules, const char *path, rules_problems_fn fn, void *userdata)
{
	struct dirent **entries = NULL;
	char file[PATH_MAX];
	int n = scandir(path, &entries, is_rules_file, alphasort), r = 0, first = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
		/* an error in one file does not hide those of the next */
		r = load_file(rules, file, fn, userdata);
		first = first ? first : r;
		free(entries[i]);
	}
	free(entries);
	return n == 0 ? -ENOENT : first;
}

int rules_load(const char *path, rules_problems_fn fn, void *userdata, struct rules **ret_rules)
{
	_cleanup_(rules_freep) struct rules *rules = calloc(1, sizeof(*rules));
	struct stat st;
	int r;

	if (!rules)
		return -ENOMEM;
	if (stat(path, &st) < 0)
		return -errno;
	r = S_ISDIR(st.st_mode) ? load_folder(rules, path, fn, userdata)
				: load_file(rules, path, fn, userdata);
	if (r == 0)
		*ret_rules = TAKE_PTR(rules);
	return r;
}

const char *rules_default_path(char *buffer, size_t size)
{
	char self[PATH_MAX];
	ssize_t n;

	if (access(RULES_DEFAULT_PATH, R_OK) == 0)
		return RULES_DEFAULT_PATH;
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	/* build/glacisctl, build/unit/test_x */
	for (unsigned up = 0; n > 0 && up < 3; up++) {
		while (n > 0 && self[n - 1] != '/')
			n--;
		n -= n > 0;
		snprintf(buffer, size, "%.*s/deploy/rules", (int)n, self);
		if (access(buffer, R_OK) == 0)
			return buffer;
	}
	return NULL;
}
