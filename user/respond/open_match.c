/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/open_match.h"

static bool has_key(const struct open_match *match, uint64_t key)
{
	for (unsigned i = 0; key && i < match->n_keys; i++)
		if (match->keys[i] == key)
			return true;
	return false;
}

static bool bears(const struct open_match *match, const struct gl_open *open)
{
	for (unsigned i = 0; i < GL_OPEN_BORNE; i++)
		if (has_key(match, open->borne[i]))
			return true;
	return has_key(match, open->principal);
}

static bool may_pass(const struct open_match *match, const struct gl_addr *source)
{
	for (unsigned i = 0; i < match->n_networks; i++)
		if (prefix_contains(&match->networks[i], source))
			return true;
	return false;
}

bool open_matches(const struct open_match *match, const struct gl_open *open, uint16_t service,
		  bool trusted)
{
	bool request = open->flags & GL_OPEN_REQUEST;

	switch (match->kind) {
	case OPEN_SOURCE:
		return prefix_contains(&match->source, &open->peer) ||
		       (request && prefix_contains(&match->source, &open->source));
	case OPEN_OPERATION:
		return request && open->service == match->service && open->op == match->op;
	case OPEN_PRINCIPAL:
		return request && bears(match, open);
	case OPEN_SERVICE:
		if (service != match->service)
			return false;
		if (trusted)
			return request && !may_pass(match, &open->source);
		return !may_pass(match, &open->peer);
	case OPEN_HELLO:
		return has_key(match, open->hello_key);
	}
	return false;
}
