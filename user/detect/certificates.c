/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/certificates.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES   256
#define MEETINGS 4096 /* connections whose other half is waited for; the newer one wins a place */

/* By connection: what has come of its handshake. */
struct meeting {
	uint64_t conn;
	bool asked; /* sni is the handshake's */
	bool shown; /* item is the certificate's */
	uint16_t item;
	char fingerprint[16]; /* its beginning: the item may be another's by now */
	char sni[HANDSHAKE_NAME];
};

struct certificates {
	struct certificate items[CERTIFICATES_MAX];
	size_t n;
	uint16_t places[PLACES]; /* where one may be, by its fingerprint: looked at first */
	uint64_t evicted;
	bool news; /* not stored yet */
	struct meeting meetings[MEETINGS];
};

int certificates_new(struct certificates **ret_certificates)
{
	*ret_certificates = calloc(1, sizeof(**ret_certificates));
	return *ret_certificates ? 0 : -ENOMEM;
}

void certificates_free(struct certificates *certificates)
{
	free(certificates);
}

static bool is_this(const struct certificate *one, uint16_t service, uint16_t port, bool client,
		    const char *fingerprint)
{
	return one->service == service && one->port == port && one->client == client &&
	       strcmp(one->fingerprint, fingerprint) == 0;
}

static uint16_t *place_of(struct certificates *c, uint16_t service, uint16_t port,
			  const char fingerprint[static 8])
{
	uint64_t bits;

	memcpy(&bits, fingerprint, sizeof(bits));
	bits ^= (uint64_t)service << 16 | port;
	return &c->places[(bits * 0x9e3779b97f4a7c15ull >> 48) % PLACES];
}

static struct certificate *find(struct certificates *c, uint16_t service, uint16_t port,
				bool client, const char fingerprint[static 8])
{
	uint16_t *place = place_of(c, service, port, fingerprint);

	if (*place < c->n && is_this(&c->items[*place], service, port, client, fingerprint))
		return &c->items[*place];
	for (size_t i = 0; i < c->n; i++) {
		if (!is_this(&c->items[i], service, port, client, fingerprint))
			continue;
		*place = (uint16_t)i;
		return &c->items[i];
	}
	return NULL;
}

static struct certificate *place(struct certificates *c)
{
	struct certificate *oldest = &c->items[0];

	if (c->n < CERTIFICATES_MAX)
		return &c->items[c->n++];
	for (size_t i = 1; i < c->n; i++)
		if (c->items[i].last_wall_ns < oldest->last_wall_ns)
			oldest = &c->items[i];
	c->evicted++;
	return oldest;
}

/* ---------------------------------------------------------------------------------------------
 * Certificate and handshake of one connection
 */
static struct meeting *meeting_of(struct certificates *c, uint64_t conn)
{
	struct meeting *m = &c->meetings[(conn * 0x9e3779b97f4a7c15ull >> 52) % MEETINGS];

	if (m->conn != conn) {
		memset(m, 0, sizeof(*m));
		m->conn = conn;
	}
	return m;
}

static struct certificate *shown_in(struct certificates *c, const struct meeting *m)
{
	struct certificate *one = &c->items[m->item];

	if (!m->shown || strncmp(one->fingerprint, m->fingerprint, sizeof(m->fingerprint)) != 0)
		return NULL;
	return one;
}

static void note_name(struct certificates *c, struct certificate *one,
		      const char sni[HANDSHAKE_NAME])
{
	if (*sni && strcmp(one->server_name, sni) != 0) {
		memcpy(one->server_name, sni, sizeof(one->server_name));
		one->dirty = c->news = true;
	}
}

