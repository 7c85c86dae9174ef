/* draw.c - tokens drawn from logits on the device. */
#include "runtime/device/cuda/inside.h"
#include "kernels/sample/sample_cuda.h"

ingot_status cu_draw(ig_device_stream *s, const ig_draw_args *a, ingot_error *err)
{
    IG_TRY(stream_enter(s, err));
    CU_TRY(s->device, "drawing tokens", err, cu_sample(a, s->s));
    return INGOT_OK;
}
