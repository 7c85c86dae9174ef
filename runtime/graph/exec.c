/* exec.c - running plans; see exec.h. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"
#include "runtime/base/topology.h"

#include <string.h>

struct ig_exec {
    const ig_graph *g;
    ig_exec_options options;
    ig_arena side;  /* what only the data tells; emptied when the next run begins */
    ig_arena brief; /* scratch of one step; emptied after it */
    ig_plan *plans[IG_EXEC_PLANS];
    ig_plan *latest;
    void *block; /* one for all plans, which never run at once: the largest one's */
    size_t block_bytes;
    uint64_t n_runs;
    const ig_kv_step *kv;
    ig_type *in_types; /* [n_inputs] of the current run */
};

enum { SIDE_LIMIT_DEFAULT = 4, LARGE_BLOCK = 1 << 20 /* worth placing on NUMA nodes */ };

ingot_status ig_exec_open(ig_exec **out, const ig_graph *g, const ig_exec_options *options,
                          ingot_error *err)
{
    *out = NULL;
    ig_exec *x = ig_take0(options->heap, sizeof *x);
    if (!x) return ig_fail(err, INGOT_E_NOMEM, "executor: no memory");
    x->g = g;
    x->options = *options;
    ig_arena_init(&x->side, options->heap);
    ig_arena_init(&x->brief, options->heap);
    x->side.limit_bytes =
        options->side_limit_bytes ? options->side_limit_bytes : (size_t)SIDE_LIMIT_DEFAULT << 30;
    x->in_types = ig_take0(options->heap, g->n_inputs * sizeof *x->in_types);
    if (!x->in_types) {
        ig_exec_close(&x);
        return ig_fail(err, INGOT_E_NOMEM, "executor: no memory");
    }
    *out = x;
    return INGOT_OK;
}

void ig_exec_close(ig_exec **exec)
{
    ig_exec *x = *exec;
    *exec = NULL;
    if (!x) return;
    for (size_t i = 0; i < IG_EXEC_PLANS; i++) ig_plan_close(&x->plans[i]);
    ig_give(x->options.heap, x->block, x->block_bytes);
    ig_arena_clear(&x->side);
    ig_arena_clear(&x->brief);
    ig_heap *heap = x->options.heap;
    ig_give(heap, x->in_types, x->g->n_inputs * sizeof *x->in_types);
    ig_give(heap, x, sizeof *x);
}

void ig_exec_kv(ig_exec *x, const ig_kv_step *kv) { x->kv = kv; }

const ig_graph *ig_exec_graph(const ig_exec *x) { return x->g; }

const ig_exec_options *ig_exec_opts(const ig_exec *x) { return &x->options; }

/* ---- plans ----------------------------------------------------------------------------------- */

