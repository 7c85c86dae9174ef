/* tensor.c - see tensor.h. Counts are compared with lengths before anything is allocated, so memory
 * stays in proportion to the file. */
#include "formats/onnx/tensor.h"
#include "runtime/base/checked.h"

#include <string.h>

/* TensorProto's fields */
enum {
    DIMS = 1,
    DATA_TYPE = 2,
    SEGMENT = 3,
    FLOAT_DATA = 4,
    INT32_DATA = 5,
    STRING_DATA = 6,
    INT64_DATA = 7,
    RAW_DATA = 9,
    DOUBLE_DATA = 10,
    UINT64_DATA = 11,
    LOCATION = 14
};

typedef struct {
    ig_tensor *out;
    ig_span message, raw; /* raw.p NULL: typed fields */
    onnx_store *store;
    const char *what;
    ingot_error *err;
    size_t n;      /* elements */
    unsigned bits; /* of an element on the wire */
    size_t bytes;  /* of all elements on the wire, when stored plainly */
    bool external;
} job;

ingot_dtype onnx_dtype(int64_t code)
{
    static const uint8_t of[] = {
        [1] = INGOT_F32,     [2] = INGOT_U8,          [3] = INGOT_I8,
        [4] = INGOT_U16,     [5] = INGOT_I16,         [6] = INGOT_I32,
        [7] = INGOT_I64,     [8] = INGOT_STR,         [9] = INGOT_BOOL,
        [10] = INGOT_F16,    [11] = INGOT_F64,        [12] = INGOT_U32,
        [13] = INGOT_U64,    [14] = INGOT_C64,        [15] = INGOT_C128,
        [16] = INGOT_BF16,   [17] = INGOT_F8E4M3FN,   [18] = INGOT_F8E4M3FNUZ,
        [19] = INGOT_F8E5M2, [20] = INGOT_F8E5M2FNUZ, [21] = INGOT_U4,
        [22] = INGOT_I4,     [23] = INGOT_F4E2M1,     [24] = INGOT_F8E8M0,
        [25] = INGOT_U2,     [26] = INGOT_I2};
    return code > 0 && code < (int64_t)IG_LEN(of) ? (ingot_dtype)of[code] : INGOT_NONE;
}

/* ---- the head: type, shape, where the content is ---- */

static ingot_status read_dims(job *j)
{
    size_t n;
    IG_TRY(ig_wire_ints(NULL, &n, j->message, DIMS, j->err));
    if (n > IG_MAX_RANK)
        return ig_fail(j->err, INGOT_E_UNSUPPORTED, "%s has %zu dimensions (at most %d)", j->what,
                       n, IG_MAX_RANK);
    j->out->rank = (int)n;
    IG_TRY(ig_wire_ints(j->out->dims, &n, j->message, DIMS, j->err));
    const size_t each = ig_dtype(j->out->dtype)->bytes;
    size_t wide, bits;
    if (!ig_dims_elements(j->out->rank, j->out->dims, &j->n) || !ig_mul_ok(j->n, each, &wide) ||
        !ig_mul_ok(j->n, (size_t)8, &bits) || wide > INT64_MAX)
        return ig_fail(j->err, INGOT_E_FORMAT, "%s has a shape that no memory holds", j->what);
    return INGOT_OK;
}

