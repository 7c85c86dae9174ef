/* tensor.c - public tensors: views, names, and their way into a graph. */
#include "runtime/api/handles.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

ingot_tensor ingot_view(ingot_dtype dtype, void *data, int rank, const int64_t *dims)
{
    ingot_tensor t = {.dtype = dtype, .rank = rank, .data = data};
    for (int i = 0; i < rank && i < INGOT_MAX_RANK; i++) t.dims[i] = dims[i];
    return t;
}

ingot_tensor ingot_view_f32(float *data, int rank, const int64_t *dims)
{
    return ingot_view(INGOT_F32, data, rank, dims);
}

ingot_tensor ingot_view_i64(int64_t *data, int rank, const int64_t *dims)
{
    return ingot_view(INGOT_I64, data, rank, dims);
}

size_t ingot_tensor_elements(const ingot_tensor *t)
{
    size_t n;
    return ig_dims_elements(t->rank, t->dims, &n) ? n : 0;
}

size_t ingot_dtype_bytes(ingot_dtype dtype) { return ig_dtype(dtype)->bytes; }

const char *ingot_dtype_name(ingot_dtype dtype) { return ig_dtype(dtype)->name; }

void ig_to_public(ingot_tensor *out, const ig_tensor *t, const char *name)
{
    *out = ingot_view(t->dtype, t->data, t->rank, t->dims);
    out->name = name;
    out->absent = t->absent;
    out->is_sequence = t->kind == IG_SEQUENCE;
}

/* "'a', 'b'" for messages; cut off where there is no room. */
static void list_inputs(char *text, size_t cap, const ig_graph *g)
{
    size_t n = 0;
    text[0] = 0;
    for (size_t i = 0; i < g->n_inputs && n + 1 < cap; i++) {
        const int wrote =
            snprintf(text + n, cap - n, "%s'%.60s'", i ? ", " : "", g->values[g->inputs[i]].name);
        if (wrote < 0) return;
        n += (size_t)wrote;
    }
}

static ingot_status find_input(size_t *at, const ig_graph *g, const ingot_tensor *in, size_t i,
                               ingot_error *err)
{
    char names[300];
    *at = i;
    if (!in->name) {
        if (i < g->n_inputs) return INGOT_OK;
        return ig_fail(err, INGOT_E_DATA, "input %zu: the model has %zu inputs", i, g->n_inputs);
    }
    for (size_t k = 0; k < g->n_inputs; k++)
        if (!strcmp(g->values[g->inputs[k]].name, in->name)) {
            *at = k;
            return INGOT_OK;
        }
    list_inputs(names, sizeof names, g);
    return ig_fail(err, INGOT_E_DATA, "no input is called '%.60s'; the model has %s", in->name,
                   names);
}

static ingot_status take_tensor(ig_tensor *t, const char *name, const ingot_tensor *in,
                                ingot_error *err)
{
    if (!ig_dtype_valid((int)in->dtype) || in->rank < 0 || in->rank > IG_MAX_RANK)
        return ig_fail(err, INGOT_E_DATA, "input '%.60s': dtype %d or rank %d is not one", name,
                       (int)in->dtype, in->rank);
    size_t n;
    if (!ig_dims_elements(in->rank, in->dims, &n))
        return ig_fail(err, INGOT_E_DATA, "input '%.60s': impossible dims", name);
    const size_t align = IG_MIN(ig_dtype(in->dtype)->bytes, (size_t)8);
    if ((uintptr_t)in->data % align)
        return ig_fail(err, INGOT_E_DATA, "input '%.60s': data is not aligned to %zu bytes", name,
                       align);
    *t = (ig_tensor){.dtype = in->dtype, .rank = in->rank, .data = in->data};
    memcpy(t->dims, in->dims, sizeof t->dims);
    return INGOT_OK;
}

static ingot_status take_sequence(ig_tensor *t, const ig_value *v, const ingot_tensor *in,
                                  ig_arena *arena, ingot_error *err)
{
    ig_tensor *items = ig_new_n(arena, ig_tensor, in->n_items);
    if (!items) return ig_fail(err, INGOT_E_NOMEM, "input '%.60s': no memory", v->name);
    for (size_t i = 0; i < in->n_items; i++) {
        const ingot_tensor *item = &in->items[i];
        if (item->is_sequence || item->absent || !item->data)
            return ig_fail(err, INGOT_E_DATA, "input '%.60s': item %zu is not a tensor with data",
                           v->name, i);
        IG_TRY(take_tensor(&items[i], v->name, item, err));
        if (v->type.dtype && items[i].dtype != v->type.dtype)
            return ig_fail(err, INGOT_E_DATA, "input '%.60s': item %zu is %s, the model expects %s",
                           v->name, i, ingot_dtype_name(items[i].dtype),
                           ingot_dtype_name(v->type.dtype));
    }
    *t = (ig_tensor){.kind = IG_SEQUENCE,
                     .dtype = v->type.dtype ? v->type.dtype
                              : in->n_items ? items[0].dtype
                                            : 0,
                     .rank = 1,
                     .dims = {(int64_t)in->n_items},
                     .data = items};
    return INGOT_OK;
}

static ingot_status take_input(ig_tensor *t, const ig_value *v, const ingot_tensor *in,
                               ig_arena *items, ingot_error *err)
{
    if (in->is_sequence == (v->type.kind == IG_SEQUENCE))
        return in->is_sequence ? take_sequence(t, v, in, items, err)
                               : take_tensor(t, v->name, in, err);
    return ig_fail(err, INGOT_E_DATA, "input '%.60s' is %s, the model expects %s", v->name,
                   in->is_sequence ? "a sequence" : "a tensor",
                   in->is_sequence ? "a tensor" : "a sequence of tensors");
}

ingot_status ig_place_inputs(ig_tensor *placed, const ig_graph *g, const ingot_tensor *in,
                             size_t n_in, ig_arena *items, ingot_error *err)
{
    for (size_t k = 0; k < g->n_inputs; k++) placed[k] = (ig_tensor){.absent = true, .rank = -2};
    for (size_t i = 0; i < n_in; i++) {
        size_t at;
        IG_TRY(find_input(&at, g, &in[i], i, err));
        if (placed[at].rank != -2)
            return ig_fail(err, INGOT_E_DATA, "input '%.60s' is given twice",
                           g->values[g->inputs[at]].name);
        if (in[i].absent)
            placed[at].rank = 0;
        else
            IG_TRY(take_input(&placed[at], &g->values[g->inputs[at]], &in[i], items, err));
    }
    for (size_t k = 0; k < g->n_inputs; k++) {
        const ig_value *v = &g->values[g->inputs[k]];
        if (placed[k].rank == -2) placed[k].rank = 0;
        if (!placed[k].absent || v->type.optional) continue;
        char type[128];
        ig_type_print(type, sizeof type, &v->type, g->symbols);
        return ig_fail(err, INGOT_E_DATA, "input '%.60s' (%s) is missing", v->name, type);
    }
    return INGOT_OK;
}
