/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * guard_formats.c - the secrets and stack traces every policy that guards them looks for.
 *
 * Only what cannot be anything else: a fixed beginning and enough of a fixed alphabet, so that text
 * which only looks like it is not cut off. Formats with no such beginning, those that are published
 * on purpose and those an application returns rightly are left to the detectors (README). A format
 * longer than a match can be is cut when its 64th byte would leave.
 */
#include "user/policy/guard.h"

#define ALNUM "[0-9A-Za-z]"
#define URL64 "[0-9A-Za-z_-]"
#define HEX   "[0-9a-f]"
#define B64   "[0-9A-Za-z+/]"
#define CRYPT "[./0-9A-Za-z]"

const struct guard_format guard_formats[] = {
	/* private keys, by how they begin (RFC 7468; OpenSSL, OpenSSH, PuTTY, age) */
	{"private-key", "-----BEGIN PRIVATE KEY-----", GL_GUARD_SECRET},
	{"private-key-encrypted", "-----BEGIN ENCRYPTED PRIVATE KEY-----", GL_GUARD_SECRET},
	{"private-key-rsa", "-----BEGIN RSA PRIVATE KEY-----", GL_GUARD_SECRET},
	{"private-key-dsa", "-----BEGIN DSA PRIVATE KEY-----", GL_GUARD_SECRET},
	{"private-key-ec", "-----BEGIN EC PRIVATE KEY-----", GL_GUARD_SECRET},
	{"private-key-openssh", "-----BEGIN OPENSSH PRIVATE KEY-----", GL_GUARD_SECRET},
	{"private-key-pgp", "-----BEGIN PGP PRIVATE KEY BLOCK-----", GL_GUARD_SECRET},
	{"private-key-putty", "PuTTY-User-Key-File-[23]: ", GL_GUARD_SECRET},
	{"private-key-age", "AGE-SECRET-KEY-1[0-9A-Z]{40}", GL_GUARD_SECRET},
	/* password hashes (crypt(5), PHC strings) */
	{"hash-bcrypt", "\\$2[abxy]\\$[0-9]{2}\\$" CRYPT "{53}", GL_GUARD_SECRET},
	{"hash-argon2", "\\$argon2[id]{1,2}\\$v=[0-9]{2}\\$m=[0-9]{1,10}", GL_GUARD_SECRET},
	{"hash-scrypt", "\\$scrypt\\$ln=[0-9]{1,2},", GL_GUARD_SECRET},
	{"hash-yescrypt", "\\$y\\$" CRYPT "{2,4}\\$" CRYPT "{16}", GL_GUARD_SECRET},
	{"hash-sha512crypt", "\\$6\\$" CRYPT "{8,16}\\$" CRYPT "{40}", GL_GUARD_SECRET},
	{"hash-sha256crypt", "\\$5\\$" CRYPT "{8,16}\\$" CRYPT "{40}", GL_GUARD_SECRET},
	{"hash-pbkdf2-django", "pbkdf2_sha256\\$[0-9]{4,8}\\$", GL_GUARD_SECRET},
	/* clouds */
	{"aws-access-key", "AKIA[0-9A-Z]{16}", GL_GUARD_SECRET},
	{"aws-session-key", "ASIA[0-9A-Z]{16}", GL_GUARD_SECRET},
	{"azure-storage-key", "AccountKey=" B64 "{50}", GL_GUARD_SECRET},
	{"google-client-secret", "GOCSPX-" URL64 "{28}", GL_GUARD_SECRET},
	{"digitalocean-token", "do[opr]_v1_" HEX "{57}", GL_GUARD_SECRET},
	{"databricks-token", "dapi" HEX "{32}", GL_GUARD_SECRET},
	{"flyio-token", "FlyV1 fm[12]_" B64 "{40}", GL_GUARD_SECRET},
	/* code and packages */
	{"github-token", "gh[pousr]_" ALNUM "{36}", GL_GUARD_SECRET},
	{"github-fine-grained", "github_pat_[0-9A-Za-z]{22}_" ALNUM "{30}", GL_GUARD_SECRET},
	{"gitlab-token", "glpat-" URL64 "{20}", GL_GUARD_SECRET},
	{"gitlab-runner-token", "glrt-" URL64 "{20}", GL_GUARD_SECRET},
	{"gitlab-deploy-token", "gldt-" URL64 "{20}", GL_GUARD_SECRET},
	{"npm-token", "npm_" ALNUM "{36}", GL_GUARD_SECRET},
	{"pypi-token", "pypi-AgEIcHlwaS5vcmc" URL64 "{40}", GL_GUARD_SECRET},
	{"rubygems-key", "rubygems_" HEX "{48}", GL_GUARD_SECRET},
	{"docker-token", "dckr_pat_" URL64 "{27}", GL_GUARD_SECRET},
	/* money */
	{"stripe-secret-key", "sk_live_" ALNUM "{24}", GL_GUARD_SECRET},
	{"stripe-restricted-key", "rk_live_" ALNUM "{24}", GL_GUARD_SECRET},
	{"square-secret", "sq0csp-" URL64 "{43}", GL_GUARD_SECRET},
	{"shopify-token", "shp[acps][ast]_[0-9A-Fa-f]{32}", GL_GUARD_SECRET},
	/* talk */
	{"slack-token", "xox[abeoprs]-[0-9]{10,13}-" ALNUM "{8}", GL_GUARD_SECRET},
	{"slack-app-token", "xapp-[0-9]-[0-9A-Z]{9,12}-[0-9]{10}", GL_GUARD_SECRET},
	{"slack-webhook", "hooks.slack.com/services/T[0-9A-Z]{8,11}/B[0-9A-Z]{8,11}/",
	 GL_GUARD_SECRET},
	{"sendgrid-key", "SG." URL64 "{22}." URL64 "{38}", GL_GUARD_SECRET},
	/* models, secrets of secrets, watching */
	{"openai-key", "sk-proj-" URL64 "{40}", GL_GUARD_SECRET},
	{"anthropic-key", "sk-ant-api[0-9]{2}-" URL64 "{40}", GL_GUARD_SECRET},
	{"huggingface-token", "hf_[A-Za-z]{34}", GL_GUARD_SECRET},
	{"vault-token", "hv[sbr]." URL64 "{24}", GL_GUARD_SECRET},
	{"terraform-token", ".atlasv1." URL64 "{50}", GL_GUARD_SECRET},
	{"grafana-token", "glsa_" ALNUM "{32}_" HEX "{8}", GL_GUARD_SECRET},
	{"newrelic-key", "NRAK-[0-9A-Z]{27}", GL_GUARD_SECRET},
	{"doppler-token", "dp.pt." ALNUM "{40}", GL_GUARD_SECRET},
	{"postman-key", "PMAK-" HEX "{24}-" HEX "{34}", GL_GUARD_SECRET},
	{"linear-key", "lin_api_" ALNUM "{40}", GL_GUARD_SECRET},
	{"atlassian-token", "ATATT3xFfGF0" URL64 "{40}", GL_GUARD_SECRET},
	{"planetscale-token", "pscale_tkn_" URL64 "{32}", GL_GUARD_SECRET},
	{"supabase-token", "sbp_" HEX "{40}", GL_GUARD_SECRET},

	/* how stack traces begin: the line that is there whatever went wrong */
	{"trace-python", "Traceback (most recent call last):", GL_GUARD_TRACE},
	{"trace-java", "\\n\\tat [a-z]{2,12}.[0-9A-Za-z_$.]{3}", GL_GUARD_TRACE},
	{"trace-java-json", "\\\\n\\\\tat [a-z]{2,12}.[0-9A-Za-z_$.]{3}", GL_GUARD_TRACE},
	{"trace-node", "\\n    at [0-9A-Za-z_.$<>]{1,40} (", GL_GUARD_TRACE},
	{"trace-node-json", "\\\\n    at [0-9A-Za-z_.$<>]{1,40} (", GL_GUARD_TRACE},
	{"trace-node-internal", "(node:internal/", GL_GUARD_TRACE},
	{"trace-go", "goroutine [0-9]{1,9} \\[running\\]:", GL_GUARD_TRACE},
	{"trace-php", "PHP Stack trace:", GL_GUARD_TRACE},
	{"trace-php-fatal", "Fatal error: Uncaught ", GL_GUARD_TRACE},
	{"trace-dotnet", "\\n   at [0-9A-Za-z_.]{3,40}(", GL_GUARD_TRACE},
	{"trace-dotnet-end", "--- End of stack trace from previous location", GL_GUARD_TRACE},
	{"trace-ruby", ".rb:[0-9]{1,6}:in [`']", GL_GUARD_TRACE},
	{"debug-werkzeug", "// Werkzeug Debugger", GL_GUARD_TRACE},
	{"debug-django", "You're seeing this error because you have <code>DEBUG", GL_GUARD_TRACE},
	{"debug-laravel", "Whoops, looks like something went wrong.", GL_GUARD_TRACE},
};
const size_t guard_formats_n = sizeof(guard_formats) / sizeof(guard_formats[0]);
