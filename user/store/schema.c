/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * schema.c - the tables, as steps from one version to the next. A step is never edited: a change is
 * a new step. Each runs in a transaction of its own together with the new version's number.
 */
#include <stdio.h>

#include "user/base/cleanup.h"
#include "user/store/store_private.h"

/* "glcs": which file this is, for file(1) and for people. */
#define APPLICATION_ID 0x676c6373

static const char *const steps[STORE_SCHEMA] = {
	/* 1 */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE decisions (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL,"
	" verdict TEXT NOT NULL, origin TEXT NOT NULL, reason TEXT NOT NULL,"
	" created INTEGER NOT NULL, expires INTEGER NOT NULL, expires_boot INTEGER NOT NULL,"
	" boot_id TEXT NOT NULL) STRICT;"
	"CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER NOT NULL,"
	" origin TEXT NOT NULL, uid INTEGER NOT NULL, pid INTEGER NOT NULL, what TEXT NOT NULL,"
	" before TEXT, after TEXT) STRICT;"
	"CREATE TABLE findings (id INTEGER PRIMARY KEY, control TEXT NOT NULL, rule TEXT NOT NULL,"
	" service TEXT NOT NULL, subject TEXT NOT NULL, severity INTEGER NOT NULL,"
	" evidence TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" count INTEGER NOT NULL) STRICT;",
	/* 2 */
	"CREATE TABLE tls_values (service TEXT NOT NULL, kind TEXT NOT NULL, value TEXT NOT NULL,"
	" first INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY (service, kind, value)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE tls_names (service TEXT NOT NULL, port INTEGER NOT NULL,"
	" sni_key INTEGER NOT NULL, sni TEXT NOT NULL, best INTEGER NOT NULL,"
	" last INTEGER NOT NULL, best_time INTEGER NOT NULL, fell_time INTEGER NOT NULL,"
	" fell INTEGER NOT NULL, PRIMARY KEY (service, port, sni_key)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE ja4_keys (key INTEGER PRIMARY KEY, ja4 TEXT NOT NULL) STRICT;",
	/* 3 */
	"ALTER TABLE findings ADD COLUMN request TEXT NOT NULL DEFAULT '';",
	/* 4 */
	"ALTER TABLE audit ADD COLUMN hash TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE audit ADD COLUMN previous TEXT NOT NULL DEFAULT '';",
	/* 5 */
	"CREATE TABLE certificates (service TEXT NOT NULL, port INTEGER NOT NULL,"
	" fingerprint TEXT NOT NULL, key TEXT NOT NULL, key_bits INTEGER NOT NULL,"
	" signature TEXT NOT NULL, subject TEXT NOT NULL, issuer TEXT NOT NULL,"
	" names TEXT NOT NULL, server_name TEXT NOT NULL, self_signed INTEGER NOT NULL,"
	" client INTEGER NOT NULL,"
	" not_before INTEGER NOT NULL, not_after INTEGER NOT NULL, first INTEGER NOT NULL,"
	" last INTEGER NOT NULL, count INTEGER NOT NULL,"
	" PRIMARY KEY (service, port, client, fingerprint)) STRICT, WITHOUT ROWID;",
	/* 6 */
	"CREATE TABLE incidents (id INTEGER PRIMARY KEY, status INTEGER NOT NULL,"
	" priority INTEGER NOT NULL, priority_manual INTEGER NOT NULL,"
	" resolution INTEGER NOT NULL, merged_into INTEGER NOT NULL, split_from INTEGER NOT NULL,"
	" follows INTEGER NOT NULL, title TEXT NOT NULL, service TEXT NOT NULL,"
	" assignee TEXT NOT NULL, origin TEXT NOT NULL, opened INTEGER NOT NULL,"
	" clock INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" triaged INTEGER NOT NULL, root_cause INTEGER NOT NULL, open INTEGER NOT NULL,"
	" contained INTEGER NOT NULL, eradicated INTEGER NOT NULL, recovered INTEGER NOT NULL,"
	" post_incident INTEGER NOT NULL, closed INTEGER NOT NULL, told INTEGER NOT NULL,"
	" alerts INTEGER NOT NULL, evidence INTEGER NOT NULL, evidence_told INTEGER NOT NULL,"
	" needs_root_cause INTEGER NOT NULL) STRICT;"
	"CREATE INDEX incidents_open ON incidents (id) WHERE status < 5;"
	"CREATE INDEX incidents_by_status ON incidents (status, id);"
	"CREATE INDEX incidents_by_priority ON incidents (priority, id);"
	"CREATE INDEX incidents_by_service ON incidents (service, id);"
	"CREATE INDEX incidents_merged ON incidents (merged_into) WHERE merged_into > 0;"
	"CREATE TABLE incident_alerts (alert INTEGER PRIMARY KEY, incident INTEGER NOT NULL,"
	" kind TEXT NOT NULL, pattern TEXT NOT NULL, control TEXT NOT NULL, service TEXT NOT NULL,"
	" operation TEXT NOT NULL, subject TEXT NOT NULL, source TEXT NOT NULL,"
	" severity INTEGER NOT NULL, principal INTEGER NOT NULL, count INTEGER NOT NULL,"
	" shared INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;"
	"CREATE INDEX incident_alerts_of ON incident_alerts (incident, alert);"
	"CREATE TABLE incident_entries (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL,"
	" time INTEGER NOT NULL, kind TEXT NOT NULL, actor TEXT NOT NULL, text TEXT NOT NULL)"
	" STRICT;"
	"CREATE INDEX incident_entries_of ON incident_entries (incident, id);"
	"CREATE TABLE incident_tasks (incident INTEGER NOT NULL, number INTEGER NOT NULL,"
	" state INTEGER NOT NULL, owner TEXT NOT NULL, text TEXT NOT NULL,"
	" created INTEGER NOT NULL, due INTEGER NOT NULL, done INTEGER NOT NULL,"
	" told INTEGER NOT NULL, PRIMARY KEY (incident, number)) STRICT, WITHOUT ROWID;",
	/* 7 */
	"CREATE TABLE alerts (id INTEGER PRIMARY KEY, kind TEXT NOT NULL,"
	" severity INTEGER NOT NULL, state INTEGER NOT NULL, control TEXT NOT NULL,"
	" service TEXT NOT NULL, operation TEXT NOT NULL, subject TEXT NOT NULL,"
	" source TEXT NOT NULL, incident INTEGER NOT NULL, first INTEGER NOT NULL,"
	" last INTEGER NOT NULL, count INTEGER NOT NULL, data TEXT NOT NULL) STRICT;"
	"CREATE INDEX alerts_last ON alerts (last);",
	/* 8 */
	"CREATE TABLE incident_actions (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL,"
	" verb INTEGER NOT NULL, state INTEGER NOT NULL, automatic INTEGER NOT NULL,"
	" ttl INTEGER NOT NULL, decision INTEGER NOT NULL, hit INTEGER NOT NULL,"
	" good INTEGER NOT NULL, clients INTEGER NOT NULL, created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL, decided INTEGER NOT NULL, playbook TEXT NOT NULL,"
	" target TEXT NOT NULL, why TEXT NOT NULL, who TEXT NOT NULL) STRICT;",
	/* 9 */
	"CREATE INDEX findings_last ON findings (last);",
	/* 10: what lists are asked for, and what findings of each control come to */
	"CREATE INDEX alerts_kind ON alerts (kind, id, severity, state, service);"
	"CREATE INDEX alerts_service ON alerts (service, id, severity, state, kind);"
	"CREATE INDEX alerts_severity ON alerts (severity, id);"
	"CREATE INDEX alerts_state ON alerts (state, id);"
	"CREATE INDEX alerts_open ON alerts (id) WHERE state < 2;"
	"CREATE INDEX alerts_gone ON alerts (last) WHERE state = 2 AND incident = 0;"
	"CREATE INDEX findings_control ON findings (control, id, severity, service);"
	"CREATE INDEX findings_service ON findings (service, id, severity);"
	"CREATE INDEX findings_severity ON findings (severity, id);"
	"CREATE TABLE tallies (control TEXT NOT NULL, service TEXT NOT NULL,"
	" count INTEGER NOT NULL, last_id INTEGER NOT NULL, last INTEGER NOT NULL,"
	" PRIMARY KEY (control, service)) STRICT, WITHOUT ROWID;"
	"INSERT INTO tallies SELECT control, service, sum(count), max(id), max(last)"
	" FROM findings WHERE severity > 0 GROUP BY control, service;",
	/* 11 */
	"CREATE TABLE policies (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL,"
	" name TEXT NOT NULL, file TEXT NOT NULL, origin TEXT NOT NULL, hash TEXT NOT NULL,"
	" uid INTEGER NOT NULL, pid INTEGER NOT NULL, time INTEGER NOT NULL,"
	" changes INTEGER NOT NULL, text TEXT NOT NULL) STRICT;"
	"CREATE TABLE attestations (control TEXT PRIMARY KEY, owner TEXT NOT NULL,"
	" evidence TEXT NOT NULL, expires TEXT NOT NULL, expires_at INTEGER NOT NULL,"
	" time INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
};

