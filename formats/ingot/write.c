/* write.c - a graph into a .ingot file. */
#include "formats/ingot/ingot_file.h"
#include "runtime/base/bytes.h"
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"

#include <string.h>

enum { ALIGN = 64, BIG_ALIGN = 2 << 20 };
#define BIG_DATA ((uint64_t)64 << 20)

/* Tensors in file order. A graph is small beside its weights, so it is walked twice: to number, to
 * write. */
typedef struct {
    const ig_value **tensors;
    uint64_t *offsets;
    size_t n, cap;
    const char **ops;
    size_t n_ops, cap_ops;
    ig_arena arena;
    uint64_t data_bytes;
} catalogue;

typedef struct {
    ig_bytes meta, graph, tensors, golden, template, directory;
    const ig_bytes *tokenizer; /* the caller's, or NULL */
    catalogue cat;
} image;

/* ---- the catalogue of tensors and op names ----------------------------------------------------
 */

static size_t plain_string_bytes(const ig_value *v)
{
    size_t n = 0;
    if (!ig_type_elements(&v->type, &n)) return 0;
    size_t bytes = n * sizeof(uint64_t);
    for (size_t i = 0; i < n; i++) bytes += ((const ingot_str *)v->data)[i].n;
    return bytes;
}

static size_t file_bytes(const ig_value *v)
{
    return v->type.dtype == INGOT_STR ? plain_string_bytes(v) : v->data_bytes;
}

static bool append(ig_arena *arena, void **items, size_t *n, size_t *cap, const void *item)
{
    if (*n == *cap) {
        const size_t more = *cap ? 2 * *cap : 64;
        void **grown = ig_arena_array(arena, more, sizeof *grown);
        if (!grown) return false;
        if (*n) memcpy(grown, *items, *n * sizeof *grown);
        *items = grown;
        *cap = more;
    }
    ((const void **)*items)[(*n)++] = item;
    return true;
}

static bool add_tensor(catalogue *c, const ig_value *v)
{
    void *items = c->tensors;
    const bool ok = append(&c->arena, &items, &c->n, &c->cap, v);
    c->tensors = items;
    return ok;
}

static uint32_t op_index(const catalogue *c, const char *name)
{
    for (size_t i = 0; i < c->n_ops; i++)
        if (!strcmp(c->ops[i], name)) return (uint32_t)i;
    return UINT32_MAX;
}

static bool add_op(catalogue *c, const char *name)
{
    if (op_index(c, name) != UINT32_MAX) return true;
    void *items = c->ops;
    const bool ok = append(&c->arena, &items, &c->n_ops, &c->cap_ops, name);
    c->ops = items;
    return ok;
}

static bool collect(catalogue *c, const ig_graph *g)
{
    for (size_t v = 0; v < g->n_values; v++)
        if (g->values[v].is_const && !add_tensor(c, &g->values[v])) return false;
    for (size_t n = 0; n < g->n_nodes; n++) {
        if (!add_op(c, g->nodes[n]->op->name)) return false;
        for (uint32_t s = 0; s < g->nodes[n]->n_sub; s++)
            if (!collect(c, g->nodes[n]->sub[s])) return false;
    }
    return true;
}

static bool place_tensors(catalogue *c)
{
    c->offsets = ig_new_n(&c->arena, uint64_t, c->n);
    if (!c->offsets) return false;
    size_t at = 0;
    for (size_t i = 0; i < c->n; i++) {
        c->offsets[i] = at;
        size_t end;
        if (!ig_add_ok(at, file_bytes(c->tensors[i]), &end) || !ig_align_ok(end, ALIGN, &at))
            return false;
    }
    c->data_bytes = at;
    return true;
}

/* ---- sections
 * ------------------------------------------------------------------------------------- */

static void put_str(ig_bytes *b, const char *text) { ig_put_text(b, text, strlen(text)); }

static void put_type(ig_bytes *b, const ig_type *t)
{
    ig_put_u8(b, t->kind);
    ig_put_u8(b, t->optional);
    ig_put_u8(b, t->dtype);
    ig_put_u8(b, (unsigned)t->rank & 0xff);
    for (int i = 0; i < t->rank; i++) ig_put_u64(b, (uint64_t)t->dims[i]);
}

