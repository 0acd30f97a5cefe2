/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows.c - rows in and out: one statement for each kind of change and of list.
 */
#include "user/store/store_private.h"

int store_put_decision(struct store *store, const struct store_decision *d)
{
	return store_change(
		store, "decision", "INSERT OR REPLACE INTO decisions VALUES (?,?,?,?,?,?,?,?,?,?)",
		"itttttiiit", (int64_t)d->id, d->kind, d->subject, d->verdict, d->origin, d->reason,
		d->created_ns, d->expires_ns, (int64_t)d->expires_boot_ns, d->boot_id);
}

int store_remove_decision(struct store *store, uint32_t id)
{
	return store_change(store, "decision", "DELETE FROM decisions WHERE id = ?", "i",
			    (int64_t)id);
}

int store_put_finding(struct store *store, const struct store_finding *f)
{
	return store_change(store, "finding",
			    "INSERT OR REPLACE INTO findings VALUES (?,?,?,?,?,?,?,?,?,?,?)",
			    "ittttitiiit", (int64_t)f->id, f->control, f->rule, f->service,
			    f->subject, (int64_t)f->severity, f->evidence, f->first_ns, f->last_ns,
			    (int64_t)f->count, f->request);
}

int store_put_tls_value(struct store *store, const struct store_tls_value *v)
{
	return store_change(store, "TLS history",
			    "INSERT OR REPLACE INTO tls_values VALUES (?,?,?,?,?,?)", "tttiii",
			    v->service, v->kind, v->value, v->first_ns, v->last_ns,
			    (int64_t)v->count);
}

int store_put_tls_name(struct store *store, const struct store_tls_name *n)
{
	return store_change(
		store, "TLS name", "INSERT OR REPLACE INTO tls_names VALUES (?,?,?,?,?,?,?,?,?)",
		"tiitiiiii", n->service, (int64_t)n->port, (int64_t)n->sni_key, n->sni,
		(int64_t)n->best, (int64_t)n->last, n->best_ns, n->fell_ns, (int64_t)n->fell);
}

int store_put_certificate(struct store *store, const struct store_certificate *c)
{
	return store_change(store, "certificate",
			    "INSERT OR REPLACE INTO certificates VALUES"
			    " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
			    "tittitttttiiiiiii", c->service, (int64_t)c->port, c->fingerprint,
			    c->key, (int64_t)c->key_bits, c->signature, c->subject, c->issuer,
			    c->names, c->server_name, (int64_t)c->self_signed, (int64_t)c->client,
			    c->not_before_s, c->not_after_s, c->first_ns, c->last_ns,
			    (int64_t)c->count);
}

int store_forget_tls_names(struct store *store, const char *service)
{
	return store_change(store, "TLS name", "DELETE FROM tls_names WHERE service = ?", "t",
			    service);
}

int store_put_ja4(struct store *store, const char *ja4, uint64_t key)
{
	return store_change(store, "fingerprint", "INSERT OR REPLACE INTO ja4_keys VALUES (?,?)",
			    "it", (int64_t)key, ja4);
}

int store_put_number(struct store *store, const char *name, int64_t value)
{
	return store_change(store, "number", "INSERT OR REPLACE INTO meta VALUES (?,?)", "ti", name,
			    value);
}

/* ---------------------------------------------------------------------------------------------
 * Lists
 */
