/* text_rows.c - see text_rows.h. */
#include "runtime/llm/embed/text_rows.h"
#include "runtime/base/checked.h"

#include <string.h>

void ig_text_rows_init(ig_text_rows *r, ig_heap *heap)
{
    *r = (ig_text_rows){.heap = heap};
    ig_ids_init(&r->ids, heap);
    ig_ids_init(&r->types, heap);
    for (size_t i = 0; i < IG_LEN(r->words); i++) ig_ids_init(&r->words[i], heap);
}

void ig_text_rows_clear(ig_text_rows *r)
{
    ig_ids_clear(&r->ids);
    ig_ids_clear(&r->types);
    for (size_t i = 0; i < IG_LEN(r->words); i++) ig_ids_clear(&r->words[i]);
    ig_give(r->heap, r->rows, r->cap * sizeof *r->rows);
    *r = (ig_text_rows){.heap = r->heap};
}

void ig_text_rows_reset(ig_text_rows *r)
{
    r->ids.n = r->types.n = 0;
    r->n = 0;
}

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "no memory for the ids of texts");
}

static ingot_status make_room(ig_text_rows *r, ingot_error *err)
{
    if (r->n < r->cap) return INGOT_OK;
    const size_t cap = r->cap ? 2 * r->cap : 64;
    ig_text_row *rows = ig_take(r->heap, cap * sizeof *rows);
    if (!rows) return no_memory(err);
    if (r->n) memcpy(rows, r->rows, r->n * sizeof *rows);
    ig_give(r->heap, r->rows, r->cap * sizeof *r->rows);
    r->rows = rows;
    r->cap = cap;
    return INGOT_OK;
}

/* How many ids of each text stay, of `room` in all. */
static void share_room(size_t keep[2], const size_t have[2], size_t room)
{
    const size_t shorter = have[1] < have[0], longer = !shorter;
    keep[0] = have[0];
    keep[1] = have[1];
    if (have[0] + have[1] <= room) return;
    keep[shorter] = IG_MIN(have[shorter], room / 2);
    keep[longer] = room - keep[shorter];
}

static void fill(ig_text_rows *r, const ig_template *t, const size_t keep[2])
{
    for (size_t i = 0; i < t->n; i++) {
        const ig_part *part = &t->v[i];
        const size_t which = part->kind == IG_PART_SECOND;
        const bool token = part->kind == IG_PART_TOKEN;
        for (size_t k = 0; k < (token ? 1 : keep[which]); k++) {
            ig_ids_add(&r->ids, token ? part->id : r->words[which].v[k]);
            ig_ids_add(&r->types, part->type_id);
        }
    }
}

/* A tokenizer without a template takes a single text as it is. */
static ingot_status choose(const ig_template **t, const ig_recipe *recipe, size_t n_texts,
                           ingot_error *err)
{
    static const ig_part alone = {.kind = IG_PART_FIRST};
    static const ig_template bare = {&alone, 1};
    *t = n_texts == 2 ? &recipe->two : recipe->one.n ? &recipe->one : &bare;
    return (*t)->n ? INGOT_OK
                   : ig_fail(err, INGOT_E_ARG,
                             "this model's tokenizer has no template for a pair of texts");
}

static size_t specials(const ig_template *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->v[i].kind == IG_PART_TOKEN;
    return n;
}

ingot_status ig_text_rows_add(ig_text_rows *r, ig_token_work *w, const ig_recipe *recipe,
                              const ingot_str *texts, size_t n_texts, size_t most, ingot_error *err)
{
    const ig_template *t;
    size_t have[2] = {0}, keep[2];
    IG_TRY(choose(&t, recipe, n_texts, err));
    const size_t around = specials(t), first = r->ids.n;
    if (most <= around)
        return ig_fail(err, INGOT_E_ARG,
                       "at most %zu tokens leave no room beside the %zu special ones", most,
                       around);
    IG_TRY(make_room(r, err));
    for (size_t i = 0; i < n_texts; i++) {
        r->words[i].n = 0;
        IG_TRY(ig_encode(&r->words[i], w, texts[i].p, texts[i].n, 0, err));
        have[i] = r->words[i].n;
    }
    share_room(keep, have, most - around);
    fill(r, t, keep);
    if (r->ids.failed || r->types.failed) return no_memory(err);
    if (r->ids.n == first) return ig_fail(err, INGOT_E_DATA, "it is empty: it gives no tokens");
    r->rows[r->n++] = (ig_text_row){first, r->ids.n - first, have[0] + have[1] - keep[0] - keep[1]};
    return INGOT_OK;
}
