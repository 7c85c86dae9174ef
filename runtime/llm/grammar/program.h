/* program.h - a grammar as code for a machine with a stack: what ig_grammar is. */
#ifndef IG_LLM_PROGRAM_H
#define IG_LLM_PROGRAM_H

#include "runtime/llm/grammar/grammar.h"
#include "runtime/base/bytes.h"

typedef enum {
    IG_CODE_BYTES,  /* one byte of set a, then the next instruction */
    IG_CODE_SPLIT,  /* both a and b */
    IG_CODE_JUMP,   /* a */
    IG_CODE_CALL,   /* a, and when it returns the next instruction */
    IG_CODE_RETURN, /* from the rule; from the first one: the text may end */
} ig_code_kind;

typedef struct {
    ig_code_kind kind;
    uint32_t a, b;
} ig_code;

typedef struct {
    uint64_t bits[4];
} ig_byte_set;

static inline bool ig_byte_in(const ig_byte_set *s, unsigned byte)
{
    return s->bits[byte >> 6] >> (byte & 63) & 1;
}

struct ig_grammar {
    ig_heap *heap;
    ig_bytes code, sets;   /* of ig_code, ig_byte_set */
    uint8_t classes[256];  /* bytes that no set tells apart have the same class */
    uint8_t of_class[256]; /* a byte of each */
    unsigned n_classes;
};

static inline const ig_code *ig_grammar_code(const ig_grammar *g)
{
    return (const ig_code *)(const void *)g->code.p;
}

static inline const ig_byte_set *ig_grammar_sets(const ig_grammar *g)
{
    return (const ig_byte_set *)(const void *)g->sets.p;
}

#endif
