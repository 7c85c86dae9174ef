/* type.c - types and tensors; see ir.h. */
#include "runtime/graph/ir.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

ig_type ig_type_tensor(ingot_dtype dtype, int rank, const int64_t *dims)
{
    ig_type t = {.dtype = dtype, .rank = rank};
    for (int i = 0; i < rank && i < IG_MAX_RANK; i++) t.dims[i] = dims[i];
    return t;
}

bool ig_type_static(const ig_type *t)
{
    if (t->kind != IG_TENSOR || t->optional || t->dtype == INGOT_NONE || t->rank < 0) return false;
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] < 0) return false;
    return true;
}

bool ig_dims_elements(int rank, const int64_t *dims, size_t *n)
{
    if (rank < 0 || rank > IG_MAX_RANK) return false;
    *n = 1;
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0) return false;
        if (dims[i] == 0)
            empty = true;
        else if (!ig_mul_ok(*n, (size_t)dims[i], n))
            return false;
    }
    if (empty) *n = 0;
    return *n <= INT64_MAX;
}

bool ig_type_elements(const ig_type *t, size_t *n)
{
    return t->kind == IG_TENSOR && ig_dims_elements(t->rank, t->dims, n);
}

bool ig_type_bytes(const ig_type *t, size_t *bytes)
{
    size_t n;
    return t->dtype != INGOT_NONE && ig_type_elements(t, &n) &&
           ig_mul_ok(n, ig_dtype(t->dtype)->bytes, bytes) && *bytes <= INT64_MAX;
}

/* Appends to out[*n..cap); keeps it terminated. */
static void put(char *out, size_t cap, size_t *n, const char *text)
{
    for (; *text && *n + 1 < cap; text++) out[(*n)++] = *text;
    if (cap) out[*n] = 0;
}

static void put_dim(char *out, size_t cap, size_t *n, int64_t dim, const ig_symbols *symbols)
{
    char number[24] = "?";
    const char *text = number;
    if (dim >= 0)
        snprintf(number, sizeof number, "%lld", (long long)dim);
    else if (IG_DIM_IS_SYMBOL(dim) && symbols && IG_SYMBOL_OF(dim) < symbols->n)
        text = symbols->names[IG_SYMBOL_OF(dim)];
    put(out, cap, n, text);
}

void ig_type_print(char *out, size_t cap, const ig_type *t, const ig_symbols *symbols)
{
    size_t n = 0;
    if (cap) out[0] = 0;
    if (t->optional) put(out, cap, &n, "optional ");
    if (t->kind == IG_SEQUENCE) put(out, cap, &n, "sequence of ");
    put(out, cap, &n, t->dtype == INGOT_NONE ? "?" : ig_dtype(t->dtype)->name);
    put(out, cap, &n, "[");
    if (t->rank < 0) put(out, cap, &n, "...");
    for (int i = 0; i < t->rank; i++) {
        if (i) put(out, cap, &n, ",");
        put_dim(out, cap, &n, t->dims[i], symbols);
    }
    put(out, cap, &n, "]");
}

ig_type ig_type_of(const ig_tensor *t)
{
    ig_type type = ig_type_tensor(t->dtype, t->rank, t->dims);
    type.kind = t->kind;
    type.optional = t->absent;
    if (t->kind == IG_SEQUENCE) type.rank = IG_RANK_UNKNOWN;
    return type;
}

size_t ig_tensor_elements(const ig_tensor *t)
{
    size_t n;
    return ig_dims_elements(t->rank, t->dims, &n) ? n : 0;
}

/* Panels of bytes and the sums of their columns. */
static bool byte_panels(const ig_type *type, ig_layout layout, size_t *bytes)
{
    if (layout == IG_P16_TURNED) return false;
    const int r = type->rank;
    ig_type lead = *type, rest = *type;
    size_t count, k, n, n16, k4, sums;
    if (r < (layout == IG_P16 ? 2 : 3)) return false;
    lead.rank = layout == IG_P16 ? r - 2 : 0;
    rest.rank = layout == IG_P16 ? 1 : r - 1;
    memcpy(rest.dims, type->dims + (layout == IG_P16 ? r - 2 : 1),
           (size_t)rest.rank * sizeof *rest.dims);
    const int64_t columns = type->dims[layout == IG_P16 ? r - 1 : 0];
    if (columns < 0 || (uint64_t)columns > SIZE_MAX) return false;
    n = (size_t)columns;
    return ig_type_elements(&lead, &count) && ig_type_elements(&rest, &k) &&
           ig_align_ok(n, 16, &n16) && ig_align_ok(k, 4, &k4) && ig_mul_ok(n16, k4, bytes) &&
           ig_mul_ok(n16, sizeof(int32_t), &sums) && ig_add_ok(*bytes, sums, bytes) &&
           ig_mul_ok(*bytes, count, bytes);
}

bool ig_layout_bytes(const ig_type *type, ig_layout layout, size_t *bytes)
{
    if (layout == IG_PLAIN) return ig_type_bytes(type, bytes);
    if (type->dtype == INGOT_I8 || type->dtype == INGOT_U8) return byte_panels(type, layout, bytes);
    const bool pairs = type->dtype == INGOT_BF16;
    const bool has_panels = pairs || type->dtype == INGOT_F32 || type->dtype == INGOT_F16;
    const bool turned = layout == IG_P16_TURNED;
    if ((layout != IG_P16 && !turned) || !has_panels || type->rank < 2) return false;
    ig_type padded = *type;
    if (turned) {
        padded.dims[type->rank - 2] = type->dims[type->rank - 1];
        padded.dims[type->rank - 1] = type->dims[type->rank - 2];
    }
    int64_t *k = &padded.dims[type->rank - 2], *n = &padded.dims[type->rank - 1];
    if (*n < 0 || *n > INT64_MAX - 16 || *k < 0 || *k == INT64_MAX) return false;
    *n = (*n + 15) / 16 * 16;
    if (pairs) *k += *k % 2;
    return ig_type_bytes(&padded, bytes);
}
