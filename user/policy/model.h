/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h - what a policy document says, typed, after validation (architecture.md section 6).
 *
 * The reader (read.c) makes it from YAML or JSON, the compiler (compile.c) turns it into a struct
 * gl_policy. It owns all its strings. Every field is set: defaults are filled in by the reader, so
 * no later stage invents one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "include/glacis/abi.h"
#include "user/policy/model_respond.h"

#define POLICY_NAME_MAX                                                                            \
	63 /* names of services, classes, policies: [a-z0-9]([-a-z0-9_.]*[a-z0-9])? */
#define POLICY_SOURCE_MAX     (4 << 20) /* bytes of a document */
#define POLICY_DEPTH_MAX      32
#define POLICY_NODES_MAX      200000 /* after alias expansion */
#define POLICY_NETS_MAX       4000 /* CIDRs over all lists */
#define POLICY_CRED_NAMES_MAX 8 /* API-key headers; session cookies */

/* Where a value stood, for messages that come after reading (compile warnings). Lines and columns
 * from 1. */
struct policy_pos {
	unsigned line, column;
};

struct policy_cidr {
	struct gl_addr addr; /* masked */
	uint8_t len; /* 0..128, IPv4 is 96 + n */
};

struct policy_cidrs {
	struct policy_cidr *items;
	size_t n;
};

struct policy_strings {
	char **items;
	size_t n;
};

enum policy_mode_rule {
	POLICY_MODE_INHERIT,
	POLICY_MODE_MONITOR
}; /* a rule may only lower itself */

enum policy_response_action { POLICY_RESPONSE_OFF, POLICY_RESPONSE_DETECT, POLICY_RESPONSE_BLOCK };

/* What may not leave in responses. A service inherits the spec's, an operation the service's. */
struct policy_responses {
	struct policy_pos pos; /* of the key, for messages; 0: inherited as a whole */
	enum policy_response_action secrets; /* default ignore; forbidden fields follow it */
	enum policy_response_action stack_traces; /* default ignore */
	enum policy_response_action personal_data; /* default ignore; never block */
	bool unscanned_pass; /* unscanned: cut (default) | pass: what the guard could not read */
	struct policy_strings forbidden_fields; /* names of JSON members; an operation has none */
};

enum policy_bodies { POLICY_BODIES_NONE, POLICY_BODIES_FIRST, POLICY_BODIES_ALL };

/* What of the content the inspectors are given; heads always. Inherited as above. */
struct policy_inspect {
	enum policy_bodies bodies; /* default first */
	uint32_t max_bytes; /* of each body, with first. Default 65536 */
	uint32_t sample; /* bodies of 1 in n. Default 1 */
	bool tls; /* inside TLS too, default true; an operation cannot say */
};

/*
 * What answers and requests of an application are expected to be, for the detectors. A service
 * inherits the spec's, an operation the service's; 0 and no items: the detector's own default.
 */
struct policy_expect {
	uint32_t max_page, default_page; /* items of a list (REV-09, API-11) */
	struct policy_strings required_headers, forbidden_headers; /* of answers; lower case */
	struct policy_strings jwt_algorithms; /* the only ones (REV-04) */
	uint32_t jwt_lifetime_s; /* of an access token, at most (REV-05) */
	struct policy_strings cors_origins; /* the only ones (REV-18); lower case */
	uint32_t upload_bytes; /* of a request's body, at most (REV-10) */
	struct policy_strings upload_types; /* the only ones; "image/png", "image/" with a star */
};

enum policy_http2 { POLICY_HTTP2_REFUSE, POLICY_HTTP2_JUDGE, POLICY_HTTP2_ALLOW };

#define POLICY_FAILED_MAX 8
#define POLICY_LOCATION   128
/* What a login that failed is answered with; n = 0: 400, 401, 403, 422. */
struct policy_failed_login {
	uint32_t status[POLICY_FAILED_MAX];
	uint32_t n;
	char location[POLICY_LOCATION]; /* how the path of its Location begins; "": any */
};

