/* read_graph.c - the GRAPH and TENSORS sections into a graph whose constants lie in the file. */
#include "formats/ingot/read.h"
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"

#include <string.h>

typedef struct {
    ig_type type;
    ig_layout layout;
    const void *data;
    size_t bytes;
} tensor_view;

typedef struct {
    ig_cursor c;
    ig_arena *arena; /* the main graph's */
    ig_heap *heap;
    const ig_op **ops;
    uint32_t n_ops;
    tensor_view *tensors;
    uint32_t n_tensors;
    uint32_t n_symbols;
    ingot_error *err;
} reader;

#define bad(r, ...) ig_section_fail((r)->err, "GRAPH", (r)->c.at, __VA_ARGS__)

ingot_status ig_read_type(ig_cursor *c, ig_type *type, const char *section, uint32_t n_symbols,
                          ingot_error *err)
{
    *type = (ig_type){0};
    const unsigned kind = ig_get_u8(c), optional = ig_get_u8(c), dtype = ig_get_u8(c);
    const int rank = (int8_t)ig_get_u8(c);
    if (c->failed || kind > IG_SEQUENCE || optional > 1 || (dtype && !ig_dtype_valid((int)dtype)) ||
        rank < IG_RANK_UNKNOWN || rank > IG_MAX_RANK)
        return ig_section_fail(err, section, c->at, "malformed type (kind %u, dtype %u, rank %d)",
                               kind, dtype, rank);
    type->kind = (uint8_t)kind;
    type->optional = optional;
    type->dtype = (ingot_dtype)dtype;
    type->rank = rank;
    for (int i = 0; i < rank; i++) {
        type->dims[i] = (int64_t)ig_get_u64(c);
        if (IG_DIM_IS_SYMBOL(type->dims[i]) && IG_SYMBOL_OF(type->dims[i]) >= n_symbols)
            return ig_section_fail(err, section, c->at, "dimension refers to symbol %zu of %u",
                                   IG_SYMBOL_OF(type->dims[i]), n_symbols);
    }
    return c->failed ? ig_section_fail(err, section, c->at, "cut off within a type") : INGOT_OK;
}

/* ---- TENSORS
 * -------------------------------------------------------------------------------------- */

/* Stored strings: n end offsets, then the bytes. */
bool ig_read_strings(ingot_str *out, const unsigned char *p, size_t bytes, size_t n)
{
    size_t table;
    if (!ig_mul_ok(n, sizeof(uint64_t), &table) || table > bytes) return false;
    ig_cursor c = {.p = p, .n = bytes};
    uint64_t begin = 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t end = ig_get_u64(&c);
        if (end < begin || end > bytes - table) return false;
        out[i] = (ingot_str){(const char *)p + table + begin, (size_t)(end - begin)};
        begin = end;
    }
    return true;
}

static ingot_status place_tensor(tensor_view *t, ig_arena *arena, const ig_ingot *f, uint32_t index,
                                 uint64_t offset, uint64_t bytes, ingot_error *err)
{
    const ig_section *data = ig_find_section(f, IG_SECTION_DATA);
    size_t want, n;
    if (offset % IG_ALIGN || !ig_range_ok(offset, bytes, data->bytes))
        return ig_section_fail(err, "TENSORS", index,
                               "tensor %u takes bytes %llu + %llu of a DATA section of %llu", index,
                               (unsigned long long)offset, (unsigned long long)bytes,
                               (unsigned long long)data->bytes);
    t->data = f->bytes + data->offset + offset;
    t->bytes = (size_t)bytes;
    if (t->type.dtype == INGOT_STR) {
        if (!ig_type_elements(&t->type, &n) || n > bytes / sizeof(uint64_t))
            return ig_section_fail(err, "TENSORS", index,
                                   "tensor %u: too few bytes for its strings", index);
        ingot_str *v = ig_new_n(arena, ingot_str, n);
        if (!v) return ig_fail(err, INGOT_E_NOMEM, "opening: no memory for strings");
        if (!ig_read_strings(v, t->data, t->bytes, n))
            return ig_section_fail(err, "TENSORS", index, "tensor %u: malformed strings", index);
        t->data = v;
        t->bytes = n * sizeof *v;
        return INGOT_OK;
    }
    if (!ig_layout_bytes(&t->type, t->layout, &want) || want != bytes) {
        char text[128];
        ig_type_print(text, sizeof text, &t->type, NULL);
        return ig_section_fail(err, "TENSORS", index, "tensor %u is %s, layout %d, in %llu bytes",
                               index, text, (int)t->layout, (unsigned long long)bytes);
    }
    return INGOT_OK;
}

