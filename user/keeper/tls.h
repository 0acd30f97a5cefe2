/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.h - TLS handshakes in the keeper: the kernel's records become history, events and findings.
 */
#pragma once

#include "user/keeper/keeper.h"

void tls_take_handshake(struct keeper *keeper, const struct gl_rec_handshake *record,
			int64_t wall_ns);
void tls_take_alert(struct keeper *keeper, const struct gl_rec_tls_alert *record, int64_t wall_ns);
