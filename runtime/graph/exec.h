/* exec.h - running a graph: plans per input shape, one memory block, no allocation per run.
 *
 * A plan is made at the first run with new input shapes and cached (the oldest of IG_EXEC_PLANS
 * goes). Steps whose sizes only the data tells are inferred and bound when they run; their memory
 * comes from the side arena. One run at a time per exec; execs of one graph run in parallel. */
#ifndef IG_EXEC_H
#define IG_EXEC_H

#include "runtime/device/device.h"
#include "runtime/graph/op.h"
#include "runtime/base/log.h"

enum { IG_EXEC_PLANS = 16 };

/* What one step did, for traces. */
typedef struct {
    const ig_node *node;
    const char *device; /* "cpu", or the device's name */
    const char *why;    /* on the CPU although there is a device: the reason; else NULL */
    const char *kernel;
    ig_type out0;
    ig_cost cost;
    uint64_t begin_ns, end_ns;
} ig_step_trace;

/* A device beside the CPU. Steps that it takes run there, values are copied at the borders, and a
 * plan that lies on it whole is recorded at its second run and replayed from then on. Bodies of
 * loops and branches do the same on the stream of the graph around them, where their work is worth
 * what goes in and out.
 *
 * A run in which the device is lost ends with E_DEVICE, and the exec goes on without it: later runs
 * are the CPU's. With may_fall_back whatever the device fails at or has no memory for, opening and
 * runs, is done by the CPU, and so are later runs. */
typedef struct {
    const ig_device_api *api; /* NULL: there is none */
    ig_device *device;
    ig_device_stream *stream; /* that the exec works on; NULL: it opens its own */
    const char *name;         /* "cuda:0" */
    bool may_fall_back;       /* to the CPU, as above */
    bool only; /* never on the CPU, which cannot read what the steps work on (pages of
                  the device): once lost, every run is E_DEVICE */
} ig_exec_device;

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
    ig_exec_device device;
    bool leave; /* outputs that the device makes stay there (ig_exec_output_there), and a run is
                   under way when ig_exec_run returns: ig_exec_wait */
} ig_exec_options;

typedef struct {
    size_t arena_bytes;           /* activations and scratch, one block */
    size_t plan_bytes;            /* tables and kernel state */
    size_t naive_bytes;           /* all activations without sharing */
    size_t n_steps, n_dynamic;    /* launches; of them bound at run time */
    bool exact;                   /* no step's memory depends on data */
    size_t device_bytes;          /* of the arena on the device */
    size_t n_on_device, n_copies; /* steps there; values copied between it and the host */
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

/* ig_exec_output_there - where output i of the latest run lies on the device, until the next run;
 * NULL: on the host, as ig_exec_run said. Only with `leave`. */
const void *ig_exec_output_there(const ig_exec *x, size_t i);

/* ig_exec_wait - runs with `leave` are done. Errors: E_DEVICE (the device is lost). */
ingot_status ig_exec_wait(ig_exec *x, ingot_error *err);

/* ig_exec_kv - the cache that the next runs read and write; borrowed until it is replaced. NULL:
 * none, then a graph with paged attention gives E_ARG. */
void ig_exec_kv(ig_exec *x, const ig_kv_step *kv);

/* ---- bodies: graphs with a parent, run again and again ----
 * ig_exec_captured - from the next run on inputs [from, n_inputs) have the same content, until this
 * is called again: a device gets them once.
 * ig_exec_leave - as the option `leave`, of outputs [first, first + n) only; before the first run.
 * ig_exec_feed - the next run's input i is output o of the latest, left on the device; in[i].data
 * is not looked at. All inputs of the next run have the types of the latest's. false, and nothing
 * happens, where the output is not left or somebody wants the input on the host.
 * ig_exec_fetch - *t becomes output o of the latest run, left on the device, on the host: memory of
 * the exec until its next run. */
void ig_exec_captured(ig_exec *x, size_t from);
void ig_exec_leave(ig_exec *x, size_t first, size_t n);
bool ig_exec_feed(ig_exec *x, size_t i, size_t o);
ingot_status ig_exec_fetch(ig_exec *x, size_t o, ig_tensor *t, ingot_error *err);

/* ig_exec_device_name - where the latest plan runs: "cpu" or the device's name. ig_exec_fallen -
 * why an exec that had a device runs on the CPU, or NULL. */
const char *ig_exec_device_name(const ig_exec *x);
const char *ig_exec_fallen(const ig_exec *x);

const ig_graph *ig_exec_graph(const ig_exec *x);
const ig_exec_options *ig_exec_opts(const ig_exec *x);

/* ig_exec_info - of the latest plan; false: there is none. */
bool ig_exec_info(ig_plan_info *info, const ig_exec *x);

/* ig_same_type - the same kind, element type and dimensions, all known. */
bool ig_same_type(const ig_type *a, const ig_type *b);

/* ig_exec_steps - walk the steps of the latest plan: for `ingot plan`. */
void ig_exec_steps(const ig_exec *x, void (*fn)(void *ud, const ig_step_trace *step), void *ud);

#endif
