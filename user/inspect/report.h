/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - the records between an inspector and the keeper, over one SOCK_SEQPACKET pair: several
 * records in a message, each begins with struct report. Fixed layout, bounded, validated by the
 * keeper as from a stranger: an inspector may have been taken over by what it reads.
 *
 * Texts that come from the network are struct masked, except in REPORT_HEAD: there the deciding
 * fields of a request are already read (operation, keyed hash), no text at all.
 */
#pragma once

#include "include/glacis/abi.h"
#include "user/base/masked.h"

#define REPORT_MESSAGE_MAX 65536 /* bytes of one message */

enum report_kind {
	REPORT_NONE,
	/* inspector -> keeper */
	REPORT_READY,
	REPORT_TRANSACTION,
	REPORT_FINDING,
	REPORT_HEAD, /* an HTTP/2 request to be judged */
	REPORT_CERTIFICATE,
	REPORT_ACCOUNT,
	REPORT_READ, /* HTTP/2: so far every head was told */
	/* keeper -> inspector */
	REPORT_POLICY, /* with a descriptor: a sealed copy of the ruling struct gl_policy */
	REPORT_STOP,
	REPORT_RECORD, /* behind struct report: a record of the kernel's, unread (abi.h) */
	REPORT_KIND_MAX
};

struct report {
	uint16_t kind; /* enum report_kind */
	uint16_t reserved;
	uint32_t len; /* of the record, this header included; a multiple of 8 */
};

/* One transaction: what the access log, `transactions` and later alerts and backtests take. */
struct report_transaction {
	struct report report;
	uint64_t conn;
	uint64_t principal;
	int64_t begin_wall_ns;
	uint64_t wait_ns, total_ns;
	uint64_t request_bytes, response_bytes; /* of bodies, on the wire */
	struct gl_addr client, server, source;
	uint16_t client_port, server_port;
	uint16_t service, op, cls; /* interned ids; 0xffff = none */
	uint16_t status;
	uint32_t number, stream;
	uint32_t pid;
	uint32_t flags, anomalies; /* transaction.h */
	uint8_t how, role, protocol, credential;
	char method[16]; /* token characters, cut */
	char request_id[64];
	char user_agent[64]; /* printable, masked like a path's segments, cut */
	struct masked path;
	/* keyed hashes, for the rules of alerts (subjects.h); 0: none. The keeper keeps none. */
	uint64_t account, password, object, object_number;
};

struct report_finding {
	struct report report;
	uint64_t conn;
	int64_t wall_ns;
	struct gl_addr source;
	uint16_t service, op;
	uint8_t severity; /* enum finding_severity */
	uint8_t part; /* enum detect_part */
	uint16_t status;
	char control[12]; /* of the catalogue */
	char rule[36];
	char request_id[64]; /* of the newest, with conn, wall_ns and status */
	uint32_t more; /* so many before it said the same and were not told */
	uint32_t reserved;
	struct masked evidence;
};

/* A complete HTTP/2 request head, read by the same parser as the doors' (http.h). */
struct report_head {
	struct report report;
	uint64_t conn;
	uint64_t generation; /* of the policy it was read with */
	uint64_t principal;
	uint64_t head_ns; /* CLOCK_BOOTTIME: when a door saw its last byte */
	struct gl_addr client, source;
	uint16_t client_port, server_port;
	uint16_t service; /* index in services[] of that generation */
	uint16_t op; /* index in ops[] */
	uint32_t stream, pid;
	uint8_t credential, outcome, forwarded, how;
	uint32_t n_credentials; /* may be more than are listed */
	uint64_t credentials[4]; /* keyed hashes, each may be revoked */
};

/* Every head in the first `off` bytes of the client's was told before. */
struct report_read {
	struct report report;
	uint64_t conn, off;
};

/* A server certificate, as far as TLS-05 needs it. */
struct report_certificate {
	struct report report;
	uint64_t conn;
	int64_t not_before_s, not_after_s; /* Unix time */
	uint16_t service, port; /* interned id */
	uint16_t key_bits;
	uint8_t self_signed;
	uint8_t outcome; /* enum gl_outcome: MALFORMED: nothing below is set */
	uint16_t flags; /* enum gl_certificate_flags */
	uint16_t reserved[3];
	char fingerprint[72]; /* SHA-256 of the DER, hex */
	char key[24]; /* "RSA", "EC P-256", "Ed25519" */
	char signature[48]; /* "sha256WithRSAEncryption" */
	char subject[128], issuer[128]; /* printable, cut */
	char names[512]; /* subjectAltName DNS and IP, comma-separated; "..." last: there are more
			  */
};

/* Losses and work, since the inspector began; sent once a second. */
#define REPORT_COUNT_LIST(X)                                                                       \
	X(CHUNKS, "inspector-chunks")                                                              \
	X(BYTES, "inspector-bytes")                                                                \
	X(TRANSACTIONS, "inspector-transactions")                                                  \
	X(FINDINGS, "inspector-findings")                                                          \
	X(GAPS, "inspector-stream-gaps")                                                           \
	X(GAP_BYTES, "inspector-stream-gap-bytes")                                                 \
	X(STREAMS_EVICTED, "inspector-streams-evicted")                                            \
	X(H2_ERRORS, "inspector-hpack-errors")                                                     \
	X(H2_MIDSTREAM, "inspector-h2-midstream")                                                  \
	X(UNDECODABLE, "inspector-bodies-undecodable")                                             \
	X(BOMBS, "inspector-body-bombs")                                                           \
	X(BODIES_SKIPPED, "inspector-bodies-skipped")                                              \
	X(REPORTS_LOST, "inspector-reports-lost")                                                  \
	X(NOT_HTTP, "inspector-streams-not-http")                                                  \
	X(RECORDS_BAD, "inspector-records-bad")
#define REPORT_COUNT_VALUE(name, text) REPORT_COUNT_##name,
enum report_count { REPORT_COUNT_LIST(REPORT_COUNT_VALUE) REPORT_COUNT_MAX };

struct report_account {
	struct report report;
	uint64_t counts[REPORT_COUNT_MAX];
};

struct report_policy {
	struct report report;
	uint64_t generation;
	uint64_t size; /* of the file that comes with it: the image, and what is expected behind it
			*/
};
