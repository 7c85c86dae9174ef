/* check_attention.c - attention: variants bit for bit; any split of the queries, any chunks of a
 * prompt and token after token the same bits, from rows and from pages of every type; the truth
 * against double sums. */
#include "tests/kernels/kernel_check.h"
#include "kernels/attention/attention.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    attention_args p;
    size_t split; /* queries [0, split) and [split, tq) are separate calls */
} attention_case;

/* ---- cases ---- */

/* Every option now and then. past: tokens before query 0; wild: NaN and infinities among q, k, v.
 */
static attention_case make_case(size_t tq, size_t past, size_t heads, size_t d, size_t dv,
                                unsigned options, bool wild)
{
    const size_t tk = tq + past;
    attention_case c = {.split = check_pick(0, tq)};
    attention_args *p = &c.p;
    *p = (attention_args){.tq = tq, .heads = heads, .tk = tk, .d = d, .dv = dv};
    p->q_head = d + 3, p->q_row = heads * p->q_head + 1;
    p->y_head = dv + 2, p->y_row = heads * p->y_head;
    p->k_row = d + 1, p->v_row = dv + 5;
    p->rule = (attention_rule){.scale = 1 / sqrtf((float)d),
                               .softcap = options & 1 ? 2.0f : 0,
                               .slopes = options & 2 ? check_f32(heads, -0.1f, 0) : NULL,
                               .sinks = options & 4 ? check_f32(heads, -1, 2) : NULL,
                               .causal = options & 8,
                               .offset = (int64_t)past,
                               .left = options & 16 ? (int64_t)(tk / 3) : -1,
                               .right = options & 32 ? (int64_t)(tk / 5) : -1,
                               .hidden = options & 64 ? NAN : 0};
    p->q = wild ? check_f32_wild(tq * p->q_row) : check_f32(tq * p->q_row, -1, 1);
    p->k = wild ? check_f32_wild(tk * p->k_row) : check_f32(tk * p->k_row, -1, 1);
    p->v = wild ? check_f32_wild(tk * p->v_row) : check_f32(tk * p->v_row, -1, 1);
    if (!(options & 128)) return c;
    p->mask_row = options & 8 ? tk : 0;
    p->mask_head = options & 1 ? IG_MAX(p->mask_row * tq, tk) : 0;
    const size_t n = IG_MAX(p->mask_row * tq, tk) * (p->mask_head ? heads : 1);
    float *m = check_f32(n, -1, 1);
    for (size_t i = 0; i < n; i++)
        if (i % 3 == 1 || i / IG_MAX(tk, 1u) % 7 == 2) m[i] = -INFINITY;
    p->mask = m;
    return c;
}

static float *scratch_of(const attention_args *p)
{
    size_t n;
    check_true(ig_attention_scratch(p, p->tq, &n), "scratch");
    return check_out_f32(n);
}

/* ---- the truth ---- */

static double score(const attention_args *p, size_t i, size_t h, size_t j)
{
    const float *q = p->q + i * p->q_row + h * p->q_head, *k = p->k + j * p->k_row;
    double z = 0;
    for (size_t c = 0; c < p->d; c++) z += (double)q[c] * (double)k[c];
    z *= (double)p->rule.scale;
    if (p->rule.softcap > 0) z = (double)p->rule.softcap * tanh(z / (double)p->rule.softcap);
    if (p->rule.slopes)
        z += (double)p->rule.slopes[h] * (double)((int64_t)j - (int64_t)i - p->rule.offset);
    return z + (p->mask ? (double)p->mask[h * p->mask_head + i * p->mask_row + j] : 0);
}

/* The error of a score is (d + 4) u sum|qk| and some of the options' (below 100 in size), that of y
 * the same relative to max|v| = 1, with that of exp and of the sums over the keys. */
