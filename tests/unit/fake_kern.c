/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_kern.c - kern.h in plain memory, for tests of what stands on it: real tables, real policy
 * images, no kernel. Included by the tests, which then link nothing of user/kern.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/kern/kern.h"

#define FAKE_WINDOW_LINES 8192
#define FAKE_BAN_SLOTS    4096
#define FAKE_BLOCKS       64
#define FAKE_NAMES        64
#define FAKE_CUTS         64

struct kern {
	struct gl_control control;
	struct gl_window_line *windows;
	struct gl_prefix_slot *bans;
	struct gl_proven *proven;
	struct gl_watch *watches;
	struct gl_subject *subjects;
	size_t n_kills;
	struct gl_policy *policies[GL_GENERATIONS];
	uint64_t generation;
	bool adopted;
	int install_result; /* what the next installation returns */
	unsigned installs;
	struct kern_door door;
	struct fake_block {
		uint64_t key, expires_ns;
		uint32_t decision;
	} blocks[FAKE_BLOCKS];
	size_t n_blocks;
	struct {
		struct gl_tls_name name;
		struct gl_tls_best best;
	} names[FAKE_NAMES];
	size_t n_names;
	uint64_t cuts[FAKE_CUTS]; /* cookies, in order */
	size_t n_cuts;
	struct gl_open opens[4]; /* connections that are open */
	size_t n_opens;
	uint64_t h2_conn, h2_off; /* judged last */
	struct gl_h2_source_key lockstep; /* named last */
	uint64_t lockstep_ns;
};

static struct kern *fake_kern_new(void)
{
	struct kern *kern = calloc(1, sizeof(*kern));

	kern->windows = calloc(FAKE_WINDOW_LINES, sizeof(*kern->windows));
	kern->bans = calloc(FAKE_BAN_SLOTS, sizeof(*kern->bans));
	kern->proven = calloc(GL_PROVEN_SLOTS, sizeof(*kern->proven));
	kern->watches = calloc(GL_WATCH_LINES, sizeof(*kern->watches));
	kern->subjects = calloc(GL_SUBJECT_SLOTS, sizeof(*kern->subjects));
	kern->control.window_lines = FAKE_WINDOW_LINES;
	kern->control.ban_slots = FAKE_BAN_SLOTS;
	kern->door = (struct kern_door){
		.door = GL_DOOR_WIRE, .netns = "self", .device = "veth0", .how = "tcx"};
	return kern;
}

void kern_free(struct kern *kern)
{
	if (!kern)
		return;
	for (int i = 0; i < GL_GENERATIONS; i++)
		free(kern->policies[i]);
	free(kern->windows);
	free(kern->bans);
	free(kern->proven);
	free(kern->watches);
	free(kern->subjects);
	free(kern);
}

int kern_open(const struct kern_options *options, char **error, struct kern **ret_kern)
{
	(void)options;
	(void)error;
	*ret_kern = fake_kern_new();
	return 0;
}

bool kern_adopted(const struct kern *kern)
{
	return kern->adopted;
}

int kern_attach(struct kern *kern, const char **ret_device)
{
	(void)kern;
	(void)ret_device;
	return 0;
}

int kern_detach(struct kern *kern)
{
	(void)kern;
	return 0;
}

int kern_detach_pins(const char *pin_dir)
{
	(void)pin_dir;
	return 0;
}

size_t kern_doors(const struct kern *kern, const struct kern_door **ret_doors)
{
	*ret_doors = &kern->door;
	return 1;
}

size_t kern_features(const struct kern *kern, const struct kern_feature **ret_features)
{
	static const struct kern_feature feature = {"tcx", true, "as far as a test can tell"};

	(void)kern;
	*ret_features = &feature;
	return 1;
}

struct gl_control *kern_control(const struct kern *kern)
{
	return (struct gl_control *)&kern->control;
}

struct gl_window_line *kern_windows(const struct kern *kern, uint32_t *ret_lines)
{
	*ret_lines = FAKE_WINDOW_LINES;
	return kern->windows;
}

struct gl_prefix_slot *kern_bans(const struct kern *kern, uint32_t *ret_slots)
{
	*ret_slots = FAKE_BAN_SLOTS;
	return kern->bans;
}

const struct gl_watch *kern_watches(const struct kern *kern)
{
	return kern->watches;
}

struct gl_proven *kern_proven(const struct kern *kern, uint32_t *ret_slots)
{
	*ret_slots = GL_PROVEN_SLOTS;
	return kern->proven;
}

