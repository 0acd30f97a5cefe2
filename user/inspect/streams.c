/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * streams.c - bytes in order, once. Chunks that come in order go straight on, uncopied; others wait
 * as pieces, few and not for long, then what is missing is given up and counted. Of two copies of
 * a byte the first one counts: it is what was handed on.
 *
 * A reader may take less than it is offered: a response that came before its request waits the same
 * way, and no longer.
 */
#include "user/inspect/inspect_private.h"

#include <string.h>

/* What one chunk, or a part of it, is made of. */
struct span {
	uint64_t off;
	const uint8_t *bytes;
	uint32_t n;
	enum piece_kind kind;
	bool start;
	uint64_t ts_ns;
};

static void free_piece(struct inspect *in, struct connection *c, struct stream *s)
{
	struct piece *piece = s->pieces;
	uint32_t held = piece->kind == PIECE_BYTES ? piece->n : 0;

	s->pieces = piece->next;
	s->n_pieces--;
	s->piece_bytes -= held;
	connection_give(in, c, piece, sizeof(*piece) + held);
}

void streams_free(struct inspect *in, struct connection *c)
{
	for (int d = 0; d < 2; d++)
		while (c->stream[d].pieces)
			free_piece(in, c, &c->stream[d]);
}

bool streams_over(const struct connection *c)
{
	return c->stream[GL_TO_SERVER].ended && c->stream[GL_TO_CLIENT].ended;
}

static void lose(struct inspect *in, struct connection *c, int direction, uint64_t n)
{
	count(in, REPORT_COUNT_GAPS, 1);
	count(in, REPORT_COUNT_GAP_BYTES, n);
	c->stream[direction].next += n;
	protocol_gap(in, c, direction, n, false);
}

/* Hands a span on that begins at s->next. Returns how much of it was taken. */
static uint32_t hand_on(struct inspect *in, struct connection *c, int direction,
			const struct span *span)
{
	struct stream *s = &c->stream[direction];
	uint32_t taken = span->n;

	if (s->ended)
		return span->n;
	c->now_ns = span->ts_ns;
	if (span->kind == PIECE_FAULT) {
		lose(in, c, direction, span->n);
		return span->n;
	}
	if (span->kind == PIECE_PLAN) {
		s->next += span->n;
		protocol_gap(in, c, direction, span->n, true);
		return span->n;
	}
	taken = protocol_data(in, c, direction, span->bytes, span->n, span->start);
	s->next += taken;
	s->held = taken < span->n;
	return taken;
}

static bool insert_between(struct inspect *in, struct connection *c, struct stream *s,
			   struct piece **at, const struct span *span)
{
	uint32_t held = span->kind == PIECE_BYTES ? span->n : 0;
	struct piece *piece = connection_take(in, c, sizeof(*piece) + held, false);

	if (!piece)
		return false; /* the hole it leaves is a gap like any other */
	*piece = (struct piece){
		.next = *at,
		.off = span->off,
		.n = span->n,
		.kind = (uint8_t)span->kind,
		.start = span->start,
		.ts_ns = span->ts_ns,
	};
	if (held)
		memcpy(piece->bytes, span->bytes, held);
	*at = piece;
	s->n_pieces++;
	s->piece_bytes += held;
	return true;
}

/* The first n bytes of a span, which then begins after them. */
static struct span split(struct span *span, uint32_t n)
{
	struct span head = *span;

	head.n = n;
	span->off += n;
	span->n -= n;
	if (span->bytes)
		span->bytes += n;
	span->start = false;
	return head;
}

