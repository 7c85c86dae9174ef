/* hf_template.c - the post_processor of a tokenizer.json: which special tokens stand around a text,
 * and around a pair. */
#include "formats/tokenizer/hf.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { PARTS_MOST = 64 };

typedef struct {
    ig_part v[PARTS_MOST];
    size_t n;
} parts;

static ingot_status put(const ig_hf *h, parts *to, ig_part_kind kind, json_int_t id, unsigned type)
{
    if (to->n == PARTS_MOST) return ig_hf_bad(h, "a template has more than %d parts", PARTS_MOST);
    if (id < 0 || (size_t)id >= h->r->n_pieces)
        return ig_hf_bad(h, "a template names token %lld", (long long)id);
    to->v[to->n++] = (ig_part){(uint8_t)kind, (uint8_t)type, (uint32_t)id};
    return INGOT_OK;
}

static ingot_status keep(const ig_hf *h, ig_template *out, const parts *p)
{
    const ig_part *v = ig_arena_copy(h->arena, p->v, p->n * sizeof *v);
    *out = (ig_template){v, p->n};
    return v ? INGOT_OK : ig_fail(h->err, INGOT_E_NOMEM, "tokenizer.json: no memory");
}

static ingot_status put_special(const ig_hf *h, parts *to, const json_t *special, const char *name,
                                unsigned type)
{
    const json_t *ids = json_object_get(json_object_get(special, name), "ids");
    size_t i;
    json_t *id;
    if (!json_is_array(ids)) return ig_hf_bad(h, "a template names '%.40s', which it lacks", name);
    json_array_foreach(ids, i, id)
        IG_TRY(put(h, to, IG_PART_TOKEN, json_is_integer(id) ? json_integer_value(id) : -1, type));
    return INGOT_OK;
}

static ingot_status read_parts(const ig_hf *h, ig_template *out, const json_t *list,
                               const json_t *special)
{
    parts p = {.n = 0};
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        const json_t *token = json_object_get(item, "SpecialToken"),
                     *text = json_object_get(item, "Sequence"), *part = token ? token : text;
        const unsigned type = (unsigned)json_integer_value(json_object_get(part, "type_id")) & 255;
        const char *id = ig_hf_text(part, "id", "", NULL);
        if (token)
            IG_TRY(put_special(h, &p, special, id, type));
        else
            IG_TRY(put(h, &p, strcmp(id, "B") ? IG_PART_FIRST : IG_PART_SECOND, 0, type));
    }
    return keep(h, out, &p);
}

/* cls and sep are ["text", id]. */
static ingot_status around(const ig_hf *h, const json_t *j, bool is_bert)
{
    const json_int_t cls = json_integer_value(json_array_get(json_object_get(j, "cls"), 1)),
                     sep = json_integer_value(json_array_get(json_object_get(j, "sep"), 1));
    parts p = {.n = 0};
    IG_TRY(put(h, &p, IG_PART_TOKEN, cls, 0));
    IG_TRY(put(h, &p, IG_PART_FIRST, 0, 0));
    IG_TRY(put(h, &p, IG_PART_TOKEN, sep, 0));
    IG_TRY(keep(h, &h->r->one, &p));
    if (!is_bert) IG_TRY(put(h, &p, IG_PART_TOKEN, sep, 0)); /* RoBERTa has two between them */
    IG_TRY(put(h, &p, IG_PART_SECOND, 0, is_bert));
    IG_TRY(put(h, &p, IG_PART_TOKEN, sep, is_bert));
    return keep(h, &h->r->two, &p);
}

ingot_status ig_hf_template(ig_hf *h, const json_t *post_processor)
{
    const char *type = ig_hf_type(post_processor);
    if (!strcmp(type, "Sequence")) {
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(post_processor, "processors"), i, item)
        {
            if (!strcmp(ig_hf_type(item), "Sequence")) return ig_hf_bad(h, "sequences are nested");
            IG_TRY(ig_hf_template(h, item));
        }
        return INGOT_OK;
    }
    if (!strcmp(type, "TemplateProcessing")) {
        const json_t *special = json_object_get(post_processor, "special_tokens");
        IG_TRY(read_parts(h, &h->r->one, json_object_get(post_processor, "single"), special));
        return read_parts(h, &h->r->two, json_object_get(post_processor, "pair"), special);
    }
    if (!strcmp(type, "BertProcessing")) return around(h, post_processor, true);
    if (!strcmp(type, "RobertaProcessing")) return around(h, post_processor, false);
    if (!*type || !strcmp(type, "ByteLevel")) return INGOT_OK; /* it only trims offsets */
    return ig_hf_lacks(h, "post_processor", type);
}
