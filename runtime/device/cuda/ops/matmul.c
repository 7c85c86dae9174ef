/* matmul.c - matmul on the device: NumPy's product with transposes, broadcast batches and a fused
 * epilogue; see runtime/ops/matmul.c. Products of f64 and of integers have a plain kernel. */
#include "kernels/gemm/gemm_any_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/device/cuda/ops/product.h"

#include <string.h>

enum { A, B, BIAS, RESIDUAL };

/* An operand's matrix, a vector seen as one row (a) or one column (b). */
typedef struct {
    int batch_rank;
    int64_t rows, cols;
    bool turned; /* memory has [cols, rows] */
} operand;

static operand operand_of(const ig_type *t, bool turned, bool right)
{
    const int r = t->rank;
    if (r == 1) return (operand){.rows = right ? t->dims[0] : 1, .cols = right ? 1 : t->dims[0]};
    return (operand){.batch_rank = r - 2,
                     .rows = t->dims[turned ? r - 1 : r - 2],
                     .cols = t->dims[turned ? r - 2 : r - 1],
                     .turned = turned};
}

/* Steps of an operand through a batch of `rank` dims, in matrices; how many it has. */
static int64_t steps(int64_t *step, int rank, const ig_type *t, int batch_rank)
{
    int64_t next = 1;
    for (int d = rank - 1, i = batch_rank - 1; d >= 0; d--, i--) {
        const int64_t size = i >= 0 ? t->dims[i] : 1;
        step[d] = size == 1 ? 0 : next;
        next *= size;
    }
    return next;
}

/* Neighbouring dims that both operands walk evenly become one. */
static void merge(cu_gemm_batch *b, const int64_t *dims, int rank, const int64_t *a_step,
                  const int64_t *b_step)
{
    b->rank = 0;
    for (int d = 0; d < rank; d++) {
        const int last = b->rank - 1;
        if (dims[d] == 1) continue;
        if (last >= 0 && b->a_step[last] == a_step[d] * dims[d] &&
            b->b_step[last] == b_step[d] * dims[d]) {
            b->dims[last] *= (int)dims[d];
        } else {
            b->rank++;
            b->dims[last + 1] = (int)dims[d];
        }
        b->a_step[b->rank - 1] = a_step[d];
        b->b_step[b->rank - 1] = b_step[d];
    }
}

static ingot_status measure(ig_cu_product_ask *ask, ig_device_bind *b)
{
    const operand x = operand_of(b->in[A], ig_cu_int(b, "trans_a"), false),
                  w = operand_of(b->in[B], ig_cu_int(b, "trans_b"), true);
    const int rank = IG_MAX(x.batch_rank, w.batch_rank);
    int64_t a_step[IG_MAX_RANK], b_step[IG_MAX_RANK], count = 1;
    for (int d = 0; d < rank; d++)
        if (!ig_mul_ok(count, b->out[0]->dims[d], &count) || count > INT32_MAX)
            return IG_CU_DECLINE(b, "a batch of 2^31 or more");
    ask->m = x.rows, ask->k = x.cols, ask->n = ask->columns = w.cols;
    ask->a_turned = x.turned, ask->b_turned = w.turned;
    ask->a_n = steps(a_step, rank, b->in[A], x.batch_rank);
    ask->b_n = steps(b_step, rank, b->in[B], w.batch_rank);
    if (ask->b_n == 1 && !x.turned && ask->a_n == count) {
        ask->a_n = 1; /* one tall product */
        return ig_mul_ok(ask->m, count, &ask->m) ? INGOT_OK : IG_CU_DECLINE(b, "too many rows");
    }
    merge(&ask->batch, b->out[0]->dims, rank, a_step, b_step);
    return INGOT_OK;
}

typedef struct {
    bool any; /* of f64 or integers */
    ig_cu_product product;
    cu_gemm_any_args plain;
} matmul_state;