static bool same_type(const ig_type *a, const ig_type *b)
{
    if (a->kind != b->kind || a->optional != b->optional || a->dtype != b->dtype ||
        a->rank != b->rank)
        return false;
    return a->rank <= 0 || !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

static bool plan_fits(const ig_plan *p, const ig_type *in)
{
    for (size_t i = 0; i < p->g->n_inputs; i++)
        if (!same_type(&p->in_types[i], &in[i])) return false;
    return true;
}

/* On a machine with several NUMA nodes the block's pages are touched first by the threads that will
 * work on them. */
static ingot_status grow_block(ig_exec *x, size_t bytes, ingot_error *err)
{
    ig_heap *heap = x->options.heap;
    ig_give(heap, x->block, x->block_bytes);
    x->block = ig_take(heap, bytes);
    x->block_bytes = x->block ? bytes : 0;
    if (!x->block)
        return ig_fail(err, INGOT_E_NOMEM,
                       "no memory for %zu bytes of activations (smaller inputs need less)", bytes);
    const bool wide = ig_pool_threads(x->options.pool) > 1 && bytes >= LARGE_BLOCK;
    if (wide && ig_topology_get()->n_nodes > 1) ig_pool_zero(x->options.pool, x->block, bytes);
    return INGOT_OK;
}

static ingot_status use_plan(ig_exec *x, ig_plan *p, ingot_error *err)
{
    x->latest = NULL;
    if (p->arena_bytes > x->block_bytes) IG_TRY(grow_block(x, p->arena_bytes, err));
    if (!p->placed || p->block != x->block) ig_plan_place(p, x->block);
    x->latest = p;
    return INGOT_OK;
}

static ingot_status find_plan(ig_exec *x, const ig_type *in, ingot_error *err)
{
    if (x->latest && plan_fits(x->latest, in)) return INGOT_OK;
    size_t place = 0;
    for (size_t i = 0; i < IG_EXEC_PLANS; i++) {
        if (x->plans[i] && plan_fits(x->plans[i], in)) return use_plan(x, x->plans[i], err);
        const ig_plan *oldest = x->plans[place];
        if (oldest && (!x->plans[i] || x->plans[i]->last_used < oldest->last_used)) place = i;
    }
    x->latest = NULL;
    ig_plan_close(&x->plans[place]);
    IG_TRY(ig_plan_open(&x->plans[place], x, x->g, &x->options, in, err));
    return use_plan(x, x->plans[place], err);
}

/* ---- inputs and outputs -----------------------------------------------------------------------
 */

static ingot_status bad_input(const ig_exec *x, size_t i, const ig_type *got, ingot_error *err)
{
    const ig_value *v = &x->g->values[x->g->inputs[i]];
    char want[128], have[128];
    ig_type_print(want, sizeof want, &v->type, x->g->symbols);
    ig_type_print(have, sizeof have, got, NULL);
    return ig_fail(err, INGOT_E_DATA, "input '%s' is %s, the model expects %s", v->name, have,
                   want);
}

/* Bodies of loops and branches are checked by the node that runs them; the main graph here. */
static ingot_status check_input(const ig_exec *x, size_t i, const ig_type *got, ingot_error *err)
{
    const ig_type *want = &x->g->values[x->g->inputs[i]].type;
    size_t bytes;
    if (got->kind == IG_TENSOR && !got->optional && !ig_type_bytes(got, &bytes))
        return bad_input(x, i, got, err);
    if (x->g->parent) return INGOT_OK;
    if (want->kind != got->kind || (got->optional && !want->optional))
        return bad_input(x, i, got, err);
    if (got->optional || got->kind == IG_SEQUENCE) return INGOT_OK;
    if (want->dtype != INGOT_NONE && want->dtype != got->dtype) return bad_input(x, i, got, err);
    if (want->rank < 0) return INGOT_OK;
    if (want->rank != got->rank) return bad_input(x, i, got, err);
    for (int d = 0; d < want->rank; d++)
        if (want->dims[d] >= 0 && want->dims[d] != got->dims[d]) return bad_input(x, i, got, err);
    return INGOT_OK;
}

ingot_status ig_exec_plan(ig_exec *x, const ig_type *in, ig_plan_info *info, ingot_error *err)
{
    for (size_t i = 0; i < x->g->n_inputs; i++) IG_TRY(check_input(x, i, &in[i], err));
    IG_TRY(find_plan(x, in, err));
    const ig_plan *p = x->latest;
    *info = (ig_plan_info){.arena_bytes = p->arena_bytes,
                           .plan_bytes = p->arena.total_bytes,
                           .naive_bytes = p->naive_bytes,
                           .n_dynamic = p->n_dynamic,
                           .exact = true};
    for (size_t s = 0; s < p->n_steps; s++) {
        const uint32_t flags = p->steps[s].node->op->flags;
        if (!(flags & IG_OP_VIEW)) info->n_steps++;
        if (p->steps[s].dynamic || flags & IG_OP_ALLOCATES) info->exact = false;
    }
    return INGOT_OK;
}

static ingot_status take_inputs(ig_exec *x, const ig_tensor *in, ingot_error *err)
{
    for (size_t i = 0; i < x->g->n_inputs; i++) {
        x->in_types[i] = ig_type_of(&in[i]);
        IG_TRY(check_input(x, i, &x->in_types[i], err));
    }
    return INGOT_OK;
}

static ingot_status give_output(const ig_exec *x, size_t i, ig_tensor *out, ingot_error *err)
{
    const ig_id id = x->g->outputs[i];
    const ig_tensor *t = &x->latest->values[id];
    if (!out->data) {
        *out = *t;
        return INGOT_OK;
    }
    const ig_type have = ig_type_of(t), want = ig_type_of(out);
    size_t bytes;
    if (!same_type(&have, &want) || !ig_type_bytes(&have, &bytes)) {
        char a[128], b[128];
        ig_type_print(a, sizeof a, &have, NULL);
        ig_type_print(b, sizeof b, &want, NULL);
        return ig_fail(err, INGOT_E_ARG, "output '%s' is %s, the caller's buffer is %s",
                       x->g->values[id].name, a, b);
    }
    if (bytes && out->data != t->data) memcpy(out->data, t->data, bytes);
    return INGOT_OK;
}

/* A value that is written by a step straight into the block can go to the caller's memory instead.
 */
static bool redirectable(const ig_exec *x, size_t i)
{
    const ig_plan *p = x->latest;
    const ig_id id = x->g->outputs[i];
    if (p->places[id].kind != IG_PLACE_ARENA || p->types[id].dtype == INGOT_STR) return false;
    for (size_t k = 0; k < i; k++)
        if (x->g->outputs[k] == id) return false;
    return true;
}

static void point_values(ig_exec *x, const ig_tensor *out, const ig_tensor *in)
{
    ig_plan *p = x->latest;
    for (size_t i = 0; i < x->g->n_inputs; i++) p->values[x->g->inputs[i]] = in[i];
    for (size_t i = 0; i < x->g->n_outputs; i++) {
        if (!redirectable(x, i)) continue;
        ig_tensor *t = &p->values[x->g->outputs[i]];
        const ig_type have = ig_type_of(t), want = ig_type_of(&out[i]);
        const bool direct = out[i].data && same_type(&have, &want);
        t->data = direct ? out[i].data : (char *)p->block + p->places[x->g->outputs[i]].offset;
    }
}

/* ---- steps ------------------------------------------------------------------------------------
 */

static ig_run run_of(ig_exec *x, const ig_step *step, ingot_error *err)
{
    return (ig_run){.node = step->node,
                    .attrs = step->node->attrs,
                    .state = step->state,
                    .in = step->in,
                    .out = step->out,
                    .n_in = step->node->n_in,
                    .n_out = step->node->n_out,
                    .scratch = step->scratch,
                    .pool = x->options.pool,
                    .side = &x->side,
                    .brief = &x->brief,
                    .cancel = x->options.cancel,
                    .kv = x->kv,
                    .comm = x->options.comm,
                    .err = err};
}

static ingot_status no_side_memory(const ig_exec *x, const ig_step *step, ingot_error *err)
{
    const bool full = x->side.total_bytes > x->side.limit_bytes / 2;
    return ig_node_fail(err, full ? INGOT_E_FULL : INGOT_E_NOMEM, step->node,
                        "no memory for results whose size only the data tells (%zu bytes in use, "
                        "the bound is %zu)",
                        x->side.total_bytes, x->side.limit_bytes);
}

/* What infer and bind of a dynamic step see: the actual inputs. */
typedef struct {
    const ig_type **in, **out;
    ig_type *in_types, *out_types;
    const ig_tensor **known;
    ig_layout *layout;
} live_view;

static bool live_open(live_view *v, ig_exec *x, const ig_step *step)
{
    ig_arena *a = &x->side;
    const ig_node *node = step->node;
    v->in = ig_new_n(a, const ig_type *, node->n_in);
    v->in_types = ig_new_n(a, ig_type, node->n_in);
    v->known = ig_new_n(a, const ig_tensor *, node->n_in);
    v->layout = ig_new_n(a, ig_layout, node->n_in);
    v->out = ig_new_n(a, const ig_type *, node->n_out);
    v->out_types = ig_new_n(a, ig_type, node->n_out);
    if (!v->in || !v->in_types || !v->known || !v->layout || !v->out || !v->out_types) return false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!step->in[i]) continue;
        v->in_types[i] = ig_type_of(step->in[i]);
        v->in[i] = &v->in_types[i];
        v->known[i] = step->in[i];
        v->layout[i] = x->g->values[node->in[i]].layout;
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        v->out[o] = node->out[o] == IG_NO_VALUE ? NULL : &v->out_types[o];
    return true;
}

