/* read.c - opening a .ingot file: header, directory, digests, META and GOLDEN. */
#include "formats/ingot/read.h"
#include "runtime/base/checked.h"
#include "runtime/graph/pass.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

ingot_status ig_section_fail(ingot_error *err, const char *section, size_t at, const char *format,
                             ...)
{
    char text[300];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ig_fail(err, INGOT_E_FORMAT, "section %s, byte %zu: %s", section, at, text);
}

const ig_section *ig_find_section(const ig_ingot *f, uint32_t type)
{
    for (size_t i = 0; i < f->n_sections; i++)
        if (f->sections[i].type == type) return &f->sections[i];
    return NULL;
}

/* ---- header and directory
 * -------------------------------------------------------------------------- */

typedef struct {
    uint32_t version, required, optional, n_sections;
    uint64_t file_bytes, directory_at, directory_bytes;
    ig_hash128 digest;
} header;

static header get_header(const unsigned char *bytes)
{
    ig_cursor c = {.p = bytes, .n = IG_FILE_HEADER_BYTES, .at = 8};
    header h;
    h.version = ig_get_u32(&c);
    h.required = ig_get_u32(&c);
    h.optional = ig_get_u32(&c);
    h.n_sections = ig_get_u32(&c);
    h.file_bytes = ig_get_u64(&c);
    h.directory_at = ig_get_u64(&c);
    h.directory_bytes = ig_get_u64(&c);
    h.digest.lo = ig_get_u64(&c);
    h.digest.hi = ig_get_u64(&c);
    return h;
}

static ingot_status read_header(const ig_ingot *f, header *h, ingot_error *err)
{
    if (f->n_bytes < IG_FILE_HEADER_BYTES || memcmp(f->bytes, IG_FILE_MAGIC, 8))
        return ig_fail(err, INGOT_E_FORMAT, "not an .ingot file (make one with `ingot convert`)");
    *h = get_header(f->bytes);
    if (h->version != IG_FILE_VERSION)
        return ig_fail(
            err, INGOT_E_UNSUPPORTED,
            "file version %u, this Ingot reads version %d (use a newer Ingot, or convert "
            "the model again)",
            h->version, IG_FILE_VERSION);
    if (h->required)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "the file needs features 0x%x that this Ingot does not have", h->required);
    if (h->file_bytes != f->n_bytes)
        return ig_fail(err, INGOT_E_FORMAT,
                       "the file is %zu bytes long, its header says %llu (is it cut off?)",
                       f->n_bytes, (unsigned long long)h->file_bytes);
    if (h->n_sections > IG_FILE_SECTIONS_MOST ||
        h->directory_bytes != (uint64_t)h->n_sections * IG_FILE_ENTRY_BYTES ||
        h->directory_at < IG_FILE_HEADER_BYTES ||
        !ig_range_ok(h->directory_at, h->directory_bytes, f->n_bytes))
        return ig_fail(err, INGOT_E_FORMAT,
                       "header: a directory of %u sections at byte %llu does not fit the file",
                       h->n_sections, (unsigned long long)h->directory_at);
    return INGOT_OK;
}

static ig_section get_section(ig_cursor *c)
{
    ig_section s = {.type = ig_get_u32(c)};
    ig_get_u32(c);
    s.offset = ig_get_u64(c);
    s.bytes = ig_get_u64(c);
    s.digest.lo = ig_get_u64(c);
    s.digest.hi = ig_get_u64(c);
    return s;
}

static void section_name(char name[5], uint32_t type)
{
    for (int i = 0; i < 4; i++) {
        const char letter = (char)(type >> 8 * i & 0x7f);
        name[i] = letter >= ' ' && letter <= '~' ? letter : '?';
    }
    name[4] = 0;
}

