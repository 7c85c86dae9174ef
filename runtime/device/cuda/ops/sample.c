/* sample.c - ops that read images at places which the data tell: grid_sample, affine_grid,
 * roi_align, max_roi_pool and deform_conv. */
#include "kernels/resize/resize_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/graph/op.h"

#include <string.h>

/* ---- grid_sample ---- */

static ingot_status bind_grid(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *grid = b->in[1], *y = b->out[0];
    cu_grid_sample_args *a = IG_CU_STATE(b, cu_grid_sample_args);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_grid_sample_args){.type = ig_cu_number(x->dtype),
                               .grid_type = ig_cu_float_type(grid->dtype),
                               .dims = x->rank - 2,
                               .mode = (cu_sample_mode)ig_cu_int(b, "mode"),
                               .padding = (cu_sample_padding)ig_cu_int(b, "padding_mode"),
                               .align_corners = ig_cu_int(b, "align_corners") != 0,
                               .batch = x->dims[0],
                               .channels = x->dims[1],
                               .points = ig_cu_count(y->dims, 2, y->rank)};
    memcpy(a->size, x->dims + 2, (size_t)a->dims * sizeof *a->size);
    if (a->type < 0 || a->grid_type < 0) return IG_CU_DECLINE(b, "this type");
    if (a->batch * a->points > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "grid_samples";
    return INGOT_OK;
}

static ingot_status launch_grid(ig_device_stream *stream, const ig_device_run *r)
{
    cu_grid_sample_args a = *(const cu_grid_sample_args *)r->state;
    a.x = r->in[0];
    a.grid = r->in[1];
    a.y = r->out[0];
    return ig_cu_done(stream, r, cu_grid_sample(&a, ig_cu_stream(stream)));
}

/* ---- affine_grid ---- */

static ingot_status bind_affine(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *theta = b->in[0], *y = b->out[0];
    int64_t size[IG_MAX_RANK];
    cu_affine_grid_args *a = IG_CU_STATE(b, cu_affine_grid_args);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_affine_grid_args){.theta_type = ig_cu_float_type(theta->dtype),
                               .y_type = ig_cu_float_type(y->dtype),
                               .dims = y->rank - 2,
                               .align_corners = ig_cu_int(b, "align_corners") != 0,
                               .batch = y->dims[0]};
    memcpy(a->size, y->dims + 1, (size_t)a->dims * sizeof *a->size);
    (void)ig_cu_ints_of(b, 1, size, IG_MAX_RANK);
    if (a->theta_type < 0 || a->y_type < 0) return IG_CU_DECLINE(b, "this type");
    if (theta->dims[0] != y->dims[0]) return IG_CU_DECLINE(b, "other batches");
    if (ig_cu_elements(y) > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "affine_points";
    return INGOT_OK;
}

static ingot_status launch_affine(ig_device_stream *stream, const ig_device_run *r)
{
    cu_affine_grid_args a = *(const cu_affine_grid_args *)r->state;
    a.theta = r->in[0];
    a.y = r->out[0];
    return ig_cu_done(stream, r, cu_affine_grid(&a, ig_cu_stream(stream)));
}

/* ---- regions ---- */

enum { MOST_SAMPLES = 65536 /* along a side of a bin, as on the CPU */ };