struct policy_operation {
	struct policy_pos pos;
	char *match; /* as written: "POST /api/v1/users/{id:uuid}" */
	char *cls; /* class name; never NULL */
	uint8_t auth; /* enum gl_credential bits; 0 = none. Default: GL_CRED_ANY in services with
			 auth: required, else 0 */
	struct policy_strings tags;
	struct policy_cidrs sources; /* n = 0: any */
	enum policy_mode_rule mode;
	struct policy_responses responses;
	struct policy_inspect inspect;
	struct policy_expect expect; /* pages and uploads; the rest is the service's */
	bool deprecated; /* answers say so (API-03) */
	struct policy_failed_login failed_login;
};

/* What a service's TLS must be (TLS-01 to TLS-04). */
struct policy_tls {
	uint16_t min_version; /* as on the wire; 0 = no floor. Default 0x0303, TLS 1.2 */
	bool plaintext_refuse; /* plaintext: refuse, default allow */
	bool downgrade_refuse; /* downgrade: refuse, default detect */
	uint16_t *denied; /* cipher suites, ascending, each once */
	size_t n_denied; /* up to GL_TLS_DENIED_MAX */
};

struct policy_service {
	struct policy_pos pos;
	char *name;
	uint16_t *ports;
	size_t n_ports;
	struct policy_cidrs trusted_proxies;
	enum gl_mode mode; /* spec.mode unless the service lowers itself */
	bool ambiguous_refuse; /* ambiguousPath: refuse (default) | judge */
	bool fold_case; /* caseInsensitive, default false */
	enum policy_http2 http2; /* refuse (default) | judge | allow */
	bool quic_refuse; /* quic: refuse, default allow */
	struct policy_tls tls;
	struct policy_responses responses;
	struct policy_inspect inspect;
	struct policy_expect expect;
	bool unknown_refuse; /* unknownOperation: judge (default) | refuse */
	char *default_class; /* defaultClass: class of requests no operation matches; default
				"general" if it exists, else NULL */
	uint8_t default_auth; /* auth: none (default) | required: for operations that do not say */
	struct policy_operation *operations;
	size_t n_operations;
};

enum policy_count_by { POLICY_COUNT_AUTO, POLICY_COUNT_SOURCE, POLICY_COUNT_PRINCIPAL };

struct policy_class {
	struct policy_pos pos;
	char *name;
	uint32_t limit; /* N; 0 only with exempt */
	uint32_t window_s; /* W, 1 s .. 7 days */
	bool exempt;
	enum policy_count_by count_by; /* per: auto (default) | source | principal */
	uint32_t source_ceiling; /* sourceCeiling, default 20 * limit */
	enum policy_mode_rule mode;
	struct policy_strings match; /* "GET /healthz": operations of every service, tried before
					the service's own */
	struct policy_pos *match_pos;
};

struct policy_escalate {
	bool enabled;
	uint32_t refusals, per_s, ban_s, growth, max_s;
};

#define POLICY_DISTINCT_MAX 64
struct policy_alert_rule {
	bool enabled;
	uint32_t at_least, per_s;
	uint32_t per_operation; /* of all sources together; 0 = not counted */
};

struct policy {
	char *name;
	char *file; /* as given to the reader */
	enum gl_mode mode;
	bool outgoing; /* outgoing: record | ignore (default): calls this host makes */
	struct policy_service *services;
	size_t n_services;
	struct policy_class *classes;
	size_t n_classes;
	struct policy_cidrs exempt;
	struct policy_cidrs protect_never;
	struct policy_strings
		api_key_headers; /* credentials.apiKeyHeaders, default ["x-api-key"]; lower case */
	struct policy_strings
		session_cookies; /* credentials.sessionCookies, default none; lower case */
	uint32_t syn_per_source_s; /* 0 = off */
	struct policy_escalate escalate;
	struct policy_responses responses;
	struct policy_inspect inspect;
	struct policy_expect expect;
	struct policy_alert_rule auth_failures, forbidden, server_errors, limit_exceeded;
	/* over requests, as inspectors tell them; at most POLICY_DISTINCT_MAX different ones */
	struct policy_alert_rule credential_stuffing, password_spraying, enumeration, loss;
	uint32_t alert_cool_down_s; /* alerts.coolDown */
	struct policy_strings containment_auto; /* "P1".."P4" */
	uint32_t containment_max_bans_per_minute, containment_ttl_s;
	struct policy_incidents incidents;
	struct policy_playbook *playbooks;
	size_t n_playbooks;
};

/* NULL-safe, half-built-safe. */
void policy_free(struct policy *policy);
static inline void policy_freep(struct policy **p)
{
	policy_free(*p);
}