static ingot_status check_section(const ig_ingot *f, const ig_section *s, ingot_error *err)
{
    char name[5];
    section_name(name, s->type);
    if (s->offset < IG_FILE_HEADER_BYTES || s->offset % IG_ALIGN ||
        !ig_range_ok(s->offset, s->bytes, f->n_bytes))
        return ig_fail(err, INGOT_E_FORMAT,
                       "section %s lies at bytes %llu + %llu of a file of %zu bytes", name,
                       (unsigned long long)s->offset, (unsigned long long)s->bytes, f->n_bytes);
    for (size_t i = 0; i < f->n_sections; i++) {
        const ig_section *other = &f->sections[i];
        if (other->type == s->type)
            return ig_fail(err, INGOT_E_FORMAT, "section %s is there twice", name);
        if (s->bytes && other->bytes && s->offset < other->offset + other->bytes &&
            other->offset < s->offset + s->bytes)
            return ig_fail(err, INGOT_E_FORMAT, "section %s overlaps another", name);
    }
    return INGOT_OK;
}

static ingot_status check_digest(const ig_ingot *f, const ig_section *s, ingot_error *err)
{
    char name[5];
    section_name(name, s->type);
    if (ig_hash_equal(ig_hash(f->bytes + s->offset, (size_t)s->bytes), s->digest)) return INGOT_OK;
    return ig_fail(err, INGOT_E_FORMAT,
                   "section %s, byte %llu: the digest does not match (the file is damaged; convert "
                   "the model again)",
                   name, (unsigned long long)s->offset);
}

static ingot_status read_directory(ig_ingot *f, ingot_error *err)
{
    header h = {0};
    IG_TRY(read_header(f, &h, err));
    const unsigned char *directory = f->bytes + h.directory_at;
    if (!ig_hash_equal(ig_hash(directory, (size_t)h.directory_bytes), h.digest))
        return ig_fail(err, INGOT_E_FORMAT,
                       "directory, byte %llu: the digest does not match (the file is damaged)",
                       (unsigned long long)h.directory_at);
    ig_cursor c = {.p = directory, .n = (size_t)h.directory_bytes};
    for (uint32_t i = 0; i < h.n_sections; i++) {
        const ig_section s = get_section(&c);
        IG_TRY(check_section(f, &s, err));
        f->sections[f->n_sections++] = s;
        if (s.type != IG_SECTION_DATA) IG_TRY(check_digest(f, &s, err));
    }
    static const uint32_t needed[] = {IG_SECTION_META, IG_SECTION_GRAPH, IG_SECTION_TENSORS,
                                      IG_SECTION_DATA};
    for (size_t i = 0; i < IG_LEN(needed); i++) {
        char name[5];
        section_name(name, needed[i]);
        if (!ig_find_section(f, needed[i]))
            return ig_fail(err, INGOT_E_FORMAT, "section %s is missing", name);
    }
    return INGOT_OK;
}

/* ---- META
 * -------------------------------------------------------------------------------------------- */

ingot_status ig_read_meta(ig_ingot *f, ingot_error *err)
{
    const ig_section *s = ig_find_section(f, IG_SECTION_META);
    ig_cursor c = {.p = f->bytes + s->offset, .n = (size_t)s->bytes};
    const uint32_t n = ig_get_count(&c, 9);
    ig_meta_entry *v = ig_new_n(&f->graph->arena, ig_meta_entry, n);
    if (!v) return ig_fail(err, INGOT_E_NOMEM, "opening: no memory for META");
    for (uint32_t i = 0; i < n; i++) {
        v[i].key = ig_get_text(&c, &f->graph->arena, NULL);
        v[i].kind = (ig_attr_kind)ig_get_u8(&c);
        if (v[i].kind == IG_ATTR_INT)
            v[i].i = (int64_t)ig_get_u64(&c);
        else if (v[i].kind == IG_ATTR_FLOAT)
            v[i].f = ig_get_f64(&c);
        else if (v[i].kind == IG_ATTR_TEXT)
            v[i].s = ig_get_text(&c, &f->graph->arena, NULL);
        else
            c.failed = true;
        if (c.failed) return ig_section_fail(err, "META", c.at, "entry %u is malformed", i);
    }
    f->meta = (ig_meta){v, n};
    return c.failed ? ig_section_fail(err, "META", c.at, "the count is past the end") : INGOT_OK;
}

/* ---- GOLDEN
 * ------------------------------------------------------------------------------------------ */

