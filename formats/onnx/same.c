/* same.c - the mapping of ops that Ingot has as they are; see ig_import_same in import.h. */
#include "formats/onnx/state.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

/* "fn=exp": our own text, in the tables of mappings. */
static void set_from_text(ig_import *c, ig_node *node, const char *name, const char *value)
{
    const ig_attr *field = ig_attr_find(node->op->attrs, name);
    if (field && field->kind == IG_ATTR_INT)
        ig_set_int(c, node, name, strtoll(value, NULL, 10));
    else if (field && field->kind == IG_ATTR_FLOAT)
        ig_set_float(c, node, name, strtod(value, NULL));
    else
        ig_set_text(c, node, name, value);
}

static void set_from_attr(ig_import *c, const ig_onnx_node *n, ig_node *node, const onnx_attr *a)
{
    const ig_attr *field = ig_attr_find(node->op->attrs, a->name);
    if (!field) {
        ig_onnx_fail(c, n, "attribute '%.60s' is not supported", a->name);
        return;
    }
    switch (field->kind) {
    case IG_ATTR_INT:
        ig_set_int(c, node, a->name, onnx_int(c, n, a->name, 0));
        return;
    case IG_ATTR_FLOAT:
        ig_set_float(c, node, a->name, onnx_float(c, n, a->name, 0));
        return;
    case IG_ATTR_TEXT:
    case IG_ATTR_ENUM:
        ig_set_text(c, node, a->name, onnx_text(c, n, a->name, ""));
        return;
    case IG_ATTR_INTS: {
        const ig_ints v = onnx_ints(c, n, a->name);
        ig_set_ints(c, node, a->name, v.v, v.n);
        return;
    }
    case IG_ATTR_FLOATS: {
        const ig_floats v = onnx_floats(c, n, a->name);
        ig_set_floats(c, node, a->name, v.v, v.n);
        return;
    }
    case IG_ATTR_TEXTS: {
        const ig_texts v = onnx_texts(c, n, a->name);
        ig_set_texts(c, node, a->name, v.v, v.n);
        return;
    }
    case IG_ATTR_END:
        return;
    }
}

ingot_status ig_import_same(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    char text[128];
    if (strlen(arg) >= sizeof text) return ig_onnx_fail(c, n, "its mapping is too long");
    memcpy(text, arg, strlen(arg) + 1);
    char *rest;
    const char *op = strtok_r(text, " ", &rest);
    ig_node *node = ig_emit(c, n, op, n->in, n->n_in, n->out, n->n_out);
    for (char *word; node && (word = strtok_r(NULL, " ", &rest));) {
        char *equals = strchr(word, '=');
        if (!equals) return ig_onnx_fail(c, n, "its mapping says '%s'", word);
        *equals = 0;
        set_from_text(c, node, word, equals + 1);
    }
    for (size_t i = 0; node && !c->status && i < n->raw->n_attrs; i++)
        set_from_attr(c, n, node, &n->raw->attrs[i]);
    return c->status;
}