static ingot_status bind_any(ig_device_bind *b, const ig_cu_product_ask *ask, matmul_state *s)
{
    const int type = ig_cu_number(ask->a);
    if (type < 0 || type == NB_BOOL) return IG_CU_DECLINE(b, "a product of this type");
    if (strcmp(ask->act, "none")) return IG_CU_DECLINE(b, "an activation of f64");
    if (ask->layout != IG_PLAIN) return IG_CU_DECLINE(b, "weights of another layout");
    if (ask->m > INT32_MAX || ask->n > INT32_MAX || ask->k > INT32_MAX)
        return IG_CU_DECLINE(b, "a side of 2^31 or more");
    s->any = true;
    s->plain = (cu_gemm_any_args){.type = type,
                                  .m = (int)ask->m,
                                  .n = (int)ask->n,
                                  .k = (int)ask->k,
                                  .a_row = ask->a_turned ? 1 : ask->k,
                                  .a_col = ask->a_turned ? ask->m : 1,
                                  .b_row = ask->b_turned ? ask->k : 1,
                                  .b_col = ask->b_turned ? 1 : ask->n,
                                  .batch = ask->batch,
                                  .alpha = ask->alpha};
    s->plain.batch.c_step = ask->m * ask->n;
    for (int d = 0; d < s->plain.batch.rank; d++) {
        s->plain.batch.a_step[d] *= ask->m * ask->k;
        s->plain.batch.b_step[d] *= ask->n * ask->k;
    }
    if (!cu_gemm_any_fits(&s->plain)) return IG_CU_DECLINE(b, "a product of 2^31 tiles or more");
    b->kernel = "gemm_any";
    return INGOT_OK;
}

static bool is_narrow(ingot_dtype t) { return t == INGOT_F32 || t == INGOT_F16 || t == INGOT_BF16; }

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    ig_cu_product_ask ask = {.a = b->in[A]->dtype,
                             .b = b->in[B]->dtype,
                             .c = b->out[0]->dtype,
                             .known = b->known[B],
                             .layout = b->in_layout[B],
                             .alpha = ig_cu_float(b, "alpha"),
                             .act = ig_cu_text(b, "act"),
                             .act_a = ig_cu_float(b, "act_a"),
                             .act_b = ig_cu_float(b, "act_b"),
                             .input_b = B};
    IG_TRY(measure(&ask, b));
    if (b->declined) return INGOT_OK;
    matmul_state *state = IG_CU_STATE(b, matmul_state);
    if (!state) return INGOT_E_NOMEM;
    if (!is_narrow(ask.a)) return bind_any(b, &ask, state);
    if (ask.layout != IG_PLAIN && (ask.layout != IG_P16 || !ask.known))
        return IG_CU_DECLINE(b, "weights of another layout");
    const ingot_status s = ig_cu_product_bind(&state->product, d, b, &ask);
    if (s || b->declined) ig_cu_product_unbind(&state->product, d);
    return s;
}

static const void *input(const ig_device_run *r, uint32_t i)
{
    return i < r->node->n_in ? r->in[i] : NULL;
}

static int launch_any(const matmul_state *state, const ig_device_run *r, cu_stream s)
{
    cu_gemm_any_args a = state->plain;
    a.a = r->in[A];
    a.b = r->in[B];
    a.bias = input(r, BIAS);
    a.residual = input(r, RESIDUAL);
    a.c = r->out[0];
    return cu_gemm_any(&a, s);
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    const matmul_state *state = r->state;
    const ig_cu_product_io io = {.a = r->in[A],
                                 .b = r->in[B],
                                 .bias = input(r, BIAS),
                                 .residual = input(r, RESIDUAL),
                                 .c = r->out[0],
                                 .scratch = r->scratch};
    const cu_stream st = ig_cu_stream(s);
    return ig_cu_done(s, r,
                      state->any ? launch_any(state, r, st)
                                 : ig_cu_product_launch(&state->product, &io, st));
}

static void unbind(ig_device *d, void *state)
{
    if (state) ig_cu_product_unbind(&((matmul_state *)state)->product, d);
}

const ig_cu_op ig_cu_op_matmul = {
    .name = "matmul", .bind = bind, .launch = launch, .unbind = unbind};
