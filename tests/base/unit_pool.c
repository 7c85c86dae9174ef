/* unit_pool.c - every item exactly once, whatever the number of threads, callers and nestings. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"
#include "runtime/base/pool.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 5000, CALLERS = 6 };

typedef struct {
    atomic_uchar seen[MOST];
    atomic_int inside[IG_MAX_THREADS]; /* tasks now running under a worker index */
    atomic_bool bad;
    size_t n, grain, n_threads;
} tally;

static void count(void *arg, size_t begin, size_t end, size_t worker)
{
    tally *t = arg;
    const bool whole = begin == 0 && end == t->n;
    bool ok = worker < t->n_threads && begin < end && end <= t->n;
    ok = ok && (whole || begin % t->grain == 0);
    ok = ok && (end == t->n || end - begin >= t->grain);
    ok = ok && atomic_fetch_add(&t->inside[worker], 1) == 0;
    for (size_t i = begin; ok && i < end; i++) atomic_fetch_add(&t->seen[i], 1);
    if (!ok) atomic_store(&t->bad, true);
    atomic_fetch_sub(&t->inside[worker], 1);
}

static bool covers_once(ig_pool *pool, size_t n, size_t grain, size_t limit)
{
    tally *t = calloc(1, sizeof *t);
    if (!t) return false;
    t->n = n;
    t->grain = grain;
    t->n_threads = limit ? IG_MIN(limit, ig_pool_threads(pool)) : ig_pool_threads(pool);
    ig_parallel(pool, n, grain, limit, count, t);
    bool ok = !atomic_load(&t->bad);
    for (size_t i = 0; i < MOST; i++) ok = ok && atomic_load(&t->seen[i]) == (i < n);
    free(t);
    return ok;
}

static ig_heap heap;

static ig_pool *open_pool(size_t n_threads)
{
    ingot_error err;
    ig_pool *pool;
    check_ok(ig_pool_open(&pool, &heap, &(ig_pool_options){.n_threads = n_threads}, &err));
    return pool;
}

static void close_pool(ig_pool *pool)
{
    ig_pool_close(&pool);
    assert_null(pool);
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
}

static void check_cover(ig_pool *pool)
{
    static const size_t ns[] = {0, 1, 2, 3, 7, 64, 65, 1000, MOST};
    static const size_t grains[] = {1, 2, 3, 16, 999, MOST, SIZE_MAX};
    static const size_t limits[] = {0, 1, 2, 100};
    for (size_t i = 0; i < IG_LEN(ns); i++)
        for (size_t g = 0; g < IG_LEN(grains); g++)
            for (size_t l = 0; l < IG_LEN(limits); l++)
                if (!covers_once(pool, ns[i], grains[g], limits[l]))
                    fail_msg("n %zu grain %zu limit %zu", ns[i], grains[g], limits[l]);
}

static void every_item_exactly_once(void **state)
{
    (void)state;
    check_cover(NULL);
    for (size_t threads = 1; threads <= 9; threads += 2) {
        ig_pool *pool = open_pool(threads);
        const size_t calls = atomic_load(&heap.n_calls);
        check_cover(pool);
        assert_int_equal(atomic_load(&heap.n_calls), calls); /* nothing allocated */
        close_pool(pool);
    }
}

static void sum_all(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    for (size_t i = begin; i < end; i++) atomic_fetch_add((atomic_size_t *)arg, 1);
}

static void sum_ends(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    atomic_fetch_add((atomic_size_t *)arg, end - begin);
}

static void more_items_than_a_span_can_count(void **state)
{
    (void)state;
    ig_pool *pool = open_pool(3);
    atomic_size_t sum = 0;
    ig_parallel(pool, SIZE_MAX, 1, 0, sum_ends, &sum);
    assert_true(atomic_load(&sum) == SIZE_MAX);
    atomic_store(&sum, 0);
    ig_parallel(pool, SIZE_MAX - 5, 3, 0, sum_ends, &sum);
    assert_true(atomic_load(&sum) == SIZE_MAX - 5);
    close_pool(pool);
}

