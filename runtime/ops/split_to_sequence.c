/* split_to_sequence.c - a tensor cut along an axis into a sequence: split_to_sequence(x, split).
 *
 * split: absent: pieces of 1, without the axis when keepdims is 0; one number: pieces of that size,
 * the last may be smaller; [n]: their sizes. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    int64_t axis, keepdims;
} split_attrs;

static const ig_attr attrs[] = {
    IG_INT(split_attrs, axis, 0), IG_INT(split_attrs, keepdims, 1), {0}};

static ingot_status infer(ig_infer *c)
{
    int axis;
    c->out[0].kind = IG_SEQUENCE;
    c->out[0].dtype = c->in[0]->dtype;
    if (c->in[0]->rank < 0) return INGOT_OK;
    return ig_infer_axis(c, ((const split_attrs *)c->attrs)->axis, c->in[0]->rank, &axis);
}

typedef struct {
    size_t n, length;   /* pieces, size of the axis */
    size_t each;        /* size of a piece, unless */
    const ig_tensor *v; /* their sizes are listed */
} pieces;

static size_t size_of(const pieces *p, size_t i)
{
    if (p->v) return (size_t)ig_to_int(p->v->data, p->v->dtype, i);
    return IG_MIN(p->each, p->length - i * p->each);
}

static ingot_status plan(ig_run *r, pieces *p, size_t length)
{
    *p = (pieces){.n = length, .length = length, .each = 1};
    const ig_tensor *split = r->n_in > 1 ? r->in[1] : NULL;
    if (!split) return INGOT_OK;
    if ((split->dtype != INGOT_I64 && split->dtype != INGOT_I32) || split->rank > 1)
        return ig_run_fail(r, "split must be one i32 or i64, or a list of them");
    if (split->rank == 0) {
        const int64_t each = ig_to_int(split->data, split->dtype, 0);
        if (each < 1) return ig_run_fail(r, "split is %lld, at least 1 expected", (long long)each);
        p->each = IG_MIN((size_t)each, IG_MAX(length, (size_t)1));
        p->n = length / p->each + (length % p->each != 0);
        return INGOT_OK;
    }
    p->v = split;
    p->n = (size_t)split->dims[0];
    size_t sum = 0;
    for (size_t i = 0; i < p->n; i++) {
        const int64_t size = ig_to_int(split->data, split->dtype, i);
        if (size < 0 || (uint64_t)size > length - sum)
            return ig_run_fail(r, "split %zu is %lld of the %zu that are left", i, (long long)size,
                               length - sum);
        sum += (size_t)size;
    }
    if (sum != length)
        return ig_run_fail(r, "the pieces have %zu together, the axis %zu", sum, length);
    return INGOT_OK;
}

typedef struct {
    size_t outer, inner_bytes, length;
    int axis;
    bool drop; /* the axis */
} cutter;

static bool cut(ig_tensor *out, const ig_tensor *x, const cutter *k, size_t from, size_t size,
                ig_arena *arena)
{
    const size_t bytes = size * k->inner_bytes;
    *out = *x;
    out->dims[k->axis] = (int64_t)size;
    if (k->drop) {
        for (int d = k->axis; d + 1 < x->rank; d++) out->dims[d] = x->dims[d + 1];
        out->rank--;
    }
    out->data = ig_arena_take(arena, IG_MAX(k->outer * bytes, (size_t)IG_ALIGN));
    for (size_t o = 0; out->data && bytes && o < k->outer; o++)
        memcpy((char *)out->data + o * bytes,
               (const char *)x->data + (o * k->length + from) * k->inner_bytes, bytes);
    return out->data;
}

static ingot_status run(ig_run *r)
{
    const split_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    cutter k = {.axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis), .outer = 1};
    k.length = (size_t)x->dims[k.axis];
    k.inner_bytes = ig_dtype(x->dtype)->bytes;
    for (int d = 0; d < k.axis; d++) k.outer *= (size_t)x->dims[d];
    for (int d = k.axis + 1; d < x->rank; d++) k.inner_bytes *= (size_t)x->dims[d];
    k.drop = !a->keepdims && (r->n_in < 2 || !r->in[1]);
    pieces p;
    IG_TRY(plan(r, &p, k.length));
    IG_TRY(ig_run_sequence(r, 0, x->dtype, p.n));
    if (!r->out[0]) return INGOT_OK;
    ig_tensor *items = r->out[0]->data, strings = *x;
    if (x->dtype == INGOT_STR && !ig_tensor_copy(&strings, x, r->side))
        return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for strings");
    size_t from = 0;
    for (size_t i = 0; i < p.n; i++) {
        const size_t size = size_of(&p, i);
        if (!cut(&items[i], &strings, &k, from, size, r->side))
            return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for piece %zu", i);
        from += size;
    }
    return INGOT_OK;
}

const ig_op ig_op_split_to_sequence = {
    .name = "split_to_sequence",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES,
    .attrs = attrs,
    .attrs_bytes = sizeof(split_attrs),
    .infer = infer,
    .run = run,
};
