/* model.c - runtimes and models behind the public handles. */
#include "runtime/api/handles.h"
#include "runtime/base/checked.h"
#include "runtime/base/fault.h"
#include "kernels/cpu.h"

#include <string.h>

const char *ingot_version(void) { return IG_VERSION; }

/* ---- runtime ------------------------------------------------------------------------------------
 */

/* Options of an older header are shorter: what they lack keeps its default. */
ingot_status ig_copy_options(void *mine, size_t bytes, const void *theirs, const char *what,
                             ingot_error *err)
{
    memset(mine, 0, bytes);
    if (!theirs) return INGOT_OK;
    size_t size;
    memcpy(&size, theirs, sizeof size);
    if (size < sizeof size || size > bytes)
        return ig_fail(err, INGOT_E_ARG, "%s.size is %zu; set it to sizeof the struct (%zu here)",
                       what, size, bytes);
    memcpy(mine, theirs, size);
    return INGOT_OK;
}

static void forward_log(void *ud, int level, const char *text)
{
    const ingot_runtime_options *o = ud;
    o->log(o->log_ud, (ingot_log_level)level, text);
}

typedef struct {
    ingot_runtime rt;
    ingot_runtime_options options;
} runtime_block;

static ingot_status open_pool(ingot_runtime *rt, const ingot_runtime_options *o, ingot_error *err)
{
    const ig_pool_options pool = {.n_threads = o->n_threads,
                                  .pin = o->pin,
                                  .host_parallel = o->parallel,
                                  .host_ud = o->parallel_ud};
    return ig_pool_open(&rt->pool, &rt->heap, &pool, err);
}

ingot_status ingot_runtime_open(ingot_runtime **out, const ingot_runtime_options *options,
                                ingot_error *err)
{
    *out = NULL;
    ingot_runtime_options o;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_runtime_options", err));
    IG_TRY(ig_cpu_check(err));
    ig_heap heap;
    ig_heap_init(&heap, &o.alloc);
    runtime_block *b = ig_take0(&heap, sizeof *b);
    if (!b) return ig_fail(err, INGOT_E_NOMEM, "runtime: no memory");
    b->options = o;
    ig_heap_init(&b->rt.heap, &o.alloc);
    b->rt.log = (ig_log){
        .fn = o.log ? forward_log : NULL, .ud = &b->options, .level = (ig_log_level)o.log_level};
    ig_devices_init(&b->rt.devices, &b->rt.heap, &b->rt.log);
    b->rt.guard_maps = o.guard_maps;
    *out = &b->rt;
    ingot_status s = open_pool(*out, &o, err);
    if (!s && o.guard_maps) s = ig_fault_guard_install(err);
    if (s) ingot_runtime_close(out);
    return s;
}

void ingot_runtime_close(ingot_runtime **rt)
{
    runtime_block *b = (runtime_block *)*rt;
    *rt = NULL;
    if (!b) return;
    ig_devices_clear(&b->rt.devices);
    ig_pool_close(&b->rt.pool);
    const ingot_alloc alloc = b->rt.heap.alloc;
    alloc.fn(alloc.ud, b, sizeof *b, 0);
}

size_t ingot_runtime_threads(const ingot_runtime *rt) { return ig_pool_threads(rt->pool); }

ingot_memory ingot_runtime_memory(const ingot_runtime *rt)
{
    return (ingot_memory){.live_bytes = atomic_load(&rt->heap.live_bytes),
                          .peak_bytes = atomic_load(&rt->heap.peak_bytes),
                          .n_allocations = atomic_load(&rt->heap.n_calls)};
}

void ingot_runtime_reset_peak(ingot_runtime *rt) { ig_heap_reset_peak(&rt->heap); }

/* ---- model
 * ---------------------------------------------------------------------------------------- */

static ingot_status adopt(ingot_model **out, ingot_runtime *rt, ig_ingot *file,
                          const ingot_model_options *options, ingot_error *err)
{
    ingot_status s = options->check_digests ? ig_ingot_check_digests(file, err) : INGOT_OK;
    ingot_model *m = s ? NULL : ig_take0(&rt->heap, sizeof *m);
    if (!m) {
        if (!s) s = ig_fail(err, INGOT_E_NOMEM, "model: no memory");
        ig_ingot_close(&file);
        return s;
    }
    m->rt = rt;
    m->file = file;
    atomic_init(&m->holds, 1);
    if (rt->guard_maps && file->map.data)
        s = ig_fault_watch(file->map.data, file->map.size, &file->map.bad, err);
    if (s)
        ig_model_drop(m);
    else
        *out = m;
    return s;
}

ingot_status ingot_model_open(ingot_model **out, ingot_runtime *rt, const char *path,
                              const ingot_model_options *options, ingot_error *err)
{
    *out = NULL;
    ingot_model_options o;
    ig_ingot *file;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_model_options", err));
    IG_TRY(ig_ingot_open(&file, &rt->heap, path, err));
    return adopt(out, rt, file, &o, err);
}

ingot_status ingot_model_open_memory(ingot_model **out, ingot_runtime *rt, const void *bytes,
                                     size_t n, const ingot_model_options *options, ingot_error *err)
{
    *out = NULL;
    ingot_model_options o;
    ig_ingot *file;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_model_options", err));
    IG_TRY(ig_ingot_open_memory(&file, &rt->heap, bytes, n, err));
    return adopt(out, rt, file, &o, err);
}

void ig_model_drop(ingot_model *m)
{
    if (atomic_fetch_sub(&m->holds, 1) > 1) return;
    if (m->rt->guard_maps && m->file->map.data) ig_fault_unwatch(m->file->map.data);
    ig_ingot_close(&m->file);
    ig_give(&m->rt->heap, m, sizeof *m);
}

void ingot_model_close(ingot_model **model)
{
    ingot_model *m = *model;
    *model = NULL;
    if (m) ig_model_drop(m);
}

size_t ingot_model_n_inputs(const ingot_model *m) { return m->file->graph->n_inputs; }

size_t ingot_model_n_outputs(const ingot_model *m) { return m->file->graph->n_outputs; }

static void describe(ingot_value_info *out, const ig_graph *g, ig_id id)
{
    const ig_value *v = &g->values[id];
    *out = (ingot_value_info){.name = v->name,
                              .dtype = v->type.dtype,
                              .rank = v->type.rank,
                              .is_sequence = v->type.kind == IG_SEQUENCE,
                              .optional = v->type.optional};
    for (int d = 0; d < v->type.rank; d++) {
        const int64_t dim = v->type.dims[d];
        out->dims[d] = dim >= 0 ? dim : -1;
        if (IG_DIM_IS_SYMBOL(dim)) out->dim_names[d] = ig_graph_symbol_name(g, dim);
    }
}

bool ingot_model_input(ingot_value_info *out, const ingot_model *m, size_t i)
{
    const ig_graph *g = m->file->graph;
    if (i < g->n_inputs) describe(out, g, g->inputs[i]);
    return i < g->n_inputs;
}

bool ingot_model_output(ingot_value_info *out, const ingot_model *m, size_t i)
{
    const ig_graph *g = m->file->graph;
    if (i < g->n_outputs) describe(out, g, g->outputs[i]);
    return i < g->n_outputs;
}

const char *ingot_model_meta(const ingot_model *m, const char *key)
{
    for (size_t i = 0; i < m->file->meta.n; i++) {
        const ig_meta_entry *e = &m->file->meta.v[i];
        if (e->kind == IG_ATTR_TEXT && !strcmp(e->key, key)) return e->s;
    }
    return NULL;
}
