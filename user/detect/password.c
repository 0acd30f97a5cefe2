/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * password.c - AUTH-07: a new password that was accepted has at least twelve characters of four
 * kinds. TLS-04: a password came over the network readable. The value is looked at where it lies;
 * nothing of it is told, not even its length.
 *
 * New is what a member's name says ("newPassword"), or "password" on an operation that registers or
 * changes. What logs in is not judged: it may be old.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

#define CHARACTERS_MIN 12
#define PASSWORD_MAX   512 /* bytes of a value; longer is long enough */

enum { LOWER = 1, UPPER = 2, DIGIT = 4, OTHER = 8, ALL_KINDS = 15 };

struct password {
	const char *where; /* "a JSON member", "a form field" */
	bool is_new; /* by its own name */
	size_t characters;
	unsigned kinds;
	bool digest; /* hex of a hash's length: the client hashed it */
};

static bool is_hex_digest(struct raw text)
{
	if (text.n != 32 && text.n != 40 && text.n != 64 && text.n != 128)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		char c = raw_lower(text.p[i]);

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* UTF-8; a continuation byte belongs to the character before. */
static void measure(struct raw text, struct password *p)
{
	p->digest = is_hex_digest(text);
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c & 0xc0) == 0x80)
			continue;
		p->characters++;
		p->kinds |= c >= 'a' && c <= 'z'   ? LOWER
			    : c >= 'A' && c <= 'Z' ? UPPER
			    : c >= '0' && c <= '9' ? DIGIT
						   : OTHER;
	}
}

/* 2: a new password, 1: a password, 0: none. */
static int name_kind(struct raw name)
{
	static const struct raw fresh[] = {
		RAW_INIT("newpassword"),   RAW_INIT("new_password"), RAW_INIT("new-password"),
		RAW_INIT("new_password1"), RAW_INIT("passwordnew"),  RAW_INIT("password_new"),
	};
	static const struct raw plain[] = {
		RAW_INIT("password"),  RAW_INIT("passwd"), RAW_INIT("pwd"),
		RAW_INIT("password1"), RAW_INIT("pass"),   RAW_INIT("passphrase"),
	};

	return RAW_ONE_OF(name, fresh) ? 2 : RAW_ONE_OF(name, plain);
}

static bool has_word(struct raw path, const struct raw *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (raw_has_nocase(path, words[i]))
			return true;
	return false;
}

/* The operation makes or changes a password, as far as its path tells. */
static bool is_change(const struct facts *f)
{
	static const struct raw logins[] = {
		RAW_INIT("login"),        RAW_INIT("signin"),  RAW_INIT("sign-in"),
		RAW_INIT("sign_in"),      RAW_INIT("session"), RAW_INIT("token"),
		RAW_INIT("authenticate"),
	};
	static const struct raw changes[] = {
		RAW_INIT("register"), RAW_INIT("registration"), RAW_INIT("signup"),
		RAW_INIT("sign-up"),  RAW_INIT("sign_up"),      RAW_INIT("password"),
		RAW_INIT("/users"),   RAW_INIT("/accounts"),    RAW_INIT("/account"),
		RAW_INIT("/members"), RAW_INIT("/customers"),
	};

	return has_word(f->path, changes, sizeof(changes) / sizeof(changes[0])) &&
	       !has_word(f->path, logins, sizeof(logins) / sizeof(logins[0]));
}

/* --- the two kinds of bodies ------------------------------------------------------------------ */

typedef void (*password_fn)(const struct password *p, void *userdata);

static void each_in_json(struct raw bytes, password_fn fn, void *userdata)
{
	struct json_walk w;
	enum json_token token;
	int kind = 0;

	json_begin(&w, bytes);
	while ((token = json_next(&w)) >= WALK_OBJECT) {
		if (token == WALK_STRING && kind && json_in_object(&w)) {
			struct password p = {.where = "a JSON member", .is_new = kind == 2};
			char text[PASSWORD_MAX];

			measure((struct raw){text, json_text(w.text, text, sizeof(text))}, &p);
			explicit_bzero(text, sizeof(text));
			fn(&p, userdata);
		}
		kind = token == WALK_KEY && !w.escaped ? name_kind(w.text) : 0;
	}
}

