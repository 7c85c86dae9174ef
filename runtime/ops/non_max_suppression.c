/* non_max_suppression.c - the best boxes of each batch and class, without those that overlap a
 * better one. boxes [N, B, 4], scores [N, C, B], at most so many a class, IoU limit, score limit;
 * output [n, 3] of batch, class, box. Equal scores: the lower box first. */
#include "runtime/ops/move.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    int64_t center_point_box;
} nms_attrs;

static const ig_attr fields[] = {IG_INT(nms_attrs, center_point_box, 0), {0}};

static ingot_status infer(ig_infer *c)
{
    const ig_type *boxes = c->in[0], *scores = c->in[1];
    c->out[0] = (ig_type){.dtype = INGOT_I64, .rank = 2, .dims = {IG_DIM_UNKNOWN, 3}};
    IG_TRY(ig_infer_ints(c, 2));
    if ((boxes->dtype && boxes->dtype != INGOT_F32) ||
        (scores->dtype && scores->dtype != INGOT_F32))
        return ig_infer_fail(c, "boxes and scores must be f32");
    if ((boxes->rank >= 0 && boxes->rank != 3) || (scores->rank >= 0 && scores->rank != 3))
        return ig_infer_fail(c, "boxes and scores must have rank 3");
    if (boxes->rank != 3) return INGOT_OK;
    if (ig_dim_differ(boxes->dims[2], 4)) return ig_infer_fail(c, "a box must be 4 numbers");
    if (scores->rank == 3 && (ig_dim_differ(boxes->dims[0], scores->dims[0]) ||
                              ig_dim_differ(boxes->dims[1], scores->dims[2])))
        return ig_infer_fail(c, "boxes and scores differ in batches or in boxes");
    return INGOT_OK;
}

typedef struct {
    float score;
    int32_t index;
} candidate;

/* Boxes as corners, low before high. */
typedef struct {
    float y1, x1, y2, x2;
} box;

static box read_box(const float *v, bool centered)
{
    if (centered) return (box){v[1] - v[3] / 2, v[0] - v[2] / 2, v[1] + v[3] / 2, v[0] + v[2] / 2};
    return (box){fminf(v[0], v[2]), fminf(v[1], v[3]), fmaxf(v[0], v[2]), fmaxf(v[1], v[3])};
}

static bool overlaps(const box *a, const box *b, float limit)
{
    const float h = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    const float w = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    if (!(h > 0) || !(w > 0)) return false;
    const float both = h * w;
    const float area_a = (a->y2 - a->y1) * (a->x2 - a->x1);
    const float area_b = (b->y2 - b->y1) * (b->x2 - b->x1), all = area_a + area_b - both;
    if (!(area_a > 0) || !(area_b > 0) || !(all > 0)) return false;
    return both / all > limit;
}

static int by_score(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

typedef struct {
    int64_t most;
    float iou, score;
    bool scored, centered;
} limits;

/* One class of one batch; returns how many boxes `kept` got. */
static size_t suppress(int32_t *kept, candidate *c, const float *boxes, const float *scores,
                       size_t n, const limits *l)
{
    size_t count = 0, n_kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(scores[i]) && (!l->scored || scores[i] > l->score))
            c[count++] = (candidate){scores[i], (int32_t)i};
    qsort(c, count, sizeof *c, by_score);
    for (size_t i = 0; i < count && (int64_t)n_kept < l->most; i++) {
        const box mine = read_box(boxes + 4 * c[i].index, l->centered);
        bool keep = true;
        for (size_t k = 0; k < n_kept && keep; k++) {
            const box other = read_box(boxes + 4 * kept[k], l->centered);
            keep = !overlaps(&mine, &other, l->iou);
        }
        if (keep) kept[n_kept++] = c[i].index;
    }
    return n_kept;
}

static ingot_status bind(ig_bind *b)
{
    /* candidates of one class, and the kept boxes of all */
    const ig_type *scores = b->in[1];
    size_t all, bytes, kept;
    if (scores->dims[2] > INT32_MAX || !ig_type_elements(scores, &all) ||
        !ig_mul_ok((size_t)scores->dims[2], sizeof(candidate), &bytes) ||
        !ig_mul_ok(all, sizeof(int32_t), &kept) || !ig_add_ok(bytes, kept, &bytes) ||
        !ig_mul_ok((size_t)(scores->dims[0] * scores->dims[1]), sizeof(size_t), &kept) ||
        !ig_add_ok(bytes, kept, &b->scratch_bytes))
        return ig_bind_fail(b, "too many boxes");
    return INGOT_OK;
}

static ingot_status read_float(ig_run *r, size_t i, float *v, bool *there)
{
    const ig_tensor *t = i < r->n_in ? r->in[i] : NULL;
    *there = t && ig_tensor_elements(t) > 0;
    if (t && (t->dtype != INGOT_F32 || ig_tensor_elements(t) > 1))
        return ig_run_fail(r, "input %zu must be one f32", i);
    if (*there) *v = *(const float *)t->data;
    return INGOT_OK;
}

static ingot_status read_limits(ig_run *r, limits *l)
{
    const nms_attrs *a = r->attrs;
    const ig_tensor *most = r->n_in > 2 ? r->in[2] : NULL;
    bool there;
    *l = (limits){.centered = a->center_point_box != 0};
    if (most && ig_tensor_elements(most) > 1)
        return ig_run_fail(r, "max_output_boxes_per_class must be one integer");
    if (most && ig_tensor_elements(most)) l->most = ig_index_at(most, 0);
    IG_TRY(read_float(r, 3, &l->iou, &there));
    return read_float(r, 4, &l->score, &l->scored);
}

static ingot_status run(ig_run *r)
{
    const ig_tensor *boxes = r->in[0], *scores = r->in[1];
    const size_t classes = (size_t)scores->dims[1], n = (size_t)scores->dims[2];
    const size_t groups = (size_t)scores->dims[0] * classes;
    limits l;
    IG_TRY(read_limits(r, &l));
    size_t *count = r->scratch, total = 0;
    candidate *c = (candidate *)(void *)(count + groups);
    int32_t *kept = (int32_t *)(void *)(c + n);
    for (size_t g = 0; g < groups; g++) {
        if (ig_run_cancelled(r))
            return ig_node_fail(r->err, INGOT_E_CANCELLED, r->node, "cancelled");
        count[g] = suppress(kept + total, c, (const float *)boxes->data + g / classes * n * 4,
                            (const float *)scores->data + g * n, n, &l);
        total += count[g];
    }
    IG_TRY(ig_run_output(r, 0, INGOT_I64, 2, (int64_t[]){(int64_t)total, 3}));
    int64_t *y = r->out[0] ? r->out[0]->data : NULL;
    for (size_t g = 0; g < groups && y; g++)
        for (size_t k = 0; k < count[g]; k++, y += 3) {
            y[0] = (int64_t)(g / classes);
            y[1] = (int64_t)(g % classes);
            y[2] = *kept++;
        }
    return INGOT_OK;
}

const ig_op ig_op_non_max_suppression = {
    .name = "non_max_suppression",
    .min_in = 2,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .flags = IG_OP_ALLOCATES,
    .attrs = fields,
    .attrs_bytes = sizeof(nms_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
