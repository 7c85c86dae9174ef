/* peers.c - see peers.h. */
#include "bench/kernels/peers.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MAJOR = 101, NO_TRANS = 111, FILES = 4 };

static void openblas_threads(size_t n);
static void blis_threads(size_t n);

static struct {
    const char *name, *package, *files[FILES];
    void *handle;
    bench_blas blas;
} peers[] = {
    {"openblas",
     "libopenblas0",
     {"libopenblas.so.0", "libopenblas.so"},
     NULL,
     {.set_threads = openblas_threads}},
    {"blis",
     "libblis4-pthread",
     {"libblis.so.4", "libblis.so"},
     NULL,
     {.set_threads = blis_threads}},
};

static void (*openblas_set)(int n);
static void (*blis_set)(long n);

static void openblas_threads(size_t n)
{
    static size_t now;
    if (n != now) openblas_set((int)n);
    now = n;
}

static void blis_threads(size_t n)
{
    static size_t now;
    if (n != now) blis_set((long)n);
    now = n;
}

const char *peers_name(size_t i) { return i < IG_LEN(peers) ? peers[i].name : NULL; }
const char *peers_package(size_t i) { return peers[i].package; }
bool peers_loaded(size_t i) { return peers[i].handle != NULL; }

/* RTLD_DEEPBIND: two libraries that define sgemm must each find their own. */
static bool load(size_t i)
{
    bench_blas *blas = &peers[i].blas;
    for (size_t f = 0; f < FILES && peers[i].files[f] && !peers[i].handle; f++)
        peers[i].handle = dlopen(peers[i].files[f], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
    void *const h = peers[i].handle;
    if (!h) return false;
    blas->name = peers[i].name;
    *(void **)&blas->sgemm = dlsym(h, "cblas_sgemm");
    *(void **)&blas->dgemm = dlsym(h, "cblas_dgemm");
    void *const set = dlsym(h, i ? "bli_thread_set_num_threads" : "openblas_set_num_threads");
    if (i)
        *(void **)&blis_set = set;
    else
        *(void **)&openblas_set = set;
    if (blas->sgemm && blas->dgemm && set) return true;
    dlclose(h);
    peers[i].handle = NULL;
    return false;
}

static size_t find(const char *name, size_t n)
{
    size_t i = 0;
    while (i < IG_LEN(peers) && (strncmp(peers[i].name, name, n) != 0 || peers[i].name[n])) i++;
    return i;
}

static ingot_status unknown(const char *name, size_t n, ingot_error *err)
{
    char known[100] = "";
    size_t used = 0;
    for (size_t i = 0; i < IG_LEN(peers); i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "",
                                 peers[i].name);
    return ig_fail(err, INGOT_E_ARG, "--vs %.*s: unknown peer (known: %s)", (int)n, name, known);
}

ingot_status peers_open(const char *list, ingot_error *err)
{
    for (size_t i = 0; !list && i < IG_LEN(peers); i++) load(i);
    while (list && *list) {
        const size_t n = strcspn(list, ","), i = find(list, n);
        if (i == IG_LEN(peers)) return unknown(list, n, err);
        if (!load(i))
            return ig_fail(err, INGOT_E_ARG, "--vs %s: %s is not installed (package %s)",
                           peers[i].name, peers[i].files[0], peers[i].package);
        list += n + (list[n] == ',');
    }
    return INGOT_OK;
}

const bench_blas *bench_blas_peer(size_t i)
{
    for (size_t k = 0; k < IG_LEN(peers); k++)
        if (peers[k].handle && i-- == 0) return &peers[k].blas;
    return NULL;
}

/* ---- products
 * ------------------------------------------------------------------------------------ */

typedef struct {
    const bench_blas *blas;
    int m, n, k;
    const void *a, *b;
    void *c;
} product;

static void run_f32(void *arg, ig_pool *pool)
{
    const product *p = arg;
    p->blas->set_threads(ig_pool_threads(pool));
    p->blas->sgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0,
                   p->c, p->n);
}

static void run_f64(void *arg, ig_pool *pool)
{
    const product *p = arg;
    p->blas->set_threads(ig_pool_threads(pool));
    p->blas->dgemm(ROW_MAJOR, NO_TRANS, NO_TRANS, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0,
                   p->c, p->n);
}

/* All of them share operands: none writes what another one reads. */
static void add_products(bench *b, bench_fn *run, const product *of)
{
    const bench_blas *blas;
    for (size_t i = 0; (blas = bench_blas_peer(i)); i++) {
        product *p = bench_take(b, sizeof *p);
        *p = *of;
        p->blas = blas;
        bench_add(b, blas->name, run, p);
    }
}

void bench_vs_gemm_f32(bench *b, size_t m, size_t n, size_t k)
{
    if (!bench_blas_peer(0)) return;
    product p = {.m = (int)m, .n = (int)n, .k = (int)k};
    p.a = bench_f32(b, m * k, -1, 1);
    p.b = bench_f32(b, k * n, -1, 1);
    p.c = bench_f32(b, m * n, 0, 0);
    add_products(b, run_f32, &p);
}

void bench_vs_gemm_f64(bench *b, size_t m, size_t n, size_t k)
{
    if (!bench_blas_peer(0)) return;
    product p = {.m = (int)m, .n = (int)n, .k = (int)k};
    p.a = bench_f64(b, m * k, -1, 1);
    p.b = bench_f64(b, k * n, -1, 1);
    p.c = bench_f64(b, m * n, 0, 0);
    add_products(b, run_f64, &p);
}
