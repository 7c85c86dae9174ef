/* gemm_q_avxvnni.c - products with 4 and 8 bit weights by vpdpbusd on 256 bits: unsigned weights by
 * signed activations.
 *
 * Tile: 16 rows of one panel by up to 4 columns: 8 integer sums, 2 registers of weights, 1 of an
 * activation dword that both meet. A group's integer sums are added to y in memory, which is L1. */
#include "kernels/gemm/epilogue_avx2.h"
#include "kernels/vec/vec_avx2.h"

#include "kernels/gemm_q/q_load_avx2.h"

#include "kernels/gemm_q/q_cursor.h"
#include "kernels/gemm_q/q_level_avx2.h"

#define Q_COLS 4
enum { COLS = Q_COLS, HALVES = 2 };

#define UNROLL _Pragma("GCC unroll 8")

/* In place: with the intrinsic gcc 12 copies the sums. */
VEC_INLINE __m256i q_dot(__m256i sum, __m256i w, __m256i a)
{
#if defined(__AVXVNNI__) /* not where the intrinsics are emulated */
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(w), "x"(a));
    return sum;
#else
    return _mm256_dpbusd_avx_epi32(sum, w, a);
#endif
}

VEC_INLINE __m256i q_dword(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return _mm256_set1_epi32(v);
}

/* Half the rows of dword k of a group. */
VEC_INLINE __m256i q_weights(const uint8_t *from, size_t k, size_t half, const size_t bits)
{
    const size_t at = (bits == 4 ? k % 4 : k) * 64 + half * 32;
    const __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)(from + at));
    if (bits == 8) return v;
    return _mm256_and_si256(k < 4 ? v : _mm256_srli_epi16(v, 4), _mm256_set1_epi8(15));
}

/* y + d a.d sum, + z a.sum with offsets; for half the rows */
VEC_INLINE void q_add(float *y, __m256 d, __m256 z, const ig_q_act *a, __m256i sum, bool offset)
{
    const __m256 by = _mm256_mul_ps(d, _mm256_broadcast_ss(&a->d));
    __m256 to = _mm256_fmadd_ps(by, _mm256_cvtepi32_ps(sum), _mm256_load_ps(y));
    if (offset) to = _mm256_fmadd_ps(z, _mm256_broadcast_ss(&a->sum), to);
    _mm256_store_ps(y, to);
}

/* The group at c, two groups of 16: by half the rows, whose sums of both halves of k are apart. */
VEC_INLINE void q_add_two(const q_tile *t, const q_cursor *c, const q_level *level,
                          const size_t cols, const size_t bits, const bool min)
{
    for (size_t half = 0; half < HALVES; half++) {
        const size_t row = 8 * half;
        __m256i sum[COLS][2];
        UNROLL for (size_t i = 0; i < cols; i++) sum[i][0] = sum[i][1] = _mm256_setzero_si256();
        UNROLL for (size_t k = 0; k < IG_Q_GROUP / 4; k++)
        {
            const __m256i w = q_weights(c->w, k, half, bits);
            UNROLL for (size_t i = 0; i < cols; i++) sum[i][k / 4] =
                q_dot(sum[i][k / 4], w, q_dword(c->a[i].q + 4 * k));
        }
        const __m256i *s0 = (const __m256i *)(const void *)level->s[0][row];
        const __m256i *s1 = (const __m256i *)(const void *)level->s[1][row];
        const __m256i *second = (const __m256i *)(const void *)level->second[row];
        const __m256 d = _mm256_load_ps(level->d + row), e = _mm256_load_ps(level->e + row);
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            const __m256i low = _mm256_madd_epi16(*second, q_dword(c->a[i].half));
            const __m256i a = _mm256_mullo_epi32(sum[i][0], _mm256_srai_epi32(*s0, 16));
            const __m256i b = _mm256_mullo_epi32(sum[i][1], _mm256_srai_epi32(*s1, 16));
            const __m256i both = _mm256_add_epi32(a, b);
            float *y = t->y + i * IG_Q_PANEL + row;
            q_add(y, d, d, &c->a[i], min ? both : _mm256_add_epi32(both, low), false);
            if (min) q_add(y, e, e, &c->a[i], low, false);
        }
    }
}

VEC_INLINE void tile_two(const q_tile *t, const size_t cols, const size_t bits, const bool min)
{
    q_cursor c = q_begin(t);
    for (size_t left = t->groups; left; left--) {
        const uint8_t *both = c.head - t->layout->super_bytes, *s = c.head + c.at;
        q_level level __attribute__((aligned(64)));
        vf_store(level.d, q_load_scales(both, 2));
        vf_store(level.e, q_load_scales(both + 2 * IG_Q_PANEL, 2));
        q_level_scales(&level, s, s + t->table, t->format);
        q_add_two(t, &c, &level, cols, bits, min);
        q_next(&c, t, bits * IG_Q_GROUP * IG_Q_PANEL / 8);
    }
}

VEC_INLINE void tile_one(const q_tile *t, const size_t cols, const size_t bits, const bool offset)
{
    q_cursor c = q_begin(t);
    for (size_t left = t->groups; left; left--) {
        __m256i sum[COLS][HALVES];
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            sum[i][0] = q_dword(&c.a[i].fix);
            if (bits == 8) sum[i][0] = _mm256_slli_epi32(sum[i][0], 4);
            sum[i][1] = sum[i][0];
        }
        UNROLL for (size_t k = 0; k < IG_Q_GROUP / 4; k++)
        {
            const __m256i w0 = q_weights(c.w, k, 0, bits), w1 = q_weights(c.w, k, 1, bits);
            UNROLL for (size_t i = 0; i < cols; i++)
            {
                const __m256i a = q_dword(c.a[i].q + 4 * k);
                sum[i][0] = q_dot(sum[i][0], w0, a);
                sum[i][1] = q_dot(sum[i][1], w1, a);
            }
        }
        vf d, z;
        q_scales(&d, &z, t, c.head, c.at, t->format->scale_bytes, offset);
        UNROLL for (size_t i = 0; i < cols; i++)
        {
            float *y = t->y + i * IG_Q_PANEL;
            q_add(y, d.a, z.a, &c.a[i], sum[i][0], offset);
            q_add(y + 8, d.b, z.b, &c.a[i], sum[i][1], offset);
        }
        q_next(&c, t, bits * IG_Q_GROUP * IG_Q_PANEL / 8);
    }
}

VEC_INLINE void tile(const q_tile *t, const size_t cols, const size_t bits, const q_rules rules)
{
    if (rules == Q_PLAIN || rules == Q_OFFSET)
        tile_one(t, cols, bits, rules == Q_OFFSET);
    else
        tile_two(t, cols, bits, rules == Q_TWO_MIN);
}

#include "kernels/gemm_q/q_tiles.inc"

void gemm_q_avxvnni(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1)
{
    static const q_tiles tiles = {Q_TILES, {COLS, COLS}, ig_finish_avx2, NULL};
    q_drive(g, &tiles, m0, m1, p0, p1);
}