static ingot_status read_tensors(reader *r, const ig_ingot *f)
{
    const ig_section *s = ig_find_section(f, IG_SECTION_TENSORS);
    ig_cursor c = {.p = f->bytes + s->offset, .n = (size_t)s->bytes};
    r->n_tensors = ig_get_count(&c, 24);
    if (c.failed) return ig_section_fail(r->err, "TENSORS", c.at, "the count is past the end");
    r->tensors = ig_new_n(r->arena, tensor_view, r->n_tensors);
    if (!r->tensors) return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory for tensors");
    for (uint32_t i = 0; i < r->n_tensors; i++) {
        tensor_view *t = &r->tensors[i];
        const unsigned dtype = ig_get_u8(&c), layout = ig_get_u8(&c), rank = ig_get_u8(&c);
        ig_get_u8(&c);
        ig_get_u32(&c);
        if (c.failed || !ig_dtype_valid((int)dtype) || layout > IG_P16_TURNED || rank > IG_MAX_RANK)
            return ig_section_fail(r->err, "TENSORS", c.at,
                                   "tensor %u: dtype %u, layout %u, rank %u", i, dtype, layout,
                                   rank);
        t->type = (ig_type){.dtype = (ingot_dtype)dtype, .rank = (int)rank};
        t->layout = (ig_layout)layout;
        for (unsigned d = 0; d < rank; d++) t->type.dims[d] = (int64_t)ig_get_u64(&c);
        const uint64_t offset = ig_get_u64(&c), bytes = ig_get_u64(&c);
        if (c.failed) return ig_section_fail(r->err, "TENSORS", c.at, "cut off at tensor %u", i);
        IG_TRY(place_tensor(t, r->arena, f, i, offset, bytes, r->err));
    }
    return INGOT_OK;
}

/* ---- GRAPH
 * ------------------------------------------------------------------------------------------- */

static ingot_status read_symbols(reader *r, ig_graph *g)
{
    r->n_symbols = ig_get_count(&r->c, 4);
    for (uint32_t i = 0; i < r->n_symbols && !r->c.failed; i++) {
        const char *name = ig_get_text(&r->c, r->arena, NULL);
        if (!name) break;
        const int64_t dim = ig_graph_symbol(g, name);
        if (dim == IG_DIM_UNKNOWN)
            return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory for symbols");
        if (dim != IG_DIM_SYMBOL(i)) return bad(r, "symbol %u is there twice", i);
    }
    return r->c.failed ? bad(r, "cut off within the symbols") : INGOT_OK;
}

static ingot_status read_ops(reader *r)
{
    r->n_ops = ig_get_count(&r->c, 4);
    r->ops = ig_new_n(r->arena, const ig_op *, r->n_ops);
    if (!r->ops) return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory for ops");
    for (uint32_t i = 0; i < r->n_ops; i++) {
        const char *name = ig_get_text(&r->c, r->arena, NULL);
        if (!name) return bad(r, "cut off within the op names");
        r->ops[i] = ig_op_find(name);
        if (!r->ops[i])
            return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                           "the model needs the op '%.60s', which this Ingot does not have", name);
    }
    return INGOT_OK;
}

static ingot_status read_value(reader *r, ig_graph *g)
{
    const char *name = ig_get_text(&r->c, r->arena, NULL);
    ig_type type;
    if (!name) return bad(r, "cut off within a value's name");
    IG_TRY(ig_read_type(&r->c, &type, "GRAPH", r->n_symbols, r->err));
    const unsigned is_const = ig_get_u8(&r->c);
    const uint32_t index = is_const ? ig_get_u32(&r->c) : 0;
    if (r->c.failed || is_const > 1 || (is_const && index >= r->n_tensors))
        return bad(r, "value '%.60s' refers to tensor %u of %u", name, index, r->n_tensors);
    const ig_id id = ig_graph_value(g, name, &type);
    if (id == IG_NO_VALUE) return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory for values");
    if (!is_const) return INGOT_OK;
    ig_value *v = &g->values[id];
    v->type = r->tensors[index].type;
    v->layout = r->tensors[index].layout;
    v->data = r->tensors[index].data;
    v->data_bytes = r->tensors[index].bytes;
    v->is_const = true;
    return INGOT_OK;
}

static ingot_status read_ids(reader *r, ig_id **ids, uint32_t *n)
{
    *n = ig_get_count(&r->c, 4);
    *ids = ig_new_n(r->arena, ig_id, *n);
    if (!*ids) return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory");
    for (uint32_t i = 0; i < *n; i++) (*ids)[i] = ig_get_u32(&r->c);
    return r->c.failed ? bad(r, "cut off within a list of values") : INGOT_OK;
}

static bool read_list(reader *r, ig_attr_value *v)
{
    const size_t each = v->kind == IG_ATTR_INTS ? 8 : 4;
    const uint32_t n = ig_get_count(&r->c, each);
    int64_t *ints = v->kind == IG_ATTR_INTS ? ig_new_n(r->arena, int64_t, n) : NULL;
    float *floats = v->kind == IG_ATTR_FLOATS ? ig_new_n(r->arena, float, n) : NULL;
    ingot_str *texts = v->kind == IG_ATTR_TEXTS ? ig_new_n(r->arena, ingot_str, n) : NULL;
    if (!ints && !floats && !texts) return false;
    for (uint32_t i = 0; i < n && !r->c.failed; i++) {
        if (ints) ints[i] = (int64_t)ig_get_u64(&r->c);
        if (floats) {
            const uint32_t bits = ig_get_u32(&r->c);
            memcpy(&floats[i], &bits, sizeof bits);
        }
        if (texts) texts[i].p = ig_get_text(&r->c, r->arena, &texts[i].n);
    }
    if (ints) v->ints = (ig_ints){ints, n};
    if (floats) v->floats = (ig_floats){floats, n};
    if (texts) v->texts = (ig_texts){texts, n};
    return !r->c.failed;
}

