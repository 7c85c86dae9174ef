/* sentencepiece.c - SentencePiece's model file (sentencepiece_model.proto) into a recipe. */
#include "formats/tokenizer/import.h"
#include "formats/wire.h"
#include "runtime/text/charsmap.h"

#include <string.h>

enum { /* fields of ModelProto and of its parts */
       MODEL_PIECE = 1,
       MODEL_TRAINER = 2,
       MODEL_NORMALIZER = 3,
       PIECE_TEXT = 1,
       PIECE_SCORE = 2,
       PIECE_TYPE = 3,
       TRAINER_TYPE = 3,
       TRAINER_SPACE_AS_SUFFIX = 24,
       TRAINER_BYTE_FALLBACK = 35,
       TRAINER_BOS = 41,
       TRAINER_EOS = 42,
       TRAINER_PAD = 43,
       NORMALIZER_CHARSMAP = 2,
       NORMALIZER_PREFIX = 3,
       NORMALIZER_SQUEEZE = 4,
       NORMALIZER_ESCAPE = 5,
       TYPE_UNIGRAM = 1,
       TYPE_BPE = 2
};

static const char metaspace[] = "\xe2\x96\x81";

static ingot_status bad(ingot_error *err, const char *what)
{
    return ig_fail(err, INGOT_E_FORMAT, "SentencePiece model: %s", what);
}

static ingot_status read_piece(ig_piece *p, ig_span message, ig_arena *arena, ingot_error *err)
{
    static const uint8_t kinds[] = {IG_PIECE_NORMAL,  IG_PIECE_NORMAL, IG_PIECE_UNKNOWN,
                                    IG_PIECE_CONTROL, IG_PIECE_USER,   IG_PIECE_UNUSED,
                                    IG_PIECE_BYTE};
    ig_wire w = ig_wire_open(message);
    ig_field f;
    *p = (ig_piece){.p = ""};
    while (ig_wire_next(&w, &f)) {
        if (ig_wire_is(&f, PIECE_TEXT, IG_WIRE_BYTES)) {
            if (f.bytes.n > UINT32_MAX) return bad(err, "a piece is too long");
            p->p = ig_arena_text(arena, (const char *)f.bytes.p, f.bytes.n);
            p->n = (uint32_t)f.bytes.n;
            if (!p->p) return ig_fail(err, INGOT_E_NOMEM, "SentencePiece model: no memory");
        } else if (ig_wire_is(&f, PIECE_SCORE, IG_WIRE_FIXED32)) {
            const uint32_t bits = (uint32_t)f.value;
            memcpy(&p->score, &bits, sizeof p->score);
        } else if (ig_wire_is(&f, PIECE_TYPE, IG_WIRE_VARINT)) {
            if (f.value >= sizeof kinds) return bad(err, "a piece of unknown type");
            p->kind = kinds[f.value];
        }
    }
    return ig_wire_end(&w, "SentencePiece piece", err);
}

static ingot_status read_pieces(ig_recipe *r, ig_arena *arena, ig_span model, ingot_error *err)
{
    ig_wire w = ig_wire_open(model);
    ig_field f;
    size_t n = 0;
    while (ig_wire_next(&w, &f)) n += ig_wire_is(&f, MODEL_PIECE, IG_WIRE_BYTES);
    IG_TRY(ig_wire_end(&w, "SentencePiece model", err));
    ig_piece *pieces = ig_new_n(arena, ig_piece, n);
    if (!pieces) return ig_fail(err, INGOT_E_NOMEM, "SentencePiece model: no memory");
    if (!n) return bad(err, "it has no pieces");
    w = ig_wire_open(model);
    for (size_t i = 0; ig_wire_next(&w, &f);)
        if (ig_wire_is(&f, MODEL_PIECE, IG_WIRE_BYTES)) {
            IG_TRY(read_piece(&pieces[i], f.bytes, arena, err));
            if (pieces[i].kind == IG_PIECE_UNKNOWN) r->unknown = (int32_t)i;
            i++;
        }
    r->pieces = pieces;
    r->n_pieces = n;
    return INGOT_OK;
}

static void set_id(int32_t *id, uint64_t value, size_t n)
{
    *id = value < n ? (int32_t)value : IG_NO_ID;
}

