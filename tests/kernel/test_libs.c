/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_libs.c - finding TLS libraries and holding probes on them, with real processes that do TLS
 * (tls_process.py) and programs that count (uprobe.bpf.c). Every process has a copy of libssl of
 * its own: what else runs on this machine is neither seen nor slowed.
 *
 *   test_libs FOLDER    the folder of uprobe.bpf.o
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/kernel/libs_agent.h"

/* ---------------------------------------------------------------------------------------------
 * Tests
 */

/* A process that was there before the agent, and one that comes after it. */
static void test_found_and_counted(void **state)
{
	struct process before, after;
	struct agent agent;
	int took;

	(void)state;
	process_start(&before, "before", PLACE_PLAIN);
	agent_start(&agent, -1);
	assert_non_null(library_at(&agent, before.library));
	assert_true(library_at(&agent, before.library)->attached);
	process_go(&before, 25);
	assert_exact(&agent, &before);

	process_start(&after, "after", PLACE_PLAIN);
	assert_int_equal(libs_counters(agent.libs)->scans, 1);
	took = await_attached(&agent, after.library);
	assert_true(took >= 0);
	assert_int_equal(libs_counters(agent.libs)->scans, 1); /* an event told it */
	process_go(&after, 40);
	assert_exact(&agent, &after);
	assert_exact(&agent, &before); /* one file's probes are not the other's */
	assert_int_equal(links_pinned(), 2 * LINKS);
	assert_int_equal(library_at(&agent, after.library)->users, 1);

	process_end(&after);
	await_gone(&agent, after.library);
	assert_int_equal(links_pinned(), LINKS);
	assert_non_null(library_at(&agent, before.library));
	process_go(&before, 5);
	assert_exact(&agent, &before);
	process_end(&before);
	await_gone(&agent, before.library);
	assert_int_equal(links_pinned(), 0);
	assert_int_equal(libs_counters(agent.libs)->attached, 2);
	assert_int_equal(libs_counters(agent.libs)->detached, 2);
	assert_int_equal(libs_counters(agent.libs)->failed, 0);
	agent_end(&agent);
}

/* Linux 6.1 has perf event links only: as exact, and they survive as well. */
static void test_perf_links(void **state)
{
	struct process process;
	struct agent first, second;

	(void)state;
	probe_link_pretend_old(true);
	process_start(&process, "perf", PLACE_PLAIN);
	agent_start(&first, -1);
	assert_true(library_at(&first, process.library)->attached);
	/* one a place, and the two programs of writing have two: SSL_sendfile() is the other */
	assert_int_equal(links_pinned(), LINKS + 2);
	process_go(&process, 10);
	assert_exact(&first, &process);
	agent_end(&(struct agent){.libs = first.libs});
	process_go(&process, 10);
	assert_exact(&first, &process);
	agent_start(&second, first.hits);
	assert_int_equal(libs_counters(second.libs)->kept, 1);
	process_go(&process, 10);
	assert_exact(&second, &process);
	bpf_object__close(first.object);
	libs_detach(second.libs);
	assert_int_equal(links_pinned(), 0);
	process_go(&process, 10);
	assert_int_equal(hits_of(&second, process.pid, LIBS_WRITE_LEAVE), 30);
	process_end(&process);
	agent_end(&second);
	probe_link_pretend_old(false);
}

/* Where no path of ours leads, and where none leads any more. */
static void test_hidden_files(void **state)
{
	struct process hidden, deleted;
	struct agent agent;

	(void)state;
	process_start(&deleted, "deleted", PLACE_PLAIN);
	assert_int_equal(unlink(deleted.library), 0);
	agent_start(&agent, -1);
	process_start(&hidden, "hidden", PLACE_HIDDEN);
	assert_int_equal(access(hidden.library, F_OK), -1);
	assert_true(await_attached(&agent, hidden.library) >= 0);
	assert_true(library_at(&agent, deleted.library)->attached);
	process_go(&hidden, 10);
	process_go(&deleted, 10);
	assert_exact(&agent, &hidden);
	assert_exact(&agent, &deleted);
	libs_detach(agent.libs);
	assert_int_equal(links_pinned(), 0);
	process_go(&hidden, 10);
	assert_int_equal(hits_of(&agent, hidden.pid, LIBS_READ_ENTER), 10);
	process_end(&hidden);
	process_end(&deleted);
	agent_end(&agent);
}

