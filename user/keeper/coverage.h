/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * coverage.h - what the agent could see and what it could not: for each listener of a policy port
 * its TLS, the probes on it, what passed them; what was lost on the way, by kind. A listener nobody
 * sees into is a finding, never silence.
 */
#pragma once

#include <jansson.h>

struct keeper;

/* {"listeners": [...], "services": [...], "losses": {...}}; NULL without memory. */
json_t *coverage_json(struct keeper *keeper);

/* States a finding (REV-16, blind-listener) for each listener that is blind; once a minute. */
void coverage_tick(struct keeper *keeper);
