/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * names.h - the texts of the enums of abi.h, from the same X-macros: no table to fall behind.
 */
#pragma once

#include "include/glacis/abi.h"

/* Never NULL: a number no enum has is "unknown". */
const char *name_verdict(unsigned verdict);
const char *name_reason(unsigned reason);
const char *name_delivery(unsigned delivery);
const char *name_door(unsigned door);
const char *name_outcome(unsigned outcome);
const char *name_mode(unsigned mode);
const char *name_counter(unsigned counter);
const char *name_how(unsigned how);

/* The number of a text; -ENOENT. */
int name_find_verdict(const char *text);
int name_find_reason(const char *text);
int name_find_mode(const char *text);
