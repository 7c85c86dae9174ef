// resize_cuda.cu - instances and launchers of resampling.
#include "kernels/cuda/launch.cuh"
#include "kernels/resize/region_sm80.cuh"
#include "kernels/resize/resize_sm80.cuh"

static unsigned blocks_of(int64_t n)
{
    return (unsigned)((n + RESIZE_THREADS - 1) / RESIZE_THREADS);
}
static cu_div by(int64_t n) { return cu_div_of((uint32_t)n); }

extern "C" int cu_resize(const cu_resize_args *a, cu_stream s)
{
    const int64_t total = a->outer * a->out * a->inner;
    if (!total) return 0;
    if (a->wide)
        return cu_start(resize_axis<double>, blocks_of(total), RESIZE_THREADS, 0, s, *a,
                        by(a->inner), by(a->out), (uint32_t)total);
    return cu_start(resize_axis<float>, blocks_of(total), RESIZE_THREADS, 0, s, *a, by(a->inner),
                    by(a->out), (uint32_t)total);
}

extern "C" int cu_grid_sample(const cu_grid_sample_args *a, cu_stream s)
{
    const int64_t total = a->batch * a->points;
    if (!total) return 0;
    return cu_start(grid_samples, (unsigned)((total + SAMPLE_THREADS - 1) / SAMPLE_THREADS),
                    SAMPLE_THREADS, 2 * SAMPLE_SLOTS * SAMPLE_THREADS * sizeof(double), s, *a,
                    by(a->points), (uint32_t)total);
}

extern "C" int cu_affine_grid(const cu_affine_grid_args *a, cu_stream s)
{
    int64_t points = 1;
    for (int d = 0; d < a->dims; d++) points *= a->size[d];
    if (!points || !a->batch) return 0;
    return cu_start(affine_points, blocks_of(points * a->batch), RESIZE_THREADS, 0, s, *a,
                    (uint32_t)points, (uint32_t)(points * a->batch));
}

extern "C" int cu_roi_align(const cu_roi_align_args *a, cu_stream s)
{
    const int64_t total = a->n * a->channels * a->out_h * a->out_w;
    if (!total) return 0;
    return cu_start(roi_bins, blocks_of(total), REGION_THREADS, 0, s, *a, by(a->out_w),
                    by(a->out_h), by(a->channels), (uint32_t)total);
}

extern "C" int cu_roi_pool(const cu_roi_pool_args *a, cu_stream s)
{
    const int64_t total = a->n * a->channels * a->out_h * a->out_w;
    if (!total) return 0;
    return cu_start(roi_cells, blocks_of(total), REGION_THREADS, 0, s, *a, by(a->out_w),
                    by(a->out_h), by(a->channels), (uint32_t)total);
}

extern "C" int cu_deform(const cu_deform_args *a, cu_stream s)
{
    const int64_t pixels = (int64_t)a->out_h * a->out_w,
                  blocks = (a->out_c + DEFORM_EACH - 1) / DEFORM_EACH,
                  total = a->batch * a->groups * blocks * pixels;
    if (!total) return 0;
    if (a->type == NB_F64)
        return cu_start(deform_windows<double>, blocks_of(total), REGION_THREADS, 0, s, *a,
                        by(pixels), by(blocks), by(a->groups), (uint32_t)total);
    return cu_start(deform_windows<float>, blocks_of(total), REGION_THREADS, 0, s, *a, by(pixels),
                    by(blocks), by(a->groups), (uint32_t)total);
}