/* Keeps what of the span is not there yet. */
static void keep(struct inspect *in, struct connection *c, int direction, struct span span)
{
	struct stream *s = &c->stream[direction];
	struct piece **at = &s->pieces;

	if (span.off < s->next) {
		if (span.off + span.n <= s->next)
			return;
		split(&span, (uint32_t)(s->next - span.off));
	}
	while (span.n) {
		struct piece *piece = *at;
		struct span part;

		if (piece && piece->off + piece->n <= span.off) {
			at = &piece->next;
			continue;
		}
		if (piece && piece->off <= span.off) {
			uint64_t covered = piece->off + piece->n - span.off;

			if (covered >= span.n)
				return;
			split(&span, (uint32_t)covered);
			continue;
		}
		part = span;
		if (piece && piece->off - span.off < span.n)
			part = split(&span, (uint32_t)(piece->off - span.off));
		else
			span.n = 0;
		if (!insert_between(in, c, s, at, &part))
			return;
		at = &(*at)->next;
	}
}

/* Hands on the pieces that are next, until one is missing or the reader waits. */
static void drain(struct inspect *in, struct connection *c, int direction)
{
	struct stream *s = &c->stream[direction];

	while (s->pieces && s->pieces->off <= s->next && !s->held) {
		struct piece *piece = s->pieces;
		uint64_t skip = s->next - piece->off;
		struct span span = {piece->off,  piece->bytes, piece->n,
				    piece->kind, piece->start, piece->ts_ns};

		s->stalled_ns = 0; /* counted from the next one */
		if (skip < piece->n) {
			if (skip)
				split(&span, (uint32_t)skip);
			hand_on(in, c, direction, &span);
			if (s->held)
				break; /* it stays; what was taken is skipped next time */
		}
		free_piece(in, c, s);
	}
	if (!s->pieces && !s->ended && s->next >= s->end) {
		s->ended = true;
		protocol_end(in, c, direction);
	}
}

/* Notes how long this direction has been waiting. */
static void note_stall(struct inspect *in, struct connection *c, int direction)
{
	struct stream *s = &c->stream[direction];
	bool stalled = s->pieces || s->held || (s->end != UINT64_MAX && !s->ended);

	if (!stalled) {
		s->stalled_ns = 0;
		return;
	}
	if (!s->stalled_ns)
		s->stalled_ns = (s->pieces ? s->pieces->ts_ns : in->now_ns) ?: 1;
	connection_watch(in, c);
}

/* The other direction may have what this one's reader waits for. */
static void drain_both(struct inspect *in, struct connection *c, int direction)
{
	drain(in, c, direction);
	direction = other(direction);
	if (c->stream[direction].held) {
		c->stream[direction].held = false;
		drain(in, c, direction);
	}
	note_stall(in, c, GL_TO_SERVER);
	note_stall(in, c, GL_TO_CLIENT);
}

/* Hands the response that waits on, up to the next one that would. */
static void force_response(struct inspect *in, struct connection *c)
{
	c->forced = true;
	c->stream[GL_TO_CLIENT].held = false;
	drain(in, c, GL_TO_CLIENT);
	c->forced = false;
}

/* Did a response that waits come before the piece of a request that waits, too? */
static bool waits_longer(const struct stream *answers, const struct stream *requests)
{
	return answers->held && answers->pieces && requests->pieces &&
	       answers->pieces->ts_ns < requests->pieces->ts_ns;
}

/* Waits no longer for whatever this direction waits for. */
static void give_up(struct inspect *in, struct connection *c, int direction)
{
	struct stream *s = &c->stream[direction];

	if (s->held) {
		force_response(in, c);
	} else {
		uint64_t to = s->pieces ? s->pieces->off : s->end;

		/* what came before it does not answer what comes after the gap */
		while (direction == GL_TO_SERVER && waits_longer(&c->stream[GL_TO_CLIENT], s))
			force_response(in, c);
		if (to != UINT64_MAX && to > s->next)
			lose(in, c, direction, to - s->next);
	}
	s->stalled_ns = 0;
	drain_both(in, c, direction);
}

static bool too_much(const struct stream *s)
{
	return s->n_pieces > PIECES_MAX || s->piece_bytes > PIECE_BYTES_MAX;
}

