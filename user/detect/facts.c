/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/facts.h"

#include "user/base/addr.h"

#define SHAPE_MAX 65536 /* bytes of an answer that are walked */

void detect_state(const struct detect_out *out, const char *control, const char *rule,
		  enum finding_severity severity, enum detect_part part, struct masked evidence)
{
	const struct detection detection = {
		.control = control,
		.rule = rule,
		.severity = severity,
		.part = part,
		.evidence = evidence,
	};

	out->emit(&detection, out->userdata);
}

static const struct {
	struct raw name;
	enum method method;
} methods[] = {
	{RAW_INIT("GET"), METHOD_GET},         {RAW_INIT("HEAD"), METHOD_HEAD},
	{RAW_INIT("POST"), METHOD_POST},       {RAW_INIT("PUT"), METHOD_PUT},
	{RAW_INIT("PATCH"), METHOD_PATCH},     {RAW_INIT("DELETE"), METHOD_DELETE},
	{RAW_INIT("OPTIONS"), METHOD_OPTIONS},
};

static enum method read_method(struct raw method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (raw_is(method, methods[i].name))
			return methods[i].method;
	return METHOD_OTHER;
}

/* Absolute-form (RFC 9112 section 3.2.2) loses its scheme and authority. */
static void read_target(struct facts *facts, struct raw target)
{
	struct raw fragment;

	if (raw_begins_nocase(target, RAW("http"))) {
		size_t at = raw_index(target, ':');

		if (raw_begins(raw_from(target, at), RAW("://"))) {
			target = raw_from(target, at + 3);
			target = raw_from(target, raw_index(target, '/'));
		}
	}
	target = raw_cut(target, '#', &fragment);
	facts->path = raw_cut(target, '?', &facts->query);
}

static struct raw media_of(const struct heads *heads)
{
	struct raw parameters;

	return raw_trim(raw_cut(heads_value(heads, HEAD_CONTENT_TYPE), ';', &parameters));
}

bool facts_media_json(struct raw media)
{
	return raw_is_nocase(media, RAW("application/json")) ||
	       (media.n > 5 && raw_is_nocase(raw_from(media, media.n - 5), RAW("+json")));
}

struct raw facts_beginning(const struct body *body)
{
	if (!body->n || body->flags & (BODY_GAP | BODY_UNDECODABLE | BODY_BOMB))
		return (struct raw){0};
	return (struct raw){(const char *)body->bytes, body->n};
}

struct raw facts_body(const struct body *body)
{
	return body->flags & BODY_SKIPPED ? (struct raw){0} : facts_beginning(body);
}

bool facts_body_whole(const struct body *body)
{
	return facts_body(body).n && !(body->flags & (BODY_CUT | BODY_STREAM)) &&
	       body->decoded_bytes <= body->n;
}

static const struct {
	struct raw magic;
	enum look look;
} magics[] = {
	{RAW_INIT("\x7f"
		  "ELF"),
	 LOOK_PROGRAM},
	{RAW_INIT("MZ"), LOOK_PROGRAM},
	{RAW_INIT("\xca\xfe\xba\xbe"), LOOK_PROGRAM},
	{RAW_INIT("\xcf\xfa\xed\xfe"), LOOK_PROGRAM},
	{RAW_INIT("#!"), LOOK_SCRIPT},
	{RAW_INIT("\x89PNG"), LOOK_IMAGE},
	{RAW_INIT("\xff\xd8\xff"), LOOK_IMAGE},
	{RAW_INIT("GIF8"), LOOK_IMAGE},
	{RAW_INIT("RIFF"), LOOK_IMAGE},
	{RAW_INIT("%PDF-"), LOOK_PDF},
	{RAW_INIT("\x1f\x8b"), LOOK_ARCHIVE},
	{RAW_INIT("PK\x03\x04"), LOOK_ARCHIVE},
};

static const struct {
	struct raw tag; /* lower case, behind '<' */
	enum look look;
} tags[] = {
	{RAW_INIT("!doctype html"), LOOK_HTML},
	{RAW_INIT("html"), LOOK_HTML},
	{RAW_INIT("head"), LOOK_HTML},
	{RAW_INIT("body"), LOOK_HTML},
	{RAW_INIT("h1"), LOOK_HTML},
	{RAW_INIT("!--"), LOOK_HTML},
	{RAW_INIT("script"), LOOK_SCRIPT},
	{RAW_INIT("?php"), LOOK_SCRIPT},
	{RAW_INIT("?="), LOOK_SCRIPT},
	{RAW_INIT("%"), LOOK_SCRIPT},
	{RAW_INIT("?xml"), LOOK_XML},
	{RAW_INIT("svg"), LOOK_XML},
};

static enum look look_of_tag(struct raw bytes)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
		if (raw_begins_nocase(bytes, tags[i].tag))
			return tags[i].look;
	return LOOK_XML;
}

