/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_tls_judge.c - each rule of TLS-01 to TLS-03 fires when it must and not one step before; and
 * 10,000 handshakes of ordinary clients against ordinary servers raise nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/base/cleanup.h"
#include "user/detect/tls_judge.h"

#define ORDINARY 10000

/* What was stated since the last look: "TLS-03/sentinel". */
static char stated[512];
static unsigned n_stated;
static struct finding last;

static void note(const struct finding *finding, void *userdata)
{
	assert_ptr_equal(userdata, stated);
	snprintf(stated + strlen(stated), sizeof(stated) - strlen(stated), "%s%s/%s",
		 n_stated++ ? " " : "", finding->control, finding->rule);
	last = *finding;
}

static struct handshake ordinary(void)
{
	return (struct handshake){
		.wall_ns = 1700000000000000000,
		.source = {.b = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7}},
		.sni_key = 11,
		.port = 8443,
		.version = GL_TLS_1_3,
		.cipher = 0x1301,
		.offered = GL_TLS_1_3,
		.result = GL_HANDSHAKE_NEGOTIATED,
		.mode = GL_MODE_ENFORCE,
		.sni = "shop.test",
	};
}

static const char *judge_after(const struct handshake *h, const struct tls_name *before)
{
	stated[0] = '\0';
	n_stated = 0;
	tls_judge_handshake(h, before, "shop", note, stated);
	return stated;
}

static const char *judge(const struct handshake *h)
{
	static const struct tls_name unknown;

	return judge_after(h, &unknown);
}

static void assert_last(enum finding_severity severity, const char *evidence)
{
	assert_string_equal(last.service, "shop");
	assert_string_equal(last.subject, "shop.test:8443");
	assert_int_equal(last.severity, severity);
	assert_int_equal(last.last_wall_ns, 1700000000000000000);
	assert_string_equal(last.evidence, evidence);
}

static void test_floor(void **state)
{
	struct handshake h = ordinary();

	(void)state;
	assert_string_equal(judge(&h), "");
	/* at the client's hello */
	h.version = h.cipher = 0;
	h.offered = GL_TLS_1_1;
	h.result = GL_HANDSHAKE_REFUSED;
	assert_string_equal(judge(&h), ""); /* refused, but not for this */
	h.reason = GL_REASON_TLS_VERSION;
	assert_string_equal(judge(&h), "TLS-01/client-below-floor");
	assert_last(FINDING_LOW, "192.0.2.7 offered 1.1 at most: refused");
	h.mode = GL_MODE_MONITOR;
	assert_string_equal(judge(&h), "TLS-01/client-below-floor");
	assert_last(FINDING_LOW, "192.0.2.7 offered 1.1 at most: not stopped (monitor)");
	h.version = GL_TLS_1_1; /* so it got it */
	assert_string_equal(judge(&h), "TLS-01/client-below-floor");
	assert_last(FINDING_LOW, "192.0.2.7 offered and got 1.1: not stopped (monitor)");
	/* at the server's */
	h.mode = GL_MODE_ENFORCE;
	h.offered = GL_TLS_1_3;
	assert_string_equal(judge(&h), "TLS-02/server-below-floor");
	assert_last(FINDING_HIGH, "the server chose 1.1 where 1.3 was offered: refused");
	h.reason = GL_REASON_TLS_CIPHER;
	h.version = GL_TLS_1_2;
	h.cipher = 0x002f;
	assert_string_equal(judge(&h), "TLS-02/denied-cipher");
	assert_last(FINDING_HIGH, "the server chose TLS_RSA_WITH_AES_128_CBC_SHA: refused");
	h.reason = GL_REASON_TLS_MALFORMED;
	assert_string_equal(judge(&h), "TLS-01/unreadable-hello");
	assert_last(FINDING_LOW, "192.0.2.7 sent a hello that cannot be read: refused");
}

