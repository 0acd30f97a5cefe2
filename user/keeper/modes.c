/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/modes.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/file.h"
#include "user/base/log.h"

#define MODE_FILE_MAX (256 << 10)

struct modes {
	char path[PATH_MAX];
	enum mode_ask flag;
	bool host_asked;
	enum mode_ask host; /* if asked */
	json_t *services; /* name -> "monitor" | "enforce" */
};

static const char *const ask_names[MODE_ASKS] = {
	[MODE_ASK_POLICY] = "policy",
	[MODE_ASK_MONITOR] = "monitor",
	[MODE_ASK_ENFORCE] = "enforce",
};

const char *mode_ask_name(enum mode_ask ask)
{
	return ask_names[ask];
}

int mode_ask_find(const char *name)
{
	for (int i = 0; i < MODE_ASKS; i++)
		if (strcmp(ask_names[i], name) == 0)
			return i;
	return -ENOENT;
}

static void take_file(struct modes *modes, const json_t *root)
{
	const char *host = json_string_value(json_object_get(root, "host"));
	const char *flag = json_string_value(json_object_get(root, "flag")), *name;
	json_t *value;

	if (host && mode_ask_find(host) >= 0 && flag) {
		modes->host = (enum mode_ask)mode_ask_find(host);
		modes->host_asked = strcmp(flag, mode_ask_name(modes->flag)) == 0;
		if (!modes->host_asked)
			log_info("mode %s was asked for under --mode %s; now --mode %s rules", host,
				 flag, mode_ask_name(modes->flag));
		else if (modes->host != modes->flag)
			log_info(
				"mode %s was asked for before this start and holds (glacisctl mode "
				"changes it)",
				host);
	}
	json_object_foreach(json_object_get(root, "services"), name, value)
	{
		if (json_is_string(value) && mode_ask_find(json_string_value(value)) > 0)
			json_object_set(modes->services, name, value);
	}
}

int modes_new(const char *state_dir, enum mode_ask flag, struct modes **ret_modes)
{
	struct modes *modes = calloc(1, sizeof(*modes));
	_cleanup_free_ char *text = NULL;
	json_error_t error;
	json_t *root;
	int r;

	if (!modes || !(modes->services = json_object())) {
		modes_free(modes);
		return -ENOMEM;
	}
	modes->flag = flag;
	snprintf(modes->path, sizeof(modes->path), "%s/mode.json", state_dir);
	*ret_modes = modes;
	r = file_read(modes->path, MODE_FILE_MAX, &text, NULL);
	if (r == -ENOENT)
		return 0;
	root = r == 0 ? json_loads(text, 0, &error) : NULL;
	if (json_is_object(root))
		take_file(modes, root);
	else
		log_warning("%s is not readable: no mode override is in force", modes->path);
	json_decref(root);
	return 0;
}

void modes_free(struct modes *modes)
{
	if (!modes)
		return;
	json_decref(modes->services);
	free(modes);
}

static enum mode_ask host_ask(const struct modes *modes)
{
	return modes->host_asked ? modes->host : modes->flag;
}

json_t *modes_json(const struct modes *modes)
{
	return json_pack("{s:s, s:O}", "host", mode_ask_name(host_ask(modes)), "services",
			 modes->services);
}

static int save(const struct modes *modes)
{
	json_t *root = json_pack("{s:s, s:s?, s:O}", "flag", mode_ask_name(modes->flag), "host",
				 modes->host_asked ? mode_ask_name(modes->host) : NULL, "services",
				 modes->services);
	_cleanup_free_ char *text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;

	json_decref(root);
	return text ? file_write_atomic(modes->path, text, strlen(text), 0600) : -ENOMEM;
}

int modes_ask(struct modes *modes, const char *service, enum mode_ask ask)
{
	if (!service) {
		modes->host = ask;
		modes->host_asked = true;
	} else if (ask == MODE_ASK_POLICY) {
		json_object_del(modes->services, service);
	} else if (json_object_set_new(modes->services, service, json_string(mode_ask_name(ask))) <
		   0) {
		return -ENOMEM;
	}
	return save(modes);
}

enum mode_ask modes_asked(const struct modes *modes, const char *service)
{
	const char *name;

	if (!service)
		return host_ask(modes);
	name = json_string_value(json_object_get(modes->services, service));
	return name ? (enum mode_ask)mode_ask_find(name) : MODE_ASK_POLICY;
}

int modes_forget(struct modes *modes)
{
	modes->host_asked = false;
	json_object_clear(modes->services);
	return unlink(modes->path) < 0 && errno != ENOENT ? -errno : 0;
}

static uint8_t override_of(const struct modes *modes, const struct policy *policy,
			   const char *service)
{
	switch (modes_asked(modes, service)) {
	case MODE_ASK_MONITOR:
		return GL_MODE_MONITOR + 1;
	case MODE_ASK_ENFORCE:
		return GL_MODE_ENFORCE + 1;
	default:
		break;
	}
	if (host_ask(modes) == MODE_ASK_ENFORCE && policy->mode == GL_MODE_MONITOR)
		return GL_MODE_ENFORCE + 1;
	return 0;
}

void modes_apply(const struct modes *modes, const struct policy *policy, struct intern *intern,
		 struct gl_control *control)
{
	uint8_t ceiling = host_ask(modes) == MODE_ASK_MONITOR ? GL_MODE_MONITOR : GL_MODE_ENFORCE;
	uint8_t bans = modes->host == MODE_ASK_POLICY && policy ? policy->mode : ceiling;

	/* lower first, raise last: no request is enforced against that was not to be */
	if (ceiling == GL_MODE_MONITOR)
		__atomic_store_n(&control->mode, ceiling, __ATOMIC_RELEASE);
	__atomic_store_n(&control->ban_mode, bans, __ATOMIC_RELEASE);
	for (size_t i = 0; policy && i < policy->n_services; i++) {
		const char *name = policy->services[i].name;
		int id = intern_id(intern, INTERN_SERVICE, name);

		if (id > 0 && id < GL_SERVICE_IDS)
			__atomic_store_n(&control->service_mode[id],
					 override_of(modes, policy, name), __ATOMIC_RELEASE);
	}
	__atomic_store_n(&control->mode, ceiling, __ATOMIC_RELEASE);
}

enum gl_mode mode_in_force(const struct gl_control *control, const struct policy_service *service,
			   unsigned service_id)
{
	uint8_t own =
		service_id < GL_SERVICE_IDS
			? __atomic_load_n(&control->service_mode[service_id], __ATOMIC_RELAXED)
			: 0;

	if (__atomic_load_n(&control->mode, __ATOMIC_RELAXED) == GL_MODE_MONITOR)
		return GL_MODE_MONITOR;
	return own ? (enum gl_mode)(own - 1) : service->mode;
}

enum gl_mode mode_of_host(const struct gl_control *control, const struct policy *policy,
			  struct intern *intern)
{
	for (size_t i = 0; policy && i < policy->n_services; i++) {
		int id = intern_id(intern, INTERN_SERVICE, policy->services[i].name);

		if (id > 0 &&
		    mode_in_force(control, &policy->services[i], (unsigned)id) == GL_MODE_ENFORCE)
			return GL_MODE_ENFORCE;
	}
	return GL_MODE_MONITOR;
}