typedef struct {
    ig_pool *pool;
    atomic_size_t sum;
    atomic_bool bad;
    pthread_t thread;
} nest;

typedef struct {
    nest *outer;
    pthread_t thread;
    size_t worker;
} inner_call;

static void inner(void *arg, size_t begin, size_t end, size_t worker)
{
    const inner_call *c = arg;
    if (!pthread_equal(pthread_self(), c->thread) || worker != c->worker)
        atomic_store(&c->outer->bad, true);
    atomic_fetch_add(&c->outer->sum, end - begin);
}

static void outer(void *arg, size_t begin, size_t end, size_t worker)
{
    nest *t = arg;
    inner_call c = {t, pthread_self(), worker};
    for (size_t i = begin; i < end; i++) ig_parallel(t->pool, 100, 1, 0, inner, &c);
}

static void nested_calls_run_inline(void **state)
{
    (void)state;
    nest t = {.pool = open_pool(4)};
    ig_parallel(t.pool, 200, 1, 0, outer, &t);
    assert_int_equal(atomic_load(&t.sum), 200 * 100);
    assert_false(atomic_load(&t.bad));
    close_pool(t.pool);
}

static void *call_often(void *arg)
{
    nest *t = arg;
    for (int i = 0; i < 300; i++) {
        if (!covers_once(t->pool, (size_t)(i % 97) + 1, 1 + (size_t)i % 3, (size_t)i % 4))
            atomic_store(&t->bad, true);
    }
    return NULL;
}

static void callers_at_once_share(void **state)
{
    (void)state;
    nest t[CALLERS] = {{0}};
    ig_pool *pool = open_pool(4);
    for (size_t i = 0; i < CALLERS; i++) {
        t[i].pool = pool;
        assert_int_equal(pthread_create(&t[i].thread, NULL, call_often, &t[i]), 0);
    }
    for (size_t i = 0; i < CALLERS; i++) {
        pthread_join(t[i].thread, NULL);
        assert_false(atomic_load(&t[i].bad));
    }
    close_pool(pool);
}

/* A thread that was joined is listed for a moment longer, marked as one that exits. */
static bool is_exiting(const char *task)
{
    enum { PF_EXITING = 4, FLAGS_AT = 7 }; /* fields behind the name: proc(5), stat */
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/self/task/%.20s/stat", task);
    FILE *f = fopen(path, "r");
    const bool read = f && fgets(line, sizeof line, f);
    if (f) fclose(f);
    const char *at = strrchr(line, ')');
    for (int i = 0; at && i < FLAGS_AT; i++) at = strchr(at + 1, ' ');
    return !read || (at && strtoul(at, NULL, 10) & PF_EXITING);
}

static size_t count_threads(void)
{
    size_t n = 0;
    DIR *d = opendir("/proc/self/task");
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.' && !is_exiting(e->d_name);
    closedir(d);
    return n;
}

static void threads_are_as_many_as_asked(void **state)
{
    (void)state;
    const size_t before = count_threads();
    for (size_t n = 1; n <= 4; n++) {
        ig_pool *pool = open_pool(n);
        assert_int_equal(ig_pool_threads(pool), n);
        check_cover(pool);
        assert_int_equal(count_threads(), before + n - 1);
        close_pool(pool);
    }
    ig_pool *pool = open_pool(0);
    assert_true(ig_pool_threads(pool) >= 1);
    close_pool(pool);
    ingot_error err;
    assert_int_equal(ig_pool_open(&pool, &heap, &(ig_pool_options){.n_threads = 5000}, &err),
                     INGOT_E_ARG);
    assert_null(pool);
}

typedef struct {
    size_t n_calls, most;
    bool backwards;
} host;

static void run_serially(void *ud, size_t n, void (*fn)(void *arg, size_t i), void *arg)
{
    host *h = ud;
    h->n_calls++;
    h->most = IG_MAX(h->most, n);
    for (size_t i = 0; i < n; i++) fn(arg, h->backwards ? n - 1 - i : i);
}

typedef struct {
    void (*fn)(void *arg, size_t i);
    void *arg;
    size_t i;
} host_thread;

