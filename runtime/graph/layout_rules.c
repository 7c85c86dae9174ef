/* layout_rules.c - which nodes follow their inputs into NHWC, and what becomes of their axes. */
#include "runtime/graph/layout.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { INPUTS_MOST = 64 };

/* ---- constants in NHWC
 * ------------------------------------------------------------------------------ */

/* An NCHW permutation of a list over axes, given by index in the old order. */
static ig_id permuted_ints(ig_layouting *l, const int64_t *v, size_t n)
{
    const ig_id id = ig_graph_const_ints(l->g, "", v, n);
    if (id == IG_NO_VALUE) l->failed = true;
    return id;
}

/* A plain constant that broadcasts against an image: the same for NHWC. IG_NO_VALUE: it cannot be
 * told. Its dims, aligned at the right end of NCHW, may be larger than 1 at one axis only, or be a
 * whole image. */
static ig_id constant_twin(ig_layouting *l, ig_id id)
{
    const ig_value v = l->g->values[id];
    if (!v.is_const || v.layout != IG_PLAIN || v.type.rank > 4 || v.type.dtype == INGOT_STR)
        return IG_NO_VALUE;
    int64_t dims[4] = {1, 1, 1, 1}, now[4];
    int large = 0;
    for (int d = 0; d < v.type.rank; d++) {
        dims[4 - v.type.rank + d] = v.type.dims[d];
        large += v.type.dims[d] != 1;
    }
    if (large == 0 && v.type.rank == 0) return id;
    for (int a = 0; a < 4; a++) now[ig_nhwc_of_axis[a]] = dims[a];
    ig_id made;
    if (large <= 1) { /* one long axis: the bytes stay in order */
        made = ig_graph_const(l->g, v.name, v.type.dtype, 4, now, v.data);
    } else {
        const size_t each = ig_dtype(v.type.dtype)->bytes, plane = (size_t)(dims[2] * dims[3]);
        const size_t channels = (size_t)dims[1], images = (size_t)dims[0];
        unsigned char *bytes = ig_arena_take(&l->g->arena, v.data_bytes);
        for (size_t n = 0; bytes && n < images; n++)
            for (size_t p = 0; p < plane; p++)
                for (size_t c = 0; c < channels; c++)
                    memcpy(bytes + ((n * plane + p) * channels + c) * each,
                           (const unsigned char *)v.data + ((n * channels + c) * plane + p) * each,
                           each);
        made = bytes ? ig_graph_const(l->g, v.name, v.type.dtype, 4, now, bytes) : IG_NO_VALUE;
    }
    if (made == IG_NO_VALUE) l->failed = true;
    return made;
}

static bool known_ints(const ig_layouting *l, ig_id id, int64_t *v, size_t n)
{
    const ig_value *value = ig_value_at(l->g, id);
    size_t have;
    if (!value || !value->is_const || value->layout != IG_PLAIN ||
        ig_dtype(value->type.dtype)->class_ != IG_CLASS_INT ||
        !ig_type_elements(&value->type, &have) || have != n)
        return false;
    for (size_t i = 0; i < n; i++) v[i] = ig_to_int(value->data, value->type.dtype, i);
    return true;
}

static int axis_of(int64_t axis) { return (int)(axis < 0 ? axis + 4 : axis); }

/* ---- rules: true when the node was emitted
 * --------------------------------------------------------------- */

static ig_node *emit(ig_layouting *l, const ig_node *n, const ig_id *in)
{
    const ig_id out = ig_twin_new(l, n->out[0]);
    return l->failed ? NULL : ig_layout_copy(l, n, in, n->n_in, &out, 1);
}

