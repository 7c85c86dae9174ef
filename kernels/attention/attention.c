/* attention.c - see attention.h: which variants this machine uses, and sizes. */
#include "kernels/attention/attention.h"
#include "kernels/attention/scratch.h"

#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;

attention_f32_fn *ig_attention_f32(void)
{
    attention_f32_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/attention/attention.kern"
    return best;
}

attention_decode_fn *ig_attention_decode(void)
{
    attention_decode_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/attention/attention_decode.kern"
    return best;
}

attention_merge_fn *ig_attention_merge(void)
{
    attention_merge_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#include "kernels/attention/attention_merge.kern"
    return best;
}

void ig_attention_chunks(const attention_args *p, size_t *first, size_t *end)
{
    const size_t begin = p->tq ? ig_attention_sees(p, 0).begin : 0;
    const size_t last = p->tq ? ig_attention_sees(p, p->tq - 1).end : 0;
    *first = begin / IG_ATT_CHUNK;
    *end = last > begin ? (last - 1) / IG_ATT_CHUNK + 1 : *first;
}

bool ig_attention_scratch(const attention_args *p, size_t n_queries, size_t *n_floats)
{
    size_t wide, rows, chunk, running;
    if (!ig_add_ok(p->d, p->dv, &wide) || !ig_add_ok(wide, (size_t)ATT_LANES, &wide) ||
        !ig_mul_ok(wide, (size_t)(2 * IG_ATT_CHUNK), &chunk) ||
        !ig_mul_ok(n_queries, p->heads, &rows) || !ig_mul_ok(rows, 4, &running) ||
        !ig_add_ok(chunk, running, &chunk) || chunk > SIZE_MAX / 16)
        return false;
    *n_floats = att_layout(p, n_queries).total;
    return true;
}

bool ig_attention_part(const attention_args *p, size_t *n_floats)
{
    size_t rows, wide;
    if (!ig_mul_ok(p->tq, p->heads, &rows) || rows > SIZE_MAX / 4 ||
        !ig_align_ok(p->dv, ATT_LANES, &wide) || !ig_mul_ok(wide, rows, &wide) ||
        !ig_add_ok(wide, 2 * att_up(rows), n_floats))
        return false;
    return true;
}

bool ig_attention_decode_scratch(const attention_args *p, size_t *n_floats)
{
    size_t wide;
    return ig_add_ok(p->d, IG_ATT_BLOCK + ATT_LANES, &wide) &&
           ig_mul_ok(p->heads, wide, n_floats) && ig_align_ok(*n_floats, ATT_LANES, n_floats);
}
