/* bench_rope.c - rotary embedding of a prompt's queries and keys. */
#include "bench/kernels/bench.h"
#include "kernels/rope/rope.h"

typedef struct {
    rope_f32_fn *kernel;
    rope_args p; /* of token 0 */
    size_t row;
} job;

static void part(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    for (size_t t = begin; t < end; t++) {
        rope_args p = j->p;
        p.y += t * j->row;
        p.x += t * j->row;
        p.cos += t * p.half;
        p.sin += t * p.half;
        j->kernel(&p);
    }
}

static void time_tokens(bench *b, size_t tokens, size_t heads, size_t size, bool interleaved)
{
    const size_t row = heads * size, n = tokens * row, half = size / 2;
    const bench_case c = {.name = "rope_f32",
                          .family = "rope_f32",
                          .unit = BENCH_BYTES,
                          .bytes = 8.0 * (double)n + 8.0 * (double)(tokens * half),
                          .copies = true};
    if (!bench_next(b, &c, "T=%zu,heads=%zu,D=%zu%s", tokens, heads, size,
                    interleaved ? ",interleaved" : ""))
        return;
    job j = {.kernel = ig_rope_f32(), .row = row};
    j.p = (rope_args){.y = bench_take(b, n * sizeof(float)),
                      .x = bench_f32(b, n, -1, 1),
                      .y_head = size,
                      .x_head = size,
                      .heads = heads,
                      .size = size,
                      .cos = bench_f32(b, tokens * half, -1, 1),
                      .sin = bench_f32(b, tokens * half, -1, 1),
                      .half = half,
                      .interleaved = interleaved};
    bench_add_parts(b, "ingot", part, &j, tokens, 4);
    bench_run(b);
}

void bench_rope(bench *b)
{
    time_tokens(b, 64, 32, 128, false);
    time_tokens(b, 64, 32, 128, true);
    if (!bench_quick(b)) time_tokens(b, 4096, 32, 128, false);
}
