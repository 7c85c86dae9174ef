/* reduce.c - many elements to one on the device: reduce, arg_reduce, cumulate. */
#include "kernels/reduce/reduce_cuda.h"
#include "kernels/convert/convert_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/ops/walk.h"

#include <string.h>

/* ---- reduce ---- */

static const struct {
    const char *name;
    cu_reduce_kind kind;
    cu_reduce_finish finish;
} functions[] = {
    {"sum", CU_REDUCE_SUM, CU_FINISH_NONE},
    {"mean", CU_REDUCE_SUM, CU_FINISH_MEAN},
    {"max", CU_REDUCE_MAX, CU_FINISH_NONE},
    {"min", CU_REDUCE_MIN, CU_FINISH_NONE},
    {"prod", CU_REDUCE_PROD, CU_FINISH_NONE},
    {"l1", CU_REDUCE_ABS, CU_FINISH_NONE},
    {"l2", CU_REDUCE_SQUARE, CU_FINISH_ROOT},
    {"log_sum", CU_REDUCE_SUM, CU_FINISH_LOG},
    {"log_sum_exp", CU_REDUCE_EXP, CU_FINISH_LOG_SHIFT},
    {"sum_square", CU_REDUCE_SQUARE, CU_FINISH_NONE},
};

/* real: integers and narrow floats that are computed in f64, converted before and after. shifted:
 * the largest element is found first. */
typedef struct {
    cu_reduce_args args;
    bool real, shifted;
    ingot_dtype dtype;
    int64_t n;
    size_t part, shift, x, y;
} reduce_state;

/* Which dimensions go; false: only a run tells. */
static bool read_axes(const ig_device_bind *b, bool *gone)
{
    int64_t axes[IG_MAX_RANK];
    const ig_type *x = b->in[0];
    const bool given = b->node->n_in > 1 && b->in[1];
    const int n = given ? ig_el_known(b, 1, axes, IG_MAX_RANK) : 0;
    if (n < 0) return false;
    for (int d = 0; d < IG_MAX_RANK; d++) gone[d] = n == 0 && !ig_cu_int(b, "noop_with_empty_axes");
    for (int i = 0; i < n; i++) {
        const int64_t axis = axes[i] < 0 ? axes[i] + x->rank : axes[i];
        if (axis < 0 || axis >= x->rank) return false;
        gone[axis] = true;
    }
    return true;
}

static bool make_walks(cu_reduce_args *a, const ig_type *x, const bool *gone)
{
    int64_t step = 1;
    cu_walk_begin(&a->kept, 1);
    cu_walk_begin(&a->gone, 1);
    for (int d = x->rank - 1; d >= 0; d--) {
        if (!cu_walk_dim(gone[d] ? &a->gone : &a->kept, x->dims[d], &step)) return false;
        if (x->dims[d] && !ig_mul_ok(step, x->dims[d], &step)) return false;
    }
    return true;
}

static bool reserve(ig_device *d, ig_device_bind *b, reduce_state *s)
{
    const size_t wide = s->args.dtype == INGOT_F64 ? sizeof(double) : sizeof(float);
    const int64_t outputs = s->args.kept.total;
    const size_t part = cu_reduce_scratch(&s->args, ig_cu_chip(d).processors);
    return ig_el_piece(b, (int64_t)part, 1, &s->part) &&
           (!s->shifted || ig_el_piece(b, outputs, wide, &s->shift)) &&
           (!s->real || (ig_el_piece(b, s->n, sizeof(double), &s->x) &&
                         ig_el_piece(b, outputs, sizeof(double), &s->y)));
}

static ingot_status bind_reduce(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[0];
    bool gone[IG_MAX_RANK];
    reduce_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!read_axes(b, gone)) return IG_CU_DECLINE(b, "axes that are no constant");
    if (!ig_el_count(x, &s->n) || !make_walks(&s->args, x, gone))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    const char *name = ig_cu_text(b, "fn");
    for (size_t i = 0; i < IG_LEN(functions); i++)
        if (!strcmp(name, functions[i].name)) {
            s->args.kind = functions[i].kind;
            s->args.finish = functions[i].finish;
        }
    s->shifted = s->args.kind == CU_REDUCE_EXP;
    s->real = !ig_el_float(x->dtype) && s->args.finish > CU_FINISH_MEAN;
    s->dtype = x->dtype;
    /* a shift is kept in the computing type: narrow floats are converted as a whole */
    s->real = s->real || (s->shifted && ig_dtype(x->dtype)->bytes < 4);
    s->args.dtype = (int)(s->real ? INGOT_F64 : x->dtype);
    if (!reserve(d, b, s)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = name;
    return INGOT_OK;
}

