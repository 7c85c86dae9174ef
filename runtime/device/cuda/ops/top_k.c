/* top_k.c - the k best along an axis on the device. */
#include "kernels/top_k/top_k_cuda.h"
#include "runtime/device/cuda/ops/walk.h"

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    (void)d;
    const ig_type *x = b->in[0], *y = b->out[0] ? b->out[0] : b->out[1];
    int64_t axis = ig_cu_int(b, "axis");
    ig_el_lines l;
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_split(&l, x, axis)) return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    if (axis < 0) axis += x->rank;
    const int64_t k = y->dims[axis], most = CU_TOP_K_MOST;
    if (k > most) return IG_CU_DECLINE(b, "k is above 65536");
    cu_top_k_args *a = ig_el_state(b, sizeof *a);
    if (!a) return INGOT_E_NOMEM;
    *a = (cu_top_k_args){.outer = k ? l.outer : 0,
                         .n = l.n,
                         .inner = l.inner,
                         .k = k,
                         .dtype = (int)x->dtype,
                         .smallest = !ig_cu_int(b, "largest")};
    b->scratch_bytes = cu_top_k_scratch(a->outer * a->inner, k);
    b->kernel = "top_k";
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    cu_top_k_args a = *(const cu_top_k_args *)r->state;
    a.x = r->in[0], a.values = r->out[0], a.scratch = r->scratch;
    a.index = r->node->n_out > 1 ? r->out[1] : NULL;
    return ig_cu_done(s, r, cu_top_k(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_op_top_k = {.name = "top_k", .bind = bind, .launch = launch};