int kern_kills_set(struct kern *kern, const struct kern_kill *list, size_t n)
{
	(void)list;
	kern->n_kills = n;
	return 0;
}

uint64_t kern_kill_hits(const struct kern *kern, const struct gl_workload *workload)
{
	(void)kern;
	(void)workload;
	return 0;
}

int kern_cgroup_root(char *ret_path, size_t size)
{
	(void)ret_path;
	(void)size;
	return -ENOENT;
}

struct gl_subject *kern_subjects(const struct kern *kern)
{
	return kern->subjects;
}

int kern_policy_install(struct kern *kern, const struct gl_policy *image)
{
	uint32_t slot = image->generation % GL_GENERATIONS;

	if (kern->install_result < 0)
		return kern->install_result;
	if (image->generation <= kern->generation)
		return -EINVAL;
	if (!kern->policies[slot])
		kern->policies[slot] = malloc(sizeof(*image));
	memcpy(kern->policies[slot], image, sizeof(*image));
	kern->generation = image->generation;
	kern->control.active = slot;
	kern->control.policy_loaded = 1;
	kern->installs++;
	return 0;
}

uint64_t kern_generation(const struct kern *kern)
{
	return kern->generation;
}

const struct gl_policy *kern_policy(const struct kern *kern)
{
	return kern->generation ? kern->policies[kern->control.active] : NULL;
}

const struct gl_policy *kern_policy_of(struct kern *kern, uint64_t generation)
{
	const struct gl_policy *policy = kern->policies[generation % GL_GENERATIONS];

	return policy && policy->generation == generation ? policy : NULL;
}

int kern_inspectors(struct kern *kern, uint32_t n, uint32_t ring_bytes)
{
	(void)kern;
	(void)n;
	(void)ring_bytes;
	return 0;
}

int kern_inspector_ring_fd(const struct kern *kern, uint32_t i)
{
	(void)kern;
	(void)i;
	return -ENOENT;
}

uint32_t kern_inspector_ring_bytes(const struct kern *kern, uint32_t i)
{
	(void)kern;
	(void)i;
	return 0;
}

int kern_inspectors_fd(const struct kern *kern)
{
	(void)kern;
	return -1;
}

struct gl_inspector *kern_inspectors_shared(const struct kern *kern)
{
	(void)kern;
	return NULL;
}

int kern_chunk_account(const struct kern *kern, uint32_t i, struct gl_chunk_account *ret_account)
{
	(void)kern;
	(void)i;
	*ret_account = (struct gl_chunk_account){};
	return 0;
}

int kern_h2_judged(struct kern *kern, uint64_t conn, uint64_t off)
{
	kern->h2_conn = conn;
	kern->h2_off = off;
	return 0;
}

int kern_h2_lockstep(struct kern *kern, uint16_t service, const struct gl_addr *source,
		     uint64_t until_ns)
{
	kern->lockstep = (struct gl_h2_source_key){.source = *source, .service = service};
	kern->lockstep_ns = until_ns;
	return 0;
}

bool kern_is_cut(const struct kern *kern, uint64_t cookie)
{
	for (size_t i = 0; i < kern->n_cuts; i++)
		if (kern->cuts[i] == cookie)
			return true;
	return false;
}

int kern_open_walk(const struct kern *kern, kern_open_fn fn, void *userdata)
{
	for (size_t i = 0; i < kern->n_opens; i++)
		fn(&kern->opens[i], userdata);
	return 0;
}

int kern_destroy(const struct gl_open *opens, size_t n)
{
	(void)opens;
	return (int)n;
}

size_t kern_cuts_sweep(struct kern *kern, uint64_t now_ns)
{
	(void)kern;
	(void)now_ns;
	return 0;
}

int kern_cut(struct kern *kern, uint64_t cookie, uint32_t reason)
{
	(void)reason;
	if (kern->n_cuts == FAKE_CUTS)
		return -E2BIG;
	kern->cuts[kern->n_cuts++] = cookie;
	return 0;
}

void kern_certificate_mark(struct kern *kern, uint64_t mark)
{
	(void)kern;
	(void)mark;
}

void kern_certificate_unmark(struct kern *kern, uint64_t mark)
{
	(void)kern;
	(void)mark;
}

void kern_certificate_unmark_all(struct kern *kern)
{
	(void)kern;
}

/* No tls door: user/keeper/libraries.c is linked, and holds nothing. */
int kern_libs_start(struct kern *kern)
{
	(void)kern;
	return -ENOTSUP;
}

