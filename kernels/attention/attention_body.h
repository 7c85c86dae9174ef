/* attention_body.h - attention_f32 by the GEMM of the including file's ISA and the steps of
 * attention_block.h. Include after page_vec.h.
 *
 *     for chunks of 512 keys                K and V into panels, once for all rows of the call
 *         for blocks of up to 64 rows       a row is one query of one head
 *             for blocks of 64 keys         S = q k^T;  exp;  O = S v + factor O
 *             merge O into y
 *
 * S (16 KB) stays in L1, the chunk's panels in L2. */
#include "kernels/attention/attention_block.h"
#include "kernels/attention/scratch.h"
#include "kernels/gemm/gemm.h"

#include <string.h>

typedef struct {
    const attention_args *p;
    size_t q0, rows;   /* of the call */
    size_t chunk, end; /* tokens whose keys and values are in panels */
    size_t wide;       /* dv rounded up */
    float *k, *v, *k_scales, *v_scales, *q, *s, *o[2];
    running *all; /* [rows] */
    enum { UNKNOWN, FINITE, WILD } values[IG_ATT_CHUNK / IG_ATT_BLOCK];
} work;

/* ---- rows ---- */

static size_t query_of(const work *w, size_t row) { return w->q0 + row / w->p->heads; }

static float *y_of(const work *w, size_t row)
{
    const attention_args *p = w->p;
    return p->y + query_of(w, row) * p->y_row + row % p->heads * p->y_head;
}

/* The rows that go through the keys together: a block's sum so far, and whose row it is. */
typedef struct {
    running part;
    size_t query, head;
    attention_range sees;
} block_row;

static void set_rows(const work *w, block_row *rows, size_t first, size_t n)
{
    const attention_args *p = w->p;
    size_t query = query_of(w, first), head = first % p->heads;
    for (size_t i = 0; i < n; i++) {
        rows[i] = (block_row){{LOWEST, 0}, query, head, ig_attention_sees(p, query)};
        memcpy(w->q + i * p->d, p->q + query * p->q_row + head * p->q_head, p->d * sizeof *p->q);
        if (++head == p->heads) head = 0, query++;
    }
}

/* ---- keys and values of a chunk ---- */

static void load_dense(const work *w)
{
    const attention_args *p = w->p;
    const size_t n = w->end - w->chunk;
    IG_ISA(gemm_pack_f32)
    (w->k, p->k + w->chunk * p->k_row, p->d, n, 1, p->k_row, 0, ig_gemm_panels(n));
    for (size_t at = 0; at < n; at += IG_ATT_BLOCK) IG_ISA(gemm_pack_f32)
    (w->v + at * w->wide, p->v + (w->chunk + at) * p->v_row, IG_MIN(n - at, IG_ATT_BLOCK), p->dv,
     p->v_row, 1, 0, ig_gemm_panels(p->dv));
}

/* Sixteen tokens from `token` on: [d][16] of K, and their rows of V. */
static void load_group(const work *w, size_t token, size_t n)
{
    const attention_args *p = w->p;
    const ig_page_format *f = p->pages->format;
    const size_t from = token - w->chunk, at = token % f->tokens, block = from % IG_ATT_BLOCK;
    const unsigned char *page = page_of(p->pages, token);
    const size_t deep = IG_MIN(w->end - w->chunk - (from - block), IG_ATT_BLOCK);
    widen_keys(w->k + from * p->d, page + at / IG_PAGE_GROUP * f->k_group, f);
    float *v = w->v + (from - block) * w->wide + block * ATT_LANES;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < w->wide; c += ATT_LANES)
            vf_store(v + i * ATT_LANES + c * deep, widen_values(page, f, at + i, c));
    if (f->type != IG_PAGE_I8) return;
    memcpy(w->k_scales + from, page + f->k_scales_at + at * sizeof(float), 16 * sizeof(float));
    memcpy(w->v_scales + from, page + f->v_scales_at + at * sizeof(float), 16 * sizeof(float));
}