/* Element by element; further inputs are scalars or nothing. */
static bool rule_unary(ig_layouting *l, const ig_node *n)
{
    ig_id in[INPUTS_MOST];
    if (n->n_in > INPUTS_MOST || !ig_has_twin(l, n->in[0])) return false;
    for (uint32_t i = 1; i < n->n_in; i++) {
        size_t count;
        in[i] = n->in[i];
        if (in[i] == IG_NO_VALUE) continue;
        if (!ig_type_elements(&l->g->values[in[i]].type, &count) || count != 1) return false;
        ig_need_plain(l, in[i]);
    }
    in[0] = ig_twin(l, n->in[0]);
    emit(l, n, in);
    return true;
}

/* Element by element, by a constant table. */
static bool rule_table(ig_layouting *l, const ig_node *n)
{
    if (!ig_has_twin(l, n->in[0])) return false;
    ig_need_plain(l, n->in[1]);
    emit(l, n, (ig_id[]){ig_twin(l, n->in[0]), n->in[1]});
    return true;
}

/* An image with its scale and zero point: only the image has another form. */
static bool rule_dynamic(ig_layouting *l, const ig_node *n)
{
    if (n->n_out != 3 || !ig_is_image(l->g, n->out[0]) || !ig_has_twin(l, n->in[0])) return false;
    const ig_id in = ig_twin(l, n->in[0]);
    const ig_id out[3] = {ig_twin_new(l, n->out[0]), n->out[1], n->out[2]};
    if (!l->failed) ig_layout_copy(l, n, &in, 1, out, 3);
    for (size_t o = 1; o < 3; o++)
        if (out[o] != IG_NO_VALUE) l->there[out[o]] = true;
    return true;
}

/* Broadcasting: images by their twins, constants rearranged, scalars as they are. */
static bool rule_broadcast(ig_layouting *l, const ig_node *n)
{
    ig_id in[INPUTS_MOST];
    bool any = false;
    if (n->n_in > INPUTS_MOST) return false;
    for (uint32_t i = 0; i < n->n_in; i++) {
        const ig_id id = n->in[i];
        if (id == IG_NO_VALUE) return false;
        any |= ig_has_twin(l, id);
        if (!ig_is_image(l->g, id) && !l->g->values[id].is_const && l->g->values[id].type.rank != 0)
            return false;
    }
    if (!any) return false;
    for (uint32_t i = 0; i < n->n_in; i++) {
        const ig_value *v = &l->g->values[n->in[i]];
        in[i] = v->is_const         ? constant_twin(l, n->in[i])
                : v->type.rank == 0 ? n->in[i]
                                    : IG_NO_VALUE;
        if (v->is_const && in[i] == IG_NO_VALUE) return false;
        if (!v->is_const && v->type.rank == 0) ig_need_plain(l, n->in[i]);
    }
    for (uint32_t i = 0; i < n->n_in; i++)
        if (in[i] == IG_NO_VALUE) in[i] = ig_twin(l, n->in[i]);
    emit(l, n, in);
    return true;
}

static bool rule_concat(ig_layouting *l, const ig_node *n)
{
    ig_id in[INPUTS_MOST];
    uint32_t twins = 0;
    for (uint32_t i = 0; i < n->n_in; i++) twins += ig_has_twin(l, n->in[i]);
    if (n->n_in > INPUTS_MOST || 2 * twins < n->n_in) return false;
    for (uint32_t i = 0; i < n->n_in; i++) in[i] = ig_twin(l, n->in[i]);
    ig_node *now = emit(l, n, in);
    if (now &&
        !ig_put_attr_int(l->g, now, "axis", ig_nhwc_of_axis[axis_of(ig_attr_int(n, "axis"))]))
        l->failed = true;
    return true;
}

/* The axis attribute moves; softmax over one axis, no further inputs. */
static bool rule_axis(ig_layouting *l, const ig_node *n)
{
    if (!ig_has_twin(l, n->in[0]) || ig_attr_int(n, "to_end")) return false;
    const ig_id in = ig_twin(l, n->in[0]);
    ig_node *now = emit(l, n, &in);
    if (now &&
        !ig_put_attr_int(l->g, now, "axis", ig_nhwc_of_axis[axis_of(ig_attr_int(n, "axis"))]))
        l->failed = true;
    return true;
}

