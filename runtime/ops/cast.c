/* cast.c - cast to=DTYPE, or with to=0 to the type of a second input: any numeric type to any
 * other, numbers to text and back, complex to complex or to its real part.
 *
 * The rules are ONNX Cast's; where it leaves the result open, block.h says what happens. `saturate`
 * and `round_mode` matter for 8-bit floats only. */
#include "runtime/ops/cast_text.h"
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "kernels/convert/convert.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    int64_t to, saturate;
    int round_mode;
} cast_attrs;

static const char *const round_modes[] = {"up", "down", "nearest", NULL}; /* order of ig_round */

static const ig_attr attrs[] = {
    IG_INT(cast_attrs, to, 0),
    IG_INT(cast_attrs, saturate, 1),
    IG_ENUM(cast_attrs, round_mode, 0, round_modes),
    {0},
};

static bool is_complex(ingot_dtype d) { return ig_dtype(d)->class_ == IG_CLASS_COMPLEX; }

static ingot_status infer(ig_infer *c)
{
    const cast_attrs *a = c->attrs;
    const bool like = ig_has(c, 1) && a->to == 0;
    if (!like && (a->to <= 0 || a->to > INT8_MAX || !ig_dtype_valid((int)a->to)))
        return ig_infer_fail(c, "to=%lld is no element type", (long long)a->to);
    const ingot_dtype from = c->in[0]->dtype, to = like ? c->in[1]->dtype : (ingot_dtype)a->to;
    if (c->in[0]->kind != IG_TENSOR) return ig_infer_fail(c, "only tensors can be cast");
    if ((is_complex(from) && to == INGOT_STR) || (from == INGOT_STR && is_complex(to)))
        return ig_infer_fail(c, "no cast from %s to %s", ig_dtype(from)->name, ig_dtype(to)->name);
    c->out[0] = *c->in[0];
    c->out[0].dtype = to;
    return INGOT_OK;
}

typedef struct {
    const void *x;
    void *y;
    ingot_dtype from, to;
    ig_calc calc;
    bool plain8, saturate; /* plain8: the target is an 8-bit float */
    ig_round round;
    convert_fn *kernel; /* NULL: by blocks */
} cast_job;

static bool is_f8(ingot_dtype d)
{
    return ig_dtype(d)->class_ == IG_CLASS_FLOAT && ig_dtype(d)->bytes == 1;
}

static void store_f8(const cast_job *job, size_t at, const float *x, size_t n)
{
    uint8_t *y = (uint8_t *)job->y + at;
    for (size_t i = 0; i < n; i++)
        y[i] = job->to == INGOT_F8E8M0 ? ig_f32_to_e8m0(x[i], job->round, job->saturate)
                                       : ig_f32_to_f8(x[i], job->to, job->saturate);
}

static void work_kernel(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const cast_job *job = arg;
    job->kernel((char *)job->y + begin * ig_dtype(job->to)->bytes,
                (const char *)job->x + begin * ig_dtype(job->from)->bytes, end - begin);
}

static void work_numbers(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const cast_job *job = arg;
    ig_block block;
    for (size_t at = begin; at < end; at += IG_BLOCK) {
        const size_t n = IG_MIN(end - at, (size_t)IG_BLOCK);
        if (job->plain8) {
            ig_load(&block, IG_CALC_F32, job->x, job->from, at, n);
            store_f8(job, at, block.f32, n);
            continue;
        }
        const void *x = ig_view(&block, job->calc, job->x, job->from, at, n);
        ig_store(job->y, job->to, at, x, job->calc, n);
    }
}

/* Complex elements: both parts to complex, the real one to anything else. */
static void work_complex(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const cast_job *job = arg;
    const ingot_dtype part = job->from == INGOT_C64 ? INGOT_F32 : INGOT_F64;
    const ingot_dtype part_to = job->to == INGOT_C64 ? INGOT_F32 : INGOT_F64;
    for (size_t i = begin; i < end; i++) {
        if (!is_complex(job->from) || !is_complex(job->to)) {
            ig_from_double(job->y, job->to, i, ig_to_double(job->x, job->from, i));
            continue;
        }
        ig_from_double(job->y, part_to, 2 * i, ig_to_double(job->x, part, 2 * i));
        ig_from_double(job->y, part_to, 2 * i + 1, ig_to_double(job->x, part, 2 * i + 1));
    }
}

static ingot_status run_to_text(ig_run *r, const ig_tensor *x, size_t n)
{
    char text[IG_NUMBER_TEXT];
    for (size_t i = 0; i < n; i++) {
        const size_t len = ig_number_print(text, x->data, x->dtype, i);
        const ingot_str s = ig_run_text(r, text, len);
        if (!s.p) return ig_fail(r->err, INGOT_E_NOMEM, "cast: no memory for text");
        ((ingot_str *)r->out[0]->data)[i] = s;
    }
    return INGOT_OK;
}

static ingot_status run_from_text(ig_run *r, const ig_tensor *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const ingot_str s = ((const ingot_str *)x->data)[i];
        if (!ig_number_parse(r->out[0]->data, r->out[0]->dtype, i, s.p, s.n))
            return ig_run_fail(r, "element %zu, \"%.*s\", is not a number", i,
                               (int)IG_MIN(s.n, (size_t)60), s.p ? s.p : "");
    }
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const cast_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    const size_t n = ig_tensor_elements(x);
    const ingot_dtype from = x->dtype, to = r->out[0]->dtype;
    cast_job job = {x->data,
                    r->out[0]->data,
                    from,
                    to,
                    ig_calc_of(from),
                    is_f8(to),
                    a->saturate != 0,
                    (ig_round)a->round_mode,
                    ig_convert(from, to)};
    if (from == to)
        memcpy(job.y, job.x, n * ig_dtype(to)->bytes);
    else if (to == INGOT_STR)
        return run_to_text(r, x, n);
    else if (from == INGOT_STR)
        return run_from_text(r, x, n);
    else if (job.kernel)
        ig_parallel(r->pool, n, ig_grain_ns(IG_NS_MOVE), 0, work_kernel, &job);
    else
        ig_parallel(r->pool, n, ig_grain_ns(IG_NS_BLOCK), 0,
                    is_complex(from) || is_complex(to) ? work_complex : work_numbers, &job);
    return INGOT_OK;
}

const ig_op ig_op_cast = {
    .name = "cast",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(cast_attrs),
    .infer = infer,
    .run = run,
};
