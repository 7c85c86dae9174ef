/* top_k.c - see top_k.h. */
#include "kernels/top_k/top_k.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"

#include <math.h>

top_k_beyond_fn *ig_top_k_beyond_f32(void)
{
    top_k_beyond_fn *best = NULL;
    const uint32_t have = ig_cpu_flags();
#define K(family, fn, needs) \
    if ((have & (needs)) == (uint32_t)(needs)) best = fn;
#include "kernels/top_k/top_k.kern"
#undef K
    return best;
}

/* ---- the best of what was gathered ----
 *
 * Quicksort (Hoare 1961) that leaves alone what does not matter, with heapsort for an order of
 * elements that would make it quadratic. No two entries are equal: they hold their indices. */

enum { FEW = 24 };

static void swap(ig_top_k_entry *a, ig_top_k_entry *b)
{
    const ig_top_k_entry t = *a;
    *a = *b;
    *b = t;
}

static void insertion_sort(ig_top_k_entry *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        const ig_top_k_entry moved = v[i];
        size_t at = i;
        for (; at && v[at - 1] < moved; at--) v[at] = v[at - 1];
        v[at] = moved;
    }
}

/* Restore the heap (worst on top) below `at`. */
static void sift(ig_top_k_entry *v, size_t n, size_t at)
{
    const ig_top_k_entry moved = v[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && v[child + 1] < v[child]) child++;
        if (v[child] >= moved) break;
        v[at] = v[child];
    }
    v[at] = moved;
}

static void heap_sort(ig_top_k_entry *v, size_t n)
{
    for (size_t at = n / 2; at-- > 0;) sift(v, n, at);
    for (; n > 1; n--) {
        swap(&v[0], &v[n - 1]);
        sift(v, n - 1, 0);
    }
}

/* Parts v into what is better than its pivot, the pivot, and the rest; returns the pivot's place.
 * Whether an element is better steers no branch: it could not be predicted. */
static size_t part(ig_top_k_entry *v, size_t n)
{
    ig_top_k_entry *a = v, *b = v + n / 2, *c = v + n - 1;
    swap(c, *a < *b ? (*b < *c ? b : (*a < *c ? c : a)) : (*a < *c ? a : (*b < *c ? c : b)));
    const ig_top_k_entry pivot = *c;
    size_t better = 0;
    for (size_t i = 0; i + 1 < n; i++) {
        const ig_top_k_entry moved = v[i];
        v[i] = v[better];
        v[better] = moved;
        better += moved > pivot;
    }
    swap(&v[better], c);
    return better;
}

/* Brings the k best of v [n] to its front, in order where `sorted`, else with the worst of them
 * last. `turns`: after so many partings they were bad ones. */
static void best_first(ig_top_k_entry *v, size_t n, size_t k, bool sorted, unsigned turns)
{
    while (k && n > FEW) {
        if (!turns--) {
            heap_sort(v, n);
            return;
        }
        const size_t better = part(v, n);
        if (k <= better) {
            n = better;
            continue;
        }
        if (sorted) best_first(v, better, better, true, turns);
        v += better + 1;
        n -= better + 1;
        k -= better + 1;
    }
    if (k) insertion_sort(v, n);
}

static unsigned turns_for(size_t n)
{
    unsigned bits = 0;
    for (; n; n /= 2) bits++;
    return 3 * bits;
}

/* ---- gathering ---- */

enum { BLOCK = 1024, EXTRA = 64 };

bool ig_top_k_room(size_t k, size_t *entries)
{
    return ig_add_ok(k, IG_MAX(k, (size_t)EXTRA), entries);
}

static ig_top_k_entry entry_of(float x, size_t index, bool largest)
{
    const uint32_t bits = ig_f32_bits(x + 0.0f), sign = UINT32_C(1) << 31; /* -0 becomes 0 */
    uint32_t key = x != x ? UINT32_MAX : bits & sign ? ~bits : bits | sign;
    if (!largest) key = ~key;
    return (uint64_t)key << 32 | (uint32_t)~index;
}

void ig_top_k(ig_top_k_entry *held, top_k_beyond_fn *beyond, const float *x, size_t n, size_t k,
              bool largest)
{
    const size_t room = k + IG_MAX(k, (size_t)EXTRA);
    uint32_t places[BLOCK];
    ig_top_k_entry worst = 0; /* of k held; less than any entry of an element */
    float bound = NAN;
    size_t n_held = 0;
    for (size_t at = 0, m; k && at < n; at += m) {
        m = IG_MIN(n - at, worst ? (size_t)BLOCK : IG_MIN(room, (size_t)BLOCK));
        const size_t found = beyond(places, x + at, m, bound, largest);
        for (size_t f = 0; f < found; f++) {
            const size_t index = at + places[f];
            const ig_top_k_entry e = entry_of(x[index], index, largest);
            held[n_held] = e;
            n_held += e > worst;
            if (n_held < room) continue;
            best_first(held, n_held, k, false, turns_for(n_held));
            n_held = k;
            worst = held[k - 1];
            bound = x[ig_top_k_index(worst)];
        }
        if (largest && worst && bound != bound) break; /* nothing is better than NaN */
    }
    best_first(held, n_held, k, true, turns_for(n_held));
}

void ig_top_k_by_index(ig_top_k_entry *held, size_t n)
{
    for (size_t i = 0; i < n; i++) held[i] = (uint32_t)held[i]; /* the index alone is left */
    best_first(held, n, n, true, turns_for(n));
}
