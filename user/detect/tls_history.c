/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/detect/tls_history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECENT  8
#define KEYS_AT 1024
#define NOWHERE 0xffff

_Static_assert(TLS_VALUES_MAX < NOWHERE && TLS_NAMES_MAX < NOWHERE && TLS_KEYS_MAX < NOWHERE,
	       "a place fits");

struct values {
	struct tls_value *items;
	size_t n, room;
};

/*
 * A handshake as it was, and where what it counts is kept: the next one that is the same in all of
 * this needs no search. Places stay right until one is given to another (`service.placed`).
 */
struct recent {
	bool used;
	uint8_t result;
	uint16_t port, version, cipher, group;
	uint32_t sni_key;
	uint64_t placed;
	uint16_t values[TLS_KINDS], name; /* places; NOWHERE: it has none */
};

struct service {
	struct values kinds[TLS_KINDS];
	struct tls_name *names;
	size_t n_names;
	uint64_t placed; /* how often a place was given away */
	struct recent recent[RECENT];
};

struct key {
	uint64_t key;
	char ja4[JA4_TEXT];
	bool dirty;
	bool computed; /* by this process */
};

struct tls_history {
	struct service *services[GL_SERVICE_IDS];
	struct key *keys; /* a ring */
	size_t n_keys, next_key;
	uint16_t key_at[KEYS_AT]; /* where a key may be in the ring, by its last bits */
	uint64_t evicted;
	bool news; /* not stored yet */
};

static const char *const kind_names[TLS_KINDS] = {
	[TLS_KIND_VERSION] = "versions", [TLS_KIND_CIPHER] = "ciphers",
	[TLS_KIND_GROUP] = "groups",     [TLS_KIND_ALPN] = "alpn",
	[TLS_KIND_NAME] = "serverNames", [TLS_KIND_JA4] = "ja4",
};

const char *tls_kind_name(enum tls_kind kind)
{
	return kind_names[kind];
}

int tls_kind_find(const char *name)
{
	for (int i = 0; i < TLS_KINDS; i++)
		if (strcmp(kind_names[i], name) == 0)
			return i;
	return -ENOENT;
}

int tls_history_new(struct tls_history **ret_history)
{
	struct tls_history *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->keys = calloc(TLS_KEYS_MAX, sizeof(*h->keys));
	if (!h->keys) {
		free(h);
		return -ENOMEM;
	}
	*ret_history = h;
	return 0;
}

void tls_history_free(struct tls_history *history)
{
	if (!history)
		return;
	for (size_t i = 0; i < GL_SERVICE_IDS; i++) {
		struct service *s = history->services[i];

		for (int kind = 0; s && kind < TLS_KINDS; kind++)
			free(s->kinds[kind].items);
		if (s)
			free(s->names);
		free(s);
	}
	free(history->keys);
	free(history);
}

static struct service *service_of(struct tls_history *h, uint16_t id)
{
	if (id >= GL_SERVICE_IDS)
		return NULL;
	if (!h->services[id])
		h->services[id] = calloc(1, sizeof(struct service));
	return h->services[id];
}

/* ---------------------------------------------------------------------------------------------
 * Values
 */
static struct tls_value *find_value(const struct values *values, const char *text)
{
	for (size_t i = 0; i < values->n; i++)
		if (strcmp(values->items[i].text, text) == 0)
			return &values->items[i];
	return NULL;
}

/* A place for a new value; the one not seen for longest makes room. */
static struct tls_value *new_value(struct tls_history *h, struct service *s, enum tls_kind kind)
{
	struct values *values = &s->kinds[kind];
	struct tls_value *grown;
	size_t oldest = 0;

	s->placed++;
	if (values->n < values->room)
		return &values->items[values->n++];
	if (values->room < TLS_VALUES_MAX) {
		size_t room = values->room ? values->room * 2 : 8;

		grown = reallocarray(values->items, room, sizeof(*grown));
		if (!grown)
			return NULL;
		values->items = grown;
		values->room = room;
		return &values->items[values->n++];
	}
	for (size_t i = 1; i < values->n; i++)
		if (values->items[i].last_wall_ns < values->items[oldest].last_wall_ns)
			oldest = i;
	h->evicted++;
	return &values->items[oldest];
}

static void count_value(struct tls_value *value, int64_t wall_ns)
{
	value->last_wall_ns = wall_ns;
	value->count++;
	value->dirty = true;
}

