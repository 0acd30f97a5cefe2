/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/keeper/inspectors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "user/base/cleanup.h"
#include "user/base/clock.h"
#include "user/detect/expect.h"
#include "user/inspector/inspector.h"
#include "user/keeper/certificates.h"
#include "user/keeper/judge_head.h"
#include "user/keeper/keeper.h"
#include "user/keeper/transactions.h"

#define RESTART_MS       50 /* the first time; twice as long each time it ends soon again */
#define RESTART_MAX_MS   400
#define STEADY_NS        (10 * CLOCK_NS_PER_S) /* lived so long: an end is a first one again */
#define SILENCE_NS       (10 * CLOCK_NS_PER_S)
#define LOADING_NS       (60 * CLOCK_NS_PER_S) /* until its first word */
#define MESSAGES_A_TURN  64
#define RECORD_BYTES_MAX 4096

struct one {
	struct inspectors *all;
	struct inspector *process;
	struct event *readable, *restart;
	unsigned number;
	bool ready;
	uint64_t begun_ns, heard_ns; /* CLOCK_MONOTONIC */
	uint64_t generation; /* it was told */
	unsigned soon; /* how often in a row it ended soon */
	uint64_t restarts;
	uint64_t counts[REPORT_COUNT_MAX]; /* of this process */
	uint64_t before[REPORT_COUNT_MAX]; /* of those before it */
};

struct inspectors {
	struct keeper *keeper;
	struct inspectors_losses losses;
	int policy_fd; /* a copy of the ruling policy, sealed */
	uint64_t policy_generation; /* of it */
	size_t policy_size; /* of the file */
	size_t n;
	struct one items[GL_INSPECTORS_MAX];
	_Alignas(8) uint8_t message[REPORT_MESSAGE_MAX];
};

static void ended(struct one *one, const char *why);

const char *inspectors_count_name(enum report_count count)
{
	static const char *const names[] = {
#define NAME(name, text) [REPORT_COUNT_##name] = text,
		REPORT_COUNT_LIST(NAME)
#undef NAME
	};

	return (unsigned)count < REPORT_COUNT_MAX ? names[count] : "unknown";
}

/* ---------------------------------------------------------------------------------------------
 * To an inspector
 */

