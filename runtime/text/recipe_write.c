/* recipe_write.c - a recipe into the bytes of a TOKENIZER section, with its hash tables. */
#include "runtime/base/checked.h"
#include "runtime/text/lexicon.h"

#include <math.h>

static ingot_status check_pieces(const ig_recipe *r, ingot_error *err)
{
    uint64_t total = 0;
    if (r->n_pieces > INT32_MAX)
        return ig_fail(err, INGOT_E_FORMAT, "tokenizer: %zu pieces are too many", r->n_pieces);
    for (size_t i = 0; i < r->n_pieces; i++) {
        if (r->model == IG_TOK_UNIGRAM && !isfinite(r->pieces[i].score))
            return ig_fail(err, INGOT_E_FORMAT, "tokenizer: the score of piece %zu is not finite",
                           i);
        total += r->pieces[i].n;
    }
    if (total > UINT32_MAX)
        return ig_fail(err, INGOT_E_FORMAT, "tokenizer: pieces of %llu bytes are more than 4 GiB",
                       (unsigned long long)total);
    return INGOT_OK;
}

static ingot_status check_id(const ig_recipe *r, int64_t id, const char *what, ingot_error *err)
{
    if (id == IG_NO_ID || (id >= 0 && (uint64_t)id < r->n_pieces)) return INGOT_OK;
    return ig_fail(err, INGOT_E_FORMAT, "tokenizer: %s is %lld, of %zu pieces", what, (long long)id,
                   r->n_pieces);
}

static ingot_status check_merges(const ig_recipe *r, ingot_error *err)
{
    for (size_t i = 0; i < r->n_merges; i++) {
        const ig_merge *m = &r->merges[i];
        if (m->left >= r->n_pieces || m->right >= r->n_pieces || m->result >= r->n_pieces)
            return ig_fail(err, INGOT_E_FORMAT, "tokenizer: merge %zu names a piece past %zu", i,
                           r->n_pieces);
    }
    return INGOT_OK;
}

static ingot_status check(const ig_recipe *r, ingot_error *err)
{
    IG_TRY(check_pieces(r, err));
    IG_TRY(check_merges(r, err));
    IG_TRY(check_id(r, r->unknown, "the unknown token", err));
    IG_TRY(check_id(r, r->bos, "the token of the beginning", err));
    IG_TRY(check_id(r, r->eos, "the token of the end", err));
    IG_TRY(check_id(r, r->pad, "the padding token", err));
    for (size_t i = 0; i < r->n_added; i++) {
        IG_TRY(check_id(r, r->added[i].id, "an added token", err));
        if (!r->added[i].n)
            return ig_fail(err, INGOT_E_FORMAT, "tokenizer: added token %u is empty",
                           r->added[i].id);
    }
    for (size_t i = 0; i < r->one.n; i++)
        IG_TRY(check_id(r, r->one.v[i].id, "a token of the template", err));
    for (size_t i = 0; i < r->two.n; i++)
        IG_TRY(check_id(r, r->two.v[i].id, "a token of the pair template", err));
    return INGOT_OK;
}

static void put_steps(ig_bytes *to, const ig_steps *s)
{
    ig_put_u32(to, (uint32_t)s->n);
    for (size_t i = 0; i < s->n; i++) {
        ig_put_u8(to, s->v[i].kind);
        ig_put_u8(to, s->v[i].flags);
        ig_put_u32(to, s->v[i].a);
        ig_put_text(to, s->v[i].text, s->v[i].n_text);
        ig_put_text(to, s->v[i].with, s->v[i].n_with);
    }
}

static void put_template(ig_bytes *to, const ig_template *t)
{
    ig_put_u32(to, (uint32_t)t->n);
    for (size_t i = 0; i < t->n; i++) {
        ig_put_u8(to, t->v[i].kind);
        ig_put_u8(to, t->v[i].type_id);
        ig_put_u32(to, t->v[i].id);
    }
}

static void fill_pieces(uint32_t *slots, unsigned log2, const ig_recipe *r)
{
    ig_piece_slots_fill(slots, log2, r->pieces, r->n_pieces);
}

