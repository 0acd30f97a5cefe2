/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_chunks.c - what the wire door copies for inspectors, byte for byte, over loopback in a
 * network namespace of its own: heads whole, bodies by plan, offsets, ends, and losses that add up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/cleanup.h"
#include "user/kern/kern.h"
#include "user/policy/compile.h"
#include "user/policy/read.h"

#define UNUSED     __attribute__((unused))
#define PORT       8080
#define RING_BYTES (1u << 20)
#define BODY       200000 /* more than the plan takes */
#define PLAN       65536
#define STREAM     400000

static const char text[] =
	"apiVersion: glacis.dev/v1alpha1\nkind: ApiPolicy\nmetadata: {name: test}\n"
	"spec:\n  mode: enforce\n  services:\n    - name: shop\n      ports: [8080]\n"
	"      operations:\n        - {match: \"* /limited\", class: few}\n"
	"  classes:\n    few: {limit: 1/15m}\n";

/* One direction as put together from chunks. */
struct stream {
	uint8_t bytes[STREAM];
	uint8_t have[STREAM];
	uint64_t end, next; /* highest byte; offset of the next chunk if there is no gap */
	unsigned chunks, ends, plans, gaps, begins;
};

static struct kern *kern;
static struct ring_buffer *ring;
static struct stream streams[2];
static uint64_t conns[2]; /* by direction, of the last chunk */
static uint64_t received;
static int listener = -1;
static char pin_dir[64];

static int take(void *userdata UNUSED, void *data, size_t size)
{
	const struct gl_chunk *c = data;
	struct stream *s = &streams[c->direction];
	bool over = (c->flags & GL_CHUNK_END) && !c->n && !c->off; /* says not where */

	received++;
	assert_true(size >= sizeof(*c) + c->n);
	assert_int_equal(c->rec.kind, GL_REC_CHUNK);
	assert_int_equal(c->rec.len, sizeof(*c) + c->n);
	assert_int_equal(c->how, GL_HOW_WIRE);
	assert_int_equal(c->server_port, PORT);
	assert_true(c->off + c->n <= STREAM);
	assert_true(c->n <= c->total || (c->flags & GL_CHUNK_END));
	memcpy(s->bytes + c->off, c->bytes, c->n);
	memset(s->have + c->off, 1, c->n);
	if (!over) {
		s->gaps += c->off != s->next;
		s->next = c->off + (c->total > c->n ? c->total : c->n);
	}
	if (c->n && c->off + c->n > s->end)
		s->end = c->off + c->n;
	s->chunks++;
	s->ends += (c->flags & GL_CHUNK_END) != 0;
	s->plans += (c->flags & GL_CHUNK_PLAN) != 0;
	s->begins += (c->flags & GL_CHUNK_BEGIN) != 0;
	conns[c->direction] = c->conn;
	return 0;
}

static void forget(void)
{
	memset(streams, 0, sizeof(streams));
	received = 0;
}

static void drain(void)
{
	assert_true(ring_buffer__consume(ring) >= 0);
}

/* ---------------------------------------------------------------------------------------------
 * A server that answers each request with `body` bytes, and a client
 */
struct service {
	unsigned requests;
	size_t body;
};

static void fill(uint8_t *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)('a' + i % 23);
}

static void send_all(int fd, const void *data, size_t n)
{
	const uint8_t *p = data;

	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return;
		p += sent;
		n -= sent;
	}
}

/* Reads heads without bodies, one answer each. */
static void *serve(void *userdata)
{
	const struct service *service = userdata;
	_cleanup_close_ int fd = accept(listener, NULL, NULL);
	_cleanup_free_ uint8_t *body = malloc(service->body + 1);
	char head[128], in[4096];
	size_t n = 0;

	fill(body, service->body);
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
		 service->body);
	for (unsigned i = 0; i < service->requests;) {
		char *end = memmem(in, n, "\r\n\r\n", 4);

		if (!end) {
			ssize_t more = recv(fd, in + n, sizeof(in) - n, 0);

			if (more <= 0)
				break;
			n += more;
			continue;
		}
		n -= end + 4 - in;
		memmove(in, end + 4, n);
		send_all(fd, head, strlen(head));
		send_all(fd, body, service->body);
		i++;
	}
	shutdown(fd, SHUT_WR);
	while (recv(fd, in, sizeof(in), 0) > 0)
		;
	return NULL;
}

