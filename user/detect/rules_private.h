/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_private.h - between rules.c and rules_read.c. */
#pragma once

#include "user/detect/rules.h"

/* Adds the rules of a document to what is there; -EINVAL with its errors in `problems`, and then
 * some of them may have been added. */
int rules_read_into(struct rules *rules, const char *text, size_t size, struct problems *problems);

void rule_clear(struct rule *rule);
void rule_words_clear(struct rule_words *words);
