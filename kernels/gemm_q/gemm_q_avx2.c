/* gemm_q_avx2.c - products with 4 and 8 bit weights on the tiles of q_tile_avx2.S. */
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/vec/vec_avx2.h"

#include "kernels/gemm_q/q_load_avx2.h"
#include "kernels/gemm_q/q_drive.h"
#include "kernels/gemm_q/q_level_avx2.h"

_Static_assert(offsetof(q_tile, quants) == 0 && offsetof(q_tile, scale) == 8 &&
                   offsetof(q_tile, acts) == 16 && offsetof(q_tile, act_step) == 24 &&
                   offsetof(q_tile, y) == 32 && offsetof(q_tile, groups) == 40 &&
                   offsetof(q_tile, per_block) == 48 && offsetof(q_tile, gap) == 56,
               "q_tile_avx2.S reads this order");
_Static_assert(sizeof(ig_q_act) == 52 && offsetof(ig_q_act, d) == 32 &&
                   offsetof(ig_q_act, sum) == 36 && offsetof(ig_q_act, lane) == 44 &&
                   offsetof(ig_q_act, half) == 48,
               "and this");
_Static_assert(sizeof(q_level) == 320 && offsetof(q_level, s) == 64 &&
                   offsetof(q_level, second) == 192 && offsetof(q_level, e) == 256,
               "and this");

#define UP_TO_4(X) X(1) X(2) X(3) X(4)
#define DECLARE(cols)                                                                    \
    q_tile_fn q4x##cols##_avx2, q4x##cols##z_avx2, q4x##cols##s_avx2, q4x##cols##m_avx2, \
        q8x##cols##_avx2, q8x##cols##z_avx2, q8x##cols##s_avx2, q8x##cols##m_avx2;
UP_TO_4(DECLARE)

#define Q4(cols)  q4x##cols##_avx2,
#define Q4Z(cols) q4x##cols##z_avx2,
#define Q4S(cols) q4x##cols##s_avx2,
#define Q4M(cols) q4x##cols##m_avx2,
#define Q8(cols)  q8x##cols##_avx2,
#define Q8Z(cols) q8x##cols##z_avx2,
#define Q8S(cols) q8x##cols##s_avx2,
#define Q8M(cols) q8x##cols##m_avx2,
static q_tile_fn *const by_4[Q_RULES][4] = {
    {UP_TO_4(Q4)}, {UP_TO_4(Q4Z)}, {UP_TO_4(Q4S)}, {UP_TO_4(Q4M)}};
static q_tile_fn *const by_8[Q_RULES][4] = {
    {UP_TO_4(Q8)}, {UP_TO_4(Q8Z)}, {UP_TO_4(Q8S)}, {UP_TO_4(Q8M)}};

/* Called through a pointer, which what is always inlined cannot be. */
static void level_scales(q_level *to, const uint8_t *s, const uint8_t *t, const ig_q_format *f)
{
    q_level_scales(to, s, t, f);
}

void gemm_q_avx2(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const q_tiles tiles = {
        {{by_4[0], by_4[1], by_4[2], by_4[3]}, {by_8[0], by_8[1], by_8[2], by_8[3]}},
        {4, 4},
        ig_finish_avx2,
        level_scales};
    q_drive(g, &tiles, m0, m1, p0, p1);
}