static ingot_status read_golden_tensor(ig_ingot *f, ig_cursor *c, const char **name, ig_tensor *t,
                                       ingot_error *err)
{
    ig_arena *arena = &f->graph->arena;
    ig_type type;
    *name = ig_get_text(c, arena, NULL);
    if (!*name) return ig_section_fail(err, "GOLDEN", c->at, "cut off within a name");
    IG_TRY(ig_read_type(c, &type, "GOLDEN", 0, err));
    ig_get_u32(c);
    const uint64_t bytes = ig_get_u64(c);
    const unsigned char *p = ig_get(c, (size_t)bytes);
    size_t want, n;
    if (!p || !ig_type_static(&type) || !ig_type_bytes(&type, &want) ||
        !ig_type_elements(&type, &n))
        return ig_section_fail(err, "GOLDEN", c->at, "tensor '%.60s' is malformed", *name);
    *t = (ig_tensor){.dtype = type.dtype, .rank = type.rank};
    memcpy(t->dims, type.dims, sizeof t->dims);
    const bool strings = type.dtype == INGOT_STR;
    if (strings ? n > bytes / sizeof(uint64_t) : want != bytes)
        return ig_section_fail(err, "GOLDEN", c->at, "tensor '%.60s' has %llu bytes", *name,
                               (unsigned long long)bytes);
    t->data =
        strings ? (void *)ig_new_n(arena, ingot_str, n) : ig_arena_copy(arena, p, (size_t)bytes);
    if (!t->data) return ig_fail(err, INGOT_E_NOMEM, "opening: no memory for GOLDEN");
    if (strings && !ig_read_strings(t->data, p, (size_t)bytes, n))
        return ig_section_fail(err, "GOLDEN", c->at, "tensor '%.60s': malformed strings", *name);
    return INGOT_OK;
}

static ingot_status read_case(ig_ingot *f, ig_cursor *c, ig_golden_case *one, ingot_error *err)
{
    ig_arena *arena = &f->graph->arena;
    const uint32_t n_in = ig_get_u32(c), n_out = ig_get_u32(c);
    if (c->failed || (uint64_t)n_in + n_out > (c->n - c->at) / 16)
        return ig_section_fail(err, "GOLDEN", c->at, "%u inputs and %u outputs", n_in, n_out);
    one->in_names = ig_new_n(arena, const char *, n_in);
    one->out_names = ig_new_n(arena, const char *, n_out);
    one->in = ig_new_n(arena, ig_tensor, n_in);
    one->out = ig_new_n(arena, ig_tensor, n_out);
    if (!one->in_names || !one->out_names || !one->in || !one->out)
        return ig_fail(err, INGOT_E_NOMEM, "opening: no memory for GOLDEN");
    one->n_in = n_in;
    one->n_out = n_out;
    for (uint32_t i = 0; i < n_in; i++)
        IG_TRY(read_golden_tensor(f, c, &one->in_names[i], &one->in[i], err));
    for (uint32_t i = 0; i < n_out; i++)
        IG_TRY(read_golden_tensor(f, c, &one->out_names[i], &one->out[i], err));
    return INGOT_OK;
}

ingot_status ig_read_golden(ig_ingot *f, ingot_error *err)
{
    const ig_section *s = ig_find_section(f, IG_SECTION_GOLDEN);
    if (!s) return INGOT_OK;
    ig_cursor c = {.p = f->bytes + s->offset, .n = (size_t)s->bytes};
    f->golden.tolerance = ig_get_f64(&c);
    const uint32_t n = ig_get_count(&c, 8);
    if (c.failed) return ig_section_fail(err, "GOLDEN", c.at, "the count is past the end");
    f->golden.cases = ig_new_n(&f->graph->arena, ig_golden_case, n);
    if (!f->golden.cases) return ig_fail(err, INGOT_E_NOMEM, "opening: no memory for GOLDEN");
    for (uint32_t i = 0; i < n; i++) IG_TRY(read_case(f, &c, &f->golden.cases[i], err));
    f->golden.n = n;
    return INGOT_OK;
}

/* ---- opening
 * -------------------------------------------------------------------------------------------- */

static ingot_status fill(ig_ingot *f, ingot_error *err)
{
    IG_TRY(read_directory(f, err));
    f->graph = ig_graph_open(f->heap, NULL);
    if (!f->graph) return ig_fail(err, INGOT_E_NOMEM, "opening: no memory");
    IG_TRY(ig_read_graph(f, err));
    IG_TRY(ig_graph_check(f->graph, err));
    IG_TRY(ig_read_meta(f, err));
    return ig_read_golden(f, err);
}

