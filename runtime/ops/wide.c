/* wide.c - see wide.h. */
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

#include <string.h>

ingot_status ig_scratch_add(ig_bind *b, size_t n, size_t each, size_t *at)
{
    size_t bytes;
    *at = b->scratch_bytes;
    if (ig_mul_ok(n, each, &bytes) && ig_add_ok(bytes, *at, &bytes) &&
        ig_align_ok(bytes, IG_ALIGN, &b->scratch_bytes) && b->scratch_bytes < SIZE_MAX / 2)
        return INGOT_OK;
    return ig_bind_fail(b, "needs more scratch memory than can be addressed");
}

void *ig_bind_new(ig_bind *b, size_t bytes)
{
    b->state = ig_arena_take(b->arena, bytes);
    if (!b->state) ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    return b->state;
}

ingot_status ig_wide_bind_n(ig_wide *w, ig_bind *b, const ig_type *t, ig_calc calc, size_t n)
{
    *w = (ig_wide){.calc = calc, .n = n};
    if (!t || ig_calc_dtype(calc) == t->dtype) return INGOT_OK;
    w->copied = true;
    return ig_scratch_add(b, n, ig_calc_bytes(calc), &w->at);
}

ingot_status ig_wide_bind(ig_wide *w, ig_bind *b, const ig_type *t, ig_calc calc)
{
    size_t n = 0;
    if (t && !ig_type_elements(t, &n)) return ig_bind_fail(b, "a tensor is too large");
    return ig_wide_bind_n(w, b, t, calc, n);
}

typedef struct {
    char *out;
    const char *in;
    ingot_dtype dtype;
    ig_calc calc;
    size_t n;
} convert_job;

static void widen_blocks(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const convert_job *j = arg;
    const size_t each = ig_calc_bytes(j->calc);
    for (size_t i = begin; i < end; i++) {
        const size_t at = i * IG_BLOCK, n = IG_MIN(j->n - at, (size_t)IG_BLOCK);
        ig_block block;
        ig_load(&block, j->calc, j->in, j->dtype, at, n);
        memcpy(j->out + at * each, &block, n * each);
    }
}

static void round_blocks(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const convert_job *j = arg;
    for (size_t i = begin; i < end; i++) {
        const size_t at = i * IG_BLOCK, n = IG_MIN(j->n - at, (size_t)IG_BLOCK);
        ig_store(j->out, j->dtype, at, j->in + at * ig_calc_bytes(j->calc), j->calc, n);
    }
}

static size_t blocks_of(size_t n) { return n / IG_BLOCK + (n % IG_BLOCK != 0); }

void ig_widen(ig_pool *pool, void *out, ig_calc calc, const void *in, ingot_dtype dtype, size_t n)
{
    convert_job j = {.out = out, .in = in, .dtype = dtype, .calc = calc, .n = n};
    ig_parallel(pool, blocks_of(n), IG_GRAIN / IG_BLOCK, 0, widen_blocks, &j);
}

void ig_narrow(ig_pool *pool, void *out, ingot_dtype dtype, const void *in, ig_calc calc, size_t n)
{
    convert_job j = {.out = out, .in = in, .dtype = dtype, .calc = calc, .n = n};
    ig_parallel(pool, blocks_of(n), IG_GRAIN / IG_BLOCK, 0, round_blocks, &j);
}

const void *ig_wide_in(const ig_wide *w, const ig_run *r, const ig_tensor *t)
{
    if (!t) return NULL;
    if (!w->copied) return t->data;
    ig_widen(r->pool, ig_piece(r, w->at), w->calc, t->data, t->dtype, w->n);
    return ig_piece(r, w->at);
}

void *ig_wide_room(const ig_wide *w, const ig_run *r, const ig_tensor *t)
{
    if (!t) return NULL;
    return w->copied ? ig_piece(r, w->at) : t->data;
}

void ig_wide_store(const ig_wide *w, const ig_run *r, const ig_tensor *t)
{
    if (t && w->copied) ig_narrow(r->pool, t->data, t->dtype, ig_piece(r, w->at), w->calc, w->n);
}

const void *ig_wide_constant(ig_bind *b, const ig_tensor *t, ig_calc calc)
{
    if (ig_calc_dtype(calc) == t->dtype) return t->data;
    const size_t n = ig_tensor_elements(t);
    void *wide = ig_arena_array(b->arena, n, ig_calc_bytes(calc));
    if (wide)
        ig_widen(NULL, wide, calc, t->data, t->dtype, n);
    else
        ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for weights");
    return wide;
}