static int hex_value(char c)
{
	c = raw_lower(c);
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns the length; what does not fit is left out. */
static size_t form_text(struct raw text, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n && n < size; i++) {
		char c = text.p[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%' && i + 2 < text.n && hex_value(text.p[i + 1]) >= 0 &&
			   hex_value(text.p[i + 2]) >= 0) {
			c = (char)(hex_value(text.p[i + 1]) << 4 | hex_value(text.p[i + 2]));
			i += 2;
		}
		out[n++] = c;
	}
	return n;
}

static void each_in_form(struct raw bytes, bool whole, password_fn fn, void *userdata)
{
	struct raw name, value;

	while (raw_pair(&bytes, '&', &name, &value)) {
		struct password p = {.where = "a form field"};
		char text[PASSWORD_MAX];
		int kind = name_kind(name);

		if (!kind || (!bytes.n && !whole))
			continue; /* the last one may go on */
		p.is_new = kind == 2;
		measure((struct raw){text, form_text(value, text, sizeof(text))}, &p);
		explicit_bzero(text, sizeof(text));
		fn(&p, userdata);
	}
}

/* --- judging ---------------------------------------------------------------------------------- */

struct judging {
	const struct transaction *tx;
	const struct detect_out *out;
	bool change, plaintext;
	bool has_new; /* a body with old and new: only the new one is judged */
	struct password worst;
	bool found, seen;
};

static void note_new(const struct password *p, void *userdata)
{
	struct judging *j = userdata;

	j->has_new = j->has_new || p->is_new;
}

static bool is_weak(const struct password *p)
{
	return !p->digest && p->characters &&
	       (p->characters < CHARACTERS_MIN || p->kinds != ALL_KINDS);
}

static void note(const struct password *p, void *userdata)
{
	struct judging *j = userdata;

	j->seen = true;
	if (j->found || (j->has_new ? !p->is_new : !j->change) || !is_weak(p))
		return;
	j->found = true;
	j->worst = *p;
}

static void each(const struct judging *j, struct raw bytes, password_fn fn)
{
	const struct facts *f = j->out->facts;

	if (facts_media_json(f->request_type) || facts_look(bytes) == LOOK_JSON)
		each_in_json(bytes, fn, (void *)j);
	else if (raw_is_nocase(f->request_type, RAW("application/x-www-form-urlencoded")))
		each_in_form(bytes, facts_body_whole(&j->tx->request_body), fn, (void *)j);
}

static void state(const struct judging *j)
{
	const struct password *p = &j->worst;

	if (j->found && p->characters < CHARACTERS_MIN)
		DETECT(j->out, "AUTH-07", "password-short", FINDING_MEDIUM, PART_REQUEST_BODY,
		       "%s with fewer than %d characters was answered %u", p->where, CHARACTERS_MIN,
		       j->tx->status);
	else if (j->found)
		DETECT(j->out, "AUTH-07", "password-kinds", FINDING_MEDIUM, PART_REQUEST_BODY,
		       "%s without all four of lower, upper, digit and other was answered %u",
		       p->where, j->tx->status);
	if (j->seen && j->plaintext)
		DETECT(j->out, "TLS-04", "password-plaintext", FINDING_HIGH, PART_REQUEST_BODY,
		       "a password came without TLS, and was answered %u", j->tx->status);
}

/* Every name above has one of these in it; most bodies do not. */
static bool may_hold_one(struct raw bytes)
{
	return raw_has(bytes, RAW("ass")) || raw_has(bytes, RAW("pwd")) ||
	       raw_has(bytes, RAW("ASS")) || raw_has(bytes, RAW("PWD"));
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	struct raw bytes = facts_body(&tx->request_body);
	struct judging j = {.tx = tx, .out = out};

	(void)policy;
	if (!f->success || !bytes.n ||
	    (f->method != METHOD_POST && f->method != METHOD_PUT && f->method != METHOD_PATCH))
		return;
	if (!may_hold_one(bytes))
		return;
	/* a grant of OAuth logs in, whatever its path is called */
	j.change = is_change(f) && !raw_has(bytes, RAW("grant_type"));
	j.plaintext = facts_plaintext(tx, f);
	each(&j, bytes, note_new);
	each(&j, bytes, note);
	state(&j);
}

static const char *const controls[] = {"AUTH-07", "TLS-04", NULL};
const struct detector detector_password = {"password", controls, judge, 0};
