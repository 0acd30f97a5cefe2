/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/tls.h"

#include <stdio.h>

#include "user/base/log.h"
#include "user/detect/tls_judge.h"
#include "user/keeper/alerting.h"
#include "user/keeper/certificates.h"
#include "user/keeper/exports.h"

#define ACTOR "detect"

const char *tls_service_name(const struct keeper *keeper, uint16_t id, char spare[16])
{
	const char *name = intern_name(apply_intern(keeper->apply), INTERN_SERVICE, id);

	if (name)
		return name;
	snprintf(spare, 16, "#%u", id);
	return spare;
}

void tls_take_finding(const struct finding *finding, void *userdata)
{
	struct keeper *keeper = userdata;

	alerting_finding(keeper, finding, false, NULL);
	if (findings_put(keeper->findings, finding, NULL) != 1)
		return;
	exports_finding(keeper, finding);
	records_note(keeper, EVENT_FINDING, ACTOR, "%s %s %s: %s", finding->control, finding->rule,
		     finding->subject, finding->evidence);
}

void tls_take_handshake(struct keeper *keeper, const struct gl_rec_handshake *record,
			int64_t wall_ns)
{
	struct handshake handshake;
	struct tls_name before;
	char spare[16];
	int r;

	handshake_read(record, wall_ns, tls_history_computed(keeper->tls_history, &record->hello),
		       &handshake);
	records_tell(keeper, events_add_handshake(keeper->events, &handshake));
	r = tls_history_add(keeper->tls_history, &handshake, &before);
	if (r < 0)
		log_err(r, "a handshake is not in the history");
	tls_judge_handshake(&handshake, &before, tls_service_name(keeper, handshake.service, spare),
			    tls_take_finding, keeper);
	certificates_take_handshake(keeper, &handshake);
	contain_hello(keeper, handshake.ja4, handshake.key);
	sources_hello(keeper->sources, &handshake.source, handshake.key, keeper->drained.boot_ns);
}

void tls_take_alert(struct keeper *keeper, const struct gl_rec_tls_alert *record, int64_t wall_ns)
{
	char spare[16];

	tls_judge_alert(record, wall_ns, tls_service_name(keeper, record->service, spare),
			tls_take_finding, keeper);
}
