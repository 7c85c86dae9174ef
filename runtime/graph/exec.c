/* exec.c - running plans; see exec.h. */
#include "runtime/graph/exec_parts.h"
#include "runtime/base/checked.h"
#include "runtime/base/topology.h"

#include <string.h>

enum { SIDE_LIMIT_DEFAULT = 4, LARGE_BLOCK = 1 << 20 /* worth placing on NUMA nodes */ };

/* The CPU may take over what a device failed at: all of it belongs to this exec and lies here. */
static bool may_fall_back(const ig_exec *x)
{
    const ig_exec_device *d = &x->options.device;
    return d->api && d->may_fall_back && !d->only && !x->before && !x->g->parent;
}

static ingot_status open_device(ig_exec *x, ingot_error *err)
{
    ingot_error own = {0}, *e = err ? err : &own;
    const ingot_status s = ig_exec_device_open(x, e);
    if (!s || !may_fall_back(x)) return s;
    ig_exec_fall(x, e->text);
    return INGOT_OK;
}

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
    if (options->leave && !g->parent) x->body.leave_n = g->n_outputs;
    x->body.captured = g->n_inputs;
    x->in_types = ig_take0(options->heap, g->n_inputs * sizeof *x->in_types);
    x->body.fed = ig_take0(options->heap, g->n_inputs * sizeof *x->body.fed);
    ingot_status s =
        x->in_types && x->body.fed ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "executor: no memory");
    if (!s && x->options.device.api) s = open_device(x, err);
    if (s) ig_exec_close(&x);
    *out = x;
    return s;
}

void ig_exec_close(ig_exec **exec)
{
    ig_exec *x = *exec;
    *exec = NULL;
    if (!x) return;
    for (size_t i = 0; i < IG_EXEC_PLANS; i++) ig_plan_close(&x->plans[i]);
    if (x->options.device.api) ig_exec_device_close(x);
    ig_give(x->options.heap, x->block, x->block_bytes);
    ig_arena_clear(&x->side);
    ig_arena_clear(&x->brief);
    ig_heap *heap = x->options.heap;
    ig_give(heap, x->in_types, x->g->n_inputs * sizeof *x->in_types);
    ig_give(heap, x->body.fed, x->g->n_inputs * sizeof *x->body.fed);
    ig_give(heap, x, sizeof *x);
}

void ig_exec_kv(ig_exec *x, const ig_kv_step *kv) { x->kv = kv; }

const ig_graph *ig_exec_graph(const ig_exec *x) { return x->g; }

const char *ig_exec_device_name(const ig_exec *x)
{
    const ig_plan *p = x->latest;
    if (p && p->n_on_device) return p->device.name;
    return p && p->tail ? ig_exec_device_name(p->tail->exec) : "cpu";
}

const char *ig_exec_fallen(const ig_exec *x) { return *x->fallen ? x->fallen : NULL; }

const ig_exec_options *ig_exec_opts(const ig_exec *x) { return &x->options; }

/* ---- bodies ---- */

void ig_exec_captured(ig_exec *x, size_t from)
{
    x->body.captured = from;
    x->body.sent = NULL;
    memset(x->body.fed, 0, x->g->n_inputs * sizeof *x->body.fed);
}

void ig_exec_leave(ig_exec *x, size_t first, size_t n)
{
    x->body.leave_first = first;
    x->body.leave_n = n;
}

bool ig_exec_feed(ig_exec *x, size_t i, size_t o)
{
    const ig_plan *p = x->latest;
    const ig_id id = x->g->inputs[i];
    if (!ig_exec_output_there(x, o) || p->needed_here[id] || !p->device_at[id]) return false;
    x->body.fed[i] = 1 + o;
    return true;
}

ingot_status ig_exec_fetch(ig_exec *x, size_t o, ig_tensor *t, ingot_error *err)
{
    const ig_plan *p = x->latest;
    size_t bytes;
    *t = p->values[p->g->outputs[o]];
    if (!ig_type_bytes(&p->types[p->g->outputs[o]], &bytes) ||
        !(t->data = ig_arena_take(&x->side, IG_MAX(bytes, (size_t)IG_ALIGN))))
        return ig_fail(err, INGOT_E_NOMEM, "executor: no memory for an output");
    return ig_exec_device_fetch(x, t->data, ig_exec_output_there(x, o), bytes, err);
}

