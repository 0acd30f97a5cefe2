/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/respond/alert_scene.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "include/glacis/admit.h"
#include "user/base/addr.h"

static const char *name_of(const struct alert_scene *scene, enum intern_space space, uint16_t id)
{
	const char *name = scene->intern ? intern_name(scene->intern, space, id) : NULL;

	return name ? name : "";
}

const char *alert_service(const struct alert_scene *scene, uint16_t id)
{
	return name_of(scene, INTERN_SERVICE, id);
}

/* Interned operations are "<service> <METHOD> <template>". */
const char *alert_operation(const struct alert_scene *scene, uint16_t id)
{
	const char *name = name_of(scene, INTERN_OPERATION, id), *space = strchr(name, ' ');

	return space ? space + 1 : name;
}

const char *alert_class(const struct alert_scene *scene, uint16_t id)
{
	return name_of(scene, INTERN_CLASS, id);
}

const char *alert_source_text(const struct gl_addr *source, char out[ALERT_TOP_TEXT])
{
	struct gl_addr counted = admit_source(source);
	char text[PREFIX_TEXT];
	struct addr_prefix prefix = prefix_of_source(&counted);

	snprintf(out, ALERT_TOP_TEXT, "%s", prefix_format(&prefix, text));
	return out;
}

const char *alert_source_subject(const struct gl_addr *source, char out[ALERT_SUBJECT])
{
	char text[ALERT_TOP_TEXT];

	snprintf(out, ALERT_SUBJECT, "source %s", alert_source_text(source, text));
	return out;
}

const char *alert_principal_subject(uint64_t principal, char out[ALERT_SUBJECT])
{
	snprintf(out, ALERT_SUBJECT, "principal %016" PRIx64, principal);
	return out;
}

int64_t alert_wall(const struct alert_scene *scene, uint64_t boot_ns)
{
	return scene->now.wall_ns - (int64_t)(scene->now.boot_ns - boot_ns);
}

static uint32_t minute_of(const struct alert_scene *scene)
{
	return (uint32_t)(scene->now.boot_ns / (60 * CLOCK_NS_PER_S));
}

void alert_share_add(struct alert_scene *scene, uint16_t op, uint16_t status)
{
	struct alert_share *s = &scene->shares[op];
	uint32_t minute = minute_of(scene);

	if (s->minute != minute) {
		bool next = s->minute + 1 == minute;

		s->all[1] = next ? s->all[0] : 0;
		s->refused[1] = next ? s->refused[0] : 0;
		s->all[0] = s->refused[0] = 0;
		s->minute = minute;
	}
	s->all[0]++;
	s->refused[0] += status == 401 || status == 403;
}

unsigned alert_share_refused(const struct alert_scene *scene, uint16_t op)
{
	const struct alert_share *s = &scene->shares[op];
	uint64_t all = (uint64_t)s->all[0] + s->all[1];

	if (!all || minute_of(scene) - s->minute > 1)
		return 100;
	return (unsigned)(((uint64_t)s->refused[0] + s->refused[1]) * 100 / all);
}

void alert_event_add(struct alert_scene *scene, const struct alert_event *event)
{
	scene->events[scene->n_events++ % ALERT_EVENTS] = *event;
}

const struct alert_event *alert_event_at(const struct alert_scene *scene, size_t i)
{
	if (i >= ALERT_EVENTS || i >= scene->n_events)
		return NULL;
	return &scene->events[(scene->n_events - 1 - i) % ALERT_EVENTS];
}
