/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.c - what is in the maps: shared memory, policy generations, counters, the event ring.
 */
#include "user/kern/kern_private.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "tls.skel.h"
#include "wire.skel.h"

static time_t boottime_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

static int map_memory(int fd, size_t size, int protection, void **ret_memory)
{
	long page = sysconf(_SC_PAGESIZE);
	void *memory;

	size = (size + page - 1) / page * page;
	memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
	if (memory == MAP_FAILED)
		return -errno;
	*ret_memory = memory;
	return 0;
}

static void unmap_memory(void *memory, size_t size)
{
	long page = sysconf(_SC_PAGESIZE);

	if (memory)
		munmap(memory, (size + page - 1) / page * page);
}

static int map_shared(struct kern *kern)
{
	const struct {
		struct bpf_map *map;
		size_t size;
		void **memory;
	} shared[] = {
		{kern->wire->maps.control, sizeof(struct gl_control), (void **)&kern->control},
		{kern->wire->maps.windows, sizeof(struct gl_window_line), (void **)&kern->windows},
		{kern->wire->maps.decisions, sizeof(struct gl_prefix_slot), (void **)&kern->bans},
		{kern->wire->maps.proven, sizeof(struct gl_proven), (void **)&kern->proven},
		{kern->wire->maps.watches, sizeof(struct gl_watch), (void **)&kern->watches},
		{kern->wire->maps.subjects, sizeof(struct gl_subject), (void **)&kern->subjects},
		{kern->wire->maps.embryo_count, sizeof(uint64_t), (void **)&kern->embryo_count},
	};

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		int r = map_memory(bpf_map__fd(shared[i].map),
				   shared[i].size * bpf_map__max_entries(shared[i].map),
				   PROT_READ | PROT_WRITE, shared[i].memory);

		if (r < 0)
			return r;
	}
	return 0;
}

static int deliver_record(void *userdata, void *data, size_t size)
{
	struct kern *kern = userdata;

	if (size >= sizeof(struct gl_rec) && kern->ring_handler)
		kern->ring_handler(data, size, kern->ring_userdata);
	return 0;
}

/* The generations an earlier agent installed are still in the outer map. */
static int find_generations(struct kern *kern)
{
	for (__u32 slot = 0; slot < GL_GENERATIONS; slot++) {
		__u32 id;

		kern->slot_fd[slot] = -1;
		if (bpf_map_lookup_elem(kern->policies_fd, &slot, &id) < 0)
			continue;
		kern->slot_fd[slot] = bpf_map_get_fd_by_id(id);
		if (kern->slot_fd[slot] < 0)
			return kern->slot_fd[slot];
		kern->slot_retired_s[slot] = boottime_s();
	}
	return 0;
}

static int map_active(struct kern *kern)
{
	void *memory = NULL;
	int r;

	unmap_memory((void *)kern->policy, sizeof(struct gl_policy));
	kern->policy = NULL;
	if (!kern->control->policy_loaded || kern->slot_fd[kern->control->active] < 0)
		return 0;
	r = map_memory(kern->slot_fd[kern->control->active], sizeof(struct gl_policy), PROT_READ,
		       &memory);
	if (r == 0)
		kern->policy = memory;
	return r;
}

int maps_open(struct kern *kern, const struct kern_options *options)
{
	int r;

	(void)options;
	kern->policies_fd = bpf_map__fd(kern->wire->maps.policies);
	kern->n_cpus = libbpf_num_possible_cpus();
	if (kern->n_cpus < 0)
		return kern->n_cpus;
	r = map_shared(kern);
	if (r < 0)
		return r;
	if (!kern->adopted) {
		kern->control->abi_major = GL_ABI_MAJOR;
		kern->control->abi_minor = GL_ABI_MINOR;
		kern->control->window_lines = bpf_map__max_entries(kern->wire->maps.windows);
		kern->control->ban_slots = bpf_map__max_entries(kern->wire->maps.decisions);
	}
	r = find_generations(kern);
	if (r < 0)
		return r;
	kern->ring =
		ring_buffer__new(bpf_map__fd(kern->wire->maps.events), deliver_record, kern, NULL);
	if (!kern->ring)
		return -errno;
	return map_active(kern);
}

