/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/controls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/base/name_table.h"
#include "user/base/file.h"
#include "user/detect/detector.h"
#include "user/keeper/access_log.h"
#include "user/keeper/attest.h"
#include "user/keeper/control_rows.h"
#include "user/keeper/keeper.h"
#include "user/keeper/transactions.h"

/* The catalogue itself is part of the program: a row cannot get lost on the way to a host. */
__asm__(".section .rodata\n"
	".global controls_text\n"
	"controls_text: .incbin \"deploy/controls/controls.json\"\n"
	".byte 0\n"
	".previous\n");
extern const char controls_text[];

#define CONTROL_ID 12
#define ROWS_MAX   256

struct row {
	char id[CONTROL_ID];
	const json_t *object; /* borrowed from the catalogue */
	size_t same; /* first row that says the same ("as PRE-05") */
	bool attested; /* only a person can know it */
	bool attestable; /* a person may */
	/* violations when the hour and the one before began */
	uint64_t hour, hour_before;
};

struct controls {
	json_t *catalogue;
	struct row rows[ROWS_MAX];
	size_t n;
	struct attestations attestations;
	int64_t looked_s; /* for what expires; 0: never */
	int64_t hour; /* whose marks the rows have; 0: none yet */
	/* for each tally of findings: the first row that says the same; ROWS_MAX: none */
	size_t of_tally[FINDING_TALLIES_MAX];
};

const char *control_state_name(enum control_state state)
{
	static const char *const names[] = {CONTROL_STATE_LIST(NAME_TABLE_ENTRY)};

	return NAME_OF(names, state);
}

static struct row *find(struct controls *controls, const char *id, size_t size)
{
	for (size_t i = 0; i < controls->n; i++)
		if (strlen(controls->rows[i].id) == size &&
		    strncmp(controls->rows[i].id, id, size) == 0)
			return &controls->rows[i];
	return NULL;
}

/* "as PRE-05": what violates one of them violates the other. */
static void join_same(struct controls *controls)
{
	for (size_t i = 0; i < controls->n; i++) {
		const char *how =
			json_string_value(json_object_get(controls->rows[i].object, "how"));
		struct row *other;
		size_t from, to;

		if (!how || strncmp(how, "as ", 3) != 0)
			continue;
		other = find(controls, how + 3, strcspn(how + 3, " ,;."));
		if (!other)
			continue;
		from = controls->rows[i].same;
		to = other->same;
		for (size_t k = 0; k < controls->n; k++)
			if (controls->rows[k].same == from)
				controls->rows[k].same = to;
	}
}

static int add_row(struct controls *controls, const json_t *object)
{
	struct row *row = &controls->rows[controls->n];
	const char *id = json_string_value(json_object_get(object, "id"));
	const json_t *mode = json_object_get(object, "mode"), *item;
	size_t i;

	if (!id || strlen(id) >= sizeof(row->id) || controls->n == ROWS_MAX)
		return -EBADMSG;
	snprintf(row->id, sizeof(row->id), "%s", id);
	row->object = object;
	row->same = controls->n++;
	row->attested = json_array_size(mode) > 0;
	for (i = 0; (item = json_array_get(mode, i)); i++)
		if (strcmp(json_string_value(item) ?: "", "A") == 0)
			row->attestable = true;
		else
			row->attested = false;
	return 0;
}

int controls_new(struct controls **ret_controls)
{
	struct controls *controls = calloc(1, sizeof(*controls));
	const json_t *object;
	int r = 0;

	if (!controls)
		return -ENOMEM;
	controls->catalogue = json_loads(controls_text, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(controls->catalogue))
		r = -EBADMSG;
	for (size_t i = 0; r == 0 && (object = json_array_get(controls->catalogue, i)); i++)
		r = add_row(controls, object);
	if (r < 0) {
		controls_free(controls);
		return r;
	}
	join_same(controls);
	*ret_controls = controls;
	return 0;
}

void controls_free(struct controls *controls)
{
	if (!controls)
		return;
	json_decref(controls->catalogue);
	free(controls);
}

