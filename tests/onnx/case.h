/* case.h - one ONNX backend case: a folder with model.onnx and test_data_set_N/{input,output}_I.pb.
 */
#ifndef IG_TESTS_ONNX_CASE_H
#define IG_TESTS_ONNX_CASE_H

#include "runtime/graph/ir.h"

typedef enum {
    CASE_PASS,
    CASE_CONVERT, /* the model was refused */
    CASE_RUN,     /* a run failed */
    CASE_VALUE,   /* a result differs */
    CASE_LEAK,    /* memory was not given back */
    CASE_CRASH,   /* a signal, or no end */
    CASE_DRIVER,  /* the case itself could not be read */
    CASE_APART,   /* training and random ops: nothing to compare with */
    CASE_KINDS
} case_kind;

typedef struct {
    case_kind kind;
    char why[512];
    unsigned on_device, on_cpu; /* steps, where there is a device */
    char declined[128];         /* the last step that the device left to the CPU: op and reason */
} case_result;

typedef struct {
    bool passes; /* run the graph passes too */
    bool fixed;  /* all inputs but the first become constants, so that sizes are known */
    size_t threads;
    const char *device; /* a plugin: its first device runs what it can; NULL: the CPU alone */
    ingot_dtype as; /* not NONE: what has the type of the first input is of this one, and results
                       are compared with those of the CPU; CASE_APART: it takes no such type */
} case_options;

void case_run(case_result *out, const char *folder, const case_options *options);

/* case_compare - false: they differ; why says where. Floats may differ by `wide` of the largest one
 * besides. */
bool case_compare(char *why, size_t cap, const ig_tensor *got, const ig_tensor *want, double wide);

/* case_retype - the tensor as `to`, in memory of the arena, if it is of `from`. case_retype_graph -
 * likewise the graph's inputs and constants; the types of all else are not known any more. false:
 * no memory. */
bool case_retype(ig_tensor *t, ingot_dtype from, ingot_dtype to, ig_arena *a);
bool case_retype_graph(ig_graph *g, ingot_dtype from, ingot_dtype to);

#endif
