/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificates.h - the certificates seen of servers and of their clients, by service, port, side
 * and fingerprint, with first, last and count; and which name was asked for in the handshake that
 * one came with: certificate and handshake arrive on different ways, either first.
 *
 * Bounded: the one not seen for longest makes room, counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/detect/handshake.h"
#include "user/inspect/report.h"

#define CERTIFICATES_MAX 512

struct certificate {
	char fingerprint[72]; /* SHA-256 of the DER, hex */
	char key[24]; /* "RSA", "EC P-256", "Ed25519" */
	char signature[48];
	char subject[128], issuer[128];
	char names[512]; /* comma-separated; "..." last: there are more */
	char server_name[HANDSHAKE_NAME]; /* last asked for where it was given; "" = not known */
	int64_t not_before_s, not_after_s; /* Unix time */
	int64_t first_wall_ns, last_wall_ns;
	uint64_t count; /* handshakes it was sent in: the more of the two below */
	uint64_t wire, library; /* seen there; up to TLS 1.2 often at both */
	uint16_t service, port; /* interned id */
	uint16_t key_bits;
	bool self_signed;
	bool client; /* a client's */
	bool dirty; /* not stored yet */
	bool sound; /* certificate_is_sound() */
};

/* Nothing but time can be said against it: its key and its signature are not weak (TLS-05). */
bool certificate_is_sound(const struct certificate *certificate);

struct certificates;

int certificates_new(struct certificates **ret_certificates);
void certificates_free(struct certificates *certificates); /* NULL-safe */

/*
 * One was seen. Borrowed until the next change. *ret_name: the name its client asked for, if the
 * handshake was here before, else NULL; likewise borrowed. *ret_counted: this is a handshake more,
 * not one that was seen at the other place already. Whose connection the library's were cannot be
 * told: those have no name.
 */
const struct certificate *certificates_add(struct certificates *certificates,
					   const struct report_certificate *report, int64_t wall_ns,
					   const char **ret_name, bool *ret_counted);
/* A handshake was seen: the certificate of its connection, if that was here before, else NULL. */
const struct certificate *certificates_handshake(struct certificates *certificates,
						 const struct handshake *handshake);

size_t certificates_count(const struct certificates *certificates);
const struct certificate *certificates_at(const struct certificates *certificates, size_t i);
uint64_t certificates_evicted(const struct certificates *certificates);

/* What was stored, and what is not yet. */
void certificates_restore(struct certificates *certificates, const struct certificate *one);
void certificates_each_dirty(const struct certificates *certificates,
			     void (*fn)(const struct certificate *one, void *userdata),
			     void *userdata);
/* Is there among them what is more than a count that went on and the time of the last one? */
bool certificates_have_news(const struct certificates *certificates);
void certificates_stored(struct certificates *certificates);
void certificates_unstored(struct certificates *certificates);