static void load_chunk(work *w, size_t chunk, size_t end)
{
    w->chunk = chunk;
    w->end = end;
    memset(w->values, 0, sizeof w->values);
    if (!w->p->pages) {
        load_dense(w);
        return;
    }
    for (size_t t = chunk; t < end; t += IG_PAGE_GROUP)
        load_group(w, t, IG_MIN(end - t, IG_PAGE_GROUP));
}

/* Has the block a value that is not finite? */
static bool wild(work *w, size_t block, size_t n)
{
    const size_t i = (block - w->chunk) / IG_ATT_BLOCK;
    if (w->values[i] == UNKNOWN) {
        const float *v = w->v + (block - w->chunk) * w->wide;
        vf sum = vf_set(0.0f);
        for (size_t k = 0; k < n * w->wide; k += ATT_LANES)
            sum = vf_add(sum, vf_mul(vf_load(v + k), vf_set(0.0f)));
        w->values[i] = vf_sum(sum) == 0 ? FINITE : WILD;
    }
    return w->values[i] == WILD;
}

/* ---- one block of keys ---- */

static row_view view_of(const work *w, const block_row *row, size_t block, size_t n)
{
    const attention_args *p = w->p;
    const attention_range r = row->sees;
    const bool scaled = p->pages && p->pages->format->type == IG_PAGE_I8;
    row_view v = {.rule = &p->rule,
                  .head = row->head,
                  .ahead = (int64_t)block - (int64_t)row->query - p->rule.offset,
                  .begin = r.begin > block ? IG_MIN(r.begin - block, n) : 0,
                  .end = r.end > block ? IG_MIN(r.end - block, n) : 0};
    if (p->mask) v.mask = p->mask + row->query * p->mask_row + row->head * p->mask_head + block;
    if (scaled) {
        v.k_scale = w->k_scales + (block - w->chunk);
        v.v_scale = w->v_scales + (block - w->chunk);
    }
    return v;
}

/* The product of one row with the keys that it sees and no others: an infinite value times a
 * weight of zero would be NaN. */
static void exact_row(const work *w, float *o, const float *old, const float *s, size_t block,
                      size_t n, size_t begin, size_t end)
{
    const float *v = w->v + (block - w->chunk) * w->wide;
    for (size_t c = 0; c < w->wide; c += ATT_LANES, v += n * ATT_LANES) {
        vf sum = vf_set(0.0f);
        for (size_t t = begin; t < end; t++)
            sum = vf_fma(vf_set(s[t]), vf_load(v + t * ATT_LANES), sum);
        vf_store(o + c, vf_add(sum, vf_load(old + c)));
    }
}

static void score(const work *w, size_t rows, size_t block, size_t n)
{
    const attention_args *p = w->p;
    const ig_gemm_f32_args g = {.c = w->s,
                                .a = w->q,
                                .b = w->k + (block - w->chunk) * p->d,
                                .ldc = IG_ATT_BLOCK,
                                .lda = p->d,
                                .n = n,
                                .k = p->d};
    IG_ISA(gemm_f32)(&g, 0, rows, 0, ig_gemm_panels(n));
}

static void add_values(const work *w, size_t rows, size_t block, size_t n)
{
    const ig_gemm_f32_args g = {.c = w->o[1],
                                .a = w->s,
                                .b = w->v + (block - w->chunk) * w->wide,
                                .ldc = w->wide,
                                .lda = IG_ATT_BLOCK,
                                .n = w->wide,
                                .k = n,
                                .epilogue = {.residual = w->o[0], .ld_residual = w->wide}};
    IG_ISA(gemm_f32)(&g, 0, rows, 0, w->wide / ATT_LANES);
}

