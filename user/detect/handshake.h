/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handshake.h - one TLS handshake as user space keeps it: bounded, its texts printable, its
 * fingerprint computed. Made from the kernel's record; history, judgement and events take it.
 */
#pragma once

#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/detect/ja4.h"

#define HANDSHAKE_NAME 80 /* a server name, cut */
#define HANDSHAKE_ALPN 32

struct handshake {
	uint64_t conn, key; /* key: the match key of its fingerprint */
	int64_t wall_ns;
	struct gl_addr source;
	uint32_t sni_key;
	uint16_t port, peer_port;
	uint16_t service; /* interned id */
	uint16_t version, cipher, group; /* negotiated; 0 = none, or not known */
	uint16_t offered; /* highest version */
	uint16_t best; /* version the name had given before */
	uint16_t hello_flags, server_flags; /* enum gl_hello_flags, gl_server_hello_flags */
	uint8_t result; /* enum gl_handshake */
	uint8_t downgrade; /* enum gl_downgrade bits */
	uint8_t verdict, reason, delivery, mode;
	uint8_t alert; /* the agent's; 0 = none */
	uint8_t server_alert;
	char ja4[JA4_TEXT]; /* "" where it cannot be told */
	char sni[HANDSHAKE_NAME];
	char alpn[HANDSHAKE_ALPN]; /* the server's choice, else "" */
};

/* `ja4` is the hello's, if it was computed before (tls_history_computed()); NULL: it is computed.
 */
void handshake_read(const struct gl_rec_handshake *record, int64_t wall_ns, const char *ja4,
		    struct handshake *ret_handshake);

/* "1.3", "SSL 3.0", "0x7f1c"; in *spare where there is no name. */
#define HANDSHAKE_TEXT 16
const char *handshake_version(uint16_t version, char spare[HANDSHAKE_TEXT]);
/* "x25519", "X25519MLKEM768", "0x1234" */
const char *handshake_group(uint16_t group, char spare[HANDSHAKE_TEXT]);
const char *handshake_cipher(uint16_t cipher, char spare[HANDSHAKE_TEXT]);
const char *handshake_result(uint8_t result);
