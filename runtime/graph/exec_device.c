/* exec_device.c - runs of plans that have steps on a device.
 *
 * Launches and copies go to one stream and are waited for only where the host reads what came down,
 * and at the end. A plan whose steps all lie on the device runs its launches one by one the first
 * time, since constants are still on their way then and kernels are loaded; the second time they
 * are recorded. So it is with each form of the cache. */
#include "runtime/graph/exec_parts.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

enum { RUNS_BEFORE_RECORDING = 1 };

ingot_status ig_exec_device_open(ig_exec *x, ingot_error *err)
{
    ig_exec_device *d = &x->options.device;
    x->own_stream = !d->stream;
    return d->stream ? INGOT_OK : d->api->stream_open(&d->stream, d->device, err);
}

static ingot_status wait(ig_exec *x, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    return d->api->wait(d->stream, err);
}

ingot_status ig_exec_device_wait(ig_exec *x, ingot_error *err) { return wait(x, err); }

void ig_exec_device_close(ig_exec *x)
{
    ig_exec_device *d = &x->options.device;
    if (d->stream) (void)wait(x, NULL);
    d->api->give(d->device, x->device_block);
    x->device_block = NULL;
    x->device_bytes = 0;
    if (x->own_stream && d->stream) d->api->stream_close(&d->stream);
    d->stream = NULL;
}

void ig_exec_fall(ig_exec *x, const char *why)
{
    const bool only = x->options.device.only;
    snprintf(x->fallen, sizeof x->fallen, "%s", why);
    if (!only && !x->g->parent) /* a body's fall is told by the graph around it */
        ig_log_say(x->options.log, IG_LOG_WARN, "%s is not used any more, the CPU goes on: %s",
                   x->options.device.name, why);
    x->latest = x->body.sent = NULL;
    if (x->options.device.stream) (void)wait(x, NULL);
    for (size_t i = 0; i < IG_EXEC_PLANS; i++) ig_plan_close(&x->plans[i]);
    ig_exec_device_close(x);
    x->options.device = (ig_exec_device){.only = only};
}

/* Other plans that lie in the old block are placed again when they are used. */
static ingot_status grow_block(ig_exec *x, size_t bytes, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    IG_TRY(wait(x, err));
    d->api->give(d->device, x->device_block);
    x->device_block = NULL;
    x->device_bytes = 0;
    IG_TRY(d->api->take(d->device, &x->device_block, bytes, IG_DEVICE_WORK, err));
    x->device_bytes = bytes;
    return INGOT_OK;
}

ingot_status ig_exec_device_place(ig_exec *x, ig_plan *p, ingot_error *err)
{
    if (p->device_bytes > x->device_bytes) IG_TRY(grow_block(x, p->device_bytes, err));
    if (!p->device_placed || p->device_block != x->device_block) {
        ig_plan_place_device(p, x->device_block);
        x->body.sent = NULL;
    }
    return INGOT_OK;
}

/* ---- steps ---- */

static ingot_status copy(ig_exec *x, ig_plan *p, const ig_step *step, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    void *here = p->values[step->value].data, *at = p->device_at[step->value];
    if (step->kind == IG_STEP_DOWN)
        return d->api->copy(d->stream, here, at, step->copy_bytes, IG_TO_HOST, err);
    const void *there = x->there ? x->there[step->value] : NULL;
    const size_t input = step->input ? step->input - 1 : 0;
    if (step->input && input >= x->body.captured && x->body.sent == p) return INGOT_OK;
    if (step->input && x->body.fed[input])
        there = p->device_at[p->g->outputs[x->body.fed[input] - 1]];
    return d->api->copy(d->stream, at, there ? there : here, step->copy_bytes,
                        there ? IG_ON_DEVICE : IG_TO_DEVICE, err);
}

static void *count_of(const ig_on_device *t) { return (char *)t->scratch + t->count_at; }

static ingot_status launch(ig_exec *x, const ig_step *step, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    const ig_on_device *t = step->taken;
    for (uint32_t i = 0; t->host_in && i < step->node->n_in && i < 64; i++)
        if (t->host_in >> i & 1 && step->in[i]) t->in[i] = step->in[i]->data;
    const ig_device_run r = {.node = step->node,
                             .comm = x->options.comm,
                             .state = t->state,
                             .in = t->in,
                             .out = t->out,
                             .scratch = t->scratch,
                             .count = t->open ? count_of(t) : NULL,
                             .err = err};
    return d->api->launch(d->stream, &r);
}

