/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - the agent's own log: one line per message on stderr, text or JSON. Not for verdicts
 * (those are events).
 *
 * No credential or personal value may be passed to it (architecture.md section 7).
 */
#pragma once

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* Sets the format and the highest level that is written. Defaults: text, info. */
void log_setup(enum log_format format, enum log_level level);

__attribute__((format(printf, 2, 3))) void log_write(enum log_level level, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void log_writev(enum log_level level, const char *fmt,
						      va_list ap);

/* Logs "<message>: <strerror(-r)>" and returns r, for the few functions that log what they return.
 */
__attribute__((format(printf, 2, 3))) int log_err(int r, const char *fmt, ...);

#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
