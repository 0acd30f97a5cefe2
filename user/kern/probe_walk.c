/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "user/kern/probe_walk.h"

#include <errno.h>
#include <string.h>

#include "user/base/cleanup.h"

#define STEPS_MAX 1024 /* instructions of all paths together */
#define DEPTH_MAX 16 /* branches on one path */
#define SLOTS     6 /* registers spilled to the frame */
#define INSN_MAX  15 /* bytes */

enum { RAX, RCX, RDX, RSP = 4, RBP, RSI, RDI, R8, R11 = 11, REGS = 16 };

/* ---------------------------------------------------------------------------------------------
 * One instruction
 */
enum form {
	UNKNOWN,
	NONE, /* changes flags at most */
	REG, /* gives the register of its ModRM a value */
	RM, /* or what r/m names */
	OPCODE, /* the register in the opcode */
	ACC, /* %rax */
	GROUP, /* the register field of ModRM says more */
	CALL,
	JUMP,
	BRANCH,
};

struct row {
	uint8_t from, to; /* opcodes */
	uint8_t form;
	bool modrm;
	uint8_t immediate; /* bytes */
};

static const struct row one_byte[] = {
	{0x63, 0x63, REG, true, 0}, /* movslq */
	{0x69, 0x69, REG, true, 4}, /* imul */
	{0x6b, 0x6b, REG, true, 1},   {0x70, 0x7f, BRANCH, false, 1},
	{0x80, 0x80, GROUP, true, 1}, {0x81, 0x81, GROUP, true, 4},
	{0x83, 0x83, GROUP, true, 1}, {0x84, 0x85, NONE, true, 0}, /* test */
	{0x88, 0x89, RM, true, 0}, /* mov */
	{0x8a, 0x8b, REG, true, 0},   {0x8d, 0x8d, REG, true, 0}, /* lea */
	{0x90, 0x90, NONE, false, 0}, /* nop */
	{0x98, 0x98, ACC, false, 0}, /* cltq */
	{0xa8, 0xa8, NONE, false, 1}, /* test */
	{0xa9, 0xa9, NONE, false, 4}, {0xb8, 0xbf, OPCODE, false, 4}, /* mov */
	{0xc0, 0xc1, RM, true, 1}, /* shifts */
	{0xc6, 0xc6, GROUP, true, 1}, /* mov */
	{0xc7, 0xc7, GROUP, true, 4}, {0xd0, 0xd3, RM, true, 0}, /* shifts */
	{0xe8, 0xe8, CALL, false, 4}, {0xe9, 0xe9, JUMP, false, 4},
	{0xeb, 0xeb, JUMP, false, 1}, {0xf6, 0xf7, GROUP, true, 0}, /* test, not, neg */
	{0xfe, 0xff, GROUP, true, 0}, /* inc, dec, call */
};

/* add, or, adc, sbb, and, sub, xor, cmp: the three low bits of the opcode. */
static const struct row arithmetic[] = {
	{0, 1, RM, true, 0},
	{2, 3, REG, true, 0},
	{4, 4, ACC, false, 1},
	{5, 5, ACC, false, 4},
};

static const struct row two_bytes[] = {
	{0x1f, 0x1f, NONE, true, 0}, /* nop */
	{0x40, 0x4f, REG, true, 0}, /* cmov */
	{0x80, 0x8f, BRANCH, false, 4}, {0x90, 0x9f, RM, true, 0}, /* setcc */
	{0xaf, 0xaf, REG, true, 0}, /* imul */
	{0xb6, 0xb7, REG, true, 0}, /* movzx */
	{0xbe, 0xbf, REG, true, 0}, /* movsx */
};

struct insn {
	size_t bytes;
	enum form form;
	uint8_t op;
	bool two; /* 0f op */
	uint8_t bits;
	bool segment; /* of %fs or %gs */
	bool memory; /* r/m is one */
	uint8_t reg, rm, base, index; /* REGS: none */
	int32_t displacement, immediate; /* of a jump: how far */
};

struct bytes {
	const uint8_t *at;
	size_t n, done;
};

