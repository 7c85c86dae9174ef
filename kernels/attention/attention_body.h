/* attention_body.h - attention_f32: the loops around the tiles and the steps of
 * attention_block.h. Include after page_vec.h.
 *
 *     for chunks of 512 keys                K and V into panels, once for all rows of the call
 *         for blocks of up to 64 rows       a row is one query of one head
 *             for blocks of 64 keys         S = scale q k^T;  exp;  O = S v + factor O
 *             merge O into y
 *
 * S (16 KB) stays in L1, the chunk's panels in L2. */
#include "kernels/attention/attention_tile.inc"
#include "kernels/attention/scratch.h"

#include <string.h>

typedef struct {
    const attention_args *p;
    size_t q0, rows;   /* of the call */
    size_t chunk, end; /* tokens whose keys and values are in panels */
    size_t wide;       /* dv rounded up */
    float *k, *v, *k_scales, *v_scales, *q, *s, *o;
    running *all; /* [rows] */
    float ones[ATT_ROWS];
    enum { UNKNOWN, FINITE, WILD } values[IG_ATT_CHUNK / IG_ATT_BLOCK];
} work;

/* ---- rows ---- */

static size_t query_of(const work *w, size_t row) { return w->q0 + row / w->p->heads; }

static float *y_of(const work *w, size_t row)
{
    const attention_args *p = w->p;
    return p->y + query_of(w, row) * p->y_row + row % p->heads * p->y_head;
}

/* The rows that go through the keys together: whose they are, and their sums so far. */
typedef struct {
    size_t n;
    float top[ATT_ROWS], sum[ATT_ROWS], factor[ATT_ROWS];
    struct {
        size_t query, head;
        attention_range sees;
    } row[ATT_ROWS];
} row_block;

