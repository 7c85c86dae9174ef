/* operands.c - memory and values of the open case; see bench.h. */
#include "bench/kernels/memory.h"
#include "bench/kernels/runner.h"
#include "runtime/base/file.h"
#include "tools/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

/* What ends with the case: mapped memory, or a function to call. The last one goes first. */
typedef struct bench_block {
    struct bench_block *next;
    void *memory;
    size_t bytes;
    void (*fn)(void *arg);
    void *arg;
} bench_block;

static void out_of_memory(bench *b, size_t bytes)
{
    ig_progress_end(&b->progress);
    fprintf(stderr, "ingot: bench %s %s: no memory for %zu bytes\n", b->now.name, b->shape, bytes);
    ig_writer_unlink_all();
    exit(IG_EXIT_RESOURCES);
}

static bench_block *add_block(bench *b)
{
    bench_block *block = ig_take0(b->heap, sizeof *block);
    if (!block) out_of_memory(b, sizeof *block);
    block->next = b->blocks;
    b->blocks = block;
    return block;
}

void *bench_take(bench *b, size_t bytes)
{
    bench_block *block = add_block(b);
    block->memory = bench_map(bytes);
    block->bytes = bytes;
    if (!block->memory) out_of_memory(b, bytes);
    return block->memory;
}

void bench_defer(bench *b, void (*fn)(void *arg), void *arg)
{
    bench_block *block = add_block(b);
    block->fn = fn;
    block->arg = arg;
}

void bench_drop(bench *b)
{
    while (b->blocks) {
        bench_block *block = b->blocks;
        b->blocks = block->next;
        if (block->fn) block->fn(block->arg);
        bench_unmap(block->memory, block->bytes);
        ig_give(b->heap, block, sizeof *block);
    }
}

/* xorshift64*: large operands take no longer to fill than to read. */
static uint64_t next_random(bench *b)
{
    uint64_t x = b->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    b->random = x;
    return x * 0x2545f4914f6cdd1du;
}

static size_t array_bytes(bench *b, size_t n, size_t size)
{
    size_t bytes;
    if (!ig_mul_ok(n, size, &bytes)) out_of_memory(b, SIZE_MAX);
    return bytes;
}

/* bf16 values in [1, 2). */
void *bench_bf16(bench *b, size_t n)
{
    uint16_t *p = bench_take(b, array_bytes(b, n, sizeof *p));
    for (size_t i = 0; i < n; i++) p[i] = (uint16_t)(0x3f80 | (next_random(b) >> 57));
    return p;
}

static double uniform(bench *b) { return (double)(next_random(b) >> 11) * 0x1p-53; }

void *bench_bytes(bench *b, size_t bytes)
{
    uint8_t *p = bench_take(b, bytes);
    for (size_t i = 0; i < bytes; i++) p[i] = (uint8_t)(next_random(b) >> 32);
    return p;
}

float *bench_f32(bench *b, size_t n, float low, float high)
{
    float *p = bench_take(b, array_bytes(b, n, sizeof *p));
    for (size_t i = 0; i < n; i++) p[i] = (float)(low + (high - low) * uniform(b));
    return p;
}

double *bench_f64(bench *b, size_t n, double low, double high)
{
    double *p = bench_take(b, array_bytes(b, n, sizeof *p));
    for (size_t i = 0; i < n; i++) p[i] = low + (high - low) * uniform(b);
    return p;
}

int32_t *bench_i32(bench *b, size_t n, int32_t low, int32_t high)
{
    int32_t *p = bench_take(b, array_bytes(b, n, sizeof *p));
    const double span = (double)high - low + 1;
    for (size_t i = 0; i < n; i++) p[i] = (int32_t)(low + span * uniform(b));
    return p;
}
