/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_flow.c - what a flow decides about a segment before a byte of it is read, row by row, when
 * the two directions of a connection are handled by two processors at once: what the socket said
 * may be a moment old.
 *
 *   test_flow FOLDER    the folder of flow.bpf.o
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

#include "tests/kernel/flow_row.h"

#define ACK 0x10
#define RST 0x04
#define SYN 0x02
#define PSH 0x08

/* As in flow.h. */
enum { DATA, NONE, AHEAD };
enum { PARSE, PASS, HOLD, LOST };

/* Sequence numbers of the rows count from here: they wrap within them. */
#define C 0xffffff80u /* the client's */
#define S 0xfffffff0u /* the server's */

static const char *folder;

struct kernel {
	struct bpf_object *object;
	int rows, program, turns, rewinds;
};

static int setup(void **state)
{
	static struct kernel k;
	char path[512];

	snprintf(path, sizeof(path), "%s/flow.bpf.o", folder);
	k.object = bpf_object__open_file(path, NULL);
	assert_non_null(k.object);
	assert_int_equal(bpf_object__load(k.object), 0);
	k.rows = bpf_object__find_map_fd_by_name(k.object, "rows");
	k.program = bpf_program__fd(bpf_object__find_program_by_name(k.object, "flow_meets"));
	k.turns = bpf_program__fd(bpf_object__find_program_by_name(k.object, "flow_turns"));
	k.rewinds = bpf_program__fd(bpf_object__find_program_by_name(k.object, "flow_rewinds"));
	*state = &k;
	return 0;
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	bpf_object__close(k->object);
	return 0;
}

static struct flow_row run(const struct kernel *k, int program, struct flow_row row)
{
	uint8_t packet[64] = {};
	uint32_t zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet));

	assert_int_equal(bpf_map_update_elem(k->rows, &zero, &row, BPF_ANY), 0);
	assert_int_equal(bpf_prog_test_run_opts(program, &options), 0);
	assert_int_equal(options.retval, 0);
	assert_int_equal(bpf_map_lookup_elem(k->rows, &zero, &row), 0);
	return row;
}

static struct flow_row meet(const struct kernel *k, struct flow_row row)
{
	return run(k, k->program, row);
}

/* One processor at a time; who does not get its turn comes back, in bounded time. */
static void test_turns(void **state)
{
	const struct kernel *k = *state;
	struct flow_row r = run(k, k->turns, (struct flow_row){.busy = 0});

	assert_int_equal(r.entered, 1);
	assert_int_equal(r.again, 0);
	assert_int_equal(r.left, 1);
	r = run(k, k->turns, (struct flow_row){.busy = 1});
	assert_int_equal(r.entered, 0);
	assert_int_equal(r.left, 1);
}

