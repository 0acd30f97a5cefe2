/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * privileges.h - what of root the keeper keeps after start.
 */
#pragma once

/*
 * No core dump, no ptrace and no reading of this process's memory by others of its user: keys and
 * credentials pass through it. Both walls: a core_pattern that is a pipe does not ask RLIMIT_CORE.
 * Call first of all; it lasts until the next exec, so each child does it for itself (sandbox.c).
 * Who has CAP_SYS_PTRACE reads it all the same.
 */
int privileges_hide(void);

/*
 * Drops every capability that running needs not, from the bounding set too; no new privileges by
 * exec. Call after everything that needs more. Nothing happens without root.
 */
int privileges_drop(void);
