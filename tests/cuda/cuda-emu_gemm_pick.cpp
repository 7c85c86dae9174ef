// The choice of a product's variant: a pure function, on an H200 and an A100.
#include "kernels/gemm/gemm_pick_cuda.h"
#include "tests/cuda/harness.hpp"

using namespace cuda_test;

static const cu_chip h200 = {90, 132, 232448}, a100 = {80, 108, 166912}, ada = {89, 142, 101376};

static cu_gemm_shape shape(int64_t m, int64_t n, int64_t k)
{
    cu_gemm_shape s = {};
    s.m = m, s.n = n, s.k = k;
    s.batch = 1, s.element = 2, s.c_bytes = 2, s.may_split = s.tma = true;
    return s;
}

static void picks(const cu_chip &chip, const cu_gemm_shape &s, std::vector<int> any)
{
    const cu_gemm_choice c = cu_gemm_pick(&s, &chip, -1);
    bool ok = false;
    for (int v : any) ok |= c.variant == v;
    check(ok && c.cycles < 1e300, "%dx%dx%d: %s, %d splits", (int)s.m, (int)s.n, (int)s.k,
          cu_gemm_block_of(c.variant)->name, c.splits);
}

// Whatever the shape: a variant of the chip's, K covered, room that fits.
static void sound(const cu_chip &chip, const cu_gemm_shape &s)
{
    const cu_gemm_choice c = cu_gemm_pick(&s, &chip, -1);
    const cu_gemm_block *b = cu_gemm_block_of(c.variant);
    const int64_t steps = (s.k + b->bk - 1) / b->bk;
    bool ok = c.cycles < 1e300 && b->element == s.element && chip.cc >= b->cc_min &&
              chip.cc <= b->cc_max && b->shared_bytes <= chip.shared_bytes;
    ok &= s.tma || b->cc_max != 90;
    ok &= s.may_split || (c.splits == 1 && !c.cut_steps);
    ok &= c.splits >= 1 && (int64_t)c.splits * c.split_steps >= steps &&
          (steps == 0 || (int64_t)(c.splits - 1) * c.split_steps < steps);
    if (c.cut_steps) {
        const int64_t tiles = ((s.m + b->bm - 1) / b->bm) * ((s.n + b->bn - 1) / b->bn) * s.batch;
        ok &= c.whole % chip.processors == 0 && c.whole <= tiles &&
              (int64_t)c.cut_steps * chip.processors >= (tiles - c.whole) * steps;
    }
    check(ok, "%dx%dx%d on cc %d: %s", (int)s.m, (int)s.n, (int)s.k, chip.cc, b->name);
    cu_gemm_choice ranked[CU_GEMM_VARIANTS];
    const int n = cu_gemm_rank(ranked, CU_GEMM_VARIANTS, &s, &chip);
    ok = n > 0 && ranked[0].variant == c.variant && ranked[0].splits == c.splits;
    for (int i = 0; i < n; i++) {
        const cu_gemm_choice same =
            cu_gemm_choice_of(&s, &chip, ranked[i].variant, ranked[i].splits);
        ok &= !memcmp(&same, &ranked[i], sizeof same);
        for (int j = 0; j < i; j++)
            ok &= ranked[j].variant != ranked[i].variant && ranked[j].cycles <= ranked[i].cycles;
    }
    cu_gemm_choice three[3];
    const int few = cu_gemm_rank(three, 3, &s, &chip);
    ok &= few == (n < 3 ? n : 3) && !memcmp(three, ranked, (size_t)few * sizeof *three);
    check(ok, "%dx%dx%d on cc %d: the ranks of %d", (int)s.m, (int)s.n, (int)s.k, chip.cc, n);
    check(!cu_gemm_choice_of(&s, &chip, CU_GEMM_VARIANTS, 1).splits &&
              !cu_gemm_choice_of(&s, &chip, -1, 1).splits &&
              !cu_gemm_choice_of(&s, &chip, c.variant, 0).splits &&
              !cu_gemm_choice_of(&s, &chip, c.variant, 17).splits,
          "no such variants");
    const cu_gemm_choice again = cu_gemm_pick(&s, &chip, -1);
    check(again.variant == c.variant && again.splits == c.splits, "the same choice again");
}

int main()
{
    const std::vector<int> large = {CU_GEMM_COOPERATIVE, CU_GEMM_STREAM_K, CU_GEMM_PING_PONG,
                                    CU_GEMM_CLUSTER};
    picks(h200, shape(8192, 8192, 8192), large);
    picks(h200, shape(4096, 4096, 4096), large);
    picks(h200, shape(8192, 28672, 8192), large);
    // row tiles in pairs and whole waves: pairs of blocks; a single row of tiles leaves half idle
    picks(h200, shape(6 * 256, 22 * 256, 8192), {CU_GEMM_CLUSTER});
    picks(h200, shape(128, 132 * 256, 8192), {CU_GEMM_COOPERATIVE, CU_GEMM_THIN128});
    picks(h200, shape(16, 8192, 8192), {CU_GEMM_THIN16});
    picks(h200, shape(64, 8192, 8192), {CU_GEMM_THIN64});
    picks(h200, shape(100, 4096, 4096), {CU_GEMM_THIN128});
    picks(a100, shape(4096, 4096, 4096), {CU_GEMM_M128N128});
    picks(a100, shape(32, 512, 512), {CU_GEMM_M64N64});
    cu_gemm_shape unaligned = shape(4096, 4096, 4096);
    unaligned.tma = false;
    picks(h200, unaligned, {CU_GEMM_M128N128});
    // few tiles and a long K: K is cut
    const cu_gemm_shape deep = shape(64, 256, 16384);
    check(cu_gemm_pick(&deep, &a100, -1).splits > 1, "a long K is cut on an A100");
    check(cu_gemm_pick(&deep, &h200, -1).splits > 1, "a long K is cut on an H200");
    for (int i = 0; i < 300; i++) {
        cu_gemm_shape s =
            shape(1 + below(1 << below(14)), 1 + below(1 << below(15)), 8 * below(1 << below(11)));
        s.batch = 1 + below(3) * below(20), s.element = below(3) ? 2 : 4;
        s.may_split = below(2), s.tma = s.k && below(2);
        for (const cu_chip *chip : {&h200, &a100, &ada}) sound(*chip, s);
    }
    return done();
}