/* Means over the image, kept as 1 x 1 or dropped. */
static bool rule_reduce(ig_layouting *l, const ig_node *n)
{
    int64_t axes[4];
    size_t count;
    const ig_value *v = n->n_in == 2 ? ig_value_at(l->g, n->in[1]) : NULL;
    if (!ig_has_twin(l, n->in[0]) || !v || !v->is_const || !ig_type_elements(&v->type, &count) ||
        count == 0 || count > 4 || !known_ints(l, n->in[1], axes, count))
        return false;
    bool channels = false;
    for (size_t i = 0; i < count; i++) {
        if (axes[i] < -4 || axes[i] > 3) return false;
        channels |= axis_of(axes[i]) == 1;
    }
    const bool keep = ig_attr_int(n, "keepdims");
    if (!keep && (channels || count != 2)) return false; /* [N, C] is the same either way */
    for (size_t i = 0; i < count; i++) axes[i] = ig_nhwc_of_axis[axis_of(axes[i])];
    const ig_id in[2] = {ig_twin(l, n->in[0]), permuted_ints(l, axes, count)};
    if (l->failed) return true;
    if (keep) {
        emit(l, n, in);
    } else {
        ig_layout_copy(l, n, in, 2, n->out, 1);
        l->there[n->out[0]] = true;
    }
    return true;
}

static bool rule_pad(ig_layouting *l, const ig_node *n)
{
    int64_t pads[8], now[8];
    const bool axes = n->n_in > 3 && n->in[3] != IG_NO_VALUE;
    if (!ig_has_twin(l, n->in[0]) || axes || n->n_in < 2 || !known_ints(l, n->in[1], pads, 8))
        return false;
    for (int a = 0; a < 4; a++) {
        now[ig_nhwc_of_axis[a]] = pads[a];
        now[4 + ig_nhwc_of_axis[a]] = pads[4 + a];
    }
    ig_id in[3] = {ig_twin(l, n->in[0]), permuted_ints(l, now, 8),
                   n->n_in > 2 ? n->in[2] : IG_NO_VALUE};
    if (in[2] != IG_NO_VALUE) ig_need_plain(l, in[2]);
    const ig_id out = ig_twin_new(l, n->out[0]);
    if (!l->failed) ig_layout_copy(l, n, in, in[2] == IG_NO_VALUE ? 2 : 3, &out, 1);
    return true;
}

/* resize with constant scales or sizes for all four axes. */
static bool rule_resize(ig_layouting *l, const ig_node *n)
{
    ig_id in[4] = {IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE, IG_NO_VALUE};
    if (!ig_has_twin(l, n->in[0]) || n->n_in < 3 || n->n_in > 4 || ig_attr_ints(n, "axes").n)
        return false;
    if (!strcmp(ig_attr_text(n, "coordinate_transformation_mode"), "tf_crop_and_resize"))
        return false;
    const ig_value *scales = ig_value_at(l->g, n->in[2]),
                   *sizes = n->n_in > 3 ? ig_value_at(l->g, n->in[3]) : NULL;
    int64_t v[4], now[4];
    if (sizes && known_ints(l, n->in[3], v, 4)) {
        for (int a = 0; a < 4; a++) now[ig_nhwc_of_axis[a]] = v[a];
        in[3] = permuted_ints(l, now, 4);
    } else if (!sizes && scales && scales->is_const && scales->type.dtype == INGOT_F32 &&
               scales->data_bytes == 4 * sizeof(float)) {
        float s[4];
        for (int a = 0; a < 4; a++) s[ig_nhwc_of_axis[a]] = ((const float *)scales->data)[a];
        in[2] = ig_graph_const_copy(l->g, "", INGOT_F32, 1, (int64_t[]){4}, s);
        if (in[2] == IG_NO_VALUE) l->failed = true;
    } else {
        return false;
    }
    in[0] = ig_twin(l, n->in[0]);
    const ig_id out = ig_twin_new(l, n->out[0]);
    if (!l->failed) ig_layout_copy(l, n, in, in[3] == IG_NO_VALUE ? 3 : 4, &out, 1);
    return true;
}

