/* op_case.h - one op on tensors, on the CPU and on the emulated device: what tests of device ops
 * are made of. Plain C behind, so that C++ tests need none of the house's headers. One thread. */
#ifndef TESTS_CUDA_OP_CASE_H
#define TESTS_CUDA_OP_CASE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { OP_CASE_MOST = 8 };

typedef struct {
    int dtype; /* ingot_dtype; 0: omitted */
    int rank;
    int64_t dims[8];
    const void *data;
    int constant; /* known when the step is bound */
    int panels; /* ... and packed on the device's side: [.., k, n] of f32, f16 or bf16 in IG_P16 */
} op_input;

typedef struct {
    const char *name;
    enum { OP_INT, OP_FLOAT, OP_TEXT, OP_INTS } kind;
    int64_t i;
    double f;
    const char *s;
    const int64_t *ints;
    size_t n_ints;
} op_attribute;

typedef struct {
    const char *op;
    const op_attribute *attributes;
    size_t n_attributes;
    const op_input *in;
    size_t n_in, n_out;
    unsigned omitted; /* bit o: output o is not wanted */
    int fast;         /* the device may round f32 operands to bf16 */
} op_case;

typedef struct {
    int dtype;
    size_t n, bytes; /* elements */
    void *data;      /* of the case's memory: until op_case_clear */
} op_output;

typedef enum { OP_DONE, OP_FAILED, OP_DECLINED } op_result;

/* What the op gives on the CPU, and on the device; text: why not. */
op_result op_on_cpu(const op_case *c, op_output *out, char *text, size_t cap);
op_result op_on_device(const op_case *c, op_output *out, char *text, size_t cap);
void op_case_clear(void);

size_t op_dtype_bytes(int dtype);
double op_value(const void *p, int dtype, size_t i);
void op_set(void *p, int dtype, size_t i, double v);
int op_is_float(int dtype);
const char *op_dtype_name(int dtype);

#ifdef __cplusplus
}
#endif

#endif