static void set_rows(const work *w, row_block *b, size_t first, size_t n)
{
    const attention_args *p = w->p;
    size_t query = query_of(w, first), head = first % p->heads;
    b->n = n;
    for (size_t i = 0; i < ATT_ROWS; i++) b->top[i] = LOWEST, b->sum[i] = 0;
    for (size_t i = 0; i < n; i++) {
        b->row[i].query = query;
        b->row[i].head = head;
        b->row[i].sees = ig_attention_sees(p, query);
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

static row_view view_of(const work *w, const row_block *b, size_t i, size_t block, size_t n)
{
    const attention_args *p = w->p;
    const attention_range r = b->row[i].sees;
    const size_t query = b->row[i].query, head = b->row[i].head;
    row_view v = {.rule = &p->rule,
                  .head = head,
                  .ahead = (int64_t)block - (int64_t)query - p->rule.offset,
                  .begin = r.begin > block ? IG_MIN(r.begin - block, n) : 0,
                  .end = r.end > block ? IG_MIN(r.end - block, n) : 0};
    if (p->mask) v.mask = p->mask + query * p->mask_row + head * p->mask_head + block;
    if (p->pages && p->pages->format->type == IG_PAGE_I8) {
        v.k_scale = w->k_scales + (block - w->chunk);
        v.v_scale = w->v_scales + (block - w->chunk);
    }
    return v;
}

/* The product of one row with the keys that it sees and no others: an infinite value times a
 * weight of zero would be NaN. */
static void exact_row(const work *w, float *o, float factor, const float *s, size_t block, size_t n,
                      size_t begin, size_t end)
{
    const float *v = w->v + (block - w->chunk) * w->wide;
    for (size_t c = 0; c < w->wide; c += ATT_LANES, v += n * ATT_LANES) {
        vf sum = vf_set(0.0f);
        for (size_t t = begin; t < end; t++)
            sum = vf_fma(vf_set(s[t]), vf_load(v + t * ATT_LANES), sum);
        vf_store(o + c, vf_add(sum, vf_mul(vf_load(o + c), vf_set(factor))));
    }
}

/* S of the block, times scale. */
static void score(const work *w, const row_block *b, size_t block, size_t n, float scale)
{
    const size_t d = w->p->d;
    for (size_t k = 0; k < d; k += IG_GEMM_RUN) {
        const bool last = d - k <= IG_GEMM_RUN;
        const att_product g = {.c = w->s,
                               .a = w->q + k,
                               .b = w->k + (block - w->chunk) * d + k * ATT_LANES,
                               .factor = k ? w->ones : NULL,
                               .ldc = IG_ATT_BLOCK,
                               .lda = d,
                               .panel = d * ATT_LANES,
                               .k = last ? d - k : IG_GEMM_RUN,
                               .scale = last ? scale : 1};
        att_multiply(&g, b->n, ig_gemm_panels(n));
    }
}

static void add_values(const work *w, const row_block *b, size_t block, size_t n)
{
    const att_product g = {.c = w->o,
                           .a = w->s,
                           .b = w->v + (block - w->chunk) * w->wide,
                           .factor = b->factor,
                           .ldc = w->wide,
                           .lda = IG_ATT_BLOCK,
                           .panel = n * ATT_LANES,
                           .k = n,
                           .scale = 1};
    att_multiply(&g, b->n, w->wide / ATT_LANES);
}

/* Blocks of which all rows see all keys, and whose scores are only scaled and masked: most of
 * them. */
static bool is_plain(const work *w, size_t n, bool whole)
{
    const attention_args *p = w->p;
    return whole && n == IG_ATT_BLOCK && !p->rule.slopes && !(p->rule.softcap > 0) &&
           !(p->pages && p->pages->format->type == IG_PAGE_I8);
}

/* The rows' parts of the mask, from token `block` on. */
static void list_masks(const work *w, const row_block *b, size_t block, const float **mask)
{
    const attention_args *p = w->p;
    for (size_t i = 0; i < b->n; i++)
        mask[i] = p->mask + b->row[i].query * p->mask_row + b->row[i].head * p->mask_head + block;
}

/* The rows meet the keys [block, block + n). What rows see grows with the query. */
static void meet(work *w, row_block *b, size_t block, size_t n)
{
    const bool whole = b->row[b->n - 1].sees.begin <= block && b->row[0].sees.end >= block + n;
    const bool plain = is_plain(w, n, whole);
    score(w, b, block, n, plain ? w->p->rule.scale : 1);
    if (plain && w->p->mask) {
        const float *mask[ATT_ROWS];
        list_masks(w, b, block, mask);
        weigh_rows(w->s, b->n, mask, b->top, b->sum, b->factor);
    } else if (plain) {
        weigh_rows(w->s, b->n, NULL, b->top, b->sum, b->factor);
    } else {
        for (size_t i = 0; i < b->n; i++) {
            const row_view view = view_of(w, b, i, block, n);
            b->factor[i] = weigh(&view, w->s + i * IG_ATT_BLOCK, n, &b->top[i], &b->sum[i]);
        }
    }
    if (whole || !wild(w, block, n)) {
        add_values(w, b, block, n);
        return;
    }
    for (size_t i = 0; i < b->n; i++) {
        const row_view view = view_of(w, b, i, block, n);
        exact_row(w, w->o + i * w->wide, b->factor[i], w->s + i * IG_ATT_BLOCK, block, n,
                  view.begin, view.end);
    }
}

static void rows_of_chunk(work *w, size_t first, size_t rows)
{
    row_block b;
    set_rows(w, &b, first, rows);
    const size_t begin = IG_MAX(b.row[0].sees.begin, w->chunk);
    const size_t end = IG_MIN(b.row[rows - 1].sees.end, w->end);
    if (begin >= end) return;
    memset(w->o, 0, rows * w->wide * sizeof(float));
    for (size_t t = begin / IG_ATT_BLOCK * IG_ATT_BLOCK; t < end; t += IG_ATT_BLOCK)
        meet(w, &b, t, IG_MIN(w->end - t, IG_ATT_BLOCK));
    for (size_t i = 0; i < rows; i++) {
        const running part = {b.top[i], b.sum[i]};
        merge_row(&w->all[first + i], y_of(w, first + i), &part, w->o + i * w->wide, w->p->dv);
    }
}

static work divide(const attention_args *p, size_t q0, size_t q1, float *scratch)
{
    const attention_layout l = att_layout(p, q1 - q0);
    work w = {.p = p, .q0 = q0, .rows = (q1 - q0) * p->heads, .wide = att_up(p->dv)};
    for (size_t i = 0; i < ATT_ROWS; i++) w.ones[i] = 1;
    w.k = scratch;
    w.v = w.k + l.k;
    w.k_scales = w.v + l.v;
    w.v_scales = w.k_scales + IG_ATT_CHUNK;
    w.q = w.k_scales + l.scales;
    w.s = w.q + l.q;
    w.o = w.s + l.s;
    w.all = (running *)(void *)(w.o + l.o);
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
