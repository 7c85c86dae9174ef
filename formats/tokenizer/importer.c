/* importer.c - tokenizer files as sources of `ingot convert`: Hugging Face's tokenizer.json (named,
 * or in a folder without weights) and SentencePiece's tokenizer.model. */
#include "formats/import.h"
#include "formats/tokenizer/import.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

static bool has_file(const char *folder, const char *name)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && !access(path, R_OK);
}

static ingot_status open_empty(ig_import *out, const ig_source *src, ingot_error *err)
{
    out->graph = ig_graph_open(src->heap, NULL);
    return out->graph ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
}

/* ---- Hugging Face ---- */

static bool is_hf(const ig_source *src)
{
    /* No ONNX file begins so: field 15 of its message would be a group's end. */
    const bool is_json = src->n_bytes && *(const char *)src->bytes == '{';
    return src->is_folder ? has_file(src->path, "tokenizer.json") : is_json;
}

static ingot_status read_json(ig_import *out, const void *bytes, size_t n, ingot_error *err)
{
    ig_recipe recipe;
    IG_TRY(ig_tokenizer_from_json(&recipe, &out->graph->arena, bytes, n, err));
    return ig_recipe_write(&out->tokenizer, &recipe, err);
}

static ingot_status read_folder(ig_import *out, const ig_source *src, ingot_error *err)
{
    char path[4096];
    ig_map map = {0};
    if (has_file(src->path, "model.safetensors") ||
        has_file(src->path, "model.safetensors.index.json"))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "a checkpoint with weights: this Ingot converts folders that hold a "
                       "tokenizer only");
    snprintf(path, sizeof path, "%s/tokenizer.json", src->path);
    IG_TRY(ig_map_open(&map, src->heap, path, err));
    const ingot_status s = read_json(out, map.data, map.size, err);
    ig_map_close(&map);
    return s;
}

static ingot_status read_hf(ig_import *out, const ig_source *src, ingot_error *err)
{
    IG_TRY(open_empty(out, src, err));
    return src->is_folder ? read_folder(out, src, err)
                          : read_json(out, src->bytes, src->n_bytes, err);
}

const ig_importer ig_importer_hf = {.name = "hf", .is = is_hf, .read = read_hf};

/* ---- SentencePiece ---- */

static bool is_sentencepiece(const ig_source *src)
{
    return !src->is_folder && ends_with(src->path, ".model");
}

static ingot_status read_sentencepiece(ig_import *out, const ig_source *src, ingot_error *err)
{
    ig_recipe recipe;
    if (src->is_folder) return ig_fail(err, INGOT_E_ARG, "a folder, not a SentencePiece model");
    IG_TRY(open_empty(out, src, err));
    IG_TRY(ig_tokenizer_from_sentencepiece(&recipe, &out->graph->arena, src->bytes, src->n_bytes,
                                           err));
    return ig_recipe_write(&out->tokenizer, &recipe, err);
}

const ig_importer ig_importer_sentencepiece = {
    .name = "sentencepiece", .is = is_sentencepiece, .read = read_sentencepiece};
