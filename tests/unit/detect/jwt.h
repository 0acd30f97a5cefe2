/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once
#include "tests/unit/detect_cases.h"

/* Tokens: the header and the claims stand before each; the signatures are none. */
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_GOOD                                                                                     \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwM"           \
	"Dg0MH0.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"exp":9223372036854775807} */
#define T_FOREVER                                                                                  \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6OTIyMzM3M"           \
	"jAzNjg1NDc3NTgwN30.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":-9223372036854775807,"exp":-9223372036854775807} */
#define T_LONG_AGO                                                                                 \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOi05MjIzMzcyMDM2ODU0Nzc1ODA3LCJle"           \
	"HAiOi05MjIzMzcyMDM2ODU0Nzc1ODA3fQ.c2lnbmF0dXJl"
/* {"alg":"nOnE"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_NONE "eyJhbGciOiJuT25FIn0.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0."
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_UNSIGNED                                                                                 \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwM"           \
	"Dg0MH0."
/* {"alg":"MD5"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_ODD_ALG                                                                                  \
	"eyJhbGciOiJNRDUifQ.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJ"           \
	"l"
/* {"alg":"HS256"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_HMAC                                                                                     \
	"eyJhbGciOiJIUzI1NiJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0d"           \
	"XJl"
/* {"alg":"RS256","jwk":{"kty":"RSA","n":"x","e":"AQAB"}} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_JWK                                                                                      \
	"eyJhbGciOiJSUzI1NiIsImp3ayI6eyJrdHkiOiJSU0EiLCJuIjoieCIsImUiOiJBUUFCIn19.eyJpY"           \
	"XQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"ES256","typ":"dpop+jwt","jwk":{"kty":"EC"}} */
/* {"iat":1764000000} */
#define T_PROOF                                                                                    \
	"eyJhbGciOiJFUzI1NiIsInR5cCI6ImRwb3Arand0IiwiandrIjp7Imt0eSI6IkVDIn19.eyJpYXQiO"           \
	"jE3NjQwMDAwMDB9.c2lnbmF0dXJl"
/* {"alg":"RS256","jku":"https://evil.example/jwks.json"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_JKU_EVIL                                                                                 \
	"eyJhbGciOiJSUzI1NiIsImprdSI6Imh0dHBzOi8vZXZpbC5leGFtcGxlL2p3a3MuanNvbiJ9.eyJpY"           \
	"XQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"RS256","jku":"http://login.shop.test/jwks"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_JKU_PLAIN                                                                                \
	"eyJhbGciOiJSUzI1NiIsImprdSI6Imh0dHA6Ly9sb2dpbi5zaG9wLnRlc3QvandrcyJ9.eyJpYXQiO"           \
	"jE3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"RS256","jku":"https://login.shop.test/jwks"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_JKU_OWN                                                                                  \
	"eyJhbGciOiJSUzI1NiIsImprdSI6Imh0dHBzOi8vbG9naW4uc2hvcC50ZXN0L2p3a3MifQ.eyJpYXQ"           \
	"iOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"RS256","x5u":"https://evil.example/c.pem"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_X5U                                                                                      \
	"eyJhbGciOiJSUzI1NiIsIng1dSI6Imh0dHBzOi8vZXZpbC5leGFtcGxlL2MucGVtIn0.eyJpYXQiOj"           \
	"E3NjM5OTk5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"RS256","kid":"/2024+key/1=="} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_KID_PLAIN                                                                                \
	"eyJhbGciOiJSUzI1NiIsImtpZCI6Ii8yMDI0K2tleS8xPT0ifQ.eyJpYXQiOjE3NjM5OTk5NDAsImV"           \
	"4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"HS256","kid":"../../../../dev/null"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_KID_PATH                                                                                 \
	"eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uLy4uLy4uL2Rldi9udWxsIn0.eyJpYXQiOjE3NjM5OT"           \
	"k5NDAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"HS256","kid":"/dev/null"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_KID_FILE                                                                                 \
	"eyJhbGciOiJIUzI1NiIsImtpZCI6Ii9kZXYvbnVsbCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6M"           \
	"Tc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"HS256","kid":"x' UNION SELECT 'k"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_KID_SQL                                                                                  \
	"eyJhbGciOiJIUzI1NiIsImtpZCI6IngnIFVOSU9OIFNFTEVDVCAnayJ9.eyJpYXQiOjE3NjM5OTk5N"           \
	"DAsImV4cCI6MTc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"HS256","kid":"key\u0000"} */
/* {"iat":1763999940,"exp":1764000840} */
#define T_KID_NUL                                                                                  \
	"eyJhbGciOiJIUzI1NiIsImtpZCI6ImtleVx1MDAwMCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6M"           \
	"Tc2NDAwMDg0MH0.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"sub":"u-5511"} */
