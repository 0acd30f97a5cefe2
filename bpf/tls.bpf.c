/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tls.bpf.c - the tls door: probes on the calls of a TLS library that read, write, shake hands and
 * free, and tracepoints that tell which socket a call is about. Decrypted requests are judged as
 * plaintext ones are; content goes to the inspectors.
 *
 * Which functions the probes sit on, and of what shape they are, the attach cookie says
 * (abi_chunk.h); user/kern attaches them, the tracepoints first.
 */
#define DOOR_TLS

#include "bpf/lib/bpf.h"

#include <linux/ptrace.h>

#include <bpf/bpf_tracing.h>

#include "bpf/lib/tables.h"
#include "bpf/lib/tls_certificate.h"
#include "bpf/lib/tls_out.h"
#include "bpf/lib/tls_outgoing.h"

char LICENSE[] SEC("license") = "GPL";

const struct {
	__u32 major, minor;
} abi SEC(".rodata.abi") = {GL_ABI_MAJOR, GL_ABI_MINOR};

__u8 served_ports[65536 / 8];

/* A call begins: remember what only its arguments tell. */
static __always_inline int tls_enter(struct pt_regs *ctx, __u32 op)
{
	struct tls_thread *t = tls_thread_get();
	__u64 cookie, fourth, fifth;

	if (!t)
		return 0;
	cookie = bpf_get_attach_cookie(ctx);
	t->call.ssl = PT_REGS_PARM1(ctx);
	t->call.buf = PT_REGS_PARM2(ctx);
	t->call.num = PT_REGS_PARM3(ctx);
	t->call.shape = cookie;
	/* the kernel reads the file: nobody can say what is in it */
	if (t->call.shape == GL_PROBE_FILE)
		t->call.buf = 0;
	t->call.library = cookie >> 8;
	fourth = PT_REGS_PARM4(ctx);
	fifth = PT_REGS_PARM5(ctx);
	/* both are loaded: the compiler would choose between two offsets of ctx */
	opaque(fourth);
	opaque(fifth);
	t->call.done = t->call.shape == GL_PROBE_EX_FLAGS ? fifth : fourth;
	t->call.op = op;
	t->inside.cookie = 0;
	t->inside.service = 0;
	t->inside.begins = 0;
	t->marks.server = t->marks.client = 0;
	return 0;
}

/* How many bytes the call moved; 0: none. */
static __always_inline __u32 tls_moved(const struct tls_call *call, __u64 ret)
{
	__u64 n = 0;

	if (call->shape == GL_PROBE_GNUTLS || call->shape == GL_PROBE_FILE) {
		n = (__s64)ret > 0 ? ret : 0;
	} else if (call->shape == GL_PROBE_PLAIN) {
		n = (__s32)ret > 0 ? (__u32)ret : 0;
	} else if ((__s32)ret == 1 &&
		   bpf_probe_read_user(&n, sizeof(n), (const void *)call->done)) {
		count(GL_CTR_UNJUDGED_FAULT);
		return 0;
	}
	return n > TLS_CALL_MAX ? 0 : n;
}

static __always_inline void tls_moved_count(const struct tls_call *call, __u32 n)
{
	struct gl_probe_account *account = tls_account_of(call);

	if (!account)
		return;
	if (call->op == TLS_CALL_READ) {
		__sync_fetch_and_add(&account->reads, 1);
		__sync_fetch_and_add(&account->bytes_read, n);
	} else if (call->op == TLS_CALL_WRITE) {
		__sync_fetch_and_add(&account->writes, 1);
		__sync_fetch_and_add(&account->bytes_written, n);
	} else {
		__sync_fetch_and_add(&account->handshakes, 1);
	}
}

/*
 * All heads of a call, as many as a record of 16 KiB can hold. True: there are more still, and the
 * application has requests that nobody judged.
 */
static __always_inline int tls_take_heads(struct tls_scratch *x, struct tls_conn *c)
{
	for (int turn = 0; turn < 32; turn++)
		if (tls_in_data(x, c) != TLS_IN_MORE)
			return 0;
	return 1;
}

