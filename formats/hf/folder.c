/* folder.c - see folder.h; tokenizers are in tokenizer.c. */
#include "formats/hf/folder.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { JSON_MOST = 64 << 20, TEMPLATE_MOST = 1 << 20 };

bool ig_folder_has(const ig_source *src, const char *name)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", src->path, name);
    return n > 0 && (size_t)n < sizeof path && !access(path, F_OK);
}

static ingot_status open_file(ig_map *map, const ig_source *src, const char *name, ingot_error *err)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", src->path, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return ig_fail(err, INGOT_E_ARG, "%.80s...: the path is too long", src->path);
    return ig_map_open(map, src->heap, path, err);
}

static ingot_status read_json(json_t **out, const ig_source *src, const char *name, bool required,
                              json_type type, ingot_error *err)
{
    ig_map map = {0};
    json_error_t fault;
    *out = NULL;
    if (!required && !ig_folder_has(src, name)) return INGOT_OK;
    IG_TRY(open_file(&map, src, name, err));
    ingot_status s = INGOT_OK;
    if (map.size > JSON_MOST) s = ig_fail(err, INGOT_E_FORMAT, "%s has %zu bytes", name, map.size);
    if (!s) *out = json_loadb((const char *)map.data, map.size, 0, &fault);
    if (!s && !*out)
        s = ig_fail(err, INGOT_E_FORMAT, "%s, line %d, column %d: %.120s", name, fault.line,
                    fault.column, fault.text);
    if (!s && json_typeof(*out) != type) {
        json_decref(*out);
        *out = NULL;
        s = ig_fail(err, INGOT_E_FORMAT, "%s is no JSON %s", name,
                    type == JSON_ARRAY ? "array" : "object");
    }
    ig_map_close(&map);
    return s;
}

ingot_status ig_folder_json(json_t **out, const ig_source *src, const char *name, bool required,
                            ingot_error *err)
{
    return read_json(out, src, name, required, JSON_OBJECT, err);
}

ingot_status ig_folder_array(json_t **out, const ig_source *src, const char *name, ingot_error *err)
{
    return read_json(out, src, name, false, JSON_ARRAY, err);
}

/* ---- generation ---- */

static const json_t *either(const json_t *first, const json_t *second, const char *key)
{
    const json_t *v = json_object_get(first, key);
    if (v && !json_is_null(v)) return v;
    v = json_object_get(second, key);
    return json_is_null(v) ? NULL : v;
}

/* An id that the model's table has; configs of small models often keep those of large ones. */
static int64_t id_of(const json_t *v, const ig_llm *m)
{
    const json_int_t id = json_is_integer(v) ? json_integer_value(v) : -1;
    return id >= 0 && (size_t)id < m->vocab ? (int64_t)id : -1;
}

static void add_stop(ig_llm *m, const json_t *v)
{
    const int64_t id = id_of(v, m);
    if (id < 0 || m->n_eos == IG_LLM_STOPS) return;
    for (size_t i = 0; i < m->n_eos; i++)
        if (m->eos[i] == id) return;
    m->eos[m->n_eos++] = id;
}

static double real_of(const json_t *object, const char *key)
{
    const double v = json_number_value(json_object_get(object, key));
    return v > 0 && v < 1e6 ? v : 0;
}

static void read_generation(ig_llm *m, const json_t *g, const json_t *config)
{
    const json_t *eos = either(g, config, "eos_token_id");
    m->bos = id_of(either(g, config, "bos_token_id"), m);
    m->pad = id_of(either(g, config, "pad_token_id"), m);
    add_stop(m, eos);
    for (size_t i = 0; i < json_array_size(eos); i++) add_stop(m, json_array_get(eos, i));
    m->repetition_penalty = real_of(g, "repetition_penalty");
    if (!json_is_true(json_object_get(g, "do_sample"))) return;
    m->temperature = real_of(g, "temperature");
    m->top_p = real_of(g, "top_p");
    m->top_k_tokens = (int64_t)real_of(g, "top_k");
}

ingot_status ig_folder_generation(ig_llm *m, const ig_source *src, const json_t *config,
                                  ingot_error *err)
{
    json_t *generation = NULL;
    IG_TRY(ig_folder_json(&generation, src, "generation_config.json", false, err));
    const json_t *text = json_object_get(config, "text_config");
    read_generation(m, generation, json_is_object(text) ? text : config);
    json_decref(generation);
    return INGOT_OK;
}

/* ---- chat template ---- */

static const json_t *choose_template(const json_t *v)
{
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        const json_t *item = json_array_get(v, i);
        const char *name = json_string_value(json_object_get(item, "name"));
        if (name && !strcmp(name, "default")) return json_object_get(item, "template");
    }
    return json_is_array(v) ? json_object_get(json_array_get(v, 0), "template") : v;
}

static ingot_status keep_template(ig_import *out, const char *p, size_t n, ingot_error *err)
{
    if (n > TEMPLATE_MOST)
        return ig_fail(err, INGOT_E_FORMAT, "the chat template has %zu bytes (at most %d)", n,
                       TEMPLATE_MOST);
    for (size_t at = 0, step; at < n; at += step) {
        uint32_t cp;
        step = ig_utf8_next(&cp, p + at, n - at);
        if (!step)
            return ig_fail(err, INGOT_E_FORMAT, "the chat template is not UTF-8 at byte %zu", at);
    }
    out->template = (ingot_str){ig_arena_text(&out->graph->arena, p, n), n};
    return out->template.p ? INGOT_OK : ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
}

ingot_status ig_folder_template(ig_import *out, const ig_source *src, ingot_error *err)
{
    static const char file[] = "chat_template.jinja";
    json_t *config = NULL;
    if (ig_folder_has(src, file)) {
        ig_map map = {0};
        IG_TRY(open_file(&map, src, file, err));
        const ingot_status s = keep_template(out, (const char *)map.data, map.size, err);
        ig_map_close(&map);
        return s;
    }
    IG_TRY(ig_folder_json(&config, src, "tokenizer_config.json", false, err));
    const json_t *v = choose_template(json_object_get(config, "chat_template"));
    const ingot_status s =
        json_is_string(v) ? keep_template(out, json_string_value(v), json_string_length(v), err)
                          : INGOT_OK;
    json_decref(config);
    return s;
}
