/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

#define ANOMALY(name)                                                                              \
	static void with_##name(struct transaction *tx, struct detect_policy *policy)              \
	{                                                                                          \
		(void)policy;                                                                      \
		tx->anomalies = ANOMALY_##name;                                                    \
	}
#define TAKEN(name, expected)                                                                      \
	{                                                                                          \
#name, GET, "HTTP/1.1 200 OK\n\n", expected, 0, with_##name                        \
	}
#define BAD_REQUEST(name, expected)                                                                \
	{                                                                                          \
#name ", refused", GET, "HTTP/1.1 400 X\n\n", expected, 0, with_##name             \
	}

ANOMALY(LENGTH_AND_CODING)
ANOMALY(TWO_LENGTHS)
ANOMALY(BAD_LENGTH)
ANOMALY(CODING_UNKNOWN)
ANOMALY(BAD_CHUNK)
ANOMALY(OBS_FOLD)
ANOMALY(BARE_CR)
ANOMALY(NUL)
ANOMALY(SPACE_BEFORE_COLON)
ANOMALY(TWO_HOSTS)
ANOMALY(NO_HOST)
ANOMALY(BAD_LINE)
ANOMALY(UNSOLICITED)
ANOMALY(EARLY)
ANOMALY(LINE_BREAK)
ANOMALY(H2_CODING)
ANOMALY(HOP_FIELD)
ANOMALY(PSEUDO)
ANOMALY(BAD_NAME)
ANOMALY(LENGTH_DIFFERS)

static void with_all(struct transaction *tx, struct detect_policy *policy)
{
	(void)policy;
	tx->anomalies = 0xfffff;
}

static const struct detect_case cases_smuggling[] = {
	{"none", GET, "HTTP/1.1 200 OK\n\n", ""},
	TAKEN(LENGTH_AND_CODING, "PRE-03 length-and-coding high"),
	TAKEN(TWO_LENGTHS, "PRE-03 two-lengths high"),
	TAKEN(BAD_LENGTH, "PRE-03 bad-length high"),
	TAKEN(CODING_UNKNOWN, "PRE-03 coding-unknown high"),
	TAKEN(BAD_CHUNK, "PRE-03 bad-chunk high"),
	TAKEN(OBS_FOLD, "PRE-03 folded-field low"),
	TAKEN(BARE_CR, "PRE-03 bare-cr medium"),
	TAKEN(NUL, "PRE-03 nul-in-head medium"),
	TAKEN(SPACE_BEFORE_COLON, "PRE-03 space-before-colon medium"),
	TAKEN(TWO_HOSTS, "PRE-03 two-hosts medium"),
	TAKEN(NO_HOST, "PRE-03 no-host low"),
	TAKEN(BAD_LINE, "PRE-03 bad-line low"),
	TAKEN(UNSOLICITED, "PRE-03 unsolicited-answer high"),
	TAKEN(EARLY, "PRE-03 bytes-after-end medium"),
	TAKEN(LINE_BREAK, "PRE-03 line-break-in-field high"),
	TAKEN(H2_CODING, "PRE-03 h2-transfer-encoding high"),
	TAKEN(HOP_FIELD, "PRE-03 h2-connection-field medium"),
	TAKEN(PSEUDO, "PRE-03 h2-pseudo-fields high"),
	TAKEN(BAD_NAME, "PRE-03 h2-field-name medium"),
	TAKEN(LENGTH_DIFFERS, "PRE-03 h2-length-differs high"),
	BAD_REQUEST(LENGTH_AND_CODING, "PRE-03 length-and-coding low"),
	BAD_REQUEST(SPACE_BEFORE_COLON, "PRE-03 space-before-colon info"),
	BAD_REQUEST(NO_HOST, "PRE-03 no-host info"),
	BAD_REQUEST(UNSOLICITED, ""),
	{"a timeout that was sent to nobody", "", "HTTP/1.1 408 X\n\n", "", 0, with_UNSOLICITED},
	{"every bit has its row", GET, "HTTP/1.1 500 X\n\n",
	 "PRE-03 length-and-coding low; PRE-03 two-lengths low; PRE-03 bad-length low; "
	 "PRE-03 coding-unknown low; PRE-03 bad-chunk low; PRE-03 space-before-colon info; "
	 "PRE-03 two-hosts info; PRE-03 nul-in-head info; PRE-03 bare-cr info; "
	 "PRE-03 folded-field info; PRE-03 bad-line info; PRE-03 no-host info; "
	 "PRE-03 line-break-in-field low; PRE-03 h2-transfer-encoding low; "
	 "PRE-03 h2-length-differs low; PRE-03 h2-pseudo-fields low; "
	 "PRE-03 h2-field-name info; PRE-03 h2-connection-field info; "
	 "PRE-03 unsolicited-answer medium; PRE-03 bytes-after-end info",
	 0, with_all},
};