/* 0; -EAGAIN: it does not keep up. The end of the process shows when the channel is read. */
static int tell(const struct one *one, const void *bytes, size_t size, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec part = {(void *)bytes, size};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *header;

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	if (sendmsg(inspector_fd(one->process), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return -errno;
	return 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write(fd, bytes + at, size - at);

		if (n < 0)
			return -errno;
		at += (size_t)n;
	}
	return 0;
}

/* Behind the image: what it does not hold. A policy whose text was lost expects nothing. */
static int write_expected(const struct inspectors *inspectors, int fd, size_t *ret_size)
{
	struct apply *apply = inspectors->keeper->apply;
	const struct ruling *ruling = apply ? apply_ruling(apply) : NULL;
	_cleanup_free_ uint8_t *bytes = NULL;
	size_t size = 0;
	int r;

	*ret_size = 0;
	if (!ruling || !ruling->policy)
		return 0;
	r = expect_pack(ruling->policy, apply_intern(apply), &bytes, &size);
	if (r == 0)
		r = write_all(fd, bytes, size);
	if (r == 0)
		*ret_size = size;
	return r;
}

/*
 * A copy that nobody can write: the kernel's own map would have to be given away with the right to
 * write it, for a read-only descriptor of a map cannot be mapped (measured on 6.18).
 */
static int copy_policy(struct inspectors *inspectors, uint64_t generation)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	const uint8_t *image = (const uint8_t *)kern_policy(inspectors->keeper->kern);
	_cleanup_close_ int fd = -1;
	size_t expected = 0;
	int r;

	if (inspectors->policy_fd >= 0 && inspectors->policy_generation == generation)
		return 0;
	if (!image)
		return -ENOENT;
	fd = memfd_create("policy", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	r = write_all(fd, image, sizeof(struct gl_policy));
	if (r == 0)
		r = write_expected(inspectors, fd, &expected);
	if (r < 0)
		return r;
	if (fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -errno;
	cleanup_close(&inspectors->policy_fd);
	inspectors->policy_fd = TAKE_FD(fd);
	inspectors->policy_generation = generation;
	inspectors->policy_size = sizeof(struct gl_policy) + expected;
	return 0;
}

static void tell_policy(struct one *one)
{
	struct kern *kern = one->all->keeper->kern;
	struct report_policy report = {
		.report = {.kind = REPORT_POLICY, .len = sizeof(report)},
		.generation = kern_generation(kern),
	};
	int r;

	if (!report.generation || !one->ready || one->generation == report.generation)
		return;
	r = copy_policy(one->all, report.generation);
	report.size = one->all->policy_size;
	if (r == 0)
		r = tell(one, &report, sizeof(report), one->all->policy_fd);
	if (r == 0)
		one->generation = report.generation;
	else if (r != -EAGAIN && r != -EPIPE)
		log_err(r, "inspector %u is not told the policy", one->number);
}

void inspectors_policy(struct inspectors *inspectors)
{
	for (size_t i = 0; inspectors && i < inspectors->n; i++)
		tell_policy(&inspectors->items[i]);
}

void inspectors_record(struct inspectors *inspectors, uint64_t conn, const struct gl_rec *record,
		       size_t size)
{
	struct {
		struct report report;
		uint8_t bytes[RECORD_BYTES_MAX];
	} whole;
	size_t len = sizeof(whole.report) + ((size + 7) & ~(size_t)7);
	const struct one *one;

	if (!inspectors)
		return;
	one = inspectors->n ? &inspectors->items[conn % inspectors->n] : NULL;
	/* one that is loading still reads it when it is done */
	if (!one || !one->readable || size > sizeof(whole.bytes)) {
		inspectors->losses.records++;
		return;
	}
	whole.report = (struct report){.kind = REPORT_RECORD, .len = (uint32_t)len};
	memcpy(whole.bytes, record, size);
	memset(whole.bytes + size, 0, len - sizeof(whole.report) - size);
	if (tell(one, &whole, len, -1) < 0)
		inspectors->losses.records++;
}

/* ---------------------------------------------------------------------------------------------
 * From an inspector: each taker returns false for what no inspector of ours writes
 */
static bool take_ready(struct one *one, const struct report *report)
{
	(void)report;
	one->ready = true;
	tell_policy(one);
	return true;
}

static bool take_account(struct one *one, const struct report *report)
{
	const struct report_account *account = (const struct report_account *)report;

	memcpy(one->counts, account->counts, sizeof(one->counts));
	return true;
}

static bool take_transaction(struct one *one, const struct report *report)
{
	return transactions_take(one->all->keeper, (const struct report_transaction *)report);
}

static bool take_finding(struct one *one, const struct report *report)
{
	return transactions_take_finding(one->all->keeper, (const struct report_finding *)report);
}

static bool take_head(struct one *one, const struct report *report)
{
	return judge_head(one->all->keeper, (const struct report_head *)report);
}

static bool take_read(struct one *one, const struct report *report)
{
	judge_read(one->all->keeper, (const struct report_read *)report);
	return true;
}

static bool take_certificate(struct one *one, const struct report *report)
{
	const struct report_certificate *c = (const struct report_certificate *)report;

	if (!certificates_take(one->all->keeper, c))
		return false;
	certificates_learn(one->all->keeper, c);
	return true;
}

static const struct {
	size_t size;
	bool (*take)(struct one *one, const struct report *report);
} kinds[REPORT_KIND_MAX] = {
	[REPORT_READY] = {sizeof(struct report), take_ready},
	[REPORT_ACCOUNT] = {sizeof(struct report_account), take_account},
	[REPORT_TRANSACTION] = {sizeof(struct report_transaction), take_transaction},
	[REPORT_FINDING] = {sizeof(struct report_finding), take_finding},
	[REPORT_HEAD] = {sizeof(struct report_head), take_head},
	[REPORT_READ] = {sizeof(struct report_read), take_read},
	[REPORT_CERTIFICATE] = {sizeof(struct report_certificate), take_certificate},
};

static bool take_message(struct one *one, const uint8_t *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		const struct report *report = (const struct report *)(bytes + at);

		if (n - at < sizeof(*report) || report->kind >= REPORT_KIND_MAX ||
		    !kinds[report->kind].take || report->len != kinds[report->kind].size ||
		    report->len > n - at || !kinds[report->kind].take(one, report))
			return false;
		at += report->len;
	}
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *userdata)
{
	struct one *one = userdata;
	struct inspectors *all = one->all;

	(void)what;
	for (int i = 0; i < MESSAGES_A_TURN; i++) {
		ssize_t n = recv(fd, all->message, sizeof(all->message), MSG_DONTWAIT | MSG_TRUNC);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			ended(one, NULL);
			return;
		}
		one->heard_ns = clock_monotonic_ns();
		if ((size_t)n > sizeof(all->message) ||
		    !take_message(one, all->message, (size_t)n)) {
			all->losses.refused++;
			ended(one, "it wrote what no inspector writes");
			return;
		}
	}
}

