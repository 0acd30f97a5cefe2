/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * assigned.h - what is assigned to a name that a word was found in: where its value begins, as in
 * JSON (escaped too), YAML, shells, headers, source code, XML. Called by text.c for rules with
 * `near` words.
 */
#pragma once

#include <stdbool.h>

#include "user/base/masked.h"

/*
 * Behind the word: the rest of the name, quotes, an operator, a quote. 0: nothing is assigned, or
 * the name is of something about the value ("api_key_id", "phoneVerifiedAt").
 */
size_t assigned_value(struct raw bytes, size_t at);

/* `rest` is what a name goes on with behind the word: does it end with "_type", "Id", "-at" ...? */
bool assigned_is_about(struct raw rest);
