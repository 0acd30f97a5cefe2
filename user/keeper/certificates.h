/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificates.h - what inspectors read of server certificates, checked as from a stranger, into
 * the history and its findings (TLS-05).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "include/glacis/abi.h"
#include "user/detect/handshake.h"
#include "user/inspect/report.h"

struct keeper;

/* A record of the kernel's, of `size` bytes: what is known is taken, the rest an inspector reads.
 */
void certificates_record(struct keeper *keeper, const struct gl_rec_certificate *record,
			 size_t size);
/* One that is told by its mark. */
void certificates_known(struct keeper *keeper, const struct gl_rec_certificate_known *record);
/* What an inspector read, and certificates_take() took: the doors need not send it whole again. */
void certificates_learn(struct keeper *keeper, const struct report_certificate *report);
/* False: no inspector of ours writes that. */
bool certificates_take(struct keeper *keeper, const struct report_certificate *report);
/* The handshake says which name was asked for. */
void certificates_take_handshake(struct keeper *keeper, const struct handshake *handshake);
