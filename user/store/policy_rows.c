/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy_rows.c - policies that ruled, and attestations, in and out. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "user/store/store_private.h"

static int hash_text(const char *text, char ret_hash[STORE_HASH])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(text, strlen(text), digest, &n, EVP_sha256(), NULL) != 1 ||
	    n * 2 + 1 != STORE_HASH)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		snprintf(ret_hash + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

int store_put_policy(struct store *store, const struct store_policy *p)
{
	char hash[STORE_HASH];
	int r = hash_text(p->text, hash);

	return r < 0 ? r
		     : store_change(store, "policy",
				    "INSERT INTO policies (generation, name, file, origin, hash,"
				    " uid, pid, time, changes, text) VALUES (?,?,?,?,?,?,?,?,?,?)",
				    "ittttiiiit", (int64_t)p->generation, p->name, p->file,
				    p->origin, hash, (int64_t)p->uid, (int64_t)p->pid, p->time_ns,
				    (int64_t)p->changes, p->text);
}

#define COLUMNS "SELECT id, generation, name, file, origin, hash, uid, pid, time, changes, "

static int each(struct store *store, struct store_list *l,
		void (*fn)(const struct store_policy *policy, void *userdata), void *userdata)
{
	while (store_list_next(l)) {
		const struct store_policy p = {
			.id = store_list_number(l, 0),
			.generation = (uint64_t)store_list_number(l, 1),
			.name = store_list_text(l, 2),
			.file = store_list_text(l, 3),
			.origin = store_list_text(l, 4),
			.hash = store_list_text(l, 5),
			.uid = (uint32_t)store_list_number(l, 6),
			.pid = (int32_t)store_list_number(l, 7),
			.time_ns = store_list_number(l, 8),
			.changes = (uint64_t)store_list_number(l, 9),
			.text = store_list_text(l, 10),
		};

		fn(&p, userdata);
	}
	return store_list_end(store, l);
}

int store_each_policy(struct store *store, int64_t before, size_t max,
		      void (*fn)(const struct store_policy *policy, void *userdata), void *userdata)
{
	struct store_list l;
	int r = store_list_begin(
		store, COLUMNS "NULL FROM policies WHERE id < ? ORDER BY id DESC LIMIT ?", &l);

	if (r < 0)
		return r;
	store_list_bind(&l, before ? before : INT64_MAX);
	store_list_bind(&l, (int64_t)max);
	return each(store, &l, fn, userdata);
}

int store_get_policy(struct store *store, int64_t id,
		     void (*fn)(const struct store_policy *policy, void *userdata), void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store, COLUMNS "text FROM policies WHERE id = ?", &l);

	if (r < 0)
		return r;
	store_list_bind(&l, id);
	return each(store, &l, fn, userdata);
}

int store_clear_attestations(struct store *store)
{
	return store_change(store, "attestation", "DELETE FROM attestations", "");
}

int store_put_attestation(struct store *store, const struct store_attestation *a)
{
	return store_change(
		store, "attestation", "INSERT OR REPLACE INTO attestations VALUES (?,?,?,?,?,?)",
		"ttttii", a->control, a->owner, a->evidence, a->expires, a->expires_s, a->time_ns);
}

int store_each_attestation(struct store *store,
			   void (*fn)(const struct store_attestation *attestation, void *userdata),
			   void *userdata)
{
	struct store_list l;
	int r = store_list_begin(store,
				 "SELECT control, owner, evidence, expires, expires_at, time FROM"
				 " attestations ORDER BY control",
				 &l);

	if (r < 0)
		return r;
	while (store_list_next(&l)) {
		const struct store_attestation a = {
			.control = store_list_text(&l, 0),
			.owner = store_list_text(&l, 1),
			.evidence = store_list_text(&l, 2),
			.expires = store_list_text(&l, 3),
			.expires_s = store_list_number(&l, 4),
			.time_ns = store_list_number(&l, 5),
		};

		fn(&a, userdata);
	}
	return store_list_end(store, &l);
}
