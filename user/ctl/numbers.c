/* SPDX-License-Identifier: GPL-2.0-or-later */
/* numbers.c - see numbers.h. */
#include "user/ctl/numbers.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

int numbers_option(const struct ctl *ctl, const char *name, unsigned min, unsigned max,
		   unsigned *number)
{
	const char *text = ctl_option(ctl, name);
	unsigned long value;
	char *end;

	if (!text)
		return -1;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno || value < min || value > max)
		return ctl_usage(ctl, "--%s %s: a number from %u to %u", name, text, min, max);
	*number = (unsigned)value;
	return -1;
}
