/* subject.h - the model of `ingot bench generate`, opened with a cache for the largest case. */
#ifndef IG_BENCH_SUBJECT_H
#define IG_BENCH_SUBJECT_H

#include "bench/kernels/bench.h"
#include "runtime/llm/engine/batch.h"

enum { SUBJECT_SEQUENCES = 16, SUBJECT_CHUNK = 512 };

typedef struct {
    ig_heap *heap;
    ig_ingot *file;
    ig_lm lm;
    ig_kv_cache *cache;
    ig_kv_seq *seqs[SUBJECT_SEQUENCES];
    int32_t *tokens; /* [most] random */
    size_t most;     /* tokens of one sequence */
    ig_site site;    /* this machine */
    ig_batch batch;  /* of `pool` */
    ig_pool *pool;
    bool open;       /* the batch is */
    ingot_error err; /* of the first failure; then nothing runs */
    ingot_status status;
    /* a step, by its parts */
    double weight_bytes; /* read once, of experts those that one token meets */
    double kv_bytes;     /* of one token of a text */
    double flop;         /* of a prompt's token, without attention to earlier ones */
    bench_compute compute;
} subject;

/* subject_open - errors: what opening a model gives, E_UNSUPPORTED (not a decoder), E_NOMEM. */
ingot_status subject_open(subject *s, ig_heap *heap, const char *path, size_t most,
                          ingot_error *err);
void subject_close(subject *s);

/* subject_fill - n sequences of `depth` tokens whose keys and values are not computed but made up.
 */
ingot_status subject_fill(subject *s, size_t n, size_t depth, ingot_error *err);

/* subject_prompt, subject_answer - a prompt of n tokens; one step of an answer of n sequences,
 * which stay as they are. On pool; failures stay in s. */
void subject_prompt(subject *s, ig_pool *pool, size_t n);
void subject_answer(subject *s, ig_pool *pool, size_t n);

#endif
