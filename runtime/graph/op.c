/* op.c - what the files of ops share; see op.h. */
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

ingot_status ig_node_fail(ingot_error *err, ingot_status status, const ig_node *node,
                          const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *op = node->op ? node->op->name : "?";
    return ig_fail(err, status, "node '%.80s' (%s): %s", node->name, op, text);
}

/* ---- infer ---- */

bool ig_has(const ig_infer *c, size_t i) { return i < c->n_in && c->in[i]; }

ingot_status ig_infer_same(ig_infer *c)
{
    for (uint32_t i = 0; i < c->n_out; i++) c->out[i] = *c->in[0];
    return INGOT_OK;
}

bool ig_dim_equal(int64_t a, int64_t b) { return a == b && a != IG_DIM_UNKNOWN; }

bool ig_dim_differ(int64_t a, int64_t b) { return a >= 0 && b >= 0 && a != b; }

/* One dimension of a broadcast; false: 3 against 4. */
static bool broadcast_dim(int64_t *out, int64_t d)
{
    if (*out == 1)
        *out = d;
    else if (d == 1 || ig_dim_equal(*out, d))
        return true;
    else if (*out < 0)
        *out = d >= 0 ? d : IG_DIM_UNKNOWN; /* a size other than 1 wins over a symbol */
    else
        return d < 0; /* ours is a size other than 1 */
    return true;
}

ingot_status ig_infer_broadcast(ig_infer *c, ig_type *out, const ig_type *const *types, size_t n)
{
    int rank = 0;
    for (size_t i = 0; i < n; i++) {
        if (!types[i] || types[i]->rank < 0) {
            out->rank = IG_RANK_UNKNOWN;
            return INGOT_OK;
        }
        rank = IG_MAX(rank, types[i]->rank);
    }
    out->rank = rank;
    for (int d = 0; d < rank; d++) {
        out->dims[d] = 1;
        for (size_t i = 0; i < n; i++) {
            const int at = d - (rank - types[i]->rank);
            if (at < 0 || broadcast_dim(&out->dims[d], types[i]->dims[at])) continue;
            char a[160], b[160];
            ig_type_print(a, sizeof a, types[0], NULL);
            ig_type_print(b, sizeof b, types[i], NULL);
            return ig_infer_fail(c, "shapes %s and %s do not broadcast", a, b);
        }
    }
    return INGOT_OK;
}

ingot_status ig_infer_axis(ig_infer *c, int64_t axis, int rank, int *out)
{
    if (axis < -(int64_t)rank || axis >= rank)
        return ig_infer_fail(c, "axis %lld is outside a tensor of rank %d", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return INGOT_OK;
}

int ig_known_ints(const ig_infer *c, size_t i, int64_t *v, size_t cap)
{
    if (!ig_has(c, i) || !c->known[i]) return -1;
    const ig_tensor *t = c->known[i];
    const ig_dtype_class class_ = ig_dtype(t->dtype)->class_;
    if (class_ != IG_CLASS_INT && class_ != IG_CLASS_UINT && class_ != IG_CLASS_BOOL) return -1;
    const size_t n = ig_tensor_elements(t);
    if (n > cap) return -1;
    for (size_t k = 0; k < n; k++) v[k] = ig_to_int(t->data, t->dtype, k);
    return (int)n;
}

/* ---- run ---- */

static void *side_take(ig_run *r, size_t bytes)
{
    return ig_arena_take(r->side, IG_MAX(bytes, (size_t)IG_ALIGN));
}

ingot_status ig_run_output(ig_run *r, size_t i, ingot_dtype dtype, int rank, const int64_t *dims)
{
    const ig_type type = ig_type_tensor(dtype, rank, dims);
    size_t bytes;
    if (!ig_type_bytes(&type, &bytes))
        return ig_node_fail(r->err, INGOT_E_FULL, r->node, "output %zu is too large", i);
    if (i >= r->n_out || !r->out[i]) return INGOT_OK;
    ig_tensor *t = r->out[i];
    *t = (ig_tensor){.dtype = dtype, .rank = rank};
    memcpy(t->dims, type.dims, sizeof t->dims);
    t->data = side_take(r, bytes);
    if (!t->data)
        return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "output %zu: no memory for %zu bytes",
                            i, bytes);
    return INGOT_OK;
}

ingot_status ig_run_sequence(ig_run *r, size_t i, ingot_dtype dtype, size_t n)
{
    if (i >= r->n_out || !r->out[i]) return INGOT_OK;
    ig_tensor *t = r->out[i];
    *t = (ig_tensor){.kind = IG_SEQUENCE, .dtype = dtype, .rank = 1, .dims = {(int64_t)n}};
    size_t bytes;
    t->data = ig_mul_ok(n, sizeof(ig_tensor), &bytes) ? side_take(r, bytes) : NULL;
    if (!t->data) return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for %zu items", n);
    return INGOT_OK;
}

ingot_str ig_run_text(ig_run *r, const char *p, size_t n)
{
    return (ingot_str){ig_arena_text(r->side, p, n), n};
}

bool ig_run_cancelled(const ig_run *r)
{
    return r->cancel && atomic_load_explicit(r->cancel, memory_order_relaxed);
}

static bool copy_items(ig_tensor *out, const ig_tensor *in, ig_arena *arena, size_t n)
{
    ig_tensor *items = ig_arena_array(arena, IG_MAX(n, (size_t)1), sizeof *items);
    if (!items) return false;
    out->data = items;
    for (size_t i = 0; i < n; i++)
        if (!ig_tensor_copy(&items[i], (const ig_tensor *)in->data + i, arena)) return false;
    return true;
}

static bool copy_strings(ig_tensor *out, const ig_tensor *in, ig_arena *arena, size_t n)
{
    ingot_str *v = ig_arena_array(arena, IG_MAX(n, (size_t)1), sizeof *v);
    if (!v) return false;
    out->data = v;
    for (size_t i = 0; i < n; i++) {
        const ingot_str from = ((const ingot_str *)in->data)[i];
        v[i] = (ingot_str){ig_arena_text(arena, from.p, from.n), from.n};
        if (!v[i].p) return false;
    }
    return true;
}

bool ig_tensor_copy(ig_tensor *out, const ig_tensor *in, ig_arena *arena)
{
    *out = *in;
    if (in->absent) return true;
    const size_t n = ig_tensor_elements(in);
    if (in->kind == IG_SEQUENCE) return copy_items(out, in, arena, n);
    if (in->dtype == INGOT_STR) return copy_strings(out, in, arena, n);
    const size_t bytes = n * ig_dtype(in->dtype)->bytes;
    out->data = ig_arena_take(arena, IG_MAX(bytes, (size_t)IG_ALIGN));
    if (out->data && bytes) memcpy(out->data, in->data, bytes);
    return out->data;
}
