/* importer.c - ONNX files as a source of `ingot convert`. */
#include "formats/import.h"
#include "formats/onnx/onnx.h"

#include <string.h>

/* Protobuf has no magic: what nobody else claims is taken for ONNX. */
static bool is_onnx(const ig_source *src) { return !src->is_folder; }

/* The folder of a file, for external data. */
static ingot_status folder_of(char *folder, size_t room, const char *path, ingot_error *err)
{
    const char *slash = strrchr(path, '/');
    const size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= room) return ig_fail(err, INGOT_E_ARG, "%.80s...: the path is too long", path);
    strcpy(folder, slash ? "/" : ".");
    if (n) memcpy(folder, path, n), folder[n] = 0;
    return INGOT_OK;
}

static ingot_status read_onnx(ig_import *out, const ig_source *src, ingot_error *err)
{
    char folder[4096];
    ig_onnx_meta meta = {0};
    const ig_onnx_options o = {.log = src->log};
    IG_TRY(folder_of(folder, sizeof folder, src->path, err));
    IG_TRY(ig_onnx_read(&out->graph, &meta, src->heap, src->bytes, src->n_bytes, folder, &o, err));
    const char *producer =
        ig_arena_printf(&out->graph->arena, "%s %s", meta.producer ? meta.producer : "",
                        meta.producer_version ? meta.producer_version : "");
    if (!producer) return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
    ig_import_text(out, "source.producer", strcmp(producer, " ") ? producer : NULL);
    ig_import_text(out, "source.opsets", meta.opsets);
    ig_import_text(out, "source.graph", meta.graph_name);
    ig_import_int(out, "source.ir_version", meta.ir_version);
    return INGOT_OK;
}

const ig_importer ig_importer_onnx = {.name = "onnx", .is = is_onnx, .read = read_onnx};
