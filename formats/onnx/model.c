/* model.c - see model.h. Field numbers are those of onnx-ml.proto.
 *
 * Each message is walked twice: once to count (and to see that it is well-formed), once to fill
 * arrays of exactly that size. */
#include "formats/onnx/model.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    ig_arena *arena;
    ingot_error *err;
    int depth;
} reader;

enum { NUMBERS = 32 };

/* How often each field number below NUMBERS occurs as bytes. */
static ingot_status tally(size_t counts[NUMBERS], ig_span m, const char *what, ingot_error *err)
{
    memset(counts, 0, NUMBERS * sizeof *counts);
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f))
        if (f.number < NUMBERS && f.kind == IG_WIRE_BYTES) counts[f.number]++;
    return ig_wire_end(&w, what, err);
}

static ingot_status no_memory(const reader *r)
{
    return ig_fail(r->err, INGOT_E_NOMEM, "reading the ONNX model: no memory");
}

ingot_status onnx_text_read(const char **out, ig_span text, const char *what, ig_arena *arena,
                            ingot_error *err)
{
    if (text.n && memchr(text.p, 0, text.n))
        return ig_fail(err, INGOT_E_FORMAT, "%s holds a zero byte", what);
    *out = text.n ? ig_arena_text(arena, (const char *)text.p, text.n) : "";
    return *out ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "reading %s: no memory", what);
}

static ingot_status text(reader *r, const char **out, const ig_field *f, const char *what)
{
    return onnx_text_read(out, f->bytes, what, r->arena, r->err);
}

static ingot_status domain(reader *r, const char **out, const ig_field *f)
{
    IG_TRY(text(r, out, f, "a domain"));
    if (!strcmp(*out, "ai.onnx")) *out = "";
    return INGOT_OK;
}

/* Embedded messages take few bytes on the wire, their structs many: the arena's heap bounds both.
 */
#define ROOM(field, n_)                                            \
    do {                                                           \
        (field) = ig_arena_array(r->arena, (n_), sizeof *(field)); \
        if (!(field)) return no_memory(r);                         \
    } while (0)

/* ---- attributes ---- */

static ingot_status read_graph(reader *r, onnx_graph *g, ig_span m);

/* The kind of an attribute of the oldest files, which do not say it. */
static onnx_attr_type guess_type(const ig_field *f)
{
    static const onnx_attr_type of[24] = {
        [2] = ONNX_FLOAT,    [3] = ONNX_INT,     [4] = ONNX_STRING,      [5] = ONNX_TENSOR,
        [6] = ONNX_GRAPH,    [7] = ONNX_FLOATS,  [8] = ONNX_INTS,        [9] = ONNX_STRINGS,
        [10] = ONNX_TENSORS, [11] = ONNX_GRAPHS, [14] = ONNX_TYPE_PROTO, [22] = ONNX_SPARSE_TENSOR};
    return f->number < IG_LEN(of) ? of[f->number] : ONNX_UNDEFINED;
}

static ingot_status read_attr_fields(reader *r, onnx_attr *a, ig_span m)
{
    onnx_attr_type guess = ONNX_UNDEFINED;
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f)) {
        const onnx_attr_type type = guess_type(&f);
        if (type) guess = type;
        if (ig_wire_is(&f, 1, IG_WIRE_BYTES)) IG_TRY(text(r, &a->name, &f, "an attribute's name"));
        if (ig_wire_is(&f, 21, IG_WIRE_BYTES)) IG_TRY(text(r, &a->ref, &f, "an attribute's name"));
        if (ig_wire_is(&f, 20, IG_WIRE_VARINT))
            a->type = f.value <= ONNX_TYPE_PROTOS ? (onnx_attr_type)f.value : ONNX_UNDEFINED;
        if (ig_wire_is(&f, 2, IG_WIRE_FIXED32)) memcpy(&a->f, &f.value, sizeof a->f);
        if (ig_wire_is(&f, 3, IG_WIRE_VARINT)) a->i = (int64_t)f.value;
        if (ig_wire_is(&f, 4, IG_WIRE_BYTES))
            a->s = (ingot_str){(const char *)f.bytes.p, f.bytes.n};
    }
    if (!a->type) a->type = guess;
    return ig_wire_end(&w, "an attribute", r->err);
}

static ingot_status read_attr_graph(reader *r, onnx_attr *a)
{
    ig_span m;
    IG_TRY(ig_wire_message(&m, a->body, 6, r->arena, r->err));
    if (r->depth >= ONNX_DEPTH_MOST)
        return ig_fail(r->err, INGOT_E_FORMAT,
                       "graphs are nested more than %d deep (attribute "
                       "'%.60s')",
                       ONNX_DEPTH_MOST, a->name);
    a->graph = ig_new(r->arena, onnx_graph);
    if (!a->graph) return no_memory(r);
    r->depth++;
    IG_TRY(read_graph(r, a->graph, m));
    r->depth--;
    return INGOT_OK;
}

