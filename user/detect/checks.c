/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checks.c - see checks.h. */
#include "user/detect/checks.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include <zlib.h>

#define ENTROPY_MAX 1024 /* bytes looked at */
#define ROW_MAX     6 /* of the same character: nobody's chance */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

double check_entropy(struct raw value)
{
	uint16_t counts[256] = {0};
	size_t n = value.n < ENTROPY_MAX ? value.n : ENTROPY_MAX;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		counts[(unsigned char)value.p[i]]++;
	for (unsigned c = 0; c < 256; c++)
		if (counts[c] > 0)
			sum -= counts[c] * log2((double)counts[c] / (double)n);
	return n > 0 ? sum / (double)n : 0;
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* The digits of a value without what stands between them; false if there are more than size. */
static bool only_digits(struct raw value, char *digits, size_t size, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (!is_digit(value.p[i]))
			continue;
		if (n == size)
			return false;
		digits[n++] = value.p[i];
	}
	*ret_n = n;
	return true;
}

/* ISO/IEC 7812: who issues numbers of these first digits (as four), and how long they are. */
static const struct issuer {
	uint16_t from, to;
	uint8_t least, most;
} issuers[] = {
	{4000, 4999, 16, 16}, /* Visa; 13 and 19 digits are hardly issued and often chance */
	{5100, 5599, 16, 16}, /* Mastercard */
	{2221, 2720, 16, 16}, /* Mastercard */
	{3400, 3499, 15, 15}, /* American Express */
	{3700, 3799, 15, 15}, {6011, 6011, 16, 19}, /* Discover */
	{6440, 6599, 16, 19}, {3528, 3589, 16, 19}, /* JCB */
	{3000, 3059, 14, 14}, /* Diners */
	{3600, 3699, 14, 14}, {3800, 3999, 14, 14}, {6200, 6299, 16, 19}, /* UnionPay */
	{2200, 2204, 16, 19}, /* Mir */
};

static bool has_issuer(const char *digits, size_t n)
{
	unsigned first = 0;

	for (size_t i = 0; i < 4; i++)
		first = first * 10 + (unsigned)(digits[i] - '0');
	for (size_t i = 0; i < sizeof(issuers) / sizeof(issuers[0]); i++)
		if (first >= issuers[i].from && first <= issuers[i].to && n >= issuers[i].least &&
		    n <= issuers[i].most)
			return true;
	return false;
}

static bool luhn(const char *digits, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)(digits[n - 1 - i] - '0');

		if (i % 2)
			digit = digit > 4 ? 2 * digit - 9 : 2 * digit;
		sum += digit;
	}
	return sum % 10 == 0;
}

bool check_card(struct raw value)
{
	char digits[19];
	size_t n, same = 1;

	if (!only_digits(value, digits, sizeof(digits), &n) || n < 13)
		return false;
	while (same < n && digits[same] == digits[0])
		same++;
	/* 4444444444444448 keeps Luhn's sum and is nobody's */
	return same + 1 < n && has_issuer(digits, n) && luhn(digits, n);
}

/* ISO 13616: how long an IBAN of a country is (SWIFT's registry). */
static const char iban_lengths[] =
	"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES"
	"24"
	"FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC"
	"32"
	"LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO"
	"24"
	"RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

static size_t iban_length(const char *country)
{
	for (const char *p = iban_lengths; *p; p += 4)
		if (p[0] == country[0] && p[1] == country[1])
			return (size_t)(p[2] - '0') * 10 + (size_t)(p[3] - '0');
	return 0;
}

bool check_iban(struct raw value)
{
	char text[34];
	unsigned rest = 0;
	size_t n = 0;

	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == ' ')
			continue;
		if (n == sizeof(text) ||
		    !(is_digit(value.p[i]) || (value.p[i] >= 'A' && value.p[i] <= 'Z')))
			return false;
		text[n++] = value.p[i];
	}
	if (n < 15 || n != iban_length(text) || !is_digit(text[2]) || !is_digit(text[3]))
		return false;
	/* what ISO 7064 makes is 02 to 98 */
	if (memcmp(text + 2, "00", 2) == 0 || memcmp(text + 2, "01", 2) == 0 ||
	    memcmp(text + 2, "99", 2) == 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = text[(i + 4) % n];

		rest = is_digit(c) ? rest * 10 + (unsigned)(c - '0')
				   : rest * 100 + (unsigned)(c - 'A') + 10;
		rest %= 97;
	}
	return rest == 1;
}

bool check_ssn(struct raw value)
{
	char d[9];
	size_t n;

	if (!only_digits(value, d, sizeof(d), &n) || n != 9)
		return false;
	if (memcmp(d, "000", 3) == 0 || memcmp(d, "666", 3) == 0 || d[0] == '9')
		return false;
	if (memcmp(d + 3, "00", 2) == 0 || memcmp(d + 5, "0000", 4) == 0)
		return false;
	/* printed on a wallet's sample card in 1938, and in every text about it since */
	return memcmp(d, "078051120", 9) != 0 && memcmp(d, "123456789", 9) != 0;
}

