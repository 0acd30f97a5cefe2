/* SPDX-License-Identifier: GPL-2.0-or-later */
/* registry.c - every detector there is, by name and by control (detector.h). */
#include <string.h>

#include "user/detect/facts.h"
#include "user/detect/families.h"

const struct detector *const detectors[] = {
	&detector_authentication, &detector_content_type, &detector_cookies,  &detector_cors,
	&detector_exposure,       &detector_headers,      &detector_jwt,      &detector_oauth,
	&detector_pagination,     &detector_password,     &detector_problems, &detector_ratelimit,
	&detector_smuggling,      &detector_status,       &detector_text,     &detector_uploads,
	&detector_versioning,
};

#define DETECTORS (sizeof(detectors) / sizeof(detectors[0]))

static const char *const parts[] = {
#define PART_TEXT(name, text) [name] = text,
	DETECT_PART_LIST(PART_TEXT)
#undef PART_TEXT
};

const char *detect_part_name(enum detect_part part)
{
	return part < PART_MAX ? parts[part] : "?";
}

size_t detectors_count(void)
{
	return DETECTORS;
}

const struct detector *detector_for(const char *control)
{
	for (size_t i = 0; i < DETECTORS; i++)
		for (const char *const *id = detectors[i]->controls; *id; id++)
			if (strcmp(*id, control) == 0)
				return detectors[i];
	return NULL;
}

void detect_transaction(const struct transaction *tx, const struct detect_policy *policy,
			const struct detect_out *out)
{
	static const struct detect_policy defaults;
	struct detect_out with = *out;
	struct facts facts;

	if (tx->flags & TX_AGENT)
		return;
	facts_read(&facts, tx);
	with.facts = &facts;
	for (size_t i = 0; i < DETECTORS; i++) {
		if (tx->role == GL_ROLE_CLIENT && !(detectors[i]->flags & DETECTOR_CLIENT))
			continue;
		detectors[i]->transaction(tx, policy ?: &defaults, &with);
	}
}
