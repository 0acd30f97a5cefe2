/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/persist.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/base/log.h"
#include "user/base/utf8.h"
#include "user/respond/playbook.h"
#include "user/keeper/alerting.h"

/* ---------------------------------------------------------------------------------------------
 * Back from the store
 */

/* The store knows services by name: ids are given anew when their file is lost. */
static int service_id(struct keeper *keeper, const char *name)
{
	return intern_id(apply_intern(keeper->apply), INTERN_SERVICE, name);
}

void persist_finding_of(const struct store_finding *row, struct finding *f)
{
	*f = (struct finding){
		.id = row->id,
		.severity = (enum finding_severity)row->severity,
		.first_wall_ns = row->first_ns,
		.last_wall_ns = row->last_ns,
		.count = row->count,
	};
	utf8_copy(f->control, sizeof(f->control), row->control);
	utf8_copy(f->rule, sizeof(f->rule), row->rule);
	utf8_copy(f->service, sizeof(f->service), row->service);
	utf8_copy(f->subject, sizeof(f->subject), row->subject);
	utf8_copy(f->evidence, sizeof(f->evidence), row->evidence);
	utf8_copy(f->request, sizeof(f->request), row->request);
}

static void load_finding(const struct store_finding *row, void *userdata)
{
	struct keeper *keeper = userdata;
	struct finding f;

	persist_finding_of(row, &f);
	findings_restore(keeper->findings, &f);
}

static void load_tally(const struct store_tally *row, void *userdata)
{
	struct keeper *keeper = userdata;
	struct finding_tally tally = {
		.count = row->count,
		.last_id = row->last_id,
		.last_wall_ns = row->last_ns,
	};

	snprintf(tally.control, sizeof(tally.control), "%s", row->control);
	snprintf(tally.service, sizeof(tally.service), "%s", row->service);
	findings_restore_tally(keeper->findings, &tally);
}

static void load_value(const struct store_tls_value *row, void *userdata)
{
	struct keeper *keeper = userdata;
	int id = service_id(keeper, row->service), kind = tls_kind_find(row->kind);
	struct tls_value value = {
		.first_wall_ns = row->first_ns,
		.last_wall_ns = row->last_ns,
		.count = row->count,
	};

	if (id <= 0 || kind < 0)
		return;
	utf8_copy(value.text, sizeof(value.text), row->value);
	tls_history_restore_value(keeper->tls_history, (uint16_t)id, (enum tls_kind)kind, &value);
}

static void load_name(const struct store_tls_name *row, void *userdata)
{
	struct keeper *keeper = userdata;
	int id = service_id(keeper, row->service);
	struct tls_name name = {
		.sni_key = row->sni_key,
		.port = row->port,
		.best = row->best,
		.last = row->last,
		.best_wall_ns = row->best_ns,
		.fell_wall_ns = row->fell_ns,
		.fell = row->fell,
	};
	struct gl_tls_name key = {.port = row->port, .sni_key = row->sni_key};
	const struct gl_tls_best best = {.version = row->best, .seen_ns = clock_boot_ns()};

	if (id <= 0)
		return;
	utf8_copy(name.sni, sizeof(name.sni), row->sni);
	tls_history_restore_name(keeper->tls_history, (uint16_t)id, &name);
	key.service = (uint16_t)id;
	kern_tls_best_set(keeper->kern, &key, &best);
}

static void load_certificate(const struct store_certificate *row, void *userdata)
{
	struct keeper *keeper = userdata;
	int id = service_id(keeper, row->service);
	struct certificate c = {
		.port = row->port,
		.key_bits = row->key_bits,
		.self_signed = row->self_signed,
		.client = row->client,
		.not_before_s = row->not_before_s,
		.not_after_s = row->not_after_s,
		.first_wall_ns = row->first_ns,
		.last_wall_ns = row->last_ns,
		.count = row->count,
	};

	if (id <= 0)
		return;
	c.service = (uint16_t)id;
	utf8_copy(c.fingerprint, sizeof(c.fingerprint), row->fingerprint);
	utf8_copy(c.key, sizeof(c.key), row->key);
	utf8_copy(c.signature, sizeof(c.signature), row->signature);
	utf8_copy(c.subject, sizeof(c.subject), row->subject);
	utf8_copy(c.issuer, sizeof(c.issuer), row->issuer);
	utf8_copy(c.names, sizeof(c.names), row->names);
	utf8_copy(c.server_name, sizeof(c.server_name), row->server_name);
	certificates_restore(keeper->certificates, &c);
}