static ingot_status make_live_outputs(ig_exec *x, const ig_step *step, const live_view *v,
                                      ingot_error *err)
{
    for (uint32_t o = 0; o < step->node->n_out; o++) {
        if (!step->out[o]) continue;
        const ig_type *type = &v->out_types[o];
        size_t bytes;
        if (!ig_type_static(type) || !ig_type_bytes(type, &bytes))
            return ig_node_fail(err, INGOT_E_DATA, step->node,
                                "the size of output %u cannot be told from its inputs", o);
        *step->out[o] = (ig_tensor){.dtype = type->dtype, .rank = type->rank};
        memcpy(step->out[o]->dims, type->dims, sizeof type->dims);
        step->out[o]->data = ig_arena_take(&x->side, IG_MAX(bytes, (size_t)IG_ALIGN));
        if (!step->out[o]->data) return no_side_memory(x, step, err);
    }
    return INGOT_OK;
}

static ingot_status run_view(const ig_step *step, const ig_type *type)
{
    ig_tensor *out = step->out[0];
    if (!out) return INGOT_OK;
    if (type && step->in[0]->kind == IG_TENSOR && !step->in[0]->absent) {
        *out = (ig_tensor){.dtype = type->dtype, .rank = type->rank};
        memcpy(out->dims, type->dims, sizeof out->dims);
    } else if (type) {
        *out = *step->in[0]; /* a sequence or an empty optional passes whole */
    }
    out->data = step->in[0]->data;
    return INGOT_OK;
}

