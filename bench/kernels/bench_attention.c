/* bench_attention.c - attention: whole prompts (encoders and causal ones), and new tokens against
 * long contexts in pages that no cache holds. */
#include "bench/kernels/bench.h"
#include "kernels/attention/attention.h"

#include <string.h>

/* ---- prompts ---- */

typedef struct {
    attention_f32_fn *kernel;
    attention_args p;
    size_t heads, blocks, block, n_scratch;
    float *scratch;
} prompt;

static void prompt_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const prompt *j = arg;
    for (size_t i = begin; i < end; i++) {
        const size_t head = i / j->blocks, q0 = (j->blocks - 1 - i % j->blocks) * j->block;
        attention_args p = j->p;
        p.y += head * p.dv;
        p.q += head * p.d;
        p.k += head * p.d;
        p.v += head * p.dv;
        j->kernel(&p, q0, IG_MIN(q0 + j->block, p.tq), j->scratch + worker * j->n_scratch);
    }
}

/* Heads lie side by side in a row, as they leave the projections. */
static void time_prompt(bench *b, size_t heads, size_t t, size_t d, bool causal)
{
    const double pairs = (double)heads * (double)t * (causal ? (double)(t + 1) / 2 : (double)t);
    const size_t row = heads * d, n = t * row;
    const bench_case c = {.name = "attention_prefill_f32",
                          .family = "attention_f32",
                          .compute = BENCH_FMA_F32,
                          .unit = BENCH_OPS,
                          .flop = 4 * pairs * (double)d,
                          .bytes = 16 * (double)n};
    if (!bench_next(b, &c, "heads=%zu,T=%zu,D=%zu%s", heads, t, d, causal ? ",causal" : "")) return;
    prompt j = {.kernel = ig_attention_f32(), .heads = heads, .block = IG_MIN(t, (size_t)512)};
    j.blocks = (t + j.block - 1) / j.block;
    j.p = (attention_args){.y = bench_take(b, n * sizeof(float)),
                           .q = bench_f32(b, n, -1, 1),
                           .k = bench_f32(b, n, -1, 1),
                           .v = bench_f32(b, n, -1, 1),
                           .tq = t,
                           .heads = 1,
                           .tk = t,
                           .d = d,
                           .dv = d,
                           .y_row = row,
                           .q_row = row,
                           .k_row = row,
                           .v_row = row,
                           .rule = {.scale = 0.125f, .causal = causal, .left = -1, .right = -1}};
    if (!ig_attention_scratch(&j.p, j.block, &j.n_scratch)) return;
    j.scratch = bench_take(b, bench_threads(b) * j.n_scratch * sizeof(float));
    bench_add_parts(b, "ingot", prompt_part, &j, heads * j.blocks, 1);
    bench_run(b);
}

/* ---- new tokens ---- */

enum { KV_HEADS = 8, SHARED = 4, SIZE = 128, PAGE = 64 /* the default */ };

typedef struct {
    attention_decode_fn *decode;
    attention_merge_fn *merge;
    ig_page_format format;
    attention_pages *pages; /* [sequences x KV heads] */
    size_t n, chunks, part, n_scratch, tokens;
    float *q, *y, *parts, *scratch;
} step;

static attention_args head_of(const step *j, size_t i)
{
    return (attention_args){.y = j->y + i * SHARED * SIZE,
                            .q = j->q + i * SHARED * SIZE,
                            .y_head = SIZE,
                            .q_head = SIZE,
                            .tq = 1,
                            .heads = SHARED,
                            .tk = j->tokens,
                            .d = SIZE,
                            .dv = SIZE,
                            .pages = &j->pages[i],
                            .rule = {.scale = 0.09f,
                                     .causal = true,
                                     .offset = (int64_t)j->tokens - 1,
                                     .left = -1,
                                     .right = -1}};
}

static void chunk_part(void *arg, size_t begin, size_t end, size_t worker)
{
    const step *j = arg;
    for (size_t i = begin; i < end; i++) {
        const attention_args p = head_of(j, i / j->chunks);
        j->decode(&p, i % j->chunks, j->parts + i * j->part, j->scratch + worker * j->n_scratch);
    }
}

