/* sizes.c - see sizes.h. One sweep in topological order: an op's own infer, given names instead of
 * unknown dimensions, tells most; the few ops that turn shapes into vectors and vectors into shapes
 * are followed here. */
#include "runtime/graph/sizes.h"
#include "runtime/graph/match.h"
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <string.h>

/* A small vector (or scalar) of integers. A name is a dimension's; unsure entries are unlike all
 * others. */
typedef struct {
    bool known; /* how many there are */
    int n;
    int64_t v[IG_MAX_RANK];
    enum { UNSURE, NUMBER, NAME } kind[IG_MAX_RANK];
} vector;

struct ig_sizes {
    const ig_graph *g;
    ig_arena *arena;
    ig_type *types;
    vector **vectors;
    int64_t *most; /* by value, for a Slice: its one new name is at most that one; 0: none */
};

const ig_type *ig_sizes_type(const ig_sizes *s, ig_id id) { return &s->types[id]; }

bool ig_sizes_same(const ig_sizes *s, ig_id a, ig_id b)
{
    const ig_type *x = &s->types[a], *y = &s->types[b];
    if (x->kind != IG_TENSOR || y->kind != IG_TENSOR || x->rank < 0 || x->rank != y->rank)
        return false;
    return !x->rank || !memcmp(x->dims, y->dims, (size_t)x->rank * sizeof *x->dims);
}

/* The name of dimension d of a value: after those of the graph's symbols. */
static int64_t fresh(const ig_sizes *s, ig_id id, int d)
{
    return IG_DIM_SYMBOL((int64_t)s->g->symbols->n + (int64_t)id * IG_MAX_RANK + d);
}

static void name_open_dims(const ig_sizes *s, ig_id id)
{
    ig_type *t = &s->types[id];
    for (int d = 0; t->kind == IG_TENSOR && d < t->rank; d++)
        if (t->dims[d] == IG_DIM_UNKNOWN) t->dims[d] = fresh(s, id, d);
}

/* ---- vectors ---- */

static void push(vector *v, int64_t x, int kind)
{
    if (v->n < IG_MAX_RANK) {
        v->v[v->n] = x;
        v->kind[v->n] = kind;
    }
    v->known = v->known && v->n < IG_MAX_RANK;
    v->n++;
}

static void push_dim(vector *v, int64_t dim) { push(v, dim, dim >= 0 ? NUMBER : NAME); }

static bool constant_vector(const ig_value *value, vector *v)
{
    const ig_dtype_class class_ = ig_dtype(value->type.dtype)->class_;
    size_t n;
    if (!value->is_const || value->fill || value->layout != IG_PLAIN ||
        value->type.kind != IG_TENSOR || (class_ != IG_CLASS_INT && class_ != IG_CLASS_UINT) ||
        value->type.rank > 1 || !ig_type_elements(&value->type, &n) || n > IG_MAX_RANK)
        return false;
    *v = (vector){.known = true};
    for (size_t i = 0; i < n; i++) {
        const double x = ig_to_double(value->data, value->type.dtype, i);
        if (x >= -0x1p53 && x <= 0x1p53)
            push(v, (int64_t)x, NUMBER);
        else
            push(v, x > 0 ? INT64_MAX : INT64_MIN, NUMBER);
    }
    return true;
}

static bool vector_of(const ig_sizes *s, const ig_node *n, uint32_t i, vector *v)
{
    *v = (vector){0};
    if (i >= n->n_in || n->in[i] == IG_NO_VALUE) return false;
    if (constant_vector(&s->g->values[n->in[i]], v)) return true;
    const vector *have = s->vectors[n->in[i]];
    if (have) *v = *have;
    return have;
}

static bool numbers(const ig_sizes *s, const ig_node *n, uint32_t i, vector *v)
{
    bool all = vector_of(s, n, i, v);
    for (int k = 0; all && k < v->n; k++) all = v->kind[k] == NUMBER;
    return all;
}

static bool one_number(const ig_sizes *s, const ig_node *n, uint32_t i, int64_t absent, int64_t *x)
{
    vector v;
    *x = absent;
    if (i >= n->n_in || n->in[i] == IG_NO_VALUE) return true;
    if (!numbers(s, n, i, &v) || v.n != 1) return false;
    *x = v.v[0];
    return true;
}

