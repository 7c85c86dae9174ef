/* fault.c - data that kernels refused: an index outside its dimension and the like, as the error
 * that the CPU gives for it.
 *
 * Each stream has a record (kernels/cuda/fault.h) in pinned memory, whose launches are given the
 * address of their bound step as a cookie; recordings keep it, and a step outlives the wait for its
 * work. So nothing is copied or asked for while all is well, and the device goes on after a fault.
 */
#include "runtime/device/cuda/inside.h"

#include <assert.h>

int fault_open(ig_device_stream *s)
{
    const int e = gpu_take_pinned((void **)&s->fault, sizeof *s->fault);
    if (!e) *s->fault = (cu_fault){0};
    return e;
}

void fault_close(ig_device_stream *s)
{
    if (s->fault) gpu_give_pinned(s->fault);
    s->fault = NULL;
}

cu_fault_to ig_cu_fault(const ig_device_stream *s)
{
    assert(s->launching->op->refuse);
    return (cu_fault_to){.record = s->fault, .cookie = (uintptr_t)s->launching};
}

ingot_status fault_check(ig_device_stream *s, ingot_error *err)
{
    const cu_fault f = *s->fault;
    if (!f.owner) return INGOT_OK;
    *s->fault = (cu_fault){0};
    const bound *b = (const bound *)(uintptr_t)f.owner;
    return b->op->refuse(b->node, b->state, &f, err);
}
