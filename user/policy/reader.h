/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.h - from nodes to typed values, by tables: a shape lists the keys of a map, each with the
 * function that reads its value into a member of the model.
 *
 * Inside of the policy reader only (read.c, read_*.c, reader.c). Nothing here fails: what is wrong
 * is added to the problems, the target keeps its default, and reading goes on to find the rest.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/policy/document.h"
#include "user/policy/model.h"
#include "user/policy/problems.h"
#include "user/policy/suggest.h"

#define READER_NOTES_MAX 32

struct reader;
struct field;

typedef void (*field_fn)(struct reader *r, const struct field *field, const struct node *node,
			 void *target);

enum field_flags {
	FIELD_REQUIRED = 1,
	FIELD_UNENFORCED = 2, /* read and checked, but nothing in this version acts on it */
};

/* One key. Keys are read in the order of the table, whatever the document's: a later one may rely
 * on an earlier one (services name classes). */
struct field {
	const char *key;
	field_fn read;
	size_t offset; /* of the target in what the shape fills */
	const void *arg; /* what `read` takes: words, a text rule, a shape */
	uint32_t min, max; /* of a number, of seconds, of a list's length */
	unsigned flags; /* enum field_flags */
};

struct shape {
	const char *noun; /* "a service" */
	const char *schema; /* its name in the JSON Schema's $defs */
	const struct field *fields;
	size_t n_fields;
};

/* Every shape the reader knows, for the test that compares them with the JSON Schema. */
extern const struct shape *const policy_shapes[];
extern const size_t policy_shapes_n;

/* Said once, with the number of places: 4096 operations with an owner are one warning. */
struct reader_note {
	const void *id; /* what makes two notes one */
	char text[160];
	char *path;
	struct policy_pos pos;
	size_t places;
};

struct reader {
	struct problems *problems;
	struct policy *policy;
	char path[512];
	size_t path_len;
	bool no_memory;
	bool classes_unknown; /* `classes` itself was unreadable: naming one is no error */
	struct policy_service *service; /* the one being read */
	size_t n_operations, n_cidrs;
	struct reader_note notes[READER_NOTES_MAX];
	size_t n_notes;
	struct {
		unsigned line;
		uint16_t service; /* index + 1; 0 = free */
	} ports[65536];
};

/* The path of what is being read: reader_key() and reader_index() go down and return where
 * reader_up() comes back to. */
size_t reader_key(struct reader *r, const char *key);
size_t reader_index(struct reader *r, size_t index);
void reader_up(struct reader *r, size_t mark);

/* At a value, or at its key. hint may be NULL. */
__attribute__((format(printf, 4, 5))) void reader_error(struct reader *r, const struct node *at,
							const char *hint, const char *fmt, ...);

/* An error at the member `key` of a map, which is there. */
__attribute__((format(printf, 5, 6))) void reader_error_at(struct reader *r, const struct node *map,
							   const char *key, const char *hint,
							   const char *fmt, ...);

/* "expected <what>, got <the node>". */
void reader_mismatch(struct reader *r, const struct node *node, const char *hint, const char *what);

/* A warning; several with the same id become one. Not more than READER_NOTES_MAX ids exist. */
__attribute__((format(printf, 4, 5))) void reader_note(struct reader *r, const struct node *at,
						       const void *id, const char *fmt, ...);
void reader_flush_notes(struct reader *r);

/* True if the node is of the kind; else an error that wanted `what`. */
bool reader_expect(struct reader *r, const struct node *node, enum node_kind kind,
		   const char *what);

/* Reads a map: unknown keys and missing ones are errors. */
void reader_map(struct reader *r, const struct shape *shape, const struct node *node, void *target);

/* A list within [min, max] items: room for them, zeroed, is in *ret_items (size bytes each), or
 * false. The caller goes over node->first. */
bool reader_list(struct reader *r, const struct node *node, uint32_t min, uint32_t max,
		 const char *what, size_t size, void *ret_items);

/* NULL, and no_memory, when there is none. */
char *reader_strdup(struct reader *r, const char *text);

/* Reads a shape in a shape: arg is the inner one, target its struct. */
void read_shape(struct reader *r, const struct field *field, const struct node *node, void *target);

/* ---------------------------------------------------------------------------------------------
 * Values (read_values.c, read_text.c)
 */
struct word {
	const char *text;
	unsigned value;
};

struct words {
	const struct word *items;
	size_t n;
	const char *hint; /* where no word is near; may be NULL */
};
#define WORDS(array, hint)                                                                         \
	&(const struct words)                                                                      \
	{                                                                                          \
		array, sizeof(array) / sizeof((array)[0]), hint                                    \
	}

