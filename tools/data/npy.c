/* npy.c - see npy.h. Plain numbers are read straight into the array; only Fortran order and strings
 * pass through a second block. */
#include "tools/data/npy.h"
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"
#include "runtime/base/utf8.h"
#include "tools/data/output.h"

#include <string.h>
#include <unistd.h>

/* ---- decoding ------------------------------------------------------------------------------ */

static void swap_groups(uint8_t *p, size_t bytes, size_t group)
{
    for (; bytes; bytes -= group, p += group)
        for (size_t i = 0; i < group / 2; i++) {
            const uint8_t t = p[i];
            p[i] = p[group - 1 - i];
            p[group - 1 - i] = t;
        }
}

/* Elements of the file's order `from` go to their places in C order: a counter walks the indices
 * with the first running fastest, and carries the place along. */
static void to_c_order(uint8_t *to, const uint8_t *from, const ig_npy_head *h)
{
    size_t stride[INGOT_MAX_RANK], index[INGOT_MAX_RANK] = {0}, place = 0, step = 1;
    for (int i = h->rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= (size_t)h->dims[i];
    }
    for (size_t n = 0; n < h->count; n++, from += h->item_bytes) {
        memcpy(to + place * h->item_bytes, from, h->item_bytes);
        for (int i = 0; i < h->rank; i++) {
            place += stride[i];
            if (++index[i] < (size_t)h->dims[i]) break;
            place -= stride[i] * index[i];
            index[i] = 0;
        }
    }
}

/* The code points of a <U element and the bytes of an |S element end before trailing zeros. */
static size_t units_used(const uint8_t *item, size_t unit, size_t n)
{
    static const uint8_t zero[4] = {0};
    while (n && !memcmp(item + (n - 1) * unit, zero, unit)) n--;
    return n;
}

/* Texts of all elements: measured when out is NULL, else written with their ingot_str. */
static ingot_status texts(size_t *total, ingot_str *out, char *text, const uint8_t *items,
                          const ig_npy_head *h, ingot_error *err)
{
    const size_t unit = h->kind == 'U' ? 4 : 1;
    *total = 0;
    for (size_t e = 0; e < h->count; e++, items += h->item_bytes) {
        const size_t n = units_used(items, unit, h->item_bytes / unit), start = *total;
        for (size_t i = 0, len; i < n; i += unit == 4 ? 1 : len) {
            uint32_t cp;
            if (unit == 4)
                memcpy(&cp, items + 4 * i, 4), len = ig_utf8_is_scalar(cp) ? ig_utf8_size(cp) : 0;
            else
                len = ig_utf8_next(&cp, (const char *)items + i, n - i);
            if (!len)
                return ig_fail(err, INGOT_E_DATA, "element %zu: character %zu is not %s", e, i,
                               unit == 4 ? "Unicode" : "UTF-8");
            if (out) ig_utf8_put(text + *total, cp);
            *total += len;
        }
        if (out) out[e] = (ingot_str){text + start, *total - start};
    }
    return INGOT_OK;
}

static ingot_status take_data(ig_array *a, ig_heap *heap, size_t count, size_t each, size_t extra,
                              ingot_error *err)
{
    size_t held;
    if (!ig_mul_ok(count, each, &a->bytes) || !ig_add_ok(a->bytes, extra, &held))
        return ig_fail(err, INGOT_E_NOMEM, "an array of %zu elements", count);
    a->held = held;
    a->data = ig_take(heap, held);
    if (!a->data) return ig_fail(err, INGOT_E_NOMEM, "an array of %zu bytes", held);
    return INGOT_OK;
}

static ingot_status decode_texts(ig_array *a, ig_heap *heap, const uint8_t *items,
                                 const ig_npy_head *h, ingot_error *err)
{
    size_t total;
    IG_TRY(texts(&total, NULL, NULL, items, h, err));
    IG_TRY(take_data(a, heap, h->count, sizeof(ingot_str), total, err));
    return texts(&total, a->data, (char *)a->data + a->bytes, items, h, err);
}

/* Strings and Fortran order: the raw elements come into a block of their own first. */
static ingot_status decode_through_block(ig_array *a, ig_heap *heap, ig_source *from,
                                         const ig_npy_head *h, ingot_error *err)
{
    const bool is_text = h->dtype == INGOT_STR, turn = h->fortran && h->rank > 1;
    uint8_t *raw = ig_take(heap, h->raw_bytes), *turned = NULL;
    if (!raw) return ig_fail(err, INGOT_E_NOMEM, "an array of %zu bytes", h->raw_bytes);
    ingot_status s = ig_source_read(from, raw, h->raw_bytes, err);
    if (!s && h->swap_bytes) swap_groups(raw, h->raw_bytes, h->swap_bytes);
    if (!s && turn && is_text) {
        turned = ig_take(heap, h->raw_bytes);
        if (!turned) s = ig_fail(err, INGOT_E_NOMEM, "an array of %zu bytes", h->raw_bytes);
        if (!s) to_c_order(turned, raw, h);
    }
    if (!s && is_text) s = decode_texts(a, heap, turned ? turned : raw, h, err);
    if (!s && !is_text) s = take_data(a, heap, h->count, h->item_bytes, 0, err);
    if (!s && !is_text) to_c_order(a->data, raw, h);
    if (turned) ig_give(heap, turned, h->raw_bytes);
    ig_give(heap, raw, h->raw_bytes);
    return s;
}