static ingot_status read_trainer(ig_recipe *r, ig_span trainer, ingot_error *err)
{
    ig_wire w = ig_wire_open(trainer);
    ig_field f;
    uint64_t type = TYPE_UNIGRAM, bos = 1, eos = 2, pad = UINT64_MAX;
    while (ig_wire_next(&w, &f)) {
        if (f.kind != IG_WIRE_VARINT) continue;
        if (f.number == TRAINER_TYPE) type = f.value;
        if (f.number == TRAINER_BYTE_FALLBACK && f.value) r->flags |= IG_TOK_BYTE_FALLBACK;
        if (f.number == TRAINER_BOS) bos = f.value;
        if (f.number == TRAINER_EOS) eos = f.value;
        if (f.number == TRAINER_PAD) pad = f.value;
        if (f.number == TRAINER_SPACE_AS_SUFFIX && f.value)
            return ig_fail(err, INGOT_E_UNSUPPORTED,
                           "SentencePiece model: spaces as suffixes are not supported");
    }
    IG_TRY(ig_wire_end(&w, "SentencePiece trainer", err));
    if (type != TYPE_UNIGRAM && type != TYPE_BPE)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "SentencePiece model: type %llu (words, characters) is not supported",
                       (unsigned long long)type);
    r->model = type == TYPE_BPE ? IG_TOK_BPE : IG_TOK_UNIGRAM;
    r->flags |= IG_TOK_FUSE_UNKNOWN | IG_TOK_SINGLE;
    set_id(&r->bos, bos, r->n_pieces);
    set_id(&r->eos, eos, r->n_pieces);
    set_id(&r->pad, pad, r->n_pieces);
    return INGOT_OK;
}

static ingot_status read_normalizer(ig_recipe *r, ig_arena *arena, ig_span normalizer,
                                    ingot_error *err)
{
    ig_wire w = ig_wire_open(normalizer);
    ig_field f;
    ig_span map = {0};
    bool prefix = true, squeeze = true, escape = true;
    while (ig_wire_next(&w, &f)) {
        if (ig_wire_is(&f, NORMALIZER_CHARSMAP, IG_WIRE_BYTES)) map = f.bytes;
        if (ig_wire_is(&f, NORMALIZER_PREFIX, IG_WIRE_VARINT)) prefix = f.value;
        if (ig_wire_is(&f, NORMALIZER_SQUEEZE, IG_WIRE_VARINT)) squeeze = f.value;
        if (ig_wire_is(&f, NORMALIZER_ESCAPE, IG_WIRE_VARINT)) escape = f.value;
    }
    IG_TRY(ig_wire_end(&w, "SentencePiece normalizer", err));
    ig_step_list to = {.arena = arena}, back = {.arena = arena};
    if (map.n) {
        const char *blob = ig_arena_copy(arena, map.p, map.n);
        if (!blob) return ig_fail(err, INGOT_E_NOMEM, "SentencePiece model: no memory");
        if (!ig_charsmap_check(blob, map.n)) return bad(err, "its character map is damaged");
        ig_step_add(&to, ig_step_text(IG_STEP_CHARSMAP, blob, map.n));
    }
    if (squeeze)
        ig_step_add(&to, (ig_step){.kind = IG_STEP_SQUEEZE, .flags = IG_STEP_LEFT | IG_STEP_RIGHT});
    ig_spaces_as_pieces(&to, &back, prefix, escape ? metaspace : " ");
    r->normalize = (ig_steps){to.v, to.n};
    r->decode = (ig_steps){back.v, back.n};
    return to.failed || back.failed ? ig_fail(err, INGOT_E_NOMEM, "SentencePiece model: no memory")
                                    : INGOT_OK;
}

ingot_status ig_tokenizer_from_sentencepiece(ig_recipe *r, ig_arena *arena, const void *bytes,
                                             size_t n, ingot_error *err)
{
    const ig_span model = {bytes, n};
    ig_span trainer, normalizer;
    *r = (ig_recipe){.unknown = IG_NO_ID, .prefix = "", .suffix = ""};
    IG_TRY(read_pieces(r, arena, model, err));
    IG_TRY(ig_wire_message(&trainer, model, MODEL_TRAINER, arena, err));
    IG_TRY(ig_wire_message(&normalizer, model, MODEL_NORMALIZER, arena, err));
    IG_TRY(read_trainer(r, trainer, err));
    IG_TRY(read_normalizer(r, arena, normalizer, err));
    if (r->model == IG_TOK_BPE) IG_TRY(ig_merges_from_scores(r, arena, err));
    return ig_split_at_spaces(r, arena, err);
}
