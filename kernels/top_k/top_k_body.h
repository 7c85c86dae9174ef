/* top_k_body.h - the loop of top_k.h, compiled with the vector of the including file's ISA.
 *
 * Bound by reading x: a step of 64 elements gives 64 bits, and is done when none of them is set. */
#include "kernels/top_k/top_k.h"

enum { LANES = 16, STEP = 4 * LANES };

/* What is not on the bound's other side. */
VEC_INLINE uint32_t beyond(vf x, vf bound, bool largest)
{
    return vm_bits(largest ? vf_le(x, bound) : vf_le(bound, x)) ^ 0xffffu;
}

VEC_INLINE size_t places(uint32_t *at, size_t from, uint64_t bits)
{
    size_t n = 0;
    for (; bits; bits &= bits - 1) at[n++] = (uint32_t)from + (uint32_t)__builtin_ctzll(bits);
    return n;
}

VEC_INLINE size_t scan(uint32_t *at, const float *x, size_t n, float bound, bool largest)
{
    const vf b = vf_set(bound);
    size_t found = 0, i = 0;
    for (; n - i >= STEP; i += STEP) {
        uint64_t bits = 0;
#pragma GCC unroll 4
        for (size_t v = 0; v < STEP; v += LANES)
            bits |= (uint64_t)beyond(vf_load(x + i + v), b, largest) << v;
        found += places(at + found, i, bits);
    }
    for (; n - i >= LANES; i += LANES)
        found += places(at + found, i, beyond(vf_load(x + i), b, largest));
    if (i < n) {
        const uint32_t bits = beyond(vf_load_n(x + i, n - i, b), b, largest);
        found += places(at + found, i, bits & ((UINT32_C(1) << (n - i)) - 1));
    }
    return found;
}

size_t IG_ISA(top_k_beyond_f32)(uint32_t *at, const float *x, size_t n, float bound, bool largest)
{
    return largest ? scan(at, x, n, bound, true) : scan(at, x, n, bound, false);
}
