/* exec.h - running a graph: plans per input shape, one memory block, no allocation per run.
 *
 * A plan is made at the first run with new input shapes and cached (the oldest of IG_EXEC_PLANS
 * goes). Steps whose sizes only the data tells are inferred and bound when they run; their memory
 * comes from the side arena. One run at a time per exec; execs of one graph run in parallel. */
#ifndef IG_EXEC_H
#define IG_EXEC_H

#include "runtime/graph/op.h"
#include "runtime/base/log.h"

enum { IG_EXEC_PLANS = 16 };

/* What one step did, for traces. */
typedef struct {
    const ig_node *node;
    const char *kernel;
    ig_type out0;
    ig_cost cost;
    uint64_t begin_ns, end_ns;
} ig_step_trace;

typedef struct {
    ig_heap *heap;
    ig_pool *pool; /* may be NULL */
    const ig_log *log;
    ig_math math;
    size_t side_limit_bytes; /* bound of the side arena; 0: 4 GiB */
    const atomic_bool *cancel;
    struct ig_comm *comm; /* of a graph that is one rank's share (shard.h), else NULL */
    void (*trace)(void *ud, const ig_step_trace *step); /* NULL: none */
    void *trace_ud;
} ig_exec_options;

typedef struct {
    size_t arena_bytes;        /* activations and scratch, one block */
    size_t plan_bytes;         /* tables and kernel state */
    size_t naive_bytes;        /* all activations without sharing */
    size_t n_steps, n_dynamic; /* launches; of them bound at run time */
    bool exact;                /* no step's memory depends on data */
} ig_plan_info;

ingot_status ig_exec_open(ig_exec **out, const ig_graph *g, const ig_exec_options *options,
                          ingot_error *err);
void ig_exec_close(ig_exec **x);

/* ig_exec_plan - make (or find) the plan for these input types and allocate its memory. */
ingot_status ig_exec_plan(ig_exec *x, const ig_type *in, ig_plan_info *info, ingot_error *err);

/* ig_exec_run - in: [n_inputs] of the graph. out: [n_outputs]; where out[i].data is set on entry
 * the result is written there (dtype, rank and dims must fit the result), else out[i] points to
 * memory of the exec, valid until its next run. E_DATA: bad input; E_CANCELLED. */
ingot_status ig_exec_run(ig_exec *x, ig_tensor *out, const ig_tensor *in, ingot_error *err);

/* ig_exec_kv - the cache that the next runs read and write; borrowed until it is replaced. NULL:
 * none, then a graph with paged attention gives E_ARG. */
void ig_exec_kv(ig_exec *x, const ig_kv_step *kv);

const ig_graph *ig_exec_graph(const ig_exec *x);
const ig_exec_options *ig_exec_opts(const ig_exec *x);

/* ig_exec_steps - walk the steps of the latest plan: for `ingot plan`. */
void ig_exec_steps(const ig_exec *x, void (*fn)(void *ud, const ig_step_trace *step), void *ud);

#endif
