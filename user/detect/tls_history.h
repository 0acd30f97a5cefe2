/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_history.h - what each service's handshakes were: versions, ciphers, groups, ALPN, server
 * names and fingerprints, each with first, last and count; the best version each name has given
 * (TLS-03); and which match keys a JA4 has (TLS-06).
 *
 * Bounded per service and kind: what was not seen for longest makes room, counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/detect/handshake.h"

#define TLS_VALUES_MAX 256 /* per service and kind */
#define TLS_NAMES_MAX  256 /* per service */
#define TLS_KEYS_MAX   8192
#define TLS_VALUE      80

enum tls_kind {
	TLS_KIND_VERSION,
	TLS_KIND_CIPHER,
	TLS_KIND_GROUP,
	TLS_KIND_ALPN,
	TLS_KIND_NAME,
	TLS_KIND_JA4,
	TLS_KINDS
};
const char *tls_kind_name(enum tls_kind kind); /* "versions", ...: as the API names them */
int tls_kind_find(const char *name); /* -ENOENT */

struct tls_value {
	char text[TLS_VALUE];
	int64_t first_wall_ns, last_wall_ns;
	uint64_t count;
	bool dirty; /* not stored yet */
};

/* A listening name: what a downgrade is measured against. */
struct tls_name {
	uint32_t sni_key;
	uint16_t port;
	uint16_t best; /* the highest version given */
	uint16_t last; /* the last one given to a client that offered the best */
	char sni[HANDSHAKE_NAME]; /* "" without a name */
	int64_t best_wall_ns; /* when the best was given last */
	int64_t fell_wall_ns; /* since when capable clients get less; 0 = they do not */
	uint64_t fell; /* how many since then */
	bool dirty;
};

struct tls_history;

int tls_history_new(struct tls_history **ret_history);
void tls_history_free(struct tls_history *history); /* NULL-safe */

/*
 * Takes a handshake in. *ret_name: as the name was before it, for judging (a copy; all zero if it
 * is new); may be NULL. -ENOMEM.
 */
int tls_history_add(struct tls_history *history, const struct handshake *handshake,
		    struct tls_name *ret_name);

/* What there is of a service (interned id); borrowed until the next change. */
size_t tls_history_values(const struct tls_history *history, uint16_t service, enum tls_kind kind,
			  const struct tls_value **ret_values);
size_t tls_history_names(const struct tls_history *history, uint16_t service,
			 const struct tls_name **ret_names);
uint64_t tls_history_evicted(const struct tls_history *history);

/* Match keys of a JA4, the newest first; returns how many were written. */
size_t tls_history_keys(const struct tls_history *history, const char *ja4, uint64_t *keys,
			size_t max);

/*
 * The JA4 of this hello, if it was computed of one with the same match key by this process (what
 * was stored is not taken for computed); else NULL. Borrowed until the next handshake.
 */
const char *tls_history_computed(const struct tls_history *history, const struct gl_hello *hello);

/* The JA4 of a match key; NULL: not known any more. Borrowed until the next handshake. */
const char *tls_history_ja4(const struct tls_history *history, uint64_t key);

/* A change that was meant: the names' best is what they give from now on. Returns how many. */
size_t tls_history_forget(struct tls_history *history, uint16_t service);

/* What was stored. */
int tls_history_restore_value(struct tls_history *history, uint16_t service, enum tls_kind kind,
			      const struct tls_value *value);
int tls_history_restore_name(struct tls_history *history, uint16_t service,
			     const struct tls_name *name);
void tls_history_restore_key(struct tls_history *history, const char *ja4, uint64_t key);

/* Each thing that is not stored yet; they all are, after tls_history_stored(). */
struct tls_history_sink {
	void (*value)(uint16_t service, enum tls_kind kind, const struct tls_value *value,
		      void *userdata);
	void (*name)(uint16_t service, const struct tls_name *name, void *userdata);
	void (*key)(const char *ja4, uint64_t key, void *userdata);
	void *userdata;
};
void tls_history_each_dirty(const struct tls_history *history, const struct tls_history_sink *sink);
/* Is there among them what is more than a count that went on and the time of the last one? */
bool tls_history_has_news(const struct tls_history *history);
void tls_history_stored(struct tls_history *history);
void tls_history_unstored(struct tls_history *history);
