/* rows.c - see rows.h. */
#include "runtime/device/cuda/ops/rows.h"
#include "runtime/graph/op.h"

bool ig_cu_element_rows(cu_rows_args *rows, const ig_device_bind *b)
{
    const ig_type *x = b->in[0], *index = b->in[1];
    const int axis = ig_cu_axis(ig_cu_int(b, "axis"), x->rank);
    int64_t base[IG_MAX_RANK], at[IG_MAX_RANK];
    const int64_t *strides[] = {base, at};
    ig_cu_strides(base, x->rank, x->dims);
    ig_cu_strides(at, index->rank, index->dims);
    rows->k = 1;
    rows->size[0] = x->dims[axis];
    rows->step[0] = base[axis];
    base[axis] = 0;
    return ig_cu_walk(&rows->walk, index->rank, index->dims, 2, strides);
}

bool ig_cu_tuple_rows(cu_rows_args *rows, const ig_device_bind *b, int batch_dims, int64_t *of)
{
    const ig_type *x = b->in[0], *index = b->in[1];
    const int k = (int)index->dims[index->rank - 1];
    const int64_t batches = ig_cu_count(index->dims, 0, batch_dims);
    const int64_t each = ig_cu_count(index->dims, batch_dims, index->rank - 1);
    const int64_t own = ig_cu_count(x->dims, batch_dims, batch_dims + k); /* rows of a batch */
    const int64_t n[] = {batches, each}, base[] = {own, 0}, at[] = {each * k, k};
    const int64_t *strides[] = {base, at};
    if (k > CU_RANK) return false;
    rows->k = k;
    for (int i = 0; i < k; i++) {
        rows->size[i] = x->dims[batch_dims + i];
        rows->step[i] = ig_cu_count(x->dims, batch_dims + i + 1, batch_dims + k);
    }
    *of = batches * own;
    return ig_cu_walk(&rows->walk, 2, n, 2, strides);
}

ingot_status ig_cu_refuse_index(const ig_node *node, const void *state, const cu_fault *f,
                                ingot_error *err)
{
    const long long size = (long long)((const cu_rows_args *)state)->size[0];
    return ig_node_fail(err, INGOT_E_DATA, node, "index %lld is %lld, outside -%lld..%lld",
                        (long long)f->at, (long long)f->value, size, size - 1);
}

ingot_status ig_cu_refuse_tuple(const ig_node *node, const void *state, const cu_fault *f,
                                ingot_error *err)
{
    const cu_rows_args *rows = state;
    return ig_node_fail(err, INGOT_E_DATA, node,
                        "entry %lld of index tuple %lld is outside a dimension of %lld",
                        (long long)(f->at % rows->k), (long long)(f->at / rows->k),
                        (long long)rows->size[f->at % rows->k]);
}