/* ---------------------------------------------------------------------------------------------
 * Beginning and end of a process
 */
/* Before it is ready its ring fills already: it reads what came meanwhile. */
static int listen_to(struct one *one)
{
	struct gl_inspector *shared = kern_inspectors_shared(one->all->keeper->kern);

	if (shared)
		__atomic_store_n(&shared[one->number].alive, 1, __ATOMIC_RELEASE);
	one->begun_ns = one->heard_ns = clock_monotonic_ns();
	one->ready = false;
	one->generation = 0;
	one->readable = event_new(one->all->keeper->base, inspector_fd(one->process),
				  EV_READ | EV_PERSIST, on_readable, one);
	if (!one->readable || event_add(one->readable, NULL) < 0)
		return -ENOMEM;
	return 0;
}

static const char *explain(int status)
{
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == SIGSYS ? "it made a system call it may not make"
						  : strsignal(WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) ? "it could not go on" : "it ended";
}

static void restart_later(struct one *one)
{
	unsigned shift = one->soon < 4 ? one->soon : 4;
	unsigned ms = RESTART_MS << shift;
	struct timeval tv = {.tv_usec = (ms < RESTART_MAX_MS ? ms : RESTART_MAX_MS) * 1000};

	event_add(one->restart, &tv);
}

/* Its ring goes on filling meanwhile: the next one reads on from there. */
static void ended(struct one *one, const char *why)
{
	pid_t pid = inspector_pid(one->process);
	int status;

	event_free(one->readable);
	one->readable = NULL;
	one->ready = false;
	inspector_end(one->process, &status);
	for (int i = 0; i < REPORT_COUNT_MAX; i++) {
		one->before[i] += one->counts[i];
		one->counts[i] = 0;
	}
	one->restarts++;
	one->all->losses.restarts++;
	one->soon = clock_monotonic_ns() - one->begun_ns < STEADY_NS ? one->soon + 1 : 0;
	records_note(one->all->keeper, EVENT_AGENT, "keeper",
		     "inspector %u (pid %d) is started again: %s; enforcement is not affected",
		     one->number, (int)pid, why ? why : explain(status));
	restart_later(one);
}

static void on_restart(evutil_socket_t fd, short what, void *userdata)
{
	struct one *one = userdata;
	int r = inspector_restart(one->process);

	(void)fd;
	(void)what;
	if (r == 0)
		r = listen_to(one);
	if (r < 0) {
		log_err(r, "cannot start inspector %u again", one->number);
		one->soon++;
		restart_later(one);
	}
}

static void look_after(struct one *one, uint64_t now_ns)
{
	uint64_t patience_ns = one->ready ? SILENCE_NS : LOADING_NS;

	if (one->readable && now_ns - one->heard_ns > patience_ns)
		ended(one, "it said nothing for too long");
	else
		tell_policy(one);
}

void inspectors_tick(struct inspectors *inspectors)
{
	uint64_t now_ns = clock_monotonic_ns();

	for (size_t i = 0; inspectors && i < inspectors->n; i++)
		look_after(&inspectors->items[i], now_ns);
}

static int start_one(struct one *one, uint32_t ring_bytes)
{
	const struct keeper *keeper = one->all->keeper;
	struct inspector_options options = {
		.log_format = keeper->options->log_format,
		.number = one->number,
		.ring_fd = kern_inspector_ring_fd(keeper->kern, one->number),
		.lines_fd = kern_inspectors_fd(keeper->kern),
		.ring_bytes = ring_bytes,
	};
	int r;

	one->restart = evtimer_new(keeper->base, on_restart, one);
	if (!one->restart)
		return -ENOMEM;
	r = inspector_start(&options, &one->process);
	return r < 0 ? r : listen_to(one);
}