static void merge_part(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const step *j = arg;
    for (size_t i = begin; i < end; i++) {
        const attention_args p = head_of(j, i);
        j->merge(&p, j->parts + i * j->chunks * j->part, 0, j->chunks, j->part);
    }
}

static void run_step(void *arg, ig_pool *pool)
{
    step *j = arg;
    ig_parallel(pool, j->n * j->chunks, 1, 0, chunk_part, j);
    ig_parallel(pool, j->n, 1, 0, merge_part, j);
}

/* Pages in a random order, of random bytes that are finite numbers in every type. */
static void make_pages(bench *b, step *j)
{
    const size_t each = j->tokens / PAGE, total = j->n * each;
    unsigned char *base = bench_take(b, total * j->format.bytes);
    int32_t *table = bench_take(b, total * sizeof *table);
    float *row = bench_f32(b, SIZE, -1, 1);
    for (size_t i = 0; i < total; i++) {
        table[i] = (int32_t)((i * 7919) % total);
        for (size_t t = 0; t < PAGE; t++)
            ig_page_append(base + i * j->format.bytes, &j->format, t, row, row);
    }
    j->pages = bench_take(b, j->n * sizeof *j->pages);
    for (size_t i = 0; i < j->n; i++)
        j->pages[i] = (attention_pages){&j->format, base, j->format.bytes, table + i * each};
}

static void time_step(bench *b, ig_page_type type, size_t tokens)
{
    static const char *const names[] = {"attention_decode_f32", "attention_decode_f16",
                                        "attention_decode_bf16", "attention_decode_i8"};
    step j = {.decode = ig_attention_decode(), .merge = ig_attention_merge(), .tokens = tokens};
    if (!ig_page_format_init(&j.format, type, PAGE, SIZE, SIZE)) return;
    const size_t one = tokens / PAGE * j.format.bytes * KV_HEADS;
    const size_t sequences = bench_uncached(b) / one + 1;
    j.n = sequences * KV_HEADS;
    j.chunks = (tokens + IG_ATT_CHUNK - 1) / IG_ATT_CHUNK;
    const bench_case c = {.name = names[type],
                          .family = "attention_decode",
                          .compute = BENCH_FMA_F32,
                          .unit = BENCH_BYTES,
                          .flop = 4.0 * SIZE * SHARED * (double)(tokens * j.n),
                          .bytes = (double)(one * sequences)};
    if (!bench_next(b, &c, "T=%zu,D=%d,heads=%d,shared=%d,sequences=%zu", tokens, SIZE, KV_HEADS,
                    SHARED, sequences))
        return;
    const attention_args p = head_of(&j, 0);
    if (!ig_attention_part(&p, &j.part) || !ig_attention_decode_scratch(&p, &j.n_scratch)) return;
    make_pages(b, &j);
    j.q = bench_f32(b, j.n * SHARED * SIZE, -1, 1);
    j.y = bench_take(b, j.n * SHARED * SIZE * sizeof(float));
    j.parts = bench_take(b, j.n * j.chunks * j.part * sizeof(float));
    j.scratch = bench_take(b, bench_threads(b) * j.n_scratch * sizeof(float));
    bench_add(b, "ingot", run_step, &j);
    bench_run(b);
}

void bench_attention(bench *b)
{
    time_prompt(b, 12, 128, 32, false); /* MiniLM */
    time_prompt(b, 12, 512, 64, false); /* BERT base */
    time_prompt(b, 8, 2048, 64, true);
    time_prompt(b, 8, 2048, 128, true);
    if (!bench_quick(b)) {
        time_prompt(b, 8, 2048, 64, false);
        time_prompt(b, 4, 8192, 64, true);
        time_prompt(b, 4, 8192, 128, true);
    }
    for (ig_page_type type = IG_PAGE_F32; type <= IG_PAGE_I8; type++) {
        time_step(b, type, 4096);
        if (!bench_quick(b)) time_step(b, type, 16384);
    }
}