static int64_t clipped(int64_t at, int n)
{
    if (at < 0) at = at < -n ? 0 : at + n;
    return IG_MIN(at, (int64_t)n);
}

static bool shape_vector(const ig_sizes *s, const ig_node *n, vector *v)
{
    const ig_type *t = &s->types[n->in[0]];
    if (t->kind != IG_TENSOR || t->rank < 0) return false;
    const int64_t begin = clipped(ig_attr_int(n, "start"), t->rank);
    const int64_t end = clipped(ig_attr_int(n, "end"), t->rank);
    v->known = true;
    for (int64_t d = begin; d < end; d++) push_dim(v, t->dims[d]);
    return true;
}

static bool gathered_vector(const ig_sizes *s, const ig_node *n, vector *v)
{
    vector from, at;
    if (!vector_of(s, n, 0, &from) || !numbers(s, n, 1, &at) ||
        s->g->values[n->in[0]].type.rank != 1)
        return false;
    v->known = true;
    for (int i = 0; i < at.n; i++) {
        const int64_t k = at.v[i] < 0 ? at.v[i] + from.n : at.v[i];
        if (k < 0 || k >= from.n) return false;
        push(v, from.v[k], from.kind[k]);
    }
    return true;
}

static bool sliced_vector(const ig_sizes *s, const ig_node *n, vector *v)
{
    vector from;
    int64_t begin, end, axis, step;
    if (!vector_of(s, n, 0, &from) || !one_number(s, n, 1, 0, &begin) ||
        !one_number(s, n, 2, 0, &end) || !one_number(s, n, 3, 0, &axis) ||
        !one_number(s, n, 4, 1, &step) || (axis != 0 && axis != -1) || step != 1)
        return false;
    v->known = true;
    for (int64_t k = clipped(begin, from.n); k < clipped(end, from.n); k++)
        push(v, from.v[k], from.kind[k]);
    return true;
}

static bool joined_vector(const ig_sizes *s, const ig_node *n, vector *v)
{
    v->known = true;
    for (uint32_t i = 0; i < n->n_in; i++) {
        vector part;
        if (!vector_of(s, n, i, &part)) return false;
        for (int k = 0; k < part.n; k++) push(v, part.v[k], part.kind[k]);
    }
    return v->known;
}

static bool find_vector(const ig_sizes *s, const ig_node *n, vector *v)
{
    *v = (vector){0};
    if (ig_is(n, "shape", NULL)) return shape_vector(s, n, v);
    if (ig_is(n, "gather", NULL)) return gathered_vector(s, n, v);
    if (ig_is(n, "slice", NULL)) return sliced_vector(s, n, v);
    if (ig_is(n, "concat", NULL)) return joined_vector(s, n, v);
    if (ig_is(n, "unsqueeze", NULL) || ig_is(n, "squeeze", NULL) || ig_is(n, "identity", NULL) ||
        ig_is(n, "reshape", NULL))
        return vector_of(s, n, 0, v);
    if (!ig_is(n, "cast", NULL)) return false;
    const ingot_dtype to = s->types[n->out[0]].dtype; /* narrower ones could wrap */
    return (to == INGOT_I64 || to == INGOT_I32) && vector_of(s, n, 0, v);
}

static bool keep_vector(ig_sizes *s, const ig_node *n)
{
    vector v;
    if (n->n_out < 1 || n->out[0] == IG_NO_VALUE || s->types[n->out[0]].rank > 1 ||
        !find_vector(s, n, &v))
        return true;
    s->vectors[n->out[0]] = ig_arena_copy(s->arena, &v, sizeof v);
    return s->vectors[n->out[0]];
}

/* ---- shapes from vectors ---- */

/* Strike one of `names` that is x; false: it is not there. */
static bool strike(int64_t *names, int *n, int64_t x)
{
    int at = 0;
    while (at < *n && names[at] != x) at++;
    if (at == *n) return false;
    names[at] = names[--*n];
    return true;
}

