/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * smuggling.c - messages that readers of HTTP/1 read differently (RFC 9112 section 11.2). The
 * catalogue has no row of that name: PRE-03 is the closest, input that breaks its constraints and
 * was not refused. What was refused is an attempt; what was answered is a way in, behind any proxy.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

static const struct shape {
	uint32_t anomaly;
	const char *rule, *text;
	enum finding_severity answered, refused;
	enum detect_part part;
} shapes[] = {
	{ANOMALY_LENGTH_AND_CODING, "length-and-coding", "Content-Length beside Transfer-Encoding",
	 FINDING_HIGH, FINDING_LOW, PART_REQUEST_HEAD},
	{ANOMALY_TWO_LENGTHS, "two-lengths", "two Content-Length that differ", FINDING_HIGH,
	 FINDING_LOW, PART_REQUEST_HEAD},
	{ANOMALY_BAD_LENGTH, "bad-length", "a Content-Length that is no number", FINDING_HIGH,
	 FINDING_LOW, PART_REQUEST_HEAD},
	{ANOMALY_CODING_UNKNOWN, "coding-unknown", "a transfer coding other than chunked",
	 FINDING_HIGH, FINDING_LOW, PART_REQUEST_HEAD},
	{ANOMALY_BAD_CHUNK, "bad-chunk", "a chunk that is none", FINDING_HIGH, FINDING_LOW,
	 PART_REQUEST_BODY},
	{ANOMALY_SPACE_BEFORE_COLON, "space-before-colon", "a blank between field name and colon",
	 FINDING_MEDIUM, FINDING_INFO, PART_REQUEST_HEAD},
	{ANOMALY_TWO_HOSTS, "two-hosts", "more than one Host", FINDING_MEDIUM, FINDING_INFO,
	 PART_REQUEST_HEAD},
	{ANOMALY_NUL, "nul-in-head", "NUL in a head", FINDING_MEDIUM, FINDING_INFO,
	 PART_REQUEST_HEAD},
	{ANOMALY_BARE_CR, "bare-cr", "CR without LF in a head", FINDING_MEDIUM, FINDING_INFO,
	 PART_REQUEST_HEAD},
	{ANOMALY_OBS_FOLD, "folded-field", "a field folded over lines", FINDING_LOW, FINDING_INFO,
	 PART_REQUEST_HEAD},
	{ANOMALY_BAD_LINE, "bad-line", "a request or status line that is none", FINDING_LOW,
	 FINDING_INFO, PART_REQUEST_HEAD},
	{ANOMALY_NO_HOST, "no-host", "HTTP/1.1 without Host", FINDING_LOW, FINDING_INFO,
	 PART_REQUEST_HEAD},
	{ANOMALY_LINE_BREAK, "line-break-in-field", "HTTP/2: a line break or NUL in a field",
	 FINDING_HIGH, FINDING_LOW, PART_REQUEST_HEAD},
	{ANOMALY_H2_CODING, "h2-transfer-encoding", "HTTP/2: transfer-encoding", FINDING_HIGH,
	 FINDING_LOW, PART_REQUEST_HEAD},
	{ANOMALY_LENGTH_DIFFERS, "h2-length-differs",
	 "HTTP/2: content-length is not what the body held", FINDING_HIGH, FINDING_LOW,
	 PART_REQUEST_BODY},
	{ANOMALY_PSEUDO, "h2-pseudo-fields",
	 "HTTP/2: a pseudo-field twice, missing, unknown or behind others", FINDING_HIGH,
	 FINDING_LOW, PART_REQUEST_HEAD},
	{ANOMALY_BAD_NAME, "h2-field-name", "HTTP/2: a field name that is none", FINDING_MEDIUM,
	 FINDING_INFO, PART_REQUEST_HEAD},
	{ANOMALY_HOP_FIELD, "h2-connection-field", "HTTP/2: a field about one connection",
	 FINDING_MEDIUM, FINDING_INFO, PART_REQUEST_HEAD},
	{ANOMALY_UNSOLICITED, "unsolicited-answer", "an answer nobody asked for", FINDING_HIGH,
	 FINDING_MEDIUM, PART_CONNECTION},
	{ANOMALY_EARLY, "bytes-after-end", "bytes behind a message that ends the connection",
	 FINDING_MEDIUM, FINDING_INFO, PART_CONNECTION},
};

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	bool answered = tx->status && tx->status < 400;

	(void)policy;
	if (!tx->anomalies)
		return;
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *s = &shapes[i];

		if (!(tx->anomalies & s->anomaly))
			continue;
		/* a server closes a 408 or 400 onto an idle connection: no trick */
		if (s->anomaly == ANOMALY_UNSOLICITED && (tx->status == 408 || tx->status == 400))
			continue;
		DETECT(out, "PRE-03", s->rule, answered ? s->answered : s->refused, s->part,
		       "%s; answered %u", s->text, tx->status);
	}
}

static const char *const controls[] = {"PRE-03", NULL};
const struct detector detector_smuggling = {"smuggling", controls, judge, 0};