size_t controls_count(const struct controls *controls)
{
	return controls->n;
}

/* ---------------------------------------------------------------------------------------------
 * What stands behind a row
 */
struct evidence {
	enum control_state state;
	uint64_t inspected, violated;
	const struct finding_tally *last;
	const struct attestation *attestation;
	char why[CONTROL_WHY];
};

/* Rows that no detector speaks for: the kernel or the agent itself holds them. */
enum holder { HELD_BY_LIMIT, HELD_BY_HANDSHAKE, HELD_BY_LOG };
static const struct held {
	const char *id;
	enum holder holder;
	const char *cls; /* HELD_BY_LIMIT: the class that must exist, as tight as the standard's */
	uint32_t limit, window_s;
} held_rows[] = {
	{"PRE-06", HELD_BY_LIMIT, NULL, 0, 0},     {"API-04", HELD_BY_LIMIT, "general", 100, 900},
	{"API-05", HELD_BY_LIMIT, "auth", 5, 900}, {"API-06", HELD_BY_LIMIT, "public", 30, 60},
	{"PRE-13", HELD_BY_HANDSHAKE, NULL, 0, 0}, {"TLS-01", HELD_BY_HANDSHAKE, NULL, 0, 0},
	{"TLS-02", HELD_BY_HANDSHAKE, NULL, 0, 0}, {"TLS-03", HELD_BY_HANDSHAKE, NULL, 0, 0},
	{"TLS-05", HELD_BY_HANDSHAKE, NULL, 0, 0}, {"TLS-06", HELD_BY_HANDSHAKE, NULL, 0, 0},
	{"REV-16", HELD_BY_LOG, NULL, 0, 0},       {"LOG-01", HELD_BY_LOG, NULL, 0, 0},
	{"LOG-02", HELD_BY_LOG, NULL, 0, 0},       {"LOG-03", HELD_BY_LOG, NULL, 0, 0},
	{"LOG-04", HELD_BY_LOG, NULL, 0, 0},       {"LOG-05", HELD_BY_LOG, NULL, 0, 0},
	{"LOG-06", HELD_BY_LOG, NULL, 0, 0},       {"LOG-07", HELD_BY_LOG, NULL, 0, 0},
};

static const struct held *held_row(const char *id)
{
	for (size_t i = 0; i < ARRAY_SIZE(held_rows); i++)
		if (strcmp(held_rows[i].id, id) == 0)
			return &held_rows[i];
	return NULL;
}

static uint64_t transactions_of(const struct keeper *keeper, const char *service)
{
	const struct intern *intern = apply_intern(keeper->apply);
	uint64_t sum = 0;

	for (unsigned id = 0; id < GL_SERVICE_IDS; id++) {
		const char *name = intern_name(intern, INTERN_SERVICE, id);

		if (name && (!service || strcmp(name, service) == 0))
			sum += keeper->seen[id];
	}
	return sum;
}

/* Which rows the tallies are about: once for all rows. */
static void map_tallies(struct controls *controls, const struct keeper *keeper)
{
	const struct finding_tally *tally;
	const struct row *row;

	for (size_t i = 0; (tally = findings_tally(keeper->findings, i)); i++) {
		row = find(controls, tally->control, strlen(tally->control));
		controls->of_tally[i] = row ? row->same : ROWS_MAX;
	}
}

/* Findings of the row and of those that say the same. */
static void count_findings(const struct controls *controls, const struct row *row,
			   const struct keeper *keeper, const char *service,
			   struct evidence *evidence)
{
	const struct finding_tally *tally;

	for (size_t i = 0; (tally = findings_tally(keeper->findings, i)); i++) {
		if (controls->of_tally[i] != row->same ||
		    (service && strcmp(tally->service, service) != 0))
			continue;
		evidence->violated += tally->count;
		if (!evidence->last || tally->last_wall_ns > evidence->last->last_wall_ns)
			evidence->last = tally;
	}
}

