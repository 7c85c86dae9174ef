/* array.c - see array.h. */
#include "tools/data/array.h"
#include "runtime/base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct {
    ingot_dtype dtype, carrier;
    const char *text;
} types[] = {
    {INGOT_F32, INGOT_F32, "float32"},
    {INGOT_F64, INGOT_F64, "float64"},
    {INGOT_F16, INGOT_F16, "float16"},
    {INGOT_BF16, INGOT_U16, "bfloat16"},
    {INGOT_I8, INGOT_I8, "int8"},
    {INGOT_I16, INGOT_I16, "int16"},
    {INGOT_I32, INGOT_I32, "int32"},
    {INGOT_I64, INGOT_I64, "int64"},
    {INGOT_U8, INGOT_U8, "uint8"},
    {INGOT_U16, INGOT_U16, "uint16"},
    {INGOT_U32, INGOT_U32, "uint32"},
    {INGOT_U64, INGOT_U64, "uint64"},
    {INGOT_BOOL, INGOT_BOOL, "bool"},
    {INGOT_STR, INGOT_STR, "str"},
    {INGOT_C64, INGOT_C64, "complex64"},
    {INGOT_C128, INGOT_C128, "complex128"},
    {INGOT_F8E4M3FN, INGOT_U8, "float8_e4m3fn"},
    {INGOT_F8E4M3FNUZ, INGOT_U8, "float8_e4m3fnuz"},
    {INGOT_F8E5M2, INGOT_U8, "float8_e5m2"},
    {INGOT_F8E5M2FNUZ, INGOT_U8, "float8_e5m2fnuz"},
    {INGOT_F8E8M0, INGOT_U8, "float8_e8m0fnu"},
    {INGOT_F4E2M1, INGOT_U8, "float4_e2m1fn"},
    {INGOT_I4, INGOT_I8, "int4"},
    {INGOT_U4, INGOT_U8, "uint4"},
    {INGOT_I2, INGOT_I8, "int2"},
    {INGOT_U2, INGOT_U8, "uint2"},
};

const char *ig_numpy_name(ingot_dtype dtype)
{
    for (size_t i = 0; i < IG_LEN(types); i++)
        if (types[i].dtype == dtype) return types[i].text;
    return NULL;
}

ingot_dtype ig_numpy_find(const char *text, size_t len)
{
    for (size_t i = 0; i < IG_LEN(types); i++)
        if (strlen(types[i].text) == len && !memcmp(types[i].text, text, len))
            return types[i].dtype;
    return INGOT_NONE;
}

ingot_dtype ig_numpy_carrier(ingot_dtype dtype)
{
    for (size_t i = 0; i < IG_LEN(types); i++)
        if (types[i].dtype == dtype) return types[i].carrier;
    return INGOT_NONE;
}

void ig_arrays_init(ig_arrays *list, ig_heap *heap) { *list = (ig_arrays){.heap = heap}; }

static void drop(ig_arrays *list, ig_array *a)
{
    if (a->name) ig_give(list->heap, a->name, strlen(a->name) + 1);
    if (a->data) ig_give(list->heap, a->data, a->held);
}

void ig_arrays_clear(ig_arrays *list)
{
    for (size_t i = 0; i < list->n; i++) drop(list, &list->items[i]);
    if (list->items) ig_give(list->heap, list->items, list->room * sizeof *list->items);
    *list = (ig_arrays){.heap = list->heap};
}

static bool grow(ig_arrays *list)
{
    size_t room, bytes;
    if (list->n < list->room) return true;
    if (!ig_mul_ok(IG_MAX(list->room, (size_t)4), (size_t)2, &room) ||
        !ig_mul_ok(room, sizeof *list->items, &bytes))
        return false;
    ig_array *items = ig_take(list->heap, bytes);
    if (!items) return false;
    if (list->items) {
        memcpy(items, list->items, list->n * sizeof *items);
        ig_give(list->heap, list->items, list->room * sizeof *items);
    }
    list->items = items;
    list->room = room;
    return true;
}

ingot_status ig_arrays_add(ig_array **out, ig_arrays *list, const char *name, size_t name_len,
                           ingot_error *err)
{
    *out = NULL;
    char *copy = grow(list) ? ig_take0(list->heap, name_len + 1) : NULL;
    if (!copy) return ig_fail(err, INGOT_E_NOMEM, "array %.*s", (int)IG_MIN(name_len, 200u), name);
    memcpy(copy, name, name_len);
    if (ig_arrays_find(list, copy)) {
        ig_fail(err, INGOT_E_DATA, "array \"%s\" is there twice", copy);
        ig_give(list->heap, copy, name_len + 1);
        return INGOT_E_DATA;
    }
    *out = &list->items[list->n++];
    **out = (ig_array){.name = copy};
    return INGOT_OK;
}

void ig_arrays_pop(ig_arrays *list)
{
    if (list->n) drop(list, &list->items[--list->n]);
}

ig_array *ig_arrays_find(const ig_arrays *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (!strcmp(list->items[i].name, name)) return &list->items[i];
    return NULL;
}

void ig_arrays_remove(ig_arrays *list, ig_array *array)
{
    drop(list, array);
    const size_t i = (size_t)(array - list->items);
    memmove(array, array + 1, (--list->n - i) * sizeof *array);
}

bool ig_count_elements(size_t *out, int rank, const int64_t *dims)
{
    size_t n = 1;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) return false;
        if (dims[i] == 0)
            empty = true;
        else if (!ig_mul_ok(n, (size_t)dims[i], &n))
            return false;
    }
    *out = empty ? 0 : n;
    return true;
}

const char *ig_format_shape(char *text, size_t room, int rank, const int64_t *dims)
{
    size_t used = (size_t)snprintf(text, room, "[");
    for (int i = 0; i < rank && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%" PRId64, i ? ", " : "", dims[i]);
    if (used < room) snprintf(text + used, room - used, "]");
    return text;
}
