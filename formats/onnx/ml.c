/* ml.c - what the mappings of ai.onnx.ml share; see ml.h. */
#include "formats/onnx/ml.h"
#include "formats/onnx/state.h"
#include "runtime/base/checked.h"

#include <string.h>

void *onnx_ml_room(ig_import *c, size_t n, size_t each)
{
    if (c->status) return NULL;
    void *p = ig_arena_array(&c->whole->arena, IG_MAX(n, (size_t)1), each);
    if (!p) c->status = onnx_no_memory(c);
    return p;
}

static onnx_reals of_tensor(ig_import *c, const ig_onnx_node *n, const char *attr)
{
    onnx_reals r = {0};
    const ig_id id = onnx_tensor(c, n, attr);
    if (c->status || id == IG_NO_VALUE) return r;
    const ig_value *value = &c->g->values[id];
    const ig_dtype_class class_ = ig_dtype(value->type.dtype)->class_;
    if (class_ != IG_CLASS_FLOAT && class_ != IG_CLASS_INT && class_ != IG_CLASS_UINT) {
        ig_onnx_bad(c, n, "attribute '%s' does not hold numbers", attr);
        return r;
    }
    if (!ig_type_elements(&value->type, &r.n) || !(r.v = onnx_ml_room(c, r.n, sizeof *r.v)))
        return (onnx_reals){0};
    r.wide = value->type.dtype == INGOT_F64;
    for (size_t i = 0; i < r.n; i++) r.v[i] = ig_to_double(value->data, value->type.dtype, i);
    return r;
}

onnx_reals onnx_ml_reals(ig_import *c, const ig_onnx_node *n, const char *list, const char *tensor)
{
    if (tensor && onnx_has(n, tensor)) return of_tensor(c, n, tensor);
    onnx_reals r = {0};
    if (!list) return r;
    const ig_floats f = onnx_floats(c, n, list);
    r.v = onnx_ml_room(c, f.n, sizeof *r.v);
    if (!r.v) return (onnx_reals){0};
    r.n = f.n;
    for (size_t i = 0; i < f.n; i++) r.v[i] = (double)f.v[i];
    return r;
}

ig_id onnx_ml_const(ig_import *c, const double *v, int rank, const int64_t *dims, bool wide)
{
    size_t n;
    if (c->status || !ig_dims_elements(rank, dims, &n)) return IG_NO_VALUE;
    ig_id id = IG_NO_VALUE;
    if (wide) {
        id = ig_graph_const_copy(c->g, "", INGOT_F64, rank, dims, v);
    } else {
        float *narrow = onnx_ml_room(c, n, sizeof *narrow);
        if (!narrow) return IG_NO_VALUE;
        for (size_t i = 0; i < n; i++) narrow[i] = (float)v[i];
        id = ig_graph_const_copy(c->g, "", INGOT_F32, rank, dims, narrow);
    }
    if (id == IG_NO_VALUE) c->status = onnx_no_memory(c);
    return id;
}

void onnx_ml_post(ig_import *c, const ig_onnx_node *n, ig_node *node)
{
    ig_set_text(c, node, "post", onnx_text(c, n, "post_transform", "NONE"));
}

void onnx_ml_labels(ig_import *c, const ig_onnx_node *n, ig_id out, ig_id index, ig_ints ints,
                    ig_texts texts)
{
    if (c->status || out == IG_NO_VALUE) return;
    const int64_t count = (int64_t)(ints.n ? ints.n : texts.n);
    const ig_id labels = ints.n ? ig_graph_const_copy(c->g, "", INGOT_I64, 1, &count, ints.v)
                                : ig_graph_const_copy(c->g, "", INGOT_STR, 1, &count, texts.v);
    if (labels == IG_NO_VALUE) {
        c->status = onnx_no_memory(c);
        return;
    }
    ig_emit_to(c, n, out, "gather", 2, labels, index);
}
