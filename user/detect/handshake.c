/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/handshake.h"

#include <stdio.h>
#include <string.h>

#include "user/base/name_table.h"
#include "user/policy/ciphers.h"

/* IANA, TLS Supported Groups. */
static const struct {
	uint16_t value;
	const char *name;
} groups[] = {
	{0x0017, "secp256r1"},
	{0x0018, "secp384r1"},
	{0x0019, "secp521r1"},
	{0x001a, "brainpoolP256r1"},
	{0x001b, "brainpoolP384r1"},
	{0x001c, "brainpoolP512r1"},
	{0x001d, "x25519"},
	{0x001e, "x448"},
	{0x0100, "ffdhe2048"},
	{0x0101, "ffdhe3072"},
	{0x0102, "ffdhe4096"},
	{0x0103, "ffdhe6144"},
	{0x0104, "ffdhe8192"},
	{0x0200, "MLKEM512"},
	{0x0201, "MLKEM768"},
	{0x0202, "MLKEM1024"},
	{0x11eb, "SecP256r1MLKEM768"},
	{0x11ec, "X25519MLKEM768"},
	{0x11ed, "SecP384r1MLKEM1024"},
	{0x6399, "X25519Kyber768Draft00"},
};

static const char *hexadecimal(uint16_t value, char spare[HANDSHAKE_TEXT])
{
	snprintf(spare, HANDSHAKE_TEXT, "0x%04x", value);
	return spare;
}

const char *handshake_version(uint16_t version, char spare[HANDSHAKE_TEXT])
{
	switch (version) {
	case 0:
		return "none";
	case 0x0002:
		return "SSL 2.0";
	case 0x0300:
		return "SSL 3.0";
	case GL_TLS_1_0:
		return "1.0";
	case GL_TLS_1_1:
		return "1.1";
	case GL_TLS_1_2:
		return "1.2";
	case GL_TLS_1_3:
		return "1.3";
	}
	return hexadecimal(version, spare);
}

const char *handshake_group(uint16_t group, char spare[HANDSHAKE_TEXT])
{
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (groups[i].value == group)
			return groups[i].name;
	return hexadecimal(group, spare);
}

const char *handshake_cipher(uint16_t cipher, char spare[HANDSHAKE_TEXT])
{
	return cipher_name(cipher) ?: hexadecimal(cipher, spare);
}

const char *handshake_result(uint8_t result)
{
	static const char *const names[GL_HANDSHAKE_MAX] = {GL_HANDSHAKE_LIST(NAME_TABLE_ENTRY)};

	return NAME_OF(names, result);
}

/* Bytes of the network as text: printable ASCII, anything else a '?'. */
static void printable(const char *from, size_t n, char *to, size_t room)
{
	size_t i;

	for (i = 0; i < n && i + 1 < room; i++)
		to[i] = from[i] > ' ' && from[i] < 0x7f && from[i] != '"' ? from[i] : '?';
	to[i] = '\0';
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

void handshake_read(const struct gl_rec_handshake *record, int64_t wall_ns, const char *ja4,
		    struct handshake *ret_handshake)
{
	const struct gl_server_hello *server = &record->server_hello;
	const struct gl_hello *hello = &record->hello;
	struct handshake *h = ret_handshake;

	*h = (struct handshake){
		.conn = record->conn,
		.key = hello->key,
		.wall_ns = wall_ns,
		.source = record->source,
		.sni_key = hello->sni_key,
		.port = record->port,
		.peer_port = record->peer_port,
		.service = record->service,
		.version = server->version,
		.cipher = server->version ? server->cipher : 0,
		.group = server->group,
		.offered = hello->max_version,
		.best = record->best,
		.hello_flags = hello->flags,
		.server_flags = server->flags,
		.result = record->result,
		.downgrade = record->downgrade,
		.verdict = record->verdict,
		.reason = record->reason,
		.delivery = record->delivery,
		.mode = record->mode,
		.alert = record->alert,
		.server_alert = server->alert,
	};
	if (ja4)
		memcpy(h->ja4, ja4, strnlen(ja4, JA4_TEXT - 1));
	else if (ja4_text(hello, h->ja4) < 0)
		h->ja4[0] = '\0';
	printable(hello->sni, least(hello->sni_len, GL_HELLO_SNI), h->sni, sizeof(h->sni));
	printable(server->alpn, least(server->alpn_len, sizeof(server->alpn)), h->alpn,
		  sizeof(h->alpn));
}
