/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * keeper.c - the order of starting and stopping. Everything before kern_open() changes nothing in
 * the kernel, so that a fault there leaves an earlier agent's enforcement as it is; README.md has
 * the list.
 */
#include "user/keeper/keeper.h"
#include "user/keeper/kills.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/base/file.h"
#include "user/base/prefix_table.h"
#include "user/base/version.h"
#include "user/keeper/access_log.h"
#include "user/keeper/alerting.h"
#include "user/keeper/controls.h"
#include "user/keeper/exports.h"
#include "user/keeper/held.h"
#include "user/keeper/incidents.h"
#include "user/keeper/inspectors.h"
#include "user/keeper/keys.h"
#include "user/keeper/known.h"
#include "user/keeper/libraries.h"
#include "user/keeper/notify.h"
#include "user/keeper/open_cut.h"
#include "user/keeper/persist.h"
#include "user/keeper/playbooks.h"
#include "user/keeper/policy_watch.h"
#include "user/keeper/privileges.h"
#include "user/keeper/traffic.h"
#include "user/keeper/transactions.h"
#include "user/respond/h2_requests.h"

#define EXIT_RUNNING     1
#define EXIT_NOT_STARTED 2

/* ---------------------------------------------------------------------------------------------
 * Before the kernel
 */
static int check_policy(const struct policy_source *source)
{
	_cleanup_(candidate_freep) struct candidate *candidate = NULL;
	struct problems problems;
	int r = problems_init(&problems, source->file);

	if (r < 0)
		return log_err(r, "policy %s", source->file);
	r = apply_prepare(NULL, source->text, source->size, source->file, &problems, &candidate);
	problems_print(&problems, stderr);
	if (r < 0)
		log_error("policy %s is not usable (%zu errors): nothing was changed", source->file,
			  problems.errors);
	problems_clear(&problems);
	return r;
}

static int explain_permission(int r, const char *what, const char *path)
{
	log_err(r, "%s %s", what, path);
	if ((r == -EACCES || r == -EPERM) && geteuid() != 0)
		log_error("glacisd needs root (or CAP_BPF, CAP_NET_ADMIN, CAP_SYS_ADMIN and its "
			  "directories): run it with sudo");
	return r;
}

