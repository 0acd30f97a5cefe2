/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/event_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/base/addr.h"
#include "user/base/clock.h"
#include "user/base/duration.h"
#include "user/base/names.h"

#define NO_CLASS 0xffff
#define NAME     32

struct label {
	char text[NAME];
};

/* The interned name, or "#<id>" in *spare. */
static const char *name_of(const struct intern *intern, enum intern_space space, unsigned id,
			   struct label *spare)
{
	const char *name = intern ? intern_name(intern, space, id) : NULL;

	if (name)
		return name;
	snprintf(spare->text, sizeof(spare->text), "#%u", id);
	return spare->text;
}

const char *operation_label(const char *operation)
{
	const char *space = strchr(operation, ' ');

	return space ? space + 1 : operation;
}

static void set_text(json_t *o, const char *key, const char *text)
{
	json_object_set_new(o, key, json_string(text));
}

static void set_number(json_t *o, const char *key, uint64_t value)
{
	json_object_set_new(o, key, json_integer((json_int_t)value));
}

/* The keyed hash of a credential, by which it is revoked; none, no member. */
static void set_hash(json_t *o, const char *name, uint64_t hash)
{
	char text[17];

	if (!hash)
		return;
	snprintf(text, sizeof(text), "%016" PRIx64, hash);
	set_text(o, name, text);
}

static void set_bool(json_t *o, const char *key, bool value)
{
	json_object_set_new(o, key, json_boolean(value));
}

/* OpenTelemetry semantic conventions for HTTP servers: the template is http.route, never a path. */
static void set_operation(json_t *o, json_t *attributes, const char *service, const char *operation,
			  bool head)
{
	const char *label = operation_label(operation);
	const char *space = strchr(label, ' ');

	set_text(o, "service", service);
	set_text(o, "operation", label);
	set_text(attributes, "service.name", service);
	if (!space)
		return;
	if (head)
		set_text(attributes, "http.request.method", "HEAD");
	else if (*label != '*')
		json_object_set_new(attributes, "http.request.method",
				    json_stringn(label, (size_t)(space - label)));
	set_text(attributes, "http.route", space + 1);
}

static void verdict_json(json_t *o, json_t *attributes, const struct gl_rec_verdict *v,
			 const struct intern *intern)
{
	char text[ADDR_TEXT], urn[48];
	struct label a, b;

	snprintf(urn, sizeof(urn), "urn:glacis:verdict:%016" PRIx64, (uint64_t)v->instance);
	set_text(o, "instance", urn);
	set_text(o, "verdict", name_verdict(v->verdict));
	set_bool(o, "would", v->flags & GL_RECF_WOULD);
	set_text(o, "reason", name_reason(v->reason));
	set_text(o, "delivery", name_delivery(v->delivery));
	set_text(o, "door", name_door(v->door));
	set_text(o, "outcome", name_outcome(v->outcome));
	set_text(o, "mode", name_mode(v->mode));
	set_operation(o, attributes, name_of(intern, INTERN_SERVICE, v->service, &a),
		      name_of(intern, INTERN_OPERATION, v->op, &b), v->flags & GL_RECF_HEAD);
	if (v->cls != NO_CLASS) {
		set_text(o, "class", name_of(intern, INTERN_CLASS, v->cls, &a));
		set_number(o, "limit", v->limit);
		set_number(o, "window", v->window_s);
		set_number(o, "remaining", v->remaining);
		set_number(o, "retrySeconds", v->retry_s);
	}
	set_text(o, "source", addr_format(&v->source, text));
	set_text(attributes, "client.address", text);
	set_text(o, "peer", addr_format(&v->peer, text));
	set_text(attributes, "network.peer.address", text);
	set_number(attributes, "network.peer.port", v->peer_port);
	set_number(o, "port", v->port);
	set_number(attributes, "server.port", v->port);
	if (v->status) {
		set_number(o, "status", v->status);
		set_number(attributes, "http.response.status_code", v->status);
	}
	set_bool(o, "principal", v->principal != 0);
	set_hash(o, "principalHash", v->principal);
	set_bool(o, "proven", v->flags & GL_RECF_PROVEN);
	set_bool(o, "forwarded", v->flags & GL_RECF_SOURCE_FORWARDED);
	set_bool(o, "appSaw", v->flags & GL_RECF_APP_SAW);
	set_number(o, "generation", v->generation);
}