static ingot_status bind_align(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *rois = b->in[1], *y = b->out[0];
    cu_roi_align_args *a = IG_CU_STATE(b, cu_roi_align_args);
    if (!a) return INGOT_E_NOMEM;
    const int batch_type = ig_cu_number(b->in[2]->dtype);
    *a = (cu_roi_align_args){
        .batch_type = (cu_number)batch_type,
        .x_type = ig_cu_float_type(x->dtype),
        .rois_type = ig_cu_float_type(rois->dtype),
        .half_pixel = !strcmp(ig_cu_text(b, "coordinate_transformation_mode"), "half_pixel"),
        .maximum = !strcmp(ig_cu_text(b, "mode"), "max"),
        .n = rois->dims[0],
        .batches = x->dims[0],
        .channels = x->dims[1],
        .h = x->dims[2],
        .w = x->dims[3],
        .out_h = y->dims[2],
        .out_w = y->dims[3],
        .samples = ig_cu_int(b, "sampling_ratio"),
        .most = MOST_SAMPLES,
        .scale = ig_cu_float(b, "spatial_scale")};
    if (a->x_type < 0 || a->rois_type < 0 || batch_type < 0) return IG_CU_DECLINE(b, "this type");
    if (ig_cu_elements(y) > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (!a->h || !a->w) return IG_CU_DECLINE(b, "an empty feature map");
    b->kernel = "roi_bins";
    return INGOT_OK;
}

static ingot_status launch_align(ig_device_stream *stream, const ig_device_run *r)
{
    cu_roi_align_args a = *(const cu_roi_align_args *)r->state;
    a.x = r->in[0];
    a.rois = r->in[1];
    a.batch = r->in[2];
    a.y = r->out[0];
    a.fault = ig_cu_fault(stream);
    return ig_cu_done(stream, r, cu_roi_align(&a, ig_cu_stream(stream)));
}

static ingot_status refuse_align(const ig_node *node, const void *state, const cu_fault *f,
                                 ingot_error *err)
{
    const cu_roi_align_args *a = state;
    if (f->kind == CU_ROI_BATCH)
        return ig_node_fail(err, INGOT_E_DATA, node, "roi %lld is of batch %lld, outside 0..%lld",
                            (long long)f->at, (long long)f->value, (long long)a->batches - 1);
    return ig_node_fail(err, INGOT_E_DATA, node,
                        "roi %lld is not finite, or wants more than %d samples a bin",
                        (long long)f->at, MOST_SAMPLES);
}

static ingot_status bind_roi_pool(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *rois = b->in[1], *y = b->out[0];
    cu_roi_pool_args *a = IG_CU_STATE(b, cu_roi_pool_args);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_roi_pool_args){.x_type = ig_cu_float_type(x->dtype),
                            .rois_type = ig_cu_float_type(rois->dtype),
                            .n = rois->dims[0],
                            .batches = x->dims[0],
                            .channels = x->dims[1],
                            .h = x->dims[2],
                            .w = x->dims[3],
                            .out_h = y->dims[2],
                            .out_w = y->dims[3],
                            .scale = ig_cu_float(b, "spatial_scale")};
    if (a->x_type < 0 || a->rois_type < 0) return IG_CU_DECLINE(b, "this type");
    if (ig_cu_elements(y) > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "roi_cells";
    return INGOT_OK;
}

static ingot_status launch_roi_pool(ig_device_stream *stream, const ig_device_run *r)
{
    cu_roi_pool_args a = *(const cu_roi_pool_args *)r->state;
    a.x = r->in[0];
    a.rois = r->in[1];
    a.y = r->out[0];
    a.fault = ig_cu_fault(stream);
    return ig_cu_done(stream, r, cu_roi_pool(&a, ig_cu_stream(stream)));
}

static ingot_status refuse_roi_pool(const ig_node *node, const void *state, const cu_fault *f,
                                    ingot_error *err)
{
    const cu_roi_pool_args *a = state;
    if (f->kind == CU_ROI_BOX)
        return ig_node_fail(err, INGOT_E_DATA, node, "roi %lld is not finite", (long long)f->at);
    return ig_node_fail(err, INGOT_E_DATA, node, "roi %lld is of batch %g, outside 0..%lld",
                        (long long)f->at, f->real, (long long)a->batches - 1);
}

/* ---- deform_conv ---- */

enum { X, W, OFFSET, BIAS, MASK };

static ingot_status bind_deform(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[X], *w = b->in[W], *y = b->out[0];
    const ig_ints stride = ig_cu_ints(b, "strides"), dilation = ig_cu_ints(b, "dilations"),
                  pads = ig_cu_ints(b, "pads");
    const int64_t groups = ig_cu_int(b, "group"), offsets = ig_cu_int(b, "offset_group");
    cu_deform_args *a = IG_CU_STATE(b, cu_deform_args);
    if (!a) return INGOT_E_NOMEM;
    for (int i = 0; i < 2; i++)
        if ((stride.n && stride.v[i] > CU_MOST / 4) || (dilation.n && dilation.v[i] > 1 << 15) ||
            (pads.n && pads.v[i] > CU_MOST / 4) || w->dims[2 + i] > 1 << 15)
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    for (uint32_t i = 0; i < b->node->n_in; i++)
        if (ig_cu_has(b, i) && ig_cu_elements(b->in[i]) > CU_MOST)
            return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (ig_cu_elements(y) > CU_MOST || groups > CU_MOST || offsets > CU_MOST)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    *a = (cu_deform_args){.type = ig_cu_float_type(x->dtype),
                          .batch = (int)x->dims[0],
                          .groups = (int)groups,
                          .offset_groups = (int)offsets,
                          .in_c = (int)w->dims[1],
                          .out_c = (int)(w->dims[0] / groups),
                          .h = (int)x->dims[2],
                          .w_in = (int)x->dims[3],
                          .out_h = (int)y->dims[2],
                          .out_w = (int)y->dims[3],
                          .kh = (int)w->dims[2],
                          .kw = (int)w->dims[3],
                          .stride_h = stride.n ? (int)stride.v[0] : 1,
                          .stride_w = stride.n ? (int)stride.v[1] : 1,
                          .dilation_h = dilation.n ? (int)dilation.v[0] : 1,
                          .dilation_w = dilation.n ? (int)dilation.v[1] : 1,
                          .pad_top = pads.n ? (int)pads.v[0] : 0,
                          .pad_left = pads.n ? (int)pads.v[1] : 0};
    if (a->type < 0) return IG_CU_DECLINE(b, "this type");
    b->kernel = "deform_windows";
    return INGOT_OK;
}

static ingot_status launch_deform(ig_device_stream *stream, const ig_device_run *r)
{
    cu_deform_args a = *(const cu_deform_args *)r->state;
    a.x = r->in[X];
    a.w = r->in[W];
    a.offset = r->in[OFFSET];
    a.bias = r->node->n_in > BIAS ? r->in[BIAS] : NULL;
    a.mask = r->node->n_in > MASK ? r->in[MASK] : NULL;
    a.y = r->out[0];
    return ig_cu_done(stream, r, cu_deform(&a, ig_cu_stream(stream)));
}

const ig_cu_op ig_cu_op_grid_sample = {
    .name = "grid_sample", .bind = bind_grid, .launch = launch_grid};
const ig_cu_op ig_cu_op_affine_grid = {
    .name = "affine_grid", .bind = bind_affine, .launch = launch_affine};
const ig_cu_op ig_cu_op_roi_align = {
    .name = "roi_align", .bind = bind_align, .launch = launch_align, .refuse = refuse_align};
const ig_cu_op ig_cu_op_max_roi_pool = {.name = "max_roi_pool",
                                        .bind = bind_roi_pool,
                                        .launch = launch_roi_pool,
                                        .refuse = refuse_roi_pool};
const ig_cu_op ig_cu_op_deform_conv = {
    .name = "deform_conv", .bind = bind_deform, .launch = launch_deform};
