/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/counters.h"

#include "user/base/cleanup.h"
#include "user/keeper/access_log.h"
#include "user/keeper/inspectors.h"
#include "user/keeper/keeper.h"
#include "user/keeper/traffic.h"
#include "user/keeper/transactions.h"
#include "user/respond/playbook.h"

json_t *counters_own(struct keeper *keeper)
{
	struct inspectors_losses losses = inspectors_losses(keeper->inspectors);
	struct incident_counts incidents = incidents_counts(keeper->incidents);
	uint64_t actions = actions_dropped(keeper->actions);
	const struct {
		const char *name;
		uint64_t value;
	} own[] = {
		{"events-overwritten", events_overwritten(keeper->events, EVENTS_VERDICTS)},
		{"responses-overwritten", events_overwritten(keeper->events, EVENTS_RESPONSES)},
		{"handshakes-overwritten", events_overwritten(keeper->events, EVENTS_HANDSHAKES)},
		{"tls-history-evicted", tls_history_evicted(keeper->tls_history)},
		{"findings-made", findings_made(keeper->findings)},
		{"findings-evicted", findings_evicted(keeper->findings)},
		{"incidents-refused", incidents.refused},
		{"incident-alerts-beyond", incidents.links_beyond},
		{"incident-entries-lost", incidents.entries_lost},
		{"playbook-actions-dropped", actions},
		{"requests-not-stored", traffic_lost(keeper->traffic)},
		{"http2-judged", keeper->judged.judged},
		{"http2-refused", keeper->judged.refused},
		{"http2-would-refuse", keeper->judged.would_refuse},
		{"http2-cuts", keeper->judged.cuts},
		{"open-connections-cut", keeper->open_cuts},
		{"http2-stale", keeper->judged.stale},
		{"http2-after-cut", keeper->judged.after_cut},
		{"lost-http2-lockstep", keeper->judged.not_in_step},
		{"transactions", transactions_total(keeper->transactions)},
		{"transactions-outgoing", keeper->seen_outgoing},
		{"access-log-lines", access_log_counts(keeper->access_log).lines},
		{"access-log-lost", access_log_counts(keeper->access_log).lost},
		{"access-log-rotations", access_log_counts(keeper->access_log).rotations},
		{"lost-certificate-marks", keeper->certificates_unknown},
		{"certificates-malformed", keeper->certificates_malformed},
		{"certificates-evicted", certificates_evicted(keeper->certificates)},
		{"inspector-restarts", losses.restarts},
		{"lost-certificate-records", losses.records},
		{"inspector-messages-refused", losses.refused},
		{"store-transactions", store_counts(keeper->store).transactions},
		{"store-failures", store_counts(keeper->store).failed},
		{"store-set-aside", store_counts(keeper->store).set_aside},
		{"store-refused", store_counts(keeper->store).refused},
		{"store-dropped", store_counts(keeper->store).dropped},
		{"store-removed", store_counts(keeper->store).removed},
		{"audit-waiting", audit_waiting(keeper->audit)},
		{"audit-dropped", audit_dropped(keeper->audit)},
		{"lost-event-broadcasts", keeper->not_broadcast},
		{"events-not-printed", keeper->not_printed},
		{"records-unknown", keeper->records_unknown},
		{"sources-evicted", sources_evicted(keeper->sources)},
		{"escalation-evicted", escalate_evicted(keeper->escalate)},
		{"escalation-held-back", escalate_held_back(keeper->escalate)},
	};
	json_t *counters = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		json_object_set_new(counters, own[i].name, json_integer((json_int_t)own[i].value));
	for (unsigned i = 0; i < REPORT_COUNT_MAX; i++)
		json_object_set_new(
			counters, inspectors_count_name(i),
			json_integer((json_int_t)inspectors_count(keeper->inspectors, i)));
	return counters;
}