static void check_oracle(const attention_args *p, const float *y)
{
    double *z = malloc((p->tk + 1) * sizeof *z);
    for (size_t row = 0; row < p->tq * p->heads; row++) {
        const size_t i = row / p->heads, h = row % p->heads;
        const attention_range r = ig_attention_sees(p, i);
        double top = p->rule.sinks ? (double)p->rule.sinks[h] : -INFINITY, sum;
        for (size_t j = r.begin; j < r.end; j++) top = fmax(top, z[j] = score(p, i, h, j));
        sum = p->rule.sinks ? exp((double)p->rule.sinks[h] - top) : 0;
        for (size_t j = r.begin; j < r.end; j++) {
            z[j] = top > -INFINITY ? exp(z[j] - top) : 0;
            sum += z[j];
        }
        for (size_t c = 0; c < p->dv; c++) {
            double want = 0;
            for (size_t j = r.begin; j < r.end && sum > 0; j++)
                want += z[j] / sum * (double)p->v[j * p->v_row + c];
            if (sum == 0) want = (double)p->rule.hidden;
            const double got = (double)y[i * p->y_row + h * p->y_head + c];
            const double allowed = 0x1p-24 * (200 + 2 * (double)p->d + (double)p->tk);
            check_true(isnan(want) ? isnan(got) : fabs(got - want) <= allowed,
                       "query %zu, head %zu, %zu: %.9g, not %.9g", i, h, c, got, want);
        }
    }
    free(z);
}

static float *truth(attention_args p)
{
    p.y = check_out_f32(p.tq * p.y_row);
    attention_f32_ref(&p, 0, p.tq, scratch_of(&p));
    return p.y;
}

/* ---- pages ---- */

/* k and v in pages in a random order; places that no token has hold random bytes. */
static attention_pages paged(const attention_args *p, ig_page_type type, size_t tokens,
                             ig_page_format *f)
{
    check_true(ig_page_format_init(f, type, tokens, p->d, p->dv), "format");
    const size_t n = p->tk / tokens + 1;
    unsigned char *raw = check_bytes(n * f->bytes + 64);
    unsigned char *base = raw + (64 - (uintptr_t)raw % 64) % 64;
    int32_t *table = check_i32(n, 0, 0);
    for (size_t i = 0; i < n; i++) table[i] = (int32_t)((i * 7 + 3) % n);
    if (n % 7 == 0)
        for (size_t i = 0; i < n; i++) table[i] = (int32_t)(n - 1 - i);
    for (size_t t = 0; t < p->tk; t++)
        ig_page_append(base + (size_t)table[t / tokens] * f->bytes, f, t % tokens,
                       p->k + t * p->k_row, p->v + t * p->v_row);
    return (attention_pages){.format = f, .base = base, .stride = f->bytes, .table = table};
}

/* y of all queries by the parts of all chunks, as threads would make them, last first. */
static void decode(attention_decode_fn *fn, attention_merge_fn *merge, const attention_args *p)
{
    size_t part, n_scratch, first, end;
    check_true(ig_attention_part(p, &part) && ig_attention_decode_scratch(p, &n_scratch), "sizes");
    ig_attention_chunks(p, &first, &end);
    float *parts = check_out_f32(part * (end - first) + 1), *scratch = check_out_f32(n_scratch);
    for (size_t c = end; c-- > first;) fn(p, c, parts + (c - first) * part, scratch);
    merge(p, parts, first, end, part);
}

/* ---- checks ---- */

static void check_rows(attention_f32_fn *fn, const attention_case *c)
{
    attention_args p = c->p;
    const float *want = truth(p);
    float *scratch = scratch_of(&p);
    p.y = check_out_f32(p.tq * p.y_row);
    fn(&p, c->split, p.tq, scratch);
    fn(&p, 0, c->split, scratch);
    check_same_f32(want, p.y, p.tq * p.y_row);
}

static void check_pages(attention_f32_fn *fn, const attention_case *c, ig_page_type type,
                        size_t tokens)
{
    attention_args p = c->p;
    ig_page_format f;
    const attention_pages pages = paged(&p, type, tokens, &f);
    const float *rows = type == IG_PAGE_F32 ? truth(p) : NULL;
    p.pages = &pages;
    const float *want = truth(p);
    if (rows) check_same_f32(rows, want, p.tq * p.y_row);
    float *scratch = scratch_of(&p);
    p.y = check_out_f32(p.tq * p.y_row);
    fn(&p, 0, c->split, scratch);
    fn(&p, c->split, p.tq, scratch);
    check_same_f32(want, p.y, p.tq * p.y_row);
    if (!p.rule.causal) return;
    for (size_t begin = 0, n; begin < p.tq; begin += n) { /* the prompt in chunks */
        attention_args part = p;
        n = IG_MIN(p.tq - begin, begin % 3 ? (size_t)1 : c->split + 1);
        part.tk = p.tk - p.tq + begin + n;
        part.rule.offset += (int64_t)begin;
        part.tq = n;
        part.q += begin * p.q_row;
        part.y += begin * p.y_row;
        fn(&part, 0, n, scratch);
    }
    check_same_f32(want, p.y, p.tq * p.y_row);
}

