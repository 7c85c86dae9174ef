/* bench_layout.c - transposes: NCHW to NHWC and back, a matrix, bytes. */
#include "bench/kernels/bench.h"
#include "kernels/copy/copy.h"
#include "runtime/ops/block.h"

typedef struct {
    char *y;
    const char *x;
    ig_copy copy;
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_copy_units(&j->copy, j->y, j->x, begin, end);
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
    job j = {.y = bench_take(b, n), .x = bench_bytes(b, n)};
    ig_copy_plan(&j.copy, element, 2, (size_t[]){cols, rows}, (ptrdiff_t[]){(ptrdiff_t)rows, 1},
                 (ptrdiff_t[]){1, (ptrdiff_t)cols});
    bench_add_parts(b, "ingot", part, &j, j.copy.units, 131072 / ig_copy_unit_bytes(&j.copy) + 1);
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
