/* The broadcast walk: every element of the result once, from the right elements of the operands. */
#include "runtime/ops/broadcast.h"
#include "runtime/ops/block.h"
#include "tests/ops/call.h"

typedef struct {
    const int *in[3];
    int *out[3], *seen;
    const ig_broadcast *b;
    size_t longest;
    atomic_bool bad;
} probe;

static void visit(void *arg, const ig_broadcast_part *p)
{
    probe *w = arg;
    if (p->n == 0 || (w->longest && p->n > w->longest)) atomic_store(&w->bad, true);
    for (size_t i = 0; i < p->n; i++) {
        w->seen[p->at + i]++;
        for (size_t k = 0; k < w->b->n; k++)
            w->out[k][p->at + i] = w->in[k][p->in[k] + i * p->step[k]];
    }
}

/* The operand's element for result element `at`, by plain index arithmetic. */
static size_t source(const ig_type *out, const ig_type *in, size_t at)
{
    size_t offset = 0, step = 1;
    for (int d = out->rank - 1; d >= 0; d--) {
        const size_t index = at % (size_t)out->dims[d];
        at /= (size_t)out->dims[d];
        const int e = d - (out->rank - in->rank);
        if (e < 0) break;
        if (in->dims[e] != 1) offset += index * step;
        step *= (size_t)in->dims[e];
    }
    return offset;
}

static void check_shapes(const ig_type *out, const ig_type *const *in, size_t n, ig_pool *pool,
                         size_t longest)
{
    enum { MOST = 1 << 17 };
    static int numbers[MOST], results[3][MOST], seen[MOST];
    ig_broadcast b;
    for (int i = 0; i < MOST; i++) numbers[i] = i;
    memset(seen, 0, sizeof seen);
    assert_true(ig_broadcast_make(&b, out, in, n));
    assert_true(b.total <= MOST);
    probe w = {{numbers, numbers, numbers},
               {results[0], results[1], results[2]},
               seen,
               &b,
               longest,
               false};
    ig_broadcast_run(&b, pool, longest, visit, &w);
    assert_false(atomic_load(&w.bad));
    for (size_t i = 0; i < b.total; i++) {
        assert_int_equal(seen[i], 1);
        for (size_t k = 0; k < n; k++) assert_int_equal(results[k][i], (int)source(out, in[k], i));
    }
}

static void random_shapes_match_index_arithmetic(void **state)
{
    (void)state;
    srand(11);
    for (int round = 0; round < 400; round++) {
        ig_type out = {.dtype = INGOT_F32, .rank = rand() % 6}, in[3];
        const ig_type *list[3] = {&in[0], &in[1], &in[2]};
        for (int d = 0; d < out.rank; d++) out.dims[d] = 1 + rand() % 5;
        for (int k = 0; k < 3; k++) {
            in[k] = (ig_type){.dtype = INGOT_F32, .rank = out.rank ? rand() % (out.rank + 1) : 0};
            for (int d = 0; d < in[k].rank; d++)
                in[k].dims[d] = rand() % 2 ? 1 : out.dims[d + out.rank - in[k].rank];
        }
        check_shapes(&out, list, 1 + (size_t)rand() % 3, NULL, (size_t)rand() % 4);
    }
}

static void threads_share_one_walk(void **state)
{
    (void)state;
    ig_heap heap;
    ig_pool *pool;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    check_ok(ig_pool_open(&pool, &heap, &(ig_pool_options){.n_threads = 3}, &err));
    const ig_type out = ig_type_tensor(INGOT_F32, 3, (int64_t[]){40, 30, 101});
    const ig_type a = out, b = ig_type_tensor(INGOT_F32, 2, (int64_t[]){30, 1});
    const ig_type c = ig_type_tensor(INGOT_F32, 1, (int64_t[]){101});
    check_shapes(&out, (const ig_type *[]){&a, &b, &c}, 3, pool, 64);
    ig_pool_close(&pool);
}

static void equal_dimensions_are_joined(void **state)
{
    (void)state;
    ig_broadcast b;
    const ig_type x = ig_type_tensor(INGOT_F32, 4, (int64_t[]){2, 3, 4, 5});
    const ig_type bias = ig_type_tensor(INGOT_F32, 3, (int64_t[]){3, 1, 1});
    assert_true(ig_broadcast_make(&b, &x, (const ig_type *[]){&x, &x}, 2));
    assert_int_equal(b.rank, 1);
    assert_true(ig_broadcast_make(&b, &x, (const ig_type *[]){&x, &bias}, 2));
    assert_int_equal(b.rank, 3);
    assert_int_equal(b.dims[2], 20);
    const ig_type other = ig_type_tensor(INGOT_F32, 1, (int64_t[]){4});
    assert_false(ig_broadcast_make(&b, &x, (const ig_type *[]){&other}, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_shapes_match_index_arithmetic),
        cmocka_unit_test(threads_share_one_walk),
        cmocka_unit_test(equal_dimensions_are_joined),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
