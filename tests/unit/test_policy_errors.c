/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_policy_errors.c - documents that are wrong in what they say: every mistake of each in one
 * pass, with its place, its value and its hint. Scalars have test_policy_values.c.
 */
#include "tests/unit/policy_text.h"

static const struct policy_case cases[] = {
	{"header",
	 "apiVersion: glacis.dev/v1\n"
	 "kind: ApiPolcy\n"
	 "metadata: {names: p}\n",
	 -EINVAL,
	 "p:1:1: error: a policy needs the key \"spec\"\n"
	 "p:1:13: error: expected glacis.dev/v1alpha1, got \"glacis.dev/v1\" (at apiVersion)\n"
	 "    hint: did you mean \"glacis.dev/v1alpha1\"?\n"
	 "p:2:7: error: expected ApiPolicy, got \"ApiPolcy\" (at kind)\n"
	 "    hint: did you mean \"ApiPolicy\"?\n"
	 "p:3:11: error: metadata needs the key \"name\" (at metadata)\n"
	 "p:3:12: error: unknown key \"names\" (at metadata)\n"
	 "    hint: did you mean \"name\"?\n"},
	{"header_types",
	 "apiVersion: 1\n"
	 "kind: [ApiPolicy]\n"
	 "metadata: p\n"
	 "spec:\n",
	 -EINVAL,
	 "p:1:13: error: expected glacis.dev/v1alpha1, got the number \"1\" (at apiVersion)\n"
	 "p:2:7: error: expected ApiPolicy, got a list (at kind)\n"
	 "p:3:11: error: expected a map (metadata), got the string \"p\" (at metadata)\n"
	 "p:4:6: error: expected a map (spec), got nothing (at spec)\n"
	 "    hint: give it a value, or remove the key\n"},
	{"metadata",
	 "apiVersion: glacis.dev/v1alpha1\n"
	 "kind: ApiPolicy\n"
	 "metadata:\n"
	 "  name: 2024\n"
	 "  namespace: No\n"
	 "  labels: {a: b, c: 1, d: \"\"}\n"
	 "  annotations: [x]\n"
	 "spec:\n"
	 "  services: [{name: a, ports: [80]}]\n",
	 -EINVAL,
	 "p:4:9: error: expected a name, got the number \"2024\" (at metadata.name)\n"
	 "    hint: write it in quotes: \"2024\"\n"
	 "p:5:14: error: \"No\" is not a name (at metadata.namespace)\n"
	 "    hint: 1 to 63 of a-z, 0-9, -, _ and ., with a letter or digit at both ends\n"
	 "p:6:21: error: expected a text, got the number \"1\" (at metadata.labels.c)\n"
	 "    hint: write it in quotes: \"1\"\n"
	 "p:7:16: error: expected a map of texts, got a list (at metadata.annotations)\n"},
	{"unknown_keys",
	 POLICY_HEAD
	 "  mode: enforce\n"
	 "  service: []\n"
	 "  services:\n"
	 "    - nmae: a\n"
	 "      name: a\n"
	 "      ports: [80]\n"
	 "      trustedproxies: [10.0.0.0/8]\n"
	 "      zzz: 1\n"
	 "      tls: {min-version: \"1.2\"}\n"
	 "      operations:\n"
	 "        - {match: \"GET /\", class: c, clas: c, owner: {parm: id, claim: sub}}\n"
	 "  classes:\n"
	 "    c: {limt: 5/1m, limit: 5/1m}\n",
	 -EINVAL,
	 "p:6:3: error: unknown key \"service\" (at spec)\n"
	 "    hint: did you mean \"services\"?\n"
	 "p:8:7: error: unknown key \"nmae\" (at spec.services[0])\n"
	 "    hint: did you mean \"name\"?\n"
	 "p:11:7: error: unknown key \"trustedproxies\" (at spec.services[0])\n"
	 "    hint: did you mean \"trustedProxies\"?\n"
	 "p:12:7: error: unknown key \"zzz\" (at spec.services[0])\n"
	 "    hint: a service has name, ports, mode, trustedProxies, ambiguousPath, "
	 "caseInsensitive, http2, unknownOperation, defaultClass, auth, openapi, tls, quic, "
	 "responses, inspect, expect, operations\n"
	 "p:13:13: error: unknown key \"min-version\" (at spec.services[0].tls)\n"
	 "    hint: did you mean \"minVersion\"?\n"
	 "p:15:38: error: unknown key \"clas\" (at spec.services[0].operations[0])\n"
	 "    hint: did you mean \"class\"?\n"
	 "p:15:47: warning: \"owner\" is accepted, not enforced by this version (at "
	 "spec.services[0].operations[0].owner)\n"
	 "p:15:54: error: owner needs the key \"param\" (at spec.services[0].operations[0].owner)\n"
	 "p:15:55: error: unknown key \"parm\" (at spec.services[0].operations[0].owner)\n"
	 "    hint: did you mean \"param\"?\n"
	 "p:17:9: error: unknown key \"limt\" (at spec.classes.c)\n"
	 "    hint: did you mean \"limit\"?\n"},
	{"missing_keys",
	 POLICY_HEAD "  services:\n"
		     "    - {}\n"
		     "    - {name: b, ports: [81], operations: [{class: c}, {match: \"GET /\"}]}\n"
		     "  classes:\n"
		     "    c: {}\n"
		     "    d: {exempt: false}\n"
		     "    e: {match: []}\n"
		     "  syn: {}\n"
		     "  escalate: {}\n"
		     "  alerts: {forbidden: {}}\n",
	 -EINVAL,
	 "p:6:7: error: a service needs the key \"name\" (at spec.services[0])\n"
	 "p:6:7: error: a service needs the key \"ports\" (at spec.services[0])\n"
	 "p:7:43: error: an operation needs the key \"match\" (at spec.services[1].operations[0])\n"
	 "p:7:55: error: an operation needs the key \"class\" (at spec.services[1].operations[1])\n"
	 "    hint: or give the service a defaultClass\n"
	 "p:9:8: error: a class needs the key \"limit\" (at spec.classes.c)\n"
	 "    hint: as in limit: 100/15m; or exempt: true\n"
	 "p:10:8: error: a class needs the key \"limit\" (at spec.classes.d)\n"
	 "    hint: as in limit: 100/15m; or exempt: true\n"
	 "p:11:8: error: a class needs the key \"limit\" (at spec.classes.e)\n"
	 "    hint: as in limit: 100/15m; or exempt: true\n"
	 "p:12:3: warning: \"syn\" is accepted, not enforced by this version (at spec.syn)\n"
	 "p:12:8: error: syn needs the key \"perSource\" (at spec.syn)\n"
	 "p:13:13: error: escalate needs the key \"refusals\" (at spec.escalate)\n"
	 "p:13:13: error: escalate needs the key \"per\" (at spec.escalate)\n"
	 "p:13:13: error: escalate needs the key \"ban\" (at spec.escalate)\n"
	 "p:14:23: error: an alert rule needs the key \"atLeast\" (at spec.alerts.forbidden)\n"
	 "p:14:23: error: an alert rule needs the key \"per\" (at spec.alerts.forbidden)\n"},
	{"types",
	 POLICY_HEAD "  mode: [monitor]\n"
		     "  services:\n"
		     "    name: a\n"
		     "  classes: [general]\n"
		     "  exempt: 10.0.0.0/8\n"
		     "  protect: [10.0.0.1]\n"
		     "  credentials: x-api-key\n"
		     "  syn: 200/s\n"
		     "  escalate: 5\n"
		     "  responses: block\n"
		     "  alerts: true\n"
		     "  containment:\n",
	 -EINVAL,
	 "p:5:9: error: expected monitor or enforce, got a list (at spec.mode)\n"
	 "p:7:5: error: expected a list of services, got a map (at spec.services)\n"
	 "p:8:12: error: expected a map of classes, got a list (at spec.classes)\n"
	 "p:9:11: error: expected a list of networks, got the string \"10.0.0.0/8\" (at "
	 "spec.exempt)\n"
	 "p:10:12: error: expected a map (protect), got a list (at spec.protect)\n"
	 "p:11:16: error: expected a map (credentials), got the string \"x-api-key\" (at "
	 "spec.credentials)\n"
	 "p:12:3: warning: \"syn\" is accepted, not enforced by this version (at spec.syn)\n"
	 "p:12:8: error: expected a map (syn), got the string \"200/s\" (at spec.syn)\n"
	 "p:13:13: error: expected a map (escalate), got the number \"5\" (at spec.escalate)\n"
	 "p:14:14: error: expected a map (responses), got the string \"block\" (at "
	 "spec.responses)\n"
	 "p:15:11: error: expected a map (alerts), got the bool \"true\" (at spec.alerts)\n"
	 "p:16:15: error: expected a map (containment), got nothing (at spec.containment)\n"
	 "    hint: give it a value, or remove the key\n"},
	{"types_in_services",
	 POLICY_HEAD "  services:\n"
		     "    - a\n"
		     "    - name: 80\n"
		     "      ports: 80\n"
		     "      operations: {match: \"GET /\"}\n"
		     "    - {name: true, ports: [[80], {a: 80}, ~, true], caseInsensitive: "
		     "\"true\", openapi: 3.1, tls: {minVersion: 1.2}}\n"
		     "    - {name: null, ports: [83], operations: [\"GET /\", ~, {match: 5, class: "
		     "[c], tags: x, sources: {}, mode: true, auth: 1}]}\n",
	 -EINVAL,
	 "p:6:7: error: expected a map (a service), got the string \"a\" (at spec.services[0])\n"
	 "p:7:13: error: expected a name, got the number \"80\" (at spec.services[1].name)\n"
	 "    hint: write it in quotes: \"80\"\n"
	 "p:8:14: error: expected a list of ports, got the number \"80\" (at "
	 "spec.services[1].ports)\n"
	 "p:9:19: error: expected a list of operations, got a map (at "
	 "spec.services[1].operations)\n"
	 "p:10:14: error: expected a name, got the bool \"true\" (at spec.services[2].name)\n"
	 "    hint: write it in quotes: \"true\"\n"
	 "p:10:28: error: expected a whole number from 1 to 65535, got a list (at "
	 "spec.services[2].ports[0])\n"
	 "p:10:34: error: expected a whole number from 1 to 65535, got a map (at "
	 "spec.services[2].ports[1])\n"
	 "p:10:43: error: expected a whole number from 1 to 65535, got nothing (at "
	 "spec.services[2].ports[2])\n"
	 "    hint: give it a value, or remove the key\n"
	 "p:10:46: error: expected a whole number from 1 to 65535, got the bool \"true\" (at "
	 "spec.services[2].ports[3])\n"
	 "p:10:70: error: expected true or false, got the string \"true\" (at "
	 "spec.services[2].caseInsensitive)\n"
	 "    hint: remove the quotes\n"
	 "p:10:78: warning: \"openapi\" is accepted, not enforced by this version (at "
	 "spec.services[2].openapi)\n"
	 "p:10:87: error: expected a text, got the number \"3.1\" (at spec.services[2].openapi)\n"
	 "    hint: write it in quotes: \"3.1\"\n"
	 "p:10:110: error: expected 1.0, 1.1, 1.2, 1.3 or none, got the number \"1.2\" (at "
	 "spec.services[2].tls.minVersion)\n"
	 "    hint: write it in quotes\n"
	 "p:11:14: error: expected a name, got nothing (at spec.services[3].name)\n"
	 "    hint: give it a value, or remove the key\n"
	 "p:11:46: error: expected a map (an operation), got the string \"GET /\" (at "
	 "spec.services[3].operations[0])\n"
	 "p:11:55: error: expected a map (an operation), got nothing (at "
	 "spec.services[3].operations[1])\n"
	 "    hint: give it a value, or remove the key\n"
	 "p:11:66: error: expected a method and a path, got the number \"5\" (at "
	 "spec.services[3].operations[2].match)\n"
	 "    hint: as in \"GET /api/v1/users\"; * is any method\n"
	 "p:11:76: error: expected a class, got a list (at spec.services[3].operations[2].class)\n"
	 "p:11:87: error: expected a list of texts, got the string \"x\" (at "
	 "spec.services[3].operations[2].tags)\n"
	 "p:11:99: error: expected a list of networks, got a map (at "
	 "spec.services[3].operations[2].sources)\n"
	 "p:11:109: error: expected monitor, got the bool \"true\" (at "
	 "spec.services[3].operations[2].mode)\n"
	 "    hint: leave it out to follow the service\n"
	 "p:11:121: error: expected none or required, got the number \"1\" (at "
	 "spec.services[3].operations[2].auth)\n"},
	{"words",
	 POLICY_HEAD
	 "  mode: enforced\n"
	 "  services:\n"
	 "    - name: a\n"
	 "      ports: [80]\n"
	 "      mode: Monitor\n"
	 "      ambiguousPath: reject\n"
	 "      http2: judged\n"
	 "      caseInsensitive: yes\n"
	 "      unknownOperation: allow\n"
	 "      auth: optional\n"
	 "      tls: {minVersion: \"1.4\", plaintext: deny}\n"
	 "      operations:\n"
	 "        - {match: \"GET /\", class: c, auth: bearer}\n"
	 "        - {match: \"GET /\", class: c, auth: [bearer, basic, apikey, bearer]}\n"
	 "        - {match: \"GET /\", class: c, auth: []}\n"
	 "        - {match: \"GET /\", class: c, mode: enforce}\n"
	 "  classes:\n"
	 "    c: {limit: 1/1s, per: user, exempt: off}\n"
	 "  responses: {secrets: off, stackTraces: detected}\n"
	 "  containment: {auto: [P5, p1, P1, P1]}\n",
	 -EINVAL,
	 "p:5:9: error: expected monitor or enforce, got \"enforced\" (at spec.mode)\n"
	 "    hint: did you mean \"enforce\"?\n"
	 "p:9:13: error: expected monitor or enforce, got \"Monitor\" (at spec.services[0].mode)\n"
	 "    hint: did you mean \"monitor\"?\n"
	 "p:10:22: error: expected judge or refuse, got \"reject\" (at "
	 "spec.services[0].ambiguousPath)\n"
	 "p:11:14: error: expected refuse, judge or allow, got \"judged\" (at "
	 "spec.services[0].http2)\n"
	 "    hint: did you mean \"judge\"?\n"
	 "p:12:24: error: expected true or false, got the string \"yes\" (at "
	 "spec.services[0].caseInsensitive)\n"
	 "    hint: write true\n"
	 "p:13:25: error: expected judge or refuse, got \"allow\" (at "
	 "spec.services[0].unknownOperation)\n"
	 "p:14:13: error: expected none or required, got \"optional\" (at spec.services[0].auth)\n"
	 "    hint: credentials are listed in operations\n"
	 "p:15:25: error: expected 1.0, 1.1, 1.2, 1.3 or none, got \"1.4\" (at "
	 "spec.services[0].tls.minVersion)\n"
	 "p:15:43: error: expected allow or refuse, got \"deny\" (at "
	 "spec.services[0].tls.plaintext)\n"
	 "p:17:44: error: expected none, required or a list of credentials, got the string "
	 "\"bearer\" (at spec.services[0].operations[0].auth)\n"
	 "    hint: write it as a list: [bearer]\n"
	 "p:18:53: error: expected bearer, apiKey, cookie or certificate, got \"basic\" (at "
	 "spec.services[0].operations[1].auth[1])\n"
	 "p:18:60: error: expected bearer, apiKey, cookie or certificate, got \"apikey\" (at "
	 "spec.services[0].operations[1].auth[2])\n"
	 "    hint: did you mean \"apiKey\"?\n"
	 "p:18:68: error: \"bearer\" is listed twice (at spec.services[0].operations[1].auth[3])\n"
	 "    hint: remove one of them\n"
	 "p:19:44: error: 0 items in a list (at spec.services[0].operations[2].auth)\n"
	 "    hint: use 1 to 4\n"
	 "p:20:44: error: expected monitor, got \"enforce\" (at "
	 "spec.services[0].operations[3].mode)\n"
	 "    hint: leave it out to follow the service\n"
	 "p:22:27: error: expected auto, source or principal, got \"user\" (at "
	 "spec.classes.c.per)\n"
	 "p:22:41: error: expected true or false, got the string \"off\" (at "
	 "spec.classes.c.exempt)\n"
	 "    hint: write false\n"
	 "p:23:24: error: expected ignore, detect or block, got \"off\" (at "
	 "spec.responses.secrets)\n"
	 "    hint: ignore looks away\n"
	 "p:23:42: error: expected ignore, detect or block, got \"detected\" (at "
	 "spec.responses.stackTraces)\n"
	 "    hint: did you mean \"detect\"?\n"
	 "p:24:24: error: \"P5\" is not an incident class (at spec.containment.auto[0])\n"
	 "    hint: P1, P2, P3 or P4\n"
	 "p:24:28: error: \"p1\" is not an incident class (at spec.containment.auto[1])\n"
	 "    hint: P1, P2, P3 or P4\n"
	 "p:24:36: error: \"P1\" is listed twice (at spec.containment.auto[3])\n"
	 "    hint: remove one of them\n"},
	{"crosses",
	 POLICY_HEAD
	 "  services:\n"
	 "    - name: a\n"
	 "      ports: [80]\n"
	 "      mode: enforce\n"
	 "      operations:\n"
	 "        - {match: \"GET /u/{uid}/{id:int}\", class: c, owner: {param: id, claim: sub}}\n"
	 "        - {match: \"GET /u/{uid}\", class: c, owner: {param: id, claim: sub}}\n"
	 "    - {name: a, ports: [81]}\n"
	 "  classes: {c: {limit: 5/1m}}\n"
	 "  escalate: {refusals: 1, per: 1m, ban: 2h, max: 1h}\n",
	 -EINVAL,
	 "p:8:13: error: a service cannot enforce where spec.mode is monitor (at "
	 "spec.services[0].mode)\n"
	 "    hint: set spec.mode: enforce and lower the other services\n"
	 "p:10:54: warning: \"owner\" is accepted, not enforced by this version (2 places, the "
	 "first is here) (at spec.services[0].operations[0].owner)\n"
	 "p:11:60: error: the match has no parameter \"id\" (at "
	 "spec.services[0].operations[1].owner.param)\n"
	 "    hint: name one of the match: {id}\n"
	 "p:12:14: error: two services are named \"a\" (at spec.services[1].name)\n"
	 "    hint: the first one is in line 6\n"
	 "p:14:50: error: max \"1h\" is shorter than ban \"2h\" (at spec.escalate.max)\n"
	 "    hint: at least as long as ban\n"},
	{"classes",
	 POLICY_HEAD "  services:\n"
		     "    - name: a\n"
		     "      ports: [80]\n"
		     "      defaultClass: genral\n"
		     "      operations:\n"
		     "        - {match: \"GET /a\", class: auht}\n"
		     "        - {match: \"GET /b\", class: entirely-different}\n"
		     "        - {match: \"GET /c\", class: Auth}\n"
		     "        - {match: \"GET /d\"}\n"
		     "  classes:\n"
		     "    general: {limit: 100/15m}\n"
		     "    auth: {limit: 5/15m}\n"
		     "    a b: {limit: 5/15m}\n"
		     "    -x: {limit: 5/15m}\n"
		     "    ok: {limit: 5/15m, match: [GET /x, \"GET\", 5]}\n",
	 -EINVAL,
	 "p:8:21: error: class \"genral\" is not defined (at spec.services[0].defaultClass)\n"
	 "    hint: did you mean \"general\"?\n"
	 "p:10:36: error: class \"auht\" is not defined (at spec.services[0].operations[0].class)\n"
	 "    hint: did you mean \"auth\"?\n"
	 "p:11:36: error: class \"entirely-different\" is not defined (at "
	 "spec.services[0].operations[1].class)\n"
	 "    hint: define it in spec.classes\n"
	 "p:12:36: error: class \"Auth\" is not defined (at spec.services[0].operations[2].class)\n"
	 "    hint: did you mean \"auth\"?\n"
	 "p:17:5: error: \"a b\" is not a class name (at spec.classes[\"a b\"])\n"
	 "    hint: 1 to 63 of a-z, 0-9, -, _ and ., with a letter or digit at both ends\n"
	 "p:18:5: error: \"-x\" is not a class name (at spec.classes.-x)\n"
	 "    hint: 1 to 63 of a-z, 0-9, -, _ and ., with a letter or digit at both ends\n"
	 "p:19:40: error: the match \"GET\" has no path (at spec.classes.ok.match[1])\n"
	 "    hint: one space, then a path that begins with /\n"
	 "p:19:47: error: expected a method and a path, got the number \"5\" (at "
	 "spec.classes.ok.match[2])\n"
	 "    hint: as in \"GET /api/v1/users\"; * is any method\n"},
	{"no_class_to_default_to",
	 POLICY_HEAD "  services:\n"
		     "    - {name: a, ports: [80], operations: [{match: \"GET /\"}]}\n"
		     "  classes: {c: {limit: 1/1s}}\n",
	 -EINVAL,
	 "p:6:43: error: an operation needs the key \"class\" (at spec.services[0].operations[0])\n"
	 "    hint: or give the service a defaultClass\n"},
	{"classes_unreadable_is_one_error",
	 POLICY_HEAD "  services:\n"
		     "    - {name: a, ports: [80], operations: [{match: \"GET /\", class: "
		     "general}, {match: \"GET /b\"}]}\n"
		     "  classes: []\n",
	 -EINVAL, "p:7:12: error: expected a map of classes, got a list (at spec.classes)\n"},
	{"operations_total_warning",
	 POLICY_HEAD
	 "  services:\n"
	 "    - name: a\n"
	 "      ports: [80]\n"
	 "      openapi: a.yaml\n"
	 "      tls: {minVersion: \"1.2\", plaintext: allow}\n"
	 "      operations:\n"
	 "        - {match: \"GET /{id}\", class: c, roles: [x], owner: {param: id, claim: sub}}\n"
	 "        - {match: \"PUT /{id}\", class: c, roles: [y], auth: [cookie]}\n"
	 "        - {match: \"PATCH /{id}\", class: c, roles: [z], auth: [certificate, apiKey]}\n"
	 "    - {name: b, ports: [81], openapi: b.yaml}\n"
	 "  classes: {c: {limit: 1/1s}}\n"
	 "  credentials: {apiKeyHeaders: []}\n"
	 "  syn: {perSource: 200/s}\n"
	 "  escalate: {refusals: 1, per: 1m, ban: 1m}\n"
	 "  responses: {}\n"
	 "  alerts: {}\n"
	 "  containment: {}\n",
	 0,
	 "p:8:7: warning: \"openapi\" is accepted, not enforced by this version (2 places, the "
	 "first is here) (at spec.services[0].openapi)\n"
	 "p:11:42: warning: \"roles\" is accepted, not enforced by this version (3 places, the "
	 "first is here) (at spec.services[0].operations[0].roles)\n"
	 "p:11:54: warning: \"owner\" is accepted, not enforced by this version (at "
	 "spec.services[0].operations[0].owner)\n"
	 "p:12:61: warning: no request bears \"cookie\": spec.credentials.sessionCookies names "
	 "none (at spec.services[0].operations[1].auth[0])\n"
	 "p:13:63: warning: \"certificate\" is accepted, not enforced by this version: no request "
	 "is seen to bear one (at spec.services[0].operations[2].auth[0])\n"
	 "p:13:76: warning: no request bears \"apiKey\": spec.credentials.apiKeyHeaders names none "
	 "(at spec.services[0].operations[2].auth[1])\n"
	 "p:17:3: warning: \"syn\" is accepted, not enforced by this version (at spec.syn)\n"},
};

