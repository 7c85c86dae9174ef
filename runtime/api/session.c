/* session.c - one caller's plans and runs, synchronous and on a thread of its own. */
#include "runtime/api/handles.h"
#include "runtime/base/checked.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

struct ingot_session {
    ingot_model *model;
    ingot_session_options options;
    ig_found_device device;
    ig_exec *exec;
    ig_tensor *in, *out; /* [n_inputs], [n_outputs] of the run in progress */
    ig_type *types;      /* [n_inputs] for planning */
    atomic_bool cancel;
    ig_arena items; /* public views of sequences, until the next run */
    ig_arena given; /* items of sequences that were passed in, likewise */
    /* the asynchronous run: one thread, started by the first */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool has_thread, busy, quit;
    ingot_tensor *job_out;
    const ingot_tensor *job_in;
    size_t job_n_out, job_n_in;
    ingot_done_fn *job_done;
    void *job_ud;
};

static void forward_trace(void *ud, const ig_step_trace *step)
{
    const ingot_session *s = ud;
    const ingot_trace t = {.name = step->node->name,
                           .op = step->node->op->name,
                           .kernel = step->kernel,
                           .begin_ns = step->begin_ns,
                           .end_ns = step->end_ns,
                           .flops = step->cost.flops,
                           .bytes = step->cost.bytes,
                           .device = step->device};
    s->options.trace(s->options.trace_ud, &t);
}

static ingot_status fill(ingot_session *s, ingot_error *err)
{
    const ig_graph *g = s->model->file->graph;
    ingot_runtime *rt = s->model->rt;
    s->in = ig_take0(&rt->heap, g->n_inputs * sizeof *s->in);
    s->types = ig_take0(&rt->heap, g->n_inputs * sizeof *s->types);
    s->out = ig_take0(&rt->heap, g->n_outputs * sizeof *s->out);
    if (!s->in || !s->types || !s->out) return ig_fail(err, INGOT_E_NOMEM, "session: no memory");
    const ig_device_wish wish = {.name = s->options.device,
                                 .budget_bytes = s->options.device_bytes,
                                 .budget_fraction = s->options.device_fraction};
    IG_TRY(ig_devices_take(&rt->devices, &s->device, &wish, err));
    const ig_exec_options o = {.heap = &rt->heap,
                               .pool = rt->pool,
                               .log = &rt->log,
                               .math = s->options.fast_math ? IG_MATH_FAST : IG_MATH_EXACT,
                               .side_limit_bytes = s->options.dynamic_limit_bytes,
                               .cancel = &s->cancel,
                               .trace = s->options.trace ? forward_trace : NULL,
                               .trace_ud = s,
                               .device = {.api = s->device.api,
                                          .device = s->device.device,
                                          .name = s->device.name,
                                          .may_fall_back = s->device.may_fall_back}};
    return ig_exec_open(&s->exec, g, &o, err);
}

ingot_status ingot_session_open(ingot_session **out, ingot_model *model,
                                const ingot_session_options *options, ingot_error *err)
{
    *out = NULL;
    ingot_session_options o;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_session_options", err));
    ingot_session *s = ig_take0(&model->rt->heap, sizeof *s);
    if (!s) return ig_fail(err, INGOT_E_NOMEM, "session: no memory");
    s->options = o;
    s->model = model;
    atomic_fetch_add(&model->holds, 1);
    atomic_init(&s->cancel, false);
    ig_arena_init(&s->items, &model->rt->heap);
    ig_arena_init(&s->given, &model->rt->heap);
    pthread_mutex_init(&s->mutex, NULL);
    pthread_cond_init(&s->changed, NULL);
    const ingot_status status = fill(s, err);
    if (status) ingot_session_close(&s);
    *out = s;
    return status;
}

static void end_thread(ingot_session *s)
{
    if (!s->has_thread) return;
    pthread_mutex_lock(&s->mutex);
    s->quit = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->mutex);
    pthread_join(s->thread, NULL);
}

void ingot_session_close(ingot_session **session)
{
    ingot_session *s = *session;
    *session = NULL;
    if (!s) return;
    end_thread(s);
    pthread_mutex_destroy(&s->mutex);
    pthread_cond_destroy(&s->changed);
    const ig_graph *g = s->model->file->graph;
    ig_heap *heap = &s->model->rt->heap;
    ig_exec_close(&s->exec);
    ig_devices_give(&s->model->rt->devices, &s->device);
    ig_arena_clear(&s->items);
    ig_arena_clear(&s->given);
    ig_give(heap, s->in, g->n_inputs * sizeof *s->in);
    ig_give(heap, s->types, g->n_inputs * sizeof *s->types);
    ig_give(heap, s->out, g->n_outputs * sizeof *s->out);
    ingot_model *model = s->model;
    ig_give(heap, s, sizeof *s);
    ig_model_drop(model);
}

