/* low_bits.h - random weights of 4 and 8 bits in panels, for tests. */
#ifndef IG_TESTS_LOW_BITS_H
#define IG_TESTS_LOW_BITS_H

#include "kernels/gemm_q/gemm_q.h"
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>

static inline uint32_t low_next(uint32_t *seed)
{
    return (*seed = *seed * 1664525u + 1013904223u) >> 8;
}

/* n weights from random bytes, scales that make weights of about 1. Panels are malloc'ed. */
static inline uint8_t *low_random(const ig_q_format *f, size_t n, size_t k, uint32_t seed)
{
    const size_t groups = k / 16 + 1, most = f->bits == 4 ? 15 : 255;
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS;
    const float d = two ? 0x1p-9f : 0x1p-2f;
    uint8_t *q = malloc(n * k);
    float *scale = malloc(n * groups * sizeof *scale),
          *offset = malloc(n * groups * sizeof *offset);
    int8_t *s = malloc(n * groups), *t = malloc(n * groups);
    for (size_t i = 0; i < n * k; i++) {
        q[i] = (uint8_t)(low_next(&seed) & most);
        if (f->offset == IG_Q_E4M3 && (q[i] & 0x7f) == 0x7f) q[i] ^= 1; /* NaN */
    }
    for (size_t i = 0; i < n * groups; i++) {
        scale[i] = d * (1 + (float)(low_next(&seed) % 1024) / 1024) * 16 / (float)(most + 1);
        offset[i] = f->offset == IG_Q_MIN ? -d : rintf((float)most / 2);
        s[i] = (int8_t)(low_next(&seed) % 127);
        t[i] = (int8_t)(low_next(&seed) % 127);
    }
    const ig_q_source from = {.q = q,
                              .q_n = k,
                              .q_k = 1,
                              .scale = scale,
                              .scale_n = groups,
                              .scale_g = 1,
                              .offset = offset,
                              .offset_n = groups,
                              .offset_g = 1,
                              .s = s,
                              .t = t,
                              .sub_n = groups,
                              .sub_g = 1};
    size_t bytes;
    assert_true(ig_q_bytes(f, n, k, &bytes));
    uint8_t *panels = malloc(bytes);
    ig_q_pack(panels, f, &from, n, k, 0, ig_q_panels(n));
    free(q);
    free(scale);
    free(offset);
    free(s);
    free(t);
    return panels;
}

#endif
