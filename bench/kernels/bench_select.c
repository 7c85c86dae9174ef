/* bench_select.c - what reads much and keeps little: the k best of rows, the place of the largest,
 * and rows of a table by their numbers (embedding). The limit is reading. */
#include "bench/kernels/bench.h"
#include "kernels/top_k/top_k.h"
#include "runtime/graph/op.h"
#include "runtime/ops/block.h"

#include <stdlib.h>

typedef struct {
    const float *x;
    ig_top_k_entry *held; /* room for each worker */
    size_t room, rows, cols, k;
} top_k_job;

static void top_k(void *arg, size_t begin, size_t end, size_t worker)
{
    const top_k_job *j = arg;
    for (size_t r = begin; r < end; r++)
        ig_top_k(j->held + worker * j->room, ig_top_k_beyond_f32(), j->x + r * j->cols, j->cols,
                 j->k, true);
}

static void time_top_k(bench *b, size_t rows, size_t cols, size_t k)
{
    const bench_case c = {.name = "top_k_f32",
                          .family = "top_k_beyond_f32",
                          .unit = BENCH_BYTES,
                          .bytes = 4.0 * (double)rows * (double)cols};
    if (!bench_next(b, &c, "rows=%zu,cols=%zu,k=%zu", rows, cols, k)) return;
    top_k_job j = {.rows = rows, .cols = cols, .k = k};
    j.x = bench_f32(b, rows * cols, -4, 4);
    if (!ig_top_k_room(k, &j.room)) return;
    j.held = bench_take(b, j.room * bench_threads(b) * sizeof *j.held);
    bench_add_parts(b, "ingot", top_k, &j, rows, ig_grain_ns(IG_NS_MOVE * (double)cols));
    bench_run(b);
}

/* ---- ops that need no bind, run as the executor would, with their default attributes ---- */

typedef struct {
    const ig_op *op;
    ig_run run;
    ig_tensor x, index, y;
    const ig_tensor *in[2];
    ig_tensor *out[1];
    _Alignas(16) char attrs[64];
    int64_t *ids;
    size_t windows, turn; /* stretches of the ids, another one each call: no row is in a cache */
} op_job;

static void open_op(op_job *j, const char *name)
{
    j->op = ig_op_find(name);
    ig_attr_defaults(j->attrs, j->op->attrs);
    j->in[0] = &j->x;
    j->in[1] = &j->index;
    j->out[0] = &j->y;
    j->run = (ig_run){.attrs = j->attrs, .in = j->in, .out = j->out, .n_in = 2, .n_out = 1};
}

static void run_op(void *arg, ig_pool *pool)
{
    op_job *j = arg;
    j->run.pool = pool;
    if (j->windows) j->index.data = j->ids + j->turn++ % j->windows * (size_t)j->index.dims[0];
    if (j->op->run(&j->run)) abort();
}

static void time_argmax(bench *b, size_t n)
{
    const bench_case c = {.name = "argmax_f32",
                          .family = "max_rows_f32",
                          .unit = BENCH_BYTES,
                          .bytes = 4.0 * (double)n};
    if (!bench_next(b, &c, "N=%zu", n)) return;
    op_job j = {.x = {.dtype = INGOT_F32, .rank = 1, .dims = {(int64_t)n}}};
    open_op(&j, "arg_reduce");
    j.x.data = bench_f32(b, n, -4, 4);
    j.y.data = bench_take(b, sizeof(int64_t));
    bench_add(b, "ingot", run_op, &j);
    bench_run(b);
}

/* tokens rows, drawn without repetition from a table that no cache holds. */
static void time_gather(bench *b, size_t tokens, size_t size)
{
    const size_t vocab = 2 * bench_uncached(b) / (4 * size), row = 4 * size;
    const bench_case c = {.name = "gather_rows_f32",
                          .unit = BENCH_BYTES,
                          .bytes = (double)tokens * (double)row,
                          .set = (double)vocab * (double)row};
    if (!bench_next(b, &c, "T=%zu,D=%zu", tokens, size)) return;
    op_job j = {.x = {.dtype = INGOT_F32, .rank = 2, .dims = {(int64_t)vocab, (int64_t)size}},
                .index = {.dtype = INGOT_I64, .rank = 1, .dims = {(int64_t)tokens}}};
    open_op(&j, "gather");
    j.x.data = bench_f32(b, vocab * size, -1, 1);
    j.y.data = bench_take(b, tokens * row);
    j.run.scratch = bench_take(b, tokens * sizeof(int64_t));
    j.ids = bench_take(b, vocab * sizeof *j.ids);
    const uint32_t *draw = bench_bytes(b, vocab * sizeof *draw);
    for (size_t i = 0; i < vocab; i++) { /* shuffled (Durstenfeld 1964) */
        const size_t other = draw[i] % (i + 1);
        j.ids[i] = j.ids[other];
        j.ids[other] = (int64_t)i;
    }
    j.windows = vocab / tokens;
    bench_add(b, "ingot", run_op, &j);
    bench_run(b);
}

void bench_select(bench *b)
{
    const size_t vocab = 151936, long_row = bench_uncached(b) / 4;
    time_top_k(b, 1, vocab, 40);
    time_top_k(b, 128, 1000, 5);
    time_top_k(b, bench_uncached(b) / (4 * vocab), vocab, 40);
    time_argmax(b, vocab);
    time_argmax(b, long_row);
    time_gather(b, 512, 768);
    if (bench_quick(b)) return;
    time_top_k(b, 1, vocab, 1000);
    time_top_k(b, 1, vocab, vocab);
    time_top_k(b, 1, long_row, 40);
    time_gather(b, 512, 384);
    time_gather(b, 512, 4096);
}