/* What a call moved goes where it belongs. The call stays where it is: the stack has no room. */
static __always_inline void tls_take(struct pt_regs *ctx, struct tls_thread *t, __u32 op)
{
	struct tls_scratch *x;
	struct tls_conn *c;
	__u32 n;

	c = tls_conn_of(t, &t->call);
	if (!c) {
		x = outgoing_control() ? tls_scratch_get() : NULL;
		n = x && op != TLS_CALL_HANDSHAKE ? tls_moved(&t->call, PT_REGS_RC(ctx)) : 0;
		if (x)
			outgoing_call(x, t, n);
		return;
	}
	if (t->marks.server | t->marks.client)
		tls_certificate_told(c, &t->marks);
	if (op == TLS_CALL_HANDSHAKE) {
		tls_moved_count(&t->call, 0);
		return;
	}
	n = tls_moved(&t->call, PT_REGS_RC(ctx));
	if (!n)
		return;
	tls_moved_count(&t->call, n);
	x = tls_scratch_get();
	if (!x) {
		tls_conn_lost(&c->sock);
		return;
	}
	tls_run_begin(x, t->call.buf, n);
	if (op == TLS_CALL_READ) {
		tls_scratch_name(x, c, GL_TO_SERVER);
		if (tls_take_heads(x, c))
			tls_conn_lost(&c->sock);
		c->off[GL_TO_SERVER] += n;
	} else {
		tls_scratch_name(x, c, GL_TO_CLIENT);
		tls_out_data(x, c);
		c->off[GL_TO_CLIENT] += n;
	}
}

/* A call ends. */
static __always_inline int tls_leave(struct pt_regs *ctx, __u32 op)
{
	struct tls_thread *t;

	t = bpf_task_storage_get(&tls_threads, (void *)bpf_get_current_task_btf(), NULL, 0);
	if (!t || t->call.op != op)
		return 0;
	tls_take(ctx, t, op);
	t->call.op = TLS_CALL_NONE;
	return 0;
}

SEC("uprobe")
int tls_read_enter(struct pt_regs *ctx)
{
	return tls_enter(ctx, TLS_CALL_READ);
}

SEC("uretprobe")
int tls_read_leave(struct pt_regs *ctx)
{
	return tls_leave(ctx, TLS_CALL_READ);
}

SEC("uprobe")
int tls_write_enter(struct pt_regs *ctx)
{
	return tls_enter(ctx, TLS_CALL_WRITE);
}

/*
 * The response guard, beside tls_write_enter and attached only while a policy has something to look
 * for. Sleepable, where the kernel lets it be.
 */
SEC("uprobe.s")
int tls_write_guard(struct pt_regs *ctx)
{
	__u32 shape = (__u8)bpf_get_attach_cookie(ctx);
	__u64 from = PT_REGS_PARM2(ctx), n = PT_REGS_PARM3(ctx), size = PT_REGS_PARM4(ctx);

	/* both are loaded: the compiler would choose between two offsets of ctx */
	opaque(n);
	opaque(size);
	if (shape == GL_PROBE_PLAIN)
		n = (__s32)n > 0 ? (__u32)n : 0;
	if (shape == GL_PROBE_FILE) {
		from = 0;
		n = size;
	}
	if (!n)
		return 0;
	return tls_guard_call(PT_REGS_PARM1(ctx), from, n > TLS_CALL_MAX ? TLS_CALL_MAX : n);
}

SEC("uretprobe")
int tls_write_leave(struct pt_regs *ctx)
{
	return tls_leave(ctx, TLS_CALL_WRITE);
}

SEC("uprobe")
int tls_handshake_enter(struct pt_regs *ctx)
{
	return tls_enter(ctx, TLS_CALL_HANDSHAKE);
}

SEC("uretprobe")
int tls_handshake_leave(struct pt_regs *ctx)
{
	return tls_leave(ctx, TLS_CALL_HANDSHAKE);
}

