/* SPDX-License-Identifier: GPL-2.0-or-later */
/* incident.h - what the files of `glacisctl incident` share; the table is in incidents.c. */
#pragma once

#include <jansson.h>

#include "user/ctl/ctl.h"

/* "/v1/incidents/12<rest>"; NULL after the message is out, *ret_exit is set. The caller frees. */
char *incident_path(struct ctl *ctl, const char *rest, int *ret_exit);
void incident_print(const struct ctl *ctl, const json_t *incident);

/* incident_export.c */
int incident_scope(struct ctl *ctl);
int incident_report(struct ctl *ctl);
int incident_export(struct ctl *ctl);
int incident_verify(struct ctl *ctl);

/* approvals.c */
int incident_undo(struct ctl *ctl);

/* incident_change.c */
int incident_open(struct ctl *ctl);
int incident_assign(struct ctl *ctl);
int incident_priority(struct ctl *ctl);
int incident_note(struct ctl *ctl);
int incident_phase(struct ctl *ctl);
int incident_close(struct ctl *ctl);
int incident_reopen(struct ctl *ctl);
int incident_merge(struct ctl *ctl);
int incident_split(struct ctl *ctl);
int incident_task(struct ctl *ctl);