static void put_attr(ig_bytes *b, const ig_attr *field, const ig_attr_value *v)
{
    put_str(b, field->name);
    ig_put_u8(b, v->kind);
    switch (v->kind) {
    case IG_ATTR_INT:
        ig_put_u64(b, (uint64_t)v->i);
        break;
    case IG_ATTR_FLOAT:
        ig_put_f64(b, v->f);
        break;
    case IG_ATTR_TEXT:
        put_str(b, v->s ? v->s : "");
        break;
    case IG_ATTR_INTS:
        ig_put_u32(b, (uint32_t)v->ints.n);
        for (size_t i = 0; i < v->ints.n; i++) ig_put_u64(b, (uint64_t)v->ints.v[i]);
        break;
    case IG_ATTR_FLOATS:
        ig_put_u32(b, (uint32_t)v->floats.n);
        ig_put(b, v->floats.v, v->floats.n * sizeof *v->floats.v);
        break;
    case IG_ATTR_TEXTS:
        ig_put_u32(b, (uint32_t)v->texts.n);
        for (size_t i = 0; i < v->texts.n; i++) ig_put_text(b, v->texts.v[i].p, v->texts.v[i].n);
        break;
    default:
        break;
    }
}

static void put_ids(ig_bytes *b, const ig_id *ids, size_t n)
{
    ig_put_u32(b, (uint32_t)n);
    for (size_t i = 0; i < n; i++) ig_put_u32(b, ids[i]);
}

static void put_graph(ig_bytes *b, const ig_graph *g, const catalogue *c, uint32_t *next_tensor);

static void put_node(ig_bytes *b, const ig_node *node, const catalogue *c, uint32_t *next_tensor)
{
    ig_put_u32(b, op_index(c, node->op->name));
    put_str(b, node->name);
    put_ids(b, node->in, node->n_in);
    put_ids(b, node->out, node->n_out);
    uint32_t n = 0;
    for (const ig_attr *f = node->op->attrs; f && f->kind != IG_ATTR_END; f++)
        n += !ig_attr_is_default(node->attrs, f);
    ig_put_u32(b, n);
    for (const ig_attr *f = node->op->attrs; f && f->kind != IG_ATTR_END; f++) {
        if (ig_attr_is_default(node->attrs, f)) continue;
        const ig_attr_value v = ig_attr_get(node->attrs, f);
        put_attr(b, f, &v);
    }
    ig_put_u32(b, node->n_sub);
    for (uint32_t s = 0; s < node->n_sub; s++) put_graph(b, node->sub[s], c, next_tensor);
}

/* Tensors are numbered in the order of `collect`: a graph's own first, then those of its nodes. */
static void put_graph(ig_bytes *b, const ig_graph *g, const catalogue *c, uint32_t *next_tensor)
{
    put_str(b, g->name);
    ig_put_u32(b, (uint32_t)g->n_values);
    for (size_t v = 0; v < g->n_values; v++) {
        put_str(b, g->values[v].name);
        put_type(b, &g->values[v].type);
        ig_put_u8(b, g->values[v].is_const);
        if (g->values[v].is_const) ig_put_u32(b, (*next_tensor)++);
    }
    put_ids(b, g->inputs, g->n_inputs);
    put_ids(b, g->outputs, g->n_outputs);
    ig_put_u32(b, (uint32_t)g->n_nodes);
    for (size_t n = 0; n < g->n_nodes; n++) put_node(b, g->nodes[n], c, next_tensor);
}

static void put_graph_section(ig_bytes *b, const ig_graph *g, const catalogue *c)
{
    ig_put_u32(b, (uint32_t)g->symbols->n);
    for (size_t i = 0; i < g->symbols->n; i++) put_str(b, g->symbols->names[i]);
    ig_put_u32(b, (uint32_t)c->n_ops);
    for (size_t i = 0; i < c->n_ops; i++) put_str(b, c->ops[i]);
    uint32_t next_tensor = 0;
    put_graph(b, g, c, &next_tensor);
}

