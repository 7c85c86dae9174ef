/* checked.h - sizes that cannot wrap. Each returns false when the result does not fit. */
#ifndef IG_CHECKED_H
#define IG_CHECKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ig_add_ok(a, b, out) (!__builtin_add_overflow((a), (b), (out)))
#define ig_sub_ok(a, b, out) (!__builtin_sub_overflow((a), (b), (out)))
#define ig_mul_ok(a, b, out) (!__builtin_mul_overflow((a), (b), (out)))

/* ig_align_ok - *out = a rounded up to a multiple of `to`, a power of two. */
static inline bool ig_align_ok(size_t a, size_t to, size_t *out)
{
    if (!ig_add_ok(a, to - 1, out)) return false;
    *out &= ~(to - 1);
    return true;
}

/* ig_range_ok - [offset, offset + length) lies within [0, size). */
static inline bool ig_range_ok(uint64_t offset, uint64_t length, uint64_t size)
{
    return offset <= size && length <= size - offset;
}

#define IG_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define IG_MIN(a, b)  ((a) < (b) ? (a) : (b))
#define IG_MAX(a, b)  ((a) > (b) ? (a) : (b))

#endif
