/* top_k.c - the k largest or smallest along an axis, with their indices.
 *
 * Equal elements come in the order of their indices; NaN counts as the largest. The result is
 * sorted whether asked for or not. f32 along its last axis goes by kernels/top_k, at the speed of
 * reading it; any other row keeps a heap of k candidates with the worst on top, then sorts it:
 * O(n log k). */
#include "kernels/top_k/top_k.h"
#include "runtime/ops/block.h"
#include "runtime/ops/move.h"
#include "runtime/ops/order.h"

typedef struct {
    int64_t axis, largest, sorted;
} top_k_attrs;

static const ig_attr fields[] = {IG_INT(top_k_attrs, axis, -1),
                                 IG_INT(top_k_attrs, largest, 1),
                                 IG_INT(top_k_attrs, sorted, 1),
                                 {0}};

static ingot_status infer(ig_infer *c)
{
    const top_k_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    IG_TRY(ig_infer_ints(c, 1));
    if (x->dtype && !ig_order_has(x->dtype))
        return ig_infer_fail(c, "%s has no order", ig_dtype(x->dtype)->name);
    c->out[0] = *x;
    if (x->rank >= 0) {
        int axis;
        int64_t k = IG_DIM_UNKNOWN;
        IG_TRY(ig_infer_axis(c, a->axis, x->rank, &axis));
        if (c->known[1] && (ig_known_ints(c, 1, &k, 1) != 1 || k < 0))
            return ig_infer_fail(c, "k must be one integer, 0 or more");
        if (x->dims[axis] >= 0 && k > x->dims[axis])
            return ig_infer_fail(c, "k is %lld, the dimension has %lld", (long long)k,
                                 (long long)x->dims[axis]);
        c->out[0].dims[axis] = k;
    }
    if (c->n_out > 1) c->out[1] = c->out[0];
    if (c->n_out > 1) c->out[1].dtype = INGOT_I64;
    return INGOT_OK;
}

typedef struct {
    uint64_t key; /* larger is better */
    int64_t index;
} candidate;

/* What one thread needs for a row. */
static bool row_bytes(bool fast, size_t k, size_t *bytes)
{
    size_t n = k;
    return (!fast || ig_top_k_room(k, &n)) &&
           ig_mul_ok(n, fast ? sizeof(ig_top_k_entry) : sizeof(candidate), bytes) &&
           ig_align_ok(*bytes, IG_ALIGN, bytes);
}

static bool has_kernel(ingot_dtype dtype, int rank, const int64_t *dims, int axis)
{
    return dtype == INGOT_F32 && axis == rank - 1 && (uint64_t)dims[axis] < UINT32_MAX;
}

static ingot_status bind(ig_bind *b)
{
    const top_k_attrs *a = b->attrs;
    const ig_type *in = b->in[0], *out = b->out[0] ? b->out[0] : b->n_out > 1 ? b->out[1] : NULL;
    if (!out) return INGOT_OK;
    const int axis = (int)(a->axis < 0 ? a->axis + in->rank : a->axis);
    const bool fast = has_kernel(in->dtype, in->rank, in->dims, axis);
    size_t bytes;
    if (!row_bytes(fast, (size_t)out->dims[axis], &bytes) ||
        !ig_mul_ok(bytes, b->n_threads, &b->scratch_bytes))
        return ig_bind_fail(b, "k is too large");
    b->kernel = fast ? "rows" : "heap";
    return INGOT_OK;
}

static bool worse(const candidate *a, const candidate *b)
{
    return a->key != b->key ? a->key < b->key : a->index > b->index;
}

/* Restore the heap (worst on top) below `at`. */
static void sift(candidate *heap, size_t n, size_t at)
{
    const candidate moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && worse(&heap[child + 1], &heap[child])) child++;
        if (!worse(&heap[child], &moved)) break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

/* Best first. */
static void sort_heap(candidate *heap, size_t n)
{
    for (; n > 1; n--) {
        const candidate worst = heap[0];
        heap[0] = heap[n - 1];
        heap[n - 1] = worst;
        sift(heap, n - 1, 0);
    }
}

