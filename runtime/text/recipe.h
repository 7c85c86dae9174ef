/* recipe.h - what a tokenizer is, as data: an importer fills a recipe, the TOKENIZER section of an
 * .ingot file holds it (docs: formats/ingot/FORMAT.md), the tokenizer runs it.
 *
 * Text goes through five stages, each a short list of steps:
 *
 *     added tokens cut out -> normalisers -> splitters -> model (ids of each word) -> template
 *
 * and ids become text through the decoders. The stages and their names follow Hugging Face's
 * tokenizer.json, the richest of the formats that are imported; SentencePiece, GGUF and tiktoken
 * files become recipes too.
 *
 * Pieces are raw bytes: the printable disguise of byte-level BPE (Radford et al. 2019) is taken off
 * by the importer, so that encoding starts from bytes and decoding is concatenation. */
#ifndef IG_TEXT_RECIPE_H
#define IG_TEXT_RECIPE_H

#include "runtime/base/bytes.h"

enum { IG_NO_ID = -1 };

typedef enum {
    IG_TOK_BPE,       /* merges in order of rank (Sennrich et al. 2016) */
    IG_TOK_UNIGRAM,   /* the likeliest segmentation (Kudo 2018) */
    IG_TOK_WORDPIECE, /* the longest match first (Schuster & Nakajima 2012) */
    IG_TOK_WORDS,     /* whole words */
    IG_TOK_MODELS
} ig_tok_model;

enum {                                /* ig_recipe.flags */
       IG_TOK_BYTES = 1 << 0,         /* BPE starts from bytes, not from characters */
       IG_TOK_BYTE_FALLBACK = 1 << 1, /* an unknown character becomes its <0xXX> pieces */
       IG_TOK_FUSE_UNKNOWN = 1 << 2,  /* unknown characters in a row are one unknown token */
       IG_TOK_WHOLE_FIRST = 1 << 3,   /* a word that is a piece is that piece, merges or not */
       IG_TOK_SINGLE = 1 << 4, /* unigram: sums of scores in single precision (SentencePiece) */
       IG_TOK_FLAGS = 31,
};

typedef enum { /* how a piece came to be */
               IG_PIECE_NORMAL,
               IG_PIECE_UNKNOWN,
               IG_PIECE_CONTROL, /* never made from text */
               IG_PIECE_USER,    /* wins over every other segmentation */
               IG_PIECE_UNUSED,
               IG_PIECE_BYTE, /* one byte of a character that is no piece */
               IG_PIECE_KINDS
} ig_piece_kind;

typedef struct {
    const char *p;
    uint32_t n;
    float score; /* unigram: log probability */
    uint8_t kind;
} ig_piece;

typedef struct {
    uint32_t left, right, result;
    uint32_t rank; /* the lowest goes first, and of equal ones the leftmost */
} ig_merge;

typedef enum {
    /* normalisers: text to text */
    IG_STEP_NFC,
    IG_STEP_NFD,
    IG_STEP_NFKC,
    IG_STEP_NFKD,
    IG_STEP_LOWERCASE,
    IG_STEP_STRIP_ACCENTS, /* drop nonspacing marks */
    IG_STEP_CLEAN,         /* BERT: drop control characters, blanks become spaces */
    IG_STEP_SPACE_CJK,     /* BERT: spaces around CJK ideographs */
    IG_STEP_REPLACE,       /* text -> with */
    IG_STEP_REPLACE_RE,    /* pattern `text` -> with */
    IG_STEP_PREPEND,       /* text, unless the input is empty */
    IG_STEP_STRIP,         /* flags: IG_STEP_LEFT, IG_STEP_RIGHT blanks */
    IG_STEP_SQUEEZE,       /* runs of spaces become one; IG_STEP_LEFT, IG_STEP_RIGHT: none there */
    IG_STEP_CHARSMAP,      /* SentencePiece's precompiled map in `text`; see charsmap.h */
    /* splitters: text to words */
    IG_STEP_SPLIT_RE,      /* pattern `text`, behaviour, IG_STEP_INVERT */
    IG_STEP_SPLIT_TEXT,    /* literal `text`, behaviour */
    IG_STEP_SPLIT_BLANKS,  /* at characters of white space, behaviour */
    IG_STEP_PUNCTUATION,   /* at punctuation characters (BERT's definition), behaviour */
    IG_STEP_DIGITS,        /* at number characters, behaviour */
    IG_STEP_LEADING_SPACE, /* a space before text that does not begin with one */
    IG_STEP_METASPACE,     /* spaces become `text`; prefix scheme; IG_STEP_EACH: split at it */
    /* decoders: ids to text */
    IG_STEP_DECODE_METASPACE, /* `text` becomes a space, dropped at the very start by the scheme */
    IG_STEP_DECODE_WORDPIECE, /* prefix `text` joins; IG_STEP_EACH: tidy spaces before punctuation
                               */
    IG_STEP_DECODE_BYTES,     /* <0xXX> pieces become bytes */
    IG_STEP_DECODE_REPLACE,   /* text -> with in each token */
    IG_STEP_DECODE_STRIP,     /* up to `a` times `text` at the start of the whole */
    IG_STEP_DECODE_SUFFIX,    /* the end-of-word suffix `text` becomes a space, none at the end */
    IG_STEP_KINDS
} ig_step_kind;

