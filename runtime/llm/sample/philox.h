/* philox.h - random numbers by counter: Philox4x32-10 (Salmon et al. 2011, "Parallel random
 * numbers: as easy as 1, 2, 3").
 *
 * A draw is a function of (seed, index) alone, so that a request gets the same numbers alone or
 * among others, whole or resumed: index is the number of the token in its answer. Not for secrets.
 */
#ifndef IG_LLM_PHILOX_H
#define IG_LLM_PHILOX_H

#include <stdint.h>

static inline void ig_philox(uint32_t out[4], const uint32_t counter[4], uint64_t seed)
{
    uint32_t c[4] = {counter[0], counter[1], counter[2], counter[3]};
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)c[0] * 0xD2511F53u, b = (uint64_t)c[2] * 0xCD9E8D57u;
        const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b,
                                  (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a};
        for (int i = 0; i < 4; i++) c[i] = next[i];
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++) out[i] = c[i];
}

/* ig_draw_uniform - [0, 1), 53 bits. */
static inline double ig_draw_uniform(uint64_t seed, uint64_t index)
{
    uint32_t out[4];
    ig_philox(out, (uint32_t[]){(uint32_t)index, (uint32_t)(index >> 32), 0, 0}, seed);
    return (double)(((uint64_t)out[1] << 32 | out[0]) >> 11) * 0x1p-53;
}

#endif
