/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exposure.c - LOG-08 to LOG-10: passwords, keys, card numbers and personal data in a query, which
 * every proxy and server on the way writes into its log. By the parameter's name only; what values
 * are is text.c's business. Tokens of OAuth are oauth.c's.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

struct kind {
	const char *control, *rule, *what;
	enum finding_severity severity;
};

enum { KIND_PASSWORD, KIND_SECRET, KIND_SESSION, KIND_CARD, KIND_PERSON, KINDS };
static const struct kind kinds[KINDS] = {
	[KIND_PASSWORD] = {"LOG-08", "password-in-query", "a password", FINDING_HIGH},
	[KIND_SECRET] = {"LOG-08", "secret-in-query", "a secret or key", FINDING_MEDIUM},
	[KIND_SESSION] = {"LOG-08", "session-in-query", "a session or token", FINDING_MEDIUM},
	[KIND_CARD] = {"LOG-09", "card-in-query", "card data", FINDING_HIGH},
	[KIND_PERSON] = {"LOG-10", "person-in-query", "personal data", FINDING_LOW},
};

static const struct {
	struct raw name; /* lower case, without '-' and '_' */
	uint8_t kind;
} names[] = {
	{RAW_INIT("password"), KIND_PASSWORD},
	{RAW_INIT("passwd"), KIND_PASSWORD},
	{RAW_INIT("pwd"), KIND_PASSWORD},
	{RAW_INIT("passphrase"), KIND_PASSWORD},
	{RAW_INIT("newpassword"), KIND_PASSWORD},
	{RAW_INIT("oldpassword"), KIND_PASSWORD},
	{RAW_INIT("secret"), KIND_SECRET},
	{RAW_INIT("apikey"), KIND_SECRET},
	{RAW_INIT("apisecret"), KIND_SECRET},
	{RAW_INIT("secretkey"), KIND_SECRET},
	{RAW_INIT("privatekey"), KIND_SECRET},
	{RAW_INIT("awssecretaccesskey"), KIND_SECRET},
	{RAW_INIT("credentials"), KIND_SECRET},
	{RAW_INIT("subscriptionkey"), KIND_SECRET},
	{RAW_INIT("token"), KIND_SESSION},
	{RAW_INIT("authtoken"), KIND_SESSION},
	{RAW_INIT("jwt"), KIND_SESSION},
	{RAW_INIT("authorization"), KIND_SESSION},
	{RAW_INIT("session"), KIND_SESSION},
	{RAW_INIT("sessionid"), KIND_SESSION},
	{RAW_INIT("sessiontoken"), KIND_SESSION},
	{RAW_INIT("sid"), KIND_SESSION},
	{RAW_INIT("phpsessid"), KIND_SESSION},
	{RAW_INIT("jsessionid"), KIND_SESSION},
	{RAW_INIT("otp"), KIND_SESSION},
	{RAW_INIT("cardnumber"), KIND_CARD},
	{RAW_INIT("card"), KIND_CARD},
	{RAW_INIT("ccnumber"), KIND_CARD},
	{RAW_INIT("creditcard"), KIND_CARD},
	{RAW_INIT("pan"), KIND_CARD},
	{RAW_INIT("cvv"), KIND_CARD},
	{RAW_INIT("cvc"), KIND_CARD},
	{RAW_INIT("email"), KIND_PERSON},
	{RAW_INIT("mail"), KIND_PERSON},
	{RAW_INIT("emailaddress"), KIND_PERSON},
	{RAW_INIT("phone"), KIND_PERSON},
	{RAW_INIT("phonenumber"), KIND_PERSON},
	{RAW_INIT("mobile"), KIND_PERSON},
	{RAW_INIT("ssn"), KIND_PERSON},
	{RAW_INIT("iban"), KIND_PERSON},
	{RAW_INIT("passport"), KIND_PERSON},
	{RAW_INIT("birthdate"), KIND_PERSON},
	{RAW_INIT("dateofbirth"), KIND_PERSON},
	{RAW_INIT("dob"), KIND_PERSON},
	{RAW_INIT("firstname"), KIND_PERSON},
	{RAW_INIT("lastname"), KIND_PERSON},
	{RAW_INIT("taxid"), KIND_PERSON},
	{RAW_INIT("nationalid"), KIND_PERSON},
};
#define NAME_BYTES 24

/* "Api-Key" and "api_key" are "apikey". KINDS: none. */
static uint8_t kind_of(struct raw name)
{
	char text[NAME_BYTES];
	struct raw plain = {text, 0};

	for (size_t i = 0; i < name.n; i++) {
		char c = raw_lower(name.p[i]);

		if (c == '-' || c == '_')
			continue;
		if (plain.n == NAME_BYTES)
			return KINDS;
		text[plain.n++] = c;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (raw_is(plain, names[i].name))
			return names[i].kind;
	return KINDS;
}

/* A link from a mail works by such a token, once. */
static bool is_link(struct raw path)
{
	static const struct raw words[] = {
		RAW_INIT("verify"), RAW_INIT("confirm"),  RAW_INIT("reset"),
		RAW_INIT("invit"),  RAW_INIT("activate"), RAW_INIT("unsubscribe"),
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (raw_has_nocase(path, words[i]))
			return true;
	return false;
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	struct raw rest = f->query, name, value;
	uint32_t said = 0;

	(void)policy;
	if (!f->answered || tx->status >= 400)
		return; /* whoever tries names is not the application's doing */
	while (raw_pair(&rest, '&', &name, &value)) {
		uint8_t kind = value.n ? kind_of(name) : KINDS;
		enum finding_severity severity;

		if (kind == KINDS || said & 1u << kind)
			continue;
		said |= 1u << kind;
		severity = kinds[kind].severity;
		if (kind == KIND_SESSION && is_link(f->path))
			severity = FINDING_INFO;
		DETECT(out, kinds[kind].control, kinds[kind].rule, severity, PART_PATH,
		       "%s in the query (\"%s\"), answered %u: every log on the way keeps it",
		       kinds[kind].what, masked_token(name, NAME_BYTES).text, tx->status);
	}
}

static const char *const controls[] = {"LOG-08", "LOG-09", "LOG-10", NULL};
const struct detector detector_exposure = {"exposure", controls, judge, 0};
