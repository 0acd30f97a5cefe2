/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bounds.h - indexing that the verifier can follow and the compiler cannot undo.
 */
#pragma once

/* linux/stddef.h has it as plain inline, which a program cannot use: at most five arguments. */
#undef __always_inline
#define __always_inline inline __attribute__((__always_inline__))

/*
 * In a program a global function: the verifier proves it once and by itself, whatever leads there,
 * instead of once per path. It takes pointers to structures and numbers, at most five, and returns
 * a number; its pointers may be NULL as far as the verifier knows, so each begins with a check.
 */
#ifdef __bpf__
#define VERIFIED_ONCE __attribute__((__noinline__))
#else
#define VERIFIED_ONCE static inline
#endif

/* Keeps the compiler from proving away, or moving, a bound the verifier still has to see. */
#define opaque(x) asm volatile("" : "+r"(x))

/*
 * For a length a helper takes: `last` = length - 1, to be compared with the limit and passed on as
 * last + 1. The verifier of 6.1 learns no lower bound from "!= 0", but from this it does.
 */
#define last_of(length)                                                                            \
	({                                                                                         \
		__u32 _last = (length)-1;                                                          \
		opaque(_last);                                                                     \
		_last;                                                                             \
	})

/* &array[index], or NULL beyond its n elements. */
#define at_index(array, n, index)                                                                  \
	({                                                                                         \
		__u64 _i = (index);                                                                \
		__typeof__(&(array)[0]) _at = 0;                                                   \
		opaque(_i);                                                                        \
		if (_i < (n)) {                                                                    \
			opaque(_i);                                                                \
			_at = &(array)[_i];                                                        \
		}                                                                                  \
		_at;                                                                               \
	})