int persist_alert_of(const struct store_alert *row, struct alert *a)
{
	int kind = alert_kind_find(row->kind);

	*a = (struct alert){
		.id = row->id,
		.severity = (enum alert_severity)row->severity,
		.state = (enum alert_state)row->state,
		.incident = row->incident,
		.first_ns = row->first_ns,
		.last_ns = row->last_ns,
		.count = row->count,
	};
	if (kind < 0 || row->severity < 0 || row->severity >= ALERT_SEVERITY_MAX ||
	    row->state < 0 || row->state >= ALERT_STATE_MAX || alert_unpack(row->data, a) < 0)
		return -EINVAL;
	a->kind = (enum alert_kind)kind;
	a->have_source = addr_parse(row->source, &a->source) == 0;
	utf8_copy(a->control, sizeof(a->control), row->control);
	utf8_copy(a->service, sizeof(a->service), row->service);
	utf8_copy(a->operation, sizeof(a->operation), row->operation);
	utf8_copy(a->subject, sizeof(a->subject), row->subject);
	return 0;
}

static void load_alert(const struct store_alert *row, void *userdata)
{
	struct keeper *keeper = userdata;
	struct alert a;

	if (persist_alert_of(row, &a) == 0)
		alerts_restore(keeper->alerts, &a);
}

static void load_key(const char *ja4, uint64_t key, void *userdata)
{
	struct keeper *keeper = userdata;

	tls_history_restore_key(keeper->tls_history, ja4, key);
}

void persist_load(struct keeper *keeper)
{
	struct store *store = keeper->store;

	if (store_trouble(store))
		return;
	store_each_finding(store, FINDINGS_MAX, load_finding, keeper);
	store_each_tally(store, load_tally, keeper);
	incidents_load(keeper->incidents);
	actions_load(keeper->actions);
	store_each_tls_value(store, load_value, keeper);
	store_each_tls_name(store, load_name, keeper);
	store_each_ja4(store, load_key, keeper);
	store_each_alert(store, ALERTS_MAX, load_alert, keeper);
	store_each_certificate(store, load_certificate, keeper);
	/* fingerprints that are blocked: their keys are known only now */
	for (size_t i = 0; i < decisions_count(keeper->decisions); i++) {
		const struct decision *d = decisions_at(keeper->decisions, i);

		if (d->ja4[0] && contain_ja4(keeper, d) < 0)
			log_warning("the fingerprint %s is blocked when it is seen next", d->ja4);
	}
}

/* ---------------------------------------------------------------------------------------------
 * Into the store
 */
static const char *service_name(const struct keeper *keeper, uint16_t id)
{
	return intern_name(apply_intern(keeper->apply), INTERN_SERVICE, id);
}

static void put_value(uint16_t service, enum tls_kind kind, const struct tls_value *value,
		      void *userdata)
{
	struct keeper *keeper = userdata;
	const struct store_tls_value row = {
		.service = service_name(keeper, service),
		.kind = tls_kind_name(kind),
		.value = value->text,
		.first_ns = value->first_wall_ns,
		.last_ns = value->last_wall_ns,
		.count = value->count,
	};

	if (row.service)
		store_put_tls_value(keeper->store, &row);
}

static void put_name(uint16_t service, const struct tls_name *name, void *userdata)
{
	struct keeper *keeper = userdata;
	const struct store_tls_name row = {
		.service = service_name(keeper, service),
		.sni = name->sni,
		.sni_key = name->sni_key,
		.port = name->port,
		.best = name->best,
		.last = name->last,
		.best_ns = name->best_wall_ns,
		.fell_ns = name->fell_wall_ns,
		.fell = name->fell,
	};

	if (row.service)
		store_put_tls_name(keeper->store, &row);
}

static void put_key(const char *ja4, uint64_t key, void *userdata)
{
	struct keeper *keeper = userdata;

	store_put_ja4(keeper->store, ja4, key);
}

static void put_certificate(const struct certificate *c, void *userdata)
{
	struct keeper *keeper = userdata;
	const struct store_certificate row = {
		.service = service_name(keeper, c->service),
		.fingerprint = c->fingerprint,
		.key = c->key,
		.signature = c->signature,
		.subject = c->subject,
		.issuer = c->issuer,
		.names = c->names,
		.server_name = c->server_name,
		.port = c->port,
		.key_bits = c->key_bits,
		.self_signed = c->self_signed,
		.client = c->client,
		.not_before_s = c->not_before_s,
		.not_after_s = c->not_after_s,
		.first_ns = c->first_wall_ns,
		.last_ns = c->last_wall_ns,
		.count = c->count,
	};

	if (row.service)
		store_put_certificate(keeper->store, &row);
}

static void put_finding(const struct finding *f, void *userdata)
{
	struct keeper *keeper = userdata;
	const struct store_finding row = {
		.id = f->id,
		.count = f->count,
		.control = f->control,
		.rule = f->rule,
		.service = f->service,
		.subject = f->subject,
		.evidence = f->evidence,
		.request = f->request,
		.severity = f->severity,
		.first_ns = f->first_wall_ns,
		.last_ns = f->last_wall_ns,
	};

	store_put_finding(keeper->store, &row);
}

