/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.h - tells the service manager, if there is one, how far we are (sd_notify(3), written out:
 * one datagram to $NOTIFY_SOCKET).
 */
#pragma once

#include <stdint.h>

/* "READY=1\nSTATUS=…". Nothing without $NOTIFY_SOCKET; an unreachable manager is ignored. */
__attribute__((format(printf, 1, 2))) void notify_manager(const char *fmt, ...);

/* Milliseconds between WATCHDOG=1 messages the manager wants (half its limit); 0 = none. */
uint64_t notify_watchdog_ms(void);
