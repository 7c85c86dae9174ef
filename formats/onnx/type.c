/* type.c - TypeProto as ig_type. */
#include "formats/onnx/state.h"

#include <string.h>

enum { TENSOR = 1, SEQUENCE = 4, MAP = 5, OPAQUE = 7, SPARSE = 8, OPTIONAL = 9, TYPES_DEEP = 8 };

typedef struct {
    ig_graph *g;
    ig_arena *arena;
    const char *name;
    ingot_error *err;
} reader;

static ingot_status read_dim(const reader *r, int64_t *out, ig_span m)
{
    const char *symbol = "";
    *out = IG_DIM_UNKNOWN;
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f)) {
        if (ig_wire_is(&f, 1, IG_WIRE_VARINT)) *out = (int64_t)f.value, symbol = "";
        if (!ig_wire_is(&f, 2, IG_WIRE_BYTES)) continue;
        *out = IG_DIM_UNKNOWN;
        IG_TRY(onnx_text_read(&symbol, f.bytes, "a dimension's name", r->arena, r->err));
    }
    IG_TRY(ig_wire_end(&w, "a dimension", r->err));
    if (*out < 0) *out = IG_DIM_UNKNOWN; /* some exporters write -1 */
    if (!*symbol || !r->g) return INGOT_OK;
    *out = ig_graph_symbol(r->g, symbol);
    if (*out == IG_DIM_UNKNOWN) return ig_fail(r->err, INGOT_E_NOMEM, "types: no memory");
    return INGOT_OK;
}

static ingot_status read_shape(const reader *r, ig_type *t, ig_span m)
{
    t->rank = 0;
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f)) {
        if (!ig_wire_is(&f, 1, IG_WIRE_BYTES)) continue;
        if (t->rank == IG_MAX_RANK)
            return ig_fail(r->err, INGOT_E_UNSUPPORTED, "'%.80s' has more than %d dimensions",
                           r->name, IG_MAX_RANK);
        IG_TRY(read_dim(r, &t->dims[t->rank++], f.bytes));
    }
    return ig_wire_end(&w, "a shape", r->err);
}

static ingot_status read_tensor(const reader *r, ig_type *t, ig_span m)
{
    int64_t code = 0;
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f))
        if (ig_wire_is(&f, 1, IG_WIRE_VARINT)) code = (int32_t)f.value;
    IG_TRY(ig_wire_end(&w, "a type", r->err));
    t->dtype = onnx_dtype(code);
    if (!t->dtype && code)
        return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                       "'%.80s' has the element type %lld, which "
                       "Ingot does not have",
                       r->name, (long long)code);
    ig_span shape;
    IG_TRY(ig_wire_message(&shape, m, 2, r->arena, r->err));
    return shape.p ? read_shape(r, t, shape) : INGOT_OK;
}

/* The last member of the oneof counts. */
static ingot_status which(const reader *r, uint32_t *number, ig_span m)
{
    *number = 0;
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f))
        if (f.kind == IG_WIRE_BYTES && f.number != 6) *number = f.number;
    return ig_wire_end(&w, "a type", r->err);
}

static ingot_status unsupported(const reader *r, const char *kind)
{
    return ig_fail(r->err, INGOT_E_UNSUPPORTED, "'%.80s' is %s, which Ingot does not take", r->name,
                   kind);
}

ingot_status onnx_type_read(ig_type *out, ig_span type, ig_graph *g, ig_arena *arena,
                            const char *name, ingot_error *err)
{
    const reader r = {g, arena, name, err};
    const ig_type unknown = {.rank = IG_RANK_UNKNOWN};
    *out = unknown;
    for (int deep = 0; type.p && deep < TYPES_DEEP; deep++) {
        uint32_t number;
        ig_span inner;
        IG_TRY(which(&r, &number, type));
        IG_TRY(ig_wire_message(&inner, type, number, arena, err));
        const bool nested = out->kind == IG_SEQUENCE;
        switch (number) {
        case 0:
            return INGOT_OK;
        case TENSOR:
            return read_tensor(&r, out, inner);
        case SEQUENCE:
        case OPTIONAL:
            if (nested) return unsupported(&r, "a sequence of sequences or optionals");
            if (number == SEQUENCE) out->kind = IG_SEQUENCE;
            if (number == OPTIONAL) out->optional = true;
            IG_TRY(ig_wire_message(&type, inner, 1, arena, err));
            break;
        default:
            *out = unknown;
            return unsupported(&r, number == MAP      ? "a map"
                                   : number == SPARSE ? "a sparse tensor"
                                                      : "of an opaque type");
        }
    }
    if (type.p) return unsupported(&r, "of a type that is nested too deeply");
    return INGOT_OK;
}