static void *run_one(void *p)
{
    const host_thread *t = p;
    t->fn(t->arg, t->i);
    return NULL;
}

static void run_on_threads(void *ud, size_t n, void (*fn)(void *arg, size_t i), void *arg)
{
    (void)ud;
    pthread_t ids[8];
    host_thread t[8];
    for (size_t i = 0; i < n; i++) {
        t[i] = (host_thread){fn, arg, i};
        if (pthread_create(&ids[i], NULL, run_one, &t[i])) abort();
    }
    for (size_t i = 0; i < n; i++) pthread_join(ids[i], NULL);
}

static void the_host_can_run_it(void **state)
{
    (void)state;
    ingot_error err;
    host h = {0};
    const size_t before = count_threads();
    for (int back = 0; back < 2; back++) {
        ig_pool *pool;
        h.backwards = back;
        check_ok(ig_pool_open(
            &pool, &heap,
            &(ig_pool_options){.n_threads = 5, .host_parallel = run_serially, .host_ud = &h},
            &err));
        check_cover(pool);
        assert_int_equal(count_threads(), before);
        close_pool(pool);
    }
    assert_true(h.n_calls > 0);
    assert_int_equal(h.most, 5);
    ig_pool *pool;
    check_ok(ig_pool_open(
        &pool, &heap, &(ig_pool_options){.n_threads = 4, .host_parallel = run_on_threads}, &err));
    for (int i = 0; i < 50; i++) assert_true(covers_once(pool, 777, 3, 0));
    close_pool(pool);
}

/* Under ThreadSanitizer a child of a threaded process may not start anything; nothing is. */
static void a_forked_child_runs_inline(void **state)
{
    (void)state;
    ig_pool *pool = open_pool(4);
    assert_true(covers_once(pool, 1000, 1, 0));
    const pid_t child = fork();
    if (child == 0) {
        alarm(20);
        atomic_size_t sum = 0;
        ig_parallel(pool, 1000, 1, 0, sum_all, &sum);
        ig_pool_close(&pool);
        _exit(atomic_load(&sum) == 1000 ? 7 : 8);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
    assert_true(covers_once(pool, 1000, 1, 0));
    close_pool(pool);
}

static void nothing(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)arg, (void)begin, (void)end, (void)worker;
}

static void print_barrier_cost(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 2; threads++) {
        ig_pool *pool = open_pool(threads);
        enum { CALLS = 20000 };
        const uint64_t start = ig_now_ns();
        for (int i = 0; i < CALLS; i++) ig_parallel(pool, threads, 1, 0, nothing, NULL);
        printf("call on %zu threads: %.0f ns\n", threads, (double)(ig_now_ns() - start) / CALLS);
        close_pool(pool);
    }
}

static void zeroing_reaches_every_byte(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 4095, 65536, 65537, 1000003};
    ingot_error err;
    for (int pin = 0; pin < 2; pin++) {
        ig_pool *pool;
        check_ok(ig_pool_open(&pool, &heap, &(ig_pool_options){.n_threads = 3, .pin = pin}, &err));
        for (size_t s = 0; s < IG_LEN(sizes); s++) {
            unsigned char *p = malloc(sizes[s] + 1);
            assert_non_null(p);
            memset(p, 0xa5, sizes[s] + 1);
            ig_pool_zero(pool, p, sizes[s]);
            for (size_t i = 0; i < sizes[s]; i++) assert_int_equal(p[i], 0);
            assert_int_equal(p[sizes[s]], 0xa5);
            free(p);
        }
        close_pool(pool);
    }
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_exactly_once),
        cmocka_unit_test(more_items_than_a_span_can_count),
        cmocka_unit_test(nested_calls_run_inline),
        cmocka_unit_test(callers_at_once_share),
        cmocka_unit_test(threads_are_as_many_as_asked),
        cmocka_unit_test(the_host_can_run_it),
        cmocka_unit_test(a_forked_child_runs_inline),
        cmocka_unit_test(zeroing_reaches_every_byte),
        cmocka_unit_test(print_barrier_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