static ingot_status decode_plain(ig_array *a, ig_heap *heap, ig_source *from, const ig_npy_head *h,
                                 ingot_error *err)
{
    IG_TRY(take_data(a, heap, h->count, h->item_bytes, 0, err));
    IG_TRY(ig_source_read(from, a->data, a->bytes, err));
    if (h->swap_bytes) swap_groups(a->data, a->bytes, h->swap_bytes);
    return INGOT_OK;
}

ingot_status ig_npy_decode(ig_array *array, ig_heap *heap, ig_source *from, ingot_error *err)
{
    ig_npy_head h;
    IG_TRY(ig_npy_head_read(&h, from, err));
    array->dtype = h.dtype;
    array->rank = h.rank;
    memcpy(array->dims, h.dims, sizeof h.dims);
    const bool block = h.dtype == INGOT_STR || (h.fortran && h.rank > 1);
    const ingot_status s = block ? decode_through_block(array, heap, from, &h, err)
                                 : decode_plain(array, heap, from, &h, err);
    if (s && array->data) {
        ig_give(heap, array->data, array->held);
        array->data = NULL;
        array->bytes = array->held = 0;
    }
    if (!s && h.dtype == INGOT_BOOL) /* kernels rely on 0 and 1 */
        for (uint8_t *p = array->data, *end = p + array->bytes; p < end; p++) *p = *p != 0;
    return s;
}

/* ---- encoding ------------------------------------------------------------------------------ */

static ingot_status longest_text(size_t *chars, const ingot_str *s, size_t n, ingot_error *err)
{
    *chars = 1; /* NumPy has no strings of no characters */
    for (size_t e = 0; e < n; e++) {
        size_t points = 0;
        uint32_t cp;
        for (size_t i = 0, len; i < s[e].n; i += len, points++) {
            len = ig_utf8_next(&cp, s[e].p + i, s[e].n - i);
            if (!len) return ig_fail(err, INGOT_E_DATA, "element %zu: byte %zu is not UTF-8", e, i);
        }
        *chars = IG_MAX(*chars, points);
    }
    return INGOT_OK;
}

static ingot_status put_texts(ig_sink *to, const ingot_str *s, size_t n, size_t chars,
                              ingot_error *err)
{
    uint32_t buffer[1024];
    size_t used = 0;
    for (size_t e = 0; e < n; e++) {
        for (size_t c = 0, i = 0; c < chars; c++) {
            uint32_t cp = 0;
            if (i < s[e].n) i += ig_utf8_next(&cp, s[e].p + i, s[e].n - i);
            buffer[used++] = cp;
            if (used == IG_LEN(buffer)) {
                IG_TRY(to->put(to, buffer, sizeof buffer, err));
                used = 0;
            }
        }
    }
    return used ? to->put(to, buffer, used * sizeof *buffer, err) : INGOT_OK;
}

ingot_status ig_npy_encode(ig_sink *to, const ig_array *array, ingot_error *err)
{
    char head[IG_NPY_HEAD_ROOM];
    const ingot_dtype dtype = ig_numpy_carrier(array->dtype);
    const size_t n = array->bytes / IG_MAX(ig_dtype(dtype)->bytes, (size_t)1);
    size_t chars = 0, bytes;
    if (dtype == INGOT_NONE) return ig_fail(err, INGOT_E_ARG, "element type %d", array->dtype);
    if (dtype == INGOT_STR) IG_TRY(longest_text(&chars, array->data, n, err));
    if (dtype == INGOT_STR && (!ig_mul_ok(chars, n, &bytes) || !ig_mul_ok(bytes, 4u, &bytes)))
        return ig_fail(err, INGOT_E_FULL, "%zu strings of up to %zu characters", n, chars);
    const size_t len = ig_npy_head_text(head, dtype, chars, array->rank, array->dims);
    IG_TRY(to->put(to, head, len, err));
    if (dtype == INGOT_STR) return put_texts(to, array->data, n, chars, err);
    return array->bytes ? to->put(to, array->data, array->bytes, err) : INGOT_OK;
}

/* ---- files --------------------------------------------------------------------------------- */

ingot_status ig_npy_read(ig_arrays *list, const char *name, const char *path, ingot_error *err)
{
    int fd;
    uint64_t size;
    ig_array *array;
    ig_file_source file;
    IG_TRY(ig_input_open(&fd, &size, path, err));
    ig_file_source_init(&file, fd, 0, size);
    ingot_status s = ig_arrays_add(&array, list, name, strlen(name), err);
    if (!s) {
        s = ig_npy_decode(array, list->heap, &file.source, err);
        if (s) ig_arrays_pop(list);
    }
    close(fd);
    return ig_wrap(err, s, "%s", path);
}

ingot_status ig_npy_write(const char *path, const ig_array *array, ig_heap *heap, ingot_error *err)
{
    ig_output out;
    IG_TRY(ig_output_open(&out, heap, path, err));
    return ig_output_end(&out, ig_npy_encode(&out.sink, array, err), err);
}
