/* op.h - an op on the device, inside the plugin: what files in ops/ fill and ops.def lists.
 *
 * bind sees sizes and constants, may decline (IG_CU_DECLINE: the step stays on the CPU), keeps what
 * launch needs in a state from b->arena, and takes constants that it wants in a form of its own.
 * launch only starts kernels: it neither allocates nor waits, reads nothing from the host but its
 * state and the inputs it named in host_in, and can be recorded in a graph. */
#ifndef IG_CU_OP_H
#define IG_CU_OP_H

#include "kernels/cuda/fault.h"
#include "kernels/cuda/stream.h"
#include "runtime/device/device.h"

typedef struct ig_cu_op { /* OP(softmax) in ops.def is `const ig_cu_op ig_cu_op_softmax` */
    const char *name;     /* the op's, as in runtime/ops/ops.def */
    ingot_status (*bind)(ig_device *d, ig_device_bind *b);
    ingot_status (*launch)(ig_device_stream *s, const ig_device_run *r);
    void (*unbind)(ig_device *d, void *state); /* NULL: state is arena memory only */
    /* What a kernel of this op told (ig_cu_fault), as a status in the words of the CPU's op. NULL:
     * they never tell anything. */
    ingot_status (*refuse)(const ig_node *node, const void *state, const cu_fault *f,
                           ingot_error *err);
} ig_cu_op;

#define IG_CU_DECLINE(b, text) ((b)->declined = true, (b)->why = (text), INGOT_OK)

/* ---- attributes by name; the op must have them, of that kind ---- */
int64_t ig_cu_int(const ig_device_bind *b, const char *name); /* ENUM: index of the choice */
double ig_cu_float(const ig_device_bind *b, const char *name);
const char *ig_cu_text(const ig_device_bind *b, const char *name); /* ENUM: the choice */
ig_ints ig_cu_ints(const ig_device_bind *b, const char *name);
ig_floats ig_cu_floats(const ig_device_bind *b, const char *name);

/* ---- the device and its stream ---- */
cu_stream ig_cu_stream(ig_device_stream *s);
cu_chip ig_cu_chip(const ig_device *d);

/* ig_cu_fault - where the kernels of the step that is being launched tell of data that the CPU
 * would refuse; whoever waits for the stream then gets what `refuse` makes of it. */
cu_fault_to ig_cu_fault(const ig_device_stream *s);

/* ig_cu_copy, ig_cu_clear - bytes within device memory copied, and set to zero, in order with the
 * stream's work; 0 or an error for ig_cu_done. */
int ig_cu_copy(ig_device_stream *s, void *to, const void *from, size_t bytes);
int ig_cu_clear(ig_device_stream *s, void *p, size_t bytes);

/* ig_cu_done - what a launcher returned, as a status: 0 is INGOT_OK; a full device E_NOMEM; others
 * E_DEVICE with the node's name and the runtime's text. */
ingot_status ig_cu_done(ig_device_stream *s, const ig_device_run *r, int status);

/* ---- constants in a form of the device's own ----
 * ig_cu_pack - `bytes` of device memory that `fill` writes (called once, on a host buffer; never
 * when another plan has the same host bytes in the same form), shared, counted as weights. form:
 * what tells one form of the same bytes from another, such as "bf16 [n, k]". Give back with
 * ig_cu_unpack in unbind. */
typedef ingot_status (*ig_cu_fill)(const void *ud, void *dst, ingot_error *err);
ingot_status ig_cu_pack(ig_device *d, const void *host, const char *form, size_t bytes,
                        ig_cu_fill fill, const void *ud, void **out, ingot_error *err);

/* ig_cu_convert - the same, made by the device: `units` pieces of unit_bytes each, one behind the
 * other in host memory, go up as they are, some at a time; `make` launches what writes the units
 * [first, first + n), which lie at `raw` in device memory (256-byte aligned), into dst, which is
 * zero before. The host only copies: the form is bound by the link. */
typedef struct {
    const void *host;
    size_t units, unit_bytes;
    int (*make)(const void *ud, void *dst, const void *raw, size_t first, size_t n, cu_stream s);
    const void *ud;
} ig_cu_source;
ingot_status ig_cu_convert(ig_device *d, const ig_cu_source *from, const char *form, size_t bytes,
                           void **out, ingot_error *err);
void ig_cu_unpack(ig_device *d, void *p);

/* The cache of the present run, in device memory (kernels/attention/kv_cuda.h); NULL: none. */
struct cu_kv_tables;
const struct cu_kv_tables *ig_cu_kv(const ig_device_stream *s);

/* The op of that name that the device has, or NULL. */
const ig_cu_op *ig_cu_op_find(const char *name);

#endif