/* Does the policy limit as tightly as the standard says? */
static bool is_limited(const struct held *held, const struct policy *policy,
		       struct evidence *evidence)
{
	for (size_t i = 0; policy && i < policy->n_classes; i++) {
		const struct policy_class *cls = &policy->classes[i];

		if (held->cls ? strcmp(cls->name, held->cls) != 0 : cls->exempt)
			continue;
		if (!held->cls ||
		    (uint64_t)cls->limit * held->window_s <= (uint64_t)held->limit * cls->window_s)
			return true;
		snprintf(evidence->why, sizeof(evidence->why),
			 "class %s allows %u per %u s, the standard %u per %u s", cls->name,
			 cls->limit, cls->window_s, held->limit, held->window_s);
		return false;
	}
	snprintf(evidence->why, sizeof(evidence->why), "the policy has no %s%s",
		 held->cls ? "class " : "limit", held->cls ? held->cls : "");
	return false;
}

static void look_at_held(const struct held *held, const struct keeper *keeper, const char *service,
			 struct evidence *e)
{
	const struct keeper_counters *c = &keeper->counters;

	switch (held->holder) {
	case HELD_BY_LIMIT:
		e->inspected = c->values[GL_CTR_REQUESTS] + keeper->judged.judged;
		if (!is_limited(held, apply_ruling(keeper->apply)->policy, e))
			e->violated++;
		break;
	case HELD_BY_HANDSHAKE:
		e->inspected = c->values[GL_CTR_HANDSHAKES];
		break;
	case HELD_BY_LOG:
		e->inspected = transactions_of(keeper, service);
		if (!*access_log_path(keeper->access_log)) {
			e->violated = 1;
			snprintf(e->why, sizeof(e->why), "no access log is kept (--access-log)");
		} else if (strcmp(held->id, "LOG-03") == 0 && e->inspected) {
			snprintf(e->why, sizeof(e->why), "%" PRIu64 " records name a client",
				 keeper->seen_with_principal);
		}
		break;
	}
}

static void settle(struct evidence *e)
{
	e->state = e->violated ? CONTROL_FAIL : e->inspected ? CONTROL_PASS : CONTROL_NO_TRAFFIC;
}

static void settle_attested(struct evidence *e)
{
	const struct attestation *a = e->attestation;
	bool over = clock_wall_ns() / (int64_t)CLOCK_NS_PER_S >= a->expires_s;

	e->state = over ? CONTROL_EXPIRED : CONTROL_ATTESTED;
	snprintf(e->why, sizeof(e->why), "by %.90s, %s %s", a->owner,
		 over ? "until" : "valid until", a->expires);
}

static void look(const struct controls *controls, const struct row *row,
		 const struct keeper *keeper, const char *service, struct evidence *e)
{
	const struct held *held = held_row(row->id);
	const struct detector *detector = detector_for(row->id);
	const char *missing = control_rows_missing(row->id);
	struct control_facts facts;

	memset(e, 0, sizeof(*e));
	e->attestation = attest_find(&controls->attestations, row->id);
	if (row->attested) {
		e->state = CONTROL_NOT_ATTESTED;
		if (!e->attestation)
			snprintf(e->why, sizeof(e->why), "only a person can sign this off");
		else
			settle_attested(e);
		return;
	}
	if (control_rows_look(keeper, row->id, &facts)) {
		e->inspected = facts.inspected;
		e->violated = facts.violated;
		memcpy(e->why, facts.why, sizeof(e->why));
		settle(e);
		return;
	}
	for (size_t i = 0; !held && !detector && !missing && i < controls->n; i++)
		if (controls->rows[i].same == row->same) {
			held = held_row(controls->rows[i].id);
			detector = detector_for(controls->rows[i].id);
		}
	if (missing) {
		/* what is looked at may fail it; nothing makes it pass */
		count_findings(controls, row, keeper, service, e);
		e->inspected = detector ? transactions_of(keeper, service) : 0;
		e->state = e->violated ? CONTROL_FAIL : CONTROL_NOT_INSPECTED;
		snprintf(e->why, sizeof(e->why), "%s", missing);
		return;
	}
	if (!held && !detector) {
		/* a signature is no inspection: such a row never passes */
		e->state = CONTROL_NOT_BUILT;
		if (e->attestation)
			settle_attested(e);
		return;
	}
	count_findings(controls, row, keeper, service, e);
	if (held)
		look_at_held(held, keeper, service, e);
	else
		e->inspected = transactions_of(keeper, service);
	settle(e);
	if (!held && e->state == CONTROL_NO_TRAFFIC && keeper->counters.values[GL_CTR_REQUESTS]) {
		e->state = CONTROL_NOT_INSPECTED;
		snprintf(e->why, sizeof(e->why),
			 "requests were judged, but no inspector saw them: glacisctl coverage");
	}
}