int kern_libs_fd(const struct kern *kern)
{
	(void)kern;
	return -ENOTSUP;
}

int kern_libs_poll(struct kern *kern)
{
	(void)kern;
	return 0;
}

size_t kern_libraries(struct kern *kern, const struct kern_library **ret_libraries)
{
	(void)kern;
	*ret_libraries = NULL;
	return 0;
}

int kern_tls_views(struct kern *kern, struct kern_tls_view **ret_views, size_t *ret_n)
{
	struct kern_tls_view *views = calloc(3, sizeof(*views));

	(void)kern;
	views[0] = (struct kern_tls_view){.port = 8080, .comm = "shopd", .kind = "openssl-dynamic"};
	views[0].hooked = true;
	views[1] = (struct kern_tls_view){.port = 8080, .comm = "gopher", .kind = "go"};
	snprintf(views[1].reason, sizeof(views[1].reason), "Go has its own TLS");
	views[2] = (struct kern_tls_view){.port = 8080, .comm = "plain", .kind = "none"};
	*ret_views = views;
	*ret_n = 3;
	return 0;
}

int kern_probe_account(const struct kern *kern, uint32_t library,
		       struct gl_probe_account *ret_account)
{
	(void)kern;
	*ret_account = (struct gl_probe_account){.reads = 40 + library, .writes = 2};
	return 0;
}

int kern_counters(const struct kern *kern, uint64_t ret_values[GL_CTR_MAX])
{
	(void)kern;
	for (unsigned i = 0; i < GL_CTR_MAX; i++)
		ret_values[i] = 1000 + i;
	return 0;
}

int kern_ring_drain(struct kern *kern, kern_record_fn handler, void *userdata)
{
	(void)kern;
	(void)handler;
	(void)userdata;
	return 0;
}

int kern_ring_fd(const struct kern *kern)
{
	(void)kern;
	return -1;
}

int kern_hello_block(struct kern *kern, uint64_t key, uint64_t expires_ns, uint32_t decision)
{
	size_t i = 0;

	while (i < kern->n_blocks && kern->blocks[i].key != key)
		i++;
	if (i == FAKE_BLOCKS)
		return -E2BIG;
	kern->blocks[i] = (struct fake_block){key, expires_ns, decision};
	kern->n_blocks += i == kern->n_blocks;
	kern->control.hello_blocks = (uint32_t)kern->n_blocks;
	return 0;
}

int kern_hello_unblock(struct kern *kern, uint64_t key)
{
	for (size_t i = 0; i < kern->n_blocks; i++)
		if (kern->blocks[i].key == key)
			kern->blocks[i--] = kern->blocks[--kern->n_blocks];
	kern->control.hello_blocks = (uint32_t)kern->n_blocks;
	return 0;
}

uint64_t kern_hello_hits(const struct kern *kern, uint64_t key)
{
	(void)kern;
	(void)key;
	return 0;
}

int kern_hello_sweep(struct kern *kern, uint64_t now_ns)
{
	int removed = 0;

	for (size_t i = 0; i < kern->n_blocks; i++)
		if (kern->blocks[i].expires_ns && kern->blocks[i].expires_ns <= now_ns) {
			kern_hello_unblock(kern, kern->blocks[i--].key);
			removed++;
		}
	return removed;
}

int kern_tls_best_set(struct kern *kern, const struct gl_tls_name *name,
		      const struct gl_tls_best *best)
{
	size_t i = 0;

	while (i < kern->n_names && memcmp(&kern->names[i].name, name, sizeof(*name)))
		i++;
	if (i == FAKE_NAMES)
		return -E2BIG;
	if (i < kern->n_names && kern->names[i].best.version >= best->version)
		return 0;
	kern->names[i].name = *name;
	kern->names[i].best = *best;
	kern->n_names += i == kern->n_names;
	return 0;
}

int kern_tls_best_forget(struct kern *kern, uint16_t service)
{
	int removed = 0;

	for (size_t i = 0; i < kern->n_names; i++)
		if (kern->names[i].name.service == service) {
			kern->names[i--] = kern->names[--kern->n_names];
			removed++;
		}
	return removed;
}

size_t kern_map_uses(const struct kern *kern, const struct kern_map_use **ret_uses)
{
	static const struct kern_map_use use = {"windows", 8 << 20, 131072};

	(void)kern;
	*ret_uses = &use;
	return 1;
}
