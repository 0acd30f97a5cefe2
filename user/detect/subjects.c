/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/subjects.h"

#include <string.h>

#include "include/glacis/siphash.h"
#include "user/detect/facts.h"
#include "user/detect/json_walk.h"

#define VALUE_MAX 512 /* bytes of a name or a password; longer ones are cut */

/* What is hashed, so that the same text as a name and as a password are two hashes. */
enum subject { OF_ACCOUNT = 'a', OF_PASSWORD = 'p', OF_OBJECT = 'o' };

static uint64_t hash(enum subject subject, const char *text, size_t n, const struct gl_key *key)
{
	struct siphash s;
	uint64_t h;

	siphash_init(&s, key);
	siphash_byte(&s, (uint8_t)subject);
	for (size_t i = 0; i < n; i++)
		siphash_byte(&s, (uint8_t)text[i]);
	h = siphash_final(&s);
	return h ? h : 1;
}

/* ---------------------------------------------------------------------------------------------
 * Logins
 */
struct login {
	const struct gl_key *key;
	struct subjects *subjects;
};

/* 'a' an account's name, 'p' a password, 0 neither. */
static int kind_of(struct raw name)
{
	static const struct raw accounts[] = {
		RAW_INIT("username"),  RAW_INIT("user"),       RAW_INIT("login"),
		RAW_INIT("email"),     RAW_INIT("mail"),       RAW_INIT("account"),
		RAW_INIT("user_name"), RAW_INIT("userid"),     RAW_INIT("user_id"),
		RAW_INIT("loginname"), RAW_INIT("identifier"),
	};
	static const struct raw passwords[] = {
		RAW_INIT("password"), RAW_INIT("passwd"),     RAW_INIT("pwd"),
		RAW_INIT("pass"),     RAW_INIT("passphrase"),
	};

	return RAW_ONE_OF(name, accounts)    ? OF_ACCOUNT
	       : RAW_ONE_OF(name, passwords) ? OF_PASSWORD
					     : 0;
}

/* Names are compared without case and blanks around them. */
static void take(const struct login *login, int kind, char *text, size_t n)
{
	struct raw value = {text, n};

	if (kind == OF_ACCOUNT) {
		for (size_t i = 0; i < n; i++)
			text[i] = raw_lower(text[i]);
		value = raw_trim(value);
	}
	if (!value.n)
		return;
	if (kind == OF_ACCOUNT)
		login->subjects->account = hash(OF_ACCOUNT, value.p, value.n, login->key);
	else
		login->subjects->password = hash(OF_PASSWORD, value.p, value.n, login->key);
}

static void read_json(const struct login *login, struct raw bytes)
{
	struct json_walk w;
	enum json_token token;
	int kind = 0;

	json_begin(&w, bytes);
	while ((token = json_next(&w)) >= WALK_OBJECT) {
		if (token == WALK_STRING && kind && json_in_object(&w)) {
			char text[VALUE_MAX];

			take(login, kind, text, json_text(w.text, text, sizeof(text)));
			explicit_bzero(text, sizeof(text));
		}
		kind = token == WALK_KEY && !w.escaped ? kind_of(w.text) : 0;
	}
}

static int hex_value(char c)
{
	c = raw_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void read_form(const struct login *login, struct raw bytes, bool whole)
{
	struct raw name, value;

	while (raw_pair(&bytes, '&', &name, &value)) {
		int kind = kind_of(name);
		char text[VALUE_MAX];
		size_t n = 0;

		if (!kind || (!bytes.n && !whole))
			continue; /* the last one may go on */
		for (size_t i = 0; i < value.n && n < sizeof(text); i++) {
			char c = value.p[i] == '+' ? ' ' : value.p[i];

			if (c == '%' && i + 2 < value.n && hex_value(value.p[i + 1]) >= 0 &&
			    hex_value(value.p[i + 2]) >= 0) {
				c = (char)(hex_value(value.p[i + 1]) << 4 |
					   hex_value(value.p[i + 2]));
				i += 2;
			}
			text[n++] = c;
		}
		take(login, kind, text, n);
		explicit_bzero(text, sizeof(text));
	}
}

static int base64_value(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+' || c == '-' ? 62
	       : c == '/' || c == '_' ? 63
				      : -1;
}

/* RFC 7617: "Basic" and base64 of "name:password". */
static void read_basic(const struct login *login, const struct transaction *tx)
{
	const struct field *field = fields_find(&tx->request, "authorization");
	char text[VALUE_MAX];
	struct raw coded, name, password;
	uint32_t bits = 0;
	size_t n = 0, have = 0;

	if (!field || !raw_begins_nocase(field->value, RAW("basic ")))
		return;
	coded = raw_trim(raw_from(field->value, sizeof("basic ") - 1));
	for (size_t i = 0; i < coded.n && n < sizeof(text); i++) {
		int value = base64_value(coded.p[i]);

		if (value < 0)
			break;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			text[n++] = (char)(bits >> have);
		}
	}
	name = raw_cut((struct raw){text, n}, ':', &password);
	if (password.n)
		take(login, OF_PASSWORD, text + name.n + 1, password.n);
	if (name.n < n)
		take(login, OF_ACCOUNT, text, name.n);
	explicit_bzero(text, sizeof(text));
}