static void put_tensors(ig_bytes *b, const catalogue *c)
{
    ig_put_u32(b, (uint32_t)c->n);
    for (size_t i = 0; i < c->n; i++) {
        const ig_value *v = c->tensors[i];
        ig_put_u8(b, v->type.dtype);
        ig_put_u8(b, v->layout);
        ig_put_u8(b, (unsigned)v->type.rank);
        ig_put_u8(b, 0);
        ig_put_u32(b, 0);
        for (int d = 0; d < v->type.rank; d++) ig_put_u64(b, (uint64_t)v->type.dims[d]);
        ig_put_u64(b, c->offsets[i]);
        ig_put_u64(b, file_bytes(v));
    }
}

static void put_meta(ig_bytes *b, const ig_meta *meta)
{
    ig_put_u32(b, (uint32_t)meta->n);
    for (size_t i = 0; i < meta->n; i++) {
        const ig_meta_entry *e = &meta->v[i];
        put_str(b, e->key);
        ig_put_u8(b, e->kind);
        if (e->kind == IG_ATTR_INT) ig_put_u64(b, (uint64_t)e->i);
        if (e->kind == IG_ATTR_FLOAT) ig_put_f64(b, e->f);
        if (e->kind == IG_ATTR_TEXT) put_str(b, e->s);
    }
}

/* The elements of strings: end offsets, then bytes. */
static void put_strings(ig_bytes *b, const ingot_str *v, size_t n)
{
    uint64_t end = 0;
    for (size_t i = 0; i < n; i++) ig_put_u64(b, end += v[i].n);
    for (size_t i = 0; i < n; i++) ig_put(b, v[i].p, v[i].n);
}

static void put_golden_tensor(ig_bytes *b, const char *name, const ig_tensor *t)
{
    const ig_type type = ig_type_of(t);
    const size_t n = ig_tensor_elements(t);
    put_str(b, name);
    put_type(b, &type);
    ig_put_u32(b, 0);
    if (t->dtype == INGOT_STR) {
        const ig_value v = {.type = type, .data = t->data};
        ig_put_u64(b, plain_string_bytes(&v));
        put_strings(b, t->data, n);
        return;
    }
    const size_t bytes = n * ig_dtype(t->dtype)->bytes;
    ig_put_u64(b, bytes);
    ig_put(b, t->data, bytes);
}

static void put_golden(ig_bytes *b, const ig_golden *golden)
{
    ig_put_f64(b, golden->tolerance);
    ig_put_u32(b, (uint32_t)golden->n);
    for (size_t i = 0; i < golden->n; i++) {
        const ig_golden_case *c = &golden->cases[i];
        ig_put_u32(b, (uint32_t)c->n_in);
        ig_put_u32(b, (uint32_t)c->n_out);
        for (size_t k = 0; k < c->n_in; k++) put_golden_tensor(b, c->in_names[k], &c->in[k]);
        for (size_t k = 0; k < c->n_out; k++) put_golden_tensor(b, c->out_names[k], &c->out[k]);
    }
}

/* ---- DATA: hashed while it is written
 * ------------------------------------------------------------------------------------------------
 */

typedef struct {
    ig_writer *writer;
    ig_heap *heap;
    ig_hasher hasher;
} data_stream;

static ingot_status put_piece(data_stream *d, const void *p, size_t n, ingot_error *err)
{
    ig_hasher_add(&d->hasher, p, n);
    return ig_writer_put(d->writer, p, n, err);
}

static ingot_status put_string_tensor(data_stream *d, const ig_value *v, ingot_error *err)
{
    ig_bytes b;
    size_t n = 0;
    ig_bytes_init(&b, d->heap);
    if (ig_type_elements(&v->type, &n)) put_strings(&b, v->data, n);
    const ingot_status s =
        b.failed ? ig_fail(err, INGOT_E_NOMEM, "writing: no memory") : put_piece(d, b.p, b.n, err);
    ig_bytes_clear(&b);
    return s;
}

