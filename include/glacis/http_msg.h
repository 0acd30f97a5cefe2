/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * http_msg.h - the state of an HTTP/1.x stream: framing of one direction, what judging needs of a
 * request's head, and the cursor over one piece of bytes. Code that moves it: http.h.
 */
#pragma once

#include "include/glacis/abi.h"
#include "include/glacis/addr_text.h"
#include "include/glacis/route.h"
#include "include/glacis/siphash.h"

enum http_phase {
	HTTP_IDLE, /* between messages; empty lines are skipped (RFC 9112 section 2.2) */
	/* request line */
	HTTP_METHOD,
	HTTP_TARGET, /* first byte of the request-target */
	HTTP_SCHEME, /* absolute-form up to the authority's end */
	HTTP_PATH,
	HTTP_QUERY,
	HTTP_VERSION, /* shared with the status line */
	/* status line */
	HTTP_STATUS,
	HTTP_LINE, /* rest of a line nobody reads */
	/* fields */
	HTTP_FIELD,
	HTTP_NAME,
	HTTP_VALUE,
	HTTP_END_LF, /* CR of the empty line seen */
	/* bodies: remaining counts down outside of http_step() */
	HTTP_BODY,
	HTTP_UNTIL_CLOSE,
	HTTP_TUNNEL,
	HTTP_CHUNK_SIZE,
	HTTP_CHUNK_EXT,
	HTTP_CHUNK_DATA,
	HTTP_CHUNK_CRLF,
	HTTP_TRAILER,
	HTTP_TRAILER_LINE,
	HTTP_TRAILER_LF,
	HTTP_FAILED, /* outcome says why; nothing more is parsed on this stream */
};

enum http_flags {
	HTTP_F_RESPONSE = 1,
	HTTP_F_LENGTH = 2, /* Content-Length seen */
	HTTP_F_CHUNKED = 4, /* last transfer coding so far is chunked */
	HTTP_F_CODING = 8, /* Transfer-Encoding seen */
	HTTP_F_HTTP10 = 16,
	HTTP_F_H2C = 32, /* Upgrade: h2c */
	HTTP_F_CR = 64, /* the last byte of a line was CR */
	HTTP_F_NO_BODY = 128, /* response to HEAD */
};

/* Framing state of one direction. */
struct http_msg {
	__u64 remaining; /* body or chunk bytes to come; in a head: Content-Length so far */
	__u64 length; /* an earlier Content-Length field of this head */
	__u32 head_bytes;
	__u16 status;
	__u16 flags; /* enum http_flags */
	__u8 phase; /* enum http_phase */
	__u8 header; /* enum gl_header of the field being read */
	__u8 name_state; /* header automaton */
	__u8 value_state; /* meaning depends on header */
	__u8 line_pos; /* bytes of the version or status so far */
	__u8 outcome; /* enum gl_outcome once phase is HTTP_FAILED */
	__u8 digits; /* of a chunk size or status code */
	__u8 reserved;
};
_Static_assert(sizeof(struct http_msg) == 32, "no padding");

enum http_method { HTTP_METHOD_OTHER, HTTP_METHOD_HEAD, HTTP_METHOD_CONNECT, HTTP_METHOD_PRI };

enum http_request_flags {
	HTTP_R_AMBIGUOUS = 1, /* the path has more than one reading */
	HTTP_R_TWO_CREDENTIALS = 2, /* the same kind twice: no principal */
	HTTP_R_TRUSTED_PEER = 4, /* set by the door: Forwarded and X-Forwarded-For are believed */
	HTTP_R_FORWARDED = 8, /* source learnt from a header */
	HTTP_R_FORWARDED_BAD = 16, /* an unreadable element: nothing left of it is believed */
};

/* Every credential of a request may be revoked, not only the one that names the principal. */
#define HTTP_CREDENTIALS 4

/* What judging needs of a request's head. */
struct http_request {
	struct route_walk route;
	struct siphash hash; /* of the credential being read */
	__u64 principal;
	struct gl_addr source; /* HTTP_R_FORWARDED: right-most untrusted element so far */
	struct gl_addr element; /* HTTP_ADDRESS: the one just read */
	struct addr_text addr;
	__u32 method_word; /* first four bytes of the method */
	__u16 op; /* index in ops[]; 0 = no operation matched */
	__u8 method_len;
	__u8 credential; /* kinds present: enum gl_credential bits */
	__u8 principal_kind;
	__u8 method; /* enum http_method */
	__u8 flags; /* enum http_request_flags */
	__u8 hash_kind; /* kind being hashed now; 0 = none */
	__u32 n_credentials; /* may be more than fit */
	__u64 credentials[HTTP_CREDENTIALS]; /* keyed hash of each that came */
};

enum http_event {
	HTTP_NOTHING, /* all bytes consumed */
	HTTP_HEAD, /* a head is complete; call http_body_begin() after judging it */
	HTTP_MESSAGE, /* a chunked message ended */
	HTTP_SKIP, /* phase is a body: skip arithmetically */
	HTTP_ADDRESS, /* request.element was forwarded; call http_address() */
	HTTP_ERROR, /* phase is HTTP_FAILED */
};

#define HTTP_PIECE     2048 /* bytes of one run: a power of two */
#define HTTP_PIECE_PAD 32 /* readable bytes after them: four words are loaded at once */
#define HTTP_STEPS     (HTTP_PIECE * 2 + 16)

/*
 * A contiguous piece of the stream and how far it is read. In the kernel it lives in a map: a
 * position on the stack would be a constant to the verifier, which then walks every byte.
 */