typedef struct {
    const ig_tensor *x;
    char *values;
    int64_t *indices;
    char *scratch; /* row_bytes for each worker */
    size_t row_bytes, n, k, inner;
    uint64_t flip; /* all ones: smallest first */
    top_k_beyond_fn *beyond;
} top_k_task;

static void one_row(const top_k_task *t, candidate *heap, size_t outer, size_t inner)
{
    const size_t bytes = ig_elem(t->x->dtype), base = outer * t->n * t->inner + inner;
    for (size_t i = 0; i < t->n; i++) {
        const uint64_t key = ig_order_key(t->x->data, t->x->dtype, base + i * t->inner) ^ t->flip;
        const candidate next = {key, (int64_t)i};
        if (i < t->k) {
            heap[i] = next;
            if (i + 1 == t->k)
                for (size_t at = t->k / 2; at-- > 0;) sift(heap, t->k, at);
        } else if (worse(&heap[0], &next)) {
            heap[0] = next;
            sift(heap, t->k, 0);
        }
    }
    sort_heap(heap, t->k);
    for (size_t j = 0; j < t->k; j++) {
        const size_t to = (outer * t->k + j) * t->inner + inner;
        const size_t from = base + (size_t)heap[j].index * t->inner;
        if (t->values)
            memcpy(t->values + to * bytes, (const char *)t->x->data + from * bytes, bytes);
        if (t->indices) t->indices[to] = heap[j].index;
    }
}

static void kernel_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    const top_k_task *t = arg;
    ig_top_k_entry *held = (ig_top_k_entry *)(void *)(t->scratch + worker * t->row_bytes);
    for (size_t row = begin; row < end; row++) {
        const float *x = (const float *)t->x->data + row * t->n;
        ig_top_k(held, t->beyond, x, t->n, t->k, !t->flip);
        for (size_t j = 0; j < t->k; j++) {
            const size_t at = ig_top_k_index(held[j]), to = row * t->k + j;
            if (t->values) ((float *)(void *)t->values)[to] = x[at];
            if (t->indices) t->indices[to] = (int64_t)at;
        }
    }
}

static void heap_rows(void *arg, size_t begin, size_t end, size_t worker)
{
    const top_k_task *t = arg;
    candidate *heap = (candidate *)(void *)(t->scratch + worker * t->row_bytes);
    for (size_t row = begin; row < end; row++) one_row(t, heap, row / t->inner, row % t->inner);
}

static ingot_status run(ig_run *r)
{
    const top_k_attrs *a = r->attrs;
    const ig_tensor *x = r->in[0];
    const int axis = (int)(a->axis < 0 ? a->axis + x->rank : a->axis);
    int64_t k;
    if (ig_tensor_ints(r->in[1], &k, 1) != 1 || k < 0 || k > x->dims[axis])
        return ig_run_fail(r, "k must be one integer in 0..%lld", (long long)x->dims[axis]);
    top_k_task t = {.x = x, .scratch = r->scratch, .n = (size_t)x->dims[axis], .k = (size_t)k};
    t.values = r->out[0] ? r->out[0]->data : NULL;
    t.indices = r->n_out > 1 && r->out[1] ? r->out[1]->data : NULL;
    t.inner = ig_span(x->dims, axis + 1, x->rank);
    t.flip = a->largest ? 0 : UINT64_MAX;
    const bool fast = has_kernel(x->dtype, x->rank, x->dims, axis);
    if (t.k == 0) return INGOT_OK;
    if (!row_bytes(fast, t.k, &t.row_bytes)) return ig_run_fail(r, "k is too large");
    if (fast) t.beyond = ig_top_k_beyond_f32();
    const double each =
        fast ? IG_NS_MOVE * (double)t.n + IG_NS_LIBM * (double)t.k : 4 * IG_NS_BLOCK * (double)t.n;
    ig_parallel(r->pool, ig_span(x->dims, 0, axis) * t.inner, ig_grain_ns(each), 0,
                fast ? kernel_rows : heap_rows, &t);
    return INGOT_OK;
}

const ig_op ig_op_top_k = {
    .name = "top_k",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 2,
    .attrs = fields,
    .attrs_bytes = sizeof(top_k_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
