/* retype.c - a case with numbers of another type; see case.h. */
#include "runtime/base/checked.h"
#include "runtime/ops/block.h"
#include "tests/onnx/case.h"

#include <string.h>

/* One element, rounded towards zero and held within [-100, 100] where the type is no float. */
static void convert_one(void *to, ingot_dtype to_dtype, const void *from, ingot_dtype dtype,
                        size_t i)
{
    const double v = ig_load_f64(from, dtype, i);
    const ig_dtype_class k = ig_dtype(to_dtype)->class_;
    if (k == IG_CLASS_FLOAT) {
        ig_store(to, to_dtype, i, &v, IG_CALC_F64, 1);
        return;
    }
    const double low = k == IG_CLASS_INT ? -100 : 0;
    const int64_t n = v != v ? 0 : (int64_t)IG_MIN(IG_MAX(v, low), 100.);
    ig_store(to, to_dtype, i, &n, IG_CALC_I64, 1);
}

static void *converted(ig_arena *a, const void *from, ingot_dtype dtype, size_t n, ingot_dtype to)
{
    char *data = ig_arena_take(a, n * ig_dtype(to)->bytes + IG_ALIGN);
    for (size_t i = 0; data && i < n; i++) convert_one(data, to, from, dtype, i);
    return data;
}

bool case_retype(ig_tensor *t, ingot_dtype from, ingot_dtype to, ig_arena *a)
{
    if (t->absent || t->kind != IG_TENSOR || t->dtype != from) return true;
    t->data = converted(a, t->data, from, ig_tensor_elements(t), to);
    t->dtype = to;
    return t->data != NULL;
}

bool case_retype_graph(ig_graph *g, ingot_dtype from, ingot_dtype to)
{
    for (size_t i = 0; i < g->n_values; i++) {
        ig_value *v = &g->values[i];
        size_t n;
        if (v->type.dtype != from || v->type.kind != IG_TENSOR) continue;
        if (v->is_const) {
            if (!ig_type_elements(&v->type, &n)) return false;
            v->data = converted(&g->arena, v->data, from, n, to);
            if (!v->data) return false;
        }
        v->type.dtype = v->is_const ? to : INGOT_NONE; /* what nodes make is inferred anew */
    }
    for (size_t i = 0; i < g->n_inputs; i++) {
        ig_type *t = &g->values[g->inputs[i]].type;
        if (t->kind == IG_TENSOR && t->dtype == INGOT_NONE) t->dtype = to;
    }
    return true;
}
