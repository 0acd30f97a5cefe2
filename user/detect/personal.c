/* SPDX-License-Identifier: GPL-2.0-or-later */
/* personal.c - see personal.h. */
#include "user/detect/personal.h"

#include <string.h>

#include "user/detect/checks.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define BLOCK       64
#define LOCAL_MAX   64 /* RFC 5321 section 4.5.3.1 */
#define DOMAIN_MAX  255
#define NUMBER_MAX  40 /* bytes of a number with what stands between its digits */
#define LABEL_SHORT 2

struct masks {
	uint64_t digits, ats, dots;
};

/* Which of 64 bytes are digits, '@' and '.': bit i for byte i. */
#ifdef __SSE2__
static struct masks classify(const char *p)
{
	struct masks masks = {0};

	for (unsigned i = 0; i < 4; i++) {
		__m128i block = _mm_loadu_si128((const __m128i *)(p + 16 * i));
		/* '0'..'9' to -128..-119, everything else above */
		__m128i moved = _mm_sub_epi8(block, _mm_set1_epi8((char)('0' + 128)));
		__m128i digit = _mm_cmplt_epi8(moved, _mm_set1_epi8(-128 + 10));
		__m128i at = _mm_cmpeq_epi8(block, _mm_set1_epi8('@'));
		__m128i dot = _mm_cmpeq_epi8(block, _mm_set1_epi8('.'));

		masks.digits |= (uint64_t)(uint32_t)_mm_movemask_epi8(digit) << 16 * i;
		masks.ats |= (uint64_t)(uint32_t)_mm_movemask_epi8(at) << 16 * i;
		masks.dots |= (uint64_t)(uint32_t)_mm_movemask_epi8(dot) << 16 * i;
	}
	return masks;
}
#else
static struct masks classify(const char *p)
{
	struct masks masks = {0};

	for (unsigned i = 0; i < BLOCK; i++) {
		masks.digits |= (uint64_t)(p[i] >= '0' && p[i] <= '9') << i;
		masks.ats |= (uint64_t)(p[i] == '@') << i;
		masks.dots |= (uint64_t)(p[i] == '.') << i;
	}
	return masks;
}
#endif

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alnum(char c)
{
	return is_digit(c) || is_alpha(c);
}

static bool wanted(const struct personal *personal, enum rule_form form)
{
	return personal->forms >> form & 1;
}

/* --- mail addresses --------------------------------------------------------------------------- */

static bool is_local(char c)
{
	return is_alnum(c) || c == '.' || c == '_' || c == '%' || c == '+' || c == '-' || c == '\'';
}

/* "logo@2x.png" and friends: names of files, not of mail servers. */
static bool is_file_name(const char *label, size_t n)
{
	static const char endings[][5] = {"png",  "jpg", "jpeg", "gif",  "svg",  "webp", "css",
					  "js",   "ts",  "mjs",  "json", "html", "map",  "xml",
					  "yaml", "yml", "py",   "rb",   "php",  "java", "txt",
					  "md",   "zip", "gz",   "so",   "git",  "ico",  "local"};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (n == strnlen(endings[i], 5) && strncasecmp(label, endings[i], n) == 0)
			return true;
	return false;
}

static void try_email(struct personal *personal, struct raw bytes, size_t at)
{
	size_t begin = at, end = at + 1, label = at + 1, dots = 0;

	while (begin > 0 && at - begin < LOCAL_MAX && is_local(bytes.p[begin - 1]))
		begin--;
	/* an escape's letter in JSON, a quote or a dot before the name are not of it */
	if (begin > 0 && bytes.p[begin - 1] == '\\' && begin < at)
		begin++;
	while (begin < at && !is_alnum(bytes.p[begin]) && bytes.p[begin] != '_')
		begin++;
	if (begin == at || bytes.p[at - 1] == '.')
		return;
	while (end < bytes.n && end - at <= DOMAIN_MAX) {
		char c = bytes.p[end];

		if (c == '.' && end > label && end + 1 < bytes.n && is_alnum(bytes.p[end + 1])) {
			dots++;
			label = end + 1;
		} else if (!is_alnum(c) && !(c == '-' && end > label)) {
			break;
		}
		end++;
	}
	if (dots == 0 || end - label < LABEL_SHORT || end - label > 24)
		return;
	for (size_t i = label; i < end; i++)
		if (!is_alpha(bytes.p[i]))
			return;
	/* user:password@host of a URL, package@version, a longer path */
	if (is_file_name(bytes.p + label, end - label) ||
	    (begin > 0 && (bytes.p[begin - 1] == ':' || bytes.p[begin - 1] == '/') &&
	     !(begin >= 7 && memcmp(bytes.p + begin - 7, "mailto:", 7) == 0)))
		return;
	personal->found(personal, FORM_EMAIL, begin, end);
}

/* --- numbers ---------------------------------------------------------------------------------- */

/* Letters, digits, and what joins them to a longer name or number. */
static bool joins(struct raw bytes, size_t at)
{
	char c = bytes.p[at];

	return is_alnum(c) || c == '_' || c == '-' || c == '+' || (unsigned char)c >= 0x80;
}

