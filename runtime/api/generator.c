/* generator.c - generators behind the public handle: the model's hold, options, what META
 * recommends. */
#include "runtime/api/handles.h"
#include "runtime/llm/engine/engine.h"

#include <stdio.h>
#include <string.h>

enum { MOST_DEVICES = 16 };

struct ingot_generator {
    ingot_model *model, *draft; /* one hold each */
    ig_engine *engine;
    ig_found_device found[MOST_DEVICES];
    size_t n_found;
    ig_exec_device devices[MOST_DEVICES]; /* of found, without the CPU; the engine keeps them */
    size_t n_devices;
    char device[128]; /* their names as they were given */
};

/* The devices of a list of names: none where it is the CPU. */
static ingot_status take_devices(ingot_generator *g, const ingot_generator_options *o,
                                 ingot_error *err)
{
    ig_device_wish wish = {.budget_bytes = o->device_bytes,
                           .budget_fraction = o->device_fraction,
                           .fast = o->fast_math};
    for (const char *at = o->device; at;) {
        char name[32];
        const size_t length = strcspn(at, ",");
        if (length >= sizeof name || g->n_found == MOST_DEVICES)
            return ig_fail(err, INGOT_E_ARG, "device '%.60s': up to %d names as cuda:0", o->device,
                           MOST_DEVICES);
        snprintf(name, sizeof name, "%.*s", (int)length, at);
        wish.name = name;
        ig_found_device *f = &g->found[g->n_found];
        IG_TRY(ig_devices_take(&g->model->rt->devices, f, &wish, err));
        g->n_found++;
        if (f->api)
            g->devices[g->n_devices++] = (ig_exec_device){.api = f->api,
                                                          .device = f->device,
                                                          .name = f->name,
                                                          .may_fall_back = f->may_fall_back};
        at = at[length] ? at + length + 1 : NULL;
    }
    const size_t n = g->n_devices;
    if (n && n != g->n_found)
        return ig_fail(err, INGOT_E_ARG, "device '%.60s': the CPU and devices cannot share a model",
                       o->device);
    snprintf(g->device, sizeof g->device, "%s",
             n == 1 ? g->devices[0].name
             : n    ? o->device
                    : "cpu");
    return INGOT_OK;
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
    ingot_status s = take_devices(g, &o, err);
    const ig_engine_setup setup = {.heap = heap,
                                   .pool = model->rt->pool,
                                   .log = &model->rt->log,
                                   .file = model->file,
                                   .draft = o.draft ? o.draft->file : NULL,
                                   .options = &o,
                                   .devices = g->devices,
                                   .n_devices = g->n_devices,
                                   .device_name = g->device};
    if (!s) s = ig_engine_open(&g->engine, &setup, err);
    if (s) ingot_generator_close(&g);
    *out = g;
    return s;
}

void ingot_generator_close(ingot_generator **generator)
{
    ingot_generator *g = *generator;
    *generator = NULL;
    if (!g) return;
    if (g->engine) ig_engine_close(&g->engine);
    for (size_t i = 0; i < g->n_found; i++) ig_devices_give(&g->model->rt->devices, &g->found[i]);
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
