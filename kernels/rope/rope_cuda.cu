// rope_cuda.cu - launchers of rotary position embedding.
#include "kernels/cuda/launch.cuh"
#include "kernels/rope/rope_sm80.cuh"

enum { THREADS = 256 };

static int blocks(int64_t n) { return (int)((n + THREADS - 1) / THREADS); }

extern "C" int cu_rope_table(const cu_rope_table_args *a, cu_stream s)
{
    return cu_start(rope_table_sm80, blocks(a->n * a->half), THREADS, 0, s, *a);
}

extern "C" int cu_rope(const cu_rope_args *a, cu_stream s)
{
    const int64_t heads = (int64_t)a->batch * a->tokens * a->heads;
    return cu_start(rope_sm80, blocks(heads * (a->size - a->half)), THREADS, 0, s, *a);
}
