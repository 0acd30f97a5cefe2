/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sources.h - who was seen lately, from the ring's records: for `sources top`, for the list of
 * windows worth showing, and for the blast radius of an automatic ban.
 *
 * Fed from outside, therefore bounded: sets of 8, the least recently seen one is evicted and
 * counted; sets are chosen by a keyed hash. It explains and never decides a request: a lossy ring
 * makes it too low, never a limit too high.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/base/addr.h"

#define SOURCES_DEFAULT 16384

struct source_use {
	struct gl_addr addr; /* /32, /64 */
	uint64_t requests; /* answered + limited + refused */
	uint64_t limited, refused; /* would-verdicts too */
	uint64_t last_ns; /* CLOCK_BOOTTIME; 0 = free */
	uint64_t principals[2]; /* this period and the one before: a bit per hash of a proven one */
	uint64_t principals_ns; /* when this period began */
	uint64_t hellos[2]; /* the same of the TLS clients' fingerprints */
	uint64_t hellos_ns;
	uint64_t hello; /* the last one's match key; 0 = none */
	uint64_t good_ns; /* when the application answered it well last; 0 = never */
};

struct sources;

int sources_new(size_t size, const struct gl_key *key, struct sources **ret_sources);
void sources_free(struct sources *sources);

void sources_verdict(struct sources *sources, const struct gl_rec_verdict *record);
void sources_response(struct sources *sources, const struct gl_rec_response *record);

/* The `n` at most with the most limited and refused requests, then the most requests. Returns how
 * many; copies. */
size_t sources_top(const struct sources *sources, struct source_use *out, size_t n);

/*
 * How many proven principals, about, were answered behind this source in the last 10 to 20 minutes:
 * the good clients a ban of it would hit. 0..64, exact while few.
 */
unsigned sources_principals(const struct sources *sources, const struct gl_addr *addr,
			    uint64_t now_ns);

/* A TLS client behind this source, by its fingerprint's key; only of sources that are known. */
void sources_hello(struct sources *sources, const struct gl_addr *addr, uint64_t key,
		   uint64_t now_ns);
/* Clients behind a source, about: the more of proven principals and, where it was served lately,
 * TLS fingerprints. 0..64. */
unsigned sources_clients(const struct sources *sources, const struct gl_addr *addr,
			 uint64_t now_ns);
/* The match key of its last TLS client, 0: none is known. */
uint64_t sources_last_hello(const struct sources *sources, const struct gl_addr *addr);
/* Of sources that were served lately, how many had a client with one of these keys, at most. */
void sources_with_hello(const struct sources *sources, const uint64_t *keys, size_t n,
			uint64_t now_ns, uint32_t *ret_hit, uint32_t *ret_all);
/* Sources the application answered well in the last 10 minutes, and how many of them lie in
 * `prefix` (of length 0: none). */
void sources_served(const struct sources *sources, const struct addr_prefix *prefix,
		    uint64_t now_ns, uint32_t *ret_hit, uint32_t *ret_all);

uint64_t sources_evicted(const struct sources *sources);