static void response_json(json_t *o, json_t *attributes, const struct gl_rec_response *r,
			  const struct intern *intern)
{
	char text[ADDR_TEXT];
	struct label a, b;

	set_operation(o, attributes, name_of(intern, INTERN_SERVICE, r->service, &a),
		      name_of(intern, INTERN_OPERATION, r->op, &b), r->flags & GL_RECF_HEAD);
	if (r->cls != NO_CLASS)
		set_text(o, "class", name_of(intern, INTERN_CLASS, r->cls, &a));
	set_text(o, "source", addr_format(&r->source, text));
	set_text(attributes, "client.address", text);
	set_number(attributes, "network.peer.port", r->peer_port);
	set_number(o, "port", r->port);
	set_number(attributes, "server.port", r->port);
	set_number(o, "status", r->status);
	set_number(attributes, "http.response.status_code", r->status);
	json_object_set_new(attributes, "http.server.request.duration",
			    json_real((double)r->time_ns / (double)CLOCK_NS_PER_S));
	set_bool(o, "principal", r->principal != 0);
	set_hash(o, "principalHash", r->principal);
	set_bool(o, "proven", r->flags & GL_RECF_PROVEN);
	set_bool(o, "forwarded", r->flags & GL_RECF_SOURCE_FORWARDED);
}

/* OpenTelemetry's names where it has them (tls.*). */
static void handshake_json(json_t *o, json_t *attributes, const struct handshake *h,
			   const struct intern *intern)
{
	char text[ADDR_TEXT], spare[HANDSHAKE_TEXT];
	struct label a;

	set_text(o, "service", name_of(intern, INTERN_SERVICE, h->service, &a));
	set_text(attributes, "service.name", name_of(intern, INTERN_SERVICE, h->service, &a));
	set_text(o, "source", addr_format(&h->source, text));
	set_text(attributes, "client.address", text);
	set_number(attributes, "network.peer.port", h->peer_port);
	set_number(o, "port", h->port);
	set_number(attributes, "server.port", h->port);
	set_text(o, "result", handshake_result(h->result));
	set_text(o, "offered", handshake_version(h->offered, spare));
	if (h->version) {
		set_text(o, "version", handshake_version(h->version, spare));
		set_text(attributes, "tls.protocol.name", "tls");
		set_text(attributes, "tls.protocol.version", handshake_version(h->version, spare));
		set_text(attributes, "tls.cipher", handshake_cipher(h->cipher, spare));
		if (h->group)
			set_text(attributes, "tls.curve", handshake_group(h->group, spare));
		set_bool(attributes, "tls.resumed", h->server_flags & GL_SERVER_RESUMED);
	}
	if (*h->sni)
		set_text(attributes, "tls.client.server_name", h->sni);
	if (*h->alpn)
		set_text(attributes, "tls.next_protocol", h->alpn);
	if (*h->ja4)
		set_text(attributes, "tls.client.ja4", h->ja4);
	if (h->reason)
		set_text(o, "reason", name_reason(h->reason));
	if (h->alert)
		set_number(o, "alert", h->alert);
	if (h->server_alert)
		set_number(o, "serverAlert", h->server_alert);
	set_bool(o, "retried", h->server_flags & GL_SERVER_RETRY);
	set_bool(o, "sentinel", h->server_flags & (GL_SERVER_SENTINEL_12 | GL_SERVER_SENTINEL_11));
	set_bool(o, "downgrade", h->downgrade != 0);
}

json_t *event_json(const struct event *event, const struct intern *intern)
{
	char time[CLOCK_TEXT], id[24], line[EVENT_LINE];
	json_t *o = json_object(), *attributes = json_object();

	snprintf(id, sizeof(id), "%" PRIu64, event->id);
	set_text(o, "id", id);
	set_text(o, "time", clock_format(event->wall_ns, time));
	set_text(o, "kind", event_kind_name(event->kind));
	set_text(o, "message", event_line(event, intern, false, line) + strlen("00:00:00 "));
	if (event->kind == EVENT_VERDICT)
		verdict_json(o, attributes, &event->verdict, intern);
	else if (event->kind == EVENT_RESPONSE)
		response_json(o, attributes, &event->response, intern);
	else if (event->kind == EVENT_HANDSHAKE)
		handshake_json(o, attributes, event->handshake, intern);
	else
		set_text(o, "actor", event->note.actor);
	if (json_object_size(attributes))
		json_object_set_new(o, "attributes", attributes);
	else
		json_decref(attributes);
	return o;
}

/* ---------------------------------------------------------------------------------------------
 * One line for people
 */
static const char *color_of(const struct gl_rec_verdict *v)
{
	if (v->flags & GL_RECF_WOULD)
		return "\033[33m";
	return v->verdict == GL_VERDICT_ALLOW ? "\033[36m" : "\033[31m";
}

