// gemm_pick_cuda.cu - see gemm_pick_cuda.h.
//
// The model: a chip runs waves of blocks; a wave lasts as long as the slowest of what its blocks
// share (matrix units, shared memory, L2), or the latency that the ring cannot hide; then sums are
// stored. The whole cannot be faster than its bytes through device memory. Rates are per cycle and
// multiprocessor; only their ratios matter. What is cut along K pays for partial sums.
#include "kernels/gemm/gemm_pick_cuda.h"

#include <math.h>

static const cu_gemm_block blocks[] = {
    {"gemm_sm80_128x128", 2, 128, 128, 32, 4, 2, 66 << 10, 80, 1000, false},
    {"gemm_sm80_64x64", 2, 64, 64, 64, 3, 5, 49 << 10, 80, 1000, false},
    {"gemm_f32_128x128", 4, 128, 128, 16, 3, 2, 66 << 10, 80, 1000, false},
    {"gemm_f32_64x64", 4, 64, 64, 16, 3, 6, 27 << 10, 80, 1000, false},
    {"gemm_f32_16x128", 4, 16, 128, 16, 3, 6, 30 << 10, 80, 1000, false},
};
static_assert(sizeof blocks / sizeof *blocks == CU_GEMM_VARIANTS, "a block a variant");

extern "C" const cu_gemm_block *cu_gemm_block_of(cu_gemm_variant v) { return &blocks[v]; }

// Multiply-adds a cycle and multiprocessor.
static double mma_rate(int cc, int element, bool wgmma)
{
    if (element == 4) return cc == 80 ? 56 : 100;
    if (cc == 80) return 1024;
    if (cc == 90) return wgmma ? 2048 : 1280;
    return 512;
}
static double l2_rate(int cc) { return cc == 80 || cc >= 90 ? 40 : 24; }
static double dram_rate(int cc) { return cc == 80 ? 13 : cc >= 90 ? 18 : 6; }
enum { SHARED_RATE = 128, LATENCY = 1000, LAUNCH = 1500 };

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct block_cost {
    double step, floor, fixed; // a step of one block, of the latency; begin and end of a block
};

static block_cost cost_of(const cu_gemm_block *b, const cu_gemm_shape *s, int cc, int splits)
{
    const double bytes = (double)(b->bm + b->bn) * b->bk * b->element;
    // mma.sync: four warps in a square read each operand twice; wgmma: b once for every 64 rows
    const double read =
        b->tma ? ((double)b->bm + b->bn * (b->bm / 64.0)) * b->bk * b->element : 2 * bytes;
    const double mma = (double)b->bm * b->bn * b->bk / mma_rate(cc, b->element, b->tma),
                 shared = (read + bytes) / SHARED_RATE, l2 = bytes / l2_rate(cc);
    const double tile = (double)b->bm * b->bn;
    block_cost c;
    c.step = fmax(mma, fmax(shared, l2));
    c.floor = (double)LATENCY / (b->stages - 1);
    c.fixed = LATENCY + tile * s->c_bytes / l2_rate(cc);
    if (splits > 1) c.fixed += tile * 4 / l2_rate(cc) + LATENCY;
    return c;
}

// Cycles of `r` blocks of `steps` side by side on a multiprocessor.
static double wave(const block_cost *c, double r, double steps)
{
    return steps * fmax(r * c->step, c->floor) + r * c->fixed;
}

// Blocks that a multiprocessor holds; a block may have all of its shared memory but 1 KB.
static int64_t seats_of(const cu_gemm_block *b, const cu_chip *chip)
{
    const int by_memory = (chip->shared_bytes + 1024) / (b->shared_bytes + 1024);
    return by_memory < b->per_sm ? by_memory : b->per_sm;
}

static double cycles(const cu_gemm_block *b, const cu_gemm_shape *s, const cu_chip *chip,
                     int splits, int64_t split_steps)
{
    const int64_t tiles = ceil_div(s->m, b->bm) * ceil_div(s->n, b->bn) * s->batch,
                  all = tiles * splits, per_sm = seats_of(b, chip),
                  seats = chip->processors * per_sm;
    const block_cost c = cost_of(b, s, chip->cc, splits);
    const double full = (double)(all / seats) * wave(&c, (double)per_sm, (double)split_steps);
    const int64_t rest = all % seats;
    const double last =
        rest ? wave(&c, (double)ceil_div(rest, chip->processors), (double)split_steps) : 0;
    const double bytes = (double)s->element * (s->terms > 1 ? 3 : 1) * s->batch *
                             (double)(s->m * s->k + s->n * s->k) +
                         (double)s->batch * s->m * s->n * s->c_bytes;
    // the last block of a tile reads the partial sums of all
    const double join = splits > 1 ? (double)b->bm * b->bn * 4 * splits / l2_rate(chip->cc) : 0;
    return LAUNCH + join + fmax(full + last, bytes / (dram_rate(chip->cc) * chip->processors));
}

static bool runs(const cu_gemm_block *b, const cu_gemm_shape *s, const cu_chip *chip)
{
    return b->element == s->element && chip->cc >= b->cc_min && chip->cc <= b->cc_max &&
           seats_of(b, chip) > 0 && (!b->tma || s->tma);
}

extern "C" size_t cu_gemm_choice_room(cu_gemm_choice c, int64_t m, int64_t n, int64_t batch)
{
    const cu_gemm_block *b = &blocks[c.variant];
    const int64_t tiles = ceil_div(m, b->bm) * ceil_div(n, b->bn) * batch;
    return c.splits > 1 ? (size_t)tiles * c.splits * b->bm * b->bn * sizeof(float) : 0;
}

extern "C" cu_gemm_choice cu_gemm_pick(const cu_gemm_shape *s, const cu_chip *chip, int only)
{
    enum { MOST_SPLITS = 16, LEAST_STEPS = 4, MOST_TILES = 4096 };
    cu_gemm_choice best = {};
    best.cycles = INFINITY;
    for (int v = 0; v < CU_GEMM_VARIANTS; v++) {
        const cu_gemm_block *b = &blocks[v];
        if (!runs(b, s, chip) || (only >= 0 && v != only)) continue;
        const int64_t steps = ceil_div(s->k, b->bk) * s->terms,
                      tiles = ceil_div(s->m, b->bm) * ceil_div(s->n, b->bn) * s->batch;
        for (int splits = 1; splits <= MOST_SPLITS; splits++) {
            const int64_t each = ceil_div(steps, splits);
            if (splits > 1 && (!s->may_split || tiles > MOST_TILES || each < LEAST_STEPS ||
                               ceil_div(steps, each) != splits))
                continue;
            const double t = cycles(b, s, chip, splits, each);
            if (t < best.cycles) {
                best.variant = (cu_gemm_variant)v;
                best.splits = splits;
                best.split_steps = (int)each;
                best.cycles = t;
            }
        }
    }
    return best;
}
