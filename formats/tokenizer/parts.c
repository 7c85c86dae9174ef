/* parts.c - see import.h: what several tokenizer importers use. */
#include "formats/tokenizer/import.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"
#include "runtime/text/lexicon.h"

#include <stdlib.h>

const char ig_pattern_gpt2[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

#define WORD_CLASS                                                                      \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-" \
    "\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"
const char ig_pattern_words[] = "[" WORD_CLASS "]+|[^\\s" WORD_CLASS "]+";

void ig_step_add(ig_step_list *l, ig_step s)
{
    if (l->n == l->cap) {
        const size_t cap = l->cap ? 2 * l->cap : 8;
        ig_step *v = ig_new_n(l->arena, ig_step, cap);
        if (!v) {
            l->failed = true;
            return;
        }
        if (l->n) memcpy(v, l->v, l->n * sizeof *v);
        l->v = v;
        l->cap = cap;
    }
    l->v[l->n++] = s;
}

/* Printable bytes stand for themselves; the others follow each other from U+0100. */
static int byte_of(uint32_t c)
{
    static const uint8_t odd[68] = {
        0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,  15,  16,
        17,  18,  19,  20,  21,  22,  23,  24,  25,  26,  27,  28,  29,  30,  31,  32,  127,
        128, 129, 130, 131, 132, 133, 134, 135, 136, 137, 138, 139, 140, 141, 142, 143, 144,
        145, 146, 147, 148, 149, 150, 151, 152, 153, 154, 155, 156, 157, 158, 159, 160, 173};
    if ((c >= 33 && c <= 126) || (c >= 161 && c <= 172) || (c >= 174 && c <= 255)) return (int)c;
    return c >= 256 && c < 256 + IG_LEN(odd) ? odd[c - 256] : -1;
}

bool ig_undisguise(char *p, uint32_t *n)
{
    uint32_t c;
    for (size_t i = 0, size; i < *n; i += size) {
        size = ig_utf8_next(&c, p + i, *n - i);
        if (!size || byte_of(c) < 0) return false;
    }
    uint32_t to = 0;
    for (size_t i = 0, size; i < *n; i += size) {
        size = ig_utf8_next(&c, p + i, *n - i);
        p[to++] = (char)byte_of(c);
    }
    *n = to;
    return true;
}

/* ---- spaces ---- */

#define SPACE_MARK "\xe2\x96\x81"

void ig_spaces_as_pieces(ig_step_list *to, ig_step_list *back, bool prefix, const char *space)
{
    if (prefix) ig_step_add(to, ig_step_text(IG_STEP_PREPEND, " ", 1));
    ig_step_add(back, (ig_step){.kind = IG_STEP_DECODE_BYTES});
    if (strcmp(space, " ")) {
        ig_step replace = ig_step_text(IG_STEP_REPLACE, " ", 1);
        replace.with = space;
        replace.n_with = (uint32_t)strlen(space);
        ig_step_add(to, replace);
        replace = ig_step_text(IG_STEP_DECODE_REPLACE, space, strlen(space));
        replace.with = " ";
        replace.n_with = 1;
        ig_step_add(back, replace);
    }
    ig_step strip = ig_step_text(IG_STEP_DECODE_STRIP, " ", 1);
    strip.a = 1;
    if (prefix) ig_step_add(back, strip);
}

static bool has_inner_mark(const ig_piece *p)
{
    for (uint32_t i = 3; i + 3 <= p->n; i++)
        if (!memcmp(p->p + i, SPACE_MARK, 3) && memcmp(p->p + i - 3, SPACE_MARK, 3)) return true;
    return p->n > 3 && memcmp(p->p, SPACE_MARK, 3) && memmem(p->p, p->n, SPACE_MARK, 3) != NULL;
}

ingot_status ig_split_at_spaces(ig_recipe *r, ig_arena *arena, ingot_error *err)
{
    static const char pattern[] = SPACE_MARK "*[^" SPACE_MARK "]+|" SPACE_MARK "+";
    bool marks = false;
    if (r->split.n) return INGOT_OK;
    for (size_t i = 0; i < r->normalize.n; i++) {
        const ig_step *s = &r->normalize.v[i];
        marks |= s->kind == IG_STEP_REPLACE && s->n_with == 3 && !memcmp(s->with, SPACE_MARK, 3);
    }
    if (!marks) return INGOT_OK;
    for (size_t i = 0; i < r->n_pieces; i++) {
        const uint8_t kind = r->pieces[i].kind;
        if (kind != IG_PIECE_CONTROL && kind != IG_PIECE_BYTE && has_inner_mark(&r->pieces[i]))
            return INGOT_OK;
    }
    ig_step_list l = {.arena = arena};
    ig_step split = ig_step_text(IG_STEP_SPLIT_RE, pattern, sizeof pattern - 1);
    split.a = IG_SPLIT_ISOLATED;
    ig_step_add(&l, split);
    r->split = (ig_steps){l.v, l.n};
    return l.failed ? ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory") : INGOT_OK;
}

/* ---- pieces by their bytes ---- */

uint32_t ig_piece_table_find(const ig_piece_table *t, const char *p, size_t n)
{
    return ig_piece_slots_find(t->slots, t->log2, t->r->pieces, p, n);
}

ingot_status ig_piece_table_open(ig_piece_table *t, ig_arena *arena, const ig_recipe *r,
                                 ingot_error *err)
{
    *t = (ig_piece_table){.r = r, .log2 = ig_slots_log2(r->n_pieces)};
    t->slots = ig_new_n(arena, uint32_t, (size_t)1 << t->log2);
    if (!t->slots) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for its table");
    ig_piece_slots_fill(t->slots, t->log2, r->pieces, r->n_pieces);
    return INGOT_OK;
}

/* ---- merges from scores ---- */

/* Equal scores share a rank, so that the leftmost of them goes first. */
typedef struct {
    float score;
    uint32_t id, rank;
} ranked;

static int by_score(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return x->score != y->score ? (x->score < y->score) - (x->score > y->score)
                                : (x->id > y->id) - (x->id < y->id);
}

static int by_id(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void rank_all(ranked *v, const ig_recipe *r)
{
    for (size_t i = 0; i < r->n_pieces; i++) v[i] = (ranked){r->pieces[i].score, (uint32_t)i, 0};
    qsort(v, r->n_pieces, sizeof *v, by_score);
    for (size_t i = 1; i < r->n_pieces; i++)
        v[i].rank = v[i - 1].rank + (v[i].score < v[i - 1].score);
    qsort(v, r->n_pieces, sizeof *v, by_id);
}

/* The cuts of every piece into two pieces; out NULL: only count. */
static size_t all_cuts(ig_merge *out, const ig_piece_table *t, const ranked *ranks)
{
    size_t n = 0;
    for (size_t i = 0; i < t->r->n_pieces; i++) {
        const ig_piece *p = &t->r->pieces[i];
        if (!ig_piece_is_found(p)) continue;
        for (uint32_t cut = 1; cut < p->n; cut++) {
            if ((p->p[cut] & 0xc0) == 0x80) continue;
            const uint32_t left = ig_piece_table_find(t, p->p, cut);
            if (left == UINT32_MAX) continue;
            const uint32_t right = ig_piece_table_find(t, p->p + cut, p->n - cut);
            if (right == UINT32_MAX) continue;
            if (out) out[n] = (ig_merge){left, right, (uint32_t)i, ranks[i].rank};
            n++;
        }
    }
    return n;
}

ingot_status ig_merges_from_scores(ig_recipe *r, ig_arena *arena, ingot_error *err)
{
    ig_piece_table t;
    ranked *ranks = ig_new_n(arena, ranked, r->n_pieces);
    if (!ranks) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for merges");
    IG_TRY(ig_piece_table_open(&t, arena, r, err));
    rank_all(ranks, r);
    const size_t n = all_cuts(NULL, &t, ranks);
    ig_merge *merges = ig_new_n(arena, ig_merge, n);
    if (!merges) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for merges");
    r->n_merges = all_cuts(merges, &t, ranks);
    r->merges = merges;
    return INGOT_OK;
}
