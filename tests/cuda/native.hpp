// native.hpp - the harness's tests on a real device: built with CUDA_TEST_NATIVE, linked with what
// nvcc made. Buffers are memory that host and device share, and launches return when they are done.
#pragma once
#include <cstddef>

namespace cuda_native
{

// NaN bits; lives until the program ends. (Where there is no device the program has ended with 77,
// "skipped", before main.)
void *take(size_t bytes);

} // namespace cuda_native
