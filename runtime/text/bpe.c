/* bpe.c - byte pair encoding: of all neighbours that merge, the lowest rank goes first.
 *
 * Words of natural text have a few symbols: their ranks lie in an array that is searched again
 * after each merge. Long ones (a megabyte of one letter is a word too) keep the candidates in a
 * heap over a linked list, so that the whole is O(n log n). */
#include "runtime/text/model.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

enum { SHORT = 48 };
#define NO_RANK UINT32_MAX

/* ---- symbols a word begins with ---- */

static uint32_t find_char(const ig_lexicon *x, const char *p, size_t n, bool is_first, bool is_last)
{
    const ig_recipe *r = &x->recipe;
    const size_t before = is_first ? 0 : r->n_prefix, after = is_last ? r->n_suffix : 0;
    if (!before && !after) return ig_lexicon_find(x, p, n);
    char spelt[256];
    if (before + n + after > sizeof spelt) return UINT32_MAX;
    memcpy(spelt, r->prefix, before);
    memcpy(spelt + before, p, n);
    memcpy(spelt + before + n, r->suffix, after);
    return ig_lexicon_find(x, spelt, before + n + after);
}

static void symbols_of_bytes(ig_ids *out, const ig_lexicon *x, const char *p, size_t n)
{
    bool was_unknown = false;
    for (size_t i = 0; i < n; i++) {
        const uint32_t id = x->byte_ids[(unsigned char)p[i]];
        if (id == UINT32_MAX) {
            ig_model_unknown(out, x, p + i, 1, &was_unknown);
            continue;
        }
        ig_ids_add(out, id);
        was_unknown = false;
    }
}

static void symbols_of_chars(ig_ids *out, const ig_lexicon *x, const char *p, size_t n)
{
    bool was_unknown = false;
    for (size_t i = 0, size; i < n; i += size) {
        uint32_t c;
        size = ig_utf8_next(&c, p + i, n - i);
        size += !size;
        const uint32_t id = find_char(x, p + i, size, i == 0, i + size == n);
        if (id == UINT32_MAX) {
            ig_model_unknown(out, x, p + i, size, &was_unknown);
            continue;
        }
        ig_ids_add(out, id);
        was_unknown = false;
    }
}

/* ---- short words ---- */

static const ig_merge *merge_at(const ig_lexicon *x, const uint32_t *ids, size_t n, size_t i)
{
    return i + 1 < n ? ig_lexicon_merge(x, ids[i], ids[i + 1]) : NULL;
}

static size_t merge_short(uint32_t *ids, size_t n, const ig_lexicon *x)
{
    const ig_merge *merges[SHORT];
    for (size_t i = 0; i < n; i++) merges[i] = merge_at(x, ids, n, i);
    for (;;) {
        size_t best = n;
        for (size_t i = 0; i + 1 < n; i++)
            if (merges[i] && (best == n || merges[i]->rank < merges[best]->rank)) best = i;
        if (best == n) return n;
        ids[best] = merges[best]->result;
        n--;
        memmove(ids + best + 1, ids + best + 2, (n - best - 1) * sizeof *ids);
        memmove(merges + best, merges + best + 1, (n - best) * sizeof *merges);
        merges[best] = merge_at(x, ids, n, best);
        if (best) merges[best - 1] = merge_at(x, ids, n, best - 1);
    }
}

/* ---- long words ---- */

typedef struct {
    uint32_t id, prev, next; /* of the list; UINT32_MAX at the ends */
} symbol;

typedef struct {
    uint32_t rank, at;    /* the order: rank, then place */
    uint32_t left, right; /* what was there when it was found */
} candidate;

typedef struct {
    symbol *list;
    candidate *heap;
    size_t n_heap;
} long_word;

static bool before(const candidate *a, const candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void push(long_word *l, candidate c)
{
    size_t i = l->n_heap++;
    for (; i && before(&c, &l->heap[(i - 1) / 2]); i = (i - 1) / 2)
        l->heap[i] = l->heap[(i - 1) / 2];
    l->heap[i] = c;
}

static candidate pop(long_word *l)
{
    const candidate top = l->heap[0], last = l->heap[--l->n_heap];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < l->n_heap; i = child) {
        if (child + 1 < l->n_heap && before(&l->heap[child + 1], &l->heap[child])) child++;
        if (!before(&l->heap[child], &last)) break;
        l->heap[i] = l->heap[child];
    }
    l->heap[i] = last;
    return top;
}

static void offer(long_word *l, const ig_lexicon *x, uint32_t at)
{
    const uint32_t next = at == UINT32_MAX ? UINT32_MAX : l->list[at].next;
    if (next == UINT32_MAX) return;
    const ig_merge *m = ig_lexicon_merge(x, l->list[at].id, l->list[next].id);
    if (m) push(l, (candidate){m->rank, at, l->list[at].id, l->list[next].id});
}

static size_t merge_list(uint32_t *ids, size_t n, long_word *l, const ig_lexicon *x)
{
    for (uint32_t i = 0; i < n; i++)
        l->list[i] = (symbol){ids[i], i - 1, i + 1 < n ? i + 1 : UINT32_MAX};
    for (uint32_t i = 0; i < n; i++) offer(l, x, i);
    while (l->n_heap) {
        const candidate c = pop(l);
        symbol *a = &l->list[c.at];
        if (a->id != c.left || a->next == UINT32_MAX || l->list[a->next].id != c.right) continue;
        symbol *b = &l->list[a->next];
        a->id = ig_lexicon_merge(x, c.left, c.right)->result;
        b->id = UINT32_MAX; /* no merge of it is valid any more */
        a->next = b->next;
        if (b->next != UINT32_MAX) l->list[b->next].prev = c.at;
        offer(l, x, a->prev);
        offer(l, x, c.at);
    }
    size_t left = 0;
    for (uint32_t i = 0; i != UINT32_MAX; i = l->list[i].next) ids[left++] = l->list[i].id;
    return left;
}

/* Each merge takes one symbol away and offers at most two: the heap never holds more than 3 n. */
static ingot_status merge_long(ig_ids *out, size_t first, const ig_lexicon *x, ig_model_work *w,
                               ingot_error *err)
{
    const size_t n = out->n - first;
    symbol *list =
        n < UINT32_MAX / 4 ? ig_model_scratch(w, n, sizeof(symbol) + 3 * sizeof(candidate)) : NULL;
    if (!list)
        return ig_fail(err, INGOT_E_NOMEM, "tokenizer: a word of %zu symbols is too long", n);
    long_word l = {.list = list, .heap = (candidate *)(void *)(list + n)};
    out->n = first + merge_list(out->v + first, n, &l, x);
    return INGOT_OK;
}

ingot_status ig_bpe_encode(ig_ids *out, const ig_lexicon *x, ig_model_work *w, const char *p,
                           size_t n, ingot_error *err)
{
    const size_t first = out->n;
    if (x->recipe.flags & IG_TOK_WHOLE_FIRST) {
        const uint32_t whole = ig_lexicon_find(x, p, n);
        if (whole != UINT32_MAX) {
            ig_ids_add(out, whole);
            return INGOT_OK;
        }
    }
    if (x->recipe.flags & IG_TOK_BYTES)
        symbols_of_bytes(out, x, p, n);
    else
        symbols_of_chars(out, x, p, n);
    if (out->failed) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the ids");
    if (out->n - first > SHORT) return merge_long(out, first, x, w, err);
    out->n = first + merge_short(out->v + first, out->n - first, x);
    return INGOT_OK;
}