typedef enum { /* ig_step.a of the splitters: what becomes of the delimiter */
               IG_SPLIT_REMOVED,
               IG_SPLIT_ISOLATED,
               IG_SPLIT_WITH_PREVIOUS,
               IG_SPLIT_WITH_NEXT,
               IG_SPLIT_CONTIGUOUS,
               IG_SPLIT_BEHAVIOURS
} ig_split_behaviour;

typedef enum { /* ig_step.a of the metaspace steps */
               IG_PREFIX_ALWAYS,
               IG_PREFIX_NEVER,
               IG_PREFIX_FIRST, /* only before the first text */
               IG_PREFIX_SCHEMES
} ig_prefix_scheme;

enum { /* ig_step.flags */
       IG_STEP_LEFT = 1 << 0,
       IG_STEP_RIGHT = 1 << 1,
       IG_STEP_INVERT = 1 << 2,
       IG_STEP_EACH = 1 << 3,
       IG_STEP_GRAPHEMES = 1 << 4, /* charsmap: by grapheme, as Hugging Face does */
       IG_STEP_FLAGS = 31,
};

typedef struct {
    uint8_t kind, flags;
    uint32_t a;
    const char *text, *with;
    uint32_t n_text, n_with;
} ig_step;

typedef struct {
    const ig_step *v;
    size_t n;
} ig_steps;

enum { /* ig_added.flags */
       IG_ADDED_SPECIAL = 1 << 0,
       IG_ADDED_LSTRIP = 1 << 1, /* takes the blanks before it */
       IG_ADDED_RSTRIP = 1 << 2,
       IG_ADDED_WORD = 1 << 3,       /* only where no letter touches it */
       IG_ADDED_NORMALIZED = 1 << 4, /* sought after normalisation */
       IG_ADDED_FLAGS = 31,
};

typedef struct {
    uint32_t id;
    uint8_t flags;
    const char *p;
    uint32_t n;
} ig_added;

typedef enum { IG_PART_TOKEN, IG_PART_FIRST, IG_PART_SECOND, IG_PART_KINDS } ig_part_kind;

typedef struct { /* of a template: a special token, or one of the texts */
    uint8_t kind, type_id;
    uint32_t id;
} ig_part;

typedef struct {
    const ig_part *v;
    size_t n;
} ig_template;

typedef struct {
    ig_tok_model model;
    uint32_t flags;
    int32_t unknown, bos, eos, pad; /* ids or IG_NO_ID */
    uint32_t word_most;             /* wordpiece: characters of a word, longer ones are unknown */
    const ig_piece *pieces;
    size_t n_pieces;
    const ig_merge *merges;
    size_t n_merges;
    const char *prefix, *suffix; /* continuing-subword prefix, end-of-word suffix; may be "" */
    uint32_t n_prefix, n_suffix;
    ig_steps normalize, split, decode;
    const ig_added *added;
    size_t n_added;
    ig_template one, two; /* of a text and of a pair */
} ig_recipe;

/* ---- the table of pieces by their bytes, as the section holds it ----
 * Control, unknown and byte pieces are not in it: text never makes them. Of equal ones the first
 * is. */
bool ig_piece_is_found(const ig_piece *p);
unsigned ig_slots_log2(size_t n); /* of slots for n entries: at most half full */
void ig_piece_slots_fill(uint32_t *slots, unsigned log2, const ig_piece *pieces, size_t n);
/* The index of piece p[0, n), or UINT32_MAX. */
uint32_t ig_piece_slots_find(const uint32_t *slots, unsigned log2, const ig_piece *pieces,
                             const char *p, size_t n);

/* ig_recipe_write - append the section's bytes. Errors: E_FORMAT for a recipe that cannot be (an id
 * past the pieces, a merge whose result is not its halves), which names the item; E_NOMEM. */
ingot_status ig_recipe_write(ig_bytes *to, const ig_recipe *r, ingot_error *err);

#endif
