/* bench_layout.c - transposes: NCHW to NHWC and back, a matrix, bytes. */
#include "bench/kernels/bench.h"
#include "kernels/transpose/transpose.h"

enum { COLS = 16 }; /* of one task: lines of y stay apart */

typedef struct {
    char *y;
    const char *x;
    transpose_shape shape;
    size_t element;
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    transpose_shape s = j->shape;
    (void)worker;
    const size_t from = begin * COLS, to = IG_MIN(end * COLS, s.cols);
    s.cols = to - from;
    ig_transpose(j->element)(j->y + from * s.y_row * j->element, j->x + from * j->element, &s);
}

static void time_matrix(bench *b, size_t element, size_t rows, size_t cols)
{
    static const char *const families[] = {[1] = "transpose_b1", [4] = "transpose_b4"};
    const size_t n = rows * cols * element;
    const bench_case c = {.name = element == 1 ? "transpose_i8" : "transpose_f32",
                          .family = families[element],
                          .unit = BENCH_BYTES,
                          .bytes = 2 * (double)n,
                          .copies = true};
    if (!bench_next(b, &c, "rows=%zu,cols=%zu", rows, cols)) return;
    job j = {bench_take(b, n), bench_bytes(b, n), {1, rows, cols, 0, cols, 0, rows}, element};
    const size_t items = (cols + COLS - 1) / COLS;
    bench_add_parts(b, "ingot", part, &j, items, 131072 / (COLS * rows * element) + 1);
    bench_run(b);
}

void bench_layout(bench *b)
{
    const size_t side = 4096, tall = bench_uncached(b) / (4 * side);
    time_matrix(b, 4, 128, 256);
    time_matrix(b, 4, 64, 3136);
    if (!bench_quick(b)) time_matrix(b, 4, 3136, 64);
    time_matrix(b, 4, tall, side);
    if (!bench_quick(b)) time_matrix(b, 1, 512, 512);
}
