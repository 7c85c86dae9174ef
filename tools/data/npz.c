/* npz.c - see npz.h. Writing encodes each array twice: once into a checksum, which the member's
 * header needs before the bytes, once into the file. */
#include "tools/data/npz.h"
#include "runtime/base/checked.h"
#include "tools/data/crc32.h"
#include "tools/data/npy.h"
#include "tools/data/output.h"
#include "tools/data/zip.h"
#include "tools/data/zip_writer.h"

#include <string.h>
#include <unistd.h>

static const char SUFFIX[] = ".npy", DTYPE[] = ".__dtype__";
enum { SUFFIX_LEN = sizeof SUFFIX - 1, DTYPE_LEN = sizeof DTYPE - 1 };

/* ---- true types ---------------------------------------------------------------------------- */

/* The values that a widened 2- or 4-bit type can have; 0..255 or -128..127 for all others. */
static void limits(ingot_dtype dtype, int *low, int *high)
{
    const int bits = dtype == INGOT_I2 || dtype == INGOT_U2 ? 2 : 4;
    const bool is_signed = dtype == INGOT_I2 || dtype == INGOT_I4;
    *low = is_signed ? -(1 << (bits - 1)) : 0;
    *high = is_signed ? (1 << (bits - 1)) - 1 : (1 << bits) - 1;
}

static ingot_status check_range(const ig_array *a, ingot_dtype dtype, ingot_error *err)
{
    int low, high;
    if (dtype != INGOT_I4 && dtype != INGOT_U4 && dtype != INGOT_I2 && dtype != INGOT_U2 &&
        dtype != INGOT_F4E2M1)
        return INGOT_OK;
    limits(dtype, &low, &high);
    for (size_t i = 0; i < a->bytes; i++) {
        const int v = low < 0 ? ((const int8_t *)a->data)[i] : ((const uint8_t *)a->data)[i];
        if (v < low || v > high)
            return ig_fail(err, INGOT_E_DATA, "%s: element %zu is %d, %s goes from %d to %d",
                           a->name, i, v, ig_numpy_name(dtype), low, high);
    }
    return INGOT_OK;
}

static ingot_status set_type(ig_array *a, const ig_array *told, ingot_error *err)
{
    if (told->dtype != INGOT_STR || told->bytes != sizeof(ingot_str))
        return ig_fail(err, INGOT_E_DATA, "%s is not one string", told->name);
    const ingot_str text = *(const ingot_str *)told->data;
    const ingot_dtype dtype = ig_numpy_find(text.p, text.n);
    if (dtype == INGOT_NONE)
        return ig_fail(err, INGOT_E_DATA, "%s: unknown type '%.*s'", told->name,
                       (int)IG_MIN(text.n, (size_t)60), text.p);
    if (ig_numpy_carrier(dtype) != a->dtype)
        return ig_fail(err, INGOT_E_DATA, "%s: %s travels as %s, not as %s", told->name,
                       ig_numpy_name(dtype), ig_numpy_name(ig_numpy_carrier(dtype)),
                       ig_numpy_name(a->dtype));
    IG_TRY(check_range(a, dtype, err));
    a->dtype = dtype;
    return INGOT_OK;
}

static ingot_status apply_types(ig_arrays *list, size_t first, ingot_error *err)
{
    for (size_t i = first; i < list->n;) {
        ig_array *told = &list->items[i], *a = NULL;
        const size_t len = strlen(told->name);
        if (len < DTYPE_LEN || strcmp(told->name + len - DTYPE_LEN, DTYPE) != 0) {
            i++;
            continue;
        }
        for (size_t k = first; k < list->n && !a; k++)
            if (strlen(list->items[k].name) == len - DTYPE_LEN &&
                !memcmp(list->items[k].name, told->name, len - DTYPE_LEN))
                a = &list->items[k];
        if (!a)
            return ig_fail(err, INGOT_E_DATA, "%s names the type of an array that is not there",
                           told->name);
        IG_TRY(set_type(a, told, err));
        ig_arrays_remove(list, told);
    }
    return INGOT_OK;
}

/* ---- reading ------------------------------------------------------------------------------- */

