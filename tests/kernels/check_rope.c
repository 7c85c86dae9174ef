/* check_rope.c - rotary embedding: variants bit for bit, in place and not; the truth in double;
 * frequencies against figures worked out from the papers' formulas. */
#include "tests/kernels/kernel_check.h"
#include "kernels/rope/rope.h"

#include <math.h>
#include <string.h>

static rope_args make_case(size_t heads, size_t size, size_t half, bool interleaved)
{
    rope_args p = {.heads = heads,
                   .size = size,
                   .half = half,
                   .y_head = size + 3,
                   .x_head = size + 3,
                   .interleaved = interleaved};
    p.x = check_f32(heads * p.x_head, -3, 3);
    p.cos = check_f32(half, -1, 1);
    p.sin = check_f32(half, -1, 1);
    return p;
}

/* One product and one fused multiply-add: two roundings. */
static void check_truth(const rope_args *p)
{
    for (size_t h = 0; h < p->heads; h++) {
        const float *x = p->x + h * p->x_head, *y = p->y + h * p->y_head;
        for (size_t i = 0; i < p->half; i++) {
            const size_t at = p->interleaved ? 2 * i : i;
            const size_t other = p->interleaved ? 2 * i + 1 : i + p->half;
            const double a = (double)x[at], b = (double)x[other];
            const double c = (double)p->cos[i], s = (double)p->sin[i];
            const double allowed = 0x1p-24 * 2 * (fabs(a) + fabs(b));
            check_true(fabs(a * c - b * s - (double)y[at]) <= allowed, "head %zu, %zu", h, at);
            check_true(fabs(a * s + b * c - (double)y[other]) <= allowed, "head %zu, %zu", h,
                       other);
        }
        check_same(x + 2 * p->half, y + 2 * p->half, (p->size - 2 * p->half) * sizeof *y);
    }
}

static void check_one(rope_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 80; i++) {
        const size_t half = i < 34 ? i : check_pick(0, 70), heads = check_pick(1, 4);
        const size_t size = 2 * half + check_pick(0, 1) * check_pick(1, 20);
        const bool interleaved = check_pick(0, 1), in_place = check_pick(0, 1);
        if (!check_next(needs, name, "%zu x %zu, %zu pairs%s%s", heads, size, half,
                        interleaved ? ", interleaved" : "", in_place ? ", in place" : ""))
            continue;
        rope_args p = make_case(heads, size, half, interleaved);
        const size_t n = heads * p.x_head;
        float *want = check_out_f32(n), *got = check_out_f32(n);
        p.y = want;
        rope_f32_ref(&p);
        check_truth(&p);
        p.y = got;
        if (in_place) {
            memcpy(got, p.x, n * sizeof *got);
            for (size_t h = 0; h < heads; h++)
                memcpy(want + h * p.x_head + size, p.x + h * p.x_head + size, 3 * sizeof *want);
            p.x = got;
        }
        fn(&p);
        check_same_f32(want, got, n);
    }
}

static void near(double got, double want, const char *what)
{
    check_true(fabs(got - want) <= 1e-12 * fabs(want), "%s: %.17g, not %.17g", what, got, want);
}

/* half 32, base 10000: w[i] = 10000^(-i / 32). */
static void check_frequencies(void)
{
    enum { HALF = 32 };
    double w[HALF];
    float cos_row[2 * HALF], sin_row[2 * HALF], divide[HALF];
    ig_rope_rule r = {
        .base = 10000, .half = HALF, .factor = 4, .context = 4096, .fast = 32, .slow = 1};
    if (!check_next(IG_CPU_REF, "rope_f32_ref", "frequencies")) return;
    ig_rope_frequencies(w, &r);
    near(w[0], 1, "plain 0");
    near(w[16], 0.01, "plain 16");
    ig_rope_table(cos_row, sin_row, w, &r, 5, 2);
    near((double)cos_row[16], (double)(float)cos(0.05), "cos of position 5");
    near((double)sin_row[HALF + 16], (double)(float)sin(0.06), "sin of position 6");
    r.scaling = IG_ROPE_LINEAR;
    ig_rope_frequencies(w, &r);
    near(w[16], 0.0025, "linear 16");
    r.scaling = IG_ROPE_NTK; /* the last one is divided by the factor, the first one stays */
    ig_rope_frequencies(w, &r);
    near(w[0], 1, "ntk 0");
    near(w[31], pow(10000, -31.0 / 32) / 4, "ntk 31");
    /* YaRN: 32 turns in 4096 at pair 32 ln(4096 / 64 pi) / ln 10000 = 10.47 -> 10, one at 22.51 ->
     * 23; between, by 13 steps */
    r.scaling = IG_ROPE_YARN;
    ig_rope_frequencies(w, &r);
    near(w[10], pow(10000, -10.0 / 32), "yarn 10");
    near(w[23], pow(10000, -23.0 / 32) / 4, "yarn 23");
    near(w[16], 0.01 * (1 - 6.0 / 13 * 0.75), "yarn 16");
    ig_rope_table(cos_row, sin_row, w, &r, 0, 1);
    near((double)cos_row[0], (double)(float)(0.1 * log(4.0) + 1), "yarn magnitude");
    r.scaling = IG_ROPE_LLAMA3; /* turns within the context: 4096 w / 2 pi */
    r.fast = 4;
    ig_rope_frequencies(w, &r);
    near(w[16], 0.01, "llama 3, 6.5 turns");
    near(w[31], pow(10000, -31.0 / 32) / 4, "llama 3, below one turn");
    const double w20 = pow(10000, -20.0 / 32), kept = (4096 * w20 / 6.283185307179586 - 1) / 3;
    near(w[20], w20 * ((1 - kept) / 4 + kept), "llama 3, between");
    r.scaling = IG_ROPE_PLAIN;
    for (int i = 0; i < HALF; i++) divide[i] = 2;
    r.divide = divide;
    ig_rope_frequencies(w, &r);
    near(w[16], 0.005, "divided");
}

void check_rope(void);
void check_rope(void)
{
    check_frequencies();
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/rope/rope.kern"
#undef K
}
