/* plan.h - a graph made ready for one set of input shapes: ordered steps over one memory block.
 *
 * Internal to the graph floor. A value's tensor has a fixed entry in plan->values; steps point to
 * these entries, so a run only changes data pointers of inputs and outputs. */
#ifndef IG_PLAN_H
#define IG_PLAN_H

#include "runtime/graph/exec.h"

typedef enum {
    IG_PLACE_NONE,  /* never made */
    IG_PLACE_CONST, /* the model's or the plan's own memory */
    IG_PLACE_INPUT, /* the caller's */
    IG_PLACE_ARENA, /* offset in the memory block */
    IG_PLACE_ALIAS, /* bytes of another value */
    IG_PLACE_SIDE,  /* made at run time */
} ig_place_kind;

typedef struct {
    uint8_t kind; /* ig_place_kind */
    ig_id root;   /* ALIAS: the value whose bytes these are */
    size_t offset, bytes;
    uint32_t first, last; /* steps between which the bytes must be kept */
} ig_place;

/* A step that the device took. in and out hold addresses as the plan is placed. */
typedef struct {
    void *state; /* NULL: not bound any more */
    uint64_t host_in, taken;
    bool in_place;
    const void **in;  /* [n_in] */
    void **out;       /* [n_out] */
    void **constants; /* [n_in] what the device's `constant` gave, else NULL */
    void *scratch;
    ig_place scratch_place;
    bool open; /* outputs have open dimensions: all are n, `most` at most */
    int64_t most, n;
    size_t count_at; /* where in the scratch the device leaves n */
} ig_on_device;

typedef enum {
    IG_STEP_NODE,
    IG_STEP_UP,  /* a value's bytes go to the device */
    IG_STEP_DOWN /* ... come from it, and are there after the next wait */
} ig_step_kind;

typedef struct {
    uint8_t kind;        /* ig_step_kind */
    bool wait;           /* it reads on the host what came down: wait first */
    ig_id value;         /* of a copy, which has no node */
    size_t copy_bytes;   /* likewise */
    uint32_t input;      /* 1 + the graph's input that goes up; 0: another value */
    ig_on_device *taken; /* NULL: the CPU runs it */
    const char *why;     /* the device declined it */
    const ig_node *node;
    const ig_tensor **in;
    ig_tensor **out;
    void *state;
    void *scratch;
    ig_place scratch_place;
    const char *kernel;
    bool dynamic;         /* inferred and bound when it runs */
    bool stays;           /* a dynamic view of bytes that the device made, for the tail: they stay
                             there, only the shape is the host's business */
    struct ig_kept *kept; /* its latest bind (IG_OP_KEEP_BIND), else NULL */
} ig_step;

/* A bind that outlives the run: valid for the same types. */
typedef struct ig_kept {
    ig_arena arena;
    bool valid;
    ig_type *in, *out; /* of the node; kind TENSOR and dtype NONE where omitted */
    void *state;
    size_t scratch_bytes;
    const char *kernel;
} ig_kept;

void ig_kept_drop(ig_kept *kept, const ig_op *op); /* unbind and forget; kept may be NULL */

/* Launches of a plan under one form of the cache (ig_device_api.kv), by its last bits. */
enum { IG_RECORDINGS = 4 };
typedef struct {
    ig_device_graph *graph; /* NULL: not yet */
    uint64_t form, n_runs;  /* of that form, since another one had its place */
} ig_recording;

/* What comes after the plan, in a run (plan_tail.c). */
typedef struct ig_tail {
    ig_graph g;     /* borrows nodes and values */
    ig_exec *exec;  /* that plans and runs it */
    ig_step *steps; /* what is known of its steps before the first run: for people */
    size_t n_steps;
    ig_tensor *in, *out; /* of a run */
    const void **there;  /* [n_values] inputs that the device has, in its memory; else NULL */
} ig_tail;

typedef struct ig_plan {
    const ig_graph *g;
    ig_arena arena;
    ig_type *in_types; /* [n_inputs] what this plan is for */
    ig_type *types;    /* [n_values] */
    ig_tensor *values; /* [n_values] */
    bool *known;       /* [n_values] the content is there before the run */
    ig_place *places;  /* [n_values] */
    ig_step *steps;
    size_t n_steps, n_dynamic;
    size_t arena_bytes, naive_bytes;
    void *block; /* the memory that offsets refer to: the executor's, see ig_plan_place */
    bool placed;
    uint64_t last_used;
    /* on the device, where there is one */
    ig_exec_device device;
    const ig_log *log;
    bool fast;               /* math=fast */
    ig_place *device_places; /* [n_values] */
    void **device_at;        /* [n_values] addresses as it is placed */
    size_t device_bytes, n_on_device, n_copies;
    void *device_block;
    bool device_placed;
    bool *left;                  /* [n_outputs] the output is on the device only; NULL: none is */
    bool *needed_here;           /* [n_values] read on the host, by steps or as outputs */
    size_t leave_first, leave_n; /* outputs that may be left */
    size_t n_fresh;              /* inputs before those that a body captured */
    ig_tail *tail;               /* NULL: all is planned */
    bool whole;                  /* between the first copies and the last there are launches only */
    bool loose;                  /* the device refused to record it */
    ig_recording recorded[IG_RECORDINGS]; /* of these launches */
} ig_plan;