int store_each_decision(struct store *store,
			void (*fn)(const struct store_decision *decision, void *userdata),
			void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store, "SELECT * FROM decisions ORDER BY id", &l);

	if (r < 0)
		return r;
	while (store_list_next(&l)) {
		const struct store_decision d = {
			.id = (uint32_t)store_list_number(&l, 0),
			.kind = store_list_text(&l, 1),
			.subject = store_list_text(&l, 2),
			.verdict = store_list_text(&l, 3),
			.origin = store_list_text(&l, 4),
			.reason = store_list_text(&l, 5),
			.created_ns = store_list_number(&l, 6),
			.expires_ns = store_list_number(&l, 7),
			.expires_boot_ns = (uint64_t)store_list_number(&l, 8),
			.boot_id = store_list_text(&l, 9),
		};

		fn(&d, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_audit(struct store *store, int64_t before, size_t max,
		     void (*fn)(const struct store_audit *audit, void *userdata), void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store,
				 "SELECT id, time, origin, uid, pid, what, before, after FROM audit"
				 " WHERE id < ? ORDER BY id DESC LIMIT ?",
				 &l);

	if (r < 0)
		return r;
	store_list_bind(&l, before ? before : INT64_MAX);
	store_list_bind(&l, (int64_t)max);
	while (store_list_next(&l)) {
		const struct store_audit a = {
			.id = store_list_number(&l, 0),
			.time_ns = store_list_number(&l, 1),
			.origin = store_list_text(&l, 2),
			.uid = (uint32_t)store_list_number(&l, 3),
			.pid = (int32_t)store_list_number(&l, 4),
			.what = store_list_text(&l, 5),
			.before = store_list_text(&l, 6),
			.after = store_list_text(&l, 7),
		};

		fn(&a, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_tls_value(struct store *store,
			 void (*fn)(const struct store_tls_value *value, void *userdata),
			 void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store, "SELECT * FROM tls_values ORDER BY last", &l);

	if (r < 0)
		return r;
	while (store_list_next(&l)) {
		const struct store_tls_value v = {
			.service = store_list_text(&l, 0),
			.kind = store_list_text(&l, 1),
			.value = store_list_text(&l, 2),
			.first_ns = store_list_number(&l, 3),
			.last_ns = store_list_number(&l, 4),
			.count = (uint64_t)store_list_number(&l, 5),
		};

		fn(&v, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_tls_name(struct store *store,
			void (*fn)(const struct store_tls_name *name, void *userdata),
			void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store, "SELECT * FROM tls_names ORDER BY best_time", &l);

	if (r < 0)
		return r;
	while (store_list_next(&l)) {
		const struct store_tls_name n = {
			.service = store_list_text(&l, 0),
			.port = (uint16_t)store_list_number(&l, 1),
			.sni_key = (uint32_t)store_list_number(&l, 2),
			.sni = store_list_text(&l, 3),
			.best = (uint16_t)store_list_number(&l, 4),
			.last = (uint16_t)store_list_number(&l, 5),
			.best_ns = store_list_number(&l, 6),
			.fell_ns = store_list_number(&l, 7),
			.fell = (uint64_t)store_list_number(&l, 8),
		};

		fn(&n, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_certificate(struct store *store,
			   void (*fn)(const struct store_certificate *certificate, void *userdata),
			   void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store, "SELECT * FROM certificates ORDER BY last", &l);

	if (r < 0)
		return r;
	while (store_list_next(&l)) {
		const struct store_certificate c = {
			.service = store_list_text(&l, 0),
			.port = (uint16_t)store_list_number(&l, 1),
			.fingerprint = store_list_text(&l, 2),
			.key = store_list_text(&l, 3),
			.key_bits = (uint16_t)store_list_number(&l, 4),
			.signature = store_list_text(&l, 5),
			.subject = store_list_text(&l, 6),
			.issuer = store_list_text(&l, 7),
			.names = store_list_text(&l, 8),
			.server_name = store_list_text(&l, 9),
			.self_signed = store_list_number(&l, 10) != 0,
			.client = store_list_number(&l, 11) != 0,
			.not_before_s = store_list_number(&l, 12),
			.not_after_s = store_list_number(&l, 13),
			.first_ns = store_list_number(&l, 14),
			.last_ns = store_list_number(&l, 15),
			.count = (uint64_t)store_list_number(&l, 16),
		};

		fn(&c, userdata);
	}
	return store_list_end(store, &l);
}

int store_each_ja4(struct store *store, void (*fn)(const char *ja4, uint64_t key, void *userdata),
		   void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store, "SELECT ja4, key FROM ja4_keys", &l);

	if (r < 0)
		return r;
	while (store_list_next(&l))
		fn(store_list_text(&l, 0), (uint64_t)store_list_number(&l, 1), userdata);
	return store_list_end(store, &l);
}

int64_t store_number(struct store *store, const char *name)
{
	int64_t value = 0;
	struct store_list l;

	if (store_list_begin(store, "SELECT value FROM meta WHERE key = ?", &l) < 0)
		return 0;
	store_list_bind_text(&l, name);
	while (store_list_next(&l))
		value = store_list_number(&l, 0);
	return store_list_end(store, &l) < 0 ? 0 : value;
}
