/* pooling.c - what sentence-transformers keep beside an encoder's weights: modules.json names the
 * steps from tokens to an embedding, each with a folder and a config of its own. See folder.h. */
#include "formats/hf/folder.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

/* The class's own name: "sentence_transformers.models.Pooling" is Pooling. */
static const char *class_of(const json_t *module)
{
    const char *type = json_string_value(json_object_get(module, "type"));
    const char *dot = type ? strrchr(type, '.') : NULL;
    return dot ? dot + 1 : type ? type : "";
}

static bool is_set(const json_t *config, const char *key)
{
    return json_is_true(json_object_get(config, key));
}

static ingot_status choose_pooling(ig_encoder *e, const json_t *config, const char *name,
                                   ingot_error *err)
{
    static const struct {
        const char *key, *mode;
        ig_pooling pooling;
    } known[] = {{"pooling_mode_mean_tokens", "mean", IG_POOLING_MEAN},
                 {"pooling_mode_cls_token", "cls", IG_POOLING_CLS},
                 {"pooling_mode_lasttoken", "lasttoken", IG_POOLING_LAST}};
    static const char *const others[] = {"pooling_mode_max_tokens",
                                         "pooling_mode_mean_sqrt_len_tokens",
                                         "pooling_mode_weightedmean_tokens"};
    const char *mode = json_string_value(json_object_get(config, "pooling_mode"));
    size_t chosen = 0, lacking = 0;
    for (size_t i = 0; i < IG_LEN(known); i++)
        if (is_set(config, known[i].key) || (mode && !strcmp(mode, known[i].mode))) {
            e->pooling = known[i].pooling;
            chosen++;
        }
    for (size_t i = 0; i < IG_LEN(others); i++) lacking += is_set(config, others[i]);
    if (chosen == 1 && !lacking) return INGOT_OK;
    return ig_fail(err, INGOT_E_UNSUPPORTED,
                   "%s: a pooling that this Ingot lacks (one of mean, cls and last token is known)",
                   name);
}

static ingot_status read_pooling(ig_encoder *e, const ig_source *src, const json_t *module,
                                 ingot_error *err)
{
    const char *folder = json_string_value(json_object_get(module, "path"));
    char name[300];
    json_t *config = NULL;
    if (!folder || !*folder || *folder == '/' || strstr(folder, ".."))
        return ig_fail(err, INGOT_E_FORMAT, "modules.json: the pooling has no folder beside it");
    snprintf(name, sizeof name, "%.200s/config.json", folder);
    IG_TRY(ig_folder_json(&config, src, name, true, err));
    const ingot_status s = choose_pooling(e, config, name, err);
    json_decref(config);
    return s;
}

static ingot_status read_module(ig_encoder *e, const ig_source *src, const json_t *module,
                                ingot_error *err)
{
    const char *name = class_of(module);
    if (!strcmp(name, "Transformer")) return INGOT_OK;
    if (!strcmp(name, "Pooling")) return read_pooling(e, src, module, err);
    if (!strcmp(name, "Normalize")) {
        e->normalize = true;
        return INGOT_OK;
    }
    return ig_fail(err, INGOT_E_UNSUPPORTED,
                   "modules.json: a module '%.60s' (Transformer, Pooling and Normalize are known)",
                   name);
}

static ingot_status read_length(ig_encoder *e, const ig_source *src, ingot_error *err)
{
    json_t *config = NULL;
    IG_TRY(ig_folder_json(&config, src, "sentence_bert_config.json", false, err));
    const json_t *most = json_object_get(config, "max_seq_length");
    const json_int_t n = json_is_integer(most) ? json_integer_value(most) : 0;
    json_decref(config);
    if (n > 0) e->most_tokens = (size_t)n;
    return INGOT_OK;
}

ingot_status ig_folder_pooling(ig_encoder *e, const ig_source *src, ingot_error *err)
{
    json_t *modules = NULL;
    IG_TRY(ig_folder_array(&modules, src, "modules.json", err));
    ingot_status s = INGOT_OK;
    for (size_t i = 0; !s && i < json_array_size(modules); i++)
        s = read_module(e, src, json_array_get(modules, i), err);
    json_decref(modules);
    return s ? s : read_length(e, src, err);
}
