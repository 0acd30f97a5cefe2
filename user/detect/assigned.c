/* SPDX-License-Identifier: GPL-2.0-or-later */
/* assigned.c - see assigned.h. */
#include "user/detect/assigned.h"

#include <string.h>

#define NAME_REST 40 /* of an identifier behind the word that was looked for */

static bool is_name(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '_' || c == '-' || c == '.';
}

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

/* What names end with whose value says something about a secret or a person, and is neither. */
static const struct raw about[] = {
#define ABOUT(word)                                                                                \
	{                                                                                          \
		word, sizeof(word) - 1                                                             \
	}
	ABOUT("algo"),     ABOUT("algorithm"), ABOUT("at"),       ABOUT("checksum"),
	ABOUT("count"),    ABOUT("created"),   ABOUT("date"),     ABOUT("description"),
	ABOUT("digest"),   ABOUT("domain"),    ABOUT("enabled"),  ABOUT("endpoint"),
	ABOUT("env"),      ABOUT("etag"),      ABOUT("expires"),  ABOUT("expiry"),
	ABOUT("field"),    ABOUT("file"),      ABOUT("format"),   ABOUT("header"),
	ABOUT("hint"),     ABOUT("host"),      ABOUT("id"),       ABOUT("ids"),
	ABOUT("issuer"),   ABOUT("kind"),      ABOUT("label"),    ABOUT("length"),
	ABOUT("location"), ABOUT("md5"),       ABOUT("model"),    ABOUT("name"),
	ABOUT("path"),     ABOUT("pattern"),   ABOUT("policy"),   ABOUT("prefix"),
	ABOUT("provider"), ABOUT("region"),    ABOUT("required"), ABOUT("sha1"),
	ABOUT("sha256"),   ABOUT("status"),    ABOUT("strategy"), ABOUT("ttl"),
	ABOUT("type"),     ABOUT("updated"),   ABOUT("uri"),      ABOUT("url"),
	ABOUT("verified"), ABOUT("version"),   ABOUT("visible"),  ABOUT("zone"),
#undef ABOUT
};

/* The last word of a name: behind the last '_', '-' or '.', or from its last capital on. */
static struct raw last_word(struct raw name)
{
	size_t at = name.n;

	while (at > 0 && is_name(name.p[at - 1]) && !strchr("_-.", name.p[at - 1])) {
		at--;
		if (is_upper(name.p[at]) && at > 0 && is_lower(name.p[at - 1]))
			break;
	}
	return (struct raw){name.p + at, name.n - at};
}

bool assigned_is_about(struct raw rest)
{
	struct raw word = last_word(rest);

	/* "keyid": only a word of its own says so */
	if (word.n == rest.n && rest.n > 0 && is_lower(rest.p[0]))
		return false;
	for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++)
		if (word.n == about[i].n && raw_equal_nocase(word, about[i]))
			return true;
	return false;
}

static size_t skip(struct raw bytes, size_t at, const char *any, size_t most)
{
	for (; most > 0 && at < bytes.n && bytes.p[at] && strchr(any, bytes.p[at]); most--)
		at++;
	return at;
}

static bool begins(struct raw bytes, size_t at, struct raw word)
{
	return bytes.n - at > word.n && raw_equal_nocase((struct raw){bytes.p + at, word.n}, word);
}

size_t assigned_value(struct raw bytes, size_t at)
{
	static const struct raw schemes[] = {{"bearer ", 7}, {"apikey ", 7}, {"token ", 6}};
	size_t rest = at;

	while (at < bytes.n && at - rest < NAME_REST && is_name(bytes.p[at]))
		at++;
	if (assigned_is_about((struct raw){bytes.p + rest, at - rest}))
		return 0;
	at = skip(bytes, at, "\\\"'`])", 4);
	at = skip(bytes, at, " \t", 8);
	if (at + 6 < bytes.n && memcmp(bytes.p + at, "value=", 6) == 0)
		at += 5;
	rest = at;
	at = skip(bytes, at, ":=>,", 3);
	if (at == rest)
		return 0;
	at = skip(bytes, at, " \t\r\n", 8);
	at = skip(bytes, at, "\\\"'`([", 4);
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (begins(bytes, at, schemes[i]))
			return at + schemes[i].n;
	return at;
}
