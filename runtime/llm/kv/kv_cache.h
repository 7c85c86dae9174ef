/* kv_cache.h - the paged cache of keys and values of a language model.
 *
 * A page holds P tokens of one sequence for every layer and key head (runtime/graph/kv_step.h). A
 * sequence is a table of pages; sequences share pages by reference count, and a page that another
 * one reads is copied before it is written. Full pages are found again by their tokens and all
 * that came before them, so that a prompt which begins like an earlier one is not computed twice.
 * Pages that no sequence holds stay findable until their room is needed: the least recently used
 * goes first, and of one prompt its end before its beginning.
 *
 *     sequence A   [0][1][4]          0, 1: "You are a helpful ...", found by B when it came
 *     sequence B   [0][1][2][5]       4, 5: being written, of one sequence alone
 *     cached       [3][6]             of sequences that ended; the next that are taken
 *
 * A step of the engine: ig_kv_reserve() for every sequence; ig_kv_span_of() into an ig_kv_step;
 * run the graph; ig_kv_commit() the tokens that count (after speculation: those accepted).
 *
 * All memory is taken when the cache is opened and when a sequence is: steps allocate nothing. The
 * system backs pages as they are first written. Pages may lie in a device's memory (memory.h), and
 * those that give way in the host's (spare.h).
 *
 * Threads: one at a time for a cache and all of its sequences. While the graph of a step runs,
 * other threads write into reserved pages; no call may be made on the cache then.
 *
 * Method: paged attention and copy-on-write (Kwon et al. 2023); prefixes as a tree in a hash table,
 * a node being named by its parent's serial number, the tenant's salt and its tokens. A hit
 * compares all three: no collision of hashes can give one sequence the pages of another. */
#ifndef IG_LLM_KV_CACHE_H
#define IG_LLM_KV_CACHE_H

#include "runtime/base/arena.h"
#include "runtime/base/hash.h"
#include "runtime/graph/kv_step.h"
#include "runtime/llm/kv/memory.h"

typedef struct ig_kv_cache ig_kv_cache;
typedef struct ig_kv_seq ig_kv_seq;

/* ---- the cache ---- */

typedef struct {
    size_t kv_heads, d, dv; /* of one layer: key heads, elements of a key, of a value */
} ig_kv_shape;

typedef struct {
    const ig_kv_shape *layers; /* [n_layers], in the order of paged_attention's `layer` */
    size_t n_layers;
    ig_page_type type;
    size_t page_tokens;  /* P, a multiple of 16; 0: 16 */
    size_t budget_bytes; /* of pages and what is kept about each; never passed */
    bool private_pages;  /* no page is found again by its tokens */
    size_t spare_bytes;  /* of host memory for pages that had to give way: they come back from
                            there instead of being computed again; 0: none */
    const ig_kv_memory *memory; /* of the pages, copied; NULL: the heap */
} ig_kv_options;

/* ig_kv_budget - *bytes = the budget that gives exactly `pages` pages. Of the options, the budget
 * is not read. Errors: E_ARG (no layers, a layer without heads or elements, P not a multiple of 16,
 * a size that does not fit). */
ingot_status ig_kv_budget(size_t *bytes, const ig_kv_options *options, size_t pages,
                          ingot_error *err);

/* ig_kv_open - a cache of as many pages as the budget holds. The options are copied. Errors: E_ARG
 * (as ig_kv_budget; a budget of less than one page: the text says how much one is), E_NOMEM. */
ingot_status ig_kv_open(ig_kv_cache **out, ig_heap *heap, const ig_kv_options *options,
                        ingot_error *err);

/* ig_kv_close - *cache may be NULL. Its sequences are freed before. */
void ig_kv_close(ig_kv_cache **cache);

size_t ig_kv_page_tokens(const ig_kv_cache *cache);
/* ig_kv_n_pages - all there are; ig_kv_room - those a reservation could get now: free or cached. */
size_t ig_kv_n_pages(const ig_kv_cache *cache);
size_t ig_kv_room(const ig_kv_cache *cache);

/* ig_kv_step_init - the layers, base and page size of a step; spans are left empty. */
void ig_kv_step_init(ig_kv_step *step, const ig_kv_cache *cache);

/* ---- sequences ---- */

/* ig_kv_seq_open - an empty sequence.
 *
 *   salt  of the tenant: pages are shared among sequences of one salt only.
 *   most  tokens that it may ever hold (the model's context); its table is made for them.
 *
 * Errors: E_ARG (most is 0), E_NOMEM. */
ingot_status ig_kv_seq_open(ig_kv_seq **out, ig_kv_cache *cache, uint64_t salt, size_t most,
                            ingot_error *err);

/* ig_kv_seq_fork - a sequence with the same tokens, which shares every page until one of both
 * writes. What was reserved and not committed stays with `seq`. Errors: E_NOMEM. */
