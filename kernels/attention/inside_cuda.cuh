// inside_cuda.cuh - what the files of attention's launchers share.
#pragma once
#include "kernels/attention/paged_decode_sm80.cuh"
#include "kernels/attention/plain_sm80.cuh"

constexpr int ATT_INVALID = 1, ATT_NO_KERNEL = -1;

// paged_few_sm80 for pages of 16 or 8 bits, ATT_NO_KERNEL where there is none for heads of d, or
// none that this chip has the shared memory for. With no grid only the answer.
int att_few_half(const paged_few_args *p, cu_att_type type, int d, dim3 grid, cu_stream s);
int att_few_byte(const paged_few_args *p, cu_att_type type, int d, dim3 grid, cu_stream s);

// The plain kernel over rows_x blocks of `tokens` tokens.
int att_plain(const plain_args *p, int rows_x, int batch, bool many, cu_stream s);
