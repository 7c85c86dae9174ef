/* tokenizer.c - see tokenizer.h. */
#include "formats/llama2c/tokenizer.h"
#include "formats/tokenizer/import.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

enum { BOS = 1, EOS = 2, PIECES_LEAST = 3, LENGTH_MOST = 1 << 16 };

static ingot_status bad(ingot_error *err, size_t piece, const char *what)
{
    return ig_fail(err, INGOT_E_FORMAT, "llama2.c tokenizer: piece %zu %s", piece, what);
}

static bool is_byte(const ig_piece *p) /* "<0x0A>" */
{
    return p->n == 6 && !memcmp(p->p, "<0x", 3) && p->p[5] == '>';
}

static ingot_status read_pieces(ig_recipe *r, ig_arena *arena, ig_cursor c, ingot_error *err)
{
    const uint32_t longest = ig_get_u32(&c);
    size_t cap = (c.n - c.at) / 8, n = 0;
    ig_piece *pieces = ig_new_n(arena, ig_piece, cap + 1);
    if (!pieces) return ig_fail(err, INGOT_E_NOMEM, "llama2.c tokenizer: no memory");
    if (c.failed || longest > LENGTH_MOST)
        return ig_fail(err, INGOT_E_FORMAT, "not a tokenizer of llama2.c");
    for (; c.at < c.n; n++) {
        const uint32_t score = ig_get_u32(&c), length = ig_get_u32(&c);
        if (c.failed || length > longest + 4) return bad(err, n, "is longer than the longest");
        ig_piece *p = &pieces[n];
        p->p = ig_get(&c, length);
        p->n = length;
        if (c.failed) return bad(err, n, "is cut off");
        memcpy(&p->score, &score, sizeof score);
        if (!isfinite(p->score)) return bad(err, n, "has no finite score");
        if (n < PIECES_LEAST) p->kind = n ? IG_PIECE_CONTROL : IG_PIECE_UNKNOWN;
        if (is_byte(p)) {
            p->kind = IG_PIECE_BYTE;
            r->flags |= IG_TOK_BYTE_FALLBACK;
        }
    }
    if (n < PIECES_LEAST || n > INT32_MAX) return bad(err, n, "is where the file ends");
    r->pieces = pieces;
    r->n_pieces = n;
    return INGOT_OK;
}

/* A text begins with the beginning. */
static ingot_status make_templates(ig_recipe *r, ig_arena *arena, ingot_error *err)
{
    static const ig_part parts[] = {
        {IG_PART_TOKEN, 0, BOS}, {IG_PART_FIRST, 0, 0}, {IG_PART_SECOND, 0, 0}};
    ig_part *copy = ig_arena_copy(arena, parts, sizeof parts);
    if (!copy) return ig_fail(err, INGOT_E_NOMEM, "llama2.c tokenizer: no memory");
    r->one = (ig_template){copy, 2};
    r->two = (ig_template){copy, 3};
    return INGOT_OK;
}

ingot_status ig_llama2c_tokenizer(ig_recipe *r, ig_arena *arena, const void *bytes, size_t n,
                                  ingot_error *err)
{
    ig_step_list to = {.arena = arena}, back = {.arena = arena};
    *r = (ig_recipe){.model = IG_TOK_BPE,
                     .flags = IG_TOK_FUSE_UNKNOWN,
                     .bos = BOS,
                     .eos = EOS,
                     .pad = IG_NO_ID,
                     .prefix = "",
                     .suffix = ""};
    IG_TRY(read_pieces(r, arena, (ig_cursor){.p = bytes, .n = n}, err));
    ig_spaces_as_pieces(&to, &back, true, " ");
    r->normalize = (ig_steps){to.v, to.n};
    r->decode = (ig_steps){back.v, back.n};
    if (to.failed || back.failed)
        return ig_fail(err, INGOT_E_NOMEM, "llama2.c tokenizer: no memory");
    IG_TRY(ig_merges_from_scores(r, arena, err));
    return make_templates(r, arena, err);
}
