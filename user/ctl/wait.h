/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait.h - waiting for the agent by the event that ends the wait: its socket's name appearing or
 * going (inotify), not by asking blindly.
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "user/ctl/ctl.h"

/* GET /v1/status; with `seconds` not before the agent is ready or the time is over (then what
 * status there is, or the error of not reaching it). Errors are printed. */
int wait_ready(const struct ctl *ctl, uint32_t seconds, json_t **ret_status);

/* 0 when nobody listens on the socket any more, -ETIMEDOUT. */
int wait_gone(const struct ctl *ctl, uint32_t seconds);