/* Past the end: zeros, and done > n. */
static int32_t take(struct bytes *b, size_t n)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++, b->done++)
		if (b->done < b->n)
			v |= (uint32_t)b->at[b->done] << (8 * i);
	return n == 1 ? (int8_t)v : (int32_t)v;
}

static void take_modrm(struct bytes *b, uint8_t rex, struct insn *insn)
{
	uint8_t modrm = (uint8_t)take(b, 1), mod = modrm >> 6, sib;

	insn->reg = (modrm >> 3 & 7) | (rex & 4 ? 8 : 0);
	insn->rm = (modrm & 7) | (rex & 1 ? 8 : 0);
	insn->memory = mod != 3;
	insn->base = insn->rm;
	insn->index = REGS;
	if (!insn->memory)
		return;
	if ((modrm & 7) == RSP) {
		sib = (uint8_t)take(b, 1);
		insn->base = (sib & 7) | (rex & 1 ? 8 : 0);
		insn->index = (sib >> 3 & 7) | (rex & 2 ? 8 : 0);
		if (insn->index == RSP)
			insn->index = REGS;
	}
	if (mod == 0 && (insn->base & 7) == RBP) { /* %rip, or no base at all */
		insn->base = REGS;
		mod = 2;
	}
	insn->displacement = mod == 1 ? take(b, 1) : mod == 2 ? take(b, 4) : 0;
}

static const struct row *row_of(const struct row *rows, size_t n, uint8_t op)
{
	for (size_t i = 0; i < n; i++)
		if (op >= rows[i].from && op <= rows[i].to)
			return &rows[i];
	return NULL;
}

static void group(struct bytes *b, struct insn *insn)
{
	uint8_t which = insn->reg & 7;

	insn->form = UNKNOWN;
	if (insn->op <= 0x83) {
		insn->form = which == 7 ? NONE : RM; /* cmp */
	} else if (insn->op == 0xc6 || insn->op == 0xc7) {
		insn->form = which == 0 ? RM : UNKNOWN;
	} else if (insn->op == 0xf6 || insn->op == 0xf7) {
		insn->form = which == 0 ? NONE : which == 2 || which == 3 ? RM : UNKNOWN;
		if (which == 0)
			take(b, insn->op == 0xf6 ? 1 : 4);
		if (insn->bits == 16)
			insn->form = UNKNOWN;
	} else {
		insn->form = which < 2 ? RM : which == 2 && insn->op == 0xff ? CALL : UNKNOWN;
	}
}

static void take_operands(struct bytes *b, uint8_t rex, struct insn *insn)
{
	const struct row *row = insn->two ? row_of(two_bytes, ARRAY_SIZE(two_bytes), insn->op)
				: insn->op < 0x40
					? row_of(arithmetic, ARRAY_SIZE(arithmetic), insn->op & 7)
					: row_of(one_byte, ARRAY_SIZE(one_byte), insn->op);

	/* constants of another width are left out */
	if (!row || (row->immediate == 4 && insn->bits == 16) ||
	    (row->form == OPCODE && insn->bits == 64))
		return;
	insn->form = row->form;
	if (!insn->two && insn->op >= 0x38 && insn->op < 0x40)
		insn->form = NONE; /* cmp */
	if (row->modrm)
		take_modrm(b, rex, insn);
	if (row->form == OPCODE)
		insn->rm = (insn->op & 7) | (rex & 1 ? 8 : 0);
	insn->immediate = take(b, row->immediate);
	if (row->form == GROUP)
		group(b, insn);
	if (insn->two ? (insn->op & 0xf0) == 0x90 : row->modrm && !(insn->op & 1))
		insn->bits = 8;
	/* the second byte of a register; another register */
	if (insn->bits == 8 && !rex &&
	    ((insn->form == REG && insn->reg >= RSP) ||
	     (insn->form == RM && !insn->memory && insn->rm >= RSP)))
		insn->form = UNKNOWN;
	if (insn->op == 0x90 && !insn->two && rex)
		insn->form = UNKNOWN; /* xchg */
}