static ingot_status read_head(job *j)
{
    int64_t code = 0;
    ig_field f;
    ig_wire w = ig_wire_open(j->message);
    while (ig_wire_next(&w, &f)) {
        if (ig_wire_is(&f, DATA_TYPE, IG_WIRE_VARINT)) code = (int32_t)f.value;
        if (ig_wire_is(&f, RAW_DATA, IG_WIRE_BYTES)) j->raw = f.bytes;
        if (ig_wire_is(&f, LOCATION, IG_WIRE_VARINT)) j->external = f.value == 1;
        if (f.number == SEGMENT)
            return ig_fail(j->err, INGOT_E_UNSUPPORTED, "%s is stored in segments", j->what);
    }
    IG_TRY(ig_wire_end(&w, j->what, j->err));
    j->out->dtype = onnx_dtype(code);
    if (!j->out->dtype)
        return ig_fail(j->err, code > 0 ? INGOT_E_UNSUPPORTED : INGOT_E_FORMAT,
                       "%s has the element type %lld, which Ingot does not have", j->what,
                       (long long)code);
    IG_TRY(read_dims(j));
    const ig_dtype_info *info = ig_dtype(j->out->dtype);
    const bool narrow = info->bits < 8 && j->out->dtype != INGOT_BOOL; /* a bool takes a byte */
    j->bits = narrow ? info->bits : (unsigned)info->bytes * 8;
    const unsigned per_byte = 8 / IG_MIN(j->bits, 8u);
    j->bytes = j->bits < 8 ? j->n / per_byte + (j->n % per_byte != 0) : j->n * info->bytes;
    return INGOT_OK;
}

static ingot_status miscounted(const job *j, size_t have, size_t want, const char *unit)
{
    char type[160];
    const ig_type t = ig_type_tensor(j->out->dtype, j->out->rank, j->out->dims);
    ig_type_print(type, sizeof type, &t, NULL);
    return ig_fail(j->err, INGOT_E_FORMAT, "%s holds %zu %s, %s needs %zu", j->what, have, unit,
                   type, want);
}

static ingot_status room(job *j, size_t bytes)
{
    onnx_store *s = j->store;
    if (s->counted && bytes > s->copy_left)
        return ig_fail(j->err, INGOT_E_FORMAT, "%s: functions make more than %zu MB of constants",
                       j->what, ONNX_COPY_MOST >> 20);
    if (s->counted) s->copy_left -= bytes;
    j->out->data = ig_arena_take(s->arena, IG_MAX(bytes, (size_t)IG_ALIGN));
    if (j->out->data) return INGOT_OK;
    return ig_fail(j->err, INGOT_E_NOMEM, "%s: no memory for %zu bytes", j->what, bytes);
}

/* ---- raw bytes ---- */

static uint8_t element(const uint8_t *p, size_t i, unsigned bits, bool is_signed)
{
    const size_t at = i * bits;
    const unsigned mask = (1u << bits) - 1, v = (p[at / 8] >> (at % 8)) & mask;
    const unsigned sign = 1u << (bits - 1);
    return (uint8_t)(is_signed ? (v ^ sign) - sign : v);
}

static ingot_status widen(job *j, const uint8_t *p)
{
    IG_TRY(room(j, j->n));
    const bool is_signed = ig_dtype(j->out->dtype)->class_ == IG_CLASS_INT;
    uint8_t *to = j->out->data;
    for (size_t i = 0; i < j->n; i++) to[i] = element(p, i, j->bits, is_signed);
    return INGOT_OK;
}

/* A bool's byte is 0 or 1 for everyone behind us. */
static bool bools_are_clean(const job *j, const uint8_t *p)
{
    uint8_t all = 0;
    if (j->out->dtype == INGOT_BOOL)
        for (size_t i = 0; i < j->n; i++) all |= p[i];
    return all < 2;
}

static ingot_status from_raw(job *j)
{
    if (j->out->dtype == INGOT_STR)
        return ig_fail(j->err, INGOT_E_FORMAT, "%s holds strings as raw bytes", j->what);
    if (j->raw.n != j->bytes) return miscounted(j, j->raw.n, j->bytes, "bytes");
    if (j->bits < 8) return widen(j, j->raw.p);
    const size_t align = IG_MIN(ig_dtype(j->out->dtype)->bytes, (size_t)8);
    const bool clean = bools_are_clean(j, j->raw.p);
    if (clean && j->n && (uintptr_t)j->raw.p % align == 0) {
        j->out->data = (void *)(uintptr_t)j->raw.p;
        return INGOT_OK;
    }
    IG_TRY(room(j, j->bytes));
    if (j->bytes) memcpy(j->out->data, j->raw.p, j->bytes);
    uint8_t *to = j->out->data;
    for (size_t i = 0; !clean && i < j->n; i++) to[i] = to[i] != 0;
    return INGOT_OK;
}