struct http_piece {
	__u8 bytes[HTTP_PIECE + HTTP_PIECE_PAD];
	__u32 off, len; /* len <= HTTP_PIECE */
	__u32 event; /* enum http_event */
	__u32 root; /* of requests: the service's route automaton */
	__u32 from; /* the door's own: where in a packet bytes[0] is */
	__u32 reserved;
};

/* One run over a piece. The caller owns everything pointed to. */
struct http_cursor {
	struct http_piece *piece;
	const struct gl_policy *policy;
	struct http_msg *msg;
	struct http_request *request; /* NULL in responses */
};

static __always_inline int http_fail(struct http_cursor *c, __u8 outcome)
{
	c->msg->phase = HTTP_FAILED;
	c->msg->outcome = outcome;
	c->piece->event = HTTP_ERROR;
	return 1;
}

static __always_inline __u8 http_lower(__u8 b)
{
	return b >= 'A' && b <= 'Z' ? b | 0x20 : b;
}

/* Nonzero if any of eight bytes is below 0x21: control characters and space. */
static __always_inline __u64 http_word_special(__u64 w)
{
	return (w - 0x2121212121212121ull) & ~w & 0x8080808080808080ull;
}

/* The same below 0x20: control characters. */
static __always_inline __u64 http_word_control(__u64 w)
{
	return (w - 0x2020202020202020ull) & ~w & 0x8080808080808080ull;
}

static __always_inline __u64 http_word_at(const struct http_piece *piece, __u32 off, __u32 word)
{
	const __u8 *at = piece->bytes + (off & (HTTP_PIECE - 1)) + word * sizeof(__u64);
#ifdef __bpf__
	/* one load: of memcpy() the compiler makes eight, for it knows nothing of the alignment */
	return *(const __u64 *)at;
#else
	__u64 w;

	__builtin_memcpy(&w, at, sizeof(w));
	return w;
#endif
}

static __always_inline __u64 http_load_word(const struct http_piece *piece)
{
	return http_word_at(piece, piece->off, 0);
}

/* The same for bytes that are 0x7f. */
static __always_inline __u64 http_word_delete(__u64 w)
{
	w ^= 0x7f7f7f7f7f7f7f7full;
	return (w - 0x0101010101010101ull) & ~w & 0x8080808080808080ull;
}

/*
 * How many of eight bytes come before the first one marked by its top bit. Of the marks the lowest
 * is right; a borrow may have made those above it.
 */
static __always_inline __u32 http_before_mark(__u64 marks)
{
	__u64 below;

	marks >>= 7;
	below = (marks - 1) & ~marks & 0x0101010101010101ull;
	return (__u32)(below * 0x0101010101010101ull >> 56);
}

/* Skips bytes of a value nobody reads, up to the next control character, at most 256 a call. */
VERIFIED_ONCE int http_skip_plain(struct http_piece *piece)
{
	__u32 off, len, n = 8;

	if (!piece)
		return 0;
	off = piece->off;
	len = piece->len;
#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
	for (int i = 0; i < 8 && off + 32 <= len; i++) {
		if (http_word_control(http_word_at(piece, off, 0)) |
		    http_word_control(http_word_at(piece, off, 1)) |
		    http_word_control(http_word_at(piece, off, 2)) |
		    http_word_control(http_word_at(piece, off, 3)))
			break;
		off += 32;
	}
#pragma GCC unroll 4
	for (int i = 0; i < 4; i++) {
		if (n != 8 || off + 8 > len)
			break;
		n = http_before_mark(http_word_control(http_word_at(piece, off, 0)));
		off += n;
	}
	piece->off = off;
	return 0;
}

static __always_inline __u8 http_piece_byte(const struct http_piece *piece, __u32 off)
{
	return piece->bytes[off & (HTTP_PIECE - 1)];
}

static __always_inline __u8 http_byte_at(const struct http_cursor *c, __u32 off)
{
	return http_piece_byte(c->piece, off);
}

/* A line's end at once, if both of its bytes are here. */
static __always_inline int http_take_crlf(struct http_cursor *c)
{
	__u32 off = c->piece->off;

	if (off + 2 > c->piece->len || http_byte_at(c, off) != '\r' ||
	    http_byte_at(c, off + 1) != '\n')
		return 0;
	c->piece->off = off + 2;
	return 1;
}

static __always_inline void http_message_begin(struct http_msg *m, __u16 keep)
{
	m->remaining = 0;
	m->length = 0;
	m->head_bytes = 0;
	m->status = 0;
	m->flags &= keep;
	m->line_pos = 0;
	m->digits = 0;
	m->header = 0;
	m->value_state = 0;
	m->phase = HTTP_IDLE;
}

/* A direction begins: between messages. flags: HTTP_F_RESPONSE or 0. */
static __always_inline void http_open(struct http_msg *m, __u16 flags)
{
	m->flags = flags;
	m->outcome = GL_OUTCOME_OK;
	m->name_state = 0;
	m->reserved = 0;
	http_message_begin(m, HTTP_F_RESPONSE);
}

static __always_inline void http_request_begin(struct http_request *r, __u8 keep)
{
	r->principal = 0;
	r->method_word = 0;
	r->op = 0;
	r->method_len = 0;
	r->credential = 0;
	r->principal_kind = 0;
	r->n_credentials = 0;
	r->method = HTTP_METHOD_OTHER;
	r->flags &= keep;
	r->hash_kind = 0;
	addr_text_begin(&r->addr);
}