ingot_status ig_ingot_open_memory(ig_ingot **out, ig_heap *heap, const void *bytes, size_t n_bytes,
                                  ingot_error *err)
{
    *out = NULL;
    if ((uintptr_t)bytes % IG_ALIGN)
        return ig_fail(err, INGOT_E_ARG, "the model's memory must be 64-byte aligned");
    ig_ingot *f = ig_take0(heap, sizeof *f);
    if (!f) return ig_fail(err, INGOT_E_NOMEM, "opening: no memory");
    f->heap = heap;
    f->bytes = bytes;
    f->n_bytes = n_bytes;
    const ingot_status s = fill(f, err);
    if (s) ig_ingot_close(&f);
    *out = f;
    return s;
}

ingot_status ig_ingot_open(ig_ingot **out, ig_heap *heap, const char *path, ingot_error *err)
{
    *out = NULL;
    ig_ingot *f = ig_take0(heap, sizeof *f);
    if (!f) return ig_fail(err, INGOT_E_NOMEM, "opening: no memory");
    f->heap = heap;
    ingot_status s = ig_map_open(&f->map, heap, path, err);
    if (!s) {
        f->bytes = f->map.data;
        f->n_bytes = f->map.size;
        s = ig_wrap(err, fill(f, err), "%s", path);
    }
    if (s) ig_ingot_close(&f);
    *out = f;
    return s;
}

static ingot_str section_bytes(const ig_ingot *f, uint32_t type)
{
    const ig_section *s = ig_find_section(f, type);
    return s ? (ingot_str){(const char *)f->bytes + s->offset, (size_t)s->bytes}
             : (ingot_str){NULL, 0};
}

ingot_str ig_ingot_tokenizer(const ig_ingot *f) { return section_bytes(f, IG_SECTION_TOKENIZER); }
ingot_str ig_ingot_template(const ig_ingot *f) { return section_bytes(f, IG_SECTION_TEMPLATE); }

void ig_ingot_close(ig_ingot **file)
{
    ig_ingot *f = *file;
    *file = NULL;
    if (!f) return;
    ig_graph_close(&f->graph);
    ig_map_close(&f->map);
    ig_give(f->heap, f, sizeof *f);
}

/* ---- digests
 * --------------------------------------------------------------------------------------------- */

ingot_status ig_ingot_check_digests(const ig_ingot *f, ingot_error *err)
{
    for (size_t i = 0; i < f->n_sections; i++) IG_TRY(check_digest(f, &f->sections[i], err));
    return INGOT_OK;
}

static void store_u64(unsigned char *p, uint64_t v)
{
    for (int i = 0; i < 8; i++) p[i] = (unsigned char)(v >> 8 * i);
}

bool ig_ingot_fix_digests(unsigned char *bytes, size_t n_bytes)
{
    if (n_bytes < IG_FILE_HEADER_BYTES) return false;
    store_u64(bytes + 24, n_bytes);
    const header h = get_header(bytes);
    const uint64_t directory_bytes = (uint64_t)h.n_sections * IG_FILE_ENTRY_BYTES;
    if (h.n_sections > IG_FILE_SECTIONS_MOST ||
        !ig_range_ok(h.directory_at, directory_bytes, n_bytes))
        return false;
    ig_cursor c = {.p = bytes + h.directory_at, .n = (size_t)directory_bytes};
    for (uint32_t i = 0; i < h.n_sections; i++) {
        unsigned char *entry = bytes + h.directory_at + (size_t)i * IG_FILE_ENTRY_BYTES;
        const ig_section s = get_section(&c);
        if (!ig_range_ok(s.offset, s.bytes, n_bytes)) continue;
        const ig_hash128 digest = ig_hash(bytes + s.offset, (size_t)s.bytes);
        store_u64(entry + 24, digest.lo);
        store_u64(entry + 32, digest.hi);
    }
    const ig_hash128 digest = ig_hash(bytes + h.directory_at, (size_t)directory_bytes);
    store_u64(bytes + 40, directory_bytes);
    store_u64(bytes + 48, digest.lo);
    store_u64(bytes + 56, digest.hi);
    return true;
}
