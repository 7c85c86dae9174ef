/* index.c - what the ops that are steered by index tensors share; see index.h. */
#include "runtime/ops/index.h"

ingot_status ig_index_check(ig_run *r, const ig_tensor *index, int64_t n)
{
    const size_t count = ig_tensor_elements(index);
    for (size_t i = 0; i < count; i++) {
        const int64_t v = ig_index_at(index, i);
        if (v < -n || v >= n)
            return ig_run_fail(r, "index %zu is %lld, outside -%lld..%lld", i, (long long)v,
                               (long long)n, (long long)n - 1);
    }
    return INGOT_OK;
}

typedef struct {
    char *y;
    const char *x;
    const int64_t *row;
    size_t bytes;
} gather_task;

/* Rows lie anywhere: no stream tells the hardware what comes next until most of a short row is
 * read. Of longer ones it does by itself, and better. */
enum { SHORT = 4096, LINE = 64 }; /* bytes */

static void fetch(const char *row, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += LINE) __builtin_prefetch(row + at);
}

static void gather_range(void *arg, size_t begin, size_t end, size_t worker)
{
    const gather_task *t = arg;
    const size_t b = t->bytes;
    (void)worker;
    if (b == 1 || b == 2 || b == 4 || b == 8 || b == 16) {
        ig_copy_pick(t->y + begin * b, t->x, t->row + begin, b, end - begin);
        return;
    }
    const size_t ahead = b <= SHORT ? SHORT / b : end;
    for (size_t i = begin; i < end; i++) {
        if (ahead < end - i) fetch(t->x + (size_t)t->row[i + ahead] * b, b);
        memcpy(t->y + i * b, t->x + (size_t)t->row[i] * b, b);
    }
}

void ig_rows_gather(ig_pool *pool, void *y, const void *x, const int64_t *row, size_t bytes,
                    size_t n)
{
    gather_task t = {y, x, row, bytes};
    if (bytes && n) ig_parallel(pool, n, ig_grain(bytes), 0, gather_range, &t);
}

ingot_status ig_tuple_rows(ig_run *r, int64_t *row, const ig_tensor *data, const ig_tensor *index,
                           int batch_dims)
{
    const int k = (int)index->dims[index->rank - 1];
    const size_t n = ig_span(index->dims, 0, index->rank - 1);
    const size_t batches = ig_span(index->dims, 0, batch_dims);
    const size_t per_batch = batches ? n / batches : 0;
    for (size_t i = 0; i < n; i++) {
        int64_t at = (int64_t)(i / per_batch);
        for (int d = 0; d < k; d++) {
            const int64_t size = data->dims[batch_dims + d];
            int64_t v = ig_index_at(index, i * (size_t)k + (size_t)d);
            if (!ig_index_ok(&v, size))
                return ig_run_fail(r, "entry %d of index tuple %zu is outside a dimension of %lld",
                                   d, i, (long long)size);
            at = at * size + v;
        }
        row[i] = at;
    }
    return INGOT_OK;
}

void ig_elements_walk(const ig_tensor *data, const ig_tensor *index, int axis, size_t begin,
                      size_t end, ig_walk_fn *fn, void *arg)
{
    ptrdiff_t stride[IG_MAX_RANK];
    const int last = index->rank - 1;
    const int64_t size = data->dims[axis];
    const size_t n = (size_t)index->dims[last];
    ig_strides(stride, data->rank, data->dims);
    for (size_t row = begin; row < end; row++) {
        int64_t base = 0;
        size_t rest = row;
        for (int d = last - 1; d >= 0; d--) {
            if (d != axis) base += (int64_t)(rest % (size_t)index->dims[d]) * stride[d];
            rest /= (size_t)index->dims[d];
        }
        for (size_t j = 0; j < n; j += IG_WALK) {
            int64_t offset[IG_WALK];
            const size_t part = IG_MIN(n - j, (size_t)IG_WALK);
            for (size_t i = 0; i < part; i++) {
                int64_t v = ig_index_at(index, row * n + j + i);
                if (v < 0) v += size;
                offset[i] = base + v * stride[axis] + (axis == last ? 0 : (int64_t)(j + i));
            }
            fn(arg, row * n + j, offset, part);
        }
    }
}