static ingot_status read_attr(reader *r, onnx_attr *a, ig_span m)
{
    *a = (onnx_attr){.name = "", .ref = "", .s = {"", 0}, .body = m};
    IG_TRY(read_attr_fields(r, a, m));
    if (*a->ref) return INGOT_OK;
    switch (a->type) {
    case ONNX_TENSOR:
        return ig_wire_message(&a->message, m, 5, r->arena, r->err);
    case ONNX_SPARSE_TENSOR:
        return ig_wire_message(&a->message, m, 22, r->arena, r->err);
    case ONNX_TYPE_PROTO:
        return ig_wire_message(&a->message, m, 14, r->arena, r->err);
    case ONNX_GRAPH:
        return read_attr_graph(r, a);
    default:
        return INGOT_OK;
    }
}

const onnx_attr *onnx_attr_find(const onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attrs; i++)
        if (!strcmp(node->attrs[i].name, name)) return &node->attrs[i];
    return NULL;
}

const char *onnx_attr_type_name(onnx_attr_type type)
{
    static const char *const names[] = {"nothing",        "a float", "an int", "a text",
                                        "a tensor",       "a graph", "floats", "ints",
                                        "texts",          "tensors", "graphs", "a sparse tensor",
                                        "sparse tensors", "a type",  "types"};
    return type < IG_LEN(names) ? names[type] : "?";
}

/* ---- nodes ---- */

static ingot_status read_node(reader *r, onnx_node *n, ig_span m)
{
    size_t counts[NUMBERS];
    *n = (onnx_node){.name = "", .op = "", .domain = "", .overload = ""};
    IG_TRY(tally(counts, m, "a node", r->err));
    ROOM(n->in, counts[1]);
    ROOM(n->out, counts[2]);
    ROOM(n->attrs, counts[5]);
    ig_field f;
    for (ig_wire w = ig_wire_open(m); ig_wire_next(&w, &f);) {
        if (f.kind != IG_WIRE_BYTES) continue;
        if (f.number == 1) IG_TRY(text(r, &n->in[n->n_in++], &f, "a node's input"));
        if (f.number == 2) IG_TRY(text(r, &n->out[n->n_out++], &f, "a node's output"));
        if (f.number == 3) IG_TRY(text(r, &n->name, &f, "a node's name"));
        if (f.number == 4) IG_TRY(text(r, &n->op, &f, "a node's op"));
        if (f.number == 5) IG_TRY(read_attr(r, &n->attrs[n->n_attrs++], f.bytes));
        if (f.number == 7) IG_TRY(domain(r, &n->domain, &f));
        if (f.number == 8) IG_TRY(text(r, &n->overload, &f, "a node's overload"));
    }
    if (!*n->op)
        return ig_fail(r->err, INGOT_E_FORMAT, "node '%.80s' does not say which op it is", n->name);
    return INGOT_OK;
}

/* ---- values, tensors, opsets ---- */

/* The name is field `number` of the message, or of the message in field `within`. */
static ingot_status read_name(reader *r, const char **out, ig_span m, uint32_t within,
                              uint32_t number, const char *what)
{
    *out = "";
    if (within) IG_TRY(ig_wire_message(&m, m, within, r->arena, r->err));
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f))
        if (ig_wire_is(&f, number, IG_WIRE_BYTES)) IG_TRY(text(r, out, &f, what));
    return ig_wire_end(&w, what, r->err);
}

static ingot_status read_info(reader *r, onnx_named *v, ig_span m)
{
    IG_TRY(read_name(r, &v->name, m, 0, 1, "a value's name"));
    return ig_wire_message(&v->body, m, 2, r->arena, r->err);
}

static ingot_status read_opset(reader *r, onnx_opset *o, ig_span m)
{
    *o = (onnx_opset){.domain = ""};
    ig_field f;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f)) {
        if (ig_wire_is(&f, 1, IG_WIRE_BYTES)) IG_TRY(domain(r, &o->domain, &f));
        if (ig_wire_is(&f, 2, IG_WIRE_VARINT)) o->version = (int64_t)f.value;
    }
    IG_TRY(ig_wire_end(&w, "an opset import", r->err));
    if (o->version < 1 || o->version > INT32_MAX)
        return ig_fail(r->err, INGOT_E_FORMAT, "opset %lld of domain '%.60s' cannot be",
                       (long long)o->version, o->domain);
    return INGOT_OK;
}

int64_t onnx_opset_of(const onnx_opsets *opsets, const char *domain_)
{
    int64_t version = 0;
    for (size_t i = 0; i < opsets->n; i++)
        if (!strcmp(opsets->v[i].domain, domain_)) version = IG_MAX(version, opsets->v[i].version);
    return version;
}

/* ---- graphs and functions ---- */

static ingot_status read_graph_field(reader *r, onnx_graph *g, const ig_field *f)
{
    onnx_named *v;
    switch (f->number) {
    case 1:
        return read_node(r, &g->nodes[g->n_nodes++], f->bytes);
    case 2:
        return text(r, &g->name, f, "a graph's name");
    case 5:
        v = &g->initializers[g->n_initializers++];
        v->body = f->bytes;
        return read_name(r, &v->name, f->bytes, 0, 8, "an initializer's name");
    case 15:
        v = &g->sparse[g->n_sparse++];
        v->body = f->bytes;
        return read_name(r, &v->name, f->bytes, 1, 8, "a sparse initializer's name");
    case 11:
        return read_info(r, &g->inputs[g->n_inputs++], f->bytes);
    case 12:
        return read_info(r, &g->outputs[g->n_outputs++], f->bytes);
    case 13:
        return read_info(r, &g->infos[g->n_infos++], f->bytes);
    default:
        return INGOT_OK;
    }
}

