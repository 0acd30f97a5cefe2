/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/policy_watch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/keeper/keeper.h"

#define DATA_LINK "..data"

static const struct timeval settle_time = {.tv_usec = 100000};

struct policy_watch {
	struct keeper *keeper;
	int fd;
	struct event *readable, *settled;
};

static void on_settled(evutil_socket_t fd, short what, void *userdata)
{
	struct policy_watch *watch = userdata;

	(void)fd;
	(void)what;
	loop_reload_policy(watch->keeper, "ConfigMap");
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct policy_watch *watch = userdata;
	char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	const struct inotify_event *event;
	ssize_t n;

	(void)what;
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		for (const char *p = buffer; p < buffer + n; p += sizeof(*event) + event->len) {
			event = (const struct inotify_event *)p;
			/* an overflow may have been it */
			if (event->mask & IN_Q_OVERFLOW ||
			    (event->len && strcmp(event->name, DATA_LINK) == 0))
				evtimer_add(watch->settled, &settle_time);
		}
}

static bool is_config_map(const char *folder)
{
	char path[PATH_MAX + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" DATA_LINK, folder);
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

int policy_watch_new(struct keeper *keeper, struct policy_watch **ret_watch)
{
	const char *file = keeper->options->policy;
	const char *slash = file ? strrchr(file, '/') : NULL;
	_cleanup_free_ char *folder = NULL;
	struct policy_watch *watch;

	*ret_watch = NULL;
	if (!slash)
		return 0;
	folder = strndup(file, slash == file ? 1 : (size_t)(slash - file));
	if (!folder)
		return -ENOMEM;
	if (!is_config_map(folder))
		return 0;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->keeper = keeper;
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch->fd < 0 ||
	    inotify_add_watch(watch->fd, folder, IN_MOVED_TO | IN_CREATE | IN_ONLYDIR) < 0) {
		/* SIGHUP and `policy apply` remain */
		log_err(-errno, "%s cannot be watched", folder);
		policy_watch_free(watch);
		return 0;
	}
	watch->readable =
		event_new(keeper->base, watch->fd, EV_READ | EV_PERSIST, on_readable, watch);
	watch->settled = evtimer_new(keeper->base, on_settled, watch);
	if (!watch->readable || !watch->settled || event_add(watch->readable, NULL) < 0) {
		policy_watch_free(watch);
		return -ENOMEM;
	}
	log_info("the policy's folder %s is a ConfigMap: its changes are followed", folder);
	*ret_watch = watch;
	return 0;
}

void policy_watch_free(struct policy_watch *watch)
{
	if (!watch)
		return;
	if (watch->readable)
		event_free(watch->readable);
	if (watch->settled)
		event_free(watch->settled);
	if (watch->fd >= 0)
		close(watch->fd);
	free(watch);
}
