/* unit_copy.c - the copy engine against a loop over indices, for random nests of loops. */
#include "tests/check.h"
#include "kernels/copy/copy.h"

#include <stdlib.h>
#include <string.h>

enum { ROOM = 1 << 20, CASES = 4000 };

typedef struct {
    int rank;
    size_t bytes, n[IG_COPY_RANK];
    ptrdiff_t to[IG_COPY_RANK], from[IG_COPY_RANK]; /* elements */
    ptrdiff_t from_start;                           /* bytes; negative strides start late */
} nest;

static uint64_t seed = 1;

static size_t below(size_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (size_t)(seed >> 33) % n;
}

/* Destination in C order; source dense in a random order of its dims, some of them broadcast,
 * reversed or with gaps: all that the ops ask for. */
static nest random_nest(void)
{
    static const size_t sizes[] = {1, 2, 4, 8, 16};
    nest c = {.rank = (int)below(6), .bytes = sizes[below(5)]};
    const size_t most = c.rank < 3 ? 70 : c.rank < 5 ? 12 : 6;
    ptrdiff_t stride = 1;
    int order[IG_COPY_RANK];
    for (int d = 0; d < c.rank; d++) {
        c.n[d] = 1 + below(most);
        order[d] = d;
    }
    for (int d = c.rank - 1; d > 0; d--) {
        const int k = (int)below((size_t)d + 1), t = order[d];
        order[d] = order[k];
        order[k] = t;
    }
    for (int d = c.rank - 1; d >= 0; d--) {
        c.to[d] = stride;
        stride *= (ptrdiff_t)(c.n[d] + (below(8) == 0));
    }
    const bool same = below(3) == 0; /* much of it contiguous */
    stride = 1;
    for (int i = c.rank - 1; i >= 0; i--) {
        const int d = same ? i : order[i];
        c.from[d] = stride * (below(10) == 0 ? 2 : 1);
        stride = c.from[d] * (ptrdiff_t)c.n[d];
        if (below(10) == 0) c.from[d] = 0;
        if (below(10) == 0) {
            c.from_start += c.from[d] * (ptrdiff_t)(c.n[d] - 1) * (ptrdiff_t)c.bytes;
            c.from[d] = -c.from[d];
        }
    }
    return c;
}

static void naive(const nest *c, char *to, const char *from, int d)
{
    if (d == c->rank) {
        memcpy(to, from, c->bytes);
        return;
    }
    for (size_t i = 0; i < c->n[d]; i++)
        naive(c, to + (ptrdiff_t)i * c->to[d] * (ptrdiff_t)c->bytes,
              from + (ptrdiff_t)i * c->from[d] * (ptrdiff_t)c->bytes, d + 1);
}

static size_t reach(const nest *c, const ptrdiff_t *stride)
{
    size_t last = 0;
    for (int d = 0; d < c->rank; d++) last += (size_t)labs(stride[d]) * (c->n[d] - 1);
    return (last + 1) * c->bytes;
}

static void check_nest(const nest *c, char *want, char *got, const char *from)
{
    const size_t bytes = reach(c, c->to);
    ig_copy copy;
    memset(want, 0x5a, bytes + 16);
    memset(got, 0x5a, bytes + 16);
    naive(c, want, from + c->from_start, 0);
    ig_copy_plan(&copy, c->bytes, c->rank, c->n, c->to, c->from);
    for (size_t u = copy.units; u > 0;) { /* ranges of units, last first */
        const size_t part = 1 + below(u);
        ig_copy_units(&copy, got, from + c->from_start, u - part, u);
        u -= part;
    }
    assert_memory_equal(want, got, bytes + 16);
}

static void random_copies(void **state)
{
    (void)state;
    char *from = malloc(ROOM), *want = malloc(ROOM), *got = malloc(ROOM);
    assert_true(from && want && got);
    for (size_t i = 0; i < ROOM; i++) from[i] = (char)(i * 31 + i / 251);
    size_t done = 0;
    while (done < CASES) {
        const nest c = random_nest();
        if (reach(&c, c.to) + 16 > ROOM || reach(&c, c.from) > ROOM) continue;
        check_nest(&c, want, got, from);
        done++;
    }
    free(from);
    free(want);
    free(got);
}

/* Inner loops that are cut into pieces: a long run, a long line, a tall transpose. */
static void long_copies(void **state)
{
    (void)state;
    char *from = malloc(ROOM), *want = malloc(ROOM), *got = malloc(ROOM);
    assert_true(from && want && got);
    for (size_t i = 0; i < ROOM; i++) from[i] = (char)(i * 7 + i / 255);
    const nest cases[] = {
        {.rank = 1, .bytes = 4, .n = {200001}, .to = {1}, .from = {1}},
        {.rank = 1, .bytes = 2, .n = {200001}, .to = {1}, .from = {2}},
        {.rank = 1, .bytes = 8, .n = {100001}, .to = {1}, .from = {0}},
        {.rank = 2, .bytes = 4, .n = {20011, 9}, .to = {9, 1}, .from = {1, 20011}},
        {.rank = 2, .bytes = 16, .n = {5003, 7}, .to = {7, 1}, .from = {1, 5003}},
        {.rank = 2, .bytes = 1, .n = {700, 1001}, .to = {1001, 1}, .from = {1, 700}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        check_nest(&cases[i], want, got, from);
    free(from);
    free(want);
    free(got);
}

static void nothing_to_copy(void **state)
{
    (void)state;
    ig_copy c;
    ig_copy_plan(&c, 4, 3, (size_t[]){2, 0, 3}, (ptrdiff_t[]){0, 3, 1}, (ptrdiff_t[]){0, 3, 1});
    assert_int_equal(c.units, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_copies),
        cmocka_unit_test(long_copies),
        cmocka_unit_test(nothing_to_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