/* The next request acknowledges the response; snd_nxt moves when the transmission has returned. */
static void test_acknowledges(void **state)
{
	static const struct {
		uint32_t flags, ack, snd_nxt, sent, accept, sent_end;
		const char *what;
	} rows[] = {
		{ACK | PSH, S + 100, S + 100, S + 100, DATA, S + 100, "all of it, snd_nxt there"},
		{ACK | PSH, S + 100, S, S + 100, DATA, S + 100, "all of it, snd_nxt not there yet"},
		{ACK | PSH, S + 50, S, S + 100, DATA, S + 100, "half of it, snd_nxt not there yet"},
		{ACK | PSH, S, S, S + 100, DATA, S + 100, "pipelined: nothing of it"},
		{ACK | PSH, S + 100, S + 100, S, DATA, S + 100, "it left where no door is"},
		{ACK | PSH, S + 101, S, S + 100, AHEAD, S + 100, "a byte nobody sent"},
		{ACK | PSH, S + 101, S + 100, S + 100, AHEAD, S + 100, "a byte nobody sent, late"},
		{ACK | PSH, S + 0x40000000, S, S + 100, AHEAD, S + 100, "far ahead"},
		{ACK | PSH, S - 70000, S, S + 100, DATA, S + 100, "long ago: TCP takes the data"},
		{PSH, S + 100, S + 100, S + 100, NONE, S + 100, "no ACK"},
		{SYN | ACK, S + 100, S + 100, S + 100, NONE, S + 100, "a SYN"},
		{RST | ACK, S + 101, S + 100, S + 100, NONE, S + 100, "a reset"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_row r = meet(*state, (struct flow_row){
							 .flags = rows[i].flags,
							 .ack = rows[i].ack,
							 .snd_nxt = rows[i].snd_nxt,
							 .sent = rows[i].sent,
						 });

		if (r.accept != rows[i].accept || r.sent_end != rows[i].sent_end)
			fail_msg("%s: %u, sent to %u", rows[i].what, r.accept, r.sent_end - S);
	}
}

/*
 * A request of 100 bytes was read and passed at C; what comes next, and how far the kernel is by
 * what was read of the socket.
 */
static void test_places(void **state)
{
	static const struct {
		uint32_t seq, end, rcv_nxt, answered, place, pos, judged, owed, settled;
		const char *what;
	} rows[] = {
		{C + 100, C + 200, C + 100, 1, PARSE, C + 100, 1, 0, 1, "the next request"},
		{C + 100, C + 200, C, 0, PARSE, C + 100, 1, 1, 1, "pipelined, nothing taken yet"},
		{C, C + 100, C + 100, 0, PASS, C + 100, 1, 1, 1, "a resend, taken"},
		{C, C + 100, C + 100, 1, PASS, C + 100, 1, 0, 1, "a resend, taken and answered"},
		/* the server may be answering it: it is owed until something else is in its place
		 */
		{C, C + 100, C, 0, PARSE, C, 1, 1, 0, "a resend, not taken: read again"},
		{C, C + 60, C, 0, PARSE, C, 1, 1, 0, "a shorter resend, not taken"},
		/* its response has gone by, so the kernel has it */
		{C, C + 100, C, 1, PASS, C + 100, 1, 0, 1, "a resend, rcv_nxt too old"},
		{C, C + 160, C, 1, HOLD, C + 100, 1, 0, 1, "more than it, rcv_nxt too old"},
		{C + 120, C + 200, C + 100, 1, HOLD, C + 100, 1, 0, 1, "ahead"},
		{C + 50, C + 150, C, 0, HOLD, C + 100, 1, 1, 1, "from inside what is in flight"},
		{C + 200, C + 300, C + 200, 1, LOST, C + 100, 1, 0, 1, "the kernel took more"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_row r = meet(*state, (struct flow_row){
							 .pos = C + 100,
							 .commit = C,
							 .structure = C + 100,
							 .judged = 1,
							 .next = 1,
							 .answered = rows[i].answered,
							 .seq = rows[i].seq,
							 .end = rows[i].end,
							 .rcv_nxt = rows[i].rcv_nxt,
						 });

		if (r.place != rows[i].place || r.got_pos != rows[i].pos ||
		    r.got_judged != rows[i].judged || r.got_owed != rows[i].owed ||
		    r.settled != rows[i].settled)
			fail_msg("%s: place %u pos %d judged %u owed %u settled %u", rows[i].what,
				 r.place, (int)(r.got_pos - C), r.got_judged, r.got_owed,
				 r.settled);
	}
}

/* Two processors: one has read the socket before the other's segment was taken and committed. */
static void test_commit_is_newer(void **state)
{
	struct flow_row row = {
		.pos = C + 200,
		.commit = C + 100,
		.structure = C + 200,
		.judged = 2,
		.next = 2,
		.saved_next = 1,
		.answered = 1,
		.seq = C,
		.end = C + 100,
		.rcv_nxt = C,
	};

	assert_int_equal(meet(*state, row).place, PASS); /* resend of what was taken */
	row.seq = C + 200;
	row.end = C + 300;
	assert_int_equal(meet(*state, row).place, PARSE); /* goes on where reading ended */
}

/* A body: arithmetic, in any order. */
static void test_bodies(void **state)
{
	struct flow_row row = {
		.pos = C + 100,
		.commit = C + 100,
		.structure = C + 100,
		.judged = 1,
		.next = 1,
		.saved_next = 1,
		.remaining = 500,
		.seq = C + 300,
		.end = C + 400,
		.rcv_nxt = C + 100,
	};

	assert_int_equal(meet(*state, row).place, PASS);
	row.end = C + 601;
	assert_int_equal(meet(*state, row).place, HOLD); /* ends behind the body */
	row.rcv_nxt = C + 300;
	row.end = C + 400;
	assert_int_equal(meet(*state, row).place, PARSE); /* the gap came unseen */
	row.rcv_nxt = C + 601;
	row.seq = C + 601;
	row.end = C + 700;
	assert_int_equal(meet(*state, row).place, LOST); /* a head among it */
}

/* Of a hello there is no body, whatever its bytes would say of one. */
static void test_hello_has_no_body(void **state)
{
	struct flow_row row = {
		.pos = C + 100,
		.commit = C + 100,
		.structure = C + 100,
		.remaining = 500,
		.seq = C + 300,
		.end = C + 400,
		.rcv_nxt = C + 100,
	};

	assert_int_equal(meet(*state, row).place, PASS); /* the same in a body of HTTP */
	row.hello = 1;
	assert_int_equal(meet(*state, row).place, HOLD);
	row.rcv_nxt = C + 200;
	assert_int_equal(meet(*state, row).place, LOST);
}

/*
 * A hello lies over what HTTP remembers. In its middle a rewind returns to a hello, before its
 * first byte to HTTP from its beginning: nothing of the hello is left in it.
 */
static void test_rewinds(void **state)
{
	static const struct {
		uint32_t commit, head_seq, out_start, out_pos, spoken;
		uint32_t hello, known, begun;
		const char *what;
	} rows[] = {
		{C, C, S, S, 0, 0, 1, 0, "before its first byte"},
		{C, C + 2, S, S, 0, 0, 1, 0, "before an empty line in front of it"},
		{C, C, S, S, 1, 0, 1, 1, "the server had spoken before"},
		{C, C, S, S + 30, 0, 0, 0, 0, "the server has spoken since"},
		{C, C, S, S + 30, 1, 0, 0, 1, "the server has spoken before and since"},
		{C + 100, C, S, S, 0, 1, 1, 0, "in its middle"},
		{C + 100, C, S, S + 30, 1, 1, 1, 0, "in its middle, the server has spoken"},
	};
	const struct kernel *k = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct flow_row r = run(k, k->rewinds,
					(struct flow_row){
						.pos = C + 200,
						.commit = rows[i].commit,
						.structure = C + 200,
						.head_seq = rows[i].head_seq,
						.out_start = rows[i].out_start,
						.out_pos = rows[i].out_pos,
						.spoken = rows[i].spoken,
					});

		if (r.got_hello != rows[i].hello || r.got_pos != rows[i].commit ||
		    r.got_known != rows[i].known || r.got_open != !rows[i].hello ||
		    r.got_tls != rows[i].hello || r.got_guard || r.got_begun != rows[i].begun ||
		    (!rows[i].hello && r.got_guard_pos != rows[i].out_start))
			fail_msg("%s: hello %u (%u) pos %d known %u open %u guard %u %u %d",
				 rows[i].what, r.got_hello, r.got_tls, (int)(r.got_pos - C),
				 r.got_known, r.got_open, r.got_guard, r.got_begun,
				 (int)(r.got_guard_pos - S));
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acknowledges),    cmocka_unit_test(test_places),
		cmocka_unit_test(test_commit_is_newer), cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_turns),           cmocka_unit_test(test_hello_has_no_body),
		cmocka_unit_test(test_rewinds),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: test_flow FOLDER\n");
		return 2;
	}
	folder = argv[1];
	return cmocka_run_group_tests(tests, setup, teardown);
}
