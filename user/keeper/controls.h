/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * controls.h - the standard's live state on this host: every row of the catalogue
 * (deploy/controls/controls.json, in the program), what was looked at for it, what violated it. A
 * row is never `pass` without something inspected behind it, and one nothing looks at says so.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

struct keeper;
struct controls;

/* -EBADMSG: the catalogue in the program is damaged. */
int controls_new(struct controls **ret_controls);
void controls_free(struct controls *controls); /* NULL-safe */
size_t controls_count(const struct controls *controls);

#define CONTROL_STATE_LIST(X)                                                                      \
	X(CONTROL_PASS, "pass")                                                                    \
	X(CONTROL_FAIL, "fail")                                                                    \
	X(CONTROL_NO_TRAFFIC, "no traffic yet")                                                    \
	X(CONTROL_NOT_INSPECTED, "not inspected")                                                  \
	X(CONTROL_NOT_ATTESTED, "not attested")                                                    \
	X(CONTROL_ATTESTED, "attested")                                                            \
	X(CONTROL_EXPIRED, "attestation expired")                                                  \
	X(CONTROL_NOT_BUILT, "not built")
#define CONTROL_STATE_VALUE(name, text) name,
enum control_state { CONTROL_STATE_LIST(CONTROL_STATE_VALUE) CONTROL_STATES };
const char *control_state_name(enum control_state state);

/*
 * Reads the attestation file (attest.h) anew: at start and on SIGHUP. A faulty one is told, with
 * each problem on stderr, and what was attested before goes on. path NULL: none.
 */
int controls_attest(struct controls *controls, struct keeper *keeper, const char *path);
/* Once a second: what expires is alerted, once an hour the trend moves on. */
void controls_tick(struct controls *controls, struct keeper *keeper);

/*
 * Every row as an array of objects, in the catalogue's order. service: NULL = all of the policy's.
 * NULL without memory.
 */
json_t *controls_json(struct controls *controls, const struct keeper *keeper, const char *service);
