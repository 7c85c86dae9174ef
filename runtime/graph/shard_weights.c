/* shard_weights.c - see shard_weights.h. */
#include "runtime/graph/shard_weights.h"
#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"

#include <string.h>

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "a rank's share of the weights: no memory");
}

/* A constant like w with other dims and content. */
static ingot_status put(ig_id *out, ig_graph *to, const ig_value *w, const int64_t *dims,
                        const void *data, ingot_error *err)
{
    *out = ig_graph_const(to, w->name, w->type.dtype, w->type.rank, dims, data);
    if (*out == IG_NO_VALUE) return no_memory(err);
    ig_value *v = &to->values[*out];
    v->layout = w->layout;
    size_t bytes;
    if (!ig_layout_bytes(&v->type, v->layout, &bytes))
        return ig_fail(err, INGOT_E_UNSUPPORTED, "'%s': a share of it is too large", w->name);
    v->data_bytes = bytes;
    return INGOT_OK;
}

/* Zeroed memory for a value of these dims in w's layout. */
static void *room(ig_graph *to, const ig_value *w, const int64_t *dims)
{
    ig_type type = w->type;
    memcpy(type.dims, dims, (size_t)type.rank * sizeof *dims);
    size_t bytes;
    if (!ig_layout_bytes(&type, w->layout, &bytes)) return NULL;
    void *p = ig_arena_take(&to->arena, IG_MAX(bytes, (size_t)IG_ALIGN));
    if (p) memset(p, 0, bytes);
    return p;
}

size_t ig_shard_unit(const ig_shard_matrix *m)
{
    return m->format ? ig_q_slice_unit(m->format) : 1;
}

/* How many matrices: the dims before the last two. */
static size_t matrices(const ig_value *w)
{
    size_t n = 1;
    for (int d = 0; d + 2 < w->type.rank; d++) n *= (size_t)w->type.dims[d];
    return n;
}

/* ---- pieces ----
 * Columns in runs, and rows k of each: what a share is made of. */

typedef struct {
    const ig_value *w;
    const ig_shard_matrix *m;
    ig_runs columns;
    ig_run_of k;
} piece;

/* Bytes of a panel of 16 columns and k rows; 0: w does not lie in panels. */
static size_t panel_bytes(const piece *p, size_t k)
{
    ig_q_layout l;
    if (p->m->format) return ig_q_layout_of(&l, p->m->format, k) ? l.panel_bytes : 0;
    if (p->w->layout != IG_P16) return 0;
    const ingot_dtype t = p->w->type.dtype;
    return (t == INGOT_BF16 ? ig_gemm_even(k) : k) * IG_PANEL * ig_dtype(t)->bytes;
}

static bool set_dims(int64_t *dims, const piece *p)
{
    const int r = p->w->type.rank;
    const size_t k = p->k.end - p->k.begin, n = ig_runs_width(&p->columns);
    memcpy(dims, p->w->type.dims, IG_MAX_RANK * sizeof *dims);
    dims[r - 2] = (int64_t)(p->m->format ? ig_q_panels(n) : k);
    dims[r - 1] = (int64_t)(p->m->format ? panel_bytes(p, k) : n);
    return dims[r - 1] > 0;
}

static bool whole_panels(const piece *p)
{
    for (size_t i = 0; i < p->columns.n; i++) {
        const ig_run_of r = p->columns.v[i];
        const bool last = i + 1 == p->columns.n && r.end == p->m->n;
        if (r.begin % IG_PANEL || (r.end % IG_PANEL && !last)) return false;
    }
    return panel_bytes(p, p->m->k) != 0;
}

/* All of k, whole panels. */
static void copy_panels(char *to, const char *from, const piece *p)
{
    const size_t each = panel_bytes(p, p->m->k);
    for (size_t i = 0; i < p->columns.n; i++) {
        const size_t begin = p->columns.v[i].begin / IG_PANEL,
                     n = ig_gemm_panels(p->columns.v[i].end) - begin;
        memcpy(to, from + begin * each, n * each);
        to += n * each;
    }
}

/* Where a float of W [k, n] lies. */
static size_t element_at(const ig_value *w, size_t k_all, size_t n_all, size_t k, size_t n)
{
    if (w->layout != IG_P16) return k * n_all + n;
    const size_t panel = n / IG_PANEL, column = n % IG_PANEL;
    if (w->type.dtype != INGOT_BF16) return (panel * k_all + k) * IG_PANEL + column;
    return (panel * ig_gemm_even(k_all) + k / 2 * 2) * IG_PANEL + column * 2 + k % 2;
}

