// gemm_pick_cuda.cu - see gemm_pick_cuda.h.
//
// The model: a chip runs waves of blocks; a wave lasts as long as the slowest of what its blocks
// share (matrix units, shared memory, L2), or the latency that the ring cannot hide; then sums are
// stored. The whole cannot be faster than its bytes through device memory. Rates are per cycle and
// multiprocessor; only their ratios matter. What is cut along K pays for partial sums.
#include "kernels/gemm/gemm_pick_cuda.h"

#include <math.h>

static const cu_gemm_block blocks[] = {
    {"gemm_sm80_128x128", CU_GEMM_MMA, 2, 128, 128, 32, 4, 2, 66 << 10, 80, 1000, 1},
    {"gemm_sm80_64x64", CU_GEMM_MMA, 2, 64, 64, 64, 3, 5, 49 << 10, 80, 1000, 1},
    {"gemm_f32_128x128", CU_GEMM_FMA, 4, 128, 128, 16, 3, 2, 66 << 10, 80, 1000, 1},
    {"gemm_f32_64x64", CU_GEMM_FMA, 4, 64, 64, 16, 3, 6, 27 << 10, 80, 1000, 1},
    {"gemm_f32_16x128", CU_GEMM_FMA, 4, 16, 128, 16, 3, 6, 30 << 10, 80, 1000, 1},
    {"gemm_sm90_cooperative", CU_GEMM_WGMMA, 2, 128, 256, 64, 4, 1, 225 << 10, 90, 90, 1},
    {"gemm_sm90_stream_k", CU_GEMM_WGMMA, 2, 128, 256, 64, 4, 1, 225 << 10, 90, 90, 1},
    {"gemm_sm90_ping_pong", CU_GEMM_WGMMA, 2, 128, 128, 64, 6, 1, 225 << 10, 90, 90, 1},
    {"gemm_sm90_cluster", CU_GEMM_WGMMA, 2, 128, 256, 64, 4, 1, 225 << 10, 90, 90, 2},
    {"gemm_sm90_thin16", CU_GEMM_THIN, 2, 16, 128, 64, 5, 2, 91 << 10, 90, 90, 1},
    {"gemm_sm90_thin32", CU_GEMM_THIN, 2, 32, 128, 64, 5, 2, 101 << 10, 90, 90, 1},
    {"gemm_sm90_thin64", CU_GEMM_THIN, 2, 64, 128, 64, 4, 2, 97 << 10, 90, 90, 1},
    {"gemm_sm90_thin128", CU_GEMM_THIN, 2, 128, 128, 64, 6, 1, 193 << 10, 90, 90, 1},
};
static_assert(sizeof blocks / sizeof *blocks == CU_GEMM_VARIANTS, "a block a variant");

extern "C" const cu_gemm_block *cu_gemm_block_of(int variant) { return &blocks[variant]; }

static bool hopper(const cu_gemm_block *b)
{
    return b->kind == CU_GEMM_WGMMA || b->kind == CU_GEMM_THIN;
}

// Multiply-adds a cycle and multiprocessor.
static double mma_rate(int cc, const cu_gemm_block *b)
{
    if (b->kind == CU_GEMM_FMA) return cc == 80 ? 56 : 100;
    if (cc == 80) return 1024;
    if (cc == 90) return hopper(b) ? 2048 : 1100;
    return 512;
}
static double l2_rate(int cc) { return cc == 80 || cc >= 90 ? 40 : 24; }
static double dram_rate(int cc) { return cc == 80 ? 13 : cc >= 90 ? 18 : 6; }
enum { SHARED_RATE = 128, LATENCY = 1000, LAUNCH = 1500 };

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static int64_t tiles_of(const cu_gemm_block *b, const cu_gemm_shape *s)
{
    const int64_t rows = ceil_div(ceil_div(s->m, b->bm), b->cluster) * b->cluster;
    return rows * ceil_div(s->n, b->bn) * s->batch;
}
static int64_t steps_of(const cu_gemm_block *b, const cu_gemm_shape *s)
{
    return ceil_div(s->k, b->bk);
}