ingot_status ingot_session_plan(ingot_plan *info, ingot_session *s, const ingot_tensor *in,
                                size_t n_in, ingot_error *err)
{
    const ig_graph *g = s->model->file->graph;
    ig_plan_info p;
    ig_arena_reset(&s->given);
    IG_TRY(ig_place_inputs(s->in, g, in, n_in, &s->given, err));
    for (size_t i = 0; i < g->n_inputs; i++) s->types[i] = ig_type_of(&s->in[i]);
    IG_TRY(ig_exec_plan(s->exec, s->types, &p, err));
    if (info)
        *info = (ingot_plan){.activation_bytes = p.arena_bytes,
                             .plan_bytes = p.plan_bytes,
                             .unshared_bytes = p.naive_bytes,
                             .n_steps = p.n_steps,
                             .n_dynamic = p.n_dynamic,
                             .exact = p.exact};
    return INGOT_OK;
}

const char *ingot_session_device(const ingot_session *s, const char **why)
{
    const char *fallen = ig_exec_fallen(s->exec);
    if (why) *why = fallen;
    return fallen ? "cpu" : s->device.name;
}

const ig_exec *ig_session_exec(const ingot_session *s) { return s->exec; }

/* ---- a run
 * ------------------------------------------------------------------------------------------ */

static ingot_status find_output(size_t *at, const ig_graph *g, const ingot_tensor *out, size_t i,
                                ingot_error *err)
{
    *at = i;
    for (size_t k = 0; out->name && k < g->n_outputs; k++)
        if (!strcmp(g->values[g->outputs[k]].name, out->name)) {
            *at = k;
            return INGOT_OK;
        }
    if (!out->name && i < g->n_outputs) return INGOT_OK;
    if (!out->name)
        return ig_fail(err, INGOT_E_DATA, "output %zu: the model has %zu outputs", i, g->n_outputs);
    return ig_fail(err, INGOT_E_DATA, "no output is called '%.60s'; the first is '%.60s'",
                   out->name, g->n_outputs ? g->values[g->outputs[0]].name : "");
}

static ingot_status place_outputs(ingot_session *s, const ingot_tensor *out, size_t n_out,
                                  ingot_error *err)
{
    const ig_graph *g = s->model->file->graph;
    for (size_t k = 0; k < g->n_outputs; k++) s->out[k] = (ig_tensor){0};
    for (size_t i = 0; i < n_out; i++) {
        size_t at;
        IG_TRY(find_output(&at, g, &out[i], i, err));
        if (!out[i].data) continue;
        if (out[i].rank < 0 || out[i].rank > IG_MAX_RANK || !ig_dtype_valid((int)out[i].dtype))
            return ig_fail(err, INGOT_E_ARG, "output %zu: dtype %d or rank %d is not one", i,
                           (int)out[i].dtype, out[i].rank);
        s->out[at] = (ig_tensor){.dtype = out[i].dtype, .rank = out[i].rank, .data = out[i].data};
        memcpy(s->out[at].dims, out[i].dims, sizeof out[i].dims);
    }
    return INGOT_OK;
}

static ingot_status give_items(ingot_session *s, ingot_tensor *out, const ig_tensor *t,
                               ingot_error *err)
{
    const size_t n = ig_tensor_elements(t);
    ingot_tensor *items = ig_new_n(&s->items, ingot_tensor, n);
    if (!items) return ig_fail(err, INGOT_E_NOMEM, "output '%.60s': no memory", out->name);
    const ig_tensor *from = t->data;
    for (size_t i = 0; i < n; i++) {
        ig_to_public(&items[i], &from[i], NULL);
        if (from[i].kind == IG_SEQUENCE) IG_TRY(give_items(s, &items[i], &from[i], err));
    }
    out->items = items;
    out->n_items = n;
    out->data = NULL;
    return INGOT_OK;
}

