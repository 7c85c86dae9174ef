/* map_sequence.c - sequences and optionals. */
#include "formats/onnx/state.h"

static ingot_status sequence_empty(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    const ingot_dtype dtype = onnx_attr_dtype(c, n, "dtype", INGOT_F32);
    ig_emit_to(c, n, n->out[0], "sequence_empty", 0);
    ig_set_int(c, ig_emit_last(c), "dtype", dtype);
    return c->status;
}

/* An empty optional says in attribute `type` what it would hold. */
static ingot_status optional(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "optional", n->in, n->n_in, n->out, n->n_out);
    const onnx_attr *a = onnx_attr_find(n->raw, "type");
    if (c->status || onnx_given(n, 0)) return c->status;
    if (!a || a->type != ONNX_TYPE_PROTO || !a->message.p)
        return ig_onnx_bad(c, n, "it has neither an input nor a type");
    ig_type type;
    c->status = onnx_type_read(&type, a->message, NULL, &c->whole->arena, n->name, c->err);
    ig_set_int(c, node, "dtype", type.dtype);
    ig_set_int(c, node, "sequence", type.kind == IG_SEQUENCE);
    return c->status;
}

const ig_onnx_map ig_onnx_map_sequence[] = {
    {"", "SequenceEmpty", 11, 0, sequence_empty, NULL},
    {"", "SequenceConstruct", 11, 0, ig_import_same, "sequence_construct"},
    {"", "SequenceAt", 11, 0, ig_import_same, "sequence_at"},
    {"", "SequenceInsert", 11, 0, ig_import_same, "sequence_insert"},
    {"", "SequenceErase", 11, 0, ig_import_same, "sequence_erase"},
    {"", "SequenceLength", 11, 0, ig_import_same, "sequence_length"},
    {"", "ConcatFromSequence", 11, 0, ig_import_same, "concat_from_sequence"},
    {"", "SplitToSequence", 11, 0, ig_import_same, "split_to_sequence"},
    {"", "Optional", 15, 0, optional, NULL},
    {"", "OptionalGetElement", 15, 0, ig_import_same, "optional_get_element"},
    {"", "OptionalHasElement", 15, 0, ig_import_same, "optional_has_element"},
    {0},
};