/* The rows meet the keys [block, block + n). */
static void meet(work *w, block_row *row, size_t rows, size_t block, size_t n)
{
    bool whole = true;
    score(w, rows, block, n);
    for (size_t i = 0; i < rows; i++) {
        const row_view view = view_of(w, &row[i], block, n);
        float *s = w->s + i * IG_ATT_BLOCK;
        whole = whole && view.begin == 0 && view.end == n;
        const float factor = plainly_scaled(&view, n)
                                 ? weigh_plain(w->p->rule.scale, s, &row[i].part)
                                 : weigh(&view, s, n, &row[i].part);
        if (factor != 1) scale_row(w->o[0] + i * w->wide, w->wide, vf_set(factor));
    }
    if (whole || !wild(w, block, n))
        add_values(w, rows, block, n);
    else
        for (size_t i = 0; i < rows; i++) {
            const row_view view = view_of(w, &row[i], block, n);
            exact_row(w, w->o[1] + i * w->wide, w->o[0] + i * w->wide, w->s + i * IG_ATT_BLOCK,
                      block, n, view.begin, view.end);
        }
    float *swap = w->o[0];
    w->o[0] = w->o[1];
    w->o[1] = swap;
}

static void rows_of_chunk(work *w, size_t first, size_t rows)
{
    block_row row[ATT_ROWS];
    set_rows(w, row, first, rows);
    const size_t begin = IG_MAX(row[0].sees.begin, w->chunk);
    const size_t end = IG_MIN(row[rows - 1].sees.end, w->end);
    if (begin >= end) return;
    memset(w->o[0], 0, rows * w->wide * sizeof(float));
    for (size_t b = begin / IG_ATT_BLOCK * IG_ATT_BLOCK; b < end; b += IG_ATT_BLOCK)
        meet(w, row, rows, b, IG_MIN(w->end - b, IG_ATT_BLOCK));
    for (size_t i = 0; i < rows; i++)
        merge_row(&w->all[first + i], y_of(w, first + i), &row[i].part, w->o[0] + i * w->wide,
                  w->p->dv);
}

static work divide(const attention_args *p, size_t q0, size_t q1, float *scratch)
{
    const attention_layout l = att_layout(p, q1 - q0);
    work w = {.p = p, .q0 = q0, .rows = (q1 - q0) * p->heads, .wide = att_up(p->dv)};
    w.k = scratch;
    w.v = w.k + l.k;
    w.k_scales = w.v + l.v;
    w.v_scales = w.k_scales + IG_ATT_CHUNK;
    w.q = w.k_scales + l.scales;
    w.s = w.q + l.q;
    w.o[0] = w.s + l.s;
    w.o[1] = w.o[0] + l.o;
    w.all = (running *)(void *)(w.o[1] + l.o);
    return w;
}

void IG_ISA(attention_f32)(const attention_args *p, size_t q0, size_t q1, float *scratch)
{
    if (q0 >= q1 || !p->heads) return;
    work w = divide(p, q0, q1, scratch);
    const size_t n_blocks = (w.rows + ATT_ROWS - 1) / ATT_ROWS;
    const attention_range r = {ig_attention_sees(p, q0).begin, ig_attention_sees(p, q1 - 1).end};
    for (size_t i = 0; i < w.rows; i++)
        w.all[i] = start_row(&p->rule, i % p->heads, y_of(&w, i), p->dv);
    for (size_t c = r.begin / IG_ATT_CHUNK * IG_ATT_CHUNK; c < r.end; c += IG_ATT_CHUNK) {
        load_chunk(&w, c, IG_MIN(c + IG_ATT_CHUNK, r.end));
        for (size_t b = 0, row = 0; b < n_blocks; b++) {
            const size_t rows = w.rows / n_blocks + (b < w.rows % n_blocks);
            rows_of_chunk(&w, row, rows);
            row += rows;
        }
    }
    for (size_t i = 0; i < w.rows; i++) finish_row(&p->rule, &w.all[i], y_of(&w, i), p->dv);
}