/* Violations of this hour against those of the one before; nothing while there were none. */
static void set_trend(json_t *o, const struct row *row, uint64_t violated)
{
	/* a store that was lost takes its counts along */
	uint64_t now = violated > row->hour ? violated - row->hour : 0;
	uint64_t before = row->hour > row->hour_before ? row->hour - row->hour_before : 0;

	if (!now && !before)
		return;
	json_object_set_new(o, "trend",
			    json_string(now > before   ? "rising"
					: now < before ? "falling"
						       : "steady"));
	json_object_set_new(o, "violatedThisHour", json_integer((json_int_t)now));
	json_object_set_new(o, "violatedHourBefore", json_integer((json_int_t)before));
}

static json_t *row_json(const struct row *row, const struct evidence *e)
{
	json_t *o = json_pack("{s:s, s:O, s:O, s:O, s:s, s:I, s:I}", "id", row->id, "title",
			      json_object_get(row->object, "title"), "mode",
			      json_object_get(row->object, "mode"), "phase",
			      json_object_get(row->object, "phase"), "state",
			      control_state_name(e->state), "inspected", (json_int_t)e->inspected,
			      "violated", (json_int_t)e->violated);
	char time[CLOCK_TEXT], id[24];

	if (*e->why)
		json_object_set_new(o, "why", json_string(e->why));
	if (e->attestation)
		json_object_set_new(o, "attestation",
				    json_pack("{s:s, s:s, s:s}", "owner", e->attestation->owner,
					      "evidence", e->attestation->evidence, "expires",
					      e->attestation->expires));
	set_trend(o, row, e->violated);
	if (e->last) {
		snprintf(id, sizeof(id), "%" PRIu64, e->last->last_id);
		json_object_set_new(o, "lastFinding", json_string(id));
		json_object_set_new(o, "lastSeen",
				    json_string(clock_format(e->last->last_wall_ns, time)));
	}
	return o;
}

json_t *controls_json(struct controls *controls, const struct keeper *keeper, const char *service)
{
	json_t *list = json_array();
	struct evidence evidence;

	map_tallies(controls, keeper);
	for (size_t i = 0; i < controls->n; i++) {
		look(controls, &controls->rows[i], keeper, service, &evidence);
		json_array_append_new(list, row_json(&controls->rows[i], &evidence));
	}
	return list;
}

/* ---------------------------------------------------------------------------------------------
 * Attestations and the trend
 */
#define ATTEST_FILE_MAX (256 << 10)
#define LOOK_EVERY_S    60

static int is_attestable(const char *id, void *userdata)
{
	const struct row *row = find(userdata, id, strlen(id));

	if (!row)
		return -ENOENT;
	return row->attestable ? 0 : -EPERM;
}

static void store_attestations(const struct controls *controls, struct keeper *keeper)
{
	int64_t now_ns = clock_wall_ns();
	int r = store_begin(keeper->store);

	if (r == 0)
		r = store_clear_attestations(keeper->store);
	for (size_t i = 0; i < controls->attestations.n && r == 0; i++) {
		const struct attestation *a = &controls->attestations.items[i];
		const struct store_attestation row = {a->control, a->owner,     a->evidence,
						      a->expires, a->expires_s, now_ns};

		r = store_put_attestation(keeper->store, &row);
	}
	if (r == 0)
		r = store_commit(keeper->store);
	if (r < 0)
		log_err(r, "the attestations are not stored");
}

