/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exports_config.h - the section `exports` of glacisd's configuration file: which sinks there are,
 * and where the metrics are served. It becomes the JSON the courier is given
 * (user/courier/sinks.h), with every default filled in and every secret read from its file.
 */
#pragma once

#include <jansson.h>

#include "user/policy/document.h"

/*
 * All of it or nothing: -EINVAL with what is wrong in `problems`, each at its line and column.
 * *ret_config: {"sinks":[...], "listen":{"host","port"} or null}.
 */
int exports_config_read(const struct node *node, struct problems *problems, json_t **ret_config);

/* Only that section of a file, for a reload. A file without it: no sinks. -EINVAL after every
 * problem of the section was printed on stderr. */
int exports_config_read_file(const char *path, json_t **ret_config);
