/* report.h - what a run of benches says: a table for people, a file for programs. */
#ifndef IG_BENCH_REPORT_H
#define IG_BENCH_REPORT_H

#include "bench/kernels/runner.h"

#include <stdio.h>

/* report_table - limits, then results in the order they were measured. E_NOMEM, E_IO. */
ingot_status report_table(const bench *b, ingot_error *err);

/* report_json - {"machine", "limits", "results"} to a stream; a result with several peers is one
 * entry for each. E_IO. */
ingot_status report_json(const bench *b, FILE *to, ingot_error *err);

/* limit_text - "fma_f32_2t": a limit's name with its threads. Returns text. */
const char *limit_text(char *text, size_t room, const roof *f);

#endif
