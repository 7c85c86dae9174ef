/* unit_shard.c - shares of weights in every format, and ranks that meet. */
#include "runtime/graph/comm.h"
#include "runtime/graph/shard_weights.h"
#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N = 72, K = 512 + 96, EXPERTS = 2 };

static ig_heap heap;
static uint32_t state = 7;
static uint32_t next(void) { return state = state * 1664525 + 1013904223; }

/* ---- low bits ---- */

static uint8_t *packed(const ig_q_format *f, size_t *bytes)
{
    const size_t groups = f->group ? (K + f->group - 1) / f->group : 1, supers = (K + 255) / 256;
    uint8_t *q = malloc(N * K);
    float *scale = malloc(N * groups * sizeof *scale),
          *offset = malloc(N * groups * sizeof *offset);
    int8_t *s = malloc(N * groups), *t = malloc(N * groups);
    for (size_t i = 0; i < N * K; i++) q[i] = (uint8_t)((next() >> 16) & ((1u << f->bits) - 1));
    for (size_t i = 0; i < N * groups; i++) {
        scale[i] = (float)(next() >> 24) / 64 + 0.5F;
        offset[i] = (float)((next() >> 24) % 8);
        s[i] = (int8_t)(next() >> 25);
        t[i] = (int8_t)(next() >> 25);
    }
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS;
    const ig_q_source from = {.q = q,
                              .q_n = K,
                              .q_k = 1,
                              .scale = scale,
                              .scale_n = two ? supers : groups,
                              .scale_g = 1,
                              .offset = offset,
                              .offset_n = two ? supers : groups,
                              .offset_g = 1,
                              .s = s,
                              .t = t,
                              .sub_n = groups,
                              .sub_g = 1};
    assert_true(ig_q_bytes(f, N, K, bytes));
    uint8_t *panels = aligned_alloc(64, (*bytes + 63) / 64 * 64);
    memset(panels, 0, *bytes);
    ig_q_pack(panels, f, &from, N, K, 0, ig_q_panels(N));
    free(q), free(scale), free(offset), free(s), free(t);
    return panels;
}

static float *unpacked(const void *panels, const ig_q_format *f, size_t n, size_t k)
{
    float *w = malloc(n * k * sizeof *w);
    ig_q_unpack(w, 1, k, panels, f, n, k, 0, ig_q_panels(n));
    return w;
}

static void check_low(const ig_q_format *f, const ig_runs *runs, ig_run_of rows)
{
    size_t bytes;
    uint8_t *panels = packed(f, &bytes);
    float *all = unpacked(panels, f, N, K);
    ig_graph *g = ig_graph_open(&heap, NULL), *to = ig_graph_open(&heap, NULL);
    const int64_t dims[] = {(int64_t)ig_q_panels(N), (int64_t)(bytes / ig_q_panels(N))};
    const ig_id w = ig_graph_const(g, "w", INGOT_U8, 2, dims, panels);
    const ig_shard_matrix m = {N, K, f};
    ig_id share;
    assert_int_equal(ig_shard_columns(&share, to, &g->values[w], &m, runs, NULL), INGOT_OK);
    const size_t width = ig_runs_width(runs);
    float *some = unpacked(to->values[share].data, f, width, K);
    for (size_t r = 0, n = 0; r < runs->n; r++)
        for (size_t c = runs->v[r].begin; c < runs->v[r].end; c++, n++)
            assert_memory_equal(some + n * K, all + c * K, K * sizeof *all);
    free(some);
    assert_int_equal(ig_shard_rows(&share, to, &g->values[w], &m, rows, NULL), INGOT_OK);
    const size_t k = rows.end - rows.begin;
    some = unpacked(to->values[share].data, f, N, k);
    for (size_t n = 0; n < N; n++)
        assert_memory_equal(some + n * k, all + n * K + rows.begin, k * sizeof *all);
    free(some), free(all), free(panels);
    ig_graph_close(&g), ig_graph_close(&to);
}