/* ---- typed fields ---- */

static ingot_status from_floats(job *j, uint32_t number, size_t width)
{
    const ig_span lone = ig_wire_lone(j->message, number); /* packed: as good as raw */
    if (lone.p) {
        j->raw = lone;
        return from_raw(j);
    }
    const size_t want = j->bytes / width;
    size_t n;
    IG_TRY(ig_wire_fixed(NULL, width, &n, j->message, number, j->err));
    if (n != want) return miscounted(j, n, want, "numbers");
    IG_TRY(room(j, j->bytes));
    return ig_wire_fixed(j->out->data, width, &n, j->message, number, j->err);
}

/* Each number holds one element, or a byte of narrow ones; in memory it keeps its low bytes. */
static void store_ints(job *j, const int64_t *from, size_t n, uint8_t *to, size_t width)
{
    for (size_t i = 0; i < n; i++) memcpy(to + i * width, &from[i], width);
    if (j->out->dtype == INGOT_BOOL)
        for (size_t i = 0; i < n; i++) to[i] = from[i] != 0;
}

static ingot_status from_ints(job *j, uint32_t number)
{
    const size_t width = j->bits < 8 ? 1 : ig_dtype(j->out->dtype)->bytes;
    const size_t want = j->bytes / width;
    size_t n;
    IG_TRY(ig_wire_ints(NULL, &n, j->message, number, j->err));
    if (n != want) return miscounted(j, n, want, "numbers");
    if (width == 8) {
        IG_TRY(room(j, j->bytes));
        return ig_wire_ints(j->out->data, &n, j->message, number, j->err);
    }
    ig_arena scratch;
    ig_arena_init(&scratch, j->store->arena->heap);
    int64_t *wide = ig_new_n(&scratch, int64_t, n);
    uint8_t *packed = j->bits < 8 ? ig_new_n(&scratch, uint8_t, n) : NULL;
    ingot_status s = INGOT_OK;
    if (!wide || (j->bits < 8 && !packed))
        s = ig_fail(j->err, INGOT_E_NOMEM, "%s: no memory for %zu numbers", j->what, n);
    if (!s) s = ig_wire_ints(wide, &n, j->message, number, j->err);
    if (!s && !packed) s = room(j, j->bytes);
    if (!s) store_ints(j, wide, n, packed ? packed : j->out->data, width);
    if (!s && packed) s = widen(j, packed);
    ig_arena_clear(&scratch);
    return s;
}

static ingot_status from_strings(job *j)
{
    size_t n = 0;
    ig_field f;
    for (ig_wire w = ig_wire_open(j->message); ig_wire_next(&w, &f);)
        n += ig_wire_is(&f, STRING_DATA, IG_WIRE_BYTES);
    if (n != j->n) return miscounted(j, n, j->n, "strings");
    IG_TRY(room(j, n * sizeof(ingot_str)));
    ingot_str *to = j->out->data;
    for (ig_wire w = ig_wire_open(j->message); ig_wire_next(&w, &f);)
        if (ig_wire_is(&f, STRING_DATA, IG_WIRE_BYTES))
            *to++ = (ingot_str){(const char *)f.bytes.p, f.bytes.n};
    return INGOT_OK;
}

ingot_status onnx_tensor_read(ig_tensor *out, ig_span message, onnx_store *store, const char *what,
                              ingot_error *err)
{
    *out = (ig_tensor){0};
    job j = {.out = out, .message = message, .store = store, .what = what, .err = err};
    IG_TRY(read_head(&j));
    if (j.external) IG_TRY(onnx_external(&j.raw, message, store->files, what, err));
    if (j.raw.p) return from_raw(&j);
    switch (out->dtype) {
    case INGOT_F32:
    case INGOT_C64:
        return from_floats(&j, FLOAT_DATA, 4);
    case INGOT_F64:
    case INGOT_C128:
        return from_floats(&j, DOUBLE_DATA, 8);
    case INGOT_I64:
        return from_ints(&j, INT64_DATA);
    case INGOT_U32:
    case INGOT_U64:
        return from_ints(&j, UINT64_DATA);
    case INGOT_STR:
        return from_strings(&j);
    default:
        return from_ints(&j, INT32_DATA);
    }
}