static void check_prefill(attention_f32_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 90; i++) {
        const size_t tq = i < 40 ? i : check_pick(1, 150), past = check_pick(0, i % 9 ? 40 : 700);
        const size_t heads = check_pick(1, 4), d = check_pick(1, 40), dv = check_pick(1, 40);
        const unsigned options = (unsigned)check_pick(0, 255);
        const bool wild = i % 8 == 7;
        if (!check_next(needs, name, "%zu after %zu, %zu x %zu, %zu, options %u%s", tq, past, heads,
                        d, dv, options, wild ? ", wild" : ""))
            continue;
        const attention_case c = make_case(tq, past, heads, d, dv, options, wild);
        if (!wild) check_oracle(&c.p, truth(c.p));
        check_rows(fn, &c);
    }
    for (size_t i = 0; i < 48; i++) {
        static const char *const types[] = {"f32", "f16", "bf16", "i8"};
        const size_t tq = check_pick(1, 90), past = check_pick(0, i % 6 ? 100 : 1100);
        const size_t heads = check_pick(1, 3), d = check_pick(1, 36), dv = check_pick(1, 36);
        const size_t tokens = 16 * check_pick(1, 3);
        const unsigned options = (unsigned)check_pick(0, 127);
        const bool wild = i % 8 == 5;
        if (!check_next(needs, name, "%s pages of %zu, %zu after %zu, %zu x %zu, %zu, options %u%s",
                        types[i % 4], tokens, tq, past, heads, d, dv, options,
                        wild ? ", wild" : ""))
            continue;
        const attention_case c = make_case(tq, past, heads, d, dv, options, wild);
        check_pages(fn, &c, (ig_page_type)(i % 4), tokens);
    }
    static const size_t large[][4] = {{70, 530, 576, 512}, {33, 1000, 128, 128}, {5, 2, 256, 96}};
    for (size_t i = 0; i < IG_LEN(large); i++) {
        const size_t *s = large[i];
        if (!check_next(needs, name, "%zu after %zu of %zu, %zu", s[0], s[1], s[2], s[3])) continue;
        const attention_case c = make_case(s[0], s[1], 2, s[2], s[3], 8, false);
        check_oracle(&c.p, truth(c.p));
        check_rows(fn, &c);
    }
}

/* Token after token: what a prompt gave as a whole. */
static void check_tokens(attention_decode_fn *fn, const attention_case *c, ig_page_type type,
                         size_t tokens, size_t step)
{
    attention_args p = c->p;
    ig_page_format f;
    const attention_pages pages = paged(&p, type, tokens, &f);
    p.pages = &pages;
    const float *want = truth(p);
    p.y = check_out_f32(p.tq * p.y_row);
    for (size_t begin = 0, n; begin < p.tq; begin += n) {
        attention_args one = p;
        n = IG_MIN(step, p.tq - begin);
        one.tk = p.rule.causal ? p.tk - p.tq + begin + n : p.tk;
        one.rule.offset += (int64_t)begin;
        one.tq = n;
        one.q += begin * p.q_row;
        one.y += begin * p.y_row;
        decode(fn, attention_merge_ref, &one);
    }
    check_same_f32(want, p.y, p.tq * p.y_row);
}

