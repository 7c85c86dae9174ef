/* gemm_i8_ref.c - the scalar truth of the integer product: one sum after the other. */
#include "kernels/gemm_i8/gemm_i8_acts.h"
#include "kernels/gemm_i8/i8_finish_ref.h"
#include "runtime/base/checked.h"

void gemm_i8_acts_ref(void *acts, int32_t *sums, const void *a, bool is_signed, size_t m, size_t k,
                      size_t a_row)
{
    pack_bytes(acts, sums, a, is_signed, m, k, a_row);
}

/* dot - modulo 2^32, like the vector units. */
static uint32_t dot(const uint8_t *a, const int8_t *panel, size_t lane, size_t k)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < k; i++)
        sum += (uint32_t)((int32_t)a[i] * (int32_t)panel[i / 4 * 64 + lane * 4 + i % 4]);
    return sum;
}

static uint32_t dot_of_pieces(const gemm_i8_args *p, const uint8_t *a, const int8_t *panel,
                              size_t lane)
{
    uint32_t sum = 0;
    gemm_i8_piece whole;
    for (i8_pieces s = pieces_of(p, &whole); s.piece < s.end; s.piece++)
        sum += dot(a + s.piece->at, panel + s.piece->k4 * 64, lane,
                   IG_MIN(4 * s.piece->n4, p->k - 4 * s.piece->k4));
    return sum;
}

void gemm_i8_ref(const gemm_i8_args *p, size_t first_row, size_t end_row, size_t first_panel,
                 size_t end_panel)
{
    const size_t k4 = (p->k + 3) / 4, a_row = p->acts_row ? p->acts_row : k4 * 4;
    for (size_t r = first_row; r < end_row; r++) {
        const uint8_t *a = (const uint8_t *)p->acts + r * a_row;
        for (size_t n = first_panel * 16; n < end_panel * 16 && n < p->n; n++) {
            uint32_t c = dot_of_pieces(p, a, p->panels + n / 16 * k4 * 64, n % 16);
            c += (uint32_t)p->finish.start[n];
            if (p->w_zero) c -= (uint32_t)p->w_zero[n] * (uint32_t)p->a_sum[r];
            if (p->a_zero) c -= (uint32_t)p->a_zero[r] * (uint32_t)p->w_fix[n];
            i8_finish_one(&p->finish, p->y, r * p->y_row + n, (int32_t)c, n);
        }
    }
}