static void read_login(const struct login *login, const struct transaction *tx)
{
	struct raw bytes = facts_body(&tx->request_body);
	const struct field *type = fields_find(&tx->request, "content-type");
	struct raw media = {0}, rest;

	read_basic(login, tx);
	if (!bytes.n || login->subjects->account)
		return;
	if (type)
		media = raw_trim(raw_cut(type->value, ';', &rest));
	if (facts_media_json(media) || facts_look(bytes) == LOOK_JSON)
		read_json(login, bytes);
	else if (!media.n || raw_is_nocase(media, RAW("application/x-www-form-urlencoded")))
		read_form(login, bytes, facts_body_whole(&tx->request_body));
	/* a name alone is a profile, a password alone a change */
	if (!login->subjects->password || !login->subjects->account)
		login->subjects->password = login->subjects->account = 0;
}

/* "https://host/login?error", "//host/login", "/login" (RFC 3986 section 4.2). */
bool subjects_sent_back(const struct transaction *tx, const char *location)
{
	const struct field *field = fields_find(&tx->response, "location");
	struct raw value, rest;

	if (!field)
		return false;
	value = field->value;
	if (raw_begins_nocase(value, RAW("https:")))
		value = raw_from(value, sizeof("https:") - 1);
	else if (raw_begins_nocase(value, RAW("http:")))
		value = raw_from(value, sizeof("http:") - 1);
	if (raw_begins(value, RAW("//"))) {
		rest = raw_from(value, 2);
		value = raw_from(rest, raw_cut(rest, '/', &value).n);
	}
	return raw_begins(value, (struct raw){location, strlen(location)});
}

/* ---------------------------------------------------------------------------------------------
 * Objects
 */
static bool names_an_id(struct raw name)
{
	static const struct raw names[] = {
		RAW_INIT("id"),      RAW_INIT("uid"),        RAW_INIT("user"),
		RAW_INIT("user_id"), RAW_INIT("userid"),     RAW_INIT("account"),
		RAW_INIT("order"),   RAW_INIT("account_id"), RAW_INIT("order_id"),
	};

	return RAW_ONE_OF(name, names);
}

/* The last segment that is a number, of at most 18 digits. */
static bool last_number(struct raw path, uint64_t *ret_number)
{
	bool found = false;
	uint64_t number;

	while (path.n) {
		struct raw segment = raw_cut(path, '/', &path);

		if (segment.n && segment.n <= 18 && raw_number(segment, &number)) {
			*ret_number = number;
			found = true;
		}
	}
	return found;
}

static void read_object(const struct transaction *tx, const struct gl_key *key,
			struct subjects *subjects)
{
	struct raw query, path = raw_cut(tx->target, '?', &query), name, value;
	uint64_t number = 0;
	bool numbered;

	if (!path.n)
		return;
	subjects->object = hash(OF_OBJECT, path.p, path.n, key);
	numbered = last_number(path, &number);
	while (raw_pair(&query, '&', &name, &value)) {
		if (!names_an_id(name))
			continue;
		subjects->object ^= hash(OF_OBJECT, value.p, value.n, key) * 3;
		if (value.n && value.n <= 18 && raw_number(value, &number))
			numbered = true;
	}
	if (numbered)
		subjects->number = number + (key->k1 | 1ull << 63);
}

void subjects_read(const struct transaction *tx, const struct gl_key *key,
		   struct subjects *ret_subjects)
{
	struct subjects subjects = {0};
	const struct login login = {key, &subjects};

	read_login(&login, tx);
	read_object(tx, key, &subjects);
	*ret_subjects = subjects;
}