static int make_directories(struct keeper *keeper)
{
	const struct options *o = keeper->options;
	char path[PATH_MAX];
	int r = file_mkdirs(o->state_dir, 0700);

	if (r < 0)
		return explain_permission(r, "state directory", o->state_dir);
	r = file_mkdirs(o->run_dir, 0755);
	if (r < 0)
		return explain_permission(r, "run directory", o->run_dir);
	snprintf(path, sizeof(path), "%s/lock", o->state_dir);
	keeper->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (keeper->lock_fd < 0)
		return explain_permission(-errno, "state directory", o->state_dir);
	if (flock(keeper->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		if (r == -EWOULDBLOCK)
			log_error("another glacisd uses the state directory %s: nothing was "
				  "changed",
				  o->state_dir);
		else
			log_err(r, "lock of %s", o->state_dir);
		return r;
	}
	return 0;
}

static int start_courier(struct keeper *keeper)
{
	const struct options *o = keeper->options;
	_cleanup_free_ char *spool = NULL;
	struct courier_options options = {.run_dir = o->run_dir, .log_format = o->log_format};
	int r;

	if (asprintf(&spool, "%s/spool", o->state_dir) < 0)
		return log_err(-ENOMEM, "control socket");
	options.spool_dir = spool;
	r = courier_start(&options, &keeper->courier);

	if (r == -EADDRINUSE)
		log_error("another glacisd answers on %s/%s: nothing was changed", o->run_dir,
			  COURIER_SOCKET_NAME);
	else if (r < 0)
		explain_permission(r, "control socket in", o->run_dir);
	return r;
}

static int load_keys(struct keeper *keeper)
{
	int r = keys_load(keeper->options->state_dir, &keeper->keys);

	if (r == -EPERM)
		log_error("%s/keys can be read by others: chmod 600 it, or remove it to make new "
			  "ones (counts start anew)",
			  keeper->options->state_dir);
	else if (r < 0)
		log_err(r, "keys in %s", keeper->options->state_dir);
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * The kernel side
 */
static int open_kernel(struct keeper *keeper)
{
	const struct options *o = keeper->options;
	struct kern_options options = {
		.pin_dir = o->pin_dir,
		.devices = (const char *const *)o->devices,
		.n_devices = o->n_devices,
		.all_netns = o->all_netns,
		.window_lines = o->window_lines,
	};
	_cleanup_free_ char *error = NULL;
	int r = kern_open(&options, &error, &keeper->kern);

	if (r < 0)
		log_error("cannot start on %s: %s%s%s", o->pin_dir, strerror(-r), error ? "\n" : "",
			  error ? error : "");
	return r;
}

static int open_decisions(struct keeper *keeper)
{
	struct prefix_table *table = NULL;
	struct gl_key key = keeper->keys.subject; /* of a new table; an adopted one has its own */
	char path[PATH_MAX], boot_id[CLOCK_BOOT_ID];
	struct gl_prefix_slot *slots;
	uint32_t n_slots;
	int r;

	key.k1 = ~key.k1;
	slots = kern_bans(keeper->kern, &n_slots);
	r = prefix_table_new(slots, n_slots, kern_control(keeper->kern)->decision_lens,
			     GL_DECISION_SETS, &key, &table);
	if (r < 0)
		return log_err(r, "decision table");
	snprintf(path, sizeof(path), "%s/decisions.json", keeper->options->state_dir);
	r = decisions_new(table, keeper->store, path, &keeper->decisions);
	if (r < 0) {
		prefix_table_free(table);
		return log_err(r, "decisions");
	}
	r = decisions_restore(keeper->decisions, kern_adopted(keeper->kern), clock_boot_id(boot_id),
			      clock_now());
	if (r == -EBADMSG)
		log_warning("some decisions could not be read: what could be is in force, reasons "
			    "may be lost");
	else if (r < 0)
		return log_err(r, "decisions");
	return 0;
}

static int open_names(struct keeper *keeper)
{
	int r = apply_new(keeper->kern, keeper->options->state_dir, &keeper->keys,
			  kern_adopted(keeper->kern), &keeper->apply);

	return r < 0 ? log_err(r, "names in %s", keeper->options->state_dir) : 0;
}

static struct intern *names_of(void *userdata)
{
	const struct keeper *keeper = userdata;

	return apply_intern(keeper->apply);
}

/* Before the policy: names are given their ids now, and the policy then has the same. */
static int open_subjects(struct keeper *keeper)
{
	const struct subjects_parts parts = {
		.slots = kern_subjects(keeper->kern),
		.control = kern_control(keeper->kern),
		.decisions = keeper->decisions,
		.store = keeper->store,
		.names = names_of,
		.userdata = keeper,
	};
	char boot_id[CLOCK_BOOT_ID];
	int r = h2_requests_new(OPEN_H2_MAX, &keeper->h2_requests);

	if (r == 0)
		r = subjects_new(&parts, &keeper->subjects);
	if (r == 0)
		r = subjects_restore(keeper->subjects, kern_adopted(keeper->kern),
				     clock_boot_id(boot_id), clock_now());
	if (keeper->subjects && subjects_count(keeper->subjects) &&
	    apply_save_names(keeper->apply) < 0)
		log_warning("names cannot be stored in %s", keeper->options->state_dir);
	if (r == -EBADMSG || r == -ENOSPC || r == -EMFILE) {
		log_warning("some decisions about operations, credentials, services or workloads "
			    "could not be read: what could be is in force");
		return 0;
	}
	return r < 0 ? log_err(r, "decisions about subjects") : 0;
}

static enum mode_ask mode_flag(const struct options *options)
{
	switch (options->mode) {
	case GL_MODE_MONITOR:
		return MODE_ASK_MONITOR;
	case GL_MODE_ENFORCE:
		return MODE_ASK_ENFORCE;
	default:
		return MODE_ASK_POLICY;
	}
}

static int open_memory(struct keeper *keeper)
{
	struct gl_key key = keeper->keys.subject;
	int r;

	/* the tables are keyed with something else than what the windows' tags are */
	key.k0 = ~key.k0;
	r = events_new(0, 0, &keeper->events);
	if (r == 0)
		r = sources_new(0, &key, &keeper->sources);
	if (r == 0)
		r = escalate_new(0, &key, &keeper->escalate);
	if (r == 0)
		r = tls_history_new(&keeper->tls_history);
	if (r == 0)
		r = certificates_new(&keeper->certificates);
	if (r == 0)
		r = known_new(&keeper->known);
	if (r == 0)
		r = findings_new(&keeper->findings);
	if (r == 0)
		r = alerts_new(&keeper->alerts);
	if (r == 0)
		r = transactions_new(&keeper->transactions);
	if (r == 0)
		r = controls_new(&keeper->controls);
	if (r == 0)
		r = exports_new(keeper, keeper->options->exports, &keeper->exports);
	if (r == 0)
		r = protect_new(&keeper->protect);
	if (r == 0)
		r = modes_new(keeper->options->state_dir, mode_flag(keeper->options),
			      &keeper->modes);
	if (r == 0)
		r = store_open(keeper->options->state_dir, &keeper->store);
	if (r == 0)
		r = audit_open(keeper->store, keeper->options->state_dir, &keeper->audit);
	if (r == 0)
		r = keeper_incidents_new(keeper);
	if (r == 0)
		r = traffic_new(keeper->options->state_dir, &keeper->traffic);
	return r < 0 ? log_err(r, "memory") : 0;
}

/* "<state-dir>/access.jsonl" unless said otherwise; "none" keeps no log. */
static int open_access_log(struct keeper *keeper)
{
	const char *path = keeper->options->access_log;
	char standard[PATH_MAX];
	int r;

	snprintf(standard, sizeof(standard), "%s/access.jsonl", keeper->options->state_dir);
	if (!path)
		path = standard;
	else if (strcmp(path, "none") == 0)
		path = "";
	r = access_log_open(path, keeper->options->access_log_bytes, &keeper->access_log);
	return r < 0 ? log_err(r, "access log %s", path) : 0;
}

static int install_policy(struct keeper *keeper, const struct policy_source *source)
{
	_cleanup_(candidate_freep) struct candidate *candidate = NULL;
	struct problems problems;
	int r;

	r = problems_init(&problems, source->file);
	if (r < 0)
		return log_err(r, "policy %s", source->file);
	r = apply_prepare(keeper->apply, source->text, source->size, source->file, &problems,
			  &candidate);
	problems_clear(&problems); /* shown by check_policy() */
	if (r < 0)
		return log_err(r, "policy %s", source->file);
	/* an adopted kernel is lowered before anything new can rule in it (I6) */
	if (modes_asked(keeper->modes, NULL) == MODE_ASK_MONITOR)
		modes_apply(keeper->modes, NULL, NULL, kern_control(keeper->kern));
	r = reload_install(
		keeper, candidate, source->origin,
		&(struct audit_actor){.origin = "start", .uid = getuid(), .pid = getpid()});
	if (r == -EAGAIN) {
		log_warning("the policies of the last minute may still be in use: the adopted one "
			    "rules until then");
		reload_follow(keeper);
		return 0;
	}
	if (r < 0)
		return log_err(r, "policy %s is not installed", source->file);
	TAKE_PTR(candidate);
	return 0;
}

static int hold_doors(struct keeper *keeper)
{
	const char *device = NULL;
	int r = kern_attach(keeper->kern, &device);

	if (r == -ENODEV)
		log_error("there is no device '%s': nothing was attached", device ? device : "?");
	else if (r < 0)
		log_err(r, "cannot attach to %s", device ? device : "the devices");
	return r;
}

static int start_kernel(struct keeper *keeper, const struct policy_source *source)
{
	int r = open_kernel(keeper);

	if (r == 0)
		r = open_memory(keeper);
	if (r == 0)
		r = open_access_log(keeper);
	if (r == 0)
		r = open_decisions(keeper);
	if (r == 0)
		r = open_names(keeper);
	if (r == 0)
		r = open_subjects(keeper);
	if (r == 0)
		r = install_policy(keeper, source);
	if (r == 0)
		persist_load(keeper);
	if (r == 0)
		r = alerting_new(keeper, &keeper->alerting);
	if (r == 0)
		kills_tick(keeper);
	if (r == 0)
		r = hold_doors(keeper);
	if (r == 0)
		r = libraries_start(keeper);
	return r;
}

/* ---------------------------------------------------------------------------------------------
 * Running and stopping
 */
static int open_loop(struct keeper *keeper)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	int r;

	sigaction(SIGPIPE, &ignore, NULL);
	keeper->base = event_base_new();
	if (!keeper->base)
		return log_err(-ENOMEM, "event loop");
	/* an agent before knew them */
	kern_certificate_unmark_all(keeper->kern);
	r = courier_link_new(keeper->base, keeper->courier, keeper->answer, keeper, &keeper->link);
	if (r == 0)
		r = exports_start(keeper->exports);
	if (r == 0)
		r = loop_new(keeper);
	if (r == 0)
		r = libraries_new(keeper);
	if (r == 0)
		r = policy_watch_new(keeper, &keeper->policy_watch);
	return r < 0 ? log_err(r, "event loop") : 0;
}

static void announce(struct keeper *keeper)
{
	const struct ruling *ruling = apply_ruling(keeper->apply);
	const struct kern_door *doors;
	size_t n = kern_doors(keeper->kern, &doors);

	health_set(keeper, KEEPER_READY, NULL);
	audit_write(keeper->audit,
		    &(struct audit_actor){.origin = "start", .uid = getuid(), .pid = getpid()},
		    "start", NULL,
		    json_pack("{s:s, s:b, s:s?, s:I}", "version", glacis_version, "adopted",
			      kern_adopted(keeper->kern), "policy", ruling->name, "generation",
			      (json_int_t)ruling->generation));
	if (keeper->options->foreground)
		greet_print(keeper);
	controls_attest(keeper->controls, keeper, keeper->options->attestations);
	controls_tick(keeper->controls, keeper); /* what was known before is no trend */
	records_note(keeper, EVENT_AGENT, "keeper", "ready: %zu doors, policy %s, %zu decisions%s",
		     n, ruling->name ? ruling->name : "none",
		     decisions_count(keeper->decisions) + subjects_count(keeper->subjects),
		     kern_adopted(keeper->kern) ? ", adopted" : "");
	if (keeper->options->foreground)
		fflush(stdout);
	notify_manager("READY=1\nSTATUS=ready: %zu doors, policy %s", n,
		       ruling->name ? ruling->name : "none");
}

static void stop(struct keeper *keeper)
{
	bool detach = keeper->end == KEEPER_DETACH;
	int r;

	notify_manager("STOPPING=1\nSTATUS=%s",
		       detach ? "detaching" : "leaving enforcement in place");
	/* the next agent has to be told whole certificates */
	kern_certificate_unmark_all(keeper->kern);
	records_drain(keeper);
	persist_all(keeper);
	keeper_incidents_save(keeper);
	actions_save(keeper->actions);
	held_free(TAKE_PTR(keeper->held));
	if (keeper->save_error < 0)
		log_err(keeper->save_error, "decisions are not stored");
	if (detach) {
		modes_forget(keeper->modes);
		r = kern_detach(keeper->kern);
		if (r < 0)
			log_err(r, "detaching");
		else
			log_info("detached: no door is held any more");
	} else {
		log_info("ending; enforcement stays in place (glacisd --detach removes it)");
	}
}

static void clear(struct keeper *keeper)
{
	libraries_free(keeper->libraries);
	policy_watch_free(keeper->policy_watch);
	loop_free(keeper->loop);
	inspectors_free(keeper->inspectors);
	exports_stop(keeper->exports);
	courier_link_free(keeper->link);
	courier_stop(keeper->courier);
	if (keeper->base)
		event_base_free(keeper->base);
	subjects_free(keeper->subjects);
	h2_requests_free(keeper->h2_requests);
	decisions_free(keeper->decisions);
	apply_free(keeper->apply);
	modes_free(keeper->modes);
	audit_close(keeper->audit);
	store_close(keeper->store);
	protect_free(keeper->protect);
	escalate_free(keeper->escalate);
	sources_free(keeper->sources);
	tls_history_free(keeper->tls_history);
	certificates_free(keeper->certificates);
	known_free(keeper->known);
	findings_free(keeper->findings);
	alerting_free(keeper->alerting);
	alerts_free(keeper->alerts);
	incidents_free(keeper->incidents);
	actions_free(keeper->actions);
	transactions_free(keeper->transactions);
	controls_free(keeper->controls);
	exports_free(keeper->exports);
	access_log_close(keeper->access_log);
	traffic_free(keeper->traffic);
	events_free(keeper->events);
	kern_free(keeper->kern);
	free(keeper->listeners);
	if (keeper->lock_fd >= 0)
		close(keeper->lock_fd);
	explicit_bzero(&keeper->keys, sizeof(keeper->keys));
}

static int start(struct keeper *keeper)
{
	struct policy_source source = {};
	int r = reload_choose(keeper->options, &source);

	if (r == 0)
		r = check_policy(&source);
	if (r == 0)
		r = make_directories(keeper);
	if (r == 0)
		r = start_courier(keeper);
	if (r == 0)
		r = load_keys(keeper);
	if (r == 0)
		r = start_kernel(keeper, &source);
	if (r == 0)
		r = open_loop(keeper);
	if (r == 0)
		r = inspectors_new(keeper, &keeper->inspectors);
	policy_source_clear(&source);
	return r;
}

int keeper_run(const struct options *options, courier_request_fn answer)
{
	struct keeper keeper = {
		.options = options,
		.answer = answer,
		.lock_fd = -1,
		.state = KEEPER_STARTING,
		.since_wall_ns = clock_wall_ns(),
	};
	int status = 0, r;

	r = privileges_hide();
	if (r < 0) {
		log_error("cannot forbid dumps of this process: %s", strerror(-r));
		return EXIT_NOT_STARTED;
	}
	if (start(&keeper) < 0) {
		/* what a failed fresh start made must not stay; what was adopted must */
		if (keeper.kern && !kern_adopted(keeper.kern))
			kern_detach(keeper.kern);
		clear(&keeper);
		return EXIT_NOT_STARTED;
	}
	r = privileges_drop();
	if (r < 0)
		log_warning("capabilities are not dropped: %s", strerror(-r));
	/* threads have the privileges that are left */
	r = held_new(&keeper, &keeper.held);
	if (r < 0)
		log_warning("no thread writes: a slow disk makes answers slow (%s)", strerror(-r));
	announce(&keeper);
	if (event_base_dispatch(keeper.base) < 0) {
		log_error("the event loop failed; enforcement stays in place");
		status = EXIT_RUNNING;
	}
	stop(&keeper);
	clear(&keeper);
	return status;
}

int keeper_detach_dead(const struct options *options)
{
	int r;

	if (access(options->pin_dir, F_OK) < 0 && errno == ENOENT) {
		log_info("nothing is pinned in %s", options->pin_dir);
		return 0;
	}
	r = kern_detach_pins(options->pin_dir);
	if (r == -EBUSY) {
		log_error("a living glacisd holds %s: use glacisctl detach", options->pin_dir);
		return EXIT_NOT_STARTED;
	}
	if (r < 0) {
		explain_permission(r, "detaching", options->pin_dir);
		return EXIT_NOT_STARTED;
	}
	log_info("detached %s", options->pin_dir);
	return 0;
}
