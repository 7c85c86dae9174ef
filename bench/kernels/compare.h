/* compare.h - a run beside an earlier one, written with --json. */
#ifndef IG_BENCH_COMPARE_H
#define IG_BENCH_COMPARE_H

#include "bench/kernels/runner.h"
#include "runtime/base/arena.h"

typedef struct {
    const char *path;
    const struct ig_json_value *root;
    ig_arena arena;
} bench_earlier;

/* earlier_open - read the file. Errors: E_IO, E_DATA (no results of `ingot bench kernels`). Close
 * it in any case. */
ingot_status earlier_open(bench_earlier *e, ig_heap *heap, const char *path, ingot_error *err);
void earlier_close(bench_earlier *e);

/* earlier_print - for each case that both runs have: the change of its speed. Where both were held
 * to the same limit, shares of it are compared, which the clock of the day does not move; else the
 * times. *n_slower: cases more than 3 % slower whose 10th to 90th percentiles do not overlap. */
ingot_status earlier_print(const bench_earlier *e, const bench *b, size_t *n_slower,
                           ingot_error *err);

#endif
