/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

static void limited(struct transaction *tx, struct detect_policy *policy)
{
	(void)tx;
	policy->limited = true;
}

static const struct detect_case cases_ratelimit[] = {
	{"not limited", GET, "HTTP/1.1 200 OK\n\n", ""},
	{"limited, told", GET, "HTTP/1.1 200 OK\nRateLimit: \"auth\";r=3;t=60\n\n", "",
	 .change = limited},
	{"limited, told the old way", GET, "HTTP/1.1 200 OK\nX-RateLimit-Remaining: 3\n\n", "",
	 .change = limited},
	{"limited, not told", GET, "HTTP/1.1 200 OK\n\n", "API-07 ratelimit-missing info",
	 .change = limited},
	{"limited, broken", GET, "HTTP/1.1 502 X\n\n", "", .change = limited},
	{"limited, fields lost", GET, "HTTP/1.1 200 OK\n\n", "", TX_GAP, limited},
	{"429 with its time", GET, "HTTP/1.1 429 X\nRetry-After: 3\n\n", ""},
	{"429 without", GET, "HTTP/1.1 429 X\n\n", "STC-01 no-retry-after low"},
	{"429 of the agent", GET, "HTTP/1.1 429 X\n\n", "", TX_AGENT, limited},
	{"the last one", GET, "HTTP/1.1 200 OK\nX-RateLimit-Remaining: 0\n\n", ""},
	{"no limit, said so", GET, "HTTP/1.1 200 OK\nX-RateLimit-Remaining: -1\n\n", ""},
	{"over the limit and answered", GET, "HTTP/1.1 200 OK\nRateLimit-Remaining: -7\n\n",
	 "REV-15 limit-not-applied medium"},
	{"over the limit and refused", GET,
	 "HTTP/1.1 429 X\nRateLimit-Remaining: -7\nRetry-After: 1\n\n", ""},
	{"limited, broken inside", GET, "HTTP/1.1 500 X\n\n", "", .change = limited},
	{"limited, not changed", GET, "HTTP/1.1 304 X\n\n", "", .change = limited},
	{"limited, refused", GET, "HTTP/1.1 499 X\n\n", "API-07 ratelimit-missing info",
	 .change = limited},
};
