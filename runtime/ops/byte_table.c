/* byte_table.c - byte_table(x, table): y[i] = table[x[i]], bytes to bytes.
 *
 * What any function of one quantised element becomes once its argument has 256 values: the passes
 * compute the table with the very ops that it replaces. The table has 256 entries of u8 or i8, the
 * first for the byte 0; i8 values count by their bit pattern. */
#include "runtime/graph/op.h"
#include "runtime/ops/move.h"
#include "runtime/base/checked.h"

enum { ENTRIES = 256 };

static bool is_byte(ingot_dtype d) { return d == INGOT_U8 || d == INGOT_I8 || d == INGOT_NONE; }

static ingot_status infer(ig_infer *c)
{
    size_t n;
    if (!is_byte(c->in[0]->dtype) || !is_byte(c->in[1]->dtype))
        return ig_infer_fail(c, "x and the table must be u8 or i8");
    if (ig_type_elements(c->in[1], &n) && n != ENTRIES)
        return ig_infer_fail(c, "the table has %zu entries, not %d", n, ENTRIES);
    c->out[0] = *c->in[0];
    c->out[0].dtype = c->in[1]->dtype;
    return INGOT_OK;
}

typedef struct {
    uint8_t *y;
    const uint8_t *x, *table;
} job;

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    uint8_t table[ENTRIES]; /* y may not change it */
    for (size_t i = 0; i < ENTRIES; i++) table[i] = j->table[i];
    for (size_t i = begin; i < end; i++) j->y[i] = table[j->x[i]];
}

static ingot_status run(ig_run *r)
{
    job j = {r->out[0]->data, r->in[0]->data, r->in[1]->data};
    ig_parallel(r->pool, ig_tensor_elements(r->in[0]), IG_GRAIN_BYTES / 4, 0, work, &j);
    return INGOT_OK;
}

const ig_op ig_op_byte_table = {
    .name = "byte_table",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_INPLACE,
    .infer = infer,
    .run = run,
};