const struct certificate *certificates_handshake(struct certificates *c,
						 const struct handshake *handshake)
{
	struct certificate *one;
	struct meeting *m;

	/* from 1.3 on the certificate is not on the wire */
	if (handshake->version >= GL_TLS_1_3 || !handshake->version)
		return NULL;
	m = meeting_of(c, handshake->conn);
	m->asked = true;
	memcpy(m->sni, handshake->sni, sizeof(m->sni));
	one = shown_in(c, m);
	if (one)
		note_name(c, one, m->sni);
	return one;
}

/* ---------------------------------------------------------------------------------------------
 * Taking
 */
static void fill(struct certificate *one, const struct report_certificate *r)
{
	memset(one, 0, sizeof(*one));
	snprintf(one->fingerprint, sizeof(one->fingerprint), "%s", r->fingerprint);
	snprintf(one->key, sizeof(one->key), "%s", r->key);
	snprintf(one->signature, sizeof(one->signature), "%s", r->signature);
	snprintf(one->subject, sizeof(one->subject), "%s", r->subject);
	snprintf(one->issuer, sizeof(one->issuer), "%s", r->issuer);
	snprintf(one->names, sizeof(one->names), "%s", r->names);
	one->not_before_s = r->not_before_s;
	one->not_after_s = r->not_after_s;
	one->service = r->service;
	one->port = r->port;
	one->key_bits = r->key_bits;
	one->self_signed = r->self_signed;
	one->client = r->flags & GL_CERTIFICATE_CLIENT;
	one->sound = certificate_is_sound(one);
}

const struct certificate *certificates_add(struct certificates *c,
					   const struct report_certificate *report, int64_t wall_ns,
					   const char **ret_name, bool *ret_counted)
{
	bool library = report->flags & GL_CERTIFICATE_LIBRARY;
	struct certificate *one = find(c, report->service, report->port,
				       report->flags & GL_CERTIFICATE_CLIENT, report->fingerprint);
	struct meeting *m;

	if (!one) {
		one = place(c);
		fill(one, report);
		one->first_wall_ns = wall_ns;
		c->news = true;
	}
	one->last_wall_ns = wall_ns;
	*(library ? &one->library : &one->wire) += 1;
	*ret_counted = one->wire > one->count || one->library > one->count;
	one->count += *ret_counted;
	one->dirty = true;
	*ret_name = NULL;
	if (library)
		return one;
	m = meeting_of(c, report->conn);
	m->shown = true;
	m->item = (uint16_t)(one - c->items);
	memcpy(m->fingerprint, one->fingerprint, sizeof(m->fingerprint));
	if (m->asked)
		note_name(c, one, m->sni);
	*ret_name = m->asked ? m->sni : NULL;
	return one;
}

size_t certificates_count(const struct certificates *c)
{
	return c->n;
}

const struct certificate *certificates_at(const struct certificates *c, size_t i)
{
	return i < c->n ? &c->items[i] : NULL;
}

uint64_t certificates_evicted(const struct certificates *c)
{
	return c->evicted;
}

/* ---------------------------------------------------------------------------------------------
 * The store
 */
void certificates_restore(struct certificates *c, const struct certificate *stored)
{
	struct certificate *one =
		find(c, stored->service, stored->port, stored->client, stored->fingerprint);

	if (!one && c->n == CERTIFICATES_MAX)
		return;
	if (!one)
		one = &c->items[c->n++];
	*one = *stored;
	one->wire = one->library = one->count;
	one->dirty = false;
	one->sound = certificate_is_sound(one);
}

void certificates_each_dirty(const struct certificates *c,
			     void (*fn)(const struct certificate *one, void *userdata),
			     void *userdata)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->items[i].dirty)
			fn(&c->items[i], userdata);
}

bool certificates_have_news(const struct certificates *c)
{
	return c->news;
}

static void mark(struct certificates *c, bool dirty)
{
	for (size_t i = 0; i < c->n; i++)
		c->items[i].dirty = dirty;
	c->news = dirty;
}

void certificates_stored(struct certificates *c)
{
	mark(c, false);
}

void certificates_unstored(struct certificates *c)
{
	mark(c, true);
}
