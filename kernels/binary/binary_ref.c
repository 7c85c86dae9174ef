/* binary_ref.c - elementwise functions of two operands: the scalar truth, one lane after the other.
 */
#include "kernels/vec/vec_ref.h"
#include "kernels/binary/binary_body.h"