static ingot_status give_outputs(ingot_session *s, ingot_tensor *out, size_t n_out,
                                 ingot_error *err)
{
    const ig_graph *g = s->model->file->graph;
    ig_arena_reset(&s->items);
    for (size_t i = 0; i < n_out; i++) {
        size_t at;
        IG_TRY(find_output(&at, g, &out[i], i, err));
        const char *name = g->values[g->outputs[at]].name;
        ig_to_public(&out[i], &s->out[at], name);
        if (out[i].is_sequence && !out[i].absent) IG_TRY(give_items(s, &out[i], &s->out[at], err));
    }
    return INGOT_OK;
}

/* A file that was removed or replaced stays whole in the map; one that was written to does not. */
static ingot_status file_intact(const ingot_model *m, ingot_error *err)
{
    const ig_map *map = &m->file->map;
    if (!map->data) return INGOT_OK;
    if (atomic_load(&map->bad))
        return ig_fail(err, INGOT_E_IO, "%s was cut off while it was in use", map->path);
    const ig_file_change change = ig_file_changed(map);
    if (change == IG_FILE_RESIZED || change == IG_FILE_MODIFIED)
        return ig_fail(err, INGOT_E_IO, "%s %s while it was in use (open it again)", map->path,
                       ig_file_change_text(change));
    return INGOT_OK;
}

static ingot_status run(ingot_session *s, ingot_tensor *out, size_t n_out, const ingot_tensor *in,
                        size_t n_in, ingot_error *err)
{
    const ig_graph *g = s->model->file->graph;
    IG_TRY(file_intact(s->model, err));
    ig_arena_reset(&s->given);
    IG_TRY(ig_place_inputs(s->in, g, in, n_in, &s->given, err));
    for (size_t i = 0; i < g->n_inputs; i++)
        if (!s->in[i].data && !s->in[i].absent && ig_tensor_elements(&s->in[i]))
            return ig_fail(err, INGOT_E_DATA, "input '%.60s' has no data",
                           g->values[g->inputs[i]].name);
    IG_TRY(place_outputs(s, out, n_out, err));
    IG_TRY(ig_exec_run(s->exec, s->out, s->in, err));
    if (atomic_load(&s->model->file->map.bad)) return file_intact(s->model, err);
    return give_outputs(s, out, n_out, err);
}

ingot_status ingot_session_run(ingot_session *s, ingot_tensor *out, size_t n_out,
                               const ingot_tensor *in, size_t n_in, ingot_error *err)
{
    atomic_store(&s->cancel, false);
    return run(s, out, n_out, in, n_in, err);
}

void ingot_session_cancel(ingot_session *s) { atomic_store(&s->cancel, true); }

/* ---- asynchronous runs
 * ---------------------------------------------------------------------------------- */

static void *serve(void *arg)
{
    ingot_session *s = arg;
    pthread_mutex_lock(&s->mutex);
    for (;;) {
        while (!s->busy && !s->quit) pthread_cond_wait(&s->changed, &s->mutex);
        if (!s->busy) break; /* a submitted run is finished before the thread ends */
        pthread_mutex_unlock(&s->mutex);
        ingot_error err = {0};
        const ingot_status status = run(s, s->job_out, s->job_n_out, s->job_in, s->job_n_in, &err);
        if (s->job_done) s->job_done(s->job_ud, status, &err);
        pthread_mutex_lock(&s->mutex);
        s->busy = false;
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
    return NULL;
}

ingot_status ingot_session_run_async(ingot_session *s, ingot_tensor *out, size_t n_out,
                                     const ingot_tensor *in, size_t n_in, ingot_done_fn *done,
                                     void *ud, ingot_error *err)
{
    pthread_mutex_lock(&s->mutex);
    ingot_status status =
        s->busy ? ig_fail(err, INGOT_E_ARG, "a run of this session is in progress") : INGOT_OK;
    if (!status && !s->has_thread && pthread_create(&s->thread, NULL, serve, s))
        status = ig_fail(err, INGOT_E_FULL, "no thread could be started for the run");
    if (!status) {
        s->has_thread = s->busy = true;
        s->job_out = out, s->job_n_out = n_out;
        s->job_in = in, s->job_n_in = n_in;
        s->job_done = done, s->job_ud = ud;
        atomic_store(&s->cancel, false);
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
    return status;
}

void ingot_session_wait(ingot_session *s)
{
    pthread_mutex_lock(&s->mutex);
    while (s->busy) pthread_cond_wait(&s->changed, &s->mutex);
    pthread_mutex_unlock(&s->mutex);
}
