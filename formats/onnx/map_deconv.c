/* map_deconv.c - ONNX's transposed and deformable convolutions. */
#include "formats/onnx/import.h"

// clang-format off
const ig_onnx_map ig_onnx_map_deconv[] = {
    {"", "ConvTranspose", 1, 0, ig_import_same, "conv_transpose"},
    {"", "DeformConv", 19, 0, ig_import_same, "deform_conv"},
    {0},
};