/* A transpose of an image composes with the one to NHWC; where they cancel it is free. */
static bool rule_transpose(ig_layouting *l, const ig_node *n)
{
    const ig_ints perm = ig_attr_ints(n, "perm");
    if (!ig_has_twin(l, n->in[0]) || l->there[n->in[0]] || perm.n != 4) return false;
    int64_t now[4];
    bool same = true;
    for (int d = 0; d < 4; d++) {
        now[d] = ig_nhwc_of_axis[perm.v[d]];
        same = same && now[d] == d;
    }
    const ig_id in = ig_twin(l, n->in[0]);
    if (same) {
        ig_layout_node(l, "identity", n->name, &in, 1, n->out[0]);
    } else {
        ig_node *made = ig_layout_node(l, "transpose", n->name, &in, 1, n->out[0]);
        if (made && !ig_put_attr_ints(l->g, made, "perm", now, 4)) l->failed = true;
    }
    l->there[n->out[0]] = true;
    return true;
}

/* Of an image of one pixel, both forms have the same bytes. */
static bool rule_reshape(ig_layouting *l, const ig_node *n)
{
    if (!ig_has_twin(l, n->in[0]) || l->there[n->in[0]]) return false;
    const ig_type *t = &l->g->values[n->in[0]].type;
    if (t->dims[2] != 1 || t->dims[3] != 1) return false;
    if (ig_is(n, "flatten", NULL) && ig_attr_int(n, "axis") != 1) return false;
    int64_t shape[8];
    if (ig_is(n, "reshape", NULL)) { /* zeros copy dims by position: only the first two agree */
        const ig_value *v = ig_value_at(l->g, n->in[1]);
        size_t count;
        if (!v || !v->is_const || !ig_type_elements(&v->type, &count) || count > 2 ||
            !known_ints(l, n->in[1], shape, count) || (count == 2 && shape[1] == 0))
            return false;
    } else if (!ig_is(n, "flatten", NULL)) {
        return false;
    }
    ig_id in[2] = {ig_twin(l, n->in[0]), n->n_in > 1 ? n->in[1] : IG_NO_VALUE};
    ig_layout_copy(l, n, in, n->n_in, n->out, 1);
    l->there[n->out[0]] = true;
    return true;
}

bool ig_layout_rule(ig_layouting *l, const ig_node *n)
{
    static const struct {
        const char *op;
        bool (*rule)(ig_layouting *l, const ig_node *n);
        bool image_out; /* the rule makes a twin of the output */
    } rules[] = {
        {"unary", rule_unary, true},         {"cast", rule_unary, true},
        {"clip", rule_unary, true},          {"quantize", rule_unary, true},
        {"dequantize", rule_unary, true},    {"binary", rule_broadcast, true},
        {"binary_i8", rule_broadcast, true}, {"byte_table", rule_table, true},
        {"where", rule_broadcast, true},     {"compare", rule_broadcast, true},
        {"concat", rule_concat, true},       {"softmax", rule_axis, true},
        {"reduce", rule_reduce, false},      {"pad", rule_pad, true},
        {"resize", rule_resize, true},       {"transpose", rule_transpose, false},
        {"reshape", rule_reshape, false},    {"flatten", rule_reshape, false},
    };
    if (ig_is(n, "dynamic_quantize", NULL)) return rule_dynamic(l, n);
    for (size_t i = 0; i < IG_LEN(rules); i++) {
        if (!ig_is(n, rules[i].op, NULL) || n->n_out != 1 || n->n_in == 0) continue;
        if (rules[i].image_out && !ig_is_image(l->g, n->out[0])) return false;
        return rules[i].rule(l, n);
    }
    return false;
}