static const char prune[] =
	"DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - 100000;"
	"DELETE FROM tls_values WHERE last < (SELECT last FROM tls_values ORDER BY last DESC"
	" LIMIT 1 OFFSET 50000);"
	"DELETE FROM tls_names WHERE best_time < (SELECT best_time FROM tls_names"
	" ORDER BY best_time DESC LIMIT 1 OFFSET 16384);"
	"DELETE FROM certificates WHERE last < (SELECT last FROM certificates"
	" ORDER BY last DESC LIMIT 1 OFFSET 511);"
	"DELETE FROM policies WHERE id <= (SELECT max(id) FROM policies) - 500;"
	"DELETE FROM ja4_keys WHERE key NOT IN (SELECT key FROM ja4_keys LIMIT 8192);"
	"DELETE FROM incidents WHERE status = 5 AND id <= (SELECT max(id) FROM incidents) - 10000;"
	"DELETE FROM incident_alerts WHERE incident < (SELECT min(id) FROM incidents);"
	"DELETE FROM incident_entries WHERE incident < (SELECT min(id) FROM incidents);"
	"DELETE FROM incident_actions WHERE incident < (SELECT min(id) FROM incidents);"
	"DELETE FROM incident_tasks WHERE incident < (SELECT min(id) FROM incidents);";

static int version_of(sqlite3 *db, int *ret_version)
{
	sqlite3_stmt *statement = NULL;
	int r = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL);

	if (r == SQLITE_OK)
		r = sqlite3_step(statement);
	if (r == SQLITE_ROW) {
		*ret_version = sqlite3_column_int(statement, 0);
		r = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return r;
}

static int step(sqlite3 *db, int from)
{
	char number[96];
	int r = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	snprintf(number, sizeof(number), "PRAGMA user_version = %d; PRAGMA application_id = %d",
		 from + 1, APPLICATION_ID);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, steps[from], NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, number, NULL, NULL, NULL);
	if (r == SQLITE_OK)
		r = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (r != SQLITE_OK)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int schema_migrate(sqlite3 *db)
{
	int version = 0;
	int r = version_of(db, &version);

	if (r == SQLITE_OK && version > STORE_SCHEMA)
		return SQLITE_MISMATCH;
	for (; r == SQLITE_OK && version < STORE_SCHEMA; version++)
		r = step(db, version);
	return r;
}

int schema_prune(sqlite3 *db)
{
	return sqlite3_exec(db, prune, NULL, NULL, NULL);
}
