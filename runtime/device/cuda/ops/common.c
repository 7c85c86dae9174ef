/* common.c - see common.h. */
#include "runtime/device/cuda/ops/common.h"
#include "runtime/graph/op.h"

#include <string.h>

void *ig_cu_state(ig_device_bind *b, size_t bytes)
{
    b->state = ig_arena_take(b->arena, bytes);
    if (!b->state)
        ig_fail(b->err, INGOT_E_NOMEM, "%.80s (%s): no memory for %zu bytes of state",
                b->node->name, b->node->op->name, bytes);
    return b->state;
}

void ig_cu_strides(int64_t *strides, int rank, const int64_t *dims)
{
    int64_t s = 1;
    for (int d = rank - 1; d >= 0; d--) {
        strides[d] = s;
        s *= dims[d];
    }
}

int64_t ig_cu_count(const int64_t *dims, int from, int to)
{
    int64_t n = 1;
    for (int d = from; d < to; d++) n *= dims[d];
    return n;
}

int ig_cu_bytes(ingot_dtype dtype)
{
    const ig_dtype_info *d = ig_dtype(dtype);
    return d->class_ == IG_CLASS_STR || d->class_ == IG_CLASS_NONE ? 0 : (int)d->bytes;
}

int ig_cu_number(ingot_dtype dtype)
{
    static const struct {
        ingot_dtype dtype;
        cu_number number;
    } table[] = {
        {INGOT_F32, NB_F32},   {INGOT_F64, NB_F64}, {INGOT_F16, NB_F16}, {INGOT_BF16, NB_BF16},
        {INGOT_I8, NB_I8},     {INGOT_U8, NB_U8},   {INGOT_I16, NB_I16}, {INGOT_U16, NB_U16},
        {INGOT_I32, NB_I32},   {INGOT_U32, NB_U32}, {INGOT_I64, NB_I64}, {INGOT_U64, NB_U64},
        {INGOT_BOOL, NB_BOOL},
    };
    for (size_t i = 0; i < IG_LEN(table); i++)
        if (table[i].dtype == dtype) return (int)table[i].number;
    return -1;
}

int ig_cu_float_type(ingot_dtype dtype)
{
    const int n = ig_cu_number(dtype);
    return n <= NB_BF16 ? n : -1;
}

int ig_cu_ints_of(ig_device_bind *b, uint32_t i, int64_t *v, size_t cap)
{
    const ig_tensor *t = ig_cu_known(b, i);
    if (!t) return -1;
    const ig_dtype_class k = ig_dtype(t->dtype)->class_;
    if (k != IG_CLASS_INT && k != IG_CLASS_UINT) return -1;
    const size_t n = (size_t)ig_cu_count(t->dims, 0, t->rank);
    if (n > cap) return -1;
    for (size_t e = 0; e < n; e++) v[e] = ig_to_int(t->data, t->dtype, e);
    b->taken |= UINT64_C(1) << i;
    return (int)n;
}

bool ig_cu_walk(cu_walk *w, int rank, const int64_t *dims, int n, const int64_t *const *strides)
{
    cu_walk_begin(w, n);
    for (int d = rank - 1; d >= 0; d--) {
        int64_t step[CU_OPERANDS];
        for (int k = 0; k < n; k++) step[k] = strides[k][d];
        if (!cu_walk_dim(w, dims[d], step)) return false;
    }
    return true;
}

bool ig_cu_operand(cu_float *type, ingot_dtype dtype)
{
    *type = dtype == INGOT_F32 ? CU_F32 : dtype == INGOT_F16 ? CU_F16 : CU_BF16;
    return dtype == INGOT_F32 || dtype == INGOT_F16 || dtype == INGOT_BF16;
}

int ig_cu_act(const char *name)
{
    static const char *const names[] = {
#define A(name) #name,
#include "kernels/gemm/act_cuda.def"
#undef A
    };
    for (size_t i = 0; i < IG_LEN(names); i++)
        if (!strcmp(name, names[i])) return (int)i;
    return -1;
}

bool ig_cu_indices(cu_indices *x, ingot_dtype dtype)
{
    const ig_dtype_info *d = ig_dtype(dtype);
    x->bytes = (int)d->bytes;
    x->is_signed = d->class_ == IG_CLASS_INT;
    return d->class_ == IG_CLASS_INT || d->class_ == IG_CLASS_UINT;
}

typedef struct {
    const void *host;
    size_t bytes;
} table_source;

static ingot_status fill_table(const void *ud, void *dst, ingot_error *err)
{
    const table_source *t = ud;
    (void)err;
    memcpy(dst, t->host, t->bytes);
    return INGOT_OK;
}

ingot_status ig_cu_table(ig_device *d, ig_device_bind *b, const void *host, size_t bytes,
                         void **out)
{
    const table_source t = {host, bytes};
    return ig_cu_pack(d, host, "table", bytes, fill_table, &t, out, b->err);
}

bool ig_cu_room(ig_device_bind *b, int64_t n, size_t each, size_t *at)
{
    size_t bytes;
    *at = b->scratch_bytes;
    return n >= 0 && ig_mul_ok((size_t)n, each, &bytes) && ig_align_ok(bytes, 256, &bytes) &&
           ig_add_ok(*at, bytes, &b->scratch_bytes);
}