/* ---- plans ----------------------------------------------------------------------------------- */

bool ig_same_type(const ig_type *a, const ig_type *b)
{
    if (a->kind != b->kind || a->optional != b->optional || a->dtype != b->dtype ||
        a->rank != b->rank)
        return false;
    return a->rank <= 0 || !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

static bool plan_fits(const ig_plan *p, const ig_type *in)
{
    for (size_t i = 0; i < p->g->n_inputs; i++)
        if (!ig_same_type(&p->in_types[i], &in[i])) return false;
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
    if (p->n_on_device) IG_TRY(ig_exec_device_place(x, p, err));
    x->latest = p;
    return INGOT_OK;
}

static ingot_status find_or_make(ig_exec *x, const ig_type *in, ingot_error *err)
{
    if (x->latest && plan_fits(x->latest, in)) return INGOT_OK;
    size_t place = 0;
    for (size_t i = 0; i < IG_EXEC_PLANS; i++) {
        if (x->plans[i] && plan_fits(x->plans[i], in)) return use_plan(x, x->plans[i], err);
        const ig_plan *oldest = x->plans[place];
        if (oldest && (!x->plans[i] || x->plans[i]->last_used < oldest->last_used)) place = i;
    }
    x->latest = x->body.sent = NULL;
    ig_plan_close(&x->plans[place]);
    IG_TRY(ig_plan_open(&x->plans[place], x, x->g, &x->options, in, err));
    return use_plan(x, x->plans[place], err);
}

/* A plan that the device cannot hold: the CPU's turn where that is allowed, else an error that says
 * what can be done. */
static ingot_status find_plan(ig_exec *x, const ig_type *in, ingot_error *err)
{
    ingot_error own = {0}, *e = err ? err : &own;
    const ig_exec_device *d = &x->options.device;
    ingot_error why = {0}; /* lost by a body's plan, or by another exec */
    if (d->api && d->api->lost(d->device) && d->api->wait(d->stream, &why))
        ig_exec_fall(x, why.text);
    const bool device = x->options.device.api;
    if (x->options.device.only && *x->fallen) return ig_fail(err, INGOT_E_DEVICE, "%s", x->fallen);
    const ingot_status s = find_or_make(x, in, e);
    if (!device || (s != INGOT_E_DEVICE && s != INGOT_E_NOMEM)) return s;
    const bool lost = x->options.device.api->lost(x->options.device.device);
    if (!lost && !x->options.device.may_fall_back)
        return s == INGOT_E_DEVICE ? s
                                   : ig_wrap(e, s, "%s (--device cpu needs none of its memory)",
                                             x->options.device.name);
    ig_exec_fall(x, e->text);
    return x->options.device.only ? s : find_or_make(x, in, err);
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

/* As the latest run planned it; before the first one only its steps are known. */
static void add_tail(ig_plan_info *info, const ig_tail *t)
{
    ig_plan_info more;
    info->exact = false;
    if (!ig_exec_info(&more, t->exec)) {
        for (size_t s = 0; s < t->n_steps; s++)
            info->n_steps += !(t->steps[s].node->op->flags & IG_OP_VIEW);
        return;
    }
    info->arena_bytes += more.arena_bytes;
    info->plan_bytes += more.plan_bytes;
    info->naive_bytes += more.naive_bytes;
    info->n_steps += more.n_steps;
    info->device_bytes += more.device_bytes;
    info->n_on_device += more.n_on_device;
    info->n_copies += more.n_copies;
}

bool ig_exec_info(ig_plan_info *info, const ig_exec *x)
{
    const ig_plan *p = x->latest;
    if (!p) return false;
    *info = (ig_plan_info){.arena_bytes = p->arena_bytes,
                           .plan_bytes = p->arena.total_bytes,
                           .naive_bytes = p->naive_bytes,
                           .n_dynamic = p->n_dynamic,
                           .exact = true,
                           .device_bytes = p->device_bytes,
                           .n_on_device = p->n_on_device,
                           .n_copies = p->n_copies};
    for (size_t s = 0; s < p->n_steps; s++) {
        if (p->steps[s].kind != IG_STEP_NODE) continue;
        const uint32_t flags = p->steps[s].node->op->flags;
        if (!(flags & IG_OP_VIEW)) info->n_steps++;
        if (p->steps[s].dynamic || flags & IG_OP_ALLOCATES) info->exact = false;
    }
    if (p->tail) add_tail(info, p->tail);
    return true;
}

ingot_status ig_exec_plan(ig_exec *x, const ig_type *in, ig_plan_info *info, ingot_error *err)
{
    for (size_t i = 0; i < x->g->n_inputs; i++) IG_TRY(check_input(x, i, &in[i], err));
    IG_TRY(find_plan(x, in, err));
    (void)ig_exec_info(info, x);
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
    if (x->latest->left && x->latest->left[i]) {
        *out = *t;
        out->data = NULL;
        return INGOT_OK;
    }
    if (!out->data) {
        *out = *t;
        return INGOT_OK;
    }
    const ig_type have = ig_type_of(t), want = ig_type_of(out);
    size_t bytes;
    if (!ig_same_type(&have, &want) || !ig_type_bytes(&have, &bytes)) {
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
        const bool direct = out[i].data && ig_same_type(&have, &want);
        t->data = direct ? out[i].data : (char *)p->block + p->places[x->g->outputs[i]].offset;
    }
}

const void *ig_exec_output_there(const ig_exec *x, size_t i)
{
    const ig_plan *p = x->latest;
    return p && p->left && p->left[i] ? p->device_at[p->g->outputs[i]] : NULL;
}

/* ---- a run --------------------------------------------------------------------------------------
 */

bool ig_exec_cancelled(const ig_exec *x)
{
    return x->options.cancel && atomic_load_explicit(x->options.cancel, memory_order_relaxed);
}

static ingot_status run_steps(ig_exec *x, const ig_plan *p, ingot_error *err)
{
    for (size_t s = 0; s < p->n_steps; s++) {
        if (ig_exec_cancelled(x)) return ig_fail(err, INGOT_E_CANCELLED, "the run was cancelled");
        const char *kernel = p->steps[s].kernel;
        IG_TRY(x->options.trace ? ig_exec_traced(x, &p->steps[s], err)
                                : ig_exec_step(x, &p->steps[s], &kernel, err));
    }
    return INGOT_OK;
}

static ingot_status run_once(ig_exec *x, ig_tensor *out, const ig_tensor *in, ingot_error *err)
{
    IG_TRY(take_inputs(x, in, err));
    IG_TRY(find_plan(x, x->in_types, err));
    ig_plan *p = x->latest;
    p->last_used = ++x->n_runs;
    ig_arena_reset(&x->side);
    point_values(x, out, in);
    if (x->there) IG_TRY(ig_tail_bring(x, p, err));
    if (p->n_on_device) {
        IG_TRY(ig_exec_device_run(x, p, err));
    } else { /* bodies may have steps there */
        ingot_error own = {0}, *e = err ? err : &own;
        IG_TRY(ig_exec_fall_if_lost(x, run_steps(x, p, e), e));
    }
    if (p->tail) IG_TRY(ig_tail_run(x, p, err));
    for (size_t i = 0; i < x->g->n_outputs; i++) IG_TRY(give_output(x, i, &out[i], err));
    return INGOT_OK;
}

ingot_status ig_exec_run(ig_exec *x, ig_tensor *out, const ig_tensor *in, ingot_error *err)
{
    ingot_error own = {0}, *e = err ? err : &own;
    const bool again = may_fall_back(x);
    const ingot_status s = run_once(x, out, in, e);
    const bool there = x->options.device.api; /* not lost */
    if (!again || (s != INGOT_E_DEVICE && (s != INGOT_E_NOMEM || !there))) return s;
    if (there) ig_exec_fall(x, e->text);
    return run_once(x, out, in, err);
}
