/* SPDX-License-Identifier: GPL-2.0-or-later */
/* quota.c - see quota.h. */
#include "user/courier/quota.h"

#include <errno.h>
#include <stdlib.h>

struct user {
	uid_t uid;
	bool used;
	unsigned next; /* oldest of the log once it is full */
	uint64_t last_ms;
	uint64_t *log; /* times + 1 of the last `limit` admissions; 0 = never */
};

struct quota {
	unsigned limit;
	struct user users[QUOTA_USERS];
};

int quota_new(unsigned limit, struct quota **ret_quota)
{
	struct quota *quota = calloc(1, sizeof(*quota));
	uint64_t *logs = limit > 0 ? calloc((size_t)limit * QUOTA_USERS, sizeof(*logs)) : NULL;

	if (!quota || !logs) {
		free(quota);
		free(logs);
		return limit == 0 ? -EINVAL : -ENOMEM;
	}
	quota->limit = limit;
	for (unsigned i = 0; i < QUOTA_USERS; i++)
		quota->users[i].log = logs + (size_t)i * limit;
	*ret_quota = quota;
	return 0;
}

void quota_free(struct quota *quota)
{
	if (!quota)
		return;
	free(quota->users[0].log);
	free(quota);
}

unsigned quota_limit(const struct quota *quota)
{
	return quota->limit;
}

static struct user *find(struct quota *quota, uid_t uid)
{
	struct user *oldest = &quota->users[0];

	for (unsigned i = 0; i < QUOTA_USERS; i++) {
		struct user *user = &quota->users[i];

		if (user->used && user->uid == uid)
			return user;
		if (oldest->used && (!user->used || user->last_ms < oldest->last_ms))
			oldest = user;
	}
	for (unsigned i = 0; i < quota->limit; i++)
		oldest->log[i] = 0;
	oldest->next = 0;
	oldest->uid = uid;
	oldest->used = true;
	return oldest;
}

bool quota_admit(struct quota *quota, uid_t uid, uint64_t now_ms, unsigned *ret_remaining,
		 unsigned *ret_reset_ms)
{
	struct user *user = find(quota, uid);
	unsigned used = 0;
	uint64_t oldest = now_ms + 1;
	bool admitted;

	user->last_ms = now_ms;
	/* the log is a ring: its oldest entry is the next to be overwritten */
	admitted =
		user->log[user->next] == 0 || now_ms + 1 - user->log[user->next] >= QUOTA_WINDOW_MS;
	if (admitted) {
		user->log[user->next] = now_ms + 1;
		user->next = (user->next + 1) % quota->limit;
	}
	for (unsigned i = 0; i < quota->limit; i++) {
		if (user->log[i] == 0 || now_ms + 1 - user->log[i] >= QUOTA_WINDOW_MS)
			continue;
		used++;
		if (user->log[i] < oldest)
			oldest = user->log[i];
	}
	*ret_remaining = quota->limit - used;
	*ret_reset_ms = QUOTA_WINDOW_MS - (unsigned)(now_ms + 1 - oldest);
	return admitted;
}
