/* check_grouped.c - splits cover a product once, and experts get the bits of products of their own.
 */
#include "tests/kernels/kernel_check.h"

#include "kernels/gemm/grouped.h"

#include <string.h>

enum { SPLITS = 400, CASES = 60, EXPERTS = 9 };

/* Every (row, panel) is in one part, whatever ranges the tasks are taken in. */
static void check_split(void)
{
    for (size_t i = 0; i < SPLITS; i++) {
        const size_t m = check_pick(0, i % 3 ? 400 : 9), p = check_pick(0, i % 5 ? 40 : 3);
        const size_t k = check_pick(0, 2000), threads = check_pick(1, 9), batch = check_pick(1, 5);
        if (!check_next(0, "gemm_f32_split", "%zux%zu panels, K%zu, %zu threads, batch %zu #%zu", m,
                        p, k, threads, batch, i))
            continue;
        const ig_split s = ig_split_of(m, p, k, threads, batch);
        const size_t tasks = ig_split_tasks(&s);
        uint8_t *seen = check_bytes(m * p);
        memset(seen, 0, m * p);
        for (size_t begin = 0; begin < tasks;) {
            const size_t end = begin + (begin * 7 + i) % (tasks - begin) + 1;
            while (begin < end) {
                ig_split_part t;
                begin = ig_split_take(&s, begin, end, &t);
                check_true(begin <= end && t.m0 < t.m1 && t.m1 <= m && t.p0 < t.p1 && t.p1 <= p,
                           "rows %zu-%zu, panels %zu-%zu", t.m0, t.m1, t.p0, t.p1);
                for (size_t r = t.m0; r < t.m1; r++)
                    for (size_t c = t.p0; c < t.p1; c++) seen[r * p + c]++;
            }
        }
        size_t wrong = 0;
        for (size_t j = 0; j < m * p; j++) wrong += seen[j] != 1;
        check_true(!wrong, "%zu of %zu places are not in exactly one part", wrong, m * p);
    }
}

/* Rows of the experts: none, few, or nearly all with one. */
static size_t draw_rows(size_t first[EXPERTS + 1], size_t kind)
{
    first[0] = 0;
    for (size_t e = 0; e < EXPERTS; e++) {
        const size_t most = kind == 0 ? 3 : e == 4 ? 150 : 1;
        first[e + 1] = first[e] + check_pick(0, most);
    }
    return first[EXPERTS];
}

static void check_experts(gemm_f32_fn *kernel, gemm_f32_fn *ref, const char *name, size_t b_bytes)
{
    for (size_t i = 0; i < CASES; i++) {
        size_t first[EXPERTS + 1], starts[EXPERTS + 1];
        const size_t m = draw_rows(first, i % 2), n = check_pick(1, 300), k = check_pick(1, 200);
        const size_t threads = check_pick(1, 4), panels = ig_gemm_panels(n);
        if (!check_next(0, name, "%zux%zux%zu, %zu threads #%zu", m, n, k, threads, i)) continue;
        const void *b[EXPERTS];
        const float *bias[EXPERTS];
        for (size_t e = 0; e < EXPERTS; e++) {
            const size_t size = ig_gemm_packed(ig_gemm_even(k), n);
            uint16_t *halves = check_bytes(size * 2);
            for (size_t j = 0; j < size; j++) halves[j] &= 0xbbff; /* no NaN, no infinity */
            b[e] = b_bytes == 2 ? (const void *)halves : check_f32(size, -1, 1);
            bias[e] = check_f32(n, -1, 1);
        }
        float *want = check_out_f32(m * n), *got = check_out_f32(m * n);
        ig_gemm_grouped_args all = {.kernel = kernel, .b = b, .bias = bias};
        all.all = (ig_gemm_f32_args){
            .c = got, .a = check_f32(m * k, -1, 1), .ldc = n, .lda = k, .n = n, .k = k};
        ig_grouped g;
        ig_grouped_plan(&g, starts, first, EXPERTS, panels, k, threads);
        const size_t tasks = ig_grouped_tasks(&g), cut = tasks / 3;
        ig_grouped_run(&g, cut, tasks, ig_gemm_grouped, &all);
        ig_grouped_run(&g, 0, cut, ig_gemm_grouped, &all);
        for (size_t e = 0; e < EXPERTS; e++) {
            ig_gemm_f32_args one = all.all;
            one.c = want;
            one.b = b[e];
            one.epilogue.bias = bias[e];
            ref(&one, first[e], first[e + 1], 0, panels);
        }
        check_same_f32(want, got, m * n);
    }
}

void check_grouped(void)
{
    check_split();
    check_experts(ig_gemm_f32(), gemm_f32_ref, "gemm_f32_grouped", 4);
    check_experts(ig_gemm_f16(), gemm_f16_ref, "gemm_f16_grouped", 2);
    check_experts(ig_gemm_bf16(), gemm_bf16_ref, "gemm_bf16_grouped", 2);
}
