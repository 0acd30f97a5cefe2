/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cookies.c - AUTH-06: cookies that carry a session or a token are HttpOnly, Secure and SameSite.
 * Which ones do is told by name, or by a value that is a JWT; a cookie being deleted is none, and
 * one made for scripts to read (a CSRF token) need not be HttpOnly.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

struct cookie {
	struct raw name, value;
	struct raw same_site, path;
	bool http_only, secure, domain, expired, has_same_site;
};

static void read_attribute(struct cookie *c, struct raw name, struct raw value)
{
	if (raw_is_nocase(name, RAW("httponly"))) {
		c->http_only = true;
	} else if (raw_is_nocase(name, RAW("secure"))) {
		c->secure = true;
	} else if (raw_is_nocase(name, RAW("samesite"))) {
		c->has_same_site = true;
		c->same_site = value;
	} else if (raw_is_nocase(name, RAW("domain"))) {
		c->domain = value.n > 0;
	} else if (raw_is_nocase(name, RAW("path"))) {
		c->path = value;
	} else if (raw_is_nocase(name, RAW("max-age"))) {
		c->expired = c->expired || raw_is(value, RAW("0")) || raw_begins(value, RAW("-"));
	} else if (raw_is_nocase(name, RAW("expires"))) {
		c->expired = c->expired || raw_has(value, RAW("1970"));
	}
}

static struct cookie read_cookie(struct raw field)
{
	struct cookie c = {0};
	struct raw rest, name, value;
	struct raw pair = raw_cut(field, ';', &rest);

	c.name = raw_trim(raw_cut(pair, '=', &c.value));
	c.value = raw_trim(c.value);
	while (raw_pair(&rest, ';', &name, &value))
		read_attribute(&c, name, value);
	return c;
}

static bool has_any(struct raw name, const struct raw *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (raw_has_nocase(name, parts[i]))
			return true;
	return false;
}

static bool is_script_token(struct raw name)
{
	static const struct raw parts[] = {RAW_INIT("csrf"), RAW_INIT("xsrf")};

	return has_any(name, parts, 2);
}

static bool is_session(const struct cookie *c)
{
	static const struct raw parts[] = {
		RAW_INIT("sess"),     RAW_INIT("token"), RAW_INIT("auth"),    RAW_INIT("jwt"),
		RAW_INIT("remember"), RAW_INIT("login"), RAW_INIT("refresh"),
	};
	static const struct raw names[] = {
		RAW_INIT("sid"),
		RAW_INIT("connect.sid"),
		RAW_INIT("access"),
		RAW_INIT("id"),
	};

	if (raw_begins(c->value, RAW("eyJ")))
		return true;
	return has_any(c->name, parts, sizeof(parts) / sizeof(parts[0])) ||
	       RAW_ONE_OF(c->name, names);
}

/* Each rule once of an answer: the first cookie that breaks it. */
enum said {
	SAID_HTTPONLY = 1,
	SAID_SECURE = 2,
	SAID_SAMESITE = 4,
	SAID_NONE = 8,
	SAID_PREFIX = 16
};

struct saying {
	const struct detect_out *out;
	unsigned said; /* enum said */
};

static void say(struct saying *saying, enum said once, const struct cookie *c, const char *rule,
		enum finding_severity severity, const char *what)
{
	if (saying->said & once)
		return;
	saying->said |= once;
	DETECT(saying->out, "AUTH-06", rule, severity, PART_RESPONSE_HEAD, "Set-Cookie %s: %s",
	       masked_token(c->name, 40).text, what);
}

/* The prefixes of RFC 6265bis: a browser refuses a cookie that breaks its promise. */
static void judge_prefix(const struct cookie *c, struct saying *saying)
{
	if (raw_begins_nocase(c->name, RAW("__host-"))) {
		if (!c->secure || c->domain || !raw_is(c->path, RAW("/")))
			say(saying, SAID_PREFIX, c, "prefix-broken", FINDING_MEDIUM,
			    "__Host- needs Secure, Path=/ and no Domain; browsers refuse it");
	} else if (raw_begins_nocase(c->name, RAW("__secure-")) && !c->secure) {
		say(saying, SAID_PREFIX, c, "prefix-broken", FINDING_MEDIUM,
		    "__Secure- needs Secure; browsers refuse it");
	}
}

static void judge_cookie(const struct cookie *c, struct saying *saying)
{
	bool none = raw_is_nocase(c->same_site, RAW("none"));

	if (!c->value.n || c->expired)
		return;
	judge_prefix(c, saying);
	if (!is_session(c))
		return;
	if (!c->http_only && !is_script_token(c->name))
		say(saying, SAID_HTTPONLY, c, "httponly-missing", FINDING_MEDIUM,
		    "scripts can read it");
	if (!c->secure)
		say(saying, SAID_SECURE, c, "secure-missing", FINDING_MEDIUM,
		    none ? "SameSite=None without Secure" : "it is sent without TLS");
	if (!c->has_same_site)
		say(saying, SAID_SAMESITE, c, "samesite-missing", FINDING_LOW, "no SameSite");
	else if (!none && !raw_is_nocase(c->same_site, RAW("lax")) &&
		 !raw_is_nocase(c->same_site, RAW("strict")))
		say(saying, SAID_SAMESITE, c, "samesite-missing", FINDING_LOW,
		    "SameSite has no known value");
	else if (none && c->secure)
		say(saying, SAID_NONE, c, "samesite-none", FINDING_INFO,
		    "every site's requests carry it");
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	const struct field *field = f->response.first[HEAD_SET_COOKIE];
	struct saying saying = {.out = out};

	(void)policy;
	if (!f->answered)
		return;
	for (; field; field = heads_next(&tx->response, field, HEAD_SET_COOKIE)) {
		const struct cookie cookie = read_cookie(field->value);

		judge_cookie(&cookie, &saying);
	}
}

static const char *const controls[] = {"AUTH-06", NULL};
const struct detector detector_cookies = {"cookies", controls, judge, 0};
