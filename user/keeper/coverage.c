/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/coverage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/names.h"
#include "user/keeper/inspectors.h"
#include "user/keeper/keeper.h"
#include "user/keeper/tls.h"

#define TICK_NS (60 * CLOCK_NS_PER_S)

static uint16_t service_of_port(const struct keeper *keeper, uint16_t port)
{
	const struct gl_policy *policy = kern_policy(keeper->kern);
	uint16_t at = policy ? policy->port_service[port] : 0;

	return at && at <= GL_SERVICES_MAX ? policy->services[at - 1].id : GL_SERVICE_NONE;
}

/* What is said of a whole namespace has no port, and may be any service's. */
static const char *service_of(const struct keeper *keeper, const struct kern_tls_view *view,
			      char spare[16])
{
	return view->port ? tls_service_name(keeper, service_of_port(keeper, view->port), spare)
			  : "*";
}

static bool is_blind(const struct kern_tls_view *view)
{
	return !view->hooked && strcmp(view->kind, "none") != 0;
}

static json_t *view_json(struct keeper *keeper, const struct kern_tls_view *view)
{
	struct gl_probe_account a;
	char spare[16];
	json_t *o =
		json_pack("{s:i, s:s, s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:s}", "port", view->port,
			  "service", service_of(keeper, view, spare), "process", view->comm, "pid",
			  (int)view->pid, "processes", (int)view->processes, "kind", view->kind,
			  "library", view->path, "version", view->version, "state",
			  view->hooked     ? "hooked"
			  : is_blind(view) ? "blind"
					   : "no TLS",
			  "why", view->reason);

	if (!view->hooked || kern_probe_account(keeper->kern, (uint32_t)view->library, &a) < 0)
		return o;
	json_object_set_new(o, "probes",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "reads",
				      (json_int_t)a.reads, "writes", (json_int_t)a.writes,
				      "bytesRead", (json_int_t)a.bytes_read, "bytesWritten",
				      (json_int_t)a.bytes_written, "handshakes",
				      (json_int_t)a.handshakes, "unbound", (json_int_t)a.unbound,
				      "faults", (json_int_t)a.faults));
	return o;
}

static json_t *listeners_json(struct keeper *keeper)
{
	_cleanup_free_ struct kern_tls_view *views = NULL;
	json_t *list = json_array();
	size_t n = 0;

	if (kern_tls_views(keeper->kern, &views, &n) < 0)
		return list;
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, view_json(keeper, &views[i]));
	return list;
}

static json_t *services_json(const struct keeper *keeper)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;
	json_t *list = json_array();

	for (size_t i = 0; policy && i < policy->n_services; i++) {
		const char *name = policy->services[i].name;
		int id = intern_id(apply_intern(keeper->apply), INTERN_SERVICE, name);

		json_array_append_new(list, json_pack("{s:s, s:I}", "service", name, "transactions",
						      id > 0 && id < GL_SERVICE_IDS
							      ? (json_int_t)keeper->seen[id]
							      : 0));
	}
	return list;
}

/* Every counter that says of something that it was not seen. */
static json_t *losses_json(const struct keeper *keeper)
{
	const uint64_t *c = keeper->counters.values;
	uint64_t inside = c[GL_CTR_TLS_CONNECTIONS], outside = c[GL_CTR_UNJUDGED_TLS];
	json_t *o = json_object();

	for (unsigned i = 0; i < GL_CTR_MAX; i++) {
		const char *name = name_counter(i);

		if (strncmp(name, "lost-", 5) == 0 || strncmp(name, "unjudged-", 9) == 0)
			json_object_set_new(o, name,
					    json_integer((json_int_t)keeper->counters.values[i]));
	}
	/* the wire door counts every TLS connection; the tls door sees into most of them */
	json_object_set_new(o, name_counter(GL_CTR_UNJUDGED_TLS),
			    json_integer((json_int_t)(outside > inside ? outside - inside : 0)));
	return o;
}

/* HTTP/2: what of it was read, and how soon it was judged. */
static json_t *http2_json(const struct keeper *keeper)
{
	const struct judge_counts *j = &keeper->judged;
	const struct inspectors *i = keeper->inspectors;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:f, s:f}", "judged", (json_int_t)j->judged,
			 "refused", (json_int_t)j->refused, "afterCut", (json_int_t)j->after_cut,
			 "midstream", (json_int_t)inspectors_count(i, REPORT_COUNT_H2_MIDSTREAM),
			 "errors", (json_int_t)inspectors_count(i, REPORT_COUNT_H2_ERRORS),
			 "verdictMedianMs", (double)judge_wait_ns(j, 0.5) / 1e6, "verdictP99Ms",
			 (double)judge_wait_ns(j, 0.99) / 1e6);
}

/* Calls that processes of this host make: only inside TLS, and only where the policy wants them. */
static json_t *outgoing_json(const struct keeper *keeper)
{
	const struct policy *policy = apply_ruling(keeper->apply)->policy;

	return json_pack("{s:b, s:I}", "recorded", policy && policy->outgoing, "transactions",
			 (json_int_t)keeper->seen_outgoing);
}

json_t *coverage_json(struct keeper *keeper)
{
	const uint64_t *c = keeper->counters.values;

	health_read_counters(keeper);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I}}", "outgoing",
			 outgoing_json(keeper), "listeners", listeners_json(keeper), "services",
			 services_json(keeper), "losses", losses_json(keeper), "http2",
			 http2_json(keeper), "tls", "handshakes", (json_int_t)c[GL_CTR_HANDSHAKES],
			 "connectionsSeenInside", (json_int_t)c[GL_CTR_TLS_CONNECTIONS]);
}

static void state_blind(struct keeper *keeper, const struct kern_tls_view *view)
{
	struct finding f = {
		.control = "REV-16",
		.rule = "blind-listener",
		.severity = FINDING_MEDIUM,
		.last_wall_ns = clock_wall_ns(),
	};
	char spare[16];

	snprintf(f.service, sizeof(f.service), "%s", service_of(keeper, view, spare));
	snprintf(f.subject, sizeof(f.subject), "%s:%u", view->comm, view->port);
	snprintf(f.evidence, sizeof(f.evidence), "%s: %.120s", view->kind, view->reason);
	tls_take_finding(&f, keeper);
}

void coverage_tick(struct keeper *keeper)
{
	_cleanup_free_ struct kern_tls_view *views = NULL;
	uint64_t now_ns = clock_boot_ns();
	size_t n = 0;

	if (keeper->coverage_ns && now_ns - keeper->coverage_ns < TICK_NS)
		return;
	keeper->coverage_ns = now_ns;
	if (kern_tls_views(keeper->kern, &views, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		if (is_blind(&views[i]))
			state_blind(keeper, &views[i]);
}