static void low_bits(void **arg)
{
    (void)arg;
    static const ig_runs shares[] = {{.v = {{16, 48}}, .n = 1},
                                     {.v = {{32, N}}, .n = 1},
                                     {.v = {{0, 16}, {32, 48}, {64, N}}, .n = 3},
                                     {.v = {{5, 12}, {20, 41}}, .n = 2}};
    size_t n;
    const ig_q_format *f = ig_q_formats(&n);
    for (size_t i = 0; i < n; i++)
        for (size_t s = 0; s < IG_LEN(shares); s++) {
            const size_t unit = ig_q_slice_unit(&f[i]);
            check_low(&f[i], &shares[s], (ig_run_of){0, 256 / unit * unit});
            check_low(&f[i], &shares[s], (ig_run_of){256, K});
            check_low(&f[i], &shares[s], (ig_run_of){unit, 2 * unit});
        }
}

static void low_bits_off_unit(void **arg)
{
    (void)arg;
    const ig_q_format *f = ig_q_format_named("i4g128");
    size_t bytes;
    uint8_t *panels = packed(f, &bytes);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const int64_t dims[] = {(int64_t)ig_q_panels(N), (int64_t)(bytes / ig_q_panels(N))};
    const ig_id w = ig_graph_const(g, "w", INGOT_U8, 2, dims, panels);
    const ig_shard_matrix m = {N, K, f};
    ig_id share;
    ingot_error err;
    assert_int_equal(ig_shard_rows(&share, g, &g->values[w], &m, (ig_run_of){0, 64}, &err),
                     INGOT_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "multiples of 128 rows"));
    free(panels);
    ig_graph_close(&g);
}

/* ---- floats, of several matrices ---- */

static size_t at_p16(ingot_dtype t, size_t k_all, size_t k, size_t n)
{
    if (t != INGOT_BF16) return (n / 16 * k_all + k) * 16 + n % 16;
    return n / 16 * 16 * (k_all + k_all % 2) + k / 2 * 32 + n % 16 * 2 + k % 2;
}

static void check_floats(ingot_dtype t, size_t k_all, const ig_runs *runs, ig_run_of rows)
{
    ig_graph *g = ig_graph_open(&heap, NULL);
    const int64_t dims[] = {EXPERTS, (int64_t)k_all, N};
    const size_t each = ig_dtype(t)->bytes;
    ig_id w = ig_graph_const(g, "w", t, 3, dims, NULL), share;
    g->values[w].layout = IG_P16;
    size_t bytes, part;
    assert_true(ig_layout_bytes(&g->values[w].type, IG_P16, &bytes));
    char *data = ig_arena_take(&g->arena, bytes);
    for (size_t i = 0; i < bytes; i++) data[i] = (char)(next() >> 20);
    g->values[w].data = data;
    const ig_shard_matrix m = {N, k_all, NULL};
    assert_int_equal(ig_shard_columns(&share, g, &g->values[w], &m, runs, NULL), INGOT_OK);
    assert_true(ig_layout_bytes(&g->values[share].type, IG_P16, &part));
    const char *got = g->values[share].data;
    for (size_t e = 0; e < EXPERTS; e++)
        for (size_t r = 0, n = 0; r < runs->n; r++)
            for (size_t c = runs->v[r].begin; c < runs->v[r].end; c++, n++)
                for (size_t k = 0; k < k_all; k++)
                    assert_memory_equal(got + e * part / EXPERTS + at_p16(t, k_all, k, n) * each,
                                        data + e * bytes / EXPERTS + at_p16(t, k_all, k, c) * each,
                                        each);
    assert_int_equal(ig_shard_rows(&share, g, &g->values[w], &m, rows, NULL), INGOT_OK);
    assert_true(ig_layout_bytes(&g->values[share].type, IG_P16, &part));
    got = g->values[share].data;
    for (size_t e = 0; e < EXPERTS; e++)
        for (size_t n = 0; n < N; n++)
            for (size_t k = rows.begin; k < rows.end; k++)
                assert_memory_equal(got + e * part / EXPERTS +
                                        at_p16(t, rows.end - rows.begin, k - rows.begin, n) * each,
                                    data + e * bytes / EXPERTS + at_p16(t, k_all, k, n) * each,
                                    each);
    ig_graph_close(&g);
}