static int see(struct tls_history *h, struct service *s, enum tls_kind kind, const char *text,
	       int64_t wall_ns, struct recent *recent)
{
	struct tls_value *value;

	if (!*text)
		return 0;
	value = find_value(&s->kinds[kind], text);
	if (!value) {
		value = new_value(h, s, kind);
		if (!value)
			return -ENOMEM;
		*value = (struct tls_value){.first_wall_ns = wall_ns};
		snprintf(value->text, sizeof(value->text), "%s", text);
		h->news = true;
	}
	count_value(value, wall_ns);
	recent->values[kind] = (uint16_t)(value - s->kinds[kind].items);
	return 0;
}

static int see_all(struct tls_history *h, struct service *s, const struct handshake *hs,
		   struct recent *recent)
{
	char spare[HANDSHAKE_TEXT];
	int r = see(h, s, TLS_KIND_JA4, hs->ja4, hs->wall_ns, recent);

	if (r == 0)
		r = see(h, s, TLS_KIND_NAME, hs->sni, hs->wall_ns, recent);
	if (r < 0 || hs->result != GL_HANDSHAKE_NEGOTIATED)
		return r;
	r = see(h, s, TLS_KIND_VERSION, handshake_version(hs->version, spare), hs->wall_ns, recent);
	if (r == 0)
		r = see(h, s, TLS_KIND_CIPHER, handshake_cipher(hs->cipher, spare), hs->wall_ns,
			recent);
	if (r == 0 && hs->group)
		r = see(h, s, TLS_KIND_GROUP, handshake_group(hs->group, spare), hs->wall_ns,
			recent);
	return r == 0 ? see(h, s, TLS_KIND_ALPN, hs->alpn, hs->wall_ns, recent) : r;
}

/* ---------------------------------------------------------------------------------------------
 * The same once more
 */
static struct recent *recent_of(struct service *s, const struct handshake *hs)
{
	return &s->recent[(hs->key ^ hs->sni_key) % RECENT];
}

static bool is_text(const struct service *s, const struct recent *recent, enum tls_kind kind,
		    const char *text)
{
	if (recent->values[kind] == NOWHERE)
		return !*text;
	return strcmp(s->kinds[kind].items[recent->values[kind]].text, text) == 0;
}

static bool is_same(const struct service *s, const struct recent *recent,
		    const struct handshake *hs)
{
	return recent->used && recent->placed == s->placed && recent->sni_key == hs->sni_key &&
	       recent->port == hs->port && recent->version == hs->version &&
	       recent->cipher == hs->cipher && recent->group == hs->group &&
	       recent->result == hs->result && is_text(s, recent, TLS_KIND_JA4, hs->ja4) &&
	       is_text(s, recent, TLS_KIND_NAME, hs->sni) &&
	       (hs->result != GL_HANDSHAKE_NEGOTIATED ||
		is_text(s, recent, TLS_KIND_ALPN, hs->alpn));
}

static void see_again(struct service *s, const struct recent *recent, int64_t wall_ns)
{
	for (int kind = 0; kind < TLS_KINDS; kind++)
		if (recent->values[kind] != NOWHERE)
			count_value(&s->kinds[kind].items[recent->values[kind]], wall_ns);
}

/* What can be said before it was seen; `placed` and the places afterwards. */
static void note_recent(struct recent *recent, const struct handshake *hs)
{
	*recent = (struct recent){
		.result = hs->result,
		.port = hs->port,
		.version = hs->version,
		.cipher = hs->cipher,
		.group = hs->group,
		.sni_key = hs->sni_key,
		.name = NOWHERE,
	};
	for (int kind = 0; kind < TLS_KINDS; kind++)
		recent->values[kind] = NOWHERE;
}

/* ---------------------------------------------------------------------------------------------
 * Names
 */
static struct tls_name *find_name(const struct service *s, uint16_t port, uint32_t sni_key)
{
	for (size_t i = 0; i < s->n_names; i++)
		if (s->names[i].sni_key == sni_key && s->names[i].port == port)
			return &s->names[i];
	return NULL;
}

static struct tls_name *new_name(struct tls_history *h, struct service *s)
{
	size_t oldest = 0;

