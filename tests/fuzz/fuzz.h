/* fuzz.h - what a fuzz target gives, and the bounded memory it may use.
 *
 * With libFuzzer a target is built alone: clang -fsanitize=fuzzer,address,undefined. Without it,
 * fuzz_main.c makes a program of it that damages the files of a corpus, the same way for the same
 * seed: fuzz_NAME [--rounds N] [--seconds N] [--seed N] DIR... Tests give rounds, so that every
 * machine looks at the same files; searches by hand give seconds. */
#ifndef IG_TESTS_FUZZ_H
#define IG_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
extern const char *const fuzz_endings; /* of the corpus' files, separated by spaces */
extern long fuzz_taken;                /* inputs that were not refused */

typedef struct {
    size_t left;
} fuzz_bound;

/* An ingot_alloc function that gives up when the bound at ud is used up. */
static inline void *fuzz_alloc(void *ud, void *p, size_t old, size_t now)
{
    fuzz_bound *b = ud;
    if (!now) {
        b->left += old;
        free(p);
        return NULL;
    }
    if (p || now > b->left || now > SIZE_MAX - 63) return NULL;
    b->left -= now;
    return aligned_alloc(64, (now + 63) / 64 * 64);
}

#endif