/* The dimension that makes the elements of `out` those of `in`; IG_DIM_UNKNOWN: cannot tell. */
static int64_t remaining(const ig_type *in, const ig_type *out, int hole)
{
    int64_t names[IG_MAX_RANK], size = 1, rest = 1;
    int n = 0;
    for (int d = 0; d < in->rank; d++) {
        if (in->dims[d] < 0)
            names[n++] = in->dims[d];
        else if (!ig_mul_ok(size, in->dims[d], &size))
            return IG_DIM_UNKNOWN;
    }
    for (int d = 0; d < out->rank; d++) {
        if (d == hole) continue;
        if (out->dims[d] < 0 ? !strike(names, &n, out->dims[d])
                             : !ig_mul_ok(rest, out->dims[d], &rest))
            return IG_DIM_UNKNOWN;
    }
    if (rest < 1 || size % rest) return IG_DIM_UNKNOWN;
    if (n == 0) return size / rest;
    return n == 1 && size == rest ? names[0] : IG_DIM_UNKNOWN;
}

static void reshape(const ig_sizes *s, const ig_node *n, ig_type *out)
{
    const ig_type *in = &s->types[n->in[0]];
    const bool zero_copies = !ig_attr_int(n, "allowzero");
    vector v;
    int hole = -1;
    if (!vector_of(s, n, 1, &v) || in->rank < 0) return;
    out->rank = v.n;
    for (int d = 0; d < v.n; d++) {
        out->dims[d] = v.kind[d] == UNSURE ? IG_DIM_UNKNOWN : v.v[d];
        if (v.kind[d] != NUMBER) continue;
        if (v.v[d] == 0 && zero_copies) out->dims[d] = d < in->rank ? in->dims[d] : 0;
        if (v.v[d] == -1) hole = d;
    }
    for (int d = 0; d < v.n; d++)
        if (d != hole && out->dims[d] == IG_DIM_UNKNOWN) return;
    if (hole >= 0) out->dims[hole] = remaining(in, out, hole);
}

static int64_t broadcast(int64_t a, int64_t b)
{
    if (a == 1 || a == b) return b;
    if (b == 1 || a > 1) return a;
    return b > 1 ? b : IG_DIM_UNKNOWN;
}

static void expand(const ig_sizes *s, const ig_node *n, ig_type *out)
{
    const ig_type *in = &s->types[n->in[0]];
    vector v;
    if (!vector_of(s, n, 1, &v) || in->rank < 0) return;
    out->rank = IG_MAX(v.n, in->rank);
    for (int d = 0; d < out->rank; d++) {
        const int i = d - (out->rank - in->rank), k = d - (out->rank - v.n);
        const int64_t target = k < 0 ? 1 : v.kind[k] == UNSURE ? IG_DIM_UNKNOWN : v.v[k];
        out->dims[d] =
            target == IG_DIM_UNKNOWN ? target : broadcast(i < 0 ? 1 : in->dims[i], target);
    }
}

/* x [.., 512, ..][0 : n]: at most n long. Positions are taken so from a table, and added to what
 * has n rows: there it is n, or 1 of which all are equal. */
static void slice(ig_sizes *s, const ig_node *n)
{
    const ig_type *out = &s->types[n->out[0]];
    vector end;
    int64_t begin, axis, step;
    if (!vector_of(s, n, 2, &end) || end.n != 1 || end.kind[0] != NAME ||
        !one_number(s, n, 1, 0, &begin) || !one_number(s, n, 3, 0, &axis) ||
        !one_number(s, n, 4, 1, &step) || begin != 0 || step != 1 || out->rank < 1)
        return;
    if (axis < 0) axis += out->rank;
    if (axis >= 0 && axis < out->rank && out->dims[axis] == fresh(s, n->out[0], (int)axis) &&
        s->types[n->in[0]].dims[axis] >= 1)
        s->most[n->out[0]] = end.v[0];
}

/* a and b broadcast to each other. Is a at most b, by a Slice? Then both together are b. */
static bool at_most(const ig_sizes *s, int64_t a, int64_t b)
{
    const int64_t first = IG_DIM_SYMBOL((int64_t)s->g->symbols->n);
    if (a > first || b >= 0) return false;
    const size_t id = (size_t)(first - a) / IG_MAX_RANK;
    return id < s->g->n_values && s->most[id] == b;
}

static void meet(const ig_sizes *s, ig_type *a, ig_type *b)
{
    for (int d = 1; d <= IG_MIN(a->rank, b->rank); d++) {
        int64_t *x = &a->dims[a->rank - d], *y = &b->dims[b->rank - d];
        if (at_most(s, *x, *y)) *x = *y;
        if (at_most(s, *y, *x)) *y = *x;
    }
}

