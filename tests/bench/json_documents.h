/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_documents.h - JSON as APIs answer it, made the same way every time: lists of orders, of
 * people, of measurements, texts, settings, and pictures as base64. For benches and for tests that
 * want bytes in which there is next to nothing to find.
 */
#pragma once

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct json_made {
	char *p;
	size_t n, size;
	uint64_t state;
};

static unsigned json_chance(struct json_made *made, unsigned below)
{
	made->state ^= made->state << 13;
	made->state ^= made->state >> 7;
	made->state ^= made->state << 17;
	return (unsigned)((made->state >> 11) % below);
}

static void __attribute__((format(printf, 2, 3)))
json_put(struct json_made *made, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(made->p + made->n, made->size - made->n, fmt, ap);
	va_end(ap);
	made->n += (size_t)n < made->size - made->n ? (size_t)n : made->size - made->n - 1;
}

static const char *const json_words[] = {
	"order",   "item",    "price",   "total",   "customer", "street",  "city",    "note",
	"status",  "open",    "paid",    "the",     "of",       "and",     "with",    "delivery",
	"Monday",  "invoice", "account", "because", "house",    "garden",  "small",   "large",
	"team",    "update",  "request", "service", "token",    "key",     "phone",   "report",
	"they",    "have",    "been",    "would",   "which",    "their",   "there",   "about",
	"after",   "other",   "people",  "first",   "between",  "under",   "never",   "again",
	"three",   "world",   "still",   "every",   "found",    "those",   "right",   "small",
	"place",   "great",   "while",   "number",  "always",   "should",  "country", "school",
	"where",   "think",   "water",   "before",  "through",  "another", "around",  "little",
	"because", "himself", "public",  "general", "system",   "during",  "without", "within",
	"however", "report",
};

static const char *json_word(struct json_made *made)
{
	return json_words[json_chance(made, sizeof(json_words) / sizeof(json_words[0]))];
}

static void json_uuid(struct json_made *made)
{
	json_put(made, "%08x-%04x-4%03x-a%03x-%06x%06x", json_chance(made, 0xffffffff),
		 json_chance(made, 0xffff), json_chance(made, 0xfff), json_chance(made, 0xfff),
		 json_chance(made, 0xffffff), json_chance(made, 0xffffff));
}

static void json_text_of(struct json_made *made, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		json_put(made, i ? " %s" : "%s", json_word(made));
}

static void json_order(struct json_made *made, unsigned i)
{
	json_put(made, "{\"id\":%u,\"reference\":\"", json_chance(made, 999999999));
	json_uuid(made);
	json_put(made,
		 "\",\"createdAt\":\"2026-%02u-%02uT%02u:%02u:%02u.%03uZ\",\"active\":%s,"
		 "\"position\":%u,"
		 "\"text\":\"",
		 1 + json_chance(made, 12), 1 + json_chance(made, 28), json_chance(made, 24),
		 json_chance(made, 60), json_chance(made, 60), json_chance(made, 1000),
		 json_chance(made, 2) ? "true" : "false", i);
	json_text_of(made, 12 + json_chance(made, 20));
	json_put(made, "\",\"price\":%u.%02u,\"currency\":\"EUR\",\"tags\":[\"%s\",\"%s\"]}",
		 json_chance(made, 10000), json_chance(made, 100), json_word(made),
		 json_word(made));
}

static void json_person(struct json_made *made, unsigned i)
{
	json_put(made,
		 "{\"userId\":%u,\"name\":\"%s %s\",\"address\":{\"street\":\"%s street %u\","
		 "\"zip\":\"%05u\",\"city\":\"%s\"},\"lastLogin\":%u,\"avatar\":"
		 "\"https://cdn.shop.test/avatars/",
		 1000 + i, json_word(made), json_word(made), json_word(made),
		 1 + json_chance(made, 200), json_chance(made, 99999), json_word(made),
		 1700000000 + json_chance(made, 60000000));
	json_uuid(made);
	json_put(made, ".png?size=%u\",\"locale\":\"de-DE\",\"roles\":[\"user\"],\"score\":null}",
		 64 << json_chance(made, 3));
}

static void json_measurement(struct json_made *made, unsigned i)
{
	json_put(made, "{\"t\":%u,\"v\":%u.%04u,\"host\":\"web-%u.shop.test\"}",
		 1700000000 + 15 * i, json_chance(made, 1000), json_chance(made, 10000),
		 json_chance(made, 40));
}

static void json_article(struct json_made *made, unsigned i)
{
	json_put(made, "{\n    \"title\": \"%s %s %u\",\n    \"body\": \"", json_word(made),
		 json_word(made), i);
	for (unsigned p = 0; p < 6; p++) {
		json_text_of(made, 30 + json_chance(made, 40));
		json_put(made, ". \\u00dcber \\\"%s\\\" \\u2014 %s.\\n\\n", json_word(made),
			 json_word(made));
	}
	json_put(made, "\",\n    \"comments\": %u\n  }", json_chance(made, 40));
}

static void json_picture(struct json_made *made, unsigned i)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	unsigned n = 400 + 4 * json_chance(made, 400);

	json_put(made, "{\"name\":\"photo-%u.png\",\"sha256\":\"", i);
	for (unsigned j = 0; j < 8; j++)
		json_put(made, "%08x", json_chance(made, 0xffffffff));
	json_put(made, "\",\"data\":\"data:image/png;base64,iVBORw0KGgo");
	for (unsigned j = 0; j < n; j++)
		json_put(made, "%c", digits[json_chance(made, 64)]);
	json_put(made, "\"}");
}

typedef void (*json_item_fn)(struct json_made *made, unsigned i);

/* A document of about `bytes`, of the kind that `seed` says; returns its length, less than size. */
static size_t json_document(char *p, size_t size, size_t bytes, uint64_t seed)
{
	/* how often each is answered */
	static const json_item_fn kinds[] = {json_order,       json_order,   json_order,
					     json_person,      json_person,  json_measurement,
					     json_measurement, json_article, json_picture};
	struct json_made made = {.p = p, .size = size, .state = seed * 0x9e3779b97f4a7c15ull + 1};
	json_item_fn item;

	for (unsigned i = 0; i < 8; i++)
		json_chance(&made, 2);
	item = kinds[json_chance(&made, sizeof(kinds) / sizeof(kinds[0]))];
	json_put(&made, "{\"page\":1,\"total\":%u,\"items\":[", json_chance(&made, 1000));
	for (unsigned i = 0; made.n + 64 < bytes; i++) {
		if (i)
			json_put(&made, ",");
		item(&made, i);
	}
	json_put(&made, "],\"next\":null}");
	return made.n;
}