static struct insn decode(const uint8_t *code, size_t n)
{
	struct bytes b = {.at = code, .n = n < INSN_MAX ? n : INSN_MAX};
	struct insn insn = {.form = UNKNOWN, .bits = 32};
	uint8_t byte, rex = 0;

	while ((byte = (uint8_t)take(&b, 1)) && b.done < b.n) {
		if (byte == 0x66)
			insn.bits = 16;
		else if (byte == 0x64 || byte == 0x65)
			insn.segment = true;
		else if (byte != 0x2e && byte != 0x3e && byte != 0xf2)
			break; /* %cs and %ds say nothing here, bnd neither */
	}
	if ((byte & 0xf0) == 0x40) {
		rex = byte;
		byte = (uint8_t)take(&b, 1);
	}
	if (rex & 8)
		insn.bits = 64;
	insn.two = byte == 0x0f;
	insn.op = insn.two ? (uint8_t)take(&b, 1) : byte;
	take_operands(&b, rex, &insn);
	if (b.done > b.n)
		insn.form = UNKNOWN;
	insn.bytes = b.done;
	return insn;
}

/* ---------------------------------------------------------------------------------------------
 * What it does
 */
struct slot {
	struct walk_value place, holds;
};

struct state {
	struct walk_value regs[REGS];
	struct slot slots[SLOTS];
	size_t n_slots;
};

struct walk {
	const uint8_t *code;
	size_t n;
	const size_t *calls;
	size_t n_calls;
	struct walk_arrival *arrivals;
	size_t found, max, steps;
	bool failed;
};

static bool is_place(const struct walk_value *v)
{
	return v->kind == WALK_SP || v->kind == WALK_FP;
}

static bool same(const struct walk_value *a, const struct walk_value *b)
{
	return a->kind == b->kind && a->reg == b->reg && a->displacement == b->displacement;
}

/* The address of a memory operand, as far as it is one in the frame. */
static struct walk_value address(const struct state *s, const struct insn *insn)
{
	struct walk_value v = {.kind = WALK_OTHER};

	if (insn->segment || insn->base == REGS || insn->index != REGS)
		return v;
	v = s->regs[insn->base];
	if (v.kind == WALK_BEFORE && v.reg == RBP)
		v = (struct walk_value){.kind = WALK_FP};
	if (!is_place(&v) ||
	    __builtin_add_overflow(v.displacement, insn->displacement, &v.displacement))
		v = (struct walk_value){.kind = WALK_OTHER};
	return v;
}

static struct walk_value load(const struct state *s, const struct walk_value *place)
{
	for (size_t i = 0; is_place(place) && i < s->n_slots; i++)
		if (same(&s->slots[i].place, place))
			return s->slots[i].holds;
	return (struct walk_value){.kind = WALK_OTHER};
}

/*
 * What lay there, in part or whole, is gone, and what is reached by the other pointer, for it may
 * be the same place. Memory nobody knows is not where registers spill.
 */
static void store(struct state *s, const struct walk_value *place, int64_t bytes,
		  const struct walk_value *value)
{
	if (!is_place(place))
		return;
	for (size_t i = 0; i < s->n_slots;) {
		const struct walk_value *old = &s->slots[i].place;
		int64_t behind = (int64_t)place->displacement - old->displacement;

		if (old->kind != place->kind || (behind < 8 && behind + bytes > 0))
			s->slots[i] = s->slots[--s->n_slots];
		else
			i++;
	}
	if (bytes == 8 && s->n_slots < SLOTS)
		s->slots[s->n_slots++] = (struct slot){.place = *place, .holds = *value};
}

/* The value an instruction gives, of 64 bits. */
static struct walk_value given(const struct state *s, const struct insn *insn)
{
	struct walk_value other = {.kind = WALK_OTHER}, at;

