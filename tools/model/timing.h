/* timing.h - running a model again and again, and what the times say. */
#ifndef IG_TOOL_TIMING_H
#define IG_TOOL_TIMING_H

#include "runtime/base/alloc.h"

typedef struct {
    double median_s, p10_s, p90_s, min_s, mean_s;
    size_t n;
} ig_times;

/* ig_times_of - sorts `seconds` in place. */
ig_times ig_times_of(double *seconds, size_t n);

/* One session with its inputs and room for its outputs. */
typedef struct {
    ingot_session *session;
    const ingot_tensor *in;
    ingot_tensor *out;
    size_t n_in, n_out;
} ig_runner;

/* ig_run_once - a run into the session's own memory; *seconds (may be NULL) is how long it took.
 * E_CANCELLED also when Ctrl-C came before it. */
ingot_status ig_run_once(const ig_runner *r, double *seconds, ingot_error *err);

/* ig_warm_up - `runs` runs, or (negative) until three were made or 0.2 s are over. *made: how many.
 */
ingot_status ig_warm_up(const ig_runner *r, int64_t runs, size_t *made, ingot_error *err);

#endif
