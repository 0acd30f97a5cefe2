/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * uploads.c - REV-10: what an upload may be and how large, as far as it shows: a file that is
 * something else than it says, one that a server would run, and a body above the maximum, answered
 * 2xx where 413 or 415 was expected. Of a multipart body only the parts in the first window.
 */
#include "user/detect/facts.h"
#include "user/detect/families.h"

#define UPLOAD_MAX (10ull << 20)
#define PARTS_MAX  16
#define HEAD_BYTES 2048 /* of a part */

struct file {
	struct raw name, type, bytes;
};

/* A server or a desktop runs these by name. */
static bool runs(struct raw name)
{
	static const struct raw endings[] = {
		RAW_INIT(".php"),  RAW_INIT(".phtml"), RAW_INIT(".phar"),     RAW_INIT(".jsp"),
		RAW_INIT(".jspx"), RAW_INIT(".asp"),   RAW_INIT(".aspx"),     RAW_INIT(".ashx"),
		RAW_INIT(".exe"),  RAW_INIT(".dll"),   RAW_INIT(".bat"),      RAW_INIT(".cmd"),
		RAW_INIT(".ps1"),  RAW_INIT(".sh"),    RAW_INIT(".cgi"),      RAW_INIT(".scr"),
		RAW_INIT(".hta"),  RAW_INIT(".vbs"),   RAW_INIT(".htaccess"),
	};

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (name.n >= endings[i].n &&
		    raw_is_nocase(raw_from(name, name.n - endings[i].n), endings[i]))
			return true;
	return false;
}

static const char *look_name(enum look look)
{
	return look == LOOK_PROGRAM ? "a program" : look == LOOK_SCRIPT ? "a script" : "a page";
}

/* What an API is spoken in is no upload. */
static bool is_message(struct raw type)
{
	return facts_media_json(type) ||
	       raw_is_nocase(type, RAW("application/x-www-form-urlencoded"));
}

/* A type without parameters, against "image/png" and "image/" with a star. */
static bool is_allowed(struct raw type, const struct detect_policy *policy)
{
	for (size_t i = 0; i < policy->n_upload_types; i++) {
		struct raw one = {policy->upload_types[i], strlen(policy->upload_types[i])};

		if (one.n > 2 && one.p[one.n - 1] == '*'
			    ? raw_begins_nocase(type, raw_first(one, one.n - 1))
			    : raw_is_nocase(type, one))
			return true;
	}
	return policy->n_upload_types == 0;
}

static bool judge_file(const struct transaction *tx, const struct detect_policy *policy,
		       const struct file *file, const struct detect_out *out)
{
	enum look look = facts_look(file->bytes);
	bool harmless = raw_begins_nocase(file->type, RAW("image/")) ||
			raw_begins_nocase(file->type, RAW("audio/")) ||
			raw_begins_nocase(file->type, RAW("video/")) ||
			raw_is_nocase(file->type, RAW("application/pdf"));
	bool active = look == LOOK_PROGRAM || look == LOOK_SCRIPT || look == LOOK_HTML;

	if (harmless && active) {
		DETECT(out, "REV-10", "upload-disguised", FINDING_HIGH, PART_REQUEST_BODY,
		       "%s that says it is %s was answered %u; expected 415", look_name(look),
		       masked_token(file->type, 60).text, tx->status);
		return true;
	}
	if (runs(file->name)) {
		DETECT(out, "REV-10", "upload-executable", FINDING_MEDIUM, PART_REQUEST_BODY,
		       "a file a server or desktop would run (by its name) was answered %u; "
		       "expected 415",
		       tx->status);
		return true;
	}
	if (!is_allowed(file->type, policy) && (file->name.n || !is_message(file->type))) {
		DETECT(out, "REV-10", "upload-type", FINDING_MEDIUM, PART_REQUEST_BODY,
		       "%s, which the policy does not list, was answered %u; expected 415",
		       file->type.n ? masked_token(file->type, 60).text : "a body without a type",
		       tx->status);
		return true;
	}
	if (look == LOOK_PROGRAM) {
		DETECT(out, "REV-10", "upload-executable", FINDING_MEDIUM, PART_REQUEST_BODY,
		       "a program was answered %u; expected 415", tx->status);
		return true;
	}
	return false;
}

/* The head of a part: its lines up to the empty one. */
static void read_part_head(struct raw head, struct file *file)
{
	while (head.n) {
		struct raw line = raw_cut(head, '\n', &head), value;
		struct raw name = raw_trim(raw_cut(line, ':', &value));

		value = raw_trim(value);
		if (raw_is_nocase(name, RAW("content-disposition"))) {
			raw_parameter(value, RAW("filename"), &file->name);
		} else if (raw_is_nocase(name, RAW("content-type"))) {
			struct raw rest;

			file->type = raw_trim(raw_cut(value, ';', &rest));
		}
	}
}

/* The next part behind a delimiter; false at the end. */
static bool next_part(struct raw *rest, struct raw boundary, struct file *file)
{
	const char *at = rest->n ? memmem(rest->p, rest->n, boundary.p, boundary.n) : NULL;
	const char *end;
	struct raw part;

	if (!at)
		return false;
	part = raw_from(*rest, (size_t)(at - rest->p) + boundary.n);
	*rest = part;
	end = part.n ? memmem(part.p, part.n < HEAD_BYTES ? part.n : HEAD_BYTES, "\r\n\r\n", 4)
		     : NULL;
	if (!end)
		return false;
	*file = (struct file){.bytes = raw_from(part, (size_t)(end - part.p) + 4)};
	read_part_head(raw_first(part, (size_t)(end - part.p)), file);
	*rest = file->bytes;
	return true;
}

static void judge_parts(const struct transaction *tx, const struct facts *f,
			const struct detect_policy *policy, const struct detect_out *out)
{
	struct raw rest = facts_body(&tx->request_body), boundary;
	struct file file;

	if (!raw_parameter(heads_value(&f->request, HEAD_CONTENT_TYPE), RAW("boundary"),
			   &boundary) ||
	    !boundary.n || boundary.n > 70)
		return;
	for (int i = 0; i < PARTS_MAX && next_part(&rest, boundary, &file); i++)
		if (file.name.n && judge_file(tx, policy, &file, out))
			return; /* one of a request says it */
}

static void judge_size(const struct transaction *tx, const struct detect_policy *policy,
		       const struct detect_out *out)
{
	const uint64_t max = policy->max_upload_bytes ?: UPLOAD_MAX;

	if (tx->request_body.wire_bytes > max)
		DETECT(out, "REV-10", "upload-too-large", FINDING_LOW, PART_REQUEST_BODY,
		       "%lu bytes were answered %u, at most %lu; expected 413",
		       (unsigned long)tx->request_body.wire_bytes, tx->status, (unsigned long)max);
}

static void judge(const struct transaction *tx, const struct detect_policy *policy,
		  const struct detect_out *out)
{
	const struct facts *f = out->facts;
	const struct file file = {.type = f->request_type,
				  .bytes = facts_beginning(&tx->request_body)};

	if (!f->success || !tx->request_body.wire_bytes || tx->flags & TX_GRPC)
		return;
	judge_size(tx, policy, out);
	if (raw_begins_nocase(f->request_type, RAW("multipart/")))
		judge_parts(tx, f, policy, out);
	else if (f->method == METHOD_POST || f->method == METHOD_PUT || f->method == METHOD_PATCH)
		judge_file(tx, policy, &file, out);
}

static const char *const controls[] = {"REV-10", NULL};
const struct detector detector_uploads = {"uploads", controls, judge, 0};