/* Does nothing go on behind bytes[end)? A dot and a digit make a fraction. */
static bool ends(struct raw bytes, size_t end)
{
	if (end >= bytes.n)
		return true;
	if ((bytes.p[end] == '.' || bytes.p[end] == ',') && end + 1 < bytes.n &&
	    is_digit(bytes.p[end + 1]))
		return bytes.p[end] == ',';
	return bytes.p[end] != '=' && !joins(bytes, end);
}

static bool begins(struct raw bytes, size_t begin)
{
	if (begin == 0)
		return true;
	if (bytes.p[begin - 1] == '.' && begin > 1 && is_digit(bytes.p[begin - 2]))
		return false;
	if (begin > 1 && bytes.p[begin - 2] == '\\' && strchr("nrt", bytes.p[begin - 1]))
		return true;
	return bytes.p[begin - 1] != '#' && bytes.p[begin - 1] != '.' && !joins(bytes, begin - 1);
}

/* Groups of digits with one same sign between: "4111 1111 1111 1111". */
struct groups {
	uint8_t n, size[8];
	char sign; /* 0: one group */
	size_t end;
};

static bool read_groups(struct raw bytes, size_t begin, struct groups *ret_groups)
{
	struct groups groups = {.end = begin};
	size_t at = begin;

	while (groups.n < 8) {
		size_t first = at;

		while (at < bytes.n && is_digit(bytes.p[at]))
			at++;
		if (at == first || at - first > 19 || at - begin > NUMBER_MAX)
			break;
		groups.size[groups.n++] = (uint8_t)(at - first);
		groups.end = at;
		/* a whole card, and the next number behind it */
		if (groups.n == 1 && at - first >= 13)
			break;
		if (at + 1 >= bytes.n || (bytes.p[at] != ' ' && bytes.p[at] != '-') ||
		    (groups.sign && bytes.p[at] != groups.sign) || !is_digit(bytes.p[at + 1]))
			break;
		groups.sign = bytes.p[at++];
	}
	if (groups.n == 0)
		return false;
	*ret_groups = groups;
	return true;
}

static bool is_grouped(const struct groups *groups, const char *sizes)
{
	if (groups->n != strlen(sizes))
		return false;
	for (size_t i = 0; i < groups->n; i++)
		if (groups->size[i] != sizes[i] - '0')
			return false;
	return true;
}

static void try_number(struct personal *personal, struct raw bytes, size_t begin)
{
	struct groups groups;
	struct raw value;

	if (!begins(bytes, begin) || !read_groups(bytes, begin, &groups) ||
	    !ends(bytes, groups.end))
		return;
	value = (struct raw){bytes.p + begin, groups.end - begin};
	if (wanted(personal, FORM_SSN) && groups.sign && is_grouped(&groups, "324") &&
	    check_ssn(value))
		personal->found(personal, FORM_SSN, begin, groups.end);
	if (!wanted(personal, FORM_CARD))
		return;
	if ((groups.n == 1 || is_grouped(&groups, "4444") || is_grouped(&groups, "465") ||
	     is_grouped(&groups, "464") || is_grouped(&groups, "44443")) &&
	    check_card(value))
		personal->found(personal, FORM_CARD, begin, groups.end);
}

/* "DE89 3704 0044 0532 0130 00": `at` is in its digits, the country stands before them. */
static void try_iban(struct personal *personal, struct raw bytes, size_t begin)
{
	size_t end = begin;
	bool spaced = begin + 4 < bytes.n && bytes.p[begin + 4] == ' ';

	for (size_t n = 0; end < bytes.n && n < 42; end++, n++) {
		char c = bytes.p[end];

		if (!is_digit(c) && !(c >= 'A' && c <= 'Z') && !(spaced && c == ' ' && n % 5 == 4))
			break;
	}
	/* "... 00 EUR": what follows in capitals may not be of it */
	for (; end >= begin + 15; end--) {
		bool cut = bytes.p[end - 1] != ' ' && ends(bytes, end);

		if (cut && check_iban((struct raw){bytes.p + begin, end - begin})) {
			personal->found(personal, FORM_IBAN, begin, end);
			return;
		}
		while (end > begin && bytes.p[end - 1] != ' ')
			end--;
		if (end == begin)
			return;
	}
}

