/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.h - TLS handshakes in the keeper: the kernel's records become history, events and findings.
 */
#pragma once

#include "user/keeper/keeper.h"

void tls_take_handshake(struct keeper *keeper, const struct gl_rec_handshake *record,
			int64_t wall_ns);
/* A finding is told when it is new; again and again it is counted. userdata: the keeper. */
void tls_take_finding(const struct finding *finding, void *userdata);
const char *tls_service_name(const struct keeper *keeper, uint16_t id, char spare[16]);
void tls_take_alert(struct keeper *keeper, const struct gl_rec_tls_alert *record, int64_t wall_ns);
