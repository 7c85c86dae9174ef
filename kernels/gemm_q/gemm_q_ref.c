/* gemm_q_ref.c - the scalar truth of gemm_q.h. */
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/q_panel.h"

static uint32_t top_bits(const float *x, size_t n)
{
    uint32_t top = 0;
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = ig_f32_bits(x[i]) & 0x7fffffff;
        if (bits > top) top = bits;
    }
    return top;
}

static void round_group(ig_q_act *a, const float *x, size_t n)
{
    const float top = ig_f32_from_bits(top_bits(x, n));
    int32_t sums[2] = {0, 0}, half[2] = {0, 0};
    memset(a, 0, sizeof *a);
    if (!isfinite(top)) a->d = NAN;
    if (isfinite(top) && top >= 0x1p-100f) {
        const float inverse = 127 / top;
        a->d = top / 127;
        for (size_t i = 0; i < n; i++) {
            a->q[i] = (int8_t)rintf(x[i] * inverse);
            sums[i % 4 / 2] += a->q[i];
            half[i / 16] += a->q[i];
        }
    }
    a->sum = a->d * (float)(sums[0] + sums[1]);
    a->fix = -8 * (sums[0] + sums[1]);
    for (size_t i = 0; i < 2; i++) {
        a->lane[i] = (int16_t)(-8 * sums[i]);
        a->half[i] = (int16_t)half[i];
    }
}

void gemm_q_acts_ref(ig_q_act *acts, const float *x, size_t m, size_t k, size_t ldx,
                     const int32_t *order, size_t m0, size_t m1)
{
    const size_t groups = ig_q_groups(k);
    for (size_t r = m0; r < m1; r++) {
        const float *row = x + (order ? (size_t)order[r] : r) * ldx;
        for (size_t g = 0; g < groups; g++) {
            const size_t left = k - g * IG_Q_GROUP;
            round_group(acts + ig_q_act_at(m, groups, r, g), row + g * IG_Q_GROUP,
                        left < IG_Q_GROUP ? left : IG_Q_GROUP);
        }
    }
}

/* add_two_groups - y after the 32 k at `at`, which are two groups of two levels. */
static float add_two_groups(float y, const uint8_t *panel, const q_place *at, const ig_q_format *f,
                            const ig_q_act *a, size_t row)
{
    const int8_t *s = (const int8_t *)panel + at->scale, *t = (const int8_t *)panel + at->offset;
    const bool min = f->offset == IG_Q_MIN;
    const int32_t centre = min ? 0 : f->bits == 4 ? 8 : 128;
    int32_t sum = 0, low = 0;
    for (size_t k = 0; k < IG_Q_GROUP; k++) {
        const size_t sub = q_sub_at(f, k, row);
        sum += s[sub] * ((int32_t)q_quant(panel + at->quants, f->bits, k, row) - centre) * a->q[k];
        low += t[sub] * a->q[k];
    }
    y = fmaf(q_number(panel + at->block, 2, row) * a->d, (float)sum, y);
    if (!min) return y;
    return fmaf(q_number(panel + at->block, 2, IG_Q_PANEL + row) * a->d, (float)low, y);
}

/* add_group - y after group g. */
static float add_group(float y, const uint8_t *panel, const ig_q_layout *l, const ig_q_format *f,
                       const ig_q_act *a, size_t g, size_t row)
{
    const q_place at = q_place_of(l, f, g);
    const int32_t centre = f->bits == 4 ? 8 : 128;
    int32_t sum = 0;
    if (f->group == 16) return add_two_groups(y, panel, &at, f, a, row);
    for (size_t k = 0; k < IG_Q_GROUP; k++)
        sum += ((int32_t)q_quant(panel + at.quants, f->bits, k, row) - centre) * a->q[k];
    const float d = q_scale_at(panel, f, &at, 0, row);
    y = fmaf(d * a->d, (float)sum, y);
    if (f->offset == IG_Q_CENTRED) return y;
    const float second = q_offset_at(panel, f, &at, 0, row);
    const float offset =
        f->offset == IG_Q_ZERO ? d * ((float)centre - second) : fmaf((float)centre, d, second);
    return fmaf(offset, a->sum, y);
}

/* The 16 sums of a panel, bias included, to 8 results. */
static void gate(float *c, const ig_epilogue *e, float *y)
{
    enum { HALF = IG_Q_PANEL / 2 };
    e->map(y + HALF, y + HALF, HALF, e->a, e->b);
    for (size_t i = 0; i < HALF; i++) c[i] = y[i] * y[HALF + i];
}

void gemm_q_ref(const ig_gemm_q_args *p, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const ig_epilogue *e = &p->epilogue;
    ig_q_layout l;
    if (!ig_q_layout_of(&l, p->format, p->k)) return; /* such panels cannot exist */
    const size_t n0 = p0 * IG_Q_PANEL, n1 = p1 * IG_Q_PANEL < p->n ? p1 * IG_Q_PANEL : p->n;
    for (size_t m = m0; m < m1; m++) {
        float *c = p->c + m * p->ldc, sums[IG_Q_PANEL];
        for (size_t n = n0; n < n1; n++) {
            const uint8_t *panel = p->panels + n / IG_Q_PANEL * l.panel_bytes;
            float y = 0;
            for (size_t g = 0; g < l.groups; g++)
                y = add_group(y, panel, &l, p->format, p->acts + ig_q_act_at(p->m, l.groups, m, g),
                              g, n % IG_Q_PANEL);
            if (e->bias) y += e->bias[n];
            if (e->residual) y += e->residual[m * e->ld_residual + n];
            sums[n % IG_Q_PANEL] = y;
            if (!p->gated)
                c[n] = ig_act_f32(e, y);
            else if (n % IG_Q_PANEL == IG_Q_PANEL - 1)
                gate(c + n / IG_Q_PANEL * (IG_Q_PANEL / 2), e, sums);
        }
        if (e->act == IG_ACT_MAP && n1 > n0 && !p->gated)
            e->map(c + n0, c + n0, n1 - n0, e->a, e->b);
    }
}

void gemm_q_f32_ref(const ig_gemm_q_f32_args *p, size_t m0, size_t m1, size_t p0, size_t p1)
{
    const ig_epilogue *e = &p->epilogue;
    ig_q_layout l;
    if (!ig_q_layout_of(&l, p->format, p->k)) return; /* such panels cannot exist */
    const size_t n0 = p0 * IG_Q_PANEL, n1 = p1 * IG_Q_PANEL < p->n ? p1 * IG_Q_PANEL : p->n;
    for (size_t m = m0; m < m1; m++) {
        float *c = p->c + m * p->ldc;
        for (size_t n = n0; n < n1; n++) {
            const uint8_t *panel = p->panels + n / IG_Q_PANEL * l.panel_bytes;
            float y = 0;
            for (size_t k = 0; k < p->k;) {
                const size_t first = k, end = p->k - k > IG_GEMM_RUN ? k + IG_GEMM_RUN : p->k;
                float run = 0;
                for (; k < end; k++) {
                    const q_place at = q_place_of(&l, p->format, k / IG_Q_GROUP);
                    run = fmaf(p->a[m * p->lda + k],
                               q_weight_at(panel, p->format, &at, k % IG_Q_GROUP, n % IG_Q_PANEL),
                               run);
                }
                y = first ? y + run : run;
            }
            if (e->bias) y += e->bias[n];
            if (e->residual) y += e->residual[m * e->ld_residual + n];
            c[n] = ig_act_f32(e, y);
        }
        if (e->act == IG_ACT_MAP && n1 > n0) e->map(c + n0, c + n0, n1 - n0, e->a, e->b);
    }
}