/* ---- sparse ---- */

/* The flat index of entry k: given flat, or one index a dimension. */
static bool flat_index(size_t *at, const ig_tensor *indices, size_t k, const ig_tensor *dense)
{
    const int64_t *v = indices->data;
    uint64_t flat = 0;
    if (indices->rank == 1) {
        if (v[k] < 0 || (uint64_t)v[k] >= ig_tensor_elements(dense)) return false;
        *at = (size_t)v[k];
        return true;
    }
    for (int d = 0; d < dense->rank; d++) {
        const int64_t i = v[k * (size_t)dense->rank + (size_t)d];
        if (i < 0 || i >= dense->dims[d]) return false;
        flat = flat * (uint64_t)dense->dims[d] + (uint64_t)i;
    }
    *at = (size_t)flat;
    return true;
}

static ingot_status scatter(ig_tensor *out, const ig_tensor *values, const ig_tensor *indices,
                            const char *what, ingot_error *err)
{
    const size_t each = ig_dtype(values->dtype)->bytes, n = (size_t)values->dims[0];
    const bool flat = indices->rank == 1 && indices->dims[0] == values->dims[0];
    const bool full =
        indices->rank == 2 && indices->dims[0] == values->dims[0] && indices->dims[1] == out->rank;
    if (indices->dtype != INGOT_I64 || (!flat && !full))
        return ig_fail(err, INGOT_E_FORMAT, "%s: its indices do not fit its %zu values", what, n);
    for (size_t k = 0; k < n; k++) {
        size_t at;
        if (!flat_index(&at, indices, k, out))
            return ig_fail(err, INGOT_E_FORMAT, "%s: index %zu lies outside its shape", what, k);
        memcpy((char *)out->data + at * each, (const char *)values->data + k * each, each);
    }
    return INGOT_OK;
}

static ingot_status sparse_shape(ig_tensor *out, ig_span message, onnx_store *store,
                                 const char *what, ingot_error *err)
{
    size_t n;
    IG_TRY(ig_wire_ints(NULL, &n, message, 3, err));
    if (n > IG_MAX_RANK)
        return ig_fail(err, INGOT_E_UNSUPPORTED, "%s has %zu dimensions (at most %d)", what, n,
                       IG_MAX_RANK);
    out->rank = (int)n;
    IG_TRY(ig_wire_ints(out->dims, &n, message, 3, err));
    const ig_type type = ig_type_tensor(out->dtype, out->rank, out->dims);
    size_t bytes;
    if (!ig_type_bytes(&type, &bytes) || bytes > store->dense_left)
        return ig_fail(err, INGOT_E_FORMAT,
                       "%s: sparse tensors of a model may take %zu MB once they are dense", what,
                       ONNX_DENSE_MOST >> 20);
    store->dense_left -= bytes;
    out->data = ig_arena_take(store->arena, IG_MAX(bytes, (size_t)IG_ALIGN));
    if (!out->data) return ig_fail(err, INGOT_E_NOMEM, "%s: no memory", what);
    return INGOT_OK;
}

ingot_status onnx_sparse_read(ig_tensor *out, ig_span message, onnx_store *store, const char *what,
                              ingot_error *err)
{
    ig_span part;
    ig_tensor values, indices;
    IG_TRY(ig_wire_message(&part, message, 1, store->arena, err));
    IG_TRY(onnx_tensor_read(&values, part, store, what, err));
    IG_TRY(ig_wire_message(&part, message, 2, store->arena, err));
    if (!part.p || values.rank != 1 || values.dtype == INGOT_STR)
        return ig_fail(err, INGOT_E_FORMAT, "%s: not a list of numbers with indices", what);
    IG_TRY(onnx_tensor_read(&indices, part, store, what, err));
    *out = (ig_tensor){.dtype = values.dtype};
    IG_TRY(sparse_shape(out, message, store, what, err));
    return scatter(out, &values, &indices, what, err);
}