static ig_bind bind_of(ig_exec *x, const ig_step *step, const live_view *v, ig_arena *arena,
                       ingot_error *err)
{
    return (ig_bind){.node = step->node,
                     .in = v->in,
                     .known = v->known,
                     .out = v->out,
                     .in_layout = v->layout,
                     .n_threads = ig_pool_threads(x->options.pool),
                     .math = x->options.math,
                     .arena = arena,
                     .exec = x,
                     .err = err};
}

static bool kept_fits(const ig_kept *kept, const ig_node *node, const live_view *v)
{
    if (!kept->valid) return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (!same_type(&kept->in[i], &v->in_types[i])) return false;
    for (uint32_t o = 0; o < node->n_out; o++)
        if (!same_type(&kept->out[o], &v->out_types[o])) return false;
    return true;
}

/* Bind into memory of its own, seeing the content of constants only. */
static ingot_status keep_bind(ig_exec *x, const ig_step *step, live_view *v, ingot_error *err)
{
    ig_kept *kept = step->kept;
    const ig_node *node = step->node;
    ig_kept_drop(kept, node->op);
    kept->in = ig_arena_copy(&kept->arena, v->in_types, node->n_in * sizeof *kept->in);
    kept->out = ig_arena_copy(&kept->arena, v->out_types, node->n_out * sizeof *kept->out);
    if (!kept->in || !kept->out)
        return ig_node_fail(err, INGOT_E_NOMEM, node, "no memory to bind it");
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != IG_NO_VALUE && !x->latest->known[node->in[i]]) v->known[i] = NULL;
    ig_bind b = bind_of(x, step, v, &kept->arena, err);
    const ingot_status s = ig_node_bind(&b);
    kept->state = b.state;
    kept->scratch_bytes = b.scratch_bytes;
    kept->kernel = b.kernel;
    kept->valid = s == INGOT_OK;
    return s;
}

