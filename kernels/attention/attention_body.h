/* attention_body.h - attention by the GEMM and the softmax rows of the including file's ISA. */
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_scratch.h"
#include "kernels/gemm/gemm.h"
#include "kernels/softmax/softmax_rows.h"

typedef struct {
    const attention_args *p;
    float *k, *v, *scores, *inv;
    size_t row;  /* between rows of scores */
    size_t keys; /* that the packed V holds */
} work;

/* visible - how many keys query i sees. */
static size_t visible(const attention_args *p, size_t i)
{
    return p->causal && p->past < p->tk && i < p->tk - p->past - 1 ? i + p->past + 1 : p->tk;
}

static work pack(const attention_args *p, size_t keys, float *scratch)
{
    work w = {.p = p, .k = scratch, .row = score_row(p->tk), .keys = keys};
    w.v = w.k + ig_gemm_packed(p->d, p->tk);
    w.scores = w.v + ig_gemm_packed(p->tk, p->dv);
    w.inv = w.scores + QUERIES * w.row;
    IG_ISA(gemm_pack_f32)(w.k, p->k, p->d, keys, 1, p->k_row, 0, ig_gemm_panels(keys));
    IG_ISA(gemm_pack_f32)(w.v, p->v, keys, p->dv, p->v_row, 1, 0, ig_gemm_panels(p->dv));
    return w;
}

/* Scores of `rows` queries against the first `keys` keys become exp(z - top); inv takes 1 / sum. */
static void scores(const work *w, size_t q, size_t rows, size_t keys)
{
    const attention_args *p = w->p;
    const ig_gemm_f32_args g = {.c = w->scores,
                                .a = p->q + q * p->q_row,
                                .b = w->k,
                                .ldc = w->row,
                                .lda = p->q_row,
                                .n = keys,
                                .k = p->d};
    IG_ISA(gemm_f32)(&g, 0, rows, 0, ig_gemm_panels(keys));
    for (size_t r = 0; r < rows; r++) {
        float *s = w->scores + r * w->row;
        const size_t n = visible(p, q + r);
        const float *mask = p->mask ? p->mask + (q + r) * p->mask_row : NULL;
        const float top = shift_row(s, s, mask, n, p->scale);
        const float sum = exp_row(s, n, top, true);
        w->inv[r] = n ? 1.0f / sum : 0.0f;
        for (size_t i = n; i < keys; i++) s[i] = 0.0f;
    }
}

/* y = scores v, then times 1 / sum. A prefix of the keys is a prefix of each of V's panels, but not
 * of their row: then a panel at a time. */
static void outputs(const work *w, size_t q, size_t rows, size_t keys)
{
    const attention_args *p = w->p;
    float *y = p->y + q * p->y_row;
    ig_gemm_f32_args g = {
        .c = y, .a = w->scores, .b = w->v, .ldc = p->y_row, .lda = w->row, .n = p->dv, .k = keys};
    const size_t panels = ig_gemm_panels(p->dv);
    if (keys == w->keys) {
        IG_ISA(gemm_f32)(&g, 0, rows, 0, panels);
    } else {
        for (size_t i = 0; i < panels; i++, g.c += IG_PANEL) {
            g.b = w->v + i * w->keys * IG_PANEL;
            g.n = i + 1 < panels ? IG_PANEL : p->dv - i * IG_PANEL;
            IG_ISA(gemm_f32)(&g, 0, rows, 0, 1);
        }
    }
    for (size_t r = 0; r < rows; r++) scale_row(y + r * p->y_row, p->dv, vf_set(w->inv[r]));
}

/* Blocks end at absolute multiples of QUERIES, and the keys of a block are those that its last
 * query could see, whoever computes the block: so q0 and q1 change no sum, not even by adding
 * zeros. */
void IG_ISA(attention_f32)(const attention_args *p, size_t q0, size_t q1, float *scratch)
{
    if (q0 >= q1) return;
    const work w = pack(p, visible(p, (q1 - 1) / QUERIES * QUERIES + QUERIES - 1), scratch);
    for (size_t q = q0, end; q < q1; q = end) {
        const size_t last = q / QUERIES * QUERIES + QUERIES;
        const size_t keys = visible(p, last - 1);
        end = last < q1 ? last : q1;
        scores(&w, q, end - q, keys);
        outputs(&w, q, end - q, keys);
    }
}