static ingot_status launch_reduce(ig_device_stream *s, const ig_device_run *r)
{
    const reduce_state *state = r->state;
    cu_stream stream = ig_cu_stream(s);
    cu_reduce_args a = state->args;
    char *room = r->scratch;
    int status = 0;
    a.x = r->in[0], a.y = r->out[0], a.part = room + state->part;
    if (state->real) {
        a.x = room + state->x, a.y = room + state->y;
        status = cu_cast(&(cu_cast_args){.x = r->in[0],
                                         .y = room + state->x,
                                         .n = state->n,
                                         .from = (int)state->dtype,
                                         .to = INGOT_F64},
                         stream);
    }
    if (state->shifted && !status) {
        cu_reduce_args most = a;
        most.kind = CU_REDUCE_MAX, most.finish = CU_FINISH_NONE;
        most.y = room + state->shift;
        a.shift = most.y;
        status = cu_reduce(&most, stream);
    }
    if (!status) status = cu_reduce(&a, stream);
    if (state->real && !status)
        status = cu_cast(&(cu_cast_args){.x = room + state->y,
                                         .y = r->out[0],
                                         .n = a.kept.total,
                                         .from = INGOT_F64,
                                         .to = (int)state->dtype,
                                         .saturate = true},
                         stream);
    return ig_cu_done(s, r, status);
}

const ig_cu_op ig_cu_op_reduce = {.name = "reduce", .bind = bind_reduce, .launch = launch_reduce};

/* ---- arg_reduce ---- */

static ingot_status bind_arg_reduce(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    ig_el_lines l;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_split(&l, x, ig_cu_int(b, "axis"))) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    if (!l.n) return IG_CU_DECLINE(b, "an empty axis");
    cu_arg_reduce_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_arg_reduce_args){.outer = l.outer,
                              .n = l.n,
                              .inner = l.inner,
                              .dtype = (int)x->dtype,
                              .smallest = !strcmp(ig_cu_text(b, "fn"), "min"),
                              .last = ig_cu_int(b, "select_last_index") != 0};
    b->kernel = a->smallest ? "arg_min" : "arg_max";
    return INGOT_OK;
}

static ingot_status launch_arg_reduce(ig_device_stream *s, const ig_device_run *r)
{
    cu_arg_reduce_args a = *(const cu_arg_reduce_args *)r->state;
    a.x = r->in[0], a.y = r->out[0];
    return ig_cu_done(s, r, cu_arg_reduce(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_arg_reduce = {
    .name = "arg_reduce", .bind = bind_arg_reduce, .launch = launch_arg_reduce};

/* ---- cumulate ---- */

static ingot_status bind_cumulate(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0];
    ig_el_lines l;
    int64_t axis;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (ig_el_known(b, 1, &axis, 1) != 1) return IG_CU_DECLINE(b, "an axis that is no constant");
    if (!ig_el_split(&l, x, axis)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    cu_cumulate_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_cumulate_args){.outer = l.outer,
                            .n = l.n,
                            .inner = l.inner,
                            .dtype = (int)x->dtype,
                            .prod = !strcmp(ig_cu_text(b, "fn"), "prod"),
                            .exclusive = ig_cu_int(b, "exclusive") != 0,
                            .reverse = ig_cu_int(b, "reverse") != 0};
    b->kernel = "cumulate";
    return INGOT_OK;
}

static ingot_status launch_cumulate(ig_device_stream *s, const ig_device_run *r)
{
    cu_cumulate_args a = *(const cu_cumulate_args *)r->state;
    a.x = r->in[0], a.y = r->out[0];
    return ig_cu_done(s, r, cu_cumulate(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_cumulate = {
    .name = "cumulate", .bind = bind_cumulate, .launch = launch_cumulate};