/* The op's own memory of this run, used up. */
static ingot_status run_op(ig_exec *x, const ig_node *node, ig_run *r)
{
    const ingot_status s = node->op->run(r);
    if (x->brief.chunks) ig_arena_reset(&x->brief);
    return s;
}

static ingot_status run_bound(ig_exec *x, const ig_step *step, void *state, size_t scratch_bytes,
                              ingot_error *err)
{
    ig_run r = run_of(x, step, err);
    r.state = state;
    r.scratch = scratch_bytes ? ig_arena_take(&x->side, scratch_bytes) : NULL;
    if (scratch_bytes && !r.scratch) return no_side_memory(x, step, err);
    return run_op(x, step->node, &r);
}

static ingot_status run_dynamic(ig_exec *x, const ig_step *step, const char **kernel,
                                ingot_error *err)
{
    const ig_node *node = step->node;
    live_view v;
    if (!live_open(&v, x, step)) return no_side_memory(x, step, err);
    IG_TRY(ig_node_infer(node, v.in, v.known, v.out_types, err));
    if (node->op->flags & IG_OP_VIEW) return run_view(step, &v.out_types[0]);
    if (!(node->op->flags & IG_OP_ALLOCATES)) IG_TRY(make_live_outputs(x, step, &v, err));
    if (step->kept) {
        if (!kept_fits(step->kept, node, &v)) IG_TRY(keep_bind(x, step, &v, err));
        *kernel = step->kept->kernel;
        return run_bound(x, step, step->kept->state, step->kept->scratch_bytes, err);
    }
    ig_bind b = bind_of(x, step, &v, &x->side, err);
    ingot_status s = ig_node_bind(&b);
    if (!s) {
        *kernel = b.kernel;
        s = run_bound(x, step, b.state, b.scratch_bytes, err);
    }
    if (b.state && node->op->unbind) node->op->unbind(b.state);
    return s;
}

/* An op that makes its own outputs must make what later steps were bound for. */
static ingot_status check_made(const ig_exec *x, const ig_step *step, ingot_error *err)
{
    for (uint32_t o = 0; o < step->node->n_out; o++) {
        if (!step->out[o]) continue;
        const ig_type *planned = &x->latest->types[step->node->out[o]];
        const ig_type made = ig_type_of(step->out[o]);
        if (!ig_type_static(planned) || same_type(planned, &made)) continue;
        char a[128], b[128];
        ig_type_print(a, sizeof a, planned, NULL);
        ig_type_print(b, sizeof b, &made, NULL);
        return ig_node_fail(err, INGOT_E_DATA, step->node, "output %u is %s, declared as %s", o, b,
                            a);
    }
    return INGOT_OK;
}

static ingot_status run_step(ig_exec *x, const ig_step *step, const char **kernel, ingot_error *err)
{
    const uint32_t flags = step->node->op->flags;
    if (step->dynamic) {
        IG_TRY(run_dynamic(x, step, kernel, err));
        return check_made(x, step, err);
    }
    if (flags & IG_OP_VIEW) return run_view(step, NULL);
    ig_run r = run_of(x, step, err);
    IG_TRY(run_op(x, step->node, &r));
    return flags & IG_OP_ALLOCATES ? check_made(x, step, err) : INGOT_OK;
}

/* ---- traces ------------------------------------------------------------------------------------
 */