	s->placed++;
	if (!s->names)
		s->names = calloc(TLS_NAMES_MAX, sizeof(*s->names));
	if (!s->names)
		return NULL;
	if (s->n_names < TLS_NAMES_MAX)
		return &s->names[s->n_names++];
	for (size_t i = 1; i < s->n_names; i++)
		if (s->names[i].best_wall_ns < s->names[oldest].best_wall_ns)
			oldest = i;
	h->evicted++;
	return &s->names[oldest];
}

static void update_name(struct tls_name *name, const struct handshake *hs)
{
	if (hs->version >= name->best) {
		if (hs->version > name->best || name->fell_wall_ns)
			name->dirty = true;
		name->best = hs->version;
		name->best_wall_ns = hs->wall_ns;
		name->last = hs->version;
		name->fell_wall_ns = 0;
		name->fell = 0;
	} else if (hs->offered >= name->best) {
		name->last = hs->version;
		if (!name->fell_wall_ns)
			name->fell_wall_ns = hs->wall_ns;
		name->fell++;
		name->dirty = true;
	}
}

static int see_name(struct tls_history *h, struct service *s, const struct handshake *hs,
		    struct recent *recent, struct tls_name *ret_name)
{
	struct tls_name *name = recent->name != NOWHERE ? &s->names[recent->name]
							: find_name(s, hs->port, hs->sni_key);

	if (name && ret_name)
		*ret_name = *name;
	if (hs->result != GL_HANDSHAKE_NEGOTIATED || !hs->version)
		return 0;
	if (!name) {
		name = new_name(h, s);
		if (!name)
			return -ENOMEM;
		*name = (struct tls_name){.sni_key = hs->sni_key, .port = hs->port, .dirty = true};
		snprintf(name->sni, sizeof(name->sni), "%s", hs->sni);
	}
	recent->name = (uint16_t)(name - s->names);
	update_name(name, hs);
	h->news |= name->dirty;
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Fingerprints
 */
static struct key *key_at(const struct tls_history *h, uint64_t key)
{
	struct key *item = &h->keys[h->key_at[key % KEYS_AT]];

	return item->ja4[0] && item->key == key ? item : NULL;
}

static struct key *find_key(struct tls_history *h, uint64_t key)
{
	struct key *item = key_at(h, key);

	for (size_t i = 0; !item && i < h->n_keys; i++)
		if (h->keys[i].key == key)
			item = &h->keys[i];
	return item;
}

static struct key *place_key(struct tls_history *h, const char *ja4, uint64_t key, bool dirty)
{
	struct key *item = &h->keys[h->next_key++ % TLS_KEYS_MAX];

	if (h->n_keys < TLS_KEYS_MAX)
		h->n_keys++;
	else
		h->evicted++;
	*item = (struct key){.key = key, .dirty = dirty};
	h->news |= dirty;
	snprintf(item->ja4, sizeof(item->ja4), "%s", ja4);
	return item;
}

static void see_key(struct tls_history *h, const char *ja4, uint64_t key, bool computed)
{
	struct key *item;

	if (!*ja4)
		return;
	item = find_key(h, key) ?: place_key(h, ja4, key, computed);
	/* one that was stored and says something else stays as it is, and is never told */
	if (computed && !item->computed)
		item->computed = strcmp(item->ja4, ja4) == 0;
	h->key_at[key % KEYS_AT] = (uint16_t)(item - h->keys);
}

const char *tls_history_computed(const struct tls_history *history, const struct gl_hello *hello)
{
	const struct key *item = ja4_possible(hello) ? key_at(history, hello->key) : NULL;

	return item && item->computed ? item->ja4 : NULL;
}

size_t tls_history_keys(const struct tls_history *history, const char *ja4, uint64_t *keys,
			size_t max)
{
	size_t n = 0;

	for (size_t i = history->n_keys; i-- > 0 && n < max;)
		if (strcmp(history->keys[i].ja4, ja4) == 0)
			keys[n++] = history->keys[i].key;
	return n;
}

const char *tls_history_ja4(const struct tls_history *history, uint64_t key)
{
	for (size_t i = history->n_keys; key && i-- > 0;)
		if (history->keys[i].key == key)
			return history->keys[i].ja4;
	return NULL;
}

/* ---------------------------------------------------------------------------------------------
 * The whole
 */
int tls_history_add(struct tls_history *history, const struct handshake *handshake,
		    struct tls_name *ret_name)
{
	struct service *s = service_of(history, handshake->service);
	struct recent *recent;
	int r;

