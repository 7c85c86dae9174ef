/* exec_parts.h - the executor's object, shared by the files that make it up. */
#ifndef IG_EXEC_PARTS_H
#define IG_EXEC_PARTS_H

#include "runtime/graph/plan.h"

struct ig_exec {
    const ig_graph *g;
    ig_exec_options options; /* device.api is NULL once the device is lost */
    ig_arena side;           /* what only the data tells; emptied when the next run begins */
    ig_arena brief;          /* scratch of one step; emptied after it */
    ig_plan *plans[IG_EXEC_PLANS];
    ig_plan *latest;
    void *block; /* one for all plans, which never run at once: the largest one's */
    size_t block_bytes;
    void *device_block; /* likewise */
    size_t device_bytes;
    bool own_stream;
    char fallen[320]; /* why the device is not used any more; "": it is, or there never was one */
    struct ig_exec *before; /* whose plan this is the tail of; NULL: of none */
    const void **there;     /* of a tail's run: ig_tail.there */
    uint64_t n_runs;
    const ig_kv_step *kv;
    ig_type *in_types; /* [n_inputs] of the current run */
    struct {           /* of bodies */
        size_t leave_first, leave_n;
        size_t captured; /* the first captured input */
        ig_plan *sent;   /* that has the captured inputs on the device; NULL: none */
        size_t *fed;     /* [n_inputs] 1 + the output that is the input now; 0: none */
    } body;
};

/* exec_step.c: one step on the CPU. *kernel: what a step that is bound now chose. */
ingot_status ig_exec_step(ig_exec *x, const ig_step *step, const char **kernel, ingot_error *err);

/* exec_trace.c: one step, and what it did told to the options' trace. */
ingot_status ig_exec_traced(ig_exec *x, const ig_step *step, ingot_error *err);

/* exec_device.c */
ingot_status ig_exec_device_open(ig_exec *x, ingot_error *err);
void ig_exec_device_close(ig_exec *x); /* plans are closed */
ingot_status ig_exec_device_place(ig_exec *x, ig_plan *p, ingot_error *err);
/* All steps of a plan that has some on the device. */
ingot_status ig_exec_device_run(ig_exec *x, ig_plan *p, ingot_error *err);
ingot_status ig_exec_device_step(ig_exec *x, ig_plan *p, const ig_step *step, const char **kernel,
                                 ingot_error *err);
ingot_status ig_exec_device_wait(ig_exec *x, ingot_error *err);
/* Returns s; where it is E_DEVICE and the device lost the exec falls to the CPU. */
ingot_status ig_exec_fall_if_lost(ig_exec *x, ingot_status s, const ingot_error *err);
ingot_status ig_exec_device_fetch(ig_exec *x, void *to, const void *there, size_t bytes,
                                  ingot_error *err);
/* The exec goes on with the CPU alone: all plans are forgotten. */
void ig_exec_fall(ig_exec *x, const char *why);

bool ig_exec_cancelled(const ig_exec *x);

#endif