/* The kernel's bits, each alone, and none. */
static void test_downgrades(void **state)
{
	const struct tls_name before = {.best = GL_TLS_1_3, .best_wall_ns = 1699999000000000000};
	struct handshake h = ordinary();

	(void)state;
	h.version = GL_TLS_1_2;
	h.best = GL_TLS_1_3;
	h.server_flags = GL_SERVER_SENTINEL_12; /* alone it is no downgrade */
	assert_string_equal(judge_after(&h, &before), "");
	h.hello_flags = GL_HELLO_FALLBACK_SCSV;
	assert_string_equal(judge_after(&h, &before), "");
	h.downgrade = GL_DOWNGRADE_SENTINEL;
	assert_string_equal(judge_after(&h, &before), "TLS-03/sentinel");
	assert_last(FINDING_CRITICAL,
		    "192.0.2.7 offered 1.3 and got 1.2 from a server that says it "
		    "can do more");
	h.downgrade = GL_DOWNGRADE_LESS;
	assert_string_equal(judge_after(&h, &before), "TLS-03/service-fell");
	assert_last(FINDING_HIGH, "1.2 where 1.3 was offered and 1.3 given before (last "
				  "2023-11-14T21:56:40.000Z)");
	h.result = GL_HANDSHAKE_REFUSED;
	assert_string_equal(judge(&h), "TLS-03/service-fell");
	assert_last(FINDING_HIGH, "1.2 where 1.3 was offered and 1.3 given before (last unknown): "
				  "refused");
	h.result = GL_HANDSHAKE_NEGOTIATED;
	h.downgrade = GL_DOWNGRADE_FALLBACK;
	h.offered = GL_TLS_1_2;
	assert_string_equal(judge_after(&h, &before), "TLS-03/fallback");
	assert_last(FINDING_MEDIUM, "192.0.2.7 fell back to 1.2 (TLS_FALLBACK_SCSV) from a service "
				    "that has given 1.3");
	h.downgrade |= GL_DOWNGRADE_SENTINEL | GL_DOWNGRADE_LESS;
	assert_string_equal(judge_after(&h, &before),
			    "TLS-03/sentinel TLS-03/fallback TLS-03/service-fell");
	/* the server refused the fallback itself: inappropriate_fallback (RFC 7507) */
	h.downgrade = 0;
	h.version = 0;
	h.result = GL_HANDSHAKE_SERVER_ALERT;
	for (unsigned alert = 0; alert < 256; alert++) {
		h.server_alert = (uint8_t)alert;
		assert_string_equal(judge(&h), alert == 86 ? "TLS-03/fallback" : "");
	}
}

/* Some get less, others the best: it was the clients that were given less. */
static void test_recovery(void **state)
{
	struct tls_name before = {.best = GL_TLS_1_3, .last = GL_TLS_1_2};
	struct handshake h = ordinary();

	(void)state;
	assert_string_equal(judge_after(&h, &before), "");
	before.fell = 3;
	before.fell_wall_ns = 1699999000000000000;
	assert_string_equal(judge_after(&h, &before), "TLS-03/client-downgraded");
	assert_last(FINDING_HIGH,
		    "3 capable clients got 1.2 since 2023-11-14T21:56:40.000Z, others get 1.3");
	h.version = GL_TLS_1_2; /* still less */
	assert_string_equal(judge_after(&h, &before), "");
	h.version = GL_TLS_1_3;
	h.result = GL_HANDSHAKE_REFUSED; /* nobody got it */
	assert_string_equal(judge_after(&h, &before), "");
}

static const char *judge_alert(const struct gl_rec_tls_alert *alert)
{
	stated[0] = '\0';
	n_stated = 0;
	tls_judge_alert(alert, 1700000000000000000, "shop", note, stated);
	return stated;
}

/* illegal_parameter after a sentinel is what RFC 8446 section 4.1.3 wants of a client lied to. */
static void test_alerts(void **state)
{
	struct gl_rec_tls_alert alert = {
		.source = ordinary().source,
		.port = 8443,
		.version = GL_TLS_1_2,
		.max_version = GL_TLS_1_2,
		.level = 2,
	};

	(void)state;
	for (unsigned flags = 0; flags < 32; flags++) {
		alert.server_flags = (uint16_t)flags;
		for (unsigned description = 0; description < 256; description++) {
			int lied = description == 47 &&
				   flags & (GL_SERVER_SENTINEL_12 | GL_SERVER_SENTINEL_11);

			alert.description = (uint8_t)description;
			assert_string_equal(judge_alert(&alert),
					    lied ? "TLS-03/client-saw-sentinel" : "");
		}
	}
	assert_int_equal(last.severity, FINDING_CRITICAL);
	assert_string_equal(last.subject, "(no name):8443");
}