static void load_attestation(const struct store_attestation *row, void *userdata)
{
	struct controls *controls = userdata;
	struct attestation *a = &controls->attestations.items[controls->attestations.n];

	if (controls->attestations.n == ATTEST_MAX || is_attestable(row->control, controls) < 0)
		return;
	*a = (struct attestation){.expires_s = row->expires_s};
	snprintf(a->control, sizeof(a->control), "%s", row->control);
	snprintf(a->owner, sizeof(a->owner), "%s", row->owner);
	snprintf(a->evidence, sizeof(a->evidence), "%s", row->evidence);
	snprintf(a->expires, sizeof(a->expires), "%s", row->expires);
	controls->attestations.n++;
}

int controls_attest(struct controls *controls, struct keeper *keeper, const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct problems problems;
	size_t size;
	int r;

	if (!path)
		return 0;
	r = problems_init(&problems, path);
	if (r < 0)
		return r;
	r = file_read(path, ATTEST_FILE_MAX, &text, &size);
	if (r == 0)
		r = attest_read(text, size, clock_wall_ns() / (int64_t)CLOCK_NS_PER_S,
				is_attestable, controls, &problems, &controls->attestations);
	problems_sort(&problems);
	problems_print(&problems, stderr);
	problems_clear(&problems);
	controls->looked_s = 0;
	/* a file that was broken while nobody ran: what was signed before is in the store */
	if (r < 0 && !controls->attestations.n && keeper->store)
		store_each_attestation(keeper->store, load_attestation, controls);
	if (r == 0 && keeper->store)
		store_attestations(controls, keeper);
	if (r < 0)
		records_note(keeper, EVENT_AGENT, "attest",
			     "attestations are not taken (%.30s): the old ones go on",
			     strerror(-r));
	else
		log_info("%zu controls are attested by %s", controls->attestations.n, path);
	return r;
}

static void tell_expiry(struct keeper *keeper, const struct attestation *a, int64_t now_s)
{
	bool over = now_s >= a->expires_s;
	char detail[ALERT_DETAIL];
	struct alert_report report = {
		.kind = ALERT_ATTESTATION,
		.severity = over ? ALERT_HIGH : ALERT_MEDIUM,
		.control = a->control,
		.subject = a->control,
		.detail = detail,
		.count = 1,
		.last_ns = now_s * (int64_t)CLOCK_NS_PER_S,
	};

	if (now_s + ATTEST_WARN_S < a->expires_s)
		return;
	snprintf(detail, sizeof(detail), "attestation of %s by %.60s %s %s", a->control, a->owner,
		 over ? "expired on" : "expires on", a->expires);
	alerts_raise(keeper->alerts, &report, report.last_ns, NULL);
}

static void mark_hour(struct controls *controls, const struct keeper *keeper)
{
	struct evidence evidence;

	map_tallies(controls, keeper);
	for (size_t i = 0; i < controls->n; i++) {
		struct row *row = &controls->rows[i];

		look(controls, row, keeper, NULL, &evidence);
		row->hour_before = controls->hour ? row->hour : evidence.violated;
		row->hour = evidence.violated;
	}
}

void controls_tick(struct controls *controls, struct keeper *keeper)
{
	int64_t now_s = clock_wall_ns() / (int64_t)CLOCK_NS_PER_S;

	if (controls->hour != now_s / 3600) {
		mark_hour(controls, keeper);
		controls->hour = now_s / 3600;
	}
	if (now_s - controls->looked_s < LOOK_EVERY_S)
		return;
	controls->looked_s = now_s;
	for (size_t i = 0; i < controls->attestations.n; i++)
		tell_expiry(keeper, &controls->attestations.items[i], now_s);
}
