/* check_top_k.c - places beyond a bound: every variant against the definition; and the k best of
 * rows by each variant, against sorting: random, wild, equal, rising and falling rows. */
#include "tests/kernels/kernel_check.h"
#include "kernels/top_k/top_k.h"

#include <math.h>
#include <stdlib.h>

static bool may_beat(float x, float bound, bool largest)
{
    return x != x || bound != bound || (largest ? x > bound : x < bound);
}

static void check_bound(top_k_beyond_fn *fn, const char *name, uint32_t needs)
{
    static const float bounds[] = {0, 1, -1, NAN, INFINITY, -INFINITY, 3.5f};
    for (size_t i = 0; i < 200; i++) {
        const size_t n = i < 140 ? i : check_pick(140, 3000);
        const float bound = bounds[i % IG_LEN(bounds)];
        const bool largest = i % 2;
        if (!check_next(needs, name, "%zu beyond %g, %s", n, (double)bound,
                        largest ? "above" : "below"))
            continue;
        float *x = check_f32_wild(n);
        for (size_t k = 0; k < n; k += 3) x[k] = (float)((int)x[k] % 3);
        uint32_t *want = check_bytes(n * sizeof *want), *got = check_bytes(n * sizeof *got);
        size_t n_want = 0;
        for (size_t k = 0; k < n; k++)
            if (may_beat(x[k], bound, largest)) want[n_want++] = (uint32_t)k;
        const size_t n_got = fn(got, x, n, bound, largest);
        check_true(n_got == n_want, "%zu places, not %zu", n_got, n_want);
        check_same(want, got, IG_MIN(n_got, n_want) * sizeof *want);
    }
}

typedef struct {
    float x;
    size_t index;
    bool largest;
} ranked;

/* ONNX's order: NaN is the largest, equal elements by their index. */
static int by_rank(const void *pa, const void *pb)
{
    const ranked *a = pa, *b = pb;
    const bool a_nan = a->x != a->x, b_nan = b->x != b->x;
    const int up = a_nan != b_nan ? (a_nan ? 1 : -1) : a_nan ? 0 : (a->x > b->x) - (a->x < b->x);
    if (up) return a->largest ? -up : up;
    return a->index < b->index ? -1 : 1;
}

static float *row_of(size_t kind, size_t n)
{
    float *x = kind == 1 ? check_f32_wild(n) : check_f32(n, -8, 8);
    for (size_t i = 0; i < n; i++)
        if (kind == 2)
            x[i] = (float)(int)x[i]; /* many are equal */
        else if (kind == 3)
            x[i] = (float)i;
        else if (kind == 4)
            x[i] = -(float)i;
        else if (kind == 5)
            x[i] = i % 3 ? NAN : 0;
    return x;
}

static void check_rows(top_k_beyond_fn *fn, const char *name, uint32_t needs)
{
    static const char *const kinds[] = {"random", "wild",    "equal",
                                        "rising", "falling", "not numbers"};
    for (size_t i = 0; i < 240; i++) {
        const size_t n = i < 60 ? i : check_pick(60, 9000), kind = i % IG_LEN(kinds);
        const size_t k = i % 4 == 0 ? n : check_pick(0, IG_MIN(n, (size_t)(i % 4 == 1 ? 60 : 900)));
        const bool largest = i / 6 % 2;
        if (!check_next(needs, name, "%zu of %zu, %s, %s", k, n, kinds[kind],
                        largest ? "largest" : "smallest"))
            continue;
        const float *x = row_of(kind, n);
        size_t room;
        check_true(ig_top_k_room(k, &room), "no room");
        ig_top_k_entry *held = check_bytes(room * sizeof *held);
        ranked *want = malloc((n + 1) * sizeof *want);
        if (!want) abort();
        for (size_t j = 0; j < n; j++) want[j] = (ranked){x[j], j, largest};
        qsort(want, n, sizeof *want, by_rank);
        ig_top_k(held, fn, x, n, k, largest);
        for (size_t j = 0; j < k; j++)
            check_true(ig_top_k_index(held[j]) == want[j].index, "rank %zu is element %zu, not %zu",
                       j, ig_top_k_index(held[j]), want[j].index);
        ig_top_k_by_index(held, k);
        for (size_t j = 1; j < k; j++)
            check_true(ig_top_k_index(held[j - 1]) < ig_top_k_index(held[j]), "not by index");
        free(want);
    }
}

static void check_one(top_k_beyond_fn *fn, const char *name, uint32_t needs)
{
    check_bound(fn, name, needs);
    check_rows(fn, name, needs);
}

void check_top_k(void)
{
#define K(family, fn, needs) check_one(fn, #fn, needs);
#include "kernels/top_k/top_k.kern"
#undef K
}
