/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * open_match.h - does a decision fall on a connection that is open, or on a request in flight on
 * it? What is asked is put together by user/keeper/open_cut.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/addr.h"
#include "user/respond/subjects.h"

enum open_match_kind {
	OPEN_SOURCE, /* a connection's peer, or a request's source */
	OPEN_OPERATION, /* a request of this operation */
	OPEN_PRINCIPAL, /* a request that bears one of these credentials */
	OPEN_SERVICE, /* the service's, but of these networks */
	OPEN_HELLO, /* TLS connections that began with one of these hellos */
};

struct open_match {
	enum open_match_kind kind;
	struct addr_prefix source;
	uint16_t service, op; /* interned ids */
	uint64_t keys[SUBJECT_KEYS * 2]; /* of credentials, or of hellos */
	unsigned n_keys;
	struct addr_prefix networks[SUBJECT_NETS];
	unsigned n_networks;
};

/*
 * open: as the kernel told, or (GL_OPEN_REQUEST) of a stream. service: the interned id its port
 * belongs to; trusted: its peer is a proxy, whose connection is judged by its requests only.
 */
bool open_matches(const struct open_match *match, const struct gl_open *open, uint16_t service,
		  bool trusted);
