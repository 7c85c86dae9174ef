/* safetensors.c - one file; see safetensors.h. */
#include "formats/safetensors/safetensors.h"
#include "runtime/base/checked.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH_BYTES = 8, HEADER_MOST = 100 << 20 };

/* Types that no weight of ours has: they are listed, and refused where one is wanted. */
static const ig_stored_type others[] = {{.name = "F8_E5M2", .block = 1, .block_bytes = 1},
                                        {.name = "F8_E8M0", .block = 1, .block_bytes = 1},
                                        {.name = "BOOL", .block = 1, .block_bytes = 1},
                                        {.name = "I8", .block = 1, .block_bytes = 1},
                                        {.name = "U8", .block = 1, .block_bytes = 1},
                                        {.name = "I16", .block = 1, .block_bytes = 2},
                                        {.name = "U16", .block = 1, .block_bytes = 2},
                                        {.name = "I32", .block = 1, .block_bytes = 4},
                                        {.name = "U32", .block = 1, .block_bytes = 4},
                                        {.name = "I64", .block = 1, .block_bytes = 8},
                                        {.name = "U64", .block = 1, .block_bytes = 8}};

static const ig_stored_type *find_type(const char *name)
{
    static const ig_stored_type *const floats[] = {&ig_stored_f32, &ig_stored_f16, &ig_stored_bf16,
                                                   &ig_stored_f64, &ig_stored_f8};
    for (size_t i = 0; i < IG_LEN(floats); i++)
        if (!strcmp(floats[i]->name, name)) return floats[i];
    for (size_t i = 0; i < IG_LEN(others); i++)
        if (!strcmp(others[i].name, name)) return &others[i];
    return NULL;
}

static ingot_status read_shape(ig_stored *t, const json_t *shape, ingot_error *err)
{
    const size_t rank = json_array_size(shape);
    if (!json_is_array(shape) || rank > IG_MAX_RANK)
        return ig_fail(err, INGOT_E_FORMAT, "tensor '%.120s' has no shape of at most %d dimensions",
                       t->name, IG_MAX_RANK);
    t->rank = rank ? (int)rank : 1;
    t->dims[0] = 1; /* a scalar is a vector of one */
    for (size_t d = 0; d < rank; d++) {
        const json_t *v = json_array_get(shape, d);
        if (!json_is_integer(v) || json_integer_value(v) < 0)
            return ig_fail(err, INGOT_E_FORMAT, "tensor '%.120s': dimension %zu is no size",
                           t->name, d);
        t->dims[d] = json_integer_value(v);
    }
    return INGOT_OK;
}

static bool read_offset(uint64_t *to, const json_t *offsets, size_t i)
{
    const json_t *v = json_array_get(offsets, i);
    *to = (uint64_t)json_integer_value(v);
    return json_is_integer(v) && json_integer_value(v) >= 0;
}

static ingot_status read_entry(ig_stored *t, const json_t *entry, const unsigned char *data,
                               size_t data_bytes, ingot_error *err)
{
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *offsets = json_object_get(entry, "data_offsets");
    uint64_t begin = 0, end = 0;
    size_t bytes;
    t->type = dtype ? find_type(dtype) : NULL;
    if (!t->type)
        return ig_fail(err, INGOT_E_FORMAT, "tensor '%.120s' has the unknown type '%.40s'", t->name,
                       dtype ? dtype : "");
    IG_TRY(read_shape(t, json_object_get(entry, "shape"), err));
    if (!read_offset(&begin, offsets, 0) || !read_offset(&end, offsets, 1) || begin > end)
        return ig_fail(err, INGOT_E_FORMAT, "tensor '%.120s' has no data_offsets", t->name);
    if (end > data_bytes)
        return ig_fail(err, INGOT_E_FORMAT,
                       "tensor '%.120s' ends at byte %llu of %zu: the file is cut off, or its "
                       "header is damaged",
                       t->name, (unsigned long long)end, data_bytes);
    if (!ig_stored_bytes(t->type, t->rank, t->dims, &bytes) || bytes != end - begin)
        return ig_fail(err, INGOT_E_FORMAT,
                       "tensor '%.120s' has %llu bytes, which is not what its shape takes", t->name,
                       (unsigned long long)(end - begin));
    t->data = data + begin;
    return INGOT_OK;
}

