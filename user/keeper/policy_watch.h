/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * policy_watch.h - a policy in a folder that Kubernetes mounts: a ConfigMap's files are links
 * through
 * "..data", which the kubelet replaces at once (rename(2)). Each replacement is followed as SIGHUP
 * is. Folders of people have no "..data" and are not watched: an editor's half-written file is
 * nobody's wish.
 */
#pragma once

struct keeper;
struct policy_watch;

/* *ret_watch NULL: there is nothing to watch. */
int policy_watch_new(struct keeper *keeper, struct policy_watch **ret_watch);
void policy_watch_free(struct policy_watch *watch); /* NULL-safe */