/* Output o has its size now, if it was open; where the host needs it, it comes down. */
static ingot_status size_output(ig_exec *x, ig_plan *p, const ig_step *step, uint32_t o,
                                ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    const ig_id id = step->node->out[o];
    ig_tensor *t = step->out[o];
    const ig_type *planned = &p->types[id];
    size_t bytes;
    if (ig_type_static(planned)) return INGOT_OK;
    *t = (ig_tensor){.dtype = planned->dtype, .rank = planned->rank};
    for (int i = 0; i < t->rank; i++)
        t->dims[i] = planned->dims[i] < 0 ? step->taken->n : planned->dims[i];
    const ig_type made = ig_type_of(t);
    if (!p->needed_here[id] || !ig_type_bytes(&made, &bytes)) return INGOT_OK;
    t->data = ig_arena_take(&x->side, IG_MAX(bytes, (size_t)IG_ALIGN));
    if (!t->data)
        return ig_node_fail(err, INGOT_E_NOMEM, step->node, "no memory for %zu bytes", bytes);
    if (!bytes) return INGOT_OK;
    IG_TRY(d->api->copy(d->stream, t->data, p->device_at[id], bytes, IG_TO_HOST, err));
    return wait(x, err);
}

static ingot_status launch_open(ig_exec *x, ig_plan *p, const ig_step *step, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    ig_on_device *t = step->taken;
    IG_TRY(launch(x, step, err));
    IG_TRY(d->api->copy(d->stream, &t->n, count_of(t), sizeof t->n, IG_TO_HOST, err));
    IG_TRY(wait(x, err));
    if (t->n < 0 || t->n > t->most)
        return ig_node_fail(err, INGOT_E_INTERNAL, step->node, "%lld results, %lld at most",
                            (long long)t->n, (long long)t->most);
    for (uint32_t o = 0; o < step->node->n_out; o++)
        if (step->out[o]) IG_TRY(size_output(x, p, step, o, err));
    return INGOT_OK;
}

ingot_status ig_exec_device_step(ig_exec *x, ig_plan *p, const ig_step *step, const char **kernel,
                                 ingot_error *err)
{
    if (step->wait) IG_TRY(wait(x, err));
    if (step->kind != IG_STEP_NODE) return copy(x, p, step, err);
    if (!step->taken) return ig_exec_step(x, step, kernel, err);
    return step->taken->open ? launch_open(x, p, step, err) : launch(x, step, err);
}

/* A rank's share is computed to its end, since the other ranks wait for it. */
static bool is_cancelled(const ig_exec *x) { return !x->options.comm && ig_exec_cancelled(x); }

static ingot_status run_step(ig_exec *x, ig_plan *p, const ig_step *step, ingot_error *err)
{
    const char *kernel = step->kernel;
    if (is_cancelled(x)) return ig_fail(err, INGOT_E_CANCELLED, "the run was cancelled");
    return x->options.trace ? ig_exec_traced(x, step, err)
                            : ig_exec_device_step(x, p, step, &kernel, err);
}

/* ---- recordings ---- */

static ingot_status record(ig_exec *x, ig_plan *p, ig_device_graph **graph, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    IG_TRY(d->api->record_begin(d->stream, err));
    ingot_status s = INGOT_OK;
    for (size_t i = 0; !s && i < p->n_steps; i++)
        if (p->steps[i].taken) s = launch(x, &p->steps[i], err);
    ingot_error later;
    const ingot_status ended = d->api->record_end(d->stream, graph, s ? &later : err);
    if (s && *graph) d->api->graph_close(graph);
    return s ? s : ended;
}

static ingot_status copies(ig_exec *x, ig_plan *p, ig_step_kind kind, ingot_error *err)
{
    for (size_t s = 0; s < p->n_steps; s++)
        if (p->steps[s].kind == kind) IG_TRY(copy(x, p, &p->steps[s], err));
    return INGOT_OK;
}