static ingot_status put_lazy(data_stream *d, const ig_value *v, ingot_error *err)
{
    void *content = ig_take0(d->heap, v->data_bytes);
    if (!content)
        return ig_fail(err, INGOT_E_NOMEM, "writing '%.80s': no memory for its %zu bytes", v->name,
                       v->data_bytes);
    ingot_status s = v->fill->fn(v->fill->ud, content, err);
    if (!s) s = put_piece(d, content, v->data_bytes, err);
    ig_give(d->heap, content, v->data_bytes);
    return s;
}

static ingot_status put_data(data_stream *d, const catalogue *c, ingot_error *err)
{
    static const unsigned char zeros[ALIGN];
    for (size_t i = 0; i < c->n; i++) {
        const ig_value *v = c->tensors[i];
        const size_t bytes = file_bytes(v);
        if (v->type.dtype == INGOT_STR)
            IG_TRY(put_string_tensor(d, v, err));
        else if (bytes && v->fill)
            IG_TRY(put_lazy(d, v, err));
        else if (bytes)
            IG_TRY(put_piece(d, v->data, bytes, err));
        const uint64_t next = i + 1 < c->n ? c->offsets[i + 1] : c->data_bytes;
        const size_t pad = (size_t)(next - c->offsets[i]) - bytes;
        if (pad) IG_TRY(put_piece(d, zeros, pad, err));
    }
    return INGOT_OK;
}

/* ---- the whole file
 * -------------------------------------------------------------------------------------- */

enum { PARTS_MOST = 7 };

typedef struct {
    ig_section sections[PARTS_MOST]; /* DATA is the last; its digest is known at the end */
    const ig_bytes *parts[PARTS_MOST];
    size_t n;
    uint64_t directory_at, file_bytes;
} file_plan;

static void add_section(file_plan *f, uint32_t type, const ig_bytes *part, uint64_t *at)
{
    const uint64_t start = (*at + ALIGN - 1) / ALIGN * ALIGN;
    f->sections[f->n] = (ig_section){type, start, part->n, ig_hash(part->p, part->n)};
    f->parts[f->n++] = part;
    *at = start + part->n;
}

static void plan_file(file_plan *f, image *im)
{
    uint64_t at = IG_FILE_HEADER_BYTES;
    add_section(f, IG_SECTION_META, &im->meta, &at);
    add_section(f, IG_SECTION_GRAPH, &im->graph, &at);
    add_section(f, IG_SECTION_TENSORS, &im->tensors, &at);
    if (im->golden.n) add_section(f, IG_SECTION_GOLDEN, &im->golden, &at);
    if (im->tokenizer && im->tokenizer->n) add_section(f, IG_SECTION_TOKENIZER, im->tokenizer, &at);
    if (im->template.n) add_section(f, IG_SECTION_TEMPLATE, &im->template, &at);
    f->directory_at = (at + ALIGN - 1) / ALIGN * ALIGN;
    at = f->directory_at + (f->n + 1) * IG_FILE_ENTRY_BYTES;
    const uint64_t align = im->cat.data_bytes > BIG_DATA ? BIG_ALIGN : ALIGN;
    at = (at + align - 1) / align * align;
    f->sections[f->n++] = (ig_section){.type = IG_SECTION_DATA, at, im->cat.data_bytes};
    f->file_bytes = at + im->cat.data_bytes;
}

static void put_directory(ig_bytes *b, const file_plan *f)
{
    for (size_t i = 0; i < f->n; i++) {
        const ig_section *s = &f->sections[i];
        ig_put_u32(b, s->type);
        ig_put_u32(b, 0);
        ig_put_u64(b, s->offset);
        ig_put_u64(b, s->bytes);
        ig_put_u64(b, s->digest.lo);
        ig_put_u64(b, s->digest.hi);
    }
}

static void put_header(ig_bytes *b, const file_plan *f, const ig_bytes *directory)
{
    const ig_hash128 digest = ig_hash(directory->p, directory->n);
    ig_put(b, IG_FILE_MAGIC, 8);
    ig_put_u32(b, IG_FILE_VERSION);
    ig_put_u32(b, 0);
    ig_put_u32(b, 0);
    ig_put_u32(b, (uint32_t)f->n);
    ig_put_u64(b, f->file_bytes);
    ig_put_u64(b, f->directory_at);
    ig_put_u64(b, directory->n);
    ig_put_u64(b, digest.lo);
    ig_put_u64(b, digest.hi);
}