/* Two containers of one image: one file to the kernel, so one set of probes, and no call twice. */
static void test_shared_image(void **state)
{
	struct process first, second;
	struct agent agent;
	size_t n, used = 0;
	const struct library *slots;

	(void)state;
	process_start(&first, "first", PLACE_IMAGE);
	agent_start(&agent, -1);
	process_start(&second, "second", PLACE_IMAGE);
	assert_true(library_at(&agent, first.library)->attached);
	for (uint64_t begun = now_ms(); now_ms() - begun < WAIT_MS;) {
		if (library_at(&agent, first.library)->users == 2)
			break;
		poll(NULL, 0, 10);
		libs_poll(agent.libs);
	}
	assert_int_equal(library_at(&agent, first.library)->users, 2);
	slots = libs_slots(agent.libs, &n);
	for (size_t i = 0; i < n; i++)
		used += slots[i].used;
	assert_int_equal(used, 1);
	assert_int_equal(links_pinned(), LINKS);
	process_go(&first, 10);
	process_go(&second, 20);
	assert_exact(&agent, &first);
	assert_exact(&agent, &second);
	process_end(&first);
	process_go(&second, 5); /* the other one still uses it */
	libs_scan(agent.libs);
	assert_exact(&agent, &second);
	process_end(&second);
	libs_detach(agent.libs);
	agent_end(&agent);
}

/* Killed and started again: the same links with the same maps, new ones with new maps. */
static void test_adoption(void **state)
{
	struct process process;
	struct agent first, second, third;

	(void)state;
	process_start(&process, "adopted", PLACE_PLAIN);
	agent_start(&first, -1);
	process_go(&process, 10);
	agent_end(&(struct agent){.libs = first.libs});
	assert_int_equal(links_pinned(), LINKS);
	process_go(&process, 10); /* with nobody there */
	assert_exact(&first, &process);

	agent_start(&second, first.hits);
	assert_int_equal(libs_counters(second.libs)->kept, 1);
	assert_int_equal(links_pinned(), LINKS);
	process_go(&process, 10);
	assert_exact(&second, &process);
	bpf_object__close(first.object);
	agent_end(&second);

	/* another map: what is pinned would count where nobody looks */
	agent_start(&third, -1);
	assert_int_equal(libs_counters(third.libs)->kept, 0);
	assert_int_equal(links_pinned(), LINKS);
	process_go(&process, 7);
	assert_int_equal(hits_of(&third, process.pid, LIBS_READ_ENTER), 7);
	assert_int_equal(hits_of(&third, process.pid, LIBS_WRITE_LEAVE), 7);
	process_end(&process);
	agent_end(&third);
	assert_int_equal(links_pinned(), LINKS);

	/* and an agent that finds nobody using what the last one held */
	agent_start(&third, -1);
	assert_int_equal(links_pinned(), 0);
	agent_end(&third);
}

/* Processes of other namespaces do not count; their children's children do. */
static void test_namespaces(void **state)
{
	struct process process;
	struct agent agent;

	(void)state;
	process_start(&process, "elsewhere", PLACE_PLAIN);
	agent_load(&agent, -1);
	agent.options.netns = 1;
	assert_int_equal(libs_new(&agent.options, &agent.libs), 0);
	assert_null(library_at(&agent, process.library));
	assert_int_equal(links_pinned(), 0);
	libs_free(agent.libs);
	agent.options.netns = 0;
	assert_int_equal(libs_new(&agent.options, &agent.libs), 0);
	assert_non_null(library_at(&agent, process.library));
	libs_detach(agent.libs);
	process_end(&process);
	agent_end(&agent);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found_and_counted), cmocka_unit_test(test_hidden_files),
		cmocka_unit_test(test_shared_image),      cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_perf_links),        cmocka_unit_test(test_namespaces),
	};

	folder = argc > 1 ? argv[1] : "build/kernel";
	return cmocka_run_group_tests(tests, setup, teardown);
}