/* ---- the sweep ---- */

typedef struct {
    ig_type *in;
    const ig_type **in_types;
    const ig_tensor **known;
    ig_tensor *tensors;
    ig_type *out;
} frame;

static bool frame_fill(frame *f, const ig_sizes *s, const ig_node *n, ig_arena *a)
{
    f->in = ig_new_n(a, ig_type, n->n_in);
    f->in_types = ig_new_n(a, const ig_type *, n->n_in);
    f->known = ig_new_n(a, const ig_tensor *, n->n_in);
    f->tensors = ig_new_n(a, ig_tensor, n->n_in);
    f->out = ig_new_n(a, ig_type, n->n_out);
    if (!f->in || !f->in_types || !f->known || !f->tensors || !f->out) return false;
    for (uint32_t i = 0; i < n->n_in; i++) {
        const ig_value *v = ig_value_at(s->g, n->in[i]);
        if (!v) continue;
        f->in[i] = s->types[n->in[i]];
        f->in_types[i] = &f->in[i];
        if (!v->is_const || v->fill || v->layout != IG_PLAIN) continue;
        f->tensors[i] = (ig_tensor){.dtype = v->type.dtype, .rank = v->type.rank};
        memcpy(f->tensors[i].dims, v->type.dims, sizeof v->type.dims);
        f->tensors[i].data = (void *)(uintptr_t)v->data;
        f->known[i] = &f->tensors[i];
    }
    if (ig_is(n, "binary", NULL)) meet(s, &f->in[0], &f->in[1]);
    return true;
}

/* What inference tells wins where it tells something. */
static void merge(ig_type *type, const ig_type *told)
{
    if (told->kind != IG_TENSOR || told->rank < 0) return;
    const ig_type declared = *type;
    memcpy(type->dims, told->dims, sizeof type->dims);
    type->rank = told->rank;
    for (int d = 0; d < type->rank && declared.rank == told->rank; d++)
        if (type->dims[d] == IG_DIM_UNKNOWN) type->dims[d] = declared.dims[d];
}

/* A symbol that the model declares for a cut length says less than the name that slice() follows.
 */
static void forget_symbols(ig_type *type)
{
    for (int d = 0; d < type->rank; d++)
        if (IG_DIM_IS_SYMBOL(type->dims[d])) type->dims[d] = IG_DIM_UNKNOWN;
}

static bool sweep(ig_sizes *s, const ig_node *n, ig_arena *a)
{
    frame f;
    if (!frame_fill(&f, s, n, a)) return false;
    const bool told = !ig_node_infer(n, f.in_types, f.known, f.out, NULL);
    if (told && ig_is(n, "reshape", NULL)) reshape(s, n, &f.out[0]);
    if (told && ig_is(n, "expand", NULL)) expand(s, n, &f.out[0]);
    for (uint32_t o = 0; o < n->n_out; o++) {
        if (n->out[o] == IG_NO_VALUE) continue;
        if (told && ig_is(n, "slice", NULL)) forget_symbols(&s->types[n->out[o]]);
        if (told) merge(&s->types[n->out[o]], &f.out[o]);
        name_open_dims(s, n->out[o]);
    }
    if (ig_is(n, "slice", NULL)) slice(s, n);
    return keep_vector(s, n);
}

ig_sizes *ig_sizes_open(const ig_graph *g, ig_arena *a, ig_heap *heap)
{
    ig_sizes *s = ig_new(a, ig_sizes);
    if (!s) return NULL;
    *s = (ig_sizes){.g = g,
                    .arena = a,
                    .types = ig_new_n(a, ig_type, g->n_values),
                    .vectors = ig_new_n(a, vector *, g->n_values),
                    .most = ig_new_n(a, int64_t, g->n_values)};
    if (!s->types || !s->vectors || !s->most) return NULL;
    for (size_t i = 0; i < g->n_values; i++) s->types[i] = g->values[i].type;
    for (size_t i = 0; i < g->n_inputs; i++) name_open_dims(s, g->inputs[i]);
    ig_arena passing;
    ig_arena_init(&passing, heap);
    bool ok = true;
    for (size_t i = 0; ok && i < g->n_nodes; i++) {
        ig_arena_reset(&passing);
        ok = sweep(s, g->nodes[i], &passing);
    }
    ig_arena_clear(&passing);
    return ok ? s : NULL;
}