static void describe(const ig_exec *x, const ig_step *step, ig_step_trace *t)
{
    const ig_node *node = step->node;
    enum { MOST = 64 };
    ig_type in_types[MOST], out_types[MOST];
    const ig_type *in[MOST] = {0}, *out[MOST] = {0};
    const ig_tensor *known[MOST] = {0};
    ig_layout layout[MOST] = {IG_PLAIN};
    const uint32_t n_in = IG_MIN(node->n_in, (uint32_t)MOST);
    const uint32_t n_out = IG_MIN(node->n_out, (uint32_t)MOST);
    for (uint32_t i = 0; i < n_in; i++) {
        if (!step->in[i]) continue;
        in_types[i] = ig_type_of(step->in[i]);
        in[i] = &in_types[i];
        layout[i] = x->g->values[node->in[i]].layout;
    }
    for (uint32_t o = 0; o < n_out; o++) {
        if (!step->out[o]) continue;
        out_types[o] = ig_type_of(step->out[o]);
        out[o] = &out_types[o];
    }
    t->node = node;
    t->kernel = step->kernel;
    t->out0 = out[0] ? *out[0] : (ig_type){.rank = IG_RANK_UNKNOWN};
    const ig_bind b = {.node = node,
                       .attrs = node->attrs,
                       .in = in,
                       .known = known,
                       .out = out,
                       .in_layout = layout,
                       .n_in = n_in,
                       .n_out = n_out,
                       .state = step->state};
    t->cost = (ig_cost){0};
    for (uint32_t i = 0; i < n_in; i++) {
        size_t bytes;
        if (in[i] && ig_type_bytes(in[i], &bytes)) t->cost.bytes += (double)bytes;
    }
    for (uint32_t o = 0; o < n_out; o++) {
        size_t bytes, n;
        if (out[o] && ig_type_bytes(out[o], &bytes)) t->cost.bytes += (double)bytes;
        if (out[o] && ig_type_elements(out[o], &n)) t->cost.flops += (double)n;
    }
    bool whole = n_in == node->n_in && n_out == node->n_out;
    for (uint32_t i = 0; i < n_in; i++) whole = whole && (!in[i] || ig_type_static(in[i]));
    for (uint32_t o = 0; o < n_out; o++) whole = whole && (!out[o] || ig_type_static(out[o]));
    if (node->op->cost && whole) node->op->cost(&t->cost, &b);
}

void ig_exec_steps(const ig_exec *x, void (*fn)(void *ud, const ig_step_trace *step), void *ud)
{
    if (!x->latest) return;
    for (size_t s = 0; s < x->latest->n_steps; s++) {
        const ig_step *step = &x->latest->steps[s];
        if (step->node->op->flags & IG_OP_VIEW) continue;
        ig_step_trace t = {0};
        describe(x, step, &t);
        fn(ud, &t);
    }
}

static ingot_status run_traced(ig_exec *x, const ig_step *step, ingot_error *err)
{
    ig_step_trace t = {.begin_ns = ig_now_ns()};
    const char *kernel = step->kernel;
    IG_TRY(run_step(x, step, &kernel, err));
    t.end_ns = ig_now_ns();
    const uint64_t begin = t.begin_ns, end = t.end_ns;
    describe(x, step, &t);
    t.begin_ns = begin;
    t.end_ns = end;
    t.kernel = kernel;
    if (!(step->node->op->flags & IG_OP_VIEW)) x->options.trace(x->options.trace_ud, &t);
    return INGOT_OK;
}

/* ---- a run --------------------------------------------------------------------------------------
 */

static bool cancelled(const ig_exec *x)
{
    return x->options.cancel && atomic_load_explicit(x->options.cancel, memory_order_relaxed);
}

ingot_status ig_exec_run(ig_exec *x, ig_tensor *out, const ig_tensor *in, ingot_error *err)
{
    IG_TRY(take_inputs(x, in, err));
    IG_TRY(find_plan(x, x->in_types, err));
    ig_plan *p = x->latest;
    p->last_used = ++x->n_runs;
    ig_arena_reset(&x->side);
    point_values(x, out, in);
    for (size_t s = 0; s < p->n_steps; s++) {
        if (cancelled(x)) return ig_fail(err, INGOT_E_CANCELLED, "the run was cancelled");
        const char *kernel = p->steps[s].kernel;
        IG_TRY(x->options.trace ? run_traced(x, &p->steps[s], err)
                                : run_step(x, &p->steps[s], &kernel, err));
    }
    for (size_t i = 0; i < x->g->n_outputs; i++) IG_TRY(give_output(x, i, &out[i], err));
    return INGOT_OK;
}
