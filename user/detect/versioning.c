/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * versioning.c - API-01: the version is in the path, /api/vN/; API-02: between Deprecation (RFC
 * 9745) and Sunset (RFC 8594) lie at least six months; API-03: deprecated operations say so.
 */
#include <time.h>

#include "user/detect/facts.h"
#include "user/detect/families.h"

#define HALF_YEAR_S (181ll * 86400) /* the shortest six months in a row */

/* "v1", "V2.1" */
static bool is_version(struct raw segment)
{
	if (segment.n < 2 || segment.n > 8 || raw_lower(segment.p[0]) != 'v')
		return false;
	for (size_t i = 1; i < segment.n; i++)
		if ((segment.p[i] < '0' || segment.p[i] > '9') && segment.p[i] != '.')
			return false;
	return segment.p[1] != '.';
}

/* What is not an API's own: protocols with paths of their own, probes, documents. */
static bool is_unversioned(struct raw first)
{
	static const struct raw names[] = {
		RAW_INIT(""),        RAW_INIT(".well-known"),  RAW_INIT("graphql"),
		RAW_INIT("healthz"), RAW_INIT("health"),       RAW_INIT("readyz"),
		RAW_INIT("ready"),   RAW_INIT("livez"),        RAW_INIT("live"),
		RAW_INIT("metrics"), RAW_INIT("status"),       RAW_INIT("ping"),
		RAW_INIT("oauth"),   RAW_INIT("oauth2"),       RAW_INIT("openapi.json"),
		RAW_INIT("swagger"), RAW_INIT("swagger.json"), RAW_INIT("manifest.json"),
		RAW_INIT("version"), RAW_INIT("info"),         RAW_INIT("actuator"),
		RAW_INIT("static"),  RAW_INIT("assets"),       RAW_INIT("favicon.ico"),
	};

	return RAW_ONE_OF(first, names);
}

static void judge_path(const struct facts *f, const struct detect_out *out)
{
	struct raw rest = raw_from(f->path, 1), segment = {0}, before;
	bool first = true, version = false;

	if (!f->success || !f->json || !raw_begins(f->path, RAW("/")))
		return;
	while (rest.n || first) {
		before = segment;
		segment = raw_cut(rest, '/', &rest);
		if (first && is_unversioned(segment))
			return;
		if (is_version(segment) && raw_is_nocase(before, RAW("api")))
			return;
		version = version || is_version(segment);
		first = false;
	}
	DETECT(out, "API-01", version ? "version-elsewhere" : "version-missing",
	       version ? FINDING_INFO : FINDING_LOW, PART_PATH,
	       version ? "the version is not at /api/vN/: %s" : "no version in the path: %s",
	       masked_path(f->path).text);
}

/* --- times ------------------------------------------------------------------------------------ */

static bool read_digits(const char *p, size_t n, int *ret_value)
{
	uint64_t value;

	if (!raw_number((struct raw){p, n}, &value))
		return false;
	*ret_value = (int)value;
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (IMF-fixdate, RFC 9110 section 5.6.7) */
static bool read_date(struct raw value, int64_t *ret_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm = {0};
	const char *p = value.p;

	if (value.n != 29 || memcmp(p + 25, " GMT", 4) != 0 || p[3] != ',' || p[19] != ':' ||
	    p[22] != ':')
		return false;
	if (!read_digits(p + 5, 2, &tm.tm_mday) || !read_digits(p + 12, 4, &tm.tm_year) ||
	    !read_digits(p + 17, 2, &tm.tm_hour) || !read_digits(p + 20, 2, &tm.tm_min) ||
	    !read_digits(p + 23, 2, &tm.tm_sec))
		return false;
	while (tm.tm_mon < 12 && memcmp(months + 3 * tm.tm_mon, p + 8, 3) != 0)
		tm.tm_mon++;
	if (tm.tm_mon == 12 || tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_hour > 23 ||
	    tm.tm_min > 59 || tm.tm_sec > 60)
		return false;
	tm.tm_year -= 1900;
	*ret_s = timegm(&tm);
	return true;
}

/* "@1688169599": a Date of RFC 9651 */
static bool read_structured_date(struct raw value, int64_t *ret_s)
{
	struct raw parameters;
	uint64_t seconds;

	value = raw_trim(raw_cut(value, ';', &parameters));
	if (!raw_begins(value, RAW("@")) || value.n > 16 ||
	    !raw_number(raw_from(value, 1), &seconds))
		return false;
	*ret_s = (int64_t)seconds;
	return true;
}

static long days(int64_t seconds)
{
	return (long)(seconds / 86400);
}

static void judge_times(const struct transaction *tx, const struct field *deprecation,
			const struct field *sunset, const struct detect_out *out)
{
	int64_t from = 0, until = 0, now = tx->begin_wall_ns / 1000000000;
	bool has_from = deprecation && read_structured_date(deprecation->value, &from);
	bool has_until = sunset && read_date(sunset->value, &until);

	if (deprecation && !has_from)
		DETECT(out, "API-03", "deprecation-malformed", FINDING_LOW, PART_RESPONSE_HEAD,
		       "Deprecation is a time like @1688169599 (RFC 9745), %zu characters are not",
		       deprecation->value.n);
	if (sunset && !has_until)
		DETECT(out, "API-02", "sunset-malformed", FINDING_LOW, PART_RESPONSE_HEAD,
		       "Sunset is an HTTP-date (RFC 8594), %zu characters are not",
		       sunset->value.n);
	if (has_from && has_until && until < from)
		DETECT(out, "API-02", "sunset-first", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "Sunset is %ld days before Deprecation", days(from - until));
	else if (has_from && has_until && until - from < HALF_YEAR_S)
		DETECT(out, "API-02", "sunset-too-soon", FINDING_MEDIUM, PART_RESPONSE_HEAD,
		       "Sunset is %ld days after Deprecation, at least six months",
		       days(until - from));
	if (has_until && until < now && tx->status < 300)
		DETECT(out, "API-02", "sunset-passed", FINDING_LOW, PART_RESPONSE_HEAD,
		       "still answered %u, %ld days after its Sunset", tx->status,
		       days(now - until));
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	const struct field *deprecation = f->response.first[HEAD_DEPRECATION];
	const struct field *sunset = f->response.first[HEAD_SUNSET];

	if (!f->answered)
		return;
	judge_path(f, out);
	if (deprecation || sunset)
		judge_times(tx, deprecation, sunset, out);
	if (!deprecation && (policy->deprecated || sunset) && f->head_whole && f->success)
		DETECT(out, "API-03", "deprecation-missing", FINDING_LOW, PART_RESPONSE_HEAD,
		       "%s, and no Deprecation",
		       policy->deprecated ? "the operation is deprecated" : "there is a Sunset");
}

static const char *const controls[] = {"API-01", "API-02", "API-03", NULL};
const struct detector detector_versioning = {"versioning", controls, judge, 0};
