/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * metrics.h - the agent in numbers, for GET /metrics and OTLP: {"startNs","timeNs","families":[
 * {"name","type","unit","help","samples":[{"labels":{...},"value"}]}]}.
 *
 * Labels are sets this program knows: kinds, verdicts, doors, tables, sinks (at most 8). Never an
 * address, a key, a path or anything a client sends.
 */
#pragma once

#include <jansson.h>

struct keeper;
json_t *metrics_json(struct keeper *keeper);