void maps_close(struct kern *kern)
{
	ring_buffer__free(kern->ring);
	unmap_memory((void *)kern->policy, sizeof(struct gl_policy));
	unmap_memory((void *)kern->retired, sizeof(struct gl_policy));
	if (kern->wire) {
		unmap_memory(kern->control, sizeof(struct gl_control));
		unmap_memory(kern->windows, sizeof(struct gl_window_line) *
						    bpf_map__max_entries(kern->wire->maps.windows));
		unmap_memory(kern->bans, sizeof(struct gl_prefix_slot) *
						 bpf_map__max_entries(kern->wire->maps.decisions));
		unmap_memory(kern->proven, sizeof(struct gl_proven) * GL_PROVEN_SLOTS);
		unmap_memory(kern->watches, sizeof(struct gl_watch) * GL_WATCH_LINES);
		unmap_memory(kern->subjects, sizeof(struct gl_subject) * GL_SUBJECT_SLOTS);
		unmap_memory(kern->embryo_count, sizeof(uint64_t));
	}
	for (int i = 0; i < GL_GENERATIONS; i++)
		cleanup_close(&kern->slot_fd[i]);
}

/* The slot for the next generation: empty, or retired longest ago and past the head timeout. */
static int pick_slot(const struct kern *kern)
{
	time_t now_s = boottime_s();
	int oldest = -1;

	for (int slot = 0; slot < GL_GENERATIONS; slot++) {
		if (kern->slot_fd[slot] < 0)
			return slot;
		if (kern->control->policy_loaded && slot == (int)kern->control->active)
			continue;
		if (oldest < 0 || kern->slot_retired_s[slot] < kern->slot_retired_s[oldest])
			oldest = slot;
	}
	if (oldest < 0 || now_s - kern->slot_retired_s[oldest] < KERN_HEAD_TIMEOUT_S)
		return -EAGAIN;
	return oldest;
}

int kern_policy_install(struct kern *kern, const struct gl_policy *image)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd = -1;
	__u32 zero = 0, slot;
	int r;

	if (image->generation <= kern_generation(kern))
		return -EINVAL;
	r = pick_slot(kern);
	if (r < 0)
		return r;
	slot = r;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "policy", sizeof(__u32), sizeof(*image), 1, &opts);
	if (fd < 0)
		return fd;
	r = bpf_map_update_elem(fd, &zero, image, BPF_ANY);
	if (r < 0)
		return r;
	r = bpf_map_update_elem(kern->policies_fd, &slot, &fd, BPF_ANY);
	if (r < 0)
		return r;
	/* a guard that is wanted is there before its policy rules */
	libraries_guard(kern, image);
	cleanup_close(&kern->slot_fd[slot]);
	kern->slot_fd[slot] = TAKE_FD(fd);
	if (kern->control->policy_loaded)
		kern->slot_retired_s[kern->control->active] = boottime_s();
	content_ports(kern, image, true);
	__atomic_store_n(&kern->control->active, slot, __ATOMIC_RELEASE);
	__atomic_store_n(&kern->control->policy_loaded, 1, __ATOMIC_RELEASE);
	content_ports(kern, image, false);
	return map_active(kern);
}

uint64_t kern_generation(const struct kern *kern)
{
	return kern->policy ? kern->policy->generation : 0;
}

const struct gl_policy *kern_policy(const struct kern *kern)
{
	return kern->policy;
}

const struct gl_policy *kern_policy_of(struct kern *kern, uint64_t generation)
{
	if (kern->policy && kern->policy->generation == generation)
		return kern->policy;
	if (kern->retired && kern->retired->generation == generation)
		return kern->retired;
	for (int slot = 0; slot < GL_GENERATIONS; slot++) {
		void *memory = NULL;

		if (kern->slot_fd[slot] < 0 ||
		    map_memory(kern->slot_fd[slot], sizeof(struct gl_policy), PROT_READ, &memory) <
			    0)
			continue;
		if (((const struct gl_policy *)memory)->generation != generation) {
			unmap_memory(memory, sizeof(struct gl_policy));
			continue;
		}
		unmap_memory((void *)kern->retired, sizeof(struct gl_policy));
		kern->retired = memory;
		return kern->retired;
	}
	return NULL;
}

int kern_policy_fd(const struct kern *kern)
{
	return kern->policy ? kern->slot_fd[kern->control->active] : -1;
}

struct gl_control *kern_control(const struct kern *kern)
{
	return kern->control;
}

const struct gl_watch *kern_watches(const struct kern *kern)
{
	return kern->watches;
}

struct gl_window_line *kern_windows(const struct kern *kern, uint32_t *ret_lines)
{
	*ret_lines = kern->control->window_lines;
	return kern->windows;
}

struct gl_prefix_slot *kern_bans(const struct kern *kern, uint32_t *ret_slots)
{
	*ret_slots = kern->control->ban_slots;
	return kern->bans;
}

