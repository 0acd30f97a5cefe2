/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/base/log.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static enum log_format log_format_now = LOG_FORMAT_TEXT;
static enum log_level log_level_now = LOG_LEVEL_INFO;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_setup(enum log_format format, enum log_level level)
{
	log_format_now = format;
	log_level_now = level;
}

static void write_json(enum log_level level, const char *message)
{
	struct timespec now;
	struct tm tm;
	char stamp[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	fprintf(stderr, "{\"timestamp\":\"%s.%03ldZ\",\"level\":\"%s\",\"message\":\"", stamp,
		now.tv_nsec / 1000000, level_names[level]);
	for (const char *c = message; *c; c++) {
		if (*c == '"' || *c == '\\')
			fprintf(stderr, "\\%c", *c);
		else if ((unsigned char)*c < 0x20)
			fprintf(stderr, "\\u%04x", (unsigned char)*c);
		else
			fputc(*c, stderr);
	}
	fputs("\"}\n", stderr);
}

void log_writev(enum log_level level, const char *fmt, va_list ap)
{
	char message[2048];

	if (level > log_level_now)
		return;
	vsnprintf(message, sizeof(message), fmt, ap);
	if (log_format_now == LOG_FORMAT_JSON)
		write_json(level, message);
	else
		fprintf(stderr, "glacis: %s%s%s\n",
			level == LOG_LEVEL_INFO ? "" : level_names[level],
			level == LOG_LEVEL_INFO ? "" : ": ", message);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_writev(level, fmt, ap);
	va_end(ap);
}

int log_err(int r, const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	log_write(LOG_LEVEL_ERROR, "%s: %s", message, strerror(-r));
	return r;
}
