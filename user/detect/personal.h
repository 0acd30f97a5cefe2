/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * personal.h - what one pass over the bytes finds, 64 at a time (blocks.h): personal data that no
 * literal announces (mail addresses, cards, IBANs, US social security numbers, IP addresses), and
 * long words, which is what tokens are. Called by text.c.
 */
#pragma once

#include "user/base/masked.h"
#include "user/detect/rules.h"

#define PERSONAL_WORD PATTERN_WORD

/* A value that keeps its checksum and ranges. `forms` (bits 1 << enum rule_form) may be cleared in
 * the callback, which is how a caller says that it has had enough of one. */
struct personal {
	unsigned forms;
	void (*found)(struct personal *personal, enum rule_form form, size_t begin, size_t end);
	/* A word ([A-Za-z0-9_]) of PERSONAL_WORD bytes or more begins there; NULL: not asked for.
	 */
	void (*word)(struct personal *personal, size_t begin);
	void *userdata;
};

void personal_scan(struct personal *personal, struct raw bytes);
