// inside_cuda.cuh - what the files of attention's launchers share.
#pragma once
#include "kernels/attention/flash_sm80.cuh"
#include "kernels/attention/plain_sm80.cuh"

constexpr int ATT_INVALID = 1, ATT_NO_KERNEL = -1;

// paged_few_sm80 for pages of 16 or 8 bits, ATT_NO_KERNEL where there is none for heads of d, or
// none that this chip has the shared memory for. With no grid only the answer.
int att_few_half(const paged_few_args *p, cu_att_type type, int d, dim3 grid, cu_stream s);
int att_few_byte(const paged_few_args *p, cu_att_type type, int d, dim3 grid, cu_stream s);

// The plain kernel over rows_x blocks of `tokens` tokens.
int att_plain(const plain_args *p, int rows_x, int batch, bool many, cu_stream s);

// flash_sm80 over the tiles of a step's pages, and over tensors of F16 or BF16 whose rows are
// multiples of 8 elements on 16-byte addresses; ATT_NO_KERNEL as above.
int att_many_half(const flash_args *a, cu_att_type type, int64_t tiles, cu_stream s);
int att_many_byte(const flash_args *a, cu_att_type type, int64_t tiles, cu_stream s);
int att_dense(const flash_args *a, cu_att_type type, int batch, cu_stream s);
// The same on Hopper's units, where the chip has them: 16-bit pages; tensors with queries enough.
int att_many90(const flash_args *a, cu_att_type type, int64_t tiles, cu_stream s);
int att_dense90(const flash_args *a, cu_att_type type, int batch, cu_stream s);
