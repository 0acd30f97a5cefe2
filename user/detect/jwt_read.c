/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/jwt_read.h"

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "user/detect/json_walk.h"
#include "user/detect/raws.h"

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* base64url without padding (RFC 7515 appendix C), as far as it fits. Returns the bytes, or
 * -EINVAL. */
static ssize_t decode(struct raw text, char *out, size_t size, bool *ret_cut)
{
	uint32_t bits = 0;
	size_t n = 0;

	if (text.n % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < text.n; i++) {
		int value = sextet(text.p[i]);

		if (value < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 == 0)
			continue;
		if (n == size) {
			*ret_cut = true;
			break;
		}
		out[n++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	return (ssize_t)n;
}

/* --- members ---------------------------------------------------------------------------------- */

struct reading {
	struct jwt *jwt;
	struct json_walk walk;
	struct raw key;
	bool has_alg;
};

static void copy_text(struct raw text, char *out, size_t size)
{
	json_text(text, out, size);
}

static enum jwt_kid kid_kind(struct raw escaped)
{
	static const struct raw paths[] = {
		RAW_INIT("../"),    RAW_INIT("..\\"),  RAW_INIT("/dev/"), RAW_INIT("/etc/"),
		RAW_INIT("/proc/"), RAW_INIT("file:"), RAW_INIT("/tmp/"), RAW_INIT("/var/"),
	};
	char buffer[2 * JWT_TEXT];
	struct raw kid = {buffer, json_text(escaped, buffer, sizeof(buffer))};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (i < 2 ? raw_has(kid, paths[i]) : raw_begins(kid, paths[i]))
			return JWT_KID_PATH;
	for (size_t i = 0; i < kid.n; i++) {
		unsigned char c = (unsigned char)kid.p[i];

		if (c < 0x20 || c == 0x7f)
			return JWT_KID_CONTROL;
		if (memchr("'\";`|", c, 5) || (c == '$' && raw_begins(raw_from(kid, i), RAW("$("))))
			return JWT_KID_QUERY;
	}
	return JWT_KID_PLAIN;
}

static void read_header_member(struct reading *r, enum json_token token)
{
	struct jwt *jwt = r->jwt;
	struct raw text = token == WALK_STRING ? r->walk.text : (struct raw){0};

	if (raw_is(r->key, RAW("alg"))) {
		r->has_alg = token == WALK_STRING;
		copy_text(text, jwt->alg, sizeof(jwt->alg));
	} else if (raw_is(r->key, RAW("jwk"))) {
		jwt->has_jwk = true;
	} else if (raw_is(r->key, RAW("jku"))) {
		jwt->has_jku = true;
		copy_text(text, jwt->key_url, sizeof(jwt->key_url));
	} else if (raw_is(r->key, RAW("x5u"))) {
		jwt->has_x5u = true;
		if (!jwt->has_jku)
			copy_text(text, jwt->key_url, sizeof(jwt->key_url));
	} else if (raw_is(r->key, RAW("kid"))) {
		jwt->has_kid = true;
		jwt->kid = (uint8_t)kid_kind(text);
	} else if (raw_is(r->key, RAW("typ"))) {
		jwt->proof = raw_is_nocase(text, RAW("dpop+jwt"));
	}
}

/* NumericDate: seconds, perhaps with a fraction; an exponent makes it too large to mean a time. */
static bool read_time(const struct reading *r, enum json_token token, int64_t *ret_s)
{
	struct raw number = r->walk.text, fraction;
	bool negative = raw_begins(number, RAW("-"));
	uint64_t value;

	*ret_s = 0; /* of two of a name the last counts, also where it is none */
	if (token != WALK_NUMBER)
		return false;
	number = raw_cut(raw_from(number, negative), '.', &fraction);
	if (!raw_number(number, &value))
		value = JWT_TIME_MAX;
	*ret_s = value > JWT_TIME_MAX ? JWT_TIME_MAX : (int64_t)value;
	if (negative)
		*ret_s = -*ret_s;
	return true;
}

static void read_claim(struct reading *r, enum json_token token)
{
	static const struct raw others[] = {RAW_INIT("refresh"), RAW_INIT("id"),
					    RAW_INIT("logout")};
	struct jwt *jwt = r->jwt;

	if (raw_is(r->key, RAW("exp")))
		jwt->has_exp = read_time(r, token, &jwt->exp_s);
	else if (raw_is(r->key, RAW("iat")))
		jwt->has_iat = read_time(r, token, &jwt->iat_s);
	else if (raw_is(r->key, RAW("nbf")))
		jwt->has_nbf = read_time(r, token, &jwt->nbf_s);
	else if (token == WALK_STRING &&
		 (raw_is(r->key, RAW("typ")) || raw_is(r->key, RAW("token_use")) ||
		  raw_is(r->key, RAW("token_type"))))
		jwt->refresh = RAW_ONE_OF(r->walk.text, others);
}

/* Each member of the object; -EINVAL if it is none. Ends early where the part was cut. */
static int read_object(struct reading *r, struct raw bytes, bool cut,
		       void (*member)(struct reading *r, enum json_token token))
{
	enum json_token token;

	json_begin(&r->walk, bytes);
	if (json_next(&r->walk) != WALK_OBJECT)
		return -EINVAL;
	while ((token = json_next(&r->walk)) >= WALK_OBJECT) {
		bool opened = token == WALK_OBJECT || token == WALK_ARRAY;

		if (token == WALK_KEY)
			r->key = r->walk.text;
		else if (json_is_value(token) && r->walk.depth - opened == 1)
			member(r, token);
	}
	return token == WALK_END || (token == WALK_CUT && cut) ? 0 : -EINVAL;
}

static int read_part(struct reading *r, struct raw text, char *buffer, size_t size,
		     void (*member)(struct reading *r, enum json_token token))
{
	bool cut = false;
	ssize_t n = decode(text, buffer, size, &cut);

	if (n < 0)
		return (int)n;
	r->jwt->cut = r->jwt->cut || cut;
	return read_object(r, (struct raw){buffer, (size_t)n}, cut, member);
}

int jwt_read(struct raw token, struct jwt *ret_jwt)
{
	char buffer[JWT_CLAIMS_MAX];
	struct jwt jwt = {0};
	struct reading r = {.jwt = &jwt};
	struct raw header, claims, rest;
	size_t dots = 0;
	int error;

	for (size_t i = 0; i < token.n; i++)
		dots += token.p[i] == '.';
	if (dots != 2 && dots != 4)
		return -EINVAL;
	header = raw_cut(token, '.', &rest);
	error = read_part(&r, header, buffer, JWT_HEADER_MAX, read_header_member);
	if (error < 0)
		return error;
	if (!r.has_alg && !jwt.cut)
		return -EINVAL;
	jwt.encrypted = dots == 4;
	if (!jwt.encrypted) {
		claims = raw_cut(rest, '.', &rest);
		error = read_part(&r, claims, buffer, sizeof(buffer), read_claim);
		if (error < 0)
			return error;
		jwt.signed_by_nobody = rest.n == 0;
	}
	*ret_jwt = jwt;
	return 0;
}