static int by_place(const void *a, const void *b)
{
    const ig_stored *const *x = a, *const *y = b;
    return ((*x)->data > (*y)->data) - ((*x)->data < (*y)->data);
}

/* Tensors lie one behind the other and fill the file: bytes that are two tensors' or nobody's mean
 * that the header speaks of another file, and weights would be read from the wrong place. */
static ingot_status check_places(const ig_stored *tensors, size_t n, const unsigned char *data,
                                 size_t data_bytes, ig_arena *arena, ingot_error *err)
{
    const ig_stored **order = ig_new_n(arena, const ig_stored *, n);
    const unsigned char *at = data;
    size_t bytes = 0, used = 0;
    if (!order) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    for (size_t i = 0; i < n; i++)
        if (ig_stored_bytes(tensors[i].type, tensors[i].rank, tensors[i].dims, &bytes) && bytes)
            order[used++] = &tensors[i];
    if (used) qsort(order, used, sizeof *order, by_place);
    for (size_t i = 0; i < used; i++) {
        const ig_stored *t = order[i];
        if ((const unsigned char *)t->data < at)
            return ig_fail(err, INGOT_E_FORMAT, "tensors '%.90s' and '%.90s' share bytes",
                           order[i - 1]->name, t->name);
        if ((const unsigned char *)t->data > at)
            return ig_fail(err, INGOT_E_FORMAT,
                           "%zu bytes before tensor '%.120s' belong to none: the header is damaged",
                           (size_t)((const unsigned char *)t->data - at), t->name);
        if (ig_stored_bytes(t->type, t->rank, t->dims, &bytes)) at += bytes;
    }
    if ((size_t)(at - data) != data_bytes)
        return ig_fail(err, INGOT_E_FORMAT,
                       "%zu bytes behind the last tensor belong to none: the header is damaged",
                       data_bytes - (size_t)(at - data));
    return INGOT_OK;
}

static ingot_status read_header(ig_checkpoint *c, ig_arena *arena, json_t *root,
                                const unsigned char *data, size_t data_bytes,
                                const atomic_bool *bad, ingot_error *err)
{
    const size_t most = c->n + json_object_size(root);
    ig_stored *all = ig_new_n(arena, ig_stored, most);
    if (!all) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    if (c->n) memcpy(all, c->tensors, c->n * sizeof *all);
    size_t n = c->n;
    const char *name;
    json_t *entry;
    json_object_foreach(root, name, entry)
    {
        if (!strcmp(name, "__metadata__")) continue;
        ig_stored *t = &all[n++];
        t->name = ig_arena_text(arena, name, strlen(name));
        t->bad = bad;
        if (!t->name) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
        IG_TRY(read_entry(t, entry, data, data_bytes, err));
    }
    IG_TRY(check_places(all + c->n, n - c->n, data, data_bytes, arena, err));
    c->tensors = all;
    c->n = n;
    return INGOT_OK;
}

ingot_status ig_safetensors_read(ig_checkpoint *c, ig_arena *arena, const void *bytes, size_t n,
                                 const atomic_bool *bad, ingot_error *err)
{
    const unsigned char *p = bytes;
    uint64_t length = 0;
    if (n < LENGTH_BYTES)
        return ig_fail(err, INGOT_E_FORMAT, "%zu bytes are no safetensors file", n);
    for (int i = LENGTH_BYTES; i--;) length = length << 8 | p[i];
    if (length > HEADER_MOST || length > n - LENGTH_BYTES)
        return ig_fail(err, INGOT_E_FORMAT,
                       "the header would have %llu bytes of a file of %zu: not safetensors, or cut "
                       "off",
                       (unsigned long long)length, n);
    json_error_t fault;
    json_t *root =
        json_loadb((const char *)p + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &fault);
    if (!root)
        return ig_fail(err, INGOT_E_FORMAT, "header, byte %d: %.120s", fault.position, fault.text);
    const ingot_status s = json_is_object(root)
                               ? read_header(c, arena, root, p + LENGTH_BYTES + length,
                                             n - LENGTH_BYTES - (size_t)length, bad, err)
                               : ig_fail(err, INGOT_E_FORMAT, "the header is no JSON object");
    json_decref(root);
    return s;
}
