/* weights.c - tensors by name and references to their rows; see weights.h. What is made of them is
 * in pack.c. */
#include "formats/llm/weights.h"
#include "kernels/gemm_q/q_e4m3.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"

#include <stdlib.h>
#include <string.h>

/* ---- plain types ---- */

static void widen_f32(float *to, const void *from, size_t n) { memcpy(to, from, n * sizeof *to); }

static void widen_f16(float *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, (const char *)from + i * sizeof h, sizeof h);
        to[i] = ig_f16_to_f32(h);
    }
}

static void widen_bf16(float *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        memcpy(&h, (const char *)from + i * sizeof h, sizeof h);
        to[i] = ig_bf16_to_f32(h);
    }
}

static void widen_f64(float *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x;
        memcpy(&x, (const char *)from + i * sizeof x, sizeof x);
        to[i] = (float)x;
    }
}

const ig_stored_type ig_stored_f32 = {"F32", 1, 4, INGOT_F32, NULL, widen_f32, NULL};
const ig_stored_type ig_stored_f16 = {"F16", 1, 2, INGOT_F16, NULL, widen_f16, NULL};
const ig_stored_type ig_stored_bf16 = {"BF16", 1, 2, INGOT_BF16, NULL, widen_bf16, NULL};
const ig_stored_type ig_stored_f64 = {"F64", 1, 8, INGOT_F32, NULL, widen_f64, NULL};

/* ---- floats of 8 bits: the values of scales are the tensor's ---- */

static void widen_f8(float *to, const void *from, size_t n)
{
    const uint8_t *q = from;
    for (size_t i = 0; i < n; i++) to[i] = (q[i] & 0x7f) == 0x7f ? NAN : q_from_e4m3(q[i]);
}

static void split_f8(const ig_split *to, const void *from, size_t n) { memcpy(to->q, from, n); }

const ig_stored_type ig_stored_f8 = {"F8_E4M3", 1, 1, INGOT_F32, "f8c", widen_f8, split_f8};
const ig_stored_type ig_stored_f8_blocks = {"F8_E4M3", 1,        1,       INGOT_F32,
                                            "f8g128",  widen_f8, split_f8};

static float scale_at(const ig_scales *s, size_t row, size_t col)
{
    return s ? s->v[row / s->rows * s->across + col / s->cols] : 1;
}

static bool is_f8(const ig_stored *t)
{
    return t->type == &ig_stored_f8 || t->type == &ig_stored_f8_blocks;
}

static ingot_status split_scales(const ig_split *to, const ig_stored *t, const ig_q_format *f,
                                 size_t row, size_t cols, ingot_error *err)
{
    const size_t group = f->group ? f->group : IG_MAX(cols, (size_t)1);
    for (size_t at = 0; at < cols; at += group) {
        to->scale[at / group] = scale_at(t->scales, row, at);
        to->offset[at / group] = 0;
    }
    for (size_t i = 0; i < cols; i++)
        if ((to->q[i] & 0x7f) == 0x7f)
            return ig_fail(err, INGOT_E_DATA, "tensor '%.120s' holds NaN in row %zu", t->name, row);
    return INGOT_OK;
}

/* ---- targets ---- */

const char *const ig_weight_targets[] = {"keep", "f32", "f16",       "bf16", "q8",
                                         "q4",   "fp8", "fp8-block", NULL};

int ig_weight_target_named(const char *name)
{
    for (int i = 0; ig_weight_targets[i]; i++)
        if (!strcmp(ig_weight_targets[i], name)) return i;
    return -1;
}

bool ig_stored_bytes(const ig_stored_type *type, int rank, const int64_t *dims, size_t *bytes)
{
    size_t n = 1;
    for (int d = 0; d < rank; d++)
        if (dims[d] < 0 || !ig_mul_ok(n, (size_t)dims[d], &n)) return false;
    if (rank && (size_t)dims[rank - 1] % type->block) return false;
    return ig_mul_ok(n / type->block, type->block_bytes, bytes);
}

