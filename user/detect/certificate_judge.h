/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * certificate_judge.h - what a server certificate says against TLS-05: expired or about to, not
 * valid yet, a weak key, a weak signature, not of the name that was asked for. Pure: time is an
 * argument.
 */
#pragma once

#include "user/detect/certificates.h"
#include "user/detect/findings.h"
#include "user/detect/tls_judge.h"

void certificate_judge(const struct certificate *certificate, const char *service, int64_t wall_ns,
		       tls_judge_fn emit, void *userdata);
/* name: the client's; "" (none sent) and names that were cut are not judged. */
void certificate_judge_name(const struct certificate *certificate, const char *service,
			    const char *name, int64_t wall_ns, tls_judge_fn emit, void *userdata);

/* The names cover this host name (RFC 9525 section 6.3); 0, 1, or -ENODATA: the list was cut. */
int certificate_covers(const char *names, const char *host);