/* 1500 unknown keys and a missing one: all are counted, 1000 kept, in order. */
static void test_more_than_is_kept(void **state)
{
	_cleanup_free_ char *document = NULL, *said = NULL;
	struct policy *policy = NULL;
	struct problems problems;
	size_t size;
	FILE *out = open_memstream(&document, &size);

	(void)state;
	fputs(POLICY_HEAD, out);
	for (unsigned i = 0; i < 1500; i++)
		fprintf(out, "  x%u: 1\n", i);
	fclose(out);
	assert_int_equal(problems_init(&problems, "p"), 0);
	assert_int_equal(policy_read(document, size, "p", &problems, &policy), -EINVAL);
	assert_int_equal(problems.errors, 1501);
	assert_int_equal(problems.n, PROBLEMS_KEPT_MAX);
	assert_int_equal(problems.dropped, 501);
	assert_int_equal(problems.items[0].line, 5);
	assert_int_equal(problems.items[999].line, 1004);
	said = policy_problems_text(&problems);
	assert_non_null(strstr(said, "p:1004:3: error: unknown key \"x999\" (at spec)\n"));
	assert_null(strstr(said, "\"x1000\""));
	assert_non_null(strstr(said, "\np: 501 more not shown\n"));
	problems_clear(&problems);
}

/* Errors of an earlier document in the same list are not this one's. */
static void test_counts_its_own_errors(void **state)
{
	static const char good[] = POLICY_HEAD POLICY_SERVICE;
	struct policy *policy = NULL;
	struct problems problems;

	(void)state;
	assert_int_equal(problems_init(&problems, "p"), 0);
	assert_int_equal(policy_read("x", 1, "p", &problems, &policy), -EINVAL);
	assert_int_equal(problems.errors, 1);
	assert_int_equal(policy_read(good, strlen(good), "p", &problems, &policy), 0);
	assert_int_equal(problems.errors, 1);
	assert_non_null(policy);
	policy_free(policy);
	problems_clear(&problems);
}

static const struct CMUnitTest own[] = {
	cmocka_unit_test(test_more_than_is_kept),
	cmocka_unit_test(test_counts_its_own_errors),
};

int main(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(cases) + ARRAY_SIZE(own)];
	size_t n = policy_add_cases(tests, 0, cases, ARRAY_SIZE(cases));

	memcpy(tests + n, own, sizeof(own));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
