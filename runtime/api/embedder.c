/* embedder.c - embedders behind the public handle: the model's hold, options. */
#include "runtime/api/handles.h"
#include "runtime/llm/embed/embedder.h"

struct ingot_embedder {
    ingot_model *model; /* a hold */
    ig_found_device device;
    ig_embedder *inner;
};

#if IG_HAVE_TEXT

static ingot_status open_inner(ingot_embedder *e, const ingot_embedder_options *o, ingot_error *err)
{
    ingot_runtime *rt = e->model->rt;
    const ig_device_wish wish = {
        .name = o->device, .budget_bytes = o->device_bytes, .budget_fraction = o->device_fraction};
    IG_TRY(ig_devices_take(&rt->devices, &e->device, &wish, err));
    const ig_embedder_setup setup = {.heap = &rt->heap,
                                     .pool = rt->pool,
                                     .log = &rt->log,
                                     .file = e->model->file,
                                     .options = o,
                                     .device = {.api = e->device.api,
                                                .device = e->device.device,
                                                .name = e->device.name,
                                                .may_fall_back = e->device.may_fall_back}};
    return ig_embedder_open(&e->inner, &setup, err);
}

ingot_status ingot_embedder_open(ingot_embedder **out, ingot_model *model,
                                 const ingot_embedder_options *options, ingot_error *err)
{
    *out = NULL;
    ingot_embedder_options o;
    IG_TRY(ig_copy_options(&o, sizeof o, options, "ingot_embedder_options", err));
    ig_heap *heap = &model->rt->heap;
    ingot_embedder *e = ig_take0(heap, sizeof *e);
    if (!e) return ig_fail(err, INGOT_E_NOMEM, "embedder: no memory");
    e->model = model;
    atomic_fetch_add(&model->holds, 1);
    const ingot_status s = open_inner(e, &o, err);
    if (s) ingot_embedder_close(&e);
    *out = e;
    return s;
}

void ingot_embedder_close(ingot_embedder **embedder)
{
    ingot_embedder *e = *embedder;
    *embedder = NULL;
    if (!e) return;
    ig_embedder_close(&e->inner);
    ig_devices_give(&e->model->rt->devices, &e->device);
    ingot_model *model = e->model;
    ig_give(&model->rt->heap, e, sizeof *e);
    ig_model_drop(model);
}

void ingot_embedder_get_info(ingot_embedder_info *out, const ingot_embedder *e)
{
    ig_embedder_info(out, e->inner);
}

ingot_status ingot_embedder_embed(float *out, size_t *cut, ingot_embedder *e,
                                  const ingot_str *texts, size_t n, ingot_error *err)
{
    return ig_embedder_embed(out, cut, e->inner, texts, n, err);
}

ingot_status ingot_embedder_rank(float *scores, size_t *cut, ingot_embedder *e, ingot_str query,
                                 const ingot_str *documents, size_t n, ingot_error *err)
{
    return ig_embedder_rank(scores, cut, e->inner, query, documents, n, err);
}

#else /* no embedder can be opened, so that the other calls never get one */

static ingot_status lacking(ingot_error *err)
{
    return ig_fail(err, INGOT_E_UNSUPPORTED, "this build has no tokenizers (PCRE2, utf8proc)");
}

ingot_status ingot_embedder_open(ingot_embedder **out, ingot_model *model,
                                 const ingot_embedder_options *options, ingot_error *err)
{
    (void)model, (void)options;
    *out = NULL;
    return lacking(err);
}

void ingot_embedder_close(ingot_embedder **e) { *e = NULL; }

void ingot_embedder_get_info(ingot_embedder_info *out, const ingot_embedder *e)
{
    (void)e;
    *out = (ingot_embedder_info){0};
}

ingot_status ingot_embedder_embed(float *out, size_t *cut, ingot_embedder *e,
                                  const ingot_str *texts, size_t n, ingot_error *err)
{
    (void)out, (void)cut, (void)e, (void)texts, (void)n;
    return lacking(err);
}

ingot_status ingot_embedder_rank(float *scores, size_t *cut, ingot_embedder *e, ingot_str query,
                                 const ingot_str *documents, size_t n, ingot_error *err)
{
    (void)scores, (void)cut, (void)e, (void)query, (void)documents, (void)n;
    return lacking(err);
}

#endif
