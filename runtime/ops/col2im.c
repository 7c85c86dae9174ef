/* col2im.c - put sliding blocks back into an image, adding where they overlap.
 *
 * Inputs: columns [N, C * block, L], image shape [d], block shape [d]; output [N, C, image...]. Any
 * number of spatial dims. */
#include "runtime/ops/col2im.h"
#include "runtime/ops/index.h"

static const ig_attr fields[] = {IG_INTS(ig_col2im_attrs, dilations),
                                 IG_INTS(ig_col2im_attrs, pads),
                                 IG_INTS(ig_col2im_attrs, strides),
                                 {0}};

static const char *fill_dim(ig_col2im *g, const ig_col2im_attrs *a, int d)
{
    g->stride[d] = a->strides.n ? a->strides.v[d] : 1;
    g->dilation[d] = a->dilations.n ? a->dilations.v[d] : 1;
    g->pad[d] = a->pads.n ? a->pads.v[d] : 0;
    const int64_t after = a->pads.n ? a->pads.v[g->n + d] : 0;
    if (g->image[d] < 1 || g->block[d] < 1) return "image and block sizes must be 1 or more";
    if (g->stride[d] < 1 || g->dilation[d] < 1) return "strides and dilations must be 1 or more";
    if (g->pad[d] < 0 || after < 0) return "pads must be 0 or more";
    int64_t whole, reach;
    if (!ig_add_ok(g->image[d], g->pad[d], &whole) || !ig_add_ok(whole, after, &whole) ||
        !ig_mul_ok(g->dilation[d], g->block[d] - 1, &reach) ||
        !ig_mul_ok(g->block_size, g->block[d], &g->block_size))
        return "image, block, pads or dilations are too large";
    if (reach >= whole) return "the block is larger than the padded image";
    g->columns[d] = (whole - reach - 1) / g->stride[d] + 1;
    if (!ig_mul_ok(g->n_columns, g->columns[d], &g->n_columns)) return "there are too many blocks";
    return NULL;
}

const char *ig_col2im_fill(ig_col2im *g, const ig_col2im_attrs *a, const ig_tensor *image,
                           const ig_tensor *block)
{
    g->n = ig_tensor_ints(image, g->image, IG_COL2IM_SPATIAL);
    g->block_size = g->n_columns = 1;
    if (g->n < 1) return "the image shape must be 1 to 6 integers";
    if (ig_tensor_ints(block, g->block, IG_COL2IM_SPATIAL) != g->n)
        return "image and block shape differ in length";
    const size_t n = (size_t)g->n;
    if ((a->strides.n && a->strides.n != n) || (a->dilations.n && a->dilations.n != n) ||
        (a->pads.n && a->pads.n != 2 * n))
        return "strides, dilations or pads do not have the length of the image shape";
    for (int d = 0; d < g->n; d++) {
        const char *wrong = fill_dim(g, a, d);
        if (wrong) return wrong;
    }
    return NULL;
}

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[0];
    ig_type *out = ig_infer_like(c);
    IG_TRY(ig_infer_ints(c, 1));
    IG_TRY(ig_infer_ints(c, 2));
    if (x->dtype && !ig_combine(x->dtype, IG_PUT_ADD))
        return ig_infer_fail(c, "%s cannot be added", ig_dtype(x->dtype)->name);
    if (x->rank >= 0 && x->rank != 3)
        return ig_infer_fail(c, "the columns have rank %d, not 3", x->rank);
    if (!c->known[1] || !c->known[2]) {
        const int64_t n = ig_vector_length(c, 1);
        if (n < 1 || n > IG_COL2IM_SPATIAL) return INGOT_OK;
        out->rank = (int)n + 2;
        for (int d = 0; d < out->rank; d++) out->dims[d] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    ig_col2im g;
    const char *wrong = ig_col2im_fill(&g, c->attrs, c->known[1], c->known[2]);
    if (wrong) return ig_infer_fail(c, "%s", wrong);
    out->rank = g.n + 2;
    out->dims[0] = x->rank == 3 ? x->dims[0] : IG_DIM_UNKNOWN;
    out->dims[1] = IG_DIM_UNKNOWN;
    for (int d = 0; d < g.n; d++) out->dims[2 + d] = g.image[d];
    if (x->rank != 3) return INGOT_OK;
    if (x->dims[1] >= 0 && x->dims[1] % g.block_size)
        return ig_infer_fail(c, "%lld rows are not a multiple of the block's %lld",
                             (long long)x->dims[1], (long long)g.block_size);
    if (ig_dim_differ(x->dims[2], g.n_columns))
        return ig_infer_fail(c, "%lld columns, but the image has %lld blocks",
                             (long long)x->dims[2], (long long)g.n_columns);
    if (x->dims[1] >= 0) out->dims[1] = x->dims[1] / g.block_size;
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    ig_col2im *g = IG_BIND_STATE(b, ig_col2im);
    if (!g) return INGOT_E_NOMEM;
    const char *wrong = ig_col2im_fill(g, b->attrs, b->known[1], b->known[2]);
    return wrong ? ig_bind_fail(b, "%s", wrong) : INGOT_OK;
}

typedef struct {
    const ig_col2im *g;
    const char *x;
    char *y;
    size_t bytes, image;
    ig_combine_fn *add;
} col2im_task;

/* One element of the block for all columns: image[column * stride + offset] += x[column]. */
static void add_row(const col2im_task *t, char *image, const char *x, const int64_t *offset)
{
    const ig_col2im *g = t->g;
    int64_t column[IG_COL2IM_SPATIAL] = {0};
    for (int64_t l = 0; l < g->n_columns; l++, x += t->bytes) {
        int64_t at = 0;
        bool inside = true;
        for (int d = 0; d < g->n && inside; d++) {
            const int64_t i = column[d] * g->stride[d] + offset[d];
            inside = i >= 0 && i < g->image[d];
            if (inside) at = at * g->image[d] + i;
        }
        if (inside) t->add(image + (size_t)at * t->bytes, x, 1);
        for (int d = g->n - 1; d >= 0 && ++column[d] == g->columns[d]; d--) column[d] = 0;
    }
}

static void channels_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const col2im_task *t = arg;
    const ig_col2im *g = t->g;
    const size_t row = (size_t)g->n_columns * t->bytes;
    (void)worker;
    for (size_t c = begin; c < end; c++) {
        char *image = t->y + c * t->image * t->bytes;
        memset(image, 0, t->image * t->bytes);
        for (int64_t b = 0; b < g->block_size; b++) {
            int64_t offset[IG_COL2IM_SPATIAL], rest = b;
            for (int d = g->n - 1; d >= 0; d--) {
                offset[d] = rest % g->block[d] * g->dilation[d] - g->pad[d];
                rest /= g->block[d];
            }
            add_row(t, image, t->x + (c * (size_t)g->block_size + (size_t)b) * row, offset);
        }
    }
}

static ingot_status run(ig_run *r)
{
    const ig_tensor *x = r->in[0], *y = r->out[0];
    col2im_task t = {.g = r->state, .x = x->data, .y = y->data, .bytes = ig_elem(x->dtype)};
    t.image = ig_span(y->dims, 2, y->rank);
    t.add = ig_combine(x->dtype, IG_PUT_ADD);
    const size_t work = (size_t)(t.g->block_size * t.g->n_columns) * 16;
    ig_parallel(r->pool, ig_span(y->dims, 0, 2), ig_grain(work), 0, channels_range, &t);
    return INGOT_OK;
}

const ig_op ig_op_col2im = {
    .name = "col2im",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = fields,
    .attrs_bytes = sizeof(ig_col2im_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