/* Four digits in a row end at `at`: the number they are of, once. */
static size_t try_digits(struct personal *personal, struct raw bytes, size_t at, size_t done)
{
	size_t begin = at, low = at > NUMBER_MAX ? at - NUMBER_MAX : 0;
	struct groups groups;
	char sign = 0;

	if (low < done)
		low = done;
	while (begin > low && is_digit(bytes.p[begin - 1]))
		begin--;
	/* the country and check digits of an IBAN: "DE89370400440532013000", "DE89 3704 0044" */
	for (size_t back = 2; back <= 5 && wanted(personal, FORM_IBAN); back++) {
		size_t first = begin - back;

		if (back > begin || first < done ||
		    !(bytes.p[first] >= 'A' && bytes.p[first] <= 'Z'))
			continue;
		if (bytes.p[first + 1] >= 'A' && bytes.p[first + 1] <= 'Z' &&
		    is_digit(bytes.p[first + 2]) && is_digit(bytes.p[first + 3]) &&
		    begins(bytes, first))
			try_iban(personal, bytes, first);
	}
	/* back over groups: "123-45-6789" is found by its last one */
	while (at + 1 - begin < 13 && begin > low + 1 && is_digit(bytes.p[begin - 2]) &&
	       (bytes.p[begin - 1] == ' ' || bytes.p[begin - 1] == '-') &&
	       (!sign || bytes.p[begin - 1] == sign)) {
		sign = bytes.p[--begin];
		while (begin > low && is_digit(bytes.p[begin - 1]))
			begin--;
	}
	if (wanted(personal, FORM_CARD) || wanted(personal, FORM_SSN))
		try_number(personal, bytes, begin);
	if (!read_groups(bytes, begin, &groups))
		return at;
	return groups.end > at ? groups.end : at;
}

/* --- addresses -------------------------------------------------------------------------------- */

/* Two dots a digit or more apart begin at `at`. Returns where to go on. */
static size_t try_ipv4(struct personal *personal, struct raw bytes, size_t dot)
{
	size_t begin = dot, at;
	unsigned parts[4];

	while (begin > 0 && dot - begin < 4 && is_digit(bytes.p[begin - 1]))
		begin--;
	at = begin;
	for (unsigned i = 0; i < 4; i++) {
		size_t first = at;

		parts[i] = 0;
		while (at < bytes.n && at - first < 4 && is_digit(bytes.p[at]))
			parts[i] = parts[i] * 10 + (unsigned)(bytes.p[at++] - '0');
		/* "01" is of a version or a date */
		if (at == first || parts[i] > 255 || (at - first > 1 && bytes.p[first] == '0'))
			return at;
		if (i < 3 && (at >= bytes.n || bytes.p[at++] != '.'))
			return at;
	}
	if (!begins(bytes, begin) || !ends(bytes, at) ||
	    (at < bytes.n && bytes.p[at] == '.' && at + 1 < bytes.n && is_alnum(bytes.p[at + 1])))
		return at;
	/* nobody's: this host, any, loopback, link-local, multicast and above; 1.2.3.4 is a version
	 */
	if (parts[0] == 0 || parts[0] == 127 || parts[0] >= 224 ||
	    (parts[0] == 169 && parts[1] == 254) ||
	    (parts[0] < 10 && parts[1] < 10 && parts[2] < 10 && parts[3] < 10))
		return at;
	personal->found(personal, FORM_IPV4, begin, at);
	return at;
}

/* --- the pass --------------------------------------------------------------------------------- */

struct pass {
	struct masks before; /* of the block before: what began there may end here */
	size_t numbers_done, addresses_done;
};

static void look(struct personal *personal, struct raw bytes, size_t base,
		 const struct masks *masks, struct pass *pass)
{
	uint64_t d1 = masks->digits << 1 | pass->before.digits >> 63;
	uint64_t d2 = masks->digits << 2 | pass->before.digits >> 62;
	uint64_t d3 = masks->digits << 3 | pass->before.digits >> 61;
	/* the fourth digit in a row */
	uint64_t fours = masks->digits & d1 & d2 & d3;
	/* a dot behind a digit, and one 2 to 4 bytes before it */
	uint64_t dots = masks->dots & d1;
	uint64_t pairs = dots & ((dots << 2 | pass->before.dots >> 62) |
				 (dots << 3 | pass->before.dots >> 61) |
				 (dots << 4 | pass->before.dots >> 60));
	uint64_t ats = masks->ats;

	for (; ats && wanted(personal, FORM_EMAIL); ats &= ats - 1)
		try_email(personal, bytes, base + (size_t)__builtin_ctzll(ats));
	for (; fours && personal->forms & (1u << FORM_CARD | 1u << FORM_IBAN | 1u << FORM_SSN);
	     fours &= fours - 1) {
		size_t at = base + (size_t)__builtin_ctzll(fours);

		if (at >= pass->numbers_done)
			pass->numbers_done = try_digits(personal, bytes, at, pass->numbers_done);
	}
	for (; pairs && wanted(personal, FORM_IPV4); pairs &= pairs - 1) {
		size_t at = base + (size_t)__builtin_ctzll(pairs), first = at - 1;

		if (at < pass->addresses_done)
			continue;
		while (bytes.p[first] != '.')
			first--;
		pass->addresses_done = try_ipv4(personal, bytes, first);
	}
	pass->before = *masks;
}

void personal_scan(struct personal *personal, struct raw bytes)
{
	struct pass pass = {0};
	struct masks masks;
	char last[BLOCK] = {0};
	size_t at;

	for (at = 0; at + BLOCK <= bytes.n && personal->forms; at += BLOCK) {
		masks = classify(bytes.p + at);
		look(personal, bytes, at, &masks, &pass);
	}
	if (at < bytes.n && bytes.n - at < BLOCK) {
		memcpy(last, bytes.p + at, bytes.n - at);
		masks = classify(last);
		look(personal, bytes, at, &masks, &pass);
	}
}