/* Sends the request, reads to the end; how many bytes came. */
static size_t exchange(const char *request, const struct service *service)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = {.tv_sec = 60};
	size_t total = 0;
	pthread_t thread;
	char in[4096];
	ssize_t n;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(pthread_create(&thread, NULL, serve, (void *)service), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	send_all(fd, request, strlen(request));
	while ((n = recv(fd, in, sizeof(in), 0)) > 0)
		total += n;
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
	usleep(20000); /* sleep: the last FIN is on its way through softirq */
	return total;
}

/* ---------------------------------------------------------------------------------------------
 * Tests
 */
static void test_exact(void **state UNUSED)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: shop\r\nX-A: 1\r\n\r\n";
	const struct service service = {.requests = 1, .body = 1000};
	struct stream *in = &streams[GL_TO_SERVER], *out = &streams[GL_TO_CLIENT];
	uint8_t body[1000];
	size_t total;

	forget();
	total = exchange(request, &service);
	drain();
	assert_int_equal(in->end, strlen(request));
	assert_memory_equal(in->bytes, request, strlen(request));
	assert_int_equal(out->end, total);
	fill(body, sizeof(body));
	assert_memory_equal(out->bytes + total - sizeof(body), body, sizeof(body));
	for (int d = 0; d < 2; d++) {
		assert_int_equal(streams[d].gaps, 0);
		assert_int_equal(streams[d].plans, 0);
		assert_true(streams[d].begins >= 1);
		assert_true(streams[d].ends >= 1);
	}
	assert_true(conns[0] && conns[0] == conns[1]);
}

static void test_plan(void **state UNUSED)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n";
	const struct service service = {.requests = 1, .body = BODY};
	struct stream *out = &streams[GL_TO_CLIENT];
	size_t total, head, got = 0;

	forget();
	total = exchange(request, &service);
	head = total - BODY;
	drain();
	for (size_t i = 0; i < STREAM; i++)
		got += out->have[i];
	assert_int_equal(got, head + PLAN);
	assert_int_equal(out->end, head + PLAN);
	assert_int_equal(out->plans, 1);
	assert_true(out->ends >= 1);
}

static void test_pipelined(void **state UNUSED)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
				      "GET /b HTTP/1.1\r\nHost: shop\r\n\r\n"
				      "GET /c HTTP/1.1\r\nHost: shop\r\n\r\n";
	const struct service service = {.requests = 3, .body = 10};
	size_t total;

	forget();
	total = exchange(request, &service);
	drain();
	assert_int_equal(streams[GL_TO_SERVER].end, strlen(request));
	assert_memory_equal(streams[GL_TO_SERVER].bytes, request, strlen(request));
	assert_int_equal(streams[GL_TO_CLIENT].end, total);
	assert_int_equal(streams[GL_TO_CLIENT].gaps, 0);
}

/* A refused request goes to nobody: the server has not seen it. */
static void test_refused(void **state UNUSED)
{
	static const char first[] = "GET /limited HTTP/1.1\r\nHost: shop\r\n\r\n";
	static const char both[] = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n"
				   "GET /limited HTTP/1.1\r\nHost: shop\r\n\r\n";
	const struct service one = {.requests = 1, .body = 10}, two = {.requests = 2, .body = 10};

	exchange(first, &one);
	drain();
	forget();
	exchange(both, &two);
	drain();
	assert_int_equal(streams[GL_TO_SERVER].end, strlen(both) - strlen(first));
}

static uint64_t lost_chunks(void)
{
	uint64_t values[GL_CTR_MAX];

	assert_int_equal(kern_counters(kern, values), 0);
	return values[GL_CTR_LOST_CHUNK];
}