ingot_status ig_kv_seq_fork(ig_kv_seq **out, const ig_kv_seq *seq, ingot_error *err);

/* ig_kv_seq_free - give its pages back; full ones stay cached. *seq may be NULL. */
void ig_kv_seq_free(ig_kv_seq **seq);

size_t ig_kv_length(const ig_kv_seq *seq); /* tokens committed */
size_t ig_kv_pages_held(const ig_kv_seq *seq);

/* ig_kv_tokens - copy its tokens [from, from + n) out; they must be committed. */
void ig_kv_tokens(int32_t *out, const ig_kv_seq *seq, size_t from, size_t n);

typedef enum {
    IG_KV_HIT,          /* every page that could be shared was */
    IG_KV_MISS_OFF,     /* the cache's pages are private */
    IG_KV_MISS_SHORT,   /* the tokens do not fill a page with one left to compute */
    IG_KV_MISS_NEW,     /* the first page that is missing was never here, as far as is remembered */
    IG_KV_MISS_EVICTED, /* it was here, and its room was needed */
    IG_KV_N_MATCHES
} ig_kv_match;

const char *ig_kv_match_text(ig_kv_match match);

/* ig_kv_seq_match - begin an empty sequence with the pages of earlier ones that hold the first of
 * its n tokens: whole pages, and at least one token remains to be computed. *matched = tokens that
 * are in the cache now, which is the sequence's length. Says why it is not more. */
ig_kv_match ig_kv_seq_match(size_t *matched, ig_kv_seq *seq, const int32_t *tokens, size_t n);

/* ig_kv_reserve - see to it that the next n tokens have pages of this sequence alone: taken anew,
 * or copied where another sequence shares them. Reserving again counts from the same length, not
 * on top. On failure nothing has changed. Errors: E_FULL (fewer pages are free or cached than are
 * needed), E_ARG (more tokens than the sequence may hold), E_DEVICE (the device that has the pages
 * is gone). */
ingot_status ig_kv_reserve(ig_kv_seq *seq, size_t n, ingot_error *err);

/* ig_kv_span_of - the span of a step whose rows [row, row + n) are the sequence's next n tokens,
 * which are reserved. Its table is the sequence's: valid until the next call on the cache. */
ig_kv_span ig_kv_span_of(const ig_kv_seq *seq, size_t row, size_t n);

/* ig_kv_commit - the n tokens whose keys and values were written into reserved places now belong to
 * the sequence; n is at most what is reserved, and the rest stays reserved. A page that becomes
 * full can be found by others; if it is known already, the known one takes its place. */
void ig_kv_commit(ig_kv_seq *seq, const int32_t *tokens, size_t n);

/* ig_kv_truncate - forget all but the first n <= length tokens and what is reserved. */
void ig_kv_truncate(ig_kv_seq *seq, size_t n);

/* ---- sessions: a sequence in a file ---- */

/* ig_kv_seq_save - write the sequence's tokens, keys and values to a file, which is whole or not
 * there.
 *
 *   model      what the keys and values were computed with; restoring demands the same.
 *   pending    [n_pending] further tokens of the text that are not in the cache yet (the last one
 *              sampled, say); may be NULL when there are none.
 *
 * Errors: E_IO, E_NOMEM. */
ingot_status ig_kv_seq_save(const ig_kv_seq *seq, const char *path, ig_hash128 model,
                            const int32_t *pending, size_t n_pending, ingot_error *err);

typedef struct {
    const int32_t *tokens; /* [n_cached + n_pending]; ids are not negative, but may pass the
                              vocabulary of a file that someone forged */
    size_t n_cached, n_pending;
} ig_kv_saved;

/* ig_kv_seq_restore - the sequence of a file, and its tokens in `arena`. Nothing in the file is
 * trusted: its pages are never shared with sequences that did not fork from this one. Errors: E_IO,
 * E_FORMAT (not a session, damaged, another version), E_ARG (another model, other pages than this
 * cache's, more tokens than `most`), E_FULL, E_NOMEM. */
ingot_status ig_kv_seq_restore(ig_kv_seq **out, ig_kv_saved *saved, ig_arena *arena,
                               ig_kv_cache *cache, const char *path, ig_hash128 model,
                               uint64_t salt, size_t most, ingot_error *err);

/* ---- statistics ---- */

typedef struct {
    size_t page_bytes, pages, used, cached; /* pages in sequences; in none but findable */
    uint64_t matches[IG_KV_N_MATCHES];      /* calls of ig_kv_seq_match() by their answer */
    uint64_t tokens_asked, tokens_matched;  /* by them, the last token of each not counted */
    uint64_t evicted, copied, deduplicated; /* pages */
    uint64_t spared, returned;              /* of the evicted, kept in host memory; come back */
} ig_kv_stats;

void ig_kv_get_stats(ig_kv_stats *stats, const ig_kv_cache *cache);

#endif