	if (ret_name)
		*ret_name = (struct tls_name){};
	if (!s)
		return -ENOMEM;
	see_key(history, handshake->ja4, handshake->key, true);
	recent = recent_of(s, handshake);
	if (is_same(s, recent, handshake)) {
		see_again(s, recent, handshake->wall_ns);
		return see_name(history, s, handshake, recent, ret_name);
	}
	note_recent(recent, handshake);
	r = see_all(history, s, handshake, recent);
	if (r == 0)
		r = see_name(history, s, handshake, recent, ret_name);
	recent->used = r == 0;
	recent->placed = s->placed;
	return r;
}

size_t tls_history_values(const struct tls_history *history, uint16_t service, enum tls_kind kind,
			  const struct tls_value **ret_values)
{
	const struct service *s = service < GL_SERVICE_IDS ? history->services[service] : NULL;

	if (!s)
		return 0;
	*ret_values = s->kinds[kind].items;
	return s->kinds[kind].n;
}

size_t tls_history_names(const struct tls_history *history, uint16_t service,
			 const struct tls_name **ret_names)
{
	const struct service *s = service < GL_SERVICE_IDS ? history->services[service] : NULL;

	if (!s)
		return 0;
	*ret_names = s->names;
	return s->n_names;
}

uint64_t tls_history_evicted(const struct tls_history *history)
{
	return history->evicted;
}

size_t tls_history_forget(struct tls_history *history, uint16_t service)
{
	struct service *s = service < GL_SERVICE_IDS ? history->services[service] : NULL;
	size_t n = s ? s->n_names : 0;

	if (s) {
		s->n_names = 0;
		s->placed++;
	}
	return n;
}

int tls_history_restore_value(struct tls_history *history, uint16_t service, enum tls_kind kind,
			      const struct tls_value *value)
{
	struct service *s = service_of(history, service);
	struct tls_value *item = s ? new_value(history, s, kind) : NULL;

	if (!item)
		return -ENOMEM;
	*item = *value;
	item->dirty = false;
	return 0;
}

int tls_history_restore_name(struct tls_history *history, uint16_t service,
			     const struct tls_name *name)
{
	struct service *s = service_of(history, service);
	struct tls_name *item = s ? new_name(history, s) : NULL;

	if (!item)
		return -ENOMEM;
	*item = *name;
	item->dirty = false;
	return 0;
}

void tls_history_restore_key(struct tls_history *history, const char *ja4, uint64_t key)
{
	see_key(history, ja4, key, false);
}

static void each_dirty_of(const struct service *s, uint16_t id, const struct tls_history_sink *sink)
{
	for (int kind = 0; kind < TLS_KINDS; kind++)
		for (size_t i = 0; i < s->kinds[kind].n; i++)
			if (s->kinds[kind].items[i].dirty)
				sink->value(id, (enum tls_kind)kind, &s->kinds[kind].items[i],
					    sink->userdata);
	for (size_t i = 0; i < s->n_names; i++)
		if (s->names[i].dirty)
			sink->name(id, &s->names[i], sink->userdata);
}

void tls_history_each_dirty(const struct tls_history *history, const struct tls_history_sink *sink)
{
	for (uint16_t id = 0; id < GL_SERVICE_IDS; id++)
		if (history->services[id])
			each_dirty_of(history->services[id], id, sink);
	for (size_t i = 0; i < history->n_keys; i++)
		if (history->keys[i].dirty)
			sink->key(history->keys[i].ja4, history->keys[i].key, sink->userdata);
}

static void mark_service(struct service *s, bool dirty)
{
	for (int kind = 0; kind < TLS_KINDS; kind++)
		for (size_t i = 0; i < s->kinds[kind].n; i++)
			s->kinds[kind].items[i].dirty = dirty;
	for (size_t i = 0; i < s->n_names; i++)
		s->names[i].dirty = dirty;
}

static void mark(struct tls_history *history, bool dirty)
{
	for (size_t id = 0; id < GL_SERVICE_IDS; id++)
		if (history->services[id])
			mark_service(history->services[id], dirty);
	for (size_t i = 0; i < history->n_keys; i++)
		history->keys[i].dirty = dirty;
	history->news = dirty;
}

bool tls_history_has_news(const struct tls_history *history)
{
	return history->news;
}

void tls_history_stored(struct tls_history *history)
{
	mark(history, false);
}

void tls_history_unstored(struct tls_history *history)
{
	mark(history, true);
}
