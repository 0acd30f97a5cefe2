/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/log.h"

struct audit {
	int fd;
};

int audit_open(const char *state_dir, struct audit **ret_audit)
{
	struct audit *audit = calloc(1, sizeof(*audit));
	char path[PATH_MAX];
	int r;

	if (!audit)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/audit.jsonl", state_dir);
	audit->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (audit->fd < 0) {
		r = -errno;
		free(audit);
		return r;
	}
	*ret_audit = audit;
	return 0;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	close(audit->fd);
	free(audit);
}

/* One write(2): lines of two writers never mix, and a full disk leaves at most one broken line. */
static int append(struct audit *audit, json_t *line)
{
	_cleanup_free_ char *text = json_dumps(line, JSON_COMPACT);
	_cleanup_free_ char *full = NULL;
	ssize_t n;

	if (!text || asprintf(&full, "%s\n", text) < 0)
		return -ENOMEM;
	n = write(audit->fd, full, strlen(full));
	if (n < 0)
		return -errno;
	if ((size_t)n != strlen(full))
		return -ENOSPC;
	return fdatasync(audit->fd) < 0 ? -errno : 0;
}

int audit_write(struct audit *audit, const struct audit_actor *actor, const char *what,
		json_t *before, json_t *after)
{
	char time[CLOCK_TEXT];
	json_t *line = json_object(), *who = json_object();
	int r;

	json_object_set_new(who, "origin", json_string(actor->origin));
	json_object_set_new(who, "uid", json_integer(actor->uid));
	json_object_set_new(who, "pid", json_integer(actor->pid));
	json_object_set_new(line, "time", json_string(clock_format(clock_wall_ns(), time)));
	json_object_set_new(line, "who", who);
	json_object_set_new(line, "what", json_string(what));
	json_object_set_new(line, "before", before ? before : json_null());
	json_object_set_new(line, "after", after ? after : json_null());
	r = append(audit, line);
	json_decref(line);
	return r < 0 ? log_err(r, "audit log: '%s' is not recorded", what) : 0;
}
