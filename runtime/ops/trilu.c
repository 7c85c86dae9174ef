/* trilu.c - the upper or lower triangle of the last two dims; zeros elsewhere. Input 1: which
 * diagonal bounds it (0: the main one, positive: above). */
#include "runtime/ops/move.h"

typedef struct {
    int64_t upper;
} trilu_attrs;

static const ig_attr fields[] = {IG_INT(trilu_attrs, upper, 1), {0}};

static ingot_status infer(ig_infer *c)
{
    IG_TRY(ig_infer_ints(c, 1));
    if (c->in[0]->rank == 0 || c->in[0]->rank == 1)
        return ig_infer_fail(c, "the input has rank %d, not 2 or more", c->in[0]->rank);
    return ig_infer_same(c);
}

typedef struct {
    const char *x;
    char *y;
    int64_t rows, columns, k;
    size_t bytes;
    bool upper;
} trilu_task;

static void rows_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const trilu_task *t = arg;
    const size_t line = (size_t)t->columns * t->bytes;
    (void)worker;
    for (size_t row = begin; row < end; row++) {
        const int64_t i = (int64_t)row % t->rows, edge = i + t->k + (t->upper ? 0 : 1);
        const size_t cut = (size_t)IG_MIN(IG_MAX(edge, (int64_t)0), t->columns) * t->bytes;
        const size_t keep = t->upper ? cut : 0, n = t->upper ? line - cut : cut;
        const size_t drop = t->upper ? 0 : cut;
        memset(t->y + row * line + drop, 0, line - n);
        if (t->y != t->x) memcpy(t->y + row * line + keep, t->x + row * line + keep, n);
    }
}

static ingot_status run(ig_run *r)
{
    const trilu_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    const size_t all = ig_tensor_elements(x);
    if (all == 0) return INGOT_OK;
    trilu_task t = {.x = x->data,
                    .y = r->out[0]->data,
                    .rows = x->dims[x->rank - 2],
                    .columns = x->dims[x->rank - 1],
                    .bytes = ig_elem(x->dtype),
                    .upper = a->upper != 0};
    if (r->n_in > 1 && r->in[1]) {
        if (ig_tensor_elements(r->in[1]) != 1) return ig_run_fail(r, "k must be one integer");
        t.k = ig_index_at(r->in[1], 0);
    }
    t.k = IG_MIN(IG_MAX(t.k, -t.rows - 1), t.columns + 1);
    ig_parallel(r->pool, all / (size_t)t.columns, ig_grain((size_t)t.columns * t.bytes), 0,
                rows_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_trilu = {
    .name = "trilu",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .attrs = fields,
    .attrs_bytes = sizeof(trilu_attrs),
    .infer = infer,
    .run = run,
};
