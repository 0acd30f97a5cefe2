/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificate.h - what a server certificate says (RFC 5280), as far as TLS-05 needs it: DER in, a
 * record of bounded printable texts out. Nothing is verified; whether it is good is not asked here.
 *
 * Runs in the sandbox; certificate_load() before it closes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "user/inspect/report.h"

#define CERTIFICATE_MAX 16384 /* bytes; longer ones are not read */

/* Makes libcrypto load what it loads lazily. 0 or -EIO. */
int certificate_load(void);

/* Fills in everything but report, conn, service, port and flags. Outcome OK or MALFORMED. */
void certificate_read(const uint8_t *der, size_t n, struct report_certificate *certificate);