#define T_NO_EXP                                                                                   \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsInN1YiI6InUtNTUxM"           \
	"SJ9.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763996000,"exp":1763996400} */
#define T_EXPIRED                                                                                  \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTYwMDAsImV4cCI6MTc2Mzk5N"           \
	"jQwMH0.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999040,"exp":1763999940} */
#define T_JUST_EXPIRED                                                                             \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTkwNDAsImV4cCI6MTc2Mzk5O"           \
	"Tk0MH0.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"exp":1764003540,"sub":"u-5511"} */
#define T_LONG                                                                                     \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwM"           \
	"zU0MCwic3ViIjoidS01NTExIn0.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"exp":1764000901} */
#define T_LONG_NO_IAT "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE3NjQwMDA5MDF9.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"exp":1764000841} */
#define T_EDGE                                                                                     \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwM"           \
	"Dg0MX0.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"exp":1764604800,"typ":"Refresh"} */
#define T_REFRESH                                                                                  \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDYwN"           \
	"DgwMCwidHlwIjoiUmVmcmVzaCJ9.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999940,"exp":1764000840000} */
#define T_MILLIS                                                                                   \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5NDAsImV4cCI6MTc2NDAwM"           \
	"Dg0MDAwMH0.c2lnbmF0dXJl"
/* {"alg":"RS256","typ":"JWT"} */
/* {"iat":1763999939.5,"exp":1764000800.25} */
#define T_FRACTION                                                                                 \
	"eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjE3NjM5OTk5MzkuNSwiZXhwIjoxNzY0M"           \
	"DAwODAwLjI1fQ.c2lnbmF0dXJl"
#define T_ENCRYPTED "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a2V5.aXY.Y2lwaGVy.dGFn"

#define BEARER(token)                                                                              \
	"GET /api/v1/items HTTP/1.1\nHost: api.shop.test\nAuthorization: Bearer " token "\n\n"
#define OK      "HTTP/1.1 200 OK\n\n"
#define REFUSED "HTTP/1.1 401 Unauthorized\n\n"
#define CASE_TAKEN(what, token, statements)                                                        \
	{                                                                                          \
		what, BEARER(token), OK, statements, .change = auth_required, .hidden = "eyJ"      \
	}

static void long_tokens(struct transaction *tx, struct detect_policy *policy)
{
	(void)tx;
	policy->access_token_max_s = 3600;
}

static void only_es256(struct transaction *tx, struct detect_policy *policy)
{
	static const char *const names[] = {"ES256"};

	auth_required(tx, policy);
	policy->jwt_algorithms = names;
	policy->n_jwt_algorithms = 1;
}

