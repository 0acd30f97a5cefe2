/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_history_fixture.h - what the tests of the handshake history share: a history, a handshake to
 * start from, and looking at what is kept of it. Behind cmocka.h.
 */
#pragma once

#include <string.h>

#include "user/detect/tls_history.h"

static struct tls_history *history;

static inline int setup(void **state)
{
	(void)state;
	return tls_history_new(&history);
}

static inline int teardown(void **state)
{
	(void)state;
	tls_history_free(history);
	history = NULL;
	return 0;
}

static inline struct handshake plain(int64_t wall_ns)
{
	return (struct handshake){
		.wall_ns = wall_ns,
		.key = 7,
		.sni_key = 11,
		.port = 8443,
		.service = 3,
		.version = GL_TLS_1_3,
		.cipher = 0x1301,
		.group = 0x001d,
		.offered = GL_TLS_1_3,
		.result = GL_HANDSHAKE_NEGOTIATED,
		.ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1",
		.sni = "shop.test",
		.alpn = "h2",
	};
}

static inline struct tls_name add(struct handshake h)
{
	struct tls_name before = {.port = 1};

	assert_int_equal(tls_history_add(history, &h, &before), 0);
	return before;
}

static inline const struct tls_value *value_of(uint16_t service, enum tls_kind kind,
					       const char *text)
{
	const struct tls_value *values = NULL;
	size_t n = tls_history_values(history, service, kind, &values);

	for (size_t i = 0; i < n; i++)
		if (strcmp(values[i].text, text) == 0)
			return &values[i];
	return NULL;
}

static inline void assert_value(enum tls_kind kind, const char *text, uint64_t count, int64_t first,
				int64_t last)
{
	const struct tls_value *v = value_of(3, kind, text);

	assert_non_null(v);
	assert_int_equal(v->count, count);
	assert_int_equal(v->first_wall_ns, first);
	assert_int_equal(v->last_wall_ns, last);
}

static inline const struct tls_name *only_name(uint16_t service)
{
	const struct tls_name *names = NULL;

	assert_int_equal(tls_history_names(history, service, &names), 1);
	return &names[0];
}
