/* nearest.c - the name that a mistyped one was probably meant to be. */
#include "runtime/base/checked.h"
#include "tools/cli/option.h"

#include <string.h>

enum { LONGEST = 40 };

/* Edits between a and b: insert, delete, replace, or swap two neighbours (optimal string
 * alignment). Three rows of the classic table are enough. */
static size_t edits(const char *a, const char *b)
{
    const size_t na = strlen(a), nb = strlen(b);
    size_t rows[3][LONGEST + 1];
    if (na > LONGEST || nb > LONGEST) return LONGEST;
    for (size_t j = 0; j <= nb; j++) rows[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = rows[i % 3];
        const size_t *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            best = IG_MIN(best, last[j] + 1);
            best = IG_MIN(best, now[j - 1] + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                best = IG_MIN(best, before[j - 2] + 1);
            now[j] = best;
        }
    }
    return rows[na % 3][nb];
}

const char *ig_nearest(const char *word, const char *(*next)(const void *ud, size_t i),
                       const void *ud)
{
    const char *best = NULL;
    size_t least = strlen(word) / 3 + 1; /* one letter of four is a typing error, two are not */
    for (size_t i = 0; next(ud, i); i++) {
        const size_t n = edits(word, next(ud, i));
        if (n > least || (n == least && best)) continue;
        best = next(ud, i);
        least = n;
    }
    return best;
}
