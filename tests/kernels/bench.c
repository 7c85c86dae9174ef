/* bench.c - timing of one case.
 *
 * A round calls the kernel often enough to last ROUND seconds; the FMA peak is measured again
 * beside every round, because the clock of a shared machine wanders: the share of the peak is the
 * median of ratios taken at the same moment, GFLOP/s and GB/s come from the median round. */
#include "tests/kernels/harness.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 15, ROOF_TURNS = 20000 };
static const double ROUND = 4e-3;

static bool benching;
static bench_label label;
static double flop, bytes, t0;
static size_t calls, wanted, round_no;
static double seconds[ROUNDS], share[ROUNDS];

void bench_set(bool on, const bench_label *l)
{
    benching = on;
    label = *l;
}

bool check_benching(void) { return benching; }

void check_bench_begin(double flop_per_call, double bytes_per_call, const char *peer)
{
    flop = flop_per_call;
    bytes = bytes_per_call;
    label.peer = peer;
    calls = round_no = 0;
    wanted = 1;
    t0 = ig_limit_seconds();
}

static double roof_now(void)
{
#if IG_X86
    const bool native = label.peer != NULL;
    if (label.needs & ~(uint32_t)(IG_CPU_AVX2 | IG_CPU_AVXVNNI) ||
        (native && ig_cpu_flags() & IG_CPU_AVX512))
        return ig_limit_rate(ig_limit_loops_avx512.fma_f32, ROOF_TURNS);
    if (label.needs || native) return ig_limit_rate(ig_limit_loops_avx2.fma_f32, ROOF_TURNS);
#endif
    return ig_limit_rate(ig_limit_loops_ref.fma_f32, ROOF_TURNS);
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void report(void)
{
    qsort(seconds, ROUNDS, sizeof *seconds, by_size);
    qsort(share, ROUNDS, sizeof *share, by_size);
    const double s = seconds[ROUNDS / 2], part = share[ROUNDS / 2];
    const char *name = label.peer ? label.peer : label.name;
    if (label.json)
        printf("{\"kernel\":\"%s\",\"shape\":\"%s\",\"seconds\":%.4g,\"gflops\":%.4g,\"gbps\":%.4g,"
               "\"of_peak\":%.4g}\n",
               name, label.shape, s, flop / s * 1e-9, bytes / s * 1e-9, part);
    else
        printf("%-26s %-34s %10.2f us %8.2f GFLOP/s %7.2f GB/s %5.1f %% of FMA peak\n", name,
               label.shape, s * 1e6, flop / s * 1e-9, bytes / s * 1e-9, 100 * part);
    fflush(stdout);
}

/* Called before each call of the kernel; false when the case is done. */
bool check_bench_more(void)
{
    if (calls++ < wanted) return true;
    if (!benching) return false;
    const double each = (ig_limit_seconds() - t0) / (double)wanted;
    if (round_no == 0 && each * (double)wanted < ROUND / 2) {
        wanted = wanted * 2; /* still finding how many calls fill a round */
    } else {
        seconds[round_no] = each;
        share[round_no] = flop / each / roof_now();
        if (++round_no == ROUNDS) {
            report();
            return false;
        }
    }
    calls = 1;
    t0 = ig_limit_seconds();
    return true;
}
