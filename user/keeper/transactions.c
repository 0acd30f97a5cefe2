/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/transactions.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/base/names.h"
#include "user/detect/detector.h"
#include "user/inspect/transaction.h"
#include "user/keeper/access_log.h"
#include "user/keeper/alerting.h"
#include "user/keeper/event_text.h"
#include "user/keeper/exports.h"
#include "user/keeper/keeper.h"
#include "user/keeper/open_cut.h"
#include "user/keeper/traffic.h"

#define BROADCAST_PER_S 500 /* of the thousand lines a second the stream has: records.c */

struct transactions {
	struct transaction_kept ring[TRANSACTIONS_MAX];
	uint64_t last_id;
};

int transactions_new(struct transactions **ret_transactions)
{
	*ret_transactions = calloc(1, sizeof(**ret_transactions));
	return *ret_transactions ? 0 : -ENOMEM;
}

void transactions_free(struct transactions *transactions)
{
	free(transactions);
}

/* ---------------------------------------------------------------------------------------------
 * What a stranger sent
 */
static bool text_valid(const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	for (size_t i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return n < size;
}
#define TEXT_VALID(member) text_valid(member, sizeof(member))

bool transactions_valid(const struct report_transaction *tx)
{
	return tx->report.len == sizeof(*tx) && TEXT_VALID(tx->method) &&
	       TEXT_VALID(tx->request_id) && TEXT_VALID(tx->user_agent) &&
	       TEXT_VALID(tx->path.text) && tx->how < GL_HOW_MAX && tx->role <= GL_ROLE_CLIENT &&
	       tx->protocol < HTTP_PROTOCOL_MAX && tx->status < 1000;
}

bool transactions_finding_valid(const struct report_finding *finding)
{
	return finding->report.len == sizeof(*finding) && TEXT_VALID(finding->control) &&
	       TEXT_VALID(finding->rule) && TEXT_VALID(finding->request_id) &&
	       TEXT_VALID(finding->evidence.text) && *finding->control && *finding->rule &&
	       finding->severity <= FINDING_CRITICAL && finding->part < PART_MAX &&
	       finding->status < 1000;
}

/* ---------------------------------------------------------------------------------------------
 * The last ones
 */
const struct transaction_kept *transactions_add(struct transactions *transactions,
						const struct report_transaction *tx)
{
	struct transaction_kept *kept =
		&transactions->ring[transactions->last_id % TRANSACTIONS_MAX];

	kept->id = ++transactions->last_id;
	kept->tx = *tx;
	/* for what watches alone */
	kept->tx.account = kept->tx.password = kept->tx.object = kept->tx.object_number = 0;
	return kept;
}

size_t transactions_count(const struct transactions *transactions)
{
	return transactions->last_id < TRANSACTIONS_MAX ? (size_t)transactions->last_id
							: TRANSACTIONS_MAX;
}

uint64_t transactions_total(const struct transactions *transactions)
{
	return transactions->last_id;
}

const struct transaction_kept *transactions_at(const struct transactions *transactions, size_t i)
{
	size_t count = transactions_count(transactions);

	if (i >= count)
		return NULL;
	return &transactions->ring[(transactions->last_id - count + i) % TRANSACTIONS_MAX];
}

size_t transactions_after(const struct transactions *transactions, uint64_t after)
{
	uint64_t oldest = transactions->last_id - transactions_count(transactions) + 1;

	if (after < oldest)
		return 0;
	return after >= transactions->last_id ? transactions_count(transactions)
					      : (size_t)(after - oldest + 1);
}

/* ---------------------------------------------------------------------------------------------
 * As JSON
 */
static void set_text(json_t *o, const char *name, const char *text)
{
	json_object_set_new(o, name, json_string(text));
}

static void set_number(json_t *o, const char *name, uint64_t value)
{
	json_object_set_new(o, name, json_integer((json_int_t)value));
}

static void set_seconds(json_t *o, const char *name, uint64_t ns)
{
	json_object_set_new(o, name, json_real((double)ns / (double)CLOCK_NS_PER_S));
}

static void set_operation(json_t *o, json_t *attributes, const struct report_transaction *tx,
			  const struct intern *intern)
{
	const char *service = intern_name(intern, INTERN_SERVICE, tx->service);
	const char *operation = intern_name(intern, INTERN_OPERATION, tx->op);
	const char *cls = intern_name(intern, INTERN_CLASS, tx->cls);
	const char *label = operation ? operation_label(operation) : NULL;
	const char *route = label ? strchr(label, ' ') : NULL;

	if (service) {
		set_text(o, "service", service);
		set_text(attributes, "service.name", service);
	}
	if (label)
		set_text(o, "operation", label);
	if (route)
		set_text(attributes, "http.route", route + 1);
	if (cls)
		set_text(o, "class", cls);
}

static void set_flags(json_t *o, const struct report_transaction *tx)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} flags[] = {
		{TX_MIDSTREAM, "midstream"},
		{TX_NO_REQUEST, "noRequest"},
		{TX_NO_RESPONSE, "noResponse"},
		{TX_UPGRADED, "upgraded"},
		{TX_WEBSOCKET, "websocket"},
		{TX_GRPC, "grpc"},
		{TX_GAP, "gap"},
		{TX_CUT, "cut"},
		{TX_ID_MADE, "idMade"},
		{TX_AGENT, "agent"},
		{TX_SENT_BACK, "sentBack"},
	};
	json_t *list = json_array();

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (tx->flags & flags[i].flag)
			json_array_append_new(list, json_string(flags[i].name));
	json_object_set_new(o, "flags", list);
}

