/* bench_attention.c - attention of all heads over one sequence: encoders (bidirectional) and the
 * prompt of a language model (causal). */
#include "bench/kernels/bench.h"
#include "kernels/attention/attention.h"

enum { BLOCK = 112 }; /* queries of one task */

typedef struct {
    attention_f32_fn *kernel;
    attention_args p;
    size_t heads, blocks, n_scratch;
    float *scratch;
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    for (size_t i = begin; i < end; i++) {
        const size_t head = i / j->blocks, q0 = i % j->blocks * BLOCK;
        attention_args p = j->p;
        p.y += head * p.dv;
        p.q += head * p.d;
        p.k += head * p.d;
        p.v += head * p.dv;
        j->kernel(&p, q0, IG_MIN(q0 + BLOCK, p.tq), j->scratch + worker * j->n_scratch);
    }
}

/* Heads lie side by side in a row, as they leave the projections. */
static void time_heads(bench *b, size_t heads, size_t t, size_t d, bool causal)
{
    const double pairs = (double)heads * (double)t * (double)(causal ? (t + 1) / 2 : t);
    const size_t row = heads * d, n = t * row;
    const bench_case c = {.name = "attention_prefill_f32",
                          .family = "attention_f32",
                          .compute = BENCH_FMA_F32,
                          .unit = BENCH_OPS,
                          .flop = 4 * pairs * (double)d,
                          .bytes = 16 * (double)n};
    if (!bench_next(b, &c, "heads=%zu,T=%zu,D=%zu%s", heads, t, d, causal ? ",causal" : "")) return;
    job j = {.kernel = ig_attention_f32(), .heads = heads, .blocks = (t + BLOCK - 1) / BLOCK};
    if (!ig_attention_scratch(t, d, d, &j.n_scratch)) return;
    j.scratch = bench_take(b, bench_threads(b) * j.n_scratch * sizeof(float));
    j.p = (attention_args){.y = bench_take(b, n * sizeof(float)),
                           .q = bench_f32(b, n, -1, 1),
                           .k = bench_f32(b, n, -1, 1),
                           .v = bench_f32(b, n, -1, 1),
                           .tq = t,
                           .tk = t,
                           .d = d,
                           .dv = d,
                           .y_row = row,
                           .q_row = row,
                           .k_row = row,
                           .v_row = row,
                           .scale = 0.125f,
                           .causal = causal};
    bench_add_parts(b, "ingot", part, &j, heads * j.blocks, 1);
    bench_run(b);
}

void bench_attention(bench *b)
{
    time_heads(b, 12, 128, 32, false); /* MiniLM */
    time_heads(b, 12, 512, 64, false); /* BERT base */
    time_heads(b, 8, 1024, 64, true);
    if (!bench_quick(b)) time_heads(b, 8, 2048, 128, true);
}