static void take(struct inspect *in, struct connection *c, int direction, struct span span)
{
	struct stream *s = &c->stream[direction];

	if (!span.n)
		return;
	if (!s->known) {
		s->known = true;
		s->next = span.off;
	}
	if (span.off == s->next && !s->pieces && !s->held) {
		uint32_t taken = hand_on(in, c, direction, &span);

		if (taken == span.n)
			return;
		if (taken)
			split(&span, taken);
	}
	keep(in, c, direction, span);
	if (!s->held)
		drain(in, c, direction);
	while (too_much(s))
		give_up(in, c, direction);
}

static void take_end(struct connection *c, int direction, const struct gl_chunk *chunk)
{
	struct stream *s = &c->stream[direction];
	uint64_t at = chunk->off + (chunk->total > chunk->n ? chunk->total : chunk->n);

	/* a door that does not know where it ends says nothing by 0 */
	s->end = s->known && at > s->next ? at : s->next;
	for (const struct piece *piece = s->pieces; piece; piece = piece->next)
		if (piece->off + piece->n > s->end)
			s->end = piece->off + piece->n;
}

void streams_chunk(struct inspect *in, struct connection *c, const struct gl_chunk *chunk)
{
	int direction = chunk->direction;
	struct stream *s = &c->stream[direction];
	uint32_t beyond = chunk->total > chunk->n ? chunk->total - chunk->n : 0;
	struct span span = {.off = chunk->off,
			    .bytes = chunk->bytes,
			    .n = chunk->n,
			    .kind = PIECE_BYTES,
			    .start = true,
			    .ts_ns = chunk->rec.ts_ns};

	if (chunk->flags & GL_CHUNK_BEGIN)
		c->midstream = false;
	if (!s->known && !c->midstream) {
		s->known = true; /* from the first byte on, whichever came first here */
		s->next = 0;
	}
	take(in, c, direction, span);
	if (chunk->flags & (GL_CHUNK_PLAN | GL_CHUNK_FAULT)) {
		span.off += chunk->n;
		span.bytes = NULL;
		span.n = beyond;
		span.kind = chunk->flags & GL_CHUNK_FAULT ? PIECE_FAULT : PIECE_PLAN;
		span.start = false;
		take(in, c, direction, span);
	}
	if (chunk->flags & GL_CHUNK_END)
		take_end(c, direction, chunk);
	drain_both(in, c, direction);
}

/*
 * What is missing at the wire door may still be on its way: TCP sends it again, and the other end
 * reads nothing behind it before. Inside TLS there are no segments: what did not come is a record
 * lost in the ring. One figure for both directions and for a response that waits for its request,
 * or the response would be handed on without the request that is waited for.
 */
static uint64_t patience_ns(const struct inspect *in, const struct connection *c)
{
	return c->how == GL_HOW_WIRE ? in->options.resend_wait_ns : in->options.gap_wait_ns;
}

/* Has this direction waited too long? */
static bool expired(const struct inspect *in, const struct connection *c, int direction)
{
	const struct stream *s = &c->stream[direction];

	return s->stalled_ns && in->now_ns - s->stalled_ns >= patience_ns(in, c);
}

bool streams_tick(struct inspect *in, struct connection *c)
{
	struct stream *s = c->stream;

	for (int turns = 0; turns < 2 * PIECES_MAX; turns++) {
		bool up = expired(in, c, GL_TO_SERVER), down = expired(in, c, GL_TO_CLIENT);

		if (!up && !down)
			break;
		if (up && down)
			up = s[GL_TO_SERVER].stalled_ns <= s[GL_TO_CLIENT].stalled_ns;
		give_up(in, c, up ? GL_TO_SERVER : GL_TO_CLIENT);
	}
	return streams_over(c);
}

void streams_flush(struct inspect *in, struct connection *c)
{
	for (int turns = 0; turns < 4 * PIECES_MAX; turns++) {
		struct stream *s = c->stream;
		int direction;

		if (s[GL_TO_SERVER].pieces)
			direction = GL_TO_SERVER;
		else if (s[GL_TO_CLIENT].pieces)
			direction = GL_TO_CLIENT;
		else
			break;
		give_up(in, c, direction);
	}
}