static void set_message(json_t *o, const struct report_transaction *tx)
{
	bool client = tx->role == GL_ROLE_CLIENT;
	char message[400], other[ADDR_TEXT];

	snprintf(message, sizeof(message), "%s%s %s %.200s %u  %.1f ms", client ? "to " : "",
		 addr_format(client ? &tx->server : &tx->source, other),
		 *tx->method ? tx->method : "-", *tx->path.text ? tx->path.text : "-", tx->status,
		 (double)tx->total_ns / 1e6);
	set_text(o, "message", message);
}

json_t *transaction_json(const struct transaction_kept *kept, const struct intern *intern)
{
	const struct report_transaction *tx = &kept->tx;
	json_t *o = json_object(), *a = json_object();
	bool client = tx->role == GL_ROLE_CLIENT; /* this host's call */
	char time[CLOCK_TEXT], text[ADDR_TEXT], id[24];

	snprintf(id, sizeof(id), "%" PRIu64, kept->id);
	set_text(o, "id", id);
	set_text(o, "time", clock_format(tx->begin_wall_ns, time));
	set_text(o, "kind", "transaction");
	set_message(o, tx);
	set_operation(o, a, tx, intern);
	set_text(o, "requestId", tx->request_id);
	set_text(o, "source", addr_format(&tx->source, text));
	set_text(a, "client.address", text);
	set_text(a, "network.peer.address", addr_format(client ? &tx->server : &tx->client, text));
	set_number(a, "network.peer.port", client ? tx->server_port : tx->client_port);
	set_text(a, "server.address", addr_format(&tx->server, text));
	set_number(a, "server.port", tx->server_port);
	set_text(a, "http.request.method", tx->method);
	set_text(a, "url.path", tx->path.text);
	if (tx->status) {
		set_number(o, "status", tx->status);
		set_number(a, "http.response.status_code", tx->status);
	}
	set_text(a, "network.protocol.version", transaction_protocol(tx->protocol));
	set_seconds(a, client ? "http.client.request.duration" : "http.server.request.duration",
		    tx->total_ns);
	set_seconds(o, "waitSeconds", tx->wait_ns);
	set_number(a, "http.request.body.size", tx->request_bytes);
	set_number(a, "http.response.body.size", tx->response_bytes);
	if (*tx->user_agent)
		set_text(a, "user_agent.original", tx->user_agent);
	json_object_set_new(o, "tls", json_boolean(tx->flags & TX_SECURE));
	set_text(o, "how", name_how(tx->how));
	set_text(o, "role", client ? "client" : "server");
	json_object_set_new(o, "principal", json_boolean(tx->principal != 0));
	if (tx->principal) {
		char hash[17];

		snprintf(hash, sizeof(hash), "%016" PRIx64, tx->principal);
		json_object_set_new(o, "principalHash", json_string(hash));
	}
	set_number(o, "anomalies", tx->anomalies);
	set_number(o, "connection", tx->conn & INT64_MAX);
	set_number(o, "number", tx->number);
	if (tx->stream)
		set_number(o, "stream", tx->stream);
	if (tx->pid)
		set_number(o, "pid", tx->pid);
	set_flags(o, tx);
	json_object_set_new(o, "attributes", a);
	return o;
}

