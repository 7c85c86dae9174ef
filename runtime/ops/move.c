/* move.c - what the ops that move elements about share; see move.h. */
#include "runtime/ops/move.h"

void ig_strides(ptrdiff_t *strides, int rank, const int64_t *dims)
{
    ptrdiff_t s = 1;
    for (int d = rank - 1; d >= 0; d--) {
        strides[d] = s;
        s *= (ptrdiff_t)dims[d];
    }
}

typedef struct {
    const ig_copy *copy;
    void *to;
    const void *from;
} move_task;

static void move_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const move_task *t = arg;
    (void)worker;
    ig_copy_units(t->copy, t->to, t->from, begin, end);
}

void ig_move(ig_pool *pool, const ig_copy *copy, void *to, const void *from)
{
    if (!copy->units) return;
    move_task t = {copy, to, from};
    ig_parallel(pool, copy->units, ig_grain(ig_copy_unit_bytes(copy)), 0, move_range, &t);
}

void ig_move_plan(ig_copy *copy, ingot_dtype dtype, int rank, const int64_t *n, const ptrdiff_t *to,
                  const ptrdiff_t *from)
{
    size_t count[IG_COPY_RANK];
    for (int d = 0; d < rank; d++) count[d] = (size_t)n[d];
    ig_copy_plan(copy, ig_elem(dtype), rank, count, to, from);
}

void *ig_bind_state(ig_bind *b, size_t bytes)
{
    b->state = ig_arena_take(b->arena, bytes);
    if (!b->state)
        ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for %zu bytes of state", bytes);
    return b->state;
}

int ig_tensor_ints(const ig_tensor *t, int64_t *v, size_t cap)
{
    if (!t || (!ig_is_ints(t->dtype) && t->dtype != INGOT_BOOL)) return -1;
    const size_t n = ig_tensor_elements(t);
    if (n > cap) return -1;
    for (size_t i = 0; i < n; i++) v[i] = ig_to_int(t->data, t->dtype, i);
    return (int)n;
}

ingot_status ig_infer_ints(ig_infer *c, size_t i)
{
    if (!ig_has(c, i) || c->in[i]->dtype == INGOT_NONE || ig_is_ints(c->in[i]->dtype))
        return INGOT_OK;
    return ig_infer_fail(c, "input %zu must hold integers, not %s", i,
                         ig_dtype(c->in[i]->dtype)->name);
}

ig_type *ig_infer_like(ig_infer *c)
{
    c->out[0] = (ig_type){.dtype = c->in[0]->dtype, .rank = IG_RANK_UNKNOWN};
    return &c->out[0];
}

int64_t ig_vector_length(const ig_infer *c, size_t i)
{
    if (!ig_has(c, i)) return -1;
    if (c->in[i]->rank == 0) return 1;
    return c->in[i]->rank == 1 && c->in[i]->dims[0] >= 0 ? c->in[i]->dims[0] : -1;
}

ingot_status ig_infer_axes(ig_infer *c, int64_t *v, size_t n, int rank)
{
    bool seen[IG_MAX_RANK] = {false};
    for (size_t i = 0; i < n; i++) {
        int axis;
        IG_TRY(ig_infer_axis(c, v[i], rank, &axis));
        if (seen[axis]) return ig_infer_fail(c, "axis %d is given twice", axis);
        seen[axis] = true;
        v[i] = axis;
    }
    return INGOT_OK;
}

ingot_status ig_dim_scaled(ig_infer *c, int64_t dim, int64_t factor, int64_t *out)
{
    *out = IG_DIM_UNKNOWN;
    if (factor == 1) *out = dim;
    if (dim < 0 || factor == 1) return INGOT_OK;
    if (!ig_mul_ok(dim, factor, out))
        return ig_infer_fail(c, "a dimension of %lld times %lld is too large", (long long)dim,
                             (long long)factor);
    return INGOT_OK;
}

ingot_status ig_dim_sum(ig_infer *c, int64_t dim, int64_t more, int64_t *out)
{
    *out = IG_DIM_UNKNOWN;
    if (more == 0) *out = dim;
    if (dim < 0 || more == 0) return INGOT_OK;
    if (!ig_add_ok(dim, more, out))
        return ig_infer_fail(c, "a dimension of %lld plus %lld is too large", (long long)dim,
                             (long long)more);
    if (*out < 0)
        return ig_infer_fail(c, "a dimension of %lld plus %lld is negative", (long long)dim,
                             (long long)more);
    return INGOT_OK;
}