static ingot_status pad_to(ig_writer *w, uint64_t target, ingot_error *err)
{
    static const unsigned char zeros[4096];
    while (w->position < target) {
        const size_t n = (size_t)IG_MIN(target - w->position, (uint64_t)sizeof zeros);
        IG_TRY(ig_writer_put(w, zeros, n, err));
    }
    return INGOT_OK;
}

/* All but header and directory, which hold what only the end tells. */
static ingot_status emit(ig_writer *w, file_plan *f, image *im, ig_heap *heap, ingot_error *err)
{
    ig_section *data = &f->sections[f->n - 1];
    for (size_t i = 0; i + 1 < f->n; i++) {
        IG_TRY(pad_to(w, f->sections[i].offset, err));
        IG_TRY(ig_writer_put(w, f->parts[i]->p, f->parts[i]->n, err));
    }
    IG_TRY(pad_to(w, data->offset, err));
    data_stream d = {.writer = w, .heap = heap};
    ig_hasher_init(&d.hasher);
    IG_TRY(put_data(&d, &im->cat, err));
    data->digest = ig_hasher_result(&d.hasher);
    return INGOT_OK;
}

static ingot_status emit_head(ig_writer *w, const file_plan *f, image *im, ig_heap *heap,
                              ingot_error *err)
{
    ig_bytes header;
    ig_bytes_init(&header, heap);
    put_directory(&im->directory, f);
    put_header(&header, f, &im->directory);
    ingot_status s = INGOT_OK;
    if (im->directory.failed || header.failed)
        s = ig_fail(err, INGOT_E_NOMEM, "writing: no memory for the directory");
    if (!s) s = ig_writer_patch(w, f->directory_at, im->directory.p, im->directory.n, err);
    if (!s) s = ig_writer_patch(w, 0, header.p, header.n, err);
    ig_bytes_clear(&header);
    return s;
}

static ingot_status build(image *im, const ig_contents *c, ingot_error *err)
{
    im->tokenizer = c->tokenizer;
    if (!collect(&im->cat, c->graph) || !place_tensors(&im->cat))
        return ig_fail(err, INGOT_E_NOMEM, "writing: no memory for the list of tensors");
    put_meta(&im->meta, &c->meta);
    put_graph_section(&im->graph, c->graph, &im->cat);
    put_tensors(&im->tensors, &im->cat);
    if (c->golden) put_golden(&im->golden, c->golden);
    ig_put(&im->template, c->template.p, c->template.n);
    if (im->meta.failed || im->graph.failed || im->tensors.failed || im->golden.failed ||
        im->template.failed)
        return ig_fail(err, INGOT_E_NOMEM, "writing: no memory for the sections");
    return INGOT_OK;
}

static ingot_status write_file(const char *path, image *im, ig_heap *heap, ingot_error *err)
{
    file_plan f = {0};
    ig_writer w;
    plan_file(&f, im);
    IG_TRY(ig_writer_open(&w, heap, path, err));
    ingot_status s = emit(&w, &f, im, heap, err);
    if (!s) s = emit_head(&w, &f, im, heap, err);
    if (!s) s = ig_writer_commit(&w, err);
    if (s) ig_writer_abort(&w);
    return s;
}

ingot_status ig_ingot_write(const char *path, const ig_contents *contents, ig_heap *heap,
                            ingot_error *err)
{
    image im = {0};
    ig_bytes *parts[] = {&im.meta, &im.graph, &im.tensors, &im.golden, &im.template, &im.directory};
    for (size_t i = 0; i < IG_LEN(parts); i++) ig_bytes_init(parts[i], heap);
    ig_arena_init(&im.cat.arena, heap);
    ingot_status s = build(&im, contents, err);
    if (!s) s = write_file(path, &im, heap, err);
    for (size_t i = 0; i < IG_LEN(parts); i++) ig_bytes_clear(parts[i]);
    ig_arena_clear(&im.cat.arena);
    return s;
}