/* The handle is freed: its connection is over, whatever the socket does. */
SEC("uprobe")
int tls_free(struct pt_regs *ctx)
{
	const struct gl_control *control = control_get();
	struct tls_scratch *x;
	struct tls_thread *t;
	struct tls_conn *c;
	struct gl_tls_key k;

	tls_key_of(PT_REGS_PARM1(ctx), &k);
	c = bpf_map_lookup_elem(&tls_conns, &k);
	if (!c)
		outgoing_free(&k);
	if (!c || !control)
		return 0;
	t = bpf_task_storage_get(&tls_threads, (void *)bpf_get_current_task_btf(), NULL, 0);
	if (t && t->last.cookie == c->sock.cookie)
		t->last.cookie = 0;
	x = tls_scratch_get();
	if (x)
		tls_end(x, c, control->n_inspectors);
	claim_drop(c->sock.cookie);
	bpf_map_delete_elem(&tls_conns, &k);
	return 0;
}

/* Behind i2d_X509() in libssl's own code: its result, and on the stack the pointer it moved on. */
SEC("uprobe")
int tls_encoded(struct pt_regs *ctx)
{
	struct tls_thread *t = tls_certificate_thread();
	__u64 cookie = bpf_get_attach_cookie(ctx), sp = PT_REGS_SP(ctx), fp = PT_REGS_FP(ctx);
	__u32 operand = cookie >> GL_PROBE_OPERAND_SHIFT;
	__u64 end = 0;

	/* both are loaded: the compiler would choose between two offsets of ctx */
	opaque(sp);
	opaque(fp);
	if (!t)
		return 0;
	sp = (operand >> 16 ? fp : sp) + (__s16)operand;
	if (bpf_probe_read_user(&end, sizeof(end), (const void *)sp)) {
		count(GL_CTR_LOST_CERTIFICATE);
		return 0;
	}
	return tls_certificate_encoded(t, end, PT_REGS_RC(ctx));
}

/* i2d_X509(certificate, out): encodes, if out and *out are there, and moves *out on. */
SEC("uprobe")
int tls_encode_enter(struct pt_regs *ctx)
{
	struct tls_thread *t = tls_certificate_thread();

	if (t)
		t->encode_out = PT_REGS_PARM2(ctx);
	return 0;
}

SEC("uretprobe")
int tls_encode_leave(struct pt_regs *ctx)
{
	struct tls_thread *t = tls_certificate_thread();
	__s32 n = PT_REGS_RC(ctx);
	__u64 out, end = 0;

	if (!t || !t->encode_out)
		return 0;
	out = t->encode_out;
	t->encode_out = 0;
	if (n <= 0 || bpf_probe_read_user(&end, sizeof(end), (const void *)out) || end < (__u32)n)
		return 0;
	return tls_certificate_seen(t, end - n, n, 0);
}

/* d2i_X509(certificate, in, length): decodes what *in points to. */
SEC("uprobe")
int tls_decode_enter(struct pt_regs *ctx)
{
	struct tls_thread *t = tls_certificate_thread();
	__s64 n = PT_REGS_PARM3(ctx);
	__u64 in = PT_REGS_PARM2(ctx), from = 0;

	if (!t || n <= 0 || n > TLS_CERTIFICATE_MAX || !in ||
	    bpf_probe_read_user(&from, sizeof(from), (const void *)in))
		return 0;
	return tls_certificate_seen(t, from, n, 1);
}

SEC("tp_btf/tcp_rcv_space_adjust")
int tls_received(__u64 *ctx)
{
	if (tls_receive((struct sock *)ctx[0]) == TLS_RECEIVED_OTHER)
		outgoing_receive((struct sock *)ctx[0]);
	return 0;
}

/*
 * A connection's socket goes: once for each, when it is closed and its owner has let go of it,
 * both. One the peer reset stays until the application closes it: what it still holds is judged.
 */
SEC("tp_btf/tcp_destroy_sock")
int tls_closed(__u64 *ctx)
{
	__u64 cookie = ((struct sock *)ctx[0])->__sk_common.skc_cookie.counter;
	struct gl_tls_key *k;
	struct tls_conn *c;

	if (!cookie)
		return 0;
	cut_forget(cookie);
	h2_forget(cookie);
	k = claim_of(cookie);
	c = k ? bpf_map_lookup_elem(&tls_conns, k) : NULL;
	if (c && c->sock.cookie == cookie)
		c->closed_ns = bpf_ktime_get_boot_ns();
	return 0;
}