/* "429 answered (retry in 874 s)", "connection reset", "not stopped (monitor)" */
static void describe_delivery(const struct gl_rec_verdict *v, char *out, size_t size)
{
	static const char *const done[GL_DELIVERY_MAX] = {
		[GL_DELIVERY_NONE] = "passed",     [GL_DELIVERY_ANSWER] = "answered",
		[GL_DELIVERY_ALERT] = "TLS alert", [GL_DELIVERY_RESET] = "connection reset",
		[GL_DELIVERY_DROP] = "dropped",
	};
	const char *what = v->delivery < GL_DELIVERY_MAX ? done[v->delivery] : "unknown delivery";
	char status[8] = "";
	int n;

	if (v->status)
		snprintf(status, sizeof(status), "%u ", v->status);
	if (v->flags & GL_RECF_WOULD)
		what = v->status ? "not sent (monitor)" : "not stopped (monitor)";
	n = snprintf(out, size, "%s%s", status, what);
	if (v->retry_s && n > 0 && (size_t)n < size)
		snprintf(out + n, size - (size_t)n, " (retry in %u s)", v->retry_s);
}

static void verdict_line(const struct gl_rec_verdict *v, const struct intern *intern, bool color,
			 const char *time, char out[EVENT_LINE])
{
	char source[ADDR_TEXT], window[DURATION_TEXT], limit[NAME * 3] = "", delivery[64];
	char verdict[12], *c;
	struct label a, b;

	snprintf(verdict, sizeof(verdict), "%s", name_verdict(v->verdict));
	for (c = verdict; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	if (v->cls != NO_CLASS && v->limit)
		snprintf(limit, sizeof(limit), " %s %u/%s",
			 name_of(intern, INTERN_CLASS, v->cls, &a), v->limit,
			 duration_format(v->window_s, window));
	else
		snprintf(limit, sizeof(limit), " %s", name_reason(v->reason));
	describe_delivery(v, delivery, sizeof(delivery));
	snprintf(out, EVENT_LINE, "%s %s%s%-6s%s %s %s%s  %s  [%016" PRIx64 "]", time,
		 v->flags & GL_RECF_WOULD ? "would " : "", color ? color_of(v) : "", verdict,
		 color ? "\033[0m" : "", addr_format(&v->source, source),
		 operation_label(name_of(intern, INTERN_OPERATION, v->op, &b)), limit, delivery,
		 (uint64_t)v->instance);
}

static void response_line(const struct gl_rec_response *r, const struct intern *intern,
			  const char *time, char out[EVENT_LINE])
{
	char source[ADDR_TEXT];
	struct label b;

	snprintf(out, EVENT_LINE, "%s %u    %s %s  %" PRIu64 ".%03u ms", time, r->status,
		 addr_format(&r->source, source),
		 operation_label(name_of(intern, INTERN_OPERATION, r->op, &b)),
		 (uint64_t)r->time_ns / 1000000, (unsigned)(r->time_ns / 1000 % 1000));
}

/* "14:03:07 TLS 1.3  203.0.113.9 shop.test:8443 TLS_AES_128_GCM_SHA256 x25519 t13d1516h2_..." */
static void handshake_line(const struct handshake *h, const char *time, char out[EVENT_LINE])
{
	char source[ADDR_TEXT], a[HANDSHAKE_TEXT], b[HANDSHAKE_TEXT], c[HANDSHAKE_TEXT], how[64];

	if (h->result == GL_HANDSHAKE_NEGOTIATED)
		snprintf(how, sizeof(how), "TLS %s", handshake_version(h->version, a));
	else
		snprintf(how, sizeof(how), "TLS %s", handshake_result(h->result));
	snprintf(out, EVENT_LINE, "%s %s  %s %s:%u%s%s%s%s%s%s%s%s", time, how,
		 addr_format(&h->source, source), *h->sni ? h->sni : "(no name)", h->port,
		 h->version ? " " : "", h->version ? handshake_cipher(h->cipher, b) : "",
		 h->group ? " " : "", h->group ? handshake_group(h->group, c) : "",
		 *h->ja4 ? " " : "", h->ja4, h->reason ? " " : "",
		 h->reason ? name_reason(h->reason) : "");
}

const char *event_line(const struct event *event, const struct intern *intern, bool color,
		       char out[EVENT_LINE])
{
	char time[CLOCK_TEXT];

	clock_format_short(event->wall_ns, time);
	if (event->kind == EVENT_VERDICT)
		verdict_line(&event->verdict, intern, color, time, out);
	else if (event->kind == EVENT_RESPONSE)
		response_line(&event->response, intern, time, out);
	else if (event->kind == EVENT_HANDSHAKE)
		handshake_line(event->handshake, time, out);
	else
		snprintf(out, EVENT_LINE, "%s %s (%s)", time, event->note.message,
			 event->note.actor);
	return out;
}