static ingot_status read_attr(reader *r, ig_node *node)
{
    const char *name = ig_get_text(&r->c, r->arena, NULL);
    if (!name) return bad(r, "cut off within an attribute's name");
    const ig_attr *field = ig_attr_find(node->op->attrs, name);
    if (!field)
        return ig_node_fail(r->err, INGOT_E_UNSUPPORTED, node,
                            "attribute '%.40s' is unknown to this Ingot", name);
    ig_attr_value v = {.kind = (ig_attr_kind)ig_get_u8(&r->c)};
    if (v.kind == IG_ATTR_INT)
        v.i = (int64_t)ig_get_u64(&r->c);
    else if (v.kind == IG_ATTR_FLOAT)
        v.f = ig_get_f64(&r->c);
    else if (v.kind == IG_ATTR_TEXT)
        v.s = ig_get_text(&r->c, r->arena, NULL);
    else if (v.kind < IG_ATTR_INTS || v.kind > IG_ATTR_TEXTS || !read_list(r, &v))
        return bad(r, "attribute '%.40s' is malformed", name);
    if (r->c.failed) return bad(r, "cut off within attribute '%.40s'", name);
    const ingot_status s = ig_attr_set(node->attrs, field, &v, r->arena, r->err);
    if (s == INGOT_E_ARG)
        return bad(r, "node '%.60s': attribute '%.40s' has a wrong value", node->name, name);
    return s;
}

static ingot_status read_graph(reader *r, ig_graph *g, int depth);

static ingot_status read_node(reader *r, ig_graph *g, int depth)
{
    const uint32_t op = ig_get_u32(&r->c);
    const char *name = ig_get_text(&r->c, r->arena, NULL);
    ig_id *in, *out;
    uint32_t n_in, n_out;
    if (!name || op >= r->n_ops) return bad(r, "a node refers to op %u of %u", op, r->n_ops);
    IG_TRY(read_ids(r, &in, &n_in));
    IG_TRY(read_ids(r, &out, &n_out));
    const size_t n_sub = r->ops[op]->n_sub;
    ig_node *node = ig_graph_node(g, r->ops[op], name, in, n_in, out, n_out, n_sub);
    if (!node) return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory for nodes");
    const uint32_t n_attrs = ig_get_count(&r->c, 6);
    for (uint32_t i = 0; i < n_attrs; i++) IG_TRY(read_attr(r, node));
    if (ig_get_u32(&r->c) != n_sub || r->c.failed)
        return bad(r, "node '%.60s' has the wrong number of subgraphs", name);
    for (size_t s = 0; s < n_sub; s++) {
        node->sub[s] = ig_graph_open(r->heap, g);
        if (!node->sub[s]) return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory");
        IG_TRY(read_graph(r, node->sub[s], depth + 1));
    }
    return INGOT_OK;
}

static ingot_status read_graph(reader *r, ig_graph *g, int depth)
{
    if (depth > IG_FILE_DEPTH_MOST)
        return bad(r, "graphs are nested more than %d deep", IG_FILE_DEPTH_MOST);
    ig_id *in, *out;
    uint32_t n_in, n_out;
    g->name = ig_get_text(&r->c, r->arena, NULL);
    if (!g->name) {
        g->name = "";
        return bad(r, "cut off within the graph's name");
    }
    const uint32_t n_values = ig_get_count(&r->c, 9);
    for (uint32_t i = 0; i < n_values; i++) IG_TRY(read_value(r, g));
    IG_TRY(read_ids(r, &in, &n_in));
    IG_TRY(read_ids(r, &out, &n_out));
    if (!ig_graph_set_io(g, in, n_in, out, n_out))
        return ig_fail(r->err, INGOT_E_NOMEM, "opening: no memory");
    const uint32_t n_nodes = ig_get_count(&r->c, 24);
    if (r->c.failed) return bad(r, "cut off before the nodes");
    for (uint32_t i = 0; i < n_nodes; i++) IG_TRY(read_node(r, g, depth));
    return INGOT_OK;
}

ingot_status ig_read_graph(ig_ingot *f, ingot_error *err)
{
    const ig_section *s = ig_find_section(f, IG_SECTION_GRAPH);
    reader r = {.c = {.p = f->bytes + s->offset, .n = (size_t)s->bytes},
                .arena = &f->graph->arena,
                .heap = f->heap,
                .err = err};
    IG_TRY(read_tensors(&r, f));
    IG_TRY(read_symbols(&r, f->graph));
    IG_TRY(read_ops(&r));
    IG_TRY(read_graph(&r, f->graph, 0));
    if (r.c.at != r.c.n) return bad(&r, "%zu bytes are left over", r.c.n - r.c.at);
    return INGOT_OK;
}