struct gl_proven *kern_proven(const struct kern *kern, uint32_t *ret_slots)
{
	*ret_slots = GL_PROVEN_SLOTS;
	return kern->proven;
}

struct gl_subject *kern_subjects(const struct kern *kern)
{
	return kern->subjects;
}

/* In one call where the kernel can (5.13 and later), else one by one. */
int kern_counters(const struct kern *kern, uint64_t ret_values[GL_CTR_MAX])
{
	size_t cpus = (size_t)kern->n_cpus;
	_cleanup_free_ uint64_t *values = calloc(GL_CTR_MAX * cpus, sizeof(*values));
	int fd = bpf_map__fd(kern->wire->maps.counters), r;
	__u32 keys[GL_CTR_MAX], next, n = GL_CTR_MAX;
	LIBBPF_OPTS(bpf_map_batch_opts, opts);

	if (!values)
		return -ENOMEM;
	r = bpf_map_lookup_batch(fd, NULL, &next, keys, values, &n, &opts);
	if (r == -ENOENT || (r == 0 && n < GL_CTR_MAX))
		r = n == GL_CTR_MAX ? 0 : -ENOTSUP;
	for (__u32 i = 0; r < 0 && i < GL_CTR_MAX; i++) {
		int one = bpf_map_lookup_elem(fd, &i, &values[i * cpus]);

		if (one < 0)
			return one;
	}
	for (__u32 i = 0; i < GL_CTR_MAX; i++) {
		ret_values[i] = 0;
		for (size_t cpu = 0; cpu < cpus; cpu++)
			ret_values[i] += values[i * cpus + cpu];
	}
	return 0;
}

int kern_ring_drain(struct kern *kern, kern_record_fn handler, void *userdata)
{
	kern->ring_handler = handler;
	kern->ring_userdata = userdata;
	return ring_buffer__consume(kern->ring);
}

int kern_ring_fd(const struct kern *kern)
{
	return ring_buffer__epoll_fd(kern->ring);
}

/*
 * Embryos of handshakes that never ended. Their count goes down with them, so that the doors stop
 * looking. A flow begins with the time it was opened (bpf/lib/flow.h).
 */
void maps_sweep_embryos(struct kern *kern)
{
	int fd = bpf_map__fd(kern->wire->maps.embryos);
	_cleanup_free_ uint8_t *value = malloc(bpf_map__value_size(kern->wire->maps.embryos));
	uint8_t key[64], next[64];
	bool more = value && *kern->embryo_count && bpf_map_get_next_key(fd, NULL, key) == 0;

	for (int i = 0; more && i < GL_EMBRYOS_MAX; i++) {
		uint64_t opened_ns = 0;

		more = bpf_map_get_next_key(fd, key, next) == 0;
		if (bpf_map_lookup_elem(fd, key, value) == 0)
			memcpy(&opened_ns, value, sizeof(opened_ns));
		if ((time_t)(opened_ns / 1000000000) + KERN_EMBRYO_S < boottime_s() &&
		    bpf_map_delete_elem(fd, key) == 0)
			__atomic_fetch_sub(kern->embryo_count, 1, __ATOMIC_RELAXED);
		memcpy(key, next, sizeof(key));
	}
}

static bool used(const struct kern *kern, const char *name)
{
	for (size_t i = 0; i < kern->n_map_uses; i++)
		if (strcmp(kern->map_uses[i].name, name) == 0)
			return true;
	return false;
}

/* Maps shared by two objects count once. */
static int add_use(struct kern *kern, struct bpf_object *object)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, object)
	{
		struct kern_map_use *use = &kern->map_uses[kern->n_map_uses];
		char path[64], line[128];
		_cleanup_fclose_ FILE *f = NULL;

		if (used(kern, bpf_map__name(map)))
			continue;
		if (kern->n_map_uses == KERN_MAPS_MAX)
			return -ENOSPC;
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", bpf_map__fd(map));
		f = fopen(path, "re");
		use->name = bpf_map__name(map);
		use->max_entries = bpf_map__max_entries(map);
		use->bytes = 0;
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "memlock: %lu", &use->bytes) == 1)
				break;
		kern->n_map_uses++;
	}
	return 0;
}

size_t kern_map_uses(const struct kern *kern, const struct kern_map_use **ret_uses)
{
	struct kern *k = (struct kern *)kern;

	k->n_map_uses = 0;
	add_use(k, kern->wire->obj);
	if (kern->tls)
		add_use(k, kern->tls->obj);
	*ret_uses = kern->map_uses;
	return kern->n_map_uses;
}