/* ---- the table ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ig_stored *)a)->name, ((const ig_stored *)b)->name);
}

ingot_status ig_checkpoint_sort(ig_checkpoint *c, ingot_error *err)
{
    if (c->n) qsort(c->tensors, c->n, sizeof *c->tensors, by_name);
    for (size_t i = 1; i < c->n; i++)
        if (!by_name(&c->tensors[i - 1], &c->tensors[i]))
            return ig_fail(err, INGOT_E_FORMAT, "tensor '%.120s' is there twice",
                           c->tensors[i].name);
    return INGOT_OK;
}

ig_stored *ig_checkpoint_find(const ig_checkpoint *c, const char *name)
{
    const ig_stored key = {.name = name};
    return c->n ? bsearch(&key, c->tensors, c->n, sizeof key, by_name) : NULL;
}

void ig_checkpoint_unused(const ig_checkpoint *c, const ig_log *log)
{
    size_t n = 0;
    const char *first = NULL;
    for (size_t i = 0; i < c->n; i++) {
        if (c->tensors[i].used) continue;
        if (!n++) first = c->tensors[i].name;
        ig_log_say(log, IG_LOG_INFO, "tensor '%s' is not used", c->tensors[i].name);
    }
    if (n)
        ig_log_say(log, IG_LOG_WARN, "%zu of %zu tensors are not used, the first is '%s'", n, c->n,
                   first);
}

/* ---- references ---- */

/* The tensor as a matrix; a vector is one row. */
static void matrix_of(const ig_stored *t, size_t *rows, size_t *cols)
{
    *rows = 1;
    for (int d = 0; d + 1 < t->rank; d++) *rows *= (size_t)t->dims[d];
    *cols = (size_t)t->dims[t->rank - 1];
}

static bool by_columns(const ig_rows *r) { return r->turned || r->tensor->rank == 1; }

ig_rows ig_rows_of(ig_stored *tensor, bool turned)
{
    ig_rows r = {.tensor = tensor, .turned = turned, .count = 1};
    if (!tensor) return (ig_rows){0};
    size_t rows, cols;
    matrix_of(tensor, &rows, &cols);
    r.block = r.stride = by_columns(&r) ? cols : rows;
    tensor->used = true;
    return r;
}

ig_rows ig_rows_cut(ig_rows r, size_t first, size_t n)
{
    r.first += first;
    r.block = r.stride = n;
    return r;
}

size_t ig_rows_k(const ig_rows *r)
{
    size_t rows, cols;
    matrix_of(r->tensor, &rows, &cols);
    return by_columns(r) ? rows : cols;
}

static size_t row_at(const ig_rows *r, size_t i)
{
    return r->first + i / r->block * r->stride + i % r->block;
}

static ingot_status still_whole(const ig_stored *t, ingot_error *err)
{
    if (!t->bad || !atomic_load(t->bad)) return INGOT_OK;
    return ig_fail(err, INGOT_E_IO, "tensor '%.120s': its file was cut off while it was read",
                   t->name);
}

ingot_status ig_rows_read(float *to, const ig_rows *r, size_t i, ingot_error *err)
{
    const ig_stored *t = r->tensor;
    const ig_stored_type *type = t->type;
    const size_t at = row_at(r, i);
    size_t rows, cols;
    matrix_of(t, &rows, &cols);
    if (by_columns(r))
        for (size_t k = 0; k < rows; k++)
            type->widen(to + k, t->data + (k * cols + at) * type->block_bytes, 1);
    else
        type->widen(to, t->data + at * (cols / type->block) * type->block_bytes, cols);
    for (size_t k = 0, n = by_columns(r) ? rows : cols; t->scales && k < n; k++)
        to[k] *= by_columns(r) ? scale_at(t->scales, k, at) : scale_at(t->scales, at, k);
    return still_whole(t, err);
}

bool ig_rows_splits(const ig_rows *r, const ig_q_format *f)
{
    const ig_stored_type *t = r->tensor->type;
    if (by_columns(r) || !t->split) return false;
    /* whole rows are groups with one scale as well */
    return !strcmp(t->format, f->name) || (t == &ig_stored_f8 && f->offset == IG_Q_E4M3);
}

ingot_status ig_rows_split(const ig_split *to, const ig_rows *r, const ig_q_format *f, size_t i,
                           ingot_error *err)
{
    const ig_stored *t = r->tensor;
    const ig_stored_type *type = t->type;
    const size_t cols = (size_t)t->dims[t->rank - 1];
    type->split(to, t->data + row_at(r, i) * (cols / type->block) * type->block_bytes, cols);
    if (is_f8(t)) IG_TRY(split_scales(to, t, f, row_at(r, i), cols, err));
    return still_whole(t, err);
}
