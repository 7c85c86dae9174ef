/* draft.c - see draft.h. */
#include "runtime/llm/engine/draft.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { WORDS_MOST = 3, LOOK_BACK = 4096 /* tokens; the search costs so many comparisons */ };

size_t ig_lookup(int32_t *guess, size_t most, const int32_t *text, size_t n)
{
    const size_t begin = n > LOOK_BACK ? n - LOOK_BACK : 0;
    for (size_t words = WORDS_MOST; words; words--) {
        if (n < begin + words + 1) continue;
        for (size_t at = n - words; at-- > begin;) {
            if (memcmp(text + at, text + n - words, words * sizeof *text)) continue;
            const size_t found = IG_MIN(most, n - at - words);
            memcpy(guess, text + at + words, found * sizeof *text);
            return found;
        }
    }
    return 0;
}

/* Guesses that could still be used. */
static size_t most_useful(const ig_engine *e, const ig_lm_job *j)
{
    const size_t rest = j->tokens.n - ig_kv_length(j->seq);
    if (rest != 1 || j->prompt_only || j->prompt_logits || j->tokens.n >= e->context) return 0;
    const size_t wanted = j->most_new - j->n_answer - 1; /* the last one is sampled anyway */
    return IG_MIN(IG_MIN(e->most_guess, wanted), e->context - j->tokens.n);
}

void ig_draft_guess(ig_engine *e)
{
    for (ig_lm_job *j = e->running.first; j && e->most_guess; j = j->next)
        j->n_guess = ig_lookup(j->guess, most_useful(e, j), j->tokens.v, j->tokens.n);
}

void ig_draft_forget(ig_engine *e, ig_lm_job *j)
{
    (void)e;
    ig_kv_seq_free(&j->draft_seq);
}
