/* profile.h - what each step of a run did: a trace for Chrome or Perfetto, and a table. */
#ifndef IG_TOOL_PROFILE_H
#define IG_TOOL_PROFILE_H

#include "kernels/limits/limits.h"
#include "runtime/base/alloc.h"

#include <stdio.h>

typedef struct {
    ingot_trace step;
    uint32_t run;
} ig_profile_event;

/* Names in the events belong to the model. Zeroed (with heap set) is empty. */
typedef struct {
    ig_heap *heap;
    ig_profile_event *events;
    size_t n, room;
    size_t n_lost; /* past IG_PROFILE_MOST, or without memory */
    uint32_t run;  /* of the events to come */
    ig_limits limits;
    size_t threads;
} ig_profile;

enum { IG_PROFILE_MOST = 1 << 20 };

void ig_profile_step(void *profile, const ingot_trace *step); /* for ingot_session_options.trace */
void ig_profile_clear(ig_profile *p);

/* ig_profile_write - the trace as JSON (whole or not at all): an event for each step with times in
 * microseconds and, in args, FLOPs, bytes, GFLOP/s, GB/s and the percentage of the measured limit
 * that is closer. */
ingot_status ig_profile_write(const ig_profile *p, const char *path, const char *model,
                              ingot_error *err);

/* ig_profile_print - ops by the time they took over all runs. */
ingot_status ig_profile_print(const ig_profile *p, FILE *to, ingot_error *err);

#endif
