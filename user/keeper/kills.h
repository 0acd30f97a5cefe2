/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kills.h - killed workloads: which cgroups and executables the list of subjects means now, and the
 * connections they had. A path is looked up again every second: a container that comes back under
 * the same path is killed still, and one that comes after a reboot as well.
 */
#pragma once

#include "user/keeper/keeper.h"

/*
 * "cgroup:/system.slice/x.service", "exe:/usr/bin/x", or a path: of a cgroup if it is below where
 * they are mounted, else of an executable. ret_text: "cgroup /x" or "exe /x". -EINVAL with `wrong`
 * (SUBJECT_MESSAGE); ret_text is set all the same when only nothing is there.
 */
int kills_parse(const char *workload, char *ret_text, size_t size, char *wrong);
/* False, with what it is in `wrong`: the root, the agent itself, the caller's own, sshd, init. */
bool kills_may(const char *text, pid_t caller, char *wrong);

/* Makes the kernel do what the list says; ends connections of what is new in it. 0, or -errno. */
int kills_follow(struct keeper *keeper);
/* Once a second: what came under a killed path meanwhile. */
void kills_tick(struct keeper *keeper);
uint64_t kills_hits(const struct keeper *keeper, const struct subject *subject);
