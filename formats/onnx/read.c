/* read.c - from the bytes of an ONNX file to a graph; see onnx.h. */
#include "formats/onnx/state.h"
#include "runtime/graph/pass.h"

#include <stdio.h>
#include <string.h>

/* Training information, quantisation annotations and device hints are left unread: they change
 * nothing in what the graph computes. */

static const char *keep(ig_graph *g, const char *text, bool *ok)
{
    const char *copy = ig_arena_text(&g->arena, text, strlen(text));
    if (!copy) *ok = false;
    return copy ? copy : "";
}

static const char *opsets_text(ig_graph *g, const onnx_opsets *opsets, bool *ok)
{
    enum { LONGEST = 400 };
    char text[LONGEST + 1] = "";
    size_t at = 0;
    for (size_t i = 0; i < opsets->n && at < LONGEST - 100; i++) {
        const char *domain = *opsets->v[i].domain ? opsets->v[i].domain : "ai.onnx";
        const int n = snprintf(text + at, sizeof text - at, "%s%.60s %lld", at ? ", " : "", domain,
                               (long long)opsets->v[i].version);
        at += n > 0 ? (size_t)n : 0;
    }
    return keep(g, text, ok);
}

static ingot_status fill_meta(ig_onnx_meta *meta, ig_graph *g, const onnx_model *m,
                              ingot_error *err)
{
    bool ok = true;
    if (!meta) return INGOT_OK;
    *meta = (ig_onnx_meta){.producer = keep(g, m->producer, &ok),
                           .producer_version = keep(g, m->producer_version, &ok),
                           .domain = keep(g, m->domain, &ok),
                           .doc = keep(g, m->doc, &ok),
                           .graph_name = keep(g, m->graph.name, &ok),
                           .ir_version = m->ir_version,
                           .model_version = m->version,
                           .opsets = opsets_text(g, &m->opsets, &ok)};
    return ok ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "importing the model: no memory");
}

static ingot_status import_model(onnx_import *w, ig_graph *g, ingot_error *err)
{
    enum { NEWEST_IR = 14 };
    if (w->model.ir_version > NEWEST_IR)
        ig_log_say(w->log, IG_LOG_WARN, "the model has IR version %lld, newer than %d",
                   (long long)w->model.ir_version, NEWEST_IR);
    IG_TRY(onnx_scan(w, err));
    onnx_body body = {.g = g};
    onnx_scope scope = {.arena = &w->arena, .body = &body, .prefix = ""};
    ig_import c = {.g = g, .err = err, .whole = w, .scope = &scope};
    IG_TRY(onnx_import_graph(&c, &w->model.graph));
    return ig_graph_check(g, err);
}

ingot_status ig_onnx_read(ig_graph **out, ig_onnx_meta *meta, ig_heap *heap, const void *bytes,
                          size_t n_bytes, const char *folder, const ig_onnx_options *options,
                          ingot_error *err)
{
    *out = NULL;
    onnx_files *files = folder ? onnx_files_open(heap, folder) : NULL;
    ig_graph *g = ig_graph_open(heap, NULL);
    onnx_import w = {.heap = heap, .log = options ? options->log : NULL};
    ig_arena_init(&w.arena, heap);
    ingot_status s = INGOT_OK;
    if (!g || (folder && !files)) s = ig_fail(err, INGOT_E_NOMEM, "importing the model: no memory");
    if (!s)
        w.store = (onnx_store){.arena = &g->arena,
                               .files = files,
                               .dense_left = ONNX_DENSE_MOST,
                               .copy_left = ONNX_COPY_MOST};
    if (!s) s = onnx_model_read(&w.model, (ig_span){bytes, n_bytes}, &w.arena, err);
    if (!s) s = import_model(&w, g, err);
    if (!s) s = fill_meta(meta, g, &w.model, err);
    ig_arena_clear(&w.arena);
    if (g && onnx_files_used(files))
        ig_graph_keep(g, onnx_files_close, files);
    else
        onnx_files_close(files);
    if (s) ig_graph_close(&g);
    *out = g;
    return s;
}