	if (insn->two)
		return other;
	/* xor and sub of a register with itself; mov of a constant, which is 32 bits wide */
	if (!insn->memory && insn->reg == insn->rm && insn->bits != 16 &&
	    (insn->op == 0x31 || insn->op == 0x33 || insn->op == 0x29 || insn->op == 0x2b))
		return (struct walk_value){.kind = WALK_ZERO};
	if (insn->immediate == 0 && (insn->form == OPCODE || (insn->op == 0xc7 && !insn->memory)))
		return (struct walk_value){.kind = WALK_ZERO};
	if (insn->bits != 64)
		return other;
	if (insn->op == 0x89)
		return s->regs[insn->reg];
	if (insn->op == 0x8b && !insn->memory)
		return s->regs[insn->rm];
	if (insn->op != 0x8b && insn->op != 0x8d)
		return other;
	at = address(s, insn);
	return insn->op == 0x8d ? at : load(s, &at);
}

/* False: the path ends here. */
static bool apply(struct state *s, const struct insn *insn)
{
	struct walk_value value = given(s, insn), at;
	uint8_t to;

	if (insn->form == NONE)
		return true;
	if (insn->form == RM && insn->memory) {
		at = address(s, insn);
		store(s, &at, insn->bits / 8, &value);
		return true;
	}
	to = insn->form == REG ? insn->reg : insn->form == ACC ? RAX : insn->rm;
	if (to == RSP)
		return false;
	s->regs[to] = value;
	return true;
}

/* The System V ABI: what a function may change. */
static void called(struct state *s)
{
	for (int i = RAX; i <= R11; i++)
		if (i <= RDX || i >= RSI)
			s->regs[i] = (struct walk_value){.kind = WALK_OTHER};
}

static void arrive(struct walk *w, const struct state *s, size_t at)
{
	struct walk_arrival arrival = {
		.call = at,
		.argument = s->regs[RSI],
		.same_fp = s->regs[RBP].kind == WALK_BEFORE && s->regs[RBP].reg == RBP,
	};

	for (size_t i = 0; i < w->found; i++) {
		if (w->arrivals[i].call != at)
			continue;
		if (!same(&w->arrivals[i].argument, &arrival.argument) ||
		    w->arrivals[i].same_fp != arrival.same_fp)
			w->failed = true;
		return;
	}
	if (w->found == w->max)
		w->failed = true;
	else
		w->arrivals[w->found++] = arrival;
}

static bool is_wanted(const struct walk *w, size_t at)
{
	for (size_t i = 0; i < w->n_calls; i++)
		if (w->calls[i] == at)
			return true;
	return false;
}

static void follow(struct walk *w, struct state *s, size_t at, int depth)
{
	while (at < w->n && !w->failed) {
		struct insn insn = decode(w->code + at, w->n - at);
		size_t next = at + insn.bytes;

		if (++w->steps > STEPS_MAX) {
			w->failed = true;
		} else if (insn.form == UNKNOWN) {
			return;
		} else if (insn.form == CALL && is_wanted(w, at)) {
			arrive(w, s, at);
			return;
		} else if (insn.form == CALL) {
			called(s);
		} else if (insn.form == JUMP) {
			next += (size_t)(int64_t)insn.immediate; /* outside: beyond n */
		} else if (insn.form == BRANCH) {
			struct state other = *s;

			if (depth == DEPTH_MAX)
				w->failed = true;
			else
				follow(w, &other, next + (size_t)(int64_t)insn.immediate,
				       depth + 1);
		} else if (!apply(s, &insn)) {
			return;
		}
		at = next;
	}
}

int probe_walk(const uint8_t *code, size_t n, size_t start, const size_t *calls, size_t n_calls,
	       struct walk_arrival *ret_arrivals, size_t max)
{
	struct walk w = {.code = code,
			 .n = n,
			 .calls = calls,
			 .n_calls = n_calls,
			 .arrivals = ret_arrivals,
			 .max = max};
	struct state s = {};

	for (uint8_t i = 0; i < REGS; i++)
		s.regs[i] = (struct walk_value){.kind = WALK_BEFORE, .reg = i};
	s.regs[RSP] = (struct walk_value){.kind = WALK_SP};
	called(&s);
	follow(&w, &s, start, 0);
	return w.failed ? -ENOENT : (int)w.found;
}