static void check_decode(attention_decode_fn *fn, const char *name, uint32_t needs)
{
    static const char *const types[] = {"f32", "f16", "bf16", "i8"};
    for (size_t i = 0; i < 60; i++) {
        const size_t tq = check_pick(1, 20), past = check_pick(0, i % 5 ? 150 : 1100);
        const size_t heads = check_pick(1, 9), d = check_pick(1, i % 7 ? 40 : 300);
        const size_t dv = check_pick(1, i % 7 ? 90 : 200), tokens = 16 * check_pick(1, 3);
        const unsigned options = (unsigned)check_pick(0, 127);
        const size_t step = check_pick(1, 4);
        const bool wild = i % 8 == 5;
        if (!check_next(needs, name, "%s pages of %zu, %zu after %zu, %zu x %zu, %zu, options %u%s",
                        types[i % 4], tokens, tq, past, heads, d, dv, options,
                        wild ? ", wild" : ""))
            continue;
        const attention_case c = make_case(tq, past, heads, d, dv, options, wild);
        check_tokens(fn, &c, (ig_page_type)(i % 4), tokens, step);
    }
}

static void check_merge(attention_merge_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 40; i++) {
        const size_t tq = check_pick(1, 4), heads = check_pick(1, 5), dv = check_pick(1, 70);
        const size_t first = check_pick(0, 3), n = check_pick(0, 6);
        const unsigned options = (unsigned)check_pick(0, 127);
        if (!check_next(needs, name, "%zu parts of %zu x %zu of %zu, options %u", n, tq, heads, dv,
                        options))
            continue;
        attention_args p = make_case(tq, 9, heads, 8, dv, options, false).p;
        size_t part;
        check_true(ig_attention_part(&p, &part), "size");
        float *parts = i % 4 ? check_f32(n * part, -2, 2) : check_f32_wild(n * part);
        const size_t states = tq * heads * ((dv + 15) / 16 * 16);
        for (size_t c = 0; c < n; c += 2) /* every other one saw nothing */
            for (size_t k = 0; k < tq * heads; k++) parts[c * part + states + 2 * k + 1] = 0;
        float *want = check_out_f32(tq * p.y_row), *got = check_out_f32(tq * p.y_row);
        p.y = want;
        attention_merge_ref(&p, parts, first, first + n, part);
        p.y = got;
        fn(&p, parts, first, first + n, part);
        check_same_f32(want, got, tq * p.y_row);
    }
}

/* Half-precision pages round to nearest even; i8 within half a step of its scale. */
static void check_append(void)
{
    if (!check_next(IG_CPU_REF, "attention_decode_ref", "append")) return;
    enum { D = 22, DV = 19 };
    ig_page_format f;
    const float *k = check_f32(D, -3, 3), *v = check_f32(DV, -3, 3);
    check_true(!ig_page_format_init(&f, IG_PAGE_F32, 24, D, DV), "24 tokens are no whole groups");
    check_true(!ig_page_format_init(&f, IG_PAGE_F32, 16, SIZE_MAX / 8, DV), "too large");
    check_true(ig_page_format_init(&f, IG_PAGE_I8, 32, D, DV), "format");
    unsigned char *page = calloc(1, f.bytes);
    ig_page_append(page, &f, 18, k, v);
    float k_scale, v_scale;
    memcpy(&k_scale, page + f.k_scales_at + 18 * sizeof k_scale, sizeof k_scale);
    memcpy(&v_scale, page + f.v_scales_at + 18 * sizeof v_scale, sizeof v_scale);
    for (size_t i = 0; i < D; i++) {
        const int8_t q = (int8_t)page[f.k_group + i / 4 * 64 + 2 * 4 + i % 4];
        check_true(fabsf((float)q * k_scale - k[i]) <= 0.501f * k_scale, "K element %zu", i);
    }
    for (size_t i = 0; i < DV; i++) {
        const int8_t q = (int8_t)page[f.v_at + 18 * f.v_row + i];
        check_true(fabsf((float)q * v_scale - v[i]) <= 0.501f * v_scale, "V element %zu", i);
    }
    free(page);
}

void check_attention(void);
void check_attention(void)
{
    check_append();
#define K(family, fn, needs) check_prefill(fn, #fn, needs);
#include "kernels/attention/attention.kern"
#undef K
#define K(family, fn, needs) check_decode(fn, #fn, needs);
#include "kernels/attention/attention_decode.kern"
#undef K
#define K(family, fn, needs) check_merge(fn, #fn, needs);
#include "kernels/attention/attention_merge.kern"
#undef K
}
