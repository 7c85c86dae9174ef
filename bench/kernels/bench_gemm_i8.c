/* bench_gemm_i8.c - exact products of u8 activations and s8 weights, finished to u8: rows are
 * packed in each call where the kernel does not read them as they are, as the op does. */
#include "bench/kernels/bench.h"
#include "bench/kernels/peers.h"
#include "kernels/gemm_i8/gemm_i8.h"

enum { ROWS = 48, COLS = 256, PANELS = COLS / GEMM_I8_PANEL };

typedef struct {
    gemm_i8_fn *gemm;
    gemm_i8_acts_fn *pack;
    gemm_i8_args p;
    size_t m, blocks, block_bytes;
    const uint8_t *a;
    char *acts;
    bool raw;
} job;

/* Blocks of rows. */
static void pack(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    for (size_t i = begin; i < end; i++)
        j->pack(j->acts + i * j->block_bytes, NULL, j->a + i * ROWS * j->p.k, false,
                IG_MIN(j->m - i * ROWS, (size_t)ROWS), j->p.k, j->p.k);
}

/* Blocks of rows that meet one block of columns follow each other. */
static void tiles(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const size_t panels = (j->p.n + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL;
    (void)worker;
    for (size_t i = begin; i < end; i++) {
        const size_t row = i % j->blocks, first = i / j->blocks * PANELS;
        gemm_i8_args p = j->p;
        p.acts = j->acts + row * j->block_bytes;
        if (j->raw) p.acts = j->a + row * ROWS * p.k, p.acts_row = p.k;
        p.y = (uint8_t *)p.y + row * ROWS * p.y_row;
        j->gemm(&p, 0, IG_MIN(j->m - row * ROWS, (size_t)ROWS), first,
                IG_MIN(first + PANELS, panels));
    }
}

static void run(void *arg, ig_pool *pool)
{
    const job *j = arg;
    const size_t col_blocks = (j->p.n + COLS - 1) / COLS, each = j->p.k * ROWS * COLS;
    if (!j->raw) ig_parallel(pool, j->blocks, 32768 / (j->p.k * ROWS + 1) + 1, 0, pack, arg);
    ig_parallel(pool, j->blocks * col_blocks, 131072 / (each + 1) + 1, 0, tiles, arg);
}

static void fill(bench *b, job *j, size_t m, size_t n, size_t k)
{
    const size_t n16 = (n + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL * GEMM_I8_PANEL;
    size_t panel_bytes = 0, block_bytes = 0;
    const bool fits = ig_gemm_i8_weight_bytes(n, k, &panel_bytes) &&
                      ig_gemm_i8_acts_bytes(IG_MIN(m, (size_t)ROWS), k, &block_bytes);
    *j = (job){.gemm = ig_gemm_i8(), .pack = ig_gemm_i8_acts(), .m = m};
    j->raw = ig_gemm_i8_raw() && k % 4 == 0;
    j->blocks = (m + ROWS - 1) / ROWS;
    j->block_bytes = (block_bytes + 63) / 64 * 64;
    int8_t *panels = bench_take(b, fits ? panel_bytes : SIZE_MAX);
    int32_t *w_sum = bench_take(b, n16 * sizeof *w_sum);
    ig_gemm_i8_pack_weights(panels, w_sum, bench_bytes(b, n * k), true, n, k, k, 1);
    j->a = bench_bytes(b, m * k);
    j->acts = bench_take(b, j->blocks * j->block_bytes);
    const i8_finish finish = {.to = I8_TO_BYTES,
                              .start = bench_i32(b, n16, -1000, 1000),
                              .scale = bench_f32(b, n16, 1e-4f, 1e-3f),
                              .high = 255};
    j->p = (gemm_i8_args){
        .y = bench_take(b, m * n), .panels = panels, .finish = finish, .n = n, .k = k, .y_row = n};
}

static void time_product(bench *b, size_t m, size_t n, size_t k)
{
    const double md = (double)m, nd = (double)n, kd = (double)k;
    const bench_case c = {.name = "gemm_i8",
                          .family = "gemm_i8",
                          .compute = BENCH_MAC_I8,
                          .flop = 2 * md * nd * kd,
                          .bytes = md * kd + kd * nd + md * nd};
    job j;
    if (!bench_next(b, &c, "M=%zu,N=%zu,K=%zu", m, n, k)) return;
    fill(b, &j, m, n, k);
    bench_add(b, "ingot", run, &j);
    bench_vs_gemm_i8(b, m, n, k, true);
    bench_run(b);
}

void bench_gemm_i8(bench *b)
{
    static const size_t products[][3] = {
        {256, 256, 256}, {1024, 1024, 1024}, {1, 4096, 4096},  {16, 4096, 4096}, {128, 768, 768},
        {128, 384, 384}, {128, 3072, 768},   {128, 768, 3072}, {3136, 64, 576},  {196, 1024, 256}};
    size_t one[3];
    if (bench_product(b, one)) {
        time_product(b, one[0], one[1], one[2]);
        return;
    }
    for (size_t i = 0; i < IG_LEN(products); i++)
        if (!bench_quick(b) || i < 6)
            time_product(b, products[i][0], products[i][1], products[i][2]);
}