static void fill_merges(uint32_t *slots, unsigned log2, const ig_recipe *r)
{
    const size_t mask = ((size_t)1 << log2) - 1;
    for (size_t i = 0; i < r->n_merges; i++) {
        const ig_merge *m = &r->merges[i];
        size_t s = ig_slot_of(ig_merge_hash(m->left, m->right), 64 - log2);
        while (slots[s] && (r->merges[slots[s] - 1].left != m->left ||
                            r->merges[slots[s] - 1].right != m->right))
            s = (s + 1) & mask;
        if (!slots[s]) slots[s] = (uint32_t)i + 1;
    }
}

static ingot_status put_slots(ig_bytes *to, const ig_recipe *r, unsigned log2,
                              void (*fill)(uint32_t *, unsigned, const ig_recipe *),
                              ingot_error *err)
{
    const size_t bytes = sizeof(uint32_t) << log2;
    uint32_t *slots = ig_take0(to->heap, bytes);
    if (!slots) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for its tables");
    fill(slots, log2, r);
    ig_put(to, slots, bytes);
    ig_give(to->heap, slots, bytes);
    return INGOT_OK;
}

static ingot_status put_tables(ig_bytes *to, const ig_recipe *r, unsigned piece_log2,
                               unsigned merge_log2, ingot_error *err)
{
    uint32_t end = 0;
    for (size_t i = 0; i < r->n_pieces; i++) ig_put_u32(to, end += r->pieces[i].n);
    for (size_t i = 0; i < r->n_pieces; i++) ig_put(to, &r->pieces[i].score, sizeof(float));
    IG_TRY(put_slots(to, r, piece_log2, fill_pieces, err));
    ig_put(to, r->merges, r->n_merges * sizeof *r->merges);
    IG_TRY(put_slots(to, r, merge_log2, fill_merges, err));
    for (size_t i = 0; i < r->n_pieces; i++) ig_put_u8(to, r->pieces[i].kind);
    for (size_t i = 0; i < r->n_pieces; i++) ig_put(to, r->pieces[i].p, r->pieces[i].n);
    return INGOT_OK;
}

ingot_status ig_recipe_write(ig_bytes *to, const ig_recipe *r, ingot_error *err)
{
    IG_TRY(check(r, err));
    uint32_t longest = 0;
    for (size_t i = 0; i < r->n_pieces; i++)
        if (ig_piece_is_found(&r->pieces[i])) longest = IG_MAX(longest, r->pieces[i].n);
    const unsigned piece_log2 = ig_slots_log2(r->n_pieces), merge_log2 = ig_slots_log2(r->n_merges);
    const uint32_t head[] = {IG_LEXICON_VERSION,
                             (uint32_t)r->model,
                             r->flags,
                             (uint32_t)r->unknown,
                             (uint32_t)r->bos,
                             (uint32_t)r->eos,
                             (uint32_t)r->pad,
                             r->word_most,
                             (uint32_t)r->n_pieces,
                             (uint32_t)r->n_merges,
                             piece_log2,
                             merge_log2,
                             longest};
    for (size_t i = 0; i < IG_LEN(head); i++) ig_put_u32(to, head[i]);
    ig_put_text(to, r->prefix, r->n_prefix);
    ig_put_text(to, r->suffix, r->n_suffix);
    put_steps(to, &r->normalize);
    put_steps(to, &r->split);
    put_steps(to, &r->decode);
    ig_put_u32(to, (uint32_t)r->n_added);
    for (size_t i = 0; i < r->n_added; i++) {
        ig_put_u32(to, r->added[i].id);
        ig_put_u8(to, r->added[i].flags);
        ig_put_text(to, r->added[i].p, r->added[i].n);
    }
    put_template(to, &r->one);
    put_template(to, &r->two);
    ig_put_pad(to, IG_ALIGN);
    IG_TRY(put_tables(to, r, piece_log2, merge_log2, err));
    return to->failed ? ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory to write it") : INGOT_OK;
}