static ingot_status read_graph(reader *r, onnx_graph *g, ig_span m)
{
    size_t counts[NUMBERS];
    *g = (onnx_graph){.name = ""};
    IG_TRY(tally(counts, m, "a graph", r->err));
    ROOM(g->nodes, counts[1]);
    ROOM(g->initializers, counts[5]);
    ROOM(g->sparse, counts[15]);
    ROOM(g->inputs, counts[11]);
    ROOM(g->outputs, counts[12]);
    ROOM(g->infos, counts[13]);
    ig_field f;
    for (ig_wire w = ig_wire_open(m); ig_wire_next(&w, &f);)
        if (f.kind == IG_WIRE_BYTES) IG_TRY(read_graph_field(r, g, &f));
    return INGOT_OK;
}

static ingot_status read_function_field(reader *r, onnx_function *fn, const ig_field *f)
{
    switch (f->number) {
    case 1:
        return text(r, &fn->name, f, "a function's name");
    case 4:
        return text(r, &fn->in[fn->n_in++], f, "a function's input");
    case 5:
        return text(r, &fn->out[fn->n_out++], f, "a function's output");
    case 6:
        return text(r, &fn->params[fn->n_params++], f, "a function's attribute");
    case 7:
        return read_node(r, &fn->body.nodes[fn->body.n_nodes++], f->bytes);
    case 9:
        return read_opset(r, &fn->opsets.v[fn->opsets.n++], f->bytes);
    case 10:
        return domain(r, &fn->domain, f);
    case 11:
        return read_attr(r, &fn->defaults[fn->n_defaults++], f->bytes);
    case 12:
        return read_info(r, &fn->body.infos[fn->body.n_infos++], f->bytes);
    case 13:
        return text(r, &fn->overload, f, "a function's overload");
    default:
        return INGOT_OK;
    }
}

static ingot_status read_function(reader *r, onnx_function *fn, ig_span m)
{
    size_t counts[NUMBERS];
    *fn = (onnx_function){.name = "", .domain = "", .overload = "", .body.name = ""};
    IG_TRY(tally(counts, m, "a function", r->err));
    ROOM(fn->in, counts[4]);
    ROOM(fn->out, counts[5]);
    ROOM(fn->params, counts[6]);
    ROOM(fn->body.nodes, counts[7]);
    ROOM(fn->opsets.v, counts[9]);
    ROOM(fn->defaults, counts[11]);
    ROOM(fn->body.infos, counts[12]);
    ig_field f;
    for (ig_wire w = ig_wire_open(m); ig_wire_next(&w, &f);)
        if (f.kind == IG_WIRE_BYTES) IG_TRY(read_function_field(r, fn, &f));
    fn->body.name = fn->name;
    return INGOT_OK;
}

/* ---- the model ---- */

static ingot_status read_model_field(reader *r, onnx_model *m, const ig_field *f)
{
    if (ig_wire_is(f, 1, IG_WIRE_VARINT)) m->ir_version = (int64_t)f->value;
    if (ig_wire_is(f, 5, IG_WIRE_VARINT)) m->version = (int64_t)f->value;
    if (f->kind != IG_WIRE_BYTES) return INGOT_OK;
    switch (f->number) {
    case 2:
        return text(r, &m->producer, f, "the producer's name");
    case 3:
        return text(r, &m->producer_version, f, "the producer's version");
    case 4:
        return text(r, &m->domain, f, "the model's domain");
    case 6:
        return text(r, &m->doc, f, "the model's text");
    case 8:
        return read_opset(r, &m->opsets.v[m->opsets.n++], f->bytes);
    case 25:
        return read_function(r, &m->functions[m->n_functions++], f->bytes);
    default:
        return INGOT_OK;
    }
}

ingot_status onnx_model_read(onnx_model *m, ig_span file, ig_arena *arena, ingot_error *err)
{
    reader reader_ = {.arena = arena, .err = err}, *r = &reader_;
    size_t counts[NUMBERS];
    *m = (onnx_model){.producer = "", .producer_version = "", .domain = "", .doc = ""};
    IG_TRY(tally(counts, file, "the model", err));
    if (!counts[7])
        return ig_fail(err, INGOT_E_FORMAT, "the model has no graph: not an ONNX model?");
    ROOM(m->opsets.v, counts[8]);
    ROOM(m->functions, counts[25]);
    ig_field f;
    for (ig_wire w = ig_wire_open(file); ig_wire_next(&w, &f);) IG_TRY(read_model_field(r, m, &f));
    ig_span graph;
    IG_TRY(ig_wire_message(&graph, file, 7, arena, err));
    return read_graph(r, &m->graph, graph);
}