void persist_alert(const struct alert *a, void *userdata)
{
	struct keeper *keeper = userdata;
	char source[ADDR_TEXT] = "", *data = alert_pack(a);
	const struct store_alert row = {
		.id = a->id,
		.kind = alert_kind_name(a->kind),
		.severity = (int)a->severity,
		.state = (int)a->state,
		.control = a->control,
		.service = a->service,
		.operation = a->operation,
		.subject = a->subject,
		.source = a->have_source ? addr_format(&a->source, source) : source,
		.incident = a->incident,
		.first_ns = a->first_ns,
		.last_ns = a->last_ns,
		.count = a->count,
		.data = data,
	};

	if (data)
		store_put_alert(keeper->store, &row);
	free(data);
}

static void put_tallies(struct keeper *keeper)
{
	const struct finding_tally *t;

	for (size_t i = 0; (t = findings_tally(keeper->findings, i)); i++) {
		const struct store_tally row = {
			.control = t->control,
			.service = t->service,
			.count = t->count,
			.last_id = t->last_id,
			.last_ns = t->last_wall_ns,
		};

		if (t->dirty)
			store_put_tally(keeper->store, &row);
	}
}

#define COUNTS_NS (10 * CLOCK_NS_PER_S)

static void store_sight(struct keeper *keeper, bool last)
{
	const struct tls_history_sink sink = {put_value, put_name, put_key, keeper};
	uint64_t now_ns = clock_boot_ns();
	bool due = last || now_ns >= keeper->counts_ns;
	bool history = due || tls_history_has_news(keeper->tls_history);
	bool certificates = due || certificates_have_news(keeper->certificates);

	/* a slow disk gets the newest state next time, not each one of them */
	if (!last && !store_is_written(keeper->store, keeper->sight_ticket))
		return;
	if (store_begin(keeper->store) < 0)
		return;
	if (history)
		tls_history_each_dirty(keeper->tls_history, &sink);
	if (certificates)
		certificates_each_dirty(keeper->certificates, put_certificate, keeper);
	findings_each_dirty(keeper->findings, put_finding, keeper);
	put_tallies(keeper);
	alerts_each_dirty(keeper->alerts, persist_alert, keeper);
	if (store_commit(keeper->store) < 0)
		return;
	keeper->sight_ticket = store_ticket(keeper->store);
	if (due)
		keeper->counts_ns = now_ns + COUNTS_NS;
	if (history)
		tls_history_stored(keeper->tls_history);
	if (certificates)
		certificates_stored(keeper->certificates);
	findings_stored(keeper->findings);
	alerts_stored(keeper->alerts);
}

/* Asked every second: it is read once. */
static const char *boot_id(void)
{
	static char id[CLOCK_BOOT_ID];

	return *id ? id : clock_boot_id(id);
}

void persist_decisions(struct keeper *keeper)
{
	keeper->save_error = decisions_save(keeper->decisions, boot_id(), clock_now());
	if (keeper->save_error == 0)
		keeper->save_error = subjects_save(keeper->subjects, boot_id(), clock_now());
}

#define KEEP_DAYS  90
#define KEEP_BYTES (1024ull << 20)
#define RETAIN_NS  (60 * CLOCK_NS_PER_S)
#define DAY_NS     (86400 * (int64_t)CLOCK_NS_PER_S)

/* Once a minute; while there is more to remove, every second. */
static void retain(struct keeper *keeper)
{
	const struct options *o = keeper->options;
	int64_t days = o->keep_days ? o->keep_days : KEEP_DAYS;
	uint64_t now_ns = clock_boot_ns(), removed = 0;

	if (now_ns < keeper->retain_ns)
		return;
	keeper->retain_ns = now_ns + RETAIN_NS;
	if (store_retain(keeper->store, clock_wall_ns() - days * DAY_NS,
			 o->keep_bytes ? o->keep_bytes : KEEP_BYTES, &removed) == 0 &&
	    removed)
		keeper->retain_ns = 0;
}

static void persist(struct keeper *keeper, bool last)
{
	if (!store_tick(keeper->store, clock_boot_ns()))
		return;
	if (keeper->store_epoch != store_epoch(keeper->store)) {
		keeper->store_epoch = store_epoch(keeper->store);
		tls_history_unstored(keeper->tls_history);
		certificates_unstored(keeper->certificates);
		findings_unstored(keeper->findings);
		alerts_unstored(keeper->alerts);
		incidents_unstored(keeper->incidents);
		actions_unstored(keeper->actions);
	}
	persist_decisions(keeper);
	audit_flush(keeper->audit);
	store_sight(keeper, last);
	retain(keeper);
}

void persist_tick(struct keeper *keeper)
{
	persist(keeper, false);
}

void persist_all(struct keeper *keeper)
{
	persist(keeper, true);
}