ingot_status ig_plan_open(ig_plan **out, ig_exec *x, const ig_graph *g,
                          const ig_exec_options *options, const ig_type *in, ingot_error *err);
void ig_plan_close(ig_plan **plan);
void ig_plan_forget(ig_plan *p); /* its recordings */

/* ig_plan_place - its values and scratch lie in this block of at least arena_bytes from now on. A
 * plan runs only while it is placed. */
void ig_plan_place(ig_plan *p, void *block);
void ig_plan_place_device(ig_plan *p, void *block); /* likewise of device_bytes, on the device */

/* ---- stages, in order ---- */

/* plan_types.c: types of all values; evaluates shape arithmetic. skip[i]: node i needs no step. */
ingot_status ig_plan_types(ig_plan *p, ig_exec *x, bool *skip, ingot_error *err);
/* plan_tail.c: leaves steps that wait for sizes of other steps' results to the tail. A run of it
 * takes what the plan's own run left in its values, and leaves its outputs there. */
ingot_status ig_plan_cut(ig_plan *p, ig_exec *x, ingot_error *err);
ingot_status ig_tail_run(ig_exec *x, ig_plan *p, ingot_error *err);
/* What a tail's plan reads on the host of what lies on the device only is copied down. */
ingot_status ig_tail_bring(ig_exec *x, ig_plan *p, ingot_error *err);
void ig_tail_close(ig_tail *tail); /* may be NULL */
/* plan_device.c: offers every step to the device; then the copies at the borders become steps and
 * constants get their place on the device. */
ingot_status ig_plan_offer(ig_plan *p, bool is_tail, ingot_error *err);
/* plan_chain.c: elementwise steps on the device become one where it can run them so. */
ingot_status ig_plan_chains(ig_plan *p, ingot_error *err);
ingot_status ig_plan_borders(ig_plan *p, ingot_error *err);
/* The device took the step: what bind said of it, which is its own from now on; and the bound state
 * given back. */
ingot_status ig_plan_adopt(ig_plan *p, ig_step *step, const ig_device_bind *b, ingot_error *err);
void ig_plan_put_back(ig_plan *p, ig_step *step);
void ig_plan_leave_device(ig_plan *p); /* give back all that it has there but the block */
/* plan_layout.c: places and offsets from liveness (first fit, largest first). */
ingot_status ig_plan_layout(ig_plan *p, ingot_error *err);

/* ---- shared by planning and running ---- */

static inline bool ig_step_is_view(const ig_step *step) /* the bytes of its input, never run */
{
    return step->kind == IG_STEP_NODE && step->node->op->flags & IG_OP_VIEW && !step->dynamic;
}

/* An input of the graph that the plan is without: there is nothing more to know of it. */
static inline bool ig_plan_left_out(const ig_plan *p, ig_id id)
{
    return id != IG_NO_VALUE && p->types[id].optional && p->places[id].kind == IG_PLACE_INPUT;
}

/* What a step's node looks like to bind: types, content that is known, layouts. */
typedef struct {
    const ig_type **in, **out;
    const ig_tensor **known;
    ig_layout *layout;
} ig_step_view;
bool ig_step_look(ig_step_view *v, const ig_plan *p, const ig_node *node, ig_arena *a);

/* ig_node_infer - arity and kinds checked, then the op's infer. types, known: by node input (NULL:
 * omitted). */
ingot_status ig_node_infer(const ig_node *node, const ig_type *const *in,
                           const ig_tensor *const *known, ig_type *out, ingot_error *err);
/* ig_node_evaluate - infer was done: bind and run one node on content that is there. in[i]->data
 * may be NULL for IG_OP_TYPE_ONLY ops. out[o] (NULL: omitted) is filled; memory, state and scratch
 * come from `arena`. Constants must be laid out plainly. */
ingot_status ig_node_evaluate(const ig_node *node, const ig_tensor *const *in,
                              ig_tensor *const *out, const ig_type *out_types, ig_arena *arena,
                              ig_exec *x, ig_pool *pool, ingot_error *err);
/* ig_node_bind - fills *b's inputs from the arguments and calls the op's bind. The arrays must
 * outlive the call only. */
ingot_status ig_node_bind(ig_bind *b);

#endif
