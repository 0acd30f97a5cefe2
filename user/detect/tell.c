/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/tell.h"

#include <string.h>

#include "user/detect/raws.h"

_Static_assert(sizeof(struct report_transaction) % 8 == 0, "records are multiples of 8");
_Static_assert(sizeof(struct report_finding) % 8 == 0, "records are multiples of 8");

/* Cut, and terminated. */
static void copy(char *to, size_t size, const char *text)
{
	size_t n = strnlen(text, size - 1);

	memcpy(to, text, n);
	memset(to + n, 0, size - n);
}

/*
 * "Mozilla/5.0", "curl/8.1": the product a client says it is. The comments behind it tell less than
 * they identify.
 */
static struct masked product_of(const struct transaction *tx)
{
	const struct field *field = fields_find(&tx->request, "user-agent");
	struct raw product = {0}, rest;

	if (field)
		product = raw_cut(field->value, ' ', &rest);
	return product.n ? masked_token(product, 60) : (struct masked){0};
}

void tell_transaction(const struct transaction *tx, struct report_transaction *ret_report)
{
	struct report_transaction r = {
		.report = {.kind = REPORT_TRANSACTION, .len = sizeof(r)},
		.conn = tx->conn,
		.principal = tx->principal,
		.begin_wall_ns = tx->begin_wall_ns,
		.wait_ns = tx->wait_ns,
		.total_ns = tx->total_ns,
		.request_bytes = tx->request_body.wire_bytes,
		.response_bytes = tx->response_body.wire_bytes,
		.client = tx->client,
		.server = tx->server,
		.source = tx->source,
		.client_port = tx->client_port,
		.server_port = tx->server_port,
		.service = tx->service,
		.op = tx->op,
		.cls = tx->cls,
		.status = tx->status,
		.number = tx->number,
		.stream = tx->stream,
		.pid = tx->pid,
		.flags = tx->flags,
		.anomalies = tx->anomalies,
		.how = tx->how,
		.role = tx->role,
		.protocol = tx->protocol,
		.credential = tx->credential,
	};

	if (tx->method.n)
		copy(r.method, sizeof(r.method), masked_token(tx->method, 15).text);
	copy(r.request_id, sizeof(r.request_id), tx->request_id);
	copy(r.user_agent, sizeof(r.user_agent), product_of(tx).text);
	r.path = masked_path(tx->target);
	*ret_report = r;
}

void tell_finding(const struct transaction *tx, const struct detection *detection,
		  struct report_finding *ret_report)
{
	struct report_finding r = {
		.report = {.kind = REPORT_FINDING, .len = sizeof(r)},
		.conn = tx->conn,
		.wall_ns = tx->begin_wall_ns,
		.source = tx->source,
		.service = tx->service,
		.op = tx->op,
		.severity = (uint8_t)detection->severity,
		.part = (uint8_t)detection->part,
		.status = tx->status,
		.evidence = detection->evidence,
	};

	copy(r.control, sizeof(r.control), detection->control);
	copy(r.rule, sizeof(r.rule), detection->rule);
	copy(r.request_id, sizeof(r.request_id), tx->request_id);
	*ret_report = r;
}