/* The place for a recording of that form, after a run of that form was made step by step; NULL: it
 * is to be made so. */
static ig_recording *recording_of(ig_exec *x, ig_plan *p, uint64_t form)
{
    ig_recording *r = &p->recorded[form % IG_RECORDINGS];
    if (!p->whole || p->loose || x->options.trace) return NULL;
    if (r->form != form) {
        if (r->graph) x->options.device.api->graph_close(&r->graph);
        *r = (ig_recording){.form = form};
    }
    return r->n_runs++ >= RUNS_BEFORE_RECORDING ? r : NULL;
}

/* A device that cannot record these launches can still make them. */
static ingot_status begin_recording(ig_exec *x, ig_plan *p, ig_recording *r, ingot_error *err)
{
    ingot_error own;
    const ig_exec_device *d = &x->options.device;
    const ingot_status s = record(x, p, &r->graph, &own);
    p->loose = (s == INGOT_E_DEVICE || s == INGOT_E_NOMEM) && !d->api->lost(d->device);
    if (p->loose)
        ig_log_say(x->options.log, IG_LOG_WARN,
                   "%s: a plan cannot be recorded and is launched step by step: %s", d->name,
                   own.text);
    if (s && !p->loose && err) *err = own;
    return p->loose ? INGOT_OK : s;
}

static ingot_status run_recorded(ig_exec *x, ig_plan *p, ig_recording *r, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    IG_TRY(copies(x, p, IG_STEP_UP, err));
    IG_TRY(d->api->replay(d->stream, r->graph, err));
    return copies(x, p, IG_STEP_DOWN, err);
}

/* ---- a run ---- */

static ingot_status run_all(ig_exec *x, ig_plan *p, ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    uint64_t form = 0;
    /* the cache is the graph's around a body, whose later steps want it */
    if (d->api->kv && !x->g->parent) IG_TRY(d->api->kv(d->stream, x->kv, &form, err));
    if (is_cancelled(x)) return ig_fail(err, INGOT_E_CANCELLED, "the run was cancelled");
    ig_recording *r = recording_of(x, p, form);
    if (r && !r->graph) IG_TRY(begin_recording(x, p, r, err));
    if (r && r->graph) return run_recorded(x, p, r, err);
    for (size_t s = 0; s < p->n_steps; s++) IG_TRY(run_step(x, p, &p->steps[s], err));
    return INGOT_OK;
}

ingot_status ig_exec_fall_if_lost(ig_exec *x, ingot_status s, const ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    if (s == INGOT_E_DEVICE && d->api && d->api->lost(d->device)) ig_exec_fall(x, err->text);
    return s;
}

ingot_status ig_exec_wait(ig_exec *x, ingot_error *err)
{
    ingot_error own = {0}, *e = err ? err : &own;
    return x->options.device.api ? ig_exec_fall_if_lost(x, wait(x, e), e) : INGOT_OK;
}

ingot_status ig_exec_device_fetch(ig_exec *x, void *to, const void *there, size_t bytes,
                                  ingot_error *err)
{
    const ig_exec_device *d = &x->options.device;
    IG_TRY(d->api->copy(d->stream, to, there, bytes, IG_TO_HOST, err));
    return ig_exec_wait(x, err);
}
ingot_status ig_exec_device_run(ig_exec *x, ig_plan *p, ingot_error *err)
{
    ingot_error own = {0}, *e = err ? err : &own;
    ingot_status s = run_all(x, p, e);
    /* Nothing of a run is under way when it ends: neither its outputs nor copies into memory that
     * the caller may free. What is left on the device is not waited for: inputs were staged. But a
     * body's other outputs are looked at next. */
    ingot_error later = {0};
    const bool goes_on = p->left && !p->tail && !x->g->parent;
    const ingot_status waited = s || !goes_on ? wait(x, s ? &later : e) : INGOT_OK;
    if (!s) s = waited;
    /* launches are made long before the device has done their work */
    if (!s && !goes_on && is_cancelled(x))
        s = ig_fail(e, INGOT_E_CANCELLED, "the run was cancelled");
    x->body.sent = s ? NULL : p;
    memset(x->body.fed, 0, x->g->n_inputs * sizeof *x->body.fed);
    return ig_exec_fall_if_lost(x, s, e);
}
