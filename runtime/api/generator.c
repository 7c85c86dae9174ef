/* generator.c - generators behind the public handle: the model's hold, options, what META
 * recommends. */
#include "runtime/api/handles.h"
#include "runtime/graph/comm.h"
#include "runtime/llm/engine/engine.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

struct ingot_generator {
    ingot_model *model, *draft; /* one hold each */
    ig_engine *engine;
    ig_found_device *found;  /* [n_found], room for n_names */
    ig_exec_device *devices; /* the same, for the engine */
    size_t n_found, n_names;
    char device_name[128]; /* of all of them */
};

/* ---- devices ---- */

static size_t count_names(const char *list)
{
    size_t n = 1;
    for (; *list; list++) n += *list == ',';
    return n;
}

/* One name of the list, "cuda:0" or "auto". */
static ingot_status take_device(ingot_generator *g, const ingot_generator_options *o,
                                const char *name, size_t length, ingot_error *err)
{
    char one[32];
    snprintf(one, sizeof one, "%.*s", (int)IG_MIN(length, sizeof one - 1), name);
    const ig_device_wish wish = {
        .name = one, .budget_bytes = o->device_bytes, .budget_fraction = o->device_fraction};
    ig_found_device *f = &g->found[g->n_found];
    IG_TRY(ig_devices_take(&g->model->rt->devices, f, &wish, err));
    for (size_t i = 0; i < g->n_found; i++)
        if (g->found[i].device == f->device) {
            ig_devices_give(&g->model->rt->devices, f);
            return ig_fail(err, INGOT_E_ARG, "the device '%s' is given twice", one);
        }
    if (f->api) g->n_found++;
    return INGOT_OK;
}

static ingot_status take_devices(ingot_generator *g, const ingot_generator_options *o,
                                 ingot_error *err)
{
    const char *list = o->device ? o->device : "cpu";
    const size_t n = count_names(list);
    if (n > IG_COMM_RANKS)
        return ig_fail(err, INGOT_E_ARG, "%zu devices: at most %d work together", n, IG_COMM_RANKS);
    snprintf(g->device_name, sizeof g->device_name, "%s", list);
    g->n_names = n;
    g->found = ig_take0(&g->model->rt->heap, n * sizeof *g->found);
    g->devices = ig_take0(&g->model->rt->heap, n * sizeof *g->devices);
    if (!g->found || !g->devices) return ig_fail(err, INGOT_E_NOMEM, "generator: no memory");
    for (const char *at = list;; at++) {
        const size_t length = strcspn(at, ",");
        IG_TRY(take_device(g, o, at, length, err));
        if (n > 1 && g->n_found < 1 + count_names(list) - count_names(at))
            return ig_fail(err, INGOT_E_ARG, "'%s': only CUDA devices share a model", list);
        at += length;
        if (!*at) break;
    }
    if (g->n_found == 1) snprintf(g->device_name, sizeof g->device_name, "%s", g->found[0].name);
    return INGOT_OK;
}

static void give_devices(ingot_generator *g)
{
    ingot_runtime *rt = g->model->rt;
    for (size_t i = 0; i < g->n_found; i++) ig_devices_give(&rt->devices, &g->found[i]);
    if (g->found) ig_give(&rt->heap, g->found, g->n_names * sizeof *g->found);
    if (g->devices) ig_give(&rt->heap, g->devices, g->n_names * sizeof *g->devices);
}

/* ---- opening ---- */

static ingot_status open_engine(ingot_generator *g, const ingot_generator_options *o,
                                ingot_error *err)
{
    ingot_runtime *rt = g->model->rt;
    IG_TRY(take_devices(g, o, err));
    for (size_t i = 0; i < g->n_found; i++) {
        const ig_found_device *f = &g->found[i];
        g->devices[i] = (ig_exec_device){
            .api = f->api, .device = f->device, .name = f->name, .may_fall_back = f->may_fall_back};
    }
    const ig_engine_setup setup = {.heap = &rt->heap,
                                   .pool = rt->pool,
                                   .log = &rt->log,
                                   .file = g->model->file,
                                   .draft = g->draft ? g->draft->file : NULL,
                                   .options = o,
                                   .devices = g->devices,
                                   .n_devices = g->n_found,
                                   .device_name = g->device_name};
    return ig_engine_open(&g->engine, &setup, err);
}

ingot_status ingot_generator_open(ingot_generator **out, ingot_model *model,
                                  const ingot_generator_options *options, ingot_error *err)
{
    *out = NULL;
    ingot_generator_options o;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_generator_options", err));
    ig_heap *heap = &model->rt->heap;
    ingot_generator *g = ig_take0(heap, sizeof *g);
    if (!g) return ig_fail(err, INGOT_E_NOMEM, "generator: no memory");
    g->model = model;
    g->draft = o.draft;
    atomic_fetch_add(&model->holds, 1);
    if (o.draft) atomic_fetch_add(&o.draft->holds, 1);
    const ingot_status s = open_engine(g, &o, err);
    if (s) ingot_generator_close(&g);
    *out = g;
    return s;
}

void ingot_generator_close(ingot_generator **generator)
{
    ingot_generator *g = *generator;
    *generator = NULL;
    if (!g) return;
    ig_engine_close(&g->engine);
    give_devices(g);
    ingot_model *model = g->model, *draft = g->draft;
    ig_give(&model->rt->heap, g, sizeof *g);
    if (draft) ig_model_drop(draft);
    ig_model_drop(model);
}

ingot_status ingot_generator_submit(ingot_generation **out, ingot_generator *g,
                                    const ingot_request *request, ingot_error *err)
{
    *out = NULL;
    ingot_request r;
    IG_TRY(ig_copy_options(&r, sizeof r, request, "ingot_request", err));
    return ig_engine_submit(out, g->engine, &r, err);
}

static float meta_float(const ig_ingot *file, const char *key)
{
    double v = 0;
    ig_lm_float(file, key, &v);
    return (float)v;
}

void ingot_generator_sampling(ingot_sampling *out, const ingot_generator *g)
{
    const ig_ingot *file = g->model->file;
    int64_t k = 0;
    ig_lm_int(file, "llm.top_k", &k);
    *out = (ingot_sampling){.temperature = meta_float(file, "llm.temperature"),
                            .top_k = k > 0 ? (size_t)k : 0,
                            .top_p = meta_float(file, "llm.top_p"),
                            .min_p = meta_float(file, "llm.min_p"),
                            .repetition_penalty = meta_float(file, "llm.repetition_penalty")};
}

const char *ingot_finish_text(ingot_finish finish)
{
    static const char *const texts[] = {[INGOT_FINISH_STOP] = "stop",
                                        [INGOT_FINISH_LENGTH] = "length",
                                        [INGOT_FINISH_CANCELLED] = "cancelled",
                                        [INGOT_FINISH_DEADLINE] = "deadline",
                                        [INGOT_FINISH_ERROR] = "error"};
    return finish <= INGOT_FINISH_ERROR ? texts[finish] : "unknown";
}

void ingot_generator_get_info(ingot_generator_info *out, ingot_generator *g)
{
    ig_engine_info(out, g->engine);
}

ingot_status ingot_generator_save(ingot_generator *g, const char *path, const int32_t *ids,
                                  size_t n, ingot_error *err)
{
    return ig_engine_save(g->engine, path, ids, n, err);
}

ingot_status ingot_generator_restore(const int32_t **ids, size_t *n, ingot_generator *g,
                                     const char *path, ingot_error *err)
{
    return ig_engine_restore(ids, n, g->engine, path, err);
}
