/* unique.c - the distinct elements, or the distinct slices along an axis.
 *
 * Outputs: the values, where each first occurs, for each input which value it is, and how often it
 * occurs. Sorted (slices by their elements in order), or in the order of first occurrence. A merge
 * sort of the input's positions finds equal ones side by side; it is stable, so the first of each
 * group is the first occurrence. */
#include "runtime/ops/index.h"
#include "runtime/ops/order.h"

typedef struct {
    int64_t axis, sorted; /* axis IG_NO_AXIS: of the flattened input */
} unique_attrs;

static const ig_attr fields[] = {
    IG_INT(unique_attrs, axis, IG_NO_AXIS), IG_INT(unique_attrs, sorted, 1), {0}};

static ingot_status infer(ig_infer *c)
{
    const unique_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = ig_infer_like(c);
    if (x->dtype && !ig_order_has(x->dtype) && x->dtype != INGOT_STR)
        return ig_infer_fail(c, "%s has no order", ig_dtype(x->dtype)->name);
    int axis = 0;
    if (a->axis == IG_NO_AXIS) {
        out->rank = 1;
    } else if (x->rank >= 0) {
        IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
        *out = *x;
    }
    if (out->rank > 0) out->dims[axis] = IG_DIM_UNKNOWN;
    for (uint32_t i = 1; i < c->n_out; i++)
        c->out[i] = (ig_type){.dtype = INGOT_I64, .rank = 1, .dims = {IG_DIM_UNKNOWN}};
    /* one for each input: its number is known where theirs is */
    size_t n;
    if (c->n_out > 2 && a->axis != IG_NO_AXIS && x->rank >= 0)
        c->out[2].dims[0] = x->dims[axis];
    else if (c->n_out > 2 && a->axis == IG_NO_AXIS && ig_type_static(x) && ig_type_elements(x, &n))
        c->out[2].dims[0] = (int64_t)n;
    return INGOT_OK;
}

/* The input as [outer, n, inner]: slice i is x[:, i, :]. */
typedef struct {
    const void *x;
    ingot_dtype dtype;
    size_t outer, n, inner;
} slices;

static int compare(const slices *s, int64_t a, int64_t b)
{
    for (size_t o = 0; o < s->outer; o++)
        for (size_t i = 0; i < s->inner; i++) {
            const size_t at = (o * s->n + (size_t)a) * s->inner + i;
            const size_t bt = (o * s->n + (size_t)b) * s->inner + i;
            if (s->dtype == INGOT_STR) {
                const ingot_str *v = s->x;
                const int order = ig_order_strings(&v[at], &v[bt]);
                if (order) return order;
                continue;
            }
            const uint64_t ka = ig_order_key(s->x, s->dtype, at);
            const uint64_t kb = ig_order_key(s->x, s->dtype, bt);
            if (ka != kb) return ka < kb ? -1 : 1;
        }
    return 0;
}

static void merge(const slices *s, int64_t *to, const int64_t *a, size_t na, const int64_t *b,
                  size_t nb)
{
    while (na && nb) {
        if (compare(s, *a, *b) <= 0) {
            *to++ = *a++;
            na--;
        } else {
            *to++ = *b++;
            nb--;
        }
    }
    memcpy(to, a, na * sizeof *a);
    memcpy(to + na, b, nb * sizeof *b);
}

/* Sort the positions 0..n-1; returns which of the two buffers holds them. */
static int64_t *sort(const slices *s, int64_t *a, int64_t *b)
{
    const size_t n = s->n;
    for (size_t i = 0; i < n; i++) a[i] = (int64_t)i;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t i = 0; i < n; i += 2 * width) {
            const size_t middle = IG_MIN(i + width, n), end = IG_MIN(i + 2 * width, n);
            merge(s, b + i, a + i, middle - i, a + middle, end - middle);
        }
        int64_t *const swap = a;
        a = b;
        b = swap;
    }
    return a;
}

