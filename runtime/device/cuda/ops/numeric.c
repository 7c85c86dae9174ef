/* numeric.c - ops of numbers with a kernel of their own on the device: col2im, det, nll_loss. */
#include "kernels/col2im/col2im_cuda.h"
#include "kernels/det/det_cuda.h"
#include "kernels/nll_loss/nll_loss_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/ops/col2im.h"

#include <string.h>

/* ---- col2im ---- */

/* Every number of a dimension, and of a pixel's way to its blocks, must fit 31 bits. */
static bool add_dim(cu_col2im_args *a, const ig_col2im *g, int from, int to)
{
    int64_t reach, far;
    if (!ig_add_ok(g->image[from], g->pad[from], &far) ||
        !ig_mul_ok(g->block[from], g->dilation[from], &reach) ||
        IG_MAX(IG_MAX(far, reach), IG_MAX(g->stride[from], g->columns[from])) > CU_MOST)
        return false;
    a->image[to] = (int32_t)g->image[from];
    a->block[to] = (int32_t)g->block[from];
    a->columns[to] = (int32_t)g->columns[from];
    a->stride[to] = (int32_t)g->stride[from];
    a->dilation[to] = (int32_t)g->dilation[from];
    a->pad[to] = (int32_t)g->pad[from];
    return true;
}

static ingot_status bind_col2im(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *y = b->out[0];
    ig_col2im g;
    cu_col2im_args *a = IG_CU_STATE(b, cu_col2im_args);
    if (!a) return INGOT_E_NOMEM;
    if (!ig_cu_known(b, 1) || !ig_cu_known(b, 2))
        return IG_CU_DECLINE(b, "shapes that are no constants");
    const char *wrong = ig_col2im_fill(&g, b->node->attrs, ig_cu_known(b, 1), ig_cu_known(b, 2));
    if (wrong) return IG_CU_DECLINE(b, wrong);
    a->type = ig_cu_number(x->dtype);
    a->spatial = g.n;
    a->planes = y->dims[0] * y->dims[1];
    if (a->type < 0 || a->type == NB_BOOL) return IG_CU_DECLINE(b, "this type");
    if (ig_cu_elements(x) > CU_MOST || ig_cu_elements(y) > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    for (int i = 0; i < g.n; i++)
        if (!add_dim(a, &g, i, g.n - 1 - i)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->taken |= 6; /* the shapes */
    b->kernel = "col2im";
    return INGOT_OK;
}

static ingot_status launch_col2im(ig_device_stream *s, const ig_device_run *r)
{
    cu_col2im_args a = *(const cu_col2im_args *)r->state;
    a.x = r->in[0];
    a.y = r->out[0];
    return ig_cu_done(s, r, cu_col2im(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_col2im = {.name = "col2im", .bind = bind_col2im, .launch = launch_col2im};

/* ---- det ---- */

typedef struct {
    cu_det_args args;
    bool roomy;
} det_state;

static ingot_status bind_det(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[0];
    const cu_chip chip = ig_cu_chip(d);
    size_t at;
    det_state *s = IG_CU_STATE(b, det_state);
    if (!s) return INGOT_E_NOMEM;
    s->args.type = ig_cu_float_type(x->dtype);
    s->args.n = ig_cu_elements(b->out[0]);
    if (s->args.type < 0) return IG_CU_DECLINE(b, "this type");
    if (x->dims[x->rank - 1] > UINT16_MAX) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    s->args.size = (int)x->dims[x->rank - 1];
    const size_t room = cu_det_room(&s->args, &chip);
    s->roomy = room > 0;
    b->kernel = "det";
    return ig_cu_room(b, (int64_t)room, 1, &at) ? INGOT_OK : IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
}

static ingot_status launch_det(ig_device_stream *stream, const ig_device_run *r)
{
    const det_state *s = r->state;
    cu_det_args a = s->args;
    a.x = r->in[0];
    a.y = r->out[0];
    a.room = s->roomy ? r->scratch : NULL;
    return ig_cu_done(stream, r, cu_det(&a, ig_cu_stream(stream)));
}

const ig_cu_op ig_cu_op_det = {.name = "det", .bind = bind_det, .launch = launch_det};

/* ---- nll_loss ---- */

static ingot_status bind_nll(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    const char *reduction = ig_cu_text(b, "reduction");
    cu_nll_loss_args *a = IG_CU_STATE(b, cu_nll_loss_args);
    size_t at;
    if (!a) return INGOT_E_NOMEM;
    a->type = ig_cu_float_type(x->dtype);
    a->target_type = ig_cu_number(b->in[1]->dtype);
    a->weight_type = ig_cu_has(b, 2) ? ig_cu_float_type(b->in[2]->dtype) : 0;
    a->reduction = !strcmp(reduction, "mean")  ? CU_NLL_MEAN
                   : !strcmp(reduction, "sum") ? CU_NLL_SUM
                                               : CU_NLL_NONE;
    a->ignore = ig_cu_int(b, "ignore") != 0;
    a->ignore_index = ig_cu_int(b, "ignore_index");
    a->outer = x->dims[0];
    a->classes = x->dims[1];
    a->inner = ig_cu_count(x->dims, 2, x->rank);
    if (a->type < 0 || a->target_type < 0 || a->weight_type < 0)
        return IG_CU_DECLINE(b, "this type");
    if (ig_cu_elements(b->in[1]) > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "nll_loss";
    return ig_cu_room(b, (int64_t)cu_nll_loss_room(a), 1, &at) ? INGOT_OK
                                                               : IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
}

static ingot_status launch_nll(ig_device_stream *s, const ig_device_run *r)
{
    cu_nll_loss_args a = *(const cu_nll_loss_args *)r->state;
    a.x = r->in[0];
    a.target = r->in[1];
    a.weight = r->node->n_in > 2 ? r->in[2] : NULL;
    a.y = r->out[0];
    a.room = r->scratch;
    a.fault = ig_cu_fault(s);
    return ig_cu_done(s, r, cu_nll_loss(&a, ig_cu_stream(s)));
}

static ingot_status refuse_nll(const ig_node *node, const void *state, const cu_fault *f,
                               ingot_error *err)
{
    return ig_node_fail(err, INGOT_E_DATA, node, "target %lld is not one of %lld classes",
                        (long long)f->value, (long long)((const cu_nll_loss_args *)state)->classes);
}

const ig_cu_op ig_cu_op_nll_loss = {
    .name = "nll_loss", .bind = bind_nll, .launch = launch_nll, .refuse = refuse_nll};