static const struct detect_case cases_jwt[] = {
	CASE_TAKEN("a good one", T_GOOD, ""),
	CASE_TAKEN("with HMAC", T_HMAC, ""),
	CASE_TAKEN("encrypted", T_ENCRYPTED, ""),
	CASE_TAKEN("a scheme without token", "", ""),
	CASE_TAKEN("an opaque token", "ey-opaque.not.jwt", ""),
	CASE_TAKEN("no base64", "eyJ!.e30.x", ""),
	{"no token", GET, OK, "", .change = auth_required},
	CASE_TAKEN("alg none", T_NONE, "REV-04 alg-none-accepted critical"),
	CASE_TAKEN("no signature", T_UNSIGNED, "REV-04 alg-none-accepted critical"),
	{"alg none on a public operation", BEARER(T_NONE), OK, "REV-04 alg-none-accepted high",
	 .shown = "nOnE"},
	{"alg none refused", BEARER(T_NONE), REFUSED, "REV-04 alg-none-refused low"},
	CASE_TAKEN("an alg nobody registered", T_ODD_ALG, "REV-04 alg-unexpected high"),
	{"an alg nobody registered, refused", BEARER(T_ODD_ALG), REFUSED,
	 "REV-04 alg-unexpected low"},
	{"an alg the operation does not list", BEARER(T_GOOD), OK, "REV-04 alg-unexpected high",
	 .change = only_es256},
	CASE_TAKEN("its own key", T_JWK, "REV-04 key-embedded critical"),
	{"its own key, refused", BEARER(T_JWK), REFUSED, "REV-04 key-embedded low"},
	{"a proof of possession", "GET / HTTP/1.1\nHost: a\nDPoP: " T_PROOF "\n\n", OK, "",
	 .change = auth_required},
	CASE_TAKEN("a proof elsewhere", T_PROOF, ""),
	CASE_TAKEN("a key from another site", T_JKU_EVIL, "REV-04 key-url medium"),
	CASE_TAKEN("a key without TLS", T_JKU_PLAIN, "REV-04 key-url high"),
	CASE_TAKEN("a key of its own site", T_JKU_OWN, ""),
	CASE_TAKEN("a certificate from another site", T_X5U, "REV-04 key-url medium"),
	{"a key from another site, refused", BEARER(T_JKU_EVIL), REFUSED, "REV-04 key-url low",
	 .shown = "evil.example"},
	CASE_TAKEN("a kid of base64", T_KID_PLAIN, ""),
	CASE_TAKEN("a kid that climbs", T_KID_PATH, "REV-04 kid-injection critical"),
	CASE_TAKEN("a kid that is a file", T_KID_FILE, "REV-04 kid-injection critical"),
	CASE_TAKEN("a kid that ends a query", T_KID_SQL, "REV-04 kid-injection critical"),
	CASE_TAKEN("a kid with NUL", T_KID_NUL, "REV-04 kid-injection critical"),
	{"a kid that climbs, refused", BEARER(T_KID_PATH), REFUSED, "REV-04 kid-injection medium"},
	{"no end", BEARER(T_NO_EXP), OK, "PRE-12 exp-missing medium", .hidden = "u-5511"},
	{"no end, refused", BEARER(T_NO_EXP), REFUSED, ""},
	CASE_TAKEN("ended an hour ago", T_EXPIRED, "PRE-12 expired-accepted high"),
	{"ended an hour ago, public", BEARER(T_EXPIRED), OK, "PRE-12 expired-accepted low",
	 .shown = "3600 s ago"},
	{"ended an hour ago, refused", BEARER(T_EXPIRED), REFUSED, ""},
	CASE_TAKEN("ended within the skew of clocks", T_JUST_EXPIRED, ""),
	{"lives an hour", BEARER(T_LONG), OK, "REV-05 token-lifetime medium", .hidden = "u-5511",
	 .shown = "3600 s"},
	{"lives an hour, refused", BEARER(T_LONG), REFUSED, ""},
	{"lives an hour, which the policy grants", BEARER(T_LONG), OK, "", .change = long_tokens},
	CASE_TAKEN("15 minutes and a second", T_EDGE, "REV-05 token-lifetime medium"),
	CASE_TAKEN("no iat, another 15 minutes and a second", T_LONG_NO_IAT,
		   "REV-05 token-lifetime medium"),
	CASE_TAKEN("a refresh token", T_REFRESH, ""),
	CASE_TAKEN("milliseconds", T_MILLIS, "PRE-12 exp-unit medium"),
	CASE_TAKEN("the largest exp", T_FOREVER, "PRE-12 exp-unit medium"),
	CASE_TAKEN("the smallest", T_LONG_AGO, "PRE-12 expired-accepted high"),
	CASE_TAKEN("fractions", T_FRACTION, ""),
	{"in a cookie", "GET / HTTP/1.1\nHost: a\nCookie: theme=dark; jwt=" T_NO_EXP "\n\n", OK,
	 "PRE-12 exp-missing medium", .shown = "Cookie"},
	{"in the query", "GET /?jwt=" T_NO_EXP " HTTP/1.1\nHost: a\n\n", OK,
	 "PRE-12 exp-missing medium", .shown = "the query"},
	{"in a field of its own", "GET / HTTP/1.1\nHost: a\nX-Access-Token: " T_NO_EXP "\n\n", OK,
	 "PRE-12 exp-missing medium", .shown = "a field"},
	{"the same twice", "GET /?jwt=" T_NO_EXP " HTTP/1.1\nHost: a\nX-Token: " T_NO_EXP "\n\n",
	 OK, "PRE-12 exp-missing medium"},
	{"handed out for an hour", GET, JSON_OK "\n{\"access_token\":\"" T_LONG "\"}",
	 "REV-05 token-lifetime medium", .shown = "handed out", .hidden = "eyJ"},
	{"handed out for ever", GET, JSON_OK "\n{\"token\":\"" T_NO_EXP "\"}",
	 "PRE-12 exp-missing medium"},
	{"handed out for a quarter", GET, JSON_OK "\n{\"access_token\":\"" T_GOOD "\"}", ""},
	{"an opaque token for an hour", GET,
	 JSON_OK "\n{\"access_token\":\"opaque\",\"expires_in\":3600}",
	 "REV-05 token-lifetime medium"},
	{"an opaque token for a quarter", GET,
	 JSON_OK "\n{\"access_token\":\"opaque\",\"expires_in\":900}", ""},
	{"a lifetime of something else", GET, JSON_OK "\n{\"expires_in\":3600}", ""},
	{"the agent's refusal", BEARER(T_NONE), REFUSED, "", TX_AGENT},
	{"an alg nobody registered, public", BEARER(T_ODD_ALG), OK, "REV-04 alg-unexpected medium"},
};