static bool check_phone(struct raw value)
{
	char digits[15]; /* E.164 */
	unsigned kinds = 0;
	size_t n;

	if (!only_digits(value, digits, sizeof(digits), &n) || n < 8)
		return false;
	/* 2026-03-11, and seconds since 1970 */
	if ((value.n == 10 && value.p[4] == '-' && value.p[7] == '-') ||
	    (value.n == 10 && n == 10 && digits[0] == '1'))
		return false;
	for (size_t i = 0; i < n; i++)
		kinds |= 1u << (digits[i] - '0');
	return __builtin_popcount(kinds) >= 3;
}

/* Of letters and digits, four of these at least: no word, no year, no row of the same one. */
static bool check_passport(struct raw value)
{
	unsigned kinds = 0, digits = 0;

	for (size_t i = 0; i < value.n; i++) {
		digits += is_digit(value.p[i]);
		kinds |= is_digit(value.p[i]) ? 1u << (value.p[i] - '0') : 0;
	}
	return digits >= 5 && __builtin_popcount(kinds) >= 3;
}

/* --- tokens ----------------------------------------------------------------------------------- */

/* A prefix, 30 characters, and their CRC-32 as 6 digits of base 62: GitHub's and npm's. */
static bool check_github(struct raw value)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const char *end = value.p + value.n;
	char sum[6];
	uLong crc;

	if (value.n < 36)
		return false;
	crc = crc32(0, (const Bytef *)end - 36, 30);
	for (int i = 5; i >= 0; i--, crc /= 62)
		sum[i] = digits[crc % 62];
	return memcmp(end - 6, sum, 6) == 0;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : -1;
}

/* The first characters of what it encodes; how many. */
static size_t base64_begin(struct raw value, char *text, size_t size)
{
	unsigned bits = 0, have = 0;
	size_t n = 0;

	for (size_t i = 0; i < value.n && n < size; i++) {
		int six = base64_value(value.p[i]);

		if (six < 0)
			break;
		bits = bits << 6 | (unsigned)six;
		have += 6;
		if (have >= 8) {
			have -= 8;
			text[n++] = (char)(bits >> have & 0xff);
		}
	}
	return n;
}

static bool check_jwt(struct raw value)
{
	char header[192];
	size_t n = base64_begin(value, header, sizeof(header));

	return n > 8 && header[0] == '{' && memmem(header, n, "\"alg\"", 5);
}

static bool check_bcrypt(struct raw value, unsigned *ret_cost)
{
	unsigned cost;

	if (value.n != 60 || !is_digit(value.p[4]) || !is_digit(value.p[5]))
		return false;
	cost = (unsigned)(value.p[4] - '0') * 10 + (unsigned)(value.p[5] - '0');
	if (cost < 4 || cost > 31)
		return false;
	*ret_cost = cost;
	return true;
}

/* --- chance ----------------------------------------------------------------------------------- */

static bool contains(struct raw value, const char *word)
{
	size_t n = strlen(word);

	for (size_t i = 0; i + n <= value.n; i++)
		if (strncasecmp(value.p + i, word, n) == 0)
			return true;
	return false;
}

bool check_made_up(struct raw value)
{
	static const char *const words[] = {"example", "changeme", "placeholder", "your_",
					    "your-",   "redacted", "insert_",     "dummy"};
	size_t row = 1;

	if (value.n == 0 || strchr("$<{%*#", value.p[0]))
		return true;
	for (size_t i = 1; i < value.n; i++) {
		row = value.p[i] == value.p[i - 1] ? row + 1 : 1;
		if (row == ROW_MAX)
			return true;
	}
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (contains(value, words[i]))
			return true;
	return contains(value, "1234567890") || contains(value, "abcdefghij") ||
	       contains(value, "0123456789");
}

/* Something a person or a generator chose, not a word of the code around it. */
static bool check_password(struct raw value)
{
	static const char *const words[] = {
		"password", "passwd",   "secret", "null",      "none", "true",
		"false",    "string",   "test",   "undefined", "nil",  "required",
		"enabled",  "disabled", "root",   "admin",     "user", "invalid",
	};
	bool stars = true;

	if (check_made_up(value) || value.n < 4)
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (value.n == strlen(words[i]) && contains(value, words[i]))
			return false;
	for (size_t i = 0; i < value.n; i++)
		stars = stars && strchr("*xX.-_#", value.p[i]);
	return !stars;
}

static bool letters_and_digits(struct raw value)
{
	size_t letters = 0, digits = 0;

	for (size_t i = 0; i < value.n; i++) {
		letters += is_alpha(value.p[i]);
		digits += is_digit(value.p[i]);
	}
	return letters > 0 && digits > 0;
}

bool check_value(enum rule_check check, struct raw value, unsigned *ret_detail)
{
	char begin[8];

	*ret_detail = 0;
	switch (check) {
	case CHECK_BCRYPT:
		return check_bcrypt(value, ret_detail);
	case CHECK_GITHUB:
		return check_github(value);
	case CHECK_JWT:
		return check_jwt(value);
	case CHECK_PASSWORD:
		return check_password(value);
	case CHECK_PHONE:
		return check_phone(value);
	case CHECK_PASSPORT:
		return check_passport(value);
	case CHECK_LETTERS_AND_DIGITS:
		return letters_and_digits(value);
	case CHECK_BASE64_JSON:
		return base64_begin(value, begin, sizeof(begin)) > 1 && begin[0] == '{';
	default:
		return true;
	}
}