/* Nobody reads: the ring fills, everything else is counted; afterwards it goes on. */
static void test_losses_add_up(void **state UNUSED)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n";
	const struct service service = {.requests = 1, .body = PLAN};
	struct gl_chunk_account before, after;
	uint64_t counted = lost_chunks();

	forget();
	assert_int_equal(kern_chunk_account(kern, 0, &before), 0);
	for (int i = 0; i < 40; i++)
		exchange(request, &service);
	assert_int_equal(kern_chunk_account(kern, 0, &after), 0);
	assert_true(after.lost > before.lost);
	assert_int_equal(lost_chunks() - counted, after.lost - before.lost);
	drain();
	assert_int_equal(received, after.sent - before.sent);
	assert_true(received > 0);
	test_exact(NULL);
}

/* An inspector that is not there costs its chunks, counted. */
static void test_nobody(void **state UNUSED)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n";
	const struct service service = {.requests = 1, .body = 10};
	struct gl_chunk_account before, after;

	forget();
	kern_inspectors_shared(kern)[0].alive = 0;
	assert_int_equal(kern_chunk_account(kern, 0, &before), 0);
	assert_true(exchange(request, &service) > 10);
	assert_int_equal(kern_chunk_account(kern, 0, &after), 0);
	kern_inspectors_shared(kern)[0].alive = 1;
	drain();
	assert_int_equal(received, 0);
	assert_int_equal(after.sent, before.sent);
	assert_true(after.lost >= before.lost + 4); /* two heads, two ends */
}

/* Without inspectors nothing is copied, and nothing is lost. */
static void test_off(void **state UNUSED)
{
	static const char request[] = "GET /a HTTP/1.1\r\nHost: shop\r\n\r\n";
	const struct service service = {.requests = 1, .body = 10};
	uint64_t counted = lost_chunks();

	forget();
	assert_int_equal(kern_inspectors(kern, 0, 0), 0);
	assert_true(exchange(request, &service) > 10);
	drain();
	assert_int_equal(received, 0);
	assert_int_equal(lost_chunks(), counted);
	assert_int_equal(kern_inspectors(kern, 1, 0), 0);
}

/* ---------------------------------------------------------------------------------------------
 * The scene
 */
static void loopback_up(void)
{
	struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
}

static void listen_here(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(listener, 16), 0);
}

static void install(void)
{
	static const struct compile_keys keys = {{1, 2}, {3, 4}};
	_cleanup_(policy_freep) struct policy *policy = NULL;
	_cleanup_free_ struct gl_policy *image = calloc(1, sizeof(*image));
	struct problems problems;
	struct intern *intern = NULL;

	assert_int_equal(problems_init(&problems, "test.yaml"), 0);
	assert_int_equal(policy_read(text, strlen(text), "test.yaml", &problems, &policy), 0);
	assert_int_equal(intern_new(&intern), 0);
	assert_int_equal(policy_compile(policy, &keys, 1, intern, &problems, image), 0);
	assert_int_equal(kern_policy_install(kern, image), 0);
	kern_control(kern)->mode = GL_MODE_ENFORCE;
	intern_free(intern);
	problems_clear(&problems);
}

static int setup(void **state UNUSED)
{
	struct kern_options options = {.pin_dir = pin_dir, .window_lines = 1 << 12};
	const char *device = NULL;
	char *error = NULL;
	int r;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	loopback_up();
	mkdir("/sys/fs/bpf/glacis-test", 0700);
	snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/glacis-test/chunks-%d", (int)getpid());
	r = kern_open(&options, &error, &kern);
	if (r < 0) {
		print_error("%s\n", error ? error : strerror(-r));
		return -1;
	}
	install();
	assert_int_equal(kern_attach(kern, &device), 0);
	assert_int_equal(kern_inspectors(kern, 1, RING_BYTES), 0);
	kern_inspectors_shared(kern)[0].alive = 1;
	ring = ring_buffer__new(kern_inspector_ring_fd(kern, 0), take, NULL, NULL);
	assert_non_null(ring);
	listen_here();
	return 0;
}

static int teardown(void **state UNUSED)
{
	ring_buffer__free(ring);
	cleanup_close(&listener);
	if (kern)
		kern_detach(kern);
	kern_free(kern);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),         cmocka_unit_test(test_plan),
		cmocka_unit_test(test_pipelined),     cmocka_unit_test(test_refused),
		cmocka_unit_test(test_losses_add_up), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_off),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, setup, teardown);
}
