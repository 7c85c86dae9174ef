/* compare_body.h - the loops of compare.h, compiled with the flags of the including file's ISA. */
#include "kernels/compare/compare.h"

#define LOOP(how, op, b)                                 \
    case how:                                            \
        for (size_t i = 0; i < n; i++) y[i] = a[i] op b; \
        break;

#define LOOPS(b)                     \
    LOOP(IG_EQUAL, ==, b)            \
    LOOP(IG_LESS, <, b)              \
    LOOP(IG_LESS_OR_EQUAL, <=, b)    \
    LOOP(IG_GREATER, >, b)           \
    LOOP(IG_GREATER_OR_EQUAL, >=, b) \
    case IG_COMPARISONS:             \
        break;

#define COMPARE(name, type)                                                           \
    void IG_ISA(name)(uint8_t *restrict y, const void *x, const void *with, size_t n, \
                      ig_comparison how, bool one_b)                                  \
    {                                                                                 \
        const type *restrict a = x, *restrict b = with;                               \
        if (n && one_b) {                                                             \
            const type one = *b;                                                      \
            switch (how) {                                                            \
                LOOPS(one)                                                            \
            }                                                                         \
            return;                                                                   \
        }                                                                             \
        switch (how) {                                                                \
            LOOPS(b[i])                                                               \
        }                                                                             \
    }

COMPARE(compare_f32, float)
COMPARE(compare_i32, int32_t)
COMPARE(compare_i64, int64_t)
