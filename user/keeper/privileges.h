/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * privileges.h - what of root the keeper keeps after start.
 */
#pragma once

/*
 * Drops every capability that running needs not, from the bounding set too; no new privileges by
 * exec; no core dump, no ptrace by the same user (rings carry credentials on their way). Call after
 * everything that needs more. Nothing happens without root.
 */
int privileges_drop(void);
