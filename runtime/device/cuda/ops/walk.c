/* walk.c - see walk.h. */
#include "runtime/device/cuda/ops/walk.h"
#include "runtime/base/checked.h"

bool ig_el_walk(cu_walk *w, const ig_type *out, const ig_type *const *in, int n)
{
    int64_t next[CU_OPERANDS] = {0}; /* step of the dimension to come, were it not repeated */
    for (int k = 0; k < n; k++) next[k] = 1;
    cu_walk_begin(w, n);
    for (int d = out->rank - 1; d >= 0; d--) {
        int64_t step[CU_OPERANDS];
        for (int k = 0; k < n; k++) {
            const int own = d - (out->rank - in[k]->rank);
            const int64_t size = own < 0 ? 1 : in[k]->dims[own];
            step[k] = size == 1 ? 0 : next[k];
            if (size > 0 && !ig_mul_ok(next[k], size, &next[k])) return false;
        }
        if (!cu_walk_dim(w, out->dims[d], step)) return false;
    }
    return true;
}

bool ig_el_count(const ig_type *t, int64_t *n)
{
    size_t count;
    if (!ig_type_elements(t, &count) || count > CU_MOST) return false;
    *n = (int64_t)count;
    return true;
}

bool ig_el_number(ingot_dtype dtype)
{
    const ig_dtype_class k = ig_dtype(dtype)->class_;
    return k != IG_CLASS_NONE && k != IG_CLASS_STR && k != IG_CLASS_COMPLEX;
}

bool ig_el_float(ingot_dtype dtype) { return ig_dtype(dtype)->class_ == IG_CLASS_FLOAT; }

bool ig_el_split(ig_el_lines *lines, const ig_type *t, int64_t axis)
{
    int64_t n;
    if (axis < 0) axis += t->rank;
    if (axis < 0 || axis >= t->rank || !ig_el_count(t, &n)) return false;
    *lines = (ig_el_lines){1, t->dims[axis], 1};
    for (int d = 0; d < t->rank && n; d++) {
        if (d < axis) lines->outer *= t->dims[d];
        if (d > axis) lines->inner *= t->dims[d];
    }
    if (!n) lines->outer = 0;
    return true;
}

int ig_el_known(const ig_device_bind *b, uint32_t i, int64_t *v, int cap)
{
    const ig_tensor *t = i < b->node->n_in ? b->known[i] : NULL;
    if (!t) return -1;
    const ig_dtype_class k = ig_dtype(t->dtype)->class_;
    const size_t n = ig_tensor_elements(t);
    if ((k != IG_CLASS_INT && k != IG_CLASS_UINT && k != IG_CLASS_BOOL) || n > (size_t)cap)
        return -1;
    for (size_t j = 0; j < n; j++) v[j] = ig_to_int(t->data, t->dtype, j);
    return (int)n;
}

bool ig_el_piece(ig_device_bind *b, int64_t n, size_t bytes, size_t *at)
{
    enum { ALIGN = 256 };
    size_t all;
    *at = b->scratch_bytes;
    return ig_mul_ok((size_t)n, bytes, &all) && ig_align_ok(all, (size_t)ALIGN, &all) &&
           ig_add_ok(b->scratch_bytes, all, &b->scratch_bytes);
}

void *ig_el_state(ig_device_bind *b, size_t bytes)
{
    b->state = ig_arena_take(b->arena, bytes);
    if (!b->state) (void)ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    return b->state;
}
