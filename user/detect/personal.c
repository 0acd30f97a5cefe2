/* SPDX-License-Identifier: GPL-2.0-or-later */
/* personal.c - see personal.h. */
#include "user/detect/personal.h"

#include <arpa/inet.h>
#include <string.h>

#include "user/detect/blocks.h"
#include "user/detect/checks.h"

#define LOCAL_MAX   64 /* RFC 5321 section 4.5.3.1 */
#define DOMAIN_MAX  255
#define NUMBER_MAX  40 /* bytes of a number with what stands between its digits */
#define LABEL_SHORT 2
#define BLOCKS      32 /* read at once */

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

/* --- passwords in addresses ------------------------------------------------------------------- */

#define URL_USER_MAX     64
#define URL_PASSWORD_MAX 128

/* Of a URL's authority: no sign that ends one, no quote, no blank. */
static bool is_authority(char c)
{
	return (unsigned char)c > ' ' && !strchr("/@\"'<>", c);
}

/* "scheme://user:password@host": `at` is where the '@' is. */
static void try_url_password(struct personal *personal, struct raw bytes, size_t at)
{
	size_t begin = at, user;

	if (at + 1 >= bytes.n || !is_alnum(bytes.p[at + 1]))
		return;
	while (begin > 0 && at - begin < URL_PASSWORD_MAX && is_authority(bytes.p[begin - 1]))
		begin--;
	/* the user ends at the first colon behind "//", the password goes on to the '@' */
	if (begin < 3 || bytes.p[begin - 1] != '/' || bytes.p[begin - 2] != '/' ||
	    bytes.p[begin - 3] != ':')
		return;
	for (user = begin; user < at && bytes.p[user] != ':';)
		user++;
	if (user == at || user == begin || user - begin > URL_USER_MAX || at - user <= 3)
		return;
	personal->found(personal, FORM_URL_PASSWORD, user + 1, at);
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

/* Of a row of numbers as long as its groups ("7713 4111 1111 1111 1111"), which is no card. */
static bool in_row(struct raw bytes, size_t begin, const struct groups *groups)
{
	size_t at = begin - 1, first;

	if (!groups->sign || begin == 0 || bytes.p[at] != groups->sign)
		return false;
	for (first = at; first > 0 && at - first < 5 && is_digit(bytes.p[first - 1]);)
		first--;
	return at - first == groups->size[0];
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
	    !in_row(bytes, begin, &groups) && check_card(value))
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

static bool is_ipv6(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':';
}

/* Not nobody's: unspecified, this host, IPv4 in it, link-local, multicast, the documentation's. */
static bool is_somebody(const unsigned char address[16])
{
	static const unsigned char zeroes[10];

	return memcmp(address, zeroes, sizeof(zeroes)) != 0 &&
	       !(address[0] == 0xfe && (address[1] & 0xc0) == 0x80) && address[0] != 0xff &&
	       memcmp(address, "\x20\x01\x0d\xb8", 4) != 0;
}

/* A colon of one stands at `at`. Returns where to go on. */
static size_t try_ipv6(struct personal *personal, struct raw bytes, size_t at)
{
	char text[INET6_ADDRSTRLEN];
	unsigned char address[16];
	size_t begin = at, end = at;

	while (begin > 0 && at - begin < sizeof(text) && is_ipv6(bytes.p[begin - 1]))
		begin--;
	while (end < bytes.n && end - begin < sizeof(text) && is_ipv6(bytes.p[end]))
		end++;
	/* the colon of "peer: 2a01:..." is not of it, nor is the one of a sentence behind it */
	if (begin < at && bytes.p[begin] == ':' && bytes.p[begin + 1] != ':')
		begin++;
	if (end - begin > 2 && bytes.p[end - 1] == ':' && bytes.p[end - 2] != ':')
		end--;
	if (end - begin >= sizeof(text) || !begins(bytes, begin) ||
	    (end < bytes.n && (joins(bytes, end) || bytes.p[end] == '.')))
		return end;
	memcpy(text, bytes.p + begin, end - begin);
	text[end - begin] = 0;
	if (inet_pton(AF_INET6, text, address) == 1 && is_somebody(address))
		personal->found(personal, FORM_IPV6, begin, end);
	return end;
}

/* --- the pass --------------------------------------------------------------------------------- */

/* Bit i: the last 2, 4, 8 bytes up to and with byte i are of one set. */
struct rows {
	uint64_t twos, fours, eights;
};

struct pass {
	struct text_bits before; /* of the block before: what began there may end here */
	struct rows digits, words; /* the same */
	uint64_t stops, pairs; /* dots behind digits; colons close behind another */
	uint64_t groups; /* four digits behind a gap */
	uint64_t long_word; /* it ended inside a word that was told */
	size_t addresses_done, v6_done;
};

/* The bits n places before these, over the edge to the block before. */
static uint64_t back(uint64_t now, uint64_t before, unsigned n)
{
	return now << n | before >> (64 - n);
}

static struct rows read_rows(uint64_t now, uint64_t before, const struct rows *rows)
{
	struct rows new;

	new.twos = now &back(now, before, 1);
	new.fours = new.twos &back(new.twos, rows->twos, 2);
	new.eights = new.fours &back(new.fours, rows->fours, 4);
	return new;
}

/* This block's bits above those of the block before it, for what reaches far back. */
typedef unsigned __int128 both;

static both join(uint64_t now, uint64_t before)
{
	return (both)now << 64 | before;
}

static uint64_t here(both bits)
{
	return (uint64_t)(bits >> 64);
}

/* Ends of 3-2-4 digits. */
static uint64_t as_ssn(both digits, both fours, both gaps)
{
	both pairs = digits & digits << 1;

	return here(fours & gaps << 4 & pairs << 5 & gaps << 7 & pairs << 8 & digits << 10);
}

/* Ends of 4-4-4-4; 4-6-5; 4-6-4; 4-4-4-4-3: how cards are written. */
static uint64_t as_card_16(both fours, both gaps)
{
	return here(fours & gaps << 4 & fours << 5 & gaps << 9 & fours << 10 & gaps << 14 &
		    fours << 15);
}

static uint64_t as_card_15(both digits, both fours, both gaps)
{
	both sixes = fours & digits << 4 & digits << 5;

	return here(fours & digits << 4 & gaps << 5 & sixes << 6 & gaps << 12 & fours << 13);
}

static uint64_t as_card_14(both digits, both fours, both gaps)
{
	both sixes = fours & digits << 4 & digits << 5;

	return here(fours & gaps << 4 & sixes << 5 & gaps << 11 & fours << 12);
}

static uint64_t as_card_19(both digits, both fours, both gaps)
{
	both threes = digits & digits << 1 & digits << 2;

	return here(threes & gaps << 3 & fours << 4 & gaps << 8 & fours << 9 & gaps << 13 &
		    fours << 14 & gaps << 18 & fours << 19);
}

/* The numbers whose last digits, of `size` bytes with the gaps, these are. */
static void try_ends(struct personal *personal, struct raw bytes, size_t base, uint64_t last,
		     size_t size)
{
	for (; last; last &= last - 1)
		try_number(personal, bytes, base + (size_t)__builtin_ctzll(last) + 1 - size);
}

/* There are four digits behind a gap: numbers in groups end near there. */
static void look_groups(struct personal *personal, struct raw bytes, size_t base,
			const struct text_bits *bits, const struct rows *rows,
			const struct pass *pass)
{
	both digits = join(bits->digits, pass->before.digits);
	both fours = join(rows->fours, pass->digits.fours);
	both gaps = join(bits->gaps, pass->before.gaps);

	if (wanted(personal, FORM_SSN))
		try_ends(personal, bytes, base, as_ssn(digits, fours, gaps), 11);
	if (!wanted(personal, FORM_CARD))
		return;
	try_ends(personal, bytes, base, as_card_16(fours, gaps), 19);
	try_ends(personal, bytes, base, as_card_15(digits, fours, gaps), 17);
	try_ends(personal, bytes, base, as_card_14(digits, fours, gaps), 16);
	try_ends(personal, bytes, base, as_card_19(digits, fours, gaps), 23);
}

static void look_numbers(struct personal *personal, struct raw bytes, size_t base,
			 const struct text_bits *bits, const struct rows *rows, struct pass *pass)
{
	uint64_t groups = rows->fours & back(bits->gaps, pass->before.gaps, 4);
	/* thirteen in a row: a card without gaps */
	uint64_t rest = rows->eights & back(rows->fours, pass->digits.fours, 8) &
			back(bits->digits, pass->before.digits, 12);

	if (groups | pass->groups >> 59)
		look_groups(personal, bytes, base, bits, rows, pass);
	if (rest && wanted(personal, FORM_CARD))
		try_ends(personal, bytes, base, rest & ~(rest << 1), 13);
	pass->groups = groups;
}

/* Two capitals and two digits. */
static void look_ibans(struct personal *personal, struct raw bytes, size_t base,
		       const struct text_bits *bits, const struct rows *rows,
		       const struct pass *pass)
{
	uint64_t at = rows->twos & back(bits->uppers, pass->before.uppers, 2) &
		      back(bits->uppers, pass->before.uppers, 3);

	for (; at && wanted(personal, FORM_IBAN); at &= at - 1) {
		size_t begin = base + (size_t)__builtin_ctzll(at) - 3;

		if (begins(bytes, begin))
			try_iban(personal, bytes, begin);
	}
}

/* A dot behind a digit, and one 2 to 4 bytes before it. */
static void look_addresses(struct personal *personal, struct raw bytes, size_t base,
			   const struct text_bits *bits, struct pass *pass)
{
	uint64_t stops = bits->dots & back(bits->digits, pass->before.digits, 1);
	uint64_t pairs = stops & (back(stops, pass->stops, 2) | back(stops, pass->stops, 3) |
				  back(stops, pass->stops, 4));

	for (; pairs && wanted(personal, FORM_IPV4); pairs &= pairs - 1) {
		size_t at = base + (size_t)__builtin_ctzll(pairs), first = at - 1;

		if (at < pass->addresses_done)
			continue;
		while (bytes.p[first] != '.')
			first--;
		pass->addresses_done = try_ipv4(personal, bytes, first);
	}
	pass->stops = stops;
}

/* Bits that have one of the same set 1 to 5 places before them. */
static uint64_t follow(uint64_t now, uint64_t before)
{
	return now & (back(now, before, 1) | back(now, before, 2) | back(now, before, 3) |
		      back(now, before, 4) | back(now, before, 5));
}

/* "::", or the third colon of groups of at most four: a time of day has two. */
static void look_v6(struct personal *personal, struct raw bytes, size_t base,
		    const struct text_bits *bits, struct pass *pass)
{
	uint64_t pairs = 0, at;

	if (bits->colons | pass->before.colons >> 59)
		pairs = follow(bits->colons, pass->before.colons);
	if (pairs | pass->pairs >> 59) {
		at = follow(pairs, pass->pairs) |
		     (bits->colons & back(bits->colons, pass->before.colons, 1));
		for (; at && wanted(personal, FORM_IPV6); at &= at - 1) {
			size_t colon = base + (size_t)__builtin_ctzll(at);

			if (colon >= pass->v6_done)
				pass->v6_done = try_ipv6(personal, bytes, colon);
		}
	}
	pass->pairs = pairs;
}

/* The last of so many bytes tells a long word, and where it began. */
static void look_words(struct personal *personal, size_t base, const struct rows *rows,
		       struct pass *pass)
{
	uint64_t row = rows->eights & back(rows->eights, pass->words.eights, PERSONAL_WORD - 8);
	uint64_t at = row & ~(row << 1 | pass->long_word);

	pass->long_word = row >> 63;
	for (; at; at &= at - 1)
		personal->word(personal, base + (size_t)__builtin_ctzll(at) + 1 - PERSONAL_WORD);
}

static void look_ats(struct personal *personal, struct raw bytes, size_t base, uint64_t ats)
{
	for (; ats; ats &= ats - 1) {
		size_t at = base + (size_t)__builtin_ctzll(ats);

		if (wanted(personal, FORM_EMAIL))
			try_email(personal, bytes, at);
		if (wanted(personal, FORM_URL_PASSWORD))
			try_url_password(personal, bytes, at);
	}
}

static void look(struct personal *personal, struct raw bytes, size_t base,
		 const struct text_bits *bits, struct pass *pass)
{
	struct rows digits = read_rows(bits->digits, pass->before.digits, &pass->digits);
	struct rows words = read_rows(bits->words, pass->before.words, &pass->words);

	look_ats(personal, bytes, base, bits->ats);
	look_numbers(personal, bytes, base, bits, &digits, pass);
	look_ibans(personal, bytes, base, bits, &digits, pass);
	look_addresses(personal, bytes, base, bits, pass);
	look_v6(personal, bytes, base, bits, pass);
	if (personal->word)
		look_words(personal, base, &words, pass);
	pass->before = *bits;
	pass->digits = digits;
	pass->words = words;
}

void personal_scan(struct personal *personal, struct raw bytes)
{
	size_t n = bytes.n / BLOCK_BYTES + 1, at = 0; /* the last one is no whole one */
	struct text_bits bits[BLOCKS];
	char last[BLOCK_BYTES] = {0};
	struct pass pass = {0};

	memcpy(last, bytes.p + bytes.n / BLOCK_BYTES * BLOCK_BYTES, bytes.n % BLOCK_BYTES);
	for (size_t now; n > 0 && (personal->forms || personal->word); n -= now) {
		now = n <= BLOCKS ? n : BLOCKS;
		blocks_text(bytes.p + at, now == n ? n - 1 : now, bits);
		if (now == n)
			blocks_text(last, 1, &bits[n - 1]);
		for (size_t i = 0; i < now; i++, at += BLOCK_BYTES)
			look(personal, bytes, at, &bits[i], &pass);
	}
}
