/* broadcast.c - see broadcast.h. */
#include "runtime/ops/broadcast.h"
#include "runtime/base/checked.h"
#include "runtime/ops/block.h"

#include <string.h>

/* Strides of one operand in the rank of the result; 0 on repeated dimensions. */
static bool operand_strides(int64_t *stride, const ig_type *out, const ig_type *in)
{
    const int lead = out->rank - in->rank;
    int64_t s = 1;
    if (lead < 0) return false;
    memset(stride, 0, sizeof(int64_t) * IG_MAX_RANK);
    for (int d = in->rank - 1; d >= 0; d--) {
        const int64_t size = in->dims[d], want = out->dims[d + lead];
        if (size != want && size != 1) return false;
        stride[d + lead] = size == 1 ? 0 : s;
        s *= size;
    }
    return true;
}

/* Dimension d can be walked together with the joined one behind it: every operand either repeats on
 * both or steps from one to the other without a gap. */
static bool joins(const ig_broadcast *b, const int64_t *last, int64_t outer[][IG_MAX_RANK], int d)
{
    for (size_t k = 0; k < b->n; k++)
        if (outer[k][d] != last[k] * b->dims[b->rank - 1]) return false;
    return true;
}

bool ig_broadcast_make(ig_broadcast *b, const ig_type *out, const ig_type *const *in, size_t n)
{
    int64_t full[IG_BROADCAST_MAX][IG_MAX_RANK];
    *b = (ig_broadcast){.n = n, .each_ns = IG_NS_BLOCK};
    if (n > IG_BROADCAST_MAX || !ig_type_elements(out, &b->total)) return false;
    for (size_t k = 0; k < n; k++)
        if (!operand_strides(full[k], out, in[k])) return false;
    for (int d = out->rank - 1; d >= 0; d--) { /* built back to front, turned round below */
        if (out->dims[d] == 1) continue;
        int64_t last[IG_BROADCAST_MAX];
        for (size_t k = 0; k < n; k++) last[k] = b->rank ? b->stride[k][b->rank - 1] : 0;
        if (b->rank && joins(b, last, full, d)) {
            b->dims[b->rank - 1] *= out->dims[d];
            continue;
        }
        b->dims[b->rank] = out->dims[d];
        for (size_t k = 0; k < n; k++) b->stride[k][b->rank] = full[k][d];
        b->rank++;
    }
    if (!b->rank) b->dims[b->rank++] = 1;
    for (int i = 0, j = b->rank - 1; i < j; i++, j--) {
        const int64_t dim = b->dims[i];
        b->dims[i] = b->dims[j], b->dims[j] = dim;
        for (size_t k = 0; k < n; k++) {
            const int64_t s = b->stride[k][i];
            b->stride[k][i] = b->stride[k][j], b->stride[k][j] = s;
        }
    }
    return true;
}

typedef struct {
    const ig_broadcast *b;
    size_t longest;
    ig_broadcast_fn *fn;
    void *arg;
} walk;

/* The position of result element `at`: index per dimension, offset per operand. */
static void seek(const ig_broadcast *b, size_t at, int64_t *index, int64_t *offset)
{
    memset(offset, 0, sizeof(int64_t) * IG_BROADCAST_MAX);
    for (int d = b->rank - 1; d >= 0; d--) {
        index[d] = (int64_t)(at % (size_t)b->dims[d]);
        at /= (size_t)b->dims[d];
        for (size_t k = 0; k < b->n; k++) offset[k] += index[d] * b->stride[k][d];
    }
}

static void advance(const ig_broadcast *b, int64_t *index, int64_t *offset, int64_t by)
{
    int d = b->rank - 1;
    index[d] += by;
    for (size_t k = 0; k < b->n; k++) offset[k] += by * b->stride[k][d];
    for (; d > 0 && index[d] == b->dims[d]; d--) {
        index[d] = 0;
        index[d - 1]++;
        for (size_t k = 0; k < b->n; k++)
            offset[k] += b->stride[k][d - 1] - b->dims[d] * b->stride[k][d];
    }
}

static void walk_range(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const walk *w = arg;
    const ig_broadcast *b = w->b;
    int64_t index[IG_MAX_RANK], offset[IG_BROADCAST_MAX];
    const int inner = b->rank - 1;
    seek(b, begin, index, offset);
    ig_broadcast_part part = {.at = begin};
    for (size_t k = 0; k < b->n; k++) part.step[k] = (size_t)b->stride[k][inner];
    while (part.at < end) {
        part.n = IG_MIN((size_t)(b->dims[inner] - index[inner]), end - part.at);
        if (w->longest) part.n = IG_MIN(part.n, w->longest);
        for (size_t k = 0; k < b->n; k++) part.in[k] = (size_t)offset[k];
        w->fn(w->arg, &part);
        part.at += part.n;
        advance(b, index, offset, (int64_t)part.n);
    }
}

void ig_broadcast_run(const ig_broadcast *b, ig_pool *pool, size_t longest, ig_broadcast_fn *fn,
                      void *arg)
{
    walk w = {b, longest, fn, arg};
    if (b->total) ig_parallel(pool, b->total, ig_grain_ns(b->each_ns), 0, walk_range, &w);
}
