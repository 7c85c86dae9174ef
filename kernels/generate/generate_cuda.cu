// generate_cuda.cu - launchers of generate_sm80.cuh.
#include "kernels/cuda/launch.cuh"
#include "kernels/generate/generate_sm80.cuh"

// One thread an element.
template <class A> static int start(void (*kernel)(A), const A *a, cu_stream s)
{
    const int64_t blocks = (a->out.n + GENERATE_THREADS - 1) / GENERATE_THREADS;
    return cu_start(kernel, dim3((unsigned)blocks), GENERATE_THREADS, 0, s, *a);
}

extern "C" int cu_range(const cu_range_args *a, cu_stream s) { return start(generate_range, a, s); }
extern "C" int cu_eye(const cu_eye_args *a, cu_stream s) { return start(generate_eye, a, s); }
extern "C" int cu_window(const cu_window_args *a, cu_stream s)
{
    return start(generate_window, a, s);
}
extern "C" int cu_triangles(const cu_triangles_args *a, cu_stream s)
{
    return start(generate_triangles, a, s);
}

extern "C" int cu_random(const cu_random_args *a, cu_stream s)
{
    const int status = start(generate_random, a, s);
    return status || !a->calls ? status : cu_start(generate_called, dim3(1), 32, 0, s, a->calls);
}
