/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * personal.h - personal data that no literal announces: mail addresses, cards, IBANs, US social
 * security numbers, IPv4 addresses. One pass over the bytes, 64 at a time: '@', four digits in a
 * row and digits with dots are looked at, nothing else is. Called by text.c.
 */
#pragma once

#include "user/base/masked.h"
#include "user/detect/rules.h"

/* A value that keeps its checksum and ranges. `forms` (bits 1 << enum rule_form) may be cleared in
 * the callback, which is how a caller says that it has had enough of one. */
struct personal {
	unsigned forms;
	void (*found)(struct personal *personal, enum rule_form form, size_t begin, size_t end);
	void *userdata;
};

void personal_scan(struct personal *personal, struct raw bytes);
