/* gemm_i8_acts.h - how activations are packed, shared by the ISA files, whose compiler flags
 * vectorise the loops.
 *
 *   bytes  [m][k4] dwords of four u8: the operand of vpdpbusd, broadcast from memory
 *   words  [m][k4] pairs of dwords, s16 of k + 0 and k + 2, then of k + 1 and k + 3: the operands
 * of vpmaddwd, beside the even and the odd bytes of a weight dword */
#ifndef IG_GEMM_I8_ACTS_H
#define IG_GEMM_I8_ACTS_H

#include "kernels/gemm_i8/gemm_i8.h"

#define ACTS_INLINE static inline __attribute__((always_inline))

/* Before a loop of a constant count over accumulators: gcc keeps an array in registers only when it
 * unrolls every loop over it early. */
#define IG_UNROLL _Pragma("GCC unroll 32")

/* The pieces of k: p's, or `whole`, which the caller lends. */
typedef struct {
    const gemm_i8_piece *piece, *end;
} i8_pieces;

ACTS_INLINE i8_pieces pieces_of(const gemm_i8_args *p, gemm_i8_piece *whole)
{
    *whole = (gemm_i8_piece){0, 0, (p->k + 3) / 4};
    if (!p->pieces) return (i8_pieces){whole, whole + 1};
    return (i8_pieces){p->pieces, p->pieces + p->n_pieces};
}

ACTS_INLINE uint8_t act_at(const uint8_t *a, size_t i, uint8_t flip)
{
    return (uint8_t)(a[i] ^ flip);
}

ACTS_INLINE int32_t act_sum(const uint8_t *a, size_t k, uint8_t flip)
{
    int32_t sum = 0;
    for (size_t i = 0; i < k; i++) sum += act_at(a, i, flip);
    return sum;
}

ACTS_INLINE void pack_bytes(uint8_t *to, int32_t *sums, const uint8_t *a, bool is_signed, size_t m,
                            size_t k, size_t a_row)
{
    const uint8_t flip = is_signed ? 0x80 : 0; /* s8 + 128 is the sign bit flipped */
    const size_t k4 = (k + 3) / 4;
    for (size_t r = 0; r < m; r++, a += a_row, to += k4 * 4) {
        for (size_t i = 0; i < k; i++) to[i] = act_at(a, i, flip);
        for (size_t i = k; i < k4 * 4; i++) to[i] = 0;
        if (sums) sums[r] = act_sum(to, k, 0);
    }
}

ACTS_INLINE void pack_words(int16_t *to, int32_t *sums, const uint8_t *a, bool is_signed, size_t m,
                            size_t k, size_t a_row)
{
    const uint8_t flip = is_signed ? 0x80 : 0;
    const size_t k4 = (k + 3) / 4, whole = k / 4;
    for (size_t r = 0; r < m; r++, a += a_row, to += k4 * 4) {
        for (size_t g = 0; g < whole; g++) {
            to[4 * g] = act_at(a, 4 * g, flip);
            to[4 * g + 1] = act_at(a, 4 * g + 2, flip);
            to[4 * g + 2] = act_at(a, 4 * g + 1, flip);
            to[4 * g + 3] = act_at(a, 4 * g + 3, flip);
        }
        for (size_t i = 4 * whole; i < 4 * k4; i++)
            to[(i & ~(size_t)3) + (i % 2) * 2 + i % 4 / 2] = i < k ? act_at(a, i, flip) : 0;
        if (sums) sums[r] = act_sum(a, k, flip);
    }
}

#endif