/* ---------------------------------------------------------------------------------------------
 * Taking
 */
static void broadcast(struct keeper *keeper, const struct transaction_kept *kept)
{
	uint64_t second;

	if (!keeper->link || !courier_followers(keeper->link))
		return;
	second = clock_boot_ns() / CLOCK_NS_PER_S;
	if (keeper->transaction_budget.second != second) {
		keeper->transaction_budget.second = second;
		keeper->transaction_budget.told = 0;
	}
	if (keeper->transaction_budget.told++ < BROADCAST_PER_S)
		courier_broadcast(keeper->link,
				  transaction_json(kept, apply_intern(keeper->apply)));
	else
		keeper->not_broadcast++;
}

bool transactions_take(struct keeper *keeper, const struct report_transaction *tx)
{
	if (!transactions_valid(tx))
		return false;
	access_log_add(keeper->access_log, tx, apply_intern(keeper->apply));
	/* calls this host makes are no access to a service of its own: nothing is counted by them
	 */
	if (tx->role == GL_ROLE_SERVER) {
		if (tx->service < GL_SERVICE_IDS && !(tx->flags & TX_AGENT))
			keeper->seen[tx->service]++;
		keeper->seen_with_principal += tx->principal != 0;
		traffic_add(keeper->traffic, tx, apply_intern(keeper->apply));
		judge_prove(keeper, tx);
		open_cut_end(keeper, tx);
		alerting_transaction(keeper, tx);
	} else {
		keeper->seen_outgoing++;
	}
	broadcast(keeper, transactions_add(keeper->transactions, tx));
	return true;
}

/* Rules that found data rather than a fault: what an incident's scope tells (IR-04). */
static bool is_about_data(const char *control)
{
	static const char *const controls[] = {"PRE-07", "PRE-15", "PRE-17", "REV-11", "REV-17",
					       "REV-12", "LOG-08", "LOG-09", "LOG-10"};

	for (size_t i = 0; i < sizeof(controls) / sizeof(controls[0]); i++)
		if (strcmp(control, controls[i]) == 0)
			return true;
	return false;
}

bool transactions_take_finding(struct keeper *keeper, const struct report_finding *f)
{
	const struct intern *intern = apply_intern(keeper->apply);
	const char *service, *operation;
	struct finding finding = {.severity = (enum finding_severity)f->severity,
				  .last_wall_ns = f->wall_ns,
				  .more = f->more};
	char source[ADDR_TEXT];

	if (!transactions_finding_valid(f))
		return false;
	service = intern_name(intern, INTERN_SERVICE, f->service);
	operation = intern_name(intern, INTERN_OPERATION, f->op);
	snprintf(finding.control, sizeof(finding.control), "%s", f->control);
	snprintf(finding.rule, sizeof(finding.rule), "%.31s", f->rule);
	snprintf(finding.service, sizeof(finding.service), "%s", service ? service : "");
	snprintf(finding.subject, sizeof(finding.subject), "%s",
		 operation ? operation_label(operation) : "(no operation)");
	snprintf(finding.evidence, sizeof(finding.evidence), "%s", f->evidence.text);
	snprintf(finding.request, sizeof(finding.request), "%s", f->request_id);
	alerting_finding(keeper, &finding,
			 f->part == PART_RESPONSE_BODY || f->part == PART_RESPONSE_HEAD,
			 &f->source);
	if (is_about_data(f->control))
		traffic_found(keeper->traffic, f->request_id, finding.rule);
	if (findings_put(keeper->findings, &finding, NULL) == 1) {
		exports_finding(keeper, &finding);
		records_note(keeper, EVENT_FINDING, "detect", "%s %s %.40s from %s",
			     finding.control, finding.rule, finding.subject,
			     addr_format(&f->source, source));
	}
	return true;
}
