/* check_attention.c - attention: variants bit for bit, any split of the queries bit for bit, the
 * truth against double sums. */
#include "tests/kernels/kernel_check.h"
#include "kernels/attention/attention.h"

#include <math.h>
#include <stdlib.h>

/* The error of a score is (d + 2) u sum|qk|, that of y the same relative to max|v|, with that of
 * exp and of the sums over the keys. |q|, |k| <= 1 and scale 1 / sqrt(d): scores below sqrt(d). */
static void check_oracle(const attention_args *p, const float *y)
{
    double *z = malloc((p->tk + 1) * sizeof *z);
    for (size_t i = 0; i < p->tq; i++) {
        const size_t n = p->causal ? IG_MIN(i + p->past + 1, p->tk) : p->tk;
        double top = -INFINITY, sum = 0;
        for (size_t j = 0; j < n; j++) {
            z[j] = 0;
            for (size_t c = 0; c < p->d; c++)
                z[j] += (double)p->q[i * p->q_row + c] * (double)p->k[j * p->k_row + c];
            z[j] = z[j] * (double)p->scale + (p->mask ? (double)p->mask[i * p->mask_row + j] : 0);
            top = fmax(top, z[j]);
        }
        for (size_t j = 0; j < n; j++) sum += z[j] = exp(z[j] - top);
        for (size_t c = 0; c < p->dv; c++) {
            double want = 0;
            for (size_t j = 0; j < n; j++) want += z[j] / sum * (double)p->v[j * p->v_row + c];
            const double got = (double)y[i * p->y_row + c];
            const double allowed = 0x1p-24 * (8 + 2 * (double)p->d + (double)p->tk);
            check_true(fabs(got - want) <= allowed, "%zu, %zu: %.9g, not %.9g", i, c, got, want);
        }
    }
    free(z);
}

static attention_args make_case(size_t tq, size_t tk, size_t d, size_t dv, size_t mask, bool causal)
{
    attention_args p = {.tq = tq,
                        .tk = tk,
                        .d = d,
                        .dv = dv,
                        .scale = 1 / sqrtf((float)d),
                        .y_row = dv + 5,
                        .q_row = d + 3,
                        .k_row = d,
                        .v_row = dv + 1,
                        .mask_row = mask == 2 ? tk : 0,
                        .causal = causal,
                        .past = causal && tk > tq ? tk - tq : 0};
    p.q = check_f32(tq * p.q_row, -1, 1);
    p.k = check_f32(tk * p.k_row, -1, 1);
    p.v = check_f32(tk * p.v_row, -1, 1);
    if (mask) {
        float *m = check_f32(mask == 2 ? tq * tk : tk, -1, 1);
        for (size_t i = 1; i < tk; i += 3) m[i] = -INFINITY;
        p.mask = m;
    }
    return p;
}

static void check_case(attention_f32_fn *fn, attention_args p, size_t split)
{
    size_t n_floats;
    check_true(ig_attention_scratch(p.tk, p.d, p.dv, &n_floats), "scratch");
    float *scratch = check_out_f32(n_floats), *want = check_out_f32(p.tq * p.y_row);
    float *got = check_out_f32(p.tq * p.y_row);
    p.y = want;
    attention_f32_ref(&p, 0, p.tq, scratch);
    check_oracle(&p, want);
    p.y = got;
    fn(&p, split, p.tq, scratch);
    fn(&p, 0, split, scratch);
    check_same_f32(want, got, p.tq * p.y_row);
}

static void check_one(attention_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 60; i++) {
        const size_t tq = check_pick(1, 70), tk = i < 20 ? i + 1 : check_pick(1, 150);
        const size_t d = check_pick(1, 40), dv = check_pick(1, 40), mask = check_pick(0, 2);
        const size_t split = check_pick(0, tq);
        const bool causal = check_pick(0, 2) == 0;
        if (!check_next(needs, name, "%zux%zu of %zu, %zu, mask %zu%s, split %zu", tq, tk, d, dv,
                        mask, causal ? " causal" : "", split))
            continue;
        check_case(fn, make_case(tq, tk, d, dv, mask, causal), split);
    }
    if (check_next(needs, name, "30x600 of 64 causal"))
        check_case(fn, make_case(30, 600, 64, 64, 0, true), 7);
    static const size_t sizes[][2] = {{128, 32}, {256, 64}, {512, 64}};
    for (size_t i = 0; i < IG_LEN(sizes); i++) {
        const size_t t = sizes[i][0], d = sizes[i][1];
        if (!check_next(needs, name, "bench %zux%zu of %zu", t, t, d)) continue;
        attention_args p = make_case(t, t, d, d, 0, false);
        size_t n_floats;
        check_true(ig_attention_scratch(t, d, d, &n_floats), "scratch");
        float *scratch = check_out_f32(n_floats);
        p.y = check_out_f32(t * p.y_row);
        check_bench(4.0 * (double)(t * t * d), 16.0 * (double)(t * d), fn(&p, 0, t, scratch));
    }
}

void check_attention(void);
void check_attention(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/attention/attention.kern"
#undef K
}