static void floats(void **arg)
{
    (void)arg;
    static const ig_runs shares[] = {{.v = {{16, 48}}, .n = 1}, {.v = {{5, 12}, {48, N}}, .n = 2}};
    static const ingot_dtype types[] = {INGOT_F32, INGOT_F16, INGOT_BF16};
    for (size_t t = 0; t < IG_LEN(types); t++)
        for (size_t s = 0; s < IG_LEN(shares); s++) {
            check_floats(types[t], 40, &shares[s], (ig_run_of){16, 40});
            check_floats(types[t], 41, &shares[s], (ig_run_of){7, 41});
        }
}

/* ---- ranks ---- */

enum { RANKS = 3, LENGTH = 5000, ROUNDS = 50 };

typedef struct {
    ig_comm *comm;
    float *v;
    bool fails;
    ingot_status status;
} peer;

static void *sum_many(void *arg)
{
    peer *p = arg;
    for (size_t n = 0; n < ROUNDS && !p->status; n++) {
        const size_t length = n ? (n * 97) % LENGTH : 1;
        for (size_t i = 0; i < length; i++)
            p->v[i] = (float)(i % 13 + n) * 0.1F + (float)p->comm->rank * 1e-3F;
        if (p->fails && n == 20) {
            p->comm->leave(p->comm);
            p->status = INGOT_E_DATA;
            return NULL;
        }
        p->status = p->comm->sum(p->comm, p->v, length, NULL);
        for (size_t i = 0; i < length && !p->status; i++) {
            float want = (float)(i % 13 + n) * 0.1F;
            for (size_t r = 1; r < RANKS; r++)
                want += (float)(i % 13 + n) * 0.1F + (float)r * 1e-3F;
            if (p->v[i] != want) p->status = INGOT_E_FORMAT; /* in the order of ranks, to the bit */
        }
    }
    return NULL;
}

static void *gather_once(void *arg)
{
    peer *p = arg;
    static const int64_t first[] = {0, 2, 2, 7};
    const size_t rank = p->comm->rank, n = (size_t)(first[rank + 1] - first[rank]), rows = 3;
    float part[15];
    for (size_t i = 0; i < rows * n; i++)
        part[i] = (float)(i / n * 7 + (size_t)first[rank] + i % n);
    p->status = p->comm->gather(p->comm, p->v, part, rows, first, NULL);
    for (size_t i = 0; i < rows * 7 && !p->status; i++)
        if (p->v[i] != (float)i) p->status = INGOT_E_FORMAT;
    return NULL;
}

static void run_peers(ig_team_comm *team, peer *peers, void *(*fn)(void *), bool one_fails)
{
    pthread_t threads[RANKS];
    for (size_t r = 0; r < RANKS; r++) {
        peers[r] = (peer){.comm = ig_team_comm_end(team, r),
                          .v = malloc(LENGTH * sizeof(float)),
                          .fails = one_fails && r == 1};
        assert_int_equal(pthread_create(&threads[r], NULL, fn, &peers[r]), 0);
    }
    for (size_t r = 0; r < RANKS; r++) pthread_join(threads[r], NULL);
    for (size_t r = 0; r < RANKS; r++) free(peers[r].v);
}

static void ranks(void **arg)
{
    (void)arg;
    ig_team_comm *team;
    peer peers[RANKS];
    assert_int_equal(ig_team_comm_open(&team, &heap, 0, NULL), INGOT_E_ARG);
    assert_int_equal(ig_team_comm_open(&team, &heap, 65, NULL), INGOT_E_ARG);
    assert_int_equal(ig_team_comm_open(&team, &heap, RANKS, NULL), INGOT_OK);
    for (int again = 0; again < 2; again++) {
        run_peers(team, peers, sum_many, true); /* nobody waits for who left */
        assert_int_equal(peers[0].status, INGOT_E_CANCELLED);
        assert_int_equal(peers[1].status, INGOT_E_DATA);
        assert_int_equal(peers[2].status, INGOT_E_CANCELLED);
        ig_team_comm_join(team);
        run_peers(team, peers, sum_many, false);
        for (size_t r = 0; r < RANKS; r++) assert_int_equal(peers[r].status, INGOT_OK);
        run_peers(team, peers, gather_once, false);
        for (size_t r = 0; r < RANKS; r++) assert_int_equal(peers[r].status, INGOT_OK);
    }
    ig_team_comm_close(&team);
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(low_bits),
        cmocka_unit_test(low_bits_off_unit),
        cmocka_unit_test(floats),
        cmocka_unit_test(ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
