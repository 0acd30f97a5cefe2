/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * audit_chain.c - the audit's rows as a chain: each holds the SHA-256 of the row before it and of
 * itself, so that no row can be changed, removed or put in without breaking it. The signature over
 * its end is the keeper's (audit_head.h).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>

#include "user/base/cleanup.h"
#include "user/store/store_private.h"

static const char zero_hash[STORE_HASH] =
	"0000000000000000000000000000000000000000000000000000000000000000";

static void digest_freep(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

/* Lengths go with the texts: no two rows have the same bytes. NULL is not "". */
static int put_text(EVP_MD_CTX *ctx, const char *text)
{
	int64_t n = text ? (int64_t)strlen(text) : -1;

	return EVP_DigestUpdate(ctx, &n, sizeof(n)) == 1 &&
	       (n <= 0 || EVP_DigestUpdate(ctx, text, (size_t)n) == 1);
}

int chain_hash(const char *previous, const struct store_audit *row, char ret_hash[STORE_HASH])
{
	_cleanup_(digest_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const int64_t numbers[] = {row->id, row->time_ns, row->uid, row->pid};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1 || !put_text(ctx, previous) ||
	    EVP_DigestUpdate(ctx, numbers, sizeof(numbers)) != 1 || !put_text(ctx, row->origin) ||
	    !put_text(ctx, row->what) || !put_text(ctx, row->before) ||
	    !put_text(ctx, row->after) || EVP_DigestFinal_ex(ctx, digest, &n) != 1 ||
	    n * 2 + 1 != STORE_HASH)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		snprintf(ret_hash + 2 * i, 3, "%02x", digest[i]);
	return 0;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
	return (const char *)sqlite3_column_text(statement, column);
}

int store_chain_end(struct store *store, int64_t *ret_last, char ret_hash[STORE_HASH])
{
	sqlite3_stmt *statement = NULL;
	int r;

	if (!store->db)
		return -EIO;
	r = sqlite3_prepare_v2(store->db, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", -1,
			       &statement, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_step(statement);
	*ret_last = 0;
	memcpy(ret_hash, zero_hash, STORE_HASH);
	if (r == SQLITE_ROW) {
		const char *hash = column_text(statement, 1);

		*ret_last = sqlite3_column_int64(statement, 0);
		if (hash && strlen(hash) == STORE_HASH - 1)
			memcpy(ret_hash, hash, STORE_HASH);
		r = SQLITE_DONE;
	}
	sqlite3_finalize(statement);
	return r == SQLITE_DONE ? 0 : store_failed(store, r, "audit");
}

/* Looked at so many at a time. */
#define PART 500

struct signed_end {
	int64_t last;
	const char *hash;
	char previous[STORE_HASH]; /* of the row before the next one */
};

/* The row after `chain`'s last one. False: it does not fit, and ret says why. */
static bool follows(const struct store_list *l, const char *previous, struct store_chain *chain,
		    char hash[STORE_HASH])
{
	const struct store_audit row = {
		.id = store_list_number(l, 0),
		.time_ns = store_list_number(l, 1),
		.origin = store_list_text(l, 2),
		.uid = (uint32_t)store_list_number(l, 3),
		.pid = (int32_t)store_list_number(l, 4),
		.what = store_list_text(l, 5),
		.before = store_list_text(l, 6),
		.after = store_list_text(l, 7),
	};
	const char *stored = store_list_text(l, 8), *before = store_list_text(l, 9);

	chain->bad = row.id;
	if (chain->records && row.id != chain->last + 1)
		chain->problem = "records before it are missing";
	else if (!before || (chain->records && strcmp(before, previous) != 0))
		chain->problem = "it does not continue the record before it";
	else if (row.uid != store_list_number(l, 3) || row.pid != store_list_number(l, 4) ||
		 chain_hash(before, &row, hash) < 0 || !stored || strcmp(stored, hash) != 0)
		chain->problem = "it was changed";
	else
		chain->bad = 0;
	if (chain->bad)
		return false;
	if (!chain->records)
		chain->first = row.id;
	chain->records++;
	chain->last = row.id;
	return true;
}

/* The next part of the rows: 1 while there are more, 0, or -errno. */
static int verify_part(struct store *store, int64_t from, struct signed_end *end,
		       struct store_chain *chain)
{
	char hash[STORE_HASH] = "";
	struct store_list l;
	int64_t n = 0;
	int r = store_list_begin(store,
				 "SELECT id, time, origin, uid, pid, what, before, after, hash,"
				 " previous FROM audit WHERE id >= ? ORDER BY id LIMIT ?",
				 &l);

	if (r < 0)
		return r;
	store_list_bind(&l, from);
	store_list_bind(&l, PART);
	while (store_list_next(&l)) {
		n++;
		if (!follows(&l, end->previous, chain, hash))
			break;
		memcpy(end->previous, hash, sizeof(hash));
		if (chain->last == end->last)
			chain->head_seen = strcmp(hash, end->hash) == 0;
	}
	r = store_list_end(store, &l);
	return r < 0 ? r : n == PART && !chain->bad;
}

int store_chain_verify(struct store *store, int64_t first, int64_t signed_last,
		       const char *signed_hash, struct store_chain *ret_chain)
{
	struct signed_end end = {.last = signed_last, .hash = signed_hash};
	struct store_chain chain = {};
	int r;

	do
		r = verify_part(store, chain.records ? chain.last + 1 : first, &end, &chain);
	while (r > 0);
	if (r < 0)
		return r;
	/* only retention takes from the beginning, and it leaves as many as it keeps */
	if (!chain.problem && chain.records && chain.first > first &&
	    chain.records < STORE_AUDIT_KEPT) {
		chain.bad = chain.first;
		chain.problem = "records before it are missing";
	}
	*ret_chain = chain;
	return 0;
}
