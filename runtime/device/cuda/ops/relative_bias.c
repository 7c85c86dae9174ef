/* relative_bias.c - relative_bias on the device; see runtime/ops/relative_bias.c. The bucket of
 * each distance is found on the host when the step is bound, with the rounding of the CPU's op. */
#include "kernels/attention/attention_cuda.h"
#include "runtime/device/cuda/ops/common.h"

#include <math.h>

enum { X, TABLE };

typedef struct {
    cu_relative_bias_args args;
    void *bucket;
} state;

static int32_t bucket_of(int64_t buckets, int64_t most, int64_t distance)
{
    const int64_t half = buckets / 2, exact = half / 2, far = distance < 0 ? -distance : distance;
    int64_t at = far;
    if (far >= exact) {
        const float part =
            logf((float)far / (float)exact) / (float)log((double)most / (double)exact);
        at = exact + (int64_t)(part * (float)(half - exact));
    }
    return (int32_t)(IG_MIN(at, half - 1) + (distance > 0 ? half : 0));
}

static ingot_status bind(ig_device *device, ig_device_bind *b)
{
    state *s = IG_CU_STATE(b, state);
    if (!s) return INGOT_E_NOMEM;
    const int64_t heads = b->out[0]->dims[1], n = b->out[0]->dims[2];
    if (n < 1 || n > INT32_MAX / 8 || heads > UINT16_MAX) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    const size_t bytes = (size_t)(2 * n - 1) * sizeof(int32_t);
    int32_t *bucket = ig_arena_take(b->arena, bytes);
    if (!bucket) return ig_fail(b->err, INGOT_E_NOMEM, "%s: no memory", b->node->name);
    for (int64_t d = 1 - n; d < n; d++)
        bucket[n - 1 + d] = bucket_of(ig_cu_int(b, "buckets"), ig_cu_int(b, "max_distance"), d);
    s->args = (cu_relative_bias_args){.heads = (int32_t)heads, .n = (int32_t)n};
    b->kernel = "relative_bias";
    return ig_cu_table(device, b, bucket, bytes, &s->bucket);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const state *s = r->state;
    cu_relative_bias_args a = s->args;
    a.y = r->out[0];
    a.table = r->in[TABLE];
    a.bucket = s->bucket;
    return ig_cu_done(stream, r, cu_relative_bias(&a, ig_cu_stream(stream)));
}

static void unbind(ig_device *device, void *p) { ig_cu_unpack(device, ((state *)p)->bucket); }

const ig_cu_op ig_cu_op_relative_bias = {
    .name = "relative_bias", .bind = bind, .launch = launch, .unbind = unbind};
