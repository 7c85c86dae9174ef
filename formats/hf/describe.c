/* describe.c - which family a config.json names, and its description; see hub.h. */
#include "formats/hf/hub.h"
#include "formats/llm/encoder.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

#define FAMILY(name) extern const ig_family ig_family_##name;
#include "formats/llm/families/families.def"
#undef FAMILY
const ig_family *const ig_families[] = {
#define FAMILY(name) &ig_family_##name,
#include "formats/llm/families/families.def"
#undef FAMILY
    NULL};

/* ---- which family ---- */

static const ig_family *find_family(const char *model_type)
{
    for (const ig_family *const *f = ig_families; *f; f++)
        for (size_t i = 0; i < IG_LEN((*f)->names) && (*f)->names[i]; i++)
            if (!strcmp((*f)->names[i], model_type)) return *f;
    return NULL;
}

/* Names are short, and so is the list: an error's text has no room for more. */
static ingot_status unknown_family(const char *model_type, ingot_error *err)
{
    char names[200] = "";
    size_t at = 0;
    for (const ig_family *const *f = ig_families; *f; f++)
        if (at < sizeof names)
            at += (size_t)snprintf(names + at, sizeof names - at, " %s", (*f)->names[0]);
    return ig_fail(err, INGOT_E_UNSUPPORTED, "model_type '%.40s' is unknown; known:%s", model_type,
                   names);
}

/* The decoder's part of a config: multimodal models keep it in text_config. */
static ingot_status choose_family(const ig_family **family, const json_t **part, const json_t *root,
                                  ingot_error *err)
{
    const json_t *text = json_object_get(root, "text_config");
    *part = json_is_object(text) ? text : root;
    const char *type = json_string_value(json_object_get(*part, "model_type"));
    if (!type) type = json_string_value(json_object_get(root, "model_type"));
    if (!type) return ig_fail(err, INGOT_E_FORMAT, "config.json has no model_type");
    *family = find_family(type);
    return *family ? INGOT_OK : unknown_family(type, err);
}

ingot_status ig_hub_describe(struct ig_encoder *e, bool *is_encoder, const ig_checkpoint *c,
                             const json_t *root, ig_arena *arena, const ig_log *log,
                             ingot_error *err)
{
    ig_llm *m = &e->base;
    const ig_family *family = NULL;
    ig_hub h = {.tensors = c,
                .log = log,
                .arena = arena,
                .m = m,
                .encoder = e,
                .root = "",
                .layer = "",
                .err = err};
    IG_TRY(choose_family(&family, &h.config, root, err));
    const char *type = json_string_value(json_object_get(h.config, "model_type"));
    ig_encoder_init(e);
    *is_encoder = family->encoder;
    m->family = ig_arena_printf(arena, "%s", type ? type : family->names[0]);
    if (!m->family) return ig_fail(err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    family->describe(&h);
    if (!m->vocab && m->embedding.tensor) m->vocab = ig_rows_n(&m->embedding);
    return h.failed;
}
