/* stack.c - tensors of one shape gathered into one tensor; see stack.h. */
#include "runtime/ops/stack.h"
#include "runtime/base/checked.h"

#include <string.h>

static ingot_status start(ig_stack *s, const ig_tensor *t, ig_run *r, size_t what)
{
    if (t->kind != IG_TENSOR || t->absent)
        return ig_run_fail(r, "scan output %zu is not a tensor", what);
    if (t->rank >= IG_MAX_RANK)
        return ig_run_fail(r, "scan output %zu would have rank %d, at most %d", what, t->rank + 1,
                           IG_MAX_RANK);
    s->each = *t;
    s->bytes = ig_tensor_elements(t) * ig_dtype(t->dtype)->bytes;
    return INGOT_OK;
}

static ingot_status mismatch(const ig_stack *s, const ig_tensor *t, ig_run *r, size_t what)
{
    char want[128], have[128];
    const ig_type a = ig_type_of(&s->each), b = ig_type_of(t);
    ig_type_print(want, sizeof want, &a, NULL);
    ig_type_print(have, sizeof have, &b, NULL);
    return ig_run_fail(r, "scan output %zu is %s in round %zu, %s before", what, have, s->n, want);
}

static bool fits(const ig_stack *s, const ig_tensor *t)
{
    if (t->absent || t->kind != IG_TENSOR || t->dtype != s->each.dtype || t->rank != s->each.rank)
        return false;
    return !memcmp(t->dims, s->each.dims, (size_t)t->rank * sizeof *t->dims);
}

static bool grow(ig_stack *s, ig_run *r)
{
    const size_t cap = s->cap ? s->cap * 2 : 4;
    char *data = ig_arena_array(r->side, cap, IG_MAX(s->bytes, (size_t)16));
    if (!data) return false;
    if (s->n && s->bytes) memcpy(data, s->data, s->n * s->bytes);
    s->data = data;
    s->cap = cap;
    return true;
}

ingot_status ig_stack_push(ig_stack *s, const ig_tensor *t, ig_run *r, size_t what)
{
    if (!s->n) IG_TRY(start(s, t, r, what));
    if (!fits(s, t)) return mismatch(s, t, r, what);
    ig_tensor copy = *t;
    bool ok = s->n < s->cap || grow(s, r);
    if (ok && t->dtype == INGOT_STR) ok = ig_tensor_copy(&copy, t, r->side);
    if (!ok)
        return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for %zu rounds", s->n + 1);
    if (s->bytes) memcpy(s->data + s->n * s->bytes, copy.data, s->bytes);
    s->n++;
    return INGOT_OK;
}

ingot_status ig_stack_give(const ig_stack *s, ig_run *r, size_t o, const ig_type *declared)
{
    if (o >= r->n_out || !r->out[o]) return INGOT_OK;
    if (!s->n) {
        int64_t dims[IG_MAX_RANK] = {0};
        const int rank = IG_MIN(IG_MAX(declared->rank, 0) + 1, IG_MAX_RANK);
        for (int d = 1; d < rank; d++) dims[d] = IG_MAX(declared->dims[d - 1], (int64_t)0);
        if (declared->dtype == INGOT_NONE)
            return ig_run_fail(r, "no rounds, and the type of scan output %zu is not known", o);
        return ig_run_output(r, o, declared->dtype, rank, dims);
    }
    ig_tensor *t = r->out[o];
    *t = (ig_tensor){.dtype = s->each.dtype, .rank = s->each.rank + 1, .data = s->data};
    t->dims[0] = (int64_t)s->n;
    for (int d = 0; d < s->each.rank; d++) t->dims[d + 1] = s->each.dims[d];
    return INGOT_OK;
}