/* One of the words of arg. */
bool reader_word(struct reader *r, const struct words *words, const struct node *node,
		 unsigned *ret_value);
void read_word(struct reader *r, const struct field *field, const struct node *node,
	       void *target); /* enum */
void read_word_bool(struct reader *r, const struct field *field, const struct node *node,
		    void *target);

void check_word(struct reader *r, const struct field *field, const struct node *node,
		void *target); /* no target: nothing of the model holds it */

void read_bool(struct reader *r, const struct field *field, const struct node *node, void *target);
bool reader_number(struct reader *r, const struct node *node, const char *noun, uint32_t min,
		   uint32_t max, uint32_t *ret_value);
void read_number(struct reader *r, const struct field *field, const struct node *node,
		 void *target); /* uint32_t in min..max */
void read_seconds(struct reader *r, const struct field *field, const struct node *node,
		  void *target); /* "15m" to uint32_t in min..max */
void read_limit(struct reader *r, const struct field *field, const struct node *node,
		void *target); /* "100/15m" to struct policy_class */
void read_rate(struct reader *r, const struct field *field, const struct node *node,
	       void *target); /* "200/s" to uint32_t in min..max */
void read_cidrs(struct reader *r, const struct field *field, const struct node *node,
		void *target); /* struct policy_cidrs */

/* What a text must be. `valid` NULL: anything without control characters. */
struct text_rule {
	const char *noun; /* "a name" */
	const char *form; /* the hint: how it is written */
	bool (*valid)(const char *text);
	size_t max_bytes;
	bool lower; /* folded before it is kept */
	bool (*reserved)(const char *text); /* has a meaning of its own */
};
extern const struct text_rule text_name, text_label, text_header, text_field, text_cookie, text_any;

/* True if it is a string and keeps the rule. */
bool reader_text(struct reader *r, const struct text_rule *rule, const struct node *node);
void read_text(struct reader *r, const struct field *field, const struct node *node,
	       void *target); /* char * */
void check_text(struct reader *r, const struct field *field, const struct node *node, void *target);
void read_texts(struct reader *r, const struct field *field, const struct node *node,
		void *target); /* struct policy_strings, no text twice */
/* *to is empty, or freed by the caller. */
void reader_copy_texts(struct reader *r, const struct policy_strings *from,
		       struct policy_strings *to);

/* ---------------------------------------------------------------------------------------------
 * Parts of the document, each with its shapes
 */
void read_classes(struct reader *r, const struct field *field, const struct node *node,
		  void *target); /* struct policy */
void read_services(struct reader *r, const struct field *field, const struct node *node,
		   void *target); /* struct policy */
void read_operations(struct reader *r, const struct field *field, const struct node *node,
		     void *target); /* struct policy_service */
void read_class_name(struct reader *r, const struct field *field, const struct node *node,
		     void *target); /* char * */
void read_responses(struct reader *r, const struct field *field, const struct node *node,
		    void *target); /* struct policy_responses, inherited values in it */
void read_inspect(struct reader *r, const struct field *field, const struct node *node,
		  void *target); /* struct policy_inspect, likewise */
void reader_inherit_responses(struct reader *r, const struct policy_responses *from,
			      struct policy_responses *to, bool with_fields);
void read_expect(struct reader *r, const struct field *field, const struct node *node,
		 void *target); /* struct policy_expect, likewise */
/* What an operation can say of its own, or all of it (`whole`). */
void reader_inherit_expect(struct reader *r, const struct policy_expect *from,
			   struct policy_expect *to, bool whole);
bool reader_match(struct reader *r, const struct node *node);
extern const struct shape shape_failed_login;
extern const struct shape shape_class, shape_service, shape_tls, shape_operation, shape_owner;
extern const struct shape shape_expect, shape_operation_expect, shape_expect_jwt, shape_expect_cors,
	shape_expect_uploads;
void read_incidents(struct reader *r, const struct field *field, const struct node *node,
		    void *target); /* struct policy_incidents */
void read_playbooks(struct reader *r, const struct field *field, const struct node *node,
		    void *target); /* struct policy */
extern const struct word policy_alert_words[];
extern const size_t policy_alert_words_n;
extern const struct shape shape_incidents, shape_deadlines, shape_calendar, shape_requests,
	shape_playbook, shape_playbook_action;
extern const struct shape shape_responses, shape_operation_responses, shape_inspect,
	shape_operation_inspect;
