/* generator.c - generators behind the public handle: the model's hold, options, what META
 * recommends. */
#include "runtime/api/handles.h"
#include "runtime/llm/engine/engine.h"

struct ingot_generator {
    ingot_model *model, *draft; /* one hold each */
    ig_engine *engine;
};

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
    const ig_engine_setup setup = {.heap = heap,
                                   .pool = model->rt->pool,
                                   .log = &model->rt->log,
                                   .file = model->file,
                                   .draft = o.draft ? o.draft->file : NULL,
                                   .options = &o};
    const ingot_status s = ig_engine_open(&g->engine, &setup, err);
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