static size_t wanted(const struct options *options)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (options->inspectors >= 0)
		return (size_t)options->inspectors;
	return cpus < 1 ? 1 : cpus > GL_INSPECTORS_MAX ? GL_INSPECTORS_MAX : (size_t)cpus;
}

int inspectors_new(struct keeper *keeper, struct inspectors **ret_inspectors)
{
	struct inspectors *inspectors = calloc(1, sizeof(*inspectors));
	size_t n = wanted(keeper->options);
	int r;

	if (!inspectors)
		return log_err(-ENOMEM, "inspectors");
	inspectors->keeper = keeper;
	inspectors->policy_fd = -1;
	r = kern_inspectors(keeper->kern, (uint32_t)n, 0);
	for (unsigned i = 0; r == 0 && i < n; i++) {
		inspectors->items[i].all = inspectors;
		inspectors->items[i].number = i;
		inspectors->n++;
		r = start_one(&inspectors->items[i], kern_inspector_ring_bytes(keeper->kern, i));
	}
	if (r < 0) {
		inspectors_free(inspectors);
		return log_err(r, "inspectors cannot be started");
	}
	*ret_inspectors = inspectors;
	return 0;
}

/* Doors stop copying for those that nobody follows. */
void inspectors_free(struct inspectors *inspectors)
{
	struct gl_inspector *shared =
		inspectors ? kern_inspectors_shared(inspectors->keeper->kern) : NULL;

	for (size_t i = 0; inspectors && i < inspectors->n; i++) {
		struct one *one = &inspectors->items[i];

		if (one->readable)
			event_free(one->readable);
		if (one->restart)
			event_free(one->restart);
		inspector_stop(one->process);
		if (shared)
			__atomic_store_n(&shared[i].alive, 0, __ATOMIC_RELEASE);
	}
	if (inspectors) {
		cleanup_close(&inspectors->policy_fd);
	}
	free(inspectors);
}

/* ---------------------------------------------------------------------------------------------
 * About them
 */
uint64_t inspectors_count(const struct inspectors *inspectors, enum report_count count)
{
	uint64_t sum = 0;

	for (size_t i = 0; inspectors && i < inspectors->n; i++)
		sum += inspectors->items[i].before[count] + inspectors->items[i].counts[count];
	return sum;
}

struct inspectors_losses inspectors_losses(const struct inspectors *inspectors)
{
	return inspectors ? inspectors->losses : (struct inspectors_losses){};
}

size_t inspectors_ready(const struct inspectors *inspectors, size_t *ret_n)
{
	size_t ready = 0;

	for (size_t i = 0; inspectors && i < inspectors->n; i++)
		ready += inspectors->items[i].ready;
	*ret_n = inspectors ? inspectors->n : 0;
	return ready;
}

static json_t *one_json(const struct one *one)
{
	const struct kern *kern = one->all->keeper->kern;
	const struct gl_inspector *shared = kern_inspectors_shared(kern);
	struct gl_chunk_account account = {};
	uint64_t received = 0;

	kern_chunk_account(kern, one->number, &account);
	if (shared)
		received = __atomic_load_n(&shared[one->number].received, __ATOMIC_RELAXED);
	return json_pack("{s:i, s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "number",
			 (int)one->number, "pid", (int)inspector_pid(one->process), "state",
			 one->ready      ? "ready"
			 : one->readable ? "starting"
					 : "ended",
			 "restarts", (json_int_t)one->restarts, "sent", (json_int_t)account.sent,
			 "received", (json_int_t)received, "lost", (json_int_t)account.lost,
			 "lostBodies", (json_int_t)account.lost_bodies, "lostBytes",
			 (json_int_t)account.lost_bytes, "reportsLost",
			 (json_int_t)(one->before[REPORT_COUNT_REPORTS_LOST] +
				      one->counts[REPORT_COUNT_REPORTS_LOST]));
}

json_t *inspectors_json(const struct inspectors *inspectors)
{
	json_t *list = json_array();

	for (size_t i = 0; inspectors && i < inspectors->n; i++)
		json_array_append_new(list, one_json(&inspectors->items[i]));
	return list;
}