static ingot_status read_member(ig_arrays *list, const ig_zip *zip, const ig_zip_member *m,
                                ingot_error *err)
{
    ig_array *array;
    ig_zip_reader r;
    const size_t len = m->name_len - IG_MIN(m->name_len, (size_t)SUFFIX_LEN);
    if (m->name_len < SUFFIX_LEN || memcmp(m->name + len, SUFFIX, SUFFIX_LEN) != 0)
        return ig_fail(err, INGOT_E_DATA, "not an array: its name does not end in .npy");
    IG_TRY(ig_arrays_add(&array, list, m->name, len, err));
    ingot_status s = ig_zip_reader_open(&r, zip, m, err);
    if (!s) s = ig_npy_decode(array, list->heap, &r.source, err);
    if (!s) s = ig_zip_reader_check(&r, err);
    ig_zip_reader_close(&r);
    return s;
}

ingot_status ig_npz_read(ig_arrays *list, const char *path, ingot_error *err)
{
    int fd;
    uint64_t size;
    ig_zip zip;
    const size_t before = list->n;
    IG_TRY(ig_input_open(&fd, &size, path, err));
    ingot_status s = ig_zip_open(&zip, list->heap, fd, size, err);
    for (size_t i = 0; !s && i < zip.n; i++) {
        const ig_zip_member *m = &zip.members[i];
        s = read_member(list, &zip, m, err);
        s = ig_wrap(err, s, "%.*s", (int)IG_MIN(m->name_len, (size_t)120), m->name);
    }
    if (!s) s = apply_types(list, before, err);
    while (s && list->n > before) ig_arrays_pop(list);
    ig_zip_close(&zip);
    close(fd);
    return ig_wrap(err, s, "%s", path);
}

/* ---- writing ------------------------------------------------------------------------------- */

typedef struct {
    ig_sink sink;
    uint64_t bytes;
    uint32_t crc;
} measure;

static ingot_status put_measure(ig_sink *s, const void *p, size_t n, ingot_error *err)
{
    (void)err;
    measure *m = (measure *)s;
    m->bytes += n;
    m->crc = ig_crc32(m->crc, p, n);
    return INGOT_OK;
}

static ingot_status write_member(ig_zip_writer *w, const char *name, const char *suffix,
                                 const ig_array *a, ingot_error *err)
{
    measure m = {.sink.put = put_measure};
    const size_t len = strlen(name), tail = strlen(suffix);
    char *member = ig_take(w->heap, len + tail + 1);
    if (!member) return ig_fail(err, INGOT_E_NOMEM, "%s", name);
    memcpy(member, name, len);
    memcpy(member + len, suffix, tail + 1);
    ingot_status s = ig_npy_encode(&m.sink, a, err);
    if (!s) s = ig_zip_writer_member(w, member, len + tail, m.bytes, m.crc, err);
    if (!s) s = ig_npy_encode(w->to, a, err);
    ig_give(w->heap, member, len + tail + 1);
    return ig_wrap(err, s, "%s", name);
}

static ingot_status write_array(ig_zip_writer *w, const ig_array *a, ingot_error *err)
{
    const char *type = ig_numpy_name(a->dtype);
    IG_TRY(write_member(w, a->name, SUFFIX, a, err));
    if (ig_numpy_carrier(a->dtype) == a->dtype) return INGOT_OK;
    ingot_str text = {type, strlen(type)};
    const ig_array told = {.dtype = INGOT_STR, .data = &text, .bytes = sizeof text};
    return write_member(w, a->name, ".__dtype__.npy", &told, err);
}

ingot_status ig_npz_write(const char *path, const ig_array *arrays, size_t n, ig_heap *heap,
                          uint64_t zip64_from, ingot_error *err)
{
    ig_output out;
    ig_zip_writer w;
    IG_TRY(ig_output_open(&out, heap, path, err));
    ig_zip_writer_init(&w, heap, &out.sink, zip64_from);
    ingot_status s = INGOT_OK;
    for (size_t i = 0; !s && i < n; i++) s = write_array(&w, &arrays[i], err);
    if (!s) s = ig_zip_writer_finish(&w, err);
    ig_zip_writer_clear(&w);
    return ig_output_end(&out, s, err);
}
