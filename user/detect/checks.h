/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checks.h - what a value must keep beside its form: checksums, ranges, chance. Pure functions over
 * bytes; called by text.c and personal.c.
 */
#pragma once

#include <stdbool.h>

#include "user/base/masked.h"
#include "user/detect/rules.h"

/* Shannon, bits per character; 0 for nothing. */
double check_entropy(struct raw value);

/* Does the value pass? *ret_detail: the cost of a bcrypt hash, else 0. */
bool check_value(enum rule_check check, struct raw value, unsigned *ret_detail);

/* Digits with blanks or hyphens between: Luhn's sum, an issuer's range, and its length. */
bool check_card(struct raw value);
/* Country, length of that country, ISO 7064 mod 97; blanks between groups are allowed. */
bool check_iban(struct raw value);
/* Area, group and serial that the SSA gives. */
bool check_ssn(struct raw value);
/* What people write when they mean no value: "xxxxxxxx", "${PASSWORD}", "<your-key>", "********".
 */
bool check_made_up(struct raw value);
