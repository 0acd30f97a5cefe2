/* SPDX-License-Identifier: GPL-2.0-or-later */
/* subject_keys.c - what a decision is about, in text, to keys of the kernel's table, and back. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "include/glacis/admit.h"
#include "user/base/cleanup.h"
#include "user/respond/subjects.h"

static int id_of(struct intern *names, enum intern_space space, const char *name, bool may_intern)
{
	return may_intern ? intern_id(names, space, name) : intern_find(names, space, name);
}

int subject_service_of(struct intern *names, const char *operation, bool may_intern)
{
	char service[SUBJECT_TEXT];
	size_t n = strcspn(operation, " ");
	int id;

	if (n == 0 || n >= sizeof(service))
		return 0;
	memcpy(service, operation, n);
	service[n] = '\0';
	id = id_of(names, INTERN_SERVICE, service, may_intern);
	return id < 0 ? 0 : id;
}

static int parse_hash(const char *text, size_t n, uint64_t *ret_hash)
{
	uint64_t hash = 0;

	if (n != 16)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (c >= '0' && c <= '9')
			hash = hash << 4 | (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			hash = hash << 4 | (uint64_t)(c - 'a' + 10);
		else
			return -EINVAL;
	}
	*ret_hash = hash;
	return hash ? 0 : -EINVAL;
}

static int add_key(struct subject_resolved *r, uint32_t kind, uint32_t qualifier, uint64_t subject)
{
	if (r->n_keys == SUBJECT_KEYS)
		return -E2BIG;
	r->keys[r->n_keys++] = (struct subject_key){
		.tag = GL_SUBJECT_TAG(kind, qualifier),
		.subject = subject,
	};
	return 0;
}

/* Words apart by one space each. */
static int add_hashes(const char *text, struct subject_resolved *r)
{
	for (;;) {
		size_t n = strcspn(text, " ");
		uint64_t hash;
		int err = parse_hash(text, n, &hash);

		if (err == 0)
			err = add_key(r, GL_SUBJECT_PRINCIPAL, 0, hash);
		if (err < 0 || !text[n])
			return err;
		text += n + 1;
	}
}

static int add_networks(const char *text, struct subject_resolved *r)
{
	for (;;) {
		char one[PREFIX_TEXT];
		size_t n = strcspn(text, " ");

		if (n >= sizeof(one))
			return -EINVAL;
		if (r->n_networks == SUBJECT_NETS)
			return -E2BIG;
		memcpy(one, text, n);
		one[n] = '\0';
		if (prefix_parse(one, &r->networks[r->n_networks]) < 0)
			return -EINVAL;
		r->n_networks++;
		if (!text[n])
			return 0;
		text += n + 1;
	}
}

/* An IPv4 address or, of IPv6, any address of the /64 it stands for. */
static int parse_grant_source(const char *text, uint64_t *ret_subject)
{
	struct addr_prefix prefix;
	struct gl_addr source;

	if (prefix_parse(text, &prefix) < 0)
		return -EINVAL;
	source = admit_source(&prefix.addr);
	if (prefix.len != 128 && (admit_is_v4(&prefix.addr) || prefix.len != ADMIT_V6_SOURCE))
		return -EINVAL;
	*ret_subject = subjects_source(&source);
	return 0;
}

/* "source 192.0.2.7 class auth" */
static int add_grant(const char *text, struct intern *names, bool may_intern,
		     struct subject_resolved *r)
{
	char what[16], who[64], word[8], name[POLICY_NAME_MAX + 1] = "";
	int n = sscanf(text, "%15s %63s %7s %63s", what, who, word, name), cls = 0;
	uint64_t subject;

	_Static_assert(POLICY_NAME_MAX + 1 >= 64, "a class's name fits");
	if ((n != 2 && n != 4) || (n == 4 && strcmp(word, "class") != 0))
		return -EINVAL;
	if (n == 4) {
		cls = id_of(names, INTERN_CLASS, name, may_intern);
		if (cls < 0)
			return -ENOENT;
	}
	if (strcmp(what, "source") == 0 && parse_grant_source(who, &subject) == 0)
		return add_key(r, GL_SUBJECT_GRANT_SOURCE, (uint32_t)cls, subject);
	if (strcmp(what, "principal") == 0 && parse_hash(who, strlen(who), &subject) == 0)
		return add_key(r, GL_SUBJECT_GRANT_PRINCIPAL, (uint32_t)cls, subject);
	return -EINVAL;
}

static bool is_workload(const char *text)
{
	return strncmp(text, "cgroup /", 8) == 0 || strncmp(text, "exe /", 5) == 0;
}

int subject_resolve(enum subject_kind kind, const char *text, const char *detail,
		    struct intern *names, bool may_intern, struct subject_resolved *ret_resolved)
{
	struct subject_resolved *r = ret_resolved;
	int id, err;

	*r = (struct subject_resolved){};
	detail = detail ? detail : "";
	switch (kind) {
	case SUBJECT_OPERATION:
		id = id_of(names, INTERN_OPERATION, text, may_intern);
		return id < 0 ? -ENOENT : add_key(r, GL_SUBJECT_OPERATION, 0, (uint64_t)id);
	case SUBJECT_PRINCIPAL:
		err = add_hashes(text, r);
		return err < 0 || !*detail ? err : add_hashes(detail, r);
	case SUBJECT_SERVICE:
		id = id_of(names, INTERN_SERVICE, text, may_intern);
		err = id < 0 ? -ENOENT : add_networks(detail, r);
		return err < 0 ? err : add_key(r, GL_SUBJECT_SERVICE, 0, (uint64_t)id);
	case SUBJECT_WORKLOAD:
		return is_workload(text) ? 0 : -EINVAL;
	case SUBJECT_GRANT:
		return add_grant(text, names, may_intern, r);
	default:
		return -EINVAL;
	}
}

/* ---------------------------------------------------------------------------------------------
 * And back
 */
bool subject_describe(const struct gl_subject *slot, const struct intern *names,
		      enum subject_kind *ret_kind, char ret_text[SUBJECT_TEXT])
{
	const char *name = NULL;

	switch (GL_SUBJECT_KIND(slot->tag)) {
	case GL_SUBJECT_OPERATION:
		*ret_kind = SUBJECT_OPERATION;
		name = intern_name(names, INTERN_OPERATION, (unsigned)slot->subject);
		break;
	case GL_SUBJECT_SERVICE:
		*ret_kind = SUBJECT_SERVICE;
		name = intern_name(names, INTERN_SERVICE, (unsigned)slot->subject);
		break;
	case GL_SUBJECT_PRINCIPAL:
		*ret_kind = SUBJECT_PRINCIPAL;
		snprintf(ret_text, SUBJECT_TEXT, "%016" PRIx64, (uint64_t)slot->subject);
		return true;
	default:
		return false; /* a grant nobody can explain is none */
	}
	if (!name || strlen(name) >= SUBJECT_TEXT)
		return false;
	snprintf(ret_text, SUBJECT_TEXT, "%s", name);
	return true;
}
