/* generate.c - see generate.h. */
#include "bench/generate/generate.h"
#include "bench/generate/subject.h"

typedef struct {
    subject *s;
    size_t n; /* tokens of a prompt, or sequences */
} job;

static void run_prompt(void *arg, ig_pool *pool)
{
    const job *j = arg;
    subject_prompt(j->s, pool, j->n);
}

static void run_answer(void *arg, ig_pool *pool)
{
    const job *j = arg;
    subject_answer(j->s, pool, j->n);
}

/* What a program waits for before it can ask: the file mapped, its graph and tokenizer found. */
static void run_open(void *arg, ig_pool *pool)
{
    subject *s = arg;
    ig_ingot *file = NULL;
    ig_lm lm = {0};
    (void)pool;
    if (!s->status) s->status = ig_ingot_open(&file, s->heap, s->file->map.path, &s->err);
    if (!s->status) s->status = ig_lm_open(&lm, s->heap, file, &s->err);
    if (!s->status) ig_lm_close(&lm);
    ig_ingot_close(&file);
}

static ingot_status time_open(bench *b, subject *s, ingot_error *err)
{
    const bench_case c = {.name = "open", .unit = BENCH_TIME};
    if (!bench_next(b, &c, "bytes=%zu", s->file->n_bytes)) return INGOT_OK;
    bench_add(b, "ingot", run_open, s);
    bench_run(b);
    if (s->status && err) *err = s->err;
    return s->status;
}

static ingot_status time_prompt(bench *b, subject *s, size_t n, ingot_error *err)
{
    const bench_case c = {.name = "prompt",
                          .compute = s->compute,
                          .unit = BENCH_OPS,
                          .flop = s->flop * (double)n,
                          .items = (double)n,
                          .item = "tok/s",
                          .slow = true};
    if (n > s->most || !bench_next(b, &c, "tokens=%zu", n)) return INGOT_OK;
    job j = {s, n};
    IG_TRY(subject_fill(s, 1, 0, err));
    bench_add(b, "ingot", run_prompt, &j);
    bench_run(b);
    if (s->status && err) *err = s->err;
    return s->status;
}

static ingot_status time_answer(bench *b, subject *s, size_t depth, size_t n, ingot_error *err)
{
    const double texts = (double)n * (double)depth * s->kv_bytes;
    const bench_case c = {.name = "answer",
                          .unit = BENCH_BYTES,
                          .bytes = s->weight_bytes + texts,
                          .items = (double)n,
                          .item = "tok/s",
                          .slow = true};
    if (depth + 1 > s->most || !bench_next(b, &c, "depth=%zu,batch=%zu", depth, n)) return INGOT_OK;
    job j = {s, n};
    IG_TRY(subject_fill(s, n, depth, err));
    bench_add(b, "ingot", run_answer, &j);
    bench_run(b);
    if (s->status && err) *err = s->err;
    return s->status;
}

static ingot_status time_all(bench *b, subject *s, ingot_error *err)
{
    static const size_t prompts[] = {128, 512, 2048}, depths[] = {0, 2048},
                        batches[] = {1, 4, 8, 16};
    IG_TRY(time_open(b, s, err));
    for (size_t i = 0; i < IG_LEN(prompts); i++)
        if (!bench_quick(b) || prompts[i] == 512) IG_TRY(time_prompt(b, s, prompts[i], err));
    for (size_t d = 0; d < IG_LEN(depths); d++)
        for (size_t i = 0; i < IG_LEN(batches); i++)
            if (!bench_quick(b) || batches[i] == 1 || (batches[i] == 8 && !d))
                IG_TRY(time_answer(b, s, depths[d], batches[i], err));
    return b->status;
}

ingot_status bench_generate(bench *b, const char *path, ingot_error *err)
{
    enum { MOST = 2048 + 16 };
    subject s;
    IG_TRY(subject_open(&s, b->heap, path, MOST, err));
    const ingot_status status = time_all(b, &s, err);
    subject_close(&s);
    return status;
}