static void copy_column(char *to, size_t n_to, const char *from, size_t n, const piece *p)
{
    const size_t rows = p->k.end - p->k.begin, width = ig_runs_width(&p->columns);
    if (p->m->format) {
        ig_q_slice((uint8_t *)to, n_to, (const uint8_t *)from, n, p->m->format, p->m->k, p->k.begin,
                   p->k.end);
        return;
    }
    const size_t each = ig_dtype(p->w->type.dtype)->bytes;
    for (size_t k = 0; k < rows; k++)
        memcpy(to + element_at(p->w, rows, width, k, n_to) * each,
               from + element_at(p->w, p->m->k, p->m->n, p->k.begin + k, n) * each, each);
}

static ingot_status take_piece(ig_id *out, ig_graph *to, const piece *p, ingot_error *err)
{
    int64_t dims[IG_MAX_RANK];
    const ig_value *w = p->w;
    const size_t count = matrices(w), k = p->k.end - p->k.begin;
    const bool all_k = k == p->m->k, panels = all_k && whole_panels(p);
    if (!set_dims(dims, p))
        return ig_fail(err, INGOT_E_UNSUPPORTED, "'%s': a share of it is too large", w->name);
    if (panels && count == 1 && p->columns.n == 1)
        return put(out, to, w, dims,
                   (const char *)w->data + p->columns.v[0].begin / IG_PANEL * panel_bytes(p, k),
                   err);
    char *made = room(to, w, dims);
    if (!made) return no_memory(err);
    const int matrix = w->type.rank - 2;
    const ig_type one = ig_type_tensor(w->type.dtype, 2, w->type.dims + matrix),
                  share = ig_type_tensor(w->type.dtype, 2, dims + matrix);
    size_t from_bytes, to_bytes; /* of one matrix */
    if (!ig_layout_bytes(&one, w->layout, &from_bytes) ||
        !ig_layout_bytes(&share, w->layout, &to_bytes))
        return no_memory(err);
    for (size_t i = 0; i < count; i++) {
        const char *from = (const char *)w->data + i * from_bytes;
        char *at = made + i * to_bytes;
        if (panels) copy_panels(at, from, p);
        for (size_t r = 0, n = 0; !panels && r < p->columns.n; r++)
            for (size_t c = p->columns.v[r].begin; c < p->columns.v[r].end; c++)
                copy_column(at, n++, from, c, p);
    }
    return put(out, to, w, dims, made, err);
}

ingot_status ig_shard_columns(ig_id *out, ig_graph *to, const ig_value *w, const ig_shard_matrix *m,
                              const ig_runs *runs, ingot_error *err)
{
    return take_piece(out, to, &(piece){w, m, *runs, {0, m->k}}, err);
}

ingot_status ig_shard_rows(ig_id *out, ig_graph *to, const ig_value *w, const ig_shard_matrix *m,
                           ig_run_of run, ingot_error *err)
{
    const size_t unit = ig_shard_unit(m);
    if (run.begin % unit || (run.end % unit && run.end != m->k))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "'%s': such weights are cut at multiples of %zu rows, not at %zu and %zu",
                       w->name, unit, run.begin, run.end);
    return take_piece(out, to, &(piece){w, m, {.v = {{0, m->n}}, .n = 1}, run}, err);
}

/* ---- vectors ---- */

ingot_status ig_shard_vector(ig_id *out, ig_graph *to, const ig_value *v, const ig_runs *runs,
                             ingot_error *err)
{
    int64_t dims[IG_MAX_RANK];
    const int r = v->type.rank;
    memcpy(dims, v->type.dims, sizeof dims);
    const size_t each = ig_dtype(v->type.dtype)->bytes, columns = (size_t)dims[r - 1];
    dims[r - 1] = (int64_t)ig_runs_width(runs);
    char *made = room(to, v, dims), *at = made;
    if (!made) return no_memory(err);
    size_t rows = 1;
    for (int d = 0; d + 1 < r; d++) rows *= (size_t)dims[d];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < runs->n; j++) {
            const size_t n = runs->v[j].end - runs->v[j].begin;
            memcpy(at, (const char *)v->data + (i * columns + runs->v[j].begin) * each, n * each);
            at += n * each;
        }
    return put(out, to, v, dims, made, err);
}
