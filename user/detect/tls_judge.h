/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls_judge.h - what a handshake says about the standard (TLS-01 to TLS-03): findings.
 *
 * The kernel has judged already what it refuses; here it is told, and set against the history. A
 * sentinel alone is no downgrade: a server of TLS 1.3 sends it to every client that offers only 1.2
 * (RFC 8446 section 4.1.3).
 */
#pragma once

#include "user/detect/findings.h"
#include "user/detect/tls_history.h"

typedef void (*tls_judge_fn)(const struct finding *finding, void *userdata);

/* before: the name as it was (tls_history_add()); service: its name. */
void tls_judge_handshake(const struct handshake *handshake, const struct tls_name *before,
			 const char *service, tls_judge_fn emit, void *userdata);

/* The client ended it in the clear after the ServerHello. */
void tls_judge_alert(const struct gl_rec_tls_alert *record, int64_t wall_ns, const char *service,
		     tls_judge_fn emit, void *userdata);