struct block_cost {
    double step, floor, fixed, join; // a step of one block; of the latency; begin and end of a
                                     // block; a tile's partial sums out or in
};

static block_cost cost_of(const cu_gemm_block *b, const cu_gemm_shape *s, int cc)
{
    const double bytes = (double)(b->bm + b->bn) * b->bk * b->element;
    // mma.sync: four warps in a square read each operand twice; wgmma: the columns' side is read
    // again for each 64 rows
    const double rows = b->kind == CU_GEMM_THIN ? b->bn : b->bm,
                 cols = b->kind == CU_GEMM_THIN ? b->bm : b->bn;
    const double read = hopper(b) ? (rows + cols * rows / 64) * b->bk * b->element : 2 * bytes;
    const double tile = (double)b->bm * b->bn;
    const double mma = tile * b->bk / mma_rate(cc, b), shared = (read + bytes) / SHARED_RATE,
                 brought = (b->bm + (double)b->bn / b->cluster) * b->bk * b->element,
                 l2 = brought / l2_rate(cc);
    block_cost c;
    c.step = fmax(mma, fmax(shared, l2));
    c.floor = (double)LATENCY / (b->stages - 1);
    c.fixed = LATENCY + tile * s->c_bytes / l2_rate(cc);
    c.join = tile * 4 / l2_rate(cc);
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

// Waves of blocks, K of each tile in `splits` pieces.
static double waves(const cu_gemm_block *b, const cu_gemm_shape *s, const cu_chip *chip, int splits,
                    double split_steps)
{
    const int64_t all = tiles_of(b, s) * splits, per_sm = seats_of(b, chip),
                  seats = chip->processors * per_sm, rest = all % seats;
    block_cost c = cost_of(b, s, chip->cc);
    if (splits > 1) c.fixed += c.join + LATENCY;
    double t = (double)(all / seats) * wave(&c, (double)per_sm, split_steps);
    if (rest) t += wave(&c, (double)ceil_div(rest, chip->processors), split_steps);
    return t + (splits > 1 ? c.join * splits : 0); // the last to arrive reads all pieces
}

// Persistent ping-pong: the epilogue of one tile hides behind the products of the next.
static double turns(const cu_gemm_block *b, const cu_gemm_shape *s, const cu_chip *chip,
                    double steps)
{
    const block_cost c = cost_of(b, s, chip->cc);
    const double each = (double)ceil_div(tiles_of(b, s), chip->processors);
    return each * fmax(steps * fmax(c.step, c.floor), c.fixed / 2) + c.fixed;
}

// Whole waves but one, and what is left over in equal runs of K steps.
static double runs(const cu_gemm_block *b, const cu_gemm_shape *s, const cu_chip *chip,
                   cu_gemm_choice *choice, int64_t steps)
{
    const int64_t tiles = tiles_of(b, s), p = chip->processors, full = tiles / p,
                  whole = (full ? full - 1 : 0) * p, each = ceil_div((tiles - whole) * steps, p);
    const block_cost c = cost_of(b, s, chip->cc);
    choice->whole = (int)whole;
    choice->cut_steps = (int)each;
    const double pieces = fmax(2, ceil_div(steps, each) + 1);
    return (double)(whole / p) * wave(&c, 1, (double)steps) + wave(&c, 1, (double)each) + c.fixed +
           c.join * (2 + pieces) + LATENCY;
}

static double bytes_floor(const cu_gemm_shape *s, const cu_chip *chip)
{
    const double bytes =
        (double)s->element * (double)s->batch * (double)(s->m * s->k + s->n * s->k) +
        (double)s->batch * (double)s->m * (double)s->n * s->c_bytes;
    return bytes / (dram_rate(chip->cc) * chip->processors);
}

extern "C" size_t cu_gemm_choice_room(const cu_gemm_choice *c, const cu_gemm_shape *s,
                                      const cu_chip *chip)
{
    const cu_gemm_block *b = &blocks[c->variant];
    const size_t tile = (size_t)b->bm * b->bn * sizeof(float);
    if (c->cut_steps) return 2 * (size_t)chip->processors * tile;
    return c->splits > 1 ? (size_t)tiles_of(b, s) * c->splits * tile : 0;
}

static bool usable(const cu_gemm_block *b, const cu_gemm_shape *s, const cu_chip *chip)
{
    return b->element == s->element && chip->cc >= b->cc_min && chip->cc <= b->cc_max &&
           seats_of(b, chip) > 0 && (!hopper(b) || s->tma);
}

enum { MOST_SPLITS = 16, LEAST_STEPS = 4 };

// The choice's cycles; false: the variant cannot run so.
static bool price(cu_gemm_choice *c, const cu_gemm_shape *s, const cu_chip *chip)
{
    const cu_gemm_block *b = &blocks[c->variant];
    const int64_t steps = steps_of(b, s), tiles = tiles_of(b, s), each = ceil_div(steps, c->splits);
    double cycles;
    c->split_steps = (int)each;
    if (c->splits > 1 && (!s->may_split || tiles > CU_GEMM_TICKETS || b->kind == CU_GEMM_WGMMA ||
                          each < LEAST_STEPS || ceil_div(steps, each) != c->splits))
        return false;
    if (c->variant == CU_GEMM_STREAM_K) {
        const int64_t left = tiles % chip->processors + chip->processors;
        if (!s->may_split || left * steps > INT32_MAX / 2 || steps < LEAST_STEPS ||
            left > CU_GEMM_TICKETS)
            return false;
        cycles = runs(b, s, chip, c, steps);
    } else if (c->variant == CU_GEMM_PING_PONG) {
        cycles = turns(b, s, chip, (double)steps);
    } else {
        cycles = waves(b, s, chip, c->splits, (double)each);
    }
    // where memory is the bound, what keeps it busy with less wins
    const double floor = bytes_floor(s, chip);
    c->cycles = LAUNCH + fmax(cycles, floor) + 0.05 * fmin(cycles, floor);
    return true;
}

extern "C" cu_gemm_choice cu_gemm_choice_of(const cu_gemm_shape *s, const cu_chip *chip,
                                            int variant, int splits)
{
    cu_gemm_choice c = {};
    c.variant = variant;
    c.splits = splits;
    if (variant < 0 || variant >= CU_GEMM_VARIANTS || splits < 1 || splits > MOST_SPLITS ||
        !usable(&blocks[variant], s, chip) || !price(&c, s, chip))
        return cu_gemm_choice{};
    return c;
}

// The cheapest of the variant; no splits: it cannot run.
static cu_gemm_choice best_of(const cu_gemm_shape *s, const cu_chip *chip, int variant)
{
    cu_gemm_choice best = {};
    if (!usable(&blocks[variant], s, chip)) return best;
    for (int splits = 1; splits <= MOST_SPLITS; splits++) {
        cu_gemm_choice c = {};
        c.variant = variant;
        c.splits = splits;
        if (price(&c, s, chip) && (!best.splits || c.cycles < best.cycles)) best = c;
    }
    return best;
}

// Stream-K without tiles to cut is the cooperative kernel.
static bool pointless(const cu_gemm_shape *s, const cu_chip *chip, int variant)
{
    return variant == CU_GEMM_STREAM_K && tiles_of(&blocks[variant], s) % chip->processors == 0;
}

extern "C" int cu_gemm_rank(cu_gemm_choice *out, int most, const cu_gemm_shape *s,
                            const cu_chip *chip)
{
    int n = 0;
    for (int v = 0; v < CU_GEMM_VARIANTS; v++) {
        const cu_gemm_choice c = pointless(s, chip, v) ? cu_gemm_choice{} : best_of(s, chip, v);
        if (!c.splits) continue;
        int at = n;
        while (at > 0 && c.cycles < out[at - 1].cycles) at--;
        if (at >= most) continue;
        if (n < most) n++;
        for (int i = n - 1; i > at; i--) out[i] = out[i - 1];
        out[at] = c;
    }
    return n;
}

extern "C" cu_gemm_choice cu_gemm_pick(const cu_gemm_shape *s, const cu_chip *chip, int only)
{
    cu_gemm_choice best = {};
    if (only >= 0) return best_of(s, chip, only);
    (void)cu_gemm_rank(&best, 1, s, chip);
    return best;
}