enum look facts_look(struct raw bytes)
{
	if (raw_begins(bytes, RAW("\xef\xbb\xbf")))
		bytes = raw_from(bytes, 3);
	for (size_t i = 0; bytes.n && i < sizeof(magics) / sizeof(magics[0]); i++)
		if (bytes.p[0] == magics[i].magic.p[0] && raw_begins(bytes, magics[i].magic))
			return magics[i].look;
	while (bytes.n && raw_blank(bytes.p[0]))
		bytes = raw_from(bytes, 1);
	if (!bytes.n)
		return LOOK_NOTHING;
	if (bytes.p[0] == '{' || bytes.p[0] == '[')
		return LOOK_JSON;
	if (bytes.p[0] == '<')
		return look_of_tag(raw_from(bytes, 1));
	return bytes.p[0] >= 0x20 && bytes.p[0] < 0x7f ? LOOK_TEXT : LOOK_NOTHING;
}

static void read_response_body(struct facts *facts, const struct transaction *tx)
{
	struct raw bytes = facts_body(&tx->response_body);

	facts->json = facts_media_json(facts->response_type);
	facts->look = (uint8_t)facts_look(facts_beginning(&tx->response_body));
	if (!bytes.n || !(facts->json || facts->look == LOOK_JSON))
		return;
	facts->has_shape = true;
	facts->shape_whole = facts_body_whole(&tx->response_body) && bytes.n <= SHAPE_MAX;
	json_shape_read(&facts->shape, raw_first(bytes, SHAPE_MAX));
}

void facts_read(struct facts *facts, const struct transaction *tx)
{
	const uint32_t no = TX_NO_REQUEST | TX_NO_RESPONSE | TX_AGENT | TX_CUT;

	*facts = (struct facts){0};
	heads_read(&facts->request, &tx->request);
	heads_read(&facts->response, &tx->response);
	read_target(facts, tx->target);
	facts->method = (uint8_t)read_method(tx->method);
	facts->request_type = media_of(&facts->request);
	facts->response_type = media_of(&facts->response);
	facts->answered = tx->status >= 200 && !(tx->flags & no) && tx->method.n;
	facts->success = facts->answered && tx->status < 300;
	facts->head_whole =
		facts->answered && !(tx->flags & (TX_GAP | TX_GRPC)) && !tx->response.dropped;
	facts->request_whole = !(tx->flags & (TX_GAP | TX_NO_REQUEST | TX_MIDSTREAM)) &&
			       tx->method.n && !tx->request.dropped;
	facts->credential = tx->credential || facts->request.first[HEAD_AUTHORIZATION] ||
			    facts->request.first[HEAD_X_API_KEY];
	if (facts->answered && facts->method != METHOD_HEAD)
		read_response_body(facts, tx);
}

static bool is_loopback(const struct gl_addr *addr)
{
	static const struct gl_addr v6 = {.b = {[15] = 1}};

	return addr_is_v4(addr) ? addr->b[12] == 127 : addr_equal(addr, &v6);
}

bool facts_plaintext(const struct transaction *tx, const struct facts *facts)
{
	const struct heads *request = &facts->request;

	if (tx->flags & (TX_SECURE | TX_NO_REQUEST))
		return false;
	if (is_loopback(&tx->client) || addr_equal(&tx->client, &tx->server) ||
	    !addr_equal(&tx->client, &tx->source))
		return false;
	return !raw_is_nocase(heads_value(request, HEAD_X_FORWARDED_PROTO), RAW("https")) &&
	       !raw_has_nocase(heads_value(request, HEAD_FORWARDED), RAW("proto=https"));
}

struct raw facts_host(struct raw url)
{
	struct raw rest;
	size_t at;

	at = raw_index(url, ':');
	if (raw_begins(raw_from(url, at), RAW("://")))
		url = raw_from(url, at + 3);
	url = raw_cut(url, '/', &rest);
	if (raw_begins(url, RAW("[")))
		return raw_cut(raw_from(url, 1), ']', &rest);
	return raw_cut(url, ':', &rest);
}

/* "shop.example.com" -> "example.com"; an address stays as it is. */
static struct raw site_of(struct raw host)
{
	size_t dots = 0;

	if (!host.n || (host.p[host.n - 1] >= '0' && host.p[host.n - 1] <= '9') ||
	    raw_index(host, ':') < host.n)
		return host;
	for (size_t i = host.n; i-- > 0;)
		if (host.p[i] == '.' && ++dots == 2)
			return raw_from(host, i + 1);
	return host;
}

bool facts_same_site(struct raw host, struct raw other)
{
	struct raw a = site_of(host), b = site_of(other);

	return a.n == b.n && raw_equal_nocase(a, b);
}
