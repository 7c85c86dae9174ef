/* conv_winograd.c - see conv_winograd.h. A task is a block of tiles from inputs to outputs: its
 * transformed inputs and products stay in L2, and only the weights are shared. */
#include "runtime/ops/conv_winograd.h"
#include "runtime/ops/wide.h"
#include "runtime/base/checked.h"

enum {
    LEAST_CHANNELS = 64,
    LEAST_SIDE = 14,
    ROOM = 192 << 10, /* elements of a thread's scratch: 768 KB */
    MOST_TILES = 56,
    LEAST_TILES = 8, /* fewer would stream the weights too often */
};

bool ig_conv_winograd_fits(const ig_conv_f32_args *a)
{
    const bool shape = a->kh == 3 && a->kw == 3 && a->stride_h == 1 && a->stride_w == 1 &&
                       a->dilation_h == 1 && a->dilation_w == 1 && a->groups == 1;
    return shape && a->batch > 0 && a->in_c >= LEAST_CHANNELS && a->out_c >= LEAST_CHANNELS &&
           a->out_h >= LEAST_SIDE && a->out_w >= LEAST_SIDE;
}

bool ig_conv_winograd_plan(ig_conv_winograd *s, const ig_conv_f32_args *a, size_t n_threads)
{
    const size_t both = a->in_c + a->out_c;
    *s = (ig_conv_winograd){
        .in = ig_winograd_in_f32(), .out = ig_winograd_out_f32(), .gemm = ig_gemm_f32()};
    s->tiles = a->batch * ig_winograd_tiles_h(a) * ig_winograd_tiles_w(a);
    s->block = IG_MIN(ROOM / (IG_WINOGRAD_POINTS * both), (size_t)MOST_TILES);
    s->block = IG_MIN(IG_MAX(s->block, (size_t)LEAST_TILES), (s->tiles - 1) / n_threads + 1);
    return ig_mul_ok(IG_WINOGRAD_POINTS * s->block, both, &s->scratch);
}

ingot_status ig_conv_winograd_bind(ig_conv_winograd *s, ig_bind *b, const ig_conv_f32_args *a,
                                   const float *w, bool panels, size_t *at)
{
    const size_t n_threads = IG_MAX(b->n_threads, (size_t)1);
    size_t n, packed;
    if (!ig_conv_winograd_plan(s, a, n_threads) || !ig_mul_ok(s->scratch, n_threads, &n) ||
        !ig_mul_ok((size_t)IG_WINOGRAD_POINTS, ig_gemm_packed(a->in_c, a->out_c), &packed))
        return ig_bind_fail(b, "too large for scratch");
    float *u = ig_arena_array(b->arena, packed, sizeof *u);
    if (!u) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for weights");
    ig_winograd_weights(u, w, panels, a->in_c, a->out_c);
    s->weights = u;
    return ig_scratch_add(b, n, sizeof(float), at);
}

typedef struct {
    const ig_conv_winograd *s;
    const ig_conv_f32_args *a;
    float *scratch;
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const ig_conv_winograd *s = j->s;
    const size_t in_c = j->a->in_c, out_c = j->a->out_c, each = ig_gemm_packed(in_c, out_c);
    float *v = j->scratch + worker * s->scratch, *m = v + IG_WINOGRAD_POINTS * s->block * in_c;
    for (size_t i = begin; i < end; i++) {
        const size_t t0 = i * s->block, n = IG_MIN(s->block, s->tiles - t0);
        s->in(v, j->a, t0, t0 + n);
        for (size_t p = 0; p < IG_WINOGRAD_POINTS; p++) {
            const ig_gemm_f32_args g = {.c = m + p * n * out_c,
                                        .a = v + p * n * in_c,
                                        .b = s->weights + p * each,
                                        .ldc = out_c,
                                        .lda = in_c,
                                        .n = out_c,
                                        .k = in_c};
            s->gemm(&g, 0, n, 0, ig_gemm_panels(out_c));
        }
        s->out(j->a, m, t0, t0 + n);
    }
}

void ig_conv_winograd_run(const ig_conv_winograd *s, ig_pool *pool, float *scratch,
                          const ig_conv_f32_args *a)
{
    job j = {s, a, scratch};
    ig_parallel(pool, (s->tiles - 1) / s->block + 1, 1, 0, part, &j);
}
