/* conv.h - what the convolutions on the device share. */
#ifndef IG_CU_OPS_CONV_H
#define IG_CU_OPS_CONV_H

#include "kernels/conv/conv_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/ops/conv_window.h"

/* ig_cu_window - one or two spatial dims as kernels take them; false: too large for 32 bits. */
bool ig_cu_window(cu_conv_window *o, const ig_window *w, int64_t batch);

#endif