/* What a name is called in a finding. */
static void test_subject(void **state)
{
	struct handshake h = ordinary();

	(void)state;
	h.downgrade = GL_DOWNGRADE_SENTINEL;
	h.sni[0] = '\0';
	judge(&h);
	assert_string_equal(last.subject, "(no name):8443");
	memset(h.sni, 'a', sizeof(h.sni) - 1);
	h.sni[sizeof(h.sni) - 1] = '\0';
	judge(&h);
	assert_int_equal(strlen(last.subject), sizeof(h.sni) - 1 + 5);
}

/* ---------------------------------------------------------------------------------------------
 * A quiet day
 */

/* What a server of this highest version answers, and what the kernel says of it. */
static void answer(struct handshake *h, uint16_t server, uint16_t *best)
{
	h->version = h->offered < server ? h->offered : server;
	h->cipher = h->version == GL_TLS_1_3 ? 0x1302 : 0xc02f;
	h->best = *best;
	h->downgrade = 0;
	h->server_flags = 0;
	if (server == GL_TLS_1_3 && h->version < server) /* RFC 8446 section 4.1.3 */
		h->server_flags =
			h->version == GL_TLS_1_2 ? GL_SERVER_SENTINEL_12 : GL_SERVER_SENTINEL_11;
	if (h->server_flags && h->offered > h->version)
		h->downgrade |= GL_DOWNGRADE_SENTINEL;
	if (h->version < *best && h->version < h->offered)
		h->downgrade |= GL_DOWNGRADE_LESS;
	if (h->version > *best)
		*best = h->version;
}

/* Clients of every age, with and without names, resumed or not; servers of 1.2 and of 1.3. */
static void test_ordinary(void **state)
{
	static const uint16_t servers[] = {GL_TLS_1_3, GL_TLS_1_2, GL_TLS_1_3, GL_TLS_1_3};
	uint16_t best[ARRAY_SIZE(servers)] = {0};
	struct tls_history *history = NULL;
	uint32_t chance = 1, sentinels = 0;

	(void)state;
	assert_int_equal(tls_history_new(&history), 0);
	n_stated = 0;
	for (int i = 0; i < ORDINARY; i++) {
		struct handshake h = ordinary();
		struct tls_name before;
		uint32_t server;

		chance = chance * 1103515245 + 12345;
		server = chance >> 16 & 3;
		h.wall_ns += i;
		h.sni_key = server == 3 ? 0 : 100 + server;
		snprintf(h.sni, sizeof(h.sni), server == 3 ? "" : "name%u.test", server);
		h.offered = chance >> 18 & 1 ? GL_TLS_1_3 : GL_TLS_1_2;
		answer(&h, servers[server], &best[server]);
		sentinels += h.server_flags != 0;
		h.server_flags |= chance >> 19 & 1 ? GL_SERVER_RESUMED : GL_SERVER_CERTIFICATE;
		assert_int_equal(tls_history_add(history, &h, &before), 0);
		tls_judge_handshake(&h, &before, "shop", note, stated);
	}
	assert_int_equal(n_stated, 0);
	assert_in_range(sentinels, ORDINARY / 4, ORDINARY);
	tls_history_free(history);
}

/* The same day, and at its end one server was set to 1.2: found at its next handshake. */
static void test_reconfigured(void **state)
{
	struct tls_history *history = NULL;
	struct handshake h = ordinary();
	uint16_t best = 0;
	struct tls_name before;

	(void)state;
	assert_int_equal(tls_history_new(&history), 0);
	for (int i = 0; i < 4; i++) {
		h.offered = i == 1 ? GL_TLS_1_2 : GL_TLS_1_3;
		answer(&h, i < 2 ? GL_TLS_1_3 : GL_TLS_1_2, &best);
		assert_int_equal(tls_history_add(history, &h, &before), 0);
		assert_string_equal(judge_after(&h, &before), i < 2 ? "" : "TLS-03/service-fell");
	}
	answer(&h, GL_TLS_1_3, &best);
	assert_int_equal(tls_history_add(history, &h, &before), 0);
	assert_string_equal(judge_after(&h, &before), "TLS-03/client-downgraded");
	assert_int_equal(before.fell, 2);
	tls_history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floor),        cmocka_unit_test(test_downgrades),
		cmocka_unit_test(test_recovery),     cmocka_unit_test(test_alerts),
		cmocka_unit_test(test_subject),      cmocka_unit_test(test_ordinary),
		cmocka_unit_test(test_reconfigured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