/* What a run finds; arrays of n. */
typedef struct {
    int64_t *order, *group, *first, *count, *name;
    size_t n_groups;
} found;

static void find_groups(const slices *s, found *f)
{
    for (size_t i = 0; i < s->n; i++) {
        if (i == 0 || compare(s, f->order[i - 1], f->order[i])) {
            f->first[f->n_groups] = f->order[i];
            f->count[f->n_groups++] = 0;
        }
        f->count[f->n_groups - 1]++;
        f->group[f->order[i]] = (int64_t)f->n_groups - 1;
    }
}

/* Rename the groups by first occurrence. The sorted order is not needed any more. */
static void unsort(const slices *s, found *f)
{
    int64_t *const count = f->order, next = 0;
    for (size_t g = 0; g < f->n_groups; g++) {
        f->name[g] = -1;
        count[g] = f->count[g];
    }
    for (size_t i = 0; i < s->n; i++) {
        int64_t *const name = &f->name[f->group[i]];
        if (*name < 0) {
            *name = next++;
            f->first[*name] = (int64_t)i;
        }
    }
    for (size_t g = 0; g < f->n_groups; g++) f->count[f->name[g]] = count[g];
    for (size_t i = 0; i < s->n; i++) f->group[i] = f->name[f->group[i]];
}

static ingot_status bind(ig_bind *b)
{
    size_t n;
    if (!ig_type_elements(b->in[0], &n) || !ig_mul_ok(n, 6 * sizeof(int64_t), &b->scratch_bytes))
        return ig_bind_fail(b, "the input is too large");
    return INGOT_OK;
}

static ingot_status put_ints(ig_run *r, size_t output, const int64_t *v, size_t n)
{
    if (output >= r->n_out || !r->out[output]) return INGOT_OK;
    IG_TRY(ig_run_output(r, output, INGOT_I64, 1, (int64_t[]){(int64_t)n}));
    if (n) memcpy(r->out[output]->data, v, n * sizeof *v);
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    const unique_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    const bool flat = a->axis == IG_NO_AXIS;
    const int axis = flat ? 0 : (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    slices s = {x->data, x->dtype, 1, ig_tensor_elements(x), 1};
    int64_t dims[IG_MAX_RANK] = {0};
    if (!flat) {
        memcpy(dims, x->dims, sizeof dims);
        s.outer = ig_span(x->dims, 0, axis);
        s.inner = ig_span(x->dims, axis + 1, x->rank);
        s.n = (size_t)x->dims[axis];
        if (s.n && ig_tensor_elements(x) == 0)
            return ig_run_fail(r, "the slices along axis %d are empty", axis);
    }
    int64_t *v = r->scratch;
    found f = {.group = v + 2 * s.n, .first = v + 3 * s.n, .count = v + 4 * s.n};
    f.name = v + 5 * s.n;
    f.order = sort(&s, v, v + s.n);
    find_groups(&s, &f);
    if (!a->sorted) unsort(&s, &f);
    dims[axis] = (int64_t)f.n_groups;
    IG_TRY(ig_run_output(r, 0, x->dtype, flat ? 1 : x->rank, dims));
    const size_t row = s.inner * ig_elem(x->dtype);
    for (size_t o = 0; o < s.outer && r->out[0]; o++)
        ig_rows_gather(r->pool, (char *)r->out[0]->data + o * f.n_groups * row,
                       (const char *)x->data + o * s.n * row, f.first, row, f.n_groups);
    IG_TRY(put_ints(r, 1, f.first, f.n_groups));
    IG_TRY(put_ints(r, 2, f.group, s.n));
    return put_ints(r, 3, f.count, f.n_groups);
}

const ig_op ig_op_unique = {
    .name = "unique",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 4,
    .flags = IG_OP_ALLOCATES,
    .attrs = fields,
    .attrs_bytes = sizeof(unique_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
